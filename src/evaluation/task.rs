//! A retrieval task: documents by language, queries, and which documents answer which queries.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::{MeasureOptions, Order, trec};
use crate::datasets::{Corpus, Other, listed};
use crate::{Error, Result};

/// A passage of the task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Unique; ties are broken by it.
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
    /// The document that the query itself is, if any (see [`Corpus::questions_are_passages`]); it is left out
    /// of the query's ranking.
    pub itself: Option<usize>,
    /// Whether it has a text to search with; if not, nothing is ranked.
    pub asked: bool,
    /// Documents left out of its ranking: the query itself, or one with the query's own id.
    pub left_out: Vec<usize>,
}

/// A document that answers a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelevantDocument {
    /// Index into [`Task::documents`].
    pub document: usize,
    /// Grade of relevance, from 1.
    pub grade: u32,
}

/// The user's choices about how queries count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// The lowest relevant grade, and additional measures.
    pub wanted: MeasureOptions,
    /// Whether queries without an answer are left out of every mean, rather than counting 0.
    pub only_answerable: bool,
    /// Whether a document with a query's own id is ranked even if the data set's format
    /// ([`Corpus::identical_ids`]) says that it is the query itself.
    pub keep_identical_ids: bool,
}

/// How many judged queries cannot find anything, and why; and how many answers can never be found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Queries without a relevant document.
    pub none_relevant: usize,
    /// Queries none of whose relevant documents are ranked for them.
    pub none_found: usize,
    /// Queries without a text, for which nothing is ranked.
    pub without_text: usize,
    /// Relevant documents that are not ranked for a query, counted for each query.
    pub missing: usize,
    /// Queries from whose ranking a document with their own id was left out.
    pub identical: usize,
}

/// A retrieval task in several languages.
#[derive(Debug, Clone)]
pub struct Task {
    /// Language codes, in the order of the corpus's passages, followed by languages that only questions have.
    pub languages: Vec<String>,
    /// Documents, sorted by language: the order of the rows of an index over them.
    pub documents: Vec<Document>,
    /// Queries, sorted by language.
    pub queries: Vec<Query>,
    /// Ids of the questions left out of every mean: nothing is judged for them or, with
    /// [`Rules::only_answerable`], nothing answers them.
    pub unanswered: Vec<String>,
    /// How many of the queries cannot find anything.
    pub tally: Tally,
    /// Notes about the data, one sentence each.
    pub notes: Vec<String>,
    /// How queries count.
    pub rules: Rules,
    /// Whether documents with a query's own id are left out of its ranking; `None` if the data set has no
    /// rule about them.
    pub identical_ids: Option<bool>,
    /// Range of each language's documents.
    ranges: Vec<Range<usize>>,
    /// For each group of questions and language, the documents that answer it.
    relevant: Vec<Vec<Vec<RelevantDocument>>>,
    /// For each group, what else was judged, with its language as an index into [`Task::languages`].
    others: Vec<Vec<(Other, Option<usize>)>>,
    order: Order,
}

impl Task {
    /// The task given by a corpus with questions, with the default rules.
    ///
    /// # Errors
    /// As [`with`](Self::with).
    pub fn new(corpus: &Corpus) -> Result<Self> {
        Self::with(corpus, Rules::default())
    }

