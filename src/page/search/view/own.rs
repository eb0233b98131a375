//! The panel for the user's own text.

use leptos::prelude::*;

use crate::page::catalogue::search as text;
use crate::page::parts::TextFiles;
use crate::page::search::Search;

/// Below the box, when opened.
#[component]
pub(super) fn OwnText() -> impl IntoView {
    let search = Search::here();
    let page = search.page;
    let pasted = RwSignal::new(String::new());
    let fold = move |e: web_sys::KeyboardEvent| {
        if e.key() == "Escape" && !e.is_composing() {
            search.show_own(false);
        }
    };
    view! {
        <section class="own" id="own" aria-label=text::OWN_TEXT hidden=move || !search.own_is_open.get() on:keydown=fold>
            <p>
                {text::OWN_IS_READ_HERE}
                <strong>{text::NOTHING_LEAVES}</strong>
                {text::OPEN_UNTIL_READY}
            </p>
            <label class="paste">
                <span>{text::PASTE}</span>
                <textarea
                    id="pasted"
                    rows="5"
                    dir="auto"
                    spellcheck="false"
                    prop:value=move || pasted.get()
                    on:input:target=move |e| pasted.set(e.target().value())
                ></textarea>
            </label>
            <button type="button" on:click=move |_| page.open_pasted(pasted.get_untracked())>{text::SEARCH_THIS}</button>
            <TextFiles label=text::CHOOSE_FILES class="pick"/>
            <p class="hint">{text::FILES_ARE}</p>
            <label class="switch">
                <input
                    type="checkbox"
                    prop:checked=move || page.windows.get()
                    on:change:target=move |e| page.choose_windows(e.target().checked())
                />
                <span>{text::SPLIT}</span>
            </label>
        </section>
    }
}
