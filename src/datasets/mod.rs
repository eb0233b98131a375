//! Data sets for search, evaluation and training: one file per format.
//!
//! [`open()`] takes files from the user, in the page or the terminal, and detects their format from
//! their content. Not here: vectors, scores, measures.

pub mod account;
pub mod beir;
pub mod catalogue;
mod chunks;
mod collection;
mod columns;
pub mod dev;
pub mod drop;
mod examples;
mod faults;
pub mod file;
pub mod flores;
mod folder;
pub mod guard;
mod json;
#[cfg(feature = "native")]
pub mod lexicon;
pub mod lines;
pub mod miracl;
mod open;
mod overlap;
mod own;
pub mod parallel;
pub mod qa;
pub mod qrels;
pub mod records;
pub mod sample;
mod sentences;
mod spans;
mod table;
#[cfg(any(test, feature = "native"))]
pub mod training;
pub mod tydiqa;
#[cfg(feature = "native")]
pub mod word_counts;
pub mod xquad;

pub use catalogue::load;
pub use chunks::Chunks;
pub use collection::{CollectionOptions, PassagePool};
pub use columns::{Columns, Fields, Role};
pub use examples::{examples, examples_among};
pub use open::{Lines, lines_of, open, open_each, open_with};
pub(crate) use sentences::sentences;

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::{Error, Result, sha256};

/// The language code of a text whose language is unknown (BCP 47: undetermined).
pub const UNDETERMINED: &str = "und";

/// A text to search for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// Unique in its corpus.
    pub id: String,
    /// Shared by translations of one passage; the id where there are none.
    pub group: String,
    /// BCP 47 code, or [`UNDETERMINED`].
    pub lang: String,
    /// The passage itself.
    pub text: String,
    /// Where it is from, for display: a title, a topic or a file.
    pub source: String,
    /// The byte range in `text` of the answer to the passage's question, if known.
    pub answer: Option<(usize, usize)>,
}

/// A passage that answers a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relevant {
    /// Index into [`Corpus::passages`].
    pub passage: usize,
    /// The grade, from 1; only nDCG distinguishes grades, as in trec_eval.
    pub grade: u32,
}

impl From<usize> for Relevant {
    /// Relevant, ungraded.
    fn from(passage: usize) -> Self {
        Self { passage, grade: 1 }
    }
}

/// A judgement that no ranking can satisfy: on a passage that is not in the corpus, or not
/// relevant. Measures count the relevant ones as not found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// The passage's id, as [`Passage::id`] is or would be.
    pub passage: String,
    /// The language of the passages that it belongs to; `None` if unknown.
    pub lang: Option<String>,
    /// Relevant from 1 on.
    pub grade: i64,
}

/// A question that comes with a corpus.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Question {
    /// Unique in its language.
    pub id: String,
    /// Shared by translations of one question, whose relevant passages are then relevant to each of
    /// them; the id, with the language where ids of several languages could coincide by chance.
    pub group: String,
    /// BCP 47 code, or [`UNDETERMINED`].
    pub lang: String,
    /// The question itself; empty if there are only judgements. Such a question finds nothing.
    pub text: String,
    /// The passages known to answer it in this language. Those that answer a question of the same group count too.
    pub relevant: Vec<Relevant>,
    /// Its other judgements.
    pub others: Vec<Other>,
}

/// Passages to search, with the questions that came with them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Corpus {
    /// Its name.
    pub name: String,
    /// All passages.
    pub passages: Vec<Passage>,
    /// All questions; empty for plain text.
    pub questions: Vec<Question>,
    /// Whether a passage with a question's own id is taken for the question itself and left out of
    /// its ranking: BEIR's rule.
    pub identical_ids: bool,
    /// How its tables and JSON lines were read.
    pub fields: Vec<Fields>,
    /// What was left out or assumed, one sentence each.
    pub notes: Vec<String>,
    /// Whether each question is itself a passage, the one of its own group and language, and a query for its
    /// translations; it is then left out of its own ranking.
    pub questions_are_passages: bool,
}

