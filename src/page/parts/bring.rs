//! Choosing a model that is not listed: what it is, before it comes.

use leptos::html::Dialog;
use leptos::prelude::*;

use crate::hub::{About, Listed, Memory};
use crate::page::bring::{hub_host, shown};
use crate::page::files::chosen;
use crate::page::names;
use crate::page::state::Page;
use crate::page::words;
use crate::protocol::{KeptModel, Offer};

/// A way of packing: its word in an address, what it means, and its bytes.
type Way = (&'static str, &'static str, fn(&Memory) -> u64);

/// The first is taken where nothing is said.
const WAYS: [Way; 3] = [
    ("q8", "8 bits a weight: vectors nearly as in full", |m| m.q8),
    ("q4", "4 bits for the table, 8 for the rest: the smallest", |m| m.q4),
    ("f16", "16 bits a weight: nearest to the original, slower", |m| m.f16),
];

/// The dialog. It is there once, and opens for whoever wants a model.
#[component]
pub(in crate::page) fn Bring() -> impl IntoView {
    let page = Page::here();
    let bring = page.bring;
    let dialog = NodeRef::<Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        match (bring.is_open.get(), dialog.open()) {
            (true, false) => {
                // A browser that has no such dialogs shows it in its place.
                let _ = dialog.show_modal();
            }
            (false, true) => dialog.close(),
            _ => {}
        }
    });
    let look = move |e: web_sys::SubmitEvent| {
        e.prevent_default();
        page.look();
    };
    let folder = move |e: web_sys::Event| page.take_folder(chosen(&e));
    let asked = move || bring.asked.with(|a| a.as_ref().map(|(_, words)| words.clone()));
    view! {
        <dialog class="bring" node_ref=dialog aria-labelledby="bring" on:close=move |_| page.close_bring()>
            <header>
                <h2 id="bring">"Another model"</h2>
                <button type="button" class="quiet" on:click=move |_| page.close_bring()>"Close"</button>
            </header>
            <form on:submit=look>
                <label for="model-name">"A model’s name on the hub, or the address of a bundle’s folder"</label>
                <div class="ask-for">
                    <input
                        id="model-name"
                        type="text"
                        inputmode="url"
                        autocomplete="off"
                        autocapitalize="off"
                        spellcheck="false"
                        placeholder="intfloat/multilingual-e5-small"
                        aria-describedby="model-name-why"
                        prop:value=move || bring.field.get()
                        on:input:target=move |e| bring.field.set(e.target().value())
                    />
                    <button type="submit">"Look"</button>
                </div>
                <p class="hint" id="model-name-why">
                    "A name is looked up at " {hub_host()} ", and nothing is sent there but that request. Nothing large "
                    "comes before you say so."
                </p>
                <label class="pick">
                    <span>"Or the folder of a model on this device, which stays here"</span>
                    <input type="file" prop:webkitdirectory=true multiple on:change=folder/>
                </label>
                <p class="hint">"It can also be dropped anywhere on the page."</p>
            </form>
            <div aria-live="polite" class="answer">
                {move || asked().map(|words| view! {
                    <p>{words} " … " <button type="button" class="quiet" on:click=move |_| page.stop_looking()>"Cancel"</button></p>
                })}
                {move || bring.offer.get().map(|offer| view! { <Offered offer/> })}
            </div>
            <div role="alert">
                {move || bring.problem.get().map(|problem| view! { <p class="message problem">{problem}</p> })}
            </div>
            <Kept/>
        </dialog>
    }
}

