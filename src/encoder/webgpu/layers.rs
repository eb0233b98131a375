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
    /// After pooling; with what scales to length 1 before it.
    pub dense: Vec<(Option<Kernel>, Matrix)>,
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

/// A model on its way to the GPU: each block goes there as soon as its weights are here, so that a GPU
/// receives the first ones, and compiles their shaders, while the last are still coming.
pub struct Upload {
    loader: Loader,
    config: Config,
    pub(super) blocks: Vec<Block>,
    attention: Kernel,
    norm: Kernel,
    pool: Kernel,
    normalize: Kernel,
}

impl Upload {
    /// A model of which nothing is there yet, while another may run on the same device: what goes wrong here or
    /// in [`advance`](Self::advance) is not laid at that one's door, as this one's first batch will fail by it.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn begin(context: &Context, config: &Config, precision: Precision) -> Result<Self> {
        let _watch = context.watch();
        Self::new(context, config, precision)
    }

    /// A model of which nothing is there yet.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for widths that the shaders cannot do.
    pub(super) fn new(context: &Context, config: &Config, precision: Precision) -> Result<Self> {
        check(config)?;
        let device = &context.device;
        Ok(Self {
            loader: Loader { context: context.clone(), precision, kernels: Vec::new() },
            config: config.clone(),
            blocks: Vec::new(),
            attention: Kernel::attention(context, config),
            norm: Kernel::norm(context, config.hidden, config.layer_norm_epsilon),
            pool: Kernel::pool(device, config.hidden, config.pooling),
            normalize: Kernel::normalize(device, config.dimension()),
        })
    }

    /// Sends the blocks that `weights`, which need not be all, have by now.
    ///
    /// # Errors
    /// As [`Blocks::new`](super::Blocks::new).
    pub fn advance(&mut self, weights: &Weights) -> Result<()> {
        let context = self.loader.context.clone();
        let _watch = context.watch();
        while self.blocks.len() < self.config.layers && block_is_there(self.blocks.len(), weights) {
            let block = self.loader.block(self.blocks.len(), &self.config, weights)?;
            self.blocks.push(block);
        }
        Ok(())
    }

    pub(super) fn context(&self) -> &Context {
        &self.loader.context
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Sends the rest; `weights` are all there are.
    pub(super) fn finish(mut self, weights: &Weights) -> Result<Layers> {
        let Self { loader: load, config, blocks, .. } = &mut self;
        while blocks.len() < config.layers {
            blocks.push(load.block(blocks.len(), config, weights)?);
        }
        let dense = (0..)
            .zip(&config.dense)
            .map(|(i, d)| {
                let names = [format!("dense.{i}")];
                let scale = d.normalized.then(|| Kernel::normalize(&load.context.device, d.input));
                Ok((scale, load.linear(weights, &names, d.input, d.output, d.activation, false)?))
            })
            .collect::<Result<_>>()?;
        Ok(Layers {
            first_norm: load.norm(weights, "embeddings.LayerNorm", config.hidden)?,
            blocks: self.blocks,
            dense,
            attention: self.attention,
            norm: self.norm,
            pool: self.pool,
            normalize: self.normalize,
        })
    }
}

/// Parts of a block that have weight and bias.
const PARTS: [&str; 8] = [
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "attention.output.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
];

fn in_block(i: usize, part: &str) -> String {
    format!("encoder.layer.{i}.{part}")
}

fn block_is_there(i: usize, weights: &Weights) -> bool {
    let there = |name: String| weights.get(&name).is_some();
    PARTS
        .map(|part| in_block(i, part))
        .iter()
        .all(|part| there(format!("{part}.weight")) && there(format!("{part}.bias")))
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

struct Loader {
    context: Context,
    precision: Precision,
    /// Layers of one shape share their shaders.
    kernels: Vec<(Shape, Linear)>,
}

impl Loader {
    fn block(&mut self, i: usize, config: &Config, weights: &Weights) -> Result<Block> {
        let (hidden, wide, nothing) = (config.hidden, config.intermediate, Activation::Identity);
        let [query, key, value, attention_out, attention_norm, up, down, norm] =
            PARTS.map(|part| in_block(i, part));
        Ok(Block {
            attention_in: self.linear(weights, &[query, key, value], hidden, hidden, nothing, false)?,
            attention_out: self.linear(weights, &[attention_out], hidden, hidden, nothing, true)?,
            attention_norm: self.norm(weights, &attention_norm, hidden)?,
            up: self.linear(weights, &[up], hidden, wide, config.activation, false)?,
            down: self.linear(weights, &[down], wide, hidden, nothing, true)?,
            norm: self.norm(weights, &norm, hidden)?,
        })
    }

    /// Linear layers with the same input, one below the other as one.
    fn linear(
        &mut self,
        weights: &Weights,
        names: &[String],
        input: usize,
        output: usize,
        activation: Activation,
        added: bool,
    ) -> Result<Matrix> {
        let (mut bias, mut arrays) = (Vec::new(), Vec::new());
        for name in names {
            arrays.push(weights.matrix(&format!("{name}.weight"), output, input)?);
            bias.extend(weights.vector(&format!("{name}.bias"), output)?);
        }
        let mut buffers = vec![self.upload(&names[0], &bytes(&bias))?];
        let whole = arrays.iter().map(|a| a.q8()).collect::<Option<Vec<_>>>();
        let packed = whole.filter(|_| self.precision == Precision::Packed);
        match &packed {
            Some(parts) => {
                let integers: Vec<u8> = parts.iter().flat_map(|p| p.0.iter()).map(|&v| v as u8).collect();
                let scales: Vec<f32> = parts.iter().flat_map(|p| p.1.iter()).map(|s| s.to_f32()).collect();
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
            let kernel = Linear::new(&self.context, shape);
            self.kernels.push((shape, kernel.clone()));
            kernel
        });
        Ok(Matrix { kernel, output, buffers })
    }

    fn norm(&self, weights: &Weights, name: &str, width: usize) -> Result<Buffer> {
        let mut values = weights.vector(&format!("{name}.weight"), width)?;
        values.extend(weights.vector(&format!("{name}.bias"), width)?);
        self.upload(name, &bytes(&values))
    }

    fn upload(&self, name: &str, bytes: &[u8]) -> Result<Buffer> {
        let most = self.context.device.limits().max_storage_buffer_binding_size;
        if bytes.len() as u64 > most {
            return Err(Error::device(
                format!("WebGPU ({})", self.context.adapter()),
                format!(
                    "the weights of {name} take {} MiB and a buffer there holds {} MiB; run the model on the CPU",
                    bytes.len() >> 20,
                    most >> 20
                ),
            ));
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
