//! Language bias: whether a model prefers passages for their language.
//!
//! All of it is read from the ranking of all languages (the multi setting).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A share that was observed, beside the one to be expected by chance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Observed, 0 to 1.
    pub rate: f64,
    /// Expected, 0 to 1.
    pub chance: f64,
}

/// Mean and median.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Mean over queries.
    pub mean: f64,
    /// Median over queries.
    pub median: f64,
}

/// Languages of the first `k` ranks against those of the pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// How many ranks.
    pub k: usize,
    /// Share of each language in the pool.
    pub pool: BTreeMap<String, f64>,
    /// Share of each language in the first `k` ranks: mean over queries.
    pub top: BTreeMap<String, f64>,
    /// The same for the queries of each language: `by_query[question language][passage language]`.
    pub by_query: BTreeMap<String, BTreeMap<String, f64>>,
    /// Shannon entropy of `top`, in bits.
    pub entropy: f64,
    /// Shannon entropy of `pool`, in bits.
    pub pool_entropy: f64,
    /// Jensen–Shannon distance (the root of the divergence to base 2, 0 to 1) of each query
    /// language's row of `by_query` from `pool`: mean over query languages.
    pub distance: f64,
}

/// Whether a question's answers are ranked alike in all languages (PEER, arXiv 2405.00978, with the
/// question as block: Friedman's test, since Kruskal–Wallis is constant with one answer a language).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Peer {
    /// Friedman's χ² over the complete questions of each query language: mean p value.
    pub p: f64,
    /// Kendall's W, 0 (no language is preferred) to 1 (always the same order): mean.
    pub w: f64,
    /// How many questions have exactly one answer in every language.
    pub questions: usize,
}

/// Hubness: passages that are near to everything (Radovanović et al. 2010).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hubness {
    /// How many ranks.
    pub k: usize,
    /// Skewness of the number of queries that have a passage in their first `k` ranks.
    pub skewness: f64,
    /// The largest such number.
    pub largest: usize,
    /// The id of that passage.
    pub hub: String,
    /// Share of passages in nobody's first `k` ranks.
    pub never: f64,
}

/// Everything on language bias.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bias {
    /// How often the best ranked relevant passage is in the query's language.
    pub same_language_first: Rate,
    /// The same by query language.
    pub same_language_first_by: BTreeMap<String, Rate>,
    /// Languages of the first 10 ranks.
    pub shares: Shares,
    /// The worst rank of a relevant passage: how far one must read to have every answer (Max@R).
    pub last_answer: Spread,
    /// Share of queries whose relevant passages are all in the first k ranks, for k of 10, 20, 100
    /// (Complete@k).
    pub complete: BTreeMap<String, f64>,
    /// Spearman's correlation of the rankings that a question's translations give, over the union of
    /// their first 10 ranks (MRC@10); null where no question has a translation.
    pub agreement: Option<f64>,
    /// Null where no question has one answer in every language.
    pub peer: Option<Peer>,
    /// Hubs among the first 10 ranks.
    pub hubness: Hubness,
    /// mAP in the multi setting over mAP in the mono setting.
    pub multi_to_mono: Option<f64>,
    /// mAP in the pool of all languages where the answers in one language alone count and the others
    /// are taken out: `single_target[question language][passage language]`.
    pub single_target: BTreeMap<String, BTreeMap<String, f64>>,
}
