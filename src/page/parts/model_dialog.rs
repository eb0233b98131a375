//! The dialog for a model that is not listed: its properties, before anything large is downloaded.

use leptos::html::Dialog;
use leptos::prelude::*;

use crate::choice::at_dimension;
use crate::hub::{About, ListedFile, Memory};
use crate::page::catalogue::{fill, model_dialog as text};
use crate::page::files::chosen_files;
use crate::page::model_dialog::hub_host;
use crate::page::names;
use crate::page::state::Page;
use crate::page::words;
use crate::protocol::{Offer, StoredModel};

/// A quantization: its word in an address, what it means, and its bytes.
type QuantizationChoice = (&'static str, &'static str, fn(&Memory) -> u64);

/// The first is the default.
const QUANTIZATIONS: [QuantizationChoice; 3] =
    [("q8", text::Q8, |m| m.q8), ("q4", text::Q4, |m| m.q4), ("f16", text::F16, |m| m.f16)];

/// The dialog, one for all views.
#[component]
pub(in crate::page) fn ModelDialog() -> impl IntoView {
    let page = Page::here();
    let state = page.model_dialog;
    let dialog = NodeRef::<Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        match (state.is_open.get(), dialog.open()) {
            (true, false) => {
                // A browser without modal dialogs shows it inline.
                let _ = dialog.show_modal();
            }
            (false, true) => dialog.close(),
            _ => {}
        }
    });
    let look = move |e: web_sys::SubmitEvent| {
        e.prevent_default();
        page.inspect_typed();
    };
    let folder = move |e: web_sys::Event| page.take_folder(chosen_files(&e));
    let asked = move || state.inspecting.with(|a| a.as_ref().map(|(_, words)| words.clone()));
    view! {
        <dialog class="bring" node_ref=dialog aria-labelledby="bring" on:close=move |_| page.close_model_dialog()>
            <header>
                <h2 id="bring">{text::TITLE}</h2>
                <button type="button" class="quiet" on:click=move |_| page.close_model_dialog()>{text::CLOSE}</button>
            </header>
            <form on:submit=look>
                <label for="model-name">{text::FIELD}</label>
                <div class="ask-for">
                    <input
                        id="model-name"
                        type="text"
                        inputmode="url"
                        autocomplete="off"
                        autocapitalize="off"
                        spellcheck="false"
                        placeholder=text::EXAMPLE
                        aria-describedby="model-name-why"
                        prop:value=move || state.typed.get()
                        on:input:target=move |e| state.typed.set(e.target().value())
                    />
                    <button type="submit">{text::LOOK}</button>
                </div>
                <p class="hint" id="model-name-why">
                    {fill(text::SENT, &[("host", &hub_host())])}
                </p>
                <label class="pick">
                    <span>{text::FOLDER}</span>
                    <input type="file" prop:webkitdirectory=true multiple on:change=folder/>
                </label>
                <p class="hint">{text::DROP}</p>
            </form>
            <div aria-live="polite" class="answer">
                {move || asked().map(|words| view! {
                    <p>{words} " … " <button type="button" class="quiet" on:click=move |_| page.cancel_inspection()>{text::CANCEL}</button></p>
                })}
                {move || state.offer.get().map(|offer| view! { <InspectedModel offer/> })}
            </div>
            <div role="alert">
                {move || state.problem.get().map(|problem| view! { <p class="message problem">{problem}</p> })}
            </div>
            <StoredModels/>
        </dialog>
    }
}

