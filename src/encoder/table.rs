//! The word embedding table: packed in memory, unpacked row by row.
//!
//! With a large vocabulary the table is most of a model, and a batch needs few of its rows. So no device gets
//! the whole table: rows are unpacked here and sent as activations.

use crate::bundle::Array;

/// A packed `[vocabulary, hidden]` table.
pub struct EmbeddingTable {
    array: Array,
}

impl EmbeddingTable {
    /// Takes a two-dimensional array as a table.
    pub fn new(array: Array) -> Self {
        Self { array }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.array.shape[0]
    }

    /// Width of a row.
    pub fn width(&self) -> usize {
        self.array.shape[1]
    }

    /// Rows for the ids of all sequences, one after the other: `[tokens, hidden]`.
    ///
    /// Ids beyond the table, which a checked bundle cannot produce, give zeros.
    pub fn gather(&self, sequences: &[&[u32]]) -> Vec<f32> {
        let ids = sequences.iter().flat_map(|s| s.iter());
        let mut out = vec![0.0; ids.clone().count() * self.width()];
        for (&id, row) in ids.zip(out.chunks_mut(self.width())) {
            if (id as usize) < self.rows() {
                self.array.row(id as usize, row);
            }
        }
        out
    }

    /// As [`gather`](Self::gather), each sequence padded with zeros to `length` ids: `[sequences,
    /// length, hidden]`.
    pub fn gather_padded(&self, sequences: &[&[u32]], length: usize) -> Vec<f32> {
        let width = self.width();
        let mut out = vec![0.0; sequences.len() * length * width];
        for (sequence, block) in sequences.iter().zip(out.chunks_mut(length * width)) {
            for (&id, row) in sequence.iter().zip(block.chunks_mut(width)) {
                if (id as usize) < self.rows() {
                    self.array.row(id as usize, row);
                }
            }
        }
        out
    }
}
