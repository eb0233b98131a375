//! Precision in the first ranks.

use super::{MeasureFamily, share, within};

/// Precision.
pub(super) const PRECISION: MeasureFamily = MeasureFamily {
    name: "p",
    title: "P",
    meaning: "Share that answers",
    trec_cut: Some("p_"),
    trec_whole: None,
    of: |ranking, k| precision_at(ranking.ranks, k),
};

/// Share of the first `k` ranks that are relevant (trec_eval `P_k`).
pub fn precision_at(ranks: &[usize], k: usize) -> f64 {
    share(within(ranks, k) as f64, k)
}
