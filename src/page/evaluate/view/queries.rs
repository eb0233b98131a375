//! The queries of a cell: of one model worst first, of two in the chosen order.

use leptos::prelude::*;

use super::ranking::QueryRankings;
use crate::evaluation::{Setting, Sorting};
use crate::page::catalogue::{evaluate as text, fill};
use crate::page::evaluate::choices::{ORDERS, order_named, order_names};
use crate::page::evaluate::{Evaluate, ListUpdate};
use crate::page::names;
use crate::page::words;
use crate::protocol::{CellChoice, ExportKind, QueryRow};

/// Maximum number of listed ranks of answers.
const RANKS: usize = 12;

#[component]
pub(super) fn Queries() -> impl IntoView {
    let e = Evaluate::here();
    let rows = Memo::new(move |_| e.queries.with(|q| q.as_ref().map(|q| q.rows.clone()).unwrap_or_default()));
    let total = move || e.queries.with(|q| q.as_ref().map_or(0, |q| q.total));
    let more = move || e.live.get() && rows.with(Vec::len) < total();
    let two = Memo::new(move |_| e.queries.with(|q| q.as_ref().is_some_and(|q| q.second.is_some())));
    let words = move || {
        if !e.live.get() {
            return text::STALE.to_owned();
        }
        e.queries.with(|q| match q {
            Some(q) => {
                let said = if q.total == 0 { text::NONE_ANSWERED } else { text::IN_ORDER };
                let questions = words::plural(q.total, text::QUESTION);
                let order = if two.get() { order_names(q.order).1 } else { text::WORST_FIRST };
                fill(said, &[("questions", &questions), ("place", &place(&q.cell)), ("order", order)])
            }
            None => text::QUESTIONS_COMING.into(),
        })
    };
    view! {
        <h3 id="queries" tabindex="-1">{text::SINGLE}</h3>
        <Cells two/>
        <p class="hint" aria-live="polite">{words}</p>
        <ol
            class="queries"
            role="list"
            aria-label=text::QUESTIONS
            aria-busy=move || e.requested_queries.with(Option::is_some).to_string()
        >
            <For
                each=move || rows.get().into_iter().enumerate()
                key=|(at, row)| (*at, row.query.clone(), row.to.clone(), row.ap.to_bits())
                let:item
            >
                <Row at=item.0 row=item.1/>
            </For>
        </ol>
        <p class="buttons">
            <button type="button" class="quiet" hidden=move || !more() on:click=move |_| e.request_queries(ListUpdate::Append)>
                {text::SHOW_MORE}
            </button>
            <button type="button" class="quiet" on:click=move |_| e.export(ExportKind::Run)>
                {text::SAVE_RUN}
            </button>
            <button type="button" class="quiet" on:click=move |_| e.export(ExportKind::Qrels)>
                {text::SAVE_QRELS}
            </button>
        </p>
    }
}

/// Languages of questions and passages: `in German, among Thai passages`.
fn place(cell: &CellChoice) -> String {
    let language = |words: &str, code: &str| fill(words, &[("language", &names::english(code))]);
    let questions = cell.from.as_ref().map(|code| language(text::ASKED_IN, code)).unwrap_or_default();
    let passages = match (cell.setting, &cell.to) {
        (Setting::Multi, _) => text::AMONG_ALL.to_owned(),
        (Setting::Mono, _) => text::AMONG_OWN.to_owned(),
        (Setting::Cross, Some(to)) => language(text::AMONG, to),
        (Setting::Cross, None) => text::AMONG_OTHERS.to_owned(),
    };
    questions + &passages
}

/// The choice of a cell: setting and languages.
#[component]
fn Cells(two: Memo<bool>) -> impl IntoView {
    let e = Evaluate::here();
    let cell = Memo::new(move |_| {
        e.cell.get().unwrap_or(CellChoice { setting: Setting::Multi, from: None, to: None })
    });
    let languages = Memo::new(move |_| {
        e.runs.with(|runs| runs.first().map(|r| r.report.languages.clone()).unwrap_or_default())
    });
    let choose_setting = move |word: String| {
        let setting = Setting::ALL.into_iter().find(|s| s.name() == word).unwrap_or(Setting::Multi);
        e.choose_cell(valid_cell(CellChoice { setting, ..cell.get_untracked() }));
    };
    let setting = move |setting: Setting, name: &'static str| {
        view! {
            <option value=setting.name() prop:selected=move || cell.get().setting == setting>{name}</option>
        }
    };
    let options = move |of: fn(&CellChoice) -> Option<&String>| {
        languages
            .get()
            .into_iter()
            .map(|code| {
                let name = names::english(&code);
                let own = code.clone();
                view! {
                    <option value=code prop:selected=move || cell.with(|c| of(c) == Some(&own))>{name}</option>
                }
            })
            .collect_view()
    };
    let order = move || {
        let option = |(order, name, words): (Sorting, &'static str, &'static str)| {
            view! { <option value=name prop:selected=move || e.order() == order>{words}</option> }
        };
        let choose = move |word: String| e.choose_order(order_named(&word).unwrap_or_default());
        view! {
            <label>
                {text::ORDER}
                <select on:change:target=move |event| choose(event.target().value())>
                    {ORDERS.map(option).into_iter().collect_view()}
                </select>
            </label>
        }
    };
    let from = |c: &CellChoice| c.from.is_none();
    let to = |c: &CellChoice| c.to.is_none();
    view! {
        <div class="tools">
            <label>
                {text::SETTING}
                <select on:change:target=move |event| choose_setting(event.target().value())>
                    {setting(Setting::Multi, text::MULTI)}
                    {setting(Setting::Mono, text::MONO)}
                    {setting(Setting::Cross, text::CROSS)}
                </select>
            </label>
            <label>
                {text::QUESTIONS_IN}
                <select on:change:target=move |event| {
                    let from = Some(event.target().value()).filter(|code| !code.is_empty());
                    e.choose_cell(valid_cell(CellChoice { from, ..cell.get_untracked() }));
                }>
                    <option value="" prop:selected=move || cell.with(from)>{text::ALL}</option>
                    {move || options(|c| c.from.as_ref())}
                </select>
            </label>
            <label class:gone=move || cell.get().setting != Setting::Cross>
                {text::PASSAGES_IN}
                <select
                    disabled=move || cell.get().setting != Setting::Cross
                    on:change:target=move |event| {
                        let to = Some(event.target().value()).filter(|code| !code.is_empty());
                        e.choose_cell(valid_cell(CellChoice { to, ..cell.get_untracked() }));
                    }
                >
                    <option value="" prop:selected=move || cell.with(to)>{text::EACH_OTHER}</option>
                    {move || options(|c| c.to.as_ref())}
                </select>
            </label>
            {move || two.get().then(order)}
        </div>
    }
}

