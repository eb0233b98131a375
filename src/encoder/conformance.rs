//! What every device must do alike: random programs, compared with the [`oracle`].

use super::{
    Activation, Config, Family, Pooling, Precision, cpu,
    oracle::{
        ACTIVATIONS, LENGTHS, config, gemma, llama, modern, mpnet, table, vectors, weights, with_dense, words,
    },
    webgpu,
};
use crate::{
    Error, Result,
    architecture::program::Program,
    bundle::{Array, Quantization, Weights},
};

/// Widths that fill no kernel's tiles, heads of several widths, and all poolings, activations and dense
/// layers.
fn cases() -> Vec<Config> {
    let sizes = [
        (15, 3, 37),
        (16, 4, 20),
        (32, 4, 52),
        (48, 4, 100),
        (64, 4, 128),
        (192, 3, 260),
        (128, 1, 36),
        (160, 1, 64),
    ];
    let mut out: Vec<Config> = sizes.map(|(hidden, heads, inner)| config(hidden, heads, inner)).into();
    for (hidden, heads, inner) in [(15, 3, 37), (32, 2, 64)] {
        for (i, activation) in ACTIVATIONS.into_iter().enumerate() {
            for (j, pooling) in [Pooling::Mean, Pooling::Cls, Pooling::Max].into_iter().enumerate() {
                let dense = [ACTIVATIONS[5 - i], ACTIVATIONS[(i + 2) % 6]];
                let normalize = (i + j) % 2 == 0;
                let config = Config { activation, pooling, normalize, ..config(hidden, heads, inner) };
                out.push(with_dense(config, &dense[..(i + 2 * j) % 3]));
            }
        }
    }
    out.push(Config { family: Family::DistilBert, ..config(15, 3, 37) });
    for (i, (hidden, heads, inner)) in
        [(18, 3, 37), (16, 4, 20), (64, 2, 52), (192, 3, 260)].into_iter().enumerate()
    {
        let (activation, pooling) = (ACTIVATIONS[i], [Pooling::Mean, Pooling::Cls][i % 2]);
        out.push(Config { activation, pooling, ..modern(hidden, heads, inner) });
    }
    for (hidden, heads, inner) in [(15, 3, 37), (16, 4, 20), (64, 2, 52), (192, 3, 260)] {
        // More positions than the longest text takes.
        let (positions, max_tokens) = (124, 122);
        out.push(Config { positions, max_tokens, ..mpnet(hidden, heads, inner) });
    }
    // Keys that several queries share, heads wider and narrower than what they divide, windows on either side.
    let decoders = [
        (18, [1, 3, 10], 37, Pooling::Last),
        (14, [2, 1, 6], 20, Pooling::WeightedMean),
        (64, [2, 2, 32], 52, Pooling::Last),
        (32, [3, 2, 128], 68, Pooling::MeanSqrtLength),
    ];
    for (i, (hidden, heads, inner, pooling)) in decoders.into_iter().enumerate() {
        let mut config = Config { pooling, ..llama(hidden, heads, inner) };
        if let Some(decoder) = config.decoder.as_mut() {
            (decoder.causal, decoder.qkv_bias) = (i != 2, i == 1);
            (decoder.output_bias, decoder.inner_bias) = (i == 3, i == 3);
        }
        out.push(config.clone());
        out.push(Config { family: Family::Qwen3, ..config });
    }
    for (hidden, heads, inner) in [(18, [1, 3, 10], 37), (32, [1, 3, 256], 52)] {
        out.push(with_dense(gemma(hidden, heads, inner), &[Activation::Identity; 2]));
    }
    for (hidden, normalize) in [(15, true), (64, false)] {
        out.push(with_dense(table(hidden, normalize), &ACTIVATIONS[..usize::from(normalize)]));
    }
    out
}

/// A Gemma whose hidden states and units are far beyond 65,504, the largest number in f16, and its embedding rows: the
/// norms after its layers have large gains, and its feed-forward layers large weights.
fn beyond_f16() -> (Config, Weights, Vec<f32>) {
    let config = gemma(32, [1, 3, 12], 52);
    let program = config.program().unwrap();
    let mut all = weights(&program, 5);
    for param in program.params() {
        let by = match param.name.split('.').rev().nth(1) {
            Some("post_attention_layernorm" | "post_feedforward_layernorm") => 3e5,
            Some("gate_proj" | "up_proj") => 3e3,
            _ => continue,
        };
        let array = all.get(&param.name).unwrap();
        let values = array.to_f32().into_iter().map(|x| x * by).collect();
        all.insert(&param.name, Array::f32(array.shape.clone(), values));
    }
    let words = words(&program, &LENGTHS, 11).into_iter().map(|x| x * 2e5).collect();
    (config, all, words)
}

