//! Shaders: their source texts with a model's sizes filled in, and the pipelines made from them.

use wgpu::{BindGroup, BindGroupLayout, Buffer, ComputePipeline, Device};

use super::{Context, layers::HeadSizes};
use crate::{
    architecture::program::NormKind,
    encoder::{Activation, Pooling},
};

/// Tokens whose attention one workgroup computes (`QUERIES` in both shaders).
pub const QUERIES: usize = 16;
/// Rows per workgroup of `norm_direct.wgsl`.
const ROWS: usize = 16;
/// Widest attention head that fits a workgroup's 16 KiB together with its keys; wider ones are read directly.
const WIDEST_STAGED_HEAD: usize = 160;
/// Widest attention head whose sums an invocation holds.
pub const WIDEST_HEAD: usize = 256;

/// How a shader accesses a buffer.
#[derive(Clone, Copy)]
enum Use {
    Sizes,
    Read,
    Write,
}

/// A shader with one pipeline.
#[derive(Clone)]
pub struct ShaderKernel {
    pub pipeline: ComputePipeline,
    /// Rows per workgroup.
    pub rows: usize,
    layout: BindGroupLayout,
}

/// A linear layer's shader, with a tile size for few rows up to many.
#[derive(Clone)]
pub struct LinearShaders {
    tiles: [(Tile, ComputePipeline); 3],
    layout: BindGroupLayout,
}

/// The part of a product that one workgroup computes.
#[derive(Clone, Copy)]
struct Tile {
    /// Rows per invocation.
    each: usize,
    /// Invocations side by side; each computes four columns.
    across: usize,
    /// Invocations one above the other.
    down: usize,
}

/// For few rows up to many.
const TILES: [Tile; 3] = [
    Tile { each: 1, across: 16, down: 8 },
    Tile { each: 4, across: 8, down: 8 },
    Tile { each: 4, across: 16, down: 16 },
];
/// The only tile of `linear_direct.wgsl`.
const DIRECT: Tile = Tile { each: 4, across: 8, down: 8 };
/// With fewer workgroups than this, smaller tiles keep more of a GPU busy.
const ENOUGH: usize = 48;

/// What a linear layer's shader is specialized for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub input: usize,
    pub output: usize,
    pub activation: Activation,
    /// Whether the result is added to what is in the output.
    pub added: bool,
    /// Whether the weights are packed.
    pub packed: bool,
}

impl LinearShaders {
    pub fn new(context: &Context, shape: Shape) -> Self {
        let device = &context.device;
        let (weights, scales) = match shape.packed {
            true => (include_str!("shaders/packed.wgsl"), &[Use::Read][..]),
            false => (include_str!("shaders/plain.wgsl"), &[][..]),
        };
        let uses = [&[Use::Sizes, Use::Read, Use::Write, Use::Read, Use::Read], scales].concat();
        let layout = layout(device, &uses);
        let activation = function(shape.activation);
        let main = match context.software {
            true => include_str!("shaders/linear_direct.wgsl"),
            false => include_str!("shaders/linear.wgsl"),
        };
        let make = |tile: Tile| {
            let head = format!(
                "const INPUTS = {}u;\nconst OUTPUTS = {}u;\nconst ADDED = {};\n\
                 const EACH = {}u;\nconst ACROSS = {}u;\nconst DOWN = {}u;\n\
                 {activation}",
                shape.input / 4,
                shape.output,
                shape.added,
                tile.each,
                tile.across,
                tile.down
            );
            let text = [
                &head,
                include_str!("shaders/activations.wgsl"),
                weights,
                main,
                include_str!("shaders/put.wgsl"),
            ];
            (tile, pipeline(device, "linear", &text.concat(), &layout))
        };
        let tiles = match context.software {
            true => {
                let only = make(DIRECT);
                [only.clone(), only.clone(), only]
            }
            false => TILES.map(make),
        };
        Self { tiles, layout }
    }

    pub fn bind(&self, device: &Device, buffers: &[&Buffer]) -> BindGroup {
        bind(device, &self.layout, buffers)
    }

    /// The pipeline and number of workgroups for a product of this many rows and columns.
    pub fn fit(&self, rows: usize, columns: usize) -> (&ComputePipeline, [u32; 3]) {
        let groups = |tile: &Tile| {
            [columns.div_ceil(4 * tile.across) as u32, rows.div_ceil(tile.each * tile.down) as u32, 1]
        };
        let [few, some, many] = &self.tiles;
        let (tile, pipeline) = if rows <= 2 * few.0.down {
            few
        } else if (groups(&many.0)[0] * groups(&many.0)[1]) < ENOUGH as u32 {
            some
        } else {
            many
        };
        (pipeline, groups(tile))
    }
}

