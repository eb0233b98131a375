//! How sure a figure is: bootstrap intervals, and randomisation tests between two models.
//!
//! Translations of a question are not independent, so questions are drawn, not queries.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Measures, RankDistance};

/// Lower and upper end of a confidence interval.
pub type Interval = [f64; 2];

/// A setting's measures at the two ends of their intervals.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// Lower ends.
    pub low: Measures,
    /// Upper ends.
    pub high: Measures,
}

/// Percentile bootstrap intervals over questions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intervals {
    /// 0.95.
    pub level: f64,
    /// How many resamples.
    pub samples: usize,
    /// Seed of the resampling.
    pub seed: u64,
    /// See [`EvalReport::mono`](super::EvalReport::mono).
    pub mono: Option<Band>,
    /// See [`EvalReport::cross`](super::EvalReport::cross).
    pub cross: Option<Band>,
    /// See [`EvalReport::multi`](super::EvalReport::multi).
    pub multi: Option<Band>,
    /// Lower and upper ends.
    pub rank_distance: Option<[RankDistance; 2]>,
    /// mAP: `pairs[question language][passage language]`.
    pub pairs: BTreeMap<String, BTreeMap<String, Interval>>,
}

/// How far two models are apart in one figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The first model's figure.
    pub a: f64,
    /// The second model's.
    pub b: f64,
    /// `b - a`.
    pub difference: f64,
    /// Bootstrap interval of the difference.
    pub interval: Interval,
    /// Two-sided p value of the paired randomisation test.
    pub p: f64,
    /// p corrected for the number of tests in its table (Holm 1979).
    pub p_adjusted: f64,
    /// Whether `p_adjusted` is below 0.05.
    pub significant: bool,
}

/// Two models on the same questions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Names of the two.
    pub models: [String; 2],
    /// The measure compared, as in [`Measures::NAMES`].
    pub measure: String,
    /// How many permutations, and resamples.
    pub samples: usize,
    /// Their seed.
    pub seed: u64,
    /// By `mono`, `cross`, `multi`, and `rank_distance`.
    pub settings: BTreeMap<String, Difference>,
    /// `pairs[question language][passage language]`.
    pub pairs: BTreeMap<String, BTreeMap<String, Difference>>,
}
