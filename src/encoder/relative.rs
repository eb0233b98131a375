//! Shifts of attention scores by the distance of query and key, spread out from a table of buckets; the same for every
//! device.

use crate::{
    Result,
    architecture::program::{Program, RelativeBias},
    bundle::Weights,
};

/// What each head's scores are shifted by, for every distance.
pub struct Shifts {
    /// `[heads, 2 positions - 1]`: a row has the key furthest before its query first, and the query itself in its
    /// middle.
    pub values: Vec<f32>,
    /// Number of distances: `2 positions - 1`.
    pub span: usize,
}

impl Shifts {
    /// Spreads out a table `[BUCKETS, heads]`.
    pub fn new(table: &[f32], positions: usize) -> Self {
        let heads = table.len() / RelativeBias::BUCKETS;
        let buckets: Vec<usize> = buckets(positions).collect();
        let rows = (0..heads).flat_map(|head| buckets.iter().map(move |bucket| table[bucket * heads + head]));
        Self { values: rows.collect(), span: buckets.len() }
    }

    /// Those of a program, which all its blocks share; `None` if it has none.
    ///
    /// # Errors
    /// As [`Weights::values`].
    pub fn read(program: &Program, weights: &Weights) -> Result<Option<Self>> {
        let table = |bias: RelativeBias| Ok(Self::new(&weights.values(program, bias.table)?, bias.positions));
        program.relative().map(table).transpose()
    }

    /// One head's row.
    pub fn of(&self, head: usize) -> &[f32] {
        &self.values[head * self.span..][..self.span]
    }
}

/// The bucket of each distance, in the order of a row of [`Shifts`].
pub fn buckets(positions: usize) -> impl Iterator<Item = usize> {
    let most = positions.saturating_sub(1) as isize;
    (-most..=most).map(RelativeBias::bucket)
}