impl ShaderKernel {
    /// Attention over queries, keys and values, `[tokens, (heads + 2 kv_heads) width]`. Scores are shifted by distance
    /// where `shifted` is the number of positions that there are shifts for.
    pub fn attention(context: &Context, sizes: HeadSizes) -> Self {
        let HeadSizes { heads, kv_heads, width, scaling, reach, shifted } = sizes;
        let keys = if width <= 64 { 32 } else { 8 };
        let limit = u32::MAX >> 1;
        let [back, ahead] = reach.map(|reach| {
            reach.and_then(|reach| u32::try_from(reach).ok()).map_or(limit, |reach| reach.min(limit))
        });
        let head = format!(
            "const HEADS = {heads}u;\nconst KV_HEADS = {kv_heads}u;\nconst WIDTH = {}u;\nconst SCALING = {scaling}.0;\n\
             const KEYS = {keys}u;\nconst BACK = {back}u;\nconst AHEAD = {ahead}u;\n",
            width / 4
        );
        let main = match context.software || width > WIDEST_STAGED_HEAD {
            true => include_str!("shaders/attention_direct.wgsl"),
            false => include_str!("shaders/attention.wgsl"),
        };
        let shift = match shifted {
            None => {
                "fn shifted(score: f32, head: u32, query: u32, key: u32) -> f32 { return score; }\n".into()
            }
            Some(positions) => {
                let most = positions.saturating_sub(1);
                format!("const MOST = {most}u;\n{}", include_str!("shaders/shifted.wgsl"))
            }
        };
        let uses = [Use::Read, Use::Read, Use::Write, Use::Read];
        let uses = &uses[..if shifted.is_some() { 4 } else { 3 }];
        Self::new(&context.device, "attention", &[&head, &shift, main], uses)
    }

    /// A norm of rows, in place or from one buffer to another.
    pub fn norm(context: &Context, width: usize, kind: NormKind, epsilon: f64, in_place: bool) -> Self {
        let element = if context.software { "vec4f" } else { "f32" };
        let read = match in_place {
            true => format!("fn before(i: u32) -> {element} {{ return rows[i]; }}\n"),
            false => format!(
                "@group(0) @binding(3) var<storage, read> source: array<{element}>;\n\
                 fn before(i: u32) -> {element} {{ return source[i]; }}\n"
            ),
        };
        let head = format!(
            "const WIDTH = {width}u;\nconst EPSILON = {epsilon:e}f;\nconst CENTRED = {};\n{read}",
            kind.is_centred()
        );
        let (rows, main) = match context.software {
            true => (ROWS, &[include_str!("shaders/norm_direct.wgsl")][..]),
            false => (1, &[include_str!("shaders/norm.wgsl"), include_str!("shaders/sum.wgsl")][..]),
        };
        let text = [&[head.as_str()], main].concat();
        let uses = [Use::Sizes, Use::Write, Use::Read, Use::Read];
        let uses = &uses[..if in_place { 3 } else { 4 }];
        Self { rows, ..Self::new(&context.device, "norm", &text, uses) }
    }

    /// From rows `(a, b)` of `[tokens, 2 width]` to `activation(a) · b`, `[tokens, width]`.
    pub fn gate(device: &Device, width: usize, activation: Activation) -> Self {
        let head = format!("const WIDTH = {width}u;\n{}", function(activation));
        let text = [&head, include_str!("shaders/activations.wgsl"), include_str!("shaders/gate.wgsl")];
        Self::new(device, "gate", &text, &[Use::Read, Use::Write])
    }

    /// Norms of the queries' and keys' heads of `[tokens, (heads + 2 kv_heads) width]`, in place.
    pub fn norm_heads(device: &Device, [heads, kv_heads, width]: [usize; 3], epsilon: f64) -> Self {
        let head = format!(
            "const HEADS = {heads}u;\nconst KV_HEADS = {kv_heads}u;\nconst WIDTH = {width}u;\n\
             const EPSILON = {epsilon:e}f;\n"
        );
        let text = [&head, include_str!("shaders/norm_heads.wgsl")];
        Self::new(device, "norm of heads", &text, &[Use::Write, Use::Read])
    }

