//! Encoding many texts with one model, a chunk at a time, and keeping what was made.

use std::rc::Rc;

use super::{Session, encode::Encoded, model::Model, progress::Progress, vault::Vault};
use crate::{
    Error, Result,
    datasets::Chunks,
    protocol::{Event, Id, Stage},
    text::{Cut, Kind, Length},
};

/// Encodes with one model, and keeps what it has encoded.
pub struct Work<'a> {
    session: &'a Session,
    id: Id,
    /// The model, where it runs now.
    pub model: Rc<Model>,
    vault: Vault,
    /// Texts whose vectors were kept, of how many.
    pub kept: (usize, usize),
}

impl<'a> Work<'a> {
    /// Of request `id`, with `model`; a note says so where the browser keeps nothing.
    pub async fn begin(session: &'a Session, id: Id, model: Rc<Model>) -> Self {
        let (vault, note) = Vault::open(&model).await;
        note.into_iter().for_each(|note| session.say(Event::Note { id, note }));
        Self { session, id, model, vault, kept: (0, 0) }
    }

    /// Vectors as the model's are compared, a row for each text that `chunks` was made of, and what
    /// the model's window left out of these. What is kept is not encoded again, but counted again.
    pub async fn encode(
        &mut self,
        chunks: Chunks<'_>,
        kind: Kind,
        progress: &mut Progress<'_>,
    ) -> Result<(Vec<f32>, Cut)> {
        let d = self.model.encoder.dimension();
        let total = chunks.texts();
        let mut vectors: Vec<Option<Vec<f32>>> = Vec::with_capacity(chunks.chunks.len());
        let mut lengths: Vec<Vec<Length>> = Vec::with_capacity(chunks.chunks.len());
        let mut done = 0;
        for chunk in &chunks.chunks {
            let kept = self.vault.get(chunk, kind).await;
            lengths.push(Vec::new());
            if kept.is_some() {
                self.model.encoder.tokenize_counted(chunk, kind, &mut lengths[vectors.len()])?;
                done += chunk.len();
                let bytes = |texts: usize| (texts * d * size_of::<f32>()) as f64;
                progress.at(Stage::Cache, bytes(done), bytes(total));
            }
            vectors.push(kept);
        }
        self.kept = (self.kept.0 + done, self.kept.1 + total);
        let stage = match kind {
            Kind::Passage => Stage::Encode,
            Kind::Query => Stage::EncodeQueries,
        };
        // The time left is guessed from what is left to encode, not from what was kept.
        let (kept, missing) = (done, (total - done) as f64);
        let mut tell = |done: usize| {
            progress.weighed(stage, done as f64, total as f64, (done - kept) as f64, missing);
        };
        tell(done);
        let slots = vectors.iter_mut().zip(&mut lengths);
        for (chunk, (slot, lengths)) in
            chunks.chunks.iter().zip(slots).filter(|(_, (slot, _))| slot.is_none())
        {
            let mut step = |encoded: Encoded| tell(done + encoded.texts);
            let (made, read, by) =
                self.session.encode(self.model.clone(), chunk, kind, Some(&mut step)).await?;
            *lengths = read;
            self.note_move(by);
            done += chunk.len();
            if let Some(note) = self.vault.put(chunk, kind, &made).await {
                self.session.say(Event::Note { id: self.id, note });
            }
            *slot = Some(made);
        }
        let all: Vec<f32> = vectors.into_iter().flatten().flatten().collect();
        let mut rows = chunks.rows(&all, d).ok_or_else(|| {
            Error::Input("Fewer vectors were made than there are texts: measure again".into())
        })?;
        self.model.encoder.similarity().ready(&mut rows, d);
        let lengths = lengths.concat();
        let cut = self.model.encoder.tokenizer().cut().with(chunks.each(&lengths).into_iter().flatten());
        Ok((rows, cut))
    }

    /// `by` goes on; a note tells of a GPU that was lost.
    fn note_move(&mut self, by: Rc<Model>) {
        if self.model.is_on_gpu()
            && !by.is_on_gpu()
            && let Some(note) = by.device.notes.last().cloned()
        {
            self.session.say(Event::Note { id: self.id, note });
        }
        self.model = by;
    }
}
