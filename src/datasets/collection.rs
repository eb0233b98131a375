//! Passages, queries and qrels in separate files: what MIRACL and BEIR have in common.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::file::open;
use super::qrels::{self, Separator};
use super::{Columns, Corpus, Other, Passage, Question, Relevant, UNDETERMINED, count_languages, listed};
use crate::{Error, Result, text};

/// Number of passages from which a collection's language is detected.
const DETECTED_FROM: usize = 200;

/// Number of skipped lines that are named individually.
const NAMED: usize = 8;

/// The part of a data set to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CollectionOptions {
    /// Only these languages; all if empty. A BEIR folder without a language is taken to be in the
    /// only one named here.
    pub languages: Vec<String>,
    /// The split, for MIRACL (default `dev`), BEIR (default `test`) and the sample (default all).
    pub split: Option<String>,
    /// Which passages of MIRACL and BEIR.
    pub pool: PassagePool,
    /// The roles of columns and fields in the user's own files.
    pub columns: Columns,
}

/// Which passages of a large collection are searched. Only with [`PassagePool::All`] are scores comparable
/// with published ones; with the others a note says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PassagePool {
    /// Every one.
    #[default]
    All,
    /// Those that the qrels name for any query, relevant or not.
    Judged,
    /// Those, and so many others in each language: the ones whose ids have the smallest SHA-256,
    /// a random but reproducible choice that does not depend on the order of files.
    JudgedAnd(usize),
}

impl FromStr for PassagePool {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        match word {
            "all" => Ok(Self::All),
            "judged" => Ok(Self::Judged),
            _ => word.parse().map(Self::JudgedAnd).map_err(|_| {
                Error::Input(format!(
                    "the pool {word:?} is unknown: give all, judged, or a number of passages to add \
                     to the judged ones"
                ))
            }),
        }
    }
}

/// A judgement with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlacedJudgement {
    pub place: String,
    pub passage: String,
    pub grade: i64,
}

/// Judgements by query id.
pub(super) type QrelsByQuery = BTreeMap<String, Vec<PlacedJudgement>>;

/// A query with its line. Its text may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Topic {
    pub place: String,
    pub id: String,
    pub text: String,
}

/// The files of one language.
pub(super) struct Collection<'a> {
    /// Its name in notes.
    pub name: String,
    /// Detected if not given.
    pub lang: Option<&'a str>,
    pub passages: Vec<PathBuf>,
    pub queries: Vec<Topic>,
    pub qrels: QrelsByQuery,
    /// Notes on the files so far.
    pub notes: Vec<String>,
}

/// The note on a line that is not text.
const NOT_UTF8: &str = "it is not UTF-8 text";

/// Calls `each` with every non-blank line and its place, `file:line`.
///
/// # Errors
/// [`Error::Format`] with the line that cannot be decompressed or is not UTF-8; whatever `each` returns.
pub(super) fn each_line(
    name: &str,
    reader: impl BufRead,
    mut each: impl FnMut(&str, &str) -> Result<()>,
) -> Result<()> {
    any_line(name, reader, |place, line| each(place, line.ok_or_else(|| Error::format(place, NOT_UTF8))?))
}

/// Like [`each_line`], with `None` for a line that is not UTF-8.
///
/// # Errors
/// As [`each_line`].
pub(super) fn any_line(
    name: &str,
    mut reader: impl BufRead,
    mut each: impl FnMut(&str, Option<&str>) -> Result<()>,
) -> Result<()> {
    let mut bytes = Vec::new();
    for number in 1.. {
        let place = format!("{name}:{number}");
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes).map_err(|e| Error::format(&place, e))? == 0 {
            break;
        }
        match std::str::from_utf8(&bytes) {
            Ok(line) if line.trim().is_empty() => {}
            Ok(line) => each(&place, Some(line.trim_end_matches(['\r', '\n'])))?,
            Err(_) => each(&place, None)?,
        }
    }
    Ok(())
}

