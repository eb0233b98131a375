//! What a model is, before it is fetched.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Listed;

/// What can be known of a model by its small files and the list of all: `bundle::inspect` finds it out.
///
/// Where the model is not supported, what was read before the refusal is there all the same.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// What it is called.
    pub name: String,
    /// `model_type` of its `config.json`; empty where there is none.
    pub architecture: String,
    /// Why it cannot be used, in a sentence that names file and field; `None` where nothing speaks against it.
    pub refused: Option<String>,
    /// What the model card says, an SPDX identifier as a rule.
    pub licence: Option<String>,
    /// Codes of languages, as the model card has them.
    pub languages: Vec<String>,
    /// Numbers in a text's vector.
    pub dimension: Option<usize>,
    /// Transformer blocks.
    pub layers: Option<usize>,
    /// Tokens that the embedding table has a row for.
    pub vocabulary: Option<usize>,
    /// How many weights are computed with.
    pub parameters: Option<u64>,
    /// How tokens become one vector: mean, cls or max.
    pub pooling: Option<String>,
    /// Whether vectors are scaled to length 1.
    pub normalized: Option<bool>,
    /// How vectors are compared: cosine, dot, euclidean or manhattan.
    pub similarity: Option<String>,
    /// Its prompts, by the names that it gives them.
    pub prompts: BTreeMap<String, String>,
    /// What goes in front of a query.
    pub query_prompt: String,
    /// What goes in front of a passage.
    pub passage_prompt: String,
    /// The longest text in tokens; what is longer is cut.
    pub max_tokens: Option<usize>,
    /// The files that have to come, small ones included, with their sizes where those are known.
    pub needed: Vec<Listed>,
    /// The model's other files: other formats, pictures, what programs of other kinds read.
    pub others: Vec<Listed>,
    /// What its weights take in memory and on a disk.
    pub memory: Option<Memory>,
    /// What a person should know besides: what was assumed as no file says it.
    pub notes: Vec<String>,
}

/// Bytes of the weights, by how they are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The embedding table in 4 bits and the rest in 8.
    pub q4: u64,
    /// 8 bits a weight.
    pub q8: u64,
    /// 16 bits a weight.
    pub f16: u64,
    /// 32 bits a weight.
    pub f32: u64,
}

impl About {
    /// Bytes that have to come, as far as sizes are known.
    pub fn bytes(&self) -> u64 {
        self.needed.iter().filter_map(|file| file.bytes).fold(0, u64::saturating_add)
    }

    /// Whether every size is known, so that [`bytes`](Self::bytes) is all of it.
    pub fn is_sized(&self) -> bool {
        self.needed.iter().all(|file| file.bytes.is_some())
    }
}