    /// The task given by a corpus with questions: a passage is relevant for a query if it answers a question
    /// of the query's group, in any language. Every query for which something was judged counts, as with
    /// trec_eval's `-c`.
    ///
    /// # Errors
    /// [`Error::Input`] when there are no judged questions, or ids repeat.
    pub fn with(corpus: &Corpus, rules: Rules) -> Result<Self> {
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
        let drop_identical = corpus.identical_ids && !rules.keep_identical_ids;
        let own_ids = if drop_identical { own_ids(corpus, &documents) } else { HashMap::new() };

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
        let mut relevant: Vec<Vec<Vec<RelevantDocument>>> = Vec::new();
        let mut others: Vec<Vec<(Other, Option<usize>)>> = Vec::new();
        let mut queries = Vec::new();
        let mut seen = HashSet::new();
        for (i, question) in corpus.questions.iter().enumerate() {
            let id = format!("{}:{}", question.lang, question.id);
            if !seen.insert(id.clone()) {
                return Err(Error::Input(format!("The question {id} occurs twice")));
            }
            let group = *groups.entry(&question.group).or_insert_with(|| {
                relevant.push(vec![Vec::new(); languages.len()]);
                others.push(Vec::new());
                relevant.len() - 1
            });
            for answer in &question.relevant {
                let document = *place.get(answer.passage).ok_or_else(|| {
                    Error::Input(format!("The question {id} is answered by an unknown passage"))
                })?;
                // Translations of a question may name the same passages.
                let known = &mut relevant[group][documents[document].lang];
                match known.iter_mut().find(|j| j.document == document) {
                    Some(judged) => judged.grade = judged.grade.max(answer.grade),
                    None => known.push(RelevantDocument { document, grade: answer.grade }),
                }
            }
            let itself = itself.get(&(question.group.as_str(), question.lang.as_str())).copied();
            let mut left_out = own_ids.get(question.id.as_str()).cloned().unwrap_or_default();
            left_out.extend(itself.filter(|itself| !left_out.contains(itself)));
            for other in &question.others {
                match others[group].iter_mut().find(|(known, _)| known.passage == other.passage) {
                    Some((known, _)) => known.grade = known.grade.max(other.grade),
                    None => {
                        let lang = other.lang.as_deref().and_then(|lang| number.get(lang).copied());
                        others[group].push((other.clone(), lang));
                    }
                }
            }
            queries.push(Query {
                id,
                group,
                lang: number[question.lang.as_str()],
                question: i,
                asked: !question.text.trim().is_empty(),
                itself,
                left_out,
            });
        }
        // A passage judged irrelevant for one translation and relevant for another is relevant.
        for (others, relevant) in others.iter_mut().zip(&relevant).filter(|(others, _)| !others.is_empty()) {
            let known: HashSet<&str> =
                relevant.iter().flatten().map(|j| documents[j.document].id.as_str()).collect();
            others.retain(|(other, _)| !known.contains(other.passage.as_str()));
        }
        let ids: Vec<_> = documents.iter().map(|d| trec::id(&d.id)).collect();
        let order = Order::new(&ids);
        let mut task = Self {
            languages,
            documents,
            queries: Vec::new(),
            unanswered: Vec::new(),
            tally: Tally::default(),
            notes: corpus.notes.clone(),
            rules,
            identical_ids: corpus.identical_ids.then_some(drop_identical),
            ranges,
            relevant,
            others,
            order,
        };
        let (counted, left): (Vec<_>, Vec<_>) = queries.into_iter().partition(|q| task.counts(q, None));
        task.queries = counted;
        task.queries.sort_by_key(|q| q.lang);
        task.sum_up(&left);
        task.unanswered = left.into_iter().map(|q| q.id).collect();
        if task.queries.is_empty() {
            return Err(Error::Input(format!(
                "{} has no question that {}: there is nothing to measure",
                corpus.name,
                if task.rules.only_answerable { "a passage answers" } else { "a passage is judged for" }
            )));
        }
        Ok(task)
    }

