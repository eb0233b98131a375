//! A folder in BEIR format: `corpus.jsonl`, `queries.jsonl` (each plain or compressed) and
//! `qrels/<split>.tsv`, or the judgements in another format that [`qrels`](super::qrels) reads; or
//! several such folders, each named after its language.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::collection::{Collection, judgements, queries};
use super::qrels::Separator;
use super::{CollectionOptions, Corpus, xquad};
use crate::{Error, Result};

/// Reads the folder, with the questions of one split (by default `test`).
///
/// # Errors
/// A file that is missing or malformed (with file and line).
pub fn read(dir: &Path, options: &CollectionOptions) -> Result<Corpus> {
    let name = dir.file_name().map_or("beir".into(), |name| name.to_string_lossy().into_owned());
    if first_existing(dir, "corpus.jsonl").is_ok() {
        let lang = match options.languages.as_slice() {
            [lang] => Some(lang.as_str()),
            _ => None,
        };
        return read_folder(dir, name, lang, options);
    }
    let mut corpus = Corpus { name, ..Corpus::default() };
    for (lang, path) in folders(dir)? {
        if options.languages.is_empty() || options.languages.contains(&lang) {
            corpus.append(read_folder(&path, corpus.name.clone(), Some(&lang), options)?)?;
        }
    }
    if corpus.passages.is_empty() {
        return Err(Error::file(
            dir,
            "it has neither corpus.jsonl nor a folder with one that is named after a requested \
             language. Unpack an archive from BEIR first.",
        ));
    }
    Ok(corpus)
}

fn read_folder(dir: &Path, name: String, lang: Option<&str>, options: &CollectionOptions) -> Result<Corpus> {
    let mut notes = Vec::new();
    let passages = vec![first_existing(dir, "corpus.jsonl")?];
    let queries = queries(&first_existing(dir, "queries.jsonl")?, &mut notes)?;
    let file = judgements_of(dir, options.split.as_deref().unwrap_or("test"), &mut notes)?;
    let qrels = judgements(&file, Separator::Tabs, &mut notes)?;
    // The queries of all splits are in one file; those of other splits are not an error.
    let queries = queries.into_iter().filter(|q| qrels.contains_key(&q.id)).collect();
    let mut corpus = Collection { name, lang, passages, queries, qrels, notes }.read(options.pool)?;
    corpus.identical_ids = true;
    Ok(corpus)
}

/// The file, or its compressed version.
fn first_existing(dir: &Path, name: &str) -> Result<PathBuf> {
    let plain = dir.join(name);
    let packed = [".gz", ".zst"].map(|ending| dir.join(format!("{name}{ending}")));
    [plain.clone()]
        .into_iter()
        .chain(packed)
        .find(|path| path.is_file())
        .ok_or_else(|| Error::file(plain, "it is missing, also with .gz or .zst"))
}

/// Extensions of files with judgements, BEIR's own first.
const ENDINGS: [&str; 7] = ["tsv", "jsonl", "ndjson", "json", "txt", "trec", "qrels"];

