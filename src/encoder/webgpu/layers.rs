//! A model's weights on the GPU, with the shaders that use them.

use std::sync::Arc;

use wgpu::BufferUsages;

use super::{
    Context,
    shaders::{LinearShaders, ShaderKernel, Shape, WIDEST_HEAD},
};
use crate::{
    Error, Result,
    architecture::{
        Activation, Pooling,
        program::{self, Attention, Buffer, NormKind, Op, Place, Program},
    },
    bundle::Weights,
    encoder::{
        Precision,
        relative::Shifts,
        rotary::{Angles, SharedAngles},
    },
};

/// A program's steps with their weights; steps that need no kernel are left out.
pub(super) struct Dispatches(pub Vec<Dispatch>);

/// One dispatch.
pub(super) enum Dispatch {
    Linear {
        from: Buffer,
        to: Buffer,
        matrix: WebGpuLinear,
    },
    Attention {
        from: Buffer,
        to: Buffer,
        heads: usize,
        /// What scores are shifted by, for each head and distance.
        shifts: Option<wgpu::Buffer>,
        kernel: ShaderKernel,
    },
    /// Gain, then bias.
    Norm {
        from: Buffer,
        to: Buffer,
        affine: wgpu::Buffer,
        kernel: ShaderKernel,
    },
    /// Gains of the queries, then of the keys.
    NormHeads {
        to: Buffer,
        gains: wgpu::Buffer,
        kernel: ShaderKernel,
    },
    /// Gated units; or rows added to rows.
    FromTo {
        from: Buffer,
        to: Buffer,
        kernel: ShaderKernel,
    },
    /// Of every position's angles the cosine and the sine, pair by pair.
    Rotate {
        to: Buffer,
        angles: wgpu::Buffer,
        kernel: ShaderKernel,
    },
    Pool {
        from: Buffer,
        to: Buffer,
        kernel: ShaderKernel,
    },
    /// Rows scaled, to length 1 or by a number.
    InPlace {
        to: Buffer,
        kernel: ShaderKernel,
    },
}

/// A linear layer.
pub(super) struct WebGpuLinear {
    pub kernel: LinearShaders,
    pub output: usize,
    /// Bias, weights and, if packed, their scales.
    pub buffers: Vec<wgpu::Buffer>,
}

/// A model being uploaded to the GPU: each block is sent as soon as its weights have arrived, so that the GPU
/// receives the first ones, and compiles their shaders, while the last are still being downloaded.
pub struct Upload {
    loader: WebGpuLoader,
    pub(super) blocks: Vec<Vec<Dispatch>>,
}

impl Upload {
    /// Starts an upload while another model may be running on the same device. Errors here or in
    /// [`advance`](Self::advance) are not reported to that model; this one's first batch will fail with them.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn begin(context: &Context, program: Program, precision: Precision) -> Result<Self> {
        let _watch = context.watch();
        Self::new(context, program, precision)
    }

    /// Starts an upload.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for widths that the shaders do not support.
    pub(super) fn new(context: &Context, program: Program, precision: Precision) -> Result<Self> {
        check(&program)?;
        let program = Arc::new(program);
        let kernels = Kernels { context: context.clone(), made: Vec::new(), linear: Vec::new() };
        let mut loader = WebGpuLoader {
            context: context.clone(),
            program: program.clone(),
            precision,
            kernels,
            angles: SharedAngles::new(),
            shifts: None,
        };
        // Compiles the shaders that depend on no weights in the meantime.
        program.steps().iter().filter_map(|step| Shader::of(&step.op)).for_each(|shader| {
            loader.kernels.get(shader);
        });
        Ok(Self { loader, blocks: Vec::new() })
    }

    /// Sends the next blocks, in order, as long as all of a block's weights are in `weights`.
    ///
    /// # Errors
    /// As [`WebGpuModel::new`](super::WebGpuModel::new).
    pub fn advance(&mut self, weights: &Weights) -> Result<()> {
        let context = self.loader.context.clone();
        let _watch = context.watch();
        while self.blocks.len() < self.program().blocks() && self.is_there(self.blocks.len(), weights) {
            self.send_block(weights)?;
        }
        Ok(())
    }

    /// Whether all of a block's weights have arrived.
    fn is_there(&self, block: usize, weights: &Weights) -> bool {
        let program = self.program();
        let shared = program.relative().map(|relative| program.param(relative.table));
        let mut params = program.params_in(Place::Block(block)).chain(shared);
        params.all(|param| param.optional || weights.get(&param.name).is_some())
    }

    /// Sends the next block.
    fn send_block(&mut self, weights: &Weights) -> Result<()> {
        let block = self.loader.place(Place::Block(self.blocks.len()), weights)?;
        self.blocks.push(block);
        Ok(())
    }

    pub(super) fn context(&self) -> &Context {
        &self.loader.context
    }

    pub(super) fn program(&self) -> &Arc<Program> {
        &self.loader.program
    }

    /// Sends the rest; `weights` must be complete.
    pub(super) fn finish(mut self, weights: &Weights) -> Result<Dispatches> {
        while self.blocks.len() < self.program().blocks() {
            self.send_block(weights)?;
        }
        let mut layers = self.loader.place(Place::Before, weights)?;
        layers.extend(self.blocks.into_iter().flatten());
        layers.extend(self.loader.place(Place::After, weights)?);
        Ok(Dispatches(layers))
    }
}

