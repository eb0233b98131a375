//! Search in vectors without texts, from a file.

use std::rc::Rc;

use serde::Serialize;

use super::Session;
use crate::{
    Error, Result,
    retrieval::{PackedIndex, best_windows, vectors},
    text::{Cut, Kind, Window, check_query},
};

/// The file's name in errors.
const NAME: &str = "vectors";

/// The open file.
pub struct OpenVectors {
    index: PackedIndex,
    /// The part of a text that each row encodes, if texts were split.
    windows: Option<Vec<Window>>,
    /// Hash of the weights that made them; empty if the file does not say.
    made_by: String,
}

/// A text near the query.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Neighbour {
    /// Index of the text.
    pub index: usize,
    /// Cosine of query and vector.
    pub score: f32,
    /// If texts were split, the best window, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<(usize, usize)>,
}

/// A query for the open vectors.
pub enum VectorQuery {
    /// As text, which the loaded model encodes.
    Text(String),
    /// As a vector.
    Vector(Vec<f32>),
}

impl Session {
    /// Opens a `.safetensors` file by `interlingua encode`; returns the number of vectors and, if the file says so, what the
    /// model's window truncated.
    ///
    /// # Errors
    /// [`Error::Format`] naming the wrong field; what was open stays open.
    pub fn open_vectors(&self, file: Vec<u8>) -> Result<(usize, Option<Cut>)> {
        let mut vectors = vectors::read(NAME, file)?;
        let cut = vectors.cut();
        let made_by = vectors.about.remove("weights_sha256").unwrap_or_default();
        let windows = vectors.windows.take();
        let index = PackedIndex::from_vectors(vectors);
        let count = index.len();
        self.0.vectors.replace(Some(Rc::new(OpenVectors { index, windows, made_by })));
        Ok((count, cut))
    }

    /// The `top` vectors nearest to the query, best first, and what the model's window truncated if the query is text. Of
    /// texts that were split, the best window counts.
    ///
    /// # Errors
    /// [`Error::Input`] if no vectors are open, no model is loaded or not the one that made them, or the query vector has
    /// another dimension.
    pub async fn nearest(&self, query: VectorQuery, top: usize) -> Result<(Vec<Neighbour>, Option<Cut>)> {
        let open = self.0.vectors.borrow().clone();
        let open =
            open.ok_or_else(|| Error::Input("No vectors are open: call openVectors(file) first".into()))?;
        let (vector, cut) = match query {
            VectorQuery::Vector(vector) => (vector, None),
            VectorQuery::Text(text) => {
                check_query(&text)?;
                let model = self
                    .model()
                    .ok_or_else(|| Error::Input("No model is loaded: await load(url) first".into()))?;
                if !open.made_by.is_empty() && open.made_by != model.weights_hash() {
                    return Err(Error::Input(format!(
                        "The open vectors were made by another model than {}: load that one, or encode the \
                         passages again",
                        model.info.name
                    )));
                }
                let (theirs, ours) = (open.index.dimension(), model.encoder.dimension());
                if theirs != ours {
                    return Err(Error::Input(format!(
                        "The open vectors have {theirs} dimensions and those of {} have {ours}: load it with the \
                         dimension that `interlingua encode` was given",
                        model.info.name
                    )));
                }
                model.encoder.similarity().need_cosine("searching vectors in 8 bits")?;
                let (vector, lengths, by) = self.encode(model, &[text.trim()], Kind::Query, None).await?;
                (vector, Some(by.encoder.tokenizer().cut().with(lengths)))
            }
        };
        let nearest = |k: usize| open.index.search(&vector, k, |_| true);
        let Some(windows) = &open.windows else {
            let near =
                nearest(top)?.into_iter().map(|(index, score)| Neighbour { index, score, window: None });
            return Ok((near.collect(), cut));
        };
        let near = best_windows(windows, top, nearest)?.into_iter().map(|(row, score)| {
            let Window { text, start, end } = windows[row];
            Neighbour { index: text, score, window: Some((start, end)) }
        });
        Ok((near.collect(), cut))
    }
}
