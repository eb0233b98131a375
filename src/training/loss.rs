//! What is minimised, with its gradients.

use crate::encoder::cpu::learn::matrix::{dots, sums, transposed};

/// What a passage is to a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// It is to be found.
    Positive,
    /// It is to be told apart.
    Negative,
    /// It is neither: it may answer too.
    Neither,
}

/// Softmax cross-entropy of each query's own passage against the batch's negatives (InfoNCE, arXiv
/// 1807.03748; arXiv 2408.10536 uses it from query to passage), and its gradients. Where a query has several
/// positives, each is told apart from the negatives alone, and their mean is taken (as in arXiv 2004.11362,
/// L_out, but without the other positives in the denominator).
///
/// `queries` is `[batch, d]` and `passages` `[any, d]`, rows of length 1. `relations[i * passages + j]` is
/// what passage `j` is to query `i`. Returns the mean over the batch, and its gradients by queries and
/// passages.
pub fn contrastive(
    queries: &[f32],
    passages: &[f32],
    d: usize,
    relations: &[Relation],
    temperature: f32,
) -> (f32, Vec<f32>, Vec<f32>) {
    let (batch, count) = (queries.len() / d, passages.len() / d);
    let mut scores = dots(queries, passages, d);
    let mut loss = 0.0f64;
    for (scores, relations) in scores.chunks_mut(count).zip(relations.chunks(count)) {
        let with = |wanted| (0..count).filter(move |&j| relations[j] == wanted);
        let positives: Vec<usize> = with(Relation::Positive).collect();
        let counted = with(Relation::Negative).chain(positives.iter().copied());
        let largest = counted.fold(f32::MIN, |m, j| m.max(scores[j]));
        let scaled: Vec<f32> = scores.iter().map(|s| (s - largest) / temperature).collect();
        let power = |(s, relation): (&f32, &Relation)| match relation {
            Relation::Neither => 0.0,
            Relation::Positive | Relation::Negative => f64::from(*s).exp(),
        };
        let powers: Vec<f64> = scaled.iter().zip(relations).map(power).collect();
        // In place of scores now the gradients by them: (share - own) / temperature / batch, each of a mean.
        scores.fill(0.0);
        let parts = batch as f64 * positives.len() as f64;
        for &own in &positives {
            let other = |j: usize| j != own && relations[j] == Relation::Positive;
            let of = |j: usize| if other(j) { 0.0 } else { powers[j] };
            let sum: f64 = (0..count).map(of).sum();
            loss += (sum.ln() - f64::from(scaled[own])) / positives.len() as f64;
            let scale = (sum * f64::from(temperature) * parts).recip();
            for (j, score) in scores.iter_mut().enumerate() {
                *score += (f64::from(of(j) as f32) * scale) as f32;
            }
            scores[own] -= (f64::from(temperature) * parts).recip() as f32;
        }
    }
    let by_queries = sums(&scores, passages, d);
    let by_passages = sums(&transposed(&scores, count), queries, d);
    ((loss / batch as f64) as f32, by_queries, by_passages)
}

/// Mean of `1 - cosine` between rows of length 1, `[batch, d]` each, weighted by `weights` (`[batch]`
/// numbers whose sum divides the total), and its gradient by `student`.
pub fn distance(student: &[f32], teacher: &[f32], d: usize, weights: &[f32]) -> (f32, Vec<f32>) {
    let total = weights.iter().sum::<f32>().max(1.0);
    let mut grads = vec![0.0; student.len()];
    let mut sum = 0.0;
    let rows = student.chunks(d).zip(teacher.chunks(d)).zip(grads.chunks_mut(d));
    for (((student, teacher), grads), weight) in rows.zip(weights) {
        let cosine: f32 = student.iter().zip(teacher).map(|(s, t)| s * t).sum();
        sum += weight * (1.0 - cosine);
        grads.iter_mut().zip(teacher).for_each(|(g, t)| *g = -t * weight / total);
    }
    (sum / total, grads)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(rows: &[[f32; 3]]) -> Vec<f32> {
        rows.iter()
            .flat_map(|r| {
                let n = r.iter().map(|x| x * x).sum::<f32>().sqrt();
                r.map(|x| x / n)
            })
            .collect()
    }

    /// The formula in f64: the paper's where each query has one positive.
    fn plain(q: &[f32], p: &[f32], relations: &[Relation], t: f64) -> f64 {
        let (n, m) = (q.len() / 3, p.len() / 3);
        let e = |i: usize, j: usize| {
            let dot: f64 = (0..3).map(|k| f64::from(q[i * 3 + k]) * f64::from(p[j * 3 + k])).sum();
            (dot / t).exp()
        };
        let of = |i: usize| {
            let with = |wanted| (0..m).filter(move |&j| relations[i * m + j] == wanted);
            let others: f64 = with(Relation::Negative).map(|j| e(i, j)).sum();
            let all: f64 = with(Relation::Positive).map(|j| -(e(i, j) / (e(i, j) + others)).ln()).sum();
            all / with(Relation::Positive).count() as f64
        };
        (0..n).map(of).sum::<f64>() / n as f64
    }

    #[test]
    fn contrastive_equals_the_formula_and_knows_its_slope() {
        let q = unit(&[[1.0, 2.0, 0.5], [0.3, -1.0, 2.0], [1.0, 1.0, 1.0]]);
        let p = unit(&[[1.0, 1.5, 0.0], [0.0, -1.0, 1.0], [2.0, 1.0, 1.0], [0.5, 0.5, -1.0]]);
        let mut relations = vec![Relation::Negative; 12];
        (0..3).for_each(|i| relations[i * 4 + i] = Relation::Positive);
        holds(&q, &p, &relations);
        // Passage 2 is no negative of query 0, and passages 0 and 3 answer query 1 too.
        relations[2] = Relation::Neither;
        (relations[4], relations[7]) = (Relation::Positive, Relation::Positive);
        holds(&q, &p, &relations);
    }

    fn holds(q: &[f32], p: &[f32], relations: &[Relation]) {
        let t = 0.1f32;
        let (got, by_q, by_p) = contrastive(q, p, 3, relations, t);
        assert!((f64::from(got) - plain(q, p, relations, t.into())).abs() < 1e-6, "{got}");
        for (which, grads) in [(0, &by_q), (1, &by_p)] {
            for (i, grad) in grads.iter().enumerate() {
                let at = |step: f32| {
                    let mut both = [q.to_vec(), p.to_vec()];
                    both[which][i] += step;
                    plain(&both[0], &both[1], relations, t.into())
                };
                let slope = (at(1e-3) - at(-1e-3)) / 2e-3;
                assert!((slope - f64::from(*grad)).abs() < 2e-3, "{which} {i}: {slope} {grad}");
            }
        }
    }

    #[test]
    fn distance_counts_only_weighted_rows() {
        let a = unit(&[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
        let b = unit(&[[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]);
        let (got, grads) = distance(&a, &b, 3, &[1.0, 0.0]);
        assert_eq!(got, 1.0);
        assert_eq!(grads, [0.0, -1.0, 0.0, 0.0, 0.0, 0.0]);
    }
}
