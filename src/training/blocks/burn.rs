//! Blocks in training on Burn's devices: GPUs, or the CPU with Burn's kernels.
//!
//! With several devices each has the same weights and takes its share of every batch; gradients are
//! summed on the first, which makes the update. Burn 0.22's own distributed training needs an
//! all-reduce that its wgpu devices lack.

use std::sync::Arc;

use burn::{
    module::{Module, ModuleVisitor, Param},
    optim::{GradientsAccumulator, GradientsParams},
    tensor::{Device, FloatDType, Int, Tensor, TensorData},
};

use super::{Blocks, Reach};
use crate::{
    Error, Result,
    architecture::program::Program,
    bundle::Weights,
    encoder::{
        EncoderDevice, Precision,
        trained::{Body, BurnModel, ForwardOptions},
    },
    training::optimizer::{BodyMoments, Pace},
};

/// Number of groups of similar length that a batch is split into.
const GROUPS: usize = 4;

pub struct BurnBlocks {
    program: Arc<Program>,
    label: String,
    /// One per device, at least one.
    replicas: Vec<Replica>,
    moments: BodyMoments,
    /// Whether matrix products are in f16.
    half: bool,
}

/// The model on one device.
struct Replica {
    device: Device,
    model: BurnModel,
    grads: GradientsAccumulator<Body>,
    /// Kept from the last forward pass.
    graph: Option<Graph>,
}

struct Graph {
    /// Word embedding rows, `[tokens, width]`.
    words: Tensor<2>,
    /// `[sequences, dimension]`.
    vectors: Tensor<2>,
}

/// Whether all of a machine's devices compute in f16.
///
/// # Errors
/// [`Error::Unsupported`] for a machine without Burn's devices.
pub fn has_half(machine: &EncoderDevice) -> Result<bool> {
    Ok(machine.burn()?.iter().all(|device| device.supports_dtype(FloatDType::F16)))
}

impl BurnBlocks {
    /// The blocks of `weights`; with `half`, matrix products are in f16.
    ///
    /// # Errors
    /// [`Error::Format`] naming the tensor with the wrong shape.
    pub fn new(program: Program, weights: &Weights, machine: &EncoderDevice, half: bool) -> Result<Self> {
        let program = Arc::new(program);
        let replicas = machine.burn()?.iter().map(|device| {
            let device = device.clone().autodiff();
            let model = BurnModel::new(program.clone(), weights, Precision::F32, &device)?;
            Ok(Replica { device, model, grads: GradientsAccumulator::new(), graph: None })
        });
        Ok(Self {
            label: format!("{} ({})", machine.backend.name(), machine.adapter),
            replicas: replicas.collect::<Result<_>>()?,
            program,
            moments: BodyMoments::default(),
            half,
        })
    }

    fn read(&self, tensors: Vec<Tensor<2>>, what: &str) -> Result<Vec<f32>> {
        let mut out = Vec::new();
        for tensor in tensors {
            out.extend(
                tensor
                    .into_data()
                    .try_into_vec::<f32>()
                    .map_err(|e| Error::device(&self.label, format!("{what} cannot be read back: {e:?}")))?,
            );
        }
        Ok(out)
    }
}

impl Replica {
    fn indices(&self, indices: Vec<i32>) -> Tensor<1, Int> {
        let count = indices.len();
        Tensor::from_data(TensorData::new(indices, [count]), &self.device)
    }

