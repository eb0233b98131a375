//! How a model's vectors are compared.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::to_unit;
use crate::{Error, Result};

/// The ways of comparing that sentence-transformers names. A larger score is a nearer passage in all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Similarity {
    /// The cosine: which way vectors point, whatever their lengths.
    #[default]
    Cosine,
    /// The inner product.
    Dot,
    /// The Euclidean distance, with a minus before it.
    Euclidean,
    /// The sum of the differences in each dimension, with a minus before it.
    Manhattan,
}

impl Similarity {
    /// As model folders and manifests name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::Dot => "dot",
            Self::Euclidean => "euclidean",
            Self::Manhattan => "manhattan",
        }
    }

    /// What its scores are, in a sentence; `None` for cosines, which one expects.
    pub fn note(self) -> Option<String> {
        let scores = match self {
            Self::Cosine => return None,
            Self::Dot => "inner products",
            Self::Euclidean => "Euclidean distances with a minus before them",
            Self::Manhattan => "Manhattan distances with a minus before them",
        };
        Some(format!(
            "Scores are {scores}, as the model says (similarity_fn_name: {}), not cosines.",
            self.name()
        ))
    }

    /// That `what` can be done with the vectors of a model that compares so.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for all but cosines, of which alone the vectors' lengths do not matter.
    pub fn need_cosine(self, what: &str) -> Result<()> {
        if self.is_cosine() {
            return Ok(());
        }
        Err(Error::Unsupported {
            what: format!(
                "{what} with a model whose vectors are compared by similarity_fn_name {}",
                self.name()
            ),
            hint: "it keeps no lengths of vectors, so it is for models that compare by cosine".into(),
        })
    }

    /// Whether vectors are compared by their cosine.
    pub fn is_cosine(&self) -> bool {
        *self == Self::Cosine
    }

    /// Makes a model's vectors, rows of `dimension` numbers, ready to be compared: for cosines they are scaled
    /// to length 1.
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
