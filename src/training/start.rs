//! The start model of a training run, and its data.
//!
//! `[start] layers` and `trim` remove blocks and tokens from the start model. The result is stored as a bundle in
//! `start/`, so that a repeated or resumed run begins with the same weights.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde::Serialize;
use serde_json::json;

use super::{
    config::TrainConfig,
    cut::{ModelSize, cut},
};
use crate::{
    Error, Result,
    bundle::{self, Bundle, Quantization, SelfTest, TrimOptions, TrimReport},
    datasets::{
        account::{self, TrainingSource},
        guard::GuardReport,
        lexicon::{Sense, read_lexicon},
        parallel::{Segment, read_parallel},
        qa::{QaPair, read_questions},
        records, training,
        word_counts::{WordCounts, read_word_counts},
    },
    hash::{Hasher, sha256},
    models,
    retrieval::Similarity,
};

/// The inputs of training.
pub struct Prepared {
    /// The start model, in f32.
    pub bundle: Bundle,
    /// Its folder.
    pub folder: PathBuf,
    /// Questions with their passages.
    pub questions: Vec<QaPair>,
    /// Multi-way parallel segments.
    pub segments: Vec<Segment>,
    /// The lexicon, if texts are code-switched.
    pub senses: Vec<Sense>,
    /// SHA-256 of all these texts, in order; of the lexicon only if batches use it.
    pub learned: String,
    /// SHA-256 of the start model's inputs.
    pub key: String,
}

/// Reads the data, and reads or makes the start model.
///
/// # Errors
/// Says which file, line or field is wrong.
pub fn prepare(config: &TrainConfig, note: &mut dyn FnMut(&str)) -> Result<Prepared> {
    let data = read(config, note)?;
    let mut sources = account::sources(&data.questions, &data.segments, &data.licences);
    if !data.senses.is_empty() {
        let licence = account::licence(LEXICON, &data.licences).into();
        sources.push(TrainingSource { source: LEXICON.into(), licence, records: data.senses.len() });
    }
    let folder = config.output.join("start");
    let mut bundle = models::open(&config.start.model, note)?;
    let learned = learned(config, &data)?;
    let key = key(config, &data, &bundle, &learned)?;
    if folder.join("manifest.json").exists()
        && let Ok(mut bundle) = Bundle::open(&folder)
        && bundle.manifest.recipe["key"].as_str() == Some(&key)
    {
        // A start model made by an earlier version does not name its data; and the lexicon may be needed only now.
        let recipe = &mut bundle.manifest.recipe["data"];
        match (recipe.as_array_mut(), sources.iter().find(|s| s.source == LEXICON)) {
            (None, _) => *recipe = json!(sources),
            (Some(named), Some(lexicon)) if named.iter().all(|s| s["source"] != LEXICON) => {
                named.push(json!(lexicon));
            }
            (Some(_), _) => {}
        }
        note(&format!("start model found in {}", folder.display()));
        let TrainingData { questions, segments, senses, .. } = data;
        return Ok(Prepared { bundle, folder, questions, segments, senses, learned, key });
    }
    let base = bundle.manifest.name.clone();
    if let Some(kept) = bundle.manifest.architecture.truncate.take() {
        let all = bundle.manifest.architecture.dimension();
        note(&format!("{base} keeps {kept} of its {all} dimensions; all of them are trained and kept"));
    }
    // Training is about the directions of vectors.
    if !bundle.manifest.architecture.normalize || !bundle.manifest.similarity.is_cosine() {
        note(&format!(
            "vectors are normalized to length 1 and compared by cosine from now on, unlike those of {base}"
        ));
        bundle.manifest.architecture.normalize = true;
        bundle.manifest.similarity = Similarity::Cosine;
    }
    // The start model's own recipe, if recorded.
    let mut recipe = json!({ "key": key, "model": base, "recipe": bundle.manifest.recipe });
    recipe["licence"] = json!(bundle.manifest.licence);
    if let Some(report) = &data.guard {
        recipe["guard"] = json!(report);
    }
    if let Some(layers) = config.start.layers {
        let all = ModelSize::of(&bundle.manifest.architecture);
        let kept = cut(&mut bundle, ModelSize { layers, ..all }, "start")?;
        note(&format!("{layers} of the {} blocks of {base} are kept", all.layers));
        recipe["layers"] = json!({ "kept": kept, "of": all.layers });
    }
    if let Some(size) = config.start.trim {
        let report = trimmed(config, size, &mut bundle, &data)?;
        report.lines().iter().for_each(|line| note(line));
        recipe["trim"] = json!(report);
        sources.extend(data.words.iter().map(|(source, words)| TrainingSource {
            source: source.clone(),
            licence: account::licence(source, &data.licences).into(),
            records: words.values().map(Vec::len).sum(),
        }));
    }
    recipe["data"] = json!(sources);
    if let Some(prompts) = &config.prompts {
        bundle.manifest.prompts = prompts.clone();
    }
    if folder.join("manifest.json").exists() {
        note(&format!(
            "the start model in {} is from another configuration, model, data or version of this program, and is made \
             again",
            folder.display()
        ));
    }
    bundle.store_as(Quantization::F32)?;
    bundle.manifest.recipe = recipe;
    // The results were measured on another model.
    bundle.manifest.results = serde_json::Value::Null;
    bundle.manifest.self_test = SelfTest::of(&bundle)?;
    bundle.write(&folder)?;
    note(&format!("start model written to {}", folder.display()));
    let TrainingData { questions, segments, senses, .. } = data;
    Ok(Prepared { bundle, folder, questions, segments, senses, learned, key })
}

