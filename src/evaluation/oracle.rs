//! Small random tasks with rankings found by sorting, which tests compare measures with. Shares nothing but
//! the data with the code that it checks: no index, no ranks by counting, no numbers for languages and
//! groups.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Measures, Ranks, Task, rank};
use crate::datasets::{Corpus, Passage, Question, Relevant};
use crate::retrieval::Index;

/// Few values in two dimensions, so that many scores tie and queries still differ.
type Vector = [i8; 2];

/// A passage: id, language, vector.
#[derive(Debug, Clone)]
pub struct OracleDocument {
    pub id: String,
    pub lang: String,
    vector: Vector,
}

/// A query, with the id that it has in the task.
#[derive(Debug, Clone)]
pub struct OracleQuery {
    pub id: String,
    pub lang: String,
    pub group: String,
    vector: Vector,
    /// Passages (by index) and grades.
    relevant: Vec<(usize, u32)>,
}

/// A task as plain lists.
#[derive(Debug, Clone)]
pub struct World {
    pub docs: Vec<OracleDocument>,
    /// Including those that nothing answers.
    pub asks: Vec<OracleQuery>,
}

const LANGUAGES: [&str; 4] = ["de", "en", "th", "zh"];

/// Up to four languages with up to nine passages each, the last of which may have none; up to five questions,
/// some of which are not asked in some languages, and answers to each in some languages. In every other task
/// most questions have one answer in every language, as in XQuAD-R.
pub fn worlds() -> impl Strategy<Value = World> {
    (1usize..=4, 1usize..=9, 1usize..=5, any::<bool>(), any::<bool>()).prop_flat_map(
        |(languages, passages, questions, even, bare)| {
            let vectors = |n| proptest::collection::vec([-2i8..3, -2i8..3], n);
            let (docs, asks) = (languages * passages, languages * questions);
            // An answer: index of the query, index of the passage, grade.
            let answers = proptest::collection::vec((0..asks, 0..docs, 1u32..4), 1..3 * asks);
            let asked = proptest::collection::vec(0u8..5, asks);
            (vectors(docs), vectors(asks), answers, asked).prop_map(move |(docs, asks, answers, asked)| {
                let bare = bare && languages > 1;
                world(languages, docs, asks, &answers, &asked, even, bare)
            })
        },
    )
}

fn world(
    languages: usize,
    docs: Vec<Vector>,
    asks: Vec<Vector>,
    answers: &[(usize, usize, u32)],
    asked: &[u8],
    even: bool,
    bare: bool,
) -> World {
    let (passages, questions) = (docs.len() / languages, asks.len() / languages);
    let has_passages = |lang: usize| !(bare && lang + 1 == languages);
    let docs: Vec<OracleDocument> = docs
        .into_iter()
        .enumerate()
        .filter(|(i, _)| has_passages(i / passages))
        .map(|(i, vector)| {
            let lang = LANGUAGES[i / passages];
            OracleDocument { id: format!("{lang}:{}", i * 7 % 37), lang: lang.into(), vector }
        })
        .collect();
    let asks = asks.into_iter().enumerate().map(|(i, vector)| {
        let (lang, question) = (i / questions, i % questions);
        let relevant: BTreeMap<usize, u32> = if even && has_passages(lang) && question < passages {
            BTreeMap::from([(lang * passages + question, 1)])
        } else {
            let own = answers.iter().filter(|(ask, doc, _)| *ask == i && *doc < docs.len());
            own.filter(|(ask, ..)| !even || ask % 3 == 0).map(|&(_, doc, grade)| (doc, grade)).collect()
        };
        // The last two questions are one group: a question may be asked in two ways.
        let group = if !even && questions > 3 { question.min(questions - 2) } else { question };
        OracleQuery {
            id: format!("{}:q{question}", LANGUAGES[lang]),
            lang: LANGUAGES[lang].into(),
            group: format!("g{group}"),
            vector,
            relevant: relevant.into_iter().collect(),
        }
    });
    let asks = asks.zip(asked).filter(|(_, asked)| **asked > 0).map(|(ask, _)| ask).collect();
    World { docs, asks }
}

