//! Training on the CPU: a program's forward pass, which keeps what gradients need, and its backward pass,
//! with the kernels of inference and their counterparts for gradients.
//!
//! The output of each step is kept. The backward pass goes through the steps in reverse and holds, for each
//! buffer, the gradients of its content after the current step.
//!
//! Every sum is taken in an order that does not depend on the number of threads, so the same batches give
//! bit-identical weights.

mod attention;
mod gate;
mod linear;
mod param;
mod relative;
mod rows;

pub use param::Param;

use std::sync::Arc;

use rayon::prelude::*;

use super::{
    add, add_all, add_positions,
    attention::{Heads, attend},
    gate::gate as gated,
    pool::{pool, pool_backward},
    rotary::{RotationDirection, rotate},
    rows::normalize,
    simd::Level,
};
use crate::{
    Error, Result,
    architecture::{
        Activation, Pooling,
        program::{self, Buffer, Op, Place, Program},
    },
    bundle::{Quantization, Weights},
    encoder::{
        Reach,
        rotary::{Angles, SharedAngles},
    },
};
use linear::{InputPanels, TrainableLinear};
use relative::TrainableShifts;
use rows::{TrainableHeadNorms, TrainableNorm, activated, activation_backward, normalize_backward};

/// A model in training.
pub struct Trainable {
    level: Level,
    width: usize,
    output: Buffer,
    dimension: usize,
    steps: Vec<TrainableStep>,
    /// What the scores of all attention steps are shifted by, if they are.
    shifts: Option<TrainableShifts>,
    /// Lengths of the last forward pass.
    lengths: Vec<usize>,
    /// The embedding rows, then the output of each step; memory is reused.
    values: Vec<Vec<f32>>,
    /// Gradients of each buffer's content during the backward pass.
    grads: [Vec<f32>; Buffer::COUNT],
}

/// A program's step with its weights, and what it keeps besides its output.
struct TrainableStep {
    place: Place,
    work: TrainableOp,
    /// Indices into `values`: of what it reads, and of what it changes in place.
    reads: usize,
    changes: usize,
    kept: SavedUnits,
}

