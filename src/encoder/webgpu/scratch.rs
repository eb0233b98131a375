//! What lies between a model's layers: buffers that every batch reuses, and the dispatches that use them.

use wgpu::{BindGroup, BufferUsages, ComputePass, ComputePipeline};

use super::{
    Context,
    layers::{Dispatch, Dispatches, bytes},
    shaders::{LinearShaders, QUERIES, ShaderKernel},
};
use crate::architecture::program::{Buffer, Program, Rows};

/// Buffers for batches up to a size.
pub(super) struct BatchBuffers {
    /// The most tokens and sequences that fit.
    room: BatchSize,
    /// Row counts for the shaders: number of tokens, number of sequences.
    counts: [wgpu::Buffer; 2],
    /// First token and length of each sequence.
    spans: wgpu::Buffer,
    /// Position of each token in its sequence, where something depends on it.
    positions: Option<wgpu::Buffer>,
    /// What each attention workgroup computes.
    tiles: wgpu::Buffer,
    /// The program's buffers, indexed by [`Buffer`].
    memory: [wgpu::Buffer; Buffer::COUNT],
    steps: Vec<BoundDispatch>,
    /// Where the last step leaves the text vectors.
    output: Buffer,
    /// Readback buffers that no batch is using.
    free: Vec<wgpu::Buffer>,
}

/// The size of a batch.
#[derive(Clone, Copy)]
pub(super) struct BatchSize {
    pub tokens: usize,
    pub sequences: usize,
}

impl BatchSize {
    /// The most that the device's limits allow.
    pub fn most(context: &Context, program: &Program) -> Self {
        let limits = context.device.limits();
        let bytes = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        let groups = u64::from(limits.max_compute_workgroups_per_dimension);
        let most = |rows| {
            let buffers = Buffer::ALL.into_iter().filter(|buffer| buffer.rows() == rows);
            let widest = buffers.map(|buffer| program.widest(buffer)).max().unwrap_or(0).max(1);
            (bytes / (4 * widest as u64)).min(groups) as usize
        };
        Self { tokens: most(Rows::Tokens), sequences: most(Rows::Texts) }
    }

    /// The number of rows of a kind.
    fn count(self, rows: Rows) -> usize {
        rows.count(self.tokens, self.sequences)
    }

    /// How many of these sequences, counted from the first, fit one batch.
    ///
    /// # Errors
    /// When not even the first one fits.
    pub fn first_of(self, lengths: &[usize]) -> Result<usize, String> {
        let mut tokens = 0;
        let within = |&&length: &&usize| {
            tokens += length;
            tokens <= self.tokens
        };
        match lengths.iter().take(self.sequences).take_while(within).count() {
            0 => {
                let first = lengths.first().copied().unwrap_or_default();
                Err(format!(
                    "a text of {first} tokens does not fit; there is room for {} tokens",
                    self.tokens
                ))
            }
            count => Ok(count),
        }
    }
}

struct BoundDispatch {
    work: BoundKernel,
    buffers: BindGroup,
}

enum BoundKernel {
    /// A product with this many columns.
    Linear(LinearShaders, Rows, usize),
    /// Attention with this many heads.
    Attention(ComputePipeline, usize),
    /// Row by row, with this many rows per workgroup.
    Each(ComputePipeline, Rows, usize),
}

