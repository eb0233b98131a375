//! The languages, sources and licences of training data.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::parallel::Segment;
use super::qa::QaPair;
use crate::text::{language, nearest_language};
use crate::{Error, Result};

/// The licence of a source without a recorded one.
pub const NOT_RECORDED: &str = "not recorded";

/// A source of training data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainingSource {
    /// Its name.
    pub source: String,
    /// Its licence as recorded, or [`NOT_RECORDED`].
    pub licence: String,
    /// Its number of records in training.
    pub records: usize,
}

/// Checks that no language is named twice.
///
/// # Errors
/// [`Error::Format`] at `place`, naming the language.
pub fn check_twice(languages: &[String], place: &str) -> Result<()> {
    let twice = languages.iter().enumerate().find(|(i, code)| languages[..*i].contains(code));
    twice.map_or(Ok(()), |(_, code)| {
        Err(Error::format(
            format!("{place}, languages"),
            format!("{code} is listed twice; name each language once"),
        ))
    })
}

/// Checks that each language has training data: a question, or a text with a translation.
///
/// # Errors
/// [`Error::Input`] naming the language, and the one that may be meant if its code is unknown.
pub fn check_languages(languages: &[String], questions: &[QaPair], segments: &[Segment]) -> Result<()> {
    let there = |code: &String| {
        questions.iter().any(|q| q.lang == *code)
            || segments.iter().any(|s| s.texts.len() > 1 && s.texts.contains_key(code))
    };
    let Some(code) = languages.iter().find(|code| !there(code)) else { return Ok(()) };
    let advice = match (language(code), nearest_language(code)) {
        (Some(known), _) => format!("{code} ({}) out of `languages`, or add data in it", known.english),
        (None, Some(near)) => {
            format!(
                "it out, or write `{}` if you mean {}: {code} is not a known code",
                near.code, near.english
            )
        }
        (None, None) => format!("it out of `languages`: {code} is not a known code"),
    };
    Err(Error::Input(format!("there is no training pair in the language {code}; leave {advice}")))
}

/// The sources of the data, by name, with their licences.
pub fn sources(
    questions: &[QaPair],
    segments: &[Segment],
    licences: &BTreeMap<String, String>,
) -> Vec<TrainingSource> {
    let mut records: BTreeMap<&str, usize> = BTreeMap::new();
    let names = questions.iter().map(|q| &q.source).chain(segments.iter().map(|s| &s.source));
    names.for_each(|name| *records.entry(name).or_default() += 1);
    let of = |(name, records): (&str, usize)| TrainingSource {
        source: name.into(),
        licence: licence(name, licences).into(),
        records,
    };
    records.into_iter().map(of).collect()
}

/// The licence of a source, by its name, or, for sections of documents (`docqa/iot`), by that of the documents.
pub fn licence<'a>(name: &str, licences: &'a BTreeMap<String, String>) -> &'a str {
    let documents = name.rsplit_once('/').map_or(name, |(_, name)| name);
    let found = licences.get(name).or_else(|| licences.get(documents));
    found.map_or(NOT_RECORDED, String::as_str)
}

/// The licences of the published sets, see docs/data.md.
const PUBLISHED: [(&str, &str); 5] = [
    ("mmarco", "Apache 2.0 by its card; translates MS MARCO, offered for non-commercial research only"),
    ("mr-tydi", "Apache 2.0; passages are Wikipedia's, CC BY-SA"),
    ("miracl", "Apache 2.0; passages are Wikipedia's, CC BY-SA"),
    ("biencoder-nq-train", "CC BY-SA 3.0; DPR's repository, which offers the file, CC BY-NC 4.0"),
    ("sample", "CC0-1.0"),
];

/// The licences of the published sets, and those in the `SOURCES.md` of each data folder or its parent, by source.
///
/// # Errors
/// [`Error::File`] if it exists and cannot be read.
pub fn read_licences<'a>(folders: impl IntoIterator<Item = &'a Path>) -> Result<BTreeMap<String, String>> {
    let mut licences: BTreeMap<_, _> = PUBLISHED.map(|(name, licence)| (name.into(), licence.into())).into();
    for folder in folders {
        for place in [folder.join("SOURCES.md"), folder.join("../SOURCES.md")] {
            match std::fs::read_to_string(&place) {
                Ok(text) => {
                    licences.extend(parse_licences(&text));
                    break;
                }
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(Error::file(&place, e)),
            }
        }
    }
    Ok(licences)
}

