//! The user's own text: plain lines, tables, or JSON objects.
//!
//! - Plain: every non-blank line is a passage.
//! - Tables: comma- or tab-separated values (`table.rs`).
//! - JSON: one object per line, or an array of them, with a text and the other fields of [`Role`]; or a
//!   question with its relevant passages (`own.rs`).
//!
//! Languages that are not given are detected. Unusable lines are left out, and [`Corpus::notes`]
//! says which and why; a file with mostly such lines is refused.

use std::collections::HashMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::columns::{self, Columns, Fields, Role};
use super::faults::Faults;
use super::file::Text;
use super::table::{TableFormat, TableRow};
use super::{Corpus, Passage, Question, UNDETERMINED, listed, own};
use crate::{Error, Result, text};

/// Longest accepted text, in characters: longer ones are mostly files of another kind.
pub const MAX_CHARS: usize = 20_000;

/// Number of records whose fields are shown to the user.
const TOLD_FROM: usize = 1000;

/// Reads JSON lines: passages, and questions whose passages are not resolved yet.
///
/// # Errors
/// [`Error::Input`] with the first places if more lines are bad than good.
pub(super) fn json(
    name: &str,
    text: &Text,
    columns: &Columns,
) -> Result<(Corpus, Vec<own::UnresolvedQuery>)> {
    let mut records = Records::new(name, text, columns);
    for (number, line) in numbered(&text.text) {
        if records.builder.faults.is_unusable() {
            break;
        }
        records.parse(number, &number.to_string(), line);
    }
    records.finish()
}

/// As [`json`], from the entries of a list.
///
/// # Errors
/// As [`json`].
pub(super) fn json_list(
    name: &str,
    text: &Text,
    list: &[&RawValue],
    columns: &Columns,
) -> Result<(Corpus, Vec<own::UnresolvedQuery>)> {
    let mut records = Records::new(name, text, columns);
    for (i, entry) in list.iter().enumerate() {
        records.parse(i + 1, &format!(" $[{i}]"), entry.get());
    }
    records.finish()
}

/// Collects JSON records.
struct Records<'a> {
    builder: CorpusBuilder<'a>,
    columns: &'a Columns,
    queries: Vec<own::UnresolvedQuery>,
    seen: usize,
    names: Vec<String>,
    /// Names that were read, in the order of [`Role::ALL`].
    read: [Vec<String>; 5],
    /// Whether a field was skipped that often has the text.
    rival: bool,
}

impl<'a> Records<'a> {
    fn new(name: &'a str, text: &Text, columns: &'a Columns) -> Self {
        let builder = CorpusBuilder::new(name, text);
        Self {
            builder,
            columns,
            queries: Vec::new(),
            seen: 0,
            names: Vec::new(),
            read: Default::default(),
            rival: false,
        }
    }

    fn parse(&mut self, number: usize, place: &str, json: &str) {
        match serde_json::from_str::<Value>(json) {
            Ok(mut value) => {
                exact_ids(json, &mut value, self.columns);
                self.add(number, place, &value);
            }
            Err(problem) => self.builder.leave_out(place, format!("it is not JSON ({problem})")),
        }
    }

    fn add(&mut self, number: usize, place: &str, value: &Value) {
        let problem = match value {
            Value::Object(object) if own::is_query(object) => {
                match own::parse(format!("{}:{place}", self.builder.name), object) {
                    Ok(query) => {
                        self.builder.faults.good();
                        return self.queries.push(query);
                    }
                    Err(problem) => problem,
                }
            }
            Value::Object(object) => match self.record(object) {
                Ok(record) => return self.builder.add_at(number, place, record),
                Err(problem) => problem,
            },
            Value::String(text) => {
                let record = PassageRecord { text: text.trim().into(), ..PassageRecord::default() };
                return self.builder.add_at(number, place, record);
            }
            _ => "a JSON object with the field text is expected".into(),
        };
        self.builder.leave_out(place, problem);
    }