/// An inspected model's properties, and the button that loads it.
#[component]
fn InspectedModel(offer: Offer) -> impl IntoView {
    let page = Page::here();
    let Offer { url, about, commit, gated, room, kept } = offer;
    let quantization = RwSignal::new(kept.first().map_or("q8", |first| stored_or_default(first)).to_owned());
    let (dimension, wrong) = (page.model_dialog.dimension, RwSignal::new(None));
    let all = about.dimension.unwrap_or_default();
    let load = {
        let url = url.clone();
        move |_| match kept_dimension(&dimension.get_untracked(), all) {
            Ok(kept) => {
                let url = with_quantization(&url, &quantization.get_untracked());
                page.use_model(kept.map_or(url.clone(), |n| at_dimension(&url, n)));
            }
            Err(why) => wrong.set(Some(why)),
        }
    };
    let fewer = about.memory.filter(|_| about.refused.is_none()).map(|_| {
        view! {
            <details class="fewer" prop:open=move || dimension.with_untracked(|d| !d.is_empty())>
                <summary>{text::FEWER}</summary>
                <label class="field">
                    <span>{text::DIMENSION}</span>
                    <input
                        type="number"
                        min="1"
                        max=all
                        placeholder=all
                        prop:value=move || dimension.get()
                        on:input:target=move |e| { wrong.set(None); dimension.set(e.target().value()) }
                    />
                </label>
                <p class="why">{text::FEWER_IS}</p>
                {move || wrong.get().map(|why| view! { <p class="message problem" role="alert">{why}</p> })}
            </details>
        }
    });
    let choices = about.memory.filter(|_| about.refused.is_none()).map(|memory| {
        let one = |(word, meaning, bytes): QuantizationChoice| {
            let is_kept = kept.iter().any(|k| k == word);
            let size = size(bytes(&memory) as f64);
            view! {
                <label class="way">
                    <input
                        type="radio"
                        name="packing"
                        value=word
                        prop:checked=move || quantization.with(|p| p == word)
                        on:change=move |_| quantization.set(word.into())
                    />
                    <span><strong>{fill(text::QUANTIZATION_SIZE, &[("bits", &words::bits(word)), ("size", &size)])}</strong> {is_kept.then_some(text::IS_STORED)}</span>
                    <span class="why">{meaning}</span>
                </label>
            }
        };
        view! {
            <fieldset class="ways">
                <legend>{text::QUANTIZATION}</legend>
                {QUANTIZATIONS.map(one).collect_view()}
            </fieldset>
        }
    });
    let keeps = {
        let (memory, kept, tokenizer) = (about.memory, kept.clone(), tokenizer_bytes(&about));
        move || {
            let word = quantization.get();
            if kept.contains(&word) {
                return Some(text::STORED.to_owned());
            }
            let of = QUANTIZATIONS.iter().find(|(name, ..)| *name == word)?;
            let needs = (of.2)(&memory?) as f64 + tokenizer as f64;
            Some(match room {
                Some((quota, used)) => {
                    let can = quota - used > needs;
                    let free = size((quota - used).max(0.0));
                    fill(if can { text::CAN_STORE } else { text::CANNOT_STORE }, &[("free", &free)])
                }
                None => text::MAYBE_STORE.into(),
            })
        }
    };
    let bytes = about.bytes();
    let from_files = url.starts_with("files:");
    let comes = match (from_files, about.is_sized()) {
        (true, true) => text::READS,
        (true, false) => text::READS_AT_LEAST,
        (false, true) => text::DOWNLOADS,
        (false, false) => text::DOWNLOADS_AT_LEAST,
    };
    let comes = fill(comes, &[("size", &size(bytes as f64))]);
    let notes: Vec<String> = about.notes.clone();
    let gated = gated.then_some(text::GATED);
    let is_supported = about.refused.is_none();
    view! {
        <section class="offered" aria-labelledby="offered">
            <h3 id="offered">{about.name.clone()}</h3>
            {match about.refused.clone() {
                None => view! { <p class="verdict">{text::SUPPORTED}</p> }.into_any(),
                Some(why) => view! {
                    <p class="message problem"><span><strong>{text::REFUSED}</strong> {crate::page::messages::sentence(&why)}</span></p>
                }.into_any(),
            }}
            <dl>{rows(&about, commit).into_iter().map(|(name, value)| view! { <dt>{name}</dt><dd>{value}</dd> }).collect_view()}</dl>
            {(!notes.is_empty()).then(|| view! {
                <ul class="notes">{notes.into_iter().map(|note| view! { <li>{note}</li> }).collect_view()}</ul>
            })}
            <ModelFiles about=about.clone()/>
            {choices}
            {fewer}
            {is_supported.then(|| view! {
                <p class="hint">{keeps}</p>
                {gated.map(|gated| view! { <p class="hint">{gated}</p> })}
                <p class="go">
                    <button type="button" on:click=load>{text::LOAD}</button>
                    <span class="hint">{comes}</span>
                </p>
            })}
        </section>
    }
}

