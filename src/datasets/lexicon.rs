//! Words by sense: `{"id","pos","gloss","en","t":{lang:[word,…]}}`, one per line.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::records::{self, ReadReport};
use crate::{Result, text};

/// One sense of an English word with its translations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sense {
    /// Unique across all files.
    pub id: String,
    /// The English word.
    pub english: String,
    /// Words by language code; at least one language, no empty list.
    pub words: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct SenseLine {
    id: String,
    en: String,
    t: BTreeMap<String, Vec<String>>,
}

/// Reads `files`, keeping the words in `languages` (all if empty).
///
/// A word equal to the English one is kept, as the same spelling is information. Words with a
/// backslash or brackets (remains of markup) are left out.
///
/// # Errors
/// A file that cannot be read, or mostly malformed lines (the first are named).
pub fn read_lexicon(files: &[PathBuf], languages: &[String]) -> Result<(Vec<Sense>, ReadReport)> {
    let mut report = ReadReport::default();
    let mut senses = Vec::new();
    let mut ids = HashSet::new();
    for file in files {
        report.files += 1;
        records::read(file, &mut report, |line: SenseLine, report| {
            report.records += 1;
            if !ids.insert(line.id.clone()) {
                report.duplicate_ids += 1;
                return Ok(());
            }
            let english = line.en.trim().to_owned();
            let mut words: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for (code, list) in line.t {
                let code = text::code(&code).unwrap_or(code);
                if !languages.is_empty() && !languages.contains(&code) {
                    report.unknown(&code);
                    continue;
                }
                let list = usable(&list, report);
                if !list.is_empty() {
                    words.entry(code).or_default().extend(list);
                }
            }
            if english.is_empty() {
                report.empty_texts += 1;
            } else if words.is_empty() {
                report.too_few_texts += 1;
            } else {
                report.kept += 1;
                senses.push(Sense { id: line.id, english, words });
            }
            Ok(())
        })?;
    }
    Ok((senses, report))
}

fn usable(list: &[String], report: &mut ReadReport) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for word in list {
        let word = word.trim();
        if word.is_empty() {
            report.empty_texts += 1;
        } else if word.contains(['\\', '{', '}', '[', ']', '<', '>', '|']) {
            report.malformed_texts += 1;
        } else if kept.iter().any(|other| other == word) {
            report.equal_texts += 1;
        } else {
            kept.push(word.to_owned());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_clean_words_and_counts_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lexicon.jsonl");
        let lines = [
            r#"{"id":"1","pos":"n","gloss":"","en":"dog","t":{"de":["Hund","Hund",""],"fr":["chien"]}}"#,
            r#"{"id":"2","pos":"n","gloss":"","en":"'s","t":{"de":["-s \\"]}}"#,
        ];
        std::fs::write(&path, lines.join("\n")).unwrap();
        let (senses, report) = read_lexicon(&[path], &["de".to_owned()]).unwrap();
        assert_eq!(senses.len(), 1);
        assert_eq!(senses[0].words["de"], ["Hund"]);
        assert_eq!(report.unknown_languages["fr"], 1);
        assert_eq!(
            (report.empty_texts, report.equal_texts, report.malformed_texts, report.too_few_texts),
            (1, 1, 1, 1)
        );
    }
}
