//! One file for each command of the native program.
//!
//! Progress goes to stderr, results to stdout. With the feature `fetch` alone there are those commands that need
//! no model.

mod compare;
mod data;
#[cfg(feature = "native")]
mod native;

use clap::{Parser, Subcommand};
use interlingua::Result;

/// A multilingual text encoder: train it, measure it, search with it.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[cfg(feature = "native")]
    #[command(flatten)]
    Native(Box<native::Command>),
    /// List the data sets that models are measured on, or get one.
    Data(data::Args),
    /// Compare runs, ours or anyone's, and test what differs.
    Compare(compare::Args),
}

/// Runs the command that the arguments name.
///
/// # Errors
/// Whatever the command meets, in a sentence.
pub fn run() -> Result<()> {
    match Cli::parse().command {
        #[cfg(feature = "native")]
        Command::Native(command) => native::run(*command),
        Command::Data(args) => data::run(args),
        Command::Compare(args) => compare::run(args),
    }
}