impl Corpus {
    /// Languages with their number of passages, most frequent first, then by code.
    pub fn languages(&self) -> Vec<(String, usize)> {
        count_languages(self.passages.iter().map(|p| p.lang.as_str()))
    }

    /// SHA-256 of all ids and texts, in order, which identifies the data set in reports.
    pub fn hash(&self) -> String {
        let passages = self.passages.iter().map(|p| (&p.id, &p.text));
        let questions = self.questions.iter().map(|q| (&q.id, &q.text));
        let mut all = String::new();
        passages.chain(questions).for_each(|(id, text)| all.extend([id, "\t", text, "\n"]));
        sha256(all.as_bytes())
    }

    /// The passages and questions in `languages`, in the same order.
    ///
    /// # Errors
    /// [`Error::Input`] for a language that nothing is in.
    pub fn only(&self, languages: &[String]) -> Result<Self> {
        let known: HashSet<&String> =
            self.passages.iter().map(|p| &p.lang).chain(self.questions.iter().map(|q| &q.lang)).collect();
        if let Some(unknown) = languages.iter().find(|lang| !known.contains(lang)) {
            return Err(Error::Input(format!("{} has nothing in the language {unknown}", self.name)));
        }
        let mut out = Self {
            name: self.name.clone(),
            identical_ids: self.identical_ids,
            notes: self.notes.clone(),
            questions_are_passages: self.questions_are_passages,
            fields: self.fields.clone(),
            ..Self::default()
        };
        let mut moved = HashMap::new();
        for (i, passage) in self.passages.iter().enumerate().filter(|(_, p)| languages.contains(&p.lang)) {
            moved.insert(i, out.passages.len());
            out.passages.push(passage.clone());
        }
        for question in self.questions.iter().filter(|q| languages.contains(&q.lang)) {
            let relevant = question
                .relevant
                .iter()
                .filter_map(|r| Some(Relevant { passage: *moved.get(&r.passage)?, ..*r }));
            let mut others = question.others.clone();
            others.retain(|other| other.lang.as_ref().is_none_or(|lang| languages.contains(lang)));
            out.questions.push(Question { relevant: relevant.collect(), others, ..question.clone() });
        }
        Ok(out)
    }

    /// The corpus under another name, restricted to these languages, or to all if none is named.
    ///
    /// # Errors
    /// [`Error::Input`] for a language that no passage is in.
    fn chosen(mut self, name: &str, languages: &[String]) -> Result<Self> {
        self.name = name.into();
        if languages.is_empty() {
            return Ok(self);
        }
        let there = self.languages();
        if let Some(missing) = languages.iter().find(|asked| there.iter().all(|(lang, _)| lang != *asked)) {
            let there: Vec<&str> = there.iter().map(|(lang, _)| lang.as_str()).collect();
            return Err(Error::Input(format!(
                "{name} has no passage in {missing}; it has {}",
                there.join(", ")
            )));
        }
        self.retain(|_, lang| languages.iter().any(|code| code == lang));
        Ok(self)
    }

    /// Keeps only the passages and questions for whose group and language `is_kept` is true.
    fn retain(&mut self, is_kept: impl Fn(&str, &str) -> bool) {
        let mut place = vec![None; self.passages.len()];
        let mut kept = 0;
        for (place, passage) in place.iter_mut().zip(&self.passages) {
            if is_kept(&passage.group, &passage.lang) {
                *place = Some(kept);
                kept += 1;
            }
        }
        self.passages.retain(|p| is_kept(&p.group, &p.lang));
        self.questions.retain(|q| is_kept(&q.group, &q.lang));
        for question in &mut self.questions {
            question.relevant.retain_mut(|r| match place.get(r.passage).copied().flatten() {
                Some(now) => {
                    r.passage = now;
                    true
                }
                None => false,
            });
        }
    }

