//! The command-line program: import, encode, search, evaluate, train, measure.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod commands;

use std::process::ExitCode;

fn main() -> ExitCode {
    match commands::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("interlingua: {error}");
            ExitCode::FAILURE
        }
    }
}
