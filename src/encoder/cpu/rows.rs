//! Row-wise operations: layer norm, softmax, scaling to length 1.

use super::{
    linear::PART,
    math::exp,
    simd::{Kernel, Level, Simd},
};
use crate::threads;

/// Gain, bias and epsilon of a layer norm.
pub struct CpuNorm {
    pub gain: Vec<f32>,
    pub bias: Vec<f32>,
    pub epsilon: f32,
}

impl CpuNorm {
    /// Normalizes rows of `x`, each as wide as the gain, in place.
    pub fn apply(&self, level: Level, x: &mut [f32]) {
        level.dispatch(LayerNormKernel { norm: self, x });
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
        let CpuNorm { gain, bias, epsilon } = self.norm;
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
