//! Vectors without texts: a file of them, and what is nearest to a query.

use std::rc::Rc;

use super::Session;
use crate::{
    Error, Result,
    retrieval::{PackedIndex, vectors},
    text::{Kind, check_query},
};

/// What the file is called in errors.
const NAME: &str = "vectors";

/// The open file.
pub struct Open {
    index: PackedIndex,
    /// Hash of the weights that made them; empty where the file does not say.
    made_by: String,
}

/// What is asked of the open vectors.
pub enum Asked {
    /// A query in words, which the loaded model encodes.
    Text(String),
    /// Its vector.
    Vector(Vec<f32>),
}

impl Session {
    /// Opens a file that `interlingua encode` wrote as `.safetensors`; how many vectors there are.
    ///
    /// # Errors
    /// [`Error::Format`] naming the field that is not as it should be; what was open stays open.
    pub fn open_vectors(&self, file: Vec<u8>) -> Result<usize> {
        let mut vectors = vectors::read(NAME, file)?;
        let made_by = vectors.about.remove("weights_sha256").unwrap_or_default();
        let index = PackedIndex::from_vectors(vectors);
        let count = index.len();
        self.0.vectors.replace(Some(Rc::new(Open { index, made_by })));
        Ok(count)
    }

    /// The `top` vectors nearest to what is asked, best first: row and cosine.
    ///
    /// # Errors
    /// [`Error::Input`] when no vectors are open, or no model is loaded or another one than the one
    /// that made them, or the vector has another dimension.
    pub async fn nearest(&self, asked: Asked, top: usize) -> Result<Vec<(usize, f32)>> {
        let open = self.0.vectors.borrow().clone();
        let open =
            open.ok_or_else(|| Error::Input("No vectors are open: call openVectors(file) first.".into()))?;
        let query = match asked {
            Asked::Vector(vector) => vector,
            Asked::Text(text) => {
                check_query(&text)?;
                let model = self
                    .model()
                    .ok_or_else(|| Error::Input("No model is loaded: await load(url) first.".into()))?;
                if !open.made_by.is_empty() && open.made_by != model.weights_hash() {
                    return Err(Error::Input(format!(
                        "The open vectors were made by another model than {}: load that one, or encode the \
                         passages again.",
                        model.info.name
                    )));
                }
                model.encoder.similarity().need_cosine("searching vectors in 8 bits")?;
                self.encode(model, &[text.trim()], Kind::Query, None).await?.0
            }
        };
        open.index.search(&query, top, |_| true)
    }
}
