//! What is minimised, with its gradients.

use crate::encoder::cpu::learn::matrix::{dots, sums, transposed};

/// Softmax cross-entropy of each query's own passage against the batch's (InfoNCE, arXiv 1807.03748;
/// arXiv 2408.10536 uses it from query to passage), and its gradients.
///
/// `queries` is `[batch, d]` and `passages` `[at least batch, d]`, rows of length 1; passage `i` belongs
/// to query `i`, those behind are negatives only. `masked[i * passages + j]` says that passage `j` is no
/// negative of query `i`. Returns the mean over the batch, and its gradients by queries and passages.
pub fn contrastive(
    queries: &[f32],
    passages: &[f32],
    d: usize,
    masked: &[bool],
    temperature: f32,
) -> (f32, Vec<f32>, Vec<f32>) {
    let (batch, count) = (queries.len() / d, passages.len() / d);
    let mut scores = dots(queries, passages, d);
    let mut loss = 0.0f64;
    for (i, (scores, masked)) in scores.chunks_mut(count).zip(masked.chunks(count)).enumerate() {
        let counts = |j: usize| j == i || !masked[j];
        let largest = (0..count).filter(|&j| counts(j)).fold(f32::MIN, |m, j| m.max(scores[j]));
        let own = (scores[i] - largest) / temperature;
        let mut sum = 0.0f64;
        for (j, score) in scores.iter_mut().enumerate() {
            let e = if counts(j) { f64::from((*score - largest) / temperature).exp() } else { 0.0 };
            *score = e as f32;
            sum += e;
        }
        loss += sum.ln() - f64::from(own);
        // In place of scores now the gradients by them: (share - own) / temperature / batch.
        let scale = (sum * f64::from(temperature) * batch as f64).recip();
        scores.iter_mut().for_each(|s| *s = (f64::from(*s) * scale) as f32);
        scores[i] -= (f64::from(temperature) * batch as f64).recip() as f32;
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

    /// The formula of the paper in f64.
    fn plain(q: &[f32], p: &[f32], masked: &[bool], t: f64) -> f64 {
        let (n, m) = (q.len() / 3, p.len() / 3);
        let dot = |i: usize, j: usize| {
            (0..3).map(|k| f64::from(q[i * 3 + k]) * f64::from(p[j * 3 + k])).sum::<f64>()
        };
        let of = |i: usize| {
            let sum: f64 =
                (0..m).filter(|&j| j == i || !masked[i * m + j]).map(|j| (dot(i, j) / t).exp()).sum();
            -((dot(i, i) / t).exp() / sum).ln()
        };
        (0..n).map(of).sum::<f64>() / n as f64
    }

    #[test]
    fn contrastive_equals_the_formula_skips_what_is_masked_and_knows_its_slope() {
        let q = unit(&[[1.0, 2.0, 0.5], [0.3, -1.0, 2.0], [1.0, 1.0, 1.0]]);
        let p = unit(&[[1.0, 1.5, 0.0], [0.0, -1.0, 1.0], [2.0, 1.0, 1.0], [0.5, 0.5, -1.0]]);
        let mut masked = vec![false; 12];
        masked[2] = true; // passage 2 is no negative of query 0
        let t = 0.1f32;
        let (got, by_q, by_p) = contrastive(&q, &p, 3, &masked, t);
        assert!((f64::from(got) - plain(&q, &p, &masked, t.into())).abs() < 1e-6, "{got}");
        for (which, grads) in [(0, &by_q), (1, &by_p)] {
            for (i, grad) in grads.iter().enumerate() {
                let at = |step: f32| {
                    let mut both = [q.clone(), p.clone()];
                    both[which][i] += step;
                    plain(&both[0], &both[1], &masked, t.into())
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
