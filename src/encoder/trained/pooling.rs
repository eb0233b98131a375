//! Pooling of token vectors into one vector per text.

use burn::tensor::{Tensor, TensorData};

use crate::encoder::Pooling;

/// Far below any activation, so that padding is never the maximum.
const LOWEST: f32 = -1.0e9;

/// `[batch, length, hidden]` → `[batch, hidden]`; `mask` is `[batch, length]`, `None` without padding.
pub fn pool(kind: Pooling, tokens: Tensor<3>, mask: Option<Tensor<2>>) -> Tensor<2> {
    let [batch, length, hidden] = tokens.dims();
    match kind {
        Pooling::Cls => tokens.slice([0..batch, 0..1, 0..hidden]).reshape([batch, hidden]),
        Pooling::Mean => match mask {
            None => tokens.mean_dim(1).reshape([batch, hidden]),
            Some(mask) => {
                // A text without tokens has a vector of zeros.
                let count = mask.clone().sum_dim(1).clamp_min(1.0);
                let kept = tokens * mask.reshape([batch, length, 1]);
                kept.sum_dim(1).reshape([batch, hidden]) / count
            }
        },
        // One row of each text, or a weighted sum of all.
        Pooling::Last | Pooling::WeightedMean | Pooling::MeanSqrtLength => {
            let device = tokens.device();
            let mask = mask.unwrap_or_else(|| Tensor::ones([batch, length], &device));
            let count = mask.clone().sum_dim(1).clamp_min(1.0);
            let place = Tensor::<1>::from_data(
                TensorData::new((1..=length).map(|n| n as f32).collect(), [length]),
                &device,
            );
            let place = place.unsqueeze::<2>();
            let weights = match kind {
                // The token whose place, counted from 1, is the length.
                Pooling::Last => place.sub(count).abs().mul_scalar(-1.0).add_scalar(1.0).clamp_min(0.0),
                Pooling::WeightedMean => {
                    let weights = mask * place;
                    let sum = weights.clone().sum_dim(1).clamp_min(1.0);
                    weights / sum
                }
                _ => mask / count.sqrt(),
            };
            (tokens * weights.reshape([batch, length, 1])).sum_dim(1).reshape([batch, hidden])
        }
        Pooling::Max => {
            let tokens = match mask {
                None => tokens,
                Some(mask) => {
                    let below = mask.neg().add_scalar(1.0).mul_scalar(LOWEST);
                    tokens + below.reshape([batch, length, 1])
                }
            };
            tokens.max_dim(1).reshape([batch, hidden])
        }
    }
}

/// Scales the rows of `[batch, d]` to length 1; zero rows stay zero.
pub fn normalize(x: Tensor<2>) -> Tensor<2> {
    let length = x.clone().powi_scalar(2).sum_dim(1).sqrt().clamp_min(1e-12);
    x / length
}
