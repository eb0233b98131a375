//! A study's findings: figures of its arms, their differences, and costs of its sweeps.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Claim, Figure, claims};
use crate::evaluation::significance::{Interval, correct};
use crate::evaluation::{
    Comparison, Difference, EvalReport, Facts, Intervals, Ranks, Scores, SettingMeans, Task,
};
use crate::{Error, Result};

/// A figure over several seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeedFigures {
    /// Mean over seeds.
    pub mean: f64,
    /// Standard deviation over seeds (n − 1); absent with one seed.
    pub sd: Option<f64>,
    /// Bootstrap interval over questions, of the mean over seeds.
    pub interval: Option<Interval>,
    /// The seeds' figures, in the order of the study's seeds.
    pub seeds: Vec<f64>,
}

impl SeedFigures {
    fn new(seeds: Vec<f64>, interval: Option<Interval>) -> Self {
        let n = seeds.len() as f64;
        let mean = seeds.iter().sum::<f64>() / n;
        let squares: f64 = seeds.iter().map(|v| (v - mean).powi(2)).sum();
        let sd = (seeds.len() > 1).then(|| (squares / (n - 1.0)).sqrt());
        Self { mean, sd, interval, seeds }
    }
}

/// Figures over several seeds.
pub type FigureTable = BTreeMap<Figure, SeedFigures>;

/// A share of monolingual batches, trained with every seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmSummary {
    /// Its name.
    pub name: String,
    /// Probability of a monolingual batch: 1 is the paper's X-X-mono, 0 its X-Y.
    pub alpha: f64,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// The figures.
    pub figures: FigureTable,
}

/// The difference between the hybrid arm and another in one figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contrast {
    /// The hybrid arm.
    pub hybrid: String,
    /// The other.
    pub other: String,
    /// The figure compared.
    pub figure: Figure,
    /// Other (a), hybrid (b), and the tests over questions, each query's value being its mean over seeds.
    /// p is corrected for all contrasts of the data set.
    #[serde(flatten)]
    pub difference: Difference,
    /// Hybrid minus other, by seed.
    pub seeds: Vec<f64>,
    /// The interval over questions, widened if necessary to include the difference of every seed.
    pub wide: Interval,
}

/// The findings on one data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// The data set's name.
    pub dataset: String,
    /// Languages, queries, questions, passages.
    pub size: [usize; 4],
    /// The start model, untrained.
    pub baseline: FigureTable,
    /// The arms, by descending share of monolingual batches.
    pub arms: Vec<ArmSummary>,
    /// Hybrid minus monolingual, and hybrid minus cross-lingual.
    pub contrasts: Vec<Contrast>,
    /// The paper's claims with verdicts.
    pub claims: Vec<Claim>,
    /// Bootstrap resamples for intervals, permutations for tests, seed of both.
    pub drawn: (usize, usize, u64),
}

/// One evaluated model: a seed of an arm.
#[derive(Debug, Clone)]
pub struct SeedResult {
    /// The seed.
    pub seed: u64,
    /// The ranks of answers.
    pub ranks: Vec<Ranks>,
    /// Every query's measures.
    pub scores: Scores,
}

/// The results of an arm.
#[derive(Debug, Clone)]
pub struct ArmResults {
    /// Its name.
    pub name: String,
    /// Probability of a monolingual batch.
    pub alpha: f64,
    /// A model for each seed.
    pub seeds: Vec<SeedResult>,
}

/// Numbers of samples, and the seed.
#[derive(Debug, Clone, Copy)]
pub struct SampleCounts {
    /// Bootstrap resamples for the intervals of arms.
    pub samples: usize,
    /// Permutations, and resamples for the intervals of differences: 100 or more.
    pub permutations: usize,
    /// Seed of both.
    pub seed: u64,
}

