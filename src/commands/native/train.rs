//! `interlingua train`: training from a configuration file.

use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use interlingua::{
    Error, Result,
    encoder::EncoderDevice,
    training::{self, TrainConfig},
};

/// Arguments of `interlingua train`.
#[derive(clap::Args)]
pub struct Args {
    /// The configuration, see `recipes/`.
    #[arg(long)]
    config: PathBuf,
    /// Resume from the latest checkpoint.
    #[arg(long)]
    resume: bool,
    /// auto, cpu, gpu, or flex (the CPU with Burn's kernels, for comparison).
    #[arg(long, default_value = "auto", value_parser = ["auto", "cpu", "gpu", "flex"])]
    device: String,
    /// Train on this many GPUs, each with its share of every batch.
    #[arg(long, conflicts_with = "device")]
    gpus: Option<usize>,
}

/// Runs the command. Ctrl-C finishes the current step, writes a checkpoint and stops.
///
/// # Errors
/// Says what is wrong with configuration, data, start model or device.
pub fn run(args: Args) -> Result<()> {
    let config = TrainConfig::read(&args.config)?;
    config.check_inputs(&args.config)?;
    let machine = machine(&args.device, args.gpus)?;
    let stop = stopping()?;
    let terminal = std::io::stderr().is_terminal();
    let folder =
        training::train(&config, &machine, args.resume, &stop, &mut |p| show(p, terminal), &mut |note| {
            eprintln!("{note}")
        });
    if terminal {
        eprintln!();
    }
    match folder {
        Err(Error::Cancelled) => Err(Error::Training(format!(
            "interrupted, a checkpoint is in {}; continue with --resume",
            config.output.join("checkpoints").display()
        ))),
        Err(error) => Err(error),
        Ok(folder) => {
            println!("{}", folder.display());
            Ok(())
        }
    }
}

/// The device to train on: `auto`, `cpu`, `flex` or `gpu`, or a number of GPUs.
///
/// # Errors
/// Says why there is no GPU if one is requested.
pub(super) fn machine(device: &str, gpus: Option<usize>) -> Result<EncoderDevice> {
    let machine = match (gpus, device) {
        (Some(count), _) => EncoderDevice::gpus(count)?,
        (None, "cpu") => EncoderDevice::cpu(),
        (None, "flex") => EncoderDevice::flex(),
        (None, "gpu") => EncoderDevice::gpu()?,
        _ => EncoderDevice::gpu()
            .inspect_err(|problem| eprintln!("{problem}; the CPU is used"))
            .ok()
            .filter(|m| !m.software)
            .unwrap_or_else(EncoderDevice::cpu),
    };
    eprintln!("device: {} ({})", machine.backend.name(), machine.adapter);
    Ok(machine)
}

/// A flag that Ctrl-C sets from now on.
///
/// # Errors
/// [`Error::Unsupported`] when the system does not allow it.
pub(super) fn stopping() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    ctrlc::set_handler(move || {
        // A second Ctrl-C exits at once; work since the last checkpoint is lost.
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("\nstopping after this step; press Ctrl-C again to exit at once");
    })
    .map_err(|e| Error::Unsupported { what: "stopping with Ctrl-C".into(), hint: e.to_string() })?;
    Ok(stop)
}

/// Shows a step: in place on a terminal, otherwise every tenth.
pub(super) fn show(p: &training::TrainingProgress, terminal: bool) {
    let line = format!(
        "{} step {} of {}: loss {:.4}, {:.1} pairs/s, {:.0} tokens/s, {} left",
        p.stage,
        p.step,
        p.steps,
        p.loss,
        p.pairs_per_second,
        p.tokens_per_second,
        clock(p.seconds_left)
    );
    if terminal {
        eprint!("\r\x1b[K{line}");
        // A closed stderr is no reason to stop training.
        let _ = std::io::stderr().flush();
    } else if p.step.is_multiple_of(10) || p.step == p.steps {
        eprintln!("{line}");
    }
}

/// Seconds as hours and minutes.
fn clock(seconds: f64) -> String {
    let minutes = (seconds / 60.0).ceil().max(0.0) as u64;
    if minutes < 60 {
        format!("{minutes} min")
    } else {
        format!("{} h {:02} min", minutes / 60, minutes % 60)
    }
}
