//! Detects the format of files, from their content first and their name second.

use std::path::Path;

use serde_json::Value;
use serde_json::value::RawValue;

use super::file::{self, Text};
use super::table::TableFormat;
use super::{Columns, Corpus, catalogue, lines, own, sample};
use crate::{Error, Result};

/// Opens files from the user: XQuAD-R or MLQA-R JSON, TyDi QA's gold passages, DROP, the sample
/// corpus, JSON lines or arrays of passages and questions, tables (CSV, TSV) or plain lines, optionally
/// compressed. Each is `(name, bytes)`; the name may be a path.
///
/// Unusable files and lines are left out, and [`Corpus::notes`] says why.
///
/// # Errors
/// A sentence that names file and line if nothing is left to search.
pub fn open(files: &[(String, Vec<u8>)]) -> Result<Corpus> {
    open_with(files, &Columns::default())
}

/// Like [`open`], with the user's choice of columns and fields.
///
/// # Errors
/// As [`open`].
pub fn open_with(files: &[(String, Vec<u8>)], columns: &Columns) -> Result<Corpus> {
    let files: Vec<_> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice(), columns)).collect();
    open_each(&files)
}

/// Like [`open_with`], with a choice for each file.
///
/// # Errors
/// As [`open`].
pub fn open_each(files: &[(&str, &[u8], &Columns)]) -> Result<Corpus> {
    let mut corpus = Corpus::default();
    let mut refused: Vec<Error> = Vec::new();
    let mut opened = 0;
    // Their passages may be in any of the files.
    let mut queries = Vec::new();
    for &(name, bytes, columns) in files {
        match read(base(name), bytes, columns).and_then(|(part, asked)| {
            let named = (!part.passages.is_empty()).then(|| part.name.clone());
            corpus.append(part).map(|()| (named, asked))
        }) {
            Ok((named, asked)) => {
                queries.extend(asked);
                if let Some(name) = named {
                    if opened == 0 {
                        corpus.name = name;
                    }
                    opened += 1;
                }
            }
            Err(problem) => refused.push(problem),
        }
    }
    if opened == 0 && refused.is_empty() && !queries.is_empty() {
        let names: Vec<&str> = files.iter().map(|(name, ..)| base(name)).collect();
        return Err(Error::Input(format!(
            "{}: there are questions but no passages; open the passages' file together with it",
            names.join(", ")
        )));
    }
    if opened == 0 {
        return Err(refused.into_iter().next().unwrap_or_else(|| Error::Input("no file was given".into())));
    }
    if opened > 1 {
        corpus.name = format!("{} and {} more", corpus.name, opened - 1);
    }
    own::resolve(&mut corpus, queries);
    for problem in refused.iter().rev() {
        corpus.notes.insert(0, format!("Left out: {problem}"));
    }
    Ok(corpus)
}

/// A file of texts to encode, one row each.
pub enum Lines {
    /// Plain text: every line, including blank ones, so that row numbers are line numbers.
    Plain {
        /// The lines.
        lines: Vec<String>,
        /// How they were read, and what is unusual about them.
        notes: Vec<String>,
    },
    /// The passages of a table or of JSON.
    Passages(Corpus),
}

/// Reads the file at `path` as [`Lines`].
///
/// # Errors
/// As [`open_with`]; a line that cannot be decoded.
pub fn lines_of(path: &Path, columns: &Columns) -> Result<Lines> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|e| Error::file(path, e))?;
    let text = file::text(&name, &bytes)?;
    if !is_plain(&name, &text, columns)? {
        return open_with(&[(name, bytes)], columns).map(Lines::Passages);
    }
    if let Some(line) = text.undecodable.first() {
        let problem = "it is not UTF-8 text; a row would be missing. Fix the line or save the file as UTF-8.";
        return Err(Error::format(format!("{name}:{line}"), problem));
    }
    let lines: Vec<String> = text.text.lines().map(Into::into).collect();
    let blank = lines.iter().filter(|line| line.trim().is_empty()).count();
    let mut notes: Vec<String> = text.note.into_iter().collect();
    match blank {
        0 => {}
        1 => notes.push(format!("{name}: 1 line is blank; it gets a row too.")),
        n => notes.push(format!("{name}: {n} lines are blank; they get rows too.")),
    }
    Ok(Lines::Plain { lines, notes })
}

/// The separator implied by a file's extension.
fn promised(extension: &str) -> Option<char> {
    match extension {
        "csv" => Some(','),
        "tsv" | "tab" => Some('\t'),
        "psv" => Some('|'),
        _ => None,
    }
}