/// Calls `each` with every non-blank line of a file and its place, `file:line`. Unusable lines are
/// left out, with a note each; a file with more bad lines than good is refused.
///
/// # Errors
/// [`Error::File`] if the file cannot be opened, [`Error::Format`] with the line that cannot be
/// decompressed, or the first unusable line if most are.
fn usable_lines(
    path: &Path,
    notes: &mut Vec<String>,
    mut each: impl FnMut(&str, &str) -> std::result::Result<(), String>,
) -> Result<()> {
    let name = path.display().to_string();
    let mut reader = open(path)?;
    let (mut used, mut bad) = (0usize, Vec::new());
    any_line(&name, &mut reader, |place, line| {
        match line.map_or_else(|| Err(NOT_UTF8.into()), |line| each(place, line)) {
            Ok(()) => used += 1,
            Err(problem) => bad.push((place.to_string(), problem)),
        }
        Ok(())
    })?;
    if let [(place, problem), ..] = bad.as_slice()
        && bad.len() > used
    {
        return Err(Error::format(place, problem.as_str()));
    }
    let more = bad.len().saturating_sub(NAMED);
    let named = bad.into_iter().take(NAMED);
    notes.extend(named.map(|(place, problem)| format!("{place} was left out: {problem}.")));
    if more > 0 {
        notes.push(format!("{name}: {more} more lines were left out for similar reasons."));
    }
    notes.extend(reader.decoding());
    Ok(())
}

/// Reads queries as tab-separated `id, text` lines.
///
/// # Errors
/// As [`usable_lines`].
pub(super) fn topics(path: &Path, notes: &mut Vec<String>) -> Result<Vec<Topic>> {
    let mut queries = Vec::new();
    usable_lines(path, notes, |place, line| {
        let (id, text) = line
            .split_once('\t')
            .filter(|(id, _)| !id.is_empty())
            .ok_or("a query's id, a tab and its text are expected")?;
        queries.push(Topic { place: place.into(), id: id.into(), text: text.trim().into() });
        Ok(())
    })?;
    Ok(queries)
}

/// A line of passages or queries, as written.
#[derive(Deserialize)]
struct CollectionLine<'a> {
    #[serde(borrow, default)]
    _id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    docid: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    title: Option<&'a RawValue>,
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    contents: Option<&'a RawValue>,
}

struct CollectionDocument {
    id: String,
    title: String,
    text: String,
}

impl CollectionLine<'_> {
    fn parse(line: &str) -> std::result::Result<CollectionLine<'_>, String> {
        serde_json::from_str(line).map_err(|e| format!("it is not a JSON object ({e})"))
    }

    fn id(&self) -> std::result::Result<String, String> {
        let id = self._id.or(self.docid).or(self.id).ok_or("it has no _id")?;
        qrels::id(id)
    }

    /// A field's string; empty if the field is null or missing.
    fn word(value: Option<&RawValue>, name: &str) -> std::result::Result<String, String> {
        value
            .map_or(Ok(None), |value| serde_json::from_str::<Option<String>>(value.get()))
            .map(Option::unwrap_or_default)
            .map_err(|_| format!("its {name} is not a string"))
    }

    fn has_text(&self) -> bool {
        self.text.or(self.contents).is_some_and(|text| text.get() != "null")
    }

    fn text(&self) -> std::result::Result<String, String> {
        Self::word(self.text.or(self.contents), "text")
    }
}

/// Reads queries as JSON lines `{"_id","text"}`. A query without text is kept.
///
/// # Errors
/// As [`usable_lines`].
pub(super) fn queries(path: &Path, notes: &mut Vec<String>) -> Result<Vec<Topic>> {
    let mut queries = Vec::new();
    usable_lines(path, notes, |place, line| {
        let line = CollectionLine::parse(line)?;
        queries.push(Topic { place: place.into(), id: line.id()?, text: line.text()? });
        Ok(())
    })?;
    Ok(queries)
}

/// Reads qrels in any of the formats that [`qrels`] reads.
///
/// # Errors
/// As [`qrels::read`].
pub(super) fn judgements(path: &Path, separator: Separator, notes: &mut Vec<String>) -> Result<QrelsByQuery> {
    let mut all = QrelsByQuery::new();
    let mut reader = open(path)?;
    let judgements = qrels::read(&path.display().to_string(), &mut reader, separator)?;
    notes.extend(reader.decoding());
    for read in judgements {
        let qrels::Judgement { place, query, passage, grade } = read;
        all.entry(query).or_default().push(PlacedJudgement { place, passage, grade });
    }
    Ok(all)
}

/// Passages of the pool, with notes.
#[derive(Default)]
struct Pooled {
    passages: Vec<CollectionDocument>,
    /// All passages read, in the pool or not.
    read: usize,
    repeated: Vec<String>,
    empty: Vec<String>,
    /// On skipped lines.
    notes: Vec<String>,
}

