//! The word embedding table: packed, in memory, unpacked row by row.
//!
//! With large vocabularies the table is most of a model, and a batch needs few of its rows. So it
//! never goes to a device whole: rows are unpacked here and sent as activations.

use crate::bundle::Array;

/// A packed `[vocabulary, hidden]` table.
pub struct Table {
    array: Array,
}

impl Table {
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

    /// Rows for `ids`, padded with zeros to `length` ids a sequence: `[sequences, length, hidden]`.
    ///
    /// Ids beyond the table, which a checked bundle cannot produce, give zeros.
    pub fn gather(&self, sequences: &[&[u32]], length: usize) -> Vec<f32> {
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
