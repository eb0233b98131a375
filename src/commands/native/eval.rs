//! `interlingua eval`: how well a model retrieves, within and across languages.

use std::path::PathBuf;
use std::time::Instant;

use interlingua::bundle::write_whole;
use interlingua::datasets::{self, PassagePool};
use interlingua::evaluate::{EvaluateSettings, Evaluated, evaluate, model_hash};
use interlingua::evaluation::{Measure, MeasureOptions, Rules, Task, export, trec};
use interlingua::{Error, Result};

use super::{ModelArgs, ProgressLine, open_model};

/// Arguments of `interlingua eval`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// A data set that `interlingua data` lists, or `own` for your own files.
    #[arg(long)]
    dataset: String,
    /// The folder with the data set's files.
    #[arg(long)]
    data: PathBuf,
    /// Write TREC run and qrels files of every setting into this folder.
    #[arg(long)]
    runs: Option<PathBuf>,
    /// Depth of the mono and multi runs, in passages per query; 0 is all.
    #[arg(long, default_value_t = trec::Depth::default().main)]
    depth: usize,
    /// Depth of the cross runs, in passages per query; 0 is all.
    #[arg(long, default_value_t = trec::Depth::default().cross)]
    cross_depth: usize,
    /// Only these languages, for instance ar,de.
    #[arg(long, value_delimiter = ',')]
    languages: Vec<String>,
    /// The split of MIRACL (default dev) or BEIR (default test); train or test of the sample (default all).
    #[arg(long)]
    split: Option<String>,
    /// Which passages of MIRACL or BEIR: all, judged, or a number to add to the judged ones. Only with `all`
    /// are figures comparable with published ones.
    #[arg(long, default_value = "all")]
    pool: String,
    /// Further measures, with your own cut-offs: for instance
    /// ndcg@20,mrr@10,recall@1000,map@100,p@5.
    #[arg(long, alias = "measures", value_delimiter = ',')]
    measure: Vec<Measure>,
    /// The lowest grade that counts as relevant (trec_eval -l); nDCG counts all grades.
    #[arg(long, default_value_t = 1)]
    relevance: u32,
    /// Exclude queries that no passage answers from every mean. Without this every judged query counts,
    /// as with trec_eval -c and in published figures.
    #[arg(long)]
    only_answerable: bool,
    /// Rank passages with a query's own id too. BEIR leaves them out of that query's ranking, and so do
    /// we for sets in BEIR format.
    #[arg(long)]
    keep_identical_ids: bool,
    /// The roles of columns or fields of your own files, as in `interlingua search`.
    #[arg(long)]
    columns: Option<datasets::Columns>,
    /// Write every query's measures in every setting into this CSV file.
    #[arg(long)]
    per_query: Option<PathBuf>,
    /// Cache vectors in this folder.
    #[arg(long)]
    vectors: Option<PathBuf>,
    /// Split passages longer than the model's window into overlapping windows; the best one counts. For your own
    /// files: figures are not comparable with published ones, which are for truncated passages.
    #[arg(long)]
    windows: bool,
    /// First remove this many leading directions of each language from the vectors (LIR, arXiv
    /// 2109.04727).
    #[arg(long)]
    lir: Option<usize>,
    /// Bootstrap resamples for the intervals; 0 for no intervals.
    #[arg(long, default_value_t = 1000)]
    samples: usize,
    /// Seed of the resampling.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// table, json, csv or latex.
    #[arg(long, default_value = "table", value_parser = ["table", "json", "csv", "latex"])]
    format: String,
    /// The same as --format json.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: super::DeviceArgs,
}

/// Runs the command.
///
/// # Errors
/// Says what is wrong with the model, the data or the device.
pub fn run(args: Args) -> Result<()> {
    let corpus = datasets::load(
        &args.dataset,
        &args.data,
        &datasets::CollectionOptions {
            languages: args.languages.clone(),
            split: args.split.clone(),
            pool: args.pool.parse::<PassagePool>()?,
            columns: args.columns.clone().unwrap_or_default(),
        },
    )?;
    if args.keep_identical_ids && !corpus.identical_ids {
        return Err(Error::Input(format!(
            "--keep-identical-ids is for beir; {} ranks all passages anyway",
            args.dataset
        )));
    }
    let rules = Rules {
        wanted: MeasureOptions::new(args.relevance, &args.measure)?,
        only_answerable: args.only_answerable,
        keep_identical_ids: args.keep_identical_ids,
    };
    let task = Task::with(&corpus, rules)?;
    let folder = args.model.folder()?;
    let (encoder, _) = open_model(&folder, &args.model, &args.place)?;
    let options = EvaluateSettings {
        vectors: args.vectors.as_deref(),
        windows: args.windows,
        lir: args.lir,
        samples: args.samples,
        seed: args.seed,
    };
    let start = Instant::now();
    let mut encoded = start.elapsed();
    let mut shown: Option<(&str, ProgressLine)> = None;
    let Evaluated { index, queries, scores, report, .. } = evaluate(
        &encoder,
        model_hash(&folder),
        (&args.dataset, &corpus, &task),
        &options,
        &mut |what, done, all| {
            if shown.as_ref().is_none_or(|(shown, _)| *shown != what) {
                shown = Some((what, ProgressLine::new(what)));
            }
            shown.iter_mut().filter(|_| done > 0).for_each(|(_, p)| p.show(done, all));
            encoded = start.elapsed();
            Ok(())
        },
        &mut |note| eprintln!("{note}"),
    )?;
    eprintln!("scored and measured in {:.1} s", (start.elapsed() - encoded).as_secs_f64());

    if let Some(dir) = &args.runs {
        let depth = trec::Depth { main: args.depth, cross: args.cross_depth };
        trec::write(dir, &task, &index, &queries, encoder.name(), depth)?;
        eprintln!("run and qrels files are in {}", dir.display());
    }
    if let Some(path) = &args.per_query {
        write_whole(path, export::per_query(&task, &scores).as_bytes())?;
        eprintln!("every query's measures are in {}", path.display());
    }
    match if args.json { "json" } else { args.format.as_str() } {
        "json" => println!("{}", export::json(&report)?),
        "csv" => print!("{}", export::csv(&report)),
        "latex" => print!("{}", export::latex(&report)),
        _ => print!("{}", report.table()),
    }
    Ok(())
}
