//! The backward pass of row-wise operations: layer norm, activation, scaling to length 1.

use rayon::prelude::*;

use super::{
    super::{
        linear::PART,
        math::{activate, slope},
        rows::{CpuHeadNorms, CpuNorm, gain as gain_of},
        simd::{Kernel, Level, MOST_LANES, Simd},
    },
    Param,
};
use crate::{
    Result,
    architecture::{
        Activation,
        program::{self, NormHeads, NormKind, Program},
    },
    bundle::Weights,
};

/// Sum, in an order that can be vectorized.
#[inline(always)]
pub fn sum(x: &[f32]) -> f32 {
    dot_by(x, x, |x, _| x)
}

/// Dot product, likewise.
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    dot_by(a, b, |a, b| a * b)
}

#[inline(always)]
fn dot_by(a: &[f32], b: &[f32], each: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [0.0; MOST_LANES];
    let (mut a, mut b) = (a.chunks_exact(MOST_LANES), b.chunks_exact(MOST_LANES));
    for (a, b) in (&mut a).zip(&mut b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += each(*a, *b);
        }
    }
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| each(*a, *b)).sum();
    sums.iter().sum::<f32>() + rest
}

/// A norm with trainable gain and bias.
pub struct TrainableNorm {
    pub gain: Param,
    pub bias: Option<Param>,
    norm: CpuNorm,
    kind: NormKind,
    level: Level,
}

impl TrainableNorm {
    /// A program's norm.
    pub fn new(level: Level, program: &Program, norm: &program::Norm, weights: &Weights) -> Result<Self> {
        let &program::Norm { kind, gain, bias, width, epsilon, .. } = norm;
        let gain = Param::read(program, gain, weights)?;
        let bias = bias.map(|bias| Param::read(program, bias, weights)).transpose()?;
        let values = bias.as_ref().map_or_else(|| vec![0.0; width], |bias| bias.values.clone());
        let norm = CpuNorm {
            gain: gain_of(kind, &gain.values),
            bias: values,
            epsilon: epsilon as f32,
            centred: kind.is_centred(),
        };
        Ok(Self { gain, bias, norm, kind, level })
    }

    /// Makes changed values take effect.
    pub fn refresh(&mut self) {
        self.norm.gain = gain_of(self.kind, &self.gain.values);
        if let Some(bias) = &self.bias {
            self.norm.bias.clone_from(&bias.values);
        }
    }

    /// Normalizes rows in place.
    pub fn apply(&self, x: &mut [f32]) {
        self.norm.apply_all(self.level, x);
    }

    /// Turns the gradients of the output rows into those of the input rows `x`; with `accumulate`, adds to
    /// the gradients of gain and bias.
    pub fn backward(&mut self, x: &[f32], grads: &mut [f32], accumulate: bool) {
        let Self { gain, bias, norm, level, .. } = self;
        let (level, width) = (*level, norm.gain.len());
        // Chunks of fixed size, so that the order of sums does not depend on the number of threads.
        let parts: Vec<Vec<f32>> = x
            .par_chunks(PART * width)
            .zip(grads.par_chunks_mut(PART * width))
            .map(|(x, grads)| {
                let mut own = vec![0.0; 2 * width];
                match norm.centred {
                    true => level.dispatch(LayerNormBackward { norm, x, grads, own: &mut own }),
                    false => level.dispatch(RmsNormBackward { norm, x, grads, own: &mut own[..width] }),
                }
                own
            })
            .collect();
        if accumulate {
            for part in parts {
                super::super::add(&mut gain.grads, &part[..width]);
                if let Some(bias) = bias {
                    super::super::add(&mut bias.grads, &part[width..]);
                }
            }
        }
    }
}

/// For y = g (x - mean) / deviation + b: with n = (x - mean) / deviation and a = g dy,
/// dx = (a - mean a - n mean(a n)) / deviation, dg = Σ dy n, db = Σ dy.
struct LayerNormBackward<'a> {
    norm: &'a CpuNorm,
    x: &'a [f32],
    grads: &'a mut [f32],
    /// Gradients of gain, then of bias.
    own: &'a mut [f32],
}

