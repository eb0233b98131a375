//! mAP by language pair: a table with coloured cells that open their queries.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::page::catalogue::{evaluate as text, fill};
use crate::page::evaluate::choices::{MapMeasure, ShownModel, cell_name, pair};
use crate::page::evaluate::{Evaluate, RunReport};
use crate::page::names;
use crate::page::parts::scale;
use crate::page::words;

#[component]
pub(super) fn Map() -> impl IntoView {
    let e = Evaluate::here();
    let languages = Memo::new(move |_| {
        e.runs.with(|runs| runs.first().map(|r| r.report.languages.clone()).unwrap_or_default())
    });
    let range = Memo::new(move |_| e.runs.with(|runs| range(runs, e.measure.get())));
    let widest = Memo::new(move |_| {
        let all = languages.get();
        let pairs = all.iter().flat_map(|from| all.iter().map(move |to| (from, to)));
        pairs.filter_map(|(from, to)| e.difference(from, to)).fold(0.0, |w: f64, (d, _)| w.max(d.abs()))
    });
    let two = Memo::new(move |_| e.runs.with(|runs| runs.len() == 2));
    let differs = move || two.get() && e.shown.get() == ShownModel::Difference;
    let caption = move || {
        let measure = e.measure.get().title();
        fill(if differs() { text::BY_PAIR_DIFFERENCE } else { text::BY_PAIR }, &[("measure", measure)])
    };
    // The last focused cell; arrow keys move the focus.
    let current = RwSignal::new((0usize, 0usize));
    // The only cell in the tab order: that one, or the first with a value.
    let reached = Memo::new(move |_| {
        let all = languages.get();
        let has = |&(y, x): &(usize, usize)| {
            let (Some(from), Some(to)) = (all.get(y), all.get(x)) else { return false };
            if differs() {
                return e.difference(from, to).is_some();
            }
            let measure = e.measure.get();
            e.runs.with(|runs| runs.first().is_some_and(|run| measure.of(&run.report, from, to).is_some()))
        };
        let here = current.get();
        let cells = (0..all.len()).flat_map(|y| (0..all.len()).map(move |x| (y, x)));
        std::iter::once(here).chain(cells).find(has).unwrap_or(here)
    });
    let head = move || {
        languages
            .get()
            .into_iter()
            .map(|code| view! { <th scope="col" title=names::endonym(&code)>{code.clone()} <LanguageName code=code.clone()/></th> })
            .collect_view()
    };
    let rows = move || {
        let all = languages.get();
        let row = |(y, from): (usize, &String)| {
            let cells = all.iter().enumerate().map(|(x, to)| {
                view! { <MapCell from=from.clone() to=to.clone() at=(y, x) current reached range widest/> }
            });
            view! {
                <tr>
                    <th scope="row" title=names::endonym(from)>{from.clone()} <LanguageName code=from.clone()/></th>
                    {cells.collect_view()}
                </tr>
            }
        };
        all.iter().enumerate().map(row).collect_view()
    };
    view! {
        <h3 class="heading-map">{caption}</h3>
        <MapChoices two/>
        <div class="scroll map" on:keydown=move |event| step(&event, current, languages.with_untracked(Vec::len))>
            <table>
                <caption class="unseen">{caption}</caption>
                <thead>
                    <tr>
                        <td class="corner"><span>{text::CORNER_QUESTION}</span> <span>{text::CORNER_PASSAGE}</span></td>
                        {head}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        <Legend range widest differs=Signal::derive(differs)/>
    }
}

/// A language's name, for screen readers.
#[component]
fn LanguageName(code: String) -> impl IntoView {
    let english = names::english(&code);
    (english != code).then(|| view! { <span class="unseen">{format!(" {english}")}</span> })
}