    /// Counts the queries that find nothing and notes how they count; `left` are those left out.
    fn sum_up(&mut self, left: &[Query]) {
        let (mut none_relevant, mut none_found, mut without_text) = (Vec::new(), Vec::new(), Vec::new());
        let level = self.rules.wanted.level();
        let (mut missing, mut named) = (0, Vec::new());
        let judged = self.queries.iter().chain(left.iter().filter(|q| self.is_judged(q, None)));
        for query in judged {
            let relevant = self.grades(query, None).into_iter().filter(|grade| *grade >= level).count();
            let found = self.answers(query).count();
            missing += relevant - found;
            if found < relevant && query.asked {
                named.push(query.id.clone());
            }
            match (query.asked, relevant, found) {
                (false, ..) => without_text.push(query.id.clone()),
                (_, 0, _) => none_relevant.push(query.id.clone()),
                (_, _, 0) => none_found.push(query.id.clone()),
                _ => {}
            }
        }
        let identical =
            self.queries.iter().filter(|q| q.left_out.iter().any(|d| Some(*d) != q.itself)).count();
        self.tally = Tally {
            none_relevant: none_relevant.len(),
            none_found: none_found.len(),
            without_text: without_text.len(),
            missing,
            identical,
        };
        let (one, more) = if self.rules.only_answerable {
            (
                "and is left out of every mean (only answerable)",
                "and are left out of every mean (only answerable)",
            )
        } else {
            ("and counts 0 in every mean", "and count 0 in every mean")
        };
        let mut say = |ids: &[String], is: &str, are: &str| {
            self.notes.extend(listed(ids, &format!("{is} {one}"), &format!("{are} {more}")));
        };
        say(
            &none_relevant,
            "judged query has no relevant passage",
            "judged queries have no relevant passage",
        );
        say(
            &none_found,
            "judged query has relevant passages, none of which is searched,",
            "judged queries have relevant passages, none of which is searched,",
        );
        say(
            &without_text,
            "judged query has no text, so it finds nothing,",
            "judged queries have no text, so they find nothing,",
        );
        self.notes.extend(listed(
            &named,
            "query has relevant passages that are not searched; they count as not found",
            "queries have relevant passages that are not searched; they count as not found",
        ));
        if self.rules.only_answerable
            && !(none_relevant.is_empty() && none_found.is_empty() && without_text.is_empty())
        {
            self.notes.push(
                "Only answerable queries were measured: the figures are higher than over all judged ones, as others \
                 report them."
                    .into(),
            );
        }
        if level > 1 {
            self.notes.push(format!(
                "Relevant is what has grade {level} or more (trec_eval -l {level}); nDCG counts all grades."
            ));
        }
        match self.identical_ids {
            Some(true) if identical > 0 => self.notes.push(format!(
                "The passage with the query's own id was left out of {identical} ranking{}, as BEIR does.",
                if identical == 1 { "" } else { "s" }
            )),
            Some(false) => {
                self.notes.push("Passages with a query's own id were ranked, which BEIR leaves out.".into())
            }
            _ => {}
        }
        for (lang, _) in self.languages.iter().zip(&self.ranges).filter(|(_, range)| range.is_empty()) {
            let asked = self.queries.iter().filter(|q| self.languages[q.lang] == *lang).count();
            self.notes.push(format!(
                "Questions in {lang}, a language without passages: {asked}. They count where passages in other languages answer them."
            ));
        }
    }

    /// The documents in a language (an index into [`languages`](Self::languages)).
    pub fn range(&self, lang: usize) -> Range<usize> {
        self.ranges.get(lang).cloned().unwrap_or_default()
    }

