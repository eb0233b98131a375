//! One file for each command of the native program.
//!
//! Progress goes to stderr, results to stdout.

mod bench;
mod card;
mod compare;
mod data;
mod encode;
mod eval;
mod import;
mod sample;
mod search;
mod study;
mod train;

use std::{
    io::{IsTerminal, Write},
    path::Path,
    time::Instant,
};

use clap::{Parser, Subcommand};
use interlingua::{
    Result,
    bundle::{Bundle, Manifest},
    encoder::{Backend, Encoder, Machine, Precision},
    protocol::PrecisionChoice,
};

/// What `--device` takes. `auto` is a real GPU by Burn's kernels, else the CPU by our own; `flex` is the
/// CPU by Burn's kernels, `webgpu` a GPU by the shaders of the page.
const DEVICES: [&str; 5] = ["auto", "cpu", "gpu", "flex", "webgpu"];

/// Where a model runs, and how.
#[derive(clap::Args)]
pub struct Place {
    /// auto, cpu or gpu; flex is the CPU by Burn's kernels, webgpu the page's shaders.
    #[arg(long, default_value = "auto", value_parser = DEVICES)]
    device: String,
    /// How the CPU multiplies packed weights (q8, q4): exact is in f32, fast in integers.
    #[arg(long, default_value = "exact", value_parser = ["exact", "fast"])]
    precision: String,
}

/// A multilingual text encoder: train it, measure it, search with it.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Turn a Hugging Face or sentence-transformers folder into a bundle.
    Import(import::Args),
    /// Write one vector for each line of a file.
    Encode(encode::Args),
    /// Rank the passages of a corpus for a query.
    Search(search::Args),
    /// List the data sets that models are measured on, or get one.
    Data(data::Args),
    /// Measure a model on a data set.
    Eval(eval::Args),
    /// Compare runs, ours or anyone's, and test what differs.
    Compare(compare::Args),
    /// Train a model.
    Train(train::Args),
    /// Put evaluation reports into a bundle and write its model card.
    Card(card::Args),
    /// Train and measure several shares of monolingual batches from one start, and report on them.
    Study(study::Args),
    /// Measure latency and throughput.
    Bench(bench::Args),
    /// Write the vectors that the page's sample corpus ships with.
    Sample(sample::Args),
}

/// Runs the command that the arguments name.
///
/// # Errors
/// Whatever the command meets, in a sentence.
pub fn run() -> Result<()> {
    match Cli::parse().command {
        Command::Import(args) => import::run(args),
        Command::Encode(args) => encode::run(args),
        Command::Search(args) => search::run(args),
        Command::Data(args) => data::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Train(args) => train::run(args),
        Command::Card(args) => card::run(args),
        Command::Study(args) => study::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Sample(args) => sample::run(args),
    }
}

/// Opens a bundle or an unconverted model folder where `place` says; its weights stay in the encoder only.
///
/// # Errors
/// Says which file or field of the model is wrong, or what is wrong with the device asked for.
pub fn open_model(path: &Path, place: &Place) -> Result<(Encoder, Manifest)> {
    let bundle = Bundle::open(path)?;
    let encoder = put(&bundle, place)?;
    Ok((encoder, bundle.manifest))
}

fn put(bundle: &Bundle, place: &Place) -> Result<Encoder> {
    let on_cpu = || {
        let precision = Precision::of(Backend::Cpu, PrecisionChoice::named(&place.precision));
        Encoder::with_precision(bundle, Machine::cpu(), precision)
    };
    match place.device.as_str() {
        "cpu" => on_cpu(),
        "flex" => Encoder::new(bundle, Machine::flex()),
        "gpu" => on_gpu(bundle, Machine::gpu()?),
        "webgpu" => on_gpu(bundle, futures_lite::future::block_on(Machine::webgpu())?.0),
        // A GPU imitated in software is slower than the CPU itself.
        _ => match Machine::gpu() {
            Ok(machine) if !machine.software => on_gpu(bundle, machine).or_else(|problem| {
                eprintln!("{problem}; the CPU is used");
                on_cpu()
            }),
            _ => on_cpu(),
        },
    }
}

/// Checked first: some drivers give wrong numbers without any error.
fn on_gpu(bundle: &Bundle, machine: Machine) -> Result<Encoder> {
    let encoder = Encoder::new(bundle, machine)?;
    let mut test = bundle.manifest.self_test.clone();
    if test.cases.is_empty() {
        test = interlingua::bundle::SelfTest::of(bundle)?;
    }
    futures_lite::future::block_on(encoder.self_test(&test))?;
    Ok(encoder)
}

/// A line on stderr that says how far one is; rewritten in place on a terminal.
pub struct Progress {
    what: &'static str,
    start: Instant,
    shown: Option<Instant>,
}

impl Progress {
    /// Starts the clock for `what`, a plural noun such as `passages`.
    pub fn new(what: &'static str) -> Self {
        Self { what, start: Instant::now(), shown: None }
    }

    /// Shows the state, at most five times a second, and at the end.
    pub fn show(&mut self, done: usize, total: usize) {
        let terminal = std::io::stderr().is_terminal();
        let pause = if terminal { 0.2 } else { 10.0 };
        if done < total && self.shown.is_some_and(|t| t.elapsed().as_secs_f64() < pause) {
            return;
        }
        self.shown = Some(Instant::now());
        let rate = done as f64 / self.start.elapsed().as_secs_f64().max(1e-9);
        let left = (total - done.min(total)) as f64 / rate.max(1e-9);
        let line = format!("{done} of {total} {}, {rate:.0}/s, {left:.0} s left", self.what);
        let mut stderr = std::io::stderr();
        // A closed stderr is no reason to stop working.
        let _ = match (terminal, done >= total) {
            (true, false) => write!(stderr, "\r\x1b[K{line}").and_then(|()| stderr.flush()),
            (true, true) => writeln!(stderr, "\r\x1b[K{line}"),
            _ => writeln!(stderr, "{line}"),
        };
    }
}
