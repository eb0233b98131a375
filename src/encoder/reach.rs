//! Which part of a model a gradient is computed for, whoever computes.

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
    /// The first block that gradients come to.
    pub fn first(self) -> usize {
        match self {
            Self::Rows | Self::All => 0,
            Self::Block(first) => first,
        }
    }
}
