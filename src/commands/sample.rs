//! `interlingua sample`: the vectors with which the page's sample corpus ships.

use std::{fs, path::PathBuf};

use interlingua::{
    Error, Result,
    bundle::{Bundle, write_whole},
    datasets::{examples, sample},
    encoder::{Encoder, Machine},
    protocol::Example,
    retrieval::vectors,
    sha256,
    text::Kind,
};

use super::{Progress, encode::about};

/// Arguments of `interlingua sample`.
#[derive(clap::Args)]
pub struct Args {
    /// The bundle that the page ships with.
    #[arg(long)]
    model: PathBuf,
    /// Folder with `passages.jsonl`; the vectors are written beside it.
    #[arg(long, default_value = "static/sample")]
    folder: PathBuf,
}

/// Runs the command: `examples.json` gets a choice of the questions, `vectors.safetensors` a row for
/// each passage and then one for each example, and whose vectors they are.
///
/// # Errors
/// Says what is wrong with the model or the corpus.
pub fn run(args: Args) -> Result<()> {
    let bundle = Bundle::open(&args.model)?;
    // The page compares hashes of weights, which only a bundle's manifest has.
    if bundle.manifest.weights_hash().is_none() {
        return Err(Error::file(&args.model, "a bundle is needed here; make one with `interlingua import`"));
    }
    let path = args.folder.join("passages.jsonl");
    let bytes = fs::read(&path).map_err(|e| Error::file(&path, e))?;
    let name = path.display().to_string();
    let text = std::str::from_utf8(&bytes)
        .map_err(|e| Error::format(&name, format!("not UTF-8 text (byte {})", e.valid_up_to())))?;
    let corpus = sample::parse(&name, text)?;
    let examples = examples(&corpus);

    // What ships is the same on every machine that makes it, so the CPU makes it.
    let encoder = Encoder::new(&bundle, Machine::cpu())?;
    let passages: Vec<&str> = corpus.passages.iter().map(|p| p.text.as_str()).collect();
    let questions: Vec<&str> = examples.iter().map(|q| q.text.as_str()).collect();
    let mut progress = Progress::new("passages");
    let mut rows =
        encoder.encode_all(&passages, Kind::Passage, &mut |done, total| progress.show(done, total))?;
    rows.extend(encoder.encode_all(&questions, Kind::Query, &mut |_, _| {})?);

    let mut about = about(&bundle.manifest);
    about.insert("passages_sha256".into(), sha256(&bytes));
    let vectors = vectors::write(&rows, encoder.dimension(), &about)?;
    let listed: Vec<Example> = examples
        .iter()
        .map(|q| Example { language: q.lang.clone(), text: q.text.clone(), answer_id: q.id.clone() })
        .collect();
    let json = serde_json::to_vec_pretty(&listed).map_err(|e| Error::format("examples.json", e))?;
    write_whole(&args.folder.join("vectors.safetensors"), &vectors)?;
    write_whole(&args.folder.join("examples.json"), &json)?;
    println!(
        "{}: vectors of {} passages and {} examples, {} dimensions, {:.0} kB",
        args.folder.display(),
        passages.len(),
        questions.len(),
        encoder.dimension(),
        vectors.len() as f64 / 1e3
    );
    Ok(())
}
