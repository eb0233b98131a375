//! How a model was made, in sentences, with the texts it was trained on.

use crate::history::{AveragedModel, HistorySource, HistoryStage, HistoryStep, OverlapCheck};
use crate::page::catalogue::{card as text, fill};
use crate::page::messages::sentence;
use crate::page::parts::document::{Block, DocumentCell, DocumentTable, Span};
use crate::page::words;
use crate::protocol::ModelCard;

/// Before an identifier of arXiv, in a text.
const ARXIV: &str = "arXiv ";

pub(super) fn history(card: &ModelCard) -> Vec<Block> {
    let (made, background) = (&card.history, card.background.trim());
    let mut said: Vec<String> = Vec::new();
    if !background.is_empty() {
        said.push(sentence(background));
    }
    said.extend(made.steps.iter().map(step));
    said.extend(made.check.as_ref().map(check));
    if said.is_empty() {
        said.push(text::NO_HISTORY.into());
    }
    let mut out = vec![Block::Head(text::HISTORY)];
    out.extend(said.iter().map(|said| Block::Text(linked(said))));
    if !made.sources.is_empty() {
        let summary = fill(
            text::SOURCES,
            &[
                ("sources", &words::plural(made.sources.len(), text::SOURCE)),
                ("records", &number(made.sources.iter().filter_map(|s| s.records).sum())),
            ],
        );
        let table = DocumentTable {
            name: text::SOURCE_TABLE.into(),
            class: "scroll words",
            corner: None,
            head: [text::RECORDS, text::LICENCE].map(Into::into).into(),
            rows: made.sources.iter().map(source).collect(),
        };
        out.push(Block::Folded(summary, vec![Block::Table(table)]));
    }
    out
}

fn source(source: &HistorySource) -> (crate::page::parts::document::DocumentName, Vec<DocumentCell>) {
    let recorded = |value: Option<String>| value.unwrap_or_else(|| text::NOT_RECORDED.into());
    let licence = Some(source.licence.clone()).filter(|l| !l.is_empty());
    let licence = DocumentCell { text: recorded(licence), class: "licence", ..DocumentCell::default() };
    (source.name.as_str().into(), vec![recorded(source.records.map(number)).into(), licence])
}

fn number(n: u64) -> String {
    words::count(usize::try_from(n).unwrap_or(usize::MAX))
}

/// A step in sentences: what was made of what, and by which training.
fn step(step: &HistoryStep) -> String {
    let mut kept: Vec<String> = Vec::new();
    let part = |form, of: Option<(u64, u64)>| {
        of.map(|(kept, all)| fill(form, &[("kept", &number(kept)), ("all", &number(all))]))
    };
    kept.extend(part(text::KEPT_BLOCKS, step.blocks));
    kept.extend(part(text::KEPT_TOKENS, step.tokens));
    let made = if step.from.is_empty() { text::MADE } else { text::MADE_FROM };
    if !step.averaged.is_empty() {
        return average(step);
    }
    let mut out = vec![fill(made, &[("name", &step.name), ("from", &step.from), ("kept", &kept.concat())])];
    out.extend(step.stages.iter().map(stage));
    let n = |form, n: Option<u64>| n.map(|n| fill(form, &[("n", &number(n))]));
    out.extend(n(text::ERASED, step.erased));
    out.extend(n(text::WHITENED, step.whitened));
    out.join(" ")
}

/// An average's parts, with their shares in percent unless these are equal.
fn average(step: &HistoryStep) -> String {
    let shares: Vec<f64> = step.averaged.iter().filter_map(|model| model.share).collect();
    let sum: f64 = shares.iter().sum();
    let is_even = shares.len() < step.averaged.len() || shares.windows(2).all(|two| two[0] == two[1]);
    let one = |model: &AveragedModel| match model.share.filter(|_| !is_even) {
        Some(share) => {
            let percent = words::percent_with(share / sum, 0);
            fill(text::SHARE, &[("name", &model.name), ("percent", &percent)])
        }
        None => model.name.clone(),
    };
    let names: Vec<String> = step.averaged.iter().map(one).collect();
    let form = if is_even { text::AVERAGED } else { text::AVERAGED_BY_SHARES };
    fill(form, &[("name", &step.name), ("names", &names.join(", "))])
}

