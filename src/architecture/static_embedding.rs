//! Static embeddings: the mean of the tokens' rows of a table, without blocks. model2vec's `StaticModel` and
//! sentence-transformers' `StaticEmbedding`, with the parameter name of the latter.

use super::{
    Config, pool_and_project,
    program::{Program, ProgramBuilder},
};
use crate::Result;

/// The table's name.
pub const TABLE: &str = "embedding.weight";

/// The program of static embeddings.
///
/// # Errors
/// As [`ProgramBuilder::finish`].
pub fn program(config: &Config) -> Result<Program> {
    let mut build = ProgramBuilder::new(TABLE, config.vocabulary, config.hidden);
    pool_and_project(&mut build, config);
    build.finish()
}