/// Whether a choice is possible: only in the cross setting do passages have a language of their own.
fn valid_cell(cell: CellChoice) -> CellChoice {
    let to = match cell.setting {
        Setting::Multi => None,
        Setting::Mono => cell.from.clone(),
        Setting::Cross => cell.to.filter(|to| cell.from.as_ref() != Some(to)),
    };
    CellChoice { to, ..cell }
}

#[component]
fn Row(at: usize, row: QueryRow) -> impl IntoView {
    let e = Evaluate::here();
    let open = Memo::new(move |_| e.opened.with(|o| o.as_ref().is_some_and(|o| o.at == at)));
    let to = row.to.clone().filter(|to| *to != row.language);
    let numbers =
        |ap: f64, found: &[usize]| fill(text::QUERY, &[("ap", &words::figure(ap)), ("ranks", &ranks(found))]);
    let first = numbers(row.ap, &row.ranks);
    let numbers = match &row.second {
        None => vec![first],
        Some((ap, found)) => vec![
            format!("A: {first}"),
            format!("B: {}", numbers(*ap, found)),
            format!("{} {}", text::B_MINUS_A, words::signed(ap - row.ap, 4)),
        ],
    };
    view! {
        <li prop:style=names::colour(&row.language)>
            <button
                type="button"
                class="query"
                dir=names::direction(&row.language)
                aria-expanded=move || open.get().to_string()
                on:click=move |_| e.open_query(at)
            >
                <span class="passage" lang=row.language.clone()>{row.text}</span>
                <span class="about" lang="en">
                    <span class="swatch" aria-hidden="true">{row.language.clone()}</span>
                    <span class="endonym" lang=row.language.clone() title=names::english(&row.language)>{names::endonym(&row.language)}</span>
                    {to.map(|to| view! {
                        <bdi>{format!("→ {}", names::endonym(&to))}</bdi>
                    })}
                    {numbers.into_iter().map(|n| view! { <bdi class="score">{n}</bdi> }).collect_view()}
                </span>
            </button>
            {move || open.get().then(|| view! { <QueryRankings/> })}
        </li>
    }
}

/// `answer at rank 3`, `answers at ranks 1, 4 and 17`.
fn ranks(ranks: &[usize]) -> String {
    let listed: Vec<String> = ranks.iter().take(RANKS).map(|r| words::count(*r)).collect();
    match (listed.as_slice(), ranks.len()) {
        ([], _) => text::NO_RANK.into(),
        ([one], 1) => fill(text::ONE_RANK, &[("rank", one)]),
        (_, n) if n > RANKS => {
            fill(text::MANY_RANKS, &[("ranks", &listed.join(", ")), ("n", &words::count(n - RANKS))])
        }
        ([first @ .., last], _) => fill(text::RANKS, &[("ranks", &first.join(", ")), ("last", last)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_in_words() {
        assert_eq!(ranks(&[]), "no answer was ranked");
        assert_eq!(ranks(&[1234]), "answer at rank 1,234");
        assert_eq!(ranks(&[1, 4, 17]), "answers at ranks 1, 4 and 17");
        assert!(ranks(&(1..=20).collect::<Vec<_>>()).ends_with("12 and 8 more"));
    }

    #[test]
    fn cells_fit_their_setting() {
        let cell = |setting, from: &str, to: &str| {
            let code = |c: &str| (!c.is_empty()).then(|| c.to_owned());
            CellChoice { setting, from: code(from), to: code(to) }
        };
        assert_eq!(valid_cell(cell(Setting::Multi, "de", "th")), cell(Setting::Multi, "de", ""));
        assert_eq!(valid_cell(cell(Setting::Mono, "de", "th")), cell(Setting::Mono, "de", "de"));
        assert_eq!(valid_cell(cell(Setting::Mono, "", "th")), cell(Setting::Mono, "", ""));
        assert_eq!(valid_cell(cell(Setting::Cross, "de", "de")), cell(Setting::Cross, "de", ""));
        assert_eq!(place(&cell(Setting::Cross, "de", "th")), "asked in German, among Thai passages");
    }
}
