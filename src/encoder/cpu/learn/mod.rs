//! The encoder on the CPU while it is trained: forward with everything kept that the way back needs,
//! and back, by the kernels of inference and their mirror images.
//!
//! Every sum is taken in an order that does not depend on the number of threads, so the same batches
//! give the same weights, to the last bit.

mod attention;
mod linear;
mod param;
mod rows;

pub use param::Param;

use rayon::prelude::*;

use super::{
    super::Reach,
    Config, add,
    attention::attend,
    pool::{pool, unpool},
    positions,
    rows::normalize,
    simd::Level,
};
use crate::{
    Result,
    bundle::{Quantization, Weights},
};
use linear::{Affine, Chunks};
use rows::{LayerNorm, activated, sloped, unnormalize};

/// A model's blocks in training.
pub struct Learner {
    config: Config,
    level: Level,
    /// `[positions, hidden]`, the row of token type 0 already added.
    position: Param,
    norm: LayerNorm,
    layers: Vec<Layer>,
    /// After pooling.
    dense: Vec<Affine>,
    kept: Kept,
    scratch: Scratch,
}

/// One transformer block (post-norm, as in BERT).
struct Layer {
    /// Query, key and value in one product.
    attention_in: Affine,
    attention_out: Affine,
    attention_norm: LayerNorm,
    up: Affine,
    down: Affine,
    norm: LayerNorm,
}

/// What the last forward pass left; memory is used again.
#[derive(Default)]
struct Kept {
    lengths: Vec<usize>,
    /// Rows before the first layer norm, `[tokens, hidden]`.
    words: Vec<f32>,
    layers: Vec<Steps>,
    /// Rows after the last block, `[tokens, hidden]`.
    last: Vec<f32>,
    /// What went into each dense layer, and into the scaling to length 1 at the end.
    vectors: Vec<Vec<f32>>,
    /// What was scaled to length 1 before each dense layer; nothing for those before which nothing was.
    unscaled: Vec<Vec<f32>>,
    /// What came out of each dense layer before its activation.
    before: Vec<Vec<f32>>,
}

/// Rows within one block.
#[derive(Default)]
struct Steps {
    x: Vec<f32>,
    /// Queries, keys, values.
    parts: Vec<f32>,
    mixed: Vec<f32>,
    /// Before the attention's layer norm, and after.
    sum: Vec<f32>,
    middle: Vec<f32>,
    /// Before the activation, and after.
    wide: Vec<f32>,
    active: Vec<f32>,
    /// Before the block's layer norm.
    end: Vec<f32>,
}

/// Gradients on their way back.
#[derive(Default)]
struct Scratch {
    grads: Vec<f32>,
    other: Vec<f32>,
    wide: Vec<f32>,
}

