//! The three settings, and how far a question's parallel answers are spread.
//!
//! - **mono**: passages in the question's language only; the mean over languages.
//! - **cross**: passages in one other language only; the mean over ordered pairs of languages.
//! - **multi**: one pool of all languages, in which every passage that answers the question in any
//!   language is relevant, its own included; the mean over all queries.
//!
//! Definitions: LAReQA (arXiv 2004.05484), section 4, with the reporting of arXiv 2408.10536. Where
//! a question has no answer in a language (MLQA-R), the pair leaves it out.

use serde::{Deserialize, Serialize};

use super::{Measures, Query, Task};
use crate::retrieval::Index;
use crate::{Error, Result};

/// Where a query's relevant documents are ranked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranks {
    /// In the pool of all languages, ascending.
    pub multi: Vec<usize>,
    /// In the pool of each language alone, ascending; empty where nothing is relevant.
    pub by_language: Vec<Vec<usize>>,
}

/// Ranks every query's relevant documents. `index` holds the documents' vectors in the order of
/// [`Task::documents`]; `queries` the queries' vectors in the order of [`Task::queries`], row after
/// row.
///
/// # Errors
/// [`Error::Input`] when vectors and task do not fit, or a query's vector is not finite.
pub fn rank(task: &Task, index: &Index, queries: &[f32]) -> Result<Vec<Ranks>> {
    check(task, index, queries)?;
    index.map_scores(queries, |i, scores| ranks_of(task, &task.queries[i], scores))
}

/// That there is one vector for each document and query, and that scores will be numbers.
pub(super) fn check(task: &Task, index: &Index, queries: &[f32]) -> Result<()> {
    let (documents, rows) = (task.documents.len(), queries.len() / index.dimension().max(1));
    if index.len() != documents || rows != task.queries.len() {
        return Err(Error::Input(format!(
            "{} vectors for {documents} passages and {rows} for {} questions: there must be one each.",
            index.len(),
            task.queries.len()
        )));
    }
    if let Some(at) = queries.iter().position(|x| !x.is_finite()) {
        return Err(Error::Input(format!(
            "The vector of question {} holds a number that is not finite.",
            task.queries[at / index.dimension().max(1)].id
        )));
    }
    Ok(())
}

fn ranks_of(task: &Task, query: &Query, scores: &[f32]) -> Ranks {
    let languages = 0..task.languages.len();
    let mut multi = Vec::new();
    let mut by_language = Vec::with_capacity(languages.len());
    for target in languages.clone() {
        let mut own = Vec::new();
        for &document in task.relevant(query, target) {
            let above: Vec<usize> = languages
                .clone()
                .map(|lang| task.order().above(scores, document, task.range(lang)))
                .collect();
            own.push(1 + above[target]);
            multi.push(1 + above.iter().sum::<usize>());
        }
        own.sort_unstable();
        by_language.push(own);
    }
    multi.sort_unstable();
    Ranks { multi, by_language }
}

/// Worst minus best rank of a question's relevant passages in the multi setting; over the questions
/// of each language, then the mean over languages (arXiv 2408.10536). Its floor is the number of
/// relevant passages less one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RankDistance {
    /// Mean over questions.
    pub mean: f64,
    /// Median over questions.
    pub median: f64,
}

/// Means over queries.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Passages in the question's language.
    pub mono: Option<Measures>,
    /// Passages in one other language; `None` when there is only one language.
    pub cross: Option<Measures>,
    /// Passages in all languages.
    pub multi: Option<Measures>,
    /// `None` when no question has two relevant passages.
    pub rank_distance: Option<RankDistance>,
    /// `pairs[question language][passage language]`, `None` where no question has an answer.
    pub pairs: Vec<Vec<Option<Measures>>>,
    /// How many queries each pair has.
    pub pair_queries: Vec<Vec<usize>>,
}

impl Settings {
    /// Sums up the ranks that [`rank`] found.
    pub fn of(task: &Task, ranks: &[Ranks]) -> Self {
        let languages = 0..task.languages.len();
        let queries = || task.queries.iter().zip(ranks);
        let mut pairs = Vec::new();
        let mut pair_queries = Vec::new();
        for from in languages.clone() {
            let cells: Vec<Vec<Measures>> = languages
                .clone()
                .map(|to| {
                    let asked = queries().filter(|(query, _)| query.lang == from);
                    asked
                        .map(|(query, ranks)| (&ranks.by_language[to], task.relevant(query, to).len()))
                        .filter(|&(_, relevant)| relevant > 0)
                        .map(|(ranks, relevant)| Measures::of(ranks, relevant))
                        .collect()
                })
                .collect();
            pair_queries.push(cells.iter().map(Vec::len).collect());
            pairs.push(cells.into_iter().map(Measures::mean).collect::<Vec<_>>());
        }
        let cells = |same: bool| {
            let all = pairs.iter().enumerate().flat_map(|(from, row): (usize, &Vec<Option<_>>)| {
                row.iter().enumerate().map(move |(to, cell)| (from == to, cell))
            });
            Measures::mean(all.filter(|(own, _)| *own == same).filter_map(|(_, cell)| *cell))
        };
        let multi = Measures::mean(ranks.iter().map(|r| Measures::of(&r.multi, r.multi.len())));
        let rank_distance = rank_distance(task, ranks);
        Self { mono: cells(true), cross: cells(false), multi, rank_distance, pairs, pair_queries }
    }
}

