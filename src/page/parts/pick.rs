//! A choice among models: those that come with the page, those that this browser stores, or any other.

use leptos::prelude::*;

use crate::page::bring::{host_of, is_made, packing_of, revision_of};
use crate::page::catalogue::{fill, model as text};
use crate::page::model::{foreign_host, same_folder};
use crate::page::models::{Known, Listed};
use crate::page::parts::AboutModel;
use crate::page::state::Page;
use crate::page::words;

/// What a choice has that is none of the models.
pub(in crate::page) const NONE: &str = "";
/// A word that no folder has.
const OTHER: &str = "?";

/// A choice among the models at hand, or of another one, for which a dialog opens.
#[component]
pub(in crate::page) fn Pick(
    label: &'static str,
    #[prop(into)] value: Signal<String>,
    /// The model that cannot be chosen; with it, none can be chosen too.
    #[prop(optional, into)]
    other: Option<Signal<String>>,
    /// Whether a link leads to the Model view; not there itself.
    #[prop(default = true)]
    link: bool,
    choose: Callback<String>,
) -> impl IntoView {
    let page = Page::here();
    let listed = Memo::new(move |_| page.listed(&value.get()));
    // The other one comes before this one.
    let there = Memo::new(move |_| {
        let first = other.and_then(|other| page.listed(&other.get()));
        page.at_hand().into_iter().chain(first).collect::<Vec<_>>()
    });
    // Stored ones that are not listed, and the one that is chosen.
    let others = Memo::new(move |_| {
        let kept = page.bring.kept.with(|kept| kept.iter().map(|k| k.url.clone()).collect::<Vec<_>>());
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
            // What is chosen stays so until another is there.
            select.set_value(&selected(&page, &value.get_untracked()));
            page.bring(choose);
        } else {
            page.allow(Some(&word));
            choose.run(word);
        }
    };
    let about = move || match listed.get() {
        Some(Listed { about, .. }) => about,
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
                    {link.then(|| view! { <AboutModel address=value/> })}
                </p>
            })}
        </div>
    }
}

/// Name, revision, bits and size of a model that is not listed.
fn unlisted(page: &Page, address: &str) -> String {
    let name = page.name_of(address);
    let Known { quantization, bytes, .. } =
        page.known(address).unwrap_or_else(|| Known::named(String::new(), String::new()));
    let packing = Some(quantization.as_str()).filter(|q| !q.is_empty()).or(packing_of(address));
    let size = (bytes > 0).then(|| words::bytes(bytes as f64));
    let facts = [revision_of(address), packing.map(words::bits), size];
    let facts = facts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    if facts.is_empty() { name } else { fill(text::NAME_SIZE, &[("name", &name), ("size", &facts)]) }
}

/// What is to be said of a model that is not listed: where it is from.
fn of_elsewhere(address: &str) -> String {
    match (is_made(address), host_of(address), foreign_host(address)) {
        (true, Some(host), _) => fill(text::OF_HUB, &[("host", &host)]),
        (true, None, _) => text::OF_FOLDER.into(),
        (false, _, Some(host)) => fill(text::OF_SERVER, &[("host", &host)]),
        (false, ..) => text::OF_PAGE.into(),
    }
}

/// The value of the option that stands for a folder.
fn selected(page: &Page, folder: &str) -> String {
    page.listed(folder).map_or_else(|| folder.into(), |listed| listed.folder)
}
