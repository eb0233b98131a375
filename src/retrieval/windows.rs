//! Ranking texts that were split into windows.

use std::collections::HashSet;

use crate::text::Window;

/// The best `k` texts, best first, each as its best window and that window's score. `nearest` returns the
/// given number of best windows, best first.
///
/// # Errors
/// Those of `nearest`.
pub fn best_windows<E>(
    windows: &[Window],
    k: usize,
    nearest: impl Fn(usize) -> Result<Vec<(usize, f32)>, E>,
) -> Result<Vec<(usize, f32)>, E> {
    let mut wanted = k.saturating_mul(4);
    loop {
        let found = nearest(wanted)?;
        let all = found.len() < wanted || wanted >= windows.len();
        let mut seen = HashSet::new();
        let mut best = found;
        best.retain(|(row, _)| windows.get(*row).is_some_and(|w| seen.insert(w.text)));
        if all || best.len() >= k {
            best.truncate(k);
            return Ok(best);
        }
        wanted = wanted.saturating_mul(4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_window_counts_for_its_text() {
        // 40 windows of text 0 rank above the only windows of texts 1 and 2.
        let windows: Vec<Window> =
            (0..40).map(|_| 0).chain([1, 2]).map(|text| Window { text, start: 0, end: 1 }).collect();
        let scores: Vec<(usize, f32)> = (0..42).map(|i| (i, 1.0 - i as f32 / 100.0)).collect();
        let nearest = |n: usize| Ok::<_, ()>(scores[..n.min(42)].to_vec());
        for (k, expected) in [(1, vec![0]), (2, vec![0, 40]), (3, vec![0, 40, 41]), (9, vec![0, 40, 41])] {
            let best = best_windows(&windows, k, nearest).unwrap();
            assert_eq!(best.iter().map(|b| b.0).collect::<Vec<_>>(), expected);
        }
    }
}
