//! Blocks in training on one of Burn's devices: a GPU, or the CPU by Burn's kernels.

use burn::{
    optim::{GradientsAccumulator, GradientsParams},
    tensor::{Device, Int, Tensor, TensorData},
};

use super::Blocks;
use crate::{
    Error, Result,
    bundle::Weights,
    encoder::{
        Config, Machine, Precision,
        trained::{Body, normalize, pool},
    },
    training::optimizer::{BodyMoments, Update},
};

/// Lengths by which a batch is split.
const GROUPS: usize = 4;

pub struct BurnBlocks {
    config: Config,
    label: String,
    device: Device,
    body: Body,
    moments: BodyMoments,
    grads: GradientsAccumulator<Body>,
    /// Of the last forward pass.
    graph: Option<Graph>,
}

struct Graph {
    /// Word embedding rows, `[tokens, hidden]`.
    words: Tensor<2>,
    /// `[sequences, dimension]`.
    vectors: Tensor<2>,
}

impl BurnBlocks {
    pub fn new(config: &Config, weights: &Weights, machine: &Machine) -> Result<Self> {
        let device = machine.burn()?.autodiff();
        Ok(Self {
            body: Body::new(config, weights, Precision::F32, &device)?,
            config: config.clone(),
            label: format!("{} ({})", machine.backend.name(), machine.adapter),
            device,
            moments: BodyMoments::default(),
            grads: GradientsAccumulator::new(),
            graph: None,
        })
    }

    fn read(&self, tensor: Tensor<2>, what: &str) -> Result<Vec<f32>> {
        tensor.into_data().try_into_vec::<f32>().map_err(|e| Error::Device {
            device: self.label.clone(),
            problem: format!("{what} cannot be read back: {e:?}"),
        })
    }

    fn indices(&self, indices: Vec<i32>) -> Tensor<1, Int> {
        let count = indices.len();
        Tensor::from_data(TensorData::new(indices, [count]), &self.device)
    }
}

impl Blocks for BurnBlocks {
    fn forward(&mut self, words: &[f32], lengths: &[usize]) -> Result<Vec<f32>> {
        let width = self.config.hidden;
        let tokens = words.len() / width;
        let leaf = TensorData::new(words.to_vec(), [tokens, width]);
        let leaf = Tensor::<2>::from_data(leaf, &self.device).require_grad();
        let firsts: Vec<usize> = lengths
            .iter()
            .scan(0, |next, length| {
                *next += length;
                Some(*next - length)
            })
            .collect();
        let mut order: Vec<usize> = (0..lengths.len()).collect();
        order.sort_by_key(|&i| lengths[i]);
        let mut parts = Vec::new();
        // Texts of like length together: little of the work goes into padding.
        for group in order.chunks(lengths.len().div_ceil(GROUPS).max(1)) {
            let length = group.iter().map(|&i| lengths[i]).max().unwrap_or(1);
            let mut index = vec![0i32; group.len() * length];
            let mut mask = vec![0.0f32; group.len() * length];
            for (row, &i) in group.iter().enumerate() {
                for token in 0..lengths[i] {
                    index[row * length + token] = (firsts[i] + token) as i32;
                    mask[row * length + token] = 1.0;
                }
            }
            let shape = [group.len(), length];
            let words = leaf.clone().select(0, self.indices(index)).reshape([shape[0], length, width]);
            let mask = Tensor::<2>::from_data(TensorData::new(mask, shape), &self.device);
            let tokens = self.body.forward(&self.config, words, Some(mask.clone()));
            let pooled = pool(self.config.pooling, tokens, Some(mask));
            let vectors = self.body.project(&self.config, pooled);
            parts.push(if self.config.normalize { normalize(vectors) } else { vectors });
        }
        let mut back = vec![0i32; order.len()];
        order.iter().enumerate().for_each(|(at, &i)| back[i] = at as i32);
        let vectors = Tensor::cat(parts, 0).select(0, self.indices(back));
        self.graph = Some(Graph { words: leaf, vectors: vectors.clone() });
        self.read(vectors, "vectors")
    }

    fn back(&mut self, grads: &[f32], learn: bool) -> Result<Vec<f32>> {
        let Some(Graph { words, vectors }) = self.graph.take() else { return Ok(Vec::new()) };
        // The loss as far as these vectors know it: its gradient by them is `grads`.
        let grads = TensorData::new(grads.to_vec(), vectors.dims());
        let mut all = (vectors * Tensor::from_data(grads, &self.device)).sum().backward();
        let Some(words) = words.grad_remove(&mut all) else {
            return Err(Error::Training(
                "no gradient reached the embedding rows; this is a defect, please report it".into(),
            ));
        };
        if learn {
            let grads = GradientsParams::from_grads(all, &self.body);
            self.grads.accumulate(&self.body, grads);
        }
        self.read(words, "gradients")
    }

    fn step(&mut self, update: Update) {
        self.body = self.moments.step(self.body.clone(), self.grads.grads(), update);
    }

    fn weights(&mut self) -> Result<Weights> {
        self.body.weights(&self.config)
    }

    fn moments(&self) -> Result<Weights> {
        self.moments.weights()
    }

    fn restore(&mut self, weights: &Weights, moments: &Weights) -> Result<()> {
        self.body = Body::new(&self.config, weights, Precision::F32, &self.device)?;
        self.moments = BodyMoments::from_weights(moments, &self.device.clone().inner())?;
        Ok(())
    }
}
