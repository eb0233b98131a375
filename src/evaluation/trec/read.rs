//! Reading runs and qrels written by any program, and measuring them as trec_eval does.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::path::Path;
use std::rc::Rc;

use crate::datasets::file;
use crate::datasets::qrels::{self, Separator};
use crate::evaluation::{MeasureOptions, Measures, RelevantRank};
use crate::hash::Hasher;
use crate::{Error, Result, sha256};

/// A run: what a system retrieved for each query.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// SHA-256 of the file.
    pub sha256: String,
    /// How the file was read, if it is not plain UTF-8: a sentence.
    pub note: Option<String>,
    /// The same without mentioning compression: for files whose names say that they are compressed.
    pub decoding: Option<String>,
    documents: Vec<String>,
    queries: BTreeMap<String, Vec<RunEntry>>,
}

/// A document of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
struct RunEntry {
    document: u32,
    line: u32,
    score: f64,
}

/// Judgements: how relevant documents are to queries.
#[derive(Debug, Clone, PartialEq)]
pub struct Qrels {
    /// SHA-256 of the file.
    pub sha256: String,
    /// How the file was read, if it is not plain UTF-8: a sentence.
    pub note: Option<String>,
    /// The same without mentioning compression: for files whose names say that they are compressed.
    pub decoding: Option<String>,
    queries: BTreeMap<String, BTreeMap<String, i64>>,
}

/// How a query counts that has judgements but is not in the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Missing {
    /// All its measures are 0, as with trec_eval's `-c`.
    #[default]
    Zero,
    /// It is left out of the means, as trec_eval does without `-c`.
    Skip,
}

/// A run's measures, and statistics about it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunMeasures {
    /// Measures of each query, by its id.
    pub queries: BTreeMap<String, Measures>,
    /// Judged queries that are not in the run.
    pub missing: usize,
    /// Queries of the run without judgements; they are left out, as in trec_eval.
    pub unjudged: usize,
    /// Judged queries without a relevant document: their measures are 0, or they are left out if the user
    /// wants that.
    pub unanswerable: usize,
    /// Judged queries in the run none of whose relevant documents are found: their measures are 0.
    pub none_found: usize,
    /// Queries with scores that differ but are equal as 32-bit numbers. trec_eval up to version 9 compares
    /// those, as is done here; version 10 compares 64 bits.
    pub close: usize,
    /// The most documents of any query.
    pub depth: usize,
}

/// Reads a run file.
///
/// # Errors
/// [`Error::File`], or [`Error::Format`] as [`parse_run`].
pub fn read_run(path: &Path) -> Result<Run> {
    let file = File::open(path).map_err(|e| Error::file(path, e))?;
    parse_run(&path.display().to_string(), file)
}

/// Reads a qrels file, in any of the formats that [`qrels`] knows.
///
/// # Errors
/// [`Error::File`], or [`Error::Format`] as [`parse_qrels`].
pub fn read_qrels(path: &Path) -> Result<Qrels> {
    let file = File::open(path).map_err(|e| Error::file(path, e))?;
    parse_qrels(&path.display().to_string(), file)
}

