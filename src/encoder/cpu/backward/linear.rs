//! Linear layers, forward and backward.

use rayon::prelude::*;

use super::{
    super::{
        linear::{CpuLinear, CpuMatrix},
        product::{After, OutputRows, Panels, multiply},
        simd::Level,
    },
    Param,
    rows::sum,
};
use crate::{
    Result,
    architecture::{
        Activation,
        program::{self, Program},
    },
    bundle::{Array, Quantization, Weights},
};

/// Tokens summed at once: their panels fit the cache.
const DEPTH: usize = 512;
/// Rows of a weight gradient that one thread computes at a time.
const ROWS: usize = 48;
/// Gap after each row of transposed gradients, so that rows do not map to the same cache lines.
const GAP: usize = 16;

/// `x Wᵀ + b` with trainable `W` and `b`.
pub struct TrainableLinear {
    /// `[output, input]`.
    pub weight: Param,
    /// `[output]`, if the layers have one.
    pub bias: Option<Param>,
    forward: CpuLinear,
    backward: CpuLinear,
}

impl TrainableLinear {
    /// A program's layers, joined side by side.
    pub fn new(level: Level, program: &Program, layers: &program::Linear, weights: &Weights) -> Result<Self> {
        let &program::Linear { ref parts, input, output } = layers;
        let matrix = weights.matrices(program, layers)?.into_iter().flat_map(Array::to_f32).collect();
        let bias = weights.biases(program, layers)?;
        let linear = |input, output| CpuLinear {
            matrix: CpuMatrix::F32(Panels::new(level)),
            bias: Vec::new(),
            activation: Activation::Identity,
            input,
            output,
        };
        let mut new = Self {
            weight: Param::joined(program, parts.iter().map(|part| part.weight), matrix)?,
            bias: bias
                .map(|bias| Param::joined(program, parts.iter().filter_map(|part| part.bias), bias))
                .transpose()?,
            forward: linear(input, output),
            backward: linear(output, input),
        };
        new.refresh(None);
        Ok(new)
    }

    /// Makes changed weights take effect; with `quantization`, as if they had been packed.
    pub fn refresh(&mut self, quantization: Option<Quantization>) {
        let Self { weight, bias, forward, backward } = self;
        let packed = quantization
            .map(|q| Array::f32(weight.shape.clone(), weight.values.clone()).quantize(q).to_f32());
        let values = packed.as_ref().unwrap_or(&weight.values);
        let (input, output) = (forward.input, forward.output);
        if let CpuMatrix::F32(panels) = &mut forward.matrix {
            panels.fill_by_columns(input, output, |column| &values[column * input..]);
        }
        if let CpuMatrix::F32(panels) = &mut backward.matrix {
            panels.fill_by_rows(output, input, |row| &values[row * input..][..input]);
        }
        if let Some(bias) = bias {
            forward.bias.clone_from(&bias.values);
        }
    }

    /// Adds its trainable weights to a list.
    pub fn params<'a>(&'a mut self, out: &mut Vec<&'a mut Param>) {
        out.push(&mut self.weight);
        out.extend(&mut self.bias);
    }

    /// Computes rows `out` from rows `x`; `add` adds to what is in `out`.
    pub fn apply(&self, x: &[f32], out: &mut [f32], add: bool) {
        self.forward.apply(x, out, add);
    }

    /// Gradients of the input rows from those of the output rows.
    pub fn backward(&self, grads: &[f32], out: &mut [f32], add: bool) {
        self.backward.apply(grads, out, add);
    }

    /// Adds to the gradients of weight and bias, given the input rows `x` and the gradients of the output
    /// rows.
    ///
    /// Sums are taken in the same order with any number of threads.
    pub fn accumulate(&mut self, x: &InputPanels, grads: &[f32]) {
        let (input, output) = (self.forward.input, self.forward.output);
        // Without a bias its gradients go nowhere.
        let mut nowhere = vec![0.0; if self.bias.is_some() { 0 } else { output }];
        let biases = self.bias.as_mut().map_or(&mut nowhere, |bias| &mut bias.grads);
        let slices = self.weight.grads.par_chunks_mut(ROWS * input).zip(biases.par_chunks_mut(ROWS));
        slices.enumerate().for_each_init(Vec::new, |transposed, (slice, (weight, bias))| {
            let rows = bias.len();
            for (panels, grads) in x.0.iter().zip(grads.chunks(DEPTH * output)) {
                let tokens = grads.len() / output;
                let stride = DEPTH + GAP;
                transposed.resize(ROWS * stride, 0.0);
                for (t, grads) in grads.chunks(output).enumerate() {
                    for (row, grad) in grads[slice * ROWS..][..rows].iter().enumerate() {
                        transposed[row * stride + t] = *grad;
                    }
                }
                for (row, bias) in transposed.chunks(stride).zip(bias.iter_mut()) {
                    *bias += sum(&row[..tokens]);
                }
                let after = After { add: true, ..After::NOTHING };
                let place = OutputRows::new(weight, input);
                // SAFETY: each task writes the rows of its own slice.
                unsafe { multiply((transposed, stride, rows), panels, 0..panels.count(), after, place) };
            }
        });
    }
}

/// Input rows of a layer, laid out to be multiplied by gradients.
pub struct InputPanels(Vec<Panels>);

impl InputPanels {
    /// Rows that are `width` wide.
    pub fn new(level: Level, x: &[f32], width: usize) -> Self {
        let fill = |rows: &[f32]| {
            let mut panels = Panels::new(level);
            panels.fill_by_rows(rows.len() / width, width, |row| &rows[row * width..][..width]);
            panels
        };
        Self(x.par_chunks(DEPTH * width).map(fill).collect())
    }
}