impl Learner {
    /// Takes the weights of a model.
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) naming the tensor that is missing or has another shape
    /// than `config` says.
    pub fn new(config: &Config, weights: &Weights) -> Result<Self> {
        Self::with_level(config, weights, Level::best())
    }

    pub(super) fn with_level(config: &Config, weights: &Weights, level: Level) -> Result<Self> {
        let (hidden, wide) = (config.hidden, config.intermediate);
        let affine = |names: &[String], input, output| Affine::new(level, weights, names, input, output);
        let norm =
            |name: &str| LayerNorm::new(level, weights, name, hidden, config.layer_norm_epsilon as f32);
        let layers = (0..config.layers)
            .map(|i| {
                let at = |name: &str| format!("encoder.layer.{i}.{name}");
                let three = ["query", "key", "value"].map(|n| at(&format!("attention.self.{n}")));
                Ok(Layer {
                    attention_in: affine(&three, hidden, hidden)?,
                    attention_out: affine(&[at("attention.output.dense")], hidden, hidden)?,
                    attention_norm: norm(&at("attention.output.LayerNorm"))?,
                    up: affine(&[at("intermediate.dense")], hidden, wide)?,
                    down: affine(&[at("output.dense")], wide, hidden)?,
                    norm: norm(&at("output.LayerNorm"))?,
                })
            })
            .collect::<Result<_>>()?;
        let dense = config.dense.iter().enumerate();
        Ok(Self {
            position: Param::new(
                vec!["embeddings.position_embeddings.weight".into()],
                vec![config.positions, hidden],
                positions(config, weights)?,
            ),
            norm: norm("embeddings.LayerNorm")?,
            dense: dense
                .map(|(i, d)| affine(&[format!("dense.{i}")], d.input, d.output))
                .collect::<Result<_>>()?,
            layers,
            level,
            kept: Kept::default(),
            scratch: Scratch::default(),
            config: config.clone(),
        })
    }

    /// Vectors `[sequences, dimension]` from word embedding rows `[tokens, hidden]` of sequences one
    /// after the other, which are `lengths` tokens long. What [`back`](Self::back) needs is kept.
    ///
    /// # Panics
    /// When there are not as many rows as `lengths` say, or fewer positions than a sequence has tokens.
    pub fn forward(&mut self, words: &[f32], lengths: &[usize]) -> Vec<f32> {
        let Self { config, level, kept, .. } = self;
        let &mut Config { hidden, first_position, intermediate, heads, .. } = config;
        let tokens: usize = lengths.iter().sum();
        assert_eq!(words.len(), tokens * hidden, "a row for each token");
        copy(&mut kept.lengths, lengths);
        copy(&mut kept.words, words);
        let mut rows = kept.words.chunks_mut(hidden);
        for &length in lengths {
            let positions = self.position.values[first_position * hidden..][..length * hidden].chunks(hidden);
            positions.zip(&mut rows).for_each(|(position, row)| add(row, position));
        }
        kept.layers.resize_with(self.layers.len(), Steps::default);
        kept.last.clone_from(&kept.words);
        self.norm.apply(&mut kept.last);
        for (layer, steps) in self.layers.iter().zip(&mut kept.layers) {
            let Steps { x, parts, mixed, sum, middle, wide, active, end } = steps;
            std::mem::swap(x, &mut kept.last);
            layer.attention_in.apply(x, fit(parts, tokens * 3 * hidden), false);
            attend(*level, heads, parts, lengths, fit(mixed, tokens * hidden));
            copy(sum, x);
            layer.attention_out.apply(mixed, sum, true);
            copy(middle, sum);
            layer.attention_norm.apply(middle);
            layer.up.apply(middle, fit(wide, tokens * intermediate), false);
            activated(*level, config.activation, wide, fit(active, tokens * intermediate));
            copy(end, middle);
            layer.down.apply(active, end, true);
            copy(&mut kept.last, end);
            layer.norm.apply(&mut kept.last);
        }
        let mut vectors = pool(config.pooling, hidden, &kept.last, lengths);
        kept.vectors.clear();
        kept.before.clear();
        kept.unscaled.clear();
        for (dense, spec) in self.dense.iter().zip(&config.dense) {
            kept.unscaled.push(match spec.normalized {
                true => {
                    let unscaled = vectors.clone();
                    normalize(&mut vectors, spec.input);
                    unscaled
                }
                false => Vec::new(),
            });
            let mut before = vec![0.0; lengths.len() * spec.output];
            dense.apply(&vectors, &mut before, false);
            kept.vectors.push(std::mem::take(&mut vectors));
            vectors = vec![0.0; before.len()];
            activated(*level, spec.activation, &before, &mut vectors);
            kept.before.push(before);
        }
        kept.vectors.push(vectors.clone());
        if config.normalize {
            normalize(&mut vectors, config.dimension());
        }
        vectors
    }

    /// Gradients `[tokens, hidden]` of the word embedding rows of the last [`forward`](Self::forward),
    /// from those of its vectors, `[sequences, dimension]`; where `reach` ends at a block, of the rows that
    /// went into that one. Those of the weights in its reach are added to what is in
    /// [`params`](Self::params).
    ///
    /// # Panics
    /// When there are not as many gradients as there were vectors.
    pub fn back(&mut self, grads: &[f32], reach: Reach) -> Vec<f32> {
        let learn = reach != Reach::Rows;
        let Self { config, level, kept, scratch, .. } = self;
        let &mut Config { hidden, first_position, intermediate, heads, .. } = config;
        let (level, lengths) = (*level, &kept.lengths[..]);
        assert_eq!(grads.len(), lengths.len() * config.dimension(), "a gradient for each vector");
        let mut vectors = grads.to_vec();
        if config.normalize
            && let Some(before) = kept.vectors.last()
        {
            unnormalize(before, &mut vectors, config.dimension());
        }
        for (i, (dense, spec)) in self.dense.iter_mut().zip(&config.dense).enumerate().rev() {
            sloped(level, spec.activation, &kept.before[i], &mut vectors);
            if learn {
                dense.learn(&Chunks::new(level, &kept.vectors[i], spec.input), &vectors);
            }
            let mut next = vec![0.0; lengths.len() * spec.input];
            dense.back(&vectors, &mut next, false);
            if spec.normalized {
                unnormalize(&kept.unscaled[i], &mut next, spec.input);
            }
            vectors = next;
        }
        let tokens: usize = lengths.iter().sum();
        let Scratch { grads, other, wide } = scratch;
        unpool(config.pooling, hidden, &kept.last, lengths, &vectors, fit(grads, tokens * hidden));
        fit(other, tokens * hidden);
        for (layer, steps) in self.layers.iter_mut().zip(&kept.layers).skip(reach.first()).rev() {
            layer.norm.back(&steps.end, grads, learn);
            layer.down.back(grads, fit(wide, tokens * intermediate), false);
            if learn {
                layer.down.learn(&Chunks::new(level, &steps.active, intermediate), grads);
            }
            sloped(level, config.activation, &steps.wide, wide);
            layer.up.back(wide, grads, true);
            if learn {
                layer.up.learn(&Chunks::new(level, &steps.middle, hidden), wide);
            }
            layer.attention_norm.back(&steps.sum, grads, learn);
            layer.attention_out.back(grads, other, false);
            if learn {
                layer.attention_out.learn(&Chunks::new(level, &steps.mixed, hidden), grads);
            }
            attention::back(level, heads, &steps.parts, lengths, other, fit(wide, tokens * 3 * hidden));
            layer.attention_in.back(wide, grads, true);
            if learn {
                layer.attention_in.learn(&Chunks::new(level, &steps.x, hidden), wide);
            }
        }
        if matches!(reach, Reach::Block(_)) {
            return grads.clone();
        }
        self.norm.back(&kept.words, grads, learn);
        if learn {
            let mut rows = grads.chunks(hidden);
            for &length in lengths {
                let positions = &mut self.position.grads[first_position * hidden..][..length * hidden];
                positions.chunks_mut(hidden).zip(&mut rows).for_each(|(position, row)| add(position, row));
            }
        }
        grads.clone()
    }

    /// All weights with their gradients, always in the same order. Call [`refresh`](Self::refresh) when
    /// values were changed.
    pub fn params(&mut self) -> Vec<&mut Param> {
        let mut out = vec![&mut self.position, &mut self.norm.gain, &mut self.norm.bias];
        for layer in &mut self.layers {
            let Layer { attention_in, attention_out, attention_norm, up, down, norm } = layer;
            for affine in [attention_in, attention_out, up, down] {
                out.extend([&mut affine.weight, &mut affine.bias]);
            }
            for norm in [attention_norm, norm] {
                out.extend([&mut norm.gain, &mut norm.bias]);
            }
        }
        for affine in &mut self.dense {
            out.extend([&mut affine.weight, &mut affine.bias]);
        }
        out
    }

    /// How many of [`params`](Self::params) come before those within `reach`.
    pub fn before(reach: Reach) -> usize {
        match reach {
            Reach::Block(first) => EMBEDDING_PARAMS + first * LAYER_PARAMS,
            Reach::Rows | Reach::All => 0,
        }
    }

    /// Takes changed values into use. With `quantization`, the passes see matrices as they would be
    /// packed, and gradients pass through to the values as they are (straight-through,
    /// arXiv 1308.3432).
    pub fn refresh(&mut self, quantization: Option<Quantization>) {
        self.norm.refresh();
        self.layers.par_iter_mut().for_each(|layer| {
            let Layer { attention_in, attention_out, attention_norm, up, down, norm } = layer;
            [attention_in, attention_out, up, down].into_par_iter().for_each(|a| a.refresh(quantization));
            attention_norm.refresh();
            norm.refresh();
        });
        self.dense.par_iter_mut().for_each(|dense| dense.refresh(quantization));
    }

    /// The weights under the names of Hugging Face's BERT.
    pub fn weights(&mut self) -> Weights {
        let mut out = Weights::default();
        self.params().into_iter().for_each(|param| param.store(&mut out));
        out
    }
}

/// Of [`Learner::params`], those before the blocks, and those of one block.
const EMBEDDING_PARAMS: usize = 3;
const LAYER_PARAMS: usize = 12;

/// Room for `n` values; what they are does not matter.
fn fit(values: &mut Vec<f32>, n: usize) -> &mut [f32] {
    values.resize(n, 0.0);
    values
}

fn copy<T: Copy>(to: &mut Vec<T>, from: &[T]) {
    to.clear();
    to.extend_from_slice(from);
}

#[cfg(test)]
mod tests;
