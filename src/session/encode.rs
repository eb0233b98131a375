//! Encodes texts on the model's device, in steps between which messages are processed.

use std::{collections::VecDeque, rc::Rc};

use super::{
    Session,
    browser::{sleep, yield_now},
    device::{is_gpu, unless_unresponsive},
    model::LoadedModel,
};
use crate::{
    Error, Result,
    encoder::{Batches, Encoder, PendingVectors},
    text::{Kind, Length},
};

/// Tokens per step on the CPU: some 60 ms, during which nothing else is answered.
const STEP_ON_CPU: usize = 128;
/// Tokens per step on a GPU, which needs large batches.
const STEP_ON_GPU: usize = 2048;
/// Maximum number of steps sent to a GPU before the first is read back.
const SENT_TO_GPU: usize = 2;
/// Texts tokenized per step.
const TOKENIZED: usize = 256;

/// Progress of encoding.
#[derive(Debug, Clone, Copy)]
pub struct EncodeProgress {
    /// Texts encoded.
    pub texts: usize,
    /// Tokens in them.
    pub tokens: usize,
    /// Tokens in all texts.
    pub all_tokens: usize,
}

impl Session {
    /// Encodes `texts` (`[n, dimension]`); also returns the lengths of the whole texts, and the model that made the last
    /// vectors: not `model` if its device was lost or, if it is the session's, a faster one was found meanwhile. If
    /// `step` is given, it is called after each step, and messages are processed between steps.
    ///
    /// # Errors
    /// A text that cannot be tokenized, or a failure of the CPU.
    pub(super) async fn encode(
        &self,
        mut model: Rc<LoadedModel>,
        texts: &[&str],
        kind: Kind,
        mut step: Option<&mut dyn FnMut(EncodeProgress)>,
    ) -> Result<(Vec<f32>, Vec<Length>, Rc<LoadedModel>)> {
        let dimension = model.encoder.dimension();
        // A model that is only evaluated stays where it is.
        let runs = self.model().is_some_and(|current| Rc::ptr_eq(&current, &model));
        let mut tokens = Vec::with_capacity(texts.len());
        let mut lengths = Vec::with_capacity(texts.len());
        for part in texts.chunks(TOKENIZED) {
            if step.is_some() {
                yield_now().await;
            }
            tokens.extend(model.encoder.tokenize_counted(part, kind, &mut lengths)?);
        }
        let all: usize = tokens.iter().map(Vec::len).sum();
        let mut batches = Batches::new(&tokens);
        let mut out = vec![0.0; texts.len() * dimension];
        let (mut done, mut worked) = (0, 0);
        let mut sent = VecDeque::new();
        loop {
            // A batch's vectors are read back while the GPU computes the next one.
            while sent.len() < if model.is_on_gpu() { SENT_TO_GPU } else { 1 } {
                if runs {
                    model = self.latest(model);
                }
                let room = if model.is_on_gpu() { STEP_ON_GPU } else { STEP_ON_CPU };
                let Some(batch) = batches.take(room, |length| length) else { break };
                let vectors = model.encoder.send(&batches.of(&batch));
                sent.push_back((batch, vectors, model.clone()));
            }
            let Some((batch, vectors, by)) = sent.pop_front() else {
                return Ok((out, lengths, model));
            };
            let vectors = match self.unless_gpu_lost(&by.encoder, vectors).await {
                Err(Error::Device { problem, .. }) if by.is_on_gpu() => {
                    let why = self.why_gpu_failed(&problem).await;
                    model = self.instead_of(&by, &why).await?;
                    // Everything sent there is lost too.
                    sent.clear();
                    batches.back_to(done);
                    continue;
                }
                result => result?,
            };
            for (&i, vector) in batch.iter().zip(vectors.chunks(dimension)) {
                out[i * dimension..(i + 1) * dimension].copy_from_slice(vector);
            }
            done += batch.len();
            worked += batch.iter().map(|&i| tokens[i].len()).sum::<usize>();
            if let Some(step) = &mut step {
                step(EncodeProgress { texts: done, tokens: worked, all_tokens: all });
                yield_now().await;
            }
        }
    }

    /// The vectors of what `encoder` was sent, unless its GPU is lost first.
    ///
    /// # Errors
    /// [`Error::Device`] if it is lost, fails or does not respond.
    pub(super) async fn unless_gpu_lost(
        &self,
        encoder: &Encoder,
        vectors: PendingVectors,
    ) -> Result<Vec<f32>> {
        match self.0.gpu.opened() {
            Some(gpu) if is_gpu(encoder) => unless_unresponsive(&gpu, vectors).await,
            _ => vectors.await,
        }
    }

    /// Why the GPU failed, in one line; a driver's own message may have many.
    async fn why_gpu_failed(&self, problem: &str) -> String {
        // The loss of a device is reported a moment after its work failed.
        sleep(50).await;
        match self.0.gpu.opened().and_then(|gpu| gpu.lost.get()) {
            Some(why) => format!("it was lost ({why})"),
            None => problem.lines().next().unwrap_or_default().trim_end_matches('.').into(),
        }
    }

    /// The same model on its current device.
    fn latest(&self, model: Rc<LoadedModel>) -> Rc<LoadedModel> {
        match self.model() {
            // Exact and fast vectors do not mix.
            Some(current)
                if current.info.hash == model.info.hash
                    && current.encoder.is_exact() == model.encoder.is_exact() =>
            {
                current
            }
            _ => model,
        }
    }

    /// Moves `failed` to the CPU, as its GPU can no longer be used.
    ///
    /// # Errors
    /// Whatever prevents it from running there.
    pub(super) async fn instead_of(
        &self,
        failed: &Rc<LoadedModel>,
        problem: &str,
    ) -> Result<Rc<LoadedModel>> {
        let current = self.latest(failed.clone());
        if !current.is_on_gpu() {
            return Ok(current);
        }
        let note = format!("WebGPU was given up: {problem}. The model now runs on the CPU.");
        let moved = Rc::new(failed.moved_to_cpu(note).await?);
        if self.model().is_some_and(|current| Rc::ptr_eq(&current, failed)) {
            self.run_on(moved.clone());
        }
        Ok(moved)
    }
}
