//! Blocks in training on the CPU, by kernels of our own.

use super::Blocks;
use crate::{
    Error, Result,
    bundle::{Array, Quantization, Weights},
    encoder::{Config, cpu::learn::Learner},
    training::optimizer::{Update, adamw},
};

pub struct CpuBlocks {
    config: Config,
    learner: Learner,
    /// First and second of each of the learner's parameters.
    moments: Vec<[Vec<f32>; 2]>,
    quantization: Option<Quantization>,
}

impl CpuBlocks {
    pub fn new(config: &Config, weights: &Weights, quantization: Option<Quantization>) -> Result<Self> {
        let mut learner = Learner::new(config, weights)?;
        learner.refresh(quantization);
        let moments =
            learner.params().iter().map(|p| [vec![0.0; p.values.len()], vec![0.0; p.values.len()]]).collect();
        Ok(Self { config: config.clone(), learner, moments, quantization })
    }
}

impl Blocks for CpuBlocks {
    fn forward(&mut self, words: &[f32], lengths: &[usize]) -> Result<Vec<f32>> {
        Ok(self.learner.forward(words, lengths))
    }

    fn back(&mut self, grads: &[f32], learn: bool) -> Result<Vec<f32>> {
        Ok(self.learner.back(grads, learn))
    }

    fn step(&mut self, update: Update) {
        for (param, moments) in self.learner.params().into_iter().zip(&mut self.moments) {
            let decay = param.is_matrix();
            adamw(&mut param.values, moments, &mut param.grads, update, decay);
        }
        self.learner.refresh(self.quantization);
    }

    fn weights(&mut self) -> Result<Weights> {
        Ok(self.learner.weights())
    }

    fn moments(&self) -> Result<Weights> {
        let mut out = Weights::default();
        for (i, moments) in self.moments.iter().enumerate() {
            for (kind, values) in KINDS.iter().zip(moments) {
                out.insert(&format!("{i}.{kind}"), Array::f32(vec![values.len()], values.clone()));
            }
        }
        Ok(out)
    }

    fn restore(&mut self, weights: &Weights, moments: &Weights) -> Result<()> {
        let mut new = Self::new(&self.config, weights, self.quantization)?;
        for (i, own) in new.moments.iter_mut().enumerate() {
            for (kind, values) in KINDS.iter().zip(own) {
                let name = format!("{i}.{kind}");
                let array = moments.need(&name)?.to_f32();
                if array.len() != values.len() {
                    return Err(Error::format(
                        name,
                        format!("{} numbers where the model has {}", array.len(), values.len()),
                    ));
                }
                *values = array;
            }
        }
        *self = new;
        Ok(())
    }
}

/// The two moments' names in a checkpoint.
const KINDS: [&str; 2] = ["m", "v"];
