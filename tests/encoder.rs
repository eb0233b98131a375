//! The encoder on the CPU compared with sentence-transformers. Reference values were made by
//! `reference/make.py`.

mod common;

use common::{CHECKPOINTS, cosines, expected, minilm, minilm_vectors, refs, small, texts, worst};
use interlingua::{
    Error,
    bundle::{Bundle, Quantization, SelfTest},
    encoder::{Encoder, EncoderDevice, Precision},
    text::Kind,
};
use proptest::prelude::*;

fn encoder(bundle: &Bundle) -> Encoder {
    on(bundle, EncoderDevice::cpu())
}

fn on(bundle: &Bundle, machine: EncoderDevice) -> Encoder {
    Encoder::new(bundle, machine).unwrap_or_else(|e| panic!("{e}"))
}

/// The CPU with our own kernels, and with Burn's; either can train.
fn both() -> [EncoderDevice; 2] {
    [EncoderDevice::cpu(), EncoderDevice::flex()]
}

fn encode(encoder: &Encoder, texts: &[&str], kind: Kind) -> Vec<f32> {
    encoder.encode_all(texts, kind, &mut |_, _| {}).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
#[ignore = "needs all-MiniLM-L6-v2: run scripts/fetch-minilm"]
fn the_real_minilm_agrees_with_sentence_transformers() {
    let texts = texts();
    assert!(texts.len() >= 200);
    let encoder = encoder(&minilm());
    assert_eq!((encoder.dimension(), encoder.config().max_tokens), (384, 256));
    let lengths: Vec<usize> =
        encoder.tokenize(&refs(&texts), Kind::Passage).unwrap().iter().map(Vec::len).collect();
    assert!(lengths.contains(&256) && lengths.contains(&2), "{lengths:?}");
    for machine in both() {
        let got = encode(&on(&minilm(), machine.clone()), &refs(&texts), Kind::Passage);
        let difference = worst(&got, &minilm_vectors());
        println!(
            "all-MiniLM-L6-v2 on {}, {} texts: largest difference {difference:.2e}",
            machine.backend.name(),
            texts.len()
        );
        assert!(difference < 1e-5, "{}: {difference:e}", machine.backend.name());
    }
}

#[test]
fn small_checkpoints_agree_with_sentence_transformers() {
    for name in CHECKPOINTS {
        let expected = expected(name);
        for machine in both() {
            let encoder = on(&small(name), machine);
            for (kind, vectors) in [(Kind::Query, &expected.query), (Kind::Passage, &expected.passage)] {
                let difference = worst(&encode(&encoder, &refs(&expected.texts), kind), vectors);
                let what = format!("{name} on {}, {kind:?}", encoder.machine().backend.name());
                println!("{what}: largest difference {difference:.2e}");
                assert!(difference < 1e-5, "{what}: {difference:e}");
            }
        }
    }
}

#[test]
fn the_default_tokenizer_gives_what_it_gives_in_python() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let reference = std::fs::read(root.join("tests/reference/tokenizer.json")).unwrap();
    let reference: serde_json::Value = serde_json::from_slice(&reference).unwrap();
    let expected: Vec<Vec<u32>> = serde_json::from_value(reference["ids"].clone()).unwrap();
    let encoder = encoder(&Bundle::open(&root.join("static/model")).unwrap());
    let texts = texts();
    // Without the model's prompts, which are not part of the tokenizer.
    let got: Vec<Vec<u32>> = texts.iter().map(|text| encoder.tokenizer().encode("", text).unwrap()).collect();
    assert_eq!(got.len(), expected.len());
    let longest = encoder.config().max_tokens;
    let whole = expected.iter().filter(|ids| ids.len() <= longest).count();
    assert!(whole > 200, "{whole} texts fit into {longest} tokens");
    for ((text, got), expected) in texts.iter().zip(&got).zip(&expected) {
        // Longer ones are truncated here, before the separator at the end.
        let same = expected.len().min(longest - 1);
        assert_eq!(got[..same], expected[..same], "{text}");
    }
    let json = std::fs::read_to_string(root.join("static/model/tokenizer.json")).unwrap();
    assert!(!json.contains(r"\\u{"), "Python's tokenizers know no \\u{{…}}");
}

