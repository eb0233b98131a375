//! Row-wise operations: layer norm, softmax, scaling to length 1.

use super::{
    linear::PART,
    math::exp,
    simd::{Kernel, Level, Simd},
};
use crate::{
    architecture::program::{NormHeads, NormKind},
    threads,
};

/// Gain, bias and epsilon of a norm.
pub struct CpuNorm {
    pub gain: Vec<f32>,
    /// All zeros where the mean is not subtracted.
    pub bias: Vec<f32>,
    pub epsilon: f32,
    /// Whether the mean is subtracted.
    pub centred: bool,
}

/// A norm's gain, of its parameter's values.
pub fn gain(kind: NormKind, values: &[f32]) -> Vec<f32> {
    values.iter().map(|value| value + kind.gain_offset()).collect()
}

impl CpuNorm {
    /// Normalizes rows of `x`, each as wide as the gain, in place.
    pub fn apply(&self, level: Level, x: &mut [f32]) {
        match self.centred {
            true => level.dispatch(LayerNormKernel { norm: self, x }),
            false => level.dispatch(RmsNormKernel { norm: self, x }),
        }
    }

    /// The same, on all threads.
    pub fn apply_all(&self, level: Level, x: &mut [f32]) {
        threads::chunks_mut(x, PART * self.gain.len(), |_, rows| self.apply(level, rows));
    }
}

struct LayerNormKernel<'a> {
    norm: &'a CpuNorm,
    x: &'a mut [f32],
}

impl Kernel for LayerNormKernel<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let CpuNorm { gain, bias, epsilon, .. } = self.norm;
        let width = gain.len();
        for row in self.x.chunks_exact_mut(width) {
            let mean = fold(simd, row, |sum, x| simd.add(sum, x), |sum, x| sum + x) / width as f32;
            let centre = simd.splat(mean);
            let squares = fold(
                simd,
                row,
                |sum, x| {
                    let x = simd.sub(x, centre);
                    simd.mul_add(x, x, sum)
                },
                |sum, x| sum + (x - mean) * (x - mean),
            );
            let scale = (squares / width as f32 + epsilon).sqrt().recip();
            let by = simd.splat(scale);
            let mut at = 0;
            while at + S::LANES <= width {
                // SAFETY: row, gain and bias are `width` wide.
                unsafe {
                    let to = row.as_mut_ptr().add(at);
                    let x = simd.mul(simd.sub(simd.load(to), centre), by);
                    let x =
                        simd.mul_add(x, simd.load(gain.as_ptr().add(at)), simd.load(bias.as_ptr().add(at)));
                    simd.store(to, x);
                }
                at += S::LANES;
            }
            for at in at..width {
                row[at] = (row[at] - mean) * scale * gain[at] + bias[at];
            }
        }
    }
}

struct RmsNormKernel<'a> {
    norm: &'a CpuNorm,
    x: &'a mut [f32],
}

impl Kernel for RmsNormKernel<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let CpuNorm { gain, epsilon, .. } = self.norm;
        self.x.chunks_exact_mut(gain.len()).for_each(|row| rms_norm(simd, row, gain, *epsilon));
    }
}

/// Divides a row by the root of its mean square, and multiplies it by the gain, which is as wide.
#[inline(always)]
fn rms_norm<S: Simd>(simd: S, row: &mut [f32], gain: &[f32], epsilon: f32) {
    let width = row.len();
    assert_eq!(gain.len(), width);
    let squares = fold(simd, row, |sum, x| simd.mul_add(x, x, sum), |sum, x| sum + x * x);
    let scale = (squares / width as f32 + epsilon).sqrt().recip();
    let by = simd.splat(scale);
    let whole = width / S::LANES * S::LANES;
    for at in (0..whole).step_by(S::LANES) {
        // SAFETY: row and gain are `width` wide.
        unsafe {
            let to = row.as_mut_ptr().add(at);
            simd.store(to, simd.mul(simd.mul(simd.load(to), by), simd.load(gain.as_ptr().add(at))));
        }
    }
    for at in whole..width {
        row[at] = row[at] * scale * gain[at];
    }
}

/// The norms of queries and keys.
pub struct CpuHeadNorms {
    /// Query heads, then key heads, then value heads, which are left alone.
    heads: [usize; 3],
    /// Width of a head.
    width: usize,
    /// Of queries, and of keys.
    pub gains: [Vec<f32>; 2],
    pub epsilon: f32,
}

