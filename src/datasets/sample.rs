//! The sample corpus that ships with the page: one record per line, in all its languages.
//!
//! `{"id","topic","passage":{lang: text},"question":{lang: text},"answer":{lang: part of the
//! passage}}`. Passages and questions are ordered by record, then by language code; precomputed
//! vectors have the same order.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::{CollectionOptions, Corpus, Passage, Question, file};
use crate::{Error, Result};

/// One line of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SampleRecord {
    id: String,
    topic: String,
    passage: BTreeMap<String, String>,
    question: BTreeMap<String, String>,
    answer: BTreeMap<String, String>,
}

/// Whether this JSON object is a record of a sample corpus.
pub(super) fn is_record(value: &Value) -> bool {
    ["passage", "question", "answer"].iter().all(|key| value.get(*key).is_some_and(Value::is_object))
}

/// Reads the file, or `passages.jsonl` in the folder.
///
/// # Errors
/// As for [`parse`]; a file that cannot be read, an unknown split or language.
pub fn read(path: &Path, options: &CollectionOptions) -> Result<Corpus> {
    let path = if path.is_dir() { path.join("passages.jsonl") } else { path.to_path_buf() };
    let file::Text { text, note, .. } = file::read(&path)?;
    let mut corpus = parse(&path.display().to_string(), &text)?;
    corpus.notes.extend(note);
    if let Some(name) = &options.split {
        let (groups, note) = split(&corpus, name)?;
        corpus.retain(|group, _| groups.contains(group));
        corpus.notes.push(note);
    }
    corpus.chosen("sample", &options.languages)
}

/// Reads the file's text.
///
/// # Errors
/// [`Error::Format`] with file, line and field of the first fault.
pub fn parse(name: &str, text: &str) -> Result<Corpus> {
    let mut corpus = Corpus { name: "Sample passages".into(), ..Corpus::default() };
    let mut seen = HashSet::new();
    for (number, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let place = format!("{name}:{}", number + 1);
        let record: SampleRecord = serde_json::from_str(line).map_err(|e| Error::format(&place, e))?;
        if !seen.insert(record.id.clone()) {
            return Err(Error::format(place, format!("the id {} occurs twice", record.id)));
        }
        add(&mut corpus, &place, record)?;
    }
    if corpus.passages.is_empty() {
        return Err(Error::format(name, "it has no passages"));
    }
    Ok(corpus)
}

/// What a passage is about, by its record's id: `octopus-nerves` → `Octopus nerves`.
fn title(id: &str) -> String {
    let words = id.replace('-', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn add(corpus: &mut Corpus, place: &str, record: SampleRecord) -> Result<()> {
    let SampleRecord { id, topic, passage, mut question, mut answer } = record;
    for (lang, text) in passage {
        let part = |field: &str, map: &mut BTreeMap<String, String>| {
            map.remove(&lang)
                .ok_or_else(|| Error::format(format!("{place}: {field}.{lang}"), "it is missing"))
        };
        let asked = part("question", &mut question)?;
        let answered = part("answer", &mut answer)?;
        let start = text.find(&answered).filter(|_| !answered.is_empty()).ok_or_else(|| {
            Error::format(format!("{place}: answer.{lang}"), "it is not an exact part of the passage")
        })?;
        corpus.questions.push(Question {
            id: id.clone(),
            group: id.clone(),
            lang: lang.clone(),
            text: asked,
            relevant: vec![corpus.passages.len().into()],
            ..Question::default()
        });
        corpus.passages.push(Passage {
            id: format!("{lang}:{id}"),
            group: id.clone(),
            lang,
            text,
            source: format!("{}, {topic}", title(&id)),
            answer: Some((start, start + answered.len())),
        });
    }
    let left = [("question", question), ("answer", answer)];
    for (field, map) in left {
        if let Some(lang) = map.keys().next() {
            return Err(Error::format(
                format!("{place}: {field}.{lang}"),
                "the passage is not given in this language",
            ));
        }
    }
    Ok(())
}

/// The ids of the records of a split (`test` is the last fifth, `train` the rest), and a note that says
/// how many there are.
///
/// # Errors
/// [`Error::Input`] for another name.
fn split(corpus: &Corpus, name: &str) -> Result<(HashSet<String>, String)> {
    let mut ids: Vec<&String> = corpus.questions.iter().map(|q| &q.group).collect();
    ids.dedup();
    let (train, test) = ids.split_at(ids.len() - ids.len() / 5);
    let part = match name {
        "train" => train,
        "test" => test,
        _ => return Err(Error::Input(format!("the sample has the splits train and test, not {name}"))),
    };
    let note = format!("the split {name} has {} of {} records", part.len(), ids.len());
    Ok((part.iter().map(|id| id.to_string()).collect(), note))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"id":"a","topic":"T","passage":{"en":"It is red.","de":"Es ist rot."},"question":{"en":"Colour?","de":"Farbe?"},"answer":{"en":"red","de":"rot"}}"#;

    #[test]
    fn translations_share_a_group() {
        let corpus = parse("p.jsonl", LINE).unwrap();
        let ids: Vec<_> = corpus.passages.iter().map(|p| (p.id.as_str(), p.group.as_str())).collect();
        assert_eq!(ids, [("de:a", "a"), ("en:a", "a")]);
        let passage = &corpus.passages[0];
        let (start, end) = passage.answer.unwrap();
        assert_eq!(&passage.text[start..end], "rot");
        assert_eq!(passage.source, "A, T");
        assert_eq!(title("octopus-nerves"), "Octopus nerves");
        assert_eq!(corpus.questions[1].text, "Colour?");
        assert_eq!(corpus.questions[1].relevant, [1.into()]);
    }

    #[test]
    fn departures_are_named() {
        for (from, to, place) in [
            (r#""en":"red""#, r#""en":"blue""#, "answer.en"),
            (r#""de":"Farbe?""#, r#""fr":"Couleur ?""#, "question.de"),
            (r#","de":"Es ist rot.""#, "", "question.de"),
            ("topic", "subject", "p.jsonl:1"),
        ] {
            let problem = parse("p.jsonl", &LINE.replace(from, to)).unwrap_err().to_string();
            assert!(problem.contains("p.jsonl:1") && problem.contains(place), "{problem}");
        }
        let twice = parse("p.jsonl", &format!("{LINE}\n{LINE}")).unwrap_err().to_string();
        assert!(twice.contains("p.jsonl:2"), "{twice}");
        assert!(parse("p.jsonl", "\n").is_err());
    }

    /// What ships with the page.
    #[test]
    fn the_shipped_corpus_is_whole() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/static/sample/passages.jsonl");
        let corpus = parse("passages.jsonl", &std::fs::read_to_string(path).unwrap()).unwrap();
        let languages = corpus.languages();
        assert_eq!(languages.len(), 11, "{languages:?}");
        assert!(languages.iter().all(|(_, n)| *n >= 120 && *n == languages[0].1), "{languages:?}");
        let asked = corpus.questions.iter();
        let right = asked.filter(|q| crate::text::detect(&q.text) == Some(q.lang.as_str())).count();
        assert!(right * 100 >= corpus.questions.len() * 98, "{right} languages are recognised");
    }
}
