//! `interlingua eval`: how well a model retrieves, in its own language and across languages.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use interlingua::datasets::{Corpus, distinct, sample, xquad::Dataset};
use interlingua::encoder::Encoder;
use interlingua::evaluation::{EvalReport, Facts, Scores, Settings, Task, rank, trec};
use interlingua::retrieval::{Index, to_unit};
use interlingua::text::Kind;
use interlingua::{Error, Result, sha256};

use super::{Progress, open_model};

/// Arguments of `interlingua eval`.
#[derive(clap::Args)]
pub struct Args {
    /// A bundle or a model folder.
    #[arg(long)]
    model: PathBuf,
    /// xquad-r, mlqa-r, or sample (the corpus that the page ships with).
    #[arg(long)]
    dataset: String,
    /// The folder with the data set's `<lang>.json` files, or with `passages.jsonl`.
    #[arg(long)]
    data: PathBuf,
    /// Write TREC run and qrels files of every setting into this folder.
    #[arg(long)]
    runs: Option<PathBuf>,
    /// How many passages a query's mono and multi runs hold; 0 is all.
    #[arg(long, default_value_t = trec::Depth::default().main)]
    depth: usize,
    /// How many passages a query's cross runs hold; 0 is all.
    #[arg(long, default_value_t = trec::Depth::default().cross)]
    cross_depth: usize,
    /// Only these languages, for instance ar,de.
    #[arg(long, value_delimiter = ',')]
    languages: Vec<String>,
    /// Print one JSON document instead of a table.
    #[arg(long)]
    json: bool,
    /// auto, cpu or gpu.
    #[arg(long, default_value = "auto", value_parser = ["auto", "cpu", "gpu"])]
    device: String,
}

/// Runs the command.
///
/// # Errors
/// Says what is wrong with the model, the data or the device.
pub fn run(args: Args) -> Result<()> {
    let (dataset, corpus) = read(&args)?;
    let task = Task::new(&corpus)?;
    let encoder = open_model(&args.model, &args.device)?;

    let passages = encode(&encoder, task.passages(&corpus), Kind::Passage, "passages")?;
    let queries = encode(&encoder, task.questions(&corpus), Kind::Query, "questions")?;
    let start = Instant::now();
    let index = Index::from_rows(encoder.dimension(), &passages)?;
    let ranks = rank(&task, &index, &queries)?;
    let settings = Settings::of(&task, &ranks, &Scores::of(&task, &ranks));
    eprintln!("scored and measured in {:.1} s", start.elapsed().as_secs_f64());

    if let Some(dir) = &args.runs {
        let depth = trec::Depth { main: args.depth, cross: args.cross_depth };
        trec::write(dir, &task, &index, &queries, encoder.name(), depth)?;
        eprintln!("run and qrels files are in {}", dir.display());
    }
    let facts = Facts {
        model: encoder.name().to_string(),
        dataset: dataset.to_string(),
        device: encoder.device_label(),
        hashes: hashes(&args.model, &corpus),
        date: today(),
        version: env!("CARGO_PKG_VERSION").to_string(),
        lir: None,
    };
    let report = EvalReport::new(facts, &task, &settings);
    if args.json {
        let json = serde_json::to_string_pretty(&report)
            .map_err(|e| Error::Input(format!("the report cannot be written as JSON: {e}")))?;
        println!("{json}");
    } else {
        print!("{}", report.table());
    }
    Ok(())
}

/// The data set's name and texts.
fn read(args: &Args) -> Result<(&'static str, Corpus)> {
    if args.dataset != "sample" {
        let dataset = Dataset::by_name(&args.dataset)?;
        return Ok((dataset.name, dataset.read(&args.data, &args.languages)?));
    }
    if !args.languages.is_empty() {
        return Err(Error::Input("--languages: the sample corpus is measured in all its languages".into()));
    }
    let file = args.data.join("passages.jsonl");
    let text = std::fs::read_to_string(&file).map_err(|e| Error::file(&file, e))?;
    Ok(("sample", sample::parse(&file.display().to_string(), &text)?))
}

/// Unit vectors of texts, `[n, dimension]`; each distinct text is encoded once.
pub(super) fn encode<'a>(
    encoder: &Encoder,
    texts: impl Iterator<Item = &'a str>,
    kind: Kind,
    what: &'static str,
) -> Result<Vec<f32>> {
    let (unique, which) = distinct(texts);
    let mut progress = Progress::new(what);
    let mut rows = encoder.encode_all(&unique, kind, &mut |done, all| progress.show(done, all))?;
    let d = encoder.dimension();
    to_unit(&mut rows, d);
    Ok(which.iter().flat_map(|&i| rows[i * d..(i + 1) * d].iter().copied()).collect())
}

/// Hashes of what was measured; a model's manifest names the hashes of its files.
fn hashes(model: &Path, corpus: &Corpus) -> BTreeMap<String, String> {
    let mut hashes = BTreeMap::new();
    for file in ["manifest.json", "model.safetensors"] {
        if let Ok(bytes) = std::fs::read(model.join(file)) {
            hashes.insert(file.to_string(), sha256(&bytes));
            break;
        }
    }
    hashes.insert("data".to_string(), corpus.hash());
    hashes
}

/// Today as `2026-01-31` in UTC, `None` when the clock is before 1970.
fn today() -> Option<String> {
    let days = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs() / 86_400;
    Some(date(days))
}

/// The Gregorian date so many days after 1970-01-01.
fn date(days: u64) -> String {
    let leap = |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let (mut year, mut left) = (1970, days);
    while left >= 365 + u64::from(leap(year)) {
        left -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", left + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (31 + 28, "1970-03-01"),
            (11_016, "2000-02-29"),
            (11_322, "2000-12-31"),
            (20_777, "2026-11-20"),
        ] {
            assert_eq!(date(days), expected);
        }
    }
}
