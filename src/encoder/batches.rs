//! Which texts are encoded together.

use std::cmp::Reverse;

/// Sequences that are still to be encoded, longest first: a lack of memory shows at once, and texts of like length
/// meet in a batch.
pub struct Batches<'a> {
    tokens: &'a [Vec<u32>],
    /// Indices into `tokens`.
    order: Vec<usize>,
    next: usize,
}

impl<'a> Batches<'a> {
    /// Of all `tokens`.
    pub fn new(tokens: &'a [Vec<u32>]) -> Self {
        let mut order: Vec<usize> = (0..tokens.len()).collect();
        order.sort_by_key(|&i| Reverse(tokens[i].len()));
        Self { tokens, order, next: 0 }
    }

    /// The next batch's indices: as many as hold at most `room` tokens if each were as long as the first, whose
    /// length is `padded` to; at least one. `None` at the end.
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

    /// Puts back all that was taken after the first `done` sequences.
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
        // Padded to 8, the text of one token is alone; one that fits nowhere goes by itself.
        assert_eq!(batches.take(8, |_| 8), Some(vec![2]));
        batches.back_to(2);
        assert_eq!(batches.take(1, |n| n), Some(vec![3]));
        assert_eq!(batches.of(&[3, 2]), [&[0; 4][..], &[0; 1]]);
        assert_eq!(batches.take(100, |n| n), Some(vec![0, 2, 5]));
        assert_eq!(batches.take(100, |n| n), None);
    }
}
