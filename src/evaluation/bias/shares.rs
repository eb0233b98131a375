//! Languages of the top ranks compared with those of the pool.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{K, Ranks, Task, mean};

/// Languages of the first `k` ranks compared with those of the pool. Languages without passages are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// The number of ranks: 10, or all passages if there are fewer.
    pub k: usize,
    /// Share of each language in the pool.
    pub pool: BTreeMap<String, f64>,
    /// Share of each language in the first `k` ranks: mean over queries.
    pub top: BTreeMap<String, f64>,
    /// The same for the queries of each language: `by_query[question language][passage language]`.
    pub by_query: BTreeMap<String, BTreeMap<String, f64>>,
    /// Shannon entropy of `top`, −Σ p log2 p, in bits (Shannon 1948).
    pub entropy: f64,
    /// Shannon entropy of `pool`, in bits: the value of `entropy` if no language is preferred.
    pub pool_entropy: f64,
    /// Jensen–Shannon distance (the square root of the divergence to base 2, 0 to 1; Lin 1991, Endres and
    /// Schindelin 2003) of each query language's row of `by_query` from `pool`: mean over query languages
    /// (ours). If every language prefers itself the distance is large, even with a balanced `top`.
    pub distance: f64,
}

impl Shares {
    pub(super) fn of(task: &Task, ranks: &[Ranks]) -> Self {
        let n = task.languages.len();
        let pool: Vec<usize> = (0..n).map(|lang| task.range(lang).len()).collect();
        let mut counts = vec![vec![0usize; n]; n];
        for (query, ranks) in task.queries.iter().zip(ranks) {
            for &document in ranks.top.iter().take(K) {
                counts[query.lang][task.documents[document as usize].lang] += 1;
            }
        }
        let top: Vec<usize> = (0..n).map(|to| counts.iter().map(|row| row[to]).sum()).collect();
        let (pool_shares, top_shares) = (shares(&pool), shares(&top));
        let rows: Vec<(usize, Vec<f64>)> = counts
            .iter()
            .enumerate()
            .filter(|(_, row)| row.iter().any(|&c| c > 0))
            .map(|(from, row)| (from, shares(row)))
            .collect();
        let distances: Vec<f64> = rows.iter().map(|(_, row)| distance(row, &pool_shares)).collect();
        let named = |row: &[f64]| {
            let known = row.iter().enumerate().filter(|(to, _)| pool[*to] > 0);
            known.map(|(to, &share)| (task.languages[to].clone(), share)).collect()
        };
        Self {
            k: K.min(task.documents.len()),
            pool: named(&pool_shares),
            top: named(&top_shares),
            by_query: rows.iter().map(|(from, row)| (task.languages[*from].clone(), named(row))).collect(),
            entropy: entropy(&top_shares),
            pool_entropy: entropy(&pool_shares),
            distance: mean(&distances).unwrap_or(0.0),
        }
    }
}

/// Every query has the same number of ranks, so the share of the sum is the mean of the shares.
fn shares(counts: &[usize]) -> Vec<f64> {
    let sum = counts.iter().sum::<usize>().max(1) as f64;
    counts.iter().map(|&c| c as f64 / sum).collect()
}

/// −Σ p log2 p.
fn entropy(p: &[f64]) -> f64 {
    p.iter().filter(|p| **p > 0.0).map(|p| p * p.recip().log2()).sum()
}

/// √(½ Σ p log2(p/m) + ½ Σ q log2(q/m)) with m = (p + q) / 2.
fn distance(p: &[f64], q: &[f64]) -> f64 {
    let part = |p: f64, q: f64| if p > 0.0 { p * (2.0 * p / (p + q)).log2() } else { 0.0 };
    let sum: f64 = p.iter().zip(q).map(|(&p, &q)| part(p, q) + part(q, p)).sum();
    (sum / 2.0).max(0.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!(entropy(&[0.5, 0.25, 0.25, 0.0]), 1.5);
        assert_eq!(entropy(&[1.0, 0.0]), 0.0);
        assert_eq!(distance(&[1.0, 0.0], &[0.0, 1.0]), 1.0);
        assert_eq!(distance(&[0.3, 0.7], &[0.3, 0.7]), 0.0);
        // Against m = (¾, ¼): ½ log2(4/3) + ½ (½ log2(2/3) + ½ log2 2).
        let expected = (4f64 / 3.0).log2() / 2.0 + ((2f64 / 3.0).log2() + 1.0) / 4.0;
        assert!((distance(&[1.0, 0.0], &[0.5, 0.5]) - expected.sqrt()).abs() < 1e-15);
    }
}