impl Kernel for LayerNormBackward<'_> {
    type Out = ();

    // Plain loops, which the compiler vectorizes for the instruction set at hand.
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, _: S) {
        let CpuNorm { gain, epsilon, .. } = self.norm;
        let width = gain.len();
        let (gains, biases) = self.own.split_at_mut(width);
        let mut n = vec![0.0; width];
        for (x, grads) in self.x.chunks_exact(width).zip(self.grads.chunks_exact_mut(width)) {
            let mean = sum(x) / width as f32;
            n.iter_mut().zip(x).for_each(|(n, x)| *n = x - mean);
            let scale = (dot(&n, &n) / width as f32 + epsilon).sqrt().recip();
            n.iter_mut().for_each(|n| *n *= scale);
            for (((gains, biases), n), grad) in gains.iter_mut().zip(&mut *biases).zip(&n).zip(&*grads) {
                *gains += grad * n;
                *biases += grad;
            }
            grads.iter_mut().zip(gain).for_each(|(a, g)| *a *= g);
            let (even, along) = (sum(grads) / width as f32, dot(grads, &n) / width as f32);
            grads.iter_mut().zip(&n).for_each(|(a, n)| *a = (*a - even - n * along) * scale);
        }
    }
}

/// Gradients of RMSNorm's gain.
struct RmsNormBackward<'a> {
    norm: &'a CpuNorm,
    x: &'a [f32],
    grads: &'a mut [f32],
    own: &'a mut [f32],
}

impl Kernel for RmsNormBackward<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, _: S) {
        let CpuNorm { gain, epsilon, .. } = self.norm;
        let width = gain.len();
        for (x, grads) in self.x.chunks_exact(width).zip(self.grads.chunks_exact_mut(width)) {
            rms_norm_backward(gain, *epsilon, x, grads, self.own);
        }
    }
}

/// For y = g x / root, root² = mean x² + epsilon: with n = x / root and a = g dy,
/// dx = (a - n mean(a n)) / root, dg = Σ dy n. Turns dy in `grads` into dx, and adds dg to `gains`.
#[inline(always)]
fn rms_norm_backward(gain: &[f32], epsilon: f32, x: &[f32], grads: &mut [f32], gains: &mut [f32]) {
    let width = x.len() as f32;
    let scale = (dot(x, x) / width + epsilon).sqrt().recip();
    for ((gains, x), grad) in gains.iter_mut().zip(x).zip(&*grads) {
        *gains += grad * x * scale;
    }
    grads.iter_mut().zip(gain).for_each(|(a, g)| *a *= g);
    let along = dot(grads, x) * scale / width;
    grads.iter_mut().zip(x).for_each(|(a, x)| *a = (*a - x * scale * along) * scale);
}

/// Norms of queries and keys with trainable gains.
pub struct TrainableHeadNorms {
    /// Of queries, and of keys.
    pub gains: [Param; 2],
    norms: CpuHeadNorms,
    kind: NormKind,
    level: Level,
}

impl TrainableHeadNorms {
    /// A program's norms.
    pub fn new(level: Level, program: &Program, op: &NormHeads, weights: &Weights) -> Result<Self> {
        let [query, key] = op.gains;
        let gains = [Param::read(program, query, weights)?, Param::read(program, key, weights)?];
        let norms = CpuHeadNorms::new(op, gains.each_ref().map(|gain| gain_of(op.kind, &gain.values)));
        Ok(Self { gains, norms, kind: op.kind, level })
    }

    /// Makes changed values take effect.
    pub fn refresh(&mut self) {
        self.norms.gains = self.gains.each_ref().map(|gain| gain_of(self.kind, &gain.values));
    }

    /// Normalizes the heads of all rows in place.
    pub fn apply(&self, x: &mut [f32]) {
        self.norms.apply_all(self.level, x);
    }

