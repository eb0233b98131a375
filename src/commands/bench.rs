//! `interlingua bench`: latency and throughput by batch and length.

use std::path::PathBuf;

use interlingua::{Result, timing::Timing};
use serde_json::json;

use super::open_model;

/// Texts in a batch, and words in a text.
const CELLS: [(usize, usize); 5] = [(1, 6), (8, 6), (8, 100), (32, 24), (1, 400)];

/// Arguments of `interlingua bench`.
#[derive(clap::Args)]
pub struct Args {
    /// A bundle or a model folder.
    #[arg(long)]
    model: PathBuf,
    /// auto, cpu or gpu; flex is the CPU by Burn's kernels, webgpu the page's shaders.
    #[arg(long, default_value = "auto", value_parser = super::DEVICES)]
    device: String,
    /// Timed calls in each cell, after two that are not counted.
    #[arg(long, default_value_t = 7)]
    repeats: usize,
    /// One JSON document.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// Says what is wrong with the model or the device.
pub fn run(args: Args) -> Result<()> {
    let encoder = open_model(&args.model, &args.device)?;
    let mut cells = Vec::new();
    for (batch, words) in CELLS {
        cells.push(Timing::of(&encoder, (batch, words), args.repeats, &mut |tokens, call| {
            eprint!("\r{batch} × {tokens} tokens, call {call}   ");
        })?);
    }
    eprintln!();
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
