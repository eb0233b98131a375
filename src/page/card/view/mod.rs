//! The view's components: what a model is, in the order in which a stranger asks.

mod device;
mod files;
mod history;
mod scores;

use leptos::prelude::*;

use super::{Card as State, Problem};
use crate::page::bring::hub_host;
use crate::page::catalogue::{bring, card as text, fill, message};
use crate::page::names;
use crate::page::parts::{Pick, ViewOf};
use crate::page::words;
use crate::protocol::ModelCard;
use device::Device;
use files::Files;
use history::History;
use scores::Scores;

/// The names and values of facts.
type Rows = Vec<(&'static str, String)>;

#[component]
pub(super) fn Card() -> impl IntoView {
    let c = State::here();
    let address = Signal::derive(move || c.address());
    let choose = Callback::new(move |address| c.choose(address));
    let to = move |view, words| view! { <ViewOf view address words/> };
    view! {
        <div class="card">
            <div class="models"><Pick label=text::MODEL value=address choose link=false/></div>
            <p class="ways-on">
                {to(None, text::SEARCH)} " " {to(Some("evaluate"), text::EVALUATE)} " "
                {to(Some("benchmark"), text::BENCHMARK)}
            </p>
            <article id="model" tabindex="-1" aria-labelledby="model-title" aria-busy=move || c.asked.get().is_some().to_string()>
                <h2 id="model-title">{move || c.page.name_of(&address.get())}</h2>
                <div role="status">{move || c.problem.get().map(|problem| problem_line(c, problem))}</div>
                {move || c.card.get().map(|card| view! { <Whole card/> })}
            </article>
        </div>
    }
}

/// Why nothing is known, and what to do.
fn problem_line(c: State, problem: Problem) -> impl IntoView {
    let (what, way) = match problem {
        Problem::Failed(what) => (what, message::TRY_AGAIN),
        Problem::NotStored => (fill(text::NOT_HERE, &[("host", &hub_host())]), message::SEE_WHAT_IT_IS),
        Problem::Foreign(host) => (fill(text::ELSEWHERE, &[("host", &host)]), text::ASK_THERE),
    };
    let again = way == message::TRY_AGAIN;
    let go = move |_| if again { c.ask() } else { c.ask_there() };
    view! {
        <div class="message problem">
            <p>{what}</p>
            <button type="button" class="quiet" on:click=go>{way}</button>
        </div>
    }
}

#[component]
fn Whole(card: ModelCard) -> impl IntoView {
    view! {
        <p>{fill(text::WHAT_IT_IS, &[("n", &words::count(card.dimension))])}</p>
        {facts(about(&card))}
        <ul class="notes">{card.notes.iter().map(|note| view! { <li>{note.clone()}</li> }).collect_view()}</ul>
        <Scores reports=card.reports.clone() others=card.other_results/>
        <History history=card.history.clone() background=card.background.clone()/>
        <Device card=card.clone()/>
        <Files card/>
    }
}

fn about(card: &ModelCard) -> Rows {
    let languages: Vec<String> = card.languages.iter().map(|code| names::english(code)).collect();
    let recorded = |value: String| if value.is_empty() { text::NOT_RECORDED.to_owned() } else { value };
    let licence = if card.licence == "unknown" { String::new() } else { card.licence.clone() };
    let [query, passage] = card.prompts.clone().map(|prompt| match prompt.as_str() {
        "" => bring::NO_PROMPT.to_owned(),
        prompt => fill(bring::PROMPT, &[("prompt", prompt)]),
    });
    vec![
        (text::LANGUAGES, recorded(languages.join(", "))),
        (text::LICENCE, recorded(licence)),
        (
            text::SIZE,
            fill(
                text::SIZE_IS,
                &[("size", &words::bytes(card.bytes as f64)), ("bits", &words::bits(&card.quantization))],
            ),
        ),
        (
            text::SHAPE,
            fill(
                text::SHAPE_IS,
                &[
                    ("layers", &words::count(card.layers)),
                    ("dimensions", &words::count(card.dimension)),
                    ("vocabulary", &words::count(card.vocabulary)),
                ],
            ),
        ),
        (text::LONGEST, fill(text::LONGEST_IS, &[("n", &words::count(card.max_tokens))])),
        (text::PROMPTS, fill(text::PROMPTS_ARE, &[("query", &query), ("passage", &passage)])),
    ]
}

/// A list of facts.
fn facts(rows: Rows) -> AnyView {
    let row = |(name, value)| view! { <dt>{name}</dt><dd>{value}</dd> };
    view! { <dl class="rows">{rows.into_iter().map(row).collect_view()}</dl> }.into_any()
}
