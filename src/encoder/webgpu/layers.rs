//! A model's weights on the GPU, with the shaders that use them.

use wgpu::{Buffer, BufferUsages};

use super::{
    Context,
    shaders::{Kernel, Linear, Shape, WIDEST_HEAD},
};
use crate::{
    Error, Result,
    bundle::Weights,
    encoder::{Activation, Config, Precision},
};

/// All layers of a model.
pub(super) struct Layers {
    /// After the embeddings.
    pub first_norm: Buffer,
    pub blocks: Vec<Block>,
    /// After pooling.
    pub dense: Vec<Matrix>,
    pub attention: Kernel,
    pub norm: Kernel,
    pub pool: Kernel,
    pub normalize: Kernel,
}

/// One transformer block (post-norm, as in BERT). Norms are factors, then summands.
pub(super) struct Block {
    /// Query, key and value in one product.
    pub attention_in: Matrix,
    /// Added to what went into the block.
    pub attention_out: Matrix,
    pub attention_norm: Buffer,
    pub up: Matrix,
    /// Added to what went up.
    pub down: Matrix,
    pub norm: Buffer,
}

/// A linear layer.
pub(super) struct Matrix {
    pub kernel: Linear,
    pub output: usize,
    /// Bias, weights and, when they are packed, their scales.
    pub buffers: Vec<Buffer>,
}

impl Layers {
    /// Puts a model's layers on the GPU.
    pub fn new(context: &Context, config: &Config, weights: &Weights, precision: Precision) -> Result<Self> {
        check(config)?;
        let device = &context.device;
        let mut load = Loader { context, weights, precision, kernels: Vec::new() };
        let (hidden, wide) = (config.hidden, config.intermediate);
        let blocks = (0..config.layers)
            .map(|i| {
                let at = |name: &str| format!("encoder.layer.{i}.{name}");
                let parts = ["query", "key", "value"].map(|n| at(&format!("attention.self.{n}")));
                let nothing = Activation::Identity;
                Ok(Block {
                    attention_in: load.linear(&parts, hidden, hidden, nothing, false)?,
                    attention_out: load.linear(
                        &[at("attention.output.dense")],
                        hidden,
                        hidden,
                        nothing,
                        true,
                    )?,
                    attention_norm: load.norm(&at("attention.output.LayerNorm"), hidden)?,
                    up: load.linear(&[at("intermediate.dense")], hidden, wide, config.activation, false)?,
                    down: load.linear(&[at("output.dense")], wide, hidden, nothing, true)?,
                    norm: load.norm(&at("output.LayerNorm"), hidden)?,
                })
            })
            .collect::<Result<_>>()?;
        let dense = (0..)
            .zip(&config.dense)
            .map(|(i, d)| load.linear(&[format!("dense.{i}")], d.input, d.output, d.activation, false))
            .collect::<Result<_>>()?;
        Ok(Self {
            first_norm: load.norm("embeddings.LayerNorm", hidden)?,
            blocks,
            dense,
            attention: Kernel::attention(context, config),
            norm: Kernel::norm(context, hidden, config.layer_norm_epsilon),
            pool: Kernel::pool(device, hidden, config.pooling),
            normalize: Kernel::normalize(device, config.dimension()),
        })
    }
}

/// Shaders read four numbers at a time.
fn check(config: &Config) -> Result<()> {
    let head = config.hidden / config.heads;
    let inputs = config.dense.iter().map(|d| d.input);
    let odd = [head, config.intermediate].into_iter().chain(inputs).find(|w| !w.is_multiple_of(4));
    let what = match odd {
        Some(width) => format!("a layer or attention head {width} wide on WebGPU"),
        None if head > WIDEST_HEAD => format!("an attention head {head} wide on WebGPU"),
        None => return Ok(()),
    };
    let hint = format!("widths are multiples of 4 there, of heads up to {WIDEST_HEAD}; run it on the CPU");
    Err(Error::Unsupported { what, hint })
}

struct Loader<'a> {
    context: &'a Context,
    weights: &'a Weights,
    precision: Precision,
    /// Layers of one shape share their shaders.
    kernels: Vec<(Shape, Linear)>,
}

impl Loader<'_> {
    /// Linear layers with the same input, one below the other as one.
    fn linear(
        &mut self,
        names: &[String],
        input: usize,
        output: usize,
        activation: Activation,
        added: bool,
    ) -> Result<Matrix> {
        let (mut bias, mut arrays) = (Vec::new(), Vec::new());
        for name in names {
            arrays.push(self.weights.matrix(&format!("{name}.weight"), output, input)?);
            bias.extend(self.weights.vector(&format!("{name}.bias"), output)?);
        }
        let mut buffers = vec![self.upload(&names[0], &bytes(&bias))?];
        let whole = arrays.iter().map(|a| a.q8()).collect::<Option<Vec<_>>>();
        let packed = whole.filter(|_| self.precision == Precision::Packed);
        match &packed {
            Some(parts) => {
                let integers: Vec<u8> = parts.iter().flat_map(|p| p.0).map(|&v| v as u8).collect();
                let scales: Vec<f32> = parts.iter().flat_map(|p| p.1).map(|s| s.to_f32()).collect();
                buffers.push(self.upload(&names[0], &integers)?);
                buffers.push(self.upload(&names[0], &bytes(&scales))?);
            }
            None => {
                let values: Vec<u8> = arrays.iter().flat_map(|a| bytes(&a.to_f32())).collect();
                buffers.push(self.upload(&names[0], &values)?);
            }
        }
        let output = names.len() * output;
        let shape = Shape { input, output, activation, added, packed: packed.is_some() };
        let made = self.kernels.iter().find(|(s, _)| *s == shape).map(|(_, kernel)| kernel.clone());
        let kernel = made.unwrap_or_else(|| {
            let kernel = Linear::new(self.context, shape);
            self.kernels.push((shape, kernel.clone()));
            kernel
        });
        Ok(Matrix { kernel, output, buffers })
    }

    fn norm(&self, name: &str, width: usize) -> Result<Buffer> {
        let mut values = self.weights.vector(&format!("{name}.weight"), width)?;
        values.extend(self.weights.vector(&format!("{name}.bias"), width)?);
        self.upload(name, &bytes(&values))
    }

    fn upload(&self, name: &str, bytes: &[u8]) -> Result<Buffer> {
        let most = self.context.device.limits().max_storage_buffer_binding_size;
        if bytes.len() as u64 > most {
            return Err(Error::Device {
                device: format!("WebGPU ({})", self.context.adapter()),
                problem: format!(
                    "the weights of {name} take {} MiB and a buffer there holds {} MiB; run the model on the CPU",
                    bytes.len() >> 20,
                    most >> 20
                ),
            });
        }
        let buffer = self.context.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(name),
            size: bytes.len() as u64,
            usage: BufferUsages::STORAGE | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.context.queue.write_buffer(&buffer, 0, bytes);
        Ok(buffer)
    }
}

/// Numbers as a GPU reads them.
pub(super) fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}