/// The error for what no shader supports.
pub(super) fn unsupported(what: &str) -> Error {
    let hint =
        format!("widths must be multiples of 4 there, heads at most {WIDEST_HEAD} wide; run it on the CPU");
    Error::Unsupported { what: format!("{what} on WebGPU"), hint }
}

/// Shaders read four numbers at a time; positions are added before the upload of a batch, so they must come
/// first.
fn check(program: &Program) -> Result<()> {
    let ops = || program.steps().iter().map(|step| &step.op);
    if ops().skip(1).any(|op| matches!(op, Op::AddPositions(_))) {
        return Err(unsupported("position embeddings after another step"));
    }
    let heads = || {
        ops().filter_map(|op| match op {
            Op::Attend(op) => Some(op.head_width),
            _ => None,
        })
    };
    let inputs = ops().flat_map(|op| match op {
        Op::Project(op) => vec![op.linear.input],
        Op::FeedForward(op) => vec![op.up.input, op.down.input],
        _ => Vec::new(),
    });
    if let Some(width) = heads().chain(inputs).find(|width| !width.is_multiple_of(4)) {
        return Err(unsupported(&format!("a layer or attention head {width} wide")));
    }
    match heads().find(|width| *width > WIDEST_HEAD) {
        Some(width) => Err(unsupported(&format!("an attention head {width} wide"))),
        None => Ok(()),
    }
}

/// A shader that depends on sizes only.
#[derive(Clone, Copy, PartialEq)]
enum Shader {
    Attention(HeadSizes),
    Gate { width: usize, activation: Activation },
    Rotate { heads: usize, kv_heads: usize, width: usize },
    Norm { width: usize, kind: NormKind, epsilon: f64, in_place: bool },
    NormHeads { heads: usize, kv_heads: usize, width: usize, epsilon: f64 },
    Scale { width: usize, by: f32 },
    Add { width: usize },
    Pool { width: usize, pooling: Pooling },
    Normalize { width: usize },
}

/// What an attention shader is specialized for.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct HeadSizes {
    /// Query heads.
    pub heads: usize,
    /// Key heads, and value heads.
    pub kv_heads: usize,
    /// Width of a head.
    pub width: usize,
    /// Scores are divided by its square root.
    pub scaling: usize,
    /// How many positions back and ahead a token sees.
    pub reach: [Option<usize>; 2],
    /// The number of positions that scores are shifted for, if they are.
    pub shifted: Option<usize>,
}

impl Shader {
    fn attention(op: &Attention) -> Self {
        let &Attention { heads, kv_heads, head_width: width, scaling, mask, relative, .. } = op;
        let shifted = relative.map(|relative| relative.positions);
        Self::Attention(HeadSizes { heads, kv_heads, width, scaling, reach: mask.reach(), shifted })
    }

    fn norm(op: &program::Norm) -> Self {
        Self::Norm { width: op.width, kind: op.kind, epsilon: op.epsilon, in_place: op.from == op.to }
    }

    fn norm_heads(op: &program::NormHeads) -> Self {
        let &program::NormHeads { heads, kv_heads, head_width: width, epsilon, .. } = op;
        Self::NormHeads { heads, kv_heads, width, epsilon }
    }

    fn scale(op: &program::Scale) -> Self {
        Self::Scale { width: op.width, by: op.by }
    }

    fn add(op: &program::Add) -> Self {
        Self::Add { width: op.width }
    }

    fn gate(op: &program::Gate) -> Self {
        Self::Gate { width: op.width, activation: op.activation }
    }

    fn rotate(op: &program::Rotate) -> Self {
        Self::Rotate { heads: op.heads, kv_heads: op.kv_heads, width: op.head_width }
    }

    fn pool(op: &program::PoolTokens) -> Self {
        Self::Pool { width: op.width, pooling: op.pooling }
    }

    fn normalize(op: &program::Normalize) -> Self {
        Self::Normalize { width: op.width }
    }

