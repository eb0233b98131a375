//! Average precision.

use super::{MeasureFamily, share};

/// (Mean) average precision.
pub(super) const MAP: MeasureFamily = MeasureFamily {
    name: "map",
    title: "mAP",
    meaning: "Average precision",
    trec_cut: Some("map_cut_"),
    trec_whole: Some("map"),
    of: |ranking, k| average_precision_at(ranking.ranks, ranking.relevant, k),
};

/// Average precision: the mean over all relevant documents of the precision at their ranks, 0 for those not
/// retrieved (trec_eval `map`).
pub fn average_precision(ranks: &[usize], relevant: usize) -> f64 {
    average_precision_at(ranks, relevant, usize::MAX)
}

/// Average precision in the first `k` ranks, still divided by the number of all relevant documents (trec_eval
/// `map_cut_k`).
pub fn average_precision_at(ranks: &[usize], relevant: usize, k: usize) -> f64 {
    let seen = ranks.iter().take_while(|&&rank| rank <= k).enumerate();
    share(seen.map(|(i, &rank)| (i + 1) as f64 / rank as f64).sum(), relevant)
}