/// Compares the output of `run` with the oracle for each case and each way of storing weights: no number may
/// be off by more than `limit`, relative to the largest where that exceeds 1.
fn conforms(
    stored: &[Quantization],
    limit: f64,
    run: impl Fn(&Program, &Weights, &[f32]) -> Result<Option<Vec<f32>>>,
) {
    let mut worst = 0.0f64;
    let usual = cases().into_iter().enumerate().map(|(i, config)| {
        let program = config.program().unwrap();
        let mut all = weights(&program, 7 + i as u64);
        if i % 2 == 1 {
            all.remove("embeddings.token_type_embeddings.weight");
        }
        let words = words(&program, &LENGTHS, 11);
        (config, all, words)
    });
    for (config, all, words) in usual.chain([beyond_f16()]) {
        let program = config.program().unwrap();
        for &stored in stored {
            let all = all.quantize(stored, &program.table().name);
            let expected = vectors(&program, &all, &words, &LENGTHS);
            let Some(got) = run(&program, &all, &words).unwrap() else { continue };
            assert_eq!(got.len(), expected.len());
            let largest = expected.iter().fold(1.0f64, |m, x| m.max(x.abs()));
            for (got, expected) in got.iter().zip(&expected) {
                let off = (f64::from(*got) - expected).abs() / largest;
                assert!(off < limit, "{stored} {config:?}: {got} {expected}");
                worst = worst.max(off);
            }
        }
    }
    println!("largest difference {worst:.1e}");
}

const PLAIN: [Quantization; 1] = [Quantization::F32];
const BOTH: [Quantization; 2] = [Quantization::F32, Quantization::Q8];

#[test]
fn the_cpu_agrees_with_all_instructions() {
    for level in cpu::Level::all() {
        conforms(&PLAIN, 1e-5, |program, weights, words| {
            let model = cpu::CpuModel::with_level(program, weights, Precision::F32, level)?;
            Ok(Some(model.encode(words.to_vec(), &LENGTHS)))
        });
    }
}

#[test]
fn the_cpu_agrees_in_integers_with_all_instructions() {
    for level in cpu::Level::all() {
        conforms(&[Quantization::Q8], 2e-2, |program, weights, words| {
            let model = cpu::CpuModel::with_level(program, weights, Precision::Packed, level)?;
            Ok(Some(model.encode(words.to_vec(), &LENGTHS)))
        });
    }
}

#[test]
fn webgpu_agrees_on_gpus_and_imitated_ones_or_refuses_what_it_cannot_do() {
    for context in webgpu::tests::contexts() {
        conforms(&BOTH, 1e-5, |program, weights, words| {
            match webgpu::WebGpuModel::new(context, program.clone(), weights, Precision::Packed) {
                Ok(model) => {
                    let vectors = futures_lite::future::block_on(model.send(words, &LENGTHS).unwrap());
                    Ok(Some(vectors.unwrap()))
                }
                Err(Error::Unsupported { .. }) if !program.width().is_multiple_of(4) => Ok(None),
                Err(problem) => Err(problem),
            }
        });
    }
}

#[cfg(feature = "native")]
#[test]
fn burn_agrees() {
    let device = burn::tensor::Device::flex();
    conforms(&PLAIN, 1e-5, |program, weights, words| {
        let program = std::sync::Arc::new(program.clone());
        let model = super::trained::BurnModel::new(program.clone(), weights, Precision::F32, &device)?;
        // Padded, as Burn's kernels need it; the padding's values do not matter.
        let longest = 68;
        let mut rest = words;
        let mut padded = Vec::new();
        for length in LENGTHS {
            let own;
            (own, rest) = rest.split_at(length * program.width());
            padded.extend(own);
            padded.resize(padded.len() + (longest - length) * program.width(), 0.25);
        }
        let ids = LENGTHS.map(|length| vec![0; length]);
        let sequences: Vec<&[u32]> = ids.iter().map(Vec::as_slice).collect();
        Ok(Some(futures_lite::future::block_on(model.send(padded, &sequences, longest)).unwrap()))
    });
}

