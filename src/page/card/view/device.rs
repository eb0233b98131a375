//! Where a model is on this device, where it runs, and how that was checked.

use leptos::prelude::*;

use super::FactRows;
use crate::page::card::Card;
use crate::page::catalogue::{card as text, fill, model, shell};
use crate::page::model::{CurrentModel, same_folder};
use crate::page::parts::document::{Block, Document, Span};
use crate::page::words;
use crate::protocol::ModelCard;

#[component]
pub(super) fn DeviceSection(card: ModelCard) -> impl IntoView {
    let c = Card::here();
    let name = c.page.name_of(&card.url);
    let url = StoredValue::new(card.url);
    let tests = words::plural(card.self_tests, text::TEXT);
    let stored = move || match (c.stored(), c.page.model_dialog.stored_problem.get()) {
        (Some(model), _) => {
            let size = words::bytes(model.bytes as f64);
            let date = model.date.map(|day| fill(text::LAST_USED, &[("date", &day)])).unwrap_or_default();
            fill(text::STORED, &[("size", &size), ("date", &date)])
        }
        (None, Some(why)) => why,
        (None, None) => text::NOT_STORED.into(),
    };
    let remove = move |_| {
        if let Some(model) = c.stored() {
            c.page.remove_stored(model.url);
        }
    };
    let remove_words = fill(model::WORDS_OF, &[("words", shell::REMOVE), ("name", &name)]);
    let button = move || {
        let words = remove_words.clone();
        c.stored().map(|_| {
            view! {
                <button type="button" class="quiet" aria-label=words on:click=remove>{shell::REMOVE}</button>
            }
        })
    };
    let running = move || {
        let is_it = |m: &&CurrentModel| same_folder(&m.info.url, &url.get_value());
        c.page.model.with(|m| m.as_ref().filter(is_it).map(|m| rows(m, &tests)))
    };
    view! {
        <h3>{text::HERE}</h3>
        <p aria-live="polite">{stored} " " {button}</p>
        {move || {
            let none = || Block::Text(vec![Span::Plain(text::NOT_RUNNING.into())]);
            view! { <Document blocks=vec![running().map_or_else(none, Block::Facts)]/> }
        }}
    }
}

fn rows(model: &CurrentModel, tests: &str) -> FactRows {
    let CurrentModel { info, device } = model;
    let passed = device.self_test_difference <= device.self_test_tolerance;
    vec![
        (
            shell::RUNS_ON,
            format!(
                "{} ({}), {}",
                words::device(&device.kind),
                device.adapter,
                words::computes(&info.quantization, &device.precision)
            ),
        ),
        (text::PARAMETERS, words::count(usize::try_from(info.parameters).unwrap_or(usize::MAX))),
        (
            shell::SELF_TEST,
            fill(
                if passed { text::PASSED } else { text::FAILED },
                &[
                    ("texts", tests),
                    ("cosine", &words::decimal(f64::from(device.self_test_cosine), 5)),
                    ("difference", &words::decimal(f64::from(device.self_test_difference), 5)),
                    ("allowed", &words::decimal(f64::from(device.self_test_tolerance), 3)),
                ],
            ),
        ),
    ]
}
