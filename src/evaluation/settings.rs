//! The three settings, and the spread of a question's parallel answers.
//!
//! - **mono**: passages in the question's language only; the mean over languages.
//! - **cross**: passages in one other language only; the mean over ordered pairs of languages.
//! - **multi**: one pool of all languages, in which every passage that answers the question in any
//!   language is relevant, its own included; the mean over all queries.
//!
//! Definitions: LAReQA (arXiv 2004.05484), section 4, with the reporting of arXiv 2408.10536. If nothing was
//! judged for a question in a language (MLQA-R), the pair leaves it out; if something was judged and nothing
//! is found, it counts 0, as with trec_eval's `-c`.

use serde::{Deserialize, Serialize};

use super::{Measures, Ranks, RelevantRank, Task};

/// One of the three settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Setting {
    /// Passages in the question's language.
    Mono,
    /// Passages in one other language.
    Cross,
    /// Passages in all languages.
    Multi,
}

impl Setting {
    /// All settings, in the order in which they are reported.
    pub const ALL: [Self; 3] = [Self::Mono, Self::Cross, Self::Multi];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mono => "mono",
            Self::Cross => "cross",
            Self::Multi => "multi",
        }
    }
}

/// Values of the queries of one cell: one language pair, or the pool of all languages. Each is the number of
/// the query's group of translations (see [`Query::group`](super::Query::group)) and the value.
pub type CellValues = Vec<(usize, f64)>;

/// The measures of every single query.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// `pairs[question language][passage language]`: the number of each query that counts there, and its
    /// measures.
    pub pairs: Vec<Vec<Vec<(usize, Measures)>>>,
    /// For each query, in the pool of all languages.
    pub multi: Vec<Measures>,
    /// For each query, the spread of its answers in the pool of all languages; `None` if there is only one
    /// answer.
    pub distance: Vec<Option<Distance>>,
}

/// The spread of one query's answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distance {
    /// Worst minus best rank.
    pub ranks: f64,
    /// See [`RankDistance::normalised`].
    pub share: f64,
}

impl Distance {
    /// Of answers at the ranks of `hits`, best first, among this many `documents`.
    fn of(hits: &[RelevantRank], documents: usize) -> Option<Self> {
        let [first, .., last] = hits else { return None };
        let (distance, floor, most) = (last.rank - first.rank, hits.len() - 1, documents - 1);
        // If every document is relevant there is no room to spread.
        let share = if most > floor { (distance - floor) as f64 / (most - floor) as f64 } else { 0.0 };
        Some(Self { ranks: distance as f64, share })
    }
}

impl Scores {
    /// Measures what [`rank`](super::rank) found.
    pub fn of(task: &Task, ranks: &[Ranks]) -> Self {
        let (n, wanted) = (task.languages.len(), &task.rules.wanted);
        let mut pairs = vec![vec![Vec::new(); n]; n];
        let mut multi = Vec::with_capacity(ranks.len());
        let mut distance = Vec::with_capacity(ranks.len());
        for (number, (query, ranks)) in task.queries.iter().zip(ranks).enumerate() {
            for (to, cell) in pairs[query.lang].iter_mut().enumerate() {
                if task.counts(query, Some(to)) {
                    let grades = task.grades(query, Some(to));
                    cell.push((number, Measures::of(&ranks.own(task, to), &grades, wanted)));
                }
            }
            let mut hits = ranks.pool();
            multi.push(Measures::of(&hits, &task.grades(query, None), wanted));
            hits.retain(|hit| hit.grade >= wanted.level());
            distance.push(Distance::of(&hits, task.ranked(query)));
        }
        Self { pairs, multi, distance }
    }

