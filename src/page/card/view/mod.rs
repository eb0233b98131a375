//! The view's components: what a model is, in the order in which a stranger asks.

mod about;
mod device;
mod files;
mod history;
mod scores;

use leptos::prelude::*;

use super::{Card as State, MissingCard};
use crate::page::catalogue::{card as text, fill, message};
use crate::page::model_dialog::hub_host;
use crate::page::parts::document::Document;
use crate::page::parts::{ModelPicker, ViewLink};
use crate::protocol::ModelCard;
use device::DeviceSection;

/// The names and values of facts.
type FactRows = Vec<(&'static str, String)>;

#[component]
pub(super) fn Card() -> impl IntoView {
    let c = State::here();
    let address = Signal::derive(move || c.address());
    let choose = Callback::new(move |address| c.choose(address));
    let to = move |(view, words)| view! { <ViewLink view address words/> };
    let ways =
        [(None, text::SEARCH), (Some("evaluate"), text::EVALUATE), (Some("benchmark"), text::BENCHMARK)];
    view! {
        <div class="card">
            <div class="models"><ModelPicker label=text::MODEL value=address choose link=false/></div>
            <p class="ways-on">{ways.map(to)}</p>
            <article id="model" tabindex="-1" aria-labelledby="model-title">
                <h2 id="model-title">{move || c.page.name_of(&address.get())}</h2>
                <div role="status">{move || c.problem.get().map(|problem| problem_line(c, problem))}</div>
                {move || c.card.get().map(|card| view! { <Whole card/> })}
            </article>
        </div>
    }
}

/// Why nothing is known, and what to do.
fn problem_line(c: State, problem: MissingCard) -> impl IntoView {
    let (what, way) = match problem {
        MissingCard::Failed(what) => (what, message::TRY_AGAIN),
        MissingCard::NotStored => (fill(text::NOT_HERE, &[("host", &hub_host())]), message::SEE_WHAT_IT_IS),
        MissingCard::Foreign(host) => (fill(text::ELSEWHERE, &[("host", &host)]), text::ASK_THERE),
    };
    let again = way == message::TRY_AGAIN;
    let go = move |_| if again { c.request_card() } else { c.load_from_there() };
    view! {
        <div class="message problem">
            <p>{what}</p>
            <button type="button" class="quiet" on:click=go>{way}</button>
        </div>
    }
}

#[component]
fn Whole(card: ModelCard) -> impl IntoView {
    let c = State::here();
    let listed = untrack(|| c.page.listed(&card.url)).is_some();
    let mut first = about::about(&card);
    first.extend(scores::scores(&card));
    first.extend(history::history(&card));
    let (files, snippet) = files::files(&card);
    let copied = snippet.clone();
    let links = files::links(&card.url, listed);
    view! {
        <Document blocks=first/>
        <DeviceSection card/>
        <Document blocks=files/>
        <p class="buttons">
            <button type="button" class="quiet" on:click=move |_| c.page.copy(copied.clone(), text::COPIED)>{text::COPY}</button>
        </p>
        <Document blocks=links/>
    }
}
