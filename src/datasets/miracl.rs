//! MIRACL as published: for each language `miracl-v1.0-<lang>/topics/…tsv`,
//! `miracl-v1.0-<lang>/qrels/…tsv` and `miracl-corpus-v1.0-<lang>/docs-<n>.jsonl.gz`.
//!
//! Files are recognized by their names (a corpus by its folder's), anywhere in the folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::collection::{Collection, judgements, topics};
use super::qrels::Separator;
use super::{CollectionOptions, Corpus};
use crate::{Error, Result};

/// Search depth below the folder.
const DEPTH: usize = 4;

#[derive(Default)]
struct MiraclFiles {
    /// By split.
    topics: BTreeMap<String, PathBuf>,
    qrels: BTreeMap<String, PathBuf>,
    passages: Vec<PathBuf>,
}

/// Reads the languages for which the folder has questions of the split (by default `dev`).
///
/// Questions in several languages are not translations of each other: each has its own group.
///
/// # Errors
/// A missing language, or a file that is missing or malformed (with file and line).
pub fn read(dir: &Path, options: &CollectionOptions) -> Result<Corpus> {
    let split = options.split.as_deref().unwrap_or("dev");
    let mut files = BTreeMap::new();
    find(dir, DEPTH, &mut files)?;
    let asked: Vec<String> = match options.languages.as_slice() {
        [] => files.iter().filter(|(_, f)| f.topics.contains_key(split)).map(|(l, _)| l.clone()).collect(),
        some => some.to_vec(),
    };
    if asked.is_empty() {
        let splits: BTreeSet<&str> =
            files.values().flat_map(|f| f.topics.keys()).map(String::as_str).collect();
        let there = splits.into_iter().collect::<Vec<_>>().join(", ");
        let problem = match there.as_str() {
            "" => "it has no file named topics.miracl-v1.0-<lang>-<split>.tsv".to_string(),
            _ => format!("it has no questions of the split {split}, only of {there}"),
        };
        return Err(Error::file(dir, problem));
    }
    let mut corpus = Corpus { name: "miracl".into(), ..Corpus::default() };
    for lang in &asked {
        let none = MiraclFiles::default();
        let files = files.get(lang).unwrap_or(&none);
        let missing = |what: &str| Error::file(dir, format!("{what} is missing"));
        let file = |kind: &str, found: &BTreeMap<String, PathBuf>| {
            let name = format!("{kind}.miracl-v1.0-{lang}-{split}.tsv");
            found.get(split).cloned().ok_or_else(|| missing(&name))
        };
        let mut notes = Vec::new();
        let queries = topics(&file("topics", &files.topics)?, &mut notes)?;
        let qrels = judgements(&file("qrels", &files.qrels)?, Separator::Blanks, &mut notes)?;
        if files.passages.is_empty() {
            return Err(missing(&format!("miracl-corpus-v1.0-{lang}/docs-0.jsonl.gz")));
        }
        let passages = files.passages.clone();
        let part = Collection { name: "miracl".into(), lang: Some(lang), passages, queries, qrels, notes };
        corpus.append(part.read(options.pool)?)?;
    }
    Ok(corpus)
}

