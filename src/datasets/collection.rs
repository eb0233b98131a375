//! Passages, queries and qrels in files of their own: what MIRACL and BEIR have in common.

use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};
use std::io::BufRead;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::file::open;
use super::{Corpus, Passage, Question, Relevant, UNDETERMINED, count_languages, listed, without_blanks};
use crate::{Error, Result, text};

/// How many passages the language of a collection is detected from.
const DETECTED_FROM: usize = 200;

/// What of a data set is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Only these languages; all where it is empty. A BEIR folder that does not say its language is
    /// in the only one named here.
    pub languages: Vec<String>,
    /// Which questions, for MIRACL (`dev` where it is not given) and BEIR (`test`); which records of the sample,
    /// all where it is not given.
    pub split: Option<String>,
    /// Which passages of MIRACL and BEIR.
    pub pool: Pool,
}

/// Which passages of a large collection are searched. Only [`Pool::All`] gives scores that compare
/// with published ones; with the others a note says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pool {
    /// Every one.
    #[default]
    All,
    /// Those that the qrels name for any query, relevant or not.
    Judged,
    /// Those, and so many others in each language: the ones whose id's SHA-256 is smallest, which is
    /// a random choice that is the same everywhere and in whatever order files are read.
    JudgedAnd(usize),
}

impl FromStr for Pool {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        match word {
            "all" => Ok(Self::All),
            "judged" => Ok(Self::Judged),
            _ => word.parse().map(Self::JudgedAnd).map_err(|_| {
                Error::Input(format!(
                    "The pool {word:?} is not known: give all, judged, or a number of passages to add \
                     to the judged ones."
                ))
            }),
        }
    }
}

/// A line of a qrels file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judgement {
    pub place: String,
    pub passage: String,
    pub grade: u32,
}

/// Judgements by query id.
pub(super) type Qrels = BTreeMap<String, Vec<Judgement>>;

/// A query with the line it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    pub place: String,
    pub id: String,
    pub text: String,
}

/// The files of one language.
pub(super) struct Collection<'a> {
    /// What to call it in notes.
    pub name: String,
    /// Detected where it is not given.
    pub lang: Option<&'a str>,
    pub passages: Vec<PathBuf>,
    pub queries: Vec<Query>,
    pub qrels: Qrels,
}

/// Calls `each` with every line that is not blank and its place, `file:line`.
///
/// # Errors
/// [`Error::Format`] with the line that cannot be decompressed or is not UTF-8; whatever `each`
/// returns.
pub(super) fn each_line(
    name: &str,
    mut reader: impl BufRead,
    mut each: impl FnMut(&str, &str) -> Result<()>,
) -> Result<()> {
    let mut line = String::new();
    for number in 1.. {
        let place = format!("{name}:{number}");
        line.clear();
        if reader.read_line(&mut line).map_err(|e| Error::format(&place, e))? == 0 {
            break;
        }
        if !line.trim().is_empty() {
            each(&place, line.trim_end_matches(['\r', '\n']))?;
        }
    }
    Ok(())
}

/// Reads queries as tab-separated `id, text` lines.
///
/// # Errors
/// [`Error::Format`] with file and line.
pub(super) fn topics(name: &str, reader: impl BufRead) -> Result<Vec<Query>> {
    let mut queries = Vec::new();
    each_line(name, reader, |place, line| {
        let (id, text) = line
            .split_once('\t')
            .filter(|(id, text)| !id.trim().is_empty() && !text.trim().is_empty())
            .ok_or_else(|| Error::format(place, "a query's id, a tab and its text are expected."))?;
        queries.push(Query { place: place.into(), id: without_blanks(id), text: text.trim().into() });
        Ok(())
    })?;
    Ok(queries)
}

#[derive(Deserialize)]
struct Document {
    #[serde(alias = "_id", alias = "docid")]
    id: String,
    #[serde(default)]
    title: Option<String>,
    text: String,
}

/// Reads queries as JSON lines `{"_id","text"}`.
///
/// # Errors
/// [`Error::Format`] with file and line.
pub(super) fn queries(name: &str, reader: impl BufRead) -> Result<Vec<Query>> {
    let mut queries = Vec::new();
    each_line(name, reader, |place, line| {
        let Document { id, text, .. } = serde_json::from_str(line).map_err(|e| Error::format(place, e))?;
        if text.trim().is_empty() {
            return Err(Error::format(place, "the query has no text."));
        }
        queries.push(Query { place: place.into(), id: without_blanks(&id), text });
        Ok(())
    })?;
    Ok(queries)
}

