//! What is tried on each reader of foreign bytes. A target reads them through the public interface, and
//! checks what was read: it can be written and read again, indices are in range, nothing is kept that is
//! empty.
//!
//! Readers of several files take a text of sections, `=== path` and the file's bytes, see [`sections`].

use std::collections::HashSet;
use std::fs;
use std::io::Write;

use interlingua::benchmark;
use interlingua::datasets::{self, CollectionOptions, Columns, Corpus, PassagePool, examples};
use interlingua::evaluation::compare::{CompareOptions, CompareSource, RunComparison};
use interlingua::evaluation::{EvalReport, Measure, MeasureOptions, Measures, Setting, Task, export, trec};
use interlingua::retrieval::{npy, vectors};
use interlingua::text;

/// A reader and its test.
pub struct Target {
    /// The name of its folder in `corpus`.
    pub name: &'static str,
    /// Reads the bytes, and panics if a property is violated.
    pub run: fn(&[u8]),
    /// The most memory that it may use for an empty input; each byte of input may add [`EACH`].
    pub memory: usize,
}

/// Bytes of memory for each byte of input: an empty line may become an error of some hundred bytes, and a
/// compressed one a thousand lines.
const EACH: usize = 4 << 10;

/// Runs a target on an input and asserts how much memory it uses.
pub fn check(target: &Target, bytes: &[u8]) {
    let most = crate::memory::most(|| (target.run)(bytes));
    let allowed = target.memory + EACH * bytes.len();
    assert!(
        most <= allowed,
        "{} bytes of input took {most} bytes of memory, not at most {allowed}",
        bytes.len()
    );
}

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run, memory: 32 << 20 }
}

/// All targets of the enabled features.
pub const TARGETS: &[Target] = &[
    target("open", open),
    target("folder", folder),
    target("trec", trec),
    target("npy", npy),
    target("vectors", vectors_file),
    target("report", report),
    target("words", words),
    target("hub", hub),
    #[cfg(feature = "engine")]
    target("manifest", engine::manifest),
    #[cfg(feature = "engine")]
    target("weights", engine::weights),
    #[cfg(feature = "engine")]
    target("tokenizer", engine::tokenizer),
    #[cfg(feature = "engine")]
    target("hugging-face", engine::hugging_face),
    #[cfg(feature = "native")]
    target("recipe", native::recipe),
    #[cfg(feature = "native")]
    target("training", native::training),
];

/// The files of an input: each begins with a line `=== path`. Paths cannot leave the folder.
pub fn sections(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        if let Some(path) = line.strip_prefix(b"=== ") {
            let path = String::from_utf8_lossy(path);
            let known = |c: &char| c.is_ascii_alphanumeric() || "._-/".contains(*c);
            let path: String = path.trim().chars().filter(known).take(120).collect();
            let parts: Vec<&str> = path.split('/').filter(|part| !["", ".", ".."].contains(part)).collect();
            files.push((parts.join("/"), Vec::new()));
        } else if let Some((_, file)) = files.last_mut() {
            file.extend_from_slice(line);
        }
    }
    files.retain(|(path, _)| !path.is_empty());
    files
}

/// Writes files to a temporary folder. A path that is a folder of another one is left out.
fn on_disk(files: &[(String, Vec<u8>)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, bytes) in files {
        let path = dir.path().join(path);
        if fs::create_dir_all(path.parent().unwrap()).is_ok() {
            let _ = fs::File::create(path).and_then(|mut file| file.write_all(bytes));
        }
    }
    dir
}

