//! DROP as sentence retrieval (sentences are the candidates, as in LAReQA). English.
//!
//! `{passage id: {"passage","qa_pairs":[{"query_id","question","answer":{"number","date","spans"}}]}}`.
//! DROP has no answer offsets, so every sentence in which one of the spans begins, as whole words, is
//! relevant: our choice. Questions answered by a number or a date, which have to be computed, and
//! those whose spans are not in the passage are left out.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use super::json::{self, Node};
use super::spans::{OURS, Paragraphs};
use super::{CollectionOptions, Corpus, Question, Relevant, folder, listed};
use crate::{Error, Result};

const LANG: &str = "en";

/// Whether this document is in DROP's format.
pub(super) fn is_drop(value: &Value) -> bool {
    let first = value.as_object().and_then(|map| map.values().next());
    first.is_some_and(|v| v.get("passage").is_some() && v.get("qa_pairs").is_some())
}

/// Reads the file, or the only JSON file of the folder.
///
/// # Errors
/// As for [`parse`]; a file that cannot be read, a language other than English.
pub fn read(path: &Path, options: &CollectionOptions) -> Result<Corpus> {
    let (files, _) = folder::files(path, &["json"])?;
    match files.as_slice() {
        [(name, bytes)] => parse(name, bytes)?.chosen("drop", &options.languages),
        _ => Err(Error::file(path, "it has more than one JSON file; give one of them")),
    }
}

/// Reads one file.
///
/// # Errors
/// [`Error::Format`] with the file and the JSON path of the fault.
pub fn parse(name: &str, bytes: &[u8]) -> Result<Corpus> {
    json::parse(name, bytes, from_value)
}

/// As [`parse`], from JSON already read.
///
/// # Errors
/// As [`parse`].
pub fn from_value(name: &str, value: &Value) -> Result<Corpus> {
    let root = Node::root(name, value);
    let entries = value.as_object().ok_or_else(|| root.wrong("an object of passages is expected"))?;
    let mut paragraphs = Paragraphs::default();
    let mut seen = HashSet::new();
    let (mut numbers, mut not_found, mut repeated) = (0, Vec::new(), Vec::new());
    for id in entries.keys() {
        let entry = root.field(id)?;
        let context = entry.field("passage")?.text()?;
        let paragraph = paragraphs.add(LANG, id, context);
        for pair in entry.field("qa_pairs")?.items()? {
            let id = pair.field("query_id")?.text()?.to_string();
            let asked = pair.field("question")?.text()?;
            if !seen.insert(id.clone()) {
                repeated.push(pair.place());
                continue;
            }
            let spans = pair.field("answer")?.field("spans")?.items()?;
            if spans.is_empty() {
                numbers += 1;
                continue;
            }
            let mut relevant: Vec<Relevant> = Vec::new();
            for span in &spans {
                let passages = words(context, span.text()?).filter_map(|byte| paragraph.at(byte));
                for passage in passages.collect::<Vec<_>>() {
                    if relevant.iter().all(|r| r.passage != passage) {
                        relevant.push(passage.into());
                    }
                }
            }
            if relevant.is_empty() {
                not_found.push(pair.place());
                continue;
            }
            paragraphs.corpus.questions.push(Question {
                group: format!("{LANG}:{id}"),
                id,
                lang: LANG.into(),
                text: asked.to_string(),
                relevant,
                ..Question::default()
            });
        }
    }
    let mut corpus = paragraphs.corpus;
    if corpus.questions.is_empty() {
        return Err(root.wrong("no question is answered by words of its passage"));
    }
    corpus.name = name.to_string();
    corpus.notes.push(format!("{name}: {OURS}"));
    if numbers > 0 {
        corpus.notes.push(format!(
            "{name}: {numbers} questions are answered by a number or a date, not by words of the \
             passage, and are left out."
        ));
    }
    let notes = [
        listed(
            &not_found,
            "question's answer is not in the passage word for word; it is left out",
            "questions' answers are not in the passage word for word; they are left out",
        ),
        listed(
            &repeated,
            "question repeats an id and is left out",
            "questions repeat an id and are left out",
        ),
    ];
    corpus.notes.extend(notes.into_iter().flatten());
    Ok(corpus)
}

/// Where `words` begins in `text`, in bytes, not counting parts of longer words.
fn words<'a>(text: &'a str, words: &'a str) -> impl Iterator<Item = usize> + 'a {
    let words = words.trim();
    text.match_indices(words).map(|(at, _)| at).filter(move |&at| {
        let before = text[..at].chars().next_back();
        let after = text[at + words.len()..].chars().next();
        !words.is_empty()
            && !before.is_some_and(char::is_alphanumeric)
            && !after.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(spans: &[&str], number: &str) -> Value {
        json!({"number": number, "date": {"day": "", "month": "", "year": ""}, "spans": spans})
    }

    fn small() -> Value {
        json!({
            "nfl_1": {
                "passage": "The Bears won. Forbears lost to the Bears. Smith ran 7 yards.",
                "qa_pairs": [
                    {"query_id": "a", "question": "Who won?", "answer": answer(&["Bears"], "")},
                    {"query_id": "b", "question": "Who ran?", "answer": answer(&["Smith", "Jones"], "")},
                    {"query_id": "c", "question": "How many?", "answer": answer(&[], "7")},
                    {"query_id": "d", "question": "Who lost?", "answer": answer(&["the Lions"], "")},
                    {"query_id": "a", "question": "Again?", "answer": answer(&["Bears"], "")},
                ],
            },
            "nfl_2": {"passage": "Nobody asks.", "qa_pairs": []},
        })
    }

    #[test]
    fn spans_answer_where_they_stand_as_words() {
        let value = small();
        assert!(is_drop(&value) && !is_drop(&json!({"data": []})) && !is_drop(&json!([])));
        let corpus = from_value("drop_dataset_dev.json", &value).unwrap();
        assert_eq!(corpus.passages.len(), 4);
        assert_eq!(corpus.passages[3].id, "en:1:0");
        assert_eq!(corpus.questions.len(), 2);
        assert_eq!(corpus.questions[0].relevant, [0.into(), 1.into()]);
        assert_eq!(corpus.questions[1].relevant, [2.into()]);
        let notes = corpus.notes.join("\n");
        for said in [
            "1 questions are answered by a number",
            "$.nfl_1.qa_pairs[3]",
            "1 question repeats",
            "qa_pairs[4]",
        ] {
            assert!(notes.contains(said), "{said} is not in\n{notes}");
        }
    }

    #[test]
    fn departures_are_named() {
        for (path, value, said) in [
            ("passage", json!(1), "$.nfl_1.passage: a string"),
            (
                "qa_pairs",
                json!([{"query_id": "a", "question": "?"}]),
                "$.nfl_1.qa_pairs[0].answer: the field",
            ),
            ("qa_pairs", json!([]), "no question"),
        ] {
            let mut changed = small();
            changed["nfl_1"][path] = value;
            let problem = from_value("d.json", &changed).unwrap_err().to_string();
            assert!(problem.starts_with("d.json") && problem.contains(said), "{problem}");
        }
        assert!(parse("d.json", b"[]").unwrap_err().to_string().contains("d.json: $"));
    }
}
