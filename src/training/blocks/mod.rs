//! The blocks of a model in training, whoever computes: [`cpu`] by kernels of our own, [`burn`] on
//! Burn's devices.
//!
//! The loss is computed outside, from vectors; what goes back in are its gradients. So a batch may go
//! through in chunks, one after the other (cached gradients, arXiv 2101.06983), on any device.

mod burn;
mod cpu;

pub use crate::encoder::cpu::learn::Reach;

use super::optimizer::Pace;
use crate::{
    Error, Result,
    bundle::{Quantization, Weights},
    encoder::{Backend, Config, Machine},
};

/// A model's blocks with their gradients and optimizer state.
pub trait Blocks {
    /// Vectors `[sequences, dimension]` from word embedding rows `[tokens, hidden]` of sequences one
    /// after the other, which are `lengths` tokens long. What [`back`](Self::back) needs for `reach` is
    /// kept.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails.
    fn forward(&mut self, words: &[f32], lengths: &[usize], reach: Reach) -> Result<Vec<f32>>;

    /// Gradients of the word embedding rows of the last [`forward`](Self::forward), from those of its
    /// vectors; those of the weights in its reach are added to what is there. Where `reach` ends at a
    /// block, some that came as far as that one: only whether they are numbers means anything.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails.
    fn back(&mut self, grads: &[f32], reach: Reach) -> Result<Vec<f32>>;

    /// Updates the weights within `reach` by the gradients that were added up, which start at zero again.
    fn step(&mut self, pace: Pace, reach: Reach);

    /// With which devices its checkpoints can be gone on from.
    fn devices(&self) -> &'static str;

    /// The weights in f32 under the names of Hugging Face's BERT.
    ///
    /// # Errors
    /// [`Error::Device`] when they cannot be read back.
    fn weights(&mut self) -> Result<Weights>;

    /// The optimizer's state, for a checkpoint.
    ///
    /// # Errors
    /// [`Error::Device`] when it cannot be read back.
    fn moments(&self) -> Result<Weights>;

    /// Takes weights and optimizer state from a checkpoint.
    ///
    /// # Errors
    /// [`Error::Format`] naming what is missing or does not fit.
    fn restore(&mut self, weights: &Weights, moments: &Weights) -> Result<()>;
}

/// The blocks of `weights` on `machine`. With `quantization`, passes see matrices as they would be
/// packed.
///
/// # Errors
/// [`Error::Format`] naming the tensor that does not fit; [`Error::Unsupported`] for a device that
/// cannot train, or not so.
pub fn open(
    machine: &Machine,
    config: &Config,
    weights: &Weights,
    quantization: Option<Quantization>,
) -> Result<Box<dyn Blocks>> {
    if machine.backend == Backend::Cpu {
        return Ok(Box::new(cpu::CpuBlocks::new(config, weights, quantization)?));
    }
    if quantization.is_some() {
        return Err(Error::Unsupported {
            what: format!("quantization-aware training on {}", machine.backend.name()),
            hint: "leave out `quantization_aware`, or use --device cpu".into(),
        });
    }
    Ok(Box::new(burn::BurnBlocks::new(config, weights, machine)?))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::bundle::Bundle;

    #[test]
    fn a_gradient_that_is_no_number_is_seen_from_every_block() {
        let plain = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/checkpoints/plain");
        let bundle = Bundle::open(&plain).unwrap();
        let config = &bundle.manifest.architecture;
        let words = vec![0.5; 3 * config.hidden];
        for machine in [Machine::cpu(), Machine::flex()] {
            for reach in [Reach::All, Reach::Block(0), Reach::Block(1)] {
                let mut blocks = open(&machine, config, &bundle.weights, None).unwrap();
                let mut seen = |value: f32| {
                    let vectors = blocks.forward(&words, &[3], reach).unwrap();
                    let back = blocks.back(&vec![value; vectors.len()], reach).unwrap();
                    back.iter().any(|g| !g.is_finite())
                };
                assert!(!seen(0.25) && seen(f32::NAN), "{} {reach:?}", machine.backend.name());
            }
        }
    }
}
