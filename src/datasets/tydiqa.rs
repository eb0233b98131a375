//! TyDi QA's gold passages, and any other SQuAD JSON without sentence breaks, as sentence retrieval
//! (sentences are the candidates, as in LAReQA).
//!
//! A question's language is taken from its id (`arabic-123-0`), else from the file's name
//! (`squad-en.json`), else detected.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use super::json::{self, Node};
use super::spans::{OURS, Paragraphs};
use super::{CodePoints, CollectionOptions, Corpus, Question, Relevant, UNDETERMINED, folder, listed, xquad};
use crate::{Error, Result, text};

/// TyDi QA's languages, by the prefixes of its ids.
const LANGUAGES: [(&str, &str); 11] = [
    ("arabic", "ar"),
    ("bengali", "bn"),
    ("english", "en"),
    ("finnish", "fi"),
    ("indonesian", "id"),
    ("japanese", "ja"),
    ("korean", "ko"),
    ("russian", "ru"),
    ("swahili", "sw"),
    ("telugu", "te"),
    ("thai", "th"),
];

/// Whether this document is SQuAD JSON without sentence breaks.
pub(super) fn is_tydiqa(value: &Value) -> bool {
    value.get("data").is_some_and(Value::is_array) && !xquad::is_xquad(value)
}

/// Reads the JSON files of the folder, or the file.
///
/// # Errors
/// As for [`parse`]; a file that cannot be read, an unknown language.
pub fn read(path: &Path, options: &CollectionOptions) -> Result<Corpus> {
    parse(&folder::files(path, &["json"])?.0)?.chosen("tydiqa", &options.languages)
}

/// Reads files of one data set, each `(name, bytes)`. The same question in two files is kept once.
///
/// # Errors
/// [`Error::Format`] with the file and the JSON path of the fault.
pub fn parse(files: &[(String, Vec<u8>)]) -> Result<Corpus> {
    let mut reader = TydiReader::default();
    for (name, bytes) in files {
        let (value, note) = json::whole(name, bytes)?;
        reader.file(name, &value)?;
        reader.paragraphs.corpus.notes.extend(note);
    }
    reader.finish(files.first().map_or("tydiqa", |(name, _)| name))
}

/// Like [`parse`], for one file whose JSON has been read.
///
/// # Errors
/// As [`parse`].
pub fn from_value(name: &str, value: &Value) -> Result<Corpus> {
    let mut reader = TydiReader::default();
    reader.file(name, value)?;
    reader.finish(name)
}

#[derive(Default)]
struct TydiReader {
    paragraphs: Paragraphs,
    /// Languages and ids of questions.
    seen: HashSet<(String, String)>,
    repeated: Vec<String>,
    not_found: Vec<String>,
    no_answer: Vec<String>,
    detected: Vec<String>,
}

impl TydiReader {
    fn file(&mut self, name: &str, value: &Value) -> Result<()> {
        let named = xquad::language_of(name);
        for article in Node::root(name, value).field("data")?.items()? {
            let title = match article.value.get("title") {
                Some(_) => article.field("title")?.text()?,
                None => "",
            };
            for paragraph in article.field("paragraphs")?.items()? {
                let context = paragraph.field("context")?.text()?;
                let questions = paragraph.field("qas")?.items()?;
                for question in &questions {
                    self.question(question, title, context, named.as_deref())?;
                }
                if questions.is_empty() {
                    let lang = named.as_deref().or_else(|| text::detect(context)).unwrap_or(UNDETERMINED);
                    self.paragraphs.add(lang, title, context);
                }
            }
        }
        Ok(())
    }

    fn question(&mut self, node: &Node, title: &str, context: &str, named: Option<&str>) -> Result<()> {
        let id = node.field("id")?.text()?;
        let asked = node.field("question")?.text()?;
        let spelled =
            id.split_once('-').and_then(|(word, _)| LANGUAGES.iter().find(|(name, _)| *name == word));
        let lang = match spelled.map(|&(_, code)| code).or(named) {
            Some(lang) => lang,
            None => {
                self.detected.push(node.place());
                text::detect(context).unwrap_or(UNDETERMINED)
            }
        };
        let paragraph = self.paragraphs.add(lang, title, context);
        let id = id.to_string();
        if !self.seen.insert((lang.to_string(), id.clone())) {
            self.repeated.push(node.place());
            return Ok(());
        }
        let points = CodePoints::new(context);
        let mut relevant: Vec<Relevant> = Vec::new();
        let answers = node.field("answers")?.items()?;
        for answer in &answers {
            let words = answer.field("text")?.text()?;
            let start = answer.field("answer_start")?.number()?;
            let there = points.slice(start..start + words.chars().count()) == Some(words);
            let byte = points.slice(0..start).map(str::len).filter(|_| there);
            match byte.and_then(|byte| paragraph.at(byte)) {
                Some(passage) if relevant.iter().all(|r| r.passage != passage) => {
                    relevant.push(passage.into())
                }
                Some(_) => {}
                None => self.not_found.push(answer.place()),
            }
        }
        if answers.is_empty() {
            self.no_answer.push(node.place());
        }
        if !relevant.is_empty() {
            self.paragraphs.corpus.questions.push(Question {
                group: format!("{lang}:{id}"),
                id,
                lang: lang.to_string(),
                text: asked.to_string(),
                relevant,
                ..Question::default()
            });
        }
        Ok(())
    }