/// What a model is, and the button by which it comes.
#[component]
fn Offered(offer: Offer) -> impl IntoView {
    let page = Page::here();
    let Offer { url, about, commit, gated, room, kept } = offer;
    let packing = RwSignal::new(kept.first().map_or("q8", |first| way(first)).to_owned());
    let load = {
        let url = url.clone();
        move |_| page.take_model(with_packing(&url, &packing.get_untracked()))
    };
    let ways = about.memory.filter(|_| about.refused.is_none()).map(|memory| {
        let one = |(word, meaning, bytes): Way| {
            let is_kept = kept.iter().any(|k| k == word);
            let size = size(bytes(&memory) as f64);
            view! {
                <label class="way">
                    <input
                        type="radio"
                        name="packing"
                        value=word
                        prop:checked=move || packing.with(|p| p == word)
                        on:change=move |_| packing.set(word.into())
                    />
                    <span><strong>{word} ", " {size}</strong> {is_kept.then_some(" (kept in this browser)")}</span>
                    <span class="why">{meaning}</span>
                </label>
            }
        };
        view! {
            <fieldset class="ways">
                <legend>"What it takes in memory and storage here"</legend>
                {WAYS.map(one).collect_view()}
            </fieldset>
        }
    });
    let keeps = {
        let (memory, kept, tokenizer) = (about.memory, kept.clone(), tokenizer_bytes(&about));
        move || {
            let word = packing.get();
            if kept.contains(&word) {
                return Some("It is kept in this browser: nothing has to come.".to_owned());
            }
            let of = WAYS.iter().find(|(name, ..)| *name == word)?;
            let needs = (of.2)(&memory?) as f64 + tokenizer as f64;
            Some(match room {
                Some((quota, used)) if quota - used > needs => format!(
                    "This browser can keep it, and then it comes without the network: there is room for {} more.",
                    size(quota - used)
                ),
                Some((quota, used)) => format!(
                    "This browser cannot keep it, as it has room for {} only: it can be loaded, and comes anew at each \
                     visit.",
                    size((quota - used).max(0.0))
                ),
                None => "Whether this browser can keep it, it does not tell.".into(),
            })
        }
    };
    let bytes = about.bytes();
    let at_least = if about.is_sized() { "" } else { "at least " };
    let from_files = url.starts_with("files:");
    let comes = match from_files {
        true => format!("{at_least}{} are read from this device", size(bytes as f64)),
        false => format!("{at_least}{} come over the network", size(bytes as f64)),
    };
    let notes: Vec<String> = about.notes.clone();
    let gated = gated.then_some(
        "It is gated: its files come only to who accepted its terms on the hub. Get its folder there, and choose it above.",
    );
    let is_supported = about.refused.is_none();
    view! {
        <section class="offered" aria-labelledby="offered">
            <h3 id="offered">{about.name.clone()}</h3>
            {match about.refused.clone() {
                None => view! { <p class="verdict">"Supported. In f32 its vectors are those of sentence-transformers to 1e-5."</p> }.into_any(),
                Some(why) => view! {
                    <p class="message problem"><span><strong>"It cannot be loaded. "</strong> {crate::page::messages::sentence(&why)}</span></p>
                }.into_any(),
            }}
            <dl>{rows(&about, commit).into_iter().map(|(name, value)| view! { <dt>{name}</dt><dd>{value}</dd> }).collect_view()}</dl>
            {(!notes.is_empty()).then(|| view! {
                <ul class="notes">{notes.into_iter().map(|note| view! { <li>{note}</li> }).collect_view()}</ul>
            })}
            <Files about=about.clone()/>
            {ways}
            {is_supported.then(|| view! {
                <p class="hint">{keeps}</p>
                {gated.map(|gated| view! { <p class="hint">{gated}</p> })}
                <p class="go">
                    <button type="button" on:click=load>"Load"</button>
                    <span class="hint">{comes}</span>
                </p>
            })}
        </section>
    }
}

/// Names and values of what is known.
fn rows(about: &About, commit: Option<String>) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    let mut row =
        |name, value: Option<String>| rows.extend(value.filter(|v| !v.is_empty()).map(|v| (name, v)));
    row("Architecture", Some(about.architecture.clone()));
    row("Licence", Some(about.licence.clone().unwrap_or_else(|| "its card names none".into())));
    row("Languages", Some(languages(&about.languages)));
    let number = |n: Option<usize>, what: &str| n.map(|n| format!("{} {what}", words::count(n)));
    let shape = [
        number(about.dimension, "dimensions"),
        number(about.layers, "layers"),
        number(about.vocabulary, "tokens in the vocabulary"),
        about
            .parameters
            .map(|n| format!("{} weights", words::count(usize::try_from(n).unwrap_or(usize::MAX)))),
    ];
    row("Shape", Some(shape.into_iter().flatten().collect::<Vec<_>>().join(", ")));
    row("Longest text", number(about.max_tokens, "tokens; what is longer is cut, or split into windows"));
    let normalized =
        about.normalized.map(|is| if is { ", scaled to length 1" } else { "" }).unwrap_or_default();
    row(
        "Vectors",
        about.pooling.as_ref().map(|pooling| {
            let pooled = match pooling.as_str() {
                "mean" => "the mean over tokens",
                "cls" => "the first token’s",
                "max" => "the largest of each dimension over tokens",
                other => other,
            };
            let compared =
                about.similarity.as_ref().map(|by| format!(", compared by {by}")).unwrap_or_default();
            format!("{pooled}{normalized}{compared}")
        }),
    );
    let prompt = |of: &str, prompt: &str| match prompt {
        "" => format!("none before a {of}"),
        prompt => format!("“{prompt}” before a {of}"),
    };
    let prompts = [prompt("query", &about.query_prompt), prompt("passage", &about.passage_prompt)];
    row("Prompts", about.dimension.filter(|_| about.memory.is_some()).map(|_| prompts.join(", ")));
    row("Version", commit.map(|commit| commit.chars().take(12).collect()));
    rows
}

