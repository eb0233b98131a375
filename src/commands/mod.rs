//! One file for each command of the native program.
//!
//! Progress goes to stderr, results to stdout. With the feature `fetch` alone there are those commands that need
//! no model.

#[cfg(feature = "native")]
mod bench;
#[cfg(feature = "native")]
mod card;
mod compare;
mod data;
#[cfg(feature = "native")]
mod encode;
#[cfg(feature = "native")]
mod eval;
#[cfg(feature = "native")]
mod import;
#[cfg(feature = "native")]
mod place;
#[cfg(feature = "native")]
mod progress;
#[cfg(feature = "native")]
mod sample;
#[cfg(feature = "native")]
mod search;
#[cfg(feature = "native")]
mod study;
#[cfg(feature = "native")]
mod train;
#[cfg(feature = "native")]
mod trim;

use clap::{Parser, Subcommand};
use interlingua::Result;
#[cfg(feature = "native")]
use place::{Place, open_model};
#[cfg(feature = "native")]
use progress::Progress;

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
    #[cfg(feature = "native")]
    Import(import::Args),
    /// Keep only the tokens that some languages use: a small model for them out of a large one.
    #[cfg(feature = "native")]
    Trim(trim::Args),
    /// Write one vector for each line of a file.
    #[cfg(feature = "native")]
    Encode(encode::Args),
    /// Rank the passages of a corpus for a query.
    #[cfg(feature = "native")]
    Search(search::Args),
    /// List the data sets that models are measured on, or get one.
    Data(data::Args),
    /// Measure a model on a data set.
    #[cfg(feature = "native")]
    Eval(eval::Args),
    /// Compare runs, ours or anyone's, and test what differs.
    Compare(compare::Args),
    /// Train a model.
    #[cfg(feature = "native")]
    Train(train::Args),
    /// Put evaluation reports into a bundle and write its model card.
    #[cfg(feature = "native")]
    Card(card::Args),
    /// Train and measure several shares of monolingual batches from one start, and report on them.
    #[cfg(feature = "native")]
    Study(study::Args),
    /// Measure latency and throughput.
    #[cfg(feature = "native")]
    Bench(bench::Args),
    /// Write the vectors that the page's sample corpus ships with.
    #[cfg(feature = "native")]
    Sample(sample::Args),
}

/// Runs the command that the arguments name.
///
/// # Errors
/// Whatever the command meets, in a sentence.
pub fn run() -> Result<()> {
    match Cli::parse().command {
        #[cfg(feature = "native")]
        Command::Import(args) => import::run(args),
        #[cfg(feature = "native")]
        Command::Trim(args) => trim::run(args),
        #[cfg(feature = "native")]
        Command::Encode(args) => encode::run(args),
        #[cfg(feature = "native")]
        Command::Search(args) => search::run(args),
        Command::Data(args) => data::run(args),
        #[cfg(feature = "native")]
        Command::Eval(args) => eval::run(args),
        Command::Compare(args) => compare::run(args),
        #[cfg(feature = "native")]
        Command::Train(args) => train::run(args),
        #[cfg(feature = "native")]
        Command::Card(args) => card::run(args),
        #[cfg(feature = "native")]
        Command::Study(args) => study::run(args),
        #[cfg(feature = "native")]
        Command::Bench(args) => bench::run(args),
        #[cfg(feature = "native")]
        Command::Sample(args) => sample::run(args),
    }
}

/// Says on stderr how a corpus was read and what was left out of it.
#[cfg(feature = "native")]
fn tell(corpus: &interlingua::datasets::Corpus) {
    use interlingua::datasets::{Fields, Role};

    corpus.notes.iter().for_each(|note| eprintln!("{note}"));
    let plain = |f: &Fields| f.column(Role::Text).is_some_and(|i| f.names[i] == "text");
    if !corpus.fields.iter().all(plain) {
        eprintln!("(--columns says otherwise what is what, for instance text=body,language=lang,id=key)");
    }
}