fn stage(stage: &HistoryStage) -> String {
    let batches = match stage.batches.as_str() {
        "hybrid" => text::HYBRID,
        "monolingual" => text::MONOLINGUAL,
        "cross-lingual" => text::CROSS_LINGUAL,
        _ => "",
    };
    let blocks = stage.last.map(|n| fill(text::LAST_BLOCKS, &[("n", &number(n))]));
    fill(
        text::TRAINED,
        &[
            ("steps", &number(stage.steps)),
            ("size", &number(stage.size)),
            ("batches", batches),
            ("blocks", &blocks.unwrap_or_default()),
            ("tokens", &number(stage.max_tokens)),
        ],
    )
}

fn check(check: &OverlapCheck) -> String {
    fill(
        text::CHECKED,
        &[
            ("texts", &number(check.texts)),
            ("sets", &check.sets.join(", ")),
            ("letters", &number(check.letters)),
            ("removed", &number(check.removed)),
        ],
    )
}

/// A text whose mentions of arXiv are links.
fn linked(said: &str) -> Vec<Span> {
    let mut out = Vec::new();
    let mut rest = said;
    while let Some((before, after)) = rest.split_once(ARXIV) {
        let end = after.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(after.len());
        let id = after[..end].trim_end_matches('.');
        out.push(Span::Plain(before.into()));
        out.push(match id {
            "" => Span::Plain(ARXIV.into()),
            id => Span::Link(format!("{ARXIV}{id}"), format!("https://arxiv.org/abs/{id}")),
        });
        rest = &after[id.len()..];
    }
    out.push(Span::Plain(rest.into()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_model_is_told_in_sentences() {
        let manifest: serde_json::Value =
            serde_json::from_str(include_str!("../../../../static/model/manifest.json")).unwrap();
        let made = crate::history::History::of("interlingua-small-hybrid", &manifest["recipe"]);
        let said: Vec<String> = made.steps.iter().map(step).collect();
        assert!(
            said[0].contains("multilingual-e5-small-64k") && said[0].contains("64,000 of its 250,002"),
            "{said:?}"
        );
        assert!(said[1].contains("240 batches") && said[1].contains("last 6"), "{said:?}");
        for sentence in said.iter().chain(&[check(&made.check.unwrap())]) {
            assert!(sentence.ends_with('.') && !sentence.contains(['/', '{', '}', '_']), "{sentence}");
        }
    }

    #[test]
    fn an_average_names_its_shares_unless_they_are_equal() {
        let mean = |shares: [Option<f64>; 2]| {
            let names = ["one", "two"];
            let part = |(name, share): (&str, Option<f64>)| AveragedModel {
                name: name.into(),
                share,
                ..AveragedModel::default()
            };
            let averaged = names.into_iter().zip(shares).map(part).collect();
            step(&HistoryStep { name: "m".into(), averaged, ..HistoryStep::default() })
        };
        assert!(
            mean([Some(1.0), Some(1.0)]).contains("the mean of")
                && !mean([Some(1.0), Some(1.0)]).contains('%')
        );
        // Without shares it is not known that they differ.
        assert!(!mean([None, None]).contains('%'));
        let weighted = mean([Some(3.0), Some(1.0)]);
        assert!(
            weighted.contains("weighted mean") && weighted.contains("one (75%), two (25%)"),
            "{weighted}"
        );
    }

    #[test]
    fn mentions_of_arxiv_lead_there() {
        let told: Vec<String> = linked("as (arXiv 2402.05672) says, arXiv and arXiv 1.")
            .into_iter()
            .map(|span| match span {
                Span::Plain(text) => text,
                Span::Link(words, to) => format!("[{words}]<{to}>"),
            })
            .collect();
        let to = "https://arxiv.org/abs/";
        assert_eq!(
            told.concat(),
            format!("as ([arXiv 2402.05672]<{to}2402.05672>) says, arXiv and [arXiv 1]<{to}1>.")
        );
    }
}
