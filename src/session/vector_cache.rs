//! Vectors stored in the browser, for the next visit: f32, little-endian, one entry per chunk of texts.

use super::{
    browser::resolve,
    model::LoadedModel,
    storage::{self, Store},
};
use crate::{Result, datasets::Chunks, text::Kind};

/// Name of the origin's cache.
const CACHE: &str = "interlingua-vectors";

/// The stored vectors of one model.
pub struct VectorCache {
    /// `None` if the browser stores nothing, or nothing more.
    cache: Option<Store>,
    model: String,
    dimension: usize,
}

impl VectorCache {
    /// For `model`'s vectors; also returns a sentence if the browser stores none.
    pub async fn open(model: &LoadedModel) -> (Self, Option<String>) {
        Self::open_in(CACHE, model).await
    }

    /// As [`open`](Self::open), in another of the origin's caches.
    pub async fn open_in(name: &str, model: &LoadedModel) -> (Self, Option<String>) {
        let (cache, note) = match storage::open(name).await {
            Ok(cache) => (Some(cache), None),
            Err(why) => (None, Some(format!("{why}, so vectors are computed again after a reload."))),
        };
        (Self { cache, model: model.vectors_hash(), dimension: model.encoder.dimension() }, note)
    }

    /// The vectors of a chunk (`[texts, dimension]`), if they are stored and valid.
    pub async fn get(&self, chunk: &[&str], kind: Kind) -> Option<Vec<f32>> {
        let size = chunk.len() * self.dimension * size_of::<f32>();
        let bytes = self.cache.as_ref()?.read(&self.key(chunk, kind)?, size as u64).await?;
        if bytes.len() != size {
            return None;
        }
        let (numbers, _) = bytes.as_chunks();
        let values: Vec<f32> = numbers.iter().map(|number| f32::from_le_bytes(*number)).collect();
        values.iter().all(|x| x.is_finite()).then_some(values)
    }

    /// Stores the vectors of a chunk. If the browser refuses, returns a sentence, and nothing more is stored.
    pub async fn put(&mut self, chunk: &[&str], kind: Kind, vectors: &[f32]) -> Option<String> {
        let (cache, key) = (self.cache.as_ref()?, self.key(chunk, kind)?);
        let bytes: Vec<u8> = vectors.iter().flat_map(|x| x.to_le_bytes()).collect();
        let problem = cache.write(&key, &bytes).await.err()?;
        self.cache = None;
        Some(format!(
            "The browser's storage takes no more vectors ({}); the others are kept in memory only and computed again after a reload. Clear stored vectors to make room.",
            problem.trim_end_matches('.')
        ))
    }

    fn key(&self, chunk: &[&str], kind: Kind) -> Option<String> {
        let kind = match kind {
            Kind::Query => "query",
            Kind::Passage => "passage",
        };
        let path = format!("vectors/{}/{kind}/{}", self.model, Chunks::hash(chunk));
        resolve(&path).ok().map(|address| address.href())
    }
}

/// Deletes all stored vectors; returns the number of chunks.
///
/// # Errors
/// [`Error::File`](crate::Error::File) if the browser refuses.
pub async fn clear() -> Result<usize> {
    storage::clear(CACHE).await
}
