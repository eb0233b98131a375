//! Links to other views, for one model.

use leptos::prelude::*;

use crate::page::address::QueryStringBuilder;
use crate::page::catalogue::{fill, model as text};
use crate::page::model::{MODEL, same_folder};
use crate::page::state::Page;

/// A link to a view for a model, which can be copied or opened in another tab.
#[component]
pub(in crate::page) fn ViewLink(
    /// The view's name in the URL; `None` is the first view.
    view: Option<&'static str>,
    #[prop(into)] address: Signal<String>,
    words: &'static str,
) -> impl IntoView {
    let page = Page::here();
    let search = move || {
        let mut search = QueryStringBuilder::default();
        search.put_some("view", view);
        page.write_device(&mut search);
        address.with(|a| search.put_some("model", Some(a.as_str()).filter(|a| !same_folder(a, MODEL))));
        search.search()
    };
    let follow = move |event: web_sys::MouseEvent| {
        // A click that asks for a new tab or window is the browser's.
        if !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key()) {
            event.prevent_default();
            page.follow(&untrack(search));
        }
    };
    view! {
        <a
            href=move || format!("./{}", search())
            aria-label=move || fill(text::WORDS_OF, &[("words", words), ("name", &page.name_of(&address.get()))])
            on:click=follow
        >
            {words}
        </a>
    }
}

/// A link to the Model view.
#[component]
pub(in crate::page) fn ModelLink(#[prop(into)] address: Signal<String>) -> impl IntoView {
    view! { <ViewLink view=Some("model") address words=text::ABOUT/> }
}
