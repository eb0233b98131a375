//! AdamW (arXiv 1711.05101), for the blocks on a device and for the embedding rows in memory.
//!
//! Burn's own AdamW gives the same update, but restores its saved state onto Burn's default device (a GPU
//! wherever wgpu is compiled in), so a CPU run could not be resumed on a machine without one. Here the
//! state is two plain tensors per parameter.

use std::collections::BTreeMap;

use burn::{
    module::{Module, ModuleMapper, Param},
    optim::GradientsParams,
    tensor::{Device, Tensor, TensorData},
};
use rayon::prelude::*;

use crate::{
    Error, Result,
    bundle::{Array, Quantization, Weights},
    encoder::trained::{Body, BurnModel},
};

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// The parameters of one update.
#[derive(Debug, Clone, Copy)]
pub struct Update {
    /// Learning rate.
    pub rate: f64,
    /// Decoupled weight decay; not applied to vectors (biases and norms).
    pub weight_decay: f64,
    /// Number of updates so far, including this one.
    pub time: u64,
}

/// The parameters of an update of weights that count their own updates.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Learning rate.
    pub rate: f64,
    /// As in [`Update`].
    pub weight_decay: f64,
}

impl Pace {
    /// The update number `time`, counted from 1.
    pub fn at(self, time: u64) -> Update {
        Update { rate: self.rate, weight_decay: self.weight_decay, time }
    }
}

/// Suffix of the number of updates in a checkpoint.
pub const TIME: &str = "t";

/// A number of updates as an array.
pub fn written(time: u64) -> Array {
    // Exact up to 16 million.
    Array::f32(vec![1], vec![time as f32])
}

/// The inverse of [`written`].
///
/// # Errors
/// [`Error::Format`] if there is none under that name.
pub fn time_of(weights: &Weights, name: &str) -> Result<u64> {
    match weights.need(name)?.to_f32()[..] {
        [time] if time >= 0.0 => Ok(time as u64),
        _ => Err(Error::format(name, "not a number of updates")),
    }
}

impl Update {
    /// Bias corrections of the two moments.
    fn corrections(&self) -> (f64, f64) {
        let time = i32::try_from(self.time).unwrap_or(i32::MAX);
        (1.0 - BETA_1.powi(time), 1.0 - BETA_2.powi(time))
    }
}

/// AdamW's moments of the blocks' parameters, flattened, and the number of updates of each, by Burn's parameter id.
#[derive(Default)]
pub struct BodyMoments(BTreeMap<u64, (Tensor<1>, Tensor<1>, u64)>);

impl BodyMoments {
    /// Updates all parameters that have a gradient.
    pub fn step(&mut self, body: Body, grads: GradientsParams, pace: Pace) -> Body {
        body.map(&mut Mapper { moments: &mut self.0, grads, pace })
    }

    /// The moments of `model`'s parameters as arrays `<name>.m` and `<name>.v`, the number of updates as `<name>.t`.
    ///
    /// # Errors
    /// [`Error::Device`] if they cannot be read back.
    pub fn weights(&self, model: &BurnModel) -> Result<Weights> {
        let mut out = Weights::default();
        for param in model.params() {
            let Some((m, v, time)) = self.0.get(&param.id.val()) else { continue };
            for (kind, tensor) in [("m", m), ("v", v)] {
                for (name, array) in param.names().zip(param.parts(tensor.clone())?) {
                    out.insert(&format!("{name}.{kind}"), array);
                }
            }
            param.names().for_each(|name| out.insert(&format!("{name}.{TIME}"), written(*time)));
        }
        Ok(out)
    }

    /// The inverse of [`weights`](Self::weights).
    ///
    /// # Errors
    /// [`Error::Format`] naming what is missing or has the wrong shape.
    pub fn from_weights(weights: &Weights, model: &BurnModel, device: &Device) -> Result<Self> {
        let mut out = BTreeMap::new();
        for param in model.params() {
            let Some(time) = param.names().next().map(|name| format!("{name}.{TIME}")) else { continue };
            // A parameter without gradients has none.
            if weights.get(&time).is_none() {
                continue;
            }
            let time = time_of(weights, &time)?;
            let tensor = |kind| {
                let values = param.joined(weights, kind)?;
                let size = [values.len()];
                Ok::<_, Error>(Tensor::<1>::from_data(TensorData::new(values, size), device))
            };
            out.insert(param.id.val(), (tensor(".m")?, tensor(".v")?, time));
        }
        Ok(Self(out))
    }
}

