//! A program in Burn: embedding rows in, text vectors out.

use std::{cell::Cell, sync::Arc};

use burn::{
    module::{Module, Param, ParamId},
    nn::{LayerNorm, LayerNormConfig, Linear},
    tensor::{
        Device, FloatDType, Gradients, Int, Tensor, TensorData, activation, module,
        quantization::{QuantScheme, QuantStore, QuantValue, ScaleDtype},
    },
};

use super::{normalize, pool};
use crate::{
    Error, Result,
    architecture::{
        Activation,
        program::{
            self, Attention, Buffer, Mask, NormHeads, NormKind, Op, ParamSpec, Place, Program, RelativeBias,
            Rotate, Rows,
        },
    },
    bundle::{Array, BLOCK, Weights},
    encoder::{Precision, Reach, rotary::Angles},
};

/// Added to the attention scores of padding: far below any real score and still finite in f16.
const MASKED: f32 = -3.0e4;

/// A program's parameters except the word embedding table, each list in the order in which steps use them.
#[derive(Module, Debug)]
pub struct Body {
    /// Position embeddings, with the segment embedding already added.
    positions: Vec<Param<Tensor<2>>>,
    /// Shifts of attention scores, `[buckets, heads]`; at most one table.
    shifts: Vec<Param<Tensor<2>>>,
    norms: Vec<LayerNorm>,
    /// Layers that share an input, joined: `[input, output]`.
    linears: Vec<Linear>,
}

/// A model on a Burn device.
pub struct BurnModel {
    /// Its program.
    pub program: Arc<Program>,
    /// Its weights.
    pub body: Body,
    /// The device they are on.
    pub device: Device,
}

/// Options of a forward pass.
#[derive(Debug, Clone, Copy)]
pub struct ForwardOptions {
    /// How far back gradients will be computed.
    pub reach: Reach,
    /// Whether matrix products and their gradients are in f16; everything else, the weights included, stays
    /// in f32.
    pub half: bool,
}

impl ForwardOptions {
    /// A forward pass without gradients.
    pub const FORWARD: Self = Self { reach: Reach::All, half: false };
}

/// A parameter of a [`Body`] and the program's parameters in it.
pub struct BodyParam<'a> {
    /// Burn's id.
    pub id: ParamId,
    /// The program's parameters that it joins side by side.
    specs: Vec<&'a ParamSpec>,
    /// Whether rows and columns are swapped.
    transposed: bool,
    values: Tensor<1>,
}

impl BodyParam<'_> {
    /// Where it is used.
    pub fn place(&self) -> Place {
        self.specs[0].place
    }

    /// The names of the program's parameters.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.specs.iter().map(|spec| spec.name.as_str())
    }

    /// Splits `values` (its own, or others laid out as they are) into the program's parameters.
    ///
    /// # Errors
    /// [`Error::Device`] when they cannot be read back.
    pub fn parts(&self, values: Tensor<1>) -> Result<Vec<Array>> {
        let values = values
            .into_data()
            .try_into_vec::<f32>()
            .map_err(|e| Error::device("training device", format!("weights cannot be read back: {e:?}")))?;
        let (rows, size) = (self.rows(), values.len());
        let values = if self.transposed { transpose(values, size / rows, rows) } else { values };
        let mut rest = &values[..];
        let part = |spec: &&ParamSpec| {
            let own;
            (own, rest) = rest.split_at(spec.shape().iter().product());
            Array::f32(spec.shape(), own.to_vec())
        };
        Ok(self.specs.iter().map(part).collect())
    }

    /// The inverse of [`parts`](Self::parts): reads arrays that are named after the parameters, plus
    /// `suffix`.
    ///
    /// # Errors
    /// [`Error::Format`] when one is missing or has another shape.
    pub fn joined(&self, weights: &Weights, suffix: &str) -> Result<Vec<f32>> {
        let mut values = Vec::new();
        for spec in &self.specs {
            values.extend(weights.shaped(&format!("{}{suffix}", spec.name), &spec.shape())?.to_f32());
        }
        let (rows, size) = (self.rows(), values.len());
        Ok(if self.transposed { transpose(values, rows, size / rows) } else { values })
    }

    /// Number of rows of all parts together.
    fn rows(&self) -> usize {
        self.specs.iter().map(|spec| spec.axes[0].size()).sum()
    }
}

