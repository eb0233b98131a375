//! What lies between a model's layers: buffers that are used anew by every batch, and the list of
//! steps from one to the next.

use wgpu::{BindGroup, Buffer, BufferUsages, ComputePass, ComputePipeline};

use super::{
    Context,
    layers::{Layers, Matrix, bytes},
    shaders::{Kernel, Linear, QUERIES},
};
use crate::encoder::Config;

/// Buffers for batches up to a size.
pub(super) struct Scratch {
    /// The most tokens and sequences they hold.
    room: Sizes,
    /// Numbers of tokens and of sequences, each for the shaders whose rows they are.
    counts: [Buffer; 2],
    /// `[tokens, hidden]`.
    x: Buffer,
    /// First token and length of each sequence.
    spans: Buffer,
    /// What each workgroup of attention computes.
    tiles: Buffer,
    steps: Vec<Step>,
    /// Where the last step leaves its vectors.
    vectors: Buffer,
    /// Buffers to read vectors back from, while no batch uses them.
    free: Vec<Buffer>,
}

/// How large a batch is.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub tokens: usize,
    pub sequences: usize,
}

impl Sizes {
    /// The most that the device's limits allow.
    pub fn most(context: &Context, config: &Config) -> Self {
        let limits = context.device.limits();
        let bytes = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        let groups = u64::from(limits.max_compute_workgroups_per_dimension);
        let rows = |width: usize| (bytes / (4 * width as u64)).min(groups) as usize;
        Self { tokens: rows(widest_token(config)), sequences: rows(widest_vector(config)) }
    }

    /// How many of these sequences fit one batch, from the first on.
    ///
    /// # Errors
    /// In words, when the first does not fit alone.
    pub fn first_of(self, lengths: &[usize]) -> Result<usize, String> {
        let mut tokens = 0;
        let within = |&&length: &&usize| {
            tokens += length;
            tokens <= self.tokens
        };
        match lengths.iter().take(self.sequences).take_while(within).count() {
            0 => {
                let first = lengths.first().copied().unwrap_or_default();
                Err(format!("a text of {first} tokens does not fit; it holds {} tokens", self.tokens))
            }
            count => Ok(count),
        }
    }
}

/// Numbers of a token between two steps, at most.
fn widest_token(config: &Config) -> usize {
    config.intermediate.max(3 * config.hidden)
}

/// Numbers of a sequence after pooling, at most.
fn widest_vector(config: &Config) -> usize {
    config.dense.iter().map(|d| d.output).fold(config.hidden, usize::max)
}

struct Step {
    work: Work,
    buffers: BindGroup,
}

enum Work {
    /// A product with as many rows as there are tokens or sequences, and so many columns.
    Linear(Linear, Rows, usize),
    /// Attention with so many heads.
    Attention(ComputePipeline, usize),
    /// Each row by itself, so many a workgroup.
    Each(ComputePipeline, Rows, usize),
}

#[derive(Clone, Copy)]
enum Rows {
    Tokens,
    Sequences,
}

