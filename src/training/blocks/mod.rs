//! The blocks of a model in training, on any device: [`cpu`] with our own kernels, [`burn`] on Burn's devices.
//!
//! The loss is computed outside, from vectors, and its gradients are passed back in. So a batch can be
//! processed in chunks (gradient caching, arXiv 2101.06983), on any device.

mod burn;
mod cpu;

pub use crate::encoder::Reach;

use super::optimizer::Pace;
use crate::{
    Error, Result,
    bundle::{Quantization, Weights},
    encoder::{Backend, Config, EncoderDevice, Family},
};

/// A model's blocks with their gradients and optimizer state.
pub trait Blocks {
    /// The forward pass: vectors `[sequences, dimension]` from word embedding rows `[tokens, hidden]` of concatenated
    /// sequences of `lengths` tokens. Keeps what [`backward`](Self::backward) needs for `reach`.
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
    fn backward(&mut self, grads: &[f32], reach: Reach) -> Result<Vec<f32>>;

    /// Updates the weights within `reach` by the accumulated gradients, and resets these to zero.
    fn step(&mut self, pace: Pace, reach: Reach);

    /// The kind of device that can resume from its checkpoints.
    fn devices(&self) -> &'static str;

    /// The weights in f32, by name.
    ///
    /// # Errors
    /// [`Error::Device`] when they cannot be read back.
    fn weights(&mut self) -> Result<Weights>;

    /// The optimizer state for a checkpoint, by the names of the weights with suffixes.
    ///
    /// # Errors
    /// [`Error::Device`] when it cannot be read back.
    fn moments(&mut self) -> Result<Weights>;

    /// Restores weights and optimizer state from a checkpoint.
    ///
    /// # Errors
    /// [`Error::Format`] naming what is missing or has the wrong shape.
    fn restore(&mut self, weights: &Weights, moments: &Weights) -> Result<()>;
}

/// The numerics of forward and backward passes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Passes {
    /// They use matrices as they would be quantized.
    pub quantization: Option<Quantization>,
    /// Matrix products and their gradients are in f16; weights and everything else in f32 (mixed precision).
    pub half: bool,
}