#[component]
fn MapChoices(two: Memo<bool>) -> impl IntoView {
    let e = Evaluate::here();
    let option = move |measure: MapMeasure| {
        view! {
            <option value=measure.name() prop:selected=move || e.measure.get() == measure>{measure.title()}</option>
        }
    };
    // Without the bias panel there is no single-target value.
    let offered = move || {
        let some = e.runs.with(|runs| runs.iter().any(|r| r.report.bias.is_some()));
        MapMeasure::ALL
            .into_iter()
            .filter(|m| some || *m != MapMeasure::SingleTarget)
            .map(option)
            .collect_view()
    };
    let choice = move |shown: ShownModel| {
        let name = move || {
            e.runs.with(|runs| match shown {
                ShownModel::A => format!("A: {}", runs.first().map(RunReport::name).unwrap_or_default()),
                ShownModel::B => format!("B: {}", runs.get(1).map(RunReport::name).unwrap_or_default()),
                ShownModel::Difference => text::DIFFERENCE_SHOWN.into(),
            })
        };
        view! {
            <label class="pick">
                <input
                    type="radio"
                    name="shown"
                    value=shown.name()
                    prop:checked=move || e.shown.get() == shown
                    on:change=move |_| e.choose_shown(shown)
                />
                <span>{name}</span>
            </label>
        }
    };
    view! {
        <div class="tools">
            <label>
                {text::MEASURE}
                <select on:change:target=move |event| {
                    e.choose_measure(MapMeasure::named(&event.target().value()).unwrap_or_default());
                }>{offered}</select>
            </label>
            {move || two.get().then(|| view! {
                <fieldset class="picks">
                    <legend class="unseen">{text::MODEL}</legend>
                    {ShownModel::ALL.into_iter().map(choice).collect_view()}
                </fieldset>
            })}
        </div>
        <p class="hint">
            {move || match e.measure.get() {
                MapMeasure::SingleTarget => text::SINGLE_TARGET_IS,
                _ => text::PAIRS_ARE,
            }}
        </p>
    }
}

#[component]
fn MapCell(
    from: String,
    to: String,
    at: (usize, usize),
    current: RwSignal<(usize, usize)>,
    reached: Memo<(usize, usize)>,
    range: Memo<(f64, f64)>,
    widest: Memo<f64>,
) -> impl IntoView {
    let e = Evaluate::here();
    let choice = pair(&from, &to);
    let ends = [names::english(&from), names::english(&to)];
    let (open, word) = (choice.clone(), cell_name(&choice));
    let figure = Memo::new(move |_| {
        let measure = e.measure.get();
        e.runs.with(|runs| {
            let shown = e.shown.get();
            if let (ShownModel::Difference, [_, _]) = (shown, runs.as_slice()) {
                let (d, significant) = e.difference(&from, &to)?;
                let words = words::signed(d, 3);
                // A mark for screen readers and print, in addition to the colour.
                let words = if significant { format!("{words} *") } else { words };
                return Some((
                    words,
                    scale::diverging(d / widest.get().max(1e-9)),
                    significant,
                    String::new(),
                ));
            }
            let run = runs.get(usize::from(shown == ShownModel::B)).or(runs.first())?;
            let value = measure.of(&run.report, &from, &to)?;
            let (low, high) = range.get();
            let part = (value - low) / (high - low);
            Some((
                words::short_figure(value),
                scale::sequential(part),
                false,
                about(run, measure, &from, &to),
            ))
        })
    });
    let chosen = Memo::new(move |_| e.cell.with(|c| c.as_ref().is_some_and(|c| cell_name(c) == word)));
    let tabindex = move || if reached.get() == at { "0" } else { "-1" };
    move || match figure.get() {
        None => view! { <td class="nothing"><span title=text::NO_ANSWER_HERE>"–"</span></td> }.into_any(),
        Some((words, style, significant, title)) => {
            let open = open.clone();
            let said = fill(
                if significant { text::CELL_SIGNIFICANT } else { text::CELL },
                &[("from", &ends[0]), ("to", &ends[1]), ("value", words.trim_end_matches(" *"))],
            );
            view! {
                <td prop:style=style class:significant=significant>
                    <button
                        type="button"
                        data-at=format!("{} {}", at.0, at.1)
                        tabindex=tabindex
                        title=title
                        aria-label=said
                        aria-pressed=move || chosen.get().to_string()
                        on:focus=move |_| current.set(at)
                        on:click=move |_| e.open_cell(open.clone())
                    >
                        {words}
                    </button>
                </td>
            }
            .into_any()
        }
    }
}

/// Further values of a pair.
fn about(run: &RunReport, measure: MapMeasure, from: &str, to: &str) -> String {
    let report = &run.report;
    let queries = report.counts.pairs.get(from).and_then(|row| row.get(to));
    let interval =
        report.intervals.as_ref().and_then(|i| i.pairs.get(from)?.get(to).map(|ends| (i.level, *ends)));
    let mut out = fill(text::PAIR, &[("from", &names::english(from)), ("to", &names::english(to))]);
    if let Some(n) = queries {
        out.push_str(&fill(text::PAIR_COUNT, &[("questions", &words::plural(*n, text::QUESTION))]));
    }
    if let (MapMeasure::Map, Some((level, [low, high]))) = (measure, interval) {
        out.push_str(&fill(
            text::PAIR_INTERVAL,
            &[
                ("level", &words::percent_with(level, 0)),
                ("low", &words::short_figure(low)),
                ("high", &words::short_figure(high)),
            ],
        ));
    }
    out
}

