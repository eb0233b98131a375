//! Normalised discounted cumulative gain.

use super::{MeasureFamily, RelevantRank};

/// nDCG.
pub(super) const NDCG: MeasureFamily = MeasureFamily {
    name: "ndcg",
    title: "nDCG",
    meaning: "Gain discounted by the logarithm of the rank, over the largest possible",
    trec_cut: Some("ndcg_cut_"),
    trec_whole: Some("ndcg"),
    of: |ranking, k| ndcg_at(ranking.hits, ranking.grades, k),
};

/// Discounted gain of the first `k` ranks, grade / log2(rank + 1) for each relevant one, over the largest
/// that the `grades` of all relevant documents allow (trec_eval `ndcg_cut_k`).
pub fn ndcg_at(hits: &[RelevantRank], grades: &[u32], k: usize) -> f64 {
    let gain = |grade: u32, rank: usize| f64::from(grade) / ((rank + 1) as f64).log2();
    let mut ideal = grades.to_vec();
    ideal.sort_unstable_by(|a, b| b.cmp(a));
    let best: f64 = ideal.iter().zip(1..=k).map(|(&grade, rank)| gain(grade, rank)).sum();
    let got: f64 = hits.iter().take_while(|h| h.rank <= k).map(|h| gain(h.grade, h.rank)).sum();
    if best > 0.0 { got / best } else { 0.0 }
}
