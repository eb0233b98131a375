//! `interlingua encode`: a vector for each line of a file, as NumPy's `.npy` or in 8 bits.

use std::{collections::BTreeMap, path::PathBuf};

use interlingua::{
    Result,
    bundle::{Manifest, write_whole},
    datasets::{self, Columns, Lines},
    retrieval::{npy, vectors},
    text::Kind,
};

use super::{Progress, open_model, tell};

/// Arguments of `interlingua encode`.
#[derive(clap::Args)]
pub struct Args {
    /// A bundle or a model folder.
    #[arg(long)]
    model: PathBuf,
    /// Text, one text a line, packed (gzip, zstd) or not; or a table (CSV, TSV) or JSON lines, of whose
    /// passages each becomes a row, in the order in which `interlingua search` reads them.
    #[arg(long)]
    input: PathBuf,
    /// Which columns of a table or fields of JSON lines are what, as in `interlingua search`.
    #[arg(long)]
    columns: Option<Columns>,
    /// Which prompt goes in front: query or passage.
    #[arg(long, value_parser = ["query", "passage"])]
    kind: String,
    /// The file to write: `.npy`, `[lines, dimensions]` in f32, or `.safetensors`, 8 bits a number, which
    /// `interlingua search --vectors` and the page's module open.
    #[arg(long)]
    output: PathBuf,
    #[command(flatten)]
    place: super::Place,
}

/// Runs the command.
///
/// # Errors
/// Says what is wrong with the model, the input or the device.
pub fn run(args: Args) -> Result<()> {
    let (encoder, manifest) = open_model(&args.model, &args.place)?;
    let packed = args.output.extension().is_some_and(|e| e == "safetensors");
    if packed {
        encoder.similarity().need_cosine("--output in 8 bits (.safetensors; .npy holds f32)")?;
    }
    let columns = args.columns.clone().unwrap_or_default();
    let lines = match datasets::lines_of(&args.input, &columns)? {
        Lines::Plain { lines, notes } => {
            notes.iter().for_each(|note| eprintln!("{note}"));
            lines
        }
        Lines::Passages(corpus) => {
            tell(&corpus);
            eprintln!("{}: a row for each of its {} passages", args.input.display(), corpus.passages.len());
            corpus.passages.into_iter().map(|passage| passage.text).collect()
        }
    };
    let kind = if args.kind == "query" { Kind::Query } else { Kind::Passage };
    let texts: Vec<&str> = lines.iter().map(String::as_str).collect();
    let mut progress = Progress::new("lines");
    let rows = encoder.encode_all(&texts, kind, &mut |done, total| progress.show(done, total))?;
    let d = encoder.dimension();
    let file = match packed {
        true => vectors::write(&rows, d, &about(&manifest))?,
        false => npy::write(&rows, lines.len(), d),
    };
    write_whole(&args.output, &file)?;
    println!(
        "{}: [{}, {d}] {}, {}",
        args.output.display(),
        lines.len(),
        if packed { "in 8 bits" } else { "f32" },
        encoder.device_label()
    );
    Ok(())
}

/// Whose vectors they are; an unconverted folder has no hash.
pub fn about(manifest: &Manifest) -> BTreeMap<String, String> {
    let hash = manifest.weights_hash().map(|hash| ("weights_sha256", hash));
    let facts = [("model", manifest.name.as_str())].into_iter().chain(hash);
    facts.map(|(key, value)| (key.into(), value.into())).collect()
}
