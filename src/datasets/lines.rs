//! A person's own text: plain lines, tab-separated values, or JSON lines.
//!
//! - Plain: every line that is not blank is a passage.
//! - Tab-separated: a header row with `text` and any of `id`, `lang`, `question`, `title`; without
//!   one, `lang, text` or `id, lang, text` (and `id, text` in a file named `.tsv`).
//! - JSON lines: an object a line with `text` and any of the same names, or a question
//!   with its relevant passages (`own.rs`).
//!
//! Languages that are not given are detected. Lines that cannot be used are left out, and
//! [`Corpus::notes`] says which and why.

use std::collections::HashMap;

use serde_json::Value;

use super::{Corpus, Passage, Question, UNDETERMINED, listed, own, shorten, without_blanks};
use crate::{Error, Result, text};

/// Longest line taken, in characters: longer ones are mostly files of another kind.
pub const MAX_CHARS: usize = 20_000;

/// How many left-out lines are named one by one.
const NAMED: usize = 8;

/// A file's text; lines that are not UTF-8 are blank in it, so that numbers stay right.
pub struct Decoded {
    /// The text, without a byte order mark.
    pub text: String,
    /// Numbers (from 1) of the lines that were blanked.
    pub undecodable: Vec<usize>,
}

/// Decodes a file as UTF-8.
///
/// # Errors
/// [`Error::Format`] when it is empty, binary, UTF-16, or mostly not UTF-8.
pub fn decode(name: &str, bytes: &[u8]) -> Result<Decoded> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(Error::format(name, "it is UTF-16 text; save it as UTF-8."));
    }
    let bytes = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(bytes);
    if bytes.trim_ascii().is_empty() {
        return Err(Error::format(name, "the file is empty."));
    }
    if bytes.contains(&0) {
        return Err(Error::format(name, "it is a binary file, not text."));
    }
    let mut text = String::with_capacity(bytes.len());
    let mut undecodable = Vec::new();
    let mut used = 0;
    for (i, line) in bytes.split(|&b| b == b'\n').enumerate() {
        match std::str::from_utf8(line) {
            Ok(line) => {
                used += usize::from(!line.trim().is_empty());
                text.push_str(line);
            }
            Err(_) => undecodable.push(i + 1),
        }
        text.push('\n');
    }
    match undecodable.first() {
        Some(line) if undecodable.len() > used => {
            Err(Error::format(format!("{name}:{line}"), "this is not UTF-8 text; save it as UTF-8."))
        }
        _ => Ok(Decoded { text, undecodable }),
    }
}

/// Reads JSON lines: passages, and questions whose passages are still to be looked up.
///
/// # Errors
/// [`Error::Input`] when no line can be used, with the first line's sentence.
pub(super) fn json(name: &str, decoded: &Decoded) -> Result<(Corpus, Vec<own::Query>)> {
    let mut builder = Builder::new(name, decoded);
    let mut queries = Vec::new();
    for (number, line) in numbered(&decoded.text) {
        if !builder.short_enough(number, line) {
            continue;
        }
        match serde_json::from_str::<Value>(line) {
            Ok(Value::Object(object)) if own::is_query(&object) => {
                match own::parse(format!("{name}:{number}"), &object) {
                    Ok(query) => queries.push(query),
                    Err(problem) => builder.leave_out(number, problem),
                }
            }
            Ok(Value::Object(object)) => match record(&object) {
                Ok(record) => builder.add(number, record),
                Err(problem) => builder.leave_out(number, problem),
            },
            Ok(_) => builder.leave_out(number, "a JSON object with the field text is expected."),
            Err(problem) => builder.leave_out(number, format!("it is not JSON ({problem}).")),
        }
    }
    Ok((builder.finish(queries.is_empty())?, queries))
}

/// Reads tab-separated values where the text is such, else plain lines. `strict` says that the
/// file's name promises tab-separated values.
///
/// # Errors
/// [`Error::Format`] when the promise is not kept, [`Error::Input`] when no line can be used.
pub fn text(name: &str, decoded: &Decoded, strict: bool) -> Result<Corpus> {
    let mut builder = Builder::new(name, decoded);
    let layout = Layout::of(&decoded.text, strict);
    if layout.is_none() && strict {
        return Err(Error::format(
            name,
            "its columns are not understood: begin with a header row of id, lang, text, question, \
             title (text is needed), or use the columns id, lang, text.",
        ));
    }
    for (number, line) in numbered(&decoded.text).skip(usize::from(layout.as_ref().is_some_and(|l| l.header)))
    {
        if !builder.short_enough(number, line) {
            continue;
        }
        let Some(layout) = &layout else {
            let text = line.trim().to_string();
            builder.add(number, Record { text, ..Record::default() });
            continue;
        };
        match layout.record(line) {
            Some(record) => builder.add(number, record),
            None => builder.leave_out(
                number,
                format!("it has {} columns, not {}.", line.split('\t').count(), layout.columns.len()),
            ),
        }
    }
    builder.finish(true)
}

