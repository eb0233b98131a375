//! Questions with the passage that answers them:
//! `{"id","lang","question","context","answer","answer_sentence","source"[,"title"]}`, one per line.

use std::collections::HashSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::records::{self, ReadReport};
use crate::{Result, text};

/// A question and its passage, in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QaPair {
    /// Unique within its language; for its meaning across languages see [`QaPair::is_multiway`].
    pub id: String,
    /// Language code.
    pub lang: String,
    /// The question, or a section's heading.
    pub question: String,
    /// The passage, or the section.
    pub context: String,
    /// The answer's words, if marked.
    #[serde(default)]
    pub answer: Option<String>,
    /// The sentence of the passage with the answer, if marked.
    #[serde(default)]
    pub answer_sentence: Option<String>,
    /// The collection it is from.
    pub source: String,
    /// The title of the page the passage is from.
    #[serde(default)]
    pub title: Option<String>,
    /// Hard negatives; most sources have none.
    #[serde(default)]
    pub negatives: Vec<String>,
}

/// Prefix of the sources of the user's own questions.
pub(super) const OWN: &str = "own/";

impl QaPair {
    /// Whether the same id in another language is a translation of this question and its passage.
    pub fn is_multiway(&self) -> bool {
        ["docqa/", OWN].iter().any(|start| self.source.starts_with(start))
            || ["mmarco", "sample"].contains(&self.source.as_str())
    }
}

/// Reads `files`, keeping the questions in `languages` (all if empty). A question that is empty,
/// equals its passage, or repeats an earlier one with the same passage is left out.
///
/// # Errors
/// A file that cannot be read, or mostly malformed lines (the first are named).
pub fn read_questions(files: &[PathBuf], languages: &[String]) -> Result<(Vec<QaPair>, ReadReport)> {
    let mut report = ReadReport::default();
    let mut questions = Vec::new();
    let (mut ids, mut known) = (HashSet::new(), HashSet::new());
    for file in files {
        report.files += 1;
        records::read(file, &mut report, |mut line: QaPair, report| {
            report.records += 1;
            line.lang = text::code(&line.lang).unwrap_or(line.lang);
            if !languages.is_empty() && !languages.contains(&line.lang) {
                report.unknown(&line.lang);
                return Ok(());
            }
            if !ids.insert((line.id.clone(), line.lang.clone())) {
                report.duplicate_ids += 1;
                return Ok(());
            }
            trim(&mut line.question);
            trim(&mut line.context);
            if line.question.is_empty() || line.context.is_empty() {
                report.empty_texts += 1;
            } else if line.question == line.context {
                report.equal_texts += 1;
            } else if !known.insert(records::text_hash((&line.lang, &line.question, &line.context))) {
                report.duplicate_texts += 1;
            } else {
                report.kept += 1;
                questions.push(line);
            }
            Ok(())
        })?;
    }
    Ok((questions, report))
}

fn trim(text: &mut String) {
    let trimmed = text.trim();
    if trimmed.len() != text.len() {
        *text = trimmed.to_owned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_id_may_come_once_in_each_language() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("qa.x.jsonl");
        let line = |id: &str, lang: &str, question: &str, context: &str| {
            format!(
                r#"{{"id":"{id}","lang":"{lang}","question":"{question}","context":"{context}","answer":null,"answer_sentence":null,"source":"docqa/x"}}"#
            )
        };
        let lines = [
            line("1", "en", "Where?", " Here. "),
            line("1", "de", "Wo?", "Hier."),
            line("1", "de", "Wo?", "Hier."),
            line("2", "de", "", "Hier."),
            line("3", "de", "Hier.", "Hier."),
            line("4", "xx", "Wo?", "Hier."),
            line("5", "de", "Wo? ", "Hier."),
        ];
        std::fs::write(&path, lines.join("\n")).unwrap();
        let languages = ["de", "en"].map(str::to_owned);
        let (questions, report) = read_questions(std::slice::from_ref(&path), &languages).unwrap();
        assert_eq!(questions.len(), 2);
        assert_eq!(questions[0].context, "Here.");
        assert_eq!((report.records, report.kept, report.duplicate_texts), (7, 2, 1));
        assert_eq!((report.duplicate_ids, report.empty_texts, report.equal_texts), (1, 1, 1));
        assert_eq!(report.unknown_languages["xx"], 1);

        std::fs::write(&path, "{\"id\":\"1\"}").unwrap();
        let error = read_questions(&[path], &[]).unwrap_err().to_string();
        assert!(error.contains("qa.x.jsonl:1:") && error.contains("lang"), "{error}");
    }
}