    fn finish(self, name: &str) -> Result<Corpus> {
        let mut corpus = self.paragraphs.corpus;
        if corpus.questions.is_empty() {
            return Err(Error::format(name, "$.data has no question whose answer is in its context"));
        }
        corpus.name = name.to_string();
        corpus.notes.push(format!("{name}: {OURS}"));
        let notes = [
            listed(
                &self.repeated,
                "question repeats an id and is left out",
                "questions repeat an id and are left out",
            ),
            listed(
                &self.no_answer,
                "question has no answer and is left out",
                "questions have no answer and are left out",
            ),
            listed(
                &self.not_found,
                "answer is not at its offset in the context and is left out",
                "answers are not at their offsets in the contexts and are left out",
            ),
            listed(
                &self.detected,
                "question has no language, which was detected from its context",
                "questions have no language, which was detected from their contexts",
            ),
        ];
        corpus.notes.extend(notes.into_iter().flatten());
        Ok(corpus)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn small() -> Value {
        let context = "Ένα. Η πόλη είναι μεγάλη. Τέλος.";
        json!({"version": "1", "data": [
            {"paragraphs": [{"context": context, "qas": [
                {"id": "finnish-1-0", "question": "?", "answers": [{"answer_start": 7, "text": "πόλη"}]},
                {"id": "finnish-1-1", "question": "?", "answers": [
                    {"answer_start": 26, "text": "Τέλος"}, {"answer_start": 5, "text": "Η"},
                ]},
                {"id": "finnish-1-2", "question": "?", "answers": [{"answer_start": 8, "text": "πόλη"}]},
                {"id": "finnish-1-3", "question": "?", "answers": []},
            ]}]},
            {"title": "T", "paragraphs": [{"context": context, "qas": [
                {"id": "finnish-1-0", "question": "?", "answers": [{"answer_start": 0, "text": "Ένα"}]},
                {"id": "finnish-2 0", "question": "?", "answers": [{"answer_start": 0, "text": "Ένα"}]},
                {"id": "korean-1-0", "question": "?", "answers": [{"answer_start": 0, "text": "Ένα"}]},
            ]}]},
        ]})
    }

    #[test]
    fn sentences_answer_and_the_rest_is_listed() {
        let corpus = from_value("tydiqa-goldp-v1.1-dev.json", &small()).unwrap();
        let ids: Vec<&str> = corpus.passages.iter().map(|p| p.id.as_str()).collect();
        assert_eq!(ids, ["fi:0:0", "fi:0:1", "fi:0:2", "ko:0:0", "ko:0:1", "ko:0:2"]);
        assert_eq!(corpus.passages[1].text, "Η πόλη είναι μεγάλη.");
        let asked: Vec<_> = corpus
            .questions
            .iter()
            .map(|q| (q.group.as_str(), q.relevant.iter().map(|r| r.passage).collect::<Vec<_>>()))
            .collect();
        assert_eq!(
            asked,
            [
                ("fi:finnish-1-0", vec![1]),
                ("fi:finnish-1-1", vec![2, 1]),
                ("fi:finnish-2 0", vec![0]),
                ("ko:korean-1-0", vec![3]),
            ]
        );
        let notes = corpus.notes.join("\n");
        for said in [
            "this program's choice",
            "1 question repeats an id and is left out: tydiqa-goldp-v1.1-dev.json: $.data[1].paragraphs[0].qas[0]",
            "1 question has no answer",
            "1 answer is not at its offset",
            "qas[2].answers[0]",
        ] {
            assert!(notes.contains(said), "{said} is not in\n{notes}");
        }
    }

    #[test]
    fn a_file_that_names_no_language_is_told_by_its_text() {
        let mut value = small();
        value["data"][0]["paragraphs"][0]["qas"][0]["id"] = json!("1");
        let corpus = from_value("questions.json", &value).unwrap();
        assert_eq!(corpus.questions[0].lang, "el");
        assert!(corpus.notes.iter().any(|n| n.contains("1 question has no language")));
        assert_eq!(from_value("squad-en.json", &value).unwrap().questions[0].lang, "en");
    }

    #[test]
    fn departures_are_named() {
        type Change = fn(&mut Value);
        let cases: [(Change, &str); 4] = [
            (|v| v["data"] = json!(1), "$.data"),
            (|v| v["data"][0]["paragraphs"][0]["context"] = json!(null), "$.data[0].paragraphs[0].context"),
            (|v| v["data"][0]["paragraphs"][0]["qas"][1]["answers"][0] = json!({}), "qas[1].answers[0].text"),
            (
                |v| v["data"][1]["paragraphs"][0]["qas"][2]["answers"][0]["answer_start"] = json!(-1),
                "qas[2].answers[0].answer_start",
            ),
        ];
        for (change, path) in cases {
            let mut value = small();
            change(&mut value);
            let problem = from_value("t.json", &value).unwrap_err().to_string();
            assert!(problem.contains("t.json") && problem.contains(path), "{problem}");
        }
        let whole = parse(&[("t.json".into(), b"{\"data\"".to_vec())]).unwrap_err().to_string();
        assert!(whole.contains("t.json"), "{whole}");
        assert!(from_value("t.json", &json!({"data": []})).is_err());
    }
}