    /// Vectors of some sequences, without waiting for the device.
    fn forward(&mut self, words: &[f32], lengths: &[usize], pass: ForwardOptions) -> Tensor<2> {
        let width = self.model.program.width();
        let leaf = TensorData::new(words.to_vec(), [words.len() / width, width]);
        let leaf = Tensor::<2>::from_data(leaf, &self.device).require_grad();
        let ends = lengths.iter().scan(0, |end, length| {
            *end += length;
            Some(*end)
        });
        let ends: Vec<usize> = ends.collect();
        let mut order: Vec<usize> = (0..lengths.len()).collect();
        order.sort_by_key(|&i| lengths[i]);
        let mut parts = Vec::new();
        // Texts of similar length together, to minimize padding.
        for group in order.chunks(lengths.len().div_ceil(GROUPS).max(1)) {
            let length = group.iter().map(|&i| lengths[i]).max().unwrap_or(1);
            let mut index = vec![0i32; group.len() * length];
            let mut mask = vec![0.0f32; group.len() * length];
            for (row, &i) in group.iter().enumerate() {
                for token in 0..lengths[i] {
                    index[row * length + token] = (ends[i] - lengths[i] + token) as i32;
                    mask[row * length + token] = 1.0;
                }
            }
            let shape = [group.len(), length];
            let words = leaf.clone().select(0, self.indices(index)).reshape([shape[0], length, width]);
            let mask = Tensor::<2>::from_data(TensorData::new(mask, shape), &self.device);
            parts.push(self.model.forward(words, Some(mask), pass));
        }
        let mut places = vec![0i32; order.len()];
        order.iter().enumerate().for_each(|(at, &i)| places[i] = at as i32);
        let vectors = Tensor::cat(parts, 0).select(0, self.indices(places));
        self.graph = Some(Graph { words: leaf, vectors: vectors.clone() });
        vectors
    }

    /// Gradients as in [`Blocks::backward`]; with `half` they are NaN if one of a weight is not finite. Does not wait
    /// for the device.
    fn backward(&mut self, graph: Graph, grads: &[f32], pass: ForwardOptions) -> Result<Tensor<2>> {
        let ForwardOptions { reach, half } = pass;
        let Graph { words, vectors } = graph;
        let scale = if half { scale(grads) } else { 1.0 };
        // A surrogate loss whose gradient with respect to these vectors is `grads`.
        let grads = TensorData::new(grads.iter().map(|g| g * scale).collect::<Vec<_>>(), vectors.dims());
        let mut all = (vectors * Tensor::from_data(grads, &self.device)).sum().backward();
        let reached = match reach {
            Reach::Block(_) => self.model.reached(reach.place(), &all),
            Reach::Rows | Reach::All => words.grad_remove(&mut all),
        };
        let Some(mut reached) = reached else {
            return Err(Error::Training(
                "the backward pass returned no gradient; this is a bug, please report it".into(),
            ));
        };
        if reach != Reach::Rows {
            let params = self.model.params_from(reach);
            let mut grads = GradientsParams::from_params(&mut all, &self.model.body, &params);
            if half {
                let mut unscaled = Unscaled { grads, by: scale.recip(), sound: None };
                self.model.body.visit(&mut unscaled);
                grads = unscaled.grads;
                reached = match unscaled.sound {
                    Some(sound) => reached + sound.unsqueeze(),
                    None => reached,
                };
            }
            self.grads.accumulate(&self.model.body, grads);
        }
        Ok(if half { reached.mul_scalar(scale.recip()) } else { reached })
    }
}

/// The power of two that scales the largest of `grads` to between 1 and 2, so that the gradients computed
/// from them fit in f16 (loss scaling, arXiv 1710.03740).
fn scale(grads: &[f32]) -> f32 {
    let largest = grads.iter().fold(0.0, |most: f32, g| most.max(g.abs()));
    if largest.is_normal() { (-largest.log2().floor()).clamp(-120.0, 120.0).exp2() } else { 1.0 }
}

/// Unscales gradients.
struct Unscaled {
    grads: GradientsParams,
    by: f32,
    /// Zero, or NaN if one of the gradients is not finite: f16 ends at 65504.
    sound: Option<Tensor<1>>,
}

impl ModuleVisitor for Unscaled {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(grad) = self.grads.remove::<D>(param.id) else { return };
        let zero = grad.clone().mul_scalar(0.0).sum();
        self.sound = Some(match self.sound.take() {
            Some(sound) => sound + zero,
            None => zero,
        });
        self.grads.register(param.id, grad.mul_scalar(self.by));
    }
}

