//! What the shaders and their device must do other than agree with the oracle on every program, which the
//! conformance tests check.
//!
//! They run on any adapter of the machine, including software adapters.

use std::sync::OnceLock;

use futures_lite::future::block_on;

use super::{Context, Upload, WebGpuModel, scratch::BatchSize};
use crate::{
    bundle::{Array, Quantization, Weights},
    encoder::{Config, Precision, cpu, oracle},
};

/// Shared by all tests: a device as a real GPU is used and one as a software adapter is used, with no more
/// than WebGPU's default limits.
pub(in crate::encoder) fn contexts() -> &'static [Context; 2] {
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

fn encode(model: &WebGpuModel, words: &[f32], lengths: &[usize]) -> Result<Vec<f32>, String> {
    block_on(model.send(words, lengths)?)
}

/// A model of two blocks for texts of up to 300 tokens.
fn config(hidden: usize, heads: usize, intermediate: usize) -> Config {
    let (layer_norm_epsilon, positions, max_tokens) = (1e-12, 302, 300);
    Config { layer_norm_epsilon, positions, max_tokens, ..oracle::config(hidden, heads, intermediate) }
}

fn weights(config: &Config) -> Weights {
    oracle::weights(&config.program().unwrap(), 7)
}

fn words(config: &Config, lengths: &[usize]) -> Vec<f32> {
    oracle::words(&config.program().unwrap(), lengths, 11)
}

fn model(
    context: &Context,
    config: &Config,
    weights: &Weights,
    precision: Precision,
) -> crate::Result<WebGpuModel> {
    WebGpuModel::new(context, config.program()?, weights, precision)
}

/// The largest difference between the device's vectors and the oracle's.
fn difference(config: &Config, weights: &Weights, precision: Precision, lengths: &[usize]) -> f64 {
    let words = words(config, lengths);
    let expected = oracle::vectors(&config.program().unwrap(), weights, &words, lengths);
    let mut worst = 0.0f64;
    for context in contexts() {
        let model = model(context, config, weights, precision).unwrap();
        let got = encode(&model, &words, lengths).unwrap();
        assert_eq!(got.len(), expected.len());
        assert!(got.iter().all(|v| v.is_finite()));
        worst = got.iter().zip(&expected).fold(worst, |m, (a, b)| m.max((f64::from(*a) - b).abs()));
    }
    worst
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
    // With scores in the hundreds rounding becomes visible, so the bound is that of f32 there.
    let worst = difference(&config, &weights, Precision::F32, &[70]);
    assert!(worst < 1e-4, "{worst:.1e}");
}

