//! The ranking: passages in their own script and direction.

use leptos::prelude::*;

use super::columns::{RankInOther, RankingColumn, RankingPair, key};
use crate::page::catalogue::{fill, search as text};
use crate::page::names;
use crate::page::search::{ReadingState, Search, TOP};
use crate::page::words;
use crate::protocol::Hit;

/// One model's hits.
#[component]
pub(super) fn Ranking(
    column: RankingColumn,
    there: RankingColumn,
    /// The list's label.
    #[prop(into)]
    name: Signal<String>,
    /// The other model's name.
    #[prop(into)]
    other: Signal<String>,
) -> impl IntoView {
    let search = Search::here();
    let RankingColumn { results, status, .. } = column;
    // The same hits once more, with other times, change nothing on the screen.
    let found = Memo::new(move |_| results.with(|r| r.as_ref().map(|r| r.hits.clone()).unwrap_or_default()));
    let hits = move || {
        found.get().into_iter().map(|hit| view! { <ResultItem hit column there other/> }).collect_view()
    };
    let nothing_yet = move || results.with(Option::is_none);
    let nothing_asked = move || {
        let opened = search.page.corpus.with(Option::is_some) && search.page.opening.with(Option::is_none);
        opened && search.query.with(|q| q.trim().is_empty())
    };
    let busy = move || status.get().is_sent() || (nothing_yet() && !nothing_asked());
    // While a new query is typed or pending, the results are those of the previous one.
    let earlier = move || {
        results.with(|r| r.as_ref().is_some_and(|r| search.query.with(|q| r.query.trim() != q.trim())))
    };
    view! {
        <ol role="list" aria-label=name aria-busy=move || busy().to_string() class:earlier=earlier>{hits}</ol>
        {move || nothing_yet().then(|| match nothing_asked() {
            true => view! { <p class="nothing">{text::ASK_NOW}</p> }.into_any(),
            false => placeholder().into_any(),
        })}
    }
}

/// A button for more hits.
#[component]
pub(super) fn More() -> impl IntoView {
    let search = Search::here();
    let more = move || {
        search.results.with(|r| {
            r.as_ref().is_some_and(|r| {
                let pool: usize = r.pool.iter().map(|(_, n)| n).sum();
                !r.hits.is_empty() && r.hits.len() < pool
            })
        })
    };
    view! {
        <button type="button" class="more" hidden=move || !more() on:click=move |_| search.show_more()>
            {fill(text::MORE, &[("n", &words::count(2 * TOP))])}
        </button>
    }
}

/// What was searched, and in which languages.
#[component]
pub(super) fn Heading() -> impl IntoView {
    let search = Search::here();
    let words = move || {
        search.results.with(|r| {
            r.as_ref().map(|r| {
                let pool: usize = r.pool.iter().map(|(_, n)| n).sum();
                let sample = search.page.corpus.with(|c| c.as_ref().is_some_and(|c| c.precomputed));
                let one = if sample { text::SAMPLE_PASSAGE } else { text::PASSAGE };
                let code = r.language.clone().unwrap_or_default();
                let dir = if code.is_empty() { "auto" } else { names::direction(&code) };
                view! {
                    {fill(text::BEST_OF_SAMPLE, &[("passages", &words::plural(pool, one))])}
                    <q lang=code dir=dir>{shortened(&r.query)}</q>
                }
            })
        })
    };
    let notes = move || {
        search.results.with(|r| {
            // An empty list explains itself.
            r.iter()
                .filter(|r| !r.hits.is_empty())
                .flat_map(|r| r.notes.iter().cloned())
                .map(|note| view! { <p class="note">{note}</p> })
                .collect_view()
        })
    };
    let foreign = move || {
        let language = search.results.with(|r| r.as_ref().and_then(|r| r.language.clone()));
        let language = language.filter(|code| search.is_foreign(code))?;
        Some(fill(text::QUESTION_NOT_OF_MODEL, &[("language", &names::english(&language))]))
    };
    // An answer below the displayed hits.
    let below = move || {
        search.results.with(|r| {
            let r = r.as_ref()?;
            let rank = r.answer_rank.filter(|rank| *rank > r.hits.len())?;
            Some(fill(text::ANSWER_BELOW, &[("rank", &words::count(rank))]))
        })
    };
    view! {
        <h2 id="found" class="heading" aria-live="polite">{words}</h2>
        {move || foreign().map(|said| view! { <p class="note warn">{said}</p> })}
        {move || below().map(|said| view! { <p class="note"><span class="badge">{said}</span></p> })}
        {notes}
    }
}

