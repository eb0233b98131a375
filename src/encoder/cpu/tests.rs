//! Every kernel with every instruction set of the processor, compared with plain loops in f64.

use super::{
    simd::{Kernel, Simd},
    *,
};
use crate::{
    bundle::{Array, Quantization},
    encoder::{
        Config,
        oracle::{ACTIVATIONS, LENGTHS, Noise, activate, config, erf, weights, with_dense},
    },
};

struct Map<'a, F>(&'a [f32], F);

/// An element-wise function.
trait Lanewise {
    fn of<S: Simd>(&self, simd: S, x: S::V) -> S::V;
}

impl<F: Lanewise> Kernel for Map<'_, F> {
    type Out = Vec<f32>;
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) -> Vec<f32> {
        self.0.iter().map(|&x| simd.lanes(self.1.of(simd, simd.splat(x)))[S::LANES - 1]).collect()
    }
}

struct Exp;
impl Lanewise for Exp {
    #[inline(always)]
    fn of<S: Simd>(&self, simd: S, x: S::V) -> S::V {
        math::exp(simd, x)
    }
}

struct Erfc;
impl Lanewise for Erfc {
    #[inline(always)]
    fn of<S: Simd>(&self, simd: S, x: S::V) -> S::V {
        math::erfc(simd, x)
    }
}

impl Lanewise for Activation {
    #[inline(always)]
    fn of<S: Simd>(&self, simd: S, x: S::V) -> S::V {
        math::activate(simd, *self, x)
    }
}

fn range(from: f64, to: f64) -> Vec<f32> {
    (0..=200_000).map(|i| (from + (to - from) * f64::from(i) / 200_000.0) as f32).collect()
}

#[test]
fn exp_is_within_1e_7() {
    for level in Level::all() {
        let x = range(-87.0, 87.0);
        let worst = level
            .dispatch(Map(&x, Exp))
            .iter()
            .zip(&x)
            .fold(0.0f64, |m, (&y, &x)| m.max((f64::from(y) / f64::from(x).exp() - 1.0).abs()));
        println!("{level:?}: exp {worst:.2e}");
        assert!(worst <= 1e-7, "{level:?}: {worst:e}");
        let ends = level.dispatch(Map(&[f32::MIN, -1e4, 1e4, f32::MAX, f32::NAN, 0.0], Exp));
        assert!(ends[..2].iter().all(|&y| (0.0..1e-37).contains(&y)), "{ends:?}");
        assert!(ends[2..4].iter().all(|&y| y > 1e37 && y.is_finite()) && ends[4].is_nan(), "{ends:?}");
        assert_eq!(ends[5], 1.0);
    }
}

#[test]
fn erf_is_within_2e_7() {
    for level in Level::all() {
        let x = range(0.0, 4.0);
        let worst = level
            .dispatch(Map(&x, Erfc))
            .iter()
            .zip(&x)
            .fold(0.0f64, |m, (&y, &x)| m.max((1.0 - f64::from(y) - erf(f64::from(x))).abs()));
        println!("{level:?}: erf {worst:.2e}");
        assert!(worst <= 2e-7, "{level:?}: {worst:e}");
    }
}

#[test]
fn activations_are_right_and_let_no_fault_through() {
    for level in Level::all() {
        for kind in ACTIVATIONS {
            for (from, to) in [(-0.01, 0.01), (-4.0, 4.0), (-30.0, 30.0), (-1e4, 1e4)] {
                let x = range(from, to);
                for (&y, &x) in level.dispatch(Map(&x, kind)).iter().zip(&x) {
                    let exact = activate(kind, f64::from(x));
                    let difference = (f64::from(y) - exact).abs();
                    assert!(difference <= 3e-7 * exact.abs().max(1.0), "{level:?} {kind:?} {x}: {y} {exact}");
                }
            }
            assert!(level.dispatch(Map(&[f32::NAN], kind))[0].is_nan(), "{level:?} {kind:?}");
        }
    }
}

