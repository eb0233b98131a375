//! What is to be retrieved: documents by language, queries, and which answers which.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::Order;
use crate::datasets::Corpus;
use crate::{Error, Result};

/// A passage as it takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Unique; ties are ordered by it.
    pub id: String,
    /// Index into [`Task::languages`].
    pub lang: usize,
    /// Index into the corpus's passages.
    pub passage: usize,
}

/// A question in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Unique: `<lang>:<question id>`.
    pub id: String,
    /// Shared by translations: a number below [`Task::groups`].
    pub group: usize,
    /// Index into [`Task::languages`].
    pub lang: usize,
    /// Index into the corpus's questions.
    pub question: usize,
    /// The document that the query is itself, where it is one (see [`Corpus::questions_are_passages`]): it takes
    /// no part in its ranking.
    pub itself: Option<usize>,
}

/// A document that answers a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// Index into [`Task::documents`].
    pub document: usize,
    /// How relevant, from 1.
    pub grade: u32,
}

/// A retrieval task in several languages.
#[derive(Debug, Clone)]
pub struct Task {
    /// Language codes, in the order in which the corpus's passages have them; languages that only
    /// questions have come last.
    pub languages: Vec<String>,
    /// Documents, language after language: the order of the rows of an index over them.
    pub documents: Vec<Document>,
    /// Queries, language after language.
    pub queries: Vec<Query>,
    /// Ids of the questions that no passage answers; they are left out.
    pub unanswered: Vec<String>,
    /// What else is to be known about the data, a sentence each.
    pub notes: Vec<String>,
    /// Documents of each language.
    ranges: Vec<Range<usize>>,
    /// For each group of questions and language, the documents that answer it.
    relevant: Vec<Vec<Vec<Judged>>>,
    order: Order,
}

impl Task {
    /// The task that a corpus with questions poses: a passage is relevant for a query when it answers
    /// a question of the query's group, in whatever language.
    ///
    /// # Errors
    /// [`Error::Input`] when there are no questions, or ids repeat or contain blanks.
    pub fn new(corpus: &Corpus) -> Result<Self> {
        let mut languages: Vec<String> = Vec::new();
        let mut add = |lang: &String| {
            if !languages.contains(lang) {
                languages.push(lang.clone());
            }
        };
        corpus.passages.iter().for_each(|p| add(&p.lang));
        corpus.questions.iter().for_each(|q| add(&q.lang));
        let number: HashMap<&str, usize> =
            languages.iter().enumerate().map(|(i, lang)| (lang.as_str(), i)).collect();
        let (documents, ranges) = documents(corpus, &languages)?;
        let mut place = vec![0; documents.len()];
        documents.iter().enumerate().for_each(|(i, d)| place[d.passage] = i);

        let itself: HashMap<(&str, &str), usize> = if corpus.questions_are_passages {
            let key = |passage: usize| {
                let passage = &corpus.passages[passage];
                (passage.group.as_str(), passage.lang.as_str())
            };
            documents.iter().enumerate().map(|(i, d)| (key(d.passage), i)).collect()
        } else {
            HashMap::new()
        };
        let mut groups: HashMap<&str, usize> = HashMap::new();
        let mut relevant: Vec<Vec<Vec<Judged>>> = Vec::new();
        let mut queries = Vec::new();
        let mut seen = HashSet::new();
        for (i, question) in corpus.questions.iter().enumerate() {
            let id = format!("{}:{}", question.lang, question.id);
            check_id(&id)?;
            if !seen.insert(id.clone()) {
                return Err(Error::Input(format!("The question {id} occurs twice.")));
            }
            let group = *groups.entry(&question.group).or_insert_with(|| {
                relevant.push(vec![Vec::new(); languages.len()]);
                relevant.len() - 1
            });
            for answer in &question.relevant {
                let document = *place.get(answer.passage).ok_or_else(|| {
                    Error::Input(format!("The question {id} is answered by no known passage."))
                })?;
                // Translations of a question may name the same passages.
                let known = &mut relevant[group][documents[document].lang];
                match known.iter_mut().find(|j| j.document == document) {
                    Some(judged) => judged.grade = judged.grade.max(answer.grade),
                    None => known.push(Judged { document, grade: answer.grade }),
                }
            }
            let itself = itself.get(&(question.group.as_str(), question.lang.as_str())).copied();
            queries.push(Query { id, group, lang: number[question.lang.as_str()], question: i, itself });
        }
        let mut unanswered = Vec::new();
        queries.retain(|q| {
            let answered = relevant[q.group].iter().flatten().any(|j| Some(j.document) != q.itself);
            if !answered {
                unanswered.push(q.id.clone());
            }
            answered
        });
        queries.sort_by_key(|q| q.lang);
        if queries.is_empty() {
            return Err(Error::Input(format!(
                "{} has no question that a passage answers: there is nothing to measure.",
                corpus.name
            )));
        }
        let mut notes = corpus.notes.clone();
        for (lang, _) in languages.iter().zip(&ranges).filter(|(_, range)| range.is_empty()) {
            let asked = queries.iter().filter(|q| languages[q.lang] == *lang).count();
            notes.push(format!(
                "Questions in {lang}, a language that no passage is in: {asked}. They count where passages of other languages answer them."
            ));
        }
        let ids: Vec<&str> = documents.iter().map(|d| d.id.as_str()).collect();
        let order = Order::new(&ids);
        Ok(Self { languages, documents, queries, unanswered, notes, ranges, relevant, order })
    }

