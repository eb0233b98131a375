//! What lies between a model's layers: buffers that are used anew by every batch, and the list of
//! steps from one to the next.

use wgpu::{BindGroup, Buffer, BufferUsages, ComputePass, ComputePipeline};

use super::{
    Context,
    layers::{Layers, Matrix, bytes},
    shaders::{Linear, QUERIES},
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
struct Sizes {
    tokens: usize,
    sequences: usize,
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
    /// A workgroup a row.
    Each(ComputePipeline, Rows),
}

#[derive(Clone, Copy)]
enum Rows {
    Tokens,
    Sequences,
}

impl Scratch {
    /// Buffers for so many tokens and sequences.
    ///
    /// # Errors
    /// In words, when a buffer would be larger than the device allows.
    pub fn new(
        context: &Context,
        config: &Config,
        layers: &Layers,
        tokens: usize,
        sequences: usize,
    ) -> Result<Self, String> {
        let wide = config.intermediate.max(3 * config.hidden);
        let pooled = config.dense.iter().map(|d| d.output).fold(config.hidden, usize::max);
        let limits = context.device.limits();
        let most = |width: usize| {
            let fits =
                limits.max_storage_buffer_binding_size.min(limits.max_buffer_size) / (4 * width as u64);
            fits.min(u64::from(limits.max_compute_workgroups_per_dimension)) as usize
        };
        if tokens > most(wide) || sequences > most(pooled) {
            return Err(format!(
                "a batch of {tokens} tokens in {sequences} texts does not fit; it holds {} tokens and {} texts",
                most(wide),
                most(pooled)
            ));
        }
        // Room to spare, so that slightly larger batches need no new buffers.
        let tokens = tokens.next_power_of_two().min(most(wide));
        let sequences = sequences.next_power_of_two().min(most(pooled));

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
            work: Work::Each(layers.norm.pipeline.clone(), Rows::Tokens),
            buffers: layers.norm.bind(device, &[&x, affine]),
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
            work: Work::Each(layers.pool.pipeline.clone(), Rows::Sequences),
            buffers: layers.pool.bind(device, &[&x, &pools[0], &spans]),
        });
        for dense in &layers.dense {
            steps.push(linear(dense, &pools[0], &pools[1], Rows::Sequences));
            pools.swap(0, 1);
        }
        let [vectors, _] = pools;
        if config.normalize {
            steps.push(Step {
                work: Work::Each(layers.normalize.pipeline.clone(), Rows::Sequences),
                buffers: layers.normalize.bind(device, &[&vectors]),
            });
        }
        let room = Sizes { tokens, sequences };
        Ok(Self { room, counts, x, spans, tiles, steps, vectors, free: Vec::new() })
    }

    /// Whether a batch fits.
    pub fn holds(&self, tokens: usize, sequences: usize) -> bool {
        tokens <= self.room.tokens && sequences <= self.room.sequences
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
            Work::Each(pipeline, rows) => (pipeline, [count(rows) as u32, 1, 1]),
        };
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &self.buffers, &[]);
        pass.dispatch_workgroups(x, y, z);
    }
}
