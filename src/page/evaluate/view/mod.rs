//! The Evaluate view: what to measure, above what was measured.

mod bias;
mod choose;
mod difference;
mod facts;
mod map;
mod queries;
mod ranking;
mod scale;
mod scores;

use leptos::prelude::*;

use crate::page::evaluate::Evaluate as State;
use bias::Bias;
use choose::Choose;
use difference::Difference;
use facts::Facts;
use map::Map;
use queries::Queries;
use scores::Scores;

#[component]
pub(super) fn Evaluate() -> impl IntoView {
    let state = State::here();
    let measured = Memo::new(move |_| state.runs.with(|runs| !runs.is_empty()));
    view! {
        <div class="evaluate">
            <Choose/>
            <section class="report" id="report" tabindex="-1" aria-label="Report">
                {move || if measured.get() {
                    view! {
                        <Scores/>
                        <Difference/>
                        <Map/>
                        <Queries/>
                        <Bias/>
                        <Facts/>
                    }
                    .into_any()
                } else {
                    view! { <Nothing/> }.into_any()
                }}
            </section>
        </div>
    }
}

/// What will be there.
#[component]
fn Nothing() -> impl IntoView {
    view! {
        <p class="hint">
            "The report will be here: how well the model finds passages in the question’s own language (mono), in "
            "one other language (cross) and among all languages at once (multi), pair by pair and question by "
            "question, and whether it prefers passages for their language."
        </p>
    }
}
