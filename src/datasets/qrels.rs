//! Judgements in all published formats: TSV with or without a header, TREC's four columns, JSON lines, JSON.
//!
//! - TSV: query, passage, grade, separated by tabs; a header that names the columns gives the order.
//! - TREC: query, something, passage, grade, separated by spaces.
//! - JSON lines: one object per line, `{"query-id": "q", "corpus-id": "d", "score": 1}`.
//! - JSON: an array of such objects, or `{"q": {"d": 1}}`.
//!
//! Ids are kept verbatim, spaces included. A line in none of these formats is an error, as is a grade
//! that is not whole: measures without some of the judgements would not be comparable.

use std::io::BufRead;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::{Error, Problem, Result};

/// A judgement of a passage for a query, from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Its place: `file:line`, or the file alone if it is one JSON document.
    pub place: String,
    /// The query's id.
    pub query: String,
    /// The passage's id.
    pub passage: String,
    /// Relevant from 1 on.
    pub grade: i64,
}

/// The format to assume where columns are ambiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Separator {
    /// Tabs separate columns, and spaces may be part of ids: BEIR's format.
    Tabs,
    /// Any whitespace separates columns: TREC's format.
    Blanks,
}

/// Names of columns and fields, letters only.
const QUERY: [&str; 7] = ["queryid", "query", "qid", "questionid", "question", "topic", "topicid"];
const PASSAGE: [&str; 10] =
    ["corpusid", "passageid", "docid", "documentid", "docno", "pid", "did", "passage", "document", "doc"];
const GRADE: [&str; 9] =
    ["score", "grade", "relevance", "rel", "label", "judgement", "judgment", "relevant", "rating"];

/// Reads judgements; `name` is the file's, for errors.
///
/// # Errors
/// [`Error::Format`], with the line, for a malformed judgement.
pub fn read(name: &str, mut text: impl BufRead, separator: Separator) -> Result<Vec<Judgement>> {
    let first = first_byte(&mut text).map_err(|e| Error::format(name, e))?;
    if !matches!(first, Some(b'{' | b'[')) {
        return lines(name, text, separator);
    }
    let mut all = Vec::new();
    text.read_to_end(&mut all).map_err(|e| Error::format(name, e))?;
    let document = std::str::from_utf8(&all).map_err(|e| {
        let line = 1 + all[..e.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count();
        Error::format(format!("{name}:{line}"), "it is not UTF-8 text")
    })?;
    let document = document.trim_start_matches('\u{feff}');
    // An id may begin with a bracket as well.
    let first = document.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    match json(name, document) {
        Err(_) if row(first, separator, None).is_ok() => lines(name, all.as_slice(), separator),
        read => read,
    }
}

/// Reads judgements, one per line, separated by tabs or spaces.
fn lines(name: &str, mut text: impl BufRead, separator: Separator) -> Result<Vec<Judgement>> {
    let mut out = Vec::new();
    let mut header: Option<[usize; 3]> = None;
    let mut line = Vec::new();
    for number in 1.. {
        let place = format!("{name}:{number}");
        line.clear();
        if text.read_until(b'\n', &mut line).map_err(|e| Error::format(&place, e))? == 0 {
            break;
        }
        let text = std::str::from_utf8(&line).map_err(|_| Error::format(&place, "it is not UTF-8 text"))?;
        let text = if number == 1 { text.trim_start_matches('\u{feff}') } else { text };
        let text = text.trim_end_matches(['\r', '\n']);
        if text.trim().is_empty() {
            continue;
        }
        match row(text, separator, header) {
            Ok([query, passage, grade]) => out.push(Judgement {
                query: query.into(),
                passage: passage.into(),
                grade: grade_of(grade).map_err(|problem| Error::format(&place, problem))?,
                place,
            }),
            Err(_) if text.trim_start().starts_with('#') => {}
            Err(problem) => match named_columns(text) {
                Some(named) if out.is_empty() && header.is_none() => header = Some(named),
                _ => return Err(Error::format(place, problem)),
            },
        }
    }
    Ok(out)
}

/// The first byte after whitespace and a byte order mark, which are consumed.
fn first_byte(text: &mut impl BufRead) -> std::io::Result<Option<u8>> {
    let start = text.fill_buf()?;
    let mark = usize::from(start.starts_with(b"\xef\xbb\xbf")) * 3;
    Ok(start[mark..].iter().copied().find(|byte| !byte.is_ascii_whitespace()))
}

/// A line's query, passage and grade; otherwise what is wrong with it.
fn row(
    line: &str,
    separator: Separator,
    header: Option<[usize; 3]>,
) -> std::result::Result<[&str; 3], String> {
    let tabs: Vec<&str> = line.split('\t').collect();
    if let Some(at) = header {
        let picked = at.map(|at| tabs.get(at).copied());
        return match picked {
            [Some(query), Some(passage), Some(grade)] if whole(grade).is_some() => {
                Ok([query, passage, grade])
            }
            [_, _, Some(grade)] => Err(wrong_grade(grade)),
            _ => Err(format!("it has {} columns, fewer than the header names", tabs.len())),
        };
    }
    let blanks: Vec<&str> = line.split_ascii_whitespace().collect();
    let by_blanks = match *blanks.as_slice() {
        [query, _, passage, grade] | [query, passage, grade] => Some([query, passage, grade]),
        _ => None,
    };
    let by_tabs = match *tabs.as_slice() {
        [query, passage, grade] => Some([query, passage, grade]),
        // In TREC's format ids have no spaces.
        [query, _, passage, grade] => Some([query.trim(), passage.trim(), grade]),
        _ => None,
    };
    // A line such as `q<tab>0 d<tab>1` has three columns or four.
    let trec = separator == Separator::Blanks && blanks.len() == 4 && matches!(blanks[1], "0" | "Q0" | "q0");
    let ways = if trec { [by_blanks, by_tabs] } else { [by_tabs, by_blanks] };
    let known = ways.into_iter().flatten();
    let mut fits = known.clone().filter(|[.., grade]| whole(grade).is_some());
    match (fits.next(), known.clone().next()) {
        (Some([query, passage, _]), _) if query.is_empty() || passage.is_empty() => {
            Err("it has an empty id".into())
        }
        (Some(row), _) => Ok(row),
        (None, Some([.., grade])) => Err(wrong_grade(grade)),
        (None, None) => Err(format!(
            "it has {} columns; expected are query, passage and grade separated by tabs, or query, 0, passage and \
             grade separated by spaces",
            if tabs.len() > 1 { tabs.len() } else { blanks.len() }
        )),
    }
}

/// The positions of query, passage and grade in a header.
fn named_columns(line: &str) -> Option<[usize; 3]> {
    let names: Vec<String> = match line.contains('\t') {
        true => line.split('\t').map(plain).collect(),
        false => line.split_ascii_whitespace().map(plain).collect(),
    };
    let at = |known: &[&str]| names.iter().position(|name| known.contains(&name.as_str()));
    match [at(&QUERY), at(&PASSAGE), at(&GRADE)] {
        [Some(query), Some(passage), Some(grade)] => Some([query, passage, grade]),
        // Three columns with other names are in the usual order.
        [query, passage, grade]
            if names.len() == 3 && [query, passage, grade].iter().any(Option::is_some) =>
        {
            let usual = query.is_none_or(|at| at == 0)
                && passage.is_none_or(|at| at == 1)
                && grade.is_none_or(|at| at == 2);
            usual.then_some([0, 1, 2])
        }
        _ => None,
    }
}

/// A name's letters, in lower case.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect()
}