/// Names and values of the known properties.
fn rows(about: &About, commit: Option<String>) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    let mut row =
        |name, value: Option<String>| rows.extend(value.filter(|v| !v.is_empty()).map(|v| (name, v)));
    row(text::ARCHITECTURE, Some(about.architecture.clone()));
    row(text::LICENCE, Some(about.licence.clone().unwrap_or_else(|| text::NOT_IN_CARD.into())));
    row(text::LANGUAGES, Some(languages(&about.languages)));
    let number = |n: Option<usize>, what: &str| n.map(|n| fill(what, &[("n", &words::count(n))]));
    let shape = [
        number(about.dimension, text::DIMENSIONS),
        number(about.layers, text::LAYERS),
        number(about.vocabulary, text::VOCABULARY),
        number(about.parameters.map(|n| usize::try_from(n).unwrap_or(usize::MAX)), text::PARAMETERS),
    ];
    row(text::SHAPE, Some(shape.into_iter().flatten().collect::<Vec<_>>().join(", ")));
    row(text::LONGEST, number(about.max_tokens, text::TOKENS));
    let normalized = about.normalized.map(|is| if is { text::NORMALIZED } else { "" }).unwrap_or_default();
    row(
        text::VECTORS,
        about.pooling.as_ref().map(|pooling| {
            let pooled = match pooling.as_str() {
                "mean" => text::MEAN,
                "cls" => text::FIRST,
                "max" => text::LARGEST,
                other => other,
            };
            let compared =
                about.similarity.as_ref().map(|by| fill(text::COMPARED, &[("by", by)])).unwrap_or_default();
            format!("{pooled}{normalized}{compared}")
        }),
    );
    let prompt = |prompt: &str, some: &str, none: &str| match prompt {
        "" => none.to_owned(),
        prompt => fill(some, &[("prompt", prompt)]),
    };
    let prompts = [
        prompt(&about.query_prompt, text::QUERY_PROMPT, text::NO_QUERY_PROMPT),
        prompt(&about.passage_prompt, text::PASSAGE_PROMPT, text::NO_PASSAGE_PROMPT),
    ];
    row(text::PROMPTS, about.dimension.filter(|_| about.memory.is_some()).map(|_| prompts.join(", ")));
    row(text::VERSION, commit.map(|commit| commit.chars().take(12).collect()));
    rows
}

/// The languages' names; of many, the first few.
fn languages(codes: &[String]) -> String {
    const SHOWN: usize = 12;
    let names: Vec<String> = codes.iter().take(SHOWN).map(|code| names::english(code)).collect();
    match (codes.len(), names.join(", ")) {
        (0, _) => text::NOT_IN_CARD.into(),
        (n, list) if n > SHOWN => fill(text::MORE, &[("names", &list), ("n", &words::count(n - SHOWN))]),
        (_, list) => list,
    }
}

/// The files to download, and the others.
#[component]
fn ModelFiles(about: About) -> impl IntoView {
    let one = |file: ListedFile| {
        let bytes = file.bytes.map_or_else(|| text::SIZE_UNKNOWN.to_owned(), |n| size(n as f64));
        view! { <li><span>{file.path}</span> <span>{bytes}</span></li> }
    };
    let (needed, others) = (about.needed.clone(), about.others.clone());
    let summary = fill(
        if others.is_empty() { text::FILES } else { text::FILES_AND_OTHERS },
        &[
            ("files", &words::plural(needed.len(), text::FILE)),
            ("size", &size(about.bytes() as f64)),
            ("others", &words::plural(others.len(), text::OTHER)),
        ],
    );
    view! {
        <details class="its-files">
            <summary>{summary}</summary>
            <ul>{needed.into_iter().map(one).collect_view()}</ul>
            {(!others.is_empty()).then(|| view! {
                <p class="hint">{text::NOT_NEEDED}</p>
                <ul>{others.into_iter().map(one).collect_view()}</ul>
            })}
        </details>
    }
}

