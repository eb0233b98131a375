//! Matrix products in f32: rows of activations times panels of weights.
//!
//! The right-hand matrix is packed in panels of as many columns as a tile has, row after row within a panel.
//! A tile of the result stays in registers over the whole depth, so every element is summed in the same
//! order, whatever rows, columns and threads surround it.

use std::marker::PhantomData;

use super::{
    math::activate,
    simd::{Kernel, Level, Simd},
};
use crate::encoder::Activation;

/// A matrix `[depth, columns]` packed in panels; the last panel is padded with zero columns.
pub struct Panels {
    lines: Vec<PanelLine>,
    level: Level,
    depth: usize,
    columns: usize,
}

/// Aligns panels for vector loads of any width.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct PanelLine([f32; 16]);

impl Panels {
    /// Without columns, until `fill_by_columns` or `fill_by_rows` is called.
    pub fn new(level: Level) -> Self {
        Self { lines: Vec::new(), level, depth: 0, columns: 0 }
    }

    /// Packs a matrix given by its columns, each `depth` long; memory is reused.
    pub fn fill_by_columns<'a>(&mut self, depth: usize, columns: usize, column: impl Fn(usize) -> &'a [f32]) {
        let width = self.level.columns();
        for (p, panel) in self.empty(depth, columns).chunks_mut(width * depth).enumerate() {
            for c in p * width..columns.min((p + 1) * width) {
                let to = panel[c - p * width..].iter_mut().step_by(width);
                to.zip(&column(c)[..depth]).for_each(|(to, from)| *to = *from);
            }
        }
    }

    /// Packs a matrix given by its rows, each `columns` long; memory is reused.
    pub fn fill_by_rows<'a>(&mut self, depth: usize, columns: usize, row: impl Fn(usize) -> &'a [f32]) {
        let width = self.level.columns();
        for (p, panel) in self.empty(depth, columns).chunks_mut(width * depth).enumerate() {
            let part = p * width..columns.min((p + 1) * width);
            for (d, to) in panel.chunks_mut(width).enumerate() {
                to[..part.len()].copy_from_slice(&row(d)[part.clone()]);
            }
        }
    }

    /// Resizes for a matrix of this size, all zeros.
    fn empty(&mut self, depth: usize, columns: usize) -> &mut [f32] {
        (self.depth, self.columns) = (depth, columns);
        let length = self.count() * self.level.columns() * depth;
        self.lines.clear();
        self.lines.resize(length.div_ceil(16), PanelLine([0.0; 16]));
        // SAFETY: a `PanelLine` is 16 f32, and there are at least `length` of them.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast::<f32>(), length) }
    }

    pub fn count(&self) -> usize {
        self.columns.div_ceil(self.level.columns())
    }

    /// The panels with any of these columns.
    pub fn with(&self, columns: std::ops::Range<usize>) -> std::ops::Range<usize> {
        columns.start / self.level.columns()..columns.end.div_ceil(self.level.columns())
    }
}

/// What is done to a sum before it is stored (a kernel's epilogue).
#[derive(Clone, Copy)]
pub struct After<'a> {
    /// Added to each column; empty for no bias.
    pub bias: &'a [f32],
    /// Applied after the bias.
    pub activation: Activation,
    /// Whether to add to what is in the destination, last of all.
    pub add: bool,
}