/// Parses a run file; `place` names it in errors. The rank column is ignored, as in trec_eval: the order is
/// by score. Empty lines are skipped, as are lines that begin with `#` and are not run lines.
///
/// # Errors
/// [`Error::Format`], with the line, for lines of fewer than six columns, scores that are not finite numbers
/// and documents that a query has twice, and for a run without any line.
pub fn parse_run(place: &str, file: impl Read) -> Result<Run> {
    let mut numbers: HashMap<String, u32> = HashMap::new();
    let mut queries: BTreeMap<String, Vec<RunEntry>> = BTreeMap::new();
    let ((), sha256, [note, decoding]) = hashed(place, file, |text| {
        lines(place, text, |line, columns| {
            let [query, _, document, _, score, _, ..] = columns else {
                return Err(format!(
                    "{} columns where a run has six: query, Q0, document, rank, score, tag",
                    columns.len()
                ));
            };
            let value: f64 = score.parse().map_err(|_| format!("the score \"{score}\" is not a number"))?;
            if !(value as f32).is_finite() {
                return Err(format!("the score {score} is not finite, so it cannot be ranked"));
            }
            let document = match numbers.get(*document) {
                Some(&number) => number,
                None => {
                    let number = u32::try_from(numbers.len()).map_err(|_| "too many documents")?;
                    numbers.insert(document.to_string(), number);
                    number
                }
            };
            let line = u32::try_from(line).map_err(|_| "too many lines")?;
            let entry = RunEntry { document, line, score: value };
            match queries.get_mut(*query) {
                Some(entries) => entries.push(entry),
                None => {
                    queries.insert(query.to_string(), vec![entry]);
                }
            }
            Ok(())
        })
    })?;
    let mut documents = vec![String::new(); numbers.len()];
    for (id, number) in numbers {
        documents[number as usize] = id;
    }
    for (query, entries) in &mut queries {
        entries.sort_unstable_by_key(|entry| (entry.document, entry.line));
        if let Some(twice) = entries.windows(2).find(|pair| pair[0].document == pair[1].document) {
            return Err(Error::format(
                format!("{place}:{}", twice[1].line),
                format!(
                    "query {query} has the document {} a second time (first in line {}); it may occur only once",
                    documents[twice[1].document as usize], twice[0].line
                ),
            ));
        }
    }
    if queries.is_empty() {
        return Err(Error::format(place, "it contains no run lines"));
    }
    Ok(Run { sha256, note, decoding, documents, queries })
}

/// Parses a qrels file; `place` names it in errors. Grades from 1 are relevant; 0 and negative ones are not.
///
/// # Errors
/// As [`qrels::read`]; [`Error::Format`], with the line, if a document is judged twice for a query, and for
/// qrels without any judgement.
pub fn parse_qrels(place: &str, file: impl Read) -> Result<Qrels> {
    let (judgements, sha256, [note, decoding]) =
        hashed(place, file, |text| qrels::read(place, text, Separator::Blanks))?;
    let mut queries: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for judgement in judgements {
        let judged = queries.entry(judgement.query).or_default();
        if judged.contains_key(&judgement.passage) {
            return Err(Error::format(
                judgement.place,
                format!("its query already has a judgement of {}", judgement.passage),
            ));
        }
        judged.insert(judgement.passage, judgement.grade);
    }
    if queries.is_empty() {
        return Err(Error::format(place, "it contains no judgements"));
    }
    Ok(Qrels { sha256, note, decoding, queries })
}

/// What `read` makes of a file's text, the SHA-256 of its bytes, and how it was read if it is not plain
/// UTF-8, with and without mentioning compression.
fn hashed<T>(
    place: &str,
    source: impl Read,
    read: impl FnOnce(&mut dyn BufRead) -> Result<T>,
) -> Result<(T, String, [Option<String>; 2])> {
    struct Hashing<R>(R, Rc<RefCell<Hasher>>);
    impl<R: Read> Read for Hashing<R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let n = self.0.read(buffer)?;
            self.1.borrow_mut().push(&buffer[..n]);
            Ok(n)
        }
    }
    let hasher = Rc::new(RefCell::new(Hasher::default()));
    let mut reader = file::TextReader::new(place, Hashing(source, hasher.clone()))?;
    let read = read(&mut reader)?;
    // What follows the end of the compressed data is still part of the file.
    io::copy(&mut reader, &mut io::sink()).map_err(|e| Error::file(place, e))?;
    let notes = [reader.note(), reader.decoding()];
    drop(reader);
    Ok((read, hasher.take().finish(), notes))
}

/// Passes each line's number and columns to `each`.
fn lines(
    place: &str,
    text: &mut dyn BufRead,
    mut each: impl FnMut(usize, &[&str]) -> std::result::Result<(), String>,
) -> Result<()> {
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        if text.read_until(b'\n', &mut bytes).map_err(|e| Error::file(place, e))? == 0 {
            break;
        }
        let problem = match std::str::from_utf8(&bytes) {
            Ok(text) => {
                let columns: Vec<&str> = text.split_ascii_whitespace().collect();
                let Some(first) = columns.first() else { continue };
                match each(line, &columns) {
                    // A query id may begin with `#` as well.
                    Err(_) if first.starts_with('#') && columns.len() != 6 => continue,
                    read => read,
                }
            }
            Err(_) => Err("it is not UTF-8 text".to_string()),
        };
        problem.map_err(|problem| Error::format(format!("{place}:{line}"), problem))?;
    }
    Ok(())
}

