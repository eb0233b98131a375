//! How far back gradients are computed, on any backend.

use crate::architecture::program::Place;

/// How far gradients go back, and which weights get them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// To the word embedding rows, for those rows only.
    Rows,
    /// To this block, counted from 0: for its weights and those of all later steps.
    Block(usize),
    /// To the word embedding rows, for all weights.
    All,
}

impl Reach {
    /// The earliest place that gradients reach.
    pub fn place(self) -> Place {
        match self {
            Self::Rows | Self::All => Place::Before,
            Self::Block(first) => Place::Block(first),
        }
    }
}
