//! `interlingua eval`: how well a model retrieves, in its own language and across languages.

use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use interlingua::bundle::write_whole;
use interlingua::datasets::{self, Options, Pool, distinct};
use interlingua::encoder::Encoder;
use interlingua::evaluation::{
    Bias, EvalReport, Facts, Intervals, Scores, Settings, Task, export, rank, remove_languages, trec,
};
use interlingua::retrieval::{Index, npy, to_unit};
use interlingua::text::Kind;
use interlingua::{Error, Result, sha256};

use super::{Progress, open_model};

/// Arguments of `interlingua eval`.
#[derive(clap::Args)]
pub struct Args {
    /// A bundle or a model folder.
    #[arg(long)]
    model: PathBuf,
    /// A data set that `interlingua data` lists, or `own` for your own files.
    #[arg(long)]
    dataset: String,
    /// The folder with the data set's files.
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
    /// Which questions of MIRACL (dev where not given) or BEIR (test).
    #[arg(long)]
    split: Option<String>,
    /// Which passages of MIRACL or BEIR: all, judged, or a number to add to the judged ones. Only `all`
    /// gives figures that compare with published ones.
    #[arg(long, default_value = "all")]
    pool: String,
    /// Write every query's measures in every setting into this CSV file.
    #[arg(long)]
    per_query: Option<PathBuf>,
    /// Keep vectors in this folder, and take them from it where they are there already.
    #[arg(long)]
    vectors: Option<PathBuf>,
    /// Remove this many leading directions of each language from the vectors first (LIR, arXiv
    /// 2109.04727).
    #[arg(long)]
    lir: Option<usize>,
    /// Bootstrap resamples for the intervals; 0 leaves intervals out.
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
    /// auto, cpu or gpu; flex is the CPU by Burn's kernels, webgpu the page's shaders.
    #[arg(long, default_value = "auto", value_parser = super::DEVICES)]
    device: String,
}

/// Runs the command.
///
/// # Errors
/// Says what is wrong with the model, the data or the device.
pub fn run(args: Args) -> Result<()> {
    let corpus = datasets::load(
        &args.dataset,
        &args.data,
        &Options {
            languages: args.languages.clone(),
            split: args.split.clone(),
            pool: args.pool.parse::<Pool>()?,
        },
    )?;
    let task = Task::new(&corpus)?;
    let encoder = open_model(&args.model, &args.device)?;
    let d = encoder.dimension();
    let model_hash = model_hash(&args.model);

    let vectors = |texts: Vec<&str>, kind, what| {
        let known = args.vectors.as_ref().zip(model_hash.as_ref());
        kept(known.map(|(dir, (_, hash))| (dir.as_path(), hash.as_str())), &encoder, &texts, kind, what)
    };
    let mut passages = vectors(task.passages(&corpus).collect(), Kind::Passage, "passages")?;
    let mut queries = vectors(task.questions(&corpus).collect(), Kind::Query, "questions")?;
    let start = Instant::now();
    let mut notes = Vec::new();
    if let Some(r) = args.lir {
        notes = remove_languages(&task, &mut passages, &mut queries, d, r)?;
    }
    let index = Index::from_rows(d, &passages)?;
    let ranks = rank(&task, &index, &queries)?;
    let scores = Scores::of(&task, &ranks);
    let settings = Settings::of(&task, &scores);
    let facts = Facts {
        model: encoder.name().to_string(),
        dataset: args.dataset.clone(),
        device: encoder.device_label(),
        hashes: model_hash.into_iter().chain([("data".to_string(), corpus.hash())]).collect(),
        date: today(),
        version: env!("CARGO_PKG_VERSION").to_string(),
        lir: args.lir.filter(|r| *r > 0),
    };
    let mut report = EvalReport::new(facts, &task, &settings);
    report.notes.extend(notes);
    report.bias = Bias::of(&task, &ranks, &settings);
    if args.samples > 0 {
        report.intervals = Some(Intervals::of(&task, &scores, args.samples, args.seed));
    }
    eprintln!("scored and measured in {:.1} s", start.elapsed().as_secs_f64());

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

/// Vectors from the folder, where they are there for this model and these texts, else by the encoder
/// and into the folder.
fn kept(
    folder: Option<(&Path, &str)>,
    encoder: &Encoder,
    texts: &[&str],
    kind: Kind,
    what: &'static str,
) -> Result<Vec<f32>> {
    let Some((folder, model)) = folder else { return encode(encoder, texts.iter().copied(), kind, what) };
    let mut hashed = format!("{}\n{kind:?}\n{:?}\n", encoder.device_label(), encoder.precision());
    texts.iter().for_each(|t| hashed.extend([t, "\n"]));
    let name = format!("{}-{}-{what}.npy", &model[..12], &sha256(hashed.as_bytes())[..12]);
    let path = folder.join(name);
    if path.is_file() {
        let bytes = std::fs::read(&path).map_err(|e| Error::file(&path, e))?;
        let (rows, n, d) = npy::read(&path.display().to_string(), &bytes)?;
        if (n, d) != (texts.len(), encoder.dimension()) {
            return Err(Error::format(
                path.display().to_string(),
                format!("[{n}, {d}] instead of [{}, {}]; delete it", texts.len(), encoder.dimension()),
            ));
        }
        eprintln!("{what}: vectors from {}", path.display());
        return Ok(rows);
    }
    let rows = encode(encoder, texts.iter().copied(), kind, what)?;
    std::fs::create_dir_all(folder).map_err(|e| Error::file(folder, e))?;
    write_whole(&path, &npy::write(&rows, texts.len(), encoder.dimension()))?;
    Ok(rows)
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

/// A model's hash by the name of the file: a manifest names the hashes of its bundle's files.
fn model_hash(model: &Path) -> Option<(String, String)> {
    ["manifest.json", "model.safetensors"]
        .into_iter()
        .find_map(|file| Some((file.to_string(), sha256(&std::fs::read(model.join(file)).ok()?))))
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
