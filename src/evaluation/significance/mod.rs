//! Statistical significance: bootstrap intervals, and randomisation tests between two models.
//!
//! Translations of a question are not independent, so whole questions ([`Query::group`]) are resampled, with
//! all their queries: one resample serves all settings, measures and pairs at once.
//!
//! - **Intervals**: percentile bootstrap (Efron 1979). In a resample a setting is the mean over its
//!   cells (languages or pairs) of the means in them; cells of which no query was drawn are left out.
//! - **Tests**: paired randomisation (Fisher 1935; for retrieval Smucker, Allan and Carterette 2007).
//!   Each question's values are swapped between the two models at random, in all languages together;
//!   p = (1 + permutations at least as far apart) / (1 + permutations), two-sided.
//!
//! All numbers are determined by the seed, on every platform.

mod bootstrap;
mod paired;
mod random;
mod resample;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use bootstrap::Bootstrap;
pub(super) use paired::Paired;
pub use paired::correct;
pub(super) use resample::{Grouped, LEVEL, Resamples};

use super::settings::CellValues;
use super::{Measures, Query, RankDistance, Ranks, Scores, Setting, Task};
use crate::{Error, Result};

/// Lower and upper end of a confidence interval.
pub type Interval = [f64; 2];

/// A setting's measures at both bounds of their intervals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// Lower bounds.
    pub low: Measures,
    /// Upper bounds.
    pub high: Measures,
}

/// Percentile bootstrap intervals over questions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intervals {
    /// The confidence level, 0.95.
    pub level: f64,
    /// Number of resamples.
    pub samples: usize,
    /// Seed of the resampling.
    pub seed: u64,
    /// See [`EvalReport::mono`](super::EvalReport::mono).
    pub mono: Option<Band>,
    /// See [`EvalReport::cross`](super::EvalReport::cross).
    pub cross: Option<Band>,
    /// See [`EvalReport::multi`](super::EvalReport::multi).
    pub multi: Option<Band>,
    /// Lower and upper bounds.
    pub rank_distance: Option<[RankDistance; 2]>,
    /// mAP: `pairs[question language][passage language]`.
    pub pairs: BTreeMap<String, BTreeMap<String, Interval>>,
}

impl Intervals {
    /// Draws `samples` resamples. The test `xquad_r_in_samples` prints how long this takes at XQuAD-R's size.
    /// [`Bootstrap`] does the same in steps.
    pub fn of(task: &Task, scores: &Scores, samples: usize, seed: u64) -> Self {
        Bootstrap::new(task, scores, samples, seed).finish()
    }
}

/// The difference of two models in one figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The first model's figure.
    pub a: f64,
    /// The second model's.
    pub b: f64,
    /// `b - a`.
    pub difference: f64,
    /// Bootstrap interval of the difference.
    pub interval: Interval,
    /// Two-sided p value of the paired randomisation test.
    pub p: f64,
    /// p adjusted for the number of tests in its table (Holm 1979).
    pub p_adjusted: f64,
    /// Whether `p_adjusted` is below 0.05.
    pub significant: bool,
}

/// Two models compared on the same questions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Names of the two.
    pub models: [String; 2],
    /// The measure compared, as in [`Measures::names`].
    pub measure: String,
    /// Number of permutations, and of resamples.
    pub samples: usize,
    /// Their seed.
    pub seed: u64,
    /// By setting: `mono`, `cross`, `multi`, and `rank_distance`.
    pub settings: BTreeMap<String, Difference>,
    /// `pairs[question language][passage language]`.
    pub pairs: BTreeMap<String, BTreeMap<String, Difference>>,
}

/// Fewer samples cannot decide significance at 5 %.
pub(super) const FEWEST: usize = 100;

