//! Training sets: mMARCO, Mr. TyDi, MIRACL, and NQ in DPR's format, read as published; the user's own
//! passages and questions; the sample.
//!
//! Published collections are streamed: only judged passages are kept in memory. What is left out is counted,
//! with the first place of each kind.

mod dpr;
mod judged;
mod miracl;
mod mmarco;
mod mr_tydi;
mod own;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::collection::hash;
use super::qa::QaPair;
use crate::{Error, Result, text};

/// Hard negatives kept per question, the first ones named: MS MARCO has about a hundred each, and a batch uses few.
pub const NEGATIVES: usize = 4;

/// Search depth below a set's folder.
const DEPTH: usize = 4;

/// A training set, in one language; own and sample ones in several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingSet {
    /// Its format.
    pub format: SetFormat,
    /// Its folder; the file for [`SetFormat::Dpr`]; either for own and sample ones.
    pub path: PathBuf,
    /// The code of the language to read; for own and sample ones, by default all languages of the training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// The supported formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SetFormat {
    /// `<language>_collection.tsv`, `<language>_queries.train.tsv` and, there or in the parent folder,
    /// `triples.train.ids.small.tsv`, `qrels.train.tsv` or both. An id means the same in every language.
    Mmarco,
    /// `mrtydi-v1.1-<language>` with `topic.train.tsv`, `qrels.train.txt` and
    /// `collection/docs.jsonl[.gz]`.
    MrTydi,
    /// `topics.miracl-v1.0-<lang>-train.tsv`, `qrels.miracl-v1.0-<lang>-train.tsv` and
    /// `miracl-corpus-v1.0-<lang>/docs-<n>.jsonl[.gz]`; passages judged 0 are the hard negatives.
    Miracl,
    /// One JSON array of questions with `positive_ctxs` and `hard_negative_ctxs`, such as NQ for DPR.
    Dpr,
    /// Passages and questions in the format of `interlingua eval --dataset own`.
    Own,
    /// The sample corpus, `passages.jsonl` or its folder.
    Sample,
}

impl SetFormat {
    /// Its name in recipes.
    fn name(self) -> &'static str {
        match self {
            Self::Mmarco => "mmarco",
            Self::MrTydi => "mr-tydi",
            Self::Miracl => "miracl",
            Self::Dpr => "dpr",
            Self::Own => "own",
            Self::Sample => "sample",
        }
    }
}

/// Reads all `sets`, each in its language, which has to be one of `languages`. A question is paired with
/// each of its relevant passages.
///
/// Returns the questions, and what was left out, one sentence each.
///
/// # Errors
/// [`Error::Input`] for a language that is missing, unknown (with the nearest known one) or not in
/// `languages`; files that are missing or cannot be read; a set of which nothing remains.
pub fn read(sets: &[TrainingSet], languages: &[String]) -> Result<(Vec<QaPair>, Vec<String>)> {
    for (i, set) in sets.iter().enumerate() {
        check(set, &format!("data.sets[{i}].language"), languages)?;
    }
    let mut pairs = TrainingPairs::default();
    let mut notes = Vec::new();
    for set in sets {
        let before = pairs.questions.len();
        let TrainingSet { format, path, language } = set;
        let one = language.as_deref().unwrap_or_default();
        let all = language.as_ref().map_or(languages, std::slice::from_ref);
        match format {
            SetFormat::Mmarco => mmarco::read(path, one, &mut pairs)?,
            SetFormat::MrTydi => mr_tydi::read(path, one, &mut pairs)?,
            SetFormat::Miracl => miracl::read(path, one, &mut pairs)?,
            SetFormat::Dpr => dpr::read(path, one, &mut pairs)?,
            SetFormat::Own | SetFormat::Sample => {
                notes.extend(own::read(format.name(), path, all, &mut pairs)?);
            }
        }
        if pairs.questions.len() == before {
            let why = pairs.left_out.sentences().join(" ");
            return Err(Error::file(path, format!("no question with its passage is left to read. {why}")));
        }
    }
    notes.extend(pairs.left_out.sentences());
    Ok((pairs.questions, notes))
}

/// Checks a set's language; `place` is its key.
fn check(set: &TrainingSet, place: &str, languages: &[String]) -> Result<()> {
    let Some(given) = &set.language else {
        return match set.format {
            SetFormat::Own | SetFormat::Sample => Ok(()),
            format => Err(Error::Input(format!(
                "{place} is missing: {} is read in one language at a time",
                format.name()
            ))),
        };
    };
    if text::language(given).is_none() {
        let near = match text::nearest_language(given) {
            Some(near) => format!("; the nearest is {} ({})", near.code, near.english),
            None => String::new(),
        };
        return Err(Error::Input(format!("{place}: {given:?} is not a known language code{near}")));
    }
    if !languages.contains(given) {
        return Err(Error::Input(format!(
            "{place}: {given} is not among the configured languages ({}); add it there or leave the set \
             out",
            languages.join(", ")
        )));
    }
    Ok(())
}

