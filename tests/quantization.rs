//! How close packed weights of the real all-MiniLM-L6-v2 stay to its f32 vectors.

mod common;

use common::{cosines, minilm, minilm_vectors, refs, texts};
use interlingua::{
    bundle::Quantization,
    encoder::{Encoder, Machine},
    text::Kind,
};

fn measure(quantization: Quantization) -> (f64, f64) {
    let mut bundle = minilm();
    bundle.store_as(quantization);
    let encoder = Encoder::new(&bundle, Machine::cpu()).unwrap();
    let texts = texts();
    let got = encoder.encode_all(&refs(&texts), Kind::Passage, &mut |_, _| {}).unwrap();
    let (mean, least) = cosines(&got, &minilm_vectors(), encoder.dimension());
    println!("{quantization}: mean cosine {mean:.5}, least {least:.5}, {} texts", texts.len());
    (mean, least)
}

#[test]
fn f16_is_as_good_as_f32() {
    let (mean, least) = measure(Quantization::F16);
    assert!(mean > 0.99999 && least > 0.9999, "{mean} {least}");
}

#[test]
fn q8_keeps_a_mean_cosine_of_0_999() {
    let (mean, least) = measure(Quantization::Q8);
    assert!(mean >= 0.999 && least > 0.99, "{mean} {least}");
}

#[test]
fn q4_keeps_a_mean_cosine_of_0_98() {
    let (mean, least) = measure(Quantization::Q4);
    assert!(mean >= 0.98 && least > 0.9, "{mean} {least}");
}