/// SHA-256 of all training texts.
fn learned(config: &TrainConfig, data: &TrainingData) -> Result<String> {
    let mut learned = vec![hash(&data.questions)?, hash(&data.segments)?];
    if config.sampling.code_switching > 0.0 {
        learned.push(hash(&data.senses)?);
    }
    Ok(sha256(learned.join(" ").as_bytes()))
}

/// SHA-256 of records in order, each as a line of JSON.
fn hash<T: Serialize>(records: &[T]) -> Result<String> {
    let mut hasher = Hasher::default();
    for record in records {
        let line = serde_json::to_vec(record).map_err(|e| Error::format("a training text", e))?;
        hasher.push(&line);
        hasher.push(b"\n");
    }
    Ok(hasher.finish())
}

/// Hash of what the start model depends on; for the guard, of what it excluded.
fn key(config: &TrainConfig, data: &TrainingData, model: &Bundle, learned: &str) -> Result<String> {
    let mut parts = json!([config.start, config.data, config.languages, config.seed, config.prompts]);
    if let Some(parts) = parts.as_array_mut() {
        parts.extend([json!(model.fingerprint()?), json!(learned)]);
        if config.start.trim.is_some() {
            let words = data.words.as_ref().map(|(_, words)| hash(&words.iter().collect::<Vec<_>>()));
            let words = words.transpose()?;
            parts.extend([json!(config.quantization), json!(words)]);
        }
        parts.extend(data.guard.as_ref().map(|report| json!(report)));
    }
    Ok(sha256(parts.to_string().as_bytes()))
}

/// The data, with notes.
struct TrainingData {
    questions: Vec<QaPair>,
    segments: Vec<Segment>,
    senses: Vec<Sense>,
    /// The recipe's word list, with its file's name.
    words: Option<(String, WordCounts)>,
    licences: BTreeMap<String, String>,
    guard: Option<GuardReport>,
}

fn read(config: &TrainConfig, note: &mut dyn FnMut(&str)) -> Result<TrainingData> {
    let folder = config.data.folder.as_deref();
    let files = |prefix| {
        folder.map(|folder| records::find_any(folder, prefix)).transpose().map(Option::unwrap_or_default)
    };
    let (mut segments, mut questions) = (Vec::new(), Vec::new());
    if folder.is_some() {
        let (read, report) = read_parallel(&files("parallel.")?, &config.languages)?;
        note(&format!("{} parallel segments of {}", read.len(), report.records));
        report.lines("parallel segments").iter().for_each(|line| note(line));
        segments = read;
        let (read, report) = read_questions(&files("qa.")?, &config.languages)?;
        note(&format!("{} questions of {}", read.len(), report.records));
        report.lines("questions").iter().for_each(|line| note(line));
        questions = read;
    }
    if !config.data.sets.is_empty() {
        let (more, notes) = training::read(&config.data.sets, &config.languages)?;
        note(&format!("{} questions of data.sets", more.len()));
        notes.iter().for_each(|sentence| note(sentence));
        questions.extend(more);
    }
    leave_out(&config.data.without, &mut questions, &mut segments, note)?;
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
        let nothing = "no training text remains in any of the configured languages";
        return Err(match folder {
            Some(folder) => {
                Error::file(folder, format!("{nothing}; docs/data.md describes the files and their format"))
            }
            None => Error::Input(format!("of data.sets, {nothing}")),
        });
    }
    account::check_languages(&config.languages, &questions, &segments)?;
    let mut senses = Vec::new();
    if let Some(folder) = folder
        && config.sampling.code_switching > 0.0
    {
        let (read, report) = read_lexicon(&records::find(folder, "lexicon.")?, &config.languages)?;
        report.lines(LEXICON).iter().for_each(|line| note(line));
        senses = read;
    }
    let words = match &config.data.word_counts {
        Some(path) => {
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            Some((name, read_word_counts(path, &config.languages)?))
        }
        None => None,
    };
    // Own sets may have a list of licences next to their files.
    let beside = config.data.sets.iter().map(|set| match set.path.is_dir() {
        true => set.path.as_path(),
        false => set.path.parent().unwrap_or(&set.path),
    });
    let licences = account::read_licences(folder.into_iter().chain(beside))?;
    Ok(TrainingData { questions, segments, senses, words, licences, guard })
}

