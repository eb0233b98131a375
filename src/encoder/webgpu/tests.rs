//! The shaders beside the same model written plainly in f64.
//!
//! They run on any adapter that the machine offers, one imitated in software too.

use std::sync::OnceLock;

use futures_lite::future::block_on;

use super::{Blocks, Context, Upload, scratch::Sizes};
use crate::{
    bundle::{Array, Quantization, Weights},
    encoder::{Activation, Config, Dense, Family, Pooling, Precision, cpu},
};

const ACTIVATIONS: [Activation; 5] =
    [Activation::Gelu, Activation::GeluTanh, Activation::Relu, Activation::Tanh, Activation::Identity];

/// One device for all tests, with WebGPU's default limits and nothing more: as a real GPU is used, and as
/// one that is imitated in software is.
fn contexts() -> &'static [Context; 2] {
    static CONTEXTS: OnceLock<[Context; 2]> = OnceLock::new();
    CONTEXTS.get_or_init(|| {
        let open = block_on(Context::open()).unwrap();
        [false, true].map(|software| {
            let mut context = open.clone();
            context.software = software;
            context
        })
    })
}

fn encode(blocks: &Blocks, words: &[f32], lengths: &[usize]) -> Result<Vec<f32>, String> {
    block_on(blocks.send(words, lengths)?)
}

/// Numbers that look random, between -1 and 1.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn array(&mut self, shape: &[usize], center: f32, spread: f32) -> Array {
        let count = shape.iter().product();
        Array::f32(shape.to_vec(), (0..count).map(|_| center + spread * self.next()).collect())
    }
}

fn config(hidden: usize, heads: usize, intermediate: usize) -> Config {
    Config {
        family: Family::Bert,
        vocabulary: 1,
        hidden,
        layers: 2,
        heads,
        intermediate,
        positions: 302,
        first_position: 2,
        layer_norm_epsilon: 1e-12,
        activation: Activation::Gelu,
        max_tokens: 300,
        pooling: Pooling::Mean,
        dense: Vec::new(),
        normalize: true,
    }
}

fn weights(config: &Config) -> Weights {
    let mut noise = Noise(7);
    let mut out = Weights::default();
    let (h, wide) = (config.hidden, config.intermediate);
    let mut linears = Vec::new();
    let mut norms = vec!["embeddings.LayerNorm".to_string()];
    for i in 0..config.layers {
        let at = |name: &str| format!("encoder.layer.{i}.{name}");
        linears.extend(["query", "key", "value"].map(|n| (at(&format!("attention.self.{n}")), h, h)));
        linears.push((at("attention.output.dense"), h, h));
        linears.push((at("intermediate.dense"), h, wide));
        linears.push((at("output.dense"), wide, h));
        norms.extend([at("attention.output.LayerNorm"), at("output.LayerNorm")]);
    }
    linears.extend((0..).zip(&config.dense).map(|(i, d)| (format!("dense.{i}"), d.input, d.output)));
    for (name, input, output) in linears {
        let spread = 2.0 / (input as f32).sqrt();
        out.insert(&format!("{name}.weight"), noise.array(&[output, input], 0.0, spread));
        out.insert(&format!("{name}.bias"), noise.array(&[output], 0.0, 0.3));
    }
    for name in norms {
        out.insert(&format!("{name}.weight"), noise.array(&[h], 1.0, 0.3));
        out.insert(&format!("{name}.bias"), noise.array(&[h], 0.0, 0.3));
    }
    let mut table = |name: &str, rows| {
        out.insert(&format!("embeddings.{name}_embeddings.weight"), noise.array(&[rows, h], 0.0, 0.5));
    };
    table("position", config.positions);
    table("token_type", 2);
    out
}

fn words(config: &Config, lengths: &[usize]) -> Vec<f32> {
    let mut noise = Noise(11);
    (0..lengths.iter().sum::<usize>() * config.hidden).map(|_| noise.next()).collect()
}

/// The same model in f64, one sequence at a time.
struct Plain<'a>(&'a Config, &'a Weights);