    /// The documents in a language that answer a query, of every grade from 1, ranked for it or not.
    pub fn relevant<'a>(
        &'a self,
        query: &Query,
        lang: usize,
    ) -> impl Iterator<Item = &'a RelevantDocument> + use<'a> {
        let itself = query.itself;
        let all = self.relevant.get(query.group).and_then(|r| r.get(lang)).map_or(&[][..], Vec::as_slice);
        all.iter().filter(move |judged| Some(judged.document) != itself)
    }

    /// How many documents are ranked for a query in the pool of all languages.
    pub fn ranked(&self, query: &Query) -> usize {
        self.documents.len() - query.left_out.len()
    }

    /// Those of them that are ranked for it: not the query itself, and none if it has no text.
    pub fn rankable<'a>(
        &'a self,
        query: &'a Query,
        lang: usize,
    ) -> impl Iterator<Item = &'a RelevantDocument> {
        let all = self.relevant(query, lang).filter(|_| query.asked);
        all.filter(|judged| !query.left_out.contains(&judged.document))
    }

    /// The documents of all languages that are ranked for a query and have at least the lowest relevant grade.
    fn answers<'a>(&'a self, query: &'a Query) -> impl Iterator<Item = &'a RelevantDocument> {
        let level = self.rules.wanted.level();
        let all = (0..self.languages.len()).flat_map(|lang| self.rankable(query, lang));
        all.filter(move |judged| judged.grade >= level)
    }

    /// What else was judged for a query: in one language or, if none is given, in any.
    pub fn others(&self, query: &Query, lang: Option<usize>) -> impl Iterator<Item = &Other> {
        let all = self.others.get(query.group).map_or(&[][..], Vec::as_slice).iter();
        all.filter(move |(_, of)| lang.is_none() || *of == lang).map(|(other, _)| other)
    }

    /// The grades above 0 of a query's documents, in one language or in all, found or not: the denominators
    /// of measures.
    pub fn grades(&self, query: &Query, lang: Option<usize>) -> Vec<u32> {
        let languages = lang.map_or(0..self.languages.len(), |lang| lang..lang + 1);
        let known = languages.flat_map(|lang| self.relevant(query, lang)).map(|judged| judged.grade);
        let others = self.others(query, lang).filter_map(|other| u32::try_from(other.grade).ok());
        known.chain(others.filter(|grade| *grade > 0)).collect()
    }

    /// Whether anything was judged for a query, in one language or in any.
    fn is_judged(&self, query: &Query, lang: Option<usize>) -> bool {
        let languages = lang.map_or(0..self.languages.len(), |lang| lang..lang + 1);
        languages.clone().any(|lang| self.relevant(query, lang).next().is_some())
            || self.others(query, lang).next().is_some()
    }

    /// Whether a query counts in the mean over one language's passages or, if none is given, over all.
    pub fn counts(&self, query: &Query, lang: Option<usize>) -> bool {
        let answered = || match lang {
            None => self.answers(query).next().is_some(),
            Some(lang) => {
                let level = self.rules.wanted.level();
                self.rankable(query, lang).any(|judged| judged.grade >= level)
            }
        };
        self.is_judged(query, lang) && (!self.rules.only_answerable || answered())
    }

    /// The tie-breaking order.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// How many documents of `range` rank above `document` for a query, given the `scores` of all documents.
    pub fn above(&self, query: &Query, scores: &[f32], document: usize, range: Range<usize>) -> usize {
        let left_out = query.left_out.iter().filter(|d| range.contains(d));
        let out: usize = left_out.map(|&d| self.order.above(scores, document, d..d + 1)).sum();
        self.order.above(scores, document, range) - out
    }

    /// The first `depth` documents of `range` that are ranked for a query, best first.
    pub fn top(&self, query: &Query, scores: &[f32], range: Range<usize>, depth: usize) -> Vec<usize> {
        if !query.asked {
            return Vec::new();
        }
        let mut top = self.order.top(scores, range, depth.saturating_add(query.left_out.len()));
        top.retain(|document| !query.left_out.contains(document));
        top.truncate(depth);
        top
    }

    /// Number of groups of questions: of distinct questions, with translations counted once.
    pub fn groups(&self) -> usize {
        self.relevant.len()
    }

    /// The texts of the documents, in their order.
    pub fn passages<'a>(&'a self, corpus: &'a Corpus) -> impl Iterator<Item = &'a str> {
        self.documents.iter().map(|d| corpus.passages[d.passage].text.as_str())
    }

    /// The texts of the queries, in their order.
    pub fn questions<'a>(&'a self, corpus: &'a Corpus) -> impl Iterator<Item = &'a str> {
        self.queries.iter().map(|q| match corpus.questions[q.question].text.as_str() {
            // Every query needs a vector; this one is never used.
            text if text.trim().is_empty() => "-",
            text => text,
        })
    }
}

fn documents(corpus: &Corpus, languages: &[String]) -> Result<(Vec<Document>, Vec<Range<usize>>)> {
    let mut documents = Vec::with_capacity(corpus.passages.len());
    let mut ranges = Vec::new();
    let mut seen = HashSet::new();
    for (lang, code) in languages.iter().enumerate() {
        let start = documents.len();
        for (passage, p) in corpus.passages.iter().enumerate().filter(|(_, p)| p.lang == *code) {
            if !seen.insert(p.id.as_str()) {
                return Err(Error::Input(format!("The passage {} occurs twice", p.id)));
            }
            documents.push(Document { id: p.id.clone(), lang, passage });
        }
        ranges.push(start..documents.len());
    }
    Ok((documents, ranges))
}

/// Documents by the question id that is also theirs, without the language, as ids are written in a data set's
/// files.
fn own_ids<'a>(corpus: &'a Corpus, documents: &[Document]) -> HashMap<&'a str, Vec<usize>> {
    // Ids of questions only: a corpus may have millions of passages.
    let mut ids: HashMap<&str, Vec<usize>> =
        corpus.questions.iter().map(|question| (question.id.as_str(), Vec::new())).collect();
    for (i, document) in documents.iter().enumerate() {
        let passage = &corpus.passages[document.passage];
        let own = passage.id.strip_prefix(passage.lang.as_str()).and_then(|id| id.strip_prefix(':'));
        if let Some(documents) = ids.get_mut(own.unwrap_or(&passage.id)) {
            documents.push(i);
        }
    }
    ids
}