/// The ends of the scale: the tenths around the values of all models, so that their maps are comparable.
fn range(runs: &[RunReport], measure: MapMeasure) -> (f64, f64) {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for run in runs {
        let languages = &run.report.languages;
        for (from, to) in languages.iter().flat_map(|from| languages.iter().map(move |to| (from, to))) {
            if let Some(value) = measure.of(&run.report, from, to) {
                (low, high) = (low.min(value), high.max(value));
            }
        }
    }
    if low > high {
        return (0.0, 1.0);
    }
    let (low, high) = ((low * 10.0).floor() / 10.0, (high * 10.0).ceil() / 10.0);
    match high > low {
        true => (low, high),
        // All values are in one tenth; nothing is above 1.
        false if low < 1.0 => (low, low + 0.1),
        false => (0.9, 1.0),
    }
}

#[component]
fn Legend(range: Memo<(f64, f64)>, widest: Memo<f64>, differs: Signal<bool>) -> impl IntoView {
    const STEPS: u32 = 16;
    let step = move |i: u32| {
        let part = f64::from(i) / f64::from(STEPS);
        move || if differs.get() { scale::diverging(2.0 * part - 1.0) } else { scale::sequential(part) }
    };
    let ends = move || {
        if differs.get() {
            let widest = widest.get();
            (words::signed(-widest, 3), words::signed(widest, 3))
        } else {
            let (low, high) = range.get();
            (words::decimal(low, 1), words::decimal(high, 1))
        }
    };
    view! {
        <p class="legend">
            <span>{move || ends().0}</span>
            <span class="ramp" aria-hidden="true">
                {(0..=STEPS).map(|i| view! { <span prop:style=step(i)></span> }).collect_view()}
            </span>
            <span>{move || ends().1}</span>
            <span class="hint">
                {move || if differs.get() {
                    text::LEGEND_DIFFERENCE
                } else {
                    text::LEGEND
                }}
            </span>
        </p>
    }
}

/// Arrow keys, Home and End move the focus from cell to cell.
fn step(event: &web_sys::KeyboardEvent, current: RwSignal<(usize, usize)>, size: usize) {
    if event.ctrl_key() || event.meta_key() || event.alt_key() || size == 0 {
        return;
    }
    let table = event.current_target().and_then(|t| t.dyn_into::<web_sys::Element>().ok());
    let Some(table) = table else { return };
    let mut at = current.get_untracked();
    // Pairs without questions cannot be focused: continue in the same direction.
    while let Some(next) = moved(&event.key(), at, size) {
        at = next;
        let button = table.query_selector(&format!("[data-at='{} {}']", at.0, at.1)).ok().flatten();
        if let Some(button) = button.and_then(|b| b.dyn_into::<web_sys::HtmlElement>().ok()) {
            event.prevent_default();
            // If the button cannot take the focus, it stays where it is.
            let _ = button.focus();
            return;
        }
    }
}

/// The next cell in a key's direction; none at the edge.
fn moved(key: &str, (y, x): (usize, usize), size: usize) -> Option<(usize, usize)> {
    let last = size - 1;
    let next = match key {
        "ArrowUp" => (y.checked_sub(1)?, x),
        "ArrowDown" => (y + 1, x),
        "ArrowLeft" => (y, x.checked_sub(1)?),
        "ArrowRight" => (y, x + 1),
        "Home" => (y, 0),
        "End" => (y, last),
        _ => return None,
    };
    (next.0 <= last && next.1 <= last && next != (y, x)).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_move_within_the_map() {
        assert_eq!(moved("ArrowDown", (0, 0), 3), Some((1, 0)));
        assert_eq!(moved("ArrowDown", (2, 0), 3), None);
        assert_eq!(moved("ArrowUp", (0, 1), 3), None);
        assert_eq!(moved("ArrowLeft", (1, 1), 3), Some((1, 0)));
        assert_eq!(moved("ArrowRight", (1, 2), 3), None);
        assert_eq!(moved("End", (1, 0), 3), Some((1, 2)));
        assert_eq!(moved("Home", (1, 0), 3), None);
        assert_eq!(moved("x", (1, 0), 3), None);
    }

    #[test]
    fn nothing_measured_has_a_range_all_the_same() {
        assert_eq!(range(&[], MapMeasure::Map), (0.0, 1.0));
    }
}
