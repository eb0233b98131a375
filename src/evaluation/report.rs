//! A report on one model and data set: JSON for programs, a table for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::{
    Bias, Intervals, Measure, Measures, RankDistance, Setting, SettingMeans, Task, significance::Band,
};
use crate::text::Cut;

/// What was measured, apart from the figures.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The model's name.
    pub model: String,
    /// The data set's name.
    pub dataset: String,
    /// The device, for display.
    pub device: String,
    /// SHA-256 of model and data, by name.
    pub hashes: BTreeMap<String, String>,
    /// The date, as `2026-01-31`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// How many leading directions of each language were removed from the vectors (LIR, arXiv 2109.04727);
    /// absent if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lir: Option<usize>,
    /// Version of this program.
    pub version: String,
}

/// Numbers of queries and passages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Queries in all languages together.
    pub queries: usize,
    /// Distinct question ids.
    pub questions: usize,
    /// Passages in all languages together.
    pub passages: usize,
    /// Questions left out of every mean: nothing is judged for them or, with [`EvalReport::only_answerable`],
    /// nothing answers them.
    pub unanswered: usize,
    /// Judged queries without a relevant passage.
    #[serde(default)]
    pub none_relevant: usize,
    /// Judged queries none of whose relevant passages are searched.
    #[serde(default)]
    pub none_found: usize,
    /// Judged queries without a text.
    #[serde(default)]
    pub without_text: usize,
    /// Relevant passages that are not searched, counted for each query.
    #[serde(default)]
    pub missing_passages: usize,
    /// Queries from whose ranking a passage with their own id was left out.
    #[serde(default)]
    pub identical_ids: usize,
    /// Queries of each language pair that have an answer there.
    #[serde(default)]
    pub pairs: BTreeMap<String, BTreeMap<String, usize>>,
    /// Number of mono and of cross settings.
    pub settings: (usize, usize),
}

/// How much of passages and questions was truncated to the model's window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutTexts {
    /// Of the passages.
    pub passages: Cut,
    /// Of the questions.
    pub questions: Cut,
}

