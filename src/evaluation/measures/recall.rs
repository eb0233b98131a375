//! Recall in the first ranks.

use super::{MeasureFamily, share, within};

/// Recall.
pub(super) const RECALL: MeasureFamily = MeasureFamily {
    name: "recall",
    title: "R",
    meaning: "Share of the answers",
    trec_cut: Some("recall_"),
    trec_whole: None,
    of: |ranking, k| recall_at(ranking.ranks, ranking.relevant, k),
};

/// Share of the relevant documents that are in the first `k` ranks (trec_eval `recall_k`).
pub fn recall_at(ranks: &[usize], relevant: usize, k: usize) -> f64 {
    share(within(ranks, k) as f64, relevant)
}
