//! The encoder on the CPU with our own kernels, in the browser and natively.
//!
//! The tokens of all sequences lie one after the other, without padding. Linear layers take all rows at once
//! ([`product`]), attention takes each sequence by itself ([`attention`]). A sequence's result is
//! bit-identical in any batch and with any number of threads.

mod attention;
#[cfg(feature = "gradients")]
pub mod backward;
mod gate;
mod integers;
pub(super) mod linear;
mod math;
mod pool;
pub(super) mod product;
pub(super) mod rotary;
mod rows;
pub(super) mod simd;

use std::sync::Arc;

use super::{
    Precision,
    relative::Shifts,
    rotary::{self as shared, Angles},
};
use crate::{
    Result,
    architecture::{
        Activation, Pooling,
        program::{self, Buffer, Op, Program},
    },
    bundle::Weights,
    threads,
};
use attention::Heads;
use gate::gate;
use integers::Integers;
use linear::{CpuLinear, CpuMatrix};
use pool::pool;
use product::Panels;
use rotary::{RotationDirection, rotate};
use rows::{CpuHeadNorms, CpuNorm, normalize};
pub(super) use simd::Level;

/// A model that is ready to run.
pub struct CpuModel {
    level: Level,
    steps: Vec<CpuStep>,
    width: usize,
    output: Buffer,
    dimension: usize,
}

/// A program's step with its weights.
enum CpuStep {
    /// Position embeddings, starting with that of the first token.
    AddPositions {
        to: Buffer,
        rows: Vec<f32>,
        width: usize,
    },
    Scale {
        to: Buffer,
        by: f32,
        width: usize,
    },
    Norm {
        from: Buffer,
        to: Buffer,
        norm: CpuNorm,
    },
    NormHeads {
        to: Buffer,
        norms: CpuHeadNorms,
    },
    Add {
        from: Buffer,
        to: Buffer,
        width: usize,
    },
    Project {
        from: Buffer,
        to: Buffer,
        linear: CpuLinear,
        residual: bool,
    },
    FeedForward {
        to: Buffer,
        inner: Buffer,
        up: CpuLinear,
        down: CpuLinear,
    },
    Gate {
        from: Buffer,
        to: Buffer,
        activation: Activation,
        width: usize,
    },
    /// The first `heads` heads of rows of `row`.
    Rotate {
        to: Buffer,
        angles: Arc<Angles>,
        heads: usize,
        row: usize,
    },
    Attend {
        from: Buffer,
        to: Buffer,
        heads: Heads,
        shifts: Option<Arc<Shifts>>,
    },
    Pool {
        from: Buffer,
        to: Buffer,
        pooling: Pooling,
        width: usize,
    },
    Normalize {
        to: Buffer,
        width: usize,
    },
}

impl CpuModel {
    /// Loads a model's weights, to compute in f32.
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) naming the tensor that is missing or has another shape
    /// than `program` says.
    pub fn new(program: &Program, weights: &Weights) -> Result<Self> {
        Self::with_precision(program, weights, Precision::F32)
    }

    /// As [`new`](Self::new); [`Precision::Packed`] multiplies linear layers that are packed in 8 bits as
    /// integers: faster, with an additional error far below that of the 8 bits.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_precision(program: &Program, weights: &Weights, precision: Precision) -> Result<Self> {
        Self::with_level(program, weights, precision, Level::best())
    }

    pub(super) fn with_level(
        program: &Program,
        weights: &Weights,
        precision: Precision,
        level: Level,
    ) -> Result<Self> {
        let shifts = Shifts::read(program, weights)?.map(Arc::new);
        let angles = shared::SharedAngles::new();
        let mut load = CpuLoader { program, weights, level, precision, angles, shifts };
        let steps = program.steps().iter().map(|step| load.step(&step.op)).collect::<Result<_>>()?;
        let (width, output, dimension) = (program.width(), program.output(), program.dimension());
        Ok(Self { level, steps, width, output, dimension })
    }

    /// Vectors `[sequences, dimension]` from word embedding rows `[tokens, width]` of consecutive sequences
    /// that are `lengths` tokens long. An empty sequence is pooled to zeros.
    ///
    /// # Panics
    /// When the number of rows does not match `lengths`, or a sequence has more tokens than there are
    /// positions.
    pub fn encode(&self, words: Vec<f32>, lengths: &[usize]) -> Vec<f32> {
        let tokens: usize = lengths.iter().sum();
        assert_eq!(words.len(), tokens * self.width, "a row for each token");
        let mut batch = CpuBatch { level: self.level, lengths, tokens, memory: Default::default() };
        batch.memory[Buffer::Hidden as usize] = words;
        for buffer in Buffer::ALL.into_iter().filter(|buffer| *buffer != Buffer::Hidden) {
            let room = self.steps.iter().map(|step| step.room(buffer, &batch)).max().unwrap_or(0);
            batch.memory[buffer as usize] = vec![0.0; room];
        }
        self.steps.iter().for_each(|step| batch.run(step));
        let mut vectors = batch.take(self.output);
        vectors.truncate(lengths.len() * self.dimension);
        vectors
    }
}

