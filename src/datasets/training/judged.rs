//! Questions, passages and judgements in separate files: what mMARCO, Mr. TyDi and MIRACL have in common.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use super::{
    DUPLICATE, EMPTY, LeftOut, MALFORMED, NEGATIVES, NO_ANSWER, NO_PASSAGE, NO_QUERY, NOT_JUDGED,
    REPEATED_ID, TrainingPairs, joined,
};
use crate::Result;
use crate::datasets::collection::any_line;
use crate::datasets::file::open;
use crate::datasets::qa::QaPair;

/// Judgements, and then the texts they name.
#[derive(Default)]
pub(super) struct TrainingJudgements {
    /// The source of judgements, for notes.
    file: String,
    queries: Vec<JudgedQuery>,
    query: HashMap<String, usize>,
    passages: Vec<Option<String>>,
    passage: HashMap<String, usize>,
}

#[derive(Default)]
struct JudgedQuery {
    id: String,
    text: Option<String>,
    positives: Vec<usize>,
    negatives: Vec<usize>,
}

impl TrainingJudgements {
    /// Adds a judgement; false if the passage has it already. Negatives beyond [`NEGATIVES`] are skipped.
    fn judge(&mut self, query: &str, passage: &str, relevant: bool) -> bool {
        let at = match self.query.get(query) {
            Some(&at) => at,
            None => {
                self.query.insert(query.into(), self.queries.len());
                self.queries.push(JudgedQuery { id: query.into(), ..JudgedQuery::default() });
                self.queries.len() - 1
            }
        };
        let query = &mut self.queries[at];
        let list = if relevant { &mut query.positives } else { &mut query.negatives };
        if !relevant && list.len() >= NEGATIVES {
            return true;
        }
        let number = match self.passage.get(passage) {
            Some(&number) => number,
            None => {
                self.passage.insert(passage.into(), self.passages.len());
                self.passages.push(None);
                self.passages.len() - 1
            }
        };
        let new = !list.contains(&number);
        if new {
            list.push(number);
        }
        new
    }