impl Plain<'_> {
    fn get(&self, name: &str) -> Vec<f64> {
        self.1.need(name).unwrap().to_f32().into_iter().map(f64::from).collect()
    }

    fn linear(&self, name: &str, x: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let (w, b) = (self.get(&format!("{name}.weight")), self.get(&format!("{name}.bias")));
        let width = x[0].len();
        x.iter()
            .map(|row| w.chunks(width).zip(&b).map(|(w, b)| dot(w, row) + b).collect::<Vec<f64>>())
            .collect()
    }

    fn norm(&self, name: &str, mut x: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
        let (g, b) = (self.get(&format!("{name}.weight")), self.get(&format!("{name}.bias")));
        for row in &mut x {
            let n = row.len() as f64;
            let mean = row.iter().sum::<f64>() / n;
            let variance = row.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
            let deviation = (variance + self.0.layer_norm_epsilon).sqrt();
            for ((v, g), b) in row.iter_mut().zip(&g).zip(&b) {
                *v = (*v - mean) / deviation * g + b;
            }
        }
        x
    }

    fn attend(&self, q: &[Vec<f64>], k: &[Vec<f64>], v: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let width = self.0.hidden / self.0.heads;
        let mut out = vec![vec![0.0; self.0.hidden]; q.len()];
        for part in (0..self.0.hidden).step_by(width).map(|at| at..at + width) {
            for (out, q) in out.iter_mut().zip(q) {
                let scores =
                    k.iter().map(|k| dot(&q[part.clone()], &k[part.clone()]) / (width as f64).sqrt());
                let exps: Vec<f64> = scores.map(f64::exp).collect();
                let total: f64 = exps.iter().sum();
                for (e, v) in exps.iter().zip(v) {
                    part.clone().for_each(|i| out[i] += e / total * v[i]);
                }
            }
        }
        out
    }

    fn encode(&self, words: &[f32]) -> Vec<f64> {
        let (config, hidden) = (self.0, self.0.hidden);
        let (position, kind) =
            ["position", "token_type"].map(|n| self.get(&format!("embeddings.{n}_embeddings.weight"))).into();
        let x = words.chunks(hidden).enumerate().map(|(t, row)| {
            let position = &position[(config.first_position + t) * hidden..];
            (0..hidden).map(|i| f64::from(row[i]) + position[i] + kind[i]).collect()
        });
        let mut x = self.norm("embeddings.LayerNorm", x.collect());
        for i in 0..config.layers {
            let at = |name: &str| format!("encoder.layer.{i}.{name}");
            let [q, k, v] =
                ["query", "key", "value"].map(|n| self.linear(&at(&format!("attention.self.{n}")), &x));
            let mixed = self.linear(&at("attention.output.dense"), &self.attend(&q, &k, &v));
            x = self.norm(&at("attention.output.LayerNorm"), added(x, mixed));
            let mut up = self.linear(&at("intermediate.dense"), &x);
            up.iter_mut().flatten().for_each(|v| *v = activate(config.activation, *v));
            let down = self.linear(&at("output.dense"), &up);
            x = self.norm(&at("output.LayerNorm"), added(x, down));
        }
        let columns = (0..hidden).map(|i| x.iter().map(move |row| row[i]));
        let mut out: Vec<f64> = match config.pooling {
            Pooling::Cls => x[0].clone(),
            Pooling::Mean => columns.map(|c| c.sum::<f64>() / x.len() as f64).collect(),
            Pooling::Max => columns.map(|c| c.fold(f64::NEG_INFINITY, f64::max)).collect(),
        };
        for (i, dense) in config.dense.iter().enumerate() {
            if dense.normalized {
                let length = dot(&out, &out).sqrt();
                out.iter_mut().for_each(|v| *v /= length);
            }
            out = self.linear(&format!("dense.{i}"), &[out]).remove(0);
            out.iter_mut().for_each(|v| *v = activate(dense.activation, *v));
        }
        if config.normalize {
            let length = dot(&out, &out).sqrt();
            out.iter_mut().for_each(|v| *v /= length);
        }
        out
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn added(x: Vec<Vec<f64>>, y: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    x.into_iter().zip(y).map(|(x, y)| x.iter().zip(y).map(|(x, y)| x + y).collect()).collect()
}

fn activate(kind: Activation, x: f64) -> f64 {
    match kind {
        Activation::Gelu => 0.5 * x * (1.0 + erf(x / 2f64.sqrt())),
        Activation::GeluTanh => {
            0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh())
        }
        Activation::Relu => x.max(0.0),
        Activation::Tanh => x.tanh(),
        Activation::Identity => x,
    }
}

/// 2/√π e^(-x²) Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!! (Abramowitz and Stegun 7.1.6).
fn erf(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= 2.0 * x * x / f64::from(2 * n + 1);
        sum += term;
    }
    if x.abs() > 6.0 { x.signum() } else { std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum }
}

