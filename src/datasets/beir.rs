//! A folder in BEIR's form: `corpus.jsonl`, `queries.jsonl` (each plain or `.gz`) and
//! `qrels/<split>.tsv`; or such folders, each named after its language.

use std::path::{Path, PathBuf};

use super::collection::{Collection, qrels, queries};
use super::file::open;
use super::{Corpus, Options, xquad};
use crate::{Error, Result};

/// Reads the folder, with the questions of one split (`test` where none is given).
///
/// # Errors
/// A file that is missing, or departs from its form (with file and line).
pub fn read(dir: &Path, options: &Options) -> Result<Corpus> {
    let name = dir.file_name().map_or("beir".into(), |name| name.to_string_lossy().into_owned());
    if either(dir, "corpus.jsonl").is_ok() {
        let lang = match options.languages.as_slice() {
            [lang] => Some(lang.as_str()),
            _ => None,
        };
        return one(dir, name, lang, options);
    }
    let mut corpus = Corpus { name, ..Corpus::default() };
    for (lang, path) in folders(dir)? {
        if options.languages.is_empty() || options.languages.contains(&lang) {
            corpus.append(one(&path, corpus.name.clone(), Some(&lang), options)?)?;
        }
    }
    if corpus.passages.is_empty() {
        return Err(Error::file(
            dir,
            "corpus.jsonl is missing here, and so is a folder that has one and is named after a \
             language asked for. An archive as BEIR offers them has to be unpacked first.",
        ));
    }
    Ok(corpus)
}

fn one(dir: &Path, name: String, lang: Option<&str>, options: &Options) -> Result<Corpus> {
    let passages = vec![either(dir, "corpus.jsonl")?];
    let path = either(dir, "queries.jsonl")?;
    let queries = queries(&path.display().to_string(), open(&path)?)?;
    let split = options.split.as_deref().unwrap_or("test");
    let path = dir.join("qrels").join(format!("{split}.tsv"));
    let qrels = qrels(&path.display().to_string(), open(&path)?, true)?;
    // The queries of all splits are in one file; those of others are no fault.
    let queries = queries.into_iter().filter(|q| qrels.contains_key(&q.id)).collect();
    Collection { name, lang, passages, queries, qrels }.read(options.pool)
}

/// The file, or the same compressed.
fn either(dir: &Path, name: &str) -> Result<PathBuf> {
    let plain = dir.join(name);
    let candidates = [plain.clone(), dir.join(format!("{name}.gz"))];
    candidates
        .into_iter()
        .find(|path| path.is_file())
        .ok_or_else(|| Error::file(plain, "it is missing, and so is the same with .gz."))
}

/// Folders that say their language and have a corpus, by name.
fn folders(dir: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|e| Error::file(dir, e))? {
        let path = entry.map_err(|e| Error::file(dir, e))?.path();
        if let Some(lang) = path.file_name().and_then(|n| n.to_str()).and_then(xquad::language_of)
            && either(&path, "corpus.jsonl").is_ok()
        {
            found.push((lang, path));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::datasets::Relevant;

    fn write(dir: &Path) {
        fs::create_dir_all(dir.join("qrels")).unwrap();
        let corpus = r#"{"_id":"d 1","title":"Berlin","text":"Berlin ist die Hauptstadt von Deutschland."}
{"_id":"d2","text":"Die Spinne hat acht Beine."}
{"_id":"d2","title":"","text":"Noch einmal."}
{"_id":"d3","title":null,"text":" "}
"#;
        fs::write(dir.join("corpus.jsonl"), corpus).unwrap();
        let queries = r#"{"_id":"q1","text":"Was ist die Hauptstadt?","metadata":{}}
{"_id":"q2","text":"Wie viele Beine?"}
{"_id":"q3","text":"Aus einem anderen Teil?"}
"#;
        fs::write(dir.join("queries.jsonl"), queries).unwrap();
        fs::write(
            dir.join("qrels/test.tsv"),
            "query-id\tcorpus-id\tscore\nq1\td 1\t2\nq1\td2\t0\nq2\td3\t1\n",
        )
        .unwrap();
    }

    #[test]
    fn a_folder_is_read_and_its_faults_are_listed() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        let corpus = read(folder.path(), &Options::default()).unwrap();
        assert_eq!(corpus.passages.len(), 2);
        assert_eq!(corpus.passages[0].id, "de:d_1");
        assert_eq!(corpus.passages[0].text, "Berlin Berlin ist die Hauptstadt von Deutschland.");
        assert_eq!(corpus.passages[1].text, "Die Spinne hat acht Beine.");
        assert_eq!(corpus.questions.len(), 2);
        assert_eq!(corpus.questions[0].relevant, [Relevant { passage: 0, grade: 2 }]);
        assert_eq!(corpus.questions[0].group, "de:q1");
        let notes = corpus.notes.join("\n");
        for said in [
            "most of the first passages are in de",
            "1 passage repeats an id",
            "corpus.jsonl:3",
            "1 passage has no text",
            "1 query has no relevant passage",
            "queries.jsonl:2",
            "test.tsv:4 (d3)",
        ] {
            assert!(notes.contains(said), "{said} is not in\n{notes}");
        }
        let given = Options { languages: vec!["nl".into()], ..Options::default() };
        assert_eq!(read(folder.path(), &given).unwrap().passages[0].lang, "nl");
    }

    #[test]
    fn folders_of_languages_are_read_together() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("set-de"));
        write(&folder.path().join("set-en"));
        let corpus = read(folder.path(), &Options::default()).unwrap();
        let groups: Vec<&str> = corpus.questions.iter().map(|q| q.group.as_str()).collect();
        assert_eq!(groups, ["de:q1", "de:q2", "en:q1", "en:q2"]);
        assert_eq!(corpus.questions[2].relevant[0].passage, 2);
        let asked = Options { languages: vec!["en".into()], ..Options::default() };
        assert_eq!(read(folder.path(), &asked).unwrap().questions.len(), 2);
    }

    #[test]
    fn departures_are_named() {
        for (path, text, said) in [
            ("corpus.jsonl", "{\"_id\":1,\"text\":\"a\"}\n", "corpus.jsonl:1"),
            ("corpus.jsonl", "\n{\"_id\":\"1\"}\n", "corpus.jsonl:2"),
            ("queries.jsonl", "{\"_id\":\"q1\",\"text\":\"\"}\n", "queries.jsonl:1"),
            ("qrels/test.tsv", "q1\td1\t1\n", "test.tsv:1: the header"),
            ("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1 d1 1\n", "test.tsv:2: it has 1 columns"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path());
            fs::write(folder.path().join(path), text).unwrap();
            let problem = read(folder.path(), &Options::default()).unwrap_err().to_string();
            assert!(problem.contains(said), "{problem} should say {said}");
        }
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path(), &Options::default()).unwrap_err().to_string().contains("corpus.jsonl"));
        write(folder.path());
        let other = Options { split: Some("dev".into()), ..Options::default() };
        assert!(read(folder.path(), &other).unwrap_err().to_string().contains("dev.tsv"));
    }
}
