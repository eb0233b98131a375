//! Vectors without texts: a file of them, and what is nearest to a query.

use std::rc::Rc;

use super::Session;
use crate::{
    Error, Result,
    retrieval::{PackedIndex, best_windows, vectors},
    text::{Cut, Kind, Window, check_query},
};

/// What the file is called in errors.
const NAME: &str = "vectors";

/// The open file.
pub struct Open {
    index: PackedIndex,
    /// The part of a text that each row is of, where texts were split.
    windows: Option<Vec<Window>>,
    /// Hash of the weights that made them; empty where the file does not say.
    made_by: String,
}

/// A text near to what was asked.
#[derive(Debug, Clone, Copy)]
pub struct Near {
    /// Which of the texts, from 0.
    pub index: usize,
    /// Cosine of query and vector.
    pub score: f32,
    /// Where texts were split, the bytes of the best window.
    pub window: Option<(usize, usize)>,
}

/// What is asked of the open vectors.
pub enum Asked {
    /// A query in words, which the loaded model encodes.
    Text(String),
    /// Its vector.
    Vector(Vec<f32>),
}

impl Session {
    /// Opens a file that `interlingua encode` wrote as `.safetensors`; how many vectors there are, and what the model's
    /// window left out of the texts, where the file says it.
    ///
    /// # Errors
    /// [`Error::Format`] naming the field that is not as it should be; what was open stays open.
    pub fn open_vectors(&self, file: Vec<u8>) -> Result<(usize, Option<Cut>)> {
        let mut vectors = vectors::read(NAME, file)?;
        let cut = vectors.cut();
        let made_by = vectors.about.remove("weights_sha256").unwrap_or_default();
        let windows = vectors.windows.take();
        let index = PackedIndex::from_vectors(vectors);
        let count = index.len();
        self.0.vectors.replace(Some(Rc::new(Open { index, windows, made_by })));
        Ok((count, cut))
    }

    /// The `top` vectors nearest to what is asked, best first; what the model's window left out of the query, where
    /// that is words. Of a text that was split, the best window counts.
    ///
    /// # Errors
    /// [`Error::Input`] when no vectors are open, or no model is loaded or another one than the one
    /// that made them, or the vector has another dimension.
    pub async fn nearest(&self, asked: Asked, top: usize) -> Result<(Vec<Near>, Option<Cut>)> {
        let open = self.0.vectors.borrow().clone();
        let open =
            open.ok_or_else(|| Error::Input("No vectors are open: call openVectors(file) first".into()))?;
        let (query, cut) = match asked {
            Asked::Vector(vector) => (vector, None),
            Asked::Text(text) => {
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
                model.encoder.similarity().need_cosine("searching vectors in 8 bits")?;
                let (vector, lengths, by) = self.encode(model, &[text.trim()], Kind::Query, None).await?;
                (vector, Some(by.encoder.tokenizer().cut().with(lengths)))
            }
        };
        let nearest = |k: usize| open.index.search(&query, k, |_| true);
        let Some(windows) = &open.windows else {
            let near = nearest(top)?.into_iter().map(|(index, score)| Near { index, score, window: None });
            return Ok((near.collect(), cut));
        };
        let near = best_windows(windows, top, nearest)?.into_iter().map(|(row, score)| {
            let Window { text, start, end } = windows[row];
            Near { index: text, score, window: Some((start, end)) }
        });
        Ok((near.collect(), cut))
    }
}
