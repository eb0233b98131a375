//! A model's files and their hashes, how to use it in one's own page, and where to read on.

use leptos::prelude::*;

use super::{Rows, facts};
use crate::page::bring::{hub_page, is_made, made_at, packing_of};
use crate::page::card::Card;
use crate::page::catalogue::{card as text, shell};
use crate::page::model::MODEL;
use crate::page::words;
use crate::protocol::{ModelCard, ModelFile};

#[component]
pub(super) fn Files(card: ModelCard) -> impl IntoView {
    let c = Card::here();
    let file = |file: &ModelFile| {
        let ModelFile { name, bytes, sha256 } = file.clone();
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td>{words::bytes(bytes as f64)}</td>
                <td class="hash">{sha256}</td>
            </tr>
        }
    };
    let mut hashes: Rows = vec![(text::MANIFEST_HASH, card.hash.clone())];
    hashes.extend((!card.weights.is_empty()).then(|| (text::WEIGHTS_HASH, card.weights.clone())));
    let snippet = snippet(&card.url);
    let copied = snippet.clone();
    let listed = c.page.listed(&card.url).is_some();
    view! {
        <h3>{text::FILES}</h3>
        <div class="scroll" tabindex="0" role="region" aria-label=text::FILE_TABLE>
            <table class="figures words">
                <caption class="unseen">{text::FILE_TABLE}</caption>
                <thead><tr>
                    <th scope="col">{text::FILE}</th>
                    <th scope="col">{text::SIZE}</th>
                    <th scope="col">"SHA-256"</th>
                </tr></thead>
                <tbody>{card.files.iter().map(file).collect_view()}</tbody>
            </table>
        </div>
        {facts(hashes)}
        <h3>{text::OWN_PAGE}</h3>
        <p>{text::OWN_PAGE_IS}</p>
        <pre tabindex="0" aria-label=text::SNIPPET>{snippet}</pre>
        <p class="buttons">
            <button type="button" class="quiet" on:click=move |_| c.page.copy(copied.clone(), text::COPIED)>{text::COPY}</button>
        </p>
        <h3>{text::LINKS}</h3>
        <ul class="links">
            {links(&card.url, listed).into_iter().map(|(words, to)| view! {
                <li><a href=to rel="noreferrer">{words}</a></li>
            }).collect_view()}
        </ul>
    }
}

/// A program that loads this model and searches with it.
fn snippet(url: &str) -> String {
    let load = match packing_of(url) {
        _ if !is_made(url) => format!("{url:?}"),
        // Of a folder of this device there is no address: this stands for its bundle's.
        _ if url.starts_with("files:") => format!("{MODEL:?}"),
        None => format!("{:?}", made_at(url)),
        Some(packing) => format!("{:?}, {{ quantization: {packing:?} }}", made_at(url)),
    };
    format!(
        "import init, {{ load, index, search }} from \"./worker.js\";\n\
         await init();\n\
         await load({load});\n\
         await index([{{ lang: \"de\", text: \"Bienen lagern Honig in Waben.\" }}]);\n\
         console.log(await search(\"where is honey stored?\"));"
    )
}

/// Where to read on about a model.
fn links(url: &str, listed: bool) -> Vec<(&'static str, String)> {
    let mut out = Vec::new();
    out.extend(hub_page(url).map(|page| (text::HUB_PAGE, page)));
    if !is_made(url) {
        out.extend(listed.then(|| (text::MODEL_CARD, format!("{url}README.md"))));
        out.push((text::MANIFEST, format!("{url}manifest.json")));
    }
    out.push((shell::IN_YOUR_PAGE, "example/index.html".into()));
    out.push((text::PAPER, "https://arxiv.org/abs/2408.10536".into()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_snippet_names_the_model() {
        for (url, load) in [
            ("https://a.example/model/", "load(\"https://a.example/model/\")"),
            ("hub:a/b", "load(\"a/b\")"),
            ("files:mine~0123", "load(\"model/\")"),
            ("hub:a/b@v1:q4", "load(\"a/b@v1\", { quantization: \"q4\" })"),
        ] {
            assert!(snippet(url).contains(load), "{}", snippet(url));
        }
    }
}
