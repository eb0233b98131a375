//! Notes about the open corpus.

use leptos::prelude::*;

use crate::page::catalogue::search as text;
use crate::page::parts::FieldRoles;
use crate::page::state::Page;
use crate::protocol::CorpusInfo;

#[component]
pub(super) fn CorpusNotes() -> impl IntoView {
    let page = Page::here();
    let fields = Signal::derive(move || {
        page.corpus.with(|c| c.as_ref().map(|c| c.fields.clone()).unwrap_or_default())
    });
    let choose_column = Callback::new(move |(file, role, column): (String, _, _)| {
        page.choose_column(&file, role, column);
    });
    view! {
        <section class="corpus" aria-label=text::ABOUT_TEXT>
            <Notes/>
            <FieldRoles fields choose=choose_column/>
        </section>
    }
}

#[component]
fn Notes() -> impl IntoView {
    let page = Page::here();
    let notes = Memo::new(move |_| page.corpus.with(|c| c.as_ref().map(all_notes).unwrap_or_default()));
    view! {
        {move || (!notes.with(Vec::is_empty)).then(|| view! {
            <ul class="notes">{notes.get().into_iter().map(|note| view! { <li>{note}</li> }).collect_view()}</ul>
        })}
    }
}

/// Notes about a corpus, including what the model's window truncated.
fn all_notes(corpus: &CorpusInfo) -> Vec<String> {
    let mut notes = corpus.notes.clone();
    let cut = corpus.cut.filter(|cut| cut.longer > 0);
    notes.extend(cut.and_then(|cut| cut.sentence("passage", "passages")).map(|said| {
        if corpus.precomputed || corpus.windows { said } else { format!("{said} {}", text::CAN_SPLIT) }
    }));
    notes
}