/// Asserts the invariants of every corpus.
fn sound(corpus: &Corpus) {
    let mut ids = HashSet::new();
    for passage in &corpus.passages {
        assert!(ids.insert(&passage.id), "the passage {} is there twice", passage.id);
        assert!(!passage.text.trim().is_empty(), "the passage {} is empty", passage.id);
        if let Some((from, to)) = passage.answer {
            assert!(passage.text.get(from..to).is_some(), "the answer in {} is outside of it", passage.id);
        }
    }
    let mut ids = HashSet::new();
    for question in &corpus.questions {
        assert!(ids.insert((&question.lang, &question.id)), "the question {} is there twice", question.id);
        for relevant in &question.relevant {
            assert!(relevant.passage < corpus.passages.len() && relevant.grade > 0);
        }
    }
    assert_eq!(corpus.languages().iter().map(|(_, n)| n).sum::<usize>(), corpus.passages.len());
    let languages: HashSet<&String> =
        corpus.passages.iter().map(|p| &p.lang).chain(corpus.questions.iter().map(|q| &q.lang)).collect();
    let languages: Vec<String> = languages.into_iter().cloned().collect();
    assert_eq!(corpus.only(&languages).unwrap(), *corpus);
    assert!(examples(corpus).iter().all(|question| !question.text.trim().is_empty()));
    if let Ok(task) = Task::new(corpus) {
        let documents: usize = (0..task.languages.len()).map(|lang| task.range(lang).len()).sum();
        assert_eq!(documents, task.documents.len());
    }
}

/// Files as a user opens them, in the page and in the terminal.
fn open(bytes: &[u8]) {
    let files = sections(bytes);
    let Ok(corpus) = datasets::open(&files) else { return };
    assert!(!corpus.passages.is_empty());
    sound(&corpus);
    // What was read can be written in this project's own format and read again.
    let lines: String = corpus
        .passages
        .iter()
        .map(|p| {
            format!("{}\n", serde_json::json!({"id": p.id, "lang": p.lang, "text": p.text, "title": "title"}))
        })
        .collect();
    let again = datasets::open(&[("again.jsonl".into(), lines.into_bytes())]).unwrap();
    let texts =
        |corpus: &Corpus| corpus.passages.iter().map(|p| p.text.trim().to_string()).collect::<Vec<_>>();
    assert_eq!(texts(&again), texts(&corpus));
}

/// A folder of a known data set: the first section's first folder is the set's name.
fn folder(bytes: &[u8]) {
    let files = sections(bytes);
    let dir = on_disk(&files);
    let Some((name, _)) = files.first().and_then(|(path, _)| path.split_once('/')) else { return };
    for pool in [PassagePool::All, PassagePool::Judged] {
        let options = CollectionOptions { pool, ..CollectionOptions::default() };
        if let Ok(corpus) = datasets::load(name, &dir.path().join(name), &options) {
            sound(&corpus);
        }
    }
}

/// A run and judgements, in all formats, and the run's measures.
fn trec(bytes: &[u8]) {
    let files = sections(bytes);
    let file = |name: &str| {
        files.iter().find(|(path, _)| path.starts_with(name)).map_or(&[][..], |(_, bytes)| bytes.as_slice())
    };
    let run = trec::parse_run("run", file("run"));
    let Ok(qrels) = trec::parse_qrels("qrels", file("qrels")) else { return };
    // Ids may contain spaces where tabs or JSON separate them; in TREC's format these are escaped.
    let written: String = qrels
        .queries()
        .flat_map(|(query, judged)| {
            judged.iter().map(move |(document, grade)| {
                format!("{}\t0\t{}\t{grade}\n", trec::id(query), trec::id(document))
            })
        })
        .collect();
    let all = |qrels: &trec::Qrels, id: fn(&str) -> String| {
        let mut all: Vec<String> = Vec::new();
        for (query, judged) in qrels.queries() {
            all.extend(
                judged.iter().map(|(document, grade)| format!("{} {} {grade}", id(query), id(document))),
            );
        }
        all.sort();
        all
    };
    // An empty id is not a column, and a file that begins like another kind is refused as such.
    if datasets::file::text("again", written.as_bytes()).is_ok()
        && qrels.queries().all(|(query, judged)| !query.is_empty() && judged.keys().all(|id| !id.is_empty()))
    {
        let again = trec::parse_qrels("again", written.as_bytes()).unwrap();
        assert_eq!(all(&again, str::to_string), all(&qrels, |id| trec::id(id).into_owned()));
    }
    let Ok(run) = run else { return };
    for missing in [trec::Missing::Zero, trec::Missing::Skip] {
        let measured = trec::measure(&run, &qrels, missing, &MeasureOptions::default(), false);
        for (query, measures) in &measured.queries {
            let within = |value: &f64| (0.0..=1.0 + 1e-9).contains(value);
            assert!(measures.values().iter().all(within), "{query}: {measures:?}");
        }
    }
}