impl World {
    /// The task and its ranks; `None` if nothing is answered.
    pub fn ranked(&self) -> Option<(Task, Vec<Ranks>)> {
        if self.asks().is_empty() {
            return None;
        }
        let mut corpus = Corpus { name: "world".into(), ..Corpus::default() };
        for doc in &self.docs {
            corpus.passages.push(Passage {
                id: doc.id.clone(),
                group: doc.id.clone(),
                lang: doc.lang.clone(),
                text: String::new(),
                source: String::new(),
                answer: None,
            });
        }
        for ask in &self.asks {
            corpus.questions.push(Question {
                id: ask.id.split_once(':').unwrap().1.into(),
                group: ask.group.clone(),
                lang: ask.lang.clone(),
                text: "?".into(),
                relevant: ask.relevant.iter().map(|&(passage, grade)| Relevant { passage, grade }).collect(),
                ..Question::default()
            });
        }
        let task = Task::new(&corpus).unwrap();
        let flat = |v: Vector| v.map(f32::from);
        let rows: Vec<f32> = task.documents.iter().flat_map(|d| flat(self.docs[d.passage].vector)).collect();
        let asked: Vec<f32> = task.queries.iter().flat_map(|q| flat(self.asks[q.question].vector)).collect();
        let ranks = rank(&task, &Index::from_rows(2, &rows).unwrap(), &asked).unwrap();
        Some((task, ranks))
    }

    /// The queries that some passage answers.
    pub fn asks(&self) -> Vec<&OracleQuery> {
        self.asks.iter().filter(|ask| self.docs.iter().any(|doc| self.grade(ask, doc) > 0)).collect()
    }

    /// Languages of passages or of queries.
    pub fn languages(&self) -> BTreeSet<&str> {
        self.docs.iter().map(|d| d.lang.as_str()).chain(self.asks.iter().map(|a| a.lang.as_str())).collect()
    }

    /// A passage's grade, 0 if it is not relevant: the best that any query of the group gives it.
    pub fn grade(&self, ask: &OracleQuery, doc: &OracleDocument) -> u32 {
        let group = self.asks.iter().filter(|other| other.group == ask.group);
        let judged = group.flat_map(|other| &other.relevant).filter(|(d, _)| self.docs[*d].id == doc.id);
        judged.map(|(_, grade)| *grade).max().unwrap_or(0)
    }

    /// Whether a passage answers a query.
    pub fn answers(&self, ask: &OracleQuery, doc: &OracleDocument) -> bool {
        self.grade(ask, doc) > 0
    }

    /// All passages, best first; ties by the greater id.
    pub fn ranking(&self, ask: &OracleQuery) -> Vec<&OracleDocument> {
        let score = |doc: &OracleDocument| -> i32 {
            (0..2).map(|i| i32::from(doc.vector[i]) * i32::from(ask.vector[i])).sum()
        };
        let mut ranking: Vec<&OracleDocument> = self.docs.iter().collect();
        ranking.sort_by(|a, b| score(b).cmp(&score(a)).then(b.id.cmp(&a.id)));
        ranking
    }

    /// The measures of a ranking, by their definitions.
    pub fn measures(&self, ask: &OracleQuery, ranking: &[&OracleDocument]) -> Measures {
        let grades: Vec<f64> = ranking.iter().map(|doc| f64::from(self.grade(ask, doc))).collect();
        let relevant = |k: usize| grades.iter().take(k).filter(|g| **g > 0.0).count() as f64;
        let all = relevant(grades.len());
        let precision_sum = |k: usize| -> f64 {
            let seen = (1..=k.min(grades.len())).filter(|&rank| grades[rank - 1] > 0.0);
            seen.map(|rank| relevant(rank) / rank as f64).sum()
        };
        let gain = |grades: &[f64]| -> f64 {
            grades.iter().take(10).enumerate().map(|(i, g)| g / (i as f64 + 2.0).log2()).sum()
        };
        let mut ideal = grades.clone();
        ideal.sort_by(|a, b| b.total_cmp(a));
        Measures {
            map: precision_sum(grades.len()) / all,
            mrr: 1.0 / (grades.iter().position(|g| *g > 0.0).unwrap() + 1) as f64,
            recall_1: relevant(1) / all,
            recall_10: relevant(10) / all,
            recall_100: relevant(100) / all,
            ndcg_10: gain(&grades) / gain(&ideal),
            map_20: precision_sum(20) / all,
            precision_10: relevant(10) / 10.0,
            ..Measures::default()
        }
    }
}

/// The mean; `None` of nothing.
pub fn average(values: &[f64]) -> Option<f64> {
    if values.is_empty() { None } else { Some(values.iter().sum::<f64>() / values.len() as f64) }
}

/// The middle value, or the mean of the two middle ones.
pub fn middle(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[n / 2]),
        n => Some((sorted[n / 2 - 1] + sorted[n / 2]) / 2.0),
    }
}
