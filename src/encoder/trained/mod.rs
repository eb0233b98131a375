//! The encoder in Burn, for training and for native GPUs.

mod body;
mod pooling;

pub use body::{Body, BurnModel, ForwardOptions};
pub use pooling::{normalize, pool};

use burn::tensor::{Tensor, TensorData};

impl BurnModel {
    /// Submits token sequences, padded to `length` tokens, with their embedding rows `words`; returns a
    /// future of their vectors `[sequences, dimension]`.
    ///
    /// # Errors
    /// What went wrong on the device.
    pub fn send(
        &self,
        words: Vec<f32>,
        sequences: &[&[u32]],
        length: usize,
    ) -> impl Future<Output = std::result::Result<Vec<f32>, String>> + use<> {
        let shape = [sequences.len(), length, self.program.width()];
        let words = TensorData::new(words, shape);
        let padded = sequences.iter().any(|s| s.len() < length);
        let mask = padded.then(|| {
            let ones =
                sequences.iter().flat_map(|s| (0..length).map(|i| if i < s.len() { 1.0f32 } else { 0.0 }));
            let data = TensorData::new(ones.collect(), [sequences.len(), length]);
            Tensor::<2>::from_data(data, &self.device)
        });
        let vectors = self.forward(Tensor::from_data(words, &self.device), mask, ForwardOptions::FORWARD);
        async {
            let data = vectors.into_data_async().await;
            let data = data.map_err(|e| format!("it failed while encoding: {e:?}"))?;
            data.try_into_vec::<f32>().map_err(|e| format!("unexpected result: {e:?}"))
        }
    }
}