/// A file's extension, without that of compression.
fn ending(name: &str) -> String {
    file::unpacked_name(name).rsplit_once('.').map_or("", |(_, e)| e).to_ascii_lowercase()
}

/// Whether a file is neither JSON nor a table.
fn is_plain(name: &str, text: &Text, columns: &Columns) -> Result<bool> {
    let extension = ending(name);
    if ["json", "jsonl", "ndjson"].contains(&extension.as_str()) || mostly_objects(&text.text) {
        return Ok(false);
    }
    let table = TableFormat::of(name, &text.text, promised(&extension), columns);
    table.map(|table| table.is_none()).map_err(|problem| Error::format(name, problem))
}

fn read(name: &str, bytes: &[u8], columns: &Columns) -> Result<(Corpus, Vec<own::UnresolvedQuery>)> {
    let text = file::text(name, bytes)?;
    let extension = ending(name);
    match text.text.trim_start().chars().next() {
        Some('{') => {
            if let Some(read) = braces(name, &text, &extension, columns) {
                return read;
            }
        }
        Some('[') => match serde_json::from_str::<Vec<&RawValue>>(&text.text) {
            Ok(list) => return lines::json_list(name, &text, &list, columns),
            Err(problem) if extension == "json" => return Err(broken(name, &problem)),
            Err(_) => {}
        },
        _ => {}
    }
    match extension.as_str() {
        "jsonl" | "ndjson" => lines::json(name, &text, columns),
        "json" => Err(Error::format(name, "it is not JSON; if it is text, name it .txt")),
        _ => lines::text(name, &text, promised(&extension), columns).map(|corpus| (corpus, Vec::new())),
    }
}
/// Reads text that begins with a brace; `None` if it is not JSON after all.
fn braces(
    name: &str,
    text: &Text,
    extension: &str,
    columns: &Columns,
) -> Option<Result<(Corpus, Vec<own::UnresolvedQuery>)>> {
    let first = text.text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or("");
    let noted = |corpus: Result<Corpus>| {
        let told = |mut corpus: Corpus| {
            corpus.notes.splice(0..0, text.note.clone());
            (corpus, Vec::new())
        };
        corpus.map(told)
    };
    let begin = match serde_json::from_str::<Value>(first) {
        Ok(value) => {
            return Some(match document(name, &value) {
                Some(corpus) => noted(corpus),
                None if sample::is_record(&value) => noted(sample::parse(name, &text.text)),
                None => lines::json(name, text, columns),
            });
        }
        Err(problem) => problem,
    };
    // One document over many lines, or several, or a truncated one.
    let values: std::result::Result<Vec<&RawValue>, _> =
        serde_json::Deserializer::from_str(&text.text).into_iter().collect();
    match values {
        Ok(values) => {
            let only = match values.as_slice() {
                [only] => serde_json::from_str::<Value>(only.get()).ok(),
                _ => None,
            };
            Some(match only.and_then(|value| document(name, &value)) {
                Some(corpus) => noted(corpus),
                None => lines::json_list(name, text, &values, columns),
            })
        }
        Err(problem) if text.text.contains("\"data\"") && text.text.contains("\"paragraphs\"") => {
            Some(Err(broken(name, &problem)))
        }
        Err(_) if mostly_objects(&text.text) => Some(lines::json(name, text, columns)),
        Err(_) if extension == "json" => Some(Err(broken(name, &begin))),
        Err(_) => None,
    }
}

fn broken(name: &str, problem: &serde_json::Error) -> Error {
    Error::format(
        name,
        format!(
            "it is not whole, valid JSON ({problem}). Get the file again, or give one object per line with id, \
             lang and text."
        ),
    )
}

/// Whether most of the first lines are JSON objects.
fn mostly_objects(text: &str) -> bool {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).take(20).collect();
    let objects =
        lines.iter().filter(|line| serde_json::from_str::<Value>(line).is_ok_and(|v| v.is_object()));
    2 * objects.count() > lines.len()
}

/// A data set that is one JSON document; `None` for any other.
fn document(name: &str, value: &Value) -> Option<Result<Corpus>> {
    catalogue::form_of(value).map(|form| (form.read)(name, value))
}