    /// Reads lines of `query, ignored, passage, grade`, separated by spaces; a grade of 1 or more is relevant.
    pub fn qrels(&mut self, path: &Path, left_out: &mut LeftOut) -> Result<()> {
        self.file = path.display().to_string();
        lines(path, left_out, |place, line, left_out| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            match columns.as_slice() {
                [query, _, passage, grade] if grade.parse::<i64>().is_ok() => {
                    if !self.judge(query, passage, grade.parse::<i64>().is_ok_and(|grade| grade > 0)) {
                        left_out.add(DUPLICATE, place);
                    }
                }
                _ => left_out.add(MALFORMED, place),
            }
        })
    }

    /// Reads lines of `query, relevant passage, other passage`, separated by tabs.
    pub fn triples(&mut self, path: &Path, left_out: &mut LeftOut) -> Result<()> {
        self.file = path.display().to_string();
        lines(path, left_out, |place, line, left_out| {
            let mut columns = line.split('\t').map(str::trim);
            match [columns.next(), columns.next(), columns.next(), columns.next()] {
                [Some(query), Some(positive), Some(negative), None]
                    if ![query, positive, negative].contains(&"") =>
                {
                    // A triple repeats its relevant passage with every other one.
                    self.judge(query, positive, true);
                    self.judge(query, negative, false);
                }
                _ => left_out.add(MALFORMED, place),
            }
        })
    }

    /// Reads questions as lines of `id, text`, separated by tabs.
    pub fn topics(&mut self, path: &Path, left_out: &mut LeftOut) -> Result<()> {
        lines(path, left_out, |place, line, left_out| {
            let Some((id, text)) = line.split_once('\t') else { return left_out.add(MALFORMED, place) };
            match self.query.get(id.trim()) {
                None => left_out.add(NOT_JUDGED, place),
                Some(&at) => keep(&mut self.queries[at].text, text, place, left_out),
            }
        })
    }

    /// Reads passages as lines of `id, text`, separated by tabs.
    pub fn table(&mut self, path: &Path, left_out: &mut LeftOut) -> Result<()> {
        lines(path, left_out, |place, line, left_out| match line.split_once('\t') {
            None => left_out.add(MALFORMED, place),
            Some((id, text)) => {
                if let Some(&at) = self.passage.get(id.trim()) {
                    keep(&mut self.passages[at], text, place, left_out);
                }
            }
        })
    }

    /// Reads passages as JSON lines `{"docid","title","text"}` or, as Pyserini's, `{"id","contents"}`,
    /// where an empty line separates title and text.
    pub fn documents(&mut self, path: &Path, left_out: &mut LeftOut) -> Result<()> {
        #[derive(Deserialize)]
        struct JudgedDocument {
            #[serde(alias = "id", alias = "_id")]
            docid: String,
            #[serde(default)]
            title: String,
            #[serde(alias = "contents")]
            text: String,
        }
        lines(path, left_out, |place, line, left_out| match serde_json::from_str::<JudgedDocument>(line) {
            Err(_) => left_out.add(MALFORMED, place),
            Ok(JudgedDocument { docid, title, text }) => {
                if let Some(&at) = self.passage.get(docid.trim()) {
                    let text = joined(&title, &text.replacen("\n\n", " ", 1));
                    keep(&mut self.passages[at], &text, place, left_out);
                }
            }
        })
    }

    /// Pairs questions with passages. Ids become `<prefix>:<query>:<passage>`.
    pub fn finish(self, prefix: &str, source: &str, lang: &str, pairs: &mut TrainingPairs) {
        let mut names = vec![""; self.passages.len()];
        self.passage.iter().for_each(|(id, &at)| names[at] = id);
        let text = |&at: &usize| self.passages[at].as_deref();
        for query in &self.queries {
            let place = format!("{}: question {}", self.file, query.id);
            for at in query.positives.iter().chain(&query.negatives).filter(|at| text(at).is_none()) {
                pairs.left_out.add(NO_PASSAGE, format!("{place}, passage {}", names[*at]));
            }
            let Some(asked) = &query.text else {
                pairs.left_out.add(NO_QUERY, place);
                continue;
            };
            let positives: Vec<&str> = query.positives.iter().filter_map(text).collect();
            if positives.is_empty() {
                pairs.left_out.add(NO_ANSWER, place);
                continue;
            }
            let negatives: Vec<String> = query
                .negatives
                .iter()
                .filter_map(text)
                .filter(|text| !positives.contains(text))
                .map(String::from)
                .collect();
            for at in &query.positives {
                let Some(context) = text(at) else { continue };
                let question = QaPair {
                    id: format!("{prefix}:{}:{}", query.id, names[*at]),
                    lang: lang.into(),
                    question: asked.clone(),
                    context: context.into(),
                    answer: None,
                    answer_sentence: None,
                    source: source.into(),
                    title: None,
                    negatives: negatives.clone(),
                };
                pairs.add(format_args!("{place}, passage {}", names[*at]), question);
            }
        }
    }
}

/// Calls `each` with every non-blank line and its place. A line that is not UTF-8 is left out.
fn lines(path: &Path, left_out: &mut LeftOut, mut each: impl FnMut(&str, &str, &mut LeftOut)) -> Result<()> {
    let mut reader = open(path)?;
    any_line(&path.display().to_string(), &mut reader, |place, line| {
        match line {
            Some(line) => each(place, line, left_out),
            None => left_out.add(MALFORMED, place),
        }
        Ok(())
    })?;
    left_out.decoded.extend(reader.decoding());
    Ok(())
}

/// Keeps the first text of an id.
fn keep(slot: &mut Option<String>, text: &str, place: &str, left_out: &mut LeftOut) {
    match (&slot, text.trim()) {
        (_, "") => left_out.add(EMPTY, place),
        (Some(_), _) => left_out.add(REPEATED_ID, place),
        (None, text) => *slot = Some(text.into()),
    }
}