/// Lines that are not blank, with their numbers from 1.
fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(i, l)| (i + 1, l)).filter(|(_, l)| !l.trim().is_empty())
}

/// One passage as it was given.
#[derive(Default)]
struct Record {
    id: Option<String>,
    lang: Option<String>,
    text: String,
    question: Option<String>,
    title: Option<String>,
}

impl Record {
    fn set(&mut self, column: Column, value: &str) {
        let value = value.trim();
        if value.is_empty() {
            return;
        }
        match column {
            Column::Id => self.id = Some(value.into()),
            Column::Lang => self.lang = Some(value.into()),
            Column::Text => self.text = value.into(),
            Column::Question => self.question = Some(value.into()),
            Column::Title => self.title = Some(value.into()),
            Column::Other => {}
        }
    }
}

fn record(object: &serde_json::Map<String, Value>) -> std::result::Result<Record, String> {
    let mut record = Record::default();
    for (key, value) in object {
        let column = Column::of(key);
        match value {
            _ if column == Column::Other => {}
            Value::String(s) => record.set(column, s),
            Value::Number(n) if column == Column::Id => record.id = Some(n.to_string()),
            Value::Null => {}
            _ => return Err(format!("the field {key} is not a string.")),
        }
    }
    Ok(record)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Id,
    Lang,
    Text,
    Question,
    Title,
    Other,
}

impl Column {
    fn of(name: &str) -> Self {
        match name.trim().to_ascii_lowercase().as_str() {
            "id" => Self::Id,
            "lang" | "language" => Self::Lang,
            "text" => Self::Text,
            "question" => Self::Question,
            "title" => Self::Title,
            _ => Self::Other,
        }
    }
}

/// Which column is what.
struct Layout {
    columns: Vec<Column>,
    header: bool,
}

impl Layout {
    fn of(text: &str, strict: bool) -> Option<Self> {
        let first: Vec<&str> = numbered(text).next()?.1.split('\t').collect();
        let named: Vec<Column> = first.iter().map(|c| Column::of(c)).collect();
        if (first.len() > 1 || strict) && named.contains(&Column::Text) {
            return Some(Self { columns: named, header: true });
        }
        // Without a header, a column of known language codes is the sign.
        let codes = |column: usize| {
            numbered(text).take(100).all(|(_, line)| {
                line.split('\t')
                    .nth(column)
                    .is_some_and(|c| text::language(&c.trim().to_ascii_lowercase()).is_some())
            })
        };
        let columns = match first.len() {
            2 if codes(0) => vec![Column::Lang, Column::Text],
            3 if codes(1) => vec![Column::Id, Column::Lang, Column::Text],
            3 if codes(0) => vec![Column::Lang, Column::Id, Column::Text],
            1 if strict => vec![Column::Text],
            2 if strict => vec![Column::Id, Column::Text],
            _ => return None,
        };
        Some(Self { columns, header: false })
    }

    fn record(&self, line: &str) -> Option<Record> {
        let cells: Vec<&str> = line.trim_end_matches('\r').split('\t').collect();
        if cells.len() != self.columns.len() {
            return None;
        }
        let mut record = Record::default();
        for (&column, cell) in self.columns.iter().zip(cells) {
            record.set(column, cell);
        }
        Some(record)
    }
}

/// Collects records into a corpus.
struct Builder<'a> {
    name: &'a str,
    corpus: Corpus,
    problems: Vec<String>,
    ids: HashMap<String, usize>,
    repeated: Vec<String>,
    detected: usize,
}

impl<'a> Builder<'a> {
    fn new(name: &'a str, decoded: &Decoded) -> Self {
        let mut builder = Self {
            name,
            corpus: Corpus { name: name.into(), ..Corpus::default() },
            problems: Vec::new(),
            ids: HashMap::new(),
            repeated: Vec::new(),
            detected: 0,
        };
        for &line in &decoded.undecodable {
            builder.leave_out(line, "it is not UTF-8 text.");
        }
        builder
    }