impl BurnModel {
    /// Loads a model's weights onto `device`.
    ///
    /// # Errors
    /// [`Error::Format`] naming the tensor that is missing or has another shape than `program` says.
    pub fn new(
        program: Arc<Program>,
        weights: &Weights,
        precision: Precision,
        device: &Device,
    ) -> Result<Self> {
        let load = BodyLoader { program: &program, weights, precision, device, count: Cell::new(0) };
        let shifts = program.relative().map(|relative| load.shifts(relative)).transpose()?;
        let shifts = shifts.into_iter().collect();
        let mut body = Body { positions: Vec::new(), shifts, norms: Vec::new(), linears: Vec::new() };
        for step in program.steps() {
            match &step.op {
                Op::AddPositions(op) => {
                    let rows = op.rows(&program, weights)?;
                    let shape = [rows.len() / program.width(), program.width()];
                    body.positions.push(load.param(load.tensor(rows, shape)));
                }
                Op::Norm(op) => body.norms.push(load.norm([op.width], op.epsilon, op.gain, op.bias)?),
                Op::NormHeads(op) => {
                    for gain in op.gains {
                        body.norms.push(load.norm([op.head_width], op.epsilon, gain, None)?);
                    }
                }
                Op::Project(op) => body.linears.push(load.linear(&op.linear)?),
                Op::FeedForward(op) => {
                    body.linears.push(load.linear(&op.up)?);
                    body.linears.push(load.linear(&op.down)?);
                }
                Op::Scale(_)
                | Op::Add(_)
                | Op::Gate(_)
                | Op::Rotate(_)
                | Op::Attend(_)
                | Op::Pool(_)
                | Op::Normalize(_) => {}
            }
        }
        Ok(Self { body, device: device.clone(), program })
    }