impl After<'_> {
    /// Stores the sums as they are.
    pub const NOTHING: Self = Self { bias: &[], activation: Activation::Identity, add: false };

    /// Finishes and stores the sums of one row.
    ///
    /// # Safety
    /// `bias` holds as many f32 as there are sums, and `to` can take `columns` of them.
    #[inline(always)]
    pub unsafe fn store<S: Simd, const VECTORS: usize>(
        &self,
        simd: S,
        sums: &[S::V; VECTORS],
        bias: &[f32],
        to: *mut f32,
        columns: usize,
    ) {
        // SAFETY: as the caller promises; a partial panel goes through `edge`.
        unsafe {
            if columns == VECTORS * S::LANES {
                self.store_whole(simd, sums, bias, to);
            } else {
                let mut edge = [0.0; MOST_COLUMNS];
                to.copy_to_nonoverlapping(edge.as_mut_ptr(), if self.add { columns } else { 0 });
                self.store_whole(simd, sums, bias, edge.as_mut_ptr());
                to.copy_from_nonoverlapping(edge.as_ptr(), columns);
            }
        }
    }

    /// # Safety
    /// `bias` and `to` hold as many f32 as there are sums.
    #[inline(always)]
    unsafe fn store_whole<S: Simd, const VECTORS: usize>(
        &self,
        simd: S,
        sums: &[S::V; VECTORS],
        bias: &[f32],
        to: *mut f32,
    ) {
        for (v, &sum) in sums.iter().enumerate() {
            // SAFETY: as the caller promises.
            unsafe {
                let to = to.add(v * S::LANES);
                let x = simd.add(sum, simd.load(bias.as_ptr().add(v * S::LANES)));
                let x = activate(simd, self.activation, x);
                simd.store(to, if self.add { simd.add(simd.load(to), x) } else { x });
            }
        }
    }
}

/// Where a result is written: rows of a matrix, `stride` values apart. Threads that write to one matrix share
/// one `OutputRows`, as a new mutable borrow of the matrix would invalidate earlier ones.
#[derive(Clone, Copy)]
pub struct OutputRows<'a> {
    pub(super) to: *mut f32,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) stride: usize,
    values: PhantomData<&'a mut [f32]>,
}

// SAFETY: whoever calls `multiply` promises that no two threads write the same elements.
unsafe impl Send for OutputRows<'_> {}
// SAFETY: as above.
unsafe impl Sync for OutputRows<'_> {}

impl<'a> OutputRows<'a> {
    /// All of `values`, in rows of `columns` values.
    pub fn new(values: &'a mut [f32], columns: usize) -> Self {
        assert!(values.len().is_multiple_of(columns));
        let rows = values.len() / columns;
        Self { to: values.as_mut_ptr(), rows, columns, stride: columns, values: PhantomData }
    }

    /// The part that starts at `row` and `column`.
    pub fn from(self, row: usize, column: usize) -> Self {
        assert!(row <= self.rows && column <= self.columns);
        // One past the last row there is no element to point to.
        let to = self.to.wrapping_add(row * self.stride + column);
        Self { to, rows: self.rows - row, columns: self.columns - column, ..self }
    }
}

/// Multiplies `rows` rows of `left`, `stride` apart, by the panels `which` of `right`.
///
/// # Safety
/// Nobody else accesses the columns of these panels in the first `rows` rows of `place` in the meantime.
pub unsafe fn multiply(
    (left, stride, rows): (&[f32], usize, usize),
    right: &Panels,
    which: std::ops::Range<usize>,
    after: After,
    place: OutputRows,
) {
    // SAFETY: as the caller promises.
    unsafe { multiply_first(right.depth, (left, stride, rows), right, which, after, place) }
}

/// The same with the first `depth` rows of `right` only.
///
/// # Safety
/// As [`multiply`].
pub unsafe fn multiply_first(
    depth: usize,
    (left, stride, rows): (&[f32], usize, usize),
    right: &Panels,
    which: std::ops::Range<usize>,
    after: After,
    place: OutputRows,
) {
    if rows == 0 || which.is_empty() {
        return;
    }
    assert!(left.len() >= (rows - 1) * stride + depth && which.end <= right.count() && depth <= right.depth);
    assert!(place.rows >= rows && place.columns >= right.columns);
    assert!(after.bias.is_empty() || after.bias.len() == right.columns);
    right.level.dispatch(PanelProduct {
        left: left.as_ptr(),
        stride,
        rows,
        right,
        depth,
        which,
        after,
        place,
    });
}

struct PanelProduct<'a> {
    left: *const f32,
    stride: usize,
    rows: usize,
    right: &'a Panels,
    /// Rows of `right` that are multiplied.
    depth: usize,
    which: std::ops::Range<usize>,
    after: After<'a>,
    place: OutputRows<'a>,
}

