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
    /// Llama (arXiv 2302.13971) and what is built like it, Mistral and Qwen2: decoders, with rotary positions, RMSNorm
    /// and gated feed-forward layers.
    Llama,
    /// Qwen3 (arXiv 2505.09388): the same with norms of each head's queries and keys.
    Qwen3,
    /// Gemma 3's text model (arXiv 2503.19786), as in EmbeddingGemma: the same with norms around each layer.
    Gemma3,
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
    /// The last token.
    Last,
    /// Mean over all tokens but padding, the first counted once, the second twice and so on.
    WeightedMean,
    /// Sum over all tokens but padding, divided by the square root of their number.
    MeanSqrtLength,
}

/// Element-wise activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `x Φ(x)`, computed with the error function.
    Gelu,
    /// GELU's tanh approximation.
    GeluTanh,
    /// `x / (1 + exp(-x))`, also called swish.
    Silu,
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
    /// Heads, positions and windows of decoders, in families that have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoder: Option<Decoder>,
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

/// What the blocks of a decoder have of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decoder {
    /// Key heads, and value heads, in each block; each is shared by as many query heads.
    pub kv_heads: usize,
    /// Width of a head, whatever the width of a hidden state.
    pub head_width: usize,
    /// Attention scores are divided by its square root.
    pub scaling: usize,
    /// Whether a token sees only itself and what is before it.
    pub causal: bool,
    /// Base of the rotary positions' angles.
    pub theta: f64,
    /// For each block, whether its attention sees a window rather than the whole text; empty where none does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub local: Vec<bool>,
    /// Base of the angles in blocks with a window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_theta: Option<f64>,
    /// How many positions a window reaches back, and ahead unless attention is causal.
    #[serde(default)]
    pub window: usize,
    /// Whether the projections to queries, keys and values have biases.
    #[serde(default)]
    pub qkv_bias: bool,
    /// Whether attention's output projection has one.
    #[serde(default)]
    pub output_bias: bool,
    /// Whether the feed-forward layer's projections have.
    #[serde(default)]
    pub inner_bias: bool,
}

impl Decoder {
    /// Whether this block's attention sees a window.
    pub fn is_local(&self, block: usize) -> bool {
        self.local.get(block).copied().unwrap_or(false)
    }

    /// Checks that the numbers fit together, in a model with so many query heads and blocks; `at` names a field.
    fn check(&self, heads: usize, layers: usize, at: &dyn Fn(&str) -> String) -> Result<()> {
        let wrong =
            |field: &str, problem: String| Err(Error::format(at(&format!("decoder.{field}")), problem));
        let sizes = [("kv_heads", self.kv_heads), ("head_width", self.head_width), ("scaling", self.scaling)];
        if let Some((field, value)) = sizes.into_iter().find(|(_, n)| !(1..=10_000_000).contains(n)) {
            return wrong(field, format!("{value} is not a possible size"));
        }
        if heads.saturating_mul(self.head_width) > 10_000_000 {
            return wrong("head_width", format!("{heads} heads cannot be {} wide", self.head_width));
        }
        if !heads.is_multiple_of(self.kv_heads) {
            let problem = format!("{heads} heads cannot be divided among those of {} keys", self.kv_heads);
            return wrong("kv_heads", problem);
        }
        if !self.head_width.is_multiple_of(2) {
            return wrong("head_width", "heads of odd width cannot be rotated".into());
        }
        for (field, theta) in [("theta", self.theta), ("local_theta", self.local_theta.unwrap_or(self.theta))]
        {
            if !(theta.is_finite() && theta > 1.0) {
                return wrong(field, "a number above 1 is expected".into());
            }
        }
        if !self.local.is_empty() && self.local.len() != layers {
            return wrong("local", format!("{} do not match {layers} blocks", self.local.len()));
        }
        Ok(())
    }
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
            let others = [("rotary", self.rotary.is_some()), ("decoder", self.decoder.is_some())];
            if let Some((field, _)) = others.into_iter().find(|(_, is_there)| *is_there) {
                return Err(Error::format(at(field), "models of this family have none"));
            }
            return self.check_vectors(place);
        }
        if !(self.layer_norm_epsilon > 0.0 && self.layer_norm_epsilon < 1.0) {
            return Err(Error::format(at("layer_norm_epsilon"), "a small number above 0 is expected"));
        }
        match (self.family, &self.decoder) {
            (Family::Llama | Family::Qwen3 | Family::Gemma3, Some(decoder)) => {
                decoder.check(self.heads, self.layers, &at)?;
            }
            (Family::Llama | Family::Qwen3 | Family::Gemma3, None) => {
                return Err(Error::format(at("decoder"), "it is missing"));
            }
            (_, Some(_)) => return Err(Error::format(at("decoder"), "models of this family have none")),
            (_, None) => {}
        }
        // Other heads divide the hidden state's width among them.
        if self.decoder.is_none() && !self.hidden.is_multiple_of(self.heads) {
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
            (_, Some(_)) => return Err(Error::format(at("rotary"), "models of this family have none")),
            (_, None) => {}
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