/// A hit.
#[component]
fn ResultItem(hit: Hit, column: RankingColumn, there: RankingColumn, other: Signal<String>) -> impl IntoView {
    let pointed = expect_context::<RankingPair>().pointed;
    let own = key(&hit);
    let point = {
        let own = own.clone();
        move || pointed.set(Some(own.clone()))
    };
    let point_too = point.clone();
    let leave = move || pointed.set(None);
    let is_pointed = move || pointed.with(|p| p.as_ref() == Some(&own));
    let place = hit.clone();
    let (before, answer, after) = around_answer(&hit.text, hit.answer);
    let (before, after) = (before.to_owned(), after.to_owned());
    let (cut_before, cut_after) = match hit.part {
        Some((start, end, of)) => ((start > 0).then_some("… "), (end < of).then_some(" …")),
        None => (None, None),
    };
    let answer = answer.map(|answer| view! { <mark>{answer.to_owned()}</mark> });
    let english = names::english(&hit.language);
    let badge = hit.relevant.then(|| fill(text::ANSWER, &[("rank", &words::count(hit.rank))]));
    let reading = RwSignal::new(ReadingState::Hidden);
    let (passage, rank, language) = (hit.passage, hit.rank, hit.language.clone());
    view! {
        <li
            id=column.item(hit.rank)
            class="hit"
            class:pointed=is_pointed
            tabindex="-1"
            lang=hit.language.clone()
            dir=names::direction(&hit.language)
            prop:style=names::colour(&hit.language)
            data-id=hit.id
            on:pointerenter=move |_| point()
            on:pointerleave=move |_| leave()
            on:focusin=move |_| point_too()
            on:focusout=move |_| leave()
        >
            <p class="passage">{cut_before}{before} {answer} {after}{cut_after}</p>
            <ReadingText reading/>
            // The page's own words are in its language and isolated from the passage's direction.
            <p class="about" lang="en">
                <RankInOther hit=place there other/>
                {badge.map(|badge| view! { <bdi class="badge">{badge}</bdi> })}
                <span class="swatch" aria-hidden="true">{hit.language.clone()}</span>
                <bdi class="endonym" lang=hit.language.clone() title=english.clone()>{names::endonym(&hit.language)}</bdi>
                <span class="unseen">{fill(text::SCORE, &[("language", &english)])}</span>
                <bdi class="score" title=text::SCORE_HINT>{words::short_figure(hit.score.into())}</bdi>
                <bdi class="source">{hit.source}</bdi>
                <ReadButton passage rank language reading/>
            </p>
        </li>
    }
}

/// A button that shows the passage in the reader's language, unless it already is.
#[component]
fn ReadButton(
    passage: usize,
    rank: usize,
    language: String,
    reading: RwSignal<ReadingState>,
) -> impl IntoView {
    let search = Search::here();
    let offered = move || {
        let reader = search.page.corpus.with(|c| {
            let languages = c.as_ref().map(|c| c.languages.as_slice()).unwrap_or_default();
            names::of_reader(|code| languages.iter().any(|(other, _)| other == code))
        });
        reader.filter(|reader| *reader != language)
    };
    let button = move |code: String| {
        let name = names::english(&code);
        let is_shown = move || matches!(reading.get(), ReadingState::Shown(_));
        let words =
            move || fill(if is_shown() { text::HIDE_READING } else { text::READ_IN }, &[("language", &name)]);
        let toggle = move |_| match reading.get_untracked() {
            ReadingState::Shown(_) => reading.set(ReadingState::Hidden),
            ReadingState::Requested => {}
            ReadingState::Hidden => search.read(passage, code.clone(), reading),
        };
        view! {
            <button type="button" class="quiet" aria-expanded=move || is_shown().to_string() on:click=toggle>
                {words}<span class="unseen">{fill(text::OF_RESULT, &[("rank", &words::count(rank))])}</span>
            </button>
        }
    };
    view! { {move || offered().map(button)} }
}