/// The figures of models that differ only by seed.
///
/// # Errors
/// [`Error::Input`] if there are none, or they were evaluated on another task.
pub fn values(task: &Task, models: &[&SeedResult], drawn: SampleCounts) -> Result<FigureTable> {
    let report = |scores: &Scores| EvalReport::new(Facts::default(), task, &SettingMeans::of(task, scores));
    let reports: Vec<EvalReport> = models.iter().map(|model| report(&model.scores)).collect();
    let intervals = Intervals::of(task, &mean(task, models)?, drawn.samples, drawn.seed);
    let value = |figure: Figure| -> Option<SeedFigures> {
        let seeds: Option<Vec<f64>> = reports.iter().map(|report| figure.of(report)).collect();
        Some(SeedFigures::new(seeds?, figure.interval(&intervals)))
    };
    Ok(Figure::ALL.into_iter().filter_map(|figure| Some((figure, value(figure)?))).collect())
}

fn mean(task: &Task, models: &[&SeedResult]) -> Result<Scores> {
    let scores: Vec<&Scores> = models.iter().map(|model| &model.scores).collect();
    Scores::mean(&scores).filter(|mean| mean.multi.len() == task.queries.len()).ok_or_else(|| {
        Error::Input("there are no models to compare, or they were evaluated on different questions".into())
    })
}

impl Findings {
    /// Summarizes the results on `task`, the data set `dataset`.
    ///
    /// # Errors
    /// [`Error::Input`] if models were evaluated on different tasks, or for too few permutations.
    pub fn of(
        dataset: &str,
        task: &Task,
        baseline: &SeedResult,
        arms: &[ArmResults],
        drawn: SampleCounts,
    ) -> Result<Self> {
        let mut sorted: Vec<&ArmResults> = arms.iter().collect();
        sorted.sort_by(|a, b| b.alpha.total_cmp(&a.alpha));
        let summed = |arm: &&ArmResults| -> Result<ArmSummary> {
            Ok(ArmSummary {
                name: arm.name.clone(),
                alpha: arm.alpha,
                seeds: arm.seeds.iter().map(|model| model.seed).collect(),
                figures: values(task, &arm.seeds.iter().collect::<Vec<_>>(), drawn)?,
            })
        };
        let mut findings = Self {
            dataset: dataset.to_string(),
            size: [task.languages.len(), task.queries.len(), task.groups(), task.documents.len()],
            baseline: values(task, &[baseline], drawn)?,
            arms: sorted.iter().map(summed).collect::<Result<_>>()?,
            contrasts: Vec::new(),
            claims: Vec::new(),
            drawn: (drawn.samples, drawn.permutations, drawn.seed),
        };
        if let Some(hybrid) = hybrid(&sorted, |arm| arm.alpha) {
            for alpha in [1.0, 0.0] {
                if let Some(other) = sorted.iter().find(|arm| arm.alpha == alpha) {
                    findings.contrasts.extend(contrasts(task, hybrid, other, drawn)?);
                }
            }
        }
        correct(findings.contrasts.iter_mut().map(|c| &mut c.difference));
        findings.claims = claims::of(&findings);
        Ok(findings)
    }

    /// The hybrid arm that claims refer to: the one nearest to an even share.
    pub fn hybrid(&self) -> Option<&ArmSummary> {
        hybrid(&self.arms, |arm| arm.alpha)
    }

    /// The difference between the hybrid arm and the arm with this share.
    pub fn contrast(&self, alpha: f64, figure: Figure) -> Option<&Contrast> {
        let other = self.arms.iter().find(|arm| arm.alpha == alpha)?;
        self.contrasts.iter().find(|c| c.other == other.name && c.figure == figure)
    }
}

fn hybrid<T>(arms: &[T], alpha: impl Fn(&T) -> f64) -> Option<&T> {
    let mixed = arms.iter().filter(|arm| alpha(arm) > 0.0 && alpha(arm) < 1.0);
    mixed.min_by(|a, b| (alpha(a) - 0.5).abs().total_cmp(&(alpha(b) - 0.5).abs()))
}

