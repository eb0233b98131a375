//! The user's own questions, JSON lines next to or among the passages:
//! `{"query_id","lang","text","relevant":[id or {id: grade}, …][,"group"]}`.
//!
//! A relevant id is a passage's own (`de:7`, as the program writes it), or the id in its line (`7`), which means the
//! first passage with that id in each language, its translations. Questions with the same `group`, or without one the
//! same `query_id`, are translations of each other.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde_json::{Map, Value};

use super::{
    CollectionOptions, Corpus, Other, Passage, Question, Relevant, UNDETERMINED, folder, listed,
    open::open_with,
};
use crate::{Error, text};

/// Extensions of the files that are read from a folder.
const ENDINGS: [&str; 8] = ["jsonl", "ndjson", "json", "csv", "tsv", "tab", "psv", "txt"];

/// A question whose passages are not resolved yet: they may be in a later file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnresolvedQuery {
    place: String,
    id: String,
    group: Option<String>,
    lang: Option<String>,
    text: String,
    relevant: Vec<(String, i64)>,
}

/// Reads the user's passages and questions, from a folder's files or from one file.
///
/// # Errors
/// As [`open_with`]; a file that cannot be read, no question, a language that no passage is in.
pub fn read(path: &Path, options: &CollectionOptions) -> crate::Result<Corpus> {
    let (files, others) = folder::files(path, &ENDINGS)?;
    let mut corpus = open_with(&files, &options.columns)?;
    corpus.notes.extend(listed(
        &others,
        "file of the folder has another extension and is not read",
        "files of the folder have other extensions and are not read",
    ));
    if corpus.questions.is_empty() {
        return Err(Error::file(
            path,
            "there are passages but no questions; add JSON lines with query_id, lang, text and relevant",
        ));
    }
    corpus.chosen("own", &options.languages)
}

/// The fields of a question that are ids, or lists of them.
pub(super) const IDS: [&str; 3] = ["query_id", "group", "relevant"];

/// Whether a line is a question rather than a passage.
pub(super) fn is_query(object: &Map<String, Value>) -> bool {
    object.contains_key("query_id") || object.contains_key("relevant")
}

/// Reads the line at `place`; what is wrong with it otherwise.
pub(super) fn parse(place: String, object: &Map<String, Value>) -> Result<UnresolvedQuery, String> {
    let word = |key: &str| match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            word(value).map(Some).ok_or_else(|| format!("the field {key} is not a string or a number"))
        }
    };
    let id = word("query_id")?.filter(|id| !id.trim().is_empty()).ok_or("it has no query_id")?;
    let text = word("text")?.unwrap_or_default().trim().to_string();
    let mut relevant = Vec::new();
    match object.get("relevant") {
        None | Some(Value::Null) => {}
        Some(Value::Object(grades)) => graded(grades, &mut relevant)?,
        Some(Value::Array(list)) => {
            for item in list {
                match item {
                    Value::Object(grades) => graded(grades, &mut relevant)?,
                    id => relevant.push((word_of_list(id)?, 1)),
                }
            }
        }
        Some(_) => return Err("the field relevant is not a list of ids or of {id: grade}".into()),
    }
    // Its judgements count, although there is nothing to search for.
    if text.is_empty() && relevant.is_empty() {
        return Err("it has no text".into());
    }
    let (group, lang) = (word("group")?, word("lang")?);
    Ok(UnresolvedQuery { place, id, group, lang, text, relevant })
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        _ => None,
    }
}

fn word_of_list(value: &Value) -> Result<String, String> {
    word(value).ok_or_else(|| format!("relevant has {value}, which is not an id"))
}

fn graded(grades: &Map<String, Value>, relevant: &mut Vec<(String, i64)>) -> Result<(), String> {
    for (id, grade) in grades {
        // 1.0 is 1.
        let whole = |grade: f64| (grade.fract() == 0.0 && grade.abs() <= 1e9).then_some(grade as i64);
        let grade = grade
            .as_i64()
            .or_else(|| grade.as_f64().and_then(whole))
            .filter(|grade| *grade <= i64::from(u32::MAX))
            .ok_or_else(|| format!("the grade of {id} is not a whole number"))?;
        relevant.push((id.clone(), grade));
    }
    Ok(())
}

