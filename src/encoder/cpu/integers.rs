//! Matrix products in 16-bit integers, for weights packed in 8 bits.
//!
//! Weights are requantized to 12 bits with one scale per column; activations to 12 to 13 bits with one scale
//! per row. So both errors are far below that of the 8 bits, and the processor multiplies twice as many
//! values at a time as in f32, from half the memory. Sums are integers, so they are exact in any order.

use super::{
    product::{After, MOST_COLUMNS, OutputRows},
    simd::{Kernel, Level, Simd},
};

/// Largest integer of an activation; weights with large sums lower it, but never below half.
const MOST_ACTIVATION: i32 = 4095;
/// Largest integer of a weight.
const MOST_WEIGHT: f32 = 2047.0;

/// A matrix `[depth, columns]` in panels; each panel holds pairs of consecutive rows.
pub struct Integers {
    values: Vec<i16>,
    /// Scale of each column, including those that pad the last panel.
    scales: Vec<f32>,
    /// Largest integer of an activation for which no sum overflows an i32.
    most: f32,
    level: Level,
    pairs: usize,
    columns: usize,
}

/// Quantized rows of activations, tile by tile; within a tile, pair by pair for all of its rows. Memory is
/// reused.
#[derive(Default)]
pub struct QuantizedRows {
    pairs: Vec<i32>,
    row: Vec<i16>,
    scales: Vec<f32>,
}

/// Quantizes the rows of `x`, each `depth` wide, into `rows`.
struct Fill<'a> {
    rows: &'a mut QuantizedRows,
    x: &'a [f32],
    depth: usize,
    /// The largest integer.
    most: f32,
}

impl Kernel for Fill<'_> {
    type Out = ();

    // No SIMD by name, but the compiler may use the level's instructions.
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, _: S) {
        let Self { rows: QuantizedRows { pairs, row, scales }, x, depth, most } = self;
        let (rows, width) = (x.len() / depth, depth.div_ceil(2));
        pairs.resize(rows * width, 0);
        row.resize(2 * width, 0);
        scales.clear();
        let tiles = rows.div_ceil(ROWS);
        for tile in 0..tiles {
            let (top, end) = (tile * rows / tiles, (tile + 1) * rows / tiles);
            let to = &mut pairs[top * width..end * width];
            for (r, x) in x[top * depth..end * depth].chunks_exact(depth).enumerate() {
                scales.push(round(x, largest(x) / most, row));
                let (from, _) = row.as_chunks();
                let to = to[r..].iter_mut().step_by(end - top);
                to.zip(from).for_each(|(to, &[low, high])| *to = pair(low, high));
            }
        }
    }
}

/// Two i16 in one i32, the first in the lower half.
#[inline(always)]
fn pair(low: i16, high: i16) -> i32 {
    i32::from(low as u16) | i32::from(high) << 16
}

/// The largest absolute value; NaN if any value is.
#[inline(always)]
fn largest(x: &[f32]) -> f32 {
    // Bits of non-negative floats are ordered as the floats are, followed by infinity and NaN.
    f32::from_bits(x.iter().fold(0, |m, v| m.max(v.to_bits() & 0x7fff_ffff)))
}

/// Rounds `x` to multiples of `scale` and fills the rest with zeros; returns the scale.
#[inline(always)]
fn round(x: &[f32], scale: f32, to: &mut [i16]) -> f32 {
    let inverse = if scale > 0.0 { scale.recip().min(f32::MAX) } else { 0.0 };
    // Adding 1.5 · 2²³ leaves the integer in the low bits.
    to.iter_mut().zip(x).for_each(|(to, x)| *to = (x * inverse + 12_582_912.0).to_bits() as i16);
    to[x.len()..].fill(0);
    scale
}

impl Integers {
    /// Packs a matrix whose columns, each `depth` long, follow one another in `values`.
    pub fn new(level: Level, depth: usize, values: &[f32]) -> Self {
        let (pairs, columns, width) = (depth.div_ceil(2), values.len() / depth, level.columns());
        let mut scales = vec![0.0; columns.next_multiple_of(width)];
        let mut out = vec![0; scales.len() * 2 * pairs];
        let mut rounded = vec![0; 2 * pairs];
        let mut sums: i32 = 1;
        for (c, column) in values.chunks_exact(depth).enumerate() {
            // No sum may overflow an i32, whatever the activations are, with at least half of their range;
            // rounding up adds at most half a step each.
            let sum: f32 = column.iter().map(|v| v.abs()).sum();
            let room = (i32::MAX / (MOST_ACTIVATION / 2)) as f32 - depth as f32;
            scales[c] = round(column, (largest(column) / MOST_WEIGHT).max(sum / room), &mut rounded);
            sums = sums.max(rounded.iter().map(|&w| i32::from(w).abs()).sum());
            let panel = &mut out[c / width * width * 2 * pairs..][..width * 2 * pairs];
            for (to, pair) in panel.chunks_exact_mut(2 * width).zip(rounded.chunks_exact(2)) {
                to[c % width * 2..][..2].copy_from_slice(pair);
            }
        }
        let most = (i32::MAX / sums).min(MOST_ACTIVATION) as f32;
        Self { values: out, scales, most, level, pairs, columns }
    }