/// The hybrid arm against another in the figures that claims refer to.
fn contrasts(
    task: &Task,
    hybrid: &ArmResults,
    other: &ArmResults,
    drawn: SampleCounts,
) -> Result<Vec<Contrast>> {
    let [a, b] = [other, hybrid].map(|arm| mean(task, &arm.seeds.iter().collect::<Vec<_>>()));
    let (a, b) = (a?, b?);
    let ranks = |arm: &ArmResults| arm.seeds.first().map_or(Vec::new(), |model| model.ranks.clone());
    let names = [other.name.clone(), hybrid.name.clone()];
    let models = [(&ranks(other)[..], &a), (&ranks(hybrid)[..], &b)];
    let tests = Comparison::of(names, task, models, "map", drawn.permutations, drawn.seed)?.settings;
    let alone = |model: &SeedResult| -> Result<FigureTable> {
        values(task, &[model], SampleCounts { samples: 0, ..drawn })
    };
    let mut seeds: BTreeMap<Figure, Vec<f64>> = BTreeMap::new();
    for model in &hybrid.seeds {
        let Some(twin) = other.seeds.iter().find(|m| m.seed == model.seed) else { continue };
        let theirs = alone(twin)?;
        for (figure, ours) in alone(model)? {
            seeds.entry(figure).or_default().extend(theirs.get(&figure).map(|their| ours.mean - their.mean));
        }
    }
    let named = [
        ("mono", Figure::MonoMap),
        ("cross", Figure::CrossMap),
        ("multi", Figure::MultiMap),
        ("rank_distance", Figure::RankDistance),
    ];
    let contrast = |(name, figure): (&str, Figure)| {
        let difference = *tests.get(name)?;
        let seeds = seeds.remove(&figure).unwrap_or_default();
        let wide = seeds.iter().fold(difference.interval, |[l, h], d| [l.min(*d), h.max(*d)]);
        let (hybrid, other) = (hybrid.name.clone(), other.name.clone());
        Some(Contrast { hybrid, other, figure, difference, seeds, wide })
    };
    Ok(named.into_iter().filter_map(contrast).collect())
}

/// One model of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// The value swept, in words.
    pub name: String,
    /// The seeds it was trained with.
    pub seeds: Vec<u64>,
    /// The figures on the first data set.
    pub figures: FigureTable,
    /// Least time of one short text, in milliseconds, with the first seed, as for all costs.
    pub latency_ms: f64,
    /// Texts of medium length per second, in the fastest batch.
    pub texts_per_second: f64,
    /// Size of the bundle.
    pub bytes: u64,
    /// Pairs per second in training; absent if this study did not train it.
    pub pairs_per_second: Option<f64>,
    /// Whether it is Pareto-optimal for each cost, by [`Cost::name`].
    pub front: BTreeMap<String, bool>,
}

/// A cost to compare quality with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Milliseconds for one short text.
    Latency,
    /// Milliseconds per text, in batches: the inverse of throughput.
    Time,
    /// Size of the bundle.
    Bytes,
}

impl Cost {
    /// All costs.
    pub const ALL: [Self; 3] = [Self::Latency, Self::Time, Self::Bytes];

    /// Its name in `report.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Time => "throughput",
            Self::Bytes => "bytes",
        }
    }

    /// The value; lower is better.
    pub fn of(self, variant: &Variant) -> f64 {
        match self {
            Self::Latency => variant.latency_ms,
            Self::Time => 1e3 / variant.texts_per_second,
            Self::Bytes => variant.bytes as f64 / 1e6,
        }
    }
}

/// A sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// `batch`, `layers`, `width` or `quantization`.
    pub name: String,
    /// In the order of the configuration.
    pub variants: Vec<Variant>,
}

impl Sweep {
    /// Marks the Pareto fronts of quality (multi mAP; mono if there is only one language) against each cost.
    pub fn new(name: &str, mut variants: Vec<Variant>) -> Self {
        for cost in Cost::ALL {
            let points: Vec<_> = variants.iter().map(|v| (quality(v), cost.of(v))).collect();
            for (variant, on) in variants.iter_mut().zip(front(&points)) {
                variant.front.insert(cost.name().to_string(), on);
            }
        }
        Self { name: name.to_string(), variants }
    }
}