enum TrainableOp {
    AddPositions {
        to: Buffer,
        position: Param,
        first: usize,
    },
    Scale {
        to: Buffer,
        by: f32,
    },
    Norm {
        from: Buffer,
        to: Buffer,
        norm: TrainableNorm,
    },
    NormHeads {
        to: Buffer,
        norms: TrainableHeadNorms,
    },
    Add {
        from: Buffer,
        to: Buffer,
        width: usize,
    },
    Project {
        from: Buffer,
        to: Buffer,
        affine: Box<TrainableLinear>,
        activation: Activation,
        residual: bool,
        size: [usize; 2],
    },
    FeedForward {
        to: Buffer,
        inner: Buffer,
        up: Box<TrainableLinear>,
        down: Box<TrainableLinear>,
        activation: Activation,
        size: [usize; 2],
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

/// Units before the activation, and after it unless that is the step's output.
#[derive(Default)]
struct SavedUnits {
    before: Vec<f32>,
    after: Vec<f32>,
}

impl Trainable {
    /// Loads a model's weights.
    ///
    /// # Errors
    /// [`Error::Format`] naming the tensor that is missing or has another shape than `program` says;
    /// [`Error::Unsupported`] for a program that has no backward pass here.
    pub fn new(program: &Program, weights: &Weights) -> Result<Self> {
        Self::with_level(program, weights, Level::best())
    }

    pub(in crate::encoder) fn with_level(program: &Program, weights: &Weights, level: Level) -> Result<Self> {
        check_flow(program)?;
        // Index of the value that is in each buffer.
        let mut current = [0; Buffer::COUNT];
        let mut steps = Vec::new();
        let mut angles = SharedAngles::new();
        for program::Step { place, op } in program.steps() {
            let work = load(program, op, weights, level, &mut angles)?;
            let (from, to) = work.buffers();
            let (reads, changes) = (current[from as usize], current[to as usize]);
            steps.push(TrainableStep { place: *place, work, reads, changes, kept: SavedUnits::default() });
            current[to as usize] = steps.len();
        }
        Ok(Self {
            level,
            width: program.width(),
            output: program.output(),
            dimension: program.dimension(),
            values: vec![Vec::new(); steps.len() + 1],
            steps,
            shifts: TrainableShifts::new(program, weights)?,
            lengths: Vec::new(),
            grads: Default::default(),
        })
    }

    /// Vectors `[sequences, dimension]` from word embedding rows `[tokens, width]` of consecutive sequences
    /// that are `lengths` tokens long. Keeps what [`backward`](Self::backward) needs.
    ///
    /// # Panics
    /// When the number of rows does not match `lengths`, or a sequence has more tokens than there are
    /// positions.
    pub fn forward(&mut self, words: &[f32], lengths: &[usize]) -> Vec<f32> {
        assert_eq!(words.len(), lengths.iter().sum::<usize>() * self.width, "a row for each token");
        copy(&mut self.lengths, lengths);
        copy(&mut self.values[0], words);
        for (i, step) in self.steps.iter_mut().enumerate() {
            let (before, after) = self.values.split_at_mut(i + 1);
            step.forward(self.level, self.shifts.as_ref(), lengths, before, &mut after[0]);
        }
        self.values.last().cloned().unwrap_or_default()
    }

    /// Gradients `[tokens, width]` of the word embedding rows of the last [`forward`](Self::forward), from
    /// those of its vectors, `[sequences, dimension]`; where `reach` ends at a block, the gradients of that
    /// block's input. Weight gradients within reach are added to those in [`params`](Self::params).
    ///
    /// # Panics
    /// When the number of gradients does not match the vectors.
    pub fn backward(&mut self, grads: &[f32], reach: Reach) -> Vec<f32> {
        assert_eq!(grads.len(), self.lengths.len() * self.dimension, "a gradient for each vector");
        copy(&mut self.grads[self.output as usize], grads);
        let mut pass = BackwardPass {
            level: self.level,
            lengths: &self.lengths,
            values: &self.values,
            grads: &mut self.grads,
            known: [false; Buffer::COUNT],
            accumulate: reach != Reach::Rows,
            // They are weights from before the blocks.
            shifts: self.shifts.as_mut().map(|shifts| (shifts, reach == Reach::All)),
        };
        pass.known[self.output as usize] = true;
        for step in self.steps.iter_mut().rev().take_while(|step| step.place >= reach.place()) {
            pass.run(step);
        }
        if let Some((shifts, true)) = pass.shifts {
            shifts.accumulate();
        }
        self.grads[Buffer::Hidden as usize].clone()
    }

    /// All weights with their gradients, always in the same order. Call [`refresh`](Self::refresh) after
    /// changing values.
    pub fn params(&mut self) -> Vec<&mut Param> {
        let mut out: Vec<&mut Param> = self.shifts.iter_mut().map(|shifts| &mut shifts.table).collect();
        for step in &mut self.steps {
            match &mut step.work {
                TrainableOp::AddPositions { position, .. } => out.push(position),
                TrainableOp::Norm { norm, .. } => {
                    out.push(&mut norm.gain);
                    out.extend(&mut norm.bias);
                }
                TrainableOp::NormHeads { norms, .. } => out.extend(&mut norms.gains),
                TrainableOp::Project { affine, .. } => affine.params(&mut out),
                TrainableOp::FeedForward { up, down, .. } => {
                    up.params(&mut out);
                    down.params(&mut out);
                }
                TrainableOp::Scale { .. }
                | TrainableOp::Add { .. }
                | TrainableOp::Gate { .. }
                | TrainableOp::Rotate { .. }
                | TrainableOp::Attend { .. }
                | TrainableOp::Pool { .. }
                | TrainableOp::Normalize { .. } => {}
            }
        }
        out
    }

    /// Makes changed values take effect. With `quantization`, both passes see matrices as they would be
    /// packed, while gradients apply to the unpacked values (straight-through estimator, arXiv 1308.3432).
    pub fn refresh(&mut self, quantization: Option<Quantization>) {
        self.shifts.iter_mut().for_each(TrainableShifts::refresh);
        self.steps.par_iter_mut().for_each(|step| match &mut step.work {
            TrainableOp::Norm { norm, .. } => norm.refresh(),
            TrainableOp::NormHeads { norms, .. } => norms.refresh(),
            TrainableOp::Project { affine, .. } => affine.refresh(quantization),
            TrainableOp::FeedForward { up, down, .. } => {
                [up, down].into_par_iter().for_each(|layer| layer.refresh(quantization));
            }
            TrainableOp::AddPositions { .. }
            | TrainableOp::Scale { .. }
            | TrainableOp::Add { .. }
            | TrainableOp::Gate { .. }
            | TrainableOp::Rotate { .. }
            | TrainableOp::Attend { .. }
            | TrainableOp::Pool { .. }
            | TrainableOp::Normalize { .. } => {}
        });
    }

    /// The weights by name.
    pub fn weights(&mut self) -> Weights {
        let mut out = Weights::default();
        for param in self.params() {
            param.parts(&param.values).for_each(|(name, array)| out.insert(name, array));
        }
        out
    }
}

/// Refuses programs that the backward pass does not cover: every output must be read, and attention and pooling
/// must be the only readers of their input, as they overwrite its gradients.
fn check_flow(program: &Program) -> Result<()> {
    let mut known = [false; Buffer::COUNT];
    known[program.output() as usize] = true;
    for (i, step) in program.steps().iter().enumerate().rev() {
        let (from, to, alone, stays) = match &step.op {
            Op::AddPositions(op) => (op.to, op.to, false, true),
            Op::Scale(op) => (op.to, op.to, false, true),
            Op::NormHeads(op) => (op.to, op.to, false, true),
            Op::Add(op) => (op.from, op.to, false, true),
            Op::Norm(op) => (op.from, op.to, false, op.from == op.to),
            Op::Gate(op) => (op.from, op.to, true, false),
            Op::Rotate(op) => (op.to, op.to, false, true),
            Op::FeedForward(op) => (op.from, op.to, false, true),
            Op::Normalize(op) => (op.to, op.to, false, true),
            Op::Project(op) => (op.from, op.to, false, op.residual),
            Op::Attend(op) => (op.from, op.to, true, false),
            Op::Pool(op) => (op.from, op.to, true, false),
        };
        let was = std::mem::replace(&mut known[to as usize], stays);
        if !was || (alone && known[from as usize]) {
            let what =
                format!("training a model whose step {i} shares its input or has an output that is not read");
            return Err(Error::Unsupported { what, hint: "use --device gpu or --device flex".into() });
        }
        known[from as usize] = true;
    }
    Ok(())
}

fn load(
    program: &Program,
    op: &Op,
    weights: &Weights,
    level: Level,
    angles: &mut SharedAngles<Arc<Angles>>,
) -> Result<TrainableOp> {
    let affine =
        |linear: &program::Linear| TrainableLinear::new(level, program, linear, weights).map(Box::new);
    Ok(match *op {
        Op::AddPositions(ref op) => {
            let mut position = Param::read(program, op.table, weights)?;
            position.values = op.rows(program, weights)?;
            TrainableOp::AddPositions { to: op.to, position, first: op.first }
        }
        Op::Scale(program::Scale { to, by, .. }) => TrainableOp::Scale { to, by },
        Op::NormHeads(ref op) => {
            TrainableOp::NormHeads { to: op.to, norms: TrainableHeadNorms::new(level, program, op, weights)? }
        }
        Op::Add(program::Add { from, to, width }) => TrainableOp::Add { from, to, width },
        Op::Norm(ref op) => TrainableOp::Norm {
            from: op.from,
            to: op.to,
            norm: TrainableNorm::new(level, program, op, weights)?,
        },
        Op::Project(program::Projection { from, to, ref linear, activation, residual }) => {
            let size = [linear.input, linear.output];
            TrainableOp::Project { from, to, affine: affine(linear)?, activation, residual, size }
        }
        Op::FeedForward(program::FeedForward { to, inner, ref up, activation, ref down, .. }) => {
            let size = [up.input, up.output];
            TrainableOp::FeedForward { to, inner, up: affine(up)?, down: affine(down)?, activation, size }
        }
        // The program has the same shifts for all its steps.
        Op::Attend(ref op) => TrainableOp::Attend { from: op.from, to: op.to, heads: Heads::of(op) },
        Op::Gate(program::Gate { from, to, activation, width }) => {
            TrainableOp::Gate { from, to, activation, width }
        }
        Op::Rotate(ref op) => TrainableOp::Rotate {
            to: op.to,
            angles: angles.get(op, |angles| Ok(Arc::new(angles)))?,
            heads: op.heads + op.kv_heads,
            row: (op.heads + 2 * op.kv_heads) * op.head_width,
        },
        Op::Pool(program::PoolTokens { from, to, pooling, width }) => {
            TrainableOp::Pool { from, to, pooling, width }
        }
        Op::Normalize(program::Normalize { to, width }) => TrainableOp::Normalize { to, width },
    })
}

impl TrainableOp {
    /// Input and output buffer.
    fn buffers(&self) -> (Buffer, Buffer) {
        match *self {
            Self::AddPositions { to, .. }
            | Self::Scale { to, .. }
            | Self::NormHeads { to, .. }
            | Self::Rotate { to, .. }
            | Self::FeedForward { to, .. }
            | Self::Normalize { to, .. } => (to, to),
            Self::Norm { from, to, .. }
            | Self::Add { from, to, .. }
            | Self::Project { from, to, .. }
            | Self::Gate { from, to, .. }
            | Self::Attend { from, to, .. }
            | Self::Pool { from, to, .. } => (from, to),
        }
    }
}

/// Number of rows of `buffer`.
fn count(buffer: Buffer, lengths: &[usize]) -> usize {
    buffer.rows().count(lengths.iter().sum(), lengths.len())
}

impl TrainableStep {
    /// Computes its output from the values before it.
    fn forward(
        &mut self,
        level: Level,
        shifts: Option<&TrainableShifts>,
        lengths: &[usize],
        values: &[Vec<f32>],
        out: &mut Vec<f32>,
    ) {
        let Self { work, reads, changes, kept, .. } = self;
        let (x, there) = (&values[*reads], &values[*changes]);
        match &*work {
            TrainableOp::AddPositions { position, first, .. } => {
                copy(out, there);
                let width = position.shape[1];
                add_positions(out, lengths, &position.values[first * width..], width);
            }
            &TrainableOp::Scale { by, .. } => {
                copy(out, there);
                out.iter_mut().for_each(|x| *x *= by);
            }
            TrainableOp::NormHeads { norms, .. } => {
                copy(out, there);
                norms.apply(out);
            }
            &TrainableOp::Add { width, .. } => {
                copy(out, there);
                add_all(out, x, width);
            }
            TrainableOp::Norm { norm, .. } => {
                copy(out, x);
                norm.apply(out);
            }
            &TrainableOp::Project { to, ref affine, activation, residual, size: [_, output], .. } => {
                let numbers = count(to, lengths) * output;
                if residual {
                    copy(out, there);
                    affine.apply(x, out, true);
                } else if activation == Activation::Identity {
                    affine.apply(x, fit(out, numbers), false);
                } else {
                    affine.apply(x, fit(&mut kept.before, numbers), false);
                    activated(level, activation, &kept.before, fit(out, numbers));
                }
            }
            &TrainableOp::FeedForward { to, ref up, ref down, activation, size: [_, units], .. } => {
                let SavedUnits { before, after } = kept;
                let numbers = count(to, lengths) * units;
                up.apply(x, fit(before, numbers), false);
                activated(level, activation, before, fit(after, numbers));
                copy(out, there);
                down.apply(after, out, true);
            }
            &TrainableOp::Gate { to, activation, width, .. } => {
                gated(level, activation, width, x, fit(out, count(to, lengths) * width));
            }
            &TrainableOp::Rotate { ref angles, heads, row, .. } => {
                copy(out, there);
                rotate(level, angles, out, lengths, (heads, row), RotationDirection::Forward);
            }
            &TrainableOp::Attend { to, heads, .. } => {
                let numbers = count(to, lengths) * heads.context();
                let shifts = shifts.map(|shifts| &shifts.spread);
                attend(level, heads, shifts, x, lengths, fit(out, numbers));
            }
            &TrainableOp::Pool { to, pooling, width, .. } => {
                pool(pooling, width, x, lengths, fit(out, count(to, lengths) * width));
            }
            &TrainableOp::Normalize { width, .. } => {
                copy(out, there);
                normalize(out, width);
            }
        }
    }
}

/// The state of a backward pass.
struct BackwardPass<'a> {
    level: Level,
    lengths: &'a [usize],
    values: &'a [Vec<f32>],
    grads: &'a mut [Vec<f32>; Buffer::COUNT],
    /// Which buffers' gradients are known.
    known: [bool; Buffer::COUNT],
    /// Whether weight gradients are computed.
    accumulate: bool,
    /// And whether their gradients are computed.
    shifts: Option<(&'a mut TrainableShifts, bool)>,
}

impl BackwardPass<'_> {
    /// Turns the gradients of the buffers after a step into those before it.
    fn run(&mut self, step: &mut TrainableStep) {
        let TrainableStep { work, reads, kept, .. } = step;
        let (level, lengths, accumulate) = (self.level, self.lengths, self.accumulate);
        let x = &self.values[*reads];
        match work {
            TrainableOp::AddPositions { to, position, first } => {
                if accumulate {
                    let width = position.shape[1];
                    let mut rows = self.grads[*to as usize].chunks(width);
                    for &length in lengths {
                        let positions = &mut position.grads[*first * width..][..length * width];
                        positions
                            .chunks_mut(width)
                            .zip(&mut rows)
                            .for_each(|(position, row)| add(position, row));
                    }
                }
            }
            &mut TrainableOp::Scale { to, by } => {
                self.grads[to as usize].iter_mut().for_each(|grad| *grad *= by);
            }
            TrainableOp::NormHeads { to, norms } => {
                norms.backward(x, &mut self.grads[*to as usize], accumulate);
            }
            &mut TrainableOp::Add { from, to, width } => {
                let (grads, mut below) = (self.take(to), self.take(from));
                match self.known[from as usize] {
                    true => add_all(&mut below, &grads, width),
                    false => copy(&mut below, &grads),
                }
                self.known[from as usize] = true;
                (self.grads[to as usize], self.grads[from as usize]) = (grads, below);
            }
            TrainableOp::Norm { from, to, norm } => {
                let mut grads = self.take(*to);
                norm.backward(x, &mut grads, accumulate);
                if from != to {
                    let below = &mut self.grads[*from as usize];
                    match self.known[*from as usize] {
                        true => add(below, &grads),
                        false => copy(below, &grads),
                    }
                    self.known[*to as usize] = false;
                    self.known[*from as usize] = true;
                }
                self.grads[*to as usize] = grads;
            }
            &mut TrainableOp::Project {
                from,
                to,
                ref mut affine,
                activation,
                residual,
                size: [input, _],
            } => {
                let mut grads = self.take(to);
                if activation != Activation::Identity {
                    activation_backward(level, activation, &kept.before, &mut grads);
                }
                let others = self.known[from as usize];
                let below = fit(&mut self.grads[from as usize], count(from, lengths) * input);
                affine.backward(&grads, below, others);
                if accumulate {
                    affine.accumulate(&InputPanels::new(level, x, input), &grads);
                }
                self.grads[to as usize] = grads;
                self.known[to as usize] = residual;
                self.known[from as usize] = true;
            }
            &mut TrainableOp::FeedForward {
                to,
                inner,
                ref mut up,
                ref mut down,
                activation,
                size: [input, units],
            } => {
                let mut inside = self.take(inner);
                let grads = &mut self.grads[to as usize];
                down.backward(grads, fit(&mut inside, count(to, lengths) * units), false);
                if accumulate {
                    down.accumulate(&InputPanels::new(level, &kept.after, units), grads);
                }
                activation_backward(level, activation, &kept.before, &mut inside);
                up.backward(&inside, grads, true);
                if accumulate {
                    up.accumulate(&InputPanels::new(level, x, input), &inside);
                }
                self.grads[inner as usize] = inside;
            }
            &mut TrainableOp::Gate { from, to, activation, width } => {
                let mut below = self.take(from);
                let out = fit(&mut below, count(from, lengths) * 2 * width);
                gate::backward(level, activation, width, x, &self.grads[to as usize], out);
                self.grads[from as usize] = below;
                self.known[to as usize] = false;
                self.known[from as usize] = true;
            }
            &mut TrainableOp::Rotate { to, ref angles, heads, row } => {
                let grads = &mut self.grads[to as usize];
                rotate(level, angles, grads, lengths, (heads, row), RotationDirection::Back);
            }
            &mut TrainableOp::Attend { from, to, heads } => {
                let mut below = self.take(from);
                let out = fit(&mut below, count(from, lengths) * heads.row());
                let (spread, sums) = match &mut self.shifts {
                    Some((shifts, true)) => (Some(&shifts.spread), Some(&mut *shifts.grads)),
                    Some((shifts, false)) => (Some(&shifts.spread), None),
                    None => (None, None),
                };
                attention::backward(level, (heads, spread), x, lengths, &self.grads[to as usize], out, sums);
                self.grads[from as usize] = below;
                self.known[to as usize] = false;
                self.known[from as usize] = true;
            }
            &mut TrainableOp::Pool { from, to, pooling, width } => {
                let mut below = self.take(from);
                let out = fit(&mut below, count(from, lengths) * width);
                pool_backward(pooling, width, x, lengths, &self.grads[to as usize], out);
                self.grads[from as usize] = below;
                self.known[to as usize] = false;
                self.known[from as usize] = true;
            }
            &mut TrainableOp::Normalize { to, width } => {
                normalize_backward(x, &mut self.grads[to as usize], width)
            }
        }
    }

    /// Takes a buffer's gradients out; the caller puts them back.
    fn take(&mut self, buffer: Buffer) -> Vec<f32> {
        std::mem::take(&mut self.grads[buffer as usize])
    }
}

/// Resizes to `n` values, which are unspecified.
fn fit(values: &mut Vec<f32>, n: usize) -> &mut [f32] {
    values.resize(n, 0.0);
    values
}

fn copy<T: Copy>(to: &mut Vec<T>, from: &[T]) {
    to.clear();
    to.extend_from_slice(from);
}

#[cfg(test)]
mod tests;