/// The lexicon's name among the sources.
const LEXICON: &str = "lexicon";

/// Drops `sources`, named as in a model card; `iot` is `docqa/iot` too.
///
/// # Errors
/// [`Error::Input`] naming a source without texts.
fn leave_out(
    sources: &[String],
    questions: &mut Vec<QaPair>,
    segments: &mut Vec<Segment>,
    note: &mut dyn FnMut(&str),
) -> Result<()> {
    for name in sources {
        let is = |source: &str| source == name || source.strip_prefix("docqa/") == Some(name);
        let before = (segments.len(), questions.len());
        segments.retain(|segment| !is(&segment.source));
        questions.retain(|question| !is(&question.source));
        let (some, asked) = (before.0 - segments.len(), before.1 - questions.len());
        if some + asked == 0 {
            let all = segments.iter().map(|s| &s.source).chain(questions.iter().map(|q| &q.source));
            let all: Vec<&str> = all.collect::<BTreeSet<_>>().into_iter().map(String::as_str).collect();
            return Err(Error::Input(format!(
                "data.without names {name}, which no text is from; the sources are {}",
                all.join(", ")
            )));
        }
        note(&format!("{name}: {some} parallel segments and {asked} questions left out by data.without"));
    }
    Ok(())
}

/// All texts by language.
pub fn texts<'a>(segments: &'a [Segment], questions: &'a [QaPair]) -> BTreeMap<String, Vec<&'a str>> {
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
    texts
}

