//! Vectors that were made before, kept in the browser's storage: f32, little-endian, a chunk of texts
//! an entry.

use super::{
    browser::resolve,
    model::Model,
    storage::{self, Store},
};
use crate::{Result, datasets::Chunks, text::Kind};

/// Name of the cache among the origin's.
const CACHE: &str = "interlingua-vectors";

/// The kept vectors of one model.
pub struct Vault {
    /// `None` where the browser keeps nothing, or nothing more.
    cache: Option<Store>,
    model: String,
    dimension: usize,
}

impl Vault {
    /// For `model`'s vectors; a sentence says so where the browser keeps none.
    pub async fn open(model: &Model) -> (Self, Option<String>) {
        Self::open_in(CACHE, model).await
    }

    /// As [`open`](Self::open), in another of the origin's caches.
    pub async fn open_in(name: &str, model: &Model) -> (Self, Option<String>) {
        let (cache, note) = match storage::open(name).await {
            Ok(cache) => (Some(cache), None),
            Err(why) => (None, Some(format!("{why}, so vectors are made anew after a reload."))),
        };
        (Self { cache, model: model.vectors_hash(), dimension: model.encoder.dimension() }, note)
    }

    /// The vectors of a chunk (`[texts, dimension]`), where they are kept and whole.
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

    /// Keeps the vectors of a chunk. Where the browser refuses, a sentence says so, and nothing more is
    /// kept.
    pub async fn put(&mut self, chunk: &[&str], kind: Kind, vectors: &[f32]) -> Option<String> {
        let (cache, key) = (self.cache.as_ref()?, self.key(chunk, kind)?);
        let bytes: Vec<u8> = vectors.iter().flat_map(|x| x.to_le_bytes()).collect();
        let problem = cache.write(&key, &bytes).await.err()?;
        self.cache = None;
        Some(format!(
            "The browser's storage takes no more vectors ({}); the rest is kept in memory only and made anew after a reload. Clear stored vectors to make room.",
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

/// Deletes all kept vectors; how many chunks there were.
///
/// # Errors
/// [`Error::File`](crate::Error::File) when the browser refuses.
pub async fn clear() -> Result<usize> {
    storage::clear(CACHE).await
}