/// The largest difference between the device's vectors and the plain ones.
fn difference(config: &Config, weights: &Weights, precision: Precision, lengths: &[usize]) -> f64 {
    let words = words(config, lengths);
    let (plain, mut rest, mut expected) = (Plain(config, weights), &words[..], Vec::new());
    for &length in lengths {
        let (own, after) = rest.split_at(length * config.hidden);
        expected.extend(plain.encode(own));
        rest = after;
    }
    let mut worst = 0.0f64;
    for context in contexts() {
        let blocks = Blocks::new(context, config, weights, precision).unwrap();
        let got = encode(&blocks, &words, lengths).unwrap();
        assert_eq!(got.len(), expected.len());
        assert!(got.iter().all(|v| v.is_finite()));
        worst = got.iter().zip(&expected).fold(worst, |m, (a, b)| m.max((f64::from(*a) - b).abs()));
    }
    worst
}

#[test]
fn every_width_agrees_with_the_plain_model() {
    // Heads 4, 8, 12, 16, 64, 128 and 160 wide; widths that fill no tile.
    for (hidden, heads, intermediate) in
        [(16, 4, 20), (32, 4, 52), (48, 4, 100), (64, 4, 128), (192, 3, 260), (128, 1, 36), (160, 1, 64)]
    {
        let config = config(hidden, heads, intermediate);
        let worst = difference(&config, &weights(&config), Precision::F32, &[1, 17, 3, 40, 16]);
        assert!(worst < 1e-5, "{hidden} {heads} {intermediate}: {worst:.1e}");
    }
}

#[test]
fn packed_weights_are_the_ones_they_unpack_to() {
    for (hidden, heads, intermediate) in [(32, 4, 64), (96, 2, 160), (64, 4, 52)] {
        let mut config = config(hidden, heads, intermediate);
        config.dense =
            vec![Dense { input: hidden, output: 40, activation: Activation::Tanh, normalized: false }];
        let packed = weights(&config).quantize(Quantization::Q8);
        for precision in [Precision::Packed, Precision::F32] {
            let worst = difference(&config, &packed, precision, &[5, 1, 33]);
            assert!(worst < 1e-5, "{hidden} {precision:?}: {worst:.1e}");
        }
    }
}

#[test]
fn every_pooling_activation_and_dense_layer_agrees() {
    for (i, activation) in ACTIVATIONS.into_iter().enumerate() {
        for pooling in [Pooling::Mean, Pooling::Cls, Pooling::Max] {
            let mut config = config(32, 2, 64);
            (config.activation, config.pooling, config.normalize) = (activation, pooling, i % 2 == 0);
            let dense = |input, output| Dense {
                input,
                output,
                activation: ACTIVATIONS[4 - i],
                normalized: i % 2 == 1,
            };
            config.dense = [dense(32, 68), dense(68, 7)].into_iter().take(i % 3).collect();
            let worst = difference(&config, &weights(&config), Precision::F32, &[4, 19, 1]);
            assert!(worst < 1e-5, "{activation:?} {pooling:?}: {worst:.1e}");
        }
    }
}

#[test]
fn all_lengths_fit_one_batch() {
    let config = config(32, 2, 64);
    let lengths: Vec<usize> = (1..=300).collect();
    let worst = difference(&config, &weights(&config), Precision::F32, &lengths);
    assert!(worst < 1e-5, "{worst:.1e}");
}

#[test]
fn large_scores_do_not_overflow() {
    let config = config(32, 2, 64);
    let mut weights = weights(&config);
    for name in ["query", "key"] {
        let name = format!("encoder.layer.0.attention.self.{name}.weight");
        let values = weights.need(&name).unwrap().to_f32().iter().map(|v| v * 8.0).collect();
        weights.insert(&name, Array::f32(vec![32, 32], values));
    }
    // Scores of hundreds: their rounding is what is seen, so the bound is that of f32 there.
    let worst = difference(&config, &weights, Precision::F32, &[70]);
    assert!(worst < 1e-4, "{worst:.1e}");
}

#[test]
fn a_text_has_the_same_vector_in_every_batch_and_thread() {
    let config = config(64, 4, 128);
    let blocks = Blocks::new(&contexts()[0], &config, &weights(&config), Precision::F32).unwrap();
    let lengths = [9, 120, 1, 64, 30];
    let words = words(&config, &lengths);
    let together = encode(&blocks, &words, &lengths).unwrap();
    std::thread::scope(|scope| {
        let mut first = 0;
        for (&length, expected) in lengths.iter().zip(together.chunks(64)) {
            let own = &words[first * 64..(first + length) * 64];
            first += length;
            let blocks = &blocks;
            scope.spawn(move || {
                for _ in 0..5 {
                    let alone = encode(blocks, own, &[length]).unwrap();
                    let worst = alone.iter().zip(expected).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
                    assert!(worst < 1e-6, "{length}: {worst:.1e}");
                }
            });
        }
    });
}