#[test]
fn prompts_go_in_front_of_the_text() {
    let encoder = encoder(&small("e5"));
    let text = "Wie viele Laibe backt ein Ofen?";
    for (kind, prompt) in [(Kind::Query, "query: "), (Kind::Passage, "passage: ")] {
        let whole = format!("{prompt}{text}");
        let by_hand = encoder.tokenizer().encode("", &whole).unwrap();
        assert_eq!(encoder.tokenize(&[text], kind).unwrap(), [by_hand]);
    }
    let query = encode(&encoder, &[text], Kind::Query);
    assert!(worst(&query, &encode(&encoder, &[text], Kind::Passage)) > 1e-3);
}

#[test]
#[ignore = "needs all-MiniLM-L6-v2: run scripts/fetch-minilm"]
fn batches_of_mixed_lengths_change_no_vector_of_the_real_minilm() {
    let texts = texts();
    // Every seventh, and the longest.
    let some: Vec<&str> =
        texts.iter().step_by(7).chain(texts.iter().max_by_key(|t| t.len())).map(|t| t.as_str()).collect();
    let encoder = encoder(&minilm());
    let tokens = encoder.tokenize(&some, Kind::Passage).unwrap();
    let alone: Vec<f32> = some.iter().flat_map(|t| encode(&encoder, &[t], Kind::Passage)).collect();
    let sequences: Vec<&[u32]> = tokens.iter().map(Vec::as_slice).collect();
    let together: Vec<f32> = sequences
        .chunks(12)
        .flat_map(|batch| futures_lite::future::block_on(encoder.send(batch)).unwrap())
        .collect();
    let difference = worst(&alone, &together);
    println!("alone and in mixed batches: largest difference {difference:.2e}");
    assert!(difference <= 1e-6, "{difference:e}");
}

#[test]
fn every_pooling_ignores_padding() {
    for name in CHECKPOINTS {
        let expected = expected(name);
        let encoder = encoder(&small(name));
        let texts = refs(&expected.texts);
        let tokens = encoder.tokenize(&texts, Kind::Query).unwrap();
        let sequences: Vec<&[u32]> = tokens.iter().map(Vec::as_slice).collect();
        // All lengths in one batch.
        let together = futures_lite::future::block_on(encoder.send(&sequences)).unwrap();
        let alone: Vec<f32> = texts.iter().flat_map(|t| encode(&encoder, &[t], Kind::Query)).collect();
        let scale = alone.iter().fold(1.0f32, |m, v| m.max(v.abs()));
        let difference = worst(&alone, &together);
        assert!(difference <= 1e-6 * scale, "{name}: {difference:e}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_choice_in_any_order_gives_each_text_its_own_vector(
        picks in prop::collection::vec(0usize..83, 1..24),
        which in 0usize..3,
    ) {
        let name = ["xlm-r", "e5", "labse"][which];
        let expected = expected(name);
        let encoder = encoder(&small(name));
        let d = encoder.dimension();
        let some: Vec<&str> = picks.iter().map(|&i| expected.texts[i].as_str()).collect();
        let got = encode(&encoder, &some, Kind::Query);
        for (&i, got) in picks.iter().zip(got.chunks(d)) {
            prop_assert!(worst(got, &expected.query[i * d..(i + 1) * d]) < 1e-5);
        }
    }

    #[test]
    fn any_text_gives_a_vector_of_length_one(text in "\\PC{0,300}") {
        let encoder = encoder(&small("labse"));
        let vector = encode(&encoder, &[&text], Kind::Query);
        let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
        prop_assert!((length - 1.0).abs() < 1e-5, "{length}");
    }
}

#[test]
fn long_texts_are_cut_like_sentence_transformers_cuts_them() {
    let encoder = encoder(&small("labse"));
    let longest = encoder.config().max_tokens;
    let long = "word ".repeat(5000);
    let tokens = encoder.tokenize(&[&long], Kind::Query).unwrap();
    assert_eq!(tokens[0].len(), longest);
    // The separator at the end is kept when truncating.
    let short = encoder.tokenize(&["word"], Kind::Query).unwrap();
    assert_eq!(tokens[0].last(), short[0].last());
}

#[test]
fn f16_and_packed_bundles_stay_close_and_survive_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["xlm-r", "labse", "qwen3", "gemma"] {
        let expected = expected(name);
        let texts = refs(&expected.texts);
        // The checkpoints are exact in f16; random weights tolerate less rounding than trained ones.
        for (quantization, close) in [
            (Quantization::F32, 1e-5),
            (Quantization::F16, 1e-5),
            (Quantization::Q8, 0.05),
            (Quantization::Q4, 0.5),
        ] {
            let mut bundle = small(name);
            bundle.store_as(quantization).unwrap();
            bundle.manifest.self_test = SelfTest::of(&bundle).unwrap();
            let before = encode(&encoder(&bundle), &texts, Kind::Query);
            let difference = worst(&before, &expected.query);
            println!("{name}, {quantization}: largest difference {difference:.2e}");
            assert!(difference < close, "{name}, {quantization}: {difference:e}");

            let path = folder.path().join(format!("{name}-{quantization}"));
            bundle.write(&path).unwrap();
            let again = common::open(&path);
            assert_eq!(again.manifest, bundle.manifest);
            assert_eq!(again.weights, bundle.weights);
            let encoder = encoder(&again);
            assert_eq!(encode(&encoder, &texts, Kind::Query), before, "{name}, {quantization}");
            let off = futures_lite::future::block_on(encoder.self_test(&again.manifest.self_test)).unwrap();
            assert!(off < 1e-6, "{off:e}");
        }
    }
}

