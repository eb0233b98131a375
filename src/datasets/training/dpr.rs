//! The training data of DPR's retriever (arXiv 2004.04906), such as NQ: one JSON array of
//! `{"question","answers","positive_ctxs","negative_ctxs","hard_negative_ctxs"}`, where a passage is
//! `{"title","text",…}`.
//!
//! As in DPR, a question's passage is the first of `positive_ctxs`; the others merely contain the
//! answer's words. Negatives are `hard_negative_ctxs` only: `negative_ctxs` are passages of other questions.

use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::Value;

use super::{MALFORMED, NEGATIVES, NO_ANSWER, TrainingPairs, joined};
use crate::datasets::file::open;
use crate::datasets::qa::QaPair;
use crate::{Error, Problem, Result};

pub(super) fn read(path: &Path, lang: &str, pairs: &mut TrainingPairs) -> Result<()> {
    let file = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let source = file.split('.').next().unwrap_or_default();
    let place = path.display().to_string();
    let mut reader = open(path)?.any_length();
    let list = EntryList { place: &place, source, lang, pairs: &mut *pairs };
    let mut json = serde_json::Deserializer::from_reader(&mut reader);
    list.deserialize(&mut json).and_then(|()| json.end()).map_err(|e| {
        Error::format(
            &place,
            Problem::of(format!("it is not one whole JSON list of questions, as DPR's ({e})"), e),
        )
    })?;
    pairs.left_out.decoded.extend(reader.decoding());
    Ok(())
}

/// Reads an array's entries one by one: NQ's file is many gigabytes.
struct EntryList<'a> {
    place: &'a str,
    source: &'a str,
    lang: &'a str,
    pairs: &'a mut TrainingPairs,
}

impl<'de> DeserializeSeed<'de> for EntryList<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for EntryList<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str("a list of questions")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> std::result::Result<(), A::Error> {
        let mut number = 0;
        while let Some(entry) = list.next_element::<Value>()? {
            self.entry(number, &entry);
            number += 1;
        }
        Ok(())
    }
}

impl EntryList<'_> {
    fn entry(&mut self, number: usize, entry: &Value) {
        let place = format!("{}: $[{number}]", self.place);
        let passages = |key: &str, most: usize| -> Option<Vec<String>> {
            let list = entry.get(key)?.as_array()?;
            list.iter()
                .take(most)
                .map(|passage| {
                    let title = passage.get("title").and_then(Value::as_str).unwrap_or_default();
                    Some(joined(title, passage.get("text")?.as_str()?))
                })
                .collect()
        };
        let asked = entry.get("question").and_then(Value::as_str);
        let read = asked.zip(passages("positive_ctxs", 1)).zip(passages("hard_negative_ctxs", NEGATIVES));
        let Some(((asked, positives), negatives)) = read else {
            return self.pairs.left_out.add(MALFORMED, place);
        };
        let Some(context) = positives.into_iter().next() else {
            return self.pairs.left_out.add(NO_ANSWER, place);
        };
        let question = QaPair {
            id: format!("{}:{number}", self.source),
            lang: self.lang.into(),
            question: asked.trim().into(),
            context,
            answer: None,
            answer_sentence: None,
            source: self.source.into(),
            title: None,
            negatives,
        };
        self.pairs.add(place, question);
    }
}
