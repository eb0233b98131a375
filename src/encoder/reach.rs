//! Which part of a model a gradient is computed for, whoever computes.

use crate::architecture::program::Place;

/// How far gradients go back, and which weights get some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// To the word embedding rows, for these alone.
    Rows,
    /// To this block, counted from 0: for its weights and those of all that comes after it.
    Block(usize),
    /// To the word embedding rows, for all weights.
    All,
}

impl Reach {
    /// The first place that gradients come to.
    pub fn place(self) -> Place {
        match self {
            Self::Rows | Self::All => Place::Before,
            Self::Block(first) => Place::Block(first),
        }
    }
}