/// The file with a split's judgements: in the folder `qrels` or, if there is none, next to the
/// corpus, as in some MTEB sets.
///
/// # Errors
/// [`Error::File`] with the available splits if this one is missing.
fn judgements_of(dir: &Path, split: &str, notes: &mut Vec<String>) -> Result<PathBuf> {
    let own = dir.join("qrels");
    let folder = if own.is_dir() { own.as_path() } else { dir };
    let mut found: BTreeMap<String, Vec<(usize, PathBuf)>> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(|e| Error::file(folder, e))? {
        let path = entry.map_err(|e| Error::file(folder, e))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let plain = [".gz", ".zst"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let Some((split, ending)) = plain.rsplit_once('.') else { continue };
        if let Some(place) = ENDINGS.iter().position(|known| *known == ending)
            && path.is_file()
            && !["corpus", "queries"].contains(&split)
        {
            found.entry(split.to_string()).or_default().push((place, path));
        }
    }
    let Some(mut files) = found.remove(split) else {
        let there: Vec<String> = found.into_keys().collect();
        let there = match there.as_slice() {
            [] => "there are no judgements of any split".to_string(),
            [one] => format!("there is only the split {one}"),
            more => format!("there are the splits {}", more.join(", ")),
        };
        let path = own.join(format!("{split}.tsv"));
        return Err(Error::file(path, format!("it is missing, in all supported formats; {there}")));
    };
    files.sort();
    let names: Vec<String> = files.iter().skip(1).map(|(_, path)| path.display().to_string()).collect();
    let path = files.swap_remove(0).1;
    if !names.is_empty() {
        notes.push(format!("{} was read, {} not.", path.display(), names.join(", ")));
    }
    Ok(path)
}

/// Folders named after a language that have a corpus, by name.
fn folders(dir: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|e| Error::file(dir, e))? {
        let path = entry.map_err(|e| Error::file(dir, e))?.path();
        if let Some(lang) = path.file_name().and_then(|n| n.to_str()).and_then(xquad::language_of)
            && first_existing(&path, "corpus.jsonl").is_ok()
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
    use crate::datasets::{Other, Relevant};

    fn write(dir: &Path) {
        fs::create_dir_all(dir.join("qrels")).unwrap();
        let corpus = r#"{"_id":"d 1","title":"Berlin","text":"Berlin ist die Hauptstadt von Deutschland."}
{"_id":"d2","text":"Die Spinne hat sechs Beine."}
{"_id":"d2","title":"","text":"Die Spinne hat acht Beine."}
{"_id":"d3","title":null,"text":" "}
{"_id":4,"title":"Eine Überschrift","text":""}
{"_id":"d5","title":"Nichts","text":null}
"#;
        fs::write(dir.join("corpus.jsonl"), corpus).unwrap();
        let queries = r#"{"_id":"q1","text":"Was ist die Hauptstadt?","metadata":{}}
{"_id":"q2","text":"Wie viele Beine?"}
{"_id":"q3","text":"Aus einem anderen Teil?"}
{"_id":"q4","text":""}
"#;
        fs::write(dir.join("queries.jsonl"), queries).unwrap();
        fs::write(
            dir.join("qrels/test.tsv"),
            "query-id\tcorpus-id\tscore\nq1\td 1\t1\nq1\td2\t0\nq1\td 1\t2.0\nq2\td3\t1\nq4\t4\t1\nq5\td2\t1\n",
        )
        .unwrap();
    }

    #[test]
    fn a_folder_is_read_and_its_faults_are_listed() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        let corpus = read(folder.path(), &CollectionOptions::default()).unwrap();
        let passages: Vec<_> = corpus.passages.iter().map(|p| (p.id.as_str(), p.text.as_str())).collect();
        assert_eq!(
            passages,
            [
                ("de:d 1", "Berlin Berlin ist die Hauptstadt von Deutschland."),
                ("de:d2", "Die Spinne hat acht Beine."),
                ("de:4", "Eine Überschrift"),
            ]
        );
        assert!(corpus.identical_ids);
        let ids: Vec<&str> = corpus.questions.iter().map(|q| q.id.as_str()).collect();
        assert_eq!(ids, ["q1", "q2", "q4", "q5"]);
        let other = |id: &str, grade| Other { passage: id.into(), lang: Some("de".into()), grade };
        assert_eq!(corpus.questions[0].relevant, [Relevant { passage: 0, grade: 2 }]);
        assert_eq!(corpus.questions[0].others, [other("de:d2", 0)]);
        assert_eq!(corpus.questions[1].others, [other("de:d3", 1)]);
        assert_eq!((corpus.questions[2].text.as_str(), corpus.questions[3].text.as_str()), ("", ""));
        assert_eq!(corpus.questions[0].group, "de:q1");
        let notes = corpus.notes.join("\n");
        for said in [
            "most of the first passages are in de",
            "1 passage repeats an id, and the last one wins: ",
            "corpus.jsonl:3",
            "1 passage has neither title nor text",
            "corpus.jsonl:4",
            "corpus.jsonl:6 was left out: it has no text",
            "1 query has no text",
            "queries.jsonl:4",
            "1 judged passage does not exist",
            "test.tsv:5 (d3)",
            "1 judgement repeats an earlier one",
            "test.tsv:4",
            "1 id in the qrels has no query: q5",
        ] {
            assert!(notes.contains(said), "{said} is not in\n{notes}");
        }
        let given = CollectionOptions { languages: vec!["nl".into()], ..CollectionOptions::default() };
        assert_eq!(read(folder.path(), &given).unwrap().passages[0].lang, "nl");
    }

    #[test]
    fn folders_of_languages_are_read_together() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("set-de"));
        write(&folder.path().join("set-en"));
        let corpus = read(folder.path(), &CollectionOptions::default()).unwrap();
        let groups: Vec<&str> = corpus.questions.iter().map(|q| q.group.as_str()).collect();
        assert_eq!(groups, ["de:q1", "de:q2", "de:q4", "de:q5", "en:q1", "en:q2", "en:q4", "en:q5"]);
        assert_eq!(corpus.questions[4].relevant[0].passage, 3);
        assert!(corpus.identical_ids);
        let asked = CollectionOptions { languages: vec!["en".into()], ..CollectionOptions::default() };
        assert_eq!(read(folder.path(), &asked).unwrap().questions.len(), 4);
    }

    #[test]
    fn ids_are_numbers_or_strings_as_they_stand() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        let line = |id: &str| format!("{{\"_id\":{id},\"text\":\"t\"}}\n");
        let written =
            ["7", "\"07\"", "\"a b\"", "\"a_b\"", "\" a b\"", "12345678901234567890123", "1.0", "\"ß\\t中\""];
        fs::write(folder.path().join("corpus.jsonl"), written.map(line).concat()).unwrap();
        fs::write(folder.path().join("queries.jsonl"), line("7")).unwrap();
        fs::write(folder.path().join("qrels/test.tsv"), "7\t7\t1\n7\ta b\t1\n7\t a b\t1\n").unwrap();
        let options = CollectionOptions { languages: vec!["de".into()], ..CollectionOptions::default() };
        let corpus = read(folder.path(), &options).unwrap();
        let ids: Vec<&str> = corpus.passages.iter().map(|p| p.id.as_str()).collect();
        let stay = ["7", "07", "a b", "a_b", " a b", "12345678901234567890123", "1.0", "ß\t中"];
        assert_eq!(ids, stay.map(|id| format!("de:{id}")));
        let [question] = corpus.questions.as_slice() else { panic!("{:?}", corpus.questions) };
        assert_eq!(question.relevant, [0, 2, 4].map(Relevant::from));
        assert_eq!(corpus.notes, Vec::<String>::new());
    }

    #[test]
    fn judgements_are_found_in_every_form_and_place() {
        let jsonl = "{\"query-id\": \"q1\", \"corpus-id\": \"d2\", \"score\": 1}\n";
        for (path, text) in [
            ("qrels/test.jsonl", jsonl),
            ("qrels/test.json", "{\"q1\": {\"d2\": 1}}"),
            ("qrels/test.tsv", "q1\td2\t1\n"),
            ("qrels/test.txt", "q1 0 d2 1\n"),
            ("test.tsv", "\u{feff}query-id\tcorpus-id\tscore\r\nq1\td2\t1\r\n"),
            ("test.jsonl", jsonl),
        ] {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path());
            fs::remove_dir_all(folder.path().join("qrels")).unwrap();
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            let corpus = read(folder.path(), &CollectionOptions::default()).unwrap();
            assert_eq!(corpus.questions.len(), 1);
            assert_eq!(corpus.questions[0].relevant, [1.into()], "{}", path.display());
        }
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        fs::write(folder.path().join("qrels/test.jsonl"), jsonl).unwrap();
        let notes = read(folder.path(), &CollectionOptions::default()).unwrap().notes.join("\n");
        assert!(notes.contains("test.tsv was read, ") && notes.contains("test.jsonl not."), "{notes}");
    }

    #[test]
    fn departures_are_named() {
        for (path, text, said) in [
            ("corpus.jsonl", "{\"_id\":null,\"text\":\"a\"}\n", "corpus.jsonl:1: it has no _id"),
            ("corpus.jsonl", "\n{\"_id\":\"1\"}\n", "corpus.jsonl:2: it has no text"),
            ("corpus.jsonl", "{\"_id\":\"1\",\"text\":[]}\n", "corpus.jsonl:1: its text is not a string"),
            ("corpus.jsonl", "{\"_id\":[1],\"text\":\"a\"}\n", "corpus.jsonl:1: the id is [1]"),
            ("queries.jsonl", "{\"_id\":\"q1\"\n", "queries.jsonl:1: it is not a JSON object"),
            ("qrels/test.tsv", "q1\td1\tx\n", "test.tsv:1: the grade"),
            ("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1 d1 1\n", "test.tsv:2: it has 1 columns"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path());
            fs::write(folder.path().join(path), text).unwrap();
            let problem = read(folder.path(), &CollectionOptions::default()).unwrap_err().to_string();
            assert!(problem.contains(said), "{problem} should say {said}");
        }
        // One bad line among good ones is left out.
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        let mut lines = fs::read(folder.path().join("corpus.jsonl")).unwrap();
        lines.extend(b"{\"_id\":\"d6\",\"te\n\xff\xff\n");
        fs::write(folder.path().join("corpus.jsonl"), lines).unwrap();
        let notes = read(folder.path(), &CollectionOptions::default()).unwrap().notes.join("\n");
        assert!(
            notes.contains("corpus.jsonl:7 was left out") && notes.contains("corpus.jsonl:8 was"),
            "{notes}"
        );

        let folder = tempfile::tempdir().unwrap();
        assert!(
            read(folder.path(), &CollectionOptions::default())
                .unwrap_err()
                .to_string()
                .contains("corpus.jsonl")
        );
        write(folder.path());
        fs::write(folder.path().join("qrels/train.tsv"), "q1\td2\t1\n").unwrap();
        let split = |split: &str| {
            let options = CollectionOptions { split: Some(split.into()), ..CollectionOptions::default() };
            read(folder.path(), &options).map(|corpus| corpus.questions.len()).map_err(|e| e.to_string())
        };
        assert_eq!(split("train"), Ok(1));
        let problem = split("dev").unwrap_err();
        assert!(
            problem.contains("dev.tsv") && problem.contains("there are the splits test, train"),
            "{problem}"
        );
    }
}
