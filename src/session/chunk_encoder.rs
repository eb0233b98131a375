//! Encodes many texts with one model in chunks, and stores their vectors.

use std::rc::Rc;

use super::{
    Session, encode::EncodeProgress, model::LoadedModel, progress::ProgressReporter,
    vector_cache::VectorCache,
};
use crate::{
    Error, Result,
    datasets::Chunks,
    protocol::{Event, Id, ProgressStage},
    text::{Cut, Kind, Length},
};

/// Encodes with one model, and stores the vectors.
pub struct ChunkEncoder<'a> {
    session: &'a Session,
    id: Id,
    /// The model, on its current device.
    pub model: Rc<LoadedModel>,
    cache: VectorCache,
    /// Number of texts whose vectors were stored before, and of all texts.
    pub stored: (usize, usize),
}

impl<'a> ChunkEncoder<'a> {
    /// For request `id`, with `model`; a note says so if the browser stores nothing.
    pub async fn begin(session: &'a Session, id: Id, model: Rc<LoadedModel>) -> Self {
        let (cache, note) = VectorCache::open(&model).await;
        note.into_iter().for_each(|note| session.say(Event::Note { id, note }));
        Self { session, id, model, cache, stored: (0, 0) }
    }

    /// Vectors ready to be compared, one row per text of `chunks`, and what the model's window truncated. Texts with stored
    /// vectors are not encoded again, but their tokens are counted.
    pub async fn encode(
        &mut self,
        chunks: Chunks<'_>,
        kind: Kind,
        progress: &mut ProgressReporter<'_>,
    ) -> Result<(Vec<f32>, Cut)> {
        let d = self.model.encoder.dimension();
        let total = chunks.texts();
        let mut vectors: Vec<Option<Vec<f32>>> = Vec::with_capacity(chunks.chunks.len());
        let mut lengths: Vec<Vec<Length>> = Vec::with_capacity(chunks.chunks.len());
        let mut done = 0;
        for chunk in &chunks.chunks {
            let stored = self.cache.get(chunk, kind).await;
            lengths.push(Vec::new());
            if stored.is_some() {
                self.model.encoder.tokenize_counted(chunk, kind, &mut lengths[vectors.len()])?;
                done += chunk.len();
                let bytes = |texts: usize| (texts * d * size_of::<f32>()) as f64;
                progress.at(ProgressStage::Cache, bytes(done), bytes(total));
            }
            vectors.push(stored);
        }
        self.stored = (self.stored.0 + done, self.stored.1 + total);
        let stage = match kind {
            Kind::Passage => ProgressStage::Encode,
            Kind::Query => ProgressStage::EncodeQueries,
        };
        // The remaining time is estimated from texts without stored vectors.
        let (stored, missing) = (done, (total - done) as f64);
        let mut report = |done: usize| {
            progress.at_weighted(stage, done as f64, total as f64, (done - stored) as f64, missing);
        };
        report(done);
        let slots = vectors.iter_mut().zip(&mut lengths);
        for (chunk, (slot, lengths)) in
            chunks.chunks.iter().zip(slots).filter(|(_, (slot, _))| slot.is_none())
        {
            let mut step = |encoded: EncodeProgress| report(done + encoded.texts);
            let (made, read, by) =
                self.session.encode(self.model.clone(), chunk, kind, Some(&mut step)).await?;
            *lengths = read;
            self.note_move(by);
            done += chunk.len();
            if let Some(note) = self.cache.put(chunk, kind, &made).await {
                self.session.say(Event::Note { id: self.id, note });
            }
            *slot = Some(made);
        }
        let all: Vec<f32> = vectors.into_iter().flatten().flatten().collect();
        let mut rows = chunks
            .rows(&all, d)
            .ok_or_else(|| Error::Input("There are fewer vectors than texts: evaluate again".into()))?;
        self.model.encoder.similarity().ready(&mut rows, d);
        let lengths = lengths.concat();
        let cut = self.model.encoder.tokenizer().cut().with(chunks.each(&lengths).into_iter().flatten());
        Ok((rows, cut))
    }

    /// Continues with `by`; a note says so if a GPU was lost.
    fn note_move(&mut self, by: Rc<LoadedModel>) {
        if self.model.is_on_gpu()
            && !by.is_on_gpu()
            && let Some(note) = by.device.notes.last().cloned()
        {
            self.session.say(Event::Note { id: self.id, note });
        }
        self.model = by;
    }
}
