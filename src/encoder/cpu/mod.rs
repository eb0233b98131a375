//! The encoder on the CPU, by kernels of our own: in the browser, and natively.
//!
//! Tokens of all sequences lie one after the other without padding. Linear layers take all rows at
//! once ([`product`]), attention each sequence by itself ([`attention`]). What a row becomes depends
//! on its own sequence alone, to the last bit: not on its batch, nor on the number of threads.

mod attention;
mod integers;
#[cfg(feature = "native")]
pub mod learn;
pub(super) mod linear;
mod math;
mod pool;
pub(super) mod product;
mod rows;
pub(super) mod simd;

use super::{Activation, Config, Precision, positions};
use crate::{Result, bundle::Weights};
use integers::Integers;
use linear::{Linear, Matrix};
use pool::pool;
use product::Panels;
use rows::{Norm, normalize};
use simd::Level;

/// A model's blocks, ready to run.
pub struct Blocks {
    config: Config,
    level: Level,
    /// `[positions, hidden]`, the row of token type 0 already added.
    position: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
    /// After pooling.
    dense: Vec<Linear>,
}

/// One transformer block (post-norm, as in BERT).
struct Layer {
    /// Query, key and value in one product.
    attention_in: Linear,
    attention_out: Linear,
    attention_norm: Norm,
    up: Linear,
    down: Linear,
    norm: Norm,
}

impl Blocks {
    /// Takes the weights of a model, to compute in f32.
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) naming the tensor that is missing or has another shape
    /// than `config` says.
    pub fn new(config: &Config, weights: &Weights) -> Result<Self> {
        Self::with_precision(config, weights, Precision::F32)
    }

    /// As [`new`](Self::new); [`Precision::Packed`] takes linear layers that are packed in 8 bits to
    /// integers: faster, at a cost in
    /// exactness far below that of the 8 bits.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_precision(config: &Config, weights: &Weights, precision: Precision) -> Result<Self> {
        Self::with_level(config, weights, precision, Level::best())
    }

    fn with_level(config: &Config, weights: &Weights, precision: Precision, level: Level) -> Result<Self> {
        let load = Loader { weights, level, precision, epsilon: config.layer_norm_epsilon as f32 };
        let hidden = config.hidden;
        let position = positions(config, weights)?;
        let layers = (0..config.layers)
            .map(|i| {
                let at = |name: &str| format!("encoder.layer.{i}.{name}");
                Ok(Layer {
                    attention_in: load.linear(
                        &["query", "key", "value"].map(|n| at(&format!("attention.self.{n}"))),
                        hidden,
                        hidden,
                        Activation::Identity,
                    )?,
                    attention_out: load.linear(
                        &[at("attention.output.dense")],
                        hidden,
                        hidden,
                        Activation::Identity,
                    )?,
                    attention_norm: load.norm(&at("attention.output.LayerNorm"), hidden)?,
                    up: load.linear(
                        &[at("intermediate.dense")],
                        hidden,
                        config.intermediate,
                        config.activation,
                    )?,
                    down: load.linear(
                        &[at("output.dense")],
                        config.intermediate,
                        hidden,
                        Activation::Identity,
                    )?,
                    norm: load.norm(&at("output.LayerNorm"), hidden)?,
                })
            })
            .collect::<Result<_>>()?;
        let dense = config
            .dense
            .iter()
            .enumerate()
            .map(|(i, d)| load.linear(&[format!("dense.{i}")], d.input, d.output, d.activation))
            .collect::<Result<_>>()?;
        let norm = load.norm("embeddings.LayerNorm", hidden)?;
        Ok(Self { config: config.clone(), level, position, norm, layers, dense })
    }

    /// Vectors `[sequences, dimension]` from word embedding rows `[tokens, hidden]` of sequences one
    /// after the other, which are `lengths` tokens long. An empty sequence gives what the dense layers
    /// make of zeros.
    ///
    /// # Panics
    /// When there are not as many rows as `lengths` say, or fewer positions than a sequence has tokens.
    pub fn encode(&self, words: Vec<f32>, lengths: &[usize]) -> Vec<f32> {
        let Config { hidden, first_position, intermediate, .. } = self.config;
        let tokens: usize = lengths.iter().sum();
        assert_eq!(words.len(), tokens * hidden, "a row for each token");
        let mut x = words;
        let mut rows = x.chunks_mut(hidden);
        for &length in lengths {
            let positions = self.position[first_position * hidden..][..length * hidden].chunks(hidden);
            positions.zip(&mut rows).for_each(|(position, row)| add(row, position));
        }
        self.norm.apply_all(self.level, &mut x);
        // `wide` holds queries, keys and values, then the feed-forward layer of some rows at a time.
        let strip = STRIP.min(tokens);
        let mut wide = vec![0.0; (tokens * 3 * hidden).max(strip * intermediate)];
        let mut mixed = vec![0.0; tokens * hidden];
        for layer in &self.layers {
            let parts = &mut wide[..tokens * 3 * hidden];
            layer.attention_in.apply(&x, parts, false);
            attention::attend(self.level, self.config.heads, parts, lengths, &mut mixed);
            layer.attention_out.apply(&mixed, &mut x, true);
            layer.attention_norm.apply_all(self.level, &mut x);
            for rows in x.chunks_mut(STRIP * hidden) {
                let wide = &mut wide[..rows.len() / hidden * intermediate];
                layer.up.apply(rows, wide, false);
                layer.down.apply(wide, rows, true);
            }
            layer.norm.apply_all(self.level, &mut x);
        }
        let mut vectors = pool(self.config.pooling, self.config.hidden, &x, lengths);
        for (dense, spec) in self.dense.iter().zip(&self.config.dense) {
            if spec.normalized {
                normalize(&mut vectors, spec.input);
            }
            let mut out = vec![0.0; lengths.len() * dense.output];
            dense.apply(&vectors, &mut out, false);
            vectors = out;
        }
        if self.config.normalize {
            normalize(&mut vectors, self.config.dimension());
        }
        vectors
    }
}

