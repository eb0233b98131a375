//! How close the real all-MiniLM-L6-v2 with packed weights stays to its f32 vectors.

mod common;

use std::{fs, path::Path};

use common::{cosines, expected, minilm, minilm_vectors, open, refs, small, texts};
use interlingua::{
    bundle::{Bundle, Quantization, SelfTest},
    encoder::{Encoder, EncoderDevice, Precision},
    text::Kind,
};

/// Mean and lowest cosine of a stored model's vectors to those of sentence-transformers in f32.
fn measure(name: &str, bundle: &Bundle) -> (f64, f64) {
    let encoder = Encoder::new(bundle, EncoderDevice::cpu()).unwrap();
    let texts = texts();
    let got = encoder.encode_all(&refs(&texts), Kind::Passage, &mut |_, _| {}).unwrap();
    let (mean, least) = cosines(&got, &minilm_vectors(), encoder.dimension());
    println!("{name}: mean cosine {mean:.5}, least {least:.5}, {} texts", texts.len());
    (mean, least)
}

fn stored_as(quantization: Quantization) -> (f64, f64) {
    let mut bundle = minilm();
    bundle.store_as(quantization).unwrap();
    measure(&quantization.to_string(), &bundle)
}

#[test]
#[ignore = "needs all-MiniLM-L6-v2: run scripts/fetch-minilm"]
fn the_real_minilm_in_f16_is_as_good_as_in_f32() {
    let (mean, least) = stored_as(Quantization::F16);
    assert!(mean > 0.99999 && least > 0.9999, "{mean} {least}");
}

#[test]
#[ignore = "needs all-MiniLM-L6-v2: run scripts/fetch-minilm"]
fn the_real_minilm_in_q8_keeps_a_mean_cosine_of_0_999() {
    let (mean, least) = stored_as(Quantization::Q8);
    assert!(mean >= 0.999 && least > 0.99, "{mean} {least}");
}

#[test]
#[ignore = "needs all-MiniLM-L6-v2: run scripts/fetch-minilm"]
fn the_real_minilm_in_q4_keeps_a_mean_cosine_of_0_98() {
    let (mean, least) = stored_as(Quantization::Q4);
    assert!(mean >= 0.98 && least > 0.9, "{mean} {least}");
}

/// Random weights round worse than trained ones.
#[test]
fn an_mpnet_in_q8_keeps_a_mean_cosine_of_0_999_exact_and_fast() {
    let expected = expected("mpnet");
    let mut bundle = small("mpnet");
    bundle.store_as(Quantization::Q8).unwrap();
    for precision in [Precision::F32, Precision::Packed] {
        let encoder = Encoder::with_precision(&bundle, EncoderDevice::cpu(), precision).unwrap();
        let got = encoder.encode_all(&refs(&expected.texts), Kind::Passage, &mut |_, _| {}).unwrap();
        let (mean, least) = cosines(&got, &expected.passage, encoder.dimension());
        println!("mpnet, q8, {precision:?}: mean cosine {mean:.5}, least {least:.5}");
        assert!(mean >= 0.999 && least > 0.99, "{precision:?}: {mean} {least}");
    }
}

/// Why q4 stores only the word embedding table in 4 bits: almost all of the loss is in the blocks.
#[test]
#[ignore = "needs all-MiniLM-L6-v2: run scripts/fetch-minilm"]
fn four_bits_throughout_lose_most_in_the_blocks() {
    let in_four_bits = |which: &dyn Fn(&str) -> bool| {
        let mut bundle = minilm();
        let names: Vec<String> = bundle.weights.iter().map(|(name, _)| name.to_string()).collect();
        for name in names.iter().filter(|name| which(name)) {
            let array = bundle.weights.need(name).unwrap().quantize(Quantization::Q4);
            bundle.weights.insert(name, array);
        }
        bundle
    };
    let table = "embeddings.word_embeddings.weight";
    let (all, _) = measure("4 bits throughout", &in_four_bits(&|_| true));
    let (alone, _) = measure("4 bits in the table", &in_four_bits(&|name| name == table));
    assert!((0.93..0.945).contains(&all) && alone > 0.997, "{all} {alone}");
}

/// Integers compared with f32, both with the same packed weights.
fn fast(bundle: &Bundle, texts: &[&str]) {
    let exact = Encoder::new(bundle, EncoderDevice::cpu()).unwrap();
    let fast = Encoder::with_precision(bundle, EncoderDevice::cpu(), Precision::Packed).unwrap();
    assert!(exact.is_exact() && !fast.is_exact() && fast.device_label().ends_with(", fast"));
    let [exact, by_integers] =
        [&exact, &fast].map(|e| e.encode_all(texts, Kind::Passage, &mut |_, _| {}).unwrap());
    let (mean, least) = cosines(&by_integers, &exact, fast.dimension());
    println!("{}, fast: mean cosine {mean:.6}, least {least:.6}, {} texts", fast.name(), texts.len());
    assert!(mean > 0.9999 && least > 0.9995 && mean < 1.0, "{mean} {least}");
    let test = SelfTest::of(bundle).unwrap();
    let worst = futures_lite::future::block_on(fast.self_test(&test)).unwrap();
    assert!(worst <= fast.tolerance(&test) && fast.tolerance(&test) < 0.003, "{worst}");
}

#[test]
#[ignore = "needs all-MiniLM-L6-v2: run scripts/fetch-minilm"]
fn fast_vectors_of_the_real_minilm_are_near_the_exact_ones() {
    let mut bundle = minilm();
    bundle.store_as(Quantization::Q8).unwrap();
    fast(&bundle, &refs(&texts()));
}

#[test]
fn fast_vectors_of_the_default_model_are_near_the_exact_ones_in_every_language() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("static");
    let lines = fs::read_to_string(folder.join("sample/passages.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> =
        lines.lines().step_by(9).map(|line| serde_json::from_str(line).unwrap()).collect();
    let passages = lines.iter().flat_map(|line| line["passage"].as_object().unwrap().values());
    let texts: Vec<&str> = passages.map(|text| text.as_str().unwrap()).collect();
    assert!(texts.len() > 100);
    fast(&open(&folder.join("model")), &texts);
}

#[test]
fn nothing_is_fast_about_weights_in_f32() {
    let encoder = Encoder::with_precision(&small("plain"), EncoderDevice::cpu(), Precision::Packed).unwrap();
    assert!(encoder.is_exact() && encoder.precision() == Precision::F32);
}
