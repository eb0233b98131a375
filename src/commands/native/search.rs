//! `interlingua search`: the passages of a corpus, ranked for one query.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use interlingua::bundle::Manifest;
use interlingua::datasets::{self, Columns, Corpus};
use interlingua::evaluate::encode;
use interlingua::protocol::Hit;
use interlingua::retrieval::vectors::{self, StoredVectors};
use interlingua::retrieval::{EitherIndex, Filter, PackedIndex, Scope, best_windows};
use interlingua::text::{self, Cut, Kind, Window};
use interlingua::{Error, Result};
use serde::Serialize;

use super::{ModelArgs, ProgressLine, encode::about, open_model};

/// Arguments of `interlingua search`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// Files to search, optionally compressed (gzip, zstd): JSON lines or arrays, CSV, TSV, plain lines, or XQuAD-R.
    #[arg(long, required = true, num_args = 1..)]
    corpus: Vec<PathBuf>,
    /// The roles of a table's columns or of JSON fields, for instance
    /// text=body,language=lang,id=key,title=none; a table's columns also by number, with header=yes or no.
    #[arg(long)]
    columns: Option<Columns>,
    /// The passages' vectors, a `.safetensors` file written by `interlingua encode --kind passage`: one
    /// row per passage, in the order of the files. Without it, passages are encoded.
    #[arg(long)]
    vectors: Option<PathBuf>,
    /// Split passages longer than the model's window into overlapping windows: the best one counts and is shown.
    #[arg(long, conflicts_with = "vectors")]
    windows: bool,
    /// How many passages to show.
    #[arg(long, default_value_t = 10)]
    top: usize,
    /// Only passages in these languages, for instance ar,de.
    #[arg(long, value_delimiter = ',')]
    languages: Vec<String>,
    /// Search passages in one language (the query's), in another, or in all.
    #[arg(long, default_value = "all", value_parser = ["one", "another", "all"])]
    scope: String,
    /// The query's language; detected by default.
    #[arg(long)]
    query_language: Option<String>,
    /// Print one JSON document instead of text.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: super::DeviceArgs,
    /// The query; before or after the options.
    query: Option<String>,
}

impl Args {
    /// Takes the query. `--corpus` takes all words after it, so the query may be the last of its files.
    fn take_query(&mut self) -> Result<String> {
        if let Some(query) = self.query.take() {
            return Ok(query);
        }
        let missing = "the query is missing; put it first: interlingua search \"QUERY\" --corpus FILE …";
        let last = match self.corpus.last() {
            Some(last) if self.corpus.len() > 1 && !last.exists() => last.display().to_string(),
            _ => return Err(Error::Input(missing.into())),
        };
        // More likely a mistyped file name.
        if !last.contains(char::is_whitespace) && Path::new(&last).extension().is_some() {
            return Err(Error::Input(format!("there is no file {last}, and {missing}")));
        }
        self.corpus.pop();
        Ok(last)
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct SearchOutput<'a> {
    model: &'a str,
    device: String,
    corpus: &'a str,
    query: &'a str,
    language: Option<&'a str>,
    detected: bool,
    passages: usize,
    notes: &'a [String],
    /// What was truncated from the passages; absent if a file of vectors does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    cut: Option<Cut>,
    /// What was truncated from the query.
    query_cut: Cut,
    hits: Vec<Hit>,
}

/// Runs the command.
///
/// # Errors
/// Says what is wrong with the query, the files, the model or the device.
pub fn run(mut args: Args) -> Result<()> {
    let asked = args.take_query()?;
    text::check_query(&asked)?;
    let corpus = open(&args.corpus, &args.columns.clone().unwrap_or_default())?;
    super::print_notes(&corpus);
    let detected = args.query_language.is_none();
    let given = args.query_language.as_ref().map(|lang| text::code(lang).unwrap_or_else(|| lang.clone()));
    let language = given.as_deref().or_else(|| text::detect(&asked));
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
            "no passage is in the requested languages; {} has {}",
            corpus.name,
            there.join(", ")
        )));
    }
    let folder = args.model.folder()?;
    let (encoder, manifest) = open_model(&folder, &args.model, &args.place)?;
    let similarity = encoder.similarity();
    if args.vectors.is_some() {
        similarity.need_cosine("--vectors, in 8 bits,")?;
    }
    if let Some(note) = similarity.note() {
        eprintln!("{note}");
    }
    let mut notes = corpus.notes.clone();
    let mut say = |note: String| {
        eprintln!("{note}");
        notes.push(note);
    };
    // The passage, and its part, of each row of the index.
    let (index, rows, cut, split) = match &args.vectors {
        Some(file) => {
            let mut vectors = read(file, &folder, &manifest, &corpus)?;
            let (cut, windows) = (vectors.cut(), vectors.windows.take());
            let (split, whole) = (windows.is_some(), || whole(&corpus, 0..corpus.passages.len()));
            let index = EitherIndex::Packed(PackedIndex::from_vectors(vectors));
            (index, windows.unwrap_or_else(whole), cut, split)
        }
        None => {
            let rows = match args.windows {
                true => {
                    let texts: Vec<&str> =
                        searched.iter().map(|&i| corpus.passages[i].text.as_str()).collect();
                    let windows = encoder.windows(&texts, Kind::Passage)?.into_iter();
                    windows.map(|w| Window { text: searched[w.text], ..w }).collect()
                }
                false => whole(&corpus, searched.iter().copied()),
            };
            let texts = rows.iter().map(|w| &corpus.passages[w.text].text[w.start..w.end]);
            let mut progress = ProgressLine::new(if args.windows { "windows" } else { "passages" });
            let (vectors, mut cut) = encode(&encoder, texts, Kind::Passage, &mut |done, all| {
                progress.show(done, all);
                Ok(())
            })?;
            if args.windows {
                cut = encoder.tokenizer().cut().with_split(&rows);
            }
            let mut index = EitherIndex::for_count(encoder.dimension(), rows.len(), similarity);
            index.extend(&vectors)?;
            (index, rows, Some(cut), args.windows)
        }
    };
    match (&cut, &args.vectors) {
        (Some(cut), _) => cut.sentence("text", "texts").into_iter().for_each(&mut say),
        (None, Some(file)) => say(format!(
            "{} does not say how many texts were longer than the model's window: encode them again to know.",
            file.display()
        )),
        (None, None) => {}
    }
    let (query, query_cut) = encode(&encoder, [asked.as_str()].into_iter(), Kind::Query, &mut |_, _| Ok(()))?;
    query_cut.sentence("query", "queries").into_iter().for_each(&mut say);
    let nearest = |k: usize| {
        index.search(&query, k, |row| {
            corpus.passages.get(rows[row].text).is_some_and(|passage| filter.admits(&passage.lang))
        })
    };
    let hits = if split { best_windows(&rows, args.top, nearest)? } else { nearest(args.top)? };
    let hits = hits
        .into_iter()
        .enumerate()
        .map(|(rank, (row, score))| {
            let Window { text, start, end } = rows[row];
            let passage = &corpus.passages[text];
            let part = (start, end) != (0, passage.text.len());
            Hit {
                rank: rank + 1,
                score,
                passage: text,
                id: passage.id.clone(),
                language: passage.lang.clone(),
                text: passage.text[start..end].to_string(),
                source: passage.source.clone(),
                relevant: false,
                answer: None,
                part: part.then_some((start, end, passage.text.len())),
            }
        })
        .collect();
    let found = SearchOutput {
        model: encoder.name(),
        device: encoder.device_label(),
        corpus: &corpus.name,
        query: &asked,
        language,
        detected,
        passages: searched.len(),
        notes: &notes,
        cut,
        query_cut,
        hits,
    };
    print(&found, args.json)
}

