//! Reading GPU buffers back into memory.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

use super::Context;

/// The first `count` numbers of a mappable buffer, once `submission` is done.
///
/// # Errors
/// When the device fails in the meantime.
pub(super) async fn read(
    context: &Context,
    buffer: &wgpu::Buffer,
    count: usize,
    submission: wgpu::SubmissionIndex,
) -> Result<Vec<f32>, String> {
    let end = 4 * count as u64;
    let answer = Answer::default();
    let given = answer.clone();
    buffer.map_async(wgpu::MapMode::Read, 0..end, move |result| given.give(result.is_ok()));
    // A browser calls back on its own; there this returns at once.
    let wait = wgpu::PollType::Wait { submission_index: Some(submission), timeout: None };
    let polled = context.device.poll(wait);
    if let Err(problem) = polled {
        return Err(context.check().err().unwrap_or_else(|| format!("it did not finish ({problem})")));
    }
    let failed = || context.check().err().unwrap_or_else(|| "its result cannot be read back".into());
    if !answer.get().await {
        return Err(failed());
    }
    let view = buffer.get_mapped_range(0..end).map_err(|_| failed())?;
    let values = view.as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
    drop(view);
    buffer.unmap();
    Ok(values)
}

/// A yes or no that a callback delivers once, as a future.
#[derive(Clone, Default)]
struct Answer(Arc<Mutex<(Option<bool>, Option<Waker>)>>);

impl Answer {
    fn lock(&self) -> MutexGuard<'_, (Option<bool>, Option<Waker>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give(&self, yes: bool) {
        let waiting = {
            let mut state = self.lock();
            state.0 = Some(yes);
            state.1.take()
        };
        if let Some(waker) = waiting {
            waker.wake();
        }
    }

    async fn get(&self) -> bool {
        poll_fn(|context| {
            let mut state = self.lock();
            match state.0 {
                Some(yes) => Poll::Ready(yes),
                None => {
                    state.1 = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}
