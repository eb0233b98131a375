//! A model's blocks on the GPU.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Context, layers::Layers, readback, scratch::Scratch};
use crate::{
    Error, Result,
    bundle::Weights,
    encoder::{Config, Precision, positions},
};

/// A model's blocks on the GPU.
pub struct Blocks {
    context: Context,
    config: Config,
    /// `[positions, hidden]`, here: they are added to the rows on their way to the GPU.
    positions: Vec<f32>,
    layers: Layers,
    scratch: Mutex<Option<Scratch>>,
}

impl Blocks {
    /// Puts the weights of a model on the GPU.
    ///
    /// # Errors
    /// [`Error::Format`] naming the tensor that is missing or has another shape than `config` says;
    /// [`Error::Unsupported`] for widths that the shaders cannot do; [`Error::Device`] when the weights
    /// do not fit the device.
    pub fn new(context: &Context, config: &Config, weights: &Weights, precision: Precision) -> Result<Self> {
        let failed = |problem| Error::Device { device: format!("WebGPU ({})", context.adapter()), problem };
        context.check().map_err(failed)?;
        let blocks = Self {
            context: context.clone(),
            config: config.clone(),
            positions: positions(config, weights)?,
            layers: Layers::new(context, config, weights, precision)?,
            scratch: Mutex::default(),
        };
        // A browser reports faults later; there, the first call of `encode` fails.
        context.check().map_err(failed)?;
        Ok(blocks)
    }

    /// Vectors `[sequences, dimension]` from word embedding rows `[tokens, hidden]` of sequences one
    /// after the other, which are `lengths` tokens long.
    ///
    /// # Errors
    /// What went wrong on the device, in words.
    pub async fn encode(&self, words: &[f32], lengths: &[usize]) -> std::result::Result<Vec<f32>, String> {
        if lengths.is_empty() {
            return Ok(Vec::new());
        }
        self.context.check()?;
        let rows = self.rows(words, lengths)?;
        let dimension = self.config.dimension();
        // No `await` in here: a second call's writes must come after this one's submission.
        let (submission, buffer, fault) = {
            let mut scratch = self.scratch();
            let watch = self.context.watch();
            let tokens = rows.len() / self.config.hidden;
            let scratch = match scratch.take().filter(|s| s.holds(tokens, lengths.len())) {
                Some(fits) => scratch.insert(fits),
                None => scratch.insert(Scratch::new(
                    &self.context,
                    &self.config,
                    &self.layers,
                    tokens,
                    lengths.len(),
                )?),
            };
            let (submission, buffer) = scratch.run(&self.context, &rows, lengths, dimension);
            (submission, buffer, watch.end())
        };
        let values = readback::read(&self.context, &buffer, lengths.len() * dimension, submission).await;
        if let Some(fault) = fault.await {
            return Err(fault);
        }
        let values = values?;
        self.context.check()?;
        if let Some(scratch) = self.scratch().as_mut() {
            scratch.give_back(buffer, dimension);
        }
        Ok(values)
    }

    fn scratch(&self) -> MutexGuard<'_, Option<Scratch>> {
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Word rows with their positions added.
    fn rows(&self, words: &[f32], lengths: &[usize]) -> std::result::Result<Vec<f32>, String> {
        let hidden = self.config.hidden;
        let positions = &self.positions[self.config.first_position * hidden..];
        let tokens: usize = lengths.iter().sum();
        let longest = positions.len() / hidden;
        if let Some(length) = lengths.iter().find(|&&l| l == 0 || l > longest) {
            return Err(format!("a text of {length} tokens is not within 1 to {longest}"));
        }
        if words.len() != tokens * hidden {
            return Err(format!("{} numbers are not {tokens} rows of {hidden}", words.len()));
        }
        let positions = lengths.iter().flat_map(|l| &positions[..l * hidden]);
        Ok(words.iter().zip(positions).map(|(w, p)| w + p).collect())
    }
}
