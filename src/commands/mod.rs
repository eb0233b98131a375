//! One file for each command of the native program.
//!
//! Progress goes to stderr, results to stdout. The feature `fetch` alone has only the commands that need no model.

mod compare;
mod data;
#[cfg(feature = "native")]
mod native;

use clap::{Parser, Subcommand};
use interlingua::Result;

/// A multilingual text encoder: train, evaluate and search.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: TopCommand,
}

#[derive(Subcommand)]
enum TopCommand {
    #[cfg(feature = "native")]
    #[command(flatten)]
    Native(Box<native::Command>),
    /// List the evaluation data sets, or download one.
    Data(data::Args),
    /// Compare runs, ours or any in TREC format, with significance tests.
    Compare(compare::Args),
}

/// Runs the command named by the arguments.
///
/// # Errors
/// Those of the command.
pub fn run() -> Result<()> {
    match Cli::parse().command {
        #[cfg(feature = "native")]
        TopCommand::Native(command) => native::run(*command),
        TopCommand::Data(args) => data::run(args),
        TopCommand::Compare(args) => compare::run(args),
    }
}
