//! The encoder on the GPU that wgpu finds, a real one or lavapipe's software adapter: with the page's
//! shaders, and with Burn.
//!
//! Everything that needs no downloads is in one test, because Burn's device is opened once per process and
//! used from one thread; `scripts/test` runs the others by themselves.

mod common;

use std::time::Instant;

use common::{CHECKPOINTS, expected, minilm, minilm_vectors, refs, small, texts, tiny, worst};
use interlingua::{
    bundle::{Bundle, Quantization, SelfTest},
    encoder::{Encoder, EncoderDevice, Precision},
    text::Kind,
    training::TrainConfig,
};

/// With the page's shaders, and with Burn.
fn both() -> [EncoderDevice; 2] {
    let gpu = EncoderDevice::gpu().unwrap_or_else(|e| {
        panic!("{e}; these tests need a Vulkan driver, for example Debian's package mesa-vulkan-drivers")
    });
    let (webgpu, _) =
        futures_lite::future::block_on(EncoderDevice::webgpu()).unwrap_or_else(|e| panic!("{e}"));
    for machine in [&webgpu, &gpu] {
        println!("{}, {}, software: {}", machine.backend.name(), machine.adapter, machine.software);
    }
    [webgpu, gpu]
}

#[test]
fn the_gpu_gives_the_vectors_of_sentence_transformers_and_of_the_cpu() {
    let [webgpu, gpu] = both();
    for machine in [&webgpu, &gpu] {
        small_checkpoints(machine);
        packed(machine);
        self_test(machine);
    }
    learns_in_f16(&gpu);
}

#[test]
#[ignore = "needs all-MiniLM-L6-v2: run scripts/fetch-minilm"]
fn the_gpu_gives_the_vectors_of_the_real_minilm() {
    for machine in &both() {
        real_model(machine);
    }
}

/// It learns nearly the same as in f32.
fn learns_in_f16(gpu: &EncoderDevice) {
    let folder = tempfile::tempdir().unwrap();
    tiny::write_data(folder.path());
    let (result, exact, _) =
        tiny::run_on(gpu.clone(), &tiny::config(folder.path(), "exact", "hybrid"), false, None);
    result.unwrap();
    let mixed = TrainConfig { mixed_precision: true, ..tiny::config(folder.path(), "mixed", "hybrid") };
    let (result, half, _) = tiny::run_on(gpu.clone(), &mixed, false, None);
    result.unwrap_or_else(|e| panic!("{e}; this test needs a GPU that computes in f16, as lavapipe does"));
    tiny::losses_are_near(&exact, &half, 1e-2);
    assert!(exact.iter().zip(&half).any(|(a, b)| a.loss != b.loss), "nothing was computed in f16");
}

fn on(bundle: &Bundle, machine: &EncoderDevice, precision: Precision) -> Encoder {
    Encoder::with_precision(bundle, machine.clone(), precision).unwrap_or_else(|e| panic!("{e}"))
}

fn encode(encoder: &Encoder, texts: &[&str], kind: Kind) -> Vec<f32> {
    encoder.encode_all(texts, kind, &mut |_, _| {}).unwrap_or_else(|e| panic!("{e}"))
}

/// Every n-th row of width `d`.
fn every(n: usize, values: &[f32], d: usize) -> Vec<f32> {
    values.chunks(d).step_by(n).flatten().copied().collect()
}

fn small_checkpoints(gpu: &EncoderDevice) {
    for name in CHECKPOINTS {
        let expected = expected(name);
        let encoder = on(&small(name), gpu, Precision::F32);
        let texts: Vec<&str> = refs(&expected.texts).into_iter().step_by(4).collect();
        for (kind, vectors) in [(Kind::Query, &expected.query), (Kind::Passage, &expected.passage)] {
            let difference = worst(&encode(&encoder, &texts, kind), &every(4, vectors, encoder.dimension()));
            println!("{name}, {kind:?}: largest difference {difference:.2e}");
            assert!(difference < 1e-5, "{name}, {kind:?}: {difference:e}");
        }
    }
}