    fn record(&mut self, object: &Map<String, Value>) -> std::result::Result<PassageRecord, String> {
        self.seen += 1;
        if self.seen <= TOLD_FROM {
            let new: Vec<String> = object.keys().filter(|key| !self.names.contains(key)).cloned().collect();
            self.names.extend(new);
        }
        let mut record = PassageRecord::default();
        for (at, role) in Role::ALL.into_iter().enumerate() {
            let Some((key, value)) = field(object, role, self.columns)? else { continue };
            match value {
                // Spaces around an id are part of it.
                Value::String(s) if role == Role::Id => {
                    record.id = Some(s.clone()).filter(|id| !id.trim().is_empty());
                }
                Value::String(s) => record.set(role, s),
                Value::Number(n) if role == Role::Id => record.id = Some(n.to_string()),
                _ => return Err(format!("the field {key} is not a string")),
            }
            if !self.read[at].contains(key) {
                self.read[at].push(key.clone());
            }
            let rival = |(other, value): (&String, &Value)| {
                let text = Role::of(other).is_some_and(|(other, _)| other == Role::Text);
                other != key && text && value.as_str().is_some_and(|s| !s.trim().is_empty())
            };
            self.rival |= role == Role::Text && self.seen <= TOLD_FROM && object.iter().any(rival);
        }
        if record.text.is_empty() && record.title.is_none() && self.read[0].is_empty() {
            let known = Role::Text.known()[..5].join(", ");
            let fields = object.keys().take(20).map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(match fields.as_str() {
                "" => "it is empty".into(),
                _ => format!(
                    "it has no text: none of its fields ({fields}) is called {known} or similar; name the field \
                     with the text"
                ),
            });
        }
        Ok(record)
    }

    fn finish(self) -> Result<(Corpus, Vec<own::UnresolvedQuery>)> {
        let needed = self.queries.is_empty();
        let name = self.builder.name;
        let mut corpus = self.builder.finish(needed)?;
        // Of synonymous names, the first is the one the user may want to change.
        let role = |name: &String| {
            Role::ALL.into_iter().zip(&self.read).find(|(_, read)| read.contains(name)).map(|(role, _)| role)
        };
        let roles = self.names.iter().map(role).collect();
        let fields = Fields { file: name.into(), names: self.names, roles };
        let plain = self.read[0].iter().all(|name| name == "text") && self.columns.is_empty();
        if !corpus.passages.is_empty() && (!plain || self.rival) {
            corpus.notes.insert(0, format!("{name}: {}.", fields.words("field", false)));
        }
        if !fields.names.is_empty() && !corpus.passages.is_empty() {
            corpus.fields.push(fields);
        }
        Ok((corpus, self.queries))
    }
}

/// Restores ids that are numbers but not 64-bit integers: they were read as nearby numbers.
fn exact_ids(json: &str, value: &mut Value, columns: &Columns) {
    let Value::Object(object) = value else { return };
    let inexact = |value: &Value| match value {
        Value::Array(list) => list.iter().any(Value::is_f64),
        other => other.is_f64(),
    };
    if !object.values().any(inexact) {
        return;
    }
    let keys = match own::is_query(object) {
        true => own::IDS.map(str::to_string).to_vec(),
        false => {
            let id = field(object, Role::Id, columns).ok().flatten();
            id.map(|(key, _)| key.clone()).into_iter().collect()
        }
    };
    let Ok(written) = serde_json::from_str::<HashMap<String, &RawValue>>(json) else { return };
    let put_back = |value: &mut Value, written: &RawValue| {
        if value.is_f64() {
            *value = Value::String(written.get().into());
        }
    };
    for key in keys {
        let (Some(value), Some(written)) = (object.get_mut(&key), written.get(&key)) else { continue };
        put_back(value, written);
        if let (Value::Array(list), Ok(written)) =
            (value, serde_json::from_str::<Vec<&RawValue>>(written.get()))
        {
            list.iter_mut().zip(written).for_each(|(value, written)| put_back(value, written));
        }
    }
}

/// The field with this role, with its name: the user's choice, else the likeliest with a value.
fn field<'a>(
    object: &'a Map<String, Value>,
    role: Role,
    columns: &Columns,
) -> std::result::Result<Option<(&'a String, &'a Value)>, String> {
    match columns.of(role) {
        Some(None) => return Ok(None),
        Some(Some(said)) => {
            let named = object.iter().find(|(key, _)| columns::same(said, key));
            let needed = role == Role::Text;
            return match named {
                None if needed => {
                    let fields = object.keys().take(20).map(String::as_str).collect::<Vec<_>>().join(", ");
                    Err(format!("it has no field {said:?}, but {fields}"))
                }
                found => Ok(found.filter(|(_, value)| !value.is_null())),
            };
        }
        None => {}
    }
    let there = |value: &Value| !value.is_null() && value.as_str().is_none_or(|s| !s.trim().is_empty());
    let known = object.iter().filter(|(key, value)| there(value) && !columns.names(key));
    let ranked = known.filter_map(|(key, value)| {
        let (_, rank) = Role::of(key).filter(|(other, _)| *other == role)?;
        Some((rank, key, value))
    });
    Ok(ranked.min_by_key(|(rank, ..)| *rank).map(|(_, key, value)| (key, value)))
}

