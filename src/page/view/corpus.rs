//! What is searched, and how to search in something else.

use leptos::prelude::*;

use super::app::files;
use super::progress::Progress;
use crate::datasets::{Fields, Role};
use crate::page::state::{Page, Worker};
use crate::page::words;
use crate::protocol::CorpusInfo;

#[component]
pub(super) fn Corpus() -> impl IntoView {
    let page = Page::here();
    let pasted = RwSignal::new(String::new());
    let own = move || page.corpus.with(|c| c.as_ref().is_some_and(|c| !c.precomputed));
    let none = move || page.corpus.with(Option::is_none) && page.opening.with(Option::is_none);
    let choose = move |e: web_sys::Event| {
        let input: web_sys::HtmlInputElement = event_target(&e);
        page.read_files(input.files().map(files).unwrap_or_default());
        // The same file can be chosen again.
        input.set_value("");
    };
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
            {move || (none() && matches!(page.worker.get(), Worker::Listening { .. })).then(|| view! {
                <button type="button" class="quiet" on:click=move |_| page.open_again()>"Open the sample"</button>
            })}
            <Notes/>
            <Columns fields choose=choose_column/>
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

/// How far a corpus is that is being encoded.
#[component]
pub(super) fn CorpusProgress() -> impl IntoView {
    let page = Page::here();
    let before = Signal::derive(move || {
        if page.model.with(Option::is_none) { "begins when the model is ready" } else { "begins" }
    });
    view! {
        <Progress activity=page.opening before cancel=Callback::new(move |()| page.stop_opening())/>
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

/// Which column of a table, or field of JSON lines, is what, to be chosen anew.
#[component]
pub(super) fn Columns(
    fields: Signal<Vec<Fields>>,
    /// Gets the file, what is chosen anew, and the column's name; `None` for none.
    choose: Callback<(String, Role, Option<String>)>,
) -> impl IntoView {
    let fields =
        Memo::new(move |_| fields.get().into_iter().filter(|f| f.names.len() > 1).collect::<Vec<_>>());
    let of_file = move |fields: Fields| {
        let choices = [
            ("Text", Role::Text),
            ("Language", Role::Language),
            ("Title", Role::Title),
            ("Id", Role::Id),
            ("Question", Role::Question),
        ];
        let file = fields.file.clone();
        let choice = move |(label, role): (&'static str, Role)| {
            let read = fields.column(role);
            let names = fields.names.clone();
            let file = fields.file.clone();
            let change = move |e: web_sys::Event| {
                let value = event_target_value(&e);
                choose.run((file.clone(), role, Some(value).filter(|v| !v.is_empty())));
            };
            // A text there has to be.
            let none = (role != Role::Text)
                .then(|| view! { <option value="" selected=read.is_none()>"none"</option> });
            let option = |(i, name): (usize, String)| {
                let value = name.clone();
                view! { <option value=value selected=read == Some(i)>{name}</option> }
            };
            view! {
                <label>
                    <span>{label}</span>
                    <select on:change=change>{none}{names.into_iter().enumerate().map(option).collect_view()}</select>
                </label>
            }
        };
        view! {
            <details>
                <summary>{format!("What is what in {file}")}</summary>
                <div class="columns-of">{choices.map(choice).collect_view()}</div>
            </details>
        }
    };
    view! { {move || fields.get().into_iter().map(of_file).collect_view()} }
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
