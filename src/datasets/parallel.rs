//! Parallel text: `{"id","t":{lang:text}}`, one segment per line with all its languages.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::records::{self, ReadReport};
use crate::{Result, text};

/// One segment in all its languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Segment {
    /// Unique across all files.
    pub id: String,
    /// The collection it is from: the middle part of its file's name.
    pub source: String,
    /// Text by language code; at least two, no two of them equal.
    pub texts: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct SegmentLine {
    id: String,
    t: BTreeMap<String, String>,
}

/// Reads `files`, keeping the texts in `languages` (all if empty).
///
/// A text that equals the segment's English, or an earlier one in the order of language codes, was not translated and
/// is left out; so is a segment with fewer than two remaining texts, or with the texts of an earlier one.
///
/// # Errors
/// A file that cannot be read, or mostly malformed lines (the first are named).
pub fn read_parallel(files: &[PathBuf], languages: &[String]) -> Result<(Vec<Segment>, ReadReport)> {
    let mut report = ReadReport::default();
    let mut segments = Vec::new();
    let (mut ids, mut known) = (HashSet::new(), HashSet::new());
    for file in files {
        let source = records::source(file);
        report.files += 1;
        records::read(file, &mut report, |line: SegmentLine, report| {
            report.records += 1;
            if !ids.insert(line.id.clone()) {
                report.duplicate_ids += 1;
                return Ok(());
            }
            let texts = usable(line.t, languages, report);
            if texts.len() < 2 {
                report.too_few_texts += 1;
            } else if !known.insert(records::text_hash(&texts)) {
                report.duplicate_texts += 1;
            } else {
                report.kept += 1;
                segments.push(Segment { id: line.id, source: source.clone(), texts });
            }
            Ok(())
        })?;
    }
    Ok((segments, report))
}

fn usable(
    given: BTreeMap<String, String>,
    languages: &[String],
    report: &mut ReadReport,
) -> BTreeMap<String, String> {
    let mut kept: BTreeMap<String, String> = BTreeMap::new();
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (code, text) in given {
        match all.entry(text::code(&code).unwrap_or(code)) {
            Entry::Vacant(entry) => drop(entry.insert(text)),
            // For instance `de` and `deu`: one is enough.
            Entry::Occupied(_) => report.same_languages += 1,
        }
    }
    // English first: a text equal to it is the one to leave out.
    let english = all.remove_entry("en");
    for (code, text) in english.into_iter().chain(all) {
        let text = text.trim();
        if !languages.is_empty() && !languages.contains(&code) {
            report.unknown(&code);
        } else if text.is_empty() {
            report.empty_texts += 1;
        } else if kept.values().any(|other| other == text) {
            report.equal_texts += 1;
        } else {
            kept.insert(code, text.to_owned());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_everything_it_leaves_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("parallel.demo.jsonl");
        let lines = [
            r#"{"id":"1","t":{"de":"Haus","en":"house","fr":"maison","es":" "}}"#,
            r#"{"id":"1","t":{"de":"Hof","en":"yard"}}"#,
            r#"{"id":"2","t":{"de":"Berlin","en":"Berlin"}}"#,
            r#"{"id":"3","t":{"de":"Rot","en":"red","es":"rojo"}}"#,
            r#"{"id":"4","t":{"de":"Rot ","en":"red","es":"rojo","fr":"rouge"}}"#,
            r#"{"id":"5","t":{"de":"Rot","en":"red"}}"#,
        ];
        std::fs::write(&path, lines.join("\n")).unwrap();
        let languages = ["de", "en", "es"].map(str::to_owned);
        let (segments, report) = read_parallel(&[path], &languages).unwrap();
        assert_eq!(segments.len(), 3);
        assert_eq!(segments[0].source, "demo");
        assert_eq!(segments[0].texts.keys().collect::<Vec<_>>(), ["de", "en"]);
        assert_eq!(segments[1].texts.len(), 3);
        assert_eq!(
            report,
            ReadReport {
                files: 1,
                records: 6,
                kept: 3,
                empty_texts: 1,
                equal_texts: 1,
                duplicate_ids: 1,
                duplicate_texts: 1,
                too_few_texts: 1,
                unknown_languages: BTreeMap::from([("fr".to_owned(), 2)]),
                ..ReadReport::default()
            }
        );
    }
}