/// Reads a table if the text is one, else plain lines. `promised` is the separator implied by the file's name.
///
/// # Errors
/// [`Error::Format`] if it is not such a table, [`Error::Input`] with the first places if more lines are
/// bad than good.
pub(super) fn text(name: &str, text: &Text, promised: Option<char>, columns: &Columns) -> Result<Corpus> {
    let table = TableFormat::of(name, &text.text, promised, columns)
        .map_err(|problem| Error::format(name, problem))?;
    let mut builder = CorpusBuilder::new(name, text);
    let Some(table) = table else {
        for (number, line) in numbered(&text.text) {
            builder.add(number, PassageRecord { text: line.trim().into(), ..PassageRecord::default() });
        }
        return builder.finish(true);
    };
    for row in table.rows() {
        if builder.faults.is_unusable() {
            break;
        }
        match row {
            TableRow::Bad(line, problem) => builder.leave_out(line, problem),
            TableRow::Cells(line, cells) => {
                let mut record = PassageRecord::default();
                for (role, cell) in table.fields.roles.iter().zip(&cells) {
                    role.iter().for_each(|role| record.set(*role, cell));
                }
                builder.add(line, record);
            }
        }
    }
    let mut corpus = builder.finish(true)?;
    corpus.notes.insert(0, table.note);
    corpus.fields.push(table.fields);
    Ok(corpus)
}

/// Non-blank lines, with their numbers from 1.
fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(i, l)| (i + 1, l)).filter(|(_, l)| !l.trim().is_empty())
}

/// One passage as given.
#[derive(Default)]
struct PassageRecord {
    id: Option<String>,
    lang: Option<String>,
    text: String,
    question: Option<String>,
    title: Option<String>,
}

impl PassageRecord {
    fn set(&mut self, role: Role, value: &str) {
        let value = value.trim();
        if value.is_empty() {
            return;
        }
        match role {
            Role::Id => self.id = Some(value.into()),
            Role::Language => self.lang = Some(value.into()),
            Role::Text => self.text = value.into(),
            Role::Question => self.question = Some(value.into()),
            Role::Title => self.title = Some(value.into()),
        }
    }
}

/// Collects records into a corpus.
struct CorpusBuilder<'a> {
    name: &'a str,
    corpus: Corpus,
    faults: Faults,
    ids: HashMap<String, usize>,
    repeated: Vec<String>,
    no_code: Vec<String>,
    titles_alone: Vec<String>,
    detected: usize,
    note: Option<String>,
}

impl<'a> CorpusBuilder<'a> {
    fn new(name: &'a str, text: &Text) -> Self {
        let mut builder = Self {
            name,
            corpus: Corpus { name: name.into(), ..Corpus::default() },
            faults: Faults::new(name),
            ids: HashMap::new(),
            repeated: Vec::new(),
            no_code: Vec::new(),
            titles_alone: Vec::new(),
            detected: 0,
            note: text.note.clone(),
        };
        for &line in &text.undecodable {
            builder.leave_out(line, "it is not UTF-8 text");
        }
        builder
    }

    fn leave_out(&mut self, place: impl std::fmt::Display, problem: impl std::fmt::Display) {
        self.faults.bad(place, problem);
    }

    fn add(&mut self, line: usize, record: PassageRecord) {
        self.add_at(line, &line.to_string(), record);
    }

