//! The choice of the model, and of a second one.

use leptos::prelude::*;

use crate::page::catalogue::search as text;
use crate::page::model::{MODEL, same_folder};
use crate::page::parts::{ModelPicker, NONE};
use crate::page::search::Search;

#[component]
pub(super) fn ModelPickers() -> impl IntoView {
    let search = Search::here();
    let page = search.page;
    let first = Signal::derive(move || page.model_address.get().unwrap_or_else(|| MODEL.into()));
    let second = Signal::derive(move || search.second.address.get().unwrap_or_default());
    let choose_first = Callback::new(move |folder: String| {
        search.choose_model(Some(folder).filter(|f| f != NONE && !same_folder(f, MODEL)));
    });
    let choose_second = Callback::new(move |folder: String| {
        search.choose_second(Some(folder).filter(|f| f != NONE));
    });
    view! {
        <fieldset class="models">
            <legend class="unseen">{text::MODELS}</legend>
            <ModelPicker label=text::MODEL value=first choose=choose_first/>
            <ModelPicker label=text::WITH value=second other=first choose=choose_second/>
            {move || page.models_problem.get().map(|problem| view! { <p class="hint">{problem}</p> })}
        </fieldset>
    }
}
