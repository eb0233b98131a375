//! `interlingua encode`: a vector for each line of a file, as NumPy's `.npy` or in 8 bits.

use std::{collections::BTreeMap, fs, path::PathBuf};

use interlingua::{
    Error, Result,
    bundle::{Manifest, write_whole},
    retrieval::{npy, vectors},
    text::Kind,
};

use super::{Progress, open_model};

/// Arguments of `interlingua encode`.
#[derive(clap::Args)]
pub struct Args {
    /// A bundle or a model folder.
    #[arg(long)]
    model: PathBuf,
    /// UTF-8 text, one text a line.
    #[arg(long)]
    input: PathBuf,
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
    let bytes = fs::read(&args.input).map_err(|e| Error::file(&args.input, e))?;
    let text = String::from_utf8(bytes).map_err(|e| {
        Error::format(
            args.input.display().to_string(),
            format!("not UTF-8 text (byte {})", e.utf8_error().valid_up_to()),
        )
    })?;
    let lines: Vec<&str> = text.lines().collect();
    if lines.is_empty() {
        return Err(Error::format(args.input.display().to_string(), "the file is empty"));
    }
    let kind = if args.kind == "query" { Kind::Query } else { Kind::Passage };
    let mut progress = Progress::new("lines");
    let rows = encoder.encode_all(&lines, kind, &mut |done, total| progress.show(done, total))?;
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