    /// Appends another corpus.
    ///
    /// # Errors
    /// [`Error::Input`] when both have a passage, or a question, of the same id and language.
    pub fn append(&mut self, other: Corpus) -> Result<()> {
        let mine: HashMap<&str, &str> =
            self.passages.iter().map(|p| (p.id.as_str(), p.source.as_str())).collect();
        if let Some(twin) = other.passages.iter().find(|p| mine.contains_key(p.id.as_str())) {
            return Err(Error::Input(format!(
                "{}: the passage {} is already there, from {}",
                other.name, twin.id, self.name
            )));
        }
        let asked: HashSet<(&str, &str)> =
            self.questions.iter().map(|q| (q.lang.as_str(), q.id.as_str())).collect();
        if let Some(twin) = other.questions.iter().find(|q| asked.contains(&(q.lang.as_str(), q.id.as_str())))
        {
            return Err(Error::Input(format!(
                "{}: the question {} in {} is already there, from {}",
                other.name, twin.id, twin.lang, self.name
            )));
        }
        let offset = self.passages.len();
        self.passages.extend(other.passages);
        self.questions.extend(other.questions.into_iter().map(|mut q| {
            q.relevant.iter_mut().for_each(|r| r.passage += offset);
            q
        }));
        self.identical_ids |= other.identical_ids;
        self.fields.extend(other.fields);
        self.notes.extend(other.notes);
        Ok(())
    }
}

/// The frequency of each language, most frequent first, then by code.
pub fn count_languages<'a>(langs: impl Iterator<Item = &'a str>) -> Vec<(String, usize)> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for lang in langs {
        *counts.entry(lang).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().map(|(l, n)| (l.to_string(), n)).collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts
}

/// The distinct texts in order of first appearance, and for each text its index among them, so that
/// duplicates are encoded once.
pub fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> (Vec<&'a str>, Vec<usize>) {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut unique = Vec::new();
    let which = texts
        .map(|text| {
            *seen.entry(text).or_insert_with(|| {
                unique.push(text);
                unique.len() - 1
            })
        })
        .collect();
    (unique, which)
}

/// One note on all places of one kind: how many, what, and where the first are. `what` is as in
/// `3 questions have no passage`, without the number: a singular and a plural form.
pub(crate) fn listed(places: &[String], one: &str, more: &str) -> Option<String> {
    const NAMED: usize = 8;
    let named = places.get(..NAMED).unwrap_or(places).join(", ");
    match places.len() {
        0 => None,
        1 => Some(format!("1 {one}: {named}.")),
        n if n > NAMED => Some(format!("{n} {more}: {named} and {} more.", n - NAMED)),
        n => Some(format!("{n} {more}: {named}.")),
    }
}

