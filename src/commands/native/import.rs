//! `interlingua import`: turns a model folder into a bundle.

use std::{fs, path::PathBuf};

use interlingua::{
    Error, Result,
    bundle::{Bundle, Quantization, SelfTest},
    models,
};

/// Arguments of `interlingua import`.
#[derive(clap::Args)]
pub struct Args {
    /// A Hugging Face or sentence-transformers folder, a bundle to quantize differently, or a Hugging Face hub name
    /// such as intfloat/multilingual-e5-small.
    model: PathBuf,
    /// Branch, tag or commit of a hub model; the same as NAME@REVISION.
    #[arg(long)]
    revision: Option<String>,
    /// The bundle to write.
    #[arg(long)]
    output: PathBuf,
    /// How weights are stored: f32, f16, q8 or q4.
    #[arg(long, default_value = "q8")]
    quantize: Quantization,
    /// The model's name; by default the folder's or the hub's.
    #[arg(long)]
    name: Option<String>,
    /// SPDX expression of the model's licence; by default the hub's, or `unknown`.
    #[arg(long)]
    licence: Option<String>,
    /// Codes of the model's languages, separated by commas; by default the hub's.
    #[arg(long, value_delimiter = ',')]
    languages: Vec<String>,
    /// Prefix of a query, if the folder does not say (E5: `query: `).
    #[arg(long)]
    query_prompt: Option<String>,
    /// Prefix of a passage.
    #[arg(long)]
    passage_prompt: Option<String>,
    /// Keep only the first N dimensions of vectors, in everything that uses the bundle.
    #[arg(long, value_name = "N")]
    dimension: Option<usize>,
    /// A report of `interlingua eval --json` to add to the manifest.
    #[arg(long)]
    results: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// Says which file or field is wrong.
pub fn run(args: Args) -> Result<()> {
    let folder = super::locate(&args.model, args.revision.as_deref())?;
    let mut bundle = Bundle::open_stored(&folder, args.quantize)?;
    let manifest = &mut bundle.manifest;
    if let Some(card) = models::card(&folder) {
        manifest.licence = card.licence.unwrap_or_else(|| "unknown".into());
        manifest.languages = card.languages;
    }
    if let Some(n) = args.dimension {
        manifest.truncate(n)?;
    }
    if let Some(name) = args.name {
        manifest.name = name;
    }
    if let Some(licence) = args.licence {
        manifest.licence = licence;
    }
    if !args.languages.is_empty() {
        manifest.languages = args.languages;
    }
    if let Some(prompt) = args.query_prompt {
        manifest.prompts.query = prompt;
    }
    if let Some(prompt) = args.passage_prompt {
        manifest.prompts.passage = prompt;
    }
    if let Some(path) = args.results {
        let bytes = fs::read(&path).map_err(|e| Error::file(&path, e))?;
        manifest.results =
            serde_json::from_slice(&bytes).map_err(|e| Error::format(path.display().to_string(), e))?;
    }
    bundle.manifest.self_test = SelfTest::of(&bundle)?;
    bundle.write(&args.output)?;
    println!(
        "{}: {}, {} parameters, {:.1} MB; texts up to {} tokens, compared by {}, prompts {:?} and {:?}",
        args.output.display(),
        args.quantize,
        bundle.weights.parameters(),
        bundle.manifest.bytes() as f64 / 1e6,
        bundle.manifest.architecture.max_tokens,
        bundle.manifest.similarity.name(),
        bundle.manifest.prompts.query,
        bundle.manifest.prompts.passage,
    );
    Ok(())
}