/// A grade as a whole number, possibly written as 1.0.
fn whole(grade: &str) -> Option<i64> {
    let grade = grade.trim();
    if let Ok(grade) = grade.parse() {
        return Some(grade);
    }
    let value: f64 = grade.parse().ok()?;
    // Beyond this, f64 does not represent every whole number.
    (value.fract() == 0.0 && value.abs() <= 9e15).then_some(value as i64)
}

fn wrong_grade(grade: &str) -> String {
    format!("the grade \"{}\" is not a whole number", grade.trim())
}

fn grade_of(grade: &str) -> std::result::Result<i64, String> {
    let value = whole(grade).ok_or_else(|| wrong_grade(grade))?;
    if value > i64::from(u32::MAX) {
        return Err(format!("the grade {} is too large", grade.trim()));
    }
    Ok(value)
}

/// An id from a JSON value: a string, or a number by its digits.
///
/// # Errors
/// What is wrong with it.
pub(super) fn id(value: &RawValue) -> std::result::Result<String, String> {
    let text = value.get().trim();
    match text.as_bytes().first() {
        Some(b'"') => serde_json::from_str(text).map_err(|e| e.to_string()),
        // Verbatim: parsing a number of twenty digits would round it.
        Some(b'0'..=b'9' | b'-') => Ok(text.to_string()),
        _ => Err(format!("the id is {text} instead of a string or a number")),
    }
}

