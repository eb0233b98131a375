//! The order of a ranking: by score, descending, and on ties by document id, descending, as in trec_eval.

use std::ops::Range;

/// Tie-breaking between documents with equal scores.
#[derive(Debug, Clone)]
pub struct Order {
    /// `places[i]` is the rank of document `i` when ids are sorted descending as bytes.
    places: Vec<i32>,
}

impl Order {
    /// For documents with these ids, which must be distinct.
    pub fn new<S: AsRef<str>>(ids: &[S]) -> Self {
        let mut sorted: Vec<usize> = (0..ids.len()).collect();
        sorted.sort_by(|&a, &b| ids[b].as_ref().cmp(ids[a].as_ref()));
        let mut places = vec![0; ids.len()];
        for (place, document) in (0..).zip(sorted) {
            places[document] = place;
        }
        Self { places }
    }

    /// How many documents of `range` rank above `document`, given the `scores` of all documents.
    ///
    /// Counting is exact and needs no sorting: the rank is one more than the count.
    pub fn above(&self, scores: &[f32], document: usize, range: Range<usize>) -> usize {
        let (score, place) = (scores[document], self.places[document]);
        let pairs = scores[range.clone()].iter().zip(&self.places[range]);
        // Branchless, so that it vectorizes.
        let count: u32 = pairs.map(|(&s, &p)| u32::from((s > score) | ((s == score) & (p < place)))).sum();
        count as usize
    }

    /// Ranks (from 1, ascending) of the `relevant` documents among those of `range`.
    pub fn ranks(&self, scores: &[f32], relevant: &[usize], range: Range<usize>) -> Vec<usize> {
        let rank = |&document: &usize| 1 + self.above(scores, document, range.clone());
        let mut ranks: Vec<usize> = relevant.iter().map(rank).collect();
        ranks.sort_unstable();
        ranks
    }

    /// The first `depth` documents of `range`, best first.
    pub fn top(&self, scores: &[f32], range: Range<usize>, depth: usize) -> Vec<usize> {
        let mut documents: Vec<usize> = range.collect();
        let better = |&a: &usize, &b: &usize| {
            let by_place = self.places[a].cmp(&self.places[b]);
            // Scores are finite; 0 and -0 are equal here, as in `above`.
            scores[b].partial_cmp(&scores[a]).map_or(by_place, |by_score| by_score.then(by_place))
        };
        if depth == 0 {
            return Vec::new();
        }
        if documents.len() > depth {
            documents.select_nth_unstable_by(depth - 1, better);
            documents.truncate(depth);
        }
        documents.sort_unstable_by(better);
        // It was allocated for all of them, and thousands of such lists may be kept.
        documents.shrink_to_fit();
        documents
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_scores_go_by_id_descending_as_text() {
        let ids = ["de:2", "de:10", "en:1"];
        let order = Order::new(&ids);
        assert_eq!(order.top(&[0.5, 0.5, 0.5], 0..3, 3), [2, 0, 1]);
        assert_eq!(order.top(&[0.0, 0.0, -0.0], 0..3, 3), [2, 0, 1]);
        assert_eq!(order.ranks(&[0.5, 0.5, 0.6], &[0, 1], 0..3), [2, 3]);
        assert_eq!(order.ranks(&[0.5, 0.5, 0.6], &[0, 1], 0..2), [1, 2]);
        let many: Vec<String> = (0..5000).map(|i| i.to_string()).collect();
        let top = Order::new(&many).top(&[0.5; 5000], 0..5000, 10);
        assert!(top.len() == 10 && top.capacity() < 100, "room for {}", top.capacity());
    }

    proptest! {
        /// Compared with sorting the whole ranking.
        #[test]
        fn counting_is_sorting(scores in proptest::collection::vec(0u8..5, 2..80), cut in 0usize..40) {
            let scores: Vec<f32> = scores.iter().map(|&s| f32::from(s) / 4.0).collect();
            let ids: Vec<String> = (0..scores.len()).map(|i| format!("d{}", i * 7 % 83)).collect();
            let order = Order::new(&ids);
            let range = cut.min(scores.len() - 1)..scores.len();
            let mut sorted: Vec<usize> = range.clone().collect();
            sorted.sort_by(|&a, &b| {
                scores[b].partial_cmp(&scores[a]).unwrap().then_with(|| ids[b].cmp(&ids[a]))
            });
            prop_assert_eq!(&order.top(&scores, range.clone(), scores.len()), &sorted);
            prop_assert_eq!(&order.top(&scores, range.clone(), 3), &sorted[..sorted.len().min(3)]);
            for (i, &document) in sorted.iter().enumerate() {
                prop_assert_eq!(order.above(&scores, document, range.clone()), i);
            }
        }
    }
}
