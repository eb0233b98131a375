//! `interlingua bench`: latency and throughput by batch size and length.

use interlingua::{
    Result,
    timing::{CELLS, Timing, WARM_UPS},
};
use serde_json::json;

use super::{ModelArgs, ProgressLine, open_model};

/// Arguments of `interlingua bench`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    place: super::DeviceArgs,
    /// Timed calls in each cell, after two for warm-up.
    #[arg(long, default_value_t = 7)]
    repeats: usize,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// Says what is wrong with the model or the device.
pub fn run(args: Args) -> Result<()> {
    let folder = args.model.folder()?;
    let (encoder, _) = open_model(&folder, &args.model, &args.place)?;
    let (mut cells, mut done) = (Vec::new(), 0);
    let mut progress = ProgressLine::new("calls");
    for cell in CELLS {
        cells.push(Timing::of(&encoder, cell, args.repeats, &mut || {
            done += 1;
            progress.show(done, CELLS.len() * (args.repeats.max(1) + WARM_UPS));
        })?);
    }
    if args.json {
        let report = json!({
            "model": encoder.name(), "device": encoder.device_label(),
            "repeats": args.repeats, "cells": cells,
        });
        println!("{report:#}");
    } else {
        println!("{} on {}, median of {}", encoder.name(), encoder.device_label(), args.repeats);
        println!("{:>6} {:>7} {:>10} {:>10} {:>10}", "batch", "tokens", "ms", "best ms", "texts/s");
        for Timing { batch, tokens, median_ms, best_ms, texts_per_second } in cells {
            println!("{batch:>6} {tokens:>7} {median_ms:>10.1} {best_ms:>10.1} {texts_per_second:>10.0}");
        }
    }
    Ok(())
}
