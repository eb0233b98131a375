//! `interlingua encode`: a vector for each line of a file, as NumPy's `.npy`.

use std::{fs, path::PathBuf};

use interlingua::{Error, Result, bundle::write_whole, retrieval::npy, text::Kind};

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
    /// The `.npy` file to write: `[lines, dimensions]`, f32.
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
    let encoder = open_model(&args.model, &args.place)?;
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
    let vectors = encoder.encode_all(&lines, kind, &mut |done, total| progress.show(done, total))?;
    write_whole(&args.output, &npy::write(&vectors, lines.len(), encoder.dimension()))?;
    println!(
        "{}: [{}, {}] f32, {}",
        args.output.display(),
        lines.len(),
        encoder.dimension(),
        encoder.device_label()
    );
    Ok(())
}
