//! Products of whole matrices on the CPU, for losses: the door to the kernels for whoever is no encoder.

use super::cpu::{
    linear::{Linear, Matrix},
    product::Panels,
    simd::Level,
};
use crate::architecture::Activation;

/// `[left, right]` scalar products of rows, `width` wide each.
pub fn dots(left: &[f32], right: &[f32], width: usize) -> Vec<f32> {
    let mut panels = Panels::new(Level::best());
    let columns = right.len() / width;
    panels.fill_by_columns(width, columns, |column| &right[column * width..]);
    product(left, panels, width, columns)
}

/// `[shares, width]` sums of `rows`, `width` wide each, by as many `shares` a sum as there are rows.
pub fn sums(shares: &[f32], rows: &[f32], width: usize) -> Vec<f32> {
    let mut panels = Panels::new(Level::best());
    let count = rows.len() / width;
    panels.fill_by_rows(count, width, |row| &rows[row * width..][..width]);
    product(shares, panels, count, width)
}

/// `[rows, columns]` → `[columns, rows]`.
pub fn transposed(x: &[f32], columns: usize) -> Vec<f32> {
    let rows = x.len() / columns;
    (0..x.len()).map(|i| x[i % rows * columns + i / rows]).collect()
}

fn product(left: &[f32], right: Panels, input: usize, output: usize) -> Vec<f32> {
    let linear = Linear {
        matrix: Matrix::F32(right),
        bias: Vec::new(),
        activation: Activation::Identity,
        input,
        output,
    };
    let mut out = vec![0.0; left.len() / input * output];
    linear.apply(left, &mut out, false);
    out
}