    pub fn panels(&self) -> usize {
        self.scales.len() / self.level.columns()
    }

    /// Multiplies rows of `depth` values each by the panels in `which`.
    ///
    /// # Safety
    /// As for [`multiply`](super::product::multiply).
    pub unsafe fn multiply(
        &self,
        (x, depth): (&[f32], usize),
        own: &mut QuantizedRows,
        which: std::ops::Range<usize>,
        after: After,
        place: OutputRows,
    ) {
        self.level.dispatch(Fill { rows: own, x, depth, most: self.most });
        let rows = own.scales.len();
        assert!(depth.div_ceil(2) == self.pairs && after.bias.len() == self.columns);
        assert!(place.rows >= rows && place.columns >= self.columns);
        assert!(which.end * self.level.columns() <= self.scales.len());
        self.level.dispatch(IntegerProduct { left: own, right: self, which, after, place });
    }
}

struct IntegerProduct<'a> {
    left: &'a QuantizedRows,
    right: &'a Integers,
    which: std::ops::Range<usize>,
    after: After<'a>,
    place: OutputRows<'a>,
}

impl Kernel for IntegerProduct<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let width = VECTORS * S::LANES;
        let rows = self.left.scales.len();
        let tiles = rows.div_ceil(ROWS);
        let bias = &mut [0.0; MOST_COLUMNS][..width];
        for panel in self.which.clone() {
            let first = panel * width;
            let columns = width.min(self.right.columns - first);
            bias[..columns].copy_from_slice(&self.after.bias[first..first + columns]);
            for tile in 0..tiles {
                let top = tile * rows / tiles;
                // SAFETY: rows and columns exist, as `multiply` asserts and its caller promises.
                unsafe {
                    match (tile + 1) * rows / tiles - top {
                        1 => self.tile::<S, 1, VECTORS>(simd, top, first, bias, columns),
                        2 => self.tile::<S, 2, VECTORS>(simd, top, first, bias, columns),
                        3 => self.tile::<S, 3, VECTORS>(simd, top, first, bias, columns),
                        4 => self.tile::<S, 4, VECTORS>(simd, top, first, bias, columns),
                        5 if ROWS > 4 => self.tile::<S, 5, VECTORS>(simd, top, first, bias, columns),
                        6 if ROWS > 4 => self.tile::<S, 6, VECTORS>(simd, top, first, bias, columns),
                        7 if ROWS > 6 => self.tile::<S, 7, VECTORS>(simd, top, first, bias, columns),
                        8 if ROWS > 6 => self.tile::<S, 8, VECTORS>(simd, top, first, bias, columns),
                        9 if ROWS > 8 => self.tile::<S, 9, VECTORS>(simd, top, first, bias, columns),
                        10 if ROWS > 8 => self.tile::<S, 10, VECTORS>(simd, top, first, bias, columns),
                        11 if ROWS > 8 => self.tile::<S, 11, VECTORS>(simd, top, first, bias, columns),
                        12 if ROWS > 8 => self.tile::<S, 12, VECTORS>(simd, top, first, bias, columns),
                        _ => unreachable!("a tile has at most {ROWS} rows"),
                    }
                }
            }
        }
    }
}

impl IntegerProduct<'_> {
    /// Computes the tile of the result that starts at row `top` and column `first`.
    ///
    /// # Safety
    /// There are `R` rows from `top`, a panel from `first`, and `columns` columns in `place`.
    #[inline(always)]
    unsafe fn tile<S: Simd, const R: usize, const VECTORS: usize>(
        &self,
        simd: S,
        top: usize,
        first: usize,
        bias: &[f32],
        columns: usize,
    ) {
        let pairs = self.right.pairs;
        // SAFETY: within `R` rows and one panel.
        unsafe {
            let mut left = self.left.pairs.as_ptr().add(top * pairs);
            let mut right = self.right.values.as_ptr().add(first * 2 * pairs);
            let mut sums = [[simd.splat_pair(0); VECTORS]; R];
            for _ in 0..pairs {
                let mut weights = [simd.splat_pair(0); VECTORS];
                for (v, weights) in weights.iter_mut().enumerate() {
                    *weights = simd.load_pairs(right.add(v * 2 * S::LANES));
                }
                for (r, sums) in sums.iter_mut().enumerate() {
                    let x = simd.splat_pair(*left.add(r));
                    for (sum, weights) in sums.iter_mut().zip(weights) {
                        *sum = simd.add_products(*sum, x, weights);
                    }
                }
                left = left.add(R);
                right = right.add(VECTORS * 2 * S::LANES);
            }
            for (r, sums) in sums.iter().enumerate() {
                let scale = simd.splat(*self.left.scales.as_ptr().add(top + r));
                let mut out = [scale; VECTORS];
                for (v, out) in out.iter_mut().enumerate() {
                    let scale =
                        simd.mul(scale, simd.load(self.right.scales.as_ptr().add(first + v * S::LANES)));
                    *out = simd.mul(simd.to_f32(sums[v]), scale);
                }
                let to = self.place.to.add((top + r) * self.place.stride + first);
                self.after.store(simd, &out, bias, to, columns);
            }
        }
    }
}