/// Reads JSON lines `{"docid" or "_id","title","text"}` file by file, keeping only the pool in
/// memory. If an id is repeated, the last passage wins, as in BEIR's reader.
fn pooled(files: &[PathBuf], judged: &HashSet<&str>, pool: PassagePool) -> Result<Pooled> {
    let (mut out, mut notes) = (Pooled::default(), Vec::new());
    // By hash, so that ids are not stored twice.
    let mut seen: HashMap<u128, usize> = HashMap::new();
    let mut others = Others::default();
    for path in files {
        usable_lines(path, &mut notes, |place, line| {
            let line = CollectionLine::parse(line)?;
            let id = line.id()?;
            if !line.has_text() {
                return Err("it has no text".into());
            }
            let document = CollectionDocument {
                id,
                title: CollectionLine::word(line.title, "title")?,
                text: line.text()?,
            };
            out.read += 1;
            let wanted = judged.contains(document.id.as_str());
            if !wanted && pool == PassagePool::Judged {
                return Ok(());
            }
            if document.text.trim().is_empty() && document.title.trim().is_empty() {
                out.empty.push(place.into());
                return Ok(());
            }
            let hash = hash(&document.id);
            match pool {
                PassagePool::JudgedAnd(most) if !wanted => {
                    others.offer(hash, place, document, most, &mut out.repeated);
                }
                _ => match seen.entry(hash) {
                    Entry::Occupied(known) => {
                        out.repeated.push(place.into());
                        out.passages[*known.get()] = document;
                    }
                    Entry::Vacant(new) => {
                        new.insert(out.passages.len());
                        out.passages.push(document);
                    }
                },
            }
            Ok(())
        })?;
    }
    out.passages.extend(others.documents.into_values());
    out.notes = notes;
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
    documents: HashMap<u128, CollectionDocument>,
    hashes: BinaryHeap<u128>,
}