/// Reads qrels: lines of `query, Q0, passage, grade` separated by blanks or, with `header`, a header
/// and lines of `query, passage, grade` separated by tabs. A grade below 0 is 0, not relevant.
///
/// # Errors
/// [`Error::Format`] with file and line.
pub(super) fn qrels(name: &str, reader: impl BufRead, header: bool) -> Result<Qrels> {
    let mut qrels = Qrels::new();
    let mut first = header;
    each_line(name, reader, |place, line| {
        let columns: Vec<&str> =
            if header { line.split('\t').collect() } else { line.split_whitespace().collect() };
        let (query, passage, grade) = match columns.as_slice() {
            [query, passage, grade] if header => (query, passage, grade),
            [query, _, passage, grade] if !header => (query, passage, grade),
            _ => {
                let expected =
                    if header { "query-id, corpus-id, score with tabs" } else { "query, Q0, passage, grade" };
                let found = columns.len();
                return Err(Error::format(place, format!("it has {found} columns; {expected} is expected.")));
            }
        };
        let grade = grade.trim().parse::<i64>();
        if std::mem::take(&mut first) {
            return match grade {
                Ok(_) => Err(Error::format(
                    place,
                    "the header query-id, corpus-id, score is missing: this line would be lost.",
                )),
                Err(_) => Ok(()),
            };
        }
        let grade = grade.map_err(|_| Error::format(place, "the grade is not a whole number."))?;
        qrels.entry(without_blanks(query)).or_default().push(Judgement {
            place: place.into(),
            passage: without_blanks(passage),
            grade: u32::try_from(grade.max(0))
                .map_err(|_| Error::format(place, "the grade is too large."))?,
        });
        Ok(())
    })?;
    Ok(qrels)
}

/// Passages of the pool, with what is to be said about them.
#[derive(Default)]
struct Pooled {
    passages: Vec<Document>,
    /// All passages read, in the pool or not.
    read: usize,
    repeated: Vec<String>,
    empty: Vec<String>,
    /// How files were decoded that are not plain UTF-8.
    decoded: Vec<String>,
}

/// Reads JSON lines `{"docid" or "_id","title","text"}` file after file, keeping only the pool in
/// memory.
fn pooled(files: &[PathBuf], judged: &HashSet<&str>, pool: Pool) -> Result<Pooled> {
    let mut out = Pooled::default();
    // By hash: ids would be held twice.
    let mut seen = HashSet::new();
    let mut others = Others::default();
    for path in files {
        let mut reader = open(path)?;
        each_line(&path.display().to_string(), &mut reader, |place, line| {
            let mut document: Document = serde_json::from_str(line).map_err(|e| Error::format(place, e))?;
            document.id = without_blanks(&document.id);
            out.read += 1;
            let wanted = judged.contains(document.id.as_str());
            if !wanted && pool == Pool::Judged {
                return Ok(());
            }
            if document.text.trim().is_empty() {
                out.empty.push(place.into());
                return Ok(());
            }
            let hash = hash(&document.id);
            match pool {
                Pool::JudgedAnd(most) if !wanted => {
                    others.offer(hash, place, document, most, &mut out.repeated)
                }
                _ if !seen.insert(hash) => out.repeated.push(place.into()),
                _ => out.passages.push(document),
            }
            Ok(())
        })?;
        out.decoded.extend(reader.decoding());
    }
    out.passages.extend(others.documents.into_values());
    Ok(out)
}

/// The first 16 bytes of a text's SHA-256.
pub(super) fn hash(id: &str) -> u128 {
    let digest = Sha256::digest(id.as_bytes());
    digest.iter().take(16).fold(0, |hash, &byte| hash << 8 | u128::from(byte))
}

/// The documents with the smallest hashes so far.
#[derive(Default)]
struct Others {
    documents: HashMap<u128, Document>,
    hashes: BinaryHeap<u128>,
}

impl Others {
    fn offer(
        &mut self,
        hash: u128,
        place: &str,
        document: Document,
        most: usize,
        repeated: &mut Vec<String>,
    ) {
        if self.documents.len() >= most && self.hashes.peek().is_none_or(|&largest| hash > largest) {
            return;
        }
        if self.documents.contains_key(&hash) {
            repeated.push(place.into());
            return;
        }
        self.documents.insert(hash, document);
        self.hashes.push(hash);
        if self.documents.len() > most
            && let Some(largest) = self.hashes.pop()
        {
            self.documents.remove(&largest);
        }
    }
}

