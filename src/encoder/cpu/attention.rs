//! Attention of each token over all tokens of its own sequence, head by head.

use super::{
    product::{After, OutputRows, Panels, multiply, multiply_first},
    rows::softmax,
    simd::{Level, MOST_LANES},
};
use crate::{
    architecture::program::{Attention, Mask},
    encoder::relative::Shifts,
    threads,
};

/// Queries whose scores are held in memory at once.
const QUERIES: usize = 48;

/// One thread's memory.
struct AttentionScratch {
    keys: Panels,
    values: Panels,
    scores: Vec<f32>,
}

/// The heads of an attention step, and where they are in a row of queries, keys and values.
#[derive(Debug, Clone, Copy)]
pub struct Heads {
    /// Number of query heads.
    pub count: usize,
    /// Number of key heads, and of value heads.
    pub kv_count: usize,
    /// Width of each.
    pub width: usize,
    /// Scores are multiplied by it.
    pub scale: f32,
    pub mask: Mask,
}

impl Heads {
    pub fn of(op: &Attention) -> Self {
        let scale = (op.scaling as f32).sqrt().recip();
        Self { count: op.heads, kv_count: op.kv_heads, width: op.head_width, scale, mask: op.mask }
    }

    /// Width of a row of queries, keys and values.
    pub fn row(&self) -> usize {
        (self.count + 2 * self.kv_count) * self.width
    }

    /// Width of a row of context vectors.
    pub fn context(&self) -> usize {
        self.count * self.width
    }

    /// The first column of a head's queries, of its keys, and of its values.
    pub fn columns(&self, head: usize) -> [usize; 3] {
        let shared = head * self.kv_count / self.count;
        let key = self.count + shared;
        [head, key, key + self.kv_count].map(|head| head * self.width)
    }
}

/// Context vectors `[tokens, heads width]` (for each token, the values weighted by its attention probabilities)
/// from queries, keys and values `[tokens, (heads + 2 kv_heads) width]` of consecutive sequences that are `lengths`
/// tokens long.
pub fn attend(
    level: Level,
    heads: Heads,
    shifts: Option<&Shifts>,
    qkv: &[f32],
    lengths: &[usize],
    context: &mut [f32],
) {
    let tokens: usize = lengths.iter().sum();
    if tokens == 0 {
        return;
    }
    let (row, width, mask) = (heads.row(), heads.width, heads.mask);
    let (heads, scale, columns) = (heads.count, heads.scale, |head| heads.columns(head));
    let hidden = heads * width;
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
        let columns = columns(head);
        let part = |token: usize, which: usize| &qkv[(first + token) * row + columns[which]..];
        own.keys.fill_by_columns(width, length, |token| part(token, 1));
        own.values.fill_by_rows(length, width, |token| part(token, 2));
        let stride = length.next_multiple_of(MOST_LANES);
        own.scores.resize(QUERIES.min(length) * stride, 0.0);
        for query in (0..length).step_by(QUERIES) {
            let rows = QUERIES.min(length - query);
            let scores = &mut own.scores[..rows * stride];
            let queries = (part(query, 0), row, rows);
            // What none of these queries sees is not computed.
            let seen = mask.seen(query, length).start..mask.seen(query + rows - 1, length).end;
            let end = seen.end;
            // SAFETY: the scores are this thread's own.
            unsafe {
                let which = own.keys.with(seen);
                multiply(queries, &own.keys, which, After::NOTHING, OutputRows::new(scores, stride));
            }
            if let Some(shifts) = shifts {
                shift(shifts.of(head), scores, stride, query, length, scale);
            }
            hide(mask, scores, stride, query, length);
            softmax(level, scores, stride, end, scale);
            // SAFETY: this head's columns of this sequence's rows belong to this part alone.
            unsafe {
                let all = 0..own.values.count();
                let place = place.from(first + query, head * width);
                multiply_first(end, (scores, stride, rows), &own.values, all, After::NOTHING, place);
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
        Mask::Window(_) | Mask::Causal | Mask::CausalWindow(_) => {
            for (token, row) in (first..).zip(scores.chunks_mut(stride)) {
                let seen = mask.seen(token, length);
                row[..seen.start].fill(f32::MIN);
                row[seen.end..length].fill(f32::MIN);
            }
        }
    }
}
