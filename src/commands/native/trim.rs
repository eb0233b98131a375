//! `interlingua trim`: reduces a large model to some languages.

use std::{
    fs,
    path::{Path, PathBuf},
};

use interlingua::{
    Error, Result,
    bundle::{self, Bundle, Quantization, SelfTest, TextsByLanguage, TrimOptions},
    datasets::{
        self,
        parallel::read_parallel,
        qa::read_questions,
        records,
        word_counts::{WordCounts, read_word_counts},
    },
    training,
};

/// Arguments of `interlingua trim`.
#[derive(clap::Args)]
pub struct Args {
    /// A Hugging Face or sentence-transformers folder, a bundle, or a model's name on the Hugging Face hub, as in
    /// intfloat/multilingual-e5-small.
    model: PathBuf,
    /// Branch, tag or commit of a hub model; the same as NAME@REVISION.
    #[arg(long)]
    revision: Option<String>,
    /// Tokens to keep, special ones included.
    #[arg(long)]
    tokens: usize,
    /// Texts to count tokens in: a folder of training data (parallel.*, qa.*), or a file of passages with their
    /// languages. May be repeated; the more and the more varied the text, the better.
    #[arg(long = "texts", required = true, num_args = 1..)]
    texts: Vec<PathBuf>,
    /// A list of language, word and count, separated by tabs, with a third of the weight in its languages.
    #[arg(long)]
    word_counts: Option<PathBuf>,
    /// Codes of the languages to keep, separated by commas.
    #[arg(long, value_delimiter = ',', required = true)]
    languages: Vec<String>,
    /// 0: every language has the same weight; 1: proportional to its amount of text.
    #[arg(long, default_value_t = 0.0)]
    smoothing: f64,
    /// The bundle to write. Its tokenizer.json gives the same ids in Hugging Face's tokenizers.
    #[arg(long)]
    output: PathBuf,
    /// How weights are stored: f32, f16, q8 or q4.
    #[arg(long, default_value = "f32")]
    quantize: Quantization,
    /// The bundle's name; by default the model's with the number of tokens.
    #[arg(long)]
    name: Option<String>,
    /// SPDX expression of the model's licence, if the model does not say.
    #[arg(long)]
    licence: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// Says which file or field is wrong.
pub fn run(args: Args) -> Result<()> {
    if !(0.0..=1.0).contains(&args.smoothing) {
        return Err(Error::Input(format!("--smoothing is {}; give 0 to 1", args.smoothing)));
    }
    let mut model = Bundle::open(&super::locate(&args.model, args.revision.as_deref())?)?;
    let (mut segments, mut questions, mut passages) = (Vec::new(), Vec::new(), Vec::new());
    for path in &args.texts {
        if path.is_dir() {
            let files = [records::find_any(path, "parallel.")?, records::find_any(path, "qa.")?];
            if files.iter().all(Vec::is_empty) {
                return Err(Error::file(
                    path,
                    "it has no parallel.*.jsonl or qa.*.jsonl, plain, .zst or .gz",
                ));
            }
            let (more, report) = read_parallel(&files[0], &args.languages)?;
            report.lines("parallel segments").iter().for_each(|line| eprintln!("{line}"));
            segments.extend(more);
            let (more, report) = read_questions(&files[1], &args.languages)?;
            report.lines("questions").iter().for_each(|line| eprintln!("{line}"));
            questions.extend(more);
        } else {
            let bytes = fs::read(path).map_err(|e| Error::file(path, e))?;
            let corpus = datasets::open(&[(path.display().to_string(), bytes)])?;
            corpus.notes.iter().for_each(|note| eprintln!("{}: {note}", path.display()));
            passages.extend(corpus.passages);
        }
    }
    let mut texts: TextsByLanguage = training::texts_by_language(&segments, &questions);
    for passage in passages.iter().filter(|p| args.languages.contains(&p.lang)) {
        texts.entry(passage.lang.clone()).or_default().push(&passage.text);
    }
    let words = match &args.word_counts {
        Some(path) => read_word_counts(path, &args.languages)?,
        None => WordCounts::new(),
    };
    if let Some(none) = args.languages.iter().find(|l| !texts.contains_key(*l) && !words.contains_key(*l)) {
        return Err(Error::Input(format!(
            "there is no text in {none}, so its tokens would not be kept; give some with --texts, or leave {none} out"
        )));
    }
    let options = TrimOptions { smoothing: args.smoothing, ..TrimOptions::new(args.tokens) };
    let report = bundle::trim(&mut model, &texts, &words, &options)?;
    report.lines().iter().for_each(|line| eprintln!("{line}"));
    let manifest = &mut model.manifest;
    let from = serde_json::json!({ "model": manifest.name, "recipe": manifest.recipe, "trim": report });
    manifest.name = args.name.unwrap_or_else(|| format!("{}-{}k", manifest.name, args.tokens / 1000));
    manifest.recipe = from;
    // The results were measured on another model.
    manifest.results = serde_json::Value::Null;
    manifest.languages = args.languages;
    if let Some(licence) = args.licence {
        manifest.licence = licence;
    }
    model.store_as(args.quantize)?;
    model.manifest.self_test = SelfTest::of(&model)?;
    model.write(&args.output)?;
    print_summary(&args.output, &model, args.quantize);
    Ok(())
}

fn print_summary(output: &Path, model: &Bundle, quantization: Quantization) {
    println!(
        "{}: {} tokens, {quantization}, {:.1} MB",
        output.display(),
        model.manifest.architecture.vocabulary,
        model.manifest.bytes() as f64 / 1e6
    );
}
