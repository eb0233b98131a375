//! What a model is made of, independent of where its weights came from.

use serde::{Deserialize, Serialize};

use super::program::Program;
use crate::{Error, Result};

/// Model families whose blocks are the same and whose embeddings differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Positions from 0, token type 0 added.
    Bert,
    /// Positions from `pad id + 1` (RoBERTa's convention), token types often missing.
    XlmRoberta,
}

/// How token vectors become one text vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// Mean over real tokens.
    Mean,
    /// The first token.
    Cls,
    /// Largest value of each dimension over real tokens.
    Max,
}

/// Element-wise activations that the supported families use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `x Φ(x)`, with the error function.
    Gelu,
    /// Gelu's tanh approximation.
    GeluTanh,
    /// `max(x, 0)`.
    Relu,
    /// Hyperbolic tangent.
    Tanh,
    /// Nothing.
    Identity,
}

/// A dense layer after pooling (sentence-transformers' `Dense`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dense {
    /// Width that goes in.
    pub input: usize,
    /// Width that comes out.
    pub output: usize,
    /// Applied to the output.
    pub activation: Activation,
    /// Whether what goes in is scaled to length 1 before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub normalized: bool,
}

/// The shape of an encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Which embeddings convention.
    pub family: Family,
    /// Rows of the word embedding table.
    pub vocabulary: usize,
    /// Width of a token vector.
    pub hidden: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Attention heads in each block.
    pub heads: usize,
    /// Width of the feed-forward layer.
    pub intermediate: usize,
    /// Rows of the position table.
    pub positions: usize,
    /// Row of the position table that the first token uses.
    pub first_position: usize,
    /// Added to the variance in every layer norm.
    pub layer_norm_epsilon: f64,
    /// Feed-forward activation.
    pub activation: Activation,
    /// Longest sequence in tokens, special tokens included.
    pub max_tokens: usize,
    /// From token vectors to one.
    pub pooling: Pooling,
    /// Dense layers after pooling, in order.
    #[serde(default)]
    pub dense: Vec<Dense>,
    /// Whether the result is scaled to length 1.
    pub normalize: bool,
}

impl Config {
    /// Dimensions of a text vector.
    pub fn dimension(&self) -> usize {
        self.dense.last().map_or(self.hidden, |d| d.output)
    }

    /// What a model of this shape does, step by step.
    ///
    /// # Errors
    /// [`Error::Format`] or [`Error::Unsupported`] when the numbers do not fit together or no device does it.
    pub fn program(&self) -> Result<Program> {
        super::program(self)
    }

    /// Checks that the numbers fit together.
    ///
    /// # Errors
    /// [`Error::Format`] at `place` naming the field.
    pub fn check(&self, place: &str) -> Result<()> {
        let at = |field: &str| format!("{place}, {field}");
        for (field, value) in [
            ("vocabulary", self.vocabulary),
            ("hidden", self.hidden),
            ("layers", self.layers),
            ("heads", self.heads),
            ("intermediate", self.intermediate),
            ("positions", self.positions),
            ("max_tokens", self.max_tokens),
        ] {
            if value == 0 || value > 10_000_000 {
                return Err(Error::format(at(field), format!("{value} is not a possible size")));
            }
        }
        if !(self.layer_norm_epsilon > 0.0 && self.layer_norm_epsilon < 1.0) {
            return Err(Error::format(at("layer_norm_epsilon"), "a small number above 0 is expected"));
        }
        if !self.hidden.is_multiple_of(self.heads) {
            return Err(Error::format(
                at("heads"),
                format!("width {} cannot be divided among {} heads", self.hidden, self.heads),
            ));
        }
        if self.first_position.saturating_add(self.max_tokens) > self.positions {
            return Err(Error::format(
                at("max_tokens"),
                format!(
                    "{} tokens do not fit {} positions that start at {}",
                    self.max_tokens, self.positions, self.first_position
                ),
            ));
        }
        let mut width = self.hidden;
        for (i, dense) in self.dense.iter().enumerate() {
            if dense.input != width {
                return Err(Error::format(
                    at(&format!("dense[{i}].input")),
                    format!("{} does not match the {width} before it", dense.input),
                ));
            }
            width = dense.output;
            if width == 0 || width > 10_000_000 {
                return Err(Error::format(
                    at(&format!("dense[{i}].output")),
                    format!("{width} is not a possible size"),
                ));
            }
        }
        Ok(())
    }
}
