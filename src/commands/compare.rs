//! `interlingua compare`: two or more runs side by side, with significance tests.

use std::path::PathBuf;

use interlingua::evaluation::compare::{CompareOptions, CompareSource, RunComparison};
use interlingua::evaluation::trec::{Missing, read_qrels};
use interlingua::evaluation::{Measure, MeasureOptions};
use interlingua::{Error, Result};

/// Arguments of `interlingua compare`.
#[derive(clap::Args)]
pub struct Args {
    /// TREC run files (with --qrels), folders that `interlingua eval --runs` wrote, or reports of
    /// `interlingua eval --json` (means only, so no tests).
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Judgements of the run files: trec_eval's four columns, TSV, JSON lines or JSON.
    #[arg(long)]
    qrels: Option<PathBuf>,
    /// Measures, for instance map,ndcg@20,mrr@10,recall@1000,p@5.
    #[arg(long, alias = "measures", value_delimiter = ',', default_value = "map")]
    measure: Vec<Measure>,
    /// The lowest grade that counts as relevant (trec_eval -l); nDCG counts all grades.
    #[arg(long, default_value_t = 1)]
    relevance: u32,
    /// Exclude queries without a relevant passage from every mean, rather than counting them as 0.
    #[arg(long)]
    only_answerable: bool,
    /// How to count a judged query that is not in a run: zero (trec_eval -c) or skip (trec_eval without -c).
    #[arg(long, default_value = "zero", value_parser = ["zero", "skip"])]
    missing: String,
    /// Number of permutations for the tests, and of resamples for the intervals.
    #[arg(long, default_value_t = 10_000)]
    samples: usize,
    /// Seed of both.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// table, json, csv or latex.
    #[arg(long, default_value = "table", value_parser = ["table", "json", "csv", "latex"])]
    format: String,
}

/// Runs the command.
///
/// # Errors
/// Says which file cannot be read and why, or why runs cannot be compared.
pub fn run(args: Args) -> Result<()> {
    let missing = if args.missing == "skip" { Missing::Skip } else { Missing::Zero };
    let wanted = MeasureOptions::new(args.relevance, &args.measure)?;
    let options = CompareOptions { missing, wanted, only_answerable: args.only_answerable };
    let qrels = args.qrels.as_deref().map(read_qrels).transpose()?;
    let mut sources = Vec::new();
    for path in &args.runs {
        let mut source = CompareSource::read(path, qrels.as_ref(), &options)?;
        if let (Some(file), Some(qrels), true) = (&args.qrels, &qrels, path.is_file()) {
            source.files.insert(file.display().to_string(), qrels.sha256.clone());
        }
        sources.push(source);
    }
    let comparison = RunComparison::of(&sources, &args.measure, args.samples, args.seed)?;
    match args.format.as_str() {
        "json" => {
            let json = serde_json::to_string_pretty(&comparison)
                .map_err(|e| Error::Input(format!("the comparison cannot be written as JSON: {e}")))?;
            println!("{json}");
        }
        "csv" => print!("{}", comparison.csv()),
        "latex" => print!("{}", comparison.latex()),
        _ => print!("{}", comparison.table()),
    }
    Ok(())
}
