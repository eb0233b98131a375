//! `interlingua study`: trains and compares several shares of monolingual batches from one start.

use std::{io::IsTerminal, path::PathBuf};

use interlingua::{
    Error, Result,
    study::{self, Study, StudyEvent},
};

use super::{ProgressLine, train};

/// Arguments of `interlingua study`.
#[derive(clap::Args)]
pub struct Args {
    /// The study's configuration, see `recipes/study.toml`.
    #[arg(required_unless_present = "config", conflicts_with = "config")]
    file: Option<PathBuf>,
    /// The same.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Resume a study; what is done is reused.
    #[arg(long)]
    resume: bool,
    /// auto, cpu or gpu.
    #[arg(long, default_value = "auto", value_parser = ["auto", "cpu", "gpu"])]
    device: String,
    /// Print the report as one JSON document instead of its path.
    #[arg(long)]
    json: bool,
}

/// Runs the command. Ctrl-C stops after the current step.
///
/// # Errors
/// Says what is wrong with configuration, data, start model or device.
pub fn run(args: Args) -> Result<()> {
    let file = args.config.or(args.file).unwrap_or_default();
    let (study, recipe) = Study::read(&file)?;
    study.check_inputs(&file)?;
    recipe.check_inputs(&study.train)?;
    let machine = train::machine(&args.device, None)?;
    let stop = train::stopping()?;
    let terminal = std::io::stderr().is_terminal();
    let mut encoding: Option<(&str, ProgressLine)> = None;
    let report = study::run(&study, &recipe, &machine, args.resume, &stop, &mut |event| match event {
        StudyEvent::Note(note) => eprintln!("{note}"),
        StudyEvent::Begin(number, all, name) => {
            encoding = None;
            eprintln!("== {number} of {all}: {name}");
        }
        StudyEvent::Step(progress) => {
            train::show(progress, terminal);
            if terminal && progress.step == progress.steps {
                eprintln!();
            }
        }
        StudyEvent::Encode(what, done, all) => {
            if encoding.as_ref().is_none_or(|(shown, _)| *shown != what) {
                encoding = Some((what, ProgressLine::new(what)));
            }
            encoding.iter_mut().filter(|_| done > 0).for_each(|(_, p)| p.show(done, all));
        }
    });
    let report = match report {
        Err(Error::Cancelled) => {
            return Err(Error::Input(format!(
                "interrupted; finished work is in {}; continue with --resume",
                study.output.display()
            )));
        }
        other => other?,
    };
    if args.json {
        let json = serde_json::to_string_pretty(&report)
            .map_err(|e| Error::Input(format!("the report cannot be written as JSON: {e}")))?;
        println!("{json}");
    } else {
        for claim in report.findings.iter().flat_map(|findings| &findings.claims) {
            eprintln!("{}: {}", claim.verdict.name(), claim.claim);
        }
        println!("{}", study.output.join("report.md").display());
    }
    Ok(())
}