impl Qrels {
    /// The queries and their judgements by document.
    pub fn queries(&self) -> impl Iterator<Item = (&str, &BTreeMap<String, i64>)> {
        self.queries.iter().map(|(id, judged)| (id.as_str(), judged))
    }

    /// SHA-256 of the queries and their relevant documents: equal for files with the same content.
    pub fn fingerprint(&self) -> String {
        let mut text = String::new();
        for (query, judged) in &self.queries {
            text += &format!("{query}\n");
            for (document, grade) in judged.iter().filter(|(_, grade)| **grade > 0) {
                text += &format!("\t{document} {grade}\n");
            }
        }
        sha256(text.as_bytes())
    }
}

impl Run {
    /// Ids of the queries, with the number of documents of each.
    pub fn queries(&self) -> impl Iterator<Item = (&str, usize)> {
        self.queries.iter().map(|(id, entries)| (id.as_str(), entries.len()))
    }

    /// The documents with a grade above 0 in a query's ranking, best first, given the query's judgements;
    /// empty for a query that is not in the run. Scores are compared as f32, and ties are ordered by document
    /// id descending, as in trec_eval 9.
    pub fn hits(&self, query: &str, judged: &BTreeMap<String, i64>) -> Vec<RelevantRank> {
        let grade = |document: &str| {
            judged.get(document).and_then(|&grade| u32::try_from(grade).ok()).filter(|&grade| grade > 0)
        };
        let ranked = self.ranked(query).into_iter().enumerate();
        let hits =
            ranked.filter_map(|(i, entry)| Some(RelevantRank { rank: i + 1, grade: grade(self.id(entry))? }));
        hits.collect()
    }

    fn ranked(&self, query: &str) -> Vec<RunEntry> {
        let mut entries = self.queries.get(query).cloned().unwrap_or_default();
        entries.sort_unstable_by(|a, b| {
            // As f32, 0 and -0 are equal; there is no NaN.
            let by_score = (b.score as f32).partial_cmp(&(a.score as f32));
            by_score.unwrap_or(std::cmp::Ordering::Equal).then_with(|| self.id(*b).cmp(self.id(*a)))
        });
        entries
    }

    fn id(&self, entry: RunEntry) -> &str {
        &self.documents[entry.document as usize]
    }
}