/// The passages in the user's files.
pub fn open(paths: &[PathBuf], columns: &Columns) -> Result<Corpus> {
    let mut files = Vec::new();
    for path in paths {
        let bytes = std::fs::read(path).map_err(|e| Error::file(path, e))?;
        files.push((path.display().to_string(), bytes));
    }
    datasets::open_with(&files, columns)
}

/// Passages that are not split into windows.
fn whole(corpus: &Corpus, which: impl Iterator<Item = usize>) -> Vec<Window> {
    which.map(|text| Window { text, start: 0, end: corpus.passages[text].text.len() }).collect()
}

/// The vectors of `corpus` in a file, unless another model made them.
fn read(file: &Path, model: &Path, manifest: &Manifest, corpus: &Corpus) -> Result<StoredVectors> {
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
                "its vectors were made by {}, not by {}; encode the passages with the given model",
                vectors.about.get("model").map_or("another model", |name| name),
                model.display()
            ),
        ));
    }
    let dimension = manifest.architecture.dimension();
    if vectors.dimension != dimension {
        return Err(Error::format(
            &name,
            format!(
                "its vectors have {} dimensions, but the model's have {dimension}; give the same --dimension as to \
                 `interlingua encode`",
                vectors.dimension
            ),
        ));
    }
    if let Some(windows) = &vectors.windows {
        let texts = windows.chunk_by(|a, b| a.text == b.text).map(|own| own[0].text);
        let part = |w: &Window| corpus.passages.get(w.text)?.text.get(w.start..w.end);
        if !texts.eq(0..corpus.passages.len()) || windows.iter().any(|w| part(w).is_none()) {
            return Err(Error::format(
                &name,
                format!(
                    "its windows are not those of the {} passages of {}",
                    corpus.passages.len(),
                    corpus.name
                ),
            ));
        }
    } else if vectors.len() != corpus.passages.len() {
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
    Ok(vectors)
}

fn print(found: &SearchOutput, json: bool) -> Result<()> {
    if json {
        let json = serde_json::to_string_pretty(found)
            .map_err(|e| Error::Input(format!("the result cannot be written as JSON: {e}")))?;
        println!("{json}");
        return Ok(());
    }
    for hit in &found.hits {
        let (before, after) = match hit.part {
            Some((start, end, of)) => (if start > 0 { "… " } else { "" }, if end < of { " …" } else { "" }),
            None => ("", ""),
        };
        let text = if hit.part.is_some() { hit.text.trim() } else { &hit.text };
        println!("{:>3}  {:.4}  {:<3}  {before}{text}{after}", hit.rank, hit.score, hit.language);
        println!("{:>18}{}, {}", "", hit.source, hit.id);
    }
    Ok(())
}