/// By their names, the first few of many.
fn languages(codes: &[String]) -> String {
    const SHOWN: usize = 12;
    let names: Vec<String> = codes.iter().take(SHOWN).map(|code| names::english(code)).collect();
    match (codes.len(), names.join(", ")) {
        (0, _) => "its card names none".into(),
        (n, list) if n > SHOWN => format!("{list} and {} more", n - SHOWN),
        (_, list) => list,
    }
}

/// The files that come, and the others.
#[component]
fn Files(about: About) -> impl IntoView {
    let one = |file: Listed| {
        let bytes = file.bytes.map_or_else(|| "size unknown".to_owned(), |n| size(n as f64));
        view! { <li><span>{file.path}</span> <span>{bytes}</span></li> }
    };
    let (needed, others) = (about.needed.clone(), about.others.clone());
    let summary = format!(
        "{} to come, {}; {} not needed",
        words::plural(needed.len(), "file"),
        size(about.bytes() as f64),
        words::plural(others.len(), "other"),
    );
    view! {
        <details class="its-files">
            <summary>{summary}</summary>
            <ul>{needed.into_iter().map(one).collect_view()}</ul>
            {(!others.is_empty()).then(|| view! {
                <p class="hint">"Not needed:"</p>
                <ul>{others.into_iter().map(one).collect_view()}</ul>
            })}
        </details>
    }
}

/// Models that this browser keeps.
#[component]
fn Kept() -> impl IntoView {
    let page = Page::here();
    let bring = page.bring;
    let one = move |model: KeptModel| {
        let KeptModel { url, name, quantization, bytes, date } = model;
        let is_made = url.starts_with("hub:") || url.starts_with("files:");
        let label = if is_made { shown(&url) } else { name.clone() };
        let facts =
            [Some(quantization), Some(size(bytes as f64)), date.map(|day| format!("last used {day}"))];
        let facts = facts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        let (of_load, of_remove) = (format!("Load {label}"), format!("Remove {label}"));
        let (to_load, to_remove) = (url.clone(), url);
        view! {
            <li>
                <p>{label} " " <span class="hint">{facts}</span></p>
                <span class="buttons">
                    <button type="button" class="quiet" aria-label=of_load on:click=move |_| page.take_model(to_load.clone())>
                        "Load"
                    </button>
                    <button type="button" class="quiet" aria-label=of_remove on:click=move |_| page.remove_kept(to_remove.clone())>
                        "Remove"
                    </button>
                </span>
            </li>
        }
    };
    view! {
        <section class="kept" aria-labelledby="kept">
            <h3 id="kept">"Kept in this browser"</h3>
            {move || match (bring.kept_problem.get(), bring.kept.get()) {
                (Some(why), _) => view! { <p class="hint">{why}</p> }.into_any(),
                (None, kept) if kept.is_empty() => view! { <p class="hint">"None yet."</p> }.into_any(),
                (None, kept) => view! { <ul aria-label="Kept models">{kept.into_iter().map(one).collect_view()}</ul> }.into_any(),
            }}
        </section>
    }
}

/// The address of a model packed so.
fn with_packing(url: &str, word: &str) -> String {
    if word == WAYS[0].0 {
        return url.into();
    }
    match url.split_once('#') {
        Some((model, hub)) => format!("{model}:{word}#{hub}"),
        None => format!("{url}:{word}"),
    }
}

fn way(word: &str) -> &'static str {
    WAYS.iter().find(|(name, ..)| *name == word).map_or(WAYS[0].0, |(name, ..)| name)
}

/// What the tokenizer takes beside the weights.
fn tokenizer_bytes(about: &About) -> u64 {
    let is = |file: &&Listed| file.path.ends_with("tokenizer.json");
    about.needed.iter().find(is).and_then(|file| file.bytes).unwrap_or_default()
}

/// `1.2 GB`, and below that as everywhere.
fn size(bytes: f64) -> String {
    if bytes >= 1e9 { format!("{:.1} GB", bytes / 1e9) } else { words::bytes(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_of_packing_stands_before_the_hub() {
        assert_eq!(with_packing("hub:a/b", "q8"), "hub:a/b");
        assert_eq!(with_packing("hub:a/b@v1", "q4"), "hub:a/b@v1:q4");
        assert_eq!(with_packing("hub:a/b#http://h:1", "f16"), "hub:a/b:f16#http://h:1");
    }

    #[test]
    fn what_is_known_is_told() {
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
        assert_eq!(of("Licence"), Some("its card names none"));
        assert_eq!(of("Prompts"), Some("“query: ” before a query, none before a passage"));
        assert_eq!(of("Version"), Some("0123456789ab"));
        assert_eq!(of("Longest text"), None);
        assert_eq!(size(12.3e9), "12.3 GB");
    }
}