impl Scratch {
    /// Buffers for a batch, with room to spare, so that slightly larger ones need no new buffers.
    pub fn new(context: &Context, config: &Config, layers: &Layers, sizes: Sizes) -> Self {
        let most = Sizes::most(context, config);
        let tokens = sizes.tokens.next_power_of_two().min(most.tokens);
        let sequences = sizes.sequences.next_power_of_two().min(most.sequences);
        let (wide, pooled) = (widest_token(config), widest_vector(config));

        let buffer = |numbers: usize, usage| {
            context.device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: 4 * numbers as u64,
                usage: usage | BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        let storage = |numbers| buffer(numbers, BufferUsages::STORAGE);
        let counts = [0, 1].map(|_| buffer(4, BufferUsages::UNIFORM));
        let x = storage(tokens * config.hidden);
        let qkv_or_up = storage(tokens * wide);
        let mixed = storage(tokens * config.hidden);
        let spans = storage(2 * sequences);
        let tiles = storage(4 * (tokens / QUERIES + sequences));
        let mut pools =
            [0, 1].map(|_| buffer(sequences * pooled, BufferUsages::STORAGE | BufferUsages::COPY_SRC));

        let device = &context.device;
        let linear = |matrix: &Matrix, from: &Buffer, to: &Buffer, rows: Rows| {
            let shared = [&counts[rows as usize], from, to];
            let buffers: Vec<_> = shared.into_iter().chain(&matrix.buffers).collect();
            Step {
                buffers: matrix.kernel.bind(device, &buffers),
                work: Work::Linear(matrix.kernel.clone(), rows, matrix.output),
            }
        };
        let norm = |affine: &Buffer| Step {
            work: Work::Each(layers.norm.pipeline.clone(), Rows::Tokens, layers.norm.rows),
            buffers: layers.norm.bind(device, &[&counts[Rows::Tokens as usize], &x, affine]),
        };
        let mut steps = vec![norm(&layers.first_norm)];
        for block in &layers.blocks {
            steps.extend([
                linear(&block.attention_in, &x, &qkv_or_up, Rows::Tokens),
                Step {
                    work: Work::Attention(layers.attention.pipeline.clone(), config.heads),
                    buffers: layers.attention.bind(device, &[&tiles, &qkv_or_up, &mixed]),
                },
                linear(&block.attention_out, &mixed, &x, Rows::Tokens),
                norm(&block.attention_norm),
                linear(&block.up, &x, &qkv_or_up, Rows::Tokens),
                linear(&block.down, &qkv_or_up, &x, Rows::Tokens),
                norm(&block.norm),
            ]);
        }
        steps.push(Step {
            work: Work::Each(layers.pool.pipeline.clone(), Rows::Sequences, layers.pool.rows),
            buffers: layers.pool.bind(device, &[&x, &pools[0], &spans]),
        });
        let scale = |kernel: &Kernel, vectors: &Buffer| Step {
            work: Work::Each(kernel.pipeline.clone(), Rows::Sequences, kernel.rows),
            buffers: kernel.bind(device, &[vectors]),
        };
        for (before, dense) in &layers.dense {
            steps.extend(before.as_ref().map(|kernel| scale(kernel, &pools[0])));
            steps.push(linear(dense, &pools[0], &pools[1], Rows::Sequences));
            pools.swap(0, 1);
        }
        let [vectors, _] = pools;
        if config.normalize {
            steps.push(scale(&layers.normalize, &vectors));
        }
        let room = Sizes { tokens, sequences };
        Self { room, counts, x, spans, tiles, steps, vectors, free: Vec::new() }
    }

    /// Whether a batch fits.
    pub fn holds(&self, sizes: Sizes) -> bool {
        sizes.tokens <= self.room.tokens && sizes.sequences <= self.room.sequences
    }

    /// Sends a batch off; the submission, and the buffer in which its vectors, `dimension` wide, will be.
    pub fn run(
        &mut self,
        context: &Context,
        rows: &[f32],
        lengths: &[usize],
        dimension: usize,
    ) -> (wgpu::SubmissionIndex, Buffer) {
        let (mut first, mut spans, mut tiles) = (0, Vec::new(), Vec::new());
        for &length in lengths {
            spans.extend([first as u32, length as u32]);
            for query in (0..length).step_by(QUERIES) {
                tiles.extend([first as u32, length as u32, query as u32, 0]);
            }
            first += length;
        }
        let write = |buffer: &Buffer, values: &[u32]| {
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            context.queue.write_buffer(buffer, 0, &bytes);
        };
        context.queue.write_buffer(&self.x, 0, &bytes(rows));
        write(&self.spans, &spans);
        write(&self.tiles, &tiles);
        let sizes = Sizes { tokens: first, sequences: lengths.len() };
        for (buffer, count) in self.counts.iter().zip([sizes.tokens, sizes.sequences]) {
            write(buffer, &[count as u32, 0, 0, 0]);
        }

        let mut commands = context.device.create_command_encoder(&Default::default());
        let mut pass = commands.begin_compute_pass(&Default::default());
        for step in &self.steps {
            step.dispatch(&mut pass, sizes, tiles.len() / 4);
        }
        drop(pass);
        let back = self.free.pop().unwrap_or_else(|| {
            context.device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: 4 * (self.room.sequences * dimension) as u64,
                usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        });
        let size = 4 * (lengths.len() * dimension) as u64;
        commands.copy_buffer_to_buffer(&self.vectors, 0, &back, 0, size);
        (context.queue.submit([commands.finish()]), back)
    }

    /// Takes a buffer back that was read, if batches have not outgrown it.
    pub fn give_back(&mut self, buffer: Buffer, dimension: usize) {
        if buffer.size() == 4 * (self.room.sequences * dimension) as u64 {
            self.free.push(buffer);
        }
    }
}

impl Step {
    fn dispatch(&self, pass: &mut ComputePass, sizes: Sizes, tiles: usize) {
        let count = |rows: &Rows| match rows {
            Rows::Tokens => sizes.tokens,
            Rows::Sequences => sizes.sequences,
        };
        let (pipeline, [x, y, z]) = match &self.work {
            Work::Linear(kernel, rows, columns) => kernel.fit(count(rows), *columns),
            Work::Attention(pipeline, heads) => (pipeline, [tiles as u32, *heads as u32, 1]),
            Work::Each(pipeline, rows, each) => (pipeline, [count(rows).div_ceil(*each) as u32, 1, 1]),
        };
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &self.buffers, &[]);
        pass.dispatch_workgroups(x, y, z);
    }
}
