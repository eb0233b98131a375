//! How a model's vectors are compared.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::to_unit;
use crate::{Error, Result};

/// The similarity functions of sentence-transformers. In each, a larger score means a nearer passage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Similarity {
    /// The cosine, which ignores the vectors' lengths.
    #[default]
    Cosine,
    /// The inner product.
    Dot,
    /// The negative Euclidean distance.
    Euclidean,
    /// The negative Manhattan distance.
    Manhattan,
}

impl Similarity {
    /// Its name in model folders and manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::Dot => "dot",
            Self::Euclidean => "euclidean",
            Self::Manhattan => "manhattan",
        }
    }

    /// A sentence about its scores; `None` for cosines, which are what one expects.
    pub fn note(self) -> Option<String> {
        let scores = match self {
            Self::Cosine => return None,
            Self::Dot => "inner products",
            Self::Euclidean => "negative Euclidean distances",
            Self::Manhattan => "negative Manhattan distances",
        };
        Some(format!(
            "Scores are {scores}, as the model specifies (similarity_fn_name: {}), not cosines.",
            self.name()
        ))
    }

    /// Checks that `what` works with models of this similarity.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for all but cosine, the only one that ignores the vectors' lengths.
    pub fn need_cosine(self, what: &str) -> Result<()> {
        if self.is_cosine() {
            return Ok(());
        }
        Err(Error::Unsupported {
            what: format!(
                "{what} with a model whose vectors are compared by similarity_fn_name {}",
                self.name()
            ),
            hint: "it does not preserve the lengths of vectors, so it needs a model that compares by cosine"
                .into(),
        })
    }

    /// Whether vectors are compared by their cosine.
    pub fn is_cosine(&self) -> bool {
        *self == Self::Cosine
    }

    /// Prepares a model's vectors, rows of `dimension` numbers, for comparison: for cosine they are scaled to
    /// length 1.
    pub fn ready(self, rows: &mut [f32], dimension: usize) {
        if self.is_cosine() {
            to_unit(rows, dimension);
        }
    }
}

impl FromStr for Similarity {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        [Self::Cosine, Self::Dot, Self::Euclidean, Self::Manhattan]
            .into_iter()
            .find(|similarity| similarity.name() == name)
            .ok_or_else(|| Error::Input(format!("`{name}` is not one of cosine, dot, euclidean, manhattan")))
    }
}
