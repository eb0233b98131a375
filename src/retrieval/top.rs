//! Selecting the best of many scores without storing the rest.

/// Collects the `k` best of a stream of scores. Ties are ordered by index, lower first, in whatever order
/// they arrive.
pub struct Top {
    k: usize,
    /// At most twice `k` and a few more; when full, those that cannot be among the best are dropped.
    kept: Vec<(usize, f32)>,
    /// The worst of the `k` best when scores were last dropped: anything not better is not among the best.
    bar: Option<(usize, f32)>,
}

fn better(a: &(usize, f32), b: &(usize, f32)) -> std::cmp::Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

impl Top {
    /// Collects the `k` best.
    pub fn new(k: usize) -> Self {
        Self { k, kept: Vec::new(), bar: None }
    }

    /// Whether a score could still be among the best; others need not be pushed.
    #[inline(always)]
    pub fn admits(&self, index: usize, score: f32) -> bool {
        // Adding zero turns -0 into 0, which total_cmp would otherwise set below it.
        self.bar.is_none_or(|bar| better(&(index, score + 0.0), &bar).is_lt())
    }

    /// Adds a score.
    pub fn push(&mut self, index: usize, score: f32) {
        if self.k == 0 || !self.admits(index, score) {
            return;
        }
        self.kept.push((index, score + 0.0));
        if self.kept.len() >= self.k.saturating_mul(2).saturating_add(64) {
            self.cut();
        }
    }

    /// The best, best first: index and score.
    pub fn finish(mut self) -> Vec<(usize, f32)> {
        self.cut();
        self.kept.sort_unstable_by(better);
        self.kept
    }

    fn cut(&mut self) {
        if self.k > 0 && self.kept.len() > self.k {
            let (_, &mut bar, _) = self.kept.select_nth_unstable_by(self.k - 1, better);
            self.kept.truncate(self.k);
            self.bar = Some(bar);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_stable_sort(
            scores in proptest::collection::vec(-3i8..3, 0..900), k in 0usize..40, reversed: bool,
        ) {
            // Few distinct values, so that ties are frequent; a negative zero among them.
            let scores: Vec<f32> =
                scores.into_iter().map(|s| if s == 1 { -0.0 } else { f32::from(s) }).collect();
            let mut expected: Vec<(usize, f32)> = scores.iter().copied().enumerate().collect();
            expected.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap());
            expected.truncate(k);
            let mut top = Top::new(k);
            let push = |i: usize| top.push(i, scores[i]);
            if reversed { (0..scores.len()).rev().for_each(push) } else { (0..scores.len()).for_each(push) }
            prop_assert_eq!(top.finish(), expected);
        }
    }
}