/// Rows that go through the feed-forward layers together, to keep what is between them small.
const STRIP: usize = 1024;

fn add(to: &mut [f32], from: &[f32]) {
    to.iter_mut().zip(from).for_each(|(t, f)| *t += f);
}

struct Loader<'a> {
    weights: &'a Weights,
    level: Level,
    precision: Precision,
    epsilon: f32,
}

impl Loader<'_> {
    fn norm(&self, name: &str, width: usize) -> Result<Norm> {
        Ok(Norm {
            gain: self.weights.vector(&format!("{name}.weight"), width)?,
            bias: self.weights.vector(&format!("{name}.bias"), width)?,
            epsilon: self.epsilon,
        })
    }

    /// Linear layers with the same input, side by side as one.
    fn linear(
        &self,
        names: &[String],
        input: usize,
        output: usize,
        activation: Activation,
    ) -> Result<Linear> {
        let columns = names.len() * output;
        let mut packed = self.precision == Precision::Packed;
        // Room is made as weights are found: a shape that claims more than there are takes no memory.
        let (mut values, mut bias) = (Vec::new(), Vec::new());
        for name in names {
            let array = self.weights.matrix(&format!("{name}.weight"), output, input)?;
            packed &= array.q8().is_some();
            values.extend(array.to_f32());
            bias.extend(self.weights.vector(&format!("{name}.bias"), output)?);
        }
        let matrix = if packed {
            Matrix::Integers(Integers::new(self.level, input, &values))
        } else {
            let mut panels = Panels::new(self.level);
            panels.fill_by_columns(input, columns, |column| &values[column * input..]);
            Matrix::F32(panels)
        };
        Ok(Linear { matrix, bias, activation, input, output: columns })
    }
}

#[cfg(test)]
mod edges;
#[cfg(test)]
mod tests;
