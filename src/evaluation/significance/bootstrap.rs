//! Bootstrap intervals for every figure of a report.

use std::collections::BTreeMap;

use super::resample::{Grouped, LEVEL, Resamples};
use super::{Band, Interval, Intervals, pair_cells, places};
use crate::evaluation::{Measures, RankDistance, Scores, Task};

/// Computes [`Intervals`] in steps: callers that must stay responsive (a browser's worker) draw a few
/// resamples at a time. The result does not depend on the steps.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    pub(super) resamples: Resamples,
    /// Languages of each pair, in the order of its figures.
    pairs: Vec<[String; 2]>,
    /// Which measures the values belong to.
    measures: Measures,
    samples: usize,
    seed: u64,
}

/// Indices of the figures; the pairs follow.
const MONO: usize = 0;
const CROSS: usize = 1;
const MULTI: usize = 2;
const DISTANCE: usize = 3;
const PAIRS: usize = 4;

impl Bootstrap {
    /// Sums the queries' values by group; draws nothing yet.
    pub fn new(task: &Task, scores: &Scores, samples: usize, seed: u64) -> Self {
        let (groups, places) = places(task);
        let place = |query: usize| places[task.queries[query].group];
        let known = pair_cells(&scores.pairs);
        let mut cells: Vec<Grouped> = known
            .iter()
            .map(|&(from, to)| &scores.pairs[from][to])
            .map(|cell| Grouped::new(cell.iter().map(|(query, m)| (place(*query), m.values()))))
            .collect();
        let mono = known.iter().filter(|(from, to)| from == to).count();
        let mut figures = vec![(0..mono).collect(), (mono..known.len()).collect(), vec![known.len()]];
        cells
            .push(Grouped::new(scores.multi.iter().enumerate().map(|(query, m)| (place(query), m.values()))));
        let mut spread = vec![Vec::new(); task.languages.len()];
        for (query, distance) in scores.distance.iter().enumerate() {
            spread[task.queries[query].lang].extend(distance.map(|d| (place(query), [d.ranks, d.share])));
        }
        let first = cells.len();
        cells.extend(spread.into_iter().filter(|cell| !cell.is_empty()).map(Grouped::with_median));
        figures.push((first..cells.len()).collect());
        figures.extend((0..known.len()).map(|cell| vec![cell]));
        let name = |lang: usize| task.languages[lang].clone();
        Self {
            resamples: Resamples::new(groups, cells, figures, samples, seed),
            pairs: known.into_iter().map(|(from, to)| [name(from), name(to)]).collect(),
            measures: scores.multi.first().cloned().unwrap_or_default(),
            samples,
            seed,
        }
    }

    /// Draws up to `n` more resamples; returns how many are left.
    pub fn step(&mut self, n: usize) -> usize {
        self.resamples.step(n)
    }

    /// Draws the rest and returns the intervals.
    pub fn finish(self) -> Intervals {
        let figures = self.resamples.finish();
        let ends = |figure: usize| -> Option<(Vec<f64>, Vec<f64>)> {
            let values: Option<Vec<Interval>> = figures[figure].iter().copied().collect();
            let values = values.filter(|values| !values.is_empty())?;
            Some(values.into_iter().map(|[low, high]| (low, high)).unzip())
        };
        let band = |figure: usize| {
            let (low, high) = ends(figure)?;
            Some(Band { low: self.measures.with_values(&low)?, high: self.measures.with_values(&high)? })
        };
        let mut pairs: BTreeMap<String, BTreeMap<String, Interval>> = BTreeMap::new();
        for (figure, [from, to]) in figures[PAIRS..].iter().zip(self.pairs) {
            if let Some(map) = figure.first().copied().flatten() {
                pairs.entry(from).or_default().insert(to, map);
            }
        }
        Intervals {
            level: LEVEL,
            samples: self.samples,
            seed: self.seed,
            mono: band(MONO),
            cross: band(CROSS),
            multi: band(MULTI),
            rank_distance: ends(DISTANCE).map(|(low, high)| {
                [low, high].map(|v| RankDistance { mean: v[0], normalised: v[1], median: v[2] })
            }),
            pairs,
        }
    }
}