/// Measures every judged query of a run. With `only_answerable`, queries without a relevant document are left
/// out.
pub fn measure(
    run: &Run,
    qrels: &Qrels,
    missing: Missing,
    wanted: &MeasureOptions,
    only_answerable: bool,
) -> RunMeasures {
    let mut measured = RunMeasures {
        queries: BTreeMap::new(),
        missing: 0,
        unjudged: run.queries.keys().filter(|query| !qrels.queries.contains_key(*query)).count(),
        unanswerable: 0,
        none_found: 0,
        close: 0,
        depth: run.queries.values().map(Vec::len).max().unwrap_or(0),
    };
    for (query, judged) in &qrels.queries {
        let grades: Vec<u32> = judged
            .values()
            .filter_map(|&grade| u32::try_from(grade).ok())
            .filter(|&grade| grade > 0)
            .collect();
        let answerable = grades.iter().any(|grade| *grade >= wanted.level());
        measured.unanswerable += usize::from(!answerable);
        let in_run = run.queries.contains_key(query);
        measured.missing += usize::from(!in_run);
        let hits = run.hits(query, judged);
        let found = hits.iter().any(|hit| hit.grade >= wanted.level());
        measured.none_found += usize::from(answerable && in_run && !found);
        if (in_run || missing == Missing::Zero) && (answerable || !only_answerable) {
            measured.queries.insert(query.clone(), Measures::of(&hits, &grades, wanted));
        }
        let close = |pair: &[RunEntry]| {
            pair[0].score != pair[1].score && pair[0].score as f32 == pair[1].score as f32
        };
        measured.close += usize::from(run.ranked(query).windows(2).any(close));
    }
    measured
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Result<Run> {
        parse_run("r.run", text.as_bytes())
    }

    fn qrels(text: &str) -> Result<Qrels> {
        parse_qrels("q.qrels", text.as_bytes())
    }

    #[test]
    fn what_trec_eval_reads_is_read() {
        let qrels =
            qrels("# a comment\r\nq1 0 a 2\r\nq1\t0  b -1\r\n\r\nq1 0 c 0\nq2 0 a 1\nq3 0 a 0\n").unwrap();
        // Ranks are ignored; a and b tie as f32, and z is not judged.
        let run =
            run("q1 Q0 a 9 0.10000000001 t more\r\n\nq1 Q0 b 1 0.1 t\nq1 Q0 z 1 1e-1 t\nq9 Q0 a 1 5 t\n")
                .unwrap();
        assert_eq!(run.hits("q1", &qrels.queries["q1"]), [RelevantRank { rank: 3, grade: 2 }]);
        let measured = measure(&run, &qrels, Missing::Zero, &MeasureOptions::default(), false);
        assert_eq!((measured.missing, measured.unjudged, measured.unanswerable), (2, 1, 1));
        assert_eq!((measured.close, measured.depth, measured.none_found), (1, 3, 0));
        let mrr: Vec<f64> = measured.queries.values().map(|m| m.mrr).collect();
        assert_eq!(mrr, [1.0 / 3.0, 0.0, 0.0]);
        let measured = |missing, level, only| {
            measure(&run, &qrels, missing, &MeasureOptions::new(level, &[]).unwrap(), only)
        };
        assert_eq!(measured(Missing::Skip, 1, false).queries.len(), 1);
        assert_eq!(measured(Missing::Zero, 1, true).queries.len(), 2);
        let strict = measured(Missing::Zero, 3, false);
        assert_eq!((strict.unanswerable, strict.queries["q1"].map), (3, 0.0));
        assert_eq!(run.sha256.len(), 64);
    }

    #[test]
    fn qrels_that_say_the_same_have_one_fingerprint() {
        let print = |text| qrels(text).unwrap().fingerprint();
        assert_eq!(print("q 0 a 1\nq 0 b 0\n"), print("q x a 1\r\n"));
        assert_ne!(print("q 0 a 1\n"), print("q 0 a 2\n"));
    }

    #[test]
    fn what_cannot_be_ranked_is_refused_with_its_line() {
        for (text, said) in [
            ("q Q0 a 1 nan t", "r.run:1"),
            ("q Q0 a 1 1 t\nq Q0 b 1 -inf t", "r.run:2"),
            ("q Q0 a 1 1e39 t", "not finite"),
            ("q Q0 a 1 high t", "\"high\""),
            ("q Q0 a 1 0.5", "5 columns"),
            ("q Q0 a 1 3 t\nq Q0 b 1 2 t\np Q0 a 1 2 t\nq Q0 a 1 1 t", "r.run:4"),
            ("\n# nothing\n", "no run lines"),
        ] {
            let problem = run(text).unwrap_err().to_string();
            assert!(problem.contains(said), "{text}: {problem}");
        }
        for (text, said) in [
            ("q 0", "2 columns"),
            ("q 0 a 1 x", "5 columns"),
            ("q 0 a 1.5", "\"1.5\""),
            ("q 0 a 99999999999", "too large"),
            ("q 0 a 1\nq 0 a 0", "q.qrels:2"),
            ("", "no judgement"),
        ] {
            let problem = qrels(text).unwrap_err().to_string();
            assert!(problem.contains(said), "{text}: {problem}");
        }
        let broken = "q Q0 ä 1 1 t\nq Q0 ö 1 1 t\n".bytes().chain(*b"q Q0 \xff 1 1 t\n").collect::<Vec<u8>>();
        assert!(parse_run("r", &broken[..]).unwrap_err().to_string().contains("UTF-8"));
    }
}
