//! Blocks in training on the CPU, by kernels of our own.

use super::{Blocks, Reach};
use crate::{
    Error, Result,
    bundle::{Array, Quantization, Weights},
    encoder::{Config, cpu::learn::Learner},
    training::optimizer::{Pace, TIME, adamw, time_of, written},
};

pub struct CpuBlocks {
    config: Config,
    learner: Learner,
    /// First and second of each of the learner's parameters.
    moments: Vec<[Vec<f32>; 2]>,
    /// How often each was updated.
    times: Vec<u64>,
    quantization: Option<Quantization>,
}

impl CpuBlocks {
    pub fn new(config: &Config, weights: &Weights, quantization: Option<Quantization>) -> Result<Self> {
        let quantization = quantization.map(Quantization::beside_table);
        let mut learner = Learner::new(config, weights)?;
        learner.refresh(quantization);
        let moments: Vec<_> =
            learner.params().iter().map(|p| [vec![0.0; p.values.len()], vec![0.0; p.values.len()]]).collect();
        let times = vec![0; moments.len()];
        Ok(Self { config: config.clone(), learner, moments, times, quantization })
    }
}

impl Blocks for CpuBlocks {
    fn forward(&mut self, words: &[f32], lengths: &[usize], _: Reach) -> Result<Vec<f32>> {
        Ok(self.learner.forward(words, lengths))
    }

    fn back(&mut self, grads: &[f32], reach: Reach) -> Result<Vec<f32>> {
        Ok(self.learner.back(grads, reach))
    }

    fn step(&mut self, pace: Pace, reach: Reach) {
        let params = self.learner.params().into_iter().zip(&mut self.moments).zip(&mut self.times);
        for ((param, moments), time) in params.skip(Learner::before(reach)) {
            *time += 1;
            let decay = param.is_matrix();
            adamw(&mut param.values, moments, &mut param.grads, pace.at(*time), decay);
        }
        self.learner.refresh(self.quantization);
    }

    fn devices(&self) -> &'static str {
        "--device cpu"
    }

    fn weights(&mut self) -> Result<Weights> {
        Ok(self.learner.weights())
    }

    fn moments(&self) -> Result<Weights> {
        let mut out = Weights::default();
        for (i, (moments, time)) in self.moments.iter().zip(&self.times).enumerate() {
            for (kind, values) in KINDS.iter().zip(moments) {
                out.insert(&format!("{i}.{kind}"), Array::f32(vec![values.len()], values.clone()));
            }
            out.insert(&format!("{i}.{TIME}"), written(*time));
        }
        Ok(out)
    }

    fn restore(&mut self, weights: &Weights, moments: &Weights) -> Result<()> {
        let mut new = Self::new(&self.config, weights, self.quantization)?;
        for (i, (own, time)) in new.moments.iter_mut().zip(&mut new.times).enumerate() {
            *time = time_of(moments, &format!("{i}.{TIME}"))?;
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
