//! The paired randomisation test, and Holm's correction.

use super::random::Random;
use super::resample::{DrawCounts, Grouped, LANES, Resamples};
use super::{Difference, Interval};

/// Tests of the figures of two models, b minus a.
#[derive(Debug, Clone)]
pub(in crate::evaluation) struct Paired {
    /// Each figure's value for each model.
    figures: Vec<[f64; 2]>,
    /// `columns[figure][group]`: what the group's questions contribute to the figure's difference.
    columns: Vec<Vec<f64>>,
    /// How many permutations were at least as far from 0 as the observed difference.
    extreme: Vec<usize>,
    groups: usize,
    random: Random,
    samples: usize,
    left: usize,
    resamples: Resamples,
}

impl Paired {
    /// `cells` hold both models' values of each query (a, b), `figures` the indices of their cells, none of
    /// which may be empty.
    pub(in crate::evaluation) fn new(
        groups: usize,
        cells: &[Vec<(usize, [f64; 2])>],
        figures: Vec<Vec<usize>>,
        samples: usize,
        seed: u64,
    ) -> Self {
        let both: Vec<Grouped> = cells.iter().map(|cell| Grouped::new(cell.iter().copied())).collect();
        let less = |cell: &Vec<(usize, [f64; 2])>| Grouped::new(cell.iter().map(|&(g, [a, b])| (g, [b - a])));
        let cells: Vec<Grouped> = cells.iter().map(less).collect();
        let columns: Vec<Vec<f64>> = figures
            .iter()
            .map(|numbers| {
                let mut column = vec![0.0; groups];
                for &number in numbers {
                    let cell = &cells[number];
                    let share = cell.queries() * numbers.len() as f64;
                    for (&group, sum) in cell.groups.iter().zip(&cell.sums[0]) {
                        column[group] += sum / share;
                    }
                }
                column
            })
            .collect();
        let observed = Resamples::new(groups, both, figures.clone(), 0, seed).observed();
        Self {
            figures: observed.into_iter().map(|values| [values[0], values[1]]).collect(),
            extreme: vec![0; columns.len()],
            columns,
            groups,
            // A different stream from that of the resamples.
            random: Random::new(!seed),
            samples,
            left: samples,
            resamples: Resamples::new(groups, cells, figures, samples, seed),
        }
    }

    /// Draws up to `n` more permutations and resamples; returns how many are left.
    pub(in crate::evaluation) fn step(&mut self, n: usize) -> usize {
        let mut todo = n;
        while self.left.min(todo) > 0 {
            let lanes = LANES.min(self.left).min(todo);
            let mut signs: DrawCounts = vec![[0.0; LANES]; self.groups];
            for lane in 0..lanes {
                signs.iter_mut().for_each(|signs| signs[lane] = self.random.sign());
            }
            for (column, extreme) in self.columns.iter().zip(&mut self.extreme) {
                let (mut sums, mut observed, mut size) = ([0.0; LANES], 0.0, 0.0);
                for (signs, value) in signs.iter().zip(column) {
                    observed += value;
                    size += value.abs();
                    for lane in 0..LANES {
                        sums[lane] += signs[lane] * value;
                    }
                }
                // The same numbers summed in another order must compare as equal.
                let bar = f64::abs(observed) - 1e-12 * size;
                *extreme += sums[..lanes].iter().filter(|sum| sum.abs() >= bar).count();
            }
            self.left -= lanes;
            todo -= lanes;
        }
        self.resamples.step(n)
    }

    /// Draws the rest; returns one difference for each figure, its p value not yet adjusted.
    pub(in crate::evaluation) fn finish(mut self) -> Vec<Difference> {
        self.step(usize::MAX);
        let intervals = self.resamples.finish();
        let figures = self.figures.iter().zip(self.extreme).zip(intervals);
        figures
            .map(|((&[a, b], extreme), interval)| {
                let p = (1 + extreme) as f64 / (1 + self.samples) as f64;
                let interval: Option<Interval> = interval.first().copied().flatten();
                Difference {
                    a,
                    b,
                    difference: b - a,
                    interval: interval.unwrap_or([b - a; 2]),
                    p,
                    p_adjusted: p,
                    significant: p < 0.05,
                }
            })
            .collect()
    }
}

/// Adjusts the p values of one table of tests (Holm 1979, "A simple sequentially rejective multiple test
/// procedure"): the k-th smallest of m is multiplied by m − k + 1, never below a smaller one's, at most 1.
pub fn correct<'a>(tests: impl IntoIterator<Item = &'a mut Difference>) {
    let mut tests: Vec<&mut Difference> = tests.into_iter().collect();
    tests.sort_by(|a, b| a.p.total_cmp(&b.p));
    let (mut left, mut least) = (tests.len() as f64, 0.0);
    for test in tests {
        least = f64::max(least, (test.p * left).min(1.0));
        test.p_adjusted = least;
        test.significant = least < 0.05;
        left -= 1.0;
    }
}
