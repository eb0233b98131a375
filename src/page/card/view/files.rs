//! A model's files and their hashes, how to use it in one's own page, and where to read on.

use crate::choice::split_dimension;
use crate::page::catalogue::{card as text, shell};
use crate::page::model::MODEL;
use crate::page::model_dialog::{hub_page, imported_path, is_imported, quantization_of};
use crate::page::parts::document::{Block, DocumentCell, DocumentTable, Span};
use crate::page::words;
use crate::protocol::{ModelCard, ModelFile};

/// The files and the program that loads them; that program.
pub(super) fn files(card: &ModelCard) -> (Vec<Block>, String) {
    let row = |ModelFile { name, bytes, sha256 }: &ModelFile| {
        let hash = DocumentCell { text: sha256.clone(), class: "hash", ..DocumentCell::default() };
        (name.as_str().into(), vec![words::bytes(*bytes as f64).into(), hash])
    };
    let table = DocumentTable {
        name: text::FILE_TABLE.into(),
        class: "scroll words",
        corner: None,
        head: [text::SIZE, text::SHA256].map(Into::into).into(),
        rows: card.files.iter().map(row).collect(),
    };
    let mut hashes = vec![(text::MANIFEST_HASH, card.hash.clone())];
    hashes.extend((!card.weights.is_empty()).then(|| (text::WEIGHTS_HASH, card.weights.clone())));
    let snippet = snippet(&card.url);
    let blocks = vec![
        Block::Head(text::FILES),
        Block::Table(table),
        Block::Facts(hashes),
        Block::Head(text::OWN_PAGE),
        Block::Text(vec![Span::Plain(text::OWN_PAGE_IS.into())]),
        Block::Code(text::SNIPPET, snippet.clone()),
    ];
    (blocks, snippet)
}

/// A program that loads this model and searches with it.
fn snippet(url: &str) -> String {
    let (whole, dimension) = split_dimension(url);
    let model = match is_imported(url) {
        false => whole.as_str(),
        // Of a folder of this device there is no address: this stands for its bundle's.
        true if url.starts_with("files:") => MODEL,
        true => imported_path(url),
    };
    let quantization = quantization_of(url).filter(|_| url.starts_with("hub:"));
    let options =
        [quantization.map(|q| format!("quantization: {q:?}")), dimension.map(|n| format!("dimension: {n}"))];
    let load = match options.into_iter().flatten().collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => format!("{model:?}"),
        some => format!("{model:?}, {{ {some} }}"),
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
pub(super) fn links(url: &str, listed: bool) -> Vec<Block> {
    let mut out = Vec::new();
    out.extend(hub_page(url).map(|page| (text::HUB_PAGE, page)));
    if !is_imported(url) {
        let (url, _) = split_dimension(url);
        out.extend(listed.then(|| (text::MODEL_CARD, format!("{url}README.md"))));
        out.push((text::MANIFEST, format!("{url}manifest.json")));
    }
    out.push((shell::IN_YOUR_PAGE, "example/index.html".into()));
    out.push((text::PAPER, "https://arxiv.org/abs/2408.10536".into()));
    vec![Block::Head(text::LINKS), Block::Links(out)]
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
            ("hub:a/b?dimension=64", "load(\"a/b\", { dimension: 64 })"),
            ("hub:a/b:q4?dimension=64#https://h", "load(\"a/b\", { quantization: \"q4\", dimension: 64 })"),
            ("hub:a/b@v1:q4", "load(\"a/b@v1\", { quantization: \"q4\" })"),
        ] {
            assert!(snippet(url).contains(load), "{}", snippet(url));
        }
    }
}