/// Adds the questions to the corpus with the passages they name, and notes inconsistencies.
pub(super) fn resolve(corpus: &mut Corpus, queries: Vec<UnresolvedQuery>) {
    let mut by_id: HashMap<&str, usize> = HashMap::new();
    let mut by_group: HashMap<&str, Vec<usize>> = HashMap::new();
    for (i, passage) in corpus.passages.iter().enumerate() {
        by_id.insert(&passage.id, i);
        let group = by_group.entry(&passage.group).or_default();
        if group.iter().all(|&other| corpus.passages[other].lang != passage.lang) {
            group.push(i);
        }
    }
    let languages: Vec<String> = corpus.languages().into_iter().map(|(lang, _)| lang).collect();
    let mut seen: HashSet<(String, String)> =
        corpus.questions.iter().map(|q| (q.lang.clone(), q.id.clone())).collect();
    let (mut repeated, mut unanswered, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    let mut silent = Vec::new();
    let (mut detected, mut no_code) = (Vec::new(), Vec::new());
    let mut questions = Vec::new();
    for query in queries {
        let lang = match query.lang.as_deref().map(|given| (given, text::code(given))) {
            Some((_, Some(code))) => code,
            given => {
                match given {
                    Some((word, _)) => no_code.push(format!("{} ({word:?})", query.place)),
                    None => detected.push(query.place.clone()),
                }
                text::detect(&query.text).unwrap_or(UNDETERMINED).to_string()
            }
        };
        if !seen.insert((lang.clone(), query.id.clone())) {
            repeated.push(format!("{} ({lang}:{})", query.place, query.id));
            continue;
        }
        if query.text.is_empty() {
            silent.push(query.place.clone());
        }
        let mut relevant: Vec<Relevant> = Vec::new();
        let mut others: Vec<Other> = Vec::new();
        for (id, grade) in query.relevant {
            // `deu_Latn:7` names the passage `de:7`.
            let recoded = || {
                let (lang, id) = id.split_once(':')?;
                by_id.get(format!("{}:{id}", text::code(lang)?).as_str())
            };
            let own = by_id.get(id.as_str()).or_else(recoded).map(std::slice::from_ref);
            let Some(passages) = own.or_else(|| by_group.get(id.as_str()).map(Vec::as_slice)) else {
                unknown.push(format!("{} ({id})", query.place));
                others.push(missing(&id, grade, &lang, &languages));
                continue;
            };
            for &passage in passages {
                let known = relevant.iter_mut().find(|r| r.passage == passage);
                match (known, u32::try_from(grade).ok().filter(|grade| *grade > 0)) {
                    (Some(known), Some(grade)) => known.grade = known.grade.max(grade),
                    (None, Some(grade)) => relevant.push(Relevant { passage, grade }),
                    (_, None) => {
                        let Passage { id, lang, .. } = &corpus.passages[passage];
                        others.push(Other { passage: id.clone(), lang: Some(lang.clone()), grade });
                    }
                }
            }
        }
        if relevant.is_empty() && others.is_empty() {
            unanswered.push(query.place);
        }
        let group = query.group.unwrap_or_else(|| query.id.clone());
        questions.push(Question { group, id: query.id, lang, text: query.text, relevant, others });
    }
    let notes = [
        listed(
            &repeated,
            "query repeats an id and language and is left out",
            "queries repeat an id and language and are left out",
        ),
        listed(
            &unanswered,
            "query names no relevant passage and is ignored",
            "queries name no relevant passage and are ignored",
        ),
        listed(
            &silent,
            "query has no text, so it finds nothing and counts 0",
            "queries have no text, so they find nothing and count 0",
        ),
        listed(&unknown, "relevant id does not exist", "relevant ids do not exist"),
        listed(
            &no_code,
            "query's language is not a code and was detected",
            "queries' languages are not codes and were detected",
        ),
        listed(
            &detected,
            "query has no language, which was detected",
            "queries have no language, which was detected",
        ),
    ];
    corpus.notes.extend(notes.into_iter().flatten());
    corpus.questions.extend(questions);
}

/// A missing passage named by a question in `lang`. Its language is the prefix of its id, else the corpus'
/// only one, else the question's; failing that it counts in the pool of all languages only.
fn missing(id: &str, grade: i64, lang: &str, languages: &[String]) -> Other {
    let known = |lang: &str| languages.iter().any(|known| known == lang);
    let named = id.split_once(':').map(|(lang, _)| lang).filter(|lang| known(lang));
    let only = match languages {
        [only] => Some(only.as_str()),
        _ => Some(lang).filter(|lang| known(lang)),
    };
    let passage = match named.or(only) {
        Some(lang) if named.is_none() => format!("{lang}:{id}"),
        _ => id.to_string(),
    };
    Other { passage, lang: named.or(only).map(str::to_string), grade }
}

#[cfg(test)]
mod tests {
    use crate::datasets::{Corpus, Other, Relevant, open};

    const PASSAGES: &str = r#"{"id":"7","lang":"de","text":"Das ist rot."}
{"id":"7","lang":"en","text":"It is red."}
{"id":"a b","lang":"en","text":"It is blue."}
{"id":"7","lang":"en","text":"It is red again."}
"#;
    const QUERIES: &str = r#"{"query_id":"q1","lang":"en","text":"What is red?","relevant":["7"]}
{"query_id":"q1","lang":"de","text":"Was ist rot?","relevant":["de:7",{"en:7":2}]}
{"query_id":2,"text":"What is the blue one?","relevant":{"a b":3,"7":0},"group":"g"}
{"query_id":"q4","lang":"fr","text":"Quoi ?","relevant":["gone", "7"]}
{"query_id":"q5","lang":"en","text":"Nothing?","relevant":[]}
{"query_id":"q1","lang":"en","text":"Again?","relevant":["7"]}
{"query_id":"q6","lang":"en","text":"None is relevant?","relevant":{"7":-1.0}}
{"query_id":"q7","lang":"French!","text":"What is the red one?","relevant":[7]}
{"lang":"en","text":"No id?","relevant":[7]}
{"query_id":"q8","lang":"en","relevant":[]}
{"query_id":"q9","lang":"en","text":"Bad grade?","relevant":{"7":0.5}}
{"query_id":"q10","lang":"en","text":"","relevant":["a b"]}
"#;

    fn opened(files: &[(&str, &str)]) -> Corpus {
        let files: Vec<_> = files.iter().map(|(n, t)| (n.to_string(), t.as_bytes().to_vec())).collect();
        open(&files).unwrap()
    }

    fn check(corpus: &Corpus, places: &str, first: usize) {
        let relevant = |i: usize| -> Vec<(usize, u32)> {
            corpus.questions[i].relevant.iter().map(|r| (r.passage, r.grade)).collect()
        };
        assert_eq!(corpus.passages.len(), 4);
        assert_eq!(corpus.passages[2].id, "en:a b");
        let asked: Vec<_> =
            corpus.questions.iter().map(|q| (q.id.as_str(), q.lang.as_str(), q.group.as_str())).collect();
        assert_eq!(
            asked,
            [
                ("q1", "en", "q1"),
                ("q1", "de", "q1"),
                ("2", "en", "g"),
                ("q4", "fr", "q4"),
                ("q5", "en", "q5"),
                ("q6", "en", "q6"),
                ("q7", "en", "q7"),
                ("q10", "en", "q10"),
            ]
        );
        assert_eq!(relevant(0), [(0, 1), (1, 1)]);
        assert_eq!(relevant(1), [(0, 1), (1, 2)]);
        assert_eq!(relevant(2), [(2, 3)]);
        assert_eq!(relevant(3), [(0, 1), (1, 1)]);
        let others = |i: usize| corpus.questions[i].others.clone();
        let other = |passage: &str, lang: Option<&str>, grade| Other {
            passage: passage.into(),
            lang: lang.map(Into::into),
            grade,
        };
        // No passage is in French, and it may be in either of the others.
        assert_eq!(others(3), [other("gone", None, 1)]);
        assert_eq!(others(2), [other("de:7", Some("de"), 0), other("en:7", Some("en"), 0)]);
        assert_eq!(others(5), [other("de:7", Some("de"), -1), other("en:7", Some("en"), -1)]);
        let notes = corpus.notes.join("\n");
        let place = |line: usize| format!("{places}:{}", first + line);
        for said in [
            format!("1 query repeats an id and language and is left out: {} (en:q1).", place(6)),
            format!("1 query names no relevant passage and is ignored: {}.", place(5)),
            format!("1 query has no text, so it finds nothing and counts 0: {}.", place(12)),
            format!("1 relevant id does not exist: {} (gone).", place(4)),
            format!("1 query's language is not a code and was detected: {} (\"French!\").", place(8)),
            format!("1 query has no language, which was detected: {}.", place(3)),
            format!("{} was left out: the grade of 7", place(11)),
            format!("{} was left out: it has no query_id", place(9)),
            format!("{} was left out: it has no text", place(10)),
            "1 passage repeats the id and language of an earlier one and got a new id".into(),
        ] {
            assert!(notes.contains(&said), "{said} is not in\n{notes}");
        }
    }

    #[test]
    fn passages_and_queries_in_two_files_or_one_in_any_order() {
        check(&opened(&[("p.jsonl", PASSAGES), ("q.jsonl", QUERIES)]), "q.jsonl", 0);
        check(&opened(&[("q.jsonl", QUERIES), ("p.jsonl", PASSAGES)]), "q.jsonl", 0);
        check(&opened(&[("all.jsonl", &format!("{PASSAGES}{QUERIES}"))]), "all.jsonl", 4);
    }

    #[test]
    fn queries_may_name_passages_of_any_other_form() {
        let query = r#"{"query_id":"q","lang":"en","text":"Which?","relevant":["2", "a.txt:1"]}"#;
        let corpus =
            opened(&[("a.tsv", "2\tde\tEins\n2\ten\tOne\n"), ("a.txt", "Hello there."), ("q.jsonl", query)]);
        let expected: [Relevant; 3] = [0.into(), 1.into(), 2.into()];
        assert_eq!(corpus.questions[0].relevant, expected);
        assert_eq!(corpus.name, "a.tsv and 1 more");
    }

    #[test]
    fn ids_of_all_kinds_stay_themselves() {
        let ids = [
            "12345678901234567890123",
            "12345678901234567890124",
            "1.0",
            "-0",
            "1e3",
            "\" 7\"",
            "\"7 \"",
            "7",
        ];
        let written =
            ["12345678901234567890123", "12345678901234567890124", "1.0", "-0", "1e3", " 7", "7 ", "7"];
        let line =
            |id: &&str| format!(r#"{{"id":{id},"lang":"en","text":"It is {}."}}"#, id.replace('"', ""));
        let lines: Vec<String> = ids.iter().map(line).collect();
        let queries =
            ids.map(|id| format!(r#"{{"query_id":{id},"lang":"en","text":"Which?","relevant":[{id}]}}"#));
        // A line each, a list, and objects over several lines.
        let list = format!("[{}]", lines.join(",\n"));
        for (name, text) in [
            ("p.jsonl", lines.join("\n")),
            ("p.json", list),
            ("p.json", lines.join("\n").replace('{', "{\n")),
        ] {
            let corpus = opened(&[(name, &text), ("q.jsonl", &queries.join("\n"))]);
            let passages: Vec<&str> = corpus.passages.iter().map(|p| p.id.as_str()).collect();
            assert_eq!(passages, written.map(|id| format!("en:{id}")));
            let asked: Vec<&str> = corpus.questions.iter().map(|q| q.id.as_str()).collect();
            assert_eq!(asked, written);
            for (i, question) in corpus.questions.iter().enumerate() {
                assert_eq!(question.relevant, [i.into()], "{}", question.id);
            }
            assert!(!corpus.notes.iter().any(|note| note.contains("repeat")), "{:?}", corpus.notes);
        }
    }

    #[test]
    fn queries_alone_are_refused() {
        let problem = open(&[("q.jsonl".into(), QUERIES.as_bytes().to_vec())]).unwrap_err().to_string();
        assert!(problem.contains("q.jsonl") && problem.contains("no passages"), "{problem}");
    }
}