    fn add_at(&mut self, number: usize, place: &str, mut record: PassageRecord) {
        if record.text.is_empty() {
            // The title is searched instead.
            let Some(title) = &record.title else { return self.leave_out(place, "it has no text") };
            record.text = title.clone();
            self.titles_alone.push(format!("{}:{place}", self.name));
        }
        // The number of bytes is an upper bound: most texts need no counting.
        let chars = if record.text.len() > MAX_CHARS { record.text.chars().count() } else { 0 };
        if chars > MAX_CHARS {
            let problem = format!("it has {chars} characters, more than {MAX_CHARS}; break it into lines");
            return self.leave_out(place, problem);
        }
        self.faults.good();
        let lang = match record.lang.as_deref().map(text::code) {
            Some(Some(lang)) => lang,
            given => {
                if given.is_some() {
                    let word = record.lang.unwrap_or_default();
                    self.no_code.push(format!("{}:{place} ({word:?})", self.name));
                }
                self.detected += 1;
                text::detect(&record.text).unwrap_or(UNDETERMINED).to_string()
            }
        };
        let (id, group) = match &record.id {
            Some(id) => (format!("{lang}:{id}"), id.clone()),
            None => {
                let id = format!("{}:{number}", self.name);
                (id.clone(), id)
            }
        };
        let id = self.unique(id, place);
        if let Some(text) = record.question {
            let relevant = vec![self.corpus.passages.len().into()];
            // A passage that got a new id has its own question.
            let named = record.id.as_ref().and_then(|_| id.strip_prefix(&format!("{lang}:")));
            let question = Question {
                id: named.unwrap_or(&id).to_string(),
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

    fn unique(&mut self, id: String, place: &str) -> String {
        let count = self.ids.entry(id.clone()).or_default();
        *count += 1;
        if *count == 1 {
            return id;
        }
        let renamed = format!("{id}#{count}");
        self.repeated.push(format!("{}:{place} ({id})", self.name));
        self.unique(renamed, place)
    }

    fn finish(self, needed: bool) -> Result<Corpus> {
        let mut corpus = self.corpus;
        corpus.notes.extend(self.note);
        corpus.notes.extend(self.faults.finish()?);
        if corpus.passages.is_empty() && needed {
            return Err(Error::Input(format!("{}: it has no lines of text", self.name)));
        }
        let notes = [
            listed(
                &self.no_code,
                "passage's language is not a code and was detected",
                "passages' languages are not codes and were detected",
            ),
            listed(
                &self.titles_alone,
                "passage has a title and no text: the title is searched",
                "passages have a title and no text: the title is searched",
            ),
            listed(
                &self.repeated,
                "passage repeats the id and language of an earlier one and got a new id",
                "passages repeat the id and language of an earlier one and got new ids",
            ),
        ];
        corpus.notes.extend(notes.into_iter().flatten());
        if self.detected > 0 {
            corpus.notes.push(format!(
                "{}: the language of {} passages was detected from their text.",
                self.name, self.detected
            ));
        }
        Ok(corpus)
    }
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
{"text":"It is blue."}
"#
            .as_bytes(),
        )
        .unwrap();
        let ids: Vec<_> = corpus.passages.iter().map(|p| (p.id.as_str(), p.group.as_str())).collect();
        let last = ("a.jsonl:8", "a.jsonl:8");
        assert_eq!(ids, [("de:7", "7"), ("en:7", "7"), ("en:7#2", "7"), last]);
        assert_eq!(corpus.passages[0].source, "Farben");
        assert_eq!(corpus.questions.len(), 1);
        assert_eq!((corpus.questions[0].lang.as_str(), corpus.questions[0].relevant[0].passage), ("de", 0));
        for line in 4..=7 {
            let place = format!("a.jsonl:{line}");
            assert!(corpus.notes.iter().any(|n| n.starts_with(&place)), "{:?}", corpus.notes);
        }
    }

    #[test]
    fn questions_of_repeated_ids_are_told_apart() {
        let line = |question: &str| {
            format!("{{\"id\":1,\"lang\":\"de\",\"text\":\"Rot.\",\"question\":\"{question}\"}}\n")
        };
        let corpus = lines("a.jsonl", [line("Farbe?"), line("Welche?")].concat().as_bytes()).unwrap();
        let told: Vec<_> = corpus.questions.iter().map(|q| (q.id.as_str(), q.group.as_str())).collect();
        assert_eq!(told, [("1", "1"), ("1#2", "1")]);
        assert_eq!(corpus.passages[1].id, "de:1#2");
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
        assert!(uneven.notes[1].contains("a.tsv:3"), "{:?}", uneven.notes);
    }

    #[test]
    fn bad_lines_are_named() {
        let long = "x".repeat(100_000);
        let corpus = lines("a.txt", format!("short\n{long}\n").as_bytes()).unwrap();
        assert_eq!(corpus.passages.len(), 1);
        assert!(corpus.notes[0].contains("a.txt:2") && corpus.notes[0].contains("100000"));
        let alone = lines("a.txt", long.as_bytes()).unwrap_err().to_string();
        assert!(alone.contains("a.txt:1"), "{alone}");
        let broken = lines("a.txt", b"gr\xc3\xbcn\nbad \xff line\nblau, wei\xc3\x9f\n").unwrap();
        assert!(broken.notes[0].contains("a.txt:2 was left out: it is not UTF-8"), "{:?}", broken.notes);
        assert_eq!(broken.passages[1].id, "a.txt:3");
        let latin1 = lines("a.txt", b"Caf\xe9 au lait, s'il vous pla\xeet.\n").unwrap();
        assert_eq!(latin1.passages[0].text, "Café au lait, s'il vous plaît.");
        assert!(latin1.notes[0].contains("windows-1252"), "{:?}", latin1.notes);
        assert!(lines("a.pdf", b"%PDF-1.7\n\x00\x01").unwrap_err().to_string().contains("PDF"));
    }

    #[test]
    fn a_file_of_bad_lines_is_refused_with_the_first() {
        let text = "{\"text\":\"Bees.\"}\n{\"text\":\n{\"text\":5}\nno JSON\n";
        let problem = lines("a.jsonl", text.as_bytes()).unwrap_err().to_string();
        assert!(problem.contains("3 of its 4 lines") && problem.contains("a.jsonl:2"), "{problem}");
    }

    /// Fields named as in Pyserini, MS MARCO and others.
    #[test]
    fn published_names_of_fields_are_known() {
        for (id, text) in [
            ("id", "contents"),
            ("_id", "text"),
            ("docid", "body"),
            ("doc_id", "passage"),
            ("pid", "content"),
        ] {
            let line = format!("{{\"{id}\":\"7\",\"{text}\":\"Bees keep honey in combs.\"}}\n");
            let corpus = lines("docs.jsonl", line.as_bytes()).unwrap();
            assert_eq!(
                (corpus.passages[0].id.as_str(), corpus.passages[0].text.as_str()),
                ("en:7", "Bees keep honey in combs.")
            );
            let told = corpus.notes.iter().any(|note| note.contains(&format!("text is field {text:?}")));
            assert_eq!(told, text != "text", "{:?}", corpus.notes);
        }
        let both = lines("a.jsonl", br#"{"body":"Long.","text":"Short.","id":3}"#).unwrap();
        assert_eq!(both.passages[0].text, "Short.");
        assert!(both.notes[0].contains("\"body\" is not read"), "{:?}", both.notes);
        let unknown = lines("a.jsonl", br#"{"review":"Good.","stars":5}"#).unwrap_err().to_string();
        assert!(unknown.contains("a.jsonl:1") && unknown.contains("(review, stars)"), "{unknown}");
        let title = lines("a.jsonl", br#"{"title":"Bees of the world","text":""}"#).unwrap();
        assert_eq!(title.passages[0].text, "Bees of the world");
        assert!(title.notes[0].contains("1 passage has a title and no text"), "{:?}", title.notes);
    }

    #[test]
    fn a_person_says_which_field_is_what() {
        let line = br#"{"review":"Bees keep honey.","key":9,"tongue":"deu","text":"x"}"#;
        let columns = "text=review,id=key,language=tongue".parse().unwrap();
        let opened = |columns| super::super::open_with(&[("a.jsonl".into(), line.to_vec())], &columns);
        let corpus = opened(columns).unwrap();
        assert_eq!(
            (corpus.passages[0].id.as_str(), corpus.passages[0].text.as_str()),
            ("de:9", "Bees keep honey.")
        );
        let fields = &corpus.fields[0];
        assert_eq!(fields.column(Role::Text).map(|i| fields.names[i].as_str()), Some("review"));
        let missing = opened("text=body".parse().unwrap()).unwrap_err().to_string();
        assert!(missing.contains("no field \"body\", but key, review, text"), "{missing}");
    }

    #[test]
    fn lists_and_objects_over_several_lines_are_read() {
        let list = "[\n {\"text\": \"Bees keep honey in their combs.\",\n  \"id\": 1},\n {\"text\": 5},\n \"Cats sleep in the sun.\"\n]";
        let corpus = lines("a.json", list.as_bytes()).unwrap();
        let ids: Vec<&str> = corpus.passages.iter().map(|p| p.id.as_str()).collect();
        assert_eq!(ids, ["en:1", "a.json:3"]);
        assert!(corpus.notes[0].starts_with("a.json: $[1] was left out"), "{:?}", corpus.notes);
        let objects = "{\n \"text\": \"Bees keep honey.\"\n}\n{\n \"text\": \"Cats sleep.\"\n}\n";
        assert_eq!(lines("a.json", objects.as_bytes()).unwrap().passages.len(), 2);
    }

    #[test]
    fn tables_are_passages() {
        let csv = "id,lang,text\n1,en,\"Bees keep honey in combs, made of wax.\"\n2,en,\"Cats \"\"like\"\" the sun, and sleep.\"\n3,en,The bridge opened in spring.\n";
        let corpus = lines("notes.csv", csv.as_bytes()).unwrap();
        let got: Vec<_> = corpus.passages.iter().map(|p| (p.id.as_str(), p.text.as_str())).collect();
        assert_eq!(
            got,
            [
                ("en:1", "Bees keep honey in combs, made of wax."),
                ("en:2", "Cats \"like\" the sun, and sleep."),
                ("en:3", "The bridge opened in spring."),
            ]
        );
        assert!(corpus.notes[0].contains("text is column 3 \"text\""), "{:?}", corpus.notes);
        let torn = lines(
            "notes.csv",
            b"text,source\n\"Bees keep honey\nin combs.\",a\nThe bridge opened in spring.,b\n",
        );
        let torn = torn.unwrap();
        assert_eq!(torn.passages.len(), 2);
        assert_eq!(torn.passages[0].text, "Bees keep honey\nin combs.");
        assert_eq!(
            (torn.passages[0].id.as_str(), torn.passages[1].id.as_str()),
            ("notes.csv:2", "notes.csv:4")
        );
        // As Excel writes it in some countries.
        let (bytes, ..) = encoding_rs::WINDOWS_1252
            .encode("id;Überschrift;text\r\n1;Größe;Das Haus ist schön und groß.\r\n");
        let excel = lines("a.csv", &bytes).unwrap();
        assert_eq!(excel.passages[0].text, "Das Haus ist schön und groß.");
    }

    #[test]
    fn languages_of_all_codes_are_one_and_scripts_stay_apart() {
        let docs = r#"{"id": "1", "lang": "eng_Latn", "text": "Bees keep honey in combs."}
{"id": "1", "lang": "deu_Latn", "text": "Bienen lagern Honig in Waben."}
{"id": "2", "lang": "eng", "text": "Cats sleep in the sun."}
{"id": "7", "lang": "zh-Hans", "text": "蜜蜂把蜂蜜储存在蜂巢里。"}
{"id": "7", "lang": "zh-Hant", "text": "蜜蜂把蜂蜜儲存在蜂巢裡。"}
{"id": "8", "lang": "sr-Cyrl", "text": "Пчеле чувају мед у саћу."}
{"id": "8", "lang": "sr_Latn", "text": "Pčele čuvaju med u saću."}
"#;
        let asked = r#"{"query_id": "q1", "lang": "en", "text": "Where do bees keep honey?", "relevant": ["1"]}
{"query_id": "q2", "lang": "zho_Hant", "text": "蜂蜜儲存在哪裡？", "relevant": ["zh-Hant:7"]}
{"query_id": "q3", "lang": "zh", "text": "蜂蜜储存在哪里？", "relevant": ["zho_Hans:7"]}
"#;
        let files =
            [("docs.jsonl", docs), ("q.jsonl", asked)].map(|(n, t)| (n.into(), t.as_bytes().to_vec()));
        let corpus = super::super::open(&files).unwrap();
        let ids: Vec<&str> = corpus.passages.iter().map(|p| p.id.as_str()).collect();
        assert_eq!(ids, ["en:1", "de:1", "en:2", "zh:7", "zh-Hant:7", "sr:8", "sr-Latn:8"]);
        let relevant = |i: usize| corpus.questions[i].relevant.iter().map(|r| r.passage).collect::<Vec<_>>();
        assert_eq!((relevant(0), relevant(1), relevant(2)), (vec![0, 1], vec![4], vec![3]));
        let languages: Vec<&str> = corpus.questions.iter().map(|q| q.lang.as_str()).collect();
        assert_eq!(languages, ["en", "zh-Hant", "zh"]);
        assert!(corpus.notes.is_empty(), "{:?}", corpus.notes);
    }

    #[test]
    fn packed_files_are_read_as_what_is_in_them() {
        use std::io::Write;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(b"{\"id\": 1, \"text\": \"Bees keep honey in combs.\"}\n").unwrap();
        let corpus = lines("docs.jsonl.gz", &gzip.finish().unwrap()).unwrap();
        assert_eq!(corpus.passages[0].id, "en:1");
        assert_eq!(corpus.notes[0], "docs.jsonl.gz: unpacked from gzip.");
    }

    proptest! {
        /// Opening anything does not panic, and every passage is usable.
        #[test]
        fn any_bytes_open_or_are_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            name in "[a-z]{1,4}\\.(txt|tsv|csv|json|jsonl)",
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
