//! The position embedding table, as every implementation of the blocks starts from it.

use super::Config;
use crate::{Error, Result, bundle::Weights};

/// Position rows `[positions, hidden]`, the row of token type 0 already added.
///
/// # Errors
/// [`Error::Format`] naming the tensor that is missing or has another shape than `config` says.
pub(super) fn positions(config: &Config, weights: &Weights) -> Result<Vec<f32>> {
    let hidden = config.hidden;
    let mut rows =
        weights.matrix("embeddings.position_embeddings.weight", config.positions, hidden)?.to_f32();
    // RoBERTa has no segments, so its checkpoints may lack this table.
    let name = "embeddings.token_type_embeddings.weight";
    if let Some(types) = weights.get(name) {
        if types.shape.len() != 2 || types.shape[1] != hidden || types.shape[0] == 0 {
            return Err(Error::format(name, format!("shape {:?} does not fit width {hidden}", types.shape)));
        }
        let mut first = vec![0.0; hidden];
        types.row(0, &mut first);
        for row in rows.chunks_mut(hidden) {
            row.iter_mut().zip(&first).for_each(|(p, t)| *p += t);
        }
    }
    Ok(rows)
}
