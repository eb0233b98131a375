//! What a model is made of: its shape, and the names of its arrays.
//!
//! Below `bundle`, which stores it, and `encoder`, which runs it: neither has to know the other for it. Not here:
//! weights, devices, files.

mod config;

pub use config::{Activation, Config, Dense, Family, Pooling};

/// Name of the word embedding table among a model's arrays.
pub const TABLE: &str = "embeddings.word_embeddings.weight";