/// Rows that pass through a feed-forward layer together, which bounds the memory for its inner units.
const STRIP: usize = 1024;

impl CpuStep {
    /// Values that it writes to `buffer`.
    fn room(&self, buffer: Buffer, batch: &CpuBatch) -> usize {
        let (to, width, rows) = match self {
            Self::AddPositions { .. }
            | Self::Scale { .. }
            | Self::NormHeads { .. }
            | Self::Add { .. }
            | Self::Rotate { .. }
            | Self::Normalize { .. } => return 0,
            Self::Norm { to, norm, .. } => (to, norm.gain.len(), batch.rows(*to)),
            Self::Gate { to, width, .. } => (to, *width, batch.rows(*to)),
            Self::Project { to, linear, .. } => (to, linear.output, batch.rows(*to)),
            Self::FeedForward { inner, up, .. } => (inner, up.output, STRIP.min(batch.rows(*inner))),
            Self::Attend { to, heads, .. } => (to, heads.context(), batch.rows(*to)),
            Self::Pool { to, width, .. } => (to, *width, batch.rows(*to)),
        };
        if *to == buffer { rows * width } else { 0 }
    }
}

/// The intermediate state of a batch of sequences.
struct CpuBatch<'a> {
    level: Level,
    lengths: &'a [usize],
    tokens: usize,
    /// Indexed by [`Buffer`].
    memory: [Vec<f32>; Buffer::COUNT],
}

impl CpuBatch<'_> {
    fn rows(&self, buffer: Buffer) -> usize {
        buffer.rows().count(self.tokens, self.lengths.len())
    }

    /// Takes a buffer's memory out; the caller puts it back.
    fn take(&mut self, buffer: Buffer) -> Vec<f32> {
        std::mem::take(&mut self.memory[buffer as usize])
    }

    fn run(&mut self, step: &CpuStep) {
        match *step {
            CpuStep::AddPositions { to, ref rows, width } => {
                add_positions(&mut self.memory[to as usize], self.lengths, rows, width);
            }
            CpuStep::Scale { to, by, width } => {
                let size = self.rows(to) * width;
                self.memory[to as usize][..size].iter_mut().for_each(|x| *x *= by);
            }
            CpuStep::NormHeads { to, ref norms } => {
                let size = self.rows(to) * norms.row();
                norms.apply_all(self.level, &mut self.memory[to as usize][..size]);
            }
            CpuStep::Add { from, to, width } => {
                let (size, mut out) = (self.rows(to) * width, self.take(to));
                add_all(&mut out[..size], &self.memory[from as usize][..size], width);
                self.memory[to as usize] = out;
            }
            CpuStep::Norm { from, to, ref norm } => {
                let size = self.rows(to) * norm.gain.len();
                let mut out = self.take(to);
                if from != to {
                    out[..size].copy_from_slice(&self.memory[from as usize][..size]);
                }
                norm.apply_all(self.level, &mut out[..size]);
                self.memory[to as usize] = out;
            }
            CpuStep::Project { from, to, ref linear, residual } => {
                let (rows, mut out) = (self.rows(to), self.take(to));
                let x = &self.memory[from as usize][..rows * linear.input];
                linear.apply(x, &mut out[..rows * linear.output], residual);
                self.memory[to as usize] = out;
            }
            CpuStep::FeedForward { to, inner, ref up, ref down } => {
                let (size, mut units) = (self.rows(to) * up.input, self.take(inner));
                for rows in self.memory[to as usize][..size].chunks_mut(STRIP * up.input) {
                    let units = &mut units[..rows.len() / up.input * up.output];
                    up.apply(rows, units, false);
                    down.apply(units, rows, true);
                }
                self.memory[inner as usize] = units;
            }
            CpuStep::Gate { from, to, activation, width } => {
                let (rows, mut out) = (self.rows(to), self.take(to));
                let x = &self.memory[from as usize][..2 * rows * width];
                gate(self.level, activation, width, x, &mut out[..rows * width]);
                self.memory[to as usize] = out;
            }
            CpuStep::Rotate { to, ref angles, heads, row } => {
                let x = &mut self.memory[to as usize][..self.tokens * row];
                rotate(self.level, angles, x, self.lengths, (heads, row), RotationDirection::Forward);
            }
            CpuStep::Attend { from, to, heads, ref shifts } => {
                let mut context = self.take(to);
                let qkv = &self.memory[from as usize][..self.tokens * heads.row()];
                let out = &mut context[..self.tokens * heads.context()];
                attention::attend(self.level, heads, shifts.as_deref(), qkv, self.lengths, out);
                self.memory[to as usize] = context;
            }
            CpuStep::Pool { from, to, pooling, width } => {
                let mut out = self.take(to);
                let x = &self.memory[from as usize][..self.tokens * width];
                pool(pooling, width, x, self.lengths, &mut out[..self.lengths.len() * width]);
                self.memory[to as usize] = out;
            }
            CpuStep::Normalize { to, width } => {
                let size = self.rows(to) * width;
                normalize(&mut self.memory[to as usize][..size], width);
            }
        }
    }
}

