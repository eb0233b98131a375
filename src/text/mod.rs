//! From text to tokens: languages, prompts, tokenizer.
//!
//! Tensors and scores do not belong here.

#[cfg(feature = "data")]
mod code;
#[cfg(feature = "data")]
mod detect;
mod language;
mod nearest;
#[cfg(feature = "engine")]
mod tokenizer;
mod window;

#[cfg(feature = "data")]
pub use code::{code, is_code};
#[cfg(feature = "data")]
pub use detect::detect;
pub use language::{Direction, Language, language, languages, nearest_language};
pub use nearest::{did_you_mean, nearest};
#[cfg(feature = "engine")]
pub(crate) use tokenizer::caught;
#[cfg(feature = "engine")]
pub use tokenizer::{Tokenizer, check_query};
pub use window::{Cut, Length, Window};

use serde::{Deserialize, Serialize};

/// Which side of retrieval a text is on; many models are trained with a prompt for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A search query.
    Query,
    /// A text that is searched.
    Passage,
}

/// The prefixes that a model expects before queries and passages; empty if it expects none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompts {
    /// Before a query, for example `query: `.
    #[serde(default)]
    pub query: String,
    /// Before a passage, for example `passage: `.
    #[serde(default)]
    pub passage: String,
}

impl Prompts {
    /// The prefix for `kind`.
    pub fn of(&self, kind: Kind) -> &str {
        match kind {
            Kind::Query => &self.query,
            Kind::Passage => &self.passage,
        }
    }
}
