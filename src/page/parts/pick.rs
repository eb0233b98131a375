//! A choice among the models that come with the page.

use leptos::prelude::*;

use crate::page::bring::shown;
use crate::page::model::{MODEL, same_folder};
use crate::page::models::Listed;
use crate::page::state::Page;
use crate::page::words;

/// What a choice has that is none of the models.
pub(in crate::page) const NONE: &str = "";
/// A word that no folder has.
const OTHER: &str = "?";

/// A choice among the listed models, or of another one, for which a dialog opens.
#[component]
pub(in crate::page) fn Pick(
    label: &'static str,
    #[prop(into)] value: Signal<String>,
    /// The model that cannot be chosen; with it, none can be chosen too.
    #[prop(optional, into)]
    other: Option<Signal<String>>,
    choose: Callback<String>,
) -> impl IntoView {
    let page = Page::here();
    let listed = Memo::new(move |_| page.listed(&value.get()));
    // The other one comes before this one.
    let there = Memo::new(move |_| {
        let first = other.and_then(|other| page.listed(&other.get()));
        page.at_hand().into_iter().chain(first).collect::<Vec<_>>()
    });
    let option = move |folder: String, words: String, off: bool| {
        let chosen = {
            let folder = folder.clone();
            move || value.with(|v| same_folder(v, &folder))
        };
        view! { <option value=folder disabled=off prop:selected=chosen>{words}</option> }
    };
    let options = move || {
        let list = page.models.get();
        let unlisted = Some(value.get()).filter(|v| v != NONE && listed.with(Option::is_none));
        let rows = list.into_iter().map(|m| {
            let (megabytes, is_less) = there.with(|there| m.cost(there));
            let more = if is_less { " more" } else { "" };
            let words = format!("{} ({}{more})", m.name, words::bytes(megabytes * 1e6));
            let off = other.is_some_and(|other| same_folder(&other.get(), &m.folder));
            option(m.folder, words, off)
        });
        let unlisted = unlisted.map(|v| {
            option(v.clone(), if v == MODEL { "the model of this page".into() } else { shown(&v) }, false)
        });
        view! {
            {other.map(|_| view! {
                <option value=NONE prop:selected=move || value.with(|v| v == NONE)>"none"</option>
            })}
            {rows.collect_view()}
            {unlisted}
            <option value=OTHER>{crate::page::catalogue::bring::OTHER_MODEL}</option>
        }
    };
    let chosen = move |select: web_sys::HtmlSelectElement| {
        let word = select.value();
        if word == OTHER {
            // What is chosen stays so until another is there.
            select.set_value(&selected(&page, &value.get_untracked()));
            page.bring(choose);
        } else {
            choose.run(word);
        }
    };
    view! {
        <div class="field">
            <label>
                <span>{label}</span>
                <select on:change:target=move |e| chosen(e.target())>{options}</select>
            </label>
            {move || listed.get().map(|Listed { about, .. }| view! { <p class="why">{about}</p> })}
        </div>
    }
}

/// The value of the option that stands for a folder.
fn selected(page: &Page, folder: &str) -> String {
    page.listed(folder).map_or_else(|| folder.into(), |listed| listed.folder)
}
