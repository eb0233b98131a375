//! How good a model is, by the evaluations in its manifest: by setting and by language pair, with intervals.

use crate::evaluation::{EvalReport, Measures, Setting};
use crate::page::catalogue::{card as text, evaluate, fill};
use crate::page::names;
use crate::page::parts::document::{Block, DocumentCell, DocumentName, DocumentTable, Span};
use crate::page::parts::scale;
use crate::page::words;
use crate::protocol::ModelCard;

/// The measures that are shown, as places in [`Measures::NAMES`], with their names and meanings.
const COLUMNS: [(usize, &str, &str); 4] = [
    (0, "mAP", evaluate::MAP_IS),
    (2, "R@1", evaluate::R1_IS),
    (3, "R@10", evaluate::R10_IS),
    (5, "nDCG@10", evaluate::NDCG_IS),
];

pub(super) fn scores(card: &ModelCard) -> Vec<Block> {
    let mut out = vec![Block::Head(text::SCORES)];
    if card.reports.is_empty() && card.other_results == 0 {
        out.push(Block::Text(vec![Span::Plain(text::NOT_MEASURED.into())]));
    }
    for report in &card.reports {
        let name = |form| fill(form, &[("data", &report.facts.dataset)]);
        let pairs = name(text::BY_PAIR);
        out.extend([
            Block::Text(vec![Span::Plain(measured(report))]),
            Block::Table(by_setting(report, name(text::BY_SETTING))),
            Block::Subhead(pairs.clone()),
            Block::Hint(text::PAIRS_ARE.into()),
            Block::Table(by_pair(report, pairs)),
            Block::Hint(text::SAME.into()),
        ]);
    }
    if card.other_results > 0 {
        let results = words::plural(card.other_results, text::OTHER_RESULT);
        out.push(Block::Hint(fill(text::OTHER_RESULTS, &[("results", &results)])));
    }
    out
}

/// On what, when and by what.
fn measured(report: &EvalReport) -> String {
    let facts = &report.facts;
    let mut said = fill(
        text::MEASURED_ON,
        &[
            ("data", &facts.dataset),
            ("questions", &words::plural(report.counts.queries, evaluate::QUESTION)),
            ("passages", &words::plural(report.counts.passages, evaluate::PASSAGE)),
            ("languages", &words::plural(report.languages.len(), evaluate::LANGUAGE)),
            ("date", facts.date.as_deref().unwrap_or(evaluate::NO_DATE)),
            ("device", &device(&facts.device)),
        ],
    );
    if let Some(of) = &report.intervals {
        said.push_str(&fill(text::INTERVALS, &[("level", &words::percent_with(of.level, 0))]));
    }
    said
}

/// `cpu (CPU), fast` → `CPU, fast`.
fn device(told: &str) -> String {
    let parts = told.split_once(" (").and_then(|(_, rest)| rest.split_once(')'));
    parts.map_or_else(|| told.into(), |(adapter, rest)| format!("{adapter}{rest}"))
}

fn by_setting(report: &EvalReport, name: String) -> DocumentTable {
    let intervals = report.intervals.as_ref();
    let rows = [
        (Setting::Mono, evaluate::MONO, intervals.and_then(|i| i.mono.as_ref())),
        (Setting::Cross, evaluate::CROSS, intervals.and_then(|i| i.cross.as_ref())),
        (Setting::Multi, evaluate::MULTI, intervals.and_then(|i| i.multi.as_ref())),
    ];
    let rows = rows.into_iter().filter_map(|(setting, name, band)| {
        let values: &Measures = report.measures(setting)?;
        let cell = |(i, ..): (usize, &str, &str)| DocumentCell {
            text: words::figure(values.value(i)),
            small: band.map(|band| interval(band.low.value(i), band.high.value(i))).unwrap_or_default(),
            ..DocumentCell::default()
        };
        Some((name.into(), COLUMNS.map(cell).into()))
    });
    let head = COLUMNS.map(|(_, name, why)| DocumentName {
        text: name.into(),
        title: why.into(),
        ..DocumentName::default()
    });
    DocumentTable { name, class: "scroll", corner: None, head: head.into(), rows: rows.collect() }
}

/// `0.731–0.753`
fn interval(low: f64, high: f64) -> String {
    fill(text::INTERVAL, &[("low", &words::short_figure(low)), ("high", &words::short_figure(high))])
}

/// A language as the name of a row or column.
fn language(code: &String) -> DocumentName {
    let english = names::english(code);
    let unseen = if english == *code { String::new() } else { english };
    DocumentName { text: code.clone(), unseen, title: names::endonym(code) }
}

fn by_pair(report: &EvalReport, name: String) -> DocumentTable {
    let value = |from: &str, to: &str| Some(report.pairs.get(from)?.get(to)?.value(0));
    let all = &report.languages;
    let figures = all.iter().flat_map(|from| all.iter().filter_map(move |to| value(from, to)));
    let (low, high) = figures.fold((1.0f64, 0.0f64), |(low, high), x| (low.min(x), high.max(x)));
    let cell = |from: &str, to: &str| match value(from, to) {
        None => DocumentCell::from("–".to_owned()),
        Some(x) => {
            let ends = report.intervals.as_ref().and_then(|i| i.pairs.get(from)?.get(to));
            DocumentCell {
                text: words::short_figure(x),
                small: ends.map(|[low, high]| interval(*low, *high)).unwrap_or_default(),
                style: scale::sequential((x - low) / (high - low).max(1e-9)),
                class: "",
            }
        }
    };
    let row = |from: &String| (language(from), all.iter().map(|to| cell(from, to)).collect());
    DocumentTable {
        name,
        class: "scroll map",
        corner: Some([evaluate::CORNER_QUESTION, evaluate::CORNER_PASSAGE]),
        head: all.iter().map(language).collect(),
        rows: all.iter().map(row).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_told_by_their_names() {
        assert_eq!(device("cpu (CPU), fast"), "CPU, fast");
        assert_eq!(device("abacus"), "abacus");
    }

    #[test]
    fn columns_are_what_their_names_say() {
        for (place, name, _) in COLUMNS {
            assert_eq!(Measures::NAMES[place], name.to_lowercase().replace("r@", "recall@"));
        }
    }
}