#[test]
fn a_text_has_the_same_vector_in_every_batch_and_thread() {
    let config = config(64, 4, 128);
    let model = model(&contexts()[0], &config, &weights(&config), Precision::F32).unwrap();
    let lengths = [9, 120, 1, 64, 30];
    let words = words(&config, &lengths);
    let together = encode(&model, &words, &lengths).unwrap();
    std::thread::scope(|scope| {
        let mut first = 0;
        for (&length, expected) in lengths.iter().zip(together.chunks(64)) {
            let own = &words[first * 64..(first + length) * 64];
            first += length;
            let model = &model;
            scope.spawn(move || {
                for _ in 0..5 {
                    let alone = encode(model, own, &[length]).unwrap();
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
    // The WebGPU specification's default limits; wgpu enforces those that were requested.
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
    let program = config.program().unwrap();
    let most = BatchSize::most(context, &program).tokens;
    assert!(512 * 64 > most, "it takes more than one submission");
    let expected = cpu::CpuModel::new(&program, &weights).unwrap().encode(words.clone(), &lengths);
    for context in contexts() {
        let model = model(context, &config, &weights, Precision::F32).unwrap();
        let got = encode(&model, &words, &lengths).unwrap();
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
        let program = config.program().unwrap();
        let (all, mut some) = (all.quantize(stored, &program.table().name), Weights::default());
        let mut upload = Upload::new(context, program, Precision::Packed).unwrap();
        let mut sent = Vec::new();
        // Blocks may also arrive in another order; one that is not next waits.
        let (late, early): (Vec<_>, Vec<_>) = all.iter().partition(|(name, _)| name.contains("layer.1.o"));
        for (name, array) in early.into_iter().chain(late) {
            some.insert(name, array.clone());
            upload.advance(&some).unwrap();
            sent.push(upload.blocks.len());
        }
        assert!(sent.is_sorted() && [0, 1, 3].iter().all(|n| sent.contains(n)), "{sent:?}");
        let sent = WebGpuModel::from_upload(upload, &all).unwrap();
        let expected = model(context, &config, &all, Precision::Packed).unwrap();
        assert_eq!(encode(&sent, &words, &lengths), encode(&expected, &words, &lengths));
    }

    // Tensors that never arrived are named, and so are those with the wrong shape.
    let mut some = weights(&config);
    some.remove("encoder.layer.1.output.dense.bias");
    let mut upload = Upload::new(&contexts()[0], config.program().unwrap(), Precision::F32).unwrap();
    upload.advance(&some).unwrap();
    let problem = WebGpuModel::from_upload(upload, &some).err().unwrap().to_string();
    assert!(problem.contains("encoder.layer.1.output.dense.bias"), "{problem}");
    some.insert("encoder.layer.1.output.dense.bias", Array::f32(vec![3], vec![0.0; 3]));
    let mut upload = Upload::new(&contexts()[0], config.program().unwrap(), Precision::F32).unwrap();
    assert!(upload.advance(&some).unwrap_err().to_string().contains("[3] instead of [32]"));
}

#[test]
fn batches_that_are_on_their_way_together_do_not_mix() {
    let config = config(32, 2, 64);
    let model = model(&contexts()[0], &config, &weights(&config), Precision::F32).unwrap();
    let batches = [vec![3, 1], vec![40; 9], vec![7]].map(|lengths| (words(&config, &lengths), lengths));
    let alone = batches.each_ref().map(|(words, lengths)| encode(&model, words, lengths).unwrap());
    let sent = batches.each_ref().map(|(words, lengths)| model.send(words, lengths).unwrap());
    let [first, second, third] = sent;
    // Read in another order than submitted.
    assert_eq!(block_on(third).unwrap(), alone[2]);
    drop(second);
    assert_eq!(block_on(first).unwrap(), alone[0]);
    assert_eq!(encode(&model, &batches[1].0, &batches[1].1).unwrap(), alone[1]);
}

#[test]
fn what_does_not_fit_is_refused_in_a_sentence() {
    let narrow = config(4, 1, 4);
    let small = model(&contexts()[0], &narrow, &weights(&narrow), Precision::F32).unwrap();
    let ask = |words: &[f32], lengths: &[usize]| encode(&small, words, lengths);
    assert_eq!(ask(&[], &[]), Ok(Vec::new()));
    assert!(ask(&[], &[0]).unwrap_err().contains("1 to 300"));
    assert!(ask(&[0.0; 4 * 301], &[301]).unwrap_err().contains("301 tokens"));
    assert!(ask(&[0.0; 9], &[2]).unwrap_err().contains("2 rows of 4"));
    assert!(ask(&[0.5; 8], &[2]).is_ok(), "it still works after that");
    let most = BatchSize { tokens: 5, sequences: 2 };
    assert_eq!(most.first_of(&[2, 3, 1]), Ok(2));
    assert_eq!(most.first_of(&[4, 3, 1]), Ok(1));
    assert_eq!(most.first_of(&[1, 1, 1]), Ok(2));
    assert!(most.first_of(&[6, 1]).unwrap_err().contains("6 tokens"));

    let refused = |config: &Config, weights: &Weights| {
        model(&contexts()[0], config, weights, Precision::F32).err().unwrap().to_string()
    };
    for (hidden, heads, intermediate, width) in [(30, 5, 64, "6"), (32, 2, 63, "63"), (528, 2, 64, "264")] {
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
    // A device of its own: errors that nobody watches for are reported to the next call of any model.
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
    let lost = model(&context, &config, &weights(&config), Precision::F32).unwrap();
    assert!(encode(&lost, &[0.5; 64], &[2]).is_ok());
    let (told, heard) = std::sync::mpsc::channel();
    context.on_lost(move |why| told.send(why).unwrap());
    context.device.destroy();
    assert!(encode(&lost, &[0.5; 64], &[2]).is_err(), "destroyed behind our back");
    context.destroy();
    let problem = encode(&lost, &[0.5; 64], &[2]).unwrap_err();
    assert!(problem.contains("lost"), "{problem}");
    assert_eq!(heard.try_iter().count(), 1);
    let (told, heard) = std::sync::mpsc::channel();
    context.on_lost(move |why| told.send(why).unwrap());
    assert!(heard.try_recv().is_ok(), "who asks late is told at once");
    assert!(model(&context, &config, &weights(&config), Precision::F32).is_err());
}