#[test]
fn products_are_right_at_odd_sizes() {
    let mut noise = Noise(1);
    for level in Level::all() {
        for rows in [1, 2, 3, 5, 7, 12, 13, 25, 49, 101] {
            for columns in [1, 7, 8, 16, 31, 33, 70] {
                for depth in [1, 3, 17, 64] {
                    let (x, w) = (noise.take(rows * depth), noise.take(columns * depth));
                    let (bias, before) = (noise.take(columns), noise.take(rows * columns));
                    let mut panels = Panels::new(level);
                    panels.fill_by_columns(depth, columns, |c| &w[c * depth..]);
                    let kind = ACTIVATIONS[(rows + columns + depth) % 5];
                    let matrix = CpuMatrix::F32(panels);
                    let linear = CpuLinear { matrix, bias, activation: kind, input: depth, output: columns };
                    for add in [false, true] {
                        let mut out = before.clone();
                        linear.apply(&x, &mut out, add);
                        for (i, &got) in out.iter().enumerate() {
                            let (r, c) = (i / columns, i % columns);
                            let dot: f64 = (0..depth)
                                .map(|d| f64::from(x[r * depth + d]) * f64::from(w[c * depth + d]))
                                .sum();
                            let exact = activate(kind, dot + f64::from(linear.bias[c]))
                                + if add { f64::from(before[i]) } else { 0.0 };
                            assert!(
                                (f64::from(got) - exact).abs() < 5e-6,
                                "{level:?} {rows}×{depth}×{columns} {kind:?} at {r}, {c}: {got} {exact}"
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn layer_norm_is_right_at_odd_widths_and_far_from_zero() {
    let mut noise = Noise(2);
    for level in Level::all() {
        for width in [1, 3, 8, 19, 64, 100] {
            let norm =
                CpuNorm { gain: noise.take(width), bias: noise.take(width), epsilon: 1e-5, centred: true };
            let before: Vec<f32> = noise.take(5 * width).iter().map(|x| x + 50.0).collect();
            let mut after = before.clone();
            norm.apply(level, &mut after);
            for (before, after) in before.chunks(width).zip(after.chunks(width)) {
                let n = width as f64;
                let mean = before.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
                let variance = before.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
                for i in 0..width {
                    let exact = (f64::from(before[i]) - mean) / (variance + 1e-5).sqrt()
                        * f64::from(norm.gain[i])
                        + f64::from(norm.bias[i]);
                    // Rounding the mean costs up to an ulp of 50.
                    assert!(
                        (f64::from(after[i]) - exact).abs() < 3e-5,
                        "{level:?} {width}: {} {exact}",
                        after[i]
                    );
                }
            }
        }
    }
}

#[test]
fn softmax_is_right_at_odd_lengths_and_extremes() {
    let mut noise = Noise(3);
    for level in Level::all() {
        for length in [1usize, 2, 15, 16, 17, 33] {
            for spread in [1.0, 100.0, 1e6] {
                let stride = length.next_multiple_of(16);
                let before: Vec<f32> = noise.take(3 * stride).iter().map(|x| x * spread).collect();
                let mut after = before.clone();
                rows::softmax(level, &mut after, stride, length, 0.3);
                for (before, after) in before.chunks(stride).zip(after.chunks(stride)) {
                    let scaled: Vec<f64> =
                        before[..length].iter().map(|&x| f64::from(x) * f64::from(0.3f32)).collect();
                    let largest = scaled.iter().fold(f64::MIN, |m, &x| m.max(x));
                    let sum: f64 = scaled.iter().map(|x| (x - largest).exp()).sum();
                    for (x, &y) in scaled.iter().zip(after) {
                        let exact = (x - largest).exp() / sum;
                        // A score of 100 is itself only known to 1e-5.
                        assert!(
                            (f64::from(y) - exact).abs() < 2e-7 * f64::from(spread.min(100.0)),
                            "{level:?} {length}: {y} {exact}"
                        );
                    }
                }
            }
        }
    }
}

/// A model with odd sizes, with or without a dense layer.
fn small(
    pooling: Pooling,
    activation: Activation,
    dense: &[Activation],
    normalize: bool,
) -> (Program, Weights) {
    let config = Config { pooling, activation, normalize, ..config(15, 3, 37) };
    let program = with_dense(config, dense).program().unwrap();
    let weights = weights(&program, 4);
    (program, weights)
}

#[test]
fn a_vector_is_the_same_to_the_last_bit_in_any_batch() {
    let (program, weights) = small(Pooling::Mean, Activation::Gelu, &[Activation::Tanh], true);
    for level in Level::all() {
        let model = CpuModel::with_level(&program, &weights, Precision::F32, level).unwrap();
        let (h, d) = (program.width(), program.dimension());
        let words = Noise(6).take(LENGTHS.iter().sum::<usize>() * h);
        let together = model.encode(words.clone(), &LENGTHS);
        let mut rest = &words[..];
        for (together, length) in together.chunks(d).zip(LENGTHS) {
            let own;
            (own, rest) = rest.split_at(length * h);
            assert_eq!(model.encode(own.to_vec(), &[length]), together, "{level:?}, {length} tokens");
        }
        // More rows than one strip.
        let many: Vec<f32> = words.iter().copied().cycle().take(9 * words.len()).collect();
        let again = model.encode(many, &LENGTHS.repeat(9));
        assert!(again.chunks(together.len()).all(|again| again == together), "{level:?}");
    }
}

/// One row more than a feed-forward layer takes at once, so that threads share the work.
#[cfg(feature = "gradients")]
#[test]
fn threads_change_no_bit() {
    let (program, weights) = small(Pooling::Max, Activation::GeluTanh, &[], false);
    let model = CpuModel::new(&program, &weights).unwrap();
    let lengths = [LENGTHS.as_slice(), &[68; 14]].concat();
    let words = Noise(7).take(lengths.iter().sum::<usize>() * program.width());
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| model.encode(words.clone(), &lengths))
    };
    let alone = run(1);
    for threads in [2, 3, 8] {
        assert_eq!(run(threads), alone, "{threads} threads");
    }
}

#[test]
fn empty_batches_and_sequences_are_no_trouble() {
    let (program, weights) = small(Pooling::Mean, Activation::Gelu, &[], true);
    let model = CpuModel::new(&program, &weights).unwrap();
    assert!(model.encode(Vec::new(), &[]).is_empty());
    let words = Noise(8).take(3 * program.width());
    let got = model.encode(words.clone(), &[0, 3, 0]);
    assert_eq!(got[15..30], model.encode(words, &[3]));
    assert!(got[..15].iter().chain(&got[30..]).all(|&v| v == 0.0));
}

#[test]
fn missing_and_misshapen_tensors_are_named() {
    let (program, good) = small(Pooling::Mean, Activation::Gelu, &[Activation::Tanh], true);
    for (name, _) in good.iter().filter(|(name, _)| *name != program.table().name) {
        let mut weights = good.clone();
        weights.insert(name, Array::f32(vec![3, 2], vec![0.0; 6]));
        let error = CpuModel::new(&program, &weights).err().expect("a wrong shape").to_string();
        assert!(error.starts_with(name) && error.contains("[3, 2]"), "{error}");
        weights.remove(name);
        match CpuModel::new(&program, &weights) {
            Ok(_) => assert_eq!(name, "embeddings.token_type_embeddings.weight"),
            Err(error) => assert!(error.to_string().starts_with(name), "{error}"),
        }
    }
}

#[test]
fn integers_are_close_at_odd_sizes_and_never_run_over() {
    let mut noise = Noise(9);
    for level in Level::all() {
        for (rows, columns, depth) in [(1, 7, 3), (5, 33, 64), (13, 16, 17), (50, 31, 1536), (0, 5, 4)] {
            // The second time, every weight and activation has the maximal value.
            for same in [false, true] {
                let mut take = |n: usize| if same { vec![0.7; n] } else { noise.take(n) };
                let (x, w, bias) = (take(rows * depth), take(columns * depth), take(columns));
                let matrix = CpuMatrix::Integers(Integers::new(level, depth, &w));
                let (activation, input, output) = (Activation::Identity, depth, columns);
                let linear = CpuLinear { matrix, bias, activation, input, output };
                let mut out = vec![1.0; rows * columns];
                linear.apply(&x, &mut out, true);
                for (i, &got) in out.iter().enumerate() {
                    let (r, c) = (i / columns, i % columns);
                    let (x, w) = (&x[r * depth..][..depth], &w[c * depth..][..depth]);
                    let dot: f64 = x.iter().zip(w).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum();
                    let exact = 1.0 + dot + f64::from(linear.bias[c]);
                    let limit = if same { 1e-3 * exact } else { 1e-3 * (depth as f64).sqrt().max(1.0) };
                    assert!((f64::from(got) - exact).abs() < limit, "{level:?} {depth}: {got} {exact}");
                }
            }
        }
        let linear = CpuLinear {
            matrix: CpuMatrix::Integers(Integers::new(level, 2, &[1.0, 1.0])),
            bias: vec![0.0],
            activation: Activation::Identity,
            input: 2,
            output: 1,
        };
        let mut out = [0.0; 3];
        linear.apply(&[f32::NAN, 1.0, f32::INFINITY, 1.0, 0.0, 0.0], &mut out, false);
        assert!(!out[0].is_finite() && !out[1].is_finite() && out[2] == 0.0, "{out:?}");
    }
}

#[test]
fn integers_are_the_same_to_the_last_bit_with_all_instructions() {
    let (rows, columns, depth) = (29, 45, 131);
    let mut noise = Noise(11);
    let (x, w, bias) = (noise.take(rows * depth), noise.take(columns * depth), noise.take(columns));
    let all = Level::all().into_iter().map(|level| {
        let matrix = CpuMatrix::Integers(Integers::new(level, depth, &w));
        let (bias, activation, input, output) = (bias.clone(), Activation::Identity, depth, columns);
        let mut out = vec![0.0; rows * columns];
        CpuLinear { matrix, bias, activation, input, output }.apply(&x, &mut out, false);
        (level, out)
    });
    // The same, spelled out: integers, then one scale after the other.
    let largest = |x: &[f32]| x.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    let round = |x: &[f32], scale: f32| -> Vec<i64> {
        x.iter().map(|v| (v * scale.recip()).round_ties_even() as i64).collect()
    };
    for (level, out) in all {
        for (i, got) in out.iter().enumerate() {
            let (x, w) = (&x[i / columns * depth..][..depth], &w[i % columns * depth..][..depth]);
            let scales = (largest(x) / 4095.0, largest(w) / 2047.0);
            let sum: i64 = round(x, scales.0).iter().zip(round(w, scales.1)).map(|(x, w)| x * w).sum();
            assert_eq!(*got, sum as f32 * (scales.0 * scales.1) + bias[i % columns], "{level:?} {i}");
        }
    }
}

#[test]
fn packed_weights_give_the_vectors_of_the_same_weights_in_f32() {
    let program = config(64, 4, 96).program().unwrap();
    let weights = weights(&program, 4).quantize(Quantization::Q8, &program.table().name);
    let words = Noise(10).take(LENGTHS.iter().sum::<usize>() * 64);
    let exact = CpuModel::new(&program, &weights).unwrap().encode(words.clone(), &LENGTHS);
    let mut first: Option<Vec<f32>> = None;
    for level in Level::all() {
        let model = CpuModel::with_level(&program, &weights, Precision::Packed, level).unwrap();
        let got = model.encode(words.clone(), &LENGTHS);
        for (got, exact) in got.chunks(64).zip(exact.chunks(64)) {
            let cosine: f32 = got.iter().zip(exact).map(|(a, b)| a * b).sum();
            assert!(cosine > 0.9999 && got != exact, "{level:?}: {cosine}");
        }
        assert_eq!(model.encode(words[..5 * 64].to_vec(), &LENGTHS[..1]), got[..64], "alone");
        let first = first.get_or_insert_with(|| got.clone());
        assert!(first.iter().zip(&got).all(|(a, b)| (a - b).abs() < 2e-3), "{level:?}");
    }
}