impl Kernel for PanelProduct<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let width = VECTORS * S::LANES;
        // Tiles of nearly equal height, rather than full ones and a small remainder.
        let tiles = self.rows.div_ceil(ROWS);
        let bias = &mut [0.0; MOST_COLUMNS][..width];
        for panel in self.which.clone() {
            let first = panel * width;
            let columns = width.min(self.right.columns - first);
            if !self.after.bias.is_empty() {
                bias[..columns].copy_from_slice(&self.after.bias[first..first + columns]);
                bias[columns..].fill(0.0);
            }
            // SAFETY: the panel exists, as `multiply` asserts.
            let values = unsafe { self.right.lines.as_ptr().cast::<f32>().add(first * self.right.depth) };
            for tile in 0..tiles {
                let top = tile * self.rows / tiles;
                let rows = (tile + 1) * self.rows / tiles - top;
                // SAFETY: rows and columns exist, as `multiply` asserts and its caller promises.
                unsafe {
                    let left = self.left.add(top * self.stride);
                    let to = self.place.to.add(top * self.place.stride + first);
                    match rows {
                        1 => self.tile::<S, 1, VECTORS>(simd, left, values, bias, to, columns),
                        2 => self.tile::<S, 2, VECTORS>(simd, left, values, bias, to, columns),
                        3 => self.tile::<S, 3, VECTORS>(simd, left, values, bias, to, columns),
                        4 => self.tile::<S, 4, VECTORS>(simd, left, values, bias, to, columns),
                        5 if ROWS > 4 => self.tile::<S, 5, VECTORS>(simd, left, values, bias, to, columns),
                        6 if ROWS > 4 => self.tile::<S, 6, VECTORS>(simd, left, values, bias, to, columns),
                        7 if ROWS > 6 => self.tile::<S, 7, VECTORS>(simd, left, values, bias, to, columns),
                        8 if ROWS > 6 => self.tile::<S, 8, VECTORS>(simd, left, values, bias, to, columns),
                        9 if ROWS > 8 => self.tile::<S, 9, VECTORS>(simd, left, values, bias, to, columns),
                        10 if ROWS > 8 => self.tile::<S, 10, VECTORS>(simd, left, values, bias, to, columns),
                        11 if ROWS > 8 => self.tile::<S, 11, VECTORS>(simd, left, values, bias, to, columns),
                        12 if ROWS > 8 => self.tile::<S, 12, VECTORS>(simd, left, values, bias, to, columns),
                        _ => unreachable!("a tile has at most {ROWS} rows"),
                    }
                }
            }
        }
    }
}

impl PanelProduct<'_> {
    /// Computes one tile of the result.
    ///
    /// # Safety
    /// `left` has `R` rows, `values` is a panel, and `to` has `columns` columns of `R` rows.
    #[inline(always)]
    unsafe fn tile<S: Simd, const R: usize, const VECTORS: usize>(
        &self,
        simd: S,
        left: *const f32,
        values: *const f32,
        bias: &[f32],
        to: *mut f32,
        columns: usize,
    ) {
        let mut sums = [[simd.splat(0.0); VECTORS]; R];
        let mut values = values;
        for d in 0..self.depth {
            // SAFETY: within `R` rows and one panel.
            unsafe {
                let mut right = [simd.splat(0.0); VECTORS];
                for (v, right) in right.iter_mut().enumerate() {
                    *right = simd.load(values.add(v * S::LANES));
                }
                for (r, sums) in sums.iter_mut().enumerate() {
                    let x = simd.splat(*left.add(r * self.stride + d));
                    for (sum, right) in sums.iter_mut().zip(right) {
                        *sum = simd.mul_add(x, right, *sum);
                    }
                }
                values = values.add(VECTORS * S::LANES);
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            // SAFETY: row `r` is below `R`.
            unsafe { self.after.store(simd, sums, bias, to.add(r * self.place.stride), columns) };
        }
    }
}

/// Columns of the widest tile.
pub const MOST_COLUMNS: usize = 64;
