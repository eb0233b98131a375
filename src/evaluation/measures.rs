//! Measures of one ranking, as trec_eval defines them, for relevance that is yes or no.
//!
//! Each takes `ranks`, the ranks (from 1, ascending) at which relevant documents were retrieved, and
//! where it matters `relevant`, how many relevant documents there are, retrieved or not. Averages
//! over nothing are 0.

use serde::{Deserialize, Serialize};

/// Average precision: the mean over all relevant documents of the precision at their ranks, 0 for
/// those not retrieved (trec_eval `map`).
pub fn average_precision(ranks: &[usize], relevant: usize) -> f64 {
    average_precision_at(ranks, relevant, usize::MAX)
}

/// Average precision that looks at the first `k` ranks only, still divided by all relevant documents
/// (trec_eval `map_cut_k`).
pub fn average_precision_at(ranks: &[usize], relevant: usize, k: usize) -> f64 {
    let seen = ranks.iter().take_while(|&&rank| rank <= k).enumerate();
    share(seen.map(|(i, &rank)| (i + 1) as f64 / rank as f64).sum(), relevant)
}

/// One over the best rank (trec_eval `recip_rank`).
pub fn reciprocal_rank(ranks: &[usize]) -> f64 {
    ranks.first().map_or(0.0, |&rank| 1.0 / rank as f64)
}

/// Share of the first `k` ranks that is relevant (trec_eval `P_k`).
pub fn precision_at(ranks: &[usize], k: usize) -> f64 {
    share(within(ranks, k) as f64, k)
}

/// Share of the relevant documents that is in the first `k` ranks (trec_eval `recall_k`).
pub fn recall_at(ranks: &[usize], relevant: usize, k: usize) -> f64 {
    share(within(ranks, k) as f64, relevant)
}

/// Discounted gain of the first `k` ranks, 1 / log2(rank + 1) for each relevant one, over the most
/// that could be had (trec_eval `ndcg_cut_k`).
pub fn ndcg_at(ranks: &[usize], relevant: usize, k: usize) -> f64 {
    let gain = |rank: usize| 1.0 / ((rank + 1) as f64).log2();
    let best: f64 = (1..=relevant.min(k)).map(gain).sum();
    let got: f64 = ranks.iter().take_while(|&&rank| rank <= k).map(|&rank| gain(rank)).sum();
    if best > 0.0 { got / best } else { 0.0 }
}

fn within(ranks: &[usize], k: usize) -> usize {
    ranks.iter().take_while(|&&rank| rank <= k).count()
}

fn share(sum: f64, n: usize) -> f64 {
    if n > 0 { sum / n as f64 } else { 0.0 }
}

/// The measures reported everywhere, of one ranking or as a mean over many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// (Mean) average precision over the full ranking.
    pub map: f64,
    /// (Mean) reciprocal rank.
    pub mrr: f64,
    /// Recall in the first rank.
    #[serde(rename = "recall@1")]
    pub recall_1: f64,
    /// Recall in the first 10 ranks.
    #[serde(rename = "recall@10")]
    pub recall_10: f64,
    /// Recall in the first 100 ranks.
    #[serde(rename = "recall@100")]
    pub recall_100: f64,
    /// nDCG over the first 10 ranks.
    #[serde(rename = "ndcg@10")]
    pub ndcg_10: f64,
    /// Average precision over the first 20 ranks.
    #[serde(rename = "map@20")]
    pub map_20: f64,
}

impl Measures {
    /// Of one ranking.
    pub fn of(ranks: &[usize], relevant: usize) -> Self {
        Self {
            map: average_precision(ranks, relevant),
            mrr: reciprocal_rank(ranks),
            recall_1: recall_at(ranks, relevant, 1),
            recall_10: recall_at(ranks, relevant, 10),
            recall_100: recall_at(ranks, relevant, 100),
            ndcg_10: ndcg_at(ranks, relevant, 10),
            map_20: average_precision_at(ranks, relevant, 20),
        }
    }

    /// The mean of several, `None` of none.
    pub fn mean(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        let (mut sum, mut n) = ([0.0; 7], 0);
        for one in all {
            sum.iter_mut().zip(one.values()).for_each(|(s, x)| *s += x);
            n += 1;
        }
        let [map, mrr, recall_1, recall_10, recall_100, ndcg_10, map_20] = sum.map(|s| s / n as f64);
        (n > 0).then_some(Self { map, mrr, recall_1, recall_10, recall_100, ndcg_10, map_20 })
    }

    fn values(&self) -> [f64; 7] {
        let Self { map, mrr, recall_1, recall_10, recall_100, ndcg_10, map_20 } = *self;
        [map, mrr, recall_1, recall_10, recall_100, ndcg_10, map_20]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        let (ranks, relevant) = ([1, 3, 30], 4);
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        close(average_precision(&ranks, relevant), (1.0 + 2.0 / 3.0 + 3.0 / 30.0) / 4.0);
        close(average_precision_at(&ranks, relevant, 20), (1.0 + 2.0 / 3.0) / 4.0);
        close(reciprocal_rank(&ranks[1..]), 1.0 / 3.0);
        close(precision_at(&ranks, 10), 0.2);
        close(recall_at(&ranks, relevant, 10), 0.5);
        let ideal = 1.0 + 1.0 / 3f64.log2() + 0.5 + 1.0 / 5f64.log2();
        close(ndcg_at(&ranks, relevant, 10), 1.5 / ideal);
        assert_eq!(Measures::of(&[], 3), Measures::default());
        assert_eq!(Measures::of(&[], 0), Measures::default());
        assert_eq!(Measures::mean([]), None);
    }

    proptest! {
        #[test]
        fn against_a_walk_down_the_ranking(hits in proptest::collection::vec(any::<bool>(), 1..60), missing in 0usize..3) {
            let ranks: Vec<usize> =
                hits.iter().enumerate().filter(|(_, h)| **h).map(|(i, _)| i + 1).collect();
            let relevant = ranks.len() + missing;
            let (mut found, mut ap) = (0, 0.0);
            for (i, hit) in hits.iter().enumerate() {
                if *hit {
                    found += 1;
                    ap += f64::from(found) / (i + 1) as f64;
                }
            }
            let m = Measures::of(&ranks, relevant);
            let expected = if relevant == 0 { 0.0 } else { ap / relevant as f64 };
            prop_assert!((m.map - expected).abs() < 1e-12);
            prop_assert!(m.map_20 <= m.map + 1e-12 && m.recall_1 <= m.recall_10);
            prop_assert!(m.ndcg_10 <= 1.0 + 1e-12 && m.recall_10 <= m.recall_100);
        }
    }
}