impl Collection<'_> {
    /// Reads the passages and puts all together. A passage's text is its title, a space and its text,
    /// as Pyserini, Tevatron and BEIR encode it. Ids get the language in front, so that those of
    /// several languages do not meet.
    ///
    /// # Errors
    /// A file that cannot be read, or departs from its form (with file and line).
    pub(super) fn read(self, pool: Pool) -> Result<Corpus> {
        let judged: HashSet<&str> = self.qrels.values().flatten().map(|j| j.passage.as_str()).collect();
        let mut found = pooled(&self.passages, &judged, pool)?;
        // The choice of a map's order would differ from run to run.
        if let Pool::JudgedAnd(_) = pool {
            found.passages.sort_by(|a, b| a.id.cmp(&b.id));
        }
        let mut corpus = Corpus { name: self.name.clone(), ..Corpus::default() };
        let lang = match self.lang {
            Some(lang) => lang.to_string(),
            None => {
                let sample = found.passages.iter().take(DETECTED_FROM);
                let detected = count_languages(sample.filter_map(|d| text::detect(&d.text)));
                let lang = detected.into_iter().next().map_or(UNDETERMINED.into(), |(lang, _)| lang);
                corpus.notes.push(format!(
                    "{}: the language is not given; most of the first passages are in {lang}, so all are \
                     taken for that.",
                    self.name
                ));
                lang
            }
        };
        let kept = found.passages.len();
        if pool != Pool::All && kept < found.read {
            let others = match pool {
                Pool::JudgedAnd(_) => "and others chosen at random ",
                _ => "",
            };
            corpus.notes.insert(
                0,
                format!(
                    "{}: only {kept} of {} passages in {lang} are searched, those that were judged \
                     {others}(--pool): scores are higher than over all passages and do not compare with \
                     published ones.",
                    self.name, found.read
                ),
            );
        }
        let mut place: HashMap<String, usize> = HashMap::with_capacity(judged.len());
        for Document { id, title, text } in found.passages {
            if judged.contains(id.as_str()) {
                place.insert(id.clone(), corpus.passages.len());
            }
            let title = title.unwrap_or_default();
            let id = format!("{lang}:{id}");
            corpus.passages.push(Passage {
                group: id.clone(),
                id,
                lang: lang.clone(),
                text: format!("{} {}", title.trim(), text.trim()).trim().to_string(),
                source: title,
                answer: None,
            });
        }
        let note = [
            listed(
                &found.repeated,
                "passage repeats an id and is left out",
                "passages repeat an id and are left out",
            ),
            listed(
                &found.empty,
                "passage has no text and is left out",
                "passages have no text and are left out",
            ),
        ];
        corpus.notes.extend(note.into_iter().flatten());
        corpus.notes.extend(found.decoded);
        self.ask(&mut corpus, &lang, &place);
        if corpus.passages.is_empty() || corpus.questions.is_empty() {
            return Err(Error::Input(format!(
                "{} has {} passages and {} questions: there is nothing to search.",
                corpus.name,
                corpus.passages.len(),
                corpus.questions.len()
            )));
        }
        Ok(corpus)
    }

    /// Adds the questions with their passages, and notes what does not fit together.
    fn ask(self, corpus: &mut Corpus, lang: &str, place: &HashMap<String, usize>) {
        let mut qrels = self.qrels;
        let mut seen = HashSet::new();
        let (mut repeated, mut unjudged, mut unanswered) = (Vec::new(), Vec::new(), Vec::new());
        let (mut unknown, mut twice) = (Vec::new(), Vec::new());
        for query in self.queries {
            if !seen.insert(query.id.clone()) {
                repeated.push(query.place);
                continue;
            }
            let Some(judgements) = qrels.remove(&query.id) else {
                unjudged.push(query.place);
                continue;
            };
            let mut relevant: Vec<Relevant> = Vec::new();
            let mut judged = HashSet::new();
            for judgement in judgements {
                match place.get(&judgement.passage) {
                    _ if !judged.insert(judgement.passage.clone()) => twice.push(judgement.place),
                    None => unknown.push(format!("{} ({})", judgement.place, judgement.passage)),
                    Some(&passage) if judgement.grade > 0 => {
                        relevant.push(Relevant { passage, grade: judgement.grade });
                    }
                    Some(_) => {}
                }
            }
            if relevant.is_empty() {
                unanswered.push(query.place);
            }
            corpus.questions.push(Question {
                group: format!("{lang}:{}", query.id),
                id: query.id,
                lang: lang.to_string(),
                text: query.text,
                relevant,
            });
        }
        let nobody: Vec<String> =
            qrels.into_iter().filter(|(id, _)| !seen.contains(id)).map(|(id, _)| id).collect();
        let notes = [
            listed(&repeated, "query repeats an id and is left out", "queries repeat an id and are left out"),
            listed(
                &unjudged,
                "query is in no qrels and is left out",
                "queries are in no qrels and are left out",
            ),
            listed(
                &unanswered,
                "query has no relevant passage and counts for nothing",
                "queries have no relevant passage and count for nothing",
            ),
            listed(&unknown, "judged passage does not exist", "judged passages do not exist"),
            listed(
                &twice,
                "judgement repeats an earlier one, which holds",
                "judgements repeat earlier ones, which hold",
            ),
            listed(&nobody, "id in the qrels has no query", "ids in the qrels have no query"),
        ];
        let name = self.name;
        corpus.notes.extend(notes.into_iter().flatten().map(|note| format!("{name}, {lang}: {note}")));
    }
}