    /// The shader that a step needs, if it depends on sizes only.
    fn of(op: &Op) -> Option<Self> {
        match op {
            Op::Attend(op) => Some(Self::attention(op)),
            Op::Norm(op) => Some(Self::norm(op)),
            Op::NormHeads(op) => Some(Self::norm_heads(op)),
            Op::Scale(op) => Some(Self::scale(op)),
            Op::Add(op) => Some(Self::add(op)),
            Op::Gate(op) => Some(Self::gate(op)),
            Op::Rotate(op) => Some(Self::rotate(op)),
            Op::Pool(op) => Some(Self::pool(op)),
            Op::Normalize(op) => Some(Self::normalize(op)),
            Op::AddPositions(_) | Op::Project(_) | Op::FeedForward(_) => None,
        }
    }
}

/// Compiled shaders; steps of equal shape share them.
struct Kernels {
    context: Context,
    made: Vec<(Shader, ShaderKernel)>,
    linear: Vec<(Shape, LinearShaders)>,
}

impl Kernels {
    fn get(&mut self, shader: Shader) -> ShaderKernel {
        if let Some((_, kernel)) = self.made.iter().find(|(made, _)| *made == shader) {
            return kernel.clone();
        }
        let device = &self.context.device;
        let kernel = match shader {
            Shader::Attention(heads) => ShaderKernel::attention(&self.context, heads),
            Shader::Gate { width, activation } => ShaderKernel::gate(device, width, activation),
            Shader::Rotate { heads, kv_heads, width } => ShaderKernel::rotate(device, heads, kv_heads, width),
            Shader::Norm { width, kind, epsilon, in_place } => {
                ShaderKernel::norm(&self.context, width, kind, epsilon, in_place)
            }
            Shader::NormHeads { heads, kv_heads, width, epsilon } => {
                ShaderKernel::norm_heads(device, [heads, kv_heads, width], epsilon)
            }
            Shader::Scale { width, by } => ShaderKernel::scale(device, width, by),
            Shader::Add { width } => ShaderKernel::add(device, width),
            Shader::Pool { width, pooling } => ShaderKernel::pool(device, width, pooling),
            Shader::Normalize { width } => ShaderKernel::normalize(device, width),
        };
        self.made.push((shader, kernel.clone()));
        kernel
    }

    fn linear(&mut self, shape: Shape) -> LinearShaders {
        if let Some((_, kernel)) = self.linear.iter().find(|(made, _)| *made == shape) {
            return kernel.clone();
        }
        let kernel = LinearShaders::new(&self.context, shape);
        self.linear.push((shape, kernel.clone()));
        kernel
    }
}

struct WebGpuLoader {
    context: Context,
    program: Arc<Program>,
    precision: Precision,
    kernels: Kernels,
    angles: SharedAngles<wgpu::Buffer>,
    shifts: Option<wgpu::Buffer>,
}

impl WebGpuLoader {
    /// The dispatches of one place.
    fn place(&mut self, place: Place, weights: &Weights) -> Result<Vec<Dispatch>> {
        let program = self.program.clone();
        let mut out = Vec::new();
        for step in program.steps().iter().filter(|step| step.place == place) {
            self.step(&step.op, weights, &mut out)?;
        }
        Ok(out)
    }

    fn step(&mut self, op: &Op, weights: &Weights, out: &mut Vec<Dispatch>) -> Result<()> {
        match op {
            // The positions are already in the rows.
            Op::AddPositions(_) => {}
            Op::Project(op) => {
                let matrix = self.linear(&op.linear, op.activation, op.residual, weights)?;
                out.push(Dispatch::Linear { from: op.from, to: op.to, matrix });
            }
            Op::FeedForward(op) => {
                let up = self.linear(&op.up, op.activation, false, weights)?;
                let down = self.linear(&op.down, Activation::Identity, true, weights)?;
                out.push(Dispatch::Linear { from: op.from, to: op.inner, matrix: up });
                out.push(Dispatch::Linear { from: op.inner, to: op.to, matrix: down });
            }
            Op::Gate(op) => {
                let kernel = self.kernels.get(Shader::gate(op));
                out.push(Dispatch::FromTo { from: op.from, to: op.to, kernel });
            }
            Op::Rotate(op) => {
                let kernel = self.kernels.get(Shader::rotate(op));
                let angles = self.angles(op)?;
                out.push(Dispatch::Rotate { to: op.to, angles, kernel });
            }
            Op::Attend(op) => {
                let kernel = self.kernels.get(Shader::attention(op));
                let shifts = op.relative.map(|_| self.shifts(weights)).transpose()?;
                out.push(Dispatch::Attention { from: op.from, to: op.to, heads: op.heads, shifts, kernel });
            }
            Op::Norm(op) => {
                let kernel = self.kernels.get(Shader::norm(op));
                let mut values = self.gain(op.kind, op.gain, weights)?;
                match op.bias {
                    Some(bias) => values.extend(weights.values(&self.program, bias)?),
                    None => values.resize(2 * op.width, 0.0),
                }
                let affine = upload(&self.context, &self.program.param(op.gain).name, &bytes(&values))?;
                out.push(Dispatch::Norm { from: op.from, to: op.to, affine, kernel });
            }
            Op::NormHeads(op) => {
                let kernel = self.kernels.get(Shader::norm_heads(op));
                let [query, key] = op.gains;
                let values =
                    [self.gain(op.kind, query, weights)?, self.gain(op.kind, key, weights)?].concat();
                let gains = upload(&self.context, &self.program.param(query).name, &bytes(&values))?;
                out.push(Dispatch::NormHeads { to: op.to, gains, kernel });
            }
            Op::Scale(op) => {
                let kernel = self.kernels.get(Shader::scale(op));
                out.push(Dispatch::InPlace { to: op.to, kernel });
            }
            Op::Add(op) => {
                let kernel = self.kernels.get(Shader::add(op));
                out.push(Dispatch::FromTo { from: op.from, to: op.to, kernel });
            }
            Op::Pool(op) => {
                let kernel = self.kernels.get(Shader::pool(op));
                out.push(Dispatch::Pool { from: op.from, to: op.to, kernel });
            }
            Op::Normalize(op) => {
                let kernel = self.kernels.get(Shader::normalize(op));
                out.push(Dispatch::InPlace { to: op.to, kernel });
            }
        }
        Ok(())
    }

