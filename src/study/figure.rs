//! The figures of a study: those in the tables of arXiv 2408.10536.

use serde::{Deserialize, Serialize};

use crate::evaluation::{EvalReport, Intervals, Measures, Setting, significance::Interval};

/// One figure of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// mAP in the question's language.
    MonoMap,
    /// mAP in one other language.
    CrossMap,
    /// mAP in all languages together.
    MultiMap,
    /// Recall at 1, in the question's language.
    #[serde(rename = "mono_recall@1")]
    MonoRecall1,
    /// Recall at 1, in one other language.
    #[serde(rename = "cross_recall@1")]
    CrossRecall1,
    /// Recall at 10, in all languages together.
    #[serde(rename = "multi_recall@10")]
    MultiRecall10,
    /// Mean rank distance; the lower the better.
    RankDistance,
}

impl Figure {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 7] = [
        Self::MonoMap,
        Self::CrossMap,
        Self::MultiMap,
        Self::MonoRecall1,
        Self::CrossRecall1,
        Self::MultiRecall10,
        Self::RankDistance,
    ];

    /// Its name in tables and plots.
    pub fn name(self) -> &'static str {
        match self {
            Self::MonoMap => "mono mAP",
            Self::CrossMap => "cross mAP",
            Self::MultiMap => "multi mAP",
            Self::MonoRecall1 => "mono R@1",
            Self::CrossRecall1 => "cross R@1",
            Self::MultiRecall10 => "multi R@10",
            Self::RankDistance => "rank distance",
        }
    }

    /// A value formatted for tables.
    pub fn show(self, value: f64) -> String {
        if self == Self::RankDistance { format!("{value:.1}") } else { format!("{value:.4}") }
    }

    fn setting(self) -> Option<Setting> {
        match self {
            Self::MonoMap | Self::MonoRecall1 => Some(Setting::Mono),
            Self::CrossMap | Self::CrossRecall1 => Some(Setting::Cross),
            Self::MultiMap | Self::MultiRecall10 => Some(Setting::Multi),
            Self::RankDistance => None,
        }
    }

    fn of_measures(self, measures: &Measures) -> f64 {
        match self {
            Self::MonoRecall1 | Self::CrossRecall1 => measures.recall_1,
            Self::MultiRecall10 => measures.recall_10,
            _ => measures.map,
        }
    }

    /// Its value in a report, `None` if the data set lacks it.
    pub fn of(self, report: &EvalReport) -> Option<f64> {
        let measures = match self.setting() {
            Some(setting) => report.measures(setting),
            None => return report.rank_distance.map(|d| d.mean),
        };
        measures.map(|m| self.of_measures(m))
    }

    /// Its bootstrap interval.
    pub fn interval(self, intervals: &Intervals) -> Option<Interval> {
        let band = match self.setting() {
            Some(Setting::Mono) => intervals.mono.as_ref(),
            Some(Setting::Cross) => intervals.cross.as_ref(),
            Some(Setting::Multi) => intervals.multi.as_ref(),
            None => return intervals.rank_distance.map(|ends| ends.map(|d| d.mean)),
        };
        band.map(|band| [&band.low, &band.high].map(|m| self.of_measures(m)))
    }
}