fn npy(bytes: &[u8]) {
    let Ok((values, rows, columns)) = npy::read("v.npy", bytes) else { return };
    assert_eq!(rows * columns, values.len());
    let again = npy::read("again.npy", &npy::write(&values, rows, columns)).unwrap();
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!((bits(&again.0), again.1, again.2), (bits(&values), rows, columns));
}

/// A file of vectors, as shipped with the sample.
fn vectors_file(bytes: &[u8]) {
    let Ok(read) = vectors::read("v", bytes.to_vec()) else { return };
    assert_eq!(read.values.len(), read.len() * read.dimension);
    if let Some(windows) = &read.windows {
        assert_eq!(windows.len(), read.len());
    }
    let _ = read.cut();
    let rows = read.unit_rows();
    assert!(rows.len() == read.values.len() && rows.iter().all(|x| x.is_finite()));
    let written =
        vectors::write_windows(&rows, read.dimension, &read.about, read.windows.as_deref()).unwrap();
    let again = vectors::read("again", written).unwrap();
    assert_eq!((again.len(), again.about, again.windows), (read.len(), read.about, read.windows));
}

/// Reports written by `interlingua eval --json` and the page's benchmark.
fn report(bytes: &[u8]) {
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    fs::write(file.path(), bytes).unwrap();
    if let Ok(source) = CompareSource::read(file.path(), None, &CompareOptions::default()) {
        let two = [source.clone(), source];
        let _ = RunComparison::of(&two, &["map".parse::<Measure>().unwrap()], 100, 1).map(|c| c.table());
    }
    if let Ok(report) = serde_json::from_slice::<EvalReport>(bytes) {
        let (_, _, _) = (export::csv(&report), export::latex(&report), report.table());
        let json = export::json(&report).unwrap();
        assert_eq!(serde_json::from_str::<EvalReport>(&json).unwrap(), report);
        for setting in Setting::ALL {
            let known = report.measures(setting).map(Measures::names);
            assert!(known.is_none_or(|names| names.len() >= Measures::COUNT));
        }
    }
    if let Ok(report) = serde_json::from_slice::<benchmark::BenchmarkReport>(bytes) {
        let _ = benchmark::csv(&report);
        let json = benchmark::json(&report).unwrap();
        assert_eq!(serde_json::from_str::<benchmark::BenchmarkReport>(&json).unwrap(), report);
    }
}

/// What a user types: names of languages, measures, sizes and columns.
fn words(bytes: &[u8]) {
    for line in String::from_utf8_lossy(bytes).lines() {
        if let Some(code) = text::code(line) {
            assert_eq!(text::code(&code), Some(code.clone()), "{line}");
        }
        let _ = (text::nearest_language(line), text::detect(line));
        if let Ok(measure) = line.parse::<Measure>() {
            assert_eq!(measure.to_string().parse::<Measure>().unwrap(), measure);
        }
        if let Ok(cells) = benchmark::cells(line) {
            let plan =
                benchmark::BenchmarkPlan { cells: cells.clone(), ..benchmark::BenchmarkPlan::default() };
            assert_eq!(benchmark::cells(&plan.list()).unwrap(), cells);
        }
        let _ = line.parse::<Columns>();
        let _ = line.parse::<PassagePool>();
    }
}

/// A name, a hub's file list and a model card.
fn hub(bytes: &[u8]) {
    use interlingua::hub::{CardMetadata, ENDPOINT, HubName, Listing};

    let files = sections(bytes);
    let file = |name: &str| {
        files.iter().find(|(path, _)| path == name).map_or(&[][..], |(_, bytes)| bytes.as_slice())
    };
    let text = String::from_utf8_lossy(file("name"));
    let name = text.parse::<HubName>();
    if let Ok(name) = &name {
        assert_eq!(name.to_string().parse::<HubName>().unwrap(), *name);
        // Addresses stay on the hub, within the model, whatever was typed.
        let inside = format!("{ENDPOINT}/{}/resolve/", name.repository());
        let address = name.file(ENDPOINT, "a b/c.json");
        assert!(address.starts_with(&inside) && address.ends_with("/a%20b/c.json"), "{address}");
        assert!(
            address.is_ascii() && !address.contains("..") && !address.contains(['?', '#', ' ', '\\', '@'])
        );
    }
    if let Ok(listing) = Listing::parse("hub", file("listing.json")) {
        for file in &listing.files {
            assert!(file.path.split('/').all(|part| !["", ".", ".."].contains(&part)), "{}", file.path);
        }
        if let Ok(name) = &name {
            listing.pin(name).unwrap();
        }
    }
    let card = CardMetadata::parse(&String::from_utf8_lossy(file("README.md")));
    assert!(card.languages.iter().chain(&card.licence).all(|word| !word.trim().is_empty()));
}