/// Sorts the files below `dir` by language.
fn find(dir: &Path, depth: usize, files: &mut BTreeMap<String, MiraclFiles>) -> Result<()> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|e| Error::file(dir, e))? {
        entries.push(entry.map_err(|e| Error::file(dir, e))?.path());
    }
    // docs-10 comes after docs-9.
    entries.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    for path in entries {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if path.is_dir() {
            if depth > 0 {
                find(&path, depth - 1, files)?;
            }
            continue;
        }
        let parent = dir.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let table = |kind: &str| {
            name.strip_prefix(kind)?.strip_prefix(".miracl-v1.0-")?.strip_suffix(".tsv")?.split_once('-')
        };
        if let Some((lang, split)) = table("topics") {
            files.entry(lang.into()).or_default().topics.insert(split.into(), path.clone());
        } else if let Some((lang, split)) = table("qrels") {
            files.entry(lang.into()).or_default().qrels.insert(split.into(), path.clone());
        } else if let Some(lang) = parent.strip_prefix("miracl-corpus-v1.0-")
            && name.starts_with("docs-")
            && (name.ends_with(".jsonl") || name.ends_with(".jsonl.gz"))
        {
            files.entry(lang.into()).or_default().passages.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::datasets::{PassagePool, Relevant};

    /// Two languages with common ids; `sw` has two corpus files.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for lang in ["sw", "fi"] {
            let (dir, name) = (format!("miracl-v1.0-{lang}"), format!("miracl-v1.0-{lang}-dev.tsv"));
            write(&format!("{dir}/topics/topics.{name}"), "7\tfirst?\n8\tsecond?\n9\tthird?\n7\tagain?\n");
            write(
                &format!("{dir}/qrels/qrels.{name}"),
                "7 Q0 1#0 1\n7 Q0 1#1 0\n8\tQ0\t2#0\t1\n8 Q0 gone#0 1\n99 Q0 1#0 1\n8 Q0 2#0 1\n",
            );
        }
        let doc = |id: &str| format!("{{\"docid\":\"{id}\",\"title\":\"T\",\"text\":\"text of {id}\"}}\n");
        write("miracl-corpus-v1.0-sw/docs-0.jsonl", &["1#0", "1#1", "3#0", "3#1", "3#2"].map(doc).concat());
        write("miracl-corpus-v1.0-sw/docs-1.jsonl", &["2#0", "3#0", "1#0"].map(doc).concat());
        write("miracl-corpus-v1.0-fi/docs-0.jsonl", &["1#0", "2#0"].map(doc).concat());
        folder
    }

    #[test]
    fn languages_do_not_meet_and_nothing_is_dropped_in_silence() {
        let folder = folder();
        let corpus = read(folder.path(), &CollectionOptions::default()).unwrap();
        let ids: Vec<&str> = corpus.passages.iter().map(|p| p.id.as_str()).collect();
        assert_eq!(ids, ["fi:1#0", "fi:2#0", "sw:1#0", "sw:1#1", "sw:3#0", "sw:3#1", "sw:3#2", "sw:2#0"]);
        assert_eq!(corpus.passages[2].text, "T text of 1#0");
        let asked: Vec<_> = corpus.questions.iter().map(|q| (q.group.as_str(), q.id.as_str())).collect();
        // 99 has judgements, and no text.
        let expected = ["fi:7", "fi:8", "fi:99", "sw:7", "sw:8", "sw:99"].map(|group| (group, &group[3..]));
        assert_eq!(asked, expected);
        assert_eq!(corpus.questions[3].relevant, [Relevant { passage: 2, grade: 1 }]);
        assert_eq!(corpus.questions[4].relevant, [Relevant { passage: 7, grade: 1 }]);
        let notes = corpus.notes.join("\n");
        for said in [
            "2 passages repeat an id",
            "docs-1.jsonl:2",
            "1 query repeats an id",
            "sw-dev.tsv:4",
            "1 query is in no qrels",
            "1 judged passage does not exist",
            "(gone#0)",
            "1 judgement repeats",
            "1 id in the qrels has no query and",
        ] {
            assert!(notes.contains(said.trim_end_matches(" and")), "{said} is not in\n{notes}");
        }
        assert!(!notes.contains("--pool"));
    }

    #[test]
    fn a_smaller_pool_is_said_aloud_and_the_same_each_time() {
        let folder = folder();
        let pool = |pool| {
            let options =
                CollectionOptions { languages: vec!["sw".into()], pool, ..CollectionOptions::default() };
            let corpus = read(folder.path(), &options).unwrap();
            assert!(corpus.notes[0].contains("published"), "{:?}", corpus.notes);
            assert!(corpus.questions[1].relevant.len() == 1);
            corpus.passages.into_iter().map(|p| p.id).collect::<Vec<_>>()
        };
        assert_eq!(pool(PassagePool::Judged), ["sw:1#0", "sw:1#1", "sw:2#0"]);
        let some = pool(PassagePool::JudgedAnd(2));
        assert_eq!(some.len(), 5);
        assert_eq!(some, pool(PassagePool::JudgedAnd(2)));
        assert!("some".parse::<PassagePool>().is_err());
        assert_eq!("5".parse::<PassagePool>().unwrap(), PassagePool::JudgedAnd(5));
    }

    #[test]
    fn departures_are_named() {
        for (path, text, said) in [
            (
                "miracl-v1.0-fi/topics/topics.miracl-v1.0-fi-dev.tsv",
                "no tab\nnor here\n7\tok\n",
                "fi-dev.tsv:1",
            ),
            ("miracl-v1.0-fi/qrels/qrels.miracl-v1.0-fi-dev.tsv", "7 Q0\n", "fi-dev.tsv:1: it has 2"),
            ("miracl-v1.0-fi/qrels/qrels.miracl-v1.0-fi-dev.tsv", "7 Q0 1#0 x\n", "whole number"),
            ("miracl-corpus-v1.0-fi/docs-0.jsonl", "{\"docid\":\"1\"}\n", "docs-0.jsonl:1: it has no text"),
            ("miracl-corpus-v1.0-fi/docs-0.jsonl", "", "0 passages"),
        ] {
            let folder = folder();
            fs::write(folder.path().join(path), text).unwrap();
            let problem = read(folder.path(), &CollectionOptions::default()).unwrap_err().to_string();
            assert!(problem.contains(said), "{problem} should say {said}");
        }
        let folder = folder();
        let refused = |options: &CollectionOptions| read(folder.path(), options).unwrap_err().to_string();
        let other = CollectionOptions { split: Some("train".into()), ..CollectionOptions::default() };
        assert!(refused(&other).contains("only of dev"));
        let other = CollectionOptions { languages: vec!["th".into()], ..CollectionOptions::default() };
        assert!(refused(&other).contains("topics.miracl-v1.0-th-dev.tsv is missing"));
        fs::remove_dir_all(folder.path().join("miracl-corpus-v1.0-sw")).unwrap();
        assert!(
            refused(&CollectionOptions::default())
                .contains("miracl-corpus-v1.0-sw/docs-0.jsonl.gz is missing")
        );
    }

    #[cfg(feature = "native")]
    #[test]
    fn compressed_files_are_read() {
        use std::io::Write;
        let folder = folder();
        let plain = folder.path().join("miracl-corpus-v1.0-fi/docs-0.jsonl");
        let gz = fs::File::create(plain.with_extension("jsonl.gz")).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(gz, flate2::Compression::fast());
        encoder.write_all(&fs::read(&plain).unwrap()).unwrap();
        encoder.finish().unwrap();
        fs::remove_file(plain).unwrap();
        let options = CollectionOptions { languages: vec!["fi".into()], ..CollectionOptions::default() };
        assert_eq!(read(folder.path(), &options).unwrap().passages.len(), 2);
    }
}
