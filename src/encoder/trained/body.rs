//! The blocks in Burn: from embedding rows to token vectors.

use std::cell::Cell;

use burn::{
    module::{Module, Param, ParamId, list_param_ids},
    nn::{LayerNorm, LayerNormConfig, Linear},
    tensor::{
        Device, FloatDType, Gradients, Tensor, TensorData, activation, module,
        quantization::{QuantScheme, QuantStore, QuantValue, ScaleDtype},
    },
};

use crate::{
    Error, Result,
    bundle::{Array, BLOCK, Weights},
    encoder::{Activation, Config, Precision, Reach, positions},
};

/// Where a padded token's attention score goes; far below any real one and still finite in f16.
const MASKED: f32 = -3.0e4;

/// Everything of an encoder but the word embedding table and the tokenizer.
#[derive(Module, Debug)]
pub struct Body {
    /// `[positions, hidden]`, the row of token type 0 already added.
    position: Param<Tensor<2>>,
    norm: LayerNorm,
    blocks: Vec<Block>,
    /// After pooling.
    dense: Vec<Linear>,
}

/// One transformer block (post-norm, as in BERT).
#[derive(Module, Debug)]
struct Block {
    /// Query, key and value in one product: `[hidden, 3 hidden]`.
    attention_in: Linear,
    attention_out: Linear,
    attention_norm: LayerNorm,
    up: Linear,
    down: Linear,
    norm: LayerNorm,
}

impl Body {
    /// Puts the weights of a model on `device`.
    ///
    /// # Errors
    /// [`Error::Format`] naming the tensor that is missing or has another shape than `config` says.
    pub fn new(config: &Config, weights: &Weights, precision: Precision, device: &Device) -> Result<Self> {
        let load =
            Loader { weights, precision, epsilon: config.layer_norm_epsilon, device, count: Cell::new(0) };
        let hidden = config.hidden;
        let position = positions(config, weights)?;
        let blocks = (0..config.layers)
            .map(|i| {
                let at = |name: &str| format!("encoder.layer.{i}.{name}");
                Ok(Block {
                    attention_in: load.linear(
                        &["query", "key", "value"].map(|n| at(&format!("attention.self.{n}"))),
                        hidden,
                        hidden,
                    )?,
                    attention_out: load.linear(&[at("attention.output.dense")], hidden, hidden)?,
                    attention_norm: load.norm(&at("attention.output.LayerNorm"), hidden)?,
                    up: load.linear(&[at("intermediate.dense")], hidden, config.intermediate)?,
                    down: load.linear(&[at("output.dense")], config.intermediate, hidden)?,
                    norm: load.norm(&at("output.LayerNorm"), hidden)?,
                })
            })
            .collect::<Result<_>>()?;
        let dense = config
            .dense
            .iter()
            .enumerate()
            .map(|(i, d)| load.linear(&[format!("dense.{i}")], d.input, d.output))
            .collect::<Result<_>>()?;
        Ok(Self {
            position: load.param(load.tensor(position, [config.positions, hidden])),
            norm: load.norm("embeddings.LayerNorm", hidden)?,
            blocks,
            dense,
        })
    }

    /// Token vectors `[batch, length, hidden]` from embedding rows of the same shape.
    ///
    /// `mask` is `[batch, length]`, 1 for a token and 0 for padding; `None` when nothing is padded. Gradients
    /// go back to block `first` alone, where that is not 0. With `half`, products are in f16, as are their
    /// gradients; all between them and the weights stay in f32.
    pub fn forward(
        &self,
        config: &Config,
        words: Tensor<3>,
        mask: Option<Tensor<2>>,
        first: usize,
        half: bool,
    ) -> Tensor<3> {
        let [batch, length, hidden] = words.dims();
        let start = config.first_position;
        let position = self.position.val().slice([start..start + length, 0..hidden]);
        let mut x = self.norm.forward(words + position.unsqueeze::<3>());
        let bias = mask.map(|m| m.neg().add_scalar(1.0).mul_scalar(MASKED).reshape([batch, 1, 1, length]));
        for (i, block) in self.blocks.iter().enumerate() {
            if i == first && i > 0 {
                x = x.detach();
            }
            x = block.forward(config, x, bias.clone(), half);
        }
        x
    }

    /// A gradient that came as far as block `first`, in some form.
    pub fn reached(&self, first: usize, grads: &Gradients) -> Option<Tensor<2>> {
        let bias = self.blocks.get(first)?.attention_in.bias.as_ref()?;
        Some(bias.val().grad(grads)?.unsqueeze())
    }

