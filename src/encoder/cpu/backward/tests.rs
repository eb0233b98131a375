//! Properties of the backward pass other than right gradients, which the conformance tests compare with the
//! oracle.

use super::{super::CpuModel, *};
use crate::encoder::{
    Config, Family,
    oracle::{LENGTHS, Noise, config, gemma, llama, modern, mpnet, weights, with_dense, words},
};

/// A model with odd sizes, a dense layer and this many blocks.
fn small(pooling: Pooling, layers: usize) -> (Program, Weights) {
    of_family(Family::Bert, pooling, layers)
}

fn of_family(family: Family, pooling: Pooling, layers: usize) -> (Program, Weights) {
    let config = Config { family, pooling, layers, ..config(15, 3, 37) };
    let program = with_dense(config, &[Activation::Tanh]).program().unwrap();
    let weights = weights(&program, 4);
    (program, weights)
}

#[test]
fn forward_gives_the_vectors_of_inference() {
    for family in [Family::Bert, Family::MpNet] {
        let (program, weights) = of_family(family, Pooling::Mean, 2);
        let words = words(&program, &LENGTHS, 12);
        let mut model = Trainable::new(&program, &weights).unwrap();
        let exact = CpuModel::new(&program, &weights).unwrap().encode(words.clone(), &LENGTHS);
        assert_eq!(model.forward(&words, &LENGTHS), exact);
        // As a bundle stores them: the embedding of token type 0 is added to the positions.
        let again = CpuModel::new(&program, &model.weights()).unwrap().encode(words, &LENGTHS);
        assert_eq!(again, exact);
    }
}

#[test]
fn changed_shifts_take_effect_when_refreshed() {
    let (program, weights) = of_family(Family::MpNet, Pooling::Mean, 2);
    let words = words(&program, &LENGTHS, 12);
    let mut model = Trainable::new(&program, &weights).unwrap();
    let before = model.forward(&words, &LENGTHS);
    let table = model.params().into_iter().find(|p| p.specs[0].name.contains("relative")).unwrap();
    table.values.iter_mut().for_each(|value| *value *= 1.5);
    assert_eq!(model.forward(&words, &LENGTHS), before);
    model.refresh(None);
    let after = model.forward(&words, &LENGTHS);
    let exact = CpuModel::new(&program, &model.weights()).unwrap().encode(words, &LENGTHS);
    assert!(after != before && after == exact);
}

/// More tokens than are summed at once, so that threads share the work.
#[test]
fn threads_change_no_bit() {
    for family in [Family::Bert, Family::MpNet] {
        let (program, weights) = of_family(family, Pooling::Mean, 2);
        let lengths = [LENGTHS.as_slice(), &[68; 14]].concat();
        let words = words(&program, &lengths, 13);
        let factors = Noise(14).take(lengths.len() * program.dimension());
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut model = Trainable::new(&program, &weights).unwrap();
                model.forward(&words, &lengths);
                let mut all = vec![model.backward(&factors, Reach::All)];
                all.extend(model.params().into_iter().map(|p| p.grads.clone()));
                all
            })
        };
        let alone = run(1);
        for threads in [2, 3, 8] {
            assert!(run(threads) == alone, "{threads} threads");
        }
    }
}

#[test]
fn frozen_weights_get_no_gradients_and_words_the_same() {
    let (program, weights) = small(Pooling::Cls, 2);
    let words = words(&program, &LENGTHS, 15);
    let factors = Noise(16).take(LENGTHS.len() * program.dimension());
    let mut model = Trainable::new(&program, &weights).unwrap();
    model.forward(&words, &LENGTHS);
    let frozen = model.backward(&factors, Reach::Rows);
    assert!(model.params().iter().all(|p| p.grads.iter().all(|g| *g == 0.0)));
    assert_eq!(model.backward(&factors, Reach::All), frozen);
}