impl CpuHeadNorms {
    /// A step's, with these gains.
    pub fn new(op: &NormHeads, gains: [Vec<f32>; 2]) -> Self {
        let heads = [op.heads, op.kv_heads, op.kv_heads];
        Self { heads, width: op.head_width, gains, epsilon: op.epsilon as f32 }
    }

    /// Width of a row of queries, keys and values.
    pub fn row(&self) -> usize {
        self.heads.iter().sum::<usize>() * self.width
    }

    /// The heads of a row that have norms, each with the index of its gain.
    pub fn of_row<'a>(&self, row: &'a mut [f32]) -> impl Iterator<Item = (usize, &'a mut [f32])> {
        let [queries, keys, _] = self.heads;
        let heads = row.chunks_exact_mut(self.width).take(queries + keys);
        heads.enumerate().map(move |(i, head)| (usize::from(i >= queries), head))
    }

    /// Normalizes the heads of all rows in place, on all threads.
    pub fn apply_all(&self, level: Level, x: &mut [f32]) {
        threads::chunks_mut(x, PART * self.row(), |_, rows| {
            level.dispatch(HeadNormKernel { norms: self, rows });
        });
    }
}

struct HeadNormKernel<'a> {
    norms: &'a CpuHeadNorms,
    rows: &'a mut [f32],
}

impl Kernel for HeadNormKernel<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        for row in self.rows.chunks_exact_mut(self.norms.row()) {
            for (which, head) in self.norms.of_row(row) {
                rms_norm(simd, head, &self.norms.gains[which], self.norms.epsilon);
            }
        }
    }
}

/// Folds a row: whole vectors lane by lane, then the lanes, then the remaining values.
#[inline(always)]
fn fold<S: Simd>(
    simd: S,
    row: &[f32],
    vector: impl Fn(S::V, S::V) -> S::V,
    scalar: impl Fn(f32, f32) -> f32,
) -> f32 {
    let mut sum = simd.splat(0.0);
    let mut at = 0;
    while at + S::LANES <= row.len() {
        // SAFETY: within the row.
        sum = vector(sum, unsafe { simd.load(row.as_ptr().add(at)) });
        at += S::LANES;
    }
    row[at..].iter().fold(simd.sum(sum), |sum, &x| scalar(sum, x))
}

/// Turns the first `length` values of each row of `x`, `stride` wide, into `softmax(scale x)`.
///
/// `stride` is a multiple of every level's lanes; what follows `length` in a row is overwritten.
pub fn softmax(level: Level, x: &mut [f32], stride: usize, length: usize, scale: f32) {
    assert!(stride.is_multiple_of(super::simd::MOST_LANES) && 0 < length && length <= stride);
    level.dispatch(SoftmaxKernel { x, stride, length, scale });
}

struct SoftmaxKernel<'a> {
    x: &'a mut [f32],
    stride: usize,
    length: usize,
    scale: f32,
}

impl Kernel for SoftmaxKernel<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let used = self.length.div_ceil(S::LANES) * S::LANES;
        let scale = simd.splat(self.scale);
        for row in self.x.chunks_exact_mut(self.stride) {
            let row = &mut row[..used];
            row[self.length..].fill(f32::MIN);
            let mut largest = simd.splat(f32::MIN);
            for at in (0..used).step_by(S::LANES) {
                // SAFETY: `used` is a multiple of the lanes.
                largest = simd.max(unsafe { simd.load(row.as_ptr().add(at)) }, largest);
            }
            let largest = simd.splat(simd.largest(largest));
            let mut sum = simd.splat(0.0);
            for at in (0..used).step_by(S::LANES) {
                // SAFETY: as above. Past the length `exp` gives less than 1e-37, which vanishes next to the
                // maximum's 1.
                unsafe {
                    let at = row.as_mut_ptr().add(at);
                    let e = exp(simd, simd.mul(simd.sub(simd.load(at), largest), scale));
                    simd.store(at, e);
                    sum = simd.add(sum, e);
                }
            }
            let share = simd.splat(simd.sum(sum).recip());
            for at in (0..used).step_by(S::LANES) {
                // SAFETY: as above.
                unsafe {
                    let at = row.as_mut_ptr().add(at);
                    simd.store(at, simd.mul(simd.load(at), share));
                }
            }
        }
    }
}

/// Scales each row, `width` wide, to length 1; a zero row stays zero.
pub fn normalize(x: &mut [f32], width: usize) {
    for row in x.chunks_exact_mut(width) {
        let squares: f64 = row.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
        let length = squares.sqrt().max(1e-12) as f32;
        row.iter_mut().for_each(|v| *v /= length);
    }
}
