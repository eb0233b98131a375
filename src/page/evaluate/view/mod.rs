//! The Evaluate view: the choices, and the results below.

mod bias;
mod choose;
mod difference;
mod facts;
mod map;
mod queries;
mod ranking;
mod scores;

use leptos::prelude::*;

use crate::page::catalogue::{evaluate as text, fill};
use crate::page::evaluate::Evaluate as State;
use crate::page::model::MODEL;
use crate::page::words;
use bias::Bias;
use choose::EvaluateForm;
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
            <EvaluateForm/>
            <section class="report" id="report" tabindex="-1" aria-label=text::REPORT>
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
                    view! { <NoReport/> }.into_any()
                }}
            </section>
        </div>
    }
}

/// A preview of the results.
#[component]
fn NoReport() -> impl IntoView {
    let state = State::here();
    let offer = move || {
        let models = [Some(state.model.get().unwrap_or_else(|| MODEL.into())), state.second_model.get()];
        let listed: Option<Vec<f64>> =
            models.into_iter().flatten().map(|model| Some(state.page.listed(&model)?.megabytes)).collect();
        let said = match listed {
            Some(sizes) => {
                fill(text::OFFER_SIZE, &[("size", &words::bytes(sizes.iter().sum::<f64>() * 1e6))])
            }
            None => text::OFFER.into(),
        };
        view! {
            <p class="offer">
                {said}
                <button type="button" on:click=move |_| state.evaluate()>{text::OFFER_GO}</button>
            </p>
        }
    };
    view! {
        {move || (state.offers_run.get() && state.activity.with(Option::is_none)).then(offer)}
        <p class="hint">
            {text::NOTHING}
        </p>
    }
}
