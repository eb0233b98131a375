//! Batching of texts by length.

use std::cmp::Reverse;

/// Sequences still to be encoded, longest first: running out of memory shows at once, and texts of similar
/// length share a batch.
pub struct Batches<'a> {
    tokens: &'a [Vec<u32>],
    /// Indices into `tokens`.
    order: Vec<usize>,
    next: usize,
}

impl<'a> Batches<'a> {
    /// All of `tokens`.
    pub fn new(tokens: &'a [Vec<u32>]) -> Self {
        let mut order: Vec<usize> = (0..tokens.len()).collect();
        order.sort_by_key(|&i| Reverse(tokens[i].len()));
        Self { tokens, order, next: 0 }
    }

    /// The next batch's indices: as many as have at most `room` tokens if all are padded to `padded` of the
    /// first one's length; at least one. `None` at the end.
    pub fn take(&mut self, room: usize, padded: impl Fn(usize) -> usize) -> Option<Vec<usize>> {
        let rest = &self.order[self.next..];
        let longest = padded(self.tokens[*rest.first()?].len());
        let batch = rest[..(room / longest.max(1)).clamp(1, rest.len())].to_vec();
        self.next += batch.len();
        Some(batch)
    }

    /// The sequences of a batch.
    pub fn of(&self, batch: &[usize]) -> Vec<&'a [u32]> {
        batch.iter().map(|&i| self.tokens[i].as_slice()).collect()
    }

    /// Puts back everything taken after the first `done` sequences.
    pub fn back_to(&mut self, done: usize) {
        self.next = done.min(self.next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_texts_of_like_length_and_no_more_than_fits() {
        let tokens: Vec<Vec<u32>> = [3, 9, 1, 4, 9, 0].iter().map(|&n| vec![0; n]).collect();
        let mut batches = Batches::new(&tokens);
        assert_eq!(batches.take(20, |n| n), Some(vec![1, 4]));
        assert_eq!(batches.take(9, |n| n), Some(vec![3, 0]));
        // Padded to 8, the text of one token stays alone; a text that exceeds the room gets its own batch.
        assert_eq!(batches.take(8, |_| 8), Some(vec![2]));
        batches.back_to(2);
        assert_eq!(batches.take(1, |n| n), Some(vec![3]));
        assert_eq!(batches.of(&[3, 2]), [&[0; 4][..], &[0; 1]]);
        assert_eq!(batches.take(100, |n| n), Some(vec![0, 2, 5]));
        assert_eq!(batches.take(100, |n| n), None);
    }
}
