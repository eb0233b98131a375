//! Pooling of token vectors into one vector per text, and its gradients.

use crate::encoder::Pooling;

/// Pools `[tokens, hidden]` of consecutive sequences, `lengths` tokens long, into `out`,
/// `[sequences, hidden]`; an empty sequence gives zeros.
pub fn pool(pooling: Pooling, hidden: usize, x: &[f32], lengths: &[usize], out: &mut [f32]) {
    let mut rest = x;
    for (vector, &length) in out.chunks_mut(hidden).zip(lengths) {
        let rows;
        (rows, rest) = rest.split_at(length * hidden);
        let mut rows = rows.chunks(hidden);
        let Some(first) = rows.next() else {
            vector.fill(0.0);
            continue;
        };
        vector.copy_from_slice(first);
        match pooling {
            Pooling::Cls => {}
            Pooling::Mean => {
                rows.for_each(|row| super::add(vector, row));
                vector.iter_mut().for_each(|v| *v /= length as f32);
            }
            Pooling::Max => {
                rows.for_each(|row| vector.iter_mut().zip(row).for_each(|(v, &x)| *v = v.max(x)));
            }
            Pooling::Last => {
                if let Some(last) = rows.next_back() {
                    vector.copy_from_slice(last);
                }
            }
            Pooling::WeightedMean => {
                for (i, row) in (2..).zip(rows) {
                    vector.iter_mut().zip(row).for_each(|(v, x)| *v += i as f32 * x);
                }
                let sum = weights(length);
                vector.iter_mut().for_each(|v| *v /= sum);
            }
            Pooling::MeanSqrtLength => {
                rows.for_each(|row| super::add(vector, row));
                let root = (length as f32).sqrt();
                vector.iter_mut().for_each(|v| *v /= root);
            }
        }
    }
}

/// The sum of the weights of a text's tokens: 1, 2, 3 …
fn weights(length: usize) -> f32 {
    (length as f64 * (length as f64 + 1.0) / 2.0) as f32
}

/// Gradients of the tokens, `[tokens, hidden]`, into `out` from those of the pooled vectors,
/// `[sequences, hidden]`; `x` is what was pooled. Among equal maxima the first takes the whole gradient.
#[cfg(feature = "gradients")]
pub fn pool_backward(
    pooling: Pooling,
    hidden: usize,
    x: &[f32],
    lengths: &[usize],
    grads: &[f32],
    out: &mut [f32],
) {
    out.fill(0.0);
    let mut at = 0;
    for (grad, &length) in grads.chunks(hidden).zip(lengths) {
        let x = &x[at..at + length * hidden];
        let out = &mut out[at..at + length * hidden];
        at += length * hidden;
        if length == 0 {
            continue;
        }
        match pooling {
            Pooling::Cls => out[..hidden].copy_from_slice(grad),
            Pooling::Mean => {
                let share = (length as f32).recip();
                for row in out.chunks_mut(hidden) {
                    row.iter_mut().zip(grad).for_each(|(to, g)| *to = g * share);
                }
            }
            Pooling::Last => out[(length - 1) * hidden..].copy_from_slice(grad),
            Pooling::WeightedMean => {
                let sum = weights(length);
                for (i, row) in (1..).zip(out.chunks_mut(hidden)) {
                    row.iter_mut().zip(grad).for_each(|(to, g)| *to = g * (i as f32 / sum));
                }
            }
            Pooling::MeanSqrtLength => {
                let share = (length as f32).sqrt().recip();
                for row in out.chunks_mut(hidden) {
                    row.iter_mut().zip(grad).for_each(|(to, g)| *to = g * share);
                }
            }
            Pooling::Max => {
                for (d, g) in grad.iter().enumerate() {
                    let column = |t: usize| x[t * hidden + d];
                    let best = (1..length).fold(0, |best, t| if column(t) > column(best) { t } else { best });
                    out[best * hidden + d] = *g;
                }
            }
        }
    }
}
