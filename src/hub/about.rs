//! What is known about a model before it is downloaded.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ListedFile;

/// What a model's small files and its file list say, see `bundle::inspect`.
///
/// For an unsupported model, the fields that could still be read are set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// Its name.
    pub name: String,
    /// `model_type` in `config.json`; empty if missing.
    pub architecture: String,
    /// Why it is not supported, naming file and field; `None` if it is.
    pub refused: Option<String>,
    /// From the model card, usually an SPDX identifier.
    pub licence: Option<String>,
    /// Language codes from the model card.
    pub languages: Vec<String>,
    /// Dimensions of a text's vector.
    pub dimension: Option<usize>,
    /// Transformer blocks.
    pub layers: Option<usize>,
    /// Rows of the embedding table.
    pub vocabulary: Option<usize>,
    /// Number of weights in use.
    pub parameters: Option<u64>,
    /// Pooling, in words: mean, cls, max, last token …
    pub pooling: Option<String>,
    /// Whether vectors are scaled to length 1.
    pub normalized: Option<bool>,
    /// How vectors are compared: cosine, dot, euclidean or manhattan.
    pub similarity: Option<String>,
    /// All its prompts by name.
    pub prompts: BTreeMap<String, String>,
    /// Prefix of queries.
    pub query_prompt: String,
    /// Prefix of passages.
    pub passage_prompt: String,
    /// Longest text in tokens; longer ones are truncated.
    pub max_tokens: Option<usize>,
    /// The files to download, including those that were read for this.
    pub needed: Vec<ListedFile>,
    /// The model's other files, such as other formats, which are not downloaded.
    pub others: Vec<ListedFile>,
    /// Size of the weights in memory and on disk.
    pub memory: Option<Memory>,
    /// Sentences for the user, for instance on what had to be assumed.
    pub notes: Vec<String>,
}

/// Bytes of the weights for each quantization.
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
    /// Bytes to download, as far as sizes are known.
    pub fn bytes(&self) -> u64 {
        self.needed.iter().filter_map(|file| file.bytes).fold(0, u64::saturating_add)
    }

    /// Whether all sizes are known, so that [`bytes`](Self::bytes) is the total.
    pub fn is_sized(&self) -> bool {
        self.needed.iter().all(|file| file.bytes.is_some())
    }
}