struct Mapper<'a> {
    moments: &'a mut BTreeMap<u64, (Tensor<1>, Tensor<1>, u64)>,
    grads: GradientsParams,
    pace: Pace,
}

impl ModuleMapper for Mapper<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let id = param.id;
        let Some(grad) = self.grads.remove::<D>(id) else {
            return param;
        };
        param.map(|value| {
            let shape = value.shape();
            let tracked = value.device();
            let grad = grad.flatten::<1>(0, D - 1);
            let (m, v, time) = match self.moments.remove(&id.val()) {
                Some((m, v, time)) => (
                    m.mul_scalar(BETA_1) + grad.clone().mul_scalar(1.0 - BETA_1),
                    v.mul_scalar(BETA_2) + grad.square().mul_scalar(1.0 - BETA_2),
                    time + 1,
                ),
                None => (grad.clone().mul_scalar(1.0 - BETA_1), grad.square().mul_scalar(1.0 - BETA_2), 1),
            };
            let update = self.pace.at(time);
            let (correct_1, correct_2) = update.corrections();
            let denominator = v.clone().div_scalar(correct_2).sqrt().add_scalar(EPSILON);
            let delta = m.clone().mul_scalar(update.rate / correct_1) / denominator;
            self.moments.insert(id.val(), (m, v, time));
            let decay = if D > 1 { update.rate * update.weight_decay } else { 0.0 };
            let inner = value.without_autodiff().flatten::<1>(0, D - 1);
            let new = inner.mul_scalar(1.0 - decay) - delta;
            let new = new.reshape(shape);
            if tracked.is_autodiff() { new.autodiff().require_grad() } else { new }
        })
    }
}

/// Updates `values` in memory by their gradients, which are zero afterwards; `moments` are the first and
/// the second. Weight decay only if `decay` is set.
pub fn adamw(
    values: &mut [f32],
    [first, second]: &mut [Vec<f32>; 2],
    grads: &mut [f32],
    update: Update,
    decay: bool,
) {
    const PIECE: usize = 1 << 14;
    let (correct_1, correct_2) = update.corrections();
    let (b1, b2) = (BETA_1 as f32, BETA_2 as f32);
    let rate = (update.rate / correct_1) as f32;
    let root = (1.0 / correct_2.sqrt()) as f32;
    let keep = if decay { (1.0 - update.rate * update.weight_decay) as f32 } else { 1.0 };
    values
        .par_chunks_mut(PIECE)
        .zip(first.par_chunks_mut(PIECE))
        .zip(second.par_chunks_mut(PIECE))
        .zip(grads.par_chunks_mut(PIECE))
        .for_each(|(((values, first), second), grads)| {
            for (((x, m), v), g) in values.iter_mut().zip(first).zip(second).zip(grads) {
                *m = b1 * *m + (1.0 - b1) * *g;
                *v = b2 * *v + (1.0 - b2) * *g * *g;
                *x = *x * keep - rate * *m / (v.sqrt() * root + EPSILON as f32);
                *g = 0.0;
            }
        });
}

/// The embedding table in training: rows in memory, with AdamW's moments.
///
/// A batch uses few rows, so only those are updated, with their moments (lazy Adam).
pub struct EmbeddingRows {
    /// `[rows, width]`.
    pub values: Vec<f32>,
    /// Length of a row.
    pub width: usize,
    first: Vec<f32>,
    second: Vec<f32>,
    quantization: Option<Quantization>,
}

impl EmbeddingRows {
    /// A table with moments at zero. With `quantization`, [`gather`](Self::gather) returns rows as they
    /// would be quantized.
    pub fn new(values: Vec<f32>, width: usize, quantization: Option<Quantization>) -> Self {
        let zeros = vec![0.0; values.len()];
        Self { first: zeros.clone(), second: zeros, values, width, quantization }
    }

    /// The rows `ids`, concatenated.
    pub fn gather(&self, ids: &[u32]) -> Vec<f32> {
        let mut out = Vec::with_capacity(ids.len() * self.width);
        for &id in ids {
            out.extend_from_slice(&self.values[id as usize * self.width..][..self.width]);
        }
        match self.quantization {
            Some(quantization) => {
                Array::f32(vec![ids.len(), self.width], out).quantize(quantization).to_f32()
            }
            None => out,
        }
    }

