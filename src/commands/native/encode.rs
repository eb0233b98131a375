//! `interlingua encode`: a vector for each line of a file, as NumPy's `.npy` or in 8 bits.

use std::{collections::BTreeMap, path::PathBuf};

use interlingua::{
    Error, Result,
    bundle::{Manifest, write_whole},
    datasets::{self, Columns, Lines},
    retrieval::{npy, vectors},
    text::{Cut, Kind, Window},
};

use super::{ModelArgs, ProgressLine, open_model, print_notes};

/// Arguments of `interlingua encode`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// Text, one per line, optionally compressed (gzip, zstd); or a table (CSV, TSV) or JSON lines, where each
    /// passage becomes a row, in the order in which `interlingua search` reads them.
    #[arg(long)]
    input: PathBuf,
    /// Which columns of a table or fields of JSON lines are what, as in `interlingua search`.
    #[arg(long)]
    columns: Option<Columns>,
    /// Which prompt to prepend: query or passage.
    #[arg(long, value_parser = ["query", "passage"])]
    kind: String,
    /// The file to write: `.npy`, `[lines, dimensions]` in f32, or `.safetensors`, 8 bits a number, which
    /// `interlingua search --vectors` and the page's module open.
    #[arg(long)]
    output: PathBuf,
    /// Split texts longer than the model's window into overlapping windows, one row each. The text and byte range of
    /// each row are in the `.safetensors` file, or in OUTPUT.windows.tsv next to the `.npy` file.
    #[arg(long)]
    windows: bool,
    #[command(flatten)]
    place: super::DeviceArgs,
}

/// Runs the command.
///
/// # Errors
/// Says what is wrong with the model, the input or the device.
pub fn run(args: Args) -> Result<()> {
    let folder = args.model.folder()?;
    let (encoder, manifest) = open_model(&folder, &args.model, &args.place)?;
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
            print_notes(&corpus);
            eprintln!("{}: a row for each of its {} passages", args.input.display(), corpus.passages.len());
            corpus.passages.into_iter().map(|passage| passage.text).collect()
        }
    };
    let kind = if args.kind == "query" { Kind::Query } else { Kind::Passage };
    let texts: Vec<&str> = lines.iter().map(String::as_str).collect();
    let windows = args.windows.then(|| encoder.windows(&texts, kind)).transpose()?;
    let rows = match &windows {
        Some(windows) => windows.iter().map(|w| &texts[w.text][w.start..w.end]).collect(),
        None => texts,
    };
    let mut progress = ProgressLine::new(if args.windows { "windows" } else { "lines" });
    let (made, cut) =
        encoder.encode_all_counted(&rows, kind, &mut |done, total| progress.show(done, total))?;
    let cut = windows.as_ref().map_or(cut, |windows| encoder.tokenizer().cut().with_split(windows));
    if let Some(said) = cut.sentence("text", "texts") {
        eprintln!("{said}");
    }
    let d = encoder.dimension();
    let file = match packed {
        true => vectors::write_windows(&made, d, &about_cut(&manifest, &cut)?, windows.as_deref())?,
        false => npy::write(&made, rows.len(), d),
    };
    write_whole(&args.output, &file)?;
    let beside = PathBuf::from(format!("{}.windows.tsv", args.output.display()));
    if windows.is_none() && !packed && beside.exists() {
        eprintln!(
            "{} belongs to other vectors, which were in {} before.",
            beside.display(),
            args.output.display()
        );
    }
    if let Some(windows) = windows.filter(|_| !packed) {
        let row = |w: &Window| format!("{}\t{}\t{}\n", w.text, w.start, w.end);
        let table: String =
            ["text\tstart\tend\n".into()].into_iter().chain(windows.iter().map(row)).collect();
        write_whole(&beside, table.as_bytes())?;
        println!("{}: the text (from 0) and the byte range of each row", beside.display());
    }
    println!(
        "{}: [{}, {d}] {}, {}",
        args.output.display(),
        rows.len(),
        if packed { "in 8 bits" } else { "f32" },
        encoder.device_label()
    );
    Ok(())
}

/// As [`about`], with what was truncated.
///
/// # Errors
/// [`Error::Input`] if the library refuses it.
pub fn about_cut(manifest: &Manifest, cut: &Cut) -> Result<BTreeMap<String, String>> {
    let mut about = about(manifest);
    let cut = serde_json::to_string(cut).map_err(|e| Error::Input(format!("cut: {e}")))?;
    about.insert(vectors::CUT.into(), cut);
    Ok(about)
}

/// Which model made the vectors; an unconverted folder has no hash.
pub fn about(manifest: &Manifest) -> BTreeMap<String, String> {
    let hash = manifest.weights_hash().map(|hash| ("weights_sha256", hash));
    let facts = [("model", manifest.name.as_str())].into_iter().chain(hash);
    facts.map(|(key, value)| (key.into(), value.into())).collect()
}
