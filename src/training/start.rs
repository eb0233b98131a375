//! The model that training starts from, and the data it learns from.
//!
//! With `[start] vocabulary`, the start model's body gets a new tokenizer for the languages and a
//! table whose rows come from alignment; the result is kept as a bundle in `start/`, so that a run
//! that is repeated or resumed begins with the same weights.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::json;
use tokenizers::Tokenizer;

use super::{
    alignment::{self, AlignmentOptions, Pair},
    config::TrainConfig,
    vocabulary::{self, VocabularyOptions, WordCounts},
};
use crate::{
    Error, Result,
    bundle::{Array, Bundle, Quantization, SelfTest},
    datasets::{
        account::{self, Source},
        guard::GuardReport,
        lexicon::{Sense, read_lexicon},
        parallel::{Segment, read_parallel},
        qa::{Question, read_questions},
        records, training,
    },
    encoder::TABLE,
    sha256,
};

/// What training needs before its first step.
pub struct Prepared {
    /// The start model, in f32.
    pub bundle: Bundle,
    /// Where it was written.
    pub folder: PathBuf,
    /// Questions with their passages.
    pub questions: Vec<Question>,
    /// Multi-way parallel segments.
    pub segments: Vec<Segment>,
    /// Words by sense, where a new vocabulary or code-switched texts ask for them.
    pub senses: Vec<Sense>,
}

/// Reads the data, and reads or makes the start model.
///
/// # Errors
/// Says which file, line or field is wrong.
pub fn prepare(config: &TrainConfig, note: &mut dyn FnMut(&str)) -> Result<Prepared> {
    let Read { questions, segments, senses, licences, guard } = read(config, note)?;
    let mut sources = account::sources(&questions, &segments, &licences);
    if !senses.is_empty() {
        let licence = account::licence(LEXICON, &licences).into();
        sources.push(Source { source: LEXICON.into(), licence, records: senses.len() });
    }
    let folder = config.output.join("start");
    let key = key(config, guard.as_ref())?;
    if folder.join("manifest.json").exists()
        && let Ok(mut bundle) = Bundle::open(&folder)
        && bundle.manifest.recipe["key"].as_str() == Some(&key)
    {
        // One made by an earlier version does not name its data; and of what it does name, the lexicon may be
        // needed only now.
        let recipe = &mut bundle.manifest.recipe["data"];
        match (recipe.as_array_mut(), sources.iter().find(|s| s.source == LEXICON)) {
            (None, _) => *recipe = json!(sources),
            (Some(named), Some(lexicon)) if named.iter().all(|s| s["source"] != LEXICON) => {
                named.push(json!(lexicon));
            }
            (Some(_), _) => {}
        }
        note(&format!("start model found in {}", folder.display()));
        return Ok(Prepared { bundle, folder, questions, segments, senses });
    }
    let mut bundle = Bundle::open(&config.start.model)?;
    let base = bundle.manifest.name.clone();
    // How the start model was itself made, where it says.
    let mut recipe = json!({ "key": key, "model": base, "recipe": bundle.manifest.recipe });
    recipe["licence"] = json!(bundle.manifest.licence);
    if let Some(report) = &guard {
        recipe["guard"] = json!(report);
    }
    if let Some(size) = config.start.vocabulary {
        let (report, read) = new_vocabulary(config, size, &mut bundle, &questions, &segments, &senses, note)?;
        recipe["vocabulary"] = report;
        sources.extend(read.into_iter().map(|(source, records)| Source {
            licence: account::licence(&source, &licences).into(),
            source,
            records,
        }));
    }
    recipe["data"] = json!(sources);
    if let Some(prompts) = &config.prompts {
        bundle.manifest.prompts = prompts.clone();
    }
    bundle.store_as(Quantization::F32);
    bundle.manifest.recipe = recipe;
    bundle.manifest.self_test = SelfTest::of(&bundle)?;
    bundle.write(&folder)?;
    note(&format!("start model written to {}", folder.display()));
    Ok(Prepared { bundle, folder, questions, segments, senses })
}

/// Hash of what the start model depends on: of the guard that is what it left out.
fn key(config: &TrainConfig, guard: Option<&GuardReport>) -> Result<String> {
    let mut parts = json!([config.start, config.data, config.languages, config.seed, config.prompts]);
    if let (Some(parts), Some(report)) = (parts.as_array_mut(), guard) {
        parts.push(json!(report));
    }
    Ok(sha256(parts.to_string().as_bytes()))
}

/// The data, and what is to be known about them.
struct Read {
    questions: Vec<Question>,
    segments: Vec<Segment>,
    senses: Vec<Sense>,
    licences: BTreeMap<String, String>,
    guard: Option<GuardReport>,
}

