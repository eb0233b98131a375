//! The results: one ranking, or two models' rankings side by side.

use std::collections::HashMap;

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::lines::Connections;
use super::mix::Mix;
use super::results::{Heading, More, NoHits, Ranking};
use crate::page::catalogue::{fill, search as text};
use crate::page::search::{QueryStatus, Search};
use crate::page::words;
use crate::protocol::{Hit, Results};

/// A displayed ranking. Cheap to copy.
#[derive(Clone, Copy)]
pub(super) struct RankingColumn {
    /// Prefix of its items' ids: `a` or `b`.
    pub letter: char,
    pub results: RwSignal<Option<Results>>,
    pub status: RwSignal<QueryStatus>,
    /// The rank of each of its passages, by [`key`].
    pub ranks: Memo<HashMap<String, usize>>,
}

/// Both rankings, and the passage under the pointer in either; components get it from their context.
#[derive(Clone, Copy)]
pub(super) struct RankingPair {
    pub first: RankingColumn,
    pub second: RankingColumn,
    pub pointed: RwSignal<Option<String>>,
}

impl RankingColumn {
    fn new(letter: char, results: RwSignal<Option<Results>>, status: RwSignal<QueryStatus>) -> Self {
        let ranks = Memo::new(move |_| {
            results.with(|r| r.iter().flat_map(|r| r.hits.iter().map(|h| (key(h), h.rank))).collect())
        });
        Self { letter, results, status, ranks }
    }

    /// The id of the item at a rank.
    pub fn item(self, rank: usize) -> String {
        format!("{}-{rank}", self.letter)
    }
}

/// Identifies a passage in both rankings.
pub(super) fn key(hit: &Hit) -> String {
    // Both models search the same corpus, but may show different windows of a passage.
    hit.passage.to_string()
}

#[component]
pub(super) fn Rankings() -> impl IntoView {
    let search = Search::here();
    let b = search.second;
    let pair = RankingPair {
        first: RankingColumn::new('a', search.results, search.status),
        second: RankingColumn::new('b', b.results, b.status),
        pointed: RwSignal::new(None),
    };
    provide_context(pair);
    let comparing = Memo::new(move |_| b.address.with(Option::is_some));
    let first = Signal::derive(move || search.first_name());
    let second = Signal::derive(move || search.second_name());
    let of_second = Signal::derive(move || fill(text::RESULTS_OF, &[("name", &second.get())]));
    view! {
        <Heading/>
        <div class="pair">
            <div class="column">
                {move || comparing.get().then(|| view! { <h3>{first}</h3> })}
                <Mix results=pair.first.results/>
                <Ranking column=pair.first there=pair.second name=Signal::stored(text::RESULTS.to_owned()) other=second/>
            </div>
            {move || comparing.get().then(|| view! {
                <Connections/>
                <section class="column" aria-label=second>
                    <h3>{second}</h3>
                    <Mix results=pair.second.results/>
                    <SecondCut/>
                    <MissingRanking/>
                    <Ranking column=pair.second there=pair.first name=of_second other=first/>
                </section>
            })}
        </div>
        <NoHits/>
        <More/>
    }
}

/// What the second model's window truncated; the first one's is shown next to text and query.
#[component]
fn SecondCut() -> impl IntoView {
    let b = Search::here().second;
    let said = move || {
        let passages = b.cut.get().and_then(|cut| cut.sentence("passage", "passages"));
        let cut = b.results.with(|r| r.as_ref().and_then(|r| r.cut));
        let query = cut.and_then(|cut| cut.sentence("query", "queries"));
        passages.into_iter().chain(query).map(|said| view! { <p class="note">{said}</p> }).collect_view()
    };
    view! { {said} }
}

/// Why the second column has no ranking.
#[component]
fn MissingRanking() -> impl IntoView {
    let search = Search::here();
    let b = search.second;
    let waits = move || b.results.with(Option::is_none) && b.problem.with(Option::is_none);
    view! {
        <div role="alert">
            {move || b.problem.get().map(|problem| view! {
                <div class="message problem">
                    <p><strong>{problem}</strong> {text::NOT_TOUCHED}</p>
                    <div class="buttons">
                        <button type="button" class="quiet" on:click=move |_| search.retry_second()>{text::TRY_AGAIN}</button>
                        <button type="button" class="quiet" on:click=move |_| search.choose_second(None)>{text::STOP_COMPARING}</button>
                    </div>
                </div>
            })}
        </div>
        <p class="note" aria-live="polite" hidden=move || !waits()>
            {move || if b.activity.with(Option::is_some) {
                text::SECOND_LOADING
            } else if b.status.get().is_sent() {
                ""
            } else {
                text::SECOND_WAITS
            }}
        </p>
    }
}

/// A passage's rank here and in the other ranking, with a link to it.
#[component]
pub(super) fn RankInOther(
    hit: Hit,
    there: RankingColumn,
    #[prop(into)] other: Signal<String>,
) -> impl IntoView {
    let search = Search::here();
    let rank = hit.rank;
    let key = key(&hit);
    let go = move |rank: usize| {
        let item = document().get_element_by_id(&there.item(rank));
        if let Some(item) = item.and_then(|e| e.dyn_into::<web_sys::HtmlElement>().ok()) {
            // If the item cannot take the focus, nothing changes.
            let _ = item.focus();
        }
    };
    let words = move || {
        let counterpart = there.ranks.with(|ranks| ranks.get(&key).copied());
        let shown = there.ranks.with(HashMap::len);
        let with = view! { <span class="unseen">{fill(text::PLACE_WITH, &[("name", &other.get())])}</span> };
        match counterpart {
            Some(at) => view! {
                {fill(text::PLACE_BOTH, &[("rank", &words::count(rank))])}
                <button type="button" class="quiet" on:click=move |_| go(at)>{fill(text::PLACE_THERE, &[("rank", &words::count(at))])}{with}</button>
            }
            .into_any(),
            None if shown > 0 => {
                let (rank, shown) = (words::count(rank), words::count(shown));
                view! { {fill(text::PLACE_BEYOND, &[("rank", &rank), ("shown", &shown)])}{with} }.into_any()
            },
            None => fill(text::PLACE, &[("rank", &words::count(rank))]).into_any(),
        }
    };
    let comparing = Memo::new(move |_| search.second.address.with(Option::is_some));
    view! {
        {move || comparing.get().then(|| view! { <span class="place" lang="en" dir="ltr">{words.clone()}</span> })}
    }
}
