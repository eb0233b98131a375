//! The shape of a model, independent of where its weights come from.

use serde::{Deserialize, Serialize};

use super::program::Program;
use crate::{Error, Result};

/// Model families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// BERT: positions from 0, token type 0 added.
    Bert,
    /// BERT with positions from `pad id + 1` (RoBERTa's convention), token types often missing.
    XlmRoberta,
    /// DistilBERT (arXiv 1910.01108): BERT without token types, under other names.
    DistilBert,
    /// MPNet (arXiv 2004.09297): RoBERTa's positions, and attention scores shifted by distance.
    #[serde(rename = "mpnet")]
    MpNet,
    /// ModernBERT (arXiv 2412.13663), with rotary positions.
    ModernBert,
    /// Static embeddings (model2vec, sentence-transformers' `StaticEmbedding`): a table alone.
    Static,
}

/// How token vectors become one text vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// Mean over all tokens but padding.
    Mean,
    /// The first token.
    Cls,
    /// Maximum of each dimension over all tokens but padding.
    Max,
}

/// Element-wise activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `x Φ(x)`, computed with the error function.
    Gelu,
    /// GELU's tanh approximation.
    GeluTanh,
    /// `max(x, 0)`.
    Relu,
    /// Hyperbolic tangent.
    Tanh,
    /// No activation.
    Identity,
}

/// A dense layer after pooling (sentence-transformers' `Dense`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dense {
    /// Input width.
    pub input: usize,
    /// Output width.
    pub output: usize,
    /// Applied to the output.
    pub activation: Activation,
    /// Whether the input is scaled to length 1 first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub normalized: bool,
}

/// The shape of an encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Which architecture, and how positions and token types are embedded.
    pub family: Family,
    /// Rows of the word embedding table.
    pub vocabulary: usize,
    /// Width of a token's hidden state.
    pub hidden: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Attention heads in each block.
    pub heads: usize,
    /// Inner width of the feed-forward layer.
    pub intermediate: usize,
    /// Positions that a text can have, those before `first_position` included.
    pub positions: usize,
    /// Position of the first token.
    pub first_position: usize,
    /// Added to the variance in every layer norm.
    pub layer_norm_epsilon: f64,
    /// Activation in the feed-forward layer.
    pub activation: Activation,
    /// Longest sequence in tokens, including special tokens.
    pub max_tokens: usize,
    /// How token vectors become a text vector.
    pub pooling: Pooling,
    /// Dense layers after pooling, in order.
    #[serde(default)]
    pub dense: Vec<Dense>,
    /// Whether the text vector is scaled to length 1.
    pub normalize: bool,
    /// Rotary positions, in families that have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotary: Option<Rotary>,
    /// How many of the text vector's dimensions are kept, the first ones (Matryoshka, arXiv 2205.13147;
    /// sentence-transformers' `truncate_dim`). What is scaled to length 1 is scaled again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncate: Option<usize>,
    /// A token that is left out of texts, once they are truncated: the unknown one, in model2vec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u32>,
}

/// Rotary positions, and the blocks whose attention is local.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rotary {
    /// Base of the angles in blocks whose attention sees the whole text.
    pub theta: f64,
    /// Of so many blocks, the first sees the whole text and the others a window.
    pub global_every: usize,
    /// Base of the angles in blocks with a window.
    pub local_theta: f64,
    /// How many positions to each side a window reaches.
    pub window: usize,
}

impl Config {
    /// Dimensions of a text vector.
    pub fn dimension(&self) -> usize {
        self.truncate.unwrap_or(self.full_dimension())
    }

    /// Dimensions of a text vector before it is truncated.
    pub fn full_dimension(&self) -> usize {
        self.dense.last().map_or(self.hidden, |d| d.output)
    }

    /// The steps that compute this model.
    ///
    /// # Errors
    /// [`Error::Format`] when the numbers do not fit together, [`Error::Unsupported`] when no device can do
    /// it.
    pub fn program(&self) -> Result<Program> {
        super::program(self)
    }

    /// Checks that the numbers fit together.
    ///
    /// # Errors
    /// [`Error::Format`] naming `place` and the field.
    pub fn check(&self, place: &str) -> Result<()> {
        let at = |field: &str| format!("{place}, {field}");
        let is_static = self.family == Family::Static;
        // A table has no blocks.
        for (field, value, of_blocks) in [
            ("vocabulary", self.vocabulary, false),
            ("hidden", self.hidden, false),
            ("layers", self.layers, true),
            ("heads", self.heads, true),
            ("intermediate", self.intermediate, true),
            ("positions", self.positions, true),
            ("max_tokens", self.max_tokens, false),
        ] {
            let is_possible =
                if is_static && of_blocks { value == 0 } else { (1..=10_000_000).contains(&value) };
            if !is_possible {
                return Err(Error::format(at(field), format!("{value} is not a possible size")));
            }
        }
        if is_static {
            if self.rotary.is_some() {
                return Err(Error::format(at("rotary"), "models of this family have none"));
            }
            return self.check_vectors(place);
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
        match (self.family, &self.rotary) {
            (Family::ModernBert, None) => {
                return Err(Error::format(at("rotary"), "it is missing"));
            }
            (Family::ModernBert, Some(rotary)) => {
                for (field, theta) in [("theta", rotary.theta), ("local_theta", rotary.local_theta)] {
                    if !(theta.is_finite() && theta > 1.0) {
                        return Err(Error::format(
                            at(&format!("rotary.{field}")),
                            "a number above 1 is expected",
                        ));
                    }
                }
                if rotary.global_every == 0 {
                    return Err(Error::format(at("rotary.global_every"), "0 is not a possible number"));
                }
                if !(self.hidden / self.heads).is_multiple_of(2) {
                    return Err(Error::format(at("heads"), "heads of odd width cannot be rotated"));
                }
            }
            (
                Family::Bert | Family::XlmRoberta | Family::DistilBert | Family::MpNet | Family::Static,
                Some(_),
            ) => {
                return Err(Error::format(at("rotary"), "models of this family have none"));
            }
            (
                Family::Bert | Family::XlmRoberta | Family::DistilBert | Family::MpNet | Family::Static,
                None,
            ) => {}
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
        self.check_vectors(place)
    }

    /// Checks what follows pooling.
    fn check_vectors(&self, place: &str) -> Result<()> {
        let at = |field: &str| format!("{place}, {field}");
        let mut width = self.hidden;
        for (i, dense) in self.dense.iter().enumerate() {
            if dense.input != width {
                return Err(Error::format(
                    at(&format!("dense[{i}].input")),
                    format!("{} does not match the width {width} of the layer before", dense.input),
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
        match self.truncate {
            Some(kept) if kept == 0 || kept > width => Err(Error::format(
                at("truncate"),
                format!("vectors of {width} dimensions cannot be truncated to {kept}"),
            )),
            _ => Ok(()),
        }
    }
}
