//! The encoder on the GPU that wgpu finds: a real one, or lavapipe, which imitates one in software.
//!
//! All in one test, because the device is opened once for the process and used from one thread.

mod common;

use std::time::Instant;

use common::{CHECKPOINTS, expected, minilm, minilm_vectors, refs, small, texts, worst};
use interlingua::{
    bundle::{Bundle, Quantization, SelfTest},
    encoder::{Encoder, Machine, Precision},
    text::Kind,
};

#[test]
fn the_gpu_gives_the_vectors_of_sentence_transformers_and_of_the_cpu() {
    let gpu = Machine::gpu().unwrap_or_else(|e| {
        panic!("{e}; these tests need a Vulkan driver, for example Debian's package mesa-vulkan-drivers")
    });
    println!("{}, software: {}", gpu.adapter, gpu.software);
    small_checkpoints(&gpu);
    real_model(&gpu);
    packed(&gpu);
    self_test(&gpu);
}

fn on(bundle: &Bundle, machine: &Machine, precision: Precision) -> Encoder {
    Encoder::with_precision(bundle, machine.clone(), precision).unwrap_or_else(|e| panic!("{e}"))
}

fn encode(encoder: &Encoder, texts: &[&str], kind: Kind) -> Vec<f32> {
    encoder.encode_all(texts, kind, &mut |_, _| {}).unwrap_or_else(|e| panic!("{e}"))
}

/// Every n-th row of width `d`.
fn every(n: usize, values: &[f32], d: usize) -> Vec<f32> {
    values.chunks(d).step_by(n).flatten().copied().collect()
}

fn small_checkpoints(gpu: &Machine) {
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

fn real_model(gpu: &Machine) {
    let all = texts();
    let encoder = on(&minilm(), gpu, Precision::F32);
    let some: Vec<&str> = refs(&all).into_iter().step_by(9).collect();
    let start = Instant::now();
    let got = encode(&encoder, &some, Kind::Passage);
    let difference = worst(&got, &every(9, &minilm_vectors(), encoder.dimension()));
    println!(
        "all-MiniLM-L6-v2, {} texts in {:.1} s: largest difference {difference:.2e}",
        some.len(),
        start.elapsed().as_secs_f64()
    );
    assert!(difference < 1e-5, "{difference:e}");
}

fn packed(gpu: &Machine) {
    for quantization in [Quantization::Q8, Quantization::Q4] {
        for name in ["xlm-r", "labse"] {
            let mut bundle = small(name);
            bundle.store_as(quantization);
            let expected = expected(name);
            let texts: Vec<&str> = refs(&expected.texts).into_iter().step_by(4).collect();
            let cpu = encode(&on(&bundle, &Machine::cpu(), Precision::F32), &texts, Kind::Query);
            for precision in [Precision::F32, Precision::Packed] {
                let got = encode(&on(&bundle, gpu, precision), &texts, Kind::Query);
                let difference = worst(&got, &cpu);
                println!("{name}, {quantization}, {precision:?}: largest difference {difference:.2e} from the CPU");
                assert!(difference < 1e-4, "{name}, {quantization}, {precision:?}: {difference:e}");
            }
        }
    }
}

fn self_test(gpu: &Machine) {
    let mut bundle = small("e5");
    bundle.store_as(Quantization::Q8);
    let test = SelfTest::of(&bundle).unwrap();
    let encoder = Encoder::new(&bundle, gpu.clone()).unwrap();
    let off = futures_lite::future::block_on(encoder.self_test(&test)).unwrap();
    println!("self-test: largest difference {off:.2e}");
}