/// Reasons for leaving something out, in singular and plural.
type Reason = [&'static str; 2];

const MALFORMED: Reason =
    ["line or entry is malformed and is left out", "lines or entries are malformed and are left out"];
const EMPTY: Reason = ["text is empty and is left out", "texts are empty and are left out"];
const REPEATED_ID: Reason =
    ["line repeats an id, of which the first counts", "lines repeat ids, of which the first count"];
const NO_QUERY: Reason =
    ["judged question has no text and is left out", "judged questions have no text and are left out"];
const NO_PASSAGE: Reason =
    ["judged passage has no text in the collection", "judged passages have no text in the collection"];
const NOT_JUDGED: Reason =
    ["question has no judgement and is left out", "questions have no judgements and are left out"];
const NO_ANSWER: Reason = [
    "question has no passage that answers it and is left out",
    "questions have no passage that answers them and are left out",
];
const OTHER_LANGUAGE: Reason = [
    "question is in a language that the recipe does not name and is left out",
    "questions are in languages that the recipe does not name and are left out",
];
const NOT_ASKED: Reason = [
    "passage answers a question that its language lacks and is left out",
    "passages answer a question that their language lacks and are left out",
];
const DUPLICATE: Reason = [
    "pair of question and passage is a duplicate and is left out",
    "pairs of question and passage are duplicates and are left out",
];
const EQUAL: Reason =
    ["question equals its passage and is left out", "questions equal their passages and are left out"];

#[derive(Default)]
struct LeftOut {
    /// Counts by kind, with the first place of each.
    counts: HashMap<Reason, (usize, String)>,
    /// How files that are not plain UTF-8 were decoded.
    decoded: Vec<String>,
}

impl LeftOut {
    fn add(&mut self, kind: Reason, place: impl Display) {
        self.counts.entry(kind).or_insert_with(|| (0, place.to_string())).0 += 1;
    }

    /// Most frequent first, then how files were decoded.
    fn sentences(&self) -> Vec<String> {
        let mut kinds: Vec<_> = self.counts.iter().collect();
        kinds.sort_by_key(|(kind, (count, _))| (std::cmp::Reverse(*count), **kind));
        let sentence = |([one, more], (count, first)): (&Reason, &(usize, String))| match count {
            1 => format!("1 {one}: {first}."),
            n => format!("{n} {more}; the first is {first}."),
        };
        kinds.into_iter().map(sentence).chain(self.decoded.iter().cloned()).collect()
    }
}

/// The pairs so far, without duplicates in a language.
#[derive(Default)]
struct TrainingPairs {
    questions: Vec<QaPair>,
    seen: HashSet<u128>,
    left_out: LeftOut,
}

impl TrainingPairs {
    /// Adds a pair, trimmed, unless it is a duplicate or its sides are equal.
    fn add(&mut self, place: impl Display, mut question: QaPair) {
        let QaPair { lang, question: asked, context, .. } = &question;
        if asked.is_empty() || context.is_empty() {
            self.left_out.add(EMPTY, place);
        } else if asked == context {
            self.left_out.add(EQUAL, place);
        } else if !self.seen.insert(hash(&format!("{lang}\n{}\n{asked}{context}", asked.len()))) {
            self.left_out.add(DUPLICATE, place);
        } else {
            let context = &question.context;
            question.negatives.retain(|text| !text.is_empty() && text != context);
            self.questions.push(question);
        }
    }
}

/// Title and text as one passage, joined as in Pyserini, Tevatron and BEIR. Empty for a title without text.
fn joined(title: &str, text: &str) -> String {
    match text.trim() {
        "" => String::new(),
        text => format!("{} {text}", title.trim()).trim().to_string(),
    }
}

/// All files below a folder, numbered ones in numerical order.
fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    fn walk(dir: &Path, depth: usize, out: &mut Vec<PathBuf>) -> Result<()> {
        for entry in std::fs::read_dir(dir).map_err(|e| Error::file(dir, e))? {
            let path = entry.map_err(|e| Error::file(dir, e))?.path();
            if !path.is_dir() {
                out.push(path);
            } else if depth > 0 {
                walk(&path, depth - 1, out)?;
            }
        }
        Ok(())
    }
    let mut out = Vec::new();
    walk(dir, DEPTH, &mut out)?;
    out.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    Ok(out)
}

/// The file of this name, or of this name and `.gz`, if there is one.
///
/// # Errors
/// [`Error::File`] if two folders have it.
fn one<'a>(files: &'a [PathBuf], dir: &Path, name: &str) -> Result<Option<&'a PathBuf>> {
    let is_it = |path: &&PathBuf| {
        let found = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        found.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest == ".gz")
    };
    let mut found = files.iter().filter(is_it);
    match (found.next(), found.next()) {
        (Some(one), Some(other)) => Err(Error::file(
            dir,
            format!("both {} and {} are here; name the folder of one", one.display(), other.display()),
        )),
        (one, _) => Ok(one),
    }
}

/// Like [`one`], for a required file.
fn need<'a>(files: &'a [PathBuf], dir: &Path, name: &str) -> Result<&'a PathBuf> {
    one(files, dir, name)?.ok_or_else(|| Error::file(dir, format!("{name} is missing")))
}
