//! The commands that need a model.

mod average;
mod bench;
mod card;
mod encode;
mod eval;
mod import;
mod place;
mod progress;
mod sample;
mod search;
mod share;
mod study;
mod train;
mod trim;

use clap::Subcommand;
use interlingua::{
    Result,
    datasets::{Corpus, Fields, Role},
};

use place::{DeviceArgs, ModelArgs, locate, open_model};
use progress::ProgressLine;

#[derive(Subcommand)]
pub enum Command {
    /// Turn a Hugging Face or sentence-transformers folder into a bundle.
    Import(import::Args),
    /// Reduce a large model to the tokens that some languages use.
    Trim(trim::Args),
    /// Average the weights of models trained from the same start.
    Average(average::Args),
    /// Let bundles store what they have in common once: identical weights, and the tokenizer.
    Share(share::Args),
    /// Write one vector for each line of a file.
    Encode(encode::Args),
    /// Rank the passages of a corpus for a query.
    Search(search::Args),
    /// Evaluate a model on a data set.
    Eval(eval::Args),
    /// Train a model.
    Train(train::Args),
    /// Add evaluation reports to a bundle and write its model card.
    Card(card::Args),
    /// Train and evaluate several shares of monolingual batches from one start, and report on them.
    Study(study::Args),
    /// Measure latency and throughput.
    Bench(bench::Args),
    /// Write the vectors that the page's sample corpus ships with.
    Sample(sample::Args),
}

/// Runs one of them.
///
/// # Errors
/// Those of the command.
pub fn run(command: Command) -> Result<()> {
    match command {
        Command::Import(args) => import::run(args),
        Command::Trim(args) => trim::run(args),
        Command::Average(args) => average::run(args),
        Command::Share(args) => share::run(args),
        Command::Encode(args) => encode::run(args),
        Command::Search(args) => search::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Train(args) => train::run(args),
        Command::Card(args) => card::run(args),
        Command::Study(args) => study::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Sample(args) => sample::run(args),
    }
}

/// Reports on stderr how a corpus was read and what was left out of it.
fn print_notes(corpus: &Corpus) {
    corpus.notes.iter().for_each(|note| eprintln!("{note}"));
    let plain = |f: &Fields| f.column(Role::Text).is_some_and(|i| f.names[i] == "text");
    if !corpus.fields.iter().all(plain) {
        eprintln!("(to read it differently: --columns, for instance text=body,language=lang,id=key)");
    }
}