    /// Turns the gradients of the output rows into those of the input rows `x`; with `accumulate`, adds to the
    /// gradients of the gains.
    pub fn backward(&mut self, x: &[f32], grads: &mut [f32], accumulate: bool) {
        let Self { gains, norms, level, .. } = self;
        let part = PART * norms.row();
        // Chunks of fixed size, so that the order of sums does not depend on the number of threads.
        let parts: Vec<[Vec<f32>; 2]> = x
            .par_chunks(part)
            .zip(grads.par_chunks_mut(part))
            .map(|(x, grads)| {
                let mut own = norms.gains.each_ref().map(|gain| vec![0.0; gain.len()]);
                level.dispatch(HeadNormBackward { norms, x, grads, own: &mut own });
                own
            })
            .collect();
        if accumulate {
            for (gain, own) in parts.iter().flat_map(|part| [(0, &part[0]), (1, &part[1])]) {
                super::super::add(&mut gains[gain].grads, own);
            }
        }
    }
}

struct HeadNormBackward<'a> {
    norms: &'a CpuHeadNorms,
    x: &'a [f32],
    grads: &'a mut [f32],
    /// Gradients of the gains.
    own: &'a mut [Vec<f32>; 2],
}

impl Kernel for HeadNormBackward<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, _: S) {
        let (norms, row) = (self.norms, self.norms.row());
        for (x, grads) in self.x.chunks_exact(row).zip(self.grads.chunks_exact_mut(row)) {
            let mut rest = x;
            for (which, grads) in norms.of_row(grads) {
                let x;
                (x, rest) = rest.split_at(grads.len());
                rms_norm_backward(&norms.gains[which], norms.epsilon, x, grads, &mut self.own[which]);
            }
        }
    }
}

/// Writes `activation(x)` to `out`.
pub fn activated(level: Level, kind: Activation, x: &[f32], out: &mut [f32]) {
    lanewise(level, x, out, Forward(kind));
}

/// Multiplies gradients by the activation's derivative at `x`.
pub fn activation_backward(level: Level, kind: Activation, x: &[f32], grads: &mut [f32]) {
    lanewise(level, x, grads, Slope(kind));
}

/// An element-wise function of `x` and the value already in the output.
trait LanewiseInto: Copy + Sync {
    fn of<S: Simd>(self, simd: S, x: S::V, there: S::V) -> S::V;
}

#[derive(Clone, Copy)]
struct Forward(Activation);

impl LanewiseInto for Forward {
    #[inline(always)]
    fn of<S: Simd>(self, simd: S, x: S::V, _: S::V) -> S::V {
        activate(simd, self.0, x)
    }
}

#[derive(Clone, Copy)]
struct Slope(Activation);

impl LanewiseInto for Slope {
    #[inline(always)]
    fn of<S: Simd>(self, simd: S, x: S::V, there: S::V) -> S::V {
        simd.mul(there, slope(simd, self.0, x))
    }
}

fn lanewise(level: Level, x: &[f32], out: &mut [f32], each: impl LanewiseInto) {
    assert_eq!(x.len(), out.len());
    const PIECE: usize = 1 << 14;
    x.par_chunks(PIECE).zip(out.par_chunks_mut(PIECE)).for_each(|(x, out)| {
        level.dispatch(Each { x, out, each });
    });
}

struct Each<'a, L> {
    x: &'a [f32],
    out: &'a mut [f32],
    each: L,
}

impl<L: LanewiseInto> Kernel for Each<'_, L> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let whole = self.x.len() / S::LANES * S::LANES;
        for at in (0..whole).step_by(S::LANES) {
            // SAFETY: both are at least `whole` long.
            unsafe {
                let to = self.out.as_mut_ptr().add(at);
                let x = simd.load(self.x.as_ptr().add(at));
                simd.store(to, self.each.of(simd, x, simd.load(to)));
            }
        }
        for (x, out) in self.x[whole..].iter().zip(&mut self.out[whole..]) {
            *out = simd.lanes(self.each.of(simd, simd.splat(*x), simd.splat(*out)))[0];
        }
    }
}

/// Turns gradients of rows of length 1 into those of the rows `x` before scaling.
pub fn normalize_backward(x: &[f32], grads: &mut [f32], width: usize) {
    for (x, grads) in x.chunks_exact(width).zip(grads.chunks_exact_mut(width)) {
        let length = dot(x, x).sqrt().max(1e-12);
        let along = dot(x, grads) / (length * length);
        grads.iter_mut().zip(x).for_each(|(g, x)| *g = (*g - x * along) / length);
    }
}
