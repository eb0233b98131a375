//! The position embedding table, as every implementation of the blocks starts from it.

use super::{Config, Family};
use crate::{Error, Result, bundle::Weights};

/// Position rows `[positions, hidden]`, the row of token type 0 already added.
///
/// # Errors
/// [`Error::Format`] naming the tensor that is missing or has another shape than `config` says.
pub(super) fn positions(config: &Config, weights: &Weights) -> Result<Vec<f32>> {
    let hidden = config.hidden;
    let mut rows =
        weights.matrix("embeddings.position_embeddings.weight", config.positions, hidden)?.to_f32();
    // RoBERTa has no segments, so its checkpoints may lack this table.
    let name = "embeddings.token_type_embeddings.weight";
    if let Some(types) = weights.get(name) {
        if types.shape.len() != 2 || types.shape[1] != hidden || types.shape[0] == 0 {
            return Err(Error::format(name, format!("shape {:?} does not fit width {hidden}", types.shape)));
        }
        let mut first = vec![0.0; hidden];
        types.row(0, &mut first);
        for row in rows.chunks_mut(hidden) {
            row.iter_mut().zip(&first).for_each(|(p, t)| *p += t);
        }
    }
    Ok(rows)
}

/// Padding that is met within a text: RoBERTa counts positions without it, and gives it one of its own.
pub(super) struct Padding {
    /// Its id, behind which positions begin.
    id: u32,
    first: usize,
    hidden: usize,
    /// As [`positions`] gives them.
    rows: Vec<f32>,
}

impl Padding {
    /// `None` for families to which it is a token like others.
    ///
    /// # Errors
    /// As [`positions`].
    pub fn new(config: &Config, weights: &Weights) -> Result<Option<Self>> {
        if config.family == Family::Bert || config.first_position == 0 {
            return Ok(None);
        }
        let (first, hidden) = (config.first_position, config.hidden);
        Ok(Some(Self { id: first as u32 - 1, first, hidden, rows: positions(config, weights)? }))
    }

    /// Adds to each embedding row of `sequences`, of which one begins every `length` rows of `words`, or where
    /// the one before ends, what its position differs by from its place in the sequence. The blocks, which
    /// count places, then come to the right sum.
    pub fn correct(&self, sequences: &[&[u32]], words: &mut [f32], length: Option<usize>) {
        let mut rest = words;
        for sequence in sequences {
            let rows;
            (rows, rest) = rest.split_at_mut(length.unwrap_or(sequence.len()) * self.hidden);
            if !sequence.contains(&self.id) {
                continue;
            }
            let mut counted = 0;
            for (place, (&id, row)) in sequence.iter().zip(rows.chunks_mut(self.hidden)).enumerate() {
                let position = if id == self.id { self.first - 1 } else { self.first + counted };
                counted += usize::from(id != self.id);
                let [to, from] = [position, self.first + place].map(|p| &self.rows[p * self.hidden..]);
                row.iter_mut().zip(to.iter().zip(from)).for_each(|(v, (to, from))| *v += to - from);
            }
        }
    }
}