impl Others {
    fn offer(
        &mut self,
        hash: u128,
        place: &str,
        document: CollectionDocument,
        most: usize,
        repeated: &mut Vec<String>,
    ) {
        if self.documents.len() >= most && self.hashes.peek().is_none_or(|&largest| hash > largest) {
            return;
        }
        if let Some(known) = self.documents.get_mut(&hash) {
            repeated.push(place.into());
            *known = document;
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
    /// Reads the passages and assembles the corpus. A passage's text is its title, a space and its text,
    /// trimmed, as Pyserini, Tevatron and BEIR encode it. Ids are prefixed with the language, so that
    /// those of several languages do not collide.
    ///
    /// # Errors
    /// A file that cannot be read or is malformed (with file and line).
    pub(super) fn read(self, pool: PassagePool) -> Result<Corpus> {
        let judged: HashSet<&str> = self.qrels.values().flatten().map(|j| j.passage.as_str()).collect();
        let mut found = pooled(&self.passages, &judged, pool)?;
        // A hash map's order would differ from run to run.
        if let PassagePool::JudgedAnd(_) = pool {
            found.passages.sort_by(|a, b| a.id.cmp(&b.id));
        }
        let mut corpus = Corpus { name: self.name.clone(), notes: self.notes.clone(), ..Corpus::default() };
        let lang = match self.lang {
            Some(lang) => lang.to_string(),
            None => {
                let sample = found.passages.iter().take(DETECTED_FROM);
                let detected = count_languages(sample.filter_map(|d| text::detect(&d.whole())));
                let lang = detected.into_iter().next().map_or(UNDETERMINED.into(), |(lang, _)| lang);
                corpus.notes.push(format!(
                    "{}: the language is not given; most of the first passages are in {lang}, so all are \
                     assumed to be.",
                    self.name
                ));
                lang
            }
        };
        let kept = found.passages.len();
        if pool != PassagePool::All && kept < found.read {
            let others = match pool {
                PassagePool::JudgedAnd(_) => "and others chosen at random ",
                _ => "",
            };
            corpus.notes.insert(
                0,
                format!(
                    "{}: only {kept} of {} passages in {lang} are searched, those that were judged \
                     {others}(--pool): scores are higher than over all passages and not comparable with \
                     published ones.",
                    self.name, found.read
                ),
            );
        }
        let mut place: HashMap<String, usize> = HashMap::with_capacity(judged.len());
        for document in found.passages {
            let id = format!("{lang}:{}", document.id);
            corpus.passages.push(Passage {
                group: id.clone(),
                id,
                lang: lang.clone(),
                text: document.whole(),
                source: document.title,
                answer: None,
            });
            if judged.contains(document.id.as_str()) {
                place.insert(document.id, corpus.passages.len() - 1);
            }
        }
        let note = [
            listed(
                &found.repeated,
                "passage repeats an id, and the last one wins",
                "passages repeat an id, and the last ones win",
            ),
            listed(
                &found.empty,
                "passage has neither title nor text and is left out",
                "passages have neither title nor text and are left out",
            ),
        ];
        corpus.notes.extend(found.notes);
        corpus.notes.extend(note.into_iter().flatten());
        self.ask(&mut corpus, &lang, &place);
        if corpus.passages.is_empty() || corpus.questions.is_empty() {
            return Err(Error::Input(format!(
                "{} has {} passages and {} questions: there is nothing to search",
                corpus.name,
                corpus.passages.len(),
                corpus.questions.len()
            )));
        }
        Ok(corpus)
    }

    /// Adds the questions with their passages, and notes inconsistencies. A query with judgements
    /// only counts as one that finds nothing.
    fn ask(self, corpus: &mut Corpus, lang: &str, place: &HashMap<String, usize>) {
        let mut qrels = self.qrels;
        let mut by_id: HashMap<String, usize> = HashMap::new();
        let mut queries: Vec<Topic> = Vec::new();
        let (mut repeated, mut unjudged, mut silent) = (Vec::new(), Vec::new(), Vec::new());
        let (mut unknown, mut twice) = (Vec::new(), Vec::new());
        for query in self.queries {
            match by_id.entry(query.id.clone()) {
                // The last one wins, as in BEIR's reader.
                Entry::Occupied(known) => {
                    repeated.push(query.place.clone());
                    queries[*known.get()] = query;
                }
                Entry::Vacant(new) => {
                    new.insert(queries.len());
                    queries.push(query);
                }
            }
        }
        let nobody: Vec<String> = qrels.keys().filter(|id| !by_id.contains_key(*id)).cloned().collect();
        let without =
            nobody.iter().map(|id| Topic { place: String::new(), id: id.clone(), text: String::new() });
        queries.extend(without);
        for query in queries {
            let Some(judgements) = qrels.remove(&query.id) else {
                unjudged.push(query.place);
                continue;
            };
            if query.text.trim().is_empty() && !query.place.is_empty() {
                silent.push(query.place);
            }
            let mut at: HashMap<String, usize> = HashMap::new();
            let mut judged: Vec<PlacedJudgement> = Vec::new();
            for judgement in judgements {
                match at.entry(judgement.passage.clone()) {
                    Entry::Occupied(known) => {
                        twice.push(judgement.place.clone());
                        judged[*known.get()] = judgement;
                    }
                    Entry::Vacant(new) => {
                        new.insert(judged.len());
                        judged.push(judgement);
                    }
                }
            }
            let (mut relevant, mut others) = (Vec::new(), Vec::new());
            for PlacedJudgement { place: line, passage, grade } in judged {
                match (place.get(&passage), u32::try_from(grade).ok().filter(|grade| *grade > 0)) {
                    (Some(&passage), Some(grade)) => relevant.push(Relevant { passage, grade }),
                    (found, _) => {
                        others.push(Other {
                            passage: format!("{lang}:{passage}"),
                            lang: Some(lang.to_string()),
                            grade,
                        });
                        if found.is_none() {
                            unknown.push(format!("{line} ({passage})"));
                        }
                    }
                }
            }
            corpus.questions.push(Question {
                group: format!("{lang}:{}", query.id),
                id: query.id,
                lang: lang.to_string(),
                text: query.text,
                relevant,
                others,
            });
        }
        let notes = [
            listed(
                &repeated,
                "query repeats an id, and the last one wins",
                "queries repeat an id, and the last ones win",
            ),
            listed(
                &unjudged,
                "query is in no qrels and is left out",
                "queries are in no qrels and are left out",
            ),
            listed(&silent, "query has no text", "queries have no text"),
            listed(&unknown, "judged passage does not exist", "judged passages do not exist"),
            listed(
                &twice,
                "judgement repeats an earlier one; the last one wins",
                "judgements repeat earlier ones; the last ones win",
            ),
            listed(&nobody, "id in the qrels has no query", "ids in the qrels have no query"),
        ];
        let name = self.name;
        corpus.notes.extend(notes.into_iter().flatten().map(|note| format!("{name}, {lang}: {note}")));
    }
}

impl CollectionDocument {
    /// The searched text: title, a space, text.
    fn whole(&self) -> String {
        format!("{} {}", self.title, self.text).trim().to_string()
    }
}