    fn leave_out(&mut self, line: usize, problem: impl std::fmt::Display) {
        self.problems.push(format!("{}:{line} was left out: {problem}", self.name));
    }

    fn short_enough(&mut self, line: usize, content: &str) -> bool {
        // Bytes bound characters from above: most lines are never counted.
        let chars = if content.len() > MAX_CHARS { content.chars().count() } else { 0 };
        if chars > MAX_CHARS {
            self.leave_out(
                line,
                format!("it has {chars} characters, more than {MAX_CHARS}; break it into lines."),
            );
        }
        chars <= MAX_CHARS
    }

    fn add(&mut self, line: usize, record: Record) {
        if record.text.is_empty() {
            self.leave_out(line, "it has no text.");
            return;
        }
        let lang = match record.lang.as_deref().map(code) {
            Some(Some(lang)) => lang,
            given => {
                if given.is_some() {
                    let word = record.lang.unwrap_or_default();
                    self.problems.push(format!(
                        "{}:{line}: \"{word}\" is not a language code; the language was detected.",
                        self.name
                    ));
                }
                self.detected += 1;
                text::detect(&record.text).unwrap_or(UNDETERMINED).to_string()
            }
        };
        let (id, group) = match &record.id {
            Some(id) => (format!("{lang}:{id}"), id.clone()),
            None => {
                let id = format!("{}:{line}", without_blanks(self.name));
                (id.clone(), id)
            }
        };
        let id = self.unique(id, line);
        if let Some(text) = record.question {
            let relevant = vec![self.corpus.passages.len().into()];
            let question = Question {
                id: group.clone(),
                group: group.clone(),
                lang: lang.clone(),
                text,
                relevant,
                ..Question::default()
            };
            self.corpus.questions.push(question);
        }
        self.corpus.passages.push(Passage {
            id,
            group,
            lang,
            text: record.text,
            source: record.title.unwrap_or_else(|| self.name.to_string()),
            answer: None,
        });
    }

    fn unique(&mut self, id: String, line: usize) -> String {
        let count = self.ids.entry(id.clone()).or_default();
        *count += 1;
        if *count == 1 {
            return id;
        }
        let renamed = format!("{id}#{count}");
        self.repeated.push(format!("{}:{line} ({id})", self.name));
        self.unique(renamed, line)
    }

    fn finish(self, needed: bool) -> Result<Corpus> {
        if self.corpus.passages.is_empty() && needed {
            let first = self.problems.into_iter().next();
            return Err(Error::Input(
                first.unwrap_or_else(|| format!("{}: it has no lines of text.", self.name)),
            ));
        }
        let mut corpus = self.corpus;
        corpus.notes = shorten(self.problems, NAMED);
        corpus.notes.extend(listed(
            &self.repeated,
            "passage repeats the id and language of an earlier one and was given its own",
            "passages repeat the id and language of an earlier one and were given their own",
        ));
        if self.detected > 0 {
            corpus.notes.push(format!(
                "{}: the language of {} passages was detected from their text.",
                self.name, self.detected
            ));
        }
        Ok(corpus)
    }
}

