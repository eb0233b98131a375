//! The position embedding table, in the form that every implementation loads it.

use crate::{
    Result,
    architecture::program::{AddPositions, Op, Program},
    bundle::Weights,
};

impl AddPositions {
    /// Rows of the position table, with the first segment embedding added to each.
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) naming the tensor that is missing or has another shape.
    pub(super) fn rows(&self, program: &Program, weights: &Weights) -> Result<Vec<f32>> {
        let mut rows = weights.values(program, self.table)?;
        let segments = self.segments.map(|id| program.param(id));
        if let Some(segments) = segments.filter(|s| !s.optional || weights.get(&s.name).is_some()) {
            let segments = weights.param(segments)?;
            let mut first = vec![0.0; segments.shape[1]];
            segments.row(0, &mut first);
            for row in rows.chunks_mut(first.len()) {
                row.iter_mut().zip(&first).for_each(|(p, s)| *p += s);
            }
        }
        Ok(rows)
    }
}

/// RoBERTa's treatment of padding tokens within a text: positions are counted without them, and they all have
/// one position of their own.
pub(super) struct Padding {
    /// Its id.
    id: u32,
    /// Position of a text's first token.
    first: usize,
    width: usize,
    /// As returned by [`AddPositions::rows`].
    rows: Vec<f32>,
}

impl Padding {
    /// `None` for models that treat padding as any other token.
    ///
    /// # Errors
    /// As [`AddPositions::rows`].
    pub fn new(program: &Program, weights: &Weights) -> Result<Option<Self>> {
        for step in program.steps() {
            if let Op::AddPositions(op @ AddPositions { first, padding: Some(id), .. }) = &step.op {
                let rows = op.rows(program, weights)?;
                return Ok(Some(Self { id: *id, first: *first, width: program.width(), rows }));
            }
        }
        Ok(None)
    }

    /// Corrects the embedding rows of `sequences`, of which one begins every `length` rows of `words`, or
    /// where the one before ends: adds the difference between a token's position embedding and that of its
    /// index in the sequence. The program, which adds the latter, then arrives at the right sum.
    pub fn correct(&self, sequences: &[&[u32]], words: &mut [f32], length: Option<usize>) {
        let mut rest = words;
        for sequence in sequences {
            let rows;
            (rows, rest) = rest.split_at_mut(length.unwrap_or(sequence.len()) * self.width);
            if !sequence.contains(&self.id) {
                continue;
            }
            let mut counted = 0;
            for (place, (&id, row)) in sequence.iter().zip(rows.chunks_mut(self.width)).enumerate() {
                let position = if id == self.id { self.first - 1 } else { self.first + counted };
                counted += usize::from(id != self.id);
                let [to, from] = [position, self.first + place].map(|p| &self.rows[p * self.width..]);
                row.iter_mut().zip(to.iter().zip(from)).for_each(|(v, (to, from))| *v += to - from);
            }
        }
    }
}
