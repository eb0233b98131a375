//! The encoder in Burn: what training differentiates, and what runs on native GPUs.

mod body;
mod pooling;

pub use body::Body;
pub use pooling::{normalize, pool};

use burn::tensor::{Device, Tensor, TensorData};

use super::{Config, Precision};
use crate::{Result, bundle::Weights};

/// A model's blocks on one of Burn's devices.
pub struct Blocks {
    body: Body,
    device: Device,
}

impl Blocks {
    /// Puts the weights of a model on `device`.
    ///
    /// # Errors
    /// As [`Body::new`].
    pub fn new(config: &Config, weights: &Weights, precision: Precision, device: &Device) -> Result<Self> {
        Ok(Self { body: Body::new(config, weights, precision, device)?, device: device.clone() })
    }

    /// Sends token sequences off, whose embedding rows `words` are, padded to `length` tokens; what is returned
    /// waits for their vectors `[sequences, dimension]`.
    ///
    /// # Errors
    /// What went wrong on the device, in words.
    pub fn send(
        &self,
        config: &Config,
        words: Vec<f32>,
        sequences: &[&[u32]],
        length: usize,
    ) -> impl Future<Output = std::result::Result<Vec<f32>, String>> + use<> {
        let shape = [sequences.len(), length, config.hidden];
        let words = TensorData::new(words, shape);
        let padded = sequences.iter().any(|s| s.len() < length);
        let mask = padded.then(|| {
            let ones =
                sequences.iter().flat_map(|s| (0..length).map(|i| if i < s.len() { 1.0f32 } else { 0.0 }));
            let data = TensorData::new(ones.collect(), [sequences.len(), length]);
            Tensor::<2>::from_data(data, &self.device)
        });
        let tokens =
            self.body.forward(config, Tensor::from_data(words, &self.device), mask.clone(), 0, false);
        let mut vectors = self.body.project(config, pool(config.pooling, tokens, mask));
        if config.normalize {
            vectors = normalize(vectors);
        }
        async {
            let data = vectors.into_data_async().await;
            let data = data.map_err(|e| format!("it failed while encoding: {e:?}"))?;
            data.try_into_vec::<f32>().map_err(|e| format!("unexpected result: {e:?}"))
        }
    }
}