    /// Every query's mean over several models measured on the same task; `None` of none, and if they were
    /// measured on different tasks.
    pub fn mean(all: &[&Self]) -> Option<Self> {
        let (first, rest) = all.split_first()?;
        let mut mean = (*first).clone();
        let n = all.len() as f64;
        let measures = |of: &dyn Fn(&Self) -> Option<Measures>| {
            let values: Option<Vec<Measures>> = all.iter().map(|scores| of(scores)).collect();
            values.and_then(|values| Measures::mean(&values))
        };
        for (from, row) in mean.pairs.iter_mut().enumerate() {
            for (to, cell) in row.iter_mut().enumerate() {
                let of = |scores: &Self| scores.pairs.get(from)?.get(to).map(Vec::len);
                if rest.iter().any(|other| of(other) != Some(cell.len())) {
                    return None;
                }
                for (i, (query, mean)) in cell.iter_mut().enumerate() {
                    let same = |(q, m): &(usize, Measures)| (q == query).then(|| m.clone());
                    *mean = measures(&|scores| same(&scores.pairs[from][to][i]))?;
                }
            }
        }
        if rest.iter().any(|o| o.multi.len() != mean.multi.len() || o.distance.len() != mean.distance.len()) {
            return None;
        }
        for (i, mean) in mean.multi.iter_mut().enumerate() {
            *mean = measures(&|scores| Some(scores.multi[i].clone()))?;
        }
        for (i, mean) in mean.distance.iter_mut().enumerate() {
            let known: Vec<Distance> = all.iter().filter_map(|scores| scores.distance[i]).collect();
            if known.len() != if mean.is_some() { all.len() } else { 0 } {
                return None;
            }
            *mean = mean.map(|_| Distance {
                ranks: known.iter().map(|d| d.ranks).sum::<f64>() / n,
                share: known.iter().map(|d| d.share).sum::<f64>() / n,
            });
        }
        Some(mean)
    }

    /// One measure's values in a setting: a cell for each language (mono), for each ordered pair (cross), or
    /// a single one (multi). The setting's figure is the mean over cells of their means.
    pub fn cells(&self, task: &Task, setting: Setting, value: impl Fn(&Measures) -> f64) -> Vec<CellValues> {
        let group = |query: usize| task.queries[query].group;
        if setting == Setting::Multi {
            return vec![self.multi.iter().enumerate().map(|(q, m)| (group(q), value(m))).collect()];
        }
        let mut cells = Vec::new();
        for (from, row) in self.pairs.iter().enumerate() {
            for (to, cell) in row.iter().enumerate() {
                if (from == to) == (setting == Setting::Mono) && !cell.is_empty() {
                    cells.push(cell.iter().map(|(q, m)| (group(*q), value(m))).collect());
                }
            }
        }
        cells
    }

    /// Rank distances: a cell for each question language.
    pub fn distance_cells(&self, task: &Task) -> Vec<CellValues> {
        let mut cells = vec![Vec::new(); task.languages.len()];
        for (query, distance) in task.queries.iter().zip(&self.distance) {
            cells[query.lang].extend(distance.map(|d| (query.group, d.ranks)));
        }
        cells.retain(|cell: &CellValues| !cell.is_empty());
        cells
    }
}

/// Worst minus best rank of a question's relevant passages in the multi setting; mean over the questions of
/// each language, then over languages (arXiv 2408.10536). Its minimum is the number of relevant passages
/// minus one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RankDistance {
    /// Mean over questions.
    pub mean: f64,
    /// Median over questions.
    pub median: f64,
    /// Mean of (distance − minimum) / (maximum in the pool − minimum): 0 is best, 1 is worst, comparable
    /// across pools of any size (ours).
    #[serde(default)]
    pub normalised: f64,
}

/// Means over queries.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingMeans {
    /// Passages in the question's language.
    pub mono: Option<Measures>,
    /// Passages in one other language; `None` if there is only one language.
    pub cross: Option<Measures>,
    /// Passages in all languages.
    pub multi: Option<Measures>,
    /// `None` if no question has two relevant passages.
    pub rank_distance: Option<RankDistance>,
    /// `pairs[question language][passage language]`; `None` if no question has an answer.
    pub pairs: Vec<Vec<Option<Measures>>>,
    /// Number of queries of each pair.
    pub pair_queries: Vec<Vec<usize>>,
}

impl SettingMeans {
    /// Summarizes the measures of single queries.
    pub fn of(task: &Task, scores: &Scores) -> Self {
        let rows = || scores.pairs.iter();
        let pairs: Vec<Vec<Option<Measures>>> = rows()
            .map(|row| row.iter().map(|cell| Measures::mean(cell.iter().map(|c| &c.1))).collect())
            .collect();
        let pair_queries = rows().map(|row| row.iter().map(Vec::len).collect()).collect();
        let cells = |same: bool| {
            let all = pairs.iter().enumerate().flat_map(|(from, row): (usize, &Vec<Option<_>>)| {
                row.iter().enumerate().map(move |(to, cell)| (from == to, cell))
            });
            Measures::mean(all.filter(|(own, _)| *own == same).filter_map(|(_, cell)| cell.as_ref()))
        };
        let (mono, cross) = (cells(true), cells(false));
        let multi = Measures::mean(&scores.multi);
        let rank_distance = rank_distance(task, scores);
        Self { mono, cross, multi, rank_distance, pairs, pair_queries }
    }
}

