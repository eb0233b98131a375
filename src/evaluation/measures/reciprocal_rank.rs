//! Reciprocal rank.

use super::MeasureFamily;

/// (Mean) reciprocal rank.
pub(super) const MRR: MeasureFamily = MeasureFamily {
    name: "mrr",
    title: "MRR",
    meaning: "One over the rank of the first answer",
    // trec_eval has no cut-off for it: count its recip_rank as 0 where it is below 1 / k.
    trec_cut: None,
    trec_whole: Some("recip_rank"),
    of: |ranking, k| reciprocal_rank_at(ranking.ranks, k),
};

/// One over the best rank (trec_eval `recip_rank`).
pub fn reciprocal_rank(ranks: &[usize]) -> f64 {
    reciprocal_rank_at(ranks, usize::MAX)
}

/// The same, but 0 if the best rank is beyond `k` (MS MARCO's MRR@k).
pub fn reciprocal_rank_at(ranks: &[usize], k: usize) -> f64 {
    ranks.first().filter(|&&rank| rank <= k).map_or(0.0, |&rank| 1.0 / rank as f64)
}