fn json(name: &str, text: &str) -> Result<Vec<Judgement>> {
    let mut out = Vec::new();
    // One document, or one per line: the first line tells, unless it is the whole document.
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let is_line = serde_json::from_str::<RawFields>(first).is_ok_and(|pairs| fields(&pairs).is_ok());
    if is_line {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let place = format!("{name}:{}", number + 1);
            let pairs = serde_json::from_str(line)
                .map_err(|e| Error::format(&place, Problem::of(format!("it is not JSON ({e})"), e)))?;
            object(&mut out, place, &pairs)?;
        }
        return Ok(out);
    }
    let wrong = |e: serde_json::Error| {
        Error::format(name, Problem::of(format!("it is not whole, valid JSON ({e})"), e))
    };
    if text.trim_start().starts_with('[') {
        let list: Vec<RawFields> = serde_json::from_str(text).map_err(wrong)?;
        for (number, pairs) in list.iter().enumerate() {
            object(&mut out, format!("{name}: $[{number}]"), pairs)?;
        }
        return Ok(out);
    }
    let RawFields(queries) = serde_json::from_str(text).map_err(wrong)?;
    for (query, judged) in queries {
        let place = format!("{name}: {query}");
        let RawFields(judged) = serde_json::from_str(judged.get()).map_err(|_| {
            Error::format(
                &place,
                "expected is {\"query\": {\"passage\": grade}}, or one object per line with query-id, corpus-id and \
                 score",
            )
        })?;
        for (passage, grade) in judged {
            let grade = json_grade(&grade).map_err(|problem| Error::format(&place, problem))?;
            out.push(Judgement { place: place.clone(), query: query.clone(), passage, grade });
        }
    }
    Ok(out)
}

/// An object's fields in order, including duplicates, verbatim.
struct RawFields(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for RawFields {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = RawFields;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<RawFields, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry().map_err(de::Error::custom)? {
                    pairs.push(pair);
                }
                Ok(RawFields(pairs))
            }
        }
        d.deserialize_map(FieldsVisitor)
    }
}

/// An object's query, passage and grade; otherwise what is missing.
fn fields(RawFields(pairs): &RawFields) -> std::result::Result<[&RawValue; 3], String> {
    let field = |known: &[&str], what: &str| {
        let found = pairs.iter().find(|(name, _)| known.contains(&plain(name).as_str()));
        found.map(|(_, value)| &**value).ok_or_else(|| {
            let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
            format!(
                "it has no {what}; expected are query-id, corpus-id and score, found {}",
                names.join(", ")
            )
        })
    };
    Ok([field(&QUERY, "query")?, field(&PASSAGE, "passage")?, field(&GRADE, "grade")?])
}

fn object(out: &mut Vec<Judgement>, place: String, pairs: &RawFields) -> Result<()> {
    let read = || {
        let [query, passage, grade] = fields(pairs)?;
        Ok((id(query)?, id(passage)?, json_grade(grade)?))
    };
    let (query, passage, grade) = read().map_err(|problem: String| Error::format(&place, problem))?;
    out.push(Judgement { place, query, passage, grade });
    Ok(())
}

