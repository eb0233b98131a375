//! Bootstrap over groups of questions, shared by intervals and comparisons.

use std::collections::BTreeMap;

use super::Interval;
use super::random::Random;

/// Number of resamples computed at a time, so that the inner loops vectorize.
pub(super) const LANES: usize = 8;

/// How often each group was drawn in each of some resamples, or its sign in each permutation.
pub(super) type DrawCounts = Vec<[f64; LANES]>;

/// The confidence level of all intervals.
pub(in crate::evaluation) const LEVEL: f64 = 0.95;

/// The values of one cell's queries, summed by group.
#[derive(Debug, Clone, Default)]
pub(in crate::evaluation) struct Grouped {
    /// Groups that occur, ascending.
    pub(super) groups: Vec<usize>,
    /// Number of queries of each.
    counts: Vec<f64>,
    /// `sums[value][position in groups]`.
    pub(super) sums: Vec<Vec<f64>>,
    /// One value of every query with the query's group, ascending: for the median.
    ordered: Vec<(f64, usize)>,
}

impl Grouped {
    /// From each query's group and values; all queries have the same number of values.
    pub(in crate::evaluation) fn new<V: AsRef<[f64]>>(queries: impl IntoIterator<Item = (usize, V)>) -> Self {
        let mut by_group: BTreeMap<usize, (f64, Vec<f64>)> = BTreeMap::new();
        for (group, values) in queries {
            let values = values.as_ref();
            let (count, sums) = by_group.entry(group).or_insert_with(|| (0.0, vec![0.0; values.len()]));
            *count += 1.0;
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
        let n = by_group.values().next().map_or(0, |(_, sums)| sums.len());
        Self {
            groups: by_group.keys().copied().collect(),
            counts: by_group.values().map(|(count, _)| *count).collect(),
            sums: (0..n).map(|v| by_group.values().map(|(_, sums)| sums[v]).collect()).collect(),
            ordered: Vec::new(),
        }
    }

    /// The same, but [`means`](Self::means) adds the median of the first value after the means.
    pub(super) fn with_median<const N: usize>(queries: Vec<(usize, [f64; N])>) -> Self {
        let mut ordered: Vec<(f64, usize)> =
            queries.iter().map(|(group, values)| (values[0], *group)).collect();
        ordered.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self { ordered, ..Self::new(queries) }
    }

    pub(in crate::evaluation) fn queries(&self) -> f64 {
        self.counts.iter().sum()
    }

    /// Weighted mean of each value over the queries; NaN if none was drawn.
    fn means(&self, weights: &[[f64; LANES]]) -> Vec<[f64; LANES]> {
        let total = self.weighted(&self.counts, weights);
        let mean = |sums: &Vec<f64>| {
            let sum = self.weighted(sums, weights);
            std::array::from_fn(|lane| sum[lane] / total[lane])
        };
        let mut means: Vec<[f64; LANES]> = self.sums.iter().map(mean).collect();
        if !self.ordered.is_empty() {
            means.push(std::array::from_fn(|lane| self.median(weights, lane, total[lane])));
        }
        means
    }

    fn weighted(&self, values: &[f64], weights: &[[f64; LANES]]) -> [f64; LANES] {
        let mut sum = [0.0; LANES];
        for (&group, value) in self.groups.iter().zip(values) {
            let weights = &weights[group];
            for lane in 0..LANES {
                sum[lane] += weights[lane] * value;
            }
        }
        sum
    }

    /// As if every value were listed as often as it was drawn; the mean of the middle two if their number is
    /// even.
    fn median(&self, weights: &[[f64; LANES]], lane: usize, total: f64) -> f64 {
        let at = |place: f64| {
            let mut seen = 0.0;
            let found = self.ordered.iter().find(|(_, group)| {
                seen += weights[*group][lane];
                seen > place
            });
            found.map_or(f64::NAN, |(value, _)| *value)
        };
        (at(((total - 1.0) / 2.0).floor()) + at((total / 2.0).floor())) / 2.0
    }
}

/// Resamples of groups and the value that each gives for each figure. A figure is the mean over cells of
/// their means; a cell from which a resample draws no query is left out of it.
#[derive(Debug, Clone)]
pub(in crate::evaluation) struct Resamples {
    cells: Vec<Grouped>,
    /// Indices of the cells of each figure.
    figures: Vec<Vec<usize>>,
    groups: usize,
    random: Random,
    left: usize,
    /// `drawn[figure][value]`: one number for each resample that has any.
    drawn: Vec<Vec<Vec<f64>>>,
}

impl Resamples {
    /// All cells of a figure have the same number of values.
    pub(in crate::evaluation) fn new(
        groups: usize,
        cells: Vec<Grouped>,
        figures: Vec<Vec<usize>>,
        samples: usize,
        seed: u64,
    ) -> Self {
        let drawn = vec![Vec::new(); figures.len()];
        Self { cells, figures, groups, random: Random::new(seed), left: samples, drawn }
    }