#[cfg(feature = "engine")]
pub mod engine {
    use std::collections::BTreeMap;
    use std::sync::LazyLock;

    use interlingua::bundle::{Bundle, Incoming, Manifest, Quantization, Weights, from_hugging_face};
    use interlingua::encoder::{Encoder, EncoderDevice};
    use interlingua::text::{Kind, Tokenizer};

    use super::sections;

    /// Files that stand in for those that an input lacks.
    const CONFIG: &[u8] = include_bytes!("corpus/small/config.json");
    const TOKENIZER: &[u8] = include_bytes!("corpus/small/tokenizer.json");
    static WEIGHTS: LazyLock<Vec<u8>> = LazyLock::new(|| small_weights().to_safetensors().unwrap());

    /// Weights for `CONFIG`: one block of width 8, and 40 tokens.
    fn small_weights() -> Weights {
        sized_weights(40, 8)
    }

    /// The same model with a table of this size: its `config.json`, and its weights' file.
    #[allow(dead_code)] // `fuzz/` has no use for it
    pub fn large_table(rows: usize, width: usize) -> (String, Vec<u8>) {
        let mut config: serde_json::Value = serde_json::from_slice(CONFIG).unwrap();
        config["vocab_size"] = rows.into();
        config["hidden_size"] = width.into();
        (config.to_string(), sized_weights(rows, width).to_safetensors().unwrap())
    }

    fn sized_weights(rows: usize, d: usize) -> Weights {
        use interlingua::bundle::Array;
        let mut weights = Weights::default();
        let mut put = |name: &str, shape: &[usize]| {
            let n: usize = shape.iter().product();
            let values = (0..n).map(|i| ((i * 7 + name.len()) as f32).sin() * 0.2).collect();
            weights.insert(name, Array::f32(shape.to_vec(), values));
        };
        for (name, rows) in [("word", rows), ("position", 16), ("token_type", 2)] {
            put(&format!("embeddings.{name}_embeddings.weight"), &[rows, d]);
        }
        let block = "encoder.layer.0";
        let linear = [
            ("attention.self.query", d, d),
            ("attention.self.key", d, d),
            ("attention.self.value", d, d),
            ("attention.output.dense", d, d),
            ("intermediate.dense", 16, d),
            ("output.dense", d, 16),
        ];
        for (name, rows, columns) in linear {
            put(&format!("{block}.{name}.weight"), &[rows, columns]);
            put(&format!("{block}.{name}.bias"), &[rows]);
        }
        let norms = ["attention.output.LayerNorm", "output.LayerNorm"].map(|name| format!("{block}.{name}"));
        for norm in norms.into_iter().chain(["embeddings.LayerNorm".into()]) {
            put(&format!("{norm}.weight"), &[d]);
            put(&format!("{norm}.bias"), &[d]);
        }
        weights
    }

    fn small(path: &str) -> Option<Vec<u8>> {
        match path {
            "config.json" => Some(CONFIG.to_vec()),
            "tokenizer.json" => Some(TOKENIZER.to_vec()),
            "model.safetensors" => Some(WEIGHTS.clone()),
            _ => None,
        }
    }

    /// Encodes a few texts with a model that was read: it works or returns an error.
    fn encode(bundle: &Bundle) {
        let Ok(encoder) = Encoder::new(bundle, EncoderDevice::cpu()) else { return };
        let texts = ["", "ab ba", "a bridge\n über den Fluss"];
        let work = encoder.encode(&texts, Kind::Query, async |_, _| Ok(()));
        if let Ok(vectors) = futures_lite::future::block_on(work) {
            assert_eq!(vectors.len(), texts.len() * encoder.dimension());
        }
    }