/// The models that this browser stores.
#[component]
fn StoredModels() -> impl IntoView {
    let page = Page::here();
    let state = page.model_dialog;
    let one = move |model: StoredModel| {
        let StoredModel { url, name, quantization, bytes, date } = model;
        let known = page.name_of(&url);
        let label = if known == url { name } else { known };
        let facts = [
            Some(words::bits(&quantization)),
            Some(size(bytes as f64)),
            date.map(|day| fill(text::LAST_USED, &[("date", &day)])),
        ];
        let facts = facts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        let of = |words| fill(words, &[("name", label.as_str())]);
        let (of_load, of_remove) = (of(text::LOAD_OF), of(text::REMOVE_OF));
        let (to_load, to_remove) = (url.clone(), url);
        view! {
            <li>
                <p>{label} " " <span class="hint">{facts}</span></p>
                <span class="buttons">
                    <button type="button" class="quiet" aria-label=of_load on:click=move |_| page.use_model(to_load.clone())>
                        {text::LOAD}
                    </button>
                    <button type="button" class="quiet" aria-label=of_remove on:click=move |_| page.remove_stored(to_remove.clone())>
                        {text::REMOVE}
                    </button>
                </span>
            </li>
        }
    };
    view! {
        <section class="kept" aria-labelledby="kept">
            <h3 id="kept">{text::KEPT}</h3>
            {move || match (state.stored_problem.get(), state.stored.get()) {
                (Some(why), _) => view! { <p class="hint">{why}</p> }.into_any(),
                (None, kept) if kept.is_empty() => view! { <p class="hint">{text::NONE_STORED}</p> }.into_any(),
                (None, kept) => view! { <ul aria-label=text::STORED_LIST>{kept.into_iter().map(one).collect_view()}</ul> }.into_any(),
            }}
        </section>
    }
}

/// The address of a model in this quantization.
fn with_quantization(url: &str, word: &str) -> String {
    if word == QUANTIZATIONS[0].0 {
        return url.into();
    }
    match url.split_once('#') {
        Some((model, hub)) => format!("{model}:{word}#{hub}"),
        None => format!("{url}:{word}"),
    }
}

/// How many of a model's dimensions the user wants to keep; `None`: all.
///
/// # Errors
/// A sentence, if it has no such number.
fn kept_dimension(typed: &str, all: usize) -> Result<Option<usize>, String> {
    match typed.trim() {
        "" => Ok(None),
        number => match number.parse() {
            Ok(n) if n == all => Ok(None),
            Ok(n) if (1..all).contains(&n) => Ok(Some(n)),
            _ => Err(fill(text::NO_DIMENSION, &[("all", &words::count(all))])),
        },
    }
}

fn stored_or_default(word: &str) -> &'static str {
    QUANTIZATIONS.iter().find(|(name, ..)| *name == word).map_or(QUANTIZATIONS[0].0, |(name, ..)| name)
}

/// The tokenizer's size.
fn tokenizer_bytes(about: &About) -> u64 {
    let is = |file: &&ListedFile| file.path.ends_with("tokenizer.json");
    about.needed.iter().find(is).and_then(|file| file.bytes).unwrap_or_default()
}

/// `1.2 GB`; smaller sizes as elsewhere.
fn size(bytes: f64) -> String {
    if bytes >= 1e9 { format!("{:.1} GB", bytes / 1e9) } else { words::bytes(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantization_precedes_the_hub() {
        assert_eq!(with_quantization("hub:a/b", "q8"), "hub:a/b");
        assert_eq!(with_quantization("hub:a/b@v1", "q4"), "hub:a/b@v1:q4");
        assert_eq!(with_quantization("hub:a/b#http://h:1", "f16"), "hub:a/b:f16#http://h:1");
    }

    #[test]
    fn a_dimension_is_one_that_the_model_has() {
        assert_eq!(
            [" ", "384", "256", "1"].map(|typed| kept_dimension(typed, 384).unwrap()),
            [None, None, Some(256), Some(1)]
        );
        for wrong in ["0", "385", "-1", "1.5", "many"] {
            assert!(kept_dimension(wrong, 384).unwrap_err().contains("384"), "{wrong}");
        }
    }

    #[test]
    fn known_properties_are_shown() {
        let about = About {
            architecture: "bert".into(),
            languages: ["de", "th"].map(String::from).into(),
            dimension: Some(384),
            memory: Some(Memory::default()),
            query_prompt: "query: ".into(),
            ..About::default()
        };
        let rows = rows(&about, Some("0123456789abcdef".into()));
        let of = |name| rows.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str());
        assert_eq!(of("Languages"), Some("German, Thai"));
        assert_eq!(of("Shape"), Some("384 dimensions"));
        assert_eq!(of("Licence"), Some("not stated in its model card"));
        assert_eq!(of("Prompts"), Some("“query: ” before a query, none before a passage"));
        assert_eq!(of("Version"), Some("0123456789ab"));
        assert_eq!(of("Maximum length"), None);
        assert_eq!(size(12.3e9), "12.3 GB");
    }
}