fn real_model(gpu: &EncoderDevice) {
    let all = texts();
    let vectors = minilm_vectors();
    let encoder = on(&minilm(), gpu, Precision::F32);
    let d = encoder.dimension();
    let tokens = encoder.tokenize(&refs(&all), Kind::Passage).unwrap();
    // A few short ones in different scripts, and one that is truncated: software adapters are slow.
    let short = (0..all.len()).filter(|&i| tokens[i].len() <= 48).step_by(15);
    let cut = (0..all.len()).find(|&i| tokens[i].len() == encoder.config().max_tokens);
    let some: Vec<usize> = short.chain(cut).collect();
    let start = Instant::now();
    let inputs: Vec<&str> = some.iter().map(|&i| all[i].as_str()).collect();
    let got = encode(&encoder, &inputs, Kind::Passage);
    let wanted: Vec<f32> = some.iter().flat_map(|&i| vectors[i * d..(i + 1) * d].to_vec()).collect();
    let difference = worst(&got, &wanted);
    println!(
        "all-MiniLM-L6-v2, {} texts in {:.1} s: largest difference {difference:.2e}",
        some.len(),
        start.elapsed().as_secs_f64()
    );
    assert!(difference < 1e-5, "{difference:e}");
}

fn packed(gpu: &EncoderDevice) {
    for quantization in [Quantization::Q8, Quantization::Q4] {
        for name in ["xlm-r", "labse"] {
            let mut bundle = small(name);
            bundle.store_as(quantization).unwrap();
            let expected = expected(name);
            let texts: Vec<&str> = refs(&expected.texts).into_iter().step_by(4).collect();
            let cpu = encode(&on(&bundle, &EncoderDevice::cpu(), Precision::F32), &texts, Kind::Query);
            for precision in [Precision::F32, Precision::Packed] {
                let got = encode(&on(&bundle, gpu, precision), &texts, Kind::Query);
                let difference = worst(&got, &cpu);
                println!(
                    "{name}, {quantization}, {precision:?}: largest difference {difference:.2e} from the CPU"
                );
                assert!(difference < 1e-4, "{name}, {quantization}, {precision:?}: {difference:e}");
            }
        }
    }
}

fn self_test(gpu: &EncoderDevice) {
    let mut bundle = small("e5");
    bundle.store_as(Quantization::Q8).unwrap();
    let test = SelfTest::of(&bundle).unwrap();
    let encoder = Encoder::new(&bundle, gpu.clone()).unwrap();
    let off = futures_lite::future::block_on(encoder.self_test(&test)).unwrap();
    println!("self-test: largest difference {off:.2e}");
}

/// A measurement, not a check: `cargo test --release --test gpu -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement that takes a minute, with all-MiniLM-L6-v2: run scripts/fetch-minilm"]
fn how_fast_packed_blocks_are_beside_f32() {
    let (gpu, _) = futures_lite::future::block_on(EncoderDevice::webgpu()).unwrap();
    let mut bundle = minilm();
    bundle.store_as(Quantization::Q8).unwrap();
    let text = "bread ".repeat(62);
    let texts = [text.as_str(); 8];
    let encoders = [Precision::F32, Precision::Packed].map(|p| on(&bundle, &gpu, p));
    assert_eq!(encoders[0].tokenize(&texts[..1], Kind::Passage).unwrap()[0].len(), 64);
    let mut best = [f64::INFINITY; 2];
    for call in 0..5 {
        for (encoder, best) in encoders.iter().zip(&mut best) {
            let start = Instant::now();
            encode(encoder, &texts, Kind::Passage);
            // The first call sets up kernels.
            if call > 0 {
                *best = best.min(start.elapsed().as_secs_f64());
            }
        }
    }
    println!(
        "{}, 8 texts of 64 tokens: f32 {:.3} s, packed {:.3} s, ratio {:.2}",
        gpu.adapter,
        best[0],
        best[1],
        best[1] / best[0]
    );
}
