//! A choice among models: those that come with the page, those that this browser stores, or any other.

use leptos::prelude::*;

use crate::page::catalogue::{fill, model as text};
use crate::page::model::{foreign_host, same_folder};
use crate::page::model_dialog::{host_of, is_imported, quantization_of, revision_of};
use crate::page::models::{ListedModel, NamedModel};
use crate::page::parts::ModelLink;
use crate::page::state::Page;
use crate::page::words;

/// The value for no model.
pub(in crate::page) const NONE: &str = "";
/// The option for another model; no folder has this name.
const OTHER: &str = "?";

/// A list of the known models, with an option that opens the dialog for another one.
#[component]
pub(in crate::page) fn ModelPicker(
    label: &'static str,
    #[prop(into)] value: Signal<String>,
    /// The model that cannot be chosen; with it, none can be chosen too.
    #[prop(optional, into)]
    other: Option<Signal<String>>,
    /// Whether to link to the Model view; not within it.
    #[prop(default = true)]
    link: bool,
    choose: Callback<String>,
) -> impl IntoView {
    let page = Page::here();
    let listed = Memo::new(move |_| page.listed(&value.get()));
    // The other one is loaded before this one.
    let there = Memo::new(move |_| {
        let first = other.and_then(|other| page.listed(&other.get()));
        page.models_in_use().into_iter().chain(first).collect::<Vec<_>>()
    });
    // Stored models that are not listed, and the chosen one.
    let others = Memo::new(move |_| {
        let kept =
            page.model_dialog.stored.with(|kept| kept.iter().map(|k| k.url.clone()).collect::<Vec<_>>());
        let chosen = Some(value.get()).filter(|v| v != NONE);
        let mut out: Vec<String> = Vec::new();
        for address in chosen.into_iter().chain(kept) {
            if page.listed(&address).is_none() && out.iter().all(|o| !same_folder(o, &address)) {
                out.push(address);
            }
        }
        out
    });
    let option = move |folder: String, words: String| {
        let off = other.is_some_and(|other| same_folder(&other.get(), &folder));
        let chosen = {
            let folder = folder.clone();
            move || value.with(|v| same_folder(v, &folder))
        };
        view! { <option value=folder disabled=off prop:selected=chosen>{words}</option> }
    };
    let options = move || {
        let rows = page.models.get().into_iter().map(|m| {
            let (megabytes, is_less) = there.with(|there| m.cost(there));
            let form = if is_less { text::NAME_MORE } else { text::NAME_SIZE };
            option(m.folder, fill(form, &[("name", &m.name), ("size", &words::bytes(megabytes * 1e6))]))
        });
        let unlisted = others.get().into_iter().map(|address| {
            let words = unlisted(&page, &address);
            option(address, words)
        });
        view! {
            {other.map(|_| view! {
                <option value=NONE prop:selected=move || value.with(|v| v == NONE)>{text::NONE}</option>
            })}
            {rows.collect_view()}
            {unlisted.collect_view()}
            <option value=OTHER>{text::OTHER}</option>
        }
    };
    let chosen = move |select: web_sys::HtmlSelectElement| {
        let word = select.value();
        if word == OTHER {
            // The choice stays until another is made.
            select.set_value(&selected(&page, &value.get_untracked()));
            page.open_model_dialog(choose);
        } else {
            page.allow(Some(&word));
            choose.run(word);
        }
    };
    let about = move || match listed.get() {
        Some(ListedModel { about, .. }) => about,
        None => value.with(|v| of_elsewhere(v)),
    };
    view! {
        <div class="field">
            <label>
                <span>{label}</span>
                <select on:change:target=move |e| chosen(e.target())>{options}</select>
            </label>
            {move || value.with(|v| v != NONE).then(|| view! {
                <p class="why">
                    {about} " "
                    {link.then(|| view! { <ModelLink address=value/> })}
                </p>
            })}
        </div>
    }
}

/// Name, revision, bits and size of a model that is not listed.
fn unlisted(page: &Page, address: &str) -> String {
    let name = page.name_of(address);
    let NamedModel { quantization, bytes, .. } =
        page.remembered(address).unwrap_or_else(|| NamedModel::new(String::new(), String::new()));
    let quantization = Some(quantization.as_str()).filter(|q| !q.is_empty()).or(quantization_of(address));
    let size = (bytes > 0).then(|| words::bytes(bytes as f64));
    let facts = [revision_of(address), quantization.map(words::bits), size];
    let facts = facts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    if facts.is_empty() { name } else { fill(text::NAME_SIZE, &[("name", &name), ("size", &facts)]) }
}

/// The description of a model that is not listed: its origin.
fn of_elsewhere(address: &str) -> String {
    match (is_imported(address), host_of(address), foreign_host(address)) {
        (true, Some(host), _) => fill(text::OF_HUB, &[("host", &host)]),
        (true, None, _) => text::OF_FOLDER.into(),
        (false, _, Some(host)) => fill(text::OF_SERVER, &[("host", &host)]),
        (false, ..) => text::OF_PAGE.into(),
    }
}

/// The value of a folder's option.
fn selected(page: &Page, folder: &str) -> String {
    page.listed(folder).map_or_else(|| folder.into(), |listed| listed.folder)
}