fn read(config: &TrainConfig, note: &mut dyn FnMut(&str)) -> Result<Read> {
    let folder = &config.data.folder;
    let kept = |files: Vec<PathBuf>| -> Vec<PathBuf> {
        files.into_iter().filter(|f| !config.data.without.iter().any(|w| source(f) == *w)).collect()
    };
    let files = kept(records::find_any(folder, "parallel.")?);
    let (mut segments, report) = read_parallel(&files, &config.languages)?;
    note(&format!("{} parallel segments of {}", segments.len(), report.records));
    report.lines("parallel segments").iter().for_each(|line| note(line));
    let files = kept(records::find_any(folder, "qa.")?);
    let (mut questions, report) = read_questions(&files, &config.languages)?;
    note(&format!("{} questions of {}", questions.len(), report.records));
    report.lines("questions").iter().for_each(|line| note(line));
    if !config.data.sets.is_empty() {
        let (more, notes) = training::read(&config.data.sets, &config.languages)?;
        note(&format!("{} questions of the published sets", more.len()));
        notes.iter().for_each(|sentence| note(sentence));
        questions.extend(more);
    }
    let mut guard = None;
    if let Some(config) = &config.guard {
        let sets = config.open()?;
        let mut report = sets.report();
        segments = sets.segments(segments, &mut report);
        questions = sets.questions(questions, &mut report);
        report.lines().iter().for_each(|line| note(line));
        guard = Some(report);
    }
    if segments.is_empty() && questions.is_empty() {
        return Err(Error::file(
            folder,
            "no training text in any of the configured languages was found here",
        ));
    }
    account::check_languages(&config.languages, &questions, &segments)?;
    let mut senses = Vec::new();
    if config.sampling.code_switching > 0.0 || config.start.vocabulary.is_some() {
        let (read, report) = read_lexicon(&records::find(folder, "lexicon.")?, &config.languages)?;
        report.lines(LEXICON).iter().for_each(|line| note(line));
        senses = read;
    }
    Ok(Read { questions, segments, senses, licences: account::read_licences(folder)?, guard })
}

/// What the lexicon is called among the sources.
const LEXICON: &str = "lexicon";

/// `parallel.tatoeba.jsonl.zst` → `tatoeba`.
fn source(path: &Path) -> String {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    name.split('.').nth(1).unwrap_or_default().to_string()
}

/// Gives the model a new tokenizer and a table for it. Returns an account of it, and what was read beside
/// the training texts, with how many records.
fn new_vocabulary(
    config: &TrainConfig,
    size: usize,
    bundle: &mut Bundle,
    questions: &[Question],
    segments: &[Segment],
    senses: &[Sense],
    note: &mut dyn FnMut(&str),
) -> Result<(serde_json::Value, Option<(String, usize)>)> {
    note(&format!("training a vocabulary of {size} tokens"));
    let mut texts: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for segment in segments {
        for (lang, text) in &segment.texts {
            texts.entry(lang.clone()).or_default().push(text);
        }
    }
    for question in questions {
        let list = texts.entry(question.lang.clone()).or_default();
        list.push(&question.question);
        list.push(&question.context);
    }
    let mut counts = WordCounts::new();
    let mut read = None;
    if let Some(path) = &config.data.word_counts {
        counts = vocabulary::read_word_counts(path, &config.languages)?;
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        read = Some((name, counts.values().map(Vec::len).sum()));
    }
    let options = VocabularyOptions { size, ..Default::default() };
    let new = vocabulary::train(&texts, &counts, &options)?;

    note("aligning it with the start model's vocabulary");
    let pairs = pairs(segments, senses);
    let parse =
        |bytes: &[u8]| Tokenizer::from_bytes(bytes).map_err(|e| Error::Training(format!("tokenizer: {e}")));
    let hidden = bundle.manifest.architecture.hidden;
    let table = bundle.weights.need(TABLE)?.to_f32();
    let rows = alignment::initial_embeddings(
        &parse(&new.json)?,
        &parse(&bundle.tokenizer)?,
        &table,
        hidden,
        &pairs,
        &AlignmentOptions::default(),
    )?;
    let count = rows.rows.len() / hidden;
    bundle.weights.insert(TABLE, Array::f32(vec![count, hidden], rows.rows));
    bundle.manifest.architecture.vocabulary = count;
    bundle.tokenizer = new.json;
    Ok((json!({ "tokens": count, "alignment": rows.report }), read))
}

/// Sources whose two sides often differ count less.
fn weight(source: &str) -> f32 {
    match source {
        "iso-codes" => 0.3,
        "bitcoin-org" | "indian-wiki" | "phet" => 0.5,
        _ => 1.0,
    }
}

