//! A model on the GPU.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    Context,
    layers::{Dispatches, Upload},
    readback,
    scratch::{BatchBuffers, BatchSize},
};
use crate::{
    Error, Result,
    architecture::program::{Op, Program},
    bundle::Weights,
    encoder::Precision,
};

/// A model on the GPU.
pub struct WebGpuModel {
    context: Context,
    program: Arc<Program>,
    /// Position embeddings, if it has any, in CPU memory: they are added to the rows before these are sent to the GPU.
    positions: Option<Vec<f32>>,
    /// Tokens of the longest text it has positions for.
    longest: usize,
    layers: Dispatches,
    scratch: Arc<Mutex<Option<BatchBuffers>>>,
}

impl WebGpuModel {
    /// Loads a model's weights onto the GPU.
    ///
    /// # Errors
    /// [`Error::Format`] naming the tensor that is missing or has another shape than `program` says;
    /// [`Error::Unsupported`] for widths that the shaders do not support; [`Error::Device`] when the weights
    /// do not fit the device.
    pub fn new(context: &Context, program: Program, weights: &Weights, precision: Precision) -> Result<Self> {
        context.check().map_err(|problem| failed(context, problem))?;
        Self::from_upload(Upload::new(context, program, precision)?, weights)
    }

    /// As [`new`](Self::new), for a model that is partly uploaded; `weights` must be complete.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_upload(upload: Upload, weights: &Weights) -> Result<Self> {
        let (context, program) = (upload.context().clone(), upload.program().clone());
        let positions = match program.steps().first().map(|step| &step.op) {
            Some(Op::AddPositions(first)) => {
                Some(first.rows(&program, weights)?.split_off(first.first * program.width()))
            }
            _ => None,
        };
        let rotated = program.steps().iter().filter_map(|step| match &step.op {
            Op::Rotate(op) => Some(op.positions),
            _ => None,
        });
        let embedded = positions.iter().map(|rows| rows.len() / program.width());
        let model = Self {
            longest: rotated.chain(embedded).min().unwrap_or(usize::MAX),
            positions,
            layers: upload.finish(weights)?,
            scratch: Arc::default(),
            context,
            program,
        };
        // In a browser errors arrive later, and the first batch fails with them.
        model.context.check().map_err(|problem| failed(&model.context, problem))?;
        Ok(model)
    }

    /// Submits word embedding rows `[tokens, hidden]` of consecutive sequences that are `lengths` tokens
    /// long; returns a future of their vectors `[sequences, dimension]`. More can be submitted before it
    /// resolves, to keep the GPU busy.
    ///
    /// # Errors
    /// What went wrong on the device; at once, or from the future.
    pub fn send(
        &self,
        words: &[f32],
        lengths: &[usize],
    ) -> std::result::Result<impl Future<Output = std::result::Result<Vec<f32>, String>> + use<>, String>
    {
        self.context.check()?;
        let rows = self.rows(words, lengths)?;
        let most = BatchSize::most(&self.context, &self.program);
        let (mut rows, mut rest) = (&rows[..], lengths);
        let mut parts = Vec::new();
        while !rest.is_empty() {
            let (own, after) = rest.split_at(most.first_of(rest)?);
            let (own_rows, rows_after) = rows.split_at(own.iter().sum::<usize>() * self.program.width());
            parts.push(self.submit(own_rows, own));
            (rows, rest) = (rows_after, after);
        }
        Ok(async {
            let mut values = Vec::new();
            for part in parts {
                values.extend(part.await?);
            }
            Ok(values)
        })
    }

    /// One submission; the future reads its result back.
    fn submit(
        &self,
        rows: &[f32],
        lengths: &[usize],
    ) -> impl Future<Output = std::result::Result<Vec<f32>, String>> + use<> {
        let dimension = self.program.dimension();
        let count = lengths.len() * dimension;
        let sizes = BatchSize { tokens: rows.len() / self.program.width(), sequences: lengths.len() };
        let (context, shared) = (self.context.clone(), self.scratch.clone());
        // Held until the submission, so that no other thread overwrites the buffers before it.
        let mut scratch = lock(&shared);
        let watch = context.watch();
        let fits = scratch.take().filter(|s| s.holds(sizes));
        let fits = fits.unwrap_or_else(|| BatchBuffers::new(&context, &self.program, &self.layers, sizes));
        let (submission, buffer) = scratch.insert(fits).run(&context, rows, lengths, dimension);
        let fault = watch.end();
        drop(scratch);
        async move {
            let values = readback::read(&context, &buffer, count, submission).await;
            if let Some(fault) = fault.await {
                return Err(fault);
            }
            let values = values?;
            context.check()?;
            if let Some(scratch) = lock(&shared).as_mut() {
                scratch.give_back(buffer, dimension);
            }
            Ok(values)
        }
    }

    /// Word embeddings, plus position embeddings where the model has them.
    fn rows(&self, words: &[f32], lengths: &[usize]) -> std::result::Result<Vec<f32>, String> {
        let width = self.program.width();
        let tokens: usize = lengths.iter().sum();
        let longest = self.longest;
        if let Some(length) = lengths.iter().find(|&&l| l == 0 || l > longest) {
            return Err(format!("a text has {length} tokens, but must have 1 to {longest}"));
        }
        if words.len() != tokens * width {
            return Err(format!("{} numbers do not make {tokens} rows of {width}", words.len()));
        }
        let Some(positions) = &self.positions else { return Ok(words.to_vec()) };
        let positions = lengths.iter().flat_map(|l| &positions[..l * width]);
        Ok(words.iter().zip(positions).map(|(w, p)| w + p).collect())
    }
}

fn failed(context: &Context, problem: String) -> Error {
    Error::device(format!("WebGPU ({})", context.adapter()), problem)
}

fn lock(scratch: &Mutex<Option<BatchBuffers>>) -> MutexGuard<'_, Option<BatchBuffers>> {
    scratch.lock().unwrap_or_else(PoisonError::into_inner)
}
