//! `interlingua sample`: the vectors with which the page's sample corpus ships.

use std::{collections::BTreeMap, fs, path::PathBuf};

use interlingua::{
    Error, Result,
    bundle::{Bundle, write_whole},
    datasets::{Corpus, Question, examples, sample},
    encoder::{Encoder, Machine},
    protocol::Example,
    retrieval::vectors,
    sha256,
    text::Kind,
};

use super::{Progress, encode::about_cut};

/// Arguments of `interlingua sample`.
#[derive(clap::Args)]
pub struct Args {
    /// The bundle that the page starts with.
    #[arg(long)]
    model: PathBuf,
    /// A bundle whose vectors shall lie there too, so that a page need not make them; once for each.
    #[arg(long)]
    other: Vec<PathBuf>,
    /// Folder with `passages.jsonl`; the vectors are written beside it.
    #[arg(long, default_value = "static/sample")]
    folder: PathBuf,
}

/// Runs the command: `examples.json` gets a choice of the questions; `vectors.safetensors`, and a file for each
/// other model, a row for each passage and then one for each example, and whose vectors they are;
/// `vectors.json` says which file is whose.
///
/// # Errors
/// Says what is wrong with a model or the corpus.
pub fn run(args: Args) -> Result<()> {
    let path = args.folder.join("passages.jsonl");
    let bytes = fs::read(&path).map_err(|e| Error::file(&path, e))?;
    let name = path.display().to_string();
    let text = std::str::from_utf8(&bytes)
        .map_err(|e| Error::format(&name, format!("not UTF-8 text (byte {})", e.valid_up_to())))?;
    let corpus = sample::parse(&name, text)?;
    let examples = examples(&corpus);
    let listed: Vec<Example> = examples
        .iter()
        .map(|q| Example { language: q.lang.clone(), text: q.text.clone(), answer_id: q.id.clone() })
        .collect();

    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut list: BTreeMap<String, String> = BTreeMap::new();
    for model in [&args.model].into_iter().chain(&args.other) {
        let bundle = Bundle::open(model)?;
        // The page compares hashes of weights, which only a bundle's manifest has.
        let hash = bundle.manifest.weights_hash().ok_or_else(|| {
            Error::file(model, "a bundle is needed here; make one with `interlingua import`")
        })?;
        let file = match files.len() {
            0 => "vectors.safetensors".into(),
            _ => format!("vectors-{}.safetensors", &hash[..12.min(hash.len())]),
        };
        if list.insert(hash.into(), file.clone()).is_some() {
            return Err(Error::file(model, "its weights are those of a model that was given before"));
        }
        let vectors = vectors_of(&bundle, &corpus, &examples, &sha256(&bytes))?;
        println!("{file}: vectors of {}, {:.0} kB", bundle.manifest.name, vectors.len() as f64 / 1e3);
        files.push((file, vectors));
    }
    let json = |value: serde_json::Result<Vec<u8>>| value.map_err(|e| Error::format("JSON", e));
    files.push(("examples.json".into(), json(serde_json::to_vec_pretty(&listed))?));
    files.push(("vectors.json".into(), json(serde_json::to_vec_pretty(&list))?));
    for (file, bytes) in &files {
        write_whole(&args.folder.join(file), bytes)?;
    }
    // Of models that the page had before.
    for entry in fs::read_dir(&args.folder).map_err(|e| Error::file(&args.folder, e))? {
        let path = entry.map_err(|e| Error::file(&args.folder, e))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with("vectors-") && files.iter().all(|(file, _)| *file != name) {
            fs::remove_file(&path).map_err(|e| Error::file(&path, e))?;
            println!("{name}: removed, it was of another model");
        }
    }
    println!("{}: {} passages and {} examples", args.folder.display(), corpus.passages.len(), examples.len());
    Ok(())
}

/// A file of vectors by `bundle`.
fn vectors_of(
    bundle: &Bundle,
    corpus: &Corpus,
    examples: &[&Question],
    passages_sha256: &str,
) -> Result<Vec<u8>> {
    // What ships is the same on every machine that makes it, so the CPU makes it.
    let encoder = Encoder::new(bundle, Machine::cpu())?;
    encoder.similarity().need_cosine("a sample's vectors, in 8 bits,")?;
    let passages: Vec<&str> = corpus.passages.iter().map(|p| p.text.as_str()).collect();
    let questions: Vec<&str> = examples.iter().map(|q| q.text.as_str()).collect();
    let mut progress = Progress::new("passages");
    let (mut rows, cut) = encoder
        .encode_all_counted(&passages, Kind::Passage, &mut |done, total| progress.show(done, total))?;
    if let Some(said) = cut.sentence("passage", "passages") {
        eprintln!("{}: {said}", bundle.manifest.name);
    }
    let (asked, cut_questions) = encoder.encode_all_counted(&questions, Kind::Query, &mut |_, _| {})?;
    if let Some(said) = cut_questions.sentence("question", "questions") {
        eprintln!("{}: {said}", bundle.manifest.name);
    }
    rows.extend(asked);
    let mut about = about_cut(&bundle.manifest, &cut)?;
    about.insert("passages_sha256".into(), passages_sha256.into());
    vectors::write(&rows, encoder.dimension(), &about)
}
