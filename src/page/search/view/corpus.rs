//! What is searched, and how to search in something else.

use leptos::prelude::*;

use crate::page::files::chosen;
use crate::page::parts::FieldRoles;
use crate::page::state::Page;
use crate::page::words;
use crate::protocol::CorpusInfo;

#[component]
pub(super) fn Corpus() -> impl IntoView {
    let page = Page::here();
    let pasted = RwSignal::new(String::new());
    let own = move || page.corpus.with(|c| c.as_ref().is_some_and(|c| !c.precomputed));
    let none = move || page.corpus.with(Option::is_none) && page.opening.with(Option::is_none);
    let choose = move |e: web_sys::Event| page.read_files(chosen(&e));
    let fields = Signal::derive(move || {
        page.corpus.with(|c| c.as_ref().map(|c| c.fields.clone()).unwrap_or_default())
    });
    let choose_column = Callback::new(move |(file, role, column): (String, _, _)| {
        page.choose_column(&file, role, column);
    });
    view! {
        <section class="corpus" aria-label="Text that is searched">
            <p class="open">{move || open_words(page)}</p>
            {move || own().then(|| view! {
                <button type="button" class="quiet" on:click=move |_| page.open_sample()>"Back to the sample"</button>
            })}
            {move || (none() && page.worker.get().is_listening()).then(|| view! {
                <button type="button" class="quiet" on:click=move |_| page.open_again()>"Open the sample"</button>
            })}
            <Notes/>
            <FieldRoles fields choose=choose_column/>
            <details>
                <summary>"Search your own text"</summary>
                <div class="own">
                    <p>
                        "Your text is read and encoded here, in this browser. "
                        <strong>"Nothing leaves this device."</strong>
                        " What is open now stays searchable until the new text is ready."
                    </p>
                    <label class="switch">
                        <input
                            type="checkbox"
                            prop:checked=move || page.windows.get()
                            on:change:target=move |e| page.choose_windows(e.target().checked())
                        />
                        <span>"Split long passages into overlapping windows, so that they are read to the end"</span>
                    </label>
                    <label class="pick">
                        <span>"Choose files"</span>
                        <input type="file" multiple accept=".json,.jsonl,.ndjson,.csv,.tsv,.txt,.gz,.zst" on:change=choose/>
                    </label>
                    <p class="hint">
                        "A table (.csv, .tsv), JSON lines (.jsonl), a passage a line (.txt), or XQuAD-R (.json), also "
                        "packed (.gz, .zst). What was read as what is said here and can be changed. You can also drop "
                        "files anywhere on the page."
                    </p>
                    <label class="paste">
                        <span>"Or paste passages, one a line"</span>
                        <textarea
                            rows="5"
                            dir="auto"
                            spellcheck="false"
                            prop:value=move || pasted.get()
                            on:input:target=move |e| pasted.set(e.target().value())
                        ></textarea>
                    </label>
                    <button type="button" on:click=move |_| page.open_pasted(pasted.get_untracked())>
                        "Search in this text"
                    </button>
                </div>
            </details>
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

/// What is to be known about a corpus, and what the model's window leaves out of it.
fn all_notes(corpus: &CorpusInfo) -> Vec<String> {
    let mut notes = corpus.notes.clone();
    let cut = corpus.cut.filter(|cut| cut.longer > 0);
    notes.extend(cut.and_then(|cut| cut.sentence("passage", "passages")).map(|said| {
        let way_out = "“Search your own text” can split long passages, so that they are read to the end.";
        if corpus.precomputed || corpus.windows { said } else { format!("{said} {way_out}") }
    }));
    notes
}

/// `Sample: 1,320 passages in 11 languages`.
fn open_words(page: Page) -> String {
    page.corpus.with(|corpus| match corpus {
        Some(c) => format!(
            "{}: {} in {}",
            c.name,
            words::plural(c.passages, "passage"),
            words::plural(c.languages.len(), "language")
        ),
        None if page.opening.with(Option::is_some) => "The sample is being opened.".into(),
        None => "No text is open.".into(),
    })
}