/// Texts beside their English counterparts: segments, and the words of the lexicon.
fn pairs<'a>(segments: &'a [Segment], senses: &'a [Sense]) -> Vec<Pair<'a>> {
    let mut out = Vec::new();
    for segment in segments {
        let Some(english) = segment.texts.get("en") else { continue };
        for (language, text) in segment.texts.iter().filter(|(l, _)| *l != "en") {
            out.push(Pair { language, text, english, weight: weight(&segment.source) });
        }
    }
    for sense in senses {
        for (language, words) in &sense.words {
            for text in words {
                out.push(Pair { language, text, english: &sense.english, weight: 1.0 / words.len() as f32 });
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn config(folder: &Path, languages: &str) -> TrainConfig {
        let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/checkpoints/plain");
        let text = format!(
            r#"
            name = "tiny"
            output = "out"
            languages = [{languages}]
            [start]
            model = "{}"
            [data]
            folder = "data/train"
            [guard]
            sets = [{{ dataset = "own", data = "eval.jsonl" }}]
            [[stage]]
            name = "distil"
            objective = {{ kind = "distillation" }}
            steps = 1
            batch = 2
            learning_rate = 1e-3
            "#,
            model.display()
        );
        let path = folder.join("tiny.toml");
        fs::write(&path, text).unwrap();
        TrainConfig::read(&path).unwrap()
    }

    fn write(folder: &Path) {
        fs::create_dir_all(folder.join("data/train")).unwrap();
        let lines = [
            r#"{"id":"tiny:1","t":{"en":"The river is old.","de":"Der Fluss ist alt."}}"#,
            r#"{"id":"tiny:2","t":{"en":"A mill stood beside the river until the great flood.","de":"Dort stand eine Mühle."}}"#,
            r#"{"id":"tiny:3","t":{"en":"The river is old. ","de":"Der Fluss ist alt."}}"#,
            r#"{"id":"tiny:4","t":{"en":"Oslo","de":"Oslo"}}"#,
        ];
        fs::write(folder.join("data/train/parallel.tiny.jsonl"), lines.join("\n")).unwrap();
        let line = r#"{"id":"qa:1","lang":"en","question":"Where?","context":"Here.","source":"docqa/tiny"}"#;
        fs::write(folder.join("data/train/qa.en.jsonl"), line).unwrap();
        let table = "| name | licence |\n|---|---|\n| parallel.tiny | CC0-1.0 |\n";
        fs::write(folder.join("data/SOURCES.md"), table).unwrap();
        evaluation(folder, "A mill stood beside the river until the great flood of 1872.");
    }

    fn evaluation(folder: &Path, passage: &str) {
        let lines = format!(
            "{{\"id\":\"p\",\"lang\":\"en\",\"text\":\"{passage}\"}}\n\
             {{\"query_id\":\"q\",\"lang\":\"en\",\"text\":\"What stood there?\",\"relevant\":[\"p\"]}}\n"
        );
        fs::write(folder.join("eval.jsonl"), lines).unwrap();
    }

    fn prepared(config: &TrainConfig) -> (Result<Prepared>, Vec<String>) {
        let mut notes = Vec::new();
        let prepared = prepare(config, &mut |note| notes.push(note.to_string()));
        (prepared, notes)
    }

    #[test]
    fn what_is_measured_on_is_left_out_and_what_was_read_is_recorded() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        let config = config(folder.path(), r#""en", "de""#);
        let (first, notes) = prepared(&config);
        let first = first.unwrap();
        assert_eq!(first.segments.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), ["tiny:1"]);
        for part in [
            "1 records left out, because all their texts came before",
            "1 texts left out, because both sides are equal",
            "left out of tiny: 1 texts, 1 records whole, that overlap with own; the first is tiny:2 (en)",
        ] {
            assert!(notes.iter().any(|note| note.contains(part)), "{part}: {notes:?}");
        }
        let recipe = &first.bundle.manifest.recipe;
        assert_eq!(recipe["guard"]["found"][0]["texts"], json!(1));
        let source = |source: &str| json!({ "source": source, "licence": "CC0-1.0", "records": 1 });
        assert_eq!(recipe["data"], json!([source("docqa/tiny"), source("tiny")]));

        // A second time it is found, another evaluation set makes another.
        let (second, notes) = prepared(&config);
        assert_eq!(second.unwrap().bundle.manifest.recipe, *recipe);
        assert!(notes.iter().any(|note| note.starts_with("start model found")), "{notes:?}");
        evaluation(folder.path(), "Nothing of it is in the training texts.");
        let (third, notes) = prepared(&config);
        let third = third.unwrap();
        assert!(notes.iter().any(|note| note.ends_with("nothing overlaps")), "{notes:?}");
        assert_eq!((third.segments.len(), third.questions.len()), (2, 1));
    }

    #[test]
    fn a_language_without_data_is_named_before_anything_is_done() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        let (problem, _) = prepared(&config(folder.path(), r#""en", "ger""#));
        let problem = problem.err().unwrap().to_string();
        assert!(problem.contains("language ger") && problem.contains("`de` if you mean German"), "{problem}");
        assert!(!folder.path().join("out").exists());
    }
}
