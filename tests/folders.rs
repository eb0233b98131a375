//! Unusual model folders compared with sentence-transformers: each setting is obeyed, or refused by the
//! field's name. The folders and reference values were made by `reference/folders.py`.

mod common;

use common::{folders::cases, refs, worst};
use interlingua::{
    Result,
    bundle::{FORMAT, OLDEST, Quantization, SECOND, SelfTest},
    encoder::{Encoder, EncoderDevice},
    retrieval::Index,
    text::Kind,
};
fn encode(encoder: &Encoder, texts: &[String], kind: Kind) -> Result<Vec<f32>> {
    encoder.encode_all(&refs(texts), kind, &mut |_, _| {})
}

#[test]
fn every_folder_is_obeyed_or_refused_by_the_field() {
    let all = cases();
    let (mut read, mut refused, mut wrong, mut largest) = (0, 0, Vec::new(), 0.0f32);
    for case in &all.cases {
        let name = &case.name;
        // With Burn's kernels too, with which one can train as well.
        for machine in [EncoderDevice::cpu(), EncoderDevice::flex()] {
            let vectors = case.bundle().and_then(|bundle| {
                let encoder = Encoder::new(&bundle, machine.clone())?;
                Ok([encode(&encoder, &all.texts, Kind::Query)?, encode(&encoder, &all.texts, Kind::Passage)?])
            });
            match (vectors, &case.refused) {
                (Ok([query, passage]), None) => {
                    read += 1;
                    for (what, got) in [("query", query), ("passage", passage)] {
                        let expected = all.expected(name, what);
                        let difference = match got.len() == expected.len() {
                            true => worst(&got, &expected),
                            false => f32::INFINITY,
                        };
                        largest = largest.max(difference);
                        if difference.is_nan() || difference >= 1e-5 {
                            wrong.push(format!(
                                "{name} on {}, {what}: {difference:e}",
                                machine.backend.name()
                            ));
                        }
                    }
                }
                (Err(problem), Some(named)) => {
                    refused += 1;
                    let problem = problem.to_string();
                    if !named.iter().all(|word| problem.contains(word.as_str())) {
                        wrong.push(format!("{name}: {named:?} is not named: {problem}"));
                    }
                }
                (Ok(_), Some(named)) => wrong.push(format!("{name}: it is read in spite of {named:?}")),
                (Err(problem), None) => wrong.push(format!("{name}: it is refused: {problem}")),
            }
        }
    }
    println!("{} folders read, {} refused, largest difference {largest:.2e}", read / 2, refused / 2);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(read / 2 >= 100 && refused / 2 >= 50, "{read} {refused}");
}

#[test]
fn each_way_of_comparing_gives_the_scores_of_sentence_transformers() {
    let all = cases();
    let mut seen = 0;
    for case in &all.cases {
        let Some(scores) = all.vectors.get(&format!("{}.scores", case.name)) else { continue };
        let bundle = case.bundle().unwrap();
        let encoder = Encoder::new(&bundle, EncoderDevice::cpu()).unwrap();
        let similarity = encoder.similarity();
        let vectors = |kind| {
            let mut rows = encode(&encoder, &all.texts, kind).unwrap();
            similarity.ready(&mut rows, encoder.dimension());
            rows
        };
        let index = Index::from_rows(encoder.dimension(), &vectors(Kind::Passage)).unwrap();
        let got = index.compared_by(similarity).scores(&vectors(Kind::Query)).unwrap();
        for (got, expected) in got.iter().zip(scores.to_f32()) {
            // A distance near 0 is the square root of a rounding error.
            let close = if expected.abs() < 1e-2 { 2e-3 } else { 1e-5 * expected.abs().max(1.0) };
            assert!((got - expected).abs() < close, "{}: {got} {expected}", case.name);
        }
        seen += 1;
    }
    assert!(seen >= 6, "{seen}");
}

#[test]
fn bundles_of_them_keep_what_they_say() {
    let all = cases();
    let folder = tempfile::tempdir().unwrap();
    for (name, format) in [
        ("as-saved", OLDEST),
        ("dense-without-bias", OLDEST),
        ("similarity-dot", SECOND),
        ("normalize-before-dense", SECOND),
        ("cut-left", SECOND),
        ("truncated", FORMAT),
    ] {
        let mut bundle = all.named(name).bundle().unwrap();
        bundle.store_as(Quantization::F32).unwrap();
        bundle.manifest.self_test = SelfTest::of(&bundle).unwrap();
        let path = folder.path().join(name);
        bundle.write(&path).unwrap();
        let again = common::open(&path);
        assert_eq!(again.manifest, bundle.manifest);
        assert_eq!(again.manifest.format, format, "{name}");
        let encoder = Encoder::new(&again, EncoderDevice::cpu()).unwrap();
        let difference =
            worst(&encode(&encoder, &all.texts, Kind::Query).unwrap(), &all.expected(name, "query"));
        assert!(difference < 1e-5, "{name}: {difference:e}");
    }
}

#[test]
fn a_tokenizer_that_nothing_changes_stays_as_it_is_in_the_folder() {
    let all = cases();
    for name in ["as-saved-whole", "xlm-r-whole", "length-by-sentence-config"] {
        let case = all.named(name);
        assert_eq!(case.bundle().unwrap().tokenizer, case.files["tokenizer.json"], "{name}");
    }
}
