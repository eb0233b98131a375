//! `interlingua bench`: latency and throughput by batch and length.

use std::{path::PathBuf, time::Instant};

use interlingua::{Result, text::Kind};
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
    let mut rows = Vec::new();
    for (batch, words) in CELLS {
        let text = "the quick brown fox jumps over a lazy dog and runs "
            .split_whitespace()
            .cycle()
            .take(words)
            .collect::<Vec<_>>()
            .join(" ");
        let texts = vec![text.as_str(); batch];
        let tokens = encoder.tokenize(&texts[..1], Kind::Passage)?.first().map_or(0, |t| t.len());
        let mut times = Vec::new();
        for call in 0..args.repeats + 2 {
            let start = Instant::now();
            encoder.encode_all(&texts, Kind::Passage, &mut |_, _| {})?;
            if call >= 2 {
                times.push(start.elapsed().as_secs_f64() * 1e3);
            }
            eprint!("\r{batch} × {tokens} tokens, call {}   ", call + 1);
        }
        times.sort_by(f64::total_cmp);
        let median = times.get(times.len() / 2).copied().unwrap_or(f64::NAN);
        rows.push((batch, tokens, median, times.first().copied().unwrap_or(f64::NAN)));
    }
    eprintln!();
    if args.json {
        let cells: Vec<_> = rows
            .iter()
            .map(|(batch, tokens, median, best)| {
                json!({
                    "batch": batch, "tokens": tokens, "median_ms": median, "best_ms": best,
                    "texts_per_second": *batch as f64 / median * 1e3,
                })
            })
            .collect();
        let report = json!({
            "model": encoder.name(), "device": encoder.device_label(),
            "repeats": args.repeats, "cells": cells,
        });
        println!("{report:#}");
    } else {
        println!("{} on {}, median of {}", encoder.name(), encoder.device_label(), args.repeats);
        println!("{:>6} {:>7} {:>10} {:>10} {:>10}", "batch", "tokens", "ms", "best ms", "texts/s");
        for (batch, tokens, median, best) in rows {
            let rate = batch as f64 / median * 1e3;
            println!("{batch:>6} {tokens:>7} {median:>10.1} {best:>10.1} {rate:>10.0}");
        }
    }
    Ok(())
}