    /// The parameters within `reach`.
    pub fn params_from(&self, reach: Reach) -> Vec<ParamId> {
        match reach {
            Reach::Rows => Vec::new(),
            Reach::Block(first) => {
                let blocks = self.blocks.iter().skip(first).flat_map(list_param_ids);
                blocks.chain(self.dense.iter().flat_map(list_param_ids)).collect()
            }
            Reach::All => list_param_ids(self),
        }
    }

    /// Dense layers and their activations over pooled vectors `[batch, hidden]`.
    pub fn project(&self, config: &Config, mut x: Tensor<2>) -> Tensor<2> {
        for (layer, spec) in self.dense.iter().zip(&config.dense) {
            if spec.normalized {
                x = super::normalize(x);
            }
            x = activate(spec.activation, layer.forward(x));
        }
        x
    }

    /// The weights, read back in f32 under the names of Hugging Face's BERT.
    ///
    /// # Errors
    /// [`Error::Device`] when they cannot be read back.
    pub fn weights(&self, config: &Config) -> Result<Weights> {
        let mut out = Weights::default();
        let hidden = config.hidden;
        out.insert("embeddings.position_embeddings.weight", read(self.position.val())?);
        read_norm(&mut out, "embeddings.LayerNorm", &self.norm)?;
        for (i, block) in self.blocks.iter().enumerate() {
            let at = |name: &str| format!("encoder.layer.{i}.{name}");
            for (n, name) in ["query", "key", "value"].into_iter().enumerate() {
                let part = n * hidden..(n + 1) * hidden;
                let weight = block.attention_in.weight.val().slice([0..hidden, part.clone()]);
                out.insert(&at(&format!("attention.self.{name}.weight")), read(weight.transpose())?);
                if let Some(bias) = &block.attention_in.bias {
                    out.insert(&at(&format!("attention.self.{name}.bias")), read(bias.val().slice([part]))?);
                }
            }
            read_linear(&mut out, &at("attention.output.dense"), &block.attention_out)?;
            read_norm(&mut out, &at("attention.output.LayerNorm"), &block.attention_norm)?;
            read_linear(&mut out, &at("intermediate.dense"), &block.up)?;
            read_linear(&mut out, &at("output.dense"), &block.down)?;
            read_norm(&mut out, &at("output.LayerNorm"), &block.norm)?;
        }
        for (i, dense) in self.dense.iter().enumerate() {
            read_linear(&mut out, &format!("dense.{i}"), dense)?;
        }
        Ok(out)
    }
}

impl Block {
    fn forward(&self, config: &Config, x: Tensor<3>, bias: Option<Tensor<4>>, half: bool) -> Tensor<3> {
        let [batch, length, hidden] = x.dims();
        let (heads, width) = (config.heads, hidden / config.heads);
        let linear = |layer, x| linear(layer, x, half);
        let parts = linear(&self.attention_in, x.clone()).reshape([batch, length, 3, heads, width]);
        // [batch, length, 3, heads, width] → three of [batch, heads, length, width]
        let part = |n: usize| {
            parts
                .clone()
                .slice([0..batch, 0..length, n..n + 1, 0..heads, 0..width])
                .reshape([batch, length, heads, width])
                .swap_dims(1, 2)
        };
        let (query, key, value) = (part(0), part(1), part(2));
        let scale = (width as f32).sqrt().recip();
        let mut scores = product(query.mul_scalar(scale), key.transpose(), half);
        if let Some(bias) = bias {
            scores = scores + bias;
        }
        let mixed = product(activation::softmax(scores, 3), value, half);
        let mixed = mixed.swap_dims(1, 2).reshape([batch, length, hidden]);
        let x = self.attention_norm.forward(x + linear(&self.attention_out, mixed));
        let y = linear(&self.down, activate(config.activation, linear(&self.up, x.clone())));
        self.norm.forward(x + y)
    }
}

/// A linear layer; with `half` its product is in f16.
fn linear(layer: &Linear, x: Tensor<3>, half: bool) -> Tensor<3> {
    if !half {
        return layer.forward(x);
    }
    let weight = layer.weight.val().cast(FloatDType::F16);
    let y = module::linear(x.cast(FloatDType::F16), weight, None).cast(FloatDType::F32);
    match &layer.bias {
        Some(bias) => y + bias.val().unsqueeze(),
        None => y,
    }
}

/// Matrix by matrix; with `half` in f16.
fn product(a: Tensor<4>, b: Tensor<4>, half: bool) -> Tensor<4> {
    if !half {
        return a.matmul(b);
    }
    a.cast(FloatDType::F16).matmul(b.cast(FloatDType::F16)).cast(FloatDType::F32)
}

fn activate<const D: usize>(kind: Activation, x: Tensor<D>) -> Tensor<D> {
    match kind {
        Activation::Gelu => activation::gelu(x),
        Activation::GeluTanh => activation::gelu_approximate(x),
        Activation::Relu => activation::relu(x),
        Activation::Tanh => activation::tanh(x),
        Activation::Identity => x,
    }
}

