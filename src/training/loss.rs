//! Loss functions with their gradients.

use crate::encoder::matrix::{dots, sums, transposed};

/// The role of a passage for a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// A positive.
    Positive,
    /// A negative.
    Negative,
    /// Ignored: it may answer too.
    Neither,
}

/// Softmax cross-entropy of each query's own passage against the batch's negatives (InfoNCE, arXiv
/// 1807.03748; arXiv 2408.10536 uses it from query to passage), and its gradients. With several positives, each is
/// contrasted with the negatives only, and the mean is taken (as in arXiv 2004.11362, L_out, but without the
/// other positives in the denominator).
///
/// `queries` is `[batch, d]` and `passages` `[any, d]`, rows of length 1. `relations[i * passages + j]` is
/// the role of passage `j` for query `i`. Returns the mean over the batch, and its gradients with respect to
/// queries and passages.
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
        // Overwrite scores with their gradients: (share - own) / temperature / batch, each of a mean.
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
/// numbers whose sum divides the total), and its gradient with respect to `student`.
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

/// Jensen–Shannon divergence between the rankings by parallel queries:
/// `JS(P, Q) = ½ KL(P ‖ M) + ½ KL(Q ‖ M)` with `M = ½ (P + Q)`, where `P` and `Q` are the softmax over all of the
/// batch's passages, at the temperature, of one query's scores and of those of the same query in another
/// language. From 0, for equal rankings, to ln 2. A model that prefers passages in the query's language ranks
/// differently when the query's language changes, so this penalizes the preference itself, whatever the labels.
///
/// The idea is from arXiv 2604.05684, of which only the abstract was read: using the batch's passages, all of them,
/// with gradients to both queries and to the passages, is ours.
///
/// `one` and `other` are `[pairs, d]`, `passages` `[any, d]`. Returns the sum over pairs divided by `batch`, so that
/// a pair has the same weight however many items of a batch have one, and its gradients with respect to all three.
pub fn agreement(
    one: &[f32],
    other: &[f32],
    passages: &[f32],
    d: usize,
    temperature: f32,
    batch: usize,
) -> (f32, [Vec<f32>; 3]) {
    let count = passages.len() / d;
    let [mut first, mut second] = [one, other].map(|queries| dots(queries, passages, d));
    let scale = (f64::from(temperature) * batch as f64).recip();
    let mut total = 0.0;
    for (first, second) in first.chunks_mut(count).zip(second.chunks_mut(count)) {
        let (p, q) = (log_shares(first, temperature), log_shares(second, temperature));
        let between =
            |(p, q): (&f64, &f64)| p.max(*q) + (-(p - q).abs()).exp().ln_1p() - std::f64::consts::LN_2;
        let middle: Vec<f64> = p.iter().zip(&q).map(between).collect();
        for (scores, own) in [(first, p), (second, q)] {
            let divergence = divergence(&own, &middle);
            total += divergence / 2.0;
            // Overwrite the scores with their gradients.
            for ((score, own), middle) in scores.iter_mut().zip(&own).zip(&middle) {
                *score = (0.5 * own.exp() * (own - middle - divergence) * scale) as f32;
            }
        }
    }
    let by_passages = |scores: &[f32], queries| sums(&transposed(scores, count), queries, d);
    let mut together = by_passages(&first, one);
    together.iter_mut().zip(by_passages(&second, other)).for_each(|(a, b)| *a += b);
    ((total / batch as f64) as f32, [sums(&first, passages, d), sums(&second, passages, d), together])
}

/// Divergence of passages' rankings of the batch's queries from those of their English counterparts:
/// `KL(E ‖ P)`, where `E` and `P` are the softmax over all of the batch's queries, at the temperature, of the
/// English passage's scores and of the passage's own. `E` is a target, without gradients.
///
/// After CLEAR (arXiv 2604.05821), of which only the abstract was read (a contrastive loss from the English passage,
/// and Kullback–Leibler divergence with it as anchor): ranking queries, the direction of the divergence, and the
/// stop-gradient on `E` are ours.
///
/// `english` and `passages` are `[pairs, d]`, `queries` `[any, d]`. Returns the sum over pairs divided by `batch`,
/// and its gradients with respect to passages and queries.
pub fn anchored(
    english: &[f32],
    passages: &[f32],
    queries: &[f32],
    d: usize,
    temperature: f32,
    batch: usize,
) -> (f32, [Vec<f32>; 2]) {
    let count = queries.len() / d;
    let targets = dots(english, queries, d);
    let mut scores = dots(passages, queries, d);
    let scale = (f64::from(temperature) * batch as f64).recip();
    let mut total = 0.0;
    for (scores, targets) in scores.chunks_mut(count).zip(targets.chunks(count)) {
        let (target, own) = (log_shares(targets, temperature), log_shares(scores, temperature));
        total += divergence(&target, &own);
        // Overwrite the scores with their gradients.
        for ((score, own), target) in scores.iter_mut().zip(&own).zip(&target) {
            *score = ((own.exp() - target.exp()) * scale) as f32;
        }
    }
    let by_queries = sums(&transposed(&scores, count), passages, d);
    ((total / batch as f64) as f32, [sums(&scores, queries, d), by_queries])
}

/// Log-softmax.
fn log_shares(scores: &[f32], temperature: f32) -> Vec<f64> {
    let scaled = |score: &f32| f64::from(*score) / f64::from(temperature);
    let largest = scores.iter().map(scaled).fold(f64::MIN, f64::max);
    let sum: f64 = scores.iter().map(|score| (scaled(score) - largest).exp()).sum();
    scores.iter().map(|score| scaled(score) - largest - sum.ln()).collect()
}

