//! The backward pass of attention.

use std::sync::OnceLock;

use super::{
    super::{
        add,
        attention::{Heads, firsts, hide, shift},
        product::{After, OutputRows, Panels, multiply},
        rows::softmax,
        simd::{Level, MOST_LANES},
    },
    rows::dot,
};
use crate::{encoder::relative::Shifts, threads};

/// One thread's memory.
struct AttentionGradScratch {
    right: Panels,
    probabilities: Vec<f32>,
    grads: Vec<f32>,
    transposed: Vec<f32>,
}

/// Gradients of queries, keys and values `[tokens, (heads + 2 kv_heads) width]` from those of the context vectors
/// `[tokens, heads width]`. Softmax is recomputed from `qkv`, the queries, keys and values. With `shift_grads`, like
/// [`Shifts::values`], adds the gradients of the shifts.
///
/// With P = softmax(s Q Kᵀ) and O = P V: dV = Pᵀ dO, dP = dO Vᵀ, dS = P (dP - Σ dP P) by rows,
/// dQ = s dS K, dK = s dSᵀ Q. Where several heads share K and V, their gradients are summed.
pub fn backward(
    level: Level,
    (heads, shifts): (Heads, Option<&Shifts>),
    qkv: &[f32],
    lengths: &[usize],
    grads: &[f32],
    out: &mut [f32],
    shift_grads: Option<&mut [f32]>,
) {
    let tokens: usize = lengths.iter().sum();
    if tokens == 0 {
        return;
    }
    let (row, hidden) = (heads.row(), heads.context());
    let Heads { count, kv_count, width, scale, mask } = heads;
    let shared = count / kv_count;
    let firsts = firsts(lengths);
    let place = OutputRows::new(out, row);
    let own = || AttentionGradScratch {
        right: Panels::new(level),
        probabilities: Vec::new(),
        grads: Vec::new(),
        transposed: Vec::new(),
    };
    // Gradients of each head's shifts, to be summed in order.
    let parts = lengths.len() * count;
    let slots: Vec<OnceLock<Vec<f32>>> =
        shift_grads.iter().flat_map(|_| 0..parts).map(|_| OnceLock::new()).collect();
    // All heads that share keys and values are in one task, in a fixed order.
    threads::each(lengths.len() * kv_count, own, |own, part| {
        let (sequence, kv_head) = (part / kv_count, part % kv_count);
        let (first, length) = (firsts[sequence], lengths[sequence]);
        if length == 0 {
            return;
        }
        let stride = length.next_multiple_of(MOST_LANES);
        for square in [&mut own.probabilities, &mut own.grads, &mut own.transposed] {
            square.resize(length * stride, 0.0);
        }
        let AttentionGradScratch { right, probabilities, grads: dp, transposed } = own;
        for head in kv_head * shared..(kv_head + 1) * shared {
            let columns = heads.columns(head);
            let part = |token: usize, which: usize| &qkv[(first + token) * row + columns[which]..];
            let place = |which: usize| place.from(first, columns[which]);
            let grad = |token: usize| &grads[(first + token) * hidden + head * width..];
            // Multiplies rows `left`, `stride` apart, by `right` into `place`.
            let product = |left: &[f32], stride: usize, right: &Panels, place: OutputRows, after: After| {
                // SAFETY: this head's columns of this sequence's rows, those that it shares with heads of the same
                // task, and the squares, are this task's own.
                unsafe { multiply((left, stride, length), right, 0..right.count(), after, place) }
            };
            let nothing = After::NOTHING;
            let summed = After { add: head > kv_head * shared, ..After::NOTHING };
            right.fill_by_columns(width, length, |token| part(token, 1));
            product(part(0, 0), row, right, OutputRows::new(probabilities, stride), nothing);
            if let Some(shifts) = shifts {
                shift(shifts.of(head), probabilities, stride, 0, length, scale);
            }
            hide(mask, probabilities, stride, 0, length);
            softmax(level, probabilities, stride, length, scale);
            // dP; and dV from the transposed P.
            right.fill_by_columns(width, length, |token| part(token, 2));
            product(grad(0), hidden, right, OutputRows::new(dp, stride), nothing);
            transpose(probabilities, transposed, stride, length);
            right.fill_by_rows(length, width, grad);
            product(transposed, stride, right, place(2), summed);
            // s dS, over dP.
            for (row, grad) in probabilities.chunks(stride).zip(dp.chunks_mut(stride)) {
                let along = dot(&row[..length], &grad[..length]);
                grad[..length].iter_mut().zip(row).for_each(|(g, p)| *g = p * (*g - along) * scale);
            }
            if let Some(slot) = slots.get(sequence * count + head) {
                slot.get_or_init(|| by_distance(dp, stride, length, scale.recip()));
            }
            right.fill_by_rows(length, width, |token| part(token, 1));
            product(dp, stride, right, place(0), nothing);
            transpose(dp, transposed, stride, length);
            right.fill_by_rows(length, width, |token| part(token, 0));
            product(transposed, stride, right, place(1), summed);
        }
    });

    if let (Some(out), Some(shifts)) = (shift_grads, shifts) {
        for (part, slot) in slots.iter().enumerate() {
            let sums = slot.get().map_or(&[][..], Vec::as_slice);
            // The middles lie above each other.
            let row = &mut out[part % count * shifts.span..][..shifts.span];
            add(&mut row[shifts.span / 2 - sums.len() / 2..], sums);
        }
    }
}

/// The sums of a square's diagonals times `by`, from the one whose column is furthest before its row.
fn by_distance(square: &[f32], stride: usize, length: usize, by: f32) -> Vec<f32> {
    let mut sums = vec![0.0; 2 * length - 1];
    for (query, row) in square.chunks(stride).take(length).enumerate() {
        add(&mut sums[length - 1 - query..], &row[..length]);
    }
    sums.iter_mut().for_each(|sum| *sum *= by);
    sums
}

/// Transposes a square of `length` rows and columns; rows are `stride` apart.
fn transpose(from: &[f32], to: &mut [f32], stride: usize, length: usize) {
    for (r, row) in from.chunks(stride).enumerate() {
        for (c, x) in row[..length].iter().enumerate() {
            to[c * stride + r] = *x;
        }
    }
}
