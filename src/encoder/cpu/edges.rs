//! Every kernel at sizes that leave partial tiles everywhere and are small enough for Miri
//! (`scripts/test miri`).

use super::{
    attention::{Heads, attend},
    integers::Integers,
    linear::{CpuLinear, CpuMatrix},
    product::Panels,
    rows::{CpuNorm, softmax},
    simd::Level,
};
use crate::{
    architecture::program::Mask,
    encoder::{Activation, oracle::Noise},
};

fn close(got: &[f32], exact: &[f64], limit: f64) {
    assert_eq!(got.len(), exact.len());
    for (i, (got, exact)) in got.iter().zip(exact).enumerate() {
        assert!((f64::from(*got) - exact).abs() < limit, "{i}: {got} {exact}");
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

#[test]
fn products_in_f32_and_in_integers() {
    let mut noise = Noise(1);
    let depth = 5;
    for level in Level::all() {
        for (rows, columns) in [(0, 3), (1, 7), (5, 9), (6, 16), (2, 33)] {
            let (x, w) = (noise.take(rows * depth), noise.take(columns * depth));
            let (bias, before) = (noise.take(columns), noise.take(rows * columns));
            let mut panels = Panels::new(level);
            panels.fill_by_columns(depth, columns, |c| &w[c * depth..]);
            for matrix in [CpuMatrix::F32(panels), CpuMatrix::Integers(Integers::new(level, depth, &w))] {
                let linear = CpuLinear {
                    matrix,
                    bias: bias.clone(),
                    activation: Activation::Identity,
                    input: depth,
                    output: columns,
                };
                for add in [false, true] {
                    let mut out = before.clone();
                    linear.apply(&x, &mut out, add);
                    let exact: Vec<f64> = (0..rows * columns)
                        .map(|i| {
                            let (r, c) = (i / columns, i % columns);
                            let sum = dot(&x[r * depth..][..depth], &w[c * depth..][..depth]);
                            sum + f64::from(bias[c]) + if add { f64::from(before[i]) } else { 0.0 }
                        })
                        .collect();
                    close(&out, &exact, 2e-3);
                }
            }
        }
    }
}

#[test]
fn rows_are_normed_and_shared_out() {
    let mut noise = Noise(2);
    let (width, length, stride) = (19, 5, 16);
    for level in Level::all() {
        let norm = CpuNorm { gain: vec![1.0; width], bias: vec![0.5; width], epsilon: 1e-5, centred: true };
        let mut x = noise.take(3 * width);
        norm.apply_all(level, &mut x);
        for row in x.chunks(width) {
            let mean = row.iter().map(|&x| f64::from(x)).sum::<f64>() / width as f64;
            assert!((mean - 0.5).abs() < 1e-5, "{mean}");
        }
        let mut x = noise.take(2 * stride);
        softmax(level, &mut x, stride, length, 0.3);
        for row in x.chunks(stride) {
            assert!((row[..length].iter().sum::<f32>() - 1.0).abs() < 1e-6);
        }
    }
}

/// One sequence is empty, one has more tokens than are scored at once; all heads write to the same rows.
#[test]
fn heads_write_beside_each_other() {
    let mut noise = Noise(3);
    let long = if cfg!(miri) { 5 } else { 49 };
    let (heads, width, lengths) = (2, 3, [3, 0, long]);
    let (hidden, tokens) = (heads * width, lengths.iter().sum::<usize>());
    let qkv = noise.take(tokens * 3 * hidden);
    let part = |token: usize, which: usize, head: usize| {
        &qkv[(3 * token + which) * hidden + head * width..][..width]
    };
    let mut exact = vec![0.0; tokens * hidden];
    let mut first = 0;
    for length in lengths {
        for (query, head) in
            (first..first + length).flat_map(|query| (0..heads).map(move |head| (query, head)))
        {
            let score = |key| (dot(part(query, 0, head), part(key, 1, head)) / (width as f64).sqrt()).exp();
            let scores: Vec<f64> = (first..first + length).map(score).collect();
            let sum: f64 = scores.iter().sum();
            for (key, score) in (first..).zip(scores) {
                let out = exact[query * hidden + head * width..].iter_mut();
                out.zip(part(key, 2, head)).for_each(|(out, v)| *out += score / sum * f64::from(*v));
            }
        }
        first += length;
    }
    for level in Level::all() {
        let mut context = vec![f32::NAN; tokens * hidden];
        let scale = (width as f32).sqrt().recip();
        let heads = Heads { count: heads, kv_count: heads, width, scale, mask: Mask::Full };
        attend(level, heads, None, &qkv, &lengths, &mut context);
        close(&context, &exact, 1e-6);
    }
}