    /// A norm's gain.
    fn gain(&self, kind: NormKind, id: program::ParamId, weights: &Weights) -> Result<Vec<f32>> {
        let values = weights.values(&self.program, id)?;
        Ok(values.into_iter().map(|value| value + kind.gain_offset()).collect())
    }

    /// Linear layers that share an input, concatenated.
    fn linear(
        &mut self,
        linear: &program::Linear,
        activation: Activation,
        added: bool,
        weights: &Weights,
    ) -> Result<WebGpuLinear> {
        let &program::Linear { ref parts, input, output } = linear;
        let arrays = weights.matrices(&self.program, linear)?;
        let bias = weights.biases(&self.program, linear)?.unwrap_or_else(|| vec![0.0; output]);
        let name = &self.program.param(parts[0].weight).name;
        let mut buffers = vec![upload(&self.context, name, &bytes(&bias))?];
        let whole = arrays.iter().map(|a| a.q8()).collect::<Option<Vec<_>>>();
        let packed = whole.filter(|_| self.precision == Precision::Packed);
        match &packed {
            Some(parts) => {
                let integers: Vec<u8> = parts.iter().flat_map(|p| p.0.iter()).map(|&v| v as u8).collect();
                let scales: Vec<f32> = parts.iter().flat_map(|p| p.1.iter()).map(|s| s.to_f32()).collect();
                buffers.push(upload(&self.context, name, &integers)?);
                buffers.push(upload(&self.context, name, &bytes(&scales))?);
            }
            None => {
                let values: Vec<u8> = arrays.iter().flat_map(|a| bytes(&a.to_f32())).collect();
                buffers.push(upload(&self.context, name, &values)?);
            }
        }
        let shape = Shape { input, output, activation, added, packed: packed.is_some() };
        Ok(WebGpuLinear { kernel: self.kernels.linear(shape), output, buffers })
    }

    /// The shifts of attention scores, which all blocks share.
    fn shifts(&mut self, weights: &Weights) -> Result<wgpu::Buffer> {
        if let Some(there) = &self.shifts {
            return Ok(there.clone());
        }
        let values = Shifts::read(&self.program, weights)?.map(|shifts| shifts.values).unwrap_or_default();
        let made = upload(&self.context, "the relative positions", &bytes(&values))?;
        self.shifts = Some(made.clone());
        Ok(made)
    }

    /// The angles' table, which steps share whose angles are the same.
    fn angles(&mut self, op: &program::Rotate) -> Result<wgpu::Buffer> {
        let Self { context, angles, .. } = self;
        angles.get(op, |Angles { cosines, sines, .. }| {
            let table: Vec<f32> = cosines.into_iter().zip(sines).flat_map(|(cos, sin)| [cos, sin]).collect();
            upload(context, "the rotary positions", &bytes(&table))
        })
    }
}

fn upload(context: &Context, name: &str, bytes: &[u8]) -> Result<wgpu::Buffer> {
    let most = context.device.limits().max_storage_buffer_binding_size;
    if bytes.len() as u64 > most {
        return Err(Error::device(
            format!("WebGPU ({})", context.adapter()),
            format!(
                "the weights of {name} take {} MiB, but a buffer there holds at most {} MiB; run the model on the CPU",
                bytes.len() >> 20,
                most >> 20
            ),
        ));
    }
    let buffer = context.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(name),
        size: bytes.len() as u64,
        usage: BufferUsages::STORAGE | BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    context.queue.write_buffer(&buffer, 0, bytes);
    Ok(buffer)
}

/// Numbers as the GPU's bytes.
pub(super) fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}