impl Comparison {
    /// Compares two models' ranks and scores on the same task in one measure, with `samples` permutations for
    /// the tests and as many resamples for the intervals. The test `xquad_r_in_samples` prints how long this
    /// takes at XQuAD-R's size. p values are adjusted over all settings, and separately over all language
    /// pairs.
    ///
    /// # Errors
    /// [`Error::Input`] for an unknown measure, fewer than 100 samples, and models that were not measured on
    /// this task.
    pub fn of(
        names: [String; 2],
        task: &Task,
        models: [(&[Ranks], &Scores); 2],
        measure: &str,
        samples: usize,
        seed: u64,
    ) -> Result<Self> {
        check_samples(samples)?;
        let documents = |ranks: &Ranks| ranks.answers.iter().map(|f| f.document).collect::<Vec<_>>();
        let relevant = |query: &Query| {
            let all = (0..task.languages.len()).flat_map(|lang| task.rankable(query, lang));
            all.map(|judged| judged.document).collect::<Vec<_>>()
        };
        for (name, (ranks, scores)) in names.iter().zip(models) {
            let queries = task.queries.len();
            let fits = ranks.len() == queries
                && scores.multi.len() == queries
                && scores.distance.len() == queries
                && task.queries.iter().zip(ranks).all(|(query, ranks)| relevant(query) == documents(ranks));
            if !fits {
                return Err(Error::Input(format!(
                    "{} and {} were measured on different tasks: {name} has other questions or answers. \
                     Measure both on the same data and languages.",
                    names[0], names[1]
                )));
            }
        }
        let (groups, places) = places(task);
        let place = |scores: &Scores| scores.multi.first().map_or(Ok(0), |first| first.place(measure));
        // One of the two may have been measured with other additional measures.
        let of_models = [place(models[0].1)?, place(models[1].1)?];
        let pair = |[a, b]: [CellValues; 2]| -> Vec<(usize, [f64; 2])> {
            a.into_iter().zip(b).map(|((group, a), (_, b))| (places[group], [a, b])).collect()
        };
        let mut cells = Vec::new();
        let mut settings = BTreeMap::new();
        for setting in Setting::ALL {
            let [a, b] = [0, 1].map(|i: usize| models[i].1.cells(task, setting, |m| m.value(of_models[i])));
            let first = cells.len();
            cells.extend(a.into_iter().zip(b).map(|(a, b)| pair([a, b])));
            settings.insert(setting.name(), first..cells.len());
        }
        let first = cells.len();
        let [a, b] = models.map(|(_, scores)| scores.distance_cells(task));
        cells.extend(a.into_iter().zip(b).map(|(a, b)| pair([a, b])));
        settings.insert("rank_distance", first..cells.len());
        settings.retain(|_, cells| cells.start < cells.end);

        // The cells of mono and cross are the pairs.
        let [mono, cross] = ["mono", "cross"]
            .map(|name| settings.get(name).cloned().unwrap_or_default().map(|cell| vec![cell]));
        let mut figures: Vec<Vec<usize>> = settings.values().map(|cells| cells.clone().collect()).collect();
        figures.extend(mono.chain(cross));
        let mut tests = Paired::new(groups, &cells, figures, samples, seed).finish();
        let mut pairs = tests.split_off(settings.len());
        correct(&mut tests);
        correct(&mut pairs);
        let name = |lang: usize| task.languages[lang].clone();
        let mut by_pair: BTreeMap<String, BTreeMap<String, Difference>> = BTreeMap::new();
        for ((from, to), test) in pair_cells(&models[0].1.pairs).into_iter().zip(pairs) {
            by_pair.entry(name(from)).or_default().insert(name(to), test);
        }
        let settings = settings.keys().map(|name| name.to_string()).zip(tests).collect();
        Ok(Self { models: names, measure: measure.to_string(), samples, seed, settings, pairs: by_pair })
    }
}

/// Question and passage language of every pair that has queries: those of mono, then those of cross, in the
/// order of [`Scores::cells`].
fn pair_cells<T>(pairs: &[Vec<Vec<T>>]) -> Vec<(usize, usize)> {
    let all = pairs.iter().enumerate();
    let all = all.flat_map(|(from, row)| row.iter().enumerate().map(move |(to, cell)| (from, to, cell)));
    let known: Vec<_> = all.filter(|(_, _, cell)| !cell.is_empty()).map(|(from, to, _)| (from, to)).collect();
    let (mono, cross): (Vec<_>, Vec<_>) = known.into_iter().partition(|(from, to)| from == to);
    [mono, cross].concat()
}

/// Number of groups that have queries, and the index of each among them.
fn places(task: &Task) -> (usize, Vec<usize>) {
    let mut asked = vec![false; task.groups()];
    task.queries.iter().for_each(|query| asked[query.group] = true);
    let mut next = 0;
    let place = |asked: bool| {
        next += usize::from(asked);
        next.saturating_sub(1)
    };
    let places = asked.into_iter().map(place).collect();
    (next, places)
}

pub(super) fn check_samples(samples: usize) -> Result<()> {
    if samples < FEWEST {
        return Err(Error::Input(format!("{samples} samples are too few for a test; use {FEWEST} or more")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