    /// The figures themselves, with every group drawn once. NaN if a figure has no query.
    pub(in crate::evaluation) fn observed(&self) -> Vec<Vec<f64>> {
        let once = vec![[1.0; LANES]; self.groups];
        let means: Vec<_> = self.cells.iter().map(|cell| cell.means(&once)).collect();
        let figures = self.figures.iter().map(|cells| over_cells(cells, &means));
        figures.map(|values| values.iter().map(|lanes| lanes[0]).collect()).collect()
    }

    /// Draws up to `n` more resamples; returns how many are left.
    pub(in crate::evaluation) fn step(&mut self, mut n: usize) -> usize {
        while self.left.min(n) > 0 {
            let lanes = LANES.min(self.left).min(n);
            let mut weights: DrawCounts = vec![[0.0; LANES]; self.groups];
            for draw in 0..lanes * self.groups {
                weights[self.random.below(self.groups)][draw / self.groups] += 1.0;
            }
            let means: Vec<_> = self.cells.iter().map(|cell| cell.means(&weights)).collect();
            for (cells, drawn) in self.figures.iter().zip(&mut self.drawn) {
                let values = over_cells(cells, &means);
                drawn.resize(values.len(), Vec::new());
                for (drawn, values) in drawn.iter_mut().zip(values) {
                    drawn.extend(values[..lanes].iter().filter(|value| !value.is_nan()));
                }
            }
            self.left -= lanes;
            n -= lanes;
        }
        self.left
    }

    /// Draws the rest; returns the interval of each figure's values, `None` for those that no resample had.
    pub(in crate::evaluation) fn finish(mut self) -> Vec<Vec<Option<Interval>>> {
        self.step(usize::MAX);
        let figures = self.drawn.into_iter();
        figures.map(|values| values.into_iter().map(interval).collect()).collect()
    }
}

fn over_cells(cells: &[usize], means: &[Vec<[f64; LANES]>]) -> Vec<[f64; LANES]> {
    let values = cells.first().map_or(0, |&cell| means[cell].len());
    let mean = |value: usize| {
        std::array::from_fn(|lane| {
            let (mut sum, mut n) = (0.0, 0.0);
            for mean in cells.iter().map(|&cell| means[cell][value][lane]).filter(|mean| !mean.is_nan()) {
                sum += mean;
                n += 1.0;
            }
            sum / n
        })
    };
    (0..values).map(mean).collect()
}

/// The percentiles that leave out half of 1 − [`LEVEL`] at each end, with linear interpolation (numpy's
/// default).
pub(super) fn interval(mut values: Vec<f64>) -> Option<Interval> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some([(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0].map(|share| {
        let place = share * last as f64;
        let low = place.floor() as usize;
        let high = (low + 1).min(last);
        values[low] + (values[high] - values[low]) * (place - low as f64)
    }))
}