fn rank_distance(task: &Task, scores: &Scores) -> Option<RankDistance> {
    let (mut means, mut medians, mut normalised) = (Vec::new(), Vec::new(), Vec::new());
    for lang in 0..task.languages.len() {
        let queries = task.queries.iter().zip(&scores.distance);
        let known = queries.filter(|(query, _)| query.lang == lang).filter_map(|(_, distance)| *distance);
        let (mut ranks, shares): (Vec<f64>, Vec<f64>) = known.map(|d| (d.ranks, d.share)).unzip();
        means.extend(mean(&ranks));
        medians.extend(median(&mut ranks));
        normalised.extend(mean(&shares));
    }
    Some(RankDistance { mean: mean(&means)?, median: mean(&medians)?, normalised: mean(&normalised)? })
}

pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

pub(super) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    let (low, high) = (values.get(n.saturating_sub(1) / 2)?, values.get(n / 2)?);
    Some((low + high) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::{Corpus, Passage, Question};
    use crate::evaluation::oracle::{average, middle, worlds};
    use crate::evaluation::{Bias, RankedAnswer, rank};
    use crate::retrieval::Index;
    use proptest::prelude::*;

    /// `n` questions in each language; each is answered by the passage with its number where `known` says so,
    /// and each language has `extra` more passages.
    fn corpus(languages: &[&str], n: usize, extra: usize, known: impl Fn(usize, usize) -> bool) -> Corpus {
        let mut corpus = Corpus { name: "c".into(), ..Corpus::default() };
        for (l, lang) in languages.iter().enumerate() {
            let first = corpus.passages.len();
            for i in 0..n + extra {
                corpus.passages.push(Passage {
                    id: format!("{lang}:{i}"),
                    group: i.to_string(),
                    lang: lang.to_string(),
                    text: format!("{lang} {i}"),
                    source: String::new(),
                    answer: None,
                });
            }
            for i in (0..n).filter(|&i| known(l, i)) {
                corpus.questions.push(Question {
                    id: format!("q{i}"),
                    group: format!("q{i}"),
                    lang: lang.to_string(),
                    text: "?".into(),
                    relevant: vec![(first + i).into()],
                    ..Question::default()
                });
            }
        }
        corpus
    }

    fn settings(task: &Task, ranks: &[Ranks]) -> SettingMeans {
        SettingMeans::of(task, &Scores::of(task, ranks))
    }

    #[test]
    fn two_languages_by_hand() {
        let corpus = corpus(&["de", "en"], 2, 0, |_, _| true);
        let task = Task::new(&corpus).unwrap();
        // Documents de:0, de:1, en:0, en:1 have scores equal to their only coordinate.
        let index = Index::from_rows(1, &[4.0, 3.0, 2.0, 1.0]).unwrap();
        let ranks = rank(&task, &index, &[1.0, 1.0, -1.0, -1.0]).unwrap();
        // Queries are de:q0, de:q1, en:q0, en:q1; relevant are documents 0 and 2, or 1 and 3.
        let found = |document, own, pool| RankedAnswer { document, grade: 1, own, pool };
        assert_eq!(ranks[0].answers, [found(0, 1, 1), found(2, 1, 3)]);
        assert_eq!(ranks[1].answers, [found(1, 2, 2), found(3, 2, 4)]);
        assert_eq!(ranks[2].answers, [found(0, 2, 4), found(2, 2, 2)]);
        assert_eq!(ranks[2].top, [3, 2, 1, 0]);
        let settings = settings(&task, &ranks);
        assert_eq!(settings.mono.as_ref().unwrap().map, 0.75);
        assert_eq!(settings.cross.as_ref().unwrap().recall_1, 0.5);
        let multi = [(1.0 + 2.0 / 3.0) / 2.0, 0.5, 0.5, (1.0 + 2.0 / 3.0) / 2.0];
        assert!((settings.multi.as_ref().unwrap().map - multi.iter().sum::<f64>() / 4.0).abs() < 1e-12);
        assert_eq!(settings.rank_distance, Some(RankDistance { mean: 2.0, median: 2.0, normalised: 0.5 }));
        assert_eq!(settings.pairs[0][1].as_ref().unwrap().map, 0.75);
    }

    #[test]
    fn ids_known_to_some_languages_only() {
        // As in MLQA-R: question 1 does not exist in the third language.
        let corpus = corpus(&["de", "en", "vi"], 2, 1, |l, i| !(l == 2 && i == 1));
        let task = Task::new(&corpus).unwrap();
        assert_eq!((task.queries.len(), task.groups()), (5, 2));
        let index = Index::from_rows(1, &[0.5; 9]).unwrap();
        let settings = settings(&task, &rank(&task, &index, &[1.0; 5]).unwrap());
        assert_eq!(settings.pair_queries, [[2, 2, 1], [2, 2, 1], [1, 1, 1]]);
        // All are tied: ids descending, so vi:2 vi:1 vi:0 en:2 … de:0.
        assert_eq!(settings.pairs[0][2].as_ref().unwrap().mrr, 1.0 / 3.0);
    }

    #[test]
    fn one_language_has_no_cross() {
        let corpus = corpus(&["de"], 3, 0, |_, _| true);
        let task = Task::new(&corpus).unwrap();
        let index = Index::from_rows(1, &[1.0, 2.0, 3.0]).unwrap();
        let settings = settings(&task, &rank(&task, &index, &[1.0; 3]).unwrap());
        assert!(settings.cross.is_none() && settings.rank_distance.is_none());
        assert_eq!(settings.mono, settings.multi);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let corpus = corpus(&["de"], 2, 0, |_, _| true);
        let task = Task::new(&corpus).unwrap();
        let index = Index::from_rows(1, &[1.0, 2.0]).unwrap();
        assert!(rank(&task, &index, &[1.0]).is_err());
        assert!(rank(&task, &index, &[1.0, f32::NAN]).unwrap_err().to_string().contains("de:q1"));
        assert!(Task::new(&Corpus { questions: vec![], ..corpus.clone() }).is_err());
        let mut twice = corpus.clone();
        twice.passages[1].id = twice.passages[0].id.clone();
        assert!(Task::new(&twice).is_err());
    }

    #[test]
    fn medians() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    /// `cargo test --release -- --ignored --nocapture xquad_r_in_size`
    #[test]
    #[ignore = "it prints a time, it checks nothing"]
    fn xquad_r_in_size() {
        let names = ["ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"];
        let task = Task::new(&corpus(&names, 1190, 0, |_, _| true)).unwrap();
        let mut state = 1u32;
        let mut vectors = |n: usize| -> Vec<f32> {
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 1e8 - 0.08
            };
            (0..n * 384).map(|_| next()).collect()
        };
        let index = Index::from_rows(384, &vectors(task.documents.len())).unwrap();
        let queries = vectors(task.queries.len());
        let start = std::time::Instant::now();
        let ranks = rank(&task, &index, &queries).unwrap();
        let ranked = start.elapsed();
        let settings = settings(&task, &ranks);
        println!("ranked in {ranked:.2?}, settings by {:.2?}: {settings:?}", start.elapsed());
        let start = std::time::Instant::now();
        let bias = Bias::of(&task, &ranks, &settings);
        println!("bias in {:.2?}: {bias:?}", start.elapsed());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        /// Every query's measures and their means, compared with sorting the pools in full.
        #[test]
        fn scores_and_settings_as_defined(world in worlds()) {
            let Some((task, ranks)) = world.ranked() else { return Ok(()) };
            let scores = Scores::of(&task, &ranks);
            let settings = SettingMeans::of(&task, &scores);
            let near = |a: &Measures, b: &Measures| {
                a.values().iter().zip(b.values()).all(|(a, b)| (a - b).abs() < 1e-12)
            };
            let same = |a: &Option<Measures>, b: &[Measures]| match a {
                Some(a) => near(a, &mean_measures(b)),
                None => b.is_empty(),
            };
            let (mut monos, mut crosses, mut multi) = (Vec::new(), Vec::new(), Vec::new());
            for (from, from_lang) in task.languages.iter().enumerate() {
                for (to, to_lang) in task.languages.iter().enumerate() {
                    let cell = &scores.pairs[from][to];
                    let mut slow = Vec::new();
                    for ask in world.asks().into_iter().filter(|a| a.lang == *from_lang) {
                        let mut ranking = world.ranking(ask);
                        ranking.retain(|doc| doc.lang == *to_lang);
                        if ranking.iter().any(|doc| world.answers(ask, doc)) {
                            slow.push(world.measures(ask, &ranking));
                            let one = cell.iter().find(|(q, _)| task.queries[*q].id == ask.id).unwrap();
                            prop_assert!(near(&one.1, slow.last().unwrap()), "{} in {}", ask.id, to_lang);
                        }
                    }
                    prop_assert_eq!(cell.len(), slow.len());
                    prop_assert_eq!(settings.pair_queries[from][to], slow.len());
                    prop_assert!(same(&settings.pairs[from][to], &slow));
                    if !slow.is_empty() {
                        let mean = mean_measures(&slow);
                        if from == to { monos.push(mean) } else { crosses.push(mean) }
                    }
                }
            }
            for (query, measures) in task.queries.iter().zip(&scores.multi) {
                let ask = world.asks().into_iter().find(|a| a.id == query.id).unwrap();
                multi.push(world.measures(ask, &world.ranking(ask)));
                prop_assert!(near(measures, multi.last().unwrap()), "{}", ask.id);
            }
            prop_assert_eq!(multi.len(), world.asks().len());
            prop_assert!(same(&settings.mono, &monos) && same(&settings.cross, &crosses));
            prop_assert!(same(&settings.multi, &multi));
            // A setting's figure is the mean of its cells' means.
            for (setting, figure) in Setting::ALL.into_iter().zip([settings.mono, settings.cross, settings.multi]) {
                let cells = scores.cells(&task, setting, |m| m.ndcg_10);
                let means: Vec<f64> =
                    cells.iter().filter_map(|cell| average(&cell.iter().map(|c| c.1).collect::<Vec<_>>())).collect();
                prop_assert_eq!(average(&means).is_some(), figure.is_some());
                prop_assert!((average(&means).unwrap_or(0.0) - figure.map_or(0.0, |m| m.ndcg_10)).abs() < 1e-12);
            }
        }

        #[test]
        fn rank_distance_as_defined(world in worlds()) {
            let Some((task, ranks)) = world.ranked() else { return Ok(()) };
            let scores = Scores::of(&task, &ranks);
            let (mut means, mut medians, mut normalised) = (Vec::new(), Vec::new(), Vec::new());
            for lang in &task.languages {
                let (mut distances, mut shares) = (Vec::new(), Vec::new());
                for ask in world.asks().into_iter().filter(|a| a.lang == *lang) {
                    let ranking = world.ranking(ask);
                    let is_answer: Vec<bool> = ranking.iter().map(|doc| world.answers(ask, doc)).collect();
                    let first = is_answer.iter().position(|a| *a).unwrap();
                    let last = is_answer.iter().rposition(|a| *a).unwrap();
                    let answers = is_answer.iter().filter(|a| **a).count();
                    if answers < 2 {
                        continue;
                    }
                    distances.push((last - first) as f64);
                    // Documents between the first and the last answer that are no answers, over all such
                    // documents.
                    let between = is_answer[first..=last].iter().filter(|a| !**a).count() as f64;
                    let others = (ranking.len() - answers) as f64;
                    shares.push(if others == 0.0 { 0.0 } else { between / others });
                }
                means.extend(average(&distances));
                medians.extend(middle(&distances));
                normalised.extend(average(&shares));
            }
            let got = SettingMeans::of(&task, &scores).rank_distance;
            for (got, slow) in [
                (got.map(|d| d.mean), average(&means)),
                (got.map(|d| d.median), average(&medians)),
                (got.map(|d| d.normalised), average(&normalised)),
            ] {
                prop_assert_eq!(got.is_some(), slow.is_some());
                prop_assert!((got.unwrap_or(0.0) - slow.unwrap_or(0.0)).abs() < 1e-12, "{:?} {:?}", got, slow);
            }
            let cells = scores.distance_cells(&task);
            let by_cell: Vec<f64> =
                cells.iter().filter_map(|cell| average(&cell.iter().map(|c| c.1).collect::<Vec<_>>())).collect();
            prop_assert_eq!(average(&by_cell), average(&means));
        }
    }

    fn mean_measures(all: &[Measures]) -> Measures {
        let mean = |i: usize| average(&all.iter().map(|m| m.values()[i]).collect::<Vec<_>>()).unwrap();
        let values: Vec<f64> = (0..Measures::COUNT).map(mean).collect();
        Measures::default().with_values(&values).unwrap()
    }
}
