//! Encoding times on the CPU, in f32 and in integers: the native table of docs/speed.md.
//!
//! ```sh
//! cargo bench --bench encode [-- MODEL…]    # static/model where none is given
//! ```

use std::path::Path;

use interlingua::{
    Result,
    bundle::Bundle,
    encoder::{Backend, Encoder, EncoderDevice, Precision},
    protocol::PrecisionChoice,
    timing::{CELLS, Timing},
};

fn main() -> Result<()> {
    // Cargo adds flags of its own.
    let mut models: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    if models.is_empty() {
        models.push(concat!(env!("CARGO_MANIFEST_DIR"), "/static/model").into());
    }
    println!(
        "{:>40} {:>9} {:>6} {:>7} {:>9} {:>9}",
        "model", "precision", "batch", "tokens", "ms", "best ms"
    );
    for model in models {
        let bundle = Bundle::open(Path::new(&model))?;
        for choice in PrecisionChoice::ALL {
            let precision = Precision::of(Backend::Cpu, choice);
            let encoder = Encoder::with_precision(&bundle, EncoderDevice::cpu(), precision)?;
            for cell in CELLS {
                let Timing { batch, tokens, median_ms, best_ms, .. } =
                    Timing::of(&encoder, cell, 7, &mut || {})?;
                let (name, precision) = (encoder.name(), choice.name());
                println!("{name:>40} {precision:>9} {batch:>6} {tokens:>7} {median_ms:>9.1} {best_ms:>9.1}");
            }
        }
    }
    Ok(())
}