/// The name without its folders.
fn base(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(files: &[(&str, &str)]) -> Result<Corpus> {
        let files: Vec<_> = files.iter().map(|(n, t)| (n.to_string(), t.as_bytes().to_vec())).collect();
        open(&files)
    }

    const XQUAD: &str = r#"{"data":[{"title":"T","paragraphs":[{"context":"Ein Satz. Noch einer.",
        "qas":[{"id":"q1","question":"Wo?","answers":[{"answer_start":10,"text":"Noch"}]}],
        "sentence_breaks":[[0,9],[10,21]],"sentences":["Ein Satz.","Noch einer."]}]}],"version":"1"}"#;

    #[test]
    fn content_decides() {
        let line = |s: &str| s.replace('\n', " ");
        let cases = [
            ("a/de.json", line(XQUAD), 2, 1),
            ("de.json", XQUAD.to_string(), 2, 1),
            ("dev.json", XQUAD.replace("sentence_breaks", "other"), 2, 1),
            (
                "drop.json",
                "{\n\"p1\":{\"passage\":\"Ann ran. Bob sat.\",\"qa_pairs\":[{\"query_id\":\"q\",\n\
                 \"question\":\"Who sat?\",\"answer\":{\"spans\":[\"Bob\"]}}]}}"
                    .into(),
                2,
                1,
            ),
            ("x.txt", "{\"id\":1,\"lang\":\"de\",\"text\":\"Hallo\"}\n".into(), 1, 0),
            ("x.tsv", "id\tlang\ttext\n1\tde\tHallo\n".into(), 1, 0),
            ("pasted text", "One line.\nAnother one.\n".into(), 2, 0),
            ("pasted text", "{not json\nbut text".into(), 2, 0),
            (
                "p.jsonl",
                r#"{"id":"a","topic":"T","passage":{"de":"Das ist rot."},"question":{"de":"Was?"},"answer":{"de":"rot"}}"#
                    .into(),
                1,
                1,
            ),
        ];
        for (name, text, passages, questions) in cases {
            let corpus = opened(&[(name, &text)]).unwrap();
            assert_eq!(corpus.passages.len(), passages, "{name} {text}");
            assert_eq!(corpus.questions.len(), questions, "{name} {text}");
        }
    }

    #[test]
    fn lines_are_rows_unless_they_are_records() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            lines_of(&path, &Columns::default())
        };
        let Lines::Plain { lines, notes } = read("a.txt", b"\xef\xbb\xbfone\r\n\r\ntwo, three\r\n").unwrap()
        else {
            panic!()
        };
        assert_eq!(lines, ["one", "", "two, three"]);
        assert!(notes[0].contains("byte order mark") && notes[1].contains("1 line is blank"), "{notes:?}");
        for (name, text) in [
            ("a.csv", "id,text\n1,Bees keep honey.\n"),
            ("a.jsonl", "{\"contents\":\"Bees keep honey.\"}\n"),
            ("a.txt", "{\"text\":\"Bees keep honey.\"}\n"),
        ] {
            let Lines::Passages(corpus) = read(name, text.as_bytes()).unwrap() else { panic!("{name}") };
            assert_eq!(corpus.passages[0].text, "Bees keep honey.");
        }
        assert!(read("b.txt", b"gr\xc3\xbcn\n\xff\nblau \xc3\x9f\n").is_err());
    }

    #[test]
    fn nothing_usable_is_an_error_that_names_the_file() {
        for (name, text) in [
            ("empty.txt", ""),
            ("blank.txt", " \n\n"),
            ("photo.png", "\u{0}\u{1}PNG"),
            ("en.json", r#"{"data": [{"title": "T", "paragraphs": [{"cont"#),
            ("list.json", r#"[{"a":"text"}]"#),
            ("cut.json", r#"{"text": "a"#),
        ] {
            let problem = opened(&[(name, text)]).unwrap_err().to_string();
            assert!(problem.contains(name), "{problem}");
        }
        assert!(opened(&[]).is_err());
    }

    #[test]
    fn one_bad_file_among_good_ones_is_noted() {
        let corpus = opened(&[("bad.bin", "\u{0}"), ("de.json", XQUAD), ("a.txt", "Hello there.")]);
        let corpus = corpus.unwrap();
        assert_eq!(corpus.passages.len(), 3);
        assert!(corpus.notes[0].contains("bad.bin"), "{:?}", corpus.notes);
        let twice = opened(&[("de.json", XQUAD), ("copy/de.json", XQUAD)]).unwrap();
        assert_eq!(twice.passages.len(), 2);
        assert!(twice.notes[0].contains("de.json"), "{:?}", twice.notes);
    }
}
