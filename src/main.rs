//! The native program: import, encode, search, evaluate, train, measure.

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
