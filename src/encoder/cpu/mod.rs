//! The encoder on the CPU, by kernels of our own.

use super::Config;
use crate::{Result, bundle::Weights};

/// A model's blocks, ready to run.
pub struct Blocks {}

impl Blocks {
    /// Takes the weights of a model.
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) naming the tensor that is missing or has another shape
    /// than `config` says.
    pub fn new(_config: &Config, _weights: &Weights) -> Result<Self> {
        unimplemented!()
    }

    /// Vectors `[sequences, dimension]` from word embedding rows `[tokens, hidden]` of sequences one
    /// after the other, which are `lengths` tokens long.
    pub fn encode(&self, _words: Vec<f32>, _lengths: &[usize]) -> Vec<f32> {
        unimplemented!()
    }
}
