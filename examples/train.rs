//! Trains a small model from what is in this repository (recipes/first.toml), and tries it out.
//!
//!     cargo run --release --example train OUTPUT [STEPS]

use std::{
    env::args,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use interlingua::{
    Error, Result,
    bundle::Bundle,
    encoder::{Encoder, EncoderDevice},
    text::Kind,
    training::{TrainConfig, train},
};

fn main() -> Result<()> {
    let mut args = args().skip(1);
    let usage = || Error::Input("give the folder to write to, and the number of steps (default 120)".into());
    let output = args.next().map(PathBuf::from).ok_or_else(usage)?;
    let steps = args.next().map(|steps| steps.parse()).transpose().map_err(|_| usage())?;

    // A recipe is a file; its settings can be changed after reading it.
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/first.toml");
    let mut config = TrainConfig::read(&recipe)?;
    config.output = output;
    if let Some(steps) = steps {
        config.stage[0].steps = steps;
    }
    let stop = AtomicBool::new(false);
    let mut progress = |p: &interlingua::training::TrainingProgress| {
        println!("step {} of {}: loss {:.4}", p.step, p.steps, p.loss)
    };
    let bundle =
        train(&config, &EncoderDevice::cpu(), false, &stop, &mut progress, &mut |note| println!("{note}"))?;

    let encoder = Encoder::new(&Bundle::open(&bundle)?, EncoderDevice::cpu())?;
    let texts = ["Bees store honey in wax.", "Bienen lagern Honig in Wachs.", "The library is closed."];
    let vectors = encoder.encode_all(&texts, Kind::Passage, &mut |_, _| {})?;
    let [bees, bienen, library] =
        [0, 1, 2].map(|i| &vectors[i * encoder.dimension()..][..encoder.dimension()]);
    let cosine = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    println!(
        "{}: bees and Bienen {:.3}, bees and library {:.3}",
        bundle.display(),
        cosine(bees, bienen),
        cosine(bees, library)
    );
    Ok(())
}
