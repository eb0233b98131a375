//! Every kernel with every instruction set of the processor, against plain loops in f64.

use super::{
    simd::{Kernel, Simd},
    *,
};
use crate::{
    bundle::{Array, Quantization},
    encoder::{Dense, Family, Pooling, TABLE},
};

/// Numbers that look random, from -1 to 1.
pub(super) struct Noise(pub(super) u64);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    pub(super) fn take(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.next()).collect()
    }
}

struct Map<'a, F>(&'a [f32], F);

/// A function of every lane.
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

/// erf by its Taylor series; from 2 on, where that loses digits, by Laplace's continued fraction.
fn erf(x: f64) -> f64 {
    if x.abs() >= 2.0 {
        let size = x.abs();
        let fraction = (1..200).rev().fold(size, |rest, k| size + f64::from(k) / 2.0 / rest);
        return x.signum() * (1.0 - (-x * x).exp() / std::f64::consts::PI.sqrt() / fraction);
    }
    let (mut term, mut sum, mut n) = (x, x, 0.0);
    while term.abs() > 1e-18 * sum.abs() {
        n += 1.0;
        term *= -x * x / n;
        sum += term / (2.0 * n + 1.0);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

fn activated(kind: Activation, x: f64) -> f64 {
    match kind {
        Activation::Gelu => x * 0.5 * (1.0 + erf(x / 2f64.sqrt())),
        Activation::GeluTanh => {
            x * 0.5 * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh())
        }
        Activation::Relu => x.max(0.0),
        Activation::Tanh => x.tanh(),
        Activation::Identity => x,
    }
}

pub(super) const ACTIVATIONS: [Activation; 5] =
    [Activation::Gelu, Activation::GeluTanh, Activation::Relu, Activation::Tanh, Activation::Identity];

fn range(from: f64, to: f64) -> Vec<f32> {
    (0..=200_000).map(|i| (from + (to - from) * f64::from(i) / 200_000.0) as f32).collect()
}

/// Values by Python's `math.erf`.
#[test]
fn the_tests_own_erf_is_right() {
    for (x, y) in [
        (0.5, 0.520_499_877_813_046_5),
        (1.0, 0.842_700_792_949_714_9),
        (1.999_999, 0.995_322_244_351_926_1),
        (2.0, 0.995_322_265_018_952_7),
        (-3.0, -0.999_977_909_503_001_4),
    ] {
        assert!((erf(x) - y).abs() < 1e-13, "{x}: {}", erf(x));
    }
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
                    let exact = activated(kind, f64::from(x));
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
                    let matrix = Matrix::F32(panels);
                    let linear = Linear { matrix, bias, activation: kind, input: depth, output: columns };
                    for add in [false, true] {
                        let mut out = before.clone();
                        linear.apply(&x, &mut out, add);
                        for (i, &got) in out.iter().enumerate() {
                            let (r, c) = (i / columns, i % columns);
                            let dot: f64 = (0..depth)
                                .map(|d| f64::from(x[r * depth + d]) * f64::from(w[c * depth + d]))
                                .sum();
                            let exact = activated(kind, dot + f64::from(linear.bias[c]))
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
            let norm = Norm { gain: noise.take(width), bias: noise.take(width), epsilon: 1e-5 };
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
                        // A score of 100 is itself known to 1e-5 only.
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

/// A model of random weights whose sizes are multiples of nothing.
pub(super) fn model(config: &Config, types: bool) -> Weights {
    let mut noise = Noise(4);
    let mut weights = Weights::default();
    let mut put = |name: &str, shape: &[usize], about: f32, spread: f32| {
        let values = noise.take(shape.iter().product()).iter().map(|x| about + spread * x).collect();
        weights.insert(name, Array::f32(shape.to_vec(), values));
    };
    let (h, wide) = (config.hidden, config.intermediate);
    put(TABLE, &[config.vocabulary, h], 0.0, 1.0);
    put("embeddings.position_embeddings.weight", &[config.positions, h], 0.0, 0.5);
    if types {
        put("embeddings.token_type_embeddings.weight", &[2, h], 0.0, 0.5);
    }
    let mut norms = vec!["embeddings.LayerNorm".to_string()];
    let mut linears: Vec<(String, usize, usize)> = Vec::new();
    for i in 0..config.layers {
        let at = |name: &str| format!("encoder.layer.{i}.{name}");
        norms.extend([at("attention.output.LayerNorm"), at("output.LayerNorm")]);
        for name in ["query", "key", "value"] {
            linears.push((at(&format!("attention.self.{name}")), h, h));
        }
        linears.extend([
            (at("attention.output.dense"), h, h),
            (at("intermediate.dense"), h, wide),
            (at("output.dense"), wide, h),
        ]);
    }
    linears.extend(config.dense.iter().enumerate().map(|(i, d)| (format!("dense.{i}"), d.input, d.output)));
    for name in norms {
        put(&format!("{name}.weight"), &[h], 1.0, 0.3);
        put(&format!("{name}.bias"), &[h], 0.0, 0.3);
    }
    for (name, input, output) in linears {
        put(&format!("{name}.weight"), &[output, input], 0.0, 0.4);
        put(&format!("{name}.bias"), &[output], 0.0, 0.2);
    }
    weights
}

pub(super) fn config(
    pooling: Pooling,
    activation: Activation,
    dense: &[Activation],
    normalize: bool,
) -> Config {
    let widths = [15, 11, 5];
    Config {
        family: Family::Bert,
        vocabulary: 40,
        hidden: 15,
        layers: 2,
        heads: 3,
        intermediate: 37,
        positions: 70,
        first_position: 2,
        layer_norm_epsilon: 1e-5,
        activation,
        max_tokens: 68,
        pooling,
        dense: dense
            .iter()
            .enumerate()
            .map(|(i, &activation)| Dense {
                input: widths[i],
                output: widths[i + 1],
                activation,
                // Some do and some do not.
                normalized: i % 2 == 1,
            })
            .collect(),
        normalize,
    }
}

/// The vector of one sequence, by the book.
pub(super) fn slowly(config: &Config, weights: &Weights, words: &[f32]) -> Vec<f64> {
    type Rows = Vec<Vec<f64>>;
    let get = |name: &str| -> Vec<f64> {
        weights.get(name).map_or_else(Vec::new, |a| a.to_f32().iter().map(|&v| f64::from(v)).collect())
    };
    let linear = |x: &Rows, name: &str| -> Rows {
        let (w, b) = (get(&format!("{name}.weight")), get(&format!("{name}.bias")));
        let row = |x: &Vec<f64>| {
            let dots = w.chunks(x.len()).zip(&b);
            dots.map(|(w, b)| w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + b).collect()
        };
        x.iter().map(row).collect()
    };
    let plus = |x: &Rows, y: &Rows| -> Rows {
        x.iter().zip(y).map(|(x, y)| x.iter().zip(y).map(|(x, y)| x + y).collect()).collect()
    };
    let norm = |x: &Rows, name: &str| -> Rows {
        let (gain, bias) = (get(&format!("{name}.weight")), get(&format!("{name}.bias")));
        let row = |x: &Vec<f64>| {
            let n = x.len() as f64;
            let mean = x.iter().sum::<f64>() / n;
            let deviation =
                (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n + config.layer_norm_epsilon).sqrt();
            (0..x.len()).map(|i| (x[i] - mean) / deviation * gain[i] + bias[i]).collect()
        };
        x.iter().map(row).collect()
    };
    let h = config.hidden;
    let position = get("embeddings.position_embeddings.weight");
    let types = get("embeddings.token_type_embeddings.weight");
    let rows = words.chunks(h).enumerate().map(|(t, row)| {
        let at = |i: usize| position[(config.first_position + t) * h + i] + types.get(i).unwrap_or(&0.0);
        row.iter().enumerate().map(|(i, &v)| f64::from(v) + at(i)).collect()
    });
    let mut x = norm(&rows.collect(), "embeddings.LayerNorm");
    for layer in 0..config.layers {
        let at = |name: &str| format!("encoder.layer.{layer}.{name}");
        let [q, k, v] = ["query", "key", "value"].map(|n| linear(&x, &at(&format!("attention.self.{n}"))));
        let width = h / config.heads;
        let mut mixed = vec![vec![0.0; h]; x.len()];
        for head in 0..config.heads {
            let part = head * width..(head + 1) * width;
            for (q, mixed) in q.iter().zip(&mut mixed) {
                let score = |k: &Vec<f64>| -> f64 {
                    part.clone().map(|i| q[i] * k[i]).sum::<f64>() / (width as f64).sqrt()
                };
                let e: Vec<f64> = k.iter().map(|k| score(k).exp()).collect();
                let sum: f64 = e.iter().sum();
                for (e, v) in e.iter().zip(&v) {
                    part.clone().for_each(|i| mixed[i] += e / sum * v[i]);
                }
            }
        }
        x = norm(
            &plus(&x, &linear(&mixed, &at("attention.output.dense"))),
            &at("attention.output.LayerNorm"),
        );
        let mut up = linear(&x, &at("intermediate.dense"));
        up.iter_mut().flatten().for_each(|v| *v = activated(config.activation, *v));
        x = norm(&plus(&x, &linear(&up, &at("output.dense"))), &at("output.LayerNorm"));
    }
    let column = |i: usize| x.iter().map(move |row| row[i]);
    let mut vector: Rows = vec![
        (0..h)
            .map(|i| match config.pooling {
                Pooling::Cls => x[0][i],
                Pooling::Mean => column(i).sum::<f64>() / x.len() as f64,
                Pooling::Max => column(i).fold(f64::MIN, f64::max),
            })
            .collect(),
    ];
    for (i, dense) in config.dense.iter().enumerate() {
        if dense.normalized {
            let length = vector[0].iter().map(|v| v * v).sum::<f64>().sqrt();
            vector[0].iter_mut().for_each(|v| *v /= length);
        }
        vector = linear(&vector, &format!("dense.{i}"));
        vector[0].iter_mut().for_each(|v| *v = activated(dense.activation, *v));
    }
    let length = vector[0].iter().map(|v| v * v).sum::<f64>().sqrt();
    vector[0].iter().map(|v| if config.normalize { v / length } else { *v }).collect()
}

pub(super) const LENGTHS: [usize; 7] = [5, 1, 68, 17, 2, 33, 9];

#[test]
fn the_whole_is_right_for_every_pooling_activation_and_dense() {
    use Activation::{Identity, Relu, Tanh};
    let some: [&[Activation]; 4] = [&[], &[Identity], &[Tanh], &[Relu, Activation::Gelu]];
    for level in Level::all() {
        for pooling in [Pooling::Mean, Pooling::Cls, Pooling::Max] {
            for activation in ACTIVATIONS {
                for dense in some {
                    for normalize in [false, true] {
                        let config = config(pooling, activation, dense, normalize);
                        let weights = model(&config, dense.len() < 2);
                        let words = Noise(5).take(LENGTHS.iter().sum::<usize>() * config.hidden);
                        let blocks = Blocks::with_level(&config, &weights, Precision::F32, level).unwrap();
                        let got = blocks.encode(words.clone(), &LENGTHS);
                        let mut rest = &words[..];
                        for (got, length) in got.chunks(config.dimension()).zip(LENGTHS) {
                            let own;
                            (own, rest) = rest.split_at(length * config.hidden);
                            let exact = slowly(&config, &weights, own);
                            for (g, e) in got.iter().zip(&exact) {
                                assert!(
                                    (f64::from(*g) - e).abs() < 1e-5 * e.abs().max(1.0),
                                    "{level:?} {config:?}, {length} tokens: {g} {e}"
                                );
                            }
                        }
                        assert!(rest.is_empty());
                    }
                }
            }
        }
    }
}

#[test]
fn a_vector_is_the_same_to_the_last_bit_in_any_batch() {
    let config = config(Pooling::Mean, Activation::Gelu, &[Activation::Tanh], true);
    let weights = model(&config, true);
    for level in Level::all() {
        let blocks = Blocks::with_level(&config, &weights, Precision::F32, level).unwrap();
        let (h, d) = (config.hidden, config.dimension());
        let words = Noise(6).take(LENGTHS.iter().sum::<usize>() * h);
        let together = blocks.encode(words.clone(), &LENGTHS);
        let mut rest = &words[..];
        for (together, length) in together.chunks(d).zip(LENGTHS) {
            let own;
            (own, rest) = rest.split_at(length * h);
            assert_eq!(blocks.encode(own.to_vec(), &[length]), together, "{level:?}, {length} tokens");
        }
        // More rows than one strip.
        let many: Vec<f32> = words.iter().copied().cycle().take(9 * words.len()).collect();
        let again = blocks.encode(many, &LENGTHS.repeat(9));
        assert!(again.chunks(together.len()).all(|again| again == together), "{level:?}");
    }
}

/// One row more than the feed-forward layers take at once, so that work is shared out.
#[cfg(feature = "native")]
#[test]
fn threads_change_no_bit() {
    let config = config(Pooling::Max, Activation::GeluTanh, &[], false);
    let blocks = Blocks::new(&config, &model(&config, true)).unwrap();
    let lengths = [LENGTHS.as_slice(), &[68; 14]].concat();
    let words = Noise(7).take(lengths.iter().sum::<usize>() * config.hidden);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| blocks.encode(words.clone(), &lengths))
    };
    let alone = run(1);
    for threads in [2, 3, 8] {
        assert_eq!(run(threads), alone, "{threads} threads");
    }
}

#[test]
fn empty_batches_and_sequences_are_no_trouble() {
    let config = config(Pooling::Mean, Activation::Gelu, &[], true);
    let blocks = Blocks::new(&config, &model(&config, true)).unwrap();
    assert!(blocks.encode(Vec::new(), &[]).is_empty());
    let words = Noise(8).take(3 * config.hidden);
    let got = blocks.encode(words.clone(), &[0, 3, 0]);
    assert_eq!(got[15..30], blocks.encode(words, &[3]));
    assert!(got[..15].iter().chain(&got[30..]).all(|&v| v == 0.0));
}

#[test]
fn missing_and_misshapen_tensors_are_named() {
    let config = config(Pooling::Mean, Activation::Gelu, &[Activation::Tanh], true);
    let good = model(&config, true);
    for (name, _) in good.iter().filter(|(name, _)| *name != TABLE) {
        let mut weights = good.clone();
        weights.insert(name, Array::f32(vec![3, 2], vec![0.0; 6]));
        let error = Blocks::new(&config, &weights).err().expect("a wrong shape").to_string();
        assert!(error.starts_with(name) && error.contains("[3, 2]"), "{error}");
        weights.remove(name);
        match Blocks::new(&config, &weights) {
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
            // The second time every weight and activation is the largest there is.
            for same in [false, true] {
                let mut take = |n: usize| if same { vec![0.7; n] } else { noise.take(n) };
                let (x, w, bias) = (take(rows * depth), take(columns * depth), take(columns));
                let matrix = Matrix::Integers(Integers::new(level, depth, &w));
                let (activation, input, output) = (Activation::Identity, depth, columns);
                let linear = Linear { matrix, bias, activation, input, output };
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
        let linear = Linear {
            matrix: Matrix::Integers(Integers::new(level, 2, &[1.0, 1.0])),
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
        let matrix = Matrix::Integers(Integers::new(level, depth, &w));
        let (bias, activation, input, output) = (bias.clone(), Activation::Identity, depth, columns);
        let mut out = vec![0.0; rows * columns];
        Linear { matrix, bias, activation, input, output }.apply(&x, &mut out, false);
        (level, out)
    });
    // The same by the book: whole numbers, then one scale after the other.
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
    let mut config = config(Pooling::Mean, Activation::Gelu, &[], true);
    (config.hidden, config.heads, config.intermediate) = (64, 4, 96);
    let weights = model(&config, true).quantize(Quantization::Q8);
    let words = Noise(10).take(LENGTHS.iter().sum::<usize>() * 64);
    let exact = Blocks::new(&config, &weights).unwrap().encode(words.clone(), &LENGTHS);
    let mut first: Option<Vec<f32>> = None;
    for level in Level::all() {
        let blocks = Blocks::with_level(&config, &weights, Precision::Packed, level).unwrap();
        let got = blocks.encode(words.clone(), &LENGTHS);
        for (got, exact) in got.chunks(64).zip(exact.chunks(64)) {
            let cosine: f32 = got.iter().zip(exact).map(|(a, b)| a * b).sum();
            assert!(cosine > 0.9999 && got != exact, "{level:?}: {cosine}");
        }
        assert_eq!(blocks.encode(words[..5 * 64].to_vec(), &LENGTHS[..1]), got[..64], "alone");
        let first = first.get_or_insert_with(|| got.clone());
        assert!(first.iter().zip(&got).all(|(a, b)| (a - b).abs() < 2e-3), "{level:?}");
    }
}
