//! Attention of each token over all tokens of its own sequence, head by head.

use super::{
    product::{After, OutputRows, Panels, multiply},
    rows::softmax,
    simd::{Level, MOST_LANES},
};
use crate::{architecture::program::Mask, encoder::relative::Shifts, threads};

/// Queries whose scores are held in memory at once.
const QUERIES: usize = 48;

/// One thread's memory.
struct AttentionScratch {
    keys: Panels,
    values: Panels,
    scores: Vec<f32>,
}

/// Context vectors `[tokens, hidden]` (for each token, the values weighted by its attention probabilities)
/// from queries, keys and values `[tokens, 3 hidden]` of consecutive sequences that are `lengths` tokens
/// long.
pub fn attend(
    level: Level,
    heads: usize,
    (mask, shifts): (Mask, Option<&Shifts>),
    qkv: &[f32],
    lengths: &[usize],
    context: &mut [f32],
) {
    let tokens: usize = lengths.iter().sum();
    if tokens == 0 {
        return;
    }
    let hidden = context.len() / tokens;
    let width = hidden / heads;
    let scale = (width as f32).sqrt().recip();
    let firsts = firsts(lengths);
    let own =
        || AttentionScratch { keys: Panels::new(level), values: Panels::new(level), scores: Vec::new() };
    let place = OutputRows::new(context, hidden);
    threads::each(lengths.len() * heads, own, |own, part| {
        let (sequence, head) = (part / heads, part % heads);
        let (first, length) = (firsts[sequence], lengths[sequence]);
        if length == 0 {
            return;
        }
        let part = |token: usize, which: usize| &qkv[(3 * (first + token) + which) * hidden + head * width..];
        own.keys.fill_by_columns(width, length, |token| part(token, 1));
        own.values.fill_by_rows(length, width, |token| part(token, 2));
        let stride = length.next_multiple_of(MOST_LANES);
        own.scores.resize(QUERIES.min(length) * stride, 0.0);
        for query in (0..length).step_by(QUERIES) {
            let rows = QUERIES.min(length - query);
            let scores = &mut own.scores[..rows * stride];
            let queries = (part(query, 0), 3 * hidden, rows);
            // SAFETY: the scores are this thread's own.
            unsafe {
                let all = 0..own.keys.count();
                multiply(queries, &own.keys, all, After::NOTHING, OutputRows::new(scores, stride));
            }
            if let Some(shifts) = shifts {
                shift(shifts.of(head), scores, stride, query, length, scale);
            }
            hide(mask, scores, stride, query, length);
            softmax(level, scores, stride, length, scale);
            // SAFETY: this head's columns of this sequence's rows belong to this part alone.
            unsafe {
                let all = 0..own.values.count();
                let place = place.from(first + query, head * width);
                multiply((scores, stride, rows), &own.values, all, After::NOTHING, place);
            }
        }
    });
}

/// The first token of each sequence.
pub fn firsts(lengths: &[usize]) -> Vec<usize> {
    let next = |next: &mut usize, &length: &usize| {
        *next += length;
        Some(*next - length)
    };
    lengths.iter().scan(0, next).collect()
}

/// Adds to rows of scores, of which the first is that of token `first`, what one head's `shifts` say; `scale` is what
/// the scores are multiplied by afterwards.
pub fn shift(shifts: &[f32], scores: &mut [f32], stride: usize, first: usize, length: usize, scale: f32) {
    let by = scale.recip();
    let middle = shifts.len() / 2;
    for (token, row) in (first..).zip(scores.chunks_mut(stride)) {
        let shifts = &shifts[middle - token..];
        row[..length].iter_mut().zip(shifts).for_each(|(score, shift)| *score += by * shift);
    }
}

/// Takes from rows of scores, of which the first is that of token `first`, what `mask` keeps a token from attending
/// to.
pub fn hide(mask: Mask, scores: &mut [f32], stride: usize, first: usize, length: usize) {
    match mask {
        Mask::Full => {}
        Mask::Window(reach) => {
            for (token, row) in (first..).zip(scores.chunks_mut(stride)) {
                row[..token.saturating_sub(reach)].fill(f32::MIN);
                row[(token + reach + 1).min(length)..length].fill(f32::MIN);
            }
        }
    }
}