/// Kullback–Leibler divergence of the second from the first, both as log-probabilities.
fn divergence(first: &[f64], second: &[f64]) -> f64 {
    first.iter().zip(second).map(|(a, b)| a.exp() * (a - b)).sum()
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
        // Passage 2 is not a negative of query 0, and passages 0 and 3 answer query 1 too.
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

    /// The softmax of a row's scores against `others`.
    fn shares(row: &[f64], others: &[f64], t: f64) -> Vec<f64> {
        let powers: Vec<f64> = others
            .chunks(3)
            .map(|other| (row.iter().zip(other).map(|(a, b)| a * b).sum::<f64>() / t).exp())
            .collect();
        let sum: f64 = powers.iter().sum();
        powers.iter().map(|power| power / sum).collect()
    }

    fn kl(p: &[f64], q: &[f64]) -> f64 {
        p.iter().zip(q).map(|(p, q)| p * (p / q).ln()).sum()
    }

    /// Compares `gradients` with finite differences of `formula` for each number of `parts`, in f64.
    fn slopes(parts: &[Vec<f32>], gradients: &[&[f32]], formula: impl Fn(&[Vec<f64>]) -> f64) {
        let exact: Vec<Vec<f64>> =
            parts.iter().map(|part| part.iter().map(|x| f64::from(*x)).collect()).collect();
        for (which, gradients) in gradients.iter().enumerate() {
            assert_eq!(gradients.len(), exact[which].len());
            for (i, gradient) in gradients.iter().enumerate() {
                let at = |step: f64| {
                    let mut moved = exact.clone();
                    moved[which][i] += step;
                    formula(&moved)
                };
                let slope = (at(1e-6) - at(-1e-6)) / 2e-6;
                assert!((slope - f64::from(*gradient)).abs() < 2e-5, "{which} {i}: {slope} {gradient}");
            }
        }
    }

    #[test]
    fn agreement_is_the_divergence_of_both_rankings_and_knows_its_slopes() {
        let one = unit(&[[1.0, 2.0, 0.5], [0.3, -1.0, 2.0]]);
        let other = unit(&[[0.5, 2.0, -0.5], [0.1, 1.0, 1.0]]);
        let passages = unit(&[[1.0, 1.5, 0.0], [0.0, -1.0, 1.0], [2.0, 1.0, 1.0], [0.5, 0.5, -1.0]]);
        let t = 0.3;
        // A batch of five items, of which two have a parallel query.
        let formula = |parts: &[Vec<f64>]| {
            let pairs = parts[0].chunks(3).zip(parts[1].chunks(3));
            let sum: f64 = pairs
                .map(|(one, other)| {
                    let [p, q] = [one, other].map(|row| shares(row, &parts[2], f64::from(t)));
                    let middle: Vec<f64> = p.iter().zip(&q).map(|(p, q)| (p + q) / 2.0).collect();
                    (kl(&p, &middle) + kl(&q, &middle)) / 2.0
                })
                .sum();
            sum / 5.0
        };
        let (value, gradients) = agreement(&one, &other, &passages, 3, t, 5);
        let parts = [one.clone(), other.clone(), passages.clone()];
        let exact: Vec<Vec<f64>> =
            parts.iter().map(|part| part.iter().map(|x| f64::from(*x)).collect()).collect();
        assert!((f64::from(value) - formula(&exact)).abs() < 1e-6, "{value}");
        slopes(&parts, &gradients.each_ref().map(Vec::as_slice), formula);
        // Equal rankings cost nothing; at a temperature at which the rest underflows, different firsts cost ln 2.
        let (same, gradients) = agreement(&one, &one, &passages, 3, t, 2);
        assert!(same.abs() < 1e-9 && gradients.iter().flatten().all(|g| g.abs() < 1e-6));
        let (most, gradients) = agreement(&passages[..3], &passages[3..6], &passages, 3, 1e-4, 1);
        assert!((most - std::f32::consts::LN_2).abs() < 1e-6, "{most}");
        assert!(gradients.iter().flatten().all(|g| g.is_finite()));
    }

    #[test]
    fn anchored_is_the_divergence_from_the_english_ranking_and_leaves_that_alone() {
        let english = unit(&[[1.0, 2.0, 0.5], [0.3, -1.0, 2.0]]);
        let passages = unit(&[[0.5, 2.0, -0.5], [0.1, 1.0, 1.0]]);
        let queries = unit(&[[1.0, 1.5, 0.0], [0.0, -1.0, 1.0], [2.0, 1.0, 1.0]]);
        let t = 0.3;
        let exact = |part: &[f32]| part.iter().map(|x| f64::from(*x)).collect::<Vec<f64>>();
        let targets: Vec<Vec<f64>> =
            exact(&english).chunks(3).map(|row| shares(row, &exact(&queries), f64::from(t))).collect();
        let formula = |parts: &[Vec<f64>]| {
            let own = parts[0].chunks(3).map(|row| shares(row, &parts[1], f64::from(t)));
            own.zip(&targets).map(|(own, target)| kl(target, &own)).sum::<f64>() / 4.0
        };
        let (value, gradients) = anchored(&english, &passages, &queries, 3, t, 4);
        assert!((f64::from(value) - formula(&[exact(&passages), exact(&queries)])).abs() < 1e-6, "{value}");
        slopes(&[passages, queries.clone()], &gradients.each_ref().map(Vec::as_slice), formula);
        let (same, gradients) = anchored(&english, &english, &queries, 3, t, 2);
        assert!(same.abs() < 1e-9 && gradients.iter().flatten().all(|g| g.abs() < 1e-6));
    }
}