    /// Updates the rows `ids` (no id twice) by their gradients `[ids, width]`.
    pub fn step(&mut self, ids: &[u32], grads: &[f32], update: Update) {
        let (correct_1, correct_2) = update.corrections();
        let (b1, b2) = (BETA_1 as f32, BETA_2 as f32);
        let rate = (update.rate / correct_1) as f32;
        let root = (1.0 / correct_2.sqrt()) as f32;
        for (&id, grad) in ids.iter().zip(grads.chunks(self.width)) {
            let at = id as usize * self.width..(id as usize + 1) * self.width;
            let cells = self.values[at.clone()]
                .iter_mut()
                .zip(&mut self.first[at.clone()])
                .zip(&mut self.second[at])
                .zip(grad);
            for (((value, m), v), g) in cells {
                *m = b1 * *m + (1.0 - b1) * g;
                *v = b2 * *v + (1.0 - b2) * g * g;
                *value -= rate * *m / (v.sqrt() * root + EPSILON as f32);
            }
        }
    }

    /// Table and moments as arrays.
    pub fn weights(&self) -> Weights {
        let mut out = Weights::default();
        let shape = vec![self.values.len() / self.width, self.width];
        for (name, values) in [("values", &self.values), ("first", &self.first), ("second", &self.second)] {
            out.insert(name, Array::f32(shape.clone(), values.clone()));
        }
        out
    }

    /// The inverse of [`weights`](Self::weights); `quantization` is kept.
    ///
    /// # Errors
    /// [`Error::Format`] if a part is missing or has the wrong shape.
    pub fn restore(&mut self, weights: &Weights) -> Result<()> {
        let shape = weights.need("values")?.shape.clone();
        let [rows, width] = shape[..] else {
            return Err(Error::format("values", format!("the shape {shape:?} is not that of a table")));
        };
        let part = |name: &str| Ok::<_, Error>(weights.matrix(name, rows, width)?.to_f32());
        (self.values, self.first, self.second) = (part("values")?, part("first")?, part("second")?);
        self.width = width;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The update written out for one number, as in the paper's algorithm 2.
    fn plain(mut x: f64, grads: &[f64], rate: f64, decay: f64) -> f64 {
        let (mut m, mut v) = (0.0, 0.0);
        for (t, g) in grads.iter().enumerate() {
            m = 0.9 * m + 0.1 * g;
            v = 0.999 * v + 0.001 * g * g;
            let t = t as i32 + 1;
            x -= rate * decay * x;
            x -= rate * (m / (1.0 - 0.9f64.powi(t))) / ((v / (1.0 - 0.999f64.powi(t))).sqrt() + 1e-8);
        }
        x
    }

    #[test]
    fn rows_follow_the_plain_update_and_others_stay() {
        let mut rows = EmbeddingRows::new(vec![1.0, 2.0, 3.0, 4.0], 2, None);
        let grads = [0.5, -0.25, 0.125];
        for (t, g) in grads.iter().enumerate() {
            let update = Update { rate: 0.1, weight_decay: 0.0, time: t as u64 + 1 };
            rows.step(&[1], &[*g, -*g], update);
        }
        let wide: Vec<f64> = grads.iter().map(|&g| f64::from(g)).collect();
        assert_eq!(rows.values[..2], [1.0, 2.0]);
        assert!((f64::from(rows.values[2]) - plain(3.0, &wide, 0.1, 0.0)).abs() < 1e-5);
        let mut again = EmbeddingRows::new(Vec::new(), 1, None);
        again.restore(&rows.weights()).unwrap();
        assert_eq!((again.first, again.second), (rows.first, rows.second));
    }

    #[test]
    fn matrices_decay_and_gradients_start_again() {
        let (mut values, mut moments) = (vec![3.0f32], [vec![0.0], vec![0.0]]);
        let grads = [0.5, -0.25, 0.125];
        for (t, g) in grads.iter().enumerate() {
            let update = Update { rate: 0.1, weight_decay: 0.5, time: t as u64 + 1 };
            let mut grad = vec![*g as f32];
            adamw(&mut values, &mut moments, &mut grad, update, true);
            assert_eq!(grad, [0.0]);
        }
        assert!((f64::from(values[0]) - plain(3.0, &grads, 0.1, 0.5)).abs() < 1e-5, "{values:?}");
    }
}
