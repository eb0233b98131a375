//! Measures of one ranking, as trec_eval defines them.
//!
//! Each takes `ranks`, the ranks (from 1, ascending) at which relevant documents were retrieved, and
//! where it matters `relevant`, how many relevant documents there are, retrieved or not. nDCG alone
//! tells grades of relevance apart. Averages over nothing are 0.

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

/// Discounted gain of the first `k` ranks, grade / log2(rank + 1) for each relevant one, over the most
/// that the `grades` of all relevant documents allow (trec_eval `ndcg_cut_k`).
pub fn ndcg_at(hits: &[Hit], grades: &[u32], k: usize) -> f64 {
    let gain = |grade: u32, rank: usize| f64::from(grade) / ((rank + 1) as f64).log2();
    let mut ideal = grades.to_vec();
    ideal.sort_unstable_by(|a, b| b.cmp(a));
    let best: f64 = ideal.iter().zip(1..=k).map(|(&grade, rank)| gain(grade, rank)).sum();
    let got: f64 = hits.iter().take_while(|h| h.rank <= k).map(|h| gain(h.grade, h.rank)).sum();
    if best > 0.0 { got / best } else { 0.0 }
}

fn within(ranks: &[usize], k: usize) -> usize {
    ranks.iter().take_while(|&&rank| rank <= k).count()
}

fn share(sum: f64, n: usize) -> f64 {
    if n > 0 { sum / n as f64 } else { 0.0 }
}

/// A relevant document in a ranking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// From 1.
    pub rank: usize,
    /// How relevant, from 1.
    pub grade: u32,
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
    /// Precision in the first 10 ranks.
    #[serde(rename = "p@10", default)]
    pub precision_10: f64,
}

impl Measures {
    /// How many measures there are.
    pub const COUNT: usize = 8;
    /// Their names in JSON and CSV, in the order of [`values`](Self::values).
    pub const NAMES: [&'static str; Self::COUNT] =
        ["map", "mrr", "recall@1", "recall@10", "recall@100", "ndcg@10", "map@20", "p@10"];

    /// Of one ranking: where relevant documents are in it, best first, and the grades of all relevant
    /// documents, retrieved or not.
    pub fn of(hits: &[Hit], grades: &[u32]) -> Self {
        let ranks: Vec<usize> = hits.iter().map(|h| h.rank).collect();
        let relevant = grades.len();
        Self {
            map: average_precision(&ranks, relevant),
            mrr: reciprocal_rank(&ranks),
            recall_1: recall_at(&ranks, relevant, 1),
            recall_10: recall_at(&ranks, relevant, 10),
            recall_100: recall_at(&ranks, relevant, 100),
            ndcg_10: ndcg_at(hits, grades, 10),
            map_20: average_precision_at(&ranks, relevant, 20),
            precision_10: precision_at(&ranks, 10),
        }
    }

    /// The mean of several, `None` of none.
    pub fn mean(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        let (mut sum, mut n) = ([0.0; Self::COUNT], 0);
        for one in all {
            sum.iter_mut().zip(one.values()).for_each(|(s, x)| *s += x);
            n += 1;
        }
        (n > 0).then(|| Self::from_values(sum.map(|s| s / n as f64)))
    }

    /// The numbers, in the order of [`NAMES`](Self::NAMES).
    pub fn values(&self) -> [f64; Self::COUNT] {
        let Self { map, mrr, recall_1, recall_10, recall_100, ndcg_10, map_20, precision_10 } = *self;
        [map, mrr, recall_1, recall_10, recall_100, ndcg_10, map_20, precision_10]
    }

    /// From numbers in the order of [`NAMES`](Self::NAMES).
    pub fn from_values(values: [f64; Self::COUNT]) -> Self {
        let [map, mrr, recall_1, recall_10, recall_100, ndcg_10, map_20, precision_10] = values;
        Self { map, mrr, recall_1, recall_10, recall_100, ndcg_10, map_20, precision_10 }
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
        let hits = ranks.map(|rank| Hit { rank, grade: 1 });
        close(ndcg_at(&hits, &[1; 4], 10), 1.5 / ideal);
        let graded = [Hit { rank: 1, grade: 1 }, Hit { rank: 3, grade: 3 }];
        close(ndcg_at(&graded, &[1, 3], 10), (1.0 + 3.0 / 2.0) / (3.0 + 1.0 / 3f64.log2()));
        assert_eq!(Measures::of(&[], &[1; 3]), Measures::default());
        assert_eq!(Measures::of(&[], &[]), Measures::default());
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
            let hits: Vec<Hit> = ranks.iter().map(|&rank| Hit { rank, grade: 1 }).collect();
            let m = Measures::of(&hits, &vec![1; relevant]);
            let expected = if relevant == 0 { 0.0 } else { ap / relevant as f64 };
            prop_assert!((m.map - expected).abs() < 1e-12);
            prop_assert!(m.map_20 <= m.map + 1e-12 && m.recall_1 <= m.recall_10);
            prop_assert!(m.ndcg_10 <= 1.0 + 1e-12 && m.recall_10 <= m.recall_100);
        }
    }
}