    /// Text vectors `[batch, dimension]` from embedding rows `[batch, length, width]`.
    ///
    /// `mask` is `[batch, length]`, 1 for tokens and 0 for padding; `None` when nothing is padded.
    pub fn forward(&self, words: Tensor<3>, mask: Option<Tensor<2>>, pass: ForwardOptions) -> Tensor<2> {
        let [batch, length, _] = words.dims();
        let scores = mask
            .clone()
            .map(|mask| mask.neg().add_scalar(1.0).mul_scalar(MASKED).reshape([batch, 1, 1, length]));
        let nothing = Tensor::empty([1, 1, 1], &self.device);
        let memory = std::array::from_fn(|_| nothing.clone());
        let mut buffers = Buffers { program: &self.program, step: 0, memory, nothing };
        buffers.put(Buffer::Hidden, words);
        let Body { positions, shifts, norms, linears } = &self.body;
        let shifts = shifts.first().map(|table| shifted(table.val(), length));
        // Index of the next parameter of each list.
        let (mut position, mut norm, mut layer) = (0, 0, 0);
        let mut before = Place::Before;
        for (i, step) in self.program.steps().iter().enumerate() {
            buffers.step = i;
            if step.place != before && step.place == pass.reach.place() && step.place > Place::Block(0) {
                buffers.detach();
            }
            before = step.place;
            match &step.op {
                Op::AddPositions(op) => {
                    let rows = positions[position].val();
                    position += 1;
                    let rows = rows.slice([op.first..op.first + length, 0..self.program.width()]);
                    let x = buffers.change(op.to) + rows.unsqueeze::<3>();
                    buffers.put(op.to, x);
                }
                Op::Norm(op) => {
                    let x = if op.from == op.to { buffers.change(op.to) } else { buffers.read(op.from) };
                    let x = match op.kind {
                        NormKind::Layer => norms[norm].forward(x),
                        NormKind::Rms | NormKind::RmsFromOne => {
                            rms_norm(op.kind, op.epsilon, &norms[norm], x)
                        }
                    };
                    norm += 1;
                    buffers.put(op.to, x);
                }
                Op::NormHeads(op) => {
                    let x = norm_heads(op, [&norms[norm], &norms[norm + 1]], buffers.change(op.to));
                    norm += 2;
                    buffers.put(op.to, x);
                }
                Op::Scale(op) => {
                    let x = buffers.change(op.to).mul_scalar(op.by);
                    buffers.put(op.to, x);
                }
                Op::Add(op) => {
                    let x = buffers.change(op.to) + buffers.read(op.from);
                    buffers.put(op.to, x);
                }
                Op::Project(op) => {
                    let half = pass.half && op.to.rows() == Rows::Tokens;
                    let x = buffers.read(op.from);
                    let y = activate(op.activation, linear(&linears[layer], x, half));
                    layer += 1;
                    let y = if op.residual { buffers.change(op.to) + y } else { y };
                    buffers.put(op.to, y);
                }
                Op::FeedForward(op) => {
                    let x = buffers.change(op.to);
                    let [up, down] = [&linears[layer], &linears[layer + 1]];
                    layer += 2;
                    let units = activate(op.activation, linear(up, x.clone(), pass.half));
                    let y = linear(down, units, pass.half);
                    buffers.put(op.to, x + y);
                }
                Op::Gate(op) => {
                    let x = buffers.read(op.from);
                    let half =
                        |n: usize| x.clone().slice([0..batch, 0..length, n * op.width..(n + 1) * op.width]);
                    buffers.put(op.to, activate(op.activation, half(0)) * half(1));
                }
                Op::Rotate(op) => {
                    let x = rotate(op, buffers.change(op.to));
                    buffers.put(op.to, x);
                }
                Op::Attend(op) => {
                    let added = [scores.clone(), op.relative.and(shifts.clone())];
                    let context = attend(op, buffers.read(op.from), added, pass.half);
                    buffers.put(op.to, context);
                }
                // Text vectors are the rows of `[1, batch, width]`.
                Op::Pool(op) => {
                    let x = pool(op.pooling, buffers.read(op.from), mask.clone());
                    buffers.put(op.to, x.unsqueeze());
                }
                Op::Normalize(op) => {
                    let x = normalize(buffers.change(op.to).reshape([batch, op.width]));
                    buffers.put(op.to, x.unsqueeze());
                }
            }
        }
        buffers.change(self.program.output()).reshape([batch, self.program.dimension()])
    }

    /// Some gradient of `place`, which shows that the backward pass has got that far.
    pub fn reached(&self, place: Place, grads: &Gradients) -> Option<Tensor<2>> {
        let mut linears = self.body.linears.iter();
        for step in self.program.steps() {
            let count = match &step.op {
                Op::Project(_) => 1,
                Op::FeedForward(_) => 2,
                _ => 0,
            };
            let first = linears.by_ref().take(count).next();
            if step.place == place && count > 0 {
                let linear = first?;
                return match &linear.bias {
                    Some(bias) => Some(bias.val().grad(grads)?.unsqueeze()),
                    None => linear.weight.val().grad(grads),
                };
            }
            linears.by_ref().take(count.saturating_sub(1)).for_each(drop);
        }
        None
    }

    /// The parameters within `reach`.
    pub fn params_from(&self, reach: Reach) -> Vec<ParamId> {
        let mut params = self.params();
        params.retain(|param| reach != Reach::Rows && param.place() >= reach.place());
        params.iter().map(|param| param.id).collect()
    }