#[test]
fn the_least_that_webgpu_promises_is_enough_for_64_texts_of_512_tokens() {
    let [context, _] = contexts();
    // What the specification of WebGPU calls the default of each limit; wgpu holds us to what was asked for.
    let limits = context.device.limits();
    assert_eq!(context.device.features(), wgpu::Features::empty());
    assert_eq!((limits.max_storage_buffer_binding_size, limits.max_buffer_size), (128 << 20, 256 << 20));
    assert_eq!((limits.max_uniform_buffer_binding_size, limits.max_bind_groups), (64 << 10, 4));
    assert_eq!(limits.max_storage_buffers_per_shader_stage, 8);
    assert_eq!(limits.max_compute_workgroup_storage_size, 16 << 10);
    assert_eq!(limits.max_compute_invocations_per_workgroup, 256);
    assert_eq!((limits.max_compute_workgroup_size_x, limits.max_compute_workgroup_size_y), (256, 256));
    assert_eq!(limits.max_compute_workgroups_per_dimension, 65_535);

    let config = Config { layers: 1, positions: 512, first_position: 0, ..config(64, 2, 1536) };
    let lengths = [512; 64];
    let (words, weights) = (words(&config, &lengths), weights(&config));
    let most = Sizes::most(context, &config).tokens;
    assert!(512 * 64 > most, "it takes more than one submission");
    let expected = cpu::Blocks::new(&config, &weights).unwrap().encode(words.clone(), &lengths);
    for context in contexts() {
        let blocks = Blocks::new(context, &config, &weights, Precision::F32).unwrap();
        let got = encode(&blocks, &words, &lengths).unwrap();
        assert_eq!(got.len(), expected.len());
        let worst = got.iter().zip(&expected).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
        assert!(worst < 1e-4, "{worst:.1e}");
    }
}

#[test]
fn a_model_that_comes_array_by_array_is_sent_block_by_block() {
    let config = Config { layers: 3, ..config(32, 2, 64) };
    let (all, lengths) = (weights(&config), [5, 1, 17]);
    let words = words(&config, &lengths);
    for (context, stored) in
        contexts().iter().flat_map(|c| [Quantization::F32, Quantization::Q8].map(|stored| (c, stored)))
    {
        let (all, mut some) = (all.quantize(stored), Weights::default());
        let mut upload = Upload::new(context, &config, Precision::Packed).unwrap();
        let mut sent = Vec::new();
        // Blocks come in another order too: what is not next waits.
        let (late, early): (Vec<_>, Vec<_>) = all.iter().partition(|(name, _)| name.contains("layer.1.o"));
        for (name, array) in early.into_iter().chain(late) {
            some.insert(name, array.clone());
            upload.advance(&some).unwrap();
            sent.push(upload.blocks.len());
        }
        assert!(sent.is_sorted() && [0, 1, 3].iter().all(|n| sent.contains(n)), "{sent:?}");
        let blocks = Blocks::from_upload(upload, &all).unwrap();
        let expected = Blocks::new(context, &config, &all, Precision::Packed).unwrap();
        assert_eq!(encode(&blocks, &words, &lengths), encode(&expected, &words, &lengths));
    }

    // What never came is named, and so is what has another shape.
    let mut some = weights(&config);
    some.remove("encoder.layer.1.output.dense.bias");
    let mut upload = Upload::new(&contexts()[0], &config, Precision::F32).unwrap();
    upload.advance(&some).unwrap();
    let problem = Blocks::from_upload(upload, &some).err().unwrap().to_string();
    assert!(problem.contains("encoder.layer.1.output.dense.bias"), "{problem}");
    some.insert("encoder.layer.1.output.dense.bias", Array::f32(vec![3], vec![0.0; 3]));
    let mut upload = Upload::new(&contexts()[0], &config, Precision::F32).unwrap();
    assert!(upload.advance(&some).unwrap_err().to_string().contains("[3] instead of [32]"));
}