#[test]
fn from_a_block_on_gradients_are_those_of_the_whole() {
    for family in [Family::Bert, Family::MpNet] {
        let (program, weights) = of_family(family, Pooling::Mean, 3);
        let words = words(&program, &LENGTHS, 18);
        let factors = Noise(19).take(LENGTHS.len() * program.dimension());
        let grads = |reach| {
            let mut model = Trainable::new(&program, &weights).unwrap();
            model.forward(&words, &LENGTHS);
            let rows = model.backward(&factors, reach);
            let grads = model.params().into_iter().map(|p| (p.place(), p.grads.clone()));
            (rows, grads.collect::<Vec<_>>())
        };
        let (_, all) = grads(Reach::All);
        for first in 0..=3 {
            let (rows, some) = grads(Reach::Block(first));
            assert_eq!(rows.len(), words.len());
            assert!(rows.iter().any(|g| *g != 0.0));
            let before = all.iter().take_while(|(place, _)| *place < Place::Block(first)).count();
            assert_eq!(all[before].0, if first < 3 { Place::Block(first) } else { Place::After });
            assert!(some[..before].iter().all(|(_, grads)| grads.iter().all(|g| *g == 0.0)));
            assert!(some[before..] == all[before..], "from block {first}");
        }
    }
}

#[test]
fn packed_weights_are_seen_and_left_as_they_are() {
    let program = config(64, 4, 96).program().unwrap();
    let weights = weights(&program, 4);
    let words = words(&program, &LENGTHS, 17);
    let mut model = Trainable::new(&program, &weights).unwrap();
    model.refresh(Some(Quantization::Q8));
    // The positions are few and never packed.
    let mut packed = weights.quantize(Quantization::Q8, &program.table().name);
    for name in ["embeddings.position_embeddings.weight", "embeddings.token_type_embeddings.weight"] {
        packed.insert(name, weights.need(name).unwrap().clone());
    }
    let packed = CpuModel::new(&program, &packed).unwrap();
    assert!(model.forward(&words, &LENGTHS) == packed.encode(words.clone(), &LENGTHS));
    let before = Trainable::new(&program, &weights).unwrap().weights();
    assert!(model.weights() == before);
}

/// Models with every kind of step, and sizes that leave partial tiles and are small enough for Miri
/// (`scripts/test miri`). That gradients are right is for the conformance tests; here it is enough that they are the
/// same in a second pass, which reuses the memory of the first.
#[test]
fn edges_of_every_step() {
    let lengths = [3, 0, 5];
    let bert = Config { layers: 1, pooling: Pooling::Max, activation: Activation::Gelu, ..config(6, 2, 7) };
    let modern = Config { layers: 2, pooling: Pooling::Cls, ..modern(6, 1, 5) };
    let mpnet = Config { layers: 2, ..mpnet(6, 2, 5) };
    let qwen = Config { family: Family::Qwen3, ..llama(6, [1, 2, 4], 5) };
    let gemma = Config { pooling: Pooling::WeightedMean, ..gemma(6, [1, 2, 2], 5) };
    let bert = with_dense(bert, &[Activation::Tanh, Activation::Identity]);
    for config in [bert, modern, mpnet, qwen, gemma] {
        let program = config.program().unwrap();
        let weights = weights(&program, 21);
        let words = words(&program, &lengths, 22);
        let factors = Noise(23).take(lengths.len() * program.dimension());
        for level in Level::all() {
            let mut model = Trainable::with_level(&program, &weights, level).unwrap();
            let mut pass = || {
                model.forward(&words, &lengths);
                let rows = model.backward(&factors, Reach::All);
                let grads = model.params().into_iter().map(|param| std::mem::take(&mut param.grads));
                let grads: Vec<Vec<f32>> = grads.collect();
                model
                    .params()
                    .into_iter()
                    .zip(&grads)
                    .for_each(|(p, grads)| p.grads = vec![0.0; grads.len()]);
                (rows, grads)
            };
            let first = pass();
            assert!(first.0.len() == words.len() && first.0.iter().all(|g| g.is_finite()), "{level:?}");
            assert!(first.1.iter().all(|grads| grads.iter().any(|g| *g != 0.0)), "{level:?}");
            assert!(pass() == first, "{level:?}");
            model.refresh(Some(Quantization::Q8));
        }
    }
}