impl Blocks for BurnBlocks {
    fn forward(&mut self, words: &[f32], lengths: &[usize], reach: Reach) -> Result<Vec<f32>> {
        let share = lengths.len().div_ceil(self.replicas.len()).max(1);
        let (mut rest, mut vectors) = (words, Vec::new());
        self.replicas.iter_mut().for_each(|replica| replica.graph = None);
        for (replica, lengths) in self.replicas.iter_mut().zip(lengths.chunks(share)) {
            let own;
            (own, rest) = rest.split_at(lengths.iter().sum::<usize>() * self.program.width());
            vectors.push(replica.forward(own, lengths, ForwardOptions { reach, half: self.half }));
        }
        self.read(vectors, "vectors")
    }

    fn backward(&mut self, grads: &[f32], reach: Reach) -> Result<Vec<f32>> {
        let (mut rest, mut words) = (grads, Vec::new());
        for replica in &mut self.replicas {
            let Some(graph) = replica.graph.take() else { continue };
            let own;
            (own, rest) = rest.split_at(graph.vectors.dims().iter().product());
            words.push(replica.backward(graph, own, ForwardOptions { reach, half: self.half })?);
        }
        self.read(words, "gradients")
    }

    // Weights out of reach have no gradient, and do not change.
    fn step(&mut self, pace: Pace, _: Reach) {
        let Some((first, others)) = self.replicas.split_first_mut() else { return };
        for other in others.iter_mut() {
            let grads = other.grads.grads().to_device(&first.device.clone().inner(), &other.model.body);
            first.grads.accumulate(&first.model.body, grads);
        }
        first.model.body = self.moments.step(first.model.body.clone(), first.grads.grads(), pace);
        for other in others {
            other.model.body = first.model.body.clone().fork(&other.device);
        }
    }

    fn devices(&self) -> &'static str {
        "--device gpu or --device flex"
    }

    fn weights(&mut self) -> Result<Weights> {
        self.replicas[0].model.weights()
    }

    fn moments(&mut self) -> Result<Weights> {
        self.moments.weights(&self.replicas[0].model)
    }

    fn restore(&mut self, weights: &Weights, moments: &Weights) -> Result<()> {
        for replica in &mut self.replicas {
            replica.model = BurnModel::new(self.program.clone(), weights, Precision::F32, &replica.device)?;
        }
        let first = self.replicas[0].device.clone().inner();
        self.moments = BodyMoments::from_weights(moments, &self.replicas[0].model, &first)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::plain, *};

    #[test]
    fn gradients_come_back_to_their_size_and_one_that_is_no_number_is_seen() {
        let bundle = plain();
        let device = Device::flex();
        let program = Arc::new(bundle.manifest.architecture.program().unwrap());
        let model = BurnModel::new(program, &bundle.weights, Precision::F32, &device).unwrap();
        let ids = model.params_from(Reach::All);
        // The second parameter is the gain of the first layer norm.
        for (last, sound) in [(3.0, true), (f32::INFINITY, false), (f32::NAN, false)] {
            let mut grads = GradientsParams::new();
            grads.register(ids[1], Tensor::<1>::from_data([8.0, last], &device));
            let mut unscaled = Unscaled { grads, by: 0.25, sound: None };
            model.body.visit(&mut unscaled);
            let zero = unscaled.sound.unwrap().into_data().try_into_vec::<f32>().unwrap()[0];
            assert_eq!(zero == 0.0, sound, "{last}");
            let grad = unscaled.grads.get::<1>(ids[1]).unwrap().into_data().try_into_vec::<f32>().unwrap();
            assert_eq!(grad[0], 2.0);
        }
    }

    #[test]
    fn the_largest_gradient_is_brought_near_one() {
        for (grads, expected) in
            [(vec![0.0, 0.0], 1.0), (vec![0.3, -0.001], 4.0), (vec![1.0], 1.0), (vec![f32::NAN], 1.0)]
        {
            assert_eq!(scale(&grads), expected, "{grads:?}");
        }
        assert_eq!(scale(&[-3e-12]) * -3e-12, -3e-12 * (39f32).exp2());
    }
}