fn rank_distance(task: &Task, ranks: &[Ranks]) -> Option<RankDistance> {
    let mut means = Vec::new();
    let mut medians = Vec::new();
    for lang in 0..task.languages.len() {
        let mut distances: Vec<f64> = task
            .queries
            .iter()
            .zip(ranks)
            .filter(|(query, ranks)| query.lang == lang && ranks.multi.len() > 1)
            .filter_map(|(_, ranks)| Some((ranks.multi.last()? - ranks.multi.first()?) as f64))
            .collect();
        means.extend(mean(&distances));
        medians.extend(median(&mut distances));
    }
    Some(RankDistance { mean: mean(&means)?, median: mean(&medians)? })
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    let (low, high) = (values.get(n.saturating_sub(1) / 2)?, values.get(n / 2)?);
    Some((low + high) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::{Corpus, Passage, Question};
    use proptest::prelude::*;

    /// `n` questions in each language; each is answered by the passage of its number where `known`
    /// says so, and each language has `extra` more passages.
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
                    lang: lang.to_string(),
                    text: String::new(),
                    relevant: vec![first + i],
                });
            }
        }
        corpus
    }

    #[test]
    fn two_languages_by_hand() {
        let corpus = corpus(&["de", "en"], 2, 0, |_, _| true);
        let task = Task::new(&corpus).unwrap();
        // Documents de:0, de:1, en:0, en:1 have scores that are their one coordinate.
        let index = Index::from_rows(1, &[4.0, 3.0, 2.0, 1.0]).unwrap();
        let ranks = rank(&task, &index, &[1.0, 1.0, -1.0, -1.0]).unwrap();
        // Queries are de:q0, de:q1, en:q0, en:q1; relevant are documents 0 and 2, or 1 and 3.
        assert_eq!(ranks[0], Ranks { multi: vec![1, 3], by_language: vec![vec![1], vec![1]] });
        assert_eq!(ranks[1], Ranks { multi: vec![2, 4], by_language: vec![vec![2], vec![2]] });
        assert_eq!(ranks[2], Ranks { multi: vec![2, 4], by_language: vec![vec![2], vec![2]] });
        let settings = Settings::of(&task, &ranks);
        assert_eq!(settings.mono.unwrap().map, 0.75);
        assert_eq!(settings.cross.unwrap().recall_1, 0.5);
        let multi = [(1.0 + 2.0 / 3.0) / 2.0, 0.5, 0.5, (1.0 + 2.0 / 3.0) / 2.0];
        assert!((settings.multi.unwrap().map - multi.iter().sum::<f64>() / 4.0).abs() < 1e-12);
        assert_eq!(settings.rank_distance, Some(RankDistance { mean: 2.0, median: 2.0 }));
        assert_eq!(settings.pairs[0][1].unwrap().map, 0.75);
    }

    #[test]
    fn ids_known_to_some_languages_only() {
        // As in MLQA-R: question 1 is not in the third language.
        let corpus = corpus(&["de", "en", "vi"], 2, 1, |l, i| !(l == 2 && i == 1));
        let task = Task::new(&corpus).unwrap();
        assert_eq!((task.queries.len(), task.groups()), (5, 2));
        let index = Index::from_rows(1, &[0.5; 9]).unwrap();
        let settings = Settings::of(&task, &rank(&task, &index, &[1.0; 5]).unwrap());
        assert_eq!(settings.pair_queries, [[2, 2, 1], [2, 2, 1], [1, 1, 1]]);
        // All tie: ids descending, so vi:2 vi:1 vi:0 en:2 … de:0.
        assert_eq!(settings.pairs[0][2].unwrap().mrr, 1.0 / 3.0);
    }

    #[test]
    fn one_language_has_no_cross() {
        let corpus = corpus(&["de"], 3, 0, |_, _| true);
        let task = Task::new(&corpus).unwrap();
        let index = Index::from_rows(1, &[1.0, 2.0, 3.0]).unwrap();
        let settings = Settings::of(&task, &rank(&task, &index, &[1.0; 3]).unwrap());
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
        let settings = Settings::of(&task, &ranks);
        println!("ranked in {ranked:.2?}, all in {:.2?}: {settings:?}", start.elapsed());
    }

    proptest! {
        /// Every setting against sorting the pools in full.
        #[test]
        fn settings_are_what_sorting_gives(
            values in proptest::collection::vec(-2i8..3, 24),
            asked in proptest::collection::vec(-2i8..3, 9),
        ) {
            let corpus = corpus(&["de", "en", "zh"], 3, 5, |_, _| true);
            let task = Task::new(&corpus).unwrap();
            let rows: Vec<f32> = values.iter().map(|&x| f32::from(x)).collect();
            let queries: Vec<f32> = asked.iter().map(|&x| f32::from(x)).collect();
            let ranks = rank(&task, &Index::from_rows(1, &rows).unwrap(), &queries).unwrap();
            for ((query, vector), ranks) in task.queries.iter().zip(&queries).zip(&ranks) {
                let sorted = |keep: &dyn Fn(usize) -> bool| {
                    let mut pool: Vec<usize> = (0..24).filter(|&d| keep(task.documents[d].lang)).collect();
                    pool.sort_by(|&a, &b| {
                        (rows[b] * vector).partial_cmp(&(rows[a] * vector)).unwrap()
                            .then_with(|| task.documents[b].id.cmp(&task.documents[a].id))
                    });
                    pool
                };
                let number = query.id.rsplit('q').next().unwrap();
                let places = |pool: Vec<usize>| -> Vec<usize> {
                    let hits = pool.iter().enumerate().filter(|(_, d)| {
                        task.documents[**d].id.rsplit(':').next() == Some(number)
                    });
                    hits.map(|(i, _)| i + 1).collect()
                };
                prop_assert_eq!(&ranks.multi, &places(sorted(&|_| true)));
                for lang in 0..3 {
                    prop_assert_eq!(&ranks.by_language[lang], &places(sorted(&|l| l == lang)));
                }
            }
        }
    }
}