    /// All parameters, in the order of the steps.
    pub fn params(&self) -> Vec<BodyParam<'_>> {
        let Body { positions, shifts, norms, linears } = &self.body;
        let (mut positions, mut norms, mut linears) = (positions.iter(), norms.iter(), linears.iter());
        let shifts = shifts.iter().zip(self.program.relative());
        let mut out: Vec<_> =
            shifts.map(|(table, relative)| self.named(table, &[relative.table], false)).collect();
        for step in self.program.steps() {
            match &step.op {
                Op::AddPositions(op) => {
                    out.extend(positions.next().map(|table| self.named(table, &[op.table], false)));
                }
                Op::Norm(op) => {
                    if let Some(norm) = norms.next() {
                        out.push(self.named(&norm.gamma, &[op.gain], false));
                        let beta = norm.beta.as_ref().zip(op.bias);
                        out.extend(beta.map(|(beta, bias)| self.named(beta, &[bias], false)));
                    }
                }
                Op::NormHeads(op) => {
                    for gain in op.gains {
                        out.extend(norms.next().map(|norm| self.named(&norm.gamma, &[gain], false)));
                    }
                }
                Op::Project(op) => self.named_linears(&[&op.linear], &mut linears, &mut out),
                Op::FeedForward(op) => self.named_linears(&[&op.up, &op.down], &mut linears, &mut out),
                Op::Scale(_)
                | Op::Add(_)
                | Op::Gate(_)
                | Op::Rotate(_)
                | Op::Attend(_)
                | Op::Pool(_)
                | Op::Normalize(_) => {}
            }
        }
        out
    }

    fn named_linears<'a>(
        &'a self,
        layers: &[&program::Linear],
        linears: &mut std::slice::Iter<Linear>,
        out: &mut Vec<BodyParam<'a>>,
    ) {
        for (layer, linear) in layers.iter().zip(linears) {
            let weights: Vec<_> = layer.parts.iter().map(|part| part.weight).collect();
            let biases: Vec<_> = layer.parts.iter().filter_map(|part| part.bias).collect();
            out.push(self.named(&linear.weight, &weights, true));
            out.extend(linear.bias.as_ref().map(|bias| self.named(bias, &biases, false)));
        }
    }

    fn named<const D: usize>(
        &self,
        param: &Param<Tensor<D>>,
        ids: &[program::ParamId],
        transposed: bool,
    ) -> BodyParam<'_> {
        let specs = ids.iter().map(|&id| self.program.param(id)).collect();
        BodyParam { id: param.id, specs, transposed, values: param.val().flatten(0, D - 1) }
    }

    /// The weights by name, read back in f32.
    ///
    /// # Errors
    /// [`Error::Device`] when they cannot be read back.
    pub fn weights(&self) -> Result<Weights> {
        let mut out = Weights::default();
        for param in self.params() {
            for (name, array) in param.names().zip(param.parts(param.values.clone())?) {
                out.insert(name, array);
            }
        }
        Ok(out)
    }
}

/// The state of a program's buffers while it runs.
struct Buffers<'a> {
    program: &'a Program,
    step: usize,
    /// Indexed by [`Buffer`].
    memory: [Tensor<3>; Buffer::COUNT],
    /// Stands in for the content of buffers that nobody will read.
    nothing: Tensor<3>,
}

impl Buffers<'_> {
    fn put(&mut self, buffer: Buffer, x: Tensor<3>) {
        self.memory[buffer as usize] = x;
    }

    /// Takes a buffer's content out, for a step that changes it.
    fn change(&mut self, buffer: Buffer) -> Tensor<3> {
        std::mem::replace(&mut self.memory[buffer as usize], self.nothing.clone())
    }

    /// A buffer's content for a step that reads it; freed if no later step reads it.
    fn read(&mut self, buffer: Buffer) -> Tensor<3> {
        let x = self.change(buffer);
        if self.program.is_read_after(self.step, buffer) {
            self.put(buffer, x.clone());
        }
        x
    }

    /// Stops gradients here.
    fn detach(&mut self) {
        for x in &mut self.memory {
            *x = std::mem::replace(x, self.nothing.clone()).detach();
        }
    }
}

/// Rows divided by the root of their mean square, and multiplied by the gain.
fn rms_norm<const D: usize>(kind: NormKind, epsilon: f64, norm: &LayerNorm, x: Tensor<D>) -> Tensor<D> {
    let squares = x.clone().powi_scalar(2).mean_dim(D - 1).add_scalar(epsilon);
    let gain = norm.gamma.val().add_scalar(kind.gain_offset());
    x / squares.sqrt() * gain.unsqueeze()
}

