//! The view's components: the query, the controls next to the results, and the results.

mod ask;
mod columns;
mod controls;
mod corpus;
mod lines;
mod mix;
mod models;
mod own;
mod results;

use leptos::ev;
use leptos::prelude::*;

use super::Search as State;
use crate::page::catalogue::{fill, search as text};
use crate::page::words;
use ask::SearchBox;
use columns::Rankings;
use controls::{Controls, scope_words};
use corpus::CorpusNotes;
use models::ModelPickers;

#[component]
pub(super) fn Search() -> impl IntoView {
    view! {
        <SearchBox/>
        <div class="columns">
            <Side/>
            <section class="found" id="results" tabindex="-1" aria-labelledby="found">
                <Rankings/>
            </section>
        </div>
    }
}

/// The controls: next to the results in a wide window, folded above them in a narrow one.
#[component]
fn Side() -> impl IntoView {
    let search = State::here();
    let is_wide = || {
        let query = window().match_media("(min-width: 1040px)").ok().flatten();
        query.is_none_or(|q| q.matches())
    };
    let wide = RwSignal::new(is_wide());
    window_event_listener(ev::resize, move |_| {
        if wide.get_untracked() != is_wide() {
            wide.set(is_wide());
        }
    });
    let words = move || {
        let filter = search.filter.with(Vec::len);
        let scope = scope_words(search.scope.get());
        match filter {
            0 => scope.to_owned(),
            n => fill(text::CHOSEN, &[("scope", scope), ("n", &words::count(n))]),
        }
    };
    view! {
        <details class="side" prop:open=move || wide.get()>
            <summary>{text::SIDE} {words}</summary>
            <div class="fold">
                <ModelPickers/>
                <Controls/>
                <CorpusNotes/>
            </div>
        </details>
    }
}