struct Loader<'a> {
    weights: &'a Weights,
    precision: Precision,
    epsilon: f64,
    device: &'a Device,
    count: Cell<u64>,
}

impl Loader<'_> {
    /// Parameters are numbered in the order in which they are made, so that a checkpoint's optimizer
    /// state finds them again.
    fn param<const D: usize>(&self, value: Tensor<D>) -> Param<Tensor<D>> {
        let id = self.count.get();
        self.count.set(id + 1);
        Param::initialized(ParamId::from(id), Param::from_tensor(value).into_value())
    }

    fn tensor<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values, shape), self.device)
    }

    fn norm(&self, name: &str, width: usize) -> Result<LayerNorm> {
        let mut norm = LayerNormConfig::new(width).with_epsilon(self.epsilon).init(self.device);
        let gamma = self.weights.vector(&format!("{name}.weight"), width)?;
        let beta = self.weights.vector(&format!("{name}.bias"), width)?;
        norm.gamma = self.param(self.tensor(gamma, [width]));
        norm.beta = Some(self.param(self.tensor(beta, [width])));
        Ok(norm)
    }

    /// Linear layers with the same input, side by side as one.
    fn linear(&self, names: &[String], input: usize, output: usize) -> Result<Linear> {
        let arrays = names
            .iter()
            .map(|n| self.weights.matrix(&format!("{n}.weight"), output, input))
            .collect::<Result<Vec<_>>>()?;
        let mut bias = Vec::with_capacity(names.len() * output);
        for name in names {
            bias.extend(self.weights.vector(&format!("{name}.bias"), output)?);
        }
        let rows = names.len() * output;
        let weight = match self.precision {
            Precision::Packed if arrays.iter().all(|a| a.q8().is_some()) => self.packed(&arrays, rows, input),
            _ => {
                let values = arrays.iter().flat_map(|a| a.to_f32()).collect();
                let transposed = transpose(values, rows, input);
                self.tensor(transposed, [input, rows])
            }
        };
        Ok(Linear { weight: self.param(weight), bias: Some(self.param(self.tensor(bias, [rows]))) })
    }

    /// The bundle's own integers and scales as a Burn tensor, so that every device computes with the
    /// same weights.
    ///
    /// It is made from data: `Tensor::quantize` of Burn 0.22 takes the scales of blocks as a list and
    /// then reads it as if it were a matrix, which gives wrong weights on wgpu without an error.
    fn packed(&self, arrays: &[&Array], rows: usize, input: usize) -> Tensor<2> {
        let (mut values, mut scales) = (Vec::with_capacity(rows * input), Vec::new());
        for (v, s) in arrays.iter().filter_map(|a| a.q8()) {
            values.extend_from_slice(&v);
            scales.extend(s.iter().map(|s| s.to_f32()));
        }
        let scheme = QuantScheme::default()
            .with_value(QuantValue::Q8S)
            .per_block([BLOCK as u8], ScaleDtype::F32)
            .with_store(QuantStore::PackedU32(0));
        let data = TensorData::quantized(values, [rows, input], scheme, &scales, None);
        Tensor::from_data(data, self.device).transpose()
    }
}

/// `[rows, columns]` → `[columns, rows]`.
fn transpose(values: Vec<f32>, rows: usize, columns: usize) -> Vec<f32> {
    let mut out = vec![0.0; values.len()];
    for (r, row) in values.chunks(columns).enumerate() {
        for (c, v) in row.iter().enumerate() {
            out[c * rows + r] = *v;
        }
    }
    out
}

fn read<const D: usize>(tensor: Tensor<D>) -> Result<Array> {
    let shape = tensor.dims().to_vec();
    let values = tensor
        .into_data()
        .try_into_vec::<f32>()
        .map_err(|e| Error::device("training device", format!("weights cannot be read back: {e:?}")))?;
    Ok(Array::f32(shape, values))
}

fn read_linear(out: &mut Weights, name: &str, linear: &Linear) -> Result<()> {
    out.insert(&format!("{name}.weight"), read(linear.weight.val().transpose())?);
    if let Some(bias) = &linear.bias {
        out.insert(&format!("{name}.bias"), read(bias.val())?);
    }
    Ok(())
}

fn read_norm(out: &mut Weights, name: &str, norm: &LayerNorm) -> Result<()> {
    out.insert(&format!("{name}.weight"), read(norm.gamma.val())?);
    if let Some(beta) = &norm.beta {
        out.insert(&format!("{name}.bias"), read(beta.val())?);
    }
    Ok(())
}
