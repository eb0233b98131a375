//! The backward pass of attention.

use super::{
    super::{
        attention::{firsts, hide},
        product::{After, OutputRows, Panels, multiply},
        rows::softmax,
        simd::{Level, MOST_LANES},
    },
    rows::dot,
};
use crate::{architecture::program::Mask, threads};

/// One thread's memory.
struct AttentionGradScratch {
    right: Panels,
    probabilities: Vec<f32>,
    grads: Vec<f32>,
    transposed: Vec<f32>,
}

/// Gradients of queries, keys and values `[tokens, 3 hidden]` from those of the context vectors
/// `[tokens, hidden]`. Softmax is recomputed from `qkv`, the queries, keys and values.
///
/// With P = softmax(s Q Kᵀ) and O = P V: dV = Pᵀ dO, dP = dO Vᵀ, dS = P (dP - Σ dP P) by rows,
/// dQ = s dS K, dK = s dSᵀ Q.
pub fn backward(
    level: Level,
    (heads, mask): (usize, Mask),
    qkv: &[f32],
    lengths: &[usize],
    grads: &[f32],
    out: &mut [f32],
) {
    let tokens: usize = lengths.iter().sum();
    if tokens == 0 {
        return;
    }
    let hidden = grads.len() / tokens;
    let width = hidden / heads;
    let scale = (width as f32).sqrt().recip();
    let firsts = firsts(lengths);
    let place = OutputRows::new(out, 3 * hidden);
    let own = || AttentionGradScratch {
        right: Panels::new(level),
        probabilities: Vec::new(),
        grads: Vec::new(),
        transposed: Vec::new(),
    };
    threads::each(lengths.len() * heads, own, |own, part| {
        let (sequence, head) = (part / heads, part % heads);
        let (first, length) = (firsts[sequence], lengths[sequence]);
        if length == 0 {
            return;
        }
        let column = |which: usize| which * hidden + head * width;
        let part = |token: usize, which: usize| &qkv[(first + token) * 3 * hidden + column(which)..];
        let place = |which: usize| place.from(first, column(which));
        let grad = |token: usize| &grads[(first + token) * hidden + head * width..];
        let stride = length.next_multiple_of(MOST_LANES);
        for square in [&mut own.probabilities, &mut own.grads, &mut own.transposed] {
            square.resize(length * stride, 0.0);
        }
        let AttentionGradScratch { right, probabilities, grads, transposed } = own;
        // Multiplies rows `left`, `stride` apart, by `right` into `place`.
        let product = |left: &[f32], stride: usize, right: &Panels, place: OutputRows| {
            // SAFETY: this head's columns of this sequence's rows, and the squares, are this task's own.
            unsafe { multiply((left, stride, length), right, 0..right.count(), After::NOTHING, place) }
        };
        right.fill_by_columns(width, length, |token| part(token, 1));
        product(part(0, 0), 3 * hidden, right, OutputRows::new(probabilities, stride));
        hide(mask, probabilities, stride, 0, length);
        softmax(level, probabilities, stride, length, scale);
        // dP; and dV from the transposed P.
        right.fill_by_columns(width, length, |token| part(token, 2));
        product(grad(0), hidden, right, OutputRows::new(grads, stride));
        transpose(probabilities, transposed, stride, length);
        right.fill_by_rows(length, width, grad);
        product(transposed, stride, right, place(2));
        // s dS, over dP.
        for (row, grad) in probabilities.chunks(stride).zip(grads.chunks_mut(stride)) {
            let along = dot(&row[..length], &grad[..length]);
            grad[..length].iter_mut().zip(row).for_each(|(g, p)| *g = p * (*g - along) * scale);
        }
        right.fill_by_rows(length, width, |token| part(token, 1));
        product(grads, stride, right, place(0));
        transpose(grads, transposed, stride, length);
        right.fill_by_rows(length, width, |token| part(token, 0));
        product(transposed, stride, right, place(1));
    });
}

/// Transposes a square of `length` rows and columns; rows are `stride` apart.
fn transpose(from: &[f32], to: &mut [f32], stride: usize, length: usize) {
    for (r, row) in from.chunks(stride).enumerate() {
        for (c, x) in row[..length].iter().enumerate() {
            to[c * stride + r] = *x;
        }
    }
}
