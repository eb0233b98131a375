//! `interlingua average`: one model out of several trained from the same start.

use std::path::PathBuf;

use interlingua::{
    Result,
    bundle::{self, Bundle, Quantization, SelfTest},
};

/// Arguments of `interlingua average`.
#[derive(clap::Args)]
pub struct Args {
    /// Bundles trained from the same start.
    #[arg(required = true, num_args = 2..)]
    models: Vec<PathBuf>,
    /// The share of each model, separated by commas; by default all have the same.
    #[arg(long, value_delimiter = ',')]
    shares: Vec<f64>,
    /// The bundle to write.
    #[arg(long)]
    output: PathBuf,
    /// How weights are stored: f32, f16, q8 or q4; those that are the same in all models stay as they are.
    #[arg(long, default_value = "q4")]
    quantize: Quantization,
    /// The bundle's name; by default that of the first model.
    #[arg(long)]
    name: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// Says which model cannot be averaged with the first, and why.
pub fn run(args: Args) -> Result<()> {
    let models = args
        .models
        .iter()
        .map(|folder| Bundle::open(&super::locate(folder, None)?))
        .collect::<Result<Vec<_>>>()?;
    let shares = if args.shares.is_empty() { vec![1.0; models.len()] } else { args.shares };
    let weights = bundle::average(&models, &shares)?;
    // Of the others their settings are kept; what was before them, all have in common.
    let averaged: Vec<_> = models
        .iter()
        .zip(&shares)
        .map(|(model, share)| {
            let manifest = &model.manifest;
            serde_json::json!({ "name": manifest.name, "share": share, "config": manifest.recipe["config"] })
        })
        .collect();
    let first = &models[0];
    let mut out = Bundle { manifest: first.manifest.clone(), tokenizer: first.tokenizer.clone(), weights };
    out.manifest.recipe = serde_json::json!({ "average": averaged, "recipe": first.manifest.recipe });
    out.manifest.results = serde_json::Value::Null;
    out.manifest.quantization = Quantization::F32;
    if let Some(name) = args.name {
        out.manifest.name = name;
    }
    out.store_as(args.quantize)?;
    out.manifest.self_test = SelfTest::of(&out)?;
    out.write(&args.output)?;
    println!(
        "{}: the mean of {} models, {}, {:.1} MB",
        args.output.display(),
        models.len(),
        args.quantize,
        out.manifest.bytes() as f64 / 1e6
    );
    Ok(())
}