    pub fn manifest(bytes: &[u8]) {
        let Ok(manifest) = Manifest::parse("manifest.json", bytes) else { return };
        let written = serde_json::to_vec(&manifest).unwrap();
        assert_eq!(Manifest::parse("again", &written).unwrap(), manifest);
        let _ = (manifest.bytes(), manifest.weights_hash(), manifest.weights_files());
        let mut bundle = from_hugging_face("small", &mut |path| Ok(small(path))).unwrap();
        bundle.manifest = manifest;
        encode(&bundle);
    }

    pub fn weights(bytes: &[u8]) {
        let whole = Weights::from_safetensors("w", bytes);
        // As if downloaded.
        let mut incoming = Incoming::default();
        for part in 1..4 {
            incoming.read("w", &bytes[..bytes.len() * part / 4]);
        }
        let coming = incoming.finish("w", bytes).map(|()| incoming.into_weights());
        assert_eq!(whole.is_ok(), coming.is_ok());
        let (Ok(whole), Ok(coming)) = (whole, coming) else { return };
        let again = Weights::from_safetensors("again", &whole.to_safetensors().unwrap()).unwrap();
        for other in [&coming, &again] {
            assert_eq!(whole.iter().count(), other.iter().count());
            for ((a, x), (b, y)) in whole.iter().zip(other.iter()) {
                assert!(a == b && x.is_same(y), "{a}");
            }
        }
        let mut parameters = 0;
        for (name, array) in whole.iter() {
            let values = array.to_f32();
            assert_eq!(values.len(), array.shape.iter().product::<usize>(), "{name}");
            parameters += values.len() as u64;
        }
        assert_eq!(whole.parameters(), parameters);
        for quantization in [Quantization::F16, Quantization::Q8, Quantization::Q4] {
            Weights::from_safetensors("q", &whole.quantize(quantization, "table").to_safetensors().unwrap())
                .unwrap();
        }
    }

    pub fn tokenizer(bytes: &[u8]) {
        // Panics of the library are caught in the terminal; in a browser they end the worker.
        let sound = |problem: &interlingua::Error| {
            let problem = problem.to_string();
            assert!(!problem.contains("the tokenizer is inconsistent"), "{problem}");
        };
        let tokenizer = match Tokenizer::from_json(bytes, 12) {
            Ok(tokenizer) => tokenizer,
            Err(problem) => return sound(&problem),
        };
        let rows = tokenizer.rows();
        for text in [
            "",
            " ",
            "ab ba",
            "The bridge, opened\tin 1871.",
            "мёд 蜂蜜 e\u{301} 🚢",
            "aaaaaaaaaaaaaaaaaaaaaaaa",
        ] {
            for prompt in ["", "query: "] {
                match tokenizer.read(prompt, text) {
                    Ok((ids, length)) => {
                        assert!(ids.len() <= 12, "{ids:?}");
                        assert!(ids.iter().all(|id| (*id as usize) < rows), "{ids:?}, {rows} rows");
                        assert!(length.unread <= length.tokens);
                    }
                    Err(problem) => sound(&problem),
                }
                match tokenizer.windows(prompt, text) {
                    Ok(windows) => {
                        assert!(windows.first().is_some_and(|w| w.0 == 0));
                        assert!(windows.last().is_some_and(|w| w.1 == text.len()));
                        assert!(windows.iter().all(|(from, to)| text.get(*from..*to).is_some()));
                    }
                    Err(problem) => sound(&problem),
                }
            }
        }
    }

    /// A model folder; missing files are those of a small model.
    pub fn hugging_face(bytes: &[u8]) {
        let files: BTreeMap<String, Vec<u8>> = sections(bytes).into_iter().collect();
        let read =
            from_hugging_face("model", &mut |path| Ok(files.get(path).cloned().or_else(|| small(path))));
        let Ok(bundle) = read else { return };
        assert!(bundle.manifest.architecture.max_tokens > 0);
        bundle.fingerprint().unwrap();
        encode(&bundle);
    }
}

#[cfg(feature = "native")]
mod native {
    use std::path::Path;