/// Queries, keys and values `[batch, length, (heads + 2 kv_heads) width]` with norms of the heads of queries and keys.
fn norm_heads(op: &NormHeads, norms: [&LayerNorm; 2], x: Tensor<3>) -> Tensor<3> {
    let [batch, length, row] = x.dims();
    let &NormHeads { heads, kv_heads, head_width: width, kind, epsilon, .. } = op;
    let normed = |heads: std::ops::Range<usize>, norm| {
        let (columns, count) = (heads.start * width..heads.end * width, heads.len());
        let part = x.clone().slice([0..batch, 0..length, columns.clone()]);
        let part = rms_norm::<4>(kind, epsilon, norm, part.reshape([batch, length, count, width]));
        part.reshape([batch, length, columns.len()])
    };
    let [query, key] = norms;
    let (query, key) = (normed(0..heads, query), normed(heads..heads + kv_heads, key));
    let value = x.clone().slice([0..batch, 0..length, (heads + kv_heads) * width..row]);
    Tensor::cat(vec![query, key, value], 2)
}

/// Context vectors `[batch, length, heads width]` from queries, keys and values
/// `[batch, length, (heads + 2 kv_heads) width]`; `added` is added to the scores.
fn attend(op: &Attention, qkv: Tensor<3>, added: [Option<Tensor<4>>; 2], half: bool) -> Tensor<3> {
    let [batch, length, _] = qkv.dims();
    let &Attention { heads, kv_heads, head_width: width, scaling, mask: sees, .. } = op;
    // Three of [batch, heads, length, width]; keys and values as often as queries share them.
    let part = |first: usize, count: usize| {
        let part = qkv.clone().slice([0..batch, 0..length, first * width..(first + count) * width]);
        let part = part.reshape([batch, length, count, width]).swap_dims(1, 2);
        if count == heads {
            return part;
        }
        let part = part.reshape([batch, count, 1, length * width]).repeat_dim(2, heads / count);
        part.reshape([batch, heads, length, width])
    };
    let (query, key, value) = (part(0, heads), part(heads, kv_heads), part(heads + kv_heads, kv_heads));
    let scale = (scaling as f32).sqrt().recip();
    let mut scores = product(query.mul_scalar(scale), key.transpose(), half);
    for added in added.into_iter().flatten() {
        scores = scores + added;
    }
    if sees != Mask::Full {
        scores = scores + hidden(sees, length, &qkv.device());
    }
    let context = product(activation::softmax(scores, 3), value, half);
    context.swap_dims(1, 2).reshape([batch, length, heads * width])
}

/// What is added to scores `[batch, heads, length, length]`, from a table `[buckets, heads]` of [`RelativeBias`].
fn shifted(table: Tensor<2>, length: usize) -> Tensor<4> {
    let [_, heads] = table.dims();
    let of = |i: usize| RelativeBias::bucket((i % length) as isize - (i / length) as isize) as i32;
    let buckets: Vec<i32> = (0..length * length).map(of).collect();
    let buckets = TensorData::new(buckets, [length * length]);
    let rows = table.clone().select(0, Tensor::<1, Int>::from_data(buckets, &table.device()));
    rows.swap_dims(0, 1).reshape([1, heads, length, length])
}

/// What is added to scores `[batch, heads, length, length]`, so that a token attends to those only that `mask` lets it
/// see.
fn hidden(mask: Mask, length: usize, device: &Device) -> Tensor<4> {
    let mut values = vec![MASKED; length * length];
    for (token, row) in values.chunks_mut(length).enumerate() {
        row[mask.seen(token, length)].fill(0.0);
    }
    Tensor::from_data(TensorData::new(values, [1, 1, length, length]), device)
}

