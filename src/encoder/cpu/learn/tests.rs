//! Gradients against differences of the plain encoder in f64.

use super::{
    super::tests::{ACTIVATIONS, LENGTHS, Noise, config, model, slowly},
    *,
};
use crate::{
    bundle::Array,
    encoder::{Activation, Pooling},
};

/// The loss of the tests: vectors times random numbers, summed.
fn loss(config: &Config, weights: &Weights, words: &[f32], factors: &[f32]) -> f64 {
    let mut rest = words;
    let mut sum = 0.0;
    for (length, factors) in LENGTHS.iter().zip(factors.chunks(config.dimension())) {
        let own;
        (own, rest) = rest.split_at(length * config.hidden);
        sum += slowly(config, weights, own).iter().zip(factors).map(|(v, f)| v * f64::from(*f)).sum::<f64>();
    }
    sum
}

/// Values moved a little to either side.
fn moved(values: &[f32], noise: &mut Noise) -> [Vec<f32>; 2] {
    let by = noise.take(values.len());
    [1e-3, -1e-3].map(|step| values.iter().zip(&by).map(|(v, by)| v + step * by).collect())
}

/// How much the loss should rise from the second to the first, by the gradients.
fn promised(grads: &[f32], [up, down]: &[Vec<f32>; 2]) -> f64 {
    let rise = grads.iter().zip(up.iter().zip(down));
    rise.map(|(g, (up, down))| f64::from(*g) * (f64::from(*up) - f64::from(*down))).sum()
}

#[test]
fn gradients_are_right_for_every_pooling_activation_and_dense() {
    use Activation::{Gelu, Identity, Tanh};
    let some: [&[Activation]; 3] = [&[], &[Tanh], &[Identity, Gelu]];
    let mut noise = Noise(11);
    for level in Level::all() {
        for (round, activation) in ACTIVATIONS.into_iter().enumerate() {
            let pooling = [Pooling::Mean, Pooling::Cls, Pooling::Max][round % 3];
            let config = config(pooling, activation, some[round % 3], round % 2 == 0);
            let weights = model(&config, false);
            let words = noise.take(LENGTHS.iter().sum::<usize>() * config.hidden);
            let factors = noise.take(LENGTHS.len() * config.dimension());
            let mut learner = Learner::with_level(&config, &weights, level).unwrap();
            // Twice: gradients of weights add up, and memory that is used again is no trouble.
            for _ in 0..2 {
                learner.forward(&words, &LENGTHS);
                let grads = learner.back(&factors, Reach::All);
                let both = moved(&words, &mut noise);
                let rise =
                    loss(&config, &weights, &both[0], &factors) - loss(&config, &weights, &both[1], &factors);
                let promise = promised(&grads, &both);
                assert!((rise - promise).abs() < 1e-4, "{level:?} {config:?} words: {rise} {promise}");
            }
            for param in learner.params() {
                let parts = param.names.len();
                let mut shape = param.shape.clone();
                shape[0] /= parts;
                let size = param.values.len() / parts;
                for (i, name) in param.names.iter().enumerate() {
                    let part = i * size..(i + 1) * size;
                    let both = moved(&param.values[part.clone()], &mut noise);
                    let [up, down] = both.clone().map(|values| {
                        let mut weights = weights.clone();
                        weights.insert(name, Array::f32(shape.clone(), values));
                        loss(&config, &weights, &words, &factors)
                    });
                    let grads = &param.grads[part];
                    let promise = promised(grads, &both) / 2.0;
                    // ReLU has no slope at 0, and a step may cross it.
                    let limit = if activation == Activation::Relu { 2e-3 } else { 1e-4 };
                    assert!(
                        (up - down - promise).abs() < limit,
                        "{level:?} {config:?} {name}: {} {promise}",
                        up - down
                    );
                    // A key's bias shifts all scores of a query alike: it has no effect.
                    if !name.ends_with("key.bias") {
                        let largest = grads.iter().fold(0.0f32, |m, g| m.max(g.abs()));
                        assert!(largest > 1e-5, "{level:?} {config:?} {name}: no gradient, {largest:e}");
                    }
                }
            }
        }
    }
}