/// Byte offsets of every code point of a text, including its end: the data sets count code points.
pub(crate) struct CodePoints<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> CodePoints<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let starts = text.char_indices().map(|(i, _)| i).chain([text.len()]).collect();
        Self { text, starts }
    }

    /// Number of code points.
    pub(crate) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The text at these code points, half-open; `None` if out of range.
    pub(crate) fn slice(&self, range: Range<usize>) -> Option<&'a str> {
        self.text.get(*self.starts.get(range.start)?..*self.starts.get(range.end)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_points_are_not_bytes() {
        let points = CodePoints::new("aé中😀b");
        assert_eq!(points.len(), 5);
        assert_eq!(points.slice(1..4), Some("é中😀"));
        assert_eq!(points.slice(5..5), Some(""));
        assert_eq!(points.slice(4..6), None);
        assert_eq!(points.slice(Range { start: 3, end: 2 }), None);
    }

    #[test]
    fn the_same_text_is_met_once() {
        let (unique, which) = distinct(["a", "b", "a", "c", "b"].into_iter());
        assert_eq!(unique, ["a", "b", "c"]);
        assert_eq!(which, [0, 1, 0, 2, 1]);
    }

    #[test]
    fn corpora_append_with_their_questions() {
        let part = |lang: &str| Corpus {
            name: lang.into(),
            passages: vec![Passage {
                id: format!("{lang}:1"),
                group: "1".into(),
                lang: lang.into(),
                text: "t".into(),
                source: String::new(),
                answer: None,
            }],
            questions: vec![Question {
                id: "1".into(),
                group: "1".into(),
                lang: lang.into(),
                text: "q".into(),
                relevant: vec![0.into()],
                ..Question::default()
            }],
            ..Corpus::default()
        };
        let mut corpus = part("de");
        corpus.append(part("en")).unwrap();
        assert_eq!(corpus.questions[1].relevant, [1.into()]);
        assert_eq!(corpus.languages(), [("de".to_string(), 1), ("en".to_string(), 1)]);
        let refused = corpus.append(part("en")).unwrap_err().to_string();
        assert!(refused.contains("en:1"), "{refused}");
        let mut asked = part("en");
        asked.passages.clear();
        asked.questions[0].relevant.clear();
        let refused = corpus.append(asked).unwrap_err().to_string();
        assert!(refused.contains("the question 1 in en"), "{refused}");
        assert_eq!(corpus.passages.len(), 2);
    }

    #[test]
    fn some_languages_are_what_their_files_alone_would_give() {
        let line = |id: &str| {
            format!(
                r#"{{"id":"{id}","topic":"T","passage":{{"de":"Rot {id}.","en":"Red {id}.","tr":"Kırmızı {id}."}},"question":{{"de":"Farbe?","en":"Colour?","tr":"Renk?"}},"answer":{{"de":"Rot","en":"Red","tr":"Kırmızı"}}}}"#
            )
        };
        let mut all = sample::parse("p", &[line("a"), line("b")].join("\n")).unwrap();
        // A German question that an English passage answers, too.
        let english = all.passages.iter().position(|p| p.lang == "en").unwrap();
        all.questions[0].relevant.push(Relevant { passage: english, grade: 2 });
        let some = all.only(&["tr".into(), "de".into()]).unwrap();
        assert_eq!(
            some.passages.iter().map(|p| p.lang.as_str()).collect::<Vec<_>>(),
            ["de", "tr", "de", "tr"]
        );
        for question in &some.questions {
            let [relevant] = question.relevant.as_slice() else { panic!("{question:?}") };
            let passage = &some.passages[relevant.passage];
            assert_eq!((&passage.lang, &passage.group), (&question.lang, &question.group));
        }
        assert_ne!(some.hash(), all.hash());
        assert_eq!(all.only(&["de".into(), "en".into(), "tr".into()]).unwrap(), all);
        assert!(all.only(&["fr".into()]).unwrap_err().to_string().contains("fr"));
    }

    #[test]
    fn the_hash_is_of_ids_and_texts() {
        let mut corpus = sample::parse(
            "p",
            r#"{"id":"a","topic":"T","passage":{"de":"Rot."},"question":{"de":"Farbe?"},"answer":{"de":"Rot"}}"#,
        )
        .unwrap();
        let expected = format!("{}\tRot.\n{}\tFarbe?\n", corpus.passages[0].id, corpus.questions[0].id);
        assert_eq!(corpus.hash(), sha256(expected.as_bytes()));
        corpus.questions[0].text.push('?');
        assert_ne!(corpus.hash(), sha256(expected.as_bytes()));
    }

    #[test]
    fn places_are_counted_and_the_first_are_named() {
        let places: Vec<String> = (1..=10).map(|i| format!("q:{i}")).collect();
        assert_eq!(listed(&[], "id is", "ids are"), None);
        assert_eq!(listed(&places[..1], "id is wrong", "").unwrap(), "1 id is wrong: q:1.");
        let note = listed(&places, "", "ids are wrong").unwrap();
        assert!(note.starts_with("10 ids are wrong: q:1, ") && note.ends_with("q:8 and 2 more."), "{note}");
    }
}