    /// Multiplies rows by a number, in place.
    pub fn scale(device: &Device, width: usize, by: f32) -> Self {
        let head = format!("const WIDTH = {width}u;\nconst BY = {by:e}f;\n");
        let text = [&head, include_str!("shaders/scale.wgsl")];
        Self::new(device, "scale", &text, &[Use::Write])
    }

    /// Adds rows to rows.
    pub fn add(device: &Device, width: usize) -> Self {
        let head = format!("const WIDTH = {width}u;\n");
        let text = [&head, include_str!("shaders/add.wgsl")];
        Self::new(device, "add", &text, &[Use::Read, Use::Write])
    }

    /// Rotates queries and keys of `[tokens, (heads + 2 kv_heads) width]` by their positions, in place.
    pub fn rotate(device: &Device, heads: usize, kv_heads: usize, width: usize) -> Self {
        let (rotated, row) = (heads + kv_heads, (heads + 2 * kv_heads) * width);
        let head =
            format!("const ROTATED = {rotated}u;\nconst ROW = {row}u;\nconst HALF = {}u;\n", width / 2);
        let text = [&head, include_str!("shaders/rotate.wgsl")];
        Self::new(device, "rotate", &text, &[Use::Read, Use::Write, Use::Read])
    }

    /// From `[tokens, width]` to one vector per sequence.
    pub fn pool(device: &Device, width: usize, pooling: Pooling) -> Self {
        let pooling = match pooling {
            Pooling::Mean => 0,
            Pooling::Cls => 1,
            Pooling::Max => 2,
            Pooling::Last => 3,
            Pooling::WeightedMean => 4,
            Pooling::MeanSqrtLength => 5,
        };
        let head = format!("const WIDTH = {width}u;\nconst POOLING = {pooling}u;\n");
        let text = [&head, include_str!("shaders/pool.wgsl")];
        Self::new(device, "pool", &text, &[Use::Read, Use::Write, Use::Read])
    }

    /// Scales rows to length 1 in place.
    pub fn normalize(device: &Device, width: usize) -> Self {
        let head = format!("const WIDTH = {width}u;\n");
        let text = [&head, include_str!("shaders/normalize.wgsl"), include_str!("shaders/sum.wgsl")];
        Self::new(device, "normalize", &text, &[Use::Write])
    }

    fn new(device: &Device, name: &str, text: &[&str], uses: &[Use]) -> Self {
        let layout = layout(device, uses);
        Self { pipeline: pipeline(device, name, &text.concat(), &layout), rows: 1, layout }
    }

    pub fn bind(&self, device: &Device, buffers: &[&Buffer]) -> BindGroup {
        bind(device, &self.layout, buffers)
    }
}

/// The shader function `activation`, which calls one of `activations.wgsl`.
fn function(activation: Activation) -> String {
    let name = match activation {
        Activation::Gelu => "gelu",
        Activation::GeluTanh => "gelu_tanh",
        Activation::Silu => "silu",
        Activation::Relu => "relu",
        Activation::Tanh => "bounded_tanh",
        Activation::Identity => "identity",
    };
    format!("fn activation(x: f32) -> f32 {{ return {name}(x); }}\n")
}

/// Bindings 0, 1, 2 … of a shader.
fn layout(device: &Device, uses: &[Use]) -> BindGroupLayout {
    let entries: Vec<_> = (0..)
        .zip(uses)
        .map(|(binding, kind)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: match kind {
                    Use::Sizes => wgpu::BufferBindingType::Uniform,
                    Use::Read => wgpu::BufferBindingType::Storage { read_only: true },
                    Use::Write => wgpu::BufferBindingType::Storage { read_only: false },
                },
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        })
        .collect();
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries })
}

fn pipeline(device: &Device, name: &str, text: &str, layout: &BindGroupLayout) -> ComputePipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(name),
        source: wgpu::ShaderSource::Wgsl(text.into()),
    });
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: None,
        bind_group_layouts: &[Some(layout)],
        immediate_size: 0,
    });
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(name),
        layout: Some(&layout),
        module: &module,
        entry_point: None,
        compilation_options: wgpu::PipelineCompilationOptions {
            // Every shader here writes its workgroup memory before reading it.
            zero_initialize_workgroup_memory: false,
            ..Default::default()
        },
        cache: None,
    })
}

fn bind(device: &Device, layout: &BindGroupLayout, buffers: &[&Buffer]) -> BindGroup {
    let entries: Vec<_> = (0..)
        .zip(buffers)
        .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
        .collect();
    device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries: &entries })
}
