//! A field for the user's texts.

use leptos::prelude::*;

use crate::page::files::chosen_files;
use crate::page::state::Page;

/// Endings of the files that can be opened.
const ACCEPTED: &str = ".json,.jsonl,.ndjson,.csv,.tsv,.txt,.gz,.zst";

/// A field for files of texts, which the current view takes.
#[component]
pub(in crate::page) fn TextFiles(
    label: &'static str,
    /// The class of its label element.
    #[prop(optional)]
    class: &'static str,
) -> impl IntoView {
    let page = Page::here();
    let choose = move |event: web_sys::Event| page.read_files(chosen_files(&event));
    view! {
        <label class=class>
            <span>{label}</span>
            <input type="file" multiple accept=ACCEPTED on:change=choose/>
        </label>
    }
}