/// Keeps the tokens that are most frequent in the texts and the word list.
fn trimmed(
    config: &TrainConfig,
    size: usize,
    bundle: &mut Bundle,
    data: &TrainingData,
) -> Result<TrimReport> {
    if let Some(prompts) = &config.prompts {
        bundle.manifest.prompts = prompts.clone();
    }
    let none = WordCounts::new();
    let words = data.words.as_ref().map_or(&none, |(_, words)| words);
    let texts = texts(&data.segments, &data.questions);
    let report = bundle::trim(bundle, &texts, words, &TrimOptions::new(size))?;
    // Frozen weights will be quantized like this, so train the rest with them.
    bundle.store_as(config.quantization)?;
    Ok(report)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::bundle::{Array, Manifest};

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
            "1 records left out, because all their texts repeat earlier ones",
            "1 texts left out, because both sides are equal",
            "left out of tiny: 1 texts, 1 records whole, that overlap with own; the first is tiny:2 (en)",
        ] {
            assert!(notes.iter().any(|note| note.contains(part)), "{part}: {notes:?}");
        }
        let recipe = &first.bundle.manifest.recipe;
        assert_eq!(recipe["guard"]["found"][0]["texts"], json!(1));
        let source = |source: &str| json!({ "source": source, "licence": "CC0-1.0", "records": 1 });
        assert_eq!(recipe["data"], json!([source("docqa/tiny"), source("tiny")]));

        // The second time it is found; another evaluation set makes a new one.
        let (second, notes) = prepared(&config);
        assert_eq!(second.unwrap().bundle.manifest.recipe, *recipe);
        assert!(notes.iter().any(|note| note.starts_with("start model found")), "{notes:?}");
        evaluation(folder.path(), "Nothing of it is in the training texts.");
        let (third, notes) = prepared(&config);
        let third = third.unwrap();
        assert!(notes.iter().any(|note| note.ends_with("nothing overlaps")), "{notes:?}");
        assert!(notes.iter().any(|note| note.contains("is from another configuration")), "{notes:?}");
        assert_eq!((third.segments.len(), third.questions.len()), (2, 1));
    }

    /// Python's `hashlib.sha256(json.dumps(q, ensure_ascii=False, separators=(",", ":")).encode() + b"\\n")`.
    #[test]
    fn a_text_is_hashed_as_a_line_of_json() {
        let question = QaPair {
            id: "q:1".into(),
            lang: "de".into(),
            question: "Wo\u{200b} \"steht\" das?".into(),
            context: "Hier, 中\u{301}.".into(),
            answer: None,
            answer_sentence: None,
            source: "docqa/tiny".into(),
            title: Some("T".into()),
            negatives: vec!["a".into()],
        };
        let expected = "c89137eca6f1c11f63a43a78fafcc9d43d099e0a2064730c50ff8ff3452c8bd0";
        assert_eq!(hash(&[question]).unwrap(), expected);
    }

    #[test]
    fn a_start_of_other_weights_is_another_start() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        let mut config = config(folder.path(), r#""en", "de""#);
        let model = folder.path().join("model");
        let mut bundle = Bundle::open(&config.start.model).unwrap();
        bundle.manifest.results = json!({ "measured": "before" });
        bundle.write(&model).unwrap();
        config.start.model = model.clone();
        let first = prepared(&config).0.unwrap();
        assert!(first.bundle.manifest.results.is_null(), "its weights will be others");
        let name = "embeddings.LayerNorm.bias";
        let bias = bundle.weights.need(name).unwrap();
        let other = Array::f32(bias.shape.clone(), bias.to_f32().iter().map(|b| b + 0.5).collect());
        bundle.weights.insert(name, other);
        bundle.write(&model).unwrap();
        let (second, notes) = prepared(&config);
        let second = second.unwrap();
        assert!(notes.iter().any(|note| note.starts_with("start model written")), "{notes:?}");
        assert_ne!(first.key, second.key);
        let read = |prepared: &Prepared| prepared.bundle.weights.need(name).unwrap().to_f32();
        assert_ne!(read(&first), read(&second));
    }

    #[test]
    fn sources_are_left_out_by_the_names_that_cards_give_them() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        let mut config = config(folder.path(), r#""en", "de""#);
        let mut without = |names: &[&str]| {
            config.data.without = names.iter().map(|name| name.to_string()).collect();
            let (prepared, notes) = prepared(&config);
            (prepared.map(|p| (p.segments.len(), p.questions.len())), notes)
        };
        assert_eq!(without(&[]).0.unwrap(), (1, 1));
        let (counts, notes) = without(&["docqa/tiny"]);
        assert_eq!(counts.unwrap(), (1, 0));
        let told = "docqa/tiny: 0 parallel segments and 1 questions left out by data.without";
        assert!(notes.iter().any(|note| note == told), "{notes:?}");
        let problem = without(&["tony"]).0.unwrap_err().to_string();
        assert!(
            problem.contains("tony, which no text is from; the sources are docqa/tiny, tiny"),
            "{problem}"
        );
        // By the short name both are removed, and no data remain.
        assert!(without(&["tiny"]).0.is_err());
    }

    #[test]
    fn a_trimmed_start_is_another_with_other_words_or_stored_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        let list = folder.path().join("words.tsv");
        fs::write(&list, "de\tMühle\t5\n").unwrap();
        let mut config = config(folder.path(), r#""en", "de""#);
        (config.start.trim, config.data.word_counts) = (Some(330), Some(list.clone()));
        let first = prepared(&config).0.unwrap();
        let Manifest { architecture, recipe, .. } = &first.bundle.manifest;
        assert!(architecture.vocabulary <= 330, "{}", architecture.vocabulary);
        assert_eq!(recipe["trim"]["tokens"], json!(architecture.vocabulary));
        assert_eq!(recipe["trim"]["languages"]["de"]["words"], json!(1));
        let source = json!({ "source": "words.tsv", "licence": "not recorded", "records": 1 });
        assert!(recipe["data"].as_array().unwrap().contains(&source), "{recipe}");
        assert_eq!(prepared(&config).0.unwrap().key, first.key);
        fs::write(&list, "de\tMühle\t5\nde\tFluss\t3\n").unwrap();
        let second = prepared(&config).0.unwrap();
        config.quantization = Quantization::Q4;
        let third = prepared(&config).0.unwrap();
        assert!(first.key != second.key && second.key != third.key);
    }

    #[test]
    fn a_language_without_data_is_named_before_anything_is_done() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        let (problem, _) = prepared(&config(folder.path(), r#""en", "swe""#));
        let problem = problem.err().unwrap().to_string();
        assert!(problem.contains("language sv; leave sv (Swedish) out of `languages`"), "{problem}");
        assert!(!folder.path().join("out").exists());
    }
}