    use interlingua::datasets::training::{SetFormat, TrainingSet, read};
    use interlingua::datasets::{account, lexicon, parallel, qa, word_counts};
    use interlingua::study::Study;
    use interlingua::training::TrainConfig;

    use super::*;

    /// A training configuration, `recipe.toml`, and a study of it, `study.toml`.
    pub fn recipe(bytes: &[u8]) {
        let dir = on_disk(&sections(bytes));
        let path = dir.path().join("recipe.toml");
        if let Ok(config) = TrainConfig::read(&path) {
            let again = dir.path().join("again.toml");
            fs::write(&again, toml::to_string(&config).unwrap()).unwrap();
            let again = TrainConfig::read(&again).unwrap();
            assert_eq!(serde_json::to_value(&again).unwrap(), serde_json::to_value(&config).unwrap());
            let steps: u64 = config.stage.iter().map(|stage| stage.steps).fold(0, u64::saturating_add);
            for step in [0, 1, steps / 2, steps.saturating_sub(1), steps, u64::MAX] {
                if let Some((stage, step)) = config.stage_at(step) {
                    assert!(step < stage.steps && stage.rate(step).is_finite());
                }
            }
            let _ = config.check_inputs(&path);
        }
        let path = dir.path().join("study.toml");
        if let Ok((study, _)) = Study::read(&path) {
            assert!(!study.arms.is_empty() && !study.seeds.is_empty());
            let _ = study.check_inputs(&path);
        }
    }

    /// Training texts: the first folder, or the file's name, selects the format.
    pub fn training(bytes: &[u8]) {
        let files = sections(bytes);
        let dir = on_disk(&files);
        let languages: Vec<String> = ["ar", "de", "en", "sw"].map(Into::into).to_vec();
        for (path, _) in &files {
            let at = dir.path().join(path);
            let one = std::slice::from_ref(&at);
            match path.split(['.', '/']).next().unwrap_or_default() {
                "parallel" => {
                    if let Ok((segments, report)) = parallel::read_parallel(one, &languages) {
                        assert_eq!(segments.len(), report.kept);
                        assert!(segments.iter().all(|s| s.texts.len() > 1));
                        assert_eq!(
                            report.records,
                            report.kept
                                + report.duplicate_ids
                                + report.duplicate_texts
                                + report.too_few_texts
                        );
                    }
                }
                "lexicon" => {
                    if let Ok((senses, report)) = lexicon::read_lexicon(one, &languages) {
                        assert_eq!(senses.len(), report.kept);
                        assert!(senses.iter().all(|s| !s.words.is_empty() && !s.english.is_empty()));
                    }
                }
                "qa" => {
                    if let Ok((questions, report)) = qa::read_questions(one, &languages) {
                        assert_eq!(questions.len(), report.kept);
                        assert!(questions.iter().all(|q| !q.question.is_empty() && !q.context.is_empty()));
                    }
                }
                "SOURCES" => drop(account::read_licences([dir.path()])),
                "words" => {
                    if let Ok(counts) = word_counts::read_word_counts(&at, &languages) {
                        assert!(counts.keys().all(|code| languages.contains(code)));
                    }
                }
                _ => {}
            }
        }
        let sets = [
            ("mmarco", SetFormat::Mmarco),
            ("mr-tydi", SetFormat::MrTydi),
            ("miracl", SetFormat::Miracl),
            ("dpr", SetFormat::Dpr),
            ("own", SetFormat::Own),
            ("sample", SetFormat::Sample),
        ];
        for (name, format) in sets {
            let Some((file, _)) = files.iter().find(|(path, _)| path.starts_with(&format!("{name}/"))) else {
                continue;
            };
            let path = if format == SetFormat::Dpr { Path::new(file) } else { Path::new(name) };
            for language in ["de", "en"] {
                let set =
                    TrainingSet { format, path: dir.path().join(path), language: Some(language.into()) };
                if let Ok((questions, _)) = read(&[set], &languages) {
                    assert!(!questions.is_empty());
                    for question in questions {
                        assert_eq!(question.lang, language);
                        assert!(!question.question.trim().is_empty() && !question.context.trim().is_empty());
                        assert!(question.negatives.iter().all(|n| *n != question.context));
                    }
                }
            }
        }
    }
}