/// The passage in the reader's language.
#[component]
fn ReadingText(reading: RwSignal<ReadingState>) -> impl IntoView {
    let shown = move || match reading.get() {
        ReadingState::Shown(Some(r)) => {
            let said = fill(text::NEAREST_READING, &[("language", &names::english(&r.language))]);
            let said = (!r.parallel).then(|| view! { <span class="hint" lang="en">{said}</span> });
            let dir = names::direction(&r.language);
            Some(
                view! { <p class="reading" dir=dir>{said} <span lang=r.language>{r.text}</span></p> }
                    .into_any(),
            )
        }
        ReadingState::Shown(None) => {
            Some(view! { <p class="hint" lang="en">{text::NO_READING}</p> }.into_any())
        }
        ReadingState::Hidden | ReadingState::Requested => None,
    };
    view! { <div class="readings" aria-live="polite">{shown}</div> }
}

/// Why the list is empty, and what to do.
#[component]
pub(super) fn NoHits() -> impl IntoView {
    let search = Search::here();
    let empty = move || search.results.with(|r| r.as_ref().is_some_and(|r| r.hits.is_empty()));
    view! {
        <div aria-live="polite">{move || empty().then(|| view! {
            <p class="nothing">
                {text::NOTHING_LEFT}
                <button
                    type="button"
                    class="quiet"
                    on:click=move |_| {
                        search.filter.set(Vec::new());
                        search.choose_scope(crate::protocol::Scope::All);
                    }
                >
                    {text::SEARCH_ALL}
                </button>
            </p>
        })}</div>
    }
}

/// Placeholder for the first results, so that the layout does not shift.
fn placeholder() -> impl IntoView {
    let line = |_| view! { <div class="hit empty"><span></span><span></span><span></span></div> };
    view! { <div aria-hidden="true">{(0..6).map(line).collect_view()}</div> }
}

/// The passage before, in and after its answer; invalid offsets mark nothing.
fn around_answer(text: &str, answer: Option<(usize, usize)>) -> (&str, Option<&str>, &str) {
    answer
        .filter(|(start, end)| start < end)
        .and_then(|(start, end)| Some((text.get(..start)?, Some(text.get(start..end)?), text.get(end..)?)))
        .unwrap_or((text, None, ""))
}

/// A query shortened for a heading.
fn shortened(query: &str) -> String {
    const LONGEST: usize = 120;
    let query = query.trim();
    if query.chars().count() <= LONGEST {
        return query.to_owned();
    }
    query.chars().take(LONGEST).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_cut_out_at_character_boundaries_only() {
        let text = "แม่น้ำ สั้น";
        let at = text.find(' ').unwrap_or(0);
        assert_eq!(around_answer(text, Some((0, at))), ("", Some("แม่น้ำ"), " สั้น"));
        for wrong in [(0, 1), (1, 3), (0, 10_000), (5, 5), (9, 3)] {
            assert_eq!(around_answer(text, Some(wrong)), (text, None, ""));
        }
        assert_eq!(around_answer(text, None), (text, None, ""));
    }

    #[test]
    fn long_queries_are_shortened_in_headings() {
        assert_eq!(shortened(" short "), "short");
        assert_eq!(shortened(&"ก".repeat(500)).chars().count(), 121);
    }
}