    /// The documents in a language (an index into [`languages`](Self::languages)).
    pub fn range(&self, lang: usize) -> Range<usize> {
        self.ranges.get(lang).cloned().unwrap_or_default()
    }

    /// The documents in a language that answer a query.
    pub fn relevant<'a>(&'a self, query: &Query, lang: usize) -> impl Iterator<Item = &'a Judged> + use<'a> {
        let itself = query.itself;
        let all = self.relevant.get(query.group).and_then(|r| r.get(lang)).map_or(&[][..], Vec::as_slice);
        all.iter().filter(move |judged| Some(judged.document) != itself)
    }

    /// How many documents of `range` are ranked above `document` for a query, by `scores` of all documents; ties as
    /// in [`Order`].
    pub fn above(&self, query: &Query, scores: &[f32], document: usize, range: Range<usize>) -> usize {
        let itself = query.itself.filter(|itself| range.contains(itself));
        let less = itself.map_or(0, |itself| self.order.above(scores, document, itself..itself + 1));
        self.order.above(scores, document, range) - less
    }

    /// The first `depth` documents of `range` for a query, best first.
    pub fn top(&self, query: &Query, scores: &[f32], range: Range<usize>, depth: usize) -> Vec<usize> {
        let Some(itself) = query.itself.filter(|itself| range.contains(itself)) else {
            return self.order.top(scores, range, depth);
        };
        let mut top = self.order.top(scores, range, depth.saturating_add(1));
        top.retain(|document| *document != itself);
        top.truncate(depth);
        top.shrink_to_fit();
        top
    }

    /// How many documents a query is ranked among in the pool of all languages.
    pub fn ranked(&self, query: &Query) -> usize {
        self.documents.len() - usize::from(query.itself.is_some())
    }

    /// Number of groups of questions, that is of distinct questions, translations counted once.
    pub fn groups(&self) -> usize {
        self.relevant.len()
    }

    /// The texts of the documents, in their order.
    pub fn passages<'a>(&'a self, corpus: &'a Corpus) -> impl Iterator<Item = &'a str> {
        self.documents.iter().map(|d| corpus.passages[d.passage].text.as_str())
    }

    /// The texts of the queries, in their order.
    pub fn questions<'a>(&'a self, corpus: &'a Corpus) -> impl Iterator<Item = &'a str> {
        self.queries.iter().map(|q| corpus.questions[q.question].text.as_str())
    }
}

fn documents(corpus: &Corpus, languages: &[String]) -> Result<(Vec<Document>, Vec<Range<usize>>)> {
    let mut documents = Vec::with_capacity(corpus.passages.len());
    let mut ranges = Vec::new();
    let mut seen = HashSet::new();
    for (lang, code) in languages.iter().enumerate() {
        let start = documents.len();
        for (passage, p) in corpus.passages.iter().enumerate().filter(|(_, p)| p.lang == *code) {
            check_id(&p.id)?;
            if !seen.insert(p.id.as_str()) {
                return Err(Error::Input(format!("The passage {} occurs twice.", p.id)));
            }
            documents.push(Document { id: p.id.clone(), lang, passage });
        }
        ranges.push(start..documents.len());
    }
    Ok((documents, ranges))
}

/// TREC files are columns between blanks.
fn check_id(id: &str) -> Result<()> {
    if id.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Error::Input(format!("The id \"{id}\" contains blanks; use ids without them.")));
    }
    Ok(())
}