#[test]
fn decoders_keep_a_mean_cosine_of_0_999_in_8_bits() {
    for name in ["qwen3", "qwen2", "mistral", "llama", "gemma", "gemma-causal"] {
        let expected = expected(name);
        let mut bundle = small(name);
        bundle.store_as(Quantization::Q8).unwrap();
        for precision in [Precision::F32, Precision::Packed] {
            let encoder = Encoder::with_precision(&bundle, EncoderDevice::cpu(), precision).unwrap();
            let got = encode(&encoder, &refs(&expected.texts), Kind::Query);
            let (mean, least) = cosines(&got, &expected.query, encoder.dimension());
            println!("{name}, {precision:?}: mean cosine {mean:.5}, least {least:.5}");
            assert!(mean >= 0.999, "{name}, {precision:?}: {mean}");
        }
    }
}

#[test]
fn a_device_with_wrong_vectors_fails_the_self_test_in_words() {
    let bundle = small("labse");
    let mut test = SelfTest::of(&bundle).unwrap();
    test.cases[3].vector[5] += 0.01;
    let encoder = encoder(&bundle);
    let error = futures_lite::future::block_on(encoder.self_test(&test)).unwrap_err();
    assert!(error.to_string().contains("differ from the model's reference"), "{error}");
}

#[test]
fn progress_ends_at_all_texts_and_an_error_from_it_ends_the_work() {
    let encoder = encoder(&small("e5"));
    let texts = vec!["one two three"; 300];
    let mut steps = Vec::new();
    encoder.encode_all(&texts, Kind::Passage, &mut |done, total| steps.push((done, total))).unwrap();
    assert!(steps.is_sorted() && steps.len() > 1, "{steps:?}");
    assert_eq!(steps.last(), Some(&(300, 300)));

    let mut calls = 0;
    let result = futures_lite::future::block_on(encoder.encode(&texts, Kind::Passage, async |_, _| {
        calls += 1;
        Err(Error::Cancelled)
    }));
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    assert_eq!(calls, 1);
}

#[test]
fn no_texts_give_no_vectors() {
    let encoder = encoder(&small("e5"));
    assert!(encode(&encoder, &[], Kind::Query).is_empty());
}