/// Queries, keys and values `[batch, length, (heads + 2 kv_heads) width]` with queries and keys rotated by their
/// positions.
fn rotate(op: &Rotate, x: Tensor<3>) -> Tensor<3> {
    let [batch, length, row] = x.dims();
    let Angles { half, cosines, sines } = Angles::new(op, length);
    let heads = op.heads + op.kv_heads;
    let rotated = heads * op.head_width;
    let device = x.device();
    let of = |values: Vec<f32>| -> Tensor<4> {
        Tensor::from_data(TensorData::new(values, [1, length, 1, half]), &device)
    };
    let (cosines, sines) = (of(cosines), of(sines));
    let all = x.clone().slice([0..batch, 0..length, 0..rotated]).reshape([batch, length, heads, 2 * half]);
    let part = |n: usize| all.clone().slice([0..batch, 0..length, 0..heads, n * half..(n + 1) * half]);
    let (a, b) = (part(0), part(1));
    let left = a.clone() * cosines.clone() - b.clone() * sines.clone();
    let right = b * cosines + a * sines;
    let turned = Tensor::cat(vec![left, right], 3).reshape([batch, length, rotated]);
    Tensor::cat(vec![turned, x.slice([0..batch, 0..length, rotated..row])], 2)
}

/// A linear layer; `half` computes its product in f16.
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

/// Batched matrix product; `half` computes it in f16.
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
        Activation::Silu => activation::silu(x),
        Activation::Relu => activation::relu(x),
        Activation::Tanh => activation::tanh(x),
        Activation::Identity => x,
    }
}

struct BodyLoader<'a> {
    program: &'a Program,
    weights: &'a Weights,
    precision: Precision,
    device: &'a Device,
    count: Cell<u64>,
}

impl BodyLoader<'_> {
    /// Parameters are created in a fixed order, so that their ids, and with them gradients, match across
    /// devices.
    fn param<const D: usize>(&self, value: Tensor<D>) -> Param<Tensor<D>> {
        let id = self.count.get();
        self.count.set(id + 1);
        Param::initialized(ParamId::from(id), Param::from_tensor(value).into_value())
    }

    fn tensor<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values, shape), self.device)
    }

    fn shifts(&self, relative: RelativeBias) -> Result<Param<Tensor<2>>> {
        let values = self.weights.values(self.program, relative.table)?;
        let shape = [RelativeBias::BUCKETS, values.len() / RelativeBias::BUCKETS];
        Ok(self.param(self.tensor(values, shape)))
    }

    /// The parameters of a norm, of whatever kind it is.
    fn norm(
        &self,
        width: [usize; 1],
        epsilon: f64,
        gain: program::ParamId,
        bias: Option<program::ParamId>,
    ) -> Result<LayerNorm> {
        let mut norm = LayerNormConfig::new(width[0]).with_epsilon(epsilon).init(self.device);
        let vector = |id| Ok::<_, Error>(self.tensor(self.weights.values(self.program, id)?, width));
        norm.gamma = self.param(vector(gain)?);
        norm.beta = bias.map(|bias| Ok::<_, Error>(self.param(vector(bias)?))).transpose()?;
        Ok(norm)
    }

    /// Linear layers that share an input, joined side by side.
    fn linear(&self, linear: &program::Linear) -> Result<Linear> {
        let &program::Linear { input, output, .. } = linear;
        let arrays = self.weights.matrices(self.program, linear)?;
        let bias = self.weights.biases(self.program, linear)?;
        let weight = match self.precision {
            Precision::Packed if arrays.iter().all(|a| a.q8().is_some()) => {
                self.packed(&arrays, output, input)
            }
            _ => {
                let values = arrays.iter().flat_map(|a| a.to_f32()).collect();
                self.tensor(transpose(values, output, input), [input, output])
            }
        };
        let weight = self.param(weight);
        let bias = bias.map(|bias| self.param(self.tensor(bias, [output])));
        Ok(Linear { weight, bias })
    }

    /// The bundle's packed integers and scales as a Burn tensor, so that every device computes with the same
    /// weights.
    ///
    /// Built from raw data: `Tensor::quantize` of Burn 0.22 takes the blocks' scales as a list and then reads
    /// them as if they were a matrix, which gives wrong weights on wgpu without an error.
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

/// Transposes `[rows, columns]` to `[columns, rows]`.
fn transpose(values: Vec<f32>, rows: usize, columns: usize) -> Vec<f32> {
    let mut out = vec![0.0; values.len()];
    for (r, row) in values.chunks(columns).enumerate() {
        for (c, v) in row.iter().enumerate() {
            out[c * rows + r] = *v;
        }
    }
    out
}