#[test]
fn forward_gives_the_vectors_of_inference() {
    let config = config(Pooling::Mean, Activation::Gelu, &[Activation::Tanh], true);
    let weights = model(&config, true);
    let words = Noise(12).take(LENGTHS.iter().sum::<usize>() * config.hidden);
    let mut learner = Learner::new(&config, &weights).unwrap();
    let exact = super::super::Blocks::new(&config, &weights).unwrap().encode(words.clone(), &LENGTHS);
    assert_eq!(learner.forward(&words, &LENGTHS), exact);
    // As a bundle gets them: the row of token type 0 is in the positions.
    let again = super::super::Blocks::new(&config, &learner.weights()).unwrap().encode(words, &LENGTHS);
    assert_eq!(again, exact);
}

/// More tokens than are summed in one go, so that work is shared out.
#[test]
fn threads_change_no_bit() {
    let config = config(Pooling::Mean, Activation::Gelu, &[], true);
    let weights = model(&config, true);
    let lengths = [LENGTHS.as_slice(), &[68; 14]].concat();
    let words = Noise(13).take(lengths.iter().sum::<usize>() * config.hidden);
    let factors = Noise(14).take(lengths.len() * config.dimension());
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut learner = Learner::new(&config, &weights).unwrap();
            learner.forward(&words, &lengths);
            let mut all = vec![learner.back(&factors, Reach::All)];
            all.extend(learner.params().into_iter().map(|p| p.grads.clone()));
            all
        })
    };
    let alone = run(1);
    for threads in [2, 3, 8] {
        assert!(run(threads) == alone, "{threads} threads");
    }
}

#[test]
fn frozen_weights_get_no_gradients_and_words_the_same() {
    let config = config(Pooling::Cls, Activation::Gelu, &[Activation::Tanh], true);
    let weights = model(&config, true);
    let words = Noise(15).take(LENGTHS.iter().sum::<usize>() * config.hidden);
    let factors = Noise(16).take(LENGTHS.len() * config.dimension());
    let mut learner = Learner::new(&config, &weights).unwrap();
    learner.forward(&words, &LENGTHS);
    let frozen = learner.back(&factors, Reach::Rows);
    assert!(learner.params().iter().all(|p| p.grads.iter().all(|g| *g == 0.0)));
    assert_eq!(learner.back(&factors, Reach::All), frozen);
}

#[test]
fn from_a_block_on_gradients_are_those_of_the_whole() {
    let mut config = config(Pooling::Mean, Activation::Gelu, &[Activation::Tanh], true);
    config.layers = 3;
    let weights = model(&config, true);
    let words = Noise(18).take(LENGTHS.iter().sum::<usize>() * config.hidden);
    let factors = Noise(19).take(LENGTHS.len() * config.dimension());
    let grads = |reach| {
        let mut learner = Learner::new(&config, &weights).unwrap();
        learner.forward(&words, &LENGTHS);
        let rows = learner.back(&factors, reach);
        let grads = learner.params().into_iter().map(|p| (p.names.join(" "), p.grads.clone()));
        (rows, grads.collect::<Vec<_>>())
    };
    let (_, all) = grads(Reach::All);
    for first in 0..=3 {
        let (rows, some) = grads(Reach::Block(first));
        assert_eq!(rows.len(), words.len());
        assert!(rows.iter().any(|g| *g != 0.0));
        let before = Learner::before(Reach::Block(first));
        let name = if first < 3 { format!("encoder.layer.{first}.attention") } else { "dense.0".into() };
        assert!(all[before].0.starts_with(&name), "{}", all[before].0);
        assert!(some[..before].iter().all(|(_, grads)| grads.iter().all(|g| *g == 0.0)));
        assert!(some[before..] == all[before..], "from block {first}");
    }
}

#[test]
fn packed_weights_are_seen_and_left_as_they_are() {
    let mut config = config(Pooling::Mean, Activation::Gelu, &[], true);
    (config.hidden, config.heads, config.intermediate) = (64, 4, 96);
    let weights = model(&config, false);
    let words = Noise(17).take(LENGTHS.iter().sum::<usize>() * 64);
    let mut learner = Learner::new(&config, &weights).unwrap();
    learner.refresh(Some(Quantization::Q8));
    // The positions are few and stay as they are.
    let mut packed = weights.quantize(Quantization::Q8);
    let name = "embeddings.position_embeddings.weight";
    packed.insert(name, weights.need(name).unwrap().clone());
    let packed = super::super::Blocks::new(&config, &packed).unwrap();
    assert!(learner.forward(&words, &LENGTHS) == packed.encode(words.clone(), &LENGTHS));
    let before = Learner::new(&config, &weights).unwrap().weights();
    assert!(learner.weights() == before);
}