/// The blocks of `weights` on `machine`.
///
/// # Errors
/// [`Error::Format`] naming the tensor with the wrong shape; [`Error::Unsupported`] for a device that
/// cannot train, or not in this way.
pub fn open(
    machine: &EncoderDevice,
    config: &Config,
    weights: &Weights,
    passes: Passes,
) -> Result<Box<dyn Blocks>> {
    let own = machine.backend == Backend::Cpu;
    let refused = |what: &str, key: &str, device: &str| {
        Err(Error::Unsupported {
            what: format!("{what} on {} ({})", machine.backend.name(), machine.adapter),
            hint: format!("remove `{key}`, or use {device}"),
        })
    };
    if passes.half && (own || !burn::has_half(machine)?) {
        return refused("training in mixed precision", "mixed_precision", "a GPU that computes in f16");
    }
    // Their activations reach beyond what f16 holds.
    if passes.half && config.family == Family::Gemma3 {
        return refused("training a Gemma in mixed precision", "mixed_precision", "another architecture");
    }
    if own {
        return Ok(Box::new(cpu::CpuBlocks::new(config.program()?, weights, passes.quantization)?));
    }
    if passes.quantization.is_some() {
        return refused("quantization-aware training", "quantization_aware", "--device cpu");
    }
    Ok(Box::new(burn::BurnBlocks::new(config.program()?, weights, machine, passes.half)?))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::bundle::Bundle;

    /// A small model.
    pub(super) fn plain() -> Bundle {
        checkpoint("plain")
    }

    fn checkpoint(name: &str) -> Bundle {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/checkpoints").join(name);
        Bundle::open(&folder).unwrap()
    }

    #[test]
    fn a_gradient_that_is_no_number_is_seen_from_every_block() {
        let bundle = plain();
        let config = &bundle.manifest.architecture;
        let words = vec![0.5; 3 * config.hidden];
        for machine in [EncoderDevice::cpu(), EncoderDevice::flex()] {
            for reach in [Reach::All, Reach::Block(0), Reach::Block(1)] {
                let mut blocks = open(&machine, config, &bundle.weights, Passes::default()).unwrap();
                let mut seen = |value: f32| {
                    let vectors = blocks.forward(&words, &[3], reach).unwrap();
                    let back = blocks.backward(&vec![value; vectors.len()], reach).unwrap();
                    back.iter().any(|g| !g.is_finite())
                };
                assert!(!seen(0.25) && seen(f32::NAN), "{} {reach:?}", machine.backend.name());
            }
        }
    }

    /// First moments of all weights after one update, and the last gradients of the rows.
    fn learned(blocks: &mut dyn Blocks, hidden: usize, sizes: &[f32]) -> (Weights, Vec<f32>) {
        let words: Vec<f32> = (0..7 * hidden).map(|i| (i as f32 * 0.7).sin()).collect();
        let mut rows = Vec::new();
        for size in sizes {
            let vectors = blocks.forward(&words, &[3, 4], Reach::All).unwrap();
            let grads: Vec<f32> = (0..vectors.len()).map(|i| size * (i as f32 * 1.3).cos()).collect();
            rows = blocks.backward(&grads, Reach::All).unwrap();
        }
        blocks.step(Pace { rate: 1e-3, weight_decay: 0.0 }, Reach::All);
        (blocks.moments().unwrap(), rows)
    }

    /// With our own kernels and with Burn's, a checkpoint has the same arrays, with nearly the same values.
    #[test]
    fn the_optimizers_state_is_kept_by_the_names_of_the_weights() {
        for bundle in [plain(), checkpoint("mpnet")] {
            let config = &bundle.manifest.architecture;
            let [(own, _), (burns, _)] = [EncoderDevice::cpu(), EncoderDevice::flex()].map(|machine| {
                let mut blocks = open(&machine, config, &bundle.weights, Passes::default()).unwrap();
                learned(blocks.as_mut(), config.hidden, &[1.0])
            });
            let shapes = |moments: &Weights| -> Vec<(String, Vec<usize>)> {
                moments.iter().map(|(name, array)| (name.to_string(), array.shape.clone())).collect()
            };
            assert_eq!(shapes(&own), shapes(&burns));
            let compared = ["query.weight.m", "attn.q.weight.m", "relative_attention_bias.weight.m"];
            for (name, array) in own.iter().filter(|(name, _)| compared.iter().any(|end| name.ends_with(end)))
            {
                let other = burns.need(name).unwrap().to_f32();
                let largest = other.iter().fold(0.0f32, |m, x| m.max(x.abs()));
                for (own, burns) in array.to_f32().iter().zip(other) {
                    assert!((own - burns).abs() < 1e-4 * largest, "{name}: {own} {burns}");
                }
            }
            for param in config.program().unwrap().params().iter().skip(1).filter(|param| !param.optional) {
                assert_eq!(own.need(&format!("{}.v", param.name)).unwrap().shape, param.shape());
            }
            // Round trip.
            for machine in [EncoderDevice::cpu(), EncoderDevice::flex()] {
                let mut blocks = open(&machine, config, &bundle.weights, Passes::default()).unwrap();
                let (moments, _) = learned(blocks.as_mut(), config.hidden, &[1.0]);
                let weights = blocks.weights().unwrap();
                let mut again = open(&machine, config, &bundle.weights, Passes::default()).unwrap();
                again.restore(&weights, &moments).unwrap();
                assert!(again.moments().unwrap() == moments && again.weights().unwrap() == weights);
            }
        }
    }

    /// Decoders share keys, have norms of heads and gains that are one more than their parameters: all weights get the
    /// same gradients from both.
    #[test]
    fn both_devices_train_decoders_alike() {
        for name in ["qwen3", "qwen2", "mistral", "llama", "gemma", "gemma-causal"] {
            let bundle = checkpoint(name);
            let config = &bundle.manifest.architecture;
            let [(own, own_rows), (burns, burns_rows)] =
                [EncoderDevice::cpu(), EncoderDevice::flex()].map(|machine| {
                    let mut blocks = open(&machine, config, &bundle.weights, Passes::default()).unwrap();
                    learned(blocks.as_mut(), config.hidden, &[1.0])
                });
            let near = |what: &str, a: &[f32], b: &[f32]| {
                let largest = b.iter().fold(0.0f32, |m, x| m.max(x.abs()));
                // A key's bias shifts all scores of a query alike, so it has no effect.
                assert!(
                    largest > 0.0 && (largest > 1e-6 || what.ends_with("k_proj.bias.m")),
                    "{name}, {what}"
                );
                let limit = 1e-3 * largest.max(1e-6);
                let far = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0f32, f32::max);
                assert!(a.len() == b.len() && far < limit, "{name}, {what}: {far:e} of {largest:e}");
            };
            near("rows", &own_rows, &burns_rows);
            for (param, array) in own.iter().filter(|(param, _)| param.ends_with(".m")) {
                near(param, &array.to_f32(), &burns.need(param).unwrap().to_f32());
            }
            for param in config.program().unwrap().params().iter().skip(1) {
                assert_eq!(own.need(&format!("{}.m", param.name)).unwrap().shape, param.shape());
            }
        }
    }

    #[test]
    fn products_in_half_learn_nearly_the_same_and_lose_no_small_gradient() {
        let bundle = plain();
        let config = &bundle.manifest.architecture;
        let run = |half: bool, sizes: &[f32]| {
            let passes = Passes { half, ..Passes::default() };
            let mut blocks = open(&EncoderDevice::flex(), config, &bundle.weights, passes).unwrap();
            learned(blocks.as_mut(), config.hidden, sizes)
        };
        // The distance of `a` from `b`, relative to the length of `b`.
        let far = |a: &[f32], b: &[f32]| {
            let length = |x: &mut dyn Iterator<Item = f32>| x.map(|v| v * v).sum::<f32>().sqrt();
            length(&mut a.iter().zip(b).map(|(a, b)| a - b)) / length(&mut b.iter().copied())
        };
        let ((exact, exact_rows), (half, half_rows)) = (run(false, &[1.0, 0.01]), run(true, &[1.0, 0.01]));
        let apart = far(&half_rows, &exact_rows);
        assert!(apart > 1e-6 && apart < 1e-2, "{apart}");
        let (mut theirs, mut ours) = (Vec::new(), Vec::new());
        for (name, moment) in exact.iter().filter(|(name, _)| name.ends_with(".m")) {
            theirs.extend(moment.to_f32());
            ours.extend(half.need(name).unwrap().to_f32());
        }
        let apart = far(&ours, &theirs);
        assert!(apart > 1e-6 && apart < 1e-2, "{apart}");
        // 2⁻⁴⁰ is far below the range of f16.
        let small = (-40f32).exp2();
        let (_, small_rows) = run(true, &[1.0, 0.01 * small]);
        let back: Vec<f32> = small_rows.iter().map(|g| g / small).collect();
        assert!(far(&back, &half_rows) < 1e-6, "{}", far(&back, &half_rows));
    }

    #[test]
    fn what_a_device_cannot_do_is_said_before_training() {
        let bundle = plain();
        let config = &bundle.manifest.architecture;
        let refused = |machine: EncoderDevice, passes: Passes| {
            open(&machine, config, &bundle.weights, passes).err().unwrap().to_string()
        };
        let half = refused(EncoderDevice::cpu(), Passes { half: true, ..Passes::default() });
        assert!(half.contains("mixed_precision") && half.contains("GPU"), "{half}");
        let gemma = checkpoint("gemma");
        let passes = Passes { half: true, ..Passes::default() };
        let half = open(&EncoderDevice::flex(), &gemma.manifest.architecture, &gemma.weights, passes);
        let half = half.err().unwrap().to_string();
        assert!(half.contains("Gemma") && half.contains("mixed_precision"), "{half}");
        let quantization = Some(Quantization::Q8);
        let aware = refused(EncoderDevice::flex(), Passes { quantization, ..Passes::default() });
        assert!(aware.contains("quantization_aware") && aware.contains("--device cpu"), "{aware}");
    }
}
