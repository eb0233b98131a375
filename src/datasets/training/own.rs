//! The user's own passages and questions, in the format of `interlingua eval --dataset own`, and the sample.
//!
//! A question and its passage form a pair in each language that has both; translations of both share an
//! id, so that batches can be cross-lingual.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{NO_ANSWER, NOT_ASKED, OTHER_LANGUAGE, TrainingPairs};
use crate::Result;
use crate::datasets::qa::{OWN, QaPair};
use crate::datasets::{CollectionOptions, catalogue};

/// Reads the data set `name`, `own` or `sample`, in these languages. Returns the reader's notes.
pub(super) fn read(
    name: &str,
    path: &Path,
    languages: &[String],
    pairs: &mut TrainingPairs,
) -> Result<Vec<String>> {
    let corpus = catalogue::load(name, path, &CollectionOptions::default())?;
    let stem = path.file_stem().and_then(|n| n.to_str()).unwrap_or_default();
    let source = if name == "own" { format!("{OWN}{stem}") } else { name.to_string() };
    // A passage that answers a question answers its translations too.
    let mut answers: BTreeMap<(&str, &str), BTreeSet<usize>> = BTreeMap::new();
    for question in &corpus.questions {
        for relevant in &question.relevant {
            let lang = corpus.passages[relevant.passage].lang.as_str();
            answers.entry((&question.group, lang)).or_default().insert(relevant.passage);
        }
    }
    let place = |group: &str, lang: &str| format!("{}: question {group} ({lang})", path.display());
    let asked: BTreeSet<(&str, &str)> =
        corpus.questions.iter().map(|q| (q.group.as_str(), q.lang.as_str())).collect();
    for (&(group, lang), passages) in &answers {
        if !asked.contains(&(group, lang)) && languages.iter().any(|code| code == lang) {
            for _ in passages {
                pairs.left_out.add(NOT_ASKED, place(group, lang));
            }
        }
    }
    for question in &corpus.questions {
        let (group, lang) = (question.group.as_str(), question.lang.as_str());
        if !languages.contains(&question.lang) {
            pairs.left_out.add(OTHER_LANGUAGE, place(group, lang));
            continue;
        }
        let Some(passages) = answers.get(&(group, lang)) else {
            pairs.left_out.add(NO_ANSWER, place(group, lang));
            continue;
        };
        for &passage in passages {
            let passage = &corpus.passages[passage];
            let id = match passage.group == group {
                true => format!("{source}:{group}"),
                false => format!("{source}:{group}:{}", passage.group),
            };
            let pair = QaPair {
                id,
                lang: lang.into(),
                question: question.text.trim().into(),
                context: passage.text.trim().into(),
                answer: passage
                    .answer
                    .and_then(|(start, end)| passage.text.get(start..end))
                    .map(str::to_owned),
                answer_sentence: None,
                source: source.clone(),
                title: None,
                negatives: vec![],
            };
            pairs.add(place(group, lang), pair);
        }
    }
    Ok(corpus.notes)
}