/// All results; its JSON is what `interlingua eval --json` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvalReport {
    /// What was measured.
    #[serde(flatten)]
    pub facts: Facts,
    /// The languages, in the data set's order.
    pub languages: Vec<String>,
    /// Numbers of queries and passages.
    pub counts: Counts,
    /// The lowest grade that counts as relevant; absent if 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relevance: Option<u32>,
    /// Whether judged queries without an answer were left out rather than counting 0.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_answerable: bool,
    /// Whether passages with a query's own id were `left out` of its ranking or `ranked`; absent if the data
    /// set's format has no rule about them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identical_ids: Option<String>,
    /// Passages in the question's language: mean over languages.
    pub mono: Option<Measures>,
    /// Passages in one other language: mean over ordered pairs; null for a single language.
    pub cross: Option<Measures>,
    /// Passages in all languages: mean over queries.
    pub multi: Option<Measures>,
    /// Spread of parallel answers in the multi ranking; null if no question has two.
    pub rank_distance: Option<RankDistance>,
    /// By question language, then passage language.
    pub pairs: BTreeMap<String, BTreeMap<String, Measures>>,
    /// Confidence intervals; absent if not requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intervals: Option<Intervals>,
    /// Language bias; absent if there is only one language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<Bias>,
    /// How much was truncated to the model's window; absent from reports of versions that did not count it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<CutTexts>,
    /// Further notes, one sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl EvalReport {
    /// Combines facts, counts and means.
    pub fn new(facts: Facts, task: &Task, settings: &SettingMeans) -> Self {
        let mut pairs: BTreeMap<String, BTreeMap<String, Measures>> = BTreeMap::new();
        let mut counted = (0, 0);
        let mut pair_queries: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        for (f, (from, row)) in task.languages.iter().zip(&settings.pairs).enumerate() {
            for (t, (to, cell)) in task.languages.iter().zip(row).enumerate() {
                if let Some(cell) = cell {
                    let queries = settings.pair_queries[f][t];
                    pair_queries.entry(from.clone()).or_default().insert(to.clone(), queries);
                    if from == to {
                        counted.0 += 1
                    } else {
                        counted.1 += 1
                    }
                    pairs.entry(from.clone()).or_default().insert(to.clone(), cell.clone());
                }
            }
        }
        Self {
            facts,
            languages: task.languages.clone(),
            counts: Counts {
                queries: task.queries.len(),
                questions: task.groups(),
                passages: task.documents.len(),
                unanswered: task.unanswered.len(),
                none_relevant: task.tally.none_relevant,
                none_found: task.tally.none_found,
                without_text: task.tally.without_text,
                missing_passages: task.tally.missing,
                identical_ids: task.tally.identical,
                pairs: pair_queries,
                settings: counted,
            },
            relevance: Some(task.rules.wanted.level()).filter(|level| *level > 1),
            only_answerable: task.rules.only_answerable,
            identical_ids: task.identical_ids.map(|out| if out { "left out" } else { "ranked" }.to_string()),
            mono: settings.mono.clone(),
            cross: settings.cross.clone(),
            multi: settings.multi.clone(),
            rank_distance: settings.rank_distance,
            pairs,
            intervals: None,
            bias: None,
            cut: None,
            notes: task.notes.clone(),
        }
    }

    /// Adds how much was truncated, as numbers and as notes.
    pub fn add_cut(&mut self, cut: CutTexts) {
        self.notes.extend(cut.passages.sentence("passage", "passages"));
        self.notes.extend(cut.questions.sentence("question", "questions"));
        self.cut = Some(cut);
    }

    /// The bounds of a setting's intervals.
    pub(super) fn band(&self, setting: Setting) -> Option<&Band> {
        let of = self.intervals.as_ref()?;
        match setting {
            Setting::Mono => of.mono.as_ref(),
            Setting::Cross => of.cross.as_ref(),
            Setting::Multi => of.multi.as_ref(),
        }
    }

    /// A setting's measures.
    pub fn measures(&self, setting: Setting) -> Option<&Measures> {
        match setting {
            Setting::Mono => self.mono.as_ref(),
            Setting::Cross => self.cross.as_ref(),
            Setting::Multi => self.multi.as_ref(),
        }
    }

    /// Measures in addition to [`Measures::NAMES`].
    pub fn own(&self) -> impl Iterator<Item = Measure> {
        let known = Setting::ALL.into_iter().find_map(|setting| self.measures(setting));
        known.into_iter().flat_map(Measures::own)
    }

    /// The names of the measures.
    pub fn names(&self) -> Vec<String> {
        let known = Setting::ALL.into_iter().find_map(|setting| self.measures(setting));
        known.map_or_else(|| Measures::default().names(), Measures::names)
    }

    /// The report as plain text, for a terminal.
    pub fn table(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_table(&mut out);
        out
    }

    fn write_table(&self, out: &mut String) -> std::fmt::Result {
        let Counts { queries, passages, settings, unanswered, .. } = self.counts.clone();
        writeln!(out, "{} on {}, {}", self.facts.model, self.facts.dataset, self.facts.device)?;
        writeln!(
            out,
            "{queries} queries, {passages} passages, {} languages; {} mono and {} cross settings",
            self.languages.len(),
            settings.0,
            settings.1
        )?;
        for note in &self.notes {
            writeln!(out, "note: {note}")?;
        }
        if unanswered > 0 {
            let why =
                if self.only_answerable { "no passage answers them" } else { "nothing is judged for them" };
            writeln!(out, "{unanswered} questions were left out: {why}")?;
        }
        write!(out, "\n{:<7}", "")?;
        self.names().iter().try_for_each(|name| write!(out, "{name:>16}"))?;
        writeln!(out)?;
        for setting in Setting::ALL {
            let Some(measures) = self.measures(setting) else { continue };
            write!(out, "{:<7}", setting.name())?;
            measures.values().iter().try_for_each(|value| write!(out, "{value:>16.4}"))?;
            writeln!(out)?;
            if let Some(band) = self.band(setting) {
                write!(out, "{:<7}", "")?;
                let ends = band.low.values().into_iter().zip(band.high.values());
                for (low, high) in ends {
                    write!(out, "{:>16}", format!("[{low:.4} {high:.4}]"))?;
                }
                writeln!(out)?;
            }
        }
        if let Some(of) = &self.intervals {
            writeln!(
                out,
                "[ ]: {} % intervals, bootstrap over {} questions, {} samples, seed {}",
                of.level * 100.0,
                self.counts.questions,
                of.samples,
                of.seed
            )?;
        }
        if let Some(distance) = self.rank_distance {
            write!(
                out,
                "\nrank distance: mean {:.1}, median {:.1}, normalised {:.4}",
                distance.mean, distance.median, distance.normalised
            )?;
            if let Some([low, high]) = self.intervals.as_ref().and_then(|i| i.rank_distance) {
                write!(
                    out,
                    " [{:.1} {:.1}] [{:.1} {:.1}] [{:.4} {:.4}]",
                    low.mean, high.mean, low.median, high.median, low.normalised, high.normalised
                )?;
            }
            writeln!(out)?;
        }
        if let Some(bias) = &self.bias {
            bias.write_lines(out)?;
        }
        writeln!(out, "\nmAP by question language (rows) and passage language (columns)")?;
        write!(out, "     ")?;
        for to in &self.languages {
            write!(out, "{to:>7}")?;
        }
        writeln!(out)?;
        for from in &self.languages {
            write!(out, "{from:<5}")?;
            for to in &self.languages {
                match self.pairs.get(from).and_then(|row| row.get(to)) {
                    Some(m) => write!(out, "{:>7.4}", m.map)?,
                    None => write!(out, "{:>7}", "-")?,
                }
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::sample;
    use crate::evaluation::{Scores, rank};
    use crate::retrieval::Index;

    fn report() -> EvalReport {
        let line = r#"{"id":"a","topic":"T","passage":{"en":"It is red.","de":"Es ist rot."},"question":{"en":"Colour?","de":"Farbe?"},"answer":{"en":"red","de":"rot"}}"#;
        let task = Task::new(&sample::parse("p", line).unwrap()).unwrap();
        let index = Index::from_rows(1, &[1.0, 2.0]).unwrap();
        let ranks = rank(&task, &index, &[1.0, 1.0]).unwrap();
        let settings = SettingMeans::of(&task, &Scores::of(&task, &ranks));
        let facts = Facts { model: "m".into(), dataset: "d".into(), ..Facts::default() };
        EvalReport::new(facts, &task, &settings)
    }

    #[test]
    fn json_is_the_contract() {
        let json = serde_json::to_value(report()).unwrap();
        for pointer in [
            "/model",
            "/dataset",
            "/device",
            "/mono/map",
            "/mono/mrr",
            "/mono/recall@1",
            "/mono/ndcg@10",
            "/cross/map",
            "/multi/map",
            "/multi/recall@10",
            "/rank_distance/mean",
            "/rank_distance/median",
            "/pairs/de/en/map",
            "/pairs/en/en/map",
        ] {
            assert!(json.pointer(pointer).is_some(), "{pointer} is missing in {json}");
        }
        let back: EvalReport = serde_json::from_value(json).unwrap();
        assert_eq!(back, report());
    }

    #[test]
    fn the_table_has_every_pair() {
        let table = report().table();
        assert!(table.contains("mono             1.0000"), "{table}");
        assert_eq!(table.lines().filter(|l| l.starts_with("de ") || l.starts_with("en ")).count(), 2);
    }
}