/// A language code as the project writes it: `DE` and `de-AT` are `de`, unknown ones stay.
pub(super) fn code(given: &str) -> Option<String> {
    let lower = given.trim().replace('_', "-").to_ascii_lowercase();
    let primary = lower.split('-').next().unwrap_or_default();
    if let Some(known) = text::language(primary) {
        return Some(known.code.to_string());
    }
    let plausible = (2..=3).contains(&primary.len())
        && lower.len() <= 20
        && lower.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    plausible.then_some(lower)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(name: &str, content: &[u8]) -> Result<Corpus> {
        super::super::open(&[(name.to_string(), content.to_vec())])
    }

    #[test]
    fn plain_lines_get_a_language() {
        let corpus = lines("a.txt", "\u{feff}Where is the station?\r\n\n  Где вокзал?  \n".as_bytes());
        let corpus = corpus.unwrap();
        let got: Vec<_> =
            corpus.passages.iter().map(|p| (p.id.as_str(), p.lang.as_str(), p.text.as_str())).collect();
        assert_eq!(got, [("a.txt:1", "en", "Where is the station?"), ("a.txt:3", "ru", "Где вокзал?")]);
        assert_eq!(corpus.passages[0].source, "a.txt");
    }

    #[test]
    fn json_lines_with_questions_and_translations() {
        let corpus = lines(
            "a.jsonl",
            r#"{"id":7,"lang":"de-AT","text":"Das ist rot.","question":"Welche Farbe?","title":"Farben"}
{"id":"7","lang":"EN","text":"It is red.","extra":[1]}
{"id":"7","lang":"en","text":"It is very red."}
{"lang":"en","text":""}
{"text":5}
{"text":"broken
["text"]
"#
            .as_bytes(),
        )
        .unwrap();
        let ids: Vec<_> = corpus.passages.iter().map(|p| (p.id.as_str(), p.group.as_str())).collect();
        assert_eq!(ids, [("de:7", "7"), ("en:7", "7"), ("en:7#2", "7")]);
        assert_eq!(corpus.passages[0].source, "Farben");
        assert_eq!(corpus.questions.len(), 1);
        assert_eq!((corpus.questions[0].lang.as_str(), corpus.questions[0].relevant[0].passage), ("de", 0));
        for line in 4..=7 {
            let place = format!("a.jsonl:{line}");
            assert!(corpus.notes.iter().any(|n| n.starts_with(&place)), "{:?}", corpus.notes);
        }
    }

    #[test]
    fn tab_separated_layouts() {
        for (name, content) in [
            ("a.tsv", "id\tlang\ttext\tquestion\n1\tde\tHallo\tWas?\n"),
            ("a.txt", "lang\ttext\nde\tHallo\n"),
            ("a.txt", "de\tHallo\nen\tHello\n"),
            ("a.txt", "1\tde\tHallo\r\n2\ten\tHello\r\n"),
            ("a.tsv", "1\tHallo, wie geht es dir heute?\n"),
        ] {
            let corpus = lines(name, content.as_bytes()).unwrap();
            assert!(corpus.passages[0].text.starts_with("Hallo"), "{content}");
            assert_eq!(corpus.passages[0].lang, "de", "{content}");
        }
        let plain = lines("a.txt", "one\ttwo\tthree\n".as_bytes()).unwrap();
        assert_eq!(plain.passages[0].text, "one\ttwo\tthree");
        assert!(lines("a.tsv", b"one\ttwo\tthree\tfour\n").unwrap_err().to_string().contains("a.tsv"));
        let uneven = lines("a.tsv", b"lang\ttext\nde\tHallo\nde\n").unwrap();
        assert!(uneven.notes[0].contains("a.tsv:3"), "{:?}", uneven.notes);
    }

    #[test]
    fn bad_lines_are_named() {
        let long = "x".repeat(100_000);
        let corpus = lines("a.txt", format!("short\n{long}\n").as_bytes()).unwrap();
        assert_eq!(corpus.passages.len(), 1);
        assert!(corpus.notes[0].contains("a.txt:2") && corpus.notes[0].contains("100000"));
        let alone = lines("a.txt", long.as_bytes()).unwrap_err().to_string();
        assert!(alone.contains("a.txt:1"), "{alone}");
        let latin1 = lines("a.txt", b"good line\nbad \xff line\nanother\n").unwrap();
        assert!(latin1.notes[0].contains("a.txt:2"), "{:?}", latin1.notes);
        assert_eq!(latin1.passages[1].id, "a.txt:3");
        assert!(lines("a.txt", b"\xff\xe9\nabc\xe9\n").unwrap_err().to_string().contains("a.txt:1"));
        assert!(lines("a.txt", b"\xff\xfea\x00").unwrap_err().to_string().contains("UTF-16"));
        assert!(lines("a.pdf", b"%PDF\x00\x01").unwrap_err().to_string().contains("binary"));
    }

    proptest! {
        /// Whatever is opened, nothing panics, and every passage is usable.
        #[test]
        fn any_bytes_open_or_are_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            name in "[a-z]{1,4}\\.(txt|tsv|json|jsonl)",
        ) {
            if let Ok(corpus) = lines(&name, &bytes) {
                prop_assert!(!corpus.passages.is_empty());
                prop_assert!(corpus.passages.iter().all(|p| !p.text.trim().is_empty()));
            }
        }

        #[test]
        fn any_text_keeps_its_lines(texts in proptest::collection::vec("[a-zа-я]{1,20}", 1..20)) {
            let corpus = lines("a.txt", texts.join("\n").as_bytes()).unwrap();
            let got: Vec<String> = corpus.passages.iter().map(|p| p.text.clone()).collect();
            prop_assert_eq!(got, texts);
        }
    }
}
