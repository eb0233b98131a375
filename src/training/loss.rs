//! What is minimised.

use burn::tensor::{Device, Tensor, TensorData, activation};

/// Added to the score of a pair that must not count as a negative.
const MASKED: f32 = -1.0e4;

/// Softmax cross-entropy of each row's own partner against the batch's (InfoNCE, arXiv 1807.03748;
/// arXiv 2408.10536 uses it from query to passage).
///
/// `queries` and `passages` are `[batch, d]` with rows of length 1; row `i` belongs to row `i`.
/// `masked[i * batch + j]` says that passage `j` is no negative of query `i`. Returns the mean over
/// the batch, `[1]`.
pub fn contrastive(
    queries: Tensor<2>,
    passages: Tensor<2>,
    masked: &[bool],
    temperature: f32,
    device: &Device,
) -> Tensor<1> {
    let [batch, _] = queries.dims();
    let (mut bias, mut own) = (vec![0.0f32; batch * batch], vec![0.0f32; batch * batch]);
    for i in 0..batch {
        for j in 0..batch {
            if i == j {
                own[i * batch + j] = 1.0;
            } else if masked.get(i * batch + j).copied().unwrap_or(false) {
                bias[i * batch + j] = MASKED;
            }
        }
    }
    let square = |values| Tensor::<2>::from_data(TensorData::new(values, [batch, batch]), device);
    let scores = queries.matmul(passages.transpose()).div_scalar(temperature) + square(bias);
    let log = activation::log_softmax(scores, 1);
    (log * square(own)).sum().div_scalar(-(batch as f32))
}

/// Mean of `1 - cosine` between rows of length 1, `[batch, d]` each, weighted by `weights` (`[batch]`
/// numbers whose sum divides the total). Returns `[1]`.
pub fn distance(student: Tensor<2>, teacher: Tensor<2>, weights: &[f32], device: &Device) -> Tensor<1> {
    let [batch, _] = student.dims();
    let total: f32 = weights.iter().sum::<f32>().max(1.0);
    let weights = Tensor::<2>::from_data(TensorData::new(weights.to_vec(), [batch, 1]), device);
    let cosine = (student * teacher).sum_dim(1);
    (cosine.neg().add_scalar(1.0) * weights).sum().div_scalar(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(rows: &[[f32; 3]]) -> Vec<f32> {
        rows.iter()
            .flat_map(|r| {
                let n = r.iter().map(|x| x * x).sum::<f32>().sqrt();
                r.map(|x| x / n)
            })
            .collect()
    }

    #[test]
    fn contrastive_equals_the_formula_and_skips_what_is_masked() {
        let device = Device::flex();
        let q = unit(&[[1.0, 2.0, 0.5], [0.3, -1.0, 2.0], [1.0, 1.0, 1.0]]);
        let p = unit(&[[1.0, 1.5, 0.0], [0.0, -1.0, 1.0], [2.0, 1.0, 1.0]]);
        let mut masked = vec![false; 9];
        masked[2] = true; // passage 2 is no negative of query 0
        let t = 0.1f64;
        let dot = |i: usize, j: usize| {
            (0..3).map(|k| f64::from(q[i * 3 + k]) * f64::from(p[j * 3 + k])).sum::<f64>()
        };
        let expected = (0..3)
            .map(|i| {
                let sum: f64 = (0..3).filter(|&j| !masked[i * 3 + j]).map(|j| (dot(i, j) / t).exp()).sum();
                -((dot(i, i) / t).exp() / sum).ln()
            })
            .sum::<f64>()
            / 3.0;
        let tensor = |v: &[f32]| Tensor::<2>::from_data(TensorData::new(v.to_vec(), [3, 3]), &device);
        let got = contrastive(tensor(&q), tensor(&p), &masked, t as f32, &device);
        let got = f64::from(got.into_scalar::<f32>());
        assert!((got - expected).abs() < 1e-5, "{got} {expected}");
    }

    #[test]
    fn distance_counts_only_weighted_rows() {
        let device = Device::flex();
        let tensor = |v: Vec<f32>| Tensor::<2>::from_data(TensorData::new(v, [2, 3]), &device);
        let a = unit(&[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
        let b = unit(&[[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]);
        let got = distance(tensor(a), tensor(b), &[1.0, 0.0], &device).into_scalar::<f32>();
        assert!((got - 1.0).abs() < 1e-6, "{got}");
    }
}