/// The quality in sweeps: multi mAP.
pub fn quality(variant: &Variant) -> f64 {
    variant.figures.get(&Figure::MultiMap).map_or(f64::NAN, |value| value.mean)
}

/// Whether each point of quality and cost is Pareto-optimal: no other is at least as good in both and better in one.
fn front(points: &[(f64, f64)]) -> Vec<bool> {
    let beaten = |(q, c): &(f64, f64)| {
        points.iter().any(|(other, cost)| other >= q && cost <= c && (other > q || cost < c))
    };
    points.iter().map(|point| !beaten(point)).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::datasets::sample;
    use crate::evaluation::{RankedAnswer, rank};
    use crate::retrieval::Index;
    use proptest::prelude::*;

    /// `n` questions in three languages, each answered by one passage in each language.
    pub fn task(n: usize) -> Task {
        let line = |i: usize| {
            format!(
                r#"{{"id":"{i}","topic":"T","passage":{{"de":"p{i}","en":"q{i}","th":"r{i}"}},"question":{{"de":"a?","en":"b?","th":"c?"}},"answer":{{"de":"p","en":"q","th":"r"}}}}"#
            )
        };
        let text: Vec<String> = (0..n).map(line).collect();
        Task::new(&sample::parse("t", &text.join("\n")).unwrap()).unwrap()
    }

    /// A model that ranks each answer so many places too low in its own language, and every answer in
    /// another language another `gap` lower in the pool, with some noise by seed. No two answers of a
    /// query have the same rank in the pool, as in every ranking.
    pub fn model(task: &Task, seed: u64, own: usize, gap: usize) -> SeedResult {
        let index = Index::from_rows(1, &vec![1.0; task.documents.len()]).unwrap();
        let mut ranks = rank(task, &index, &vec![1.0; task.queries.len()]).unwrap();
        for (number, ranks) in ranks.iter_mut().enumerate() {
            let lang = task.queries[number].lang;
            for (place, answer) in ranks.answers.iter_mut().enumerate() {
                let noise = (number * 7 + place * 3 + number * number / 5 * seed as usize) % 4;
                let other = usize::from(task.documents[answer.document].lang != lang);
                *answer = RankedAnswer {
                    own: 1 + own + noise,
                    pool: 1 + own + noise + place + other * gap,
                    ..*answer
                };
            }
            ranks.answers.sort_by_key(|answer| answer.pool);
            let mut free = 1;
            for answer in &mut ranks.answers {
                answer.pool = answer.pool.max(free);
                free = answer.pool + 1;
            }
            ranks.answers.sort_by_key(|answer| answer.document);
        }
        SeedResult { seed, scores: Scores::of(task, &ranks), ranks }
    }

    pub fn drawn() -> SampleCounts {
        SampleCounts { samples: 200, permutations: 200, seed: 1 }
    }

    /// Arms whose places are `(alpha, own, gap)`.
    pub fn findings(arms: &[(f64, usize, usize)]) -> Findings {
        let task = task(40);
        let arms: Vec<ArmResults> = arms
            .iter()
            .map(|&(alpha, own, gap)| ArmResults {
                name: format!("alpha {alpha}"),
                alpha,
                seeds: (1..=3).map(|seed| model(&task, seed, own, gap)).collect(),
            })
            .collect();
        Findings::of("xquad-r", &task, &model(&task, 0, 9, 30), &arms, drawn()).unwrap()
    }

    #[test]
    fn an_arm_is_the_mean_over_its_seeds() {
        let task = task(40);
        let models: Vec<SeedResult> = (1..=3).map(|seed| model(&task, seed, seed as usize, 3)).collect();
        let refs: Vec<&SeedResult> = models.iter().collect();
        let all = values(&task, &refs, drawn()).unwrap();
        assert_eq!(all.len(), 7);
        let averaged = SettingMeans::of(
            &task,
            &Scores::mean(&[&models[0].scores, &models[1].scores, &models[2].scores]).unwrap(),
        );
        let cross = &all[&Figure::CrossMap];
        assert!((cross.mean - averaged.cross.unwrap().map).abs() < 1e-12);
        assert!((all[&Figure::RankDistance].mean - averaged.rank_distance.unwrap().mean).abs() < 1e-9);
        let [low, high] = cross.interval.unwrap();
        assert!(low < cross.mean && cross.mean < high, "{cross:?}");
        let single = values(&task, &refs[..1], drawn()).unwrap();
        assert_eq!((single[&Figure::MonoMap].sd, single[&Figure::MonoMap].seeds.len()), (None, 1));
        assert!(values(&task, &[], drawn()).is_err());
    }

    #[test]
    fn the_standard_deviation_is_that_of_a_sample() {
        let value = SeedFigures::new(vec![1.0, 2.0, 4.0], None);
        assert!((value.mean - 7.0 / 3.0).abs() < 1e-12);
        assert!((value.sd.unwrap() - 1.527_525_231_651_947).abs() < 1e-12);
    }

    #[test]
    fn contrasts_are_hybrid_less_the_others() {
        let findings = findings(&[(0.0, 2, 1), (0.25, 5, 9), (1.0, 1, 20), (0.6, 0, 1)]);
        assert_eq!(findings.arms.iter().map(|arm| arm.alpha).collect::<Vec<_>>(), [1.0, 0.6, 0.25, 0.0]);
        assert_eq!(findings.hybrid().unwrap().alpha, 0.6);
        assert_eq!(findings.contrasts.len(), 8);
        let mono = findings.contrast(1.0, Figure::MonoMap).unwrap();
        assert!((mono.difference.difference - mono.seeds.iter().sum::<f64>() / 3.0).abs() < 1e-12);
        assert!(mono.difference.difference > 0.0 && mono.seeds.len() == 3);
        assert!(
            mono.difference.p_adjusted >= 8.0 * mono.difference.p - 1e-12
                || mono.difference.p_adjusted == 1.0
        );
        for contrast in &findings.contrasts {
            assert!(contrast.seeds.iter().all(|d| contrast.wide[0] <= *d && *d <= contrast.wide[1]));
            assert!(contrast.wide[0] <= contrast.difference.interval[0]);
        }
        let distance = findings.contrast(1.0, Figure::RankDistance).unwrap();
        assert!(distance.difference.difference < 0.0);
        // Without a hybrid arm there is nothing to compare.
        assert!(super::tests::findings(&[(0.0, 2, 1), (1.0, 1, 20)]).contrasts.is_empty());
    }

    #[test]
    fn a_front_by_hand() {
        // Good and expensive, equal at the same cost, dominated, cheap.
        let points = [(0.9, 5.0), (0.5, 2.0), (0.5, 2.0), (0.4, 3.0), (0.1, 1.0)];
        assert_eq!(front(&points), [true, true, true, false, true]);
    }

    proptest! {
        #[test]
        fn a_front_has_the_best_and_the_cheapest(points in proptest::collection::vec((0u8..6, 0u8..6), 1..9)) {
            let points: Vec<(f64, f64)> = points.into_iter().map(|(q, c)| (q.into(), c.into())).collect();
            let on = front(&points);
            let best = points.iter().map(|p| p.0).fold(f64::MIN, f64::max);
            let cheapest = points.iter().map(|p| p.1).fold(f64::MAX, f64::min);
            let is = |test: &dyn Fn(&(f64, f64)) -> bool| points.iter().zip(&on).any(|(p, on)| *on && test(p));
            prop_assert!(is(&|p| p.0 == best) && is(&|p| p.1 == cheapest));
            // Along the front, what costs more is better.
            let mut along: Vec<_> = points.iter().zip(&on).filter(|(_, on)| **on).map(|(p, _)| *p).collect();
            along.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.total_cmp(&b.0)));
            prop_assert!(along.windows(2).all(|w| w[0] == w[1] || (w[0].0 < w[1].0 && w[0].1 < w[1].1)));
        }
    }
}
