//! Texts to vectors on whatever device the model runs on, in steps between which messages are taken.

use std::{collections::VecDeque, rc::Rc};

use super::{
    Session,
    browser::{breathe, sleep},
    device::{is_gpu, unless_silent},
    model::Model,
};
use crate::{
    Error, Result,
    encoder::{Batches, Encoder, Vectors},
    text::{Kind, Length},
};

/// Tokens a step encodes on the CPU: some 60 ms, and for so long nothing else is answered.
const STEP_ON_CPU: usize = 128;
/// Tokens a step encodes on a GPU, which wants to be filled.
const STEP_ON_GPU: usize = 2048;
/// Steps that a GPU has been sent at most before the first is read.
const SENT_TO_GPU: usize = 2;
/// Texts that are tokenized in one step.
const TOKENIZED: usize = 256;

/// How far the encoding of texts is.
#[derive(Debug, Clone, Copy)]
pub struct Encoded {
    /// Texts that are done.
    pub texts: usize,
    /// Tokens in them.
    pub tokens: usize,
    /// Tokens in all texts.
    pub all_tokens: usize,
}

impl Session {
    /// Vectors of `texts` (`[n, dimension]`), the texts' true lengths, and the model that made the last of them: another than
    /// `model` when that one's device was lost or, should it be the session's, a faster one was found
    /// meanwhile. With `step`, which hears of each, messages are taken between steps.
    ///
    /// # Errors
    /// What the text or the CPU cannot do.
    pub(super) async fn encode(
        &self,
        mut model: Rc<Model>,
        texts: &[&str],
        kind: Kind,
        mut step: Option<&mut dyn FnMut(Encoded)>,
    ) -> Result<(Vec<f32>, Vec<Length>, Rc<Model>)> {
        let dimension = model.encoder.dimension();
        // A model that is only measured stays where it was put.
        let runs = self.model().is_some_and(|current| Rc::ptr_eq(&current, &model));
        let mut tokens = Vec::with_capacity(texts.len());
        let mut lengths = Vec::with_capacity(texts.len());
        for part in texts.chunks(TOKENIZED) {
            if step.is_some() {
                breathe().await;
            }
            tokens.extend(model.encoder.tokenize_counted(part, kind, &mut lengths)?);
        }
        let all: usize = tokens.iter().map(Vec::len).sum();
        let mut batches = Batches::new(&tokens);
        let mut out = vec![0.0; texts.len() * dimension];
        let (mut done, mut worked) = (0, 0);
        let mut sent = VecDeque::new();
        loop {
            // Vectors of a batch are read while the GPU computes the next one.
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
                    // All that is on its way there is lost too.
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
                step(Encoded { texts: done, tokens: worked, all_tokens: all });
                breathe().await;
            }
        }
    }

    /// What `encoder` was sent, unless its GPU is lost before that is done.
    ///
    /// # Errors
    /// [`Error::Device`] when it is lost, fails or gives no answer.
    pub(super) async fn unless_gpu_lost(&self, encoder: &Encoder, vectors: Vectors) -> Result<Vec<f32>> {
        match self.0.gpu.opened() {
            Some(gpu) if is_gpu(encoder) => unless_silent(&gpu, vectors).await,
            _ => vectors.await,
        }
    }

    /// Why the GPU failed, in one line: a driver's own words go on for many.
    async fn why_gpu_failed(&self, problem: &str) -> String {
        // That a device was lost is said a moment after its work has failed.
        sleep(50).await;
        match self.0.gpu.opened().and_then(|gpu| gpu.lost.word()) {
            Some(why) => format!("it was lost ({why})"),
            None => problem.lines().next().unwrap_or_default().trim_end_matches('.').into(),
        }
    }

    /// The same model where it runs now.
    fn latest(&self, model: Rc<Model>) -> Rc<Model> {
        match self.model() {
            // Exact vectors and fast ones do not mix.
            Some(current)
                if current.info.hash == model.info.hash
                    && current.encoder.is_exact() == model.encoder.is_exact() =>
            {
                current
            }
            _ => model,
        }
    }

    /// `failed` on the CPU, because its GPU is of no use any more.
    ///
    /// # Errors
    /// Whatever keeps it from running there.
    pub(super) async fn instead_of(&self, failed: &Rc<Model>, problem: &str) -> Result<Rc<Model>> {
        let current = self.latest(failed.clone());
        if !current.is_on_gpu() {
            return Ok(current);
        }
        let note = format!("WebGPU was given up: {problem}. The model runs on the CPU now.");
        let moved = Rc::new(failed.moved_to_cpu(note).await?);
        if self.model().is_some_and(|current| Rc::ptr_eq(&current, failed)) {
            self.run_on(moved.clone());
        }
        Ok(moved)
    }
}
