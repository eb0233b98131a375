//! Whether a question's answers are ranked alike in all languages (PEER).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::chi_square::upper_tail;
use super::{Ranks, Task, mean};

/// Whether a question's answers are ranked alike in all languages: Friedman's test (1937) with questions as
/// blocks, languages as treatments, and the order of a question's answers in the pool of all languages as
/// ranks. It covers the questions with exactly one answer in every language that has passages, for each query
/// language that has at least two of them; then the mean over those languages.
///
/// With n questions, L languages and R_j the sum of language j's ranks, 1 to L in each question:
/// W = 12 Σ (R_j − n(L+1)/2)² / (n² (L³ − L)) (Kendall and Babington Smith 1939) and χ² = n (L−1) W.
///
/// PEER (arXiv 2405.00978) asks the same of a single query, by Kruskal–Wallis over its ranks in one group per
/// language. If a language has only one answer, as in XQuAD-R, every group is one rank, and
/// H = 12/(N(N+1)) Σ i² − 3(N+1) = N − 1 whatever the order: with 11 languages p is always that of χ² = 10 with
/// 10 degrees of freedom, 0.4405. Using questions as blocks avoids that.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Peer {
    /// p of χ² with L − 1 degrees of freedom: mean over query languages. Small: some language is
    /// preferred.
    pub p: f64,
    /// Kendall's W, 0 (no language is preferred) to 1 (always the same order): mean over query
    /// languages.
    pub w: f64,
    /// Number of questions, translations counted once, with exactly one answer in every language.
    pub questions: usize,
}

impl Peer {
    /// `None` if no query language has two such questions (for one, W would be 1 whatever its ranks), or
    /// passages are all in one language.
    pub(super) fn of(task: &Task, ranks: &[Ranks]) -> Option<Self> {
        let answering: Vec<usize> =
            (0..task.languages.len()).filter(|&lang| !task.range(lang).is_empty()).collect();
        let treatments = answering.len();
        if treatments < 2 {
            return None;
        }
        let mut questions = BTreeSet::new();
        let mut sums = vec![vec![0; treatments]; task.languages.len()];
        let mut blocks = vec![0; task.languages.len()];
        for (query, ranks) in task.queries.iter().zip(ranks) {
            let found = &ranks.answers;
            // Both are sorted by language.
            if found.iter().map(|f| task.documents[f.document].lang).eq(answering.iter().copied()) {
                questions.insert(query.group);
                blocks[query.lang] += 1;
                for (sum, f) in sums[query.lang].iter_mut().zip(found) {
                    *sum += found.iter().filter(|g| g.pool <= f.pool).count();
                }
            }
        }
        let tests: Vec<(f64, f64)> =
            sums.iter().zip(blocks).filter(|(_, n)| *n > 1).map(|(sums, n)| friedman(sums, n)).collect();
        let p = mean(&tests.iter().map(|t| t.0).collect::<Vec<_>>())?;
        let w = mean(&tests.iter().map(|t| t.1).collect::<Vec<_>>())?;
        Some(Self { p, w, questions: questions.len() })
    }
}

/// p and W, from each treatment's sum of ranks over `n` blocks.
fn friedman(sums: &[usize], n: usize) -> (f64, f64) {
    let (n, treatments) = (n as f64, sums.len() as f64);
    let expected = n * (treatments + 1.0) / 2.0;
    let squares: f64 = sums.iter().map(|&sum| (sum as f64 - expected).powi(2)).sum();
    let w = 12.0 * squares / (n * n * (treatments.powi(3) - treatments));
    (upper_tail(n * (treatments - 1.0) * w, sums.len() - 1), w)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn friedman_by_hand() {
        // Four blocks of three treatments, ranks 123 123 132 213: sums 5, 8, 11 against 8.
        let (p, w) = friedman(&[5, 8, 11], 4);
        assert!((w - 18.0 * 12.0 / (16.0 * 24.0)).abs() < 1e-15);
        // χ² = 4.5 with two degrees of freedom: e^-2.25.
        assert!((p - (-2.25f64).exp()).abs() < 1e-15);
        assert_eq!(friedman(&[4, 4, 4], 2), (1.0, 0.0));
        assert_eq!(friedman(&[2, 4, 6], 2).1, 1.0);
    }
}