fn json_grade(value: &RawValue) -> std::result::Result<i64, String> {
    match value.get() {
        "true" => Ok(1),
        "false" => Ok(0),
        text if text.starts_with('"') => {
            grade_of(&serde_json::from_str::<String>(text).map_err(|e| e.to_string())?)
        }
        text => grade_of(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, separator: Separator) -> Vec<(String, String, i64)> {
        let judged = read("q", text.as_bytes(), separator).unwrap();
        judged.into_iter().map(|j| (j.query, j.passage, j.grade)).collect()
    }

    fn row(query: &str, passage: &str, grade: i64) -> (String, String, i64) {
        (query.into(), passage.into(), grade)
    }

    #[test]
    fn an_id_may_begin_with_a_bracket() {
        let expected = [row("[1", "d1", 1), row("{q}", "d2", 0)];
        for text in ["[1 0 d1 1\n{q} 0 d2 0\n", "\u{feff}[1\td1\t1\r\n{q}\td2\t0\r\n"] {
            assert_eq!(all(text, Separator::Blanks), expected, "{text}");
        }
        let broken = read("q", &b"{\"q\": {\"d\": 1},\n"[..], Separator::Blanks).unwrap_err().to_string();
        assert!(broken.contains("not whole, valid JSON"), "{broken}");
    }

    #[test]
    fn every_form_says_the_same() {
        let expected = [row("q1", "d1", 2), row("7", "1", 0), row("7", "d1", -1)];
        for text in [
            "query-id\tcorpus-id\tscore\nq1\td1\t2\n7\t1\t0\n7\td1\t-1\n",
            "\u{feff}query-id\tcorpus-id\tscore\r\nq1\td1\t2.0\r\n\r\n7\t1\t0.0\r\n7\td1\t-1\r\n",
            "corpus_id\tScore\tQuery ID\textra\nd1\t2\tq1\tx\n1\t0\t7\tx\nd1\t-1\t7\tx\n",
            "q1\td1\t2\n7\t1\t0\n7\td1\t-1\n",
            "\u{feff}q1\td1\t2\n7\t1\t0\n7\td1\t-1",
            "q1 0 d1 2\n# a comment\n7 Q0 1 0\n7\t0\td1\t-1\n",
            "q1 d1 2\n7  1 0\n7 d1 -1\n",
            "{\"query-id\":\"q1\",\"corpus-id\":\"d1\",\"score\":2}\n{\"query-id\":7,\"corpus-id\":1,\"score\":0.0}\n\
             {\"query-id\":7,\"corpus-id\":\"d1\",\"score\":\"-1\"}\n",
            "\u{feff}\n{\"score\":2,\"qid\":\"q1\",\"docid\":\"d1\",\"x\":[]}\n{\"qid\":7,\"docid\":1,\"score\":0}\n\n\
             {\"qid\":7,\"docid\":\"d1\",\"score\":-1}\n",
            "{\"q1\":{\"d1\":2},\n \"7\":{\"1\":0,\"d1\":-1.0}}",
            "[{\"query-id\":\"q1\",\"corpus-id\":\"d1\",\"score\":2},\n\
             {\"query-id\":7,\"corpus-id\":1,\"score\":false},{\"query_id\":7,\"doc_id\":\"d1\",\"relevance\":-1}]",
        ] {
            for separator in [Separator::Tabs, Separator::Blanks] {
                assert_eq!(all(text, separator), expected, "{text}");
            }
        }
    }

    #[test]
    fn ids_stay_themselves() {
        let tsv = "q 1\td 1\t1\nq_1\td_1\t1\n q1\td1 \t1\nq\u{a0}1\td\u{3000}1\t1\n01\t1\t1\n#1\td1\t1\n";
        let ids = [
            row("q 1", "d 1", 1),
            row("q_1", "d_1", 1),
            row(" q1", "d1 ", 1),
            row("q\u{a0}1", "d\u{3000}1", 1),
            row("01", "1", 1),
            row("#1", "d1", 1),
        ];
        assert_eq!(all(tsv, Separator::Tabs), ids);
        // In TREC's format the same bytes can be other columns.
        assert_eq!(all("q\t0 d\t1\n", Separator::Blanks), [row("q", "d", 1)]);
        assert_eq!(all("q\t0 d\t1\n", Separator::Tabs), [row("q", "0 d", 1)]);
        let long = "12345678901234567890123";
        let json = format!("{{\"query-id\":{long},\"corpus-id\":{long}0,\"score\":1}}\n");
        assert_eq!(all(&json, Separator::Tabs), [row(long, &format!("{long}0"), 1)]);
    }

    #[test]
    fn what_is_no_judgement_is_refused_with_its_place() {
        for (text, said) in [
            ("q1\td1\t1\nq1\td2\n", "q:2: it has 2 columns"),
            ("q1\td1\t0.5\n", "q:1: the grade \"0.5\" is not a whole number"),
            ("query-id\tcorpus-id\tscore\nq1\td1\tx\n", "q:2: the grade \"x\""),
            ("query-id\tcorpus-id\tscore\nq1\td1\n", "q:2: it has 2 columns, fewer than the header"),
            ("frage\tabsatz\twert\nq1\td1\t1\n", "q:1: the grade \"wert\""),
            ("q1\td1\t1\nquery-id\tcorpus-id\tscore\n", "q:2: the grade \"score\""),
            ("q1 0 d1 99999999999\n", "too large"),
            ("q1 0 d1 1 x\n", "q:1: it has 5 columns"),
            ("q1\t\t1\n", "q:1: it has an empty id"),
            (
                "{\"query-id\":\"q1\",\"corpus-id\":\"d1\",\"score\":1}\n{\"query-id\":\"q1\"}\n",
                "q:2: it has no passage",
            ),
            ("{\"query-id\":\"q1\",\"corpus-id\":\"d1\",\"score\":1}\n{\"query", "q:2: it is not JSON"),
            ("{\"query-id\":\"q1\",\"corpus-id\":null,\"score\":1}\n", "the id is null"),
            ("{\"query-id\":\"q1\",\"corpus-id\":\"d1\",\"score\":1.5}\n", "\"1.5\" is not a whole"),
            ("{\"q1\": 1}", "q: q1: expected is"),
            ("{\"q1\": {\"d1\": 1}", "not whole, valid JSON"),
            ("[1]", "not whole, valid JSON"),
            ("[{\"a\":1}]", "q: $[0]: it has no query"),
        ] {
            let problem = read("q", text.as_bytes(), Separator::Tabs).unwrap_err().to_string();
            assert!(problem.contains(said), "{text}: {problem}");
        }
        for (bytes, said) in [
            (&b"q1\td1\xff\t1\n"[..], "q:1: it is not UTF-8"),
            (b"{\"q1\":\n{\"d\xff\": 1}}", "q:2: it is not UTF-8"),
        ] {
            let problem = read("q", bytes, Separator::Tabs).unwrap_err().to_string();
            assert!(problem.contains(said), "{problem}");
        }
        assert_eq!(read("q", &b""[..], Separator::Tabs).unwrap(), []);
    }
}
