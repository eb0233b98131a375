//! Matrix products on the CPU for code outside the encoder, such as losses.

use super::cpu::{
    linear::{CpuLinear, CpuMatrix},
    product::Panels,
    simd::Level,
};
use crate::architecture::Activation;

/// Dot products of rows, each `width` wide: `[left, right]`.
pub fn dots(left: &[f32], right: &[f32], width: usize) -> Vec<f32> {
    let mut panels = Panels::new(Level::best());
    let columns = right.len() / width;
    panels.fill_by_columns(width, columns, |column| &right[column * width..]);
    product(left, panels, width, columns)
}

/// Weighted sums of `rows`, each `width` wide: `[sums, width]`, where `shares` is `[sums, rows]`.
pub fn sums(shares: &[f32], rows: &[f32], width: usize) -> Vec<f32> {
    let mut panels = Panels::new(Level::best());
    let count = rows.len() / width;
    panels.fill_by_rows(count, width, |row| &rows[row * width..][..width]);
    product(shares, panels, count, width)
}

/// Transposes `[rows, columns]` to `[columns, rows]`.
pub fn transposed(x: &[f32], columns: usize) -> Vec<f32> {
    let rows = x.len() / columns;
    (0..x.len()).map(|i| x[i % rows * columns + i / rows]).collect()
}

fn product(left: &[f32], right: Panels, input: usize, output: usize) -> Vec<f32> {
    let linear = CpuLinear {
        matrix: CpuMatrix::F32(right),
        bias: Vec::new(),
        activation: Activation::Identity,
        input,
        output,
    };
    let mut out = vec![0.0; left.len() / input * output];
    linear.apply(left, &mut out, false);
    out
}
