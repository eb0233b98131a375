//! What a model is, in words and facts.

use super::FactRows;
use crate::page::catalogue::{card as text, fill, model_dialog};
use crate::page::names;
use crate::page::parts::document::{Block, Span};
use crate::page::words;
use crate::protocol::ModelCard;

pub(super) fn about(card: &ModelCard) -> Vec<Block> {
    let what = fill(text::WHAT_IT_IS, &[("n", &words::count(card.dimension))]);
    let mut out = vec![Block::Text(vec![Span::Plain(what)]), Block::Facts(facts(card))];
    if !card.notes.is_empty() {
        out.push(Block::Notes(card.notes.clone()));
    }
    out
}

fn facts(card: &ModelCard) -> FactRows {
    let languages: Vec<String> = card.languages.iter().map(|code| names::english(code)).collect();
    let recorded = |value: String| if value.is_empty() { text::NOT_RECORDED.to_owned() } else { value };
    let licence = if card.licence == "unknown" { String::new() } else { card.licence.clone() };
    let [query, passage] = card.prompts.each_ref().map(|prompt| match prompt.as_str() {
        "" => model_dialog::NO_PROMPT.to_owned(),
        prompt => fill(model_dialog::PROMPT, &[("prompt", prompt)]),
    });
    let size = [("size", words::bytes(card.bytes as f64)), ("bits", words::bits(&card.quantization))];
    let shape = [
        ("layers", words::count(card.layers)),
        ("dimensions", words::count(card.dimension)),
        ("vocabulary", words::count(card.vocabulary)),
    ];
    let prompts = [("query", query), ("passage", passage)];
    let longest = [("n", words::count(card.max_tokens))];
    let filled = |form, places: &[(&str, String)]| {
        let places: Vec<(&str, &str)> = places.iter().map(|(name, value)| (*name, value.as_str())).collect();
        fill(form, &places)
    };
    vec![
        (text::LANGUAGES, recorded(languages.join(", "))),
        (text::LICENCE, recorded(licence)),
        (text::SIZE, filled(text::SIZE_IS, &size)),
        (text::SHAPE, filled(text::SHAPE_IS, &shape)),
        (text::LONGEST, filled(text::LONGEST_IS, &longest)),
        (text::PROMPTS, filled(text::PROMPTS_ARE, &prompts)),
    ]
}