/// Reads Markdown tables with columns that begin with `name` (such as `name (file)`) and `licence`. A
/// name is `iot`, `parallel.iot`, or a file followed by the collection: `qa.ja (jaquad)`.
fn parse_licences(text: &str) -> BTreeMap<String, String> {
    let mut licences = BTreeMap::new();
    let mut columns = None;
    for line in text.lines() {
        let Some(row) = line.trim().strip_prefix('|') else {
            columns = None;
            continue;
        };
        let cells: Vec<&str> = row.trim_end_matches('|').split('|').map(str::trim).collect();
        let column = |word: &str| cells.iter().position(|c| c.to_lowercase().starts_with(word));
        match columns {
            None => columns = Some(column("name").zip(column("licence").or_else(|| column("license")))),
            Some(Some((name, licence))) => {
                let (Some(name), Some(licence)) = (cells.get(name), cells.get(licence)) else { continue };
                if licence.is_empty() || licence.starts_with('-') || licence.starts_with(':') {
                    continue;
                }
                let within = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
                let own = within.unwrap_or(name);
                let own = own.strip_prefix("parallel.").unwrap_or(own);
                licences.insert(own.to_string(), licence.to_string());
            }
            Some(None) => {}
        }
    }
    licences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(lang: &str, source: &str) -> QaPair {
        let json =
            format!(r#"{{"id":"1","lang":"{lang}","question":"q","context":"c","source":"{source}"}}"#);
        serde_json::from_str(&json).unwrap()
    }

    fn segment(source: &str, languages: &[&str]) -> Segment {
        let texts = languages.iter().map(|l| (l.to_string(), format!("{l}."))).collect();
        Segment { id: "1".into(), source: source.into(), texts }
    }

    #[test]
    fn a_language_without_pairs_is_named() {
        let problem = |languages: &[&str]| {
            let languages: Vec<String> = languages.iter().map(|l| l.to_string()).collect();
            check_languages(&languages, &[question("ja", "x")], &[segment("y", &["de", "en", "zh-Hant"])])
                .err()
                .map(|e| e.to_string())
        };
        assert_eq!(problem(&["de", "en", "ja", "zh-Hant"]), None);
        let text = problem(&["de", "sw"]).unwrap();
        assert!(text.contains("in the language sw; leave sw (Swahili) out"), "{text}");
        let text = problem(&["ger"]).unwrap();
        assert!(text.contains("`de` if you mean German: ger is not a known code"), "{text}");
        assert!(problem(&["qqq"]).unwrap().ends_with("qqq is not a known code"));

        let twice = ["de", "en", "de"].map(String::from);
        let text = check_twice(&twice, "x.toml").unwrap_err().to_string();
        assert_eq!(text, "x.toml, languages: de is listed twice; name each language once");
        assert!(check_twice(&twice[..2], "x.toml").is_ok());
    }

    #[test]
    fn licences_come_from_tables() {
        let text = "# SOURCES\n| name (file) | repository | licence (where it is stated) | rows |\n\
            |---|---|---|---|\n| parallel.iot | a/b | MIT (LICENSE) | 3 |\n| qa.ja (jaquad) | c/d | CC BY-SA 3.0 | 4 |\n\
            | plain | e | | 1 |\n| lexicon | f/g (one to 28 languages) + terms | CC BY-SA 3.0 + GFDL; CC0 | 5 |\n\
            | qa.* (docqa/…) | as above | as above | 2 |\n| parallel.help | h/i @ 46747c67 | CC BY 3.0 | 6 |\n\n\
            Text | with a bar\n\n| other | table |\n|---|---|\n| parallel.x | y |\n";
        let folder = tempfile::tempdir().unwrap();
        let published = read_licences([folder.path()]).unwrap();
        assert!(published["mmarco"].contains("non-commercial"), "{published:?}");
        std::fs::write(folder.path().join("SOURCES.md"), text).unwrap();
        std::fs::create_dir(folder.path().join("train")).unwrap();
        let licences = read_licences([folder.path().join("train").as_path()]).unwrap();
        let told: Vec<&String> = licences.keys().filter(|name| !published.contains_key(*name)).collect();
        assert_eq!(told, ["docqa/…", "help", "iot", "jaquad", "lexicon"]);
        for (name, said) in [("docqa/help", "CC BY 3.0"), ("lexicon", "CC BY-SA 3.0 + GFDL; CC0")] {
            assert_eq!(licence(name, &licences), said);
        }
        let questions = [question("de", "docqa/iot"), question("ja", "jaquad"), question("en", "docqa/iot")];
        let found =
            sources(&questions, &[segment("iot", &["de", "en"]), segment("web", &["de", "en"])], &licences);
        let found: Vec<_> =
            found.iter().map(|s| (s.source.as_str(), s.licence.as_str(), s.records)).collect();
        let expected = [
            ("docqa/iot", "MIT (LICENSE)", 2),
            ("iot", "MIT (LICENSE)", 1),
            ("jaquad", "CC BY-SA 3.0", 1),
            ("web", "not recorded", 1),
        ];
        assert_eq!(found, expected);
    }
}