#[test]
fn batches_that_are_on_their_way_together_do_not_mix() {
    let config = config(32, 2, 64);
    let blocks = Blocks::new(&contexts()[0], &config, &weights(&config), Precision::F32).unwrap();
    let batches = [vec![3, 1], vec![40; 9], vec![7]].map(|lengths| (words(&config, &lengths), lengths));
    let alone = batches.each_ref().map(|(words, lengths)| encode(&blocks, words, lengths).unwrap());
    let sent = batches.each_ref().map(|(words, lengths)| blocks.send(words, lengths).unwrap());
    let [first, second, third] = sent;
    // Read in another order than they were sent in.
    assert_eq!(block_on(third).unwrap(), alone[2]);
    drop(second);
    assert_eq!(block_on(first).unwrap(), alone[0]);
    assert_eq!(encode(&blocks, &batches[1].0, &batches[1].1).unwrap(), alone[1]);
}

#[test]
fn what_does_not_fit_is_refused_in_a_sentence() {
    let narrow = config(4, 1, 4);
    let blocks = Blocks::new(&contexts()[0], &narrow, &weights(&narrow), Precision::F32).unwrap();
    let ask = |words: &[f32], lengths: &[usize]| encode(&blocks, words, lengths);
    assert_eq!(ask(&[], &[]), Ok(Vec::new()));
    assert!(ask(&[], &[0]).unwrap_err().contains("1 to 300"));
    assert!(ask(&[0.0; 4 * 301], &[301]).unwrap_err().contains("301 tokens"));
    assert!(ask(&[0.0; 9], &[2]).unwrap_err().contains("2 rows of 4"));
    assert!(ask(&[0.5; 8], &[2]).is_ok(), "it still works after that");
    let most = Sizes { tokens: 5, sequences: 2 };
    assert_eq!(most.first_of(&[2, 3, 1]), Ok(2));
    assert_eq!(most.first_of(&[4, 3, 1]), Ok(1));
    assert_eq!(most.first_of(&[1, 1, 1]), Ok(2));
    assert!(most.first_of(&[6, 1]).unwrap_err().contains("6 tokens"));

    let refused = |config: &Config, weights: &Weights| {
        Blocks::new(&contexts()[0], config, weights, Precision::F32).err().unwrap().to_string()
    };
    for (hidden, heads, intermediate, width) in [(30, 5, 64, "6"), (32, 2, 63, "63"), (328, 2, 64, "164")] {
        let config = config(hidden, heads, intermediate);
        let problem = refused(&config, &weights(&config));
        assert!(problem.contains(&format!(" {width} wide")) && problem.contains("CPU"), "{problem}");
    }
    let mut lacking = weights(&narrow);
    lacking.remove("encoder.layer.1.output.dense.bias");
    assert!(refused(&narrow, &lacking).contains("encoder.layer.1.output.dense.bias"));
    lacking.insert("encoder.layer.1.output.dense.bias", Array::f32(vec![3], vec![0.0; 3]));
    assert!(refused(&narrow, &lacking).contains("[3] instead of [4]"));
}

#[test]
fn faults_of_the_device_are_errors() {
    // Its own device: faults that nobody watches for are told to the next call of any model.
    let context = block_on(Context::open()).unwrap();
    let too_large = || {
        context.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 1 << 40,
            usage: wgpu::BufferUsages::STORAGE,
            mapped_at_creation: false,
        })
    };
    let watch = context.watch();
    too_large();
    assert!(block_on(watch.end()).is_some());
    assert_eq!(context.check(), Ok(()));
    too_large();
    assert!(context.check().is_err());
    assert_eq!(context.check(), Ok(()));
}

#[test]
fn a_destroyed_device_says_so_and_nothing_hangs() {
    let context = block_on(Context::open()).unwrap();
    let config = config(32, 2, 64);
    let blocks = Blocks::new(&context, &config, &weights(&config), Precision::F32).unwrap();
    assert!(encode(&blocks, &[0.5; 64], &[2]).is_ok());
    let (told, heard) = std::sync::mpsc::channel();
    context.on_lost(move |why| told.send(why).unwrap());
    context.device.destroy();
    assert!(encode(&blocks, &[0.5; 64], &[2]).is_err(), "destroyed behind our back");
    context.destroy();
    let problem = encode(&blocks, &[0.5; 64], &[2]).unwrap_err();
    assert!(problem.contains("lost"), "{problem}");
    assert_eq!(heard.try_iter().count(), 1);
    let (told, heard) = std::sync::mpsc::channel();
    context.on_lost(move |why| told.send(why).unwrap());
    assert!(heard.try_recv().is_ok(), "who asks late is told at once");
    assert!(Blocks::new(&context, &config, &weights(&config), Precision::F32).is_err());
}
