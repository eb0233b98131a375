//! Finds out what files are, from their content first and their name second.

use serde_json::Value;

use super::{Corpus, drop, lines, own, sample, tydiqa, xquad};
use crate::{Error, Result};

/// Opens files a person gave: XQuAD-R or MLQA-R JSON, TyDi QA's gold passages, DROP, the sample
/// corpus, JSON lines of passages and questions, tab-separated or plain lines. Each is `(name, bytes)`; the name may have folders in front.
///
/// A file that cannot be used among others that can is left out, and [`Corpus::notes`] says why;
/// so are single lines.
///
/// # Errors
/// A sentence that names file and line when nothing is left to search.
pub fn open(files: &[(String, Vec<u8>)]) -> Result<Corpus> {
    let mut corpus = Corpus::default();
    let mut refused: Vec<Error> = Vec::new();
    let mut opened = 0;
    // Their passages may be in any of the files.
    let mut queries = Vec::new();
    for (name, bytes) in files {
        match read(base(name), bytes).and_then(|(part, asked)| {
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
        let names: Vec<&str> = files.iter().map(|(name, _)| base(name)).collect();
        return Err(Error::Input(format!(
            "{}: there are questions but no passages; open the passages' file together with it.",
            names.join(", ")
        )));
    }
    if opened == 0 {
        return Err(refused.into_iter().next().unwrap_or_else(|| Error::Input("No file was given.".into())));
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

fn read(name: &str, bytes: &[u8]) -> Result<(Corpus, Vec<own::Query>)> {
    let decoded = lines::decode(name, bytes)?;
    let extension = name.rsplit_once('.').map_or("", |(_, e)| e).to_ascii_lowercase();
    let first = decoded.text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or("");
    if first.starts_with('{') {
        match serde_json::from_str::<Value>(first) {
            Ok(value) if is_document(&value) => return document(name, &value),
            Ok(value) if sample::is_record(&value) => {
                return sample::parse(name, &decoded.text).map(|corpus| (corpus, Vec::new()));
            }
            Ok(_) => return lines::json(name, &decoded),
            // One document over many lines, or one that breaks off.
            Err(problem) => match serde_json::from_str::<Value>(&decoded.text) {
                Ok(value) if is_document(&value) => return document(name, &value),
                Err(_) if decoded.text.contains("\"data\"") && decoded.text.contains("\"paragraphs\"") => {
                    return xquad::parse(name, decoded.text.as_bytes()).map(|corpus| (corpus, Vec::new()));
                }
                _ if extension == "json" => {
                    return Err(Error::format(
                        name,
                        format!(
                            "it is neither XQuAD-R, TyDi QA or DROP JSON nor one JSON object a line \
                             ({problem}). Give one object a line with id, lang and text."
                        ),
                    ));
                }
                _ => {}
            },
        }
    }
    match extension.as_str() {
        "jsonl" | "ndjson" => lines::json(name, &decoded),
        "json" => Err(Error::format(
            name,
            "it is JSON of another form. Give one object a line with id, lang and text, or XQuAD-R.",
        )),
        _ => lines::text(name, &decoded, extension == "tsv").map(|corpus| (corpus, Vec::new())),
    }
}

fn is_document(value: &Value) -> bool {
    value.get("data").is_some() || drop::is_drop(value)
}

/// A data set that is one JSON document.
fn document(name: &str, value: &Value) -> Result<(Corpus, Vec<own::Query>)> {
    let corpus = if drop::is_drop(value) {
        drop::from_value(name, value)
    } else if breaks(value) {
        xquad::from_value(name, value)
    } else {
        tydiqa::from_value(name, value)
    };
    corpus.map(|corpus| (corpus, Vec::new()))
}

/// Whether some paragraph says where its sentences end.
fn breaks(value: &Value) -> bool {
    let articles = value.get("data").and_then(Value::as_array).into_iter().flatten();
    let paragraphs = articles.filter_map(|a| a.get("paragraphs")?.as_array()).flatten();
    let mut paragraphs = paragraphs.peekable();
    paragraphs.peek().is_none() || paragraphs.any(|p| p.get("sentence_breaks").is_some())
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
    fn nothing_usable_is_an_error_that_names_the_file() {
        for (name, text) in [
            ("empty.txt", ""),
            ("blank.txt", " \n\n"),
            ("photo.png", "\u{0}\u{1}PNG"),
            ("en.json", r#"{"data": [{"title": "T", "paragraphs": [{"cont"#),
            ("list.json", r#"[{"text":"a"}]"#),
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
