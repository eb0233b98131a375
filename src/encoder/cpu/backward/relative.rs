//! Trainable shifts of attention scores.

use super::Param;
use crate::{
    Result,
    architecture::program::Program,
    bundle::Weights,
    encoder::relative::{Shifts, buckets},
};

/// The table that all blocks share, spread out.
pub struct TrainableShifts {
    /// `[BUCKETS, heads]`.
    pub table: Param,
    /// For every distance.
    pub spread: Shifts,
    /// Gradients of the spread-out values, of one backward pass.
    pub grads: Vec<f32>,
    positions: usize,
}

impl TrainableShifts {
    /// A program's, if it has any.
    ///
    /// # Errors
    /// As [`Weights::param`].
    pub fn new(program: &Program, weights: &Weights) -> Result<Option<Self>> {
        let Some(bias) = program.relative() else { return Ok(None) };
        let table = Param::read(program, bias.table, weights)?;
        let spread = Shifts::new(&table.values, bias.positions);
        let grads = vec![0.0; spread.values.len()];
        Ok(Some(Self { table, spread, grads, positions: bias.positions }))
    }

    /// Makes changed values take effect.
    pub fn refresh(&mut self) {
        self.spread = Shifts::new(&self.table.values, self.positions);
    }

    /// Adds a pass's gradients to the table's.
    pub fn accumulate(&mut self) {
        let heads = self.table.shape[1];
        for (head, row) in self.grads.chunks(self.spread.span).enumerate() {
            for (bucket, grad) in buckets(self.positions).zip(row) {
                self.table.grads[bucket * heads + head] += grad;
            }
        }
        self.grads.fill(0.0);
    }
}