impl BatchBuffers {
    /// Buffers for a batch, with some room to spare, so that slightly larger ones fit as well.
    pub fn new(context: &Context, program: &Program, layers: &Dispatches, sizes: BatchSize) -> Self {
        let most = BatchSize::most(context, program);
        let room = BatchSize {
            tokens: sizes.tokens.next_power_of_two().min(most.tokens),
            sequences: sizes.sequences.next_power_of_two().min(most.sequences),
        };

        let device = &context.device;
        let buffer = |numbers: usize, usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: 4 * numbers as u64,
                usage: usage | BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        let storage = |numbers| buffer(numbers, BufferUsages::STORAGE);
        let counts = [0, 1].map(|_| buffer(4, BufferUsages::UNIFORM));
        let spans = storage(2 * room.sequences);
        let rotated = layers.0.iter().any(|layer| matches!(layer, Dispatch::Rotate { .. }));
        let positions = rotated.then(|| storage(room.tokens));
        let tiles = storage(4 * (room.tokens / QUERIES + room.sequences));
        let memory = Buffer::ALL.map(|which| {
            let numbers = room.count(which.rows()) * program.widest(which);
            let read = match which.rows() {
                Rows::Tokens => BufferUsages::empty(),
                Rows::Texts => BufferUsages::COPY_SRC,
            };
            buffer(numbers, BufferUsages::STORAGE | read)
        });

        let at = |which: Buffer| &memory[which as usize];
        let count = |which: Buffer| &counts[which.rows() as usize];
        let each = |kernel: &ShaderKernel, rows: Buffer, buffers: &[&wgpu::Buffer]| BoundDispatch {
            work: BoundKernel::Each(kernel.pipeline.clone(), rows.rows(), kernel.rows),
            buffers: kernel.bind(device, buffers),
        };
        let step = |layer: &Dispatch| match layer {
            Dispatch::Linear { from, to, matrix } => {
                let shared = [count(*to), at(*from), at(*to)];
                let buffers: Vec<_> = shared.into_iter().chain(&matrix.buffers).collect();
                BoundDispatch {
                    buffers: matrix.kernel.bind(device, &buffers),
                    work: BoundKernel::Linear(matrix.kernel.clone(), to.rows(), matrix.output),
                }
            }
            Dispatch::Attention { from, to, heads, shifts, kernel } => {
                let buffers = [&tiles, at(*from), at(*to)].into_iter().chain(shifts);
                BoundDispatch {
                    work: BoundKernel::Attention(kernel.pipeline.clone(), *heads),
                    buffers: kernel.bind(device, &buffers.collect::<Vec<_>>()),
                }
            }
            Dispatch::Norm { from, to, affine, kernel } => {
                let all = [count(*to), at(*to), affine, at(*from)];
                each(kernel, *to, &all[..if from == to { 3 } else { 4 }])
            }
            Dispatch::FromTo { from, to, kernel } => each(kernel, *to, &[at(*from), at(*to)]),
            Dispatch::NormHeads { to, gains, kernel } => each(kernel, *to, &[at(*to), gains]),
            Dispatch::Rotate { to, angles, kernel } => {
                let positions = positions.iter();
                each(kernel, *to, &positions.chain([at(*to), angles]).collect::<Vec<_>>())
            }
            Dispatch::Pool { from, to, kernel } => each(kernel, *to, &[at(*from), at(*to), &spans]),
            Dispatch::InPlace { to, kernel } => each(kernel, *to, &[at(*to)]),
        };
        let steps = layers.0.iter().map(step).collect();
        Self {
            room,
            counts,
            spans,
            positions,
            tiles,
            steps,
            memory,
            output: program.output(),
            free: Vec::new(),
        }
    }

    pub fn holds(&self, sizes: BatchSize) -> bool {
        sizes.tokens <= self.room.tokens && sizes.sequences <= self.room.sequences
    }

    /// Submits a batch; returns the submission and the buffer that will hold its vectors, which are
    /// `dimension` wide.
    pub fn run(
        &mut self,
        context: &Context,
        rows: &[f32],
        lengths: &[usize],
        dimension: usize,
    ) -> (wgpu::SubmissionIndex, wgpu::Buffer) {
        let (mut first, mut spans, mut tiles) = (0, Vec::new(), Vec::new());
        for &length in lengths {
            spans.extend([first as u32, length as u32]);
            for query in (0..length).step_by(QUERIES) {
                tiles.extend([first as u32, length as u32, query as u32, 0]);
            }
            first += length;
        }
        let write = |buffer: &wgpu::Buffer, values: &[u32]| {
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            context.queue.write_buffer(buffer, 0, &bytes);
        };
        let hidden = &self.memory[Buffer::Hidden as usize];
        context.queue.write_buffer(hidden, 0, &bytes(rows));
        write(&self.spans, &spans);
        write(&self.tiles, &tiles);
        if let Some(buffer) = &self.positions {
            let positions: Vec<u32> = lengths.iter().flat_map(|&length| 0..length as u32).collect();
            write(buffer, &positions);
        }
        let sizes = BatchSize { tokens: first, sequences: lengths.len() };
        for rows in [Rows::Tokens, Rows::Texts] {
            write(&self.counts[rows as usize], &[sizes.count(rows) as u32, 0, 0, 0]);
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
        commands.copy_buffer_to_buffer(&self.memory[self.output as usize], 0, &back, 0, size);
        (context.queue.submit([commands.finish()]), back)
    }

    /// Takes a readback buffer back, unless a larger batch has made it too small.
    pub fn give_back(&mut self, buffer: wgpu::Buffer, dimension: usize) {
        if buffer.size() == 4 * (self.room.sequences * dimension) as u64 {
            self.free.push(buffer);
        }
    }
}

impl BoundDispatch {
    fn dispatch(&self, pass: &mut ComputePass, sizes: BatchSize, tiles: usize) {
        let (pipeline, [x, y, z]) = match &self.work {
            BoundKernel::Linear(kernel, rows, columns) => kernel.fit(sizes.count(*rows), *columns),
            BoundKernel::Attention(pipeline, heads) => (pipeline, [tiles as u32, *heads as u32, 1]),
            BoundKernel::Each(pipeline, rows, each) => {
                (pipeline, [sizes.count(*rows).div_ceil(*each) as u32, 1, 1])
            }
        };
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &self.buffers, &[]);
        pass.dispatch_workgroups(x, y, z);
    }
}