/// Adds to each token's row of `x` the row of its place in its text: `positions` has the first token's first.
fn add_positions(x: &mut [f32], lengths: &[usize], positions: &[f32], width: usize) {
    let mut rows = x.chunks_mut(width);
    for &length in lengths {
        let positions = positions[..length * width].chunks(width);
        positions.zip(&mut rows).for_each(|(position, row)| add(row, position));
    }
}

/// Adds rows to rows, on all threads.
fn add_all(to: &mut [f32], from: &[f32], width: usize) {
    let part = linear::PART * width;
    threads::chunks_mut(to, part, |i, to| add(to, &from[i * part..]));
}

fn add(to: &mut [f32], from: &[f32]) {
    to.iter_mut().zip(from).for_each(|(t, f)| *t += f);
}

struct CpuLoader<'a> {
    program: &'a Program,
    weights: &'a Weights,
    level: Level,
    precision: Precision,
    angles: shared::SharedAngles<Arc<Angles>>,
    shifts: Option<Arc<Shifts>>,
}

impl CpuLoader<'_> {
    fn step(&mut self, op: &Op) -> Result<CpuStep> {
        Ok(match *op {
            Op::AddPositions(ref op) => {
                let width = self.program.width();
                let rows = op.rows(self.program, self.weights)?.split_off(op.first * width);
                CpuStep::AddPositions { to: op.to, rows, width }
            }
            Op::Scale(program::Scale { to, by, width }) => CpuStep::Scale { to, by, width },
            Op::Norm(program::Norm { from, to, kind, gain, bias, width, epsilon }) => {
                let vector = |id| self.weights.values(self.program, id);
                let bias = bias.map_or_else(|| Ok(vec![0.0; width]), vector)?;
                let gain = rows::gain(kind, &vector(gain)?);
                let norm = CpuNorm { gain, bias, epsilon: epsilon as f32, centred: kind.is_centred() };
                CpuStep::Norm { from, to, norm }
            }
            Op::NormHeads(ref op) => {
                let gain =
                    |id| Ok::<_, crate::Error>(rows::gain(op.kind, &self.weights.values(self.program, id)?));
                let [query, key] = op.gains;
                CpuStep::NormHeads { to: op.to, norms: CpuHeadNorms::new(op, [gain(query)?, gain(key)?]) }
            }
            Op::Add(program::Add { from, to, width }) => CpuStep::Add { from, to, width },
            Op::Project(program::Projection { from, to, ref linear, activation, residual }) => {
                CpuStep::Project { from, to, linear: self.linear(linear, activation)?, residual }
            }
            Op::FeedForward(program::FeedForward { to, inner, ref up, activation, ref down, .. }) => {
                let (up, down) = (self.linear(up, activation)?, self.linear(down, Activation::Identity)?);
                CpuStep::FeedForward { to, inner, up, down }
            }
            Op::Attend(ref op) => CpuStep::Attend {
                from: op.from,
                to: op.to,
                heads: Heads::of(op),
                shifts: op.relative.and(self.shifts.clone()),
            },
            Op::Gate(program::Gate { from, to, activation, width }) => {
                CpuStep::Gate { from, to, activation, width }
            }
            Op::Rotate(ref op) => CpuStep::Rotate {
                to: op.to,
                angles: self.angles.get(op, |angles| Ok(Arc::new(angles)))?,
                heads: op.heads + op.kv_heads,
                row: (op.heads + 2 * op.kv_heads) * op.head_width,
            },
            Op::Pool(program::PoolTokens { from, to, pooling, width }) => {
                CpuStep::Pool { from, to, pooling, width }
            }
            Op::Normalize(program::Normalize { to, width }) => CpuStep::Normalize { to, width },
        })
    }

    /// Linear layers that share an input, joined side by side.
    fn linear(&self, linear: &program::Linear, activation: Activation) -> Result<CpuLinear> {
        let &program::Linear { input, output, .. } = linear;
        let arrays = self.weights.matrices(self.program, linear)?;
        let packed = self.precision == Precision::Packed && arrays.iter().all(|array| array.q8().is_some());
        let values: Vec<f32> = arrays.iter().flat_map(|array| array.to_f32()).collect();
        let bias = self.weights.biases(self.program, linear)?.unwrap_or_else(|| vec![0.0; output]);
        let matrix = if packed {
            CpuMatrix::Integers(Integers::new(self.level, input, &values))
        } else {
            let mut panels = Panels::new(self.level);
            panels.fill_by_columns(input, output, |column| &values[column * input..]);
            CpuMatrix::F32(panels)
        };
        Ok(CpuLinear { matrix, bias, activation, input, output })
    }
}

#[cfg(test)]
mod edges;
#[cfg(test)]
mod tests;
