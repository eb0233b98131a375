//! Whether translations of a question get the same ranking.

use super::{K, Ranks, Task, mean};

/// Mean over questions of the mean over pairs of their translations (queries of one group in two languages)
/// of [`spearman`] over the first [`K`] ranks (MRC@10). `None` if nothing can be compared.
pub(super) fn agreement(task: &Task, ranks: &[Ranks]) -> Option<f64> {
    let mut groups = vec![Vec::new(); task.groups()];
    for (query, ranks) in task.queries.iter().zip(ranks) {
        groups[query.group].push((query.lang, &ranks.top[..K.min(ranks.top.len())]));
    }
    let mut means = Vec::with_capacity(groups.len());
    let mut pairs = Vec::new();
    for group in &groups {
        pairs.clear();
        for (i, (lang, a)) in group.iter().enumerate() {
            let others = group[i + 1..].iter().filter(|(other, _)| other != lang);
            // Lists of unequal length come from a query without a ranking.
            let others = others.filter(|(_, b)| b.len() == a.len());
            pairs.extend(others.filter_map(|(_, b)| spearman(a, b)));
        }
        means.extend(mean(&pairs));
    }
    mean(&means)
}

/// Spearman's ρ of two rankings' first k documents each, over the union of both: Pearson's correlation of
/// ranks, where the documents missing from a list share the ranks after k, each getting their mean. Counting
/// missing documents this way, rather than leaving them out, is our reading: two lists with nothing in common
/// then give −1 or nearly, two equal ones 1.
///
/// `None` if the union is a single document, whose ranks cannot vary.
fn spearman(a: &[u32], b: &[u32]) -> Option<f64> {
    debug_assert_eq!(a.len(), b.len());
    let k = a.len();
    let rank_in = |list: &[u32], document| list.iter().position(|d| *d == document).map(|i| (i + 1) as f64);
    let absent = a.iter().filter(|d| !b.contains(d)).count();
    let union = (k + absent) as f64;
    let middle = (union + 1.0) / 2.0;
    let last = k as f64 + (absent as f64 + 1.0) / 2.0;
    let mut covariance = 0.0;
    for (rank, &document) in (1..).zip(a) {
        covariance += (f64::from(rank) - middle) * (rank_in(b, document).unwrap_or(last) - middle);
    }
    for (rank, _) in (1..).zip(b).filter(|(_, d)| !a.contains(d)) {
        covariance += (f64::from(rank) - middle) * (last - middle);
    }
    // The sum of squares of ranks 1 to `union` about their mean, minus what `absent` ties take away; the same
    // for both lists.
    let cubic = |n: f64| n * (n * n - 1.0) / 12.0;
    let variance = cubic(union) - cubic(absent as f64);
    (variance > 0.0).then(|| covariance / variance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!(spearman(&[4, 5, 6], &[4, 5, 6]), Some(1.0));
        assert_eq!(spearman(&[4, 5, 6], &[6, 5, 4]), Some(-1.0));
        assert_eq!(spearman(&[4], &[4]), None);
        assert_eq!(spearman(&[], &[]), None);
        // Ranks 1, 2, 3 and 1, 3, 2.
        assert_eq!(spearman(&[1, 2], &[1, 3]), Some(0.5));
        // Ranks 1, 2, 3.5, 3.5 and 3.5, 3.5, 1, 2 about 2.5.
        assert!((spearman(&[1, 2], &[3, 4]).unwrap() + 4.0 / 4.5).abs() < 1e-15);
    }
}
