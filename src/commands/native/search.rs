//! `interlingua search`: the passages of a corpus, ranked for one query.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use interlingua::bundle::Manifest;
use interlingua::datasets::{self, Columns, Corpus};
use interlingua::evaluate::encode;
use interlingua::protocol::{Hit, Scope};
use interlingua::retrieval::{EitherIndex, Filter, PackedIndex, vectors};
use interlingua::text::{self, Kind};
use interlingua::{Error, Result};
use serde::Serialize;

use super::{Progress, encode::about, open_model};

/// Arguments of `interlingua search`.
#[derive(clap::Args)]
pub struct Args {
    /// A bundle or a model folder.
    #[arg(long)]
    model: PathBuf,
    /// Files to search, packed (gzip, zstd) or not: JSON lines or lists, CSV, TSV, plain lines, or XQuAD-R.
    #[arg(long, required = true, num_args = 1..)]
    corpus: Vec<PathBuf>,
    /// Which columns of a table or fields of JSON lines are what, for instance
    /// text=body,language=lang,id=key,title=none; a table's columns also by number, with header=yes or no.
    #[arg(long)]
    columns: Option<Columns>,
    /// The passages' vectors, as `interlingua encode --kind passage` wrote them to a `.safetensors` file: a
    /// row for each passage, in the order of the files. Without, passages are encoded.
    #[arg(long)]
    vectors: Option<PathBuf>,
    /// How many passages to show.
    #[arg(long, default_value_t = 10)]
    top: usize,
    /// Only passages in these languages, for instance ar,de.
    #[arg(long, value_delimiter = ',')]
    languages: Vec<String>,
    /// Passages in one language (the query's), in another, or in all.
    #[arg(long, default_value = "all", value_parser = ["one", "another", "all"])]
    scope: String,
    /// The query's language; it is detected where it is not given.
    #[arg(long)]
    query_language: Option<String>,
    /// Print one JSON document instead of text.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: super::Place,
    /// What to search for.
    #[arg(last = false)]
    query: String,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Found<'a> {
    model: &'a str,
    device: String,
    corpus: &'a str,
    query: &'a str,
    language: Option<&'a str>,
    detected: bool,
    passages: usize,
    notes: &'a [String],
    hits: Vec<Hit>,
}

/// Runs the command.
///
/// # Errors
/// Says what is wrong with the query, the files, the model or the device.
pub fn run(args: Args) -> Result<()> {
    text::check_query(&args.query)?;
    let corpus = open(&args.corpus, &args.columns.clone().unwrap_or_default())?;
    super::tell(&corpus);
    let detected = args.query_language.is_none();
    let given = args.query_language.as_ref().map(|lang| text::code(lang).unwrap_or_else(|| lang.clone()));
    let language = given.as_deref().or_else(|| text::detect(&args.query));
    let scope = match args.scope.as_str() {
        "one" => Scope::One,
        "another" => Scope::Another,
        _ => Scope::All,
    };
    let filter = Filter::new(scope, language, &args.languages)?;
    let searched: Vec<usize> =
        (0..corpus.passages.len()).filter(|&i| filter.admits(&corpus.passages[i].lang)).collect();
    if searched.is_empty() {
        let there: Vec<String> = corpus.languages().into_iter().map(|(lang, _)| lang).collect();
        return Err(Error::Input(format!(
            "No passage is in the languages asked for; {} has {}.",
            corpus.name,
            there.join(", ")
        )));
    }
    let (encoder, manifest) = open_model(&args.model, &args.place)?;
    let similarity = encoder.similarity();
    if args.vectors.is_some() {
        similarity.need_cosine("--vectors, in 8 bits,")?;
    }
    if let Some(note) = similarity.note() {
        eprintln!("{note}");
    }
    // Which passage each row of the index is.
    let (index, rows) = match &args.vectors {
        Some(file) => (
            EitherIndex::Packed(read(file, &args.model, &manifest, &corpus)?),
            (0..corpus.passages.len()).collect(),
        ),
        None => {
            let texts = searched.iter().map(|&i| corpus.passages[i].text.as_str());
            let mut progress = Progress::new("passages");
            let vectors = encode(&encoder, texts, Kind::Passage, &mut |done, all| {
                progress.show(done, all);
                Ok(())
            })?;
            let mut index = EitherIndex::for_count(encoder.dimension(), searched.len(), similarity);
            index.extend(&vectors)?;
            (index, searched.clone())
        }
    };
    let query = encode(&encoder, [args.query.as_str()].into_iter(), Kind::Query, &mut |_, _| Ok(()))?;
    let hits = index.search(&query, args.top, |row| filter.admits(&corpus.passages[rows[row]].lang))?;
    let hits = hits
        .into_iter()
        .enumerate()
        .map(|(rank, (row, score))| {
            let passage = &corpus.passages[rows[row]];
            Hit {
                rank: rank + 1,
                score,
                id: passage.id.clone(),
                language: passage.lang.clone(),
                text: passage.text.clone(),
                source: passage.source.clone(),
                answer: None,
            }
        })
        .collect();
    let found = Found {
        model: encoder.name(),
        device: encoder.device_label(),
        corpus: &corpus.name,
        query: &args.query,
        language,
        detected,
        passages: searched.len(),
        notes: &corpus.notes,
        hits,
    };
    print(&found, args.json)
}

/// The passages in a person's files.
pub fn open(paths: &[PathBuf], columns: &Columns) -> Result<Corpus> {
    let mut files = Vec::new();
    for path in paths {
        let bytes = std::fs::read(path).map_err(|e| Error::file(path, e))?;
        files.push((path.display().to_string(), bytes));
    }
    datasets::open_with(&files, columns)
}

/// The vectors of `corpus` in a file, unless another model made them.
fn read(file: &Path, model: &Path, manifest: &Manifest, corpus: &Corpus) -> Result<PackedIndex> {
    let name = file.display().to_string();
    let vectors = vectors::read(&name, std::fs::read(file).map_err(|e| Error::file(file, e))?)?;
    let ours = about(manifest);
    let made_by = |about: &BTreeMap<String, String>| {
        about.get("weights_sha256").or_else(|| about.get("model")).cloned().unwrap_or_default()
    };
    if made_by(&vectors.about) != made_by(&ours) {
        return Err(Error::format(
            &name,
            format!(
                "its vectors were made by {}, not by {}; encode the passages with the model that is given",
                vectors.about.get("model").map_or("another model", |name| name),
                model.display()
            ),
        ));
    }
    if vectors.len() != corpus.passages.len() {
        return Err(Error::format(
            &name,
            format!(
                "it has {} vectors, but {} has {} passages",
                vectors.len(),
                corpus.name,
                corpus.passages.len()
            ),
        ));
    }
    Ok(PackedIndex::from_vectors(vectors))
}

fn print(found: &Found, json: bool) -> Result<()> {
    if json {
        let json = serde_json::to_string_pretty(found)
            .map_err(|e| Error::Input(format!("the result cannot be written as JSON: {e}")))?;
        println!("{json}");
        return Ok(());
    }
    for hit in &found.hits {
        println!("{:>3}  {:.4}  {:<3}  {}", hit.rank, hit.score, hit.language, hit.text);
        println!("{:>18}{}, {}", "", hit.source, hit.id);
    }
    Ok(())
}