/// The loss that the gradient tests use: vectors times random numbers, summed.
#[cfg(feature = "gradients")]
fn loss(program: &Program, weights: &Weights, words: &[f32], factors: &[f32]) -> f64 {
    let vectors = vectors(program, weights, words, &LENGTHS);
    vectors.iter().zip(factors).map(|(v, f)| v * f64::from(*f)).sum()
}

/// The values, shifted up and down so little that hardly any maximum moves elsewhere and hardly any ReLU input
/// crosses 0.
#[cfg(feature = "gradients")]
fn moved(values: &[f32], noise: &mut super::oracle::Noise) -> [Vec<f32>; 2] {
    let by = noise.take(values.len());
    [1e-4, -1e-4].map(|step| values.iter().zip(&by).map(|(v, by)| v + step * by).collect())
}

/// Whether the loss rises from the second values to the first by what the gradients predict.
#[cfg(feature = "gradients")]
fn rises(grads: &[f32], [up, down]: &[Vec<f32>; 2], losses: [f64; 2]) -> bool {
    let steps = up.iter().zip(down).map(|(up, down)| f64::from(*up) - f64::from(*down));
    let parts: Vec<f64> = grads.iter().zip(steps).map(|(g, step)| f64::from(*g) * step).collect();
    let size = parts.iter().map(|part| part * part).sum::<f64>().sqrt();
    (losses[0] - losses[1] - parts.iter().sum::<f64>()).abs() < 0.03 * size + 1e-8
}

#[cfg(feature = "gradients")]
#[test]
fn gradients_are_the_oracles_differences() {
    use super::{Reach, cpu::backward::Trainable, oracle::Noise};

    let mut noise = Noise(11);
    let levels = cpu::Level::all();
    for (i, config) in
        cases().into_iter().enumerate().filter(|(_, config)| config.hidden < 20 && config.hidden != 16)
    {
        let program = config.program().unwrap();
        let mut all = weights(&program, 7 + i as u64);
        let words = words(&program, &LENGTHS, 11);
        let factors = noise.take(LENGTHS.len() * program.dimension());
        let level = levels[i % levels.len()];
        let mut model = Trainable::with_level(&program, &all, level).unwrap();
        // Twice: weight gradients accumulate, and memory is reused.
        for _ in 0..2 {
            model.forward(&words, &LENGTHS);
            let grads = model.backward(&factors, Reach::All);
            let both = moved(&words, &mut noise);
            let losses = both.each_ref().map(|words| loss(&program, &all, words, &factors));
            assert!(rises(&grads, &both, losses), "{level:?} {config:?} words");
        }
        for param in model.params() {
            let parts: Vec<_> =
                param.parts(&param.values).map(|(name, array)| (name.to_string(), array)).collect();
            for ((name, values), (_, grads)) in parts.into_iter().zip(param.parts(&param.grads)) {
                let (own, grads) = (values.to_f32(), grads.to_f32());
                let both = moved(&own, &mut noise);
                // In training the positions include the segment embedding; a shift is the same with or
                // without it.
                let before = all.get(&name).unwrap().clone();
                let there = before.to_f32();
                let losses = both.each_ref().map(|values| {
                    let step = values.iter().zip(&own).zip(&there).map(|((v, own), there)| there + (v - own));
                    all.insert(&name, Array::f32(before.shape.clone(), step.collect()));
                    loss(&program, &all, &words, &factors)
                });
                all.insert(&name, before);
                let once: Vec<f32> = grads.iter().map(|g| g / 2.0).collect();
                assert!(rises(&once, &both, losses), "{level:?} {config:?} {name}");
                // A key's bias shifts all scores of a query alike, so it has no effect.
                let keys = ["key.bias", "k_lin.bias", "attn.k.bias", "k_proj.bias"];
                if !keys.iter().any(|key| name.ends_with(key)) {
                    let largest = grads.iter().fold(0.0f32, |m, g| m.max(g.abs()));
                    assert!(largest > 1e-5, "{level:?} {config:?} {name}: no gradient, {largest:e}");
                }
            }
        }
    }
}

#[test]
fn the_largest_activations_would_overflow_f16() {
    let (config, all, words) = beyond_f16();
    let program = config.program().unwrap();
    let mut largest = 0.0f64;
    super::oracle::traced(&program, &all, &words[..LENGTHS[0] * program.width()], |rows| {
        largest = rows.iter().flatten().fold(largest, |most, x| most.max(x.abs()));
    });
    assert!(largest > 65_504.0 * 10.0 && largest.is_finite(), "{largest}");
}
