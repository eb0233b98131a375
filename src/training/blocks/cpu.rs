//! Blocks in training on the CPU, with our own kernels.

use super::{Blocks, Reach};
use crate::{
    Result,
    architecture::program::Program,
    bundle::{Quantization, Weights},
    encoder::cpu::backward::Trainable,
    training::optimizer::{Pace, TIME, adamw, time_of, written},
};

pub struct CpuBlocks {
    program: Program,
    model: Trainable,
    /// First and second moments of each of the model's parameters.
    moments: Vec<[Vec<f32>; 2]>,
    /// The number of updates of each.
    times: Vec<u64>,
    quantization: Option<Quantization>,
}

impl CpuBlocks {
    pub fn new(program: Program, weights: &Weights, quantization: Option<Quantization>) -> Result<Self> {
        let quantization = quantization.map(Quantization::beside_table);
        let mut model = Trainable::new(&program, weights)?;
        model.refresh(quantization);
        let moments: Vec<_> =
            model.params().iter().map(|p| [vec![0.0; p.values.len()], vec![0.0; p.values.len()]]).collect();
        let times = vec![0; moments.len()];
        Ok(Self { program, model, moments, times, quantization })
    }
}

impl Blocks for CpuBlocks {
    fn forward(&mut self, words: &[f32], lengths: &[usize], _: Reach) -> Result<Vec<f32>> {
        Ok(self.model.forward(words, lengths))
    }

    fn backward(&mut self, grads: &[f32], reach: Reach) -> Result<Vec<f32>> {
        Ok(self.model.backward(grads, reach))
    }

    fn step(&mut self, pace: Pace, reach: Reach) {
        let params = self.model.params().into_iter().zip(&mut self.moments).zip(&mut self.times);
        for ((param, moments), time) in params.filter(|((param, _), _)| param.place() >= reach.place()) {
            *time += 1;
            let decay = param.is_matrix();
            adamw(&mut param.values, moments, &mut param.grads, pace.at(*time), decay);
        }
        self.model.refresh(self.quantization);
    }

    fn devices(&self) -> &'static str {
        "--device cpu"
    }

    fn weights(&mut self) -> Result<Weights> {
        Ok(self.model.weights())
    }

    fn moments(&mut self) -> Result<Weights> {
        let mut out = Weights::default();
        for ((param, moments), time) in self.model.params().iter().zip(&self.moments).zip(&self.times) {
            for (kind, values) in KINDS.iter().zip(moments) {
                param.parts(values).for_each(|(name, array)| out.insert(&format!("{name}.{kind}"), array));
            }
            for spec in &param.specs {
                out.insert(&format!("{}.{TIME}", spec.name), written(*time));
            }
        }
        Ok(out)
    }

    fn restore(&mut self, weights: &Weights, moments: &Weights) -> Result<()> {
        let mut new = Self::new(self.program.clone(), weights, self.quantization)?;
        let own = new.moments.iter_mut().zip(&mut new.times);
        for (param, (own, time)) in new.model.params().iter().zip(own) {
            *time = time_of(moments, &format!("{}.{TIME}", param.specs[0].name))?;
            for (kind, values) in KINDS.iter().zip(own) {
                values.clear();
                for spec in &param.specs {
                    let array = moments.shaped(&format!("{}.{kind}", spec.name), &spec.shape())?;
                    values.extend(array.to_f32());
                }
            }
        }
        *self = new;
        Ok(())
    }
}

/// The names of the two moments in a checkpoint.
const KINDS: [&str; 2] = ["m", "v"];
