//! Waiting, cancelling and concurrency: the little that is needed of an async runtime.
//!
//! Everything the session does is a future. It is cancelled by dropping it, so nothing has to check a flag; what a
//! dropped future holds (a download, for example) is released by its `Drop`.

use std::{
    future::{Future, poll_fn},
    sync::{Arc, Mutex, PoisonError},
    task::{Poll, Waker},
};

use crate::{Error, Result, timeouts::either};

/// A message that is sent once, and those who wait for it. wgpu needs its callbacks to be `Send`.
#[derive(Clone, Default)]
pub struct Signal(Arc<Mutex<Message>>);

#[derive(Default)]
struct Message {
    text: Option<String>,
    waiting: Vec<Waker>,
}

impl Signal {
    /// Sends the message; only the first one counts.
    pub fn send(&self, text: impl Into<String>) {
        let mut message = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        message.text.get_or_insert(text.into());
        let waiting = std::mem::take(&mut message.waiting);
        drop(message);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// The message, if it was sent.
    pub fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).text.clone()
    }

    /// Waits for the message.
    pub async fn wait(&self) -> String {
        poll_fn(|context| {
            let mut message = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match &message.text {
                Some(text) => Poll::Ready(text.clone()),
                None => {
                    if !message.waiting.iter().any(|w| w.will_wake(context.waker())) {
                        message.waiting.push(context.waker().clone());
                    }
                    Poll::Pending
                }
            }
        })
        .await
    }
}

/// `work`, unless `cancel` is sent first.
///
/// # Errors
/// [`Error::Cancelled`], or what `work` returns.
pub async fn unless_cancelled<T>(cancel: &Signal, work: impl Future<Output = Result<T>>) -> Result<T> {
    let cancelled = async {
        cancel.wait().await;
        Err(Error::Cancelled)
    };
    either(cancelled, work).await
}

/// Awaits all concurrently; the first error ends the others.
///
/// # Errors
/// The first error of one of them.
pub async fn join_all<T, const N: usize>(work: [impl Future<Output = Result<T>>; N]) -> Result<[T; N]> {
    let mut work = work.map(|future| (Box::pin(future), None));
    poll_fn(|context| {
        for (future, done) in work.iter_mut().filter(|(_, done)| done.is_none()) {
            if let Poll::Ready(result) = future.as_mut().poll(context) {
                *done = Some(result?);
            }
        }
        match work.iter().all(|(_, done)| done.is_some()) {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        }
    })
    .await?;
    let done: Vec<T> = work.into_iter().filter_map(|(_, done)| done).collect();
    done.try_into().map_err(|_| Error::Cancelled)
}

/// Awaits all `work`, at most `at_once` concurrently; the first error ends the others.
///
/// # Errors
/// The first error of one of them.
pub async fn run_limited(
    at_once: usize,
    work: impl Iterator<Item = impl Future<Output = Result<()>>>,
) -> Result<()> {
    let mut waiting = work.fuse();
    let mut under_way = Vec::new();
    poll_fn(|context| {
        loop {
            while under_way.len() < at_once.max(1)
                && let Some(next) = waiting.next()
            {
                under_way.push(Box::pin(next));
            }
            let mut ended = false;
            let mut i = 0;
            while i < under_way.len() {
                match under_way[i].as_mut().poll(context) {
                    Poll::Ready(result) => {
                        drop(under_way.swap_remove(i));
                        if result.is_err() {
                            return Poll::Ready(result);
                        }
                        ended = true;
                    }
                    Poll::Pending => i += 1,
                }
            }
            if under_way.is_empty() && !ended {
                return Poll::Ready(Ok(()));
            }
            if !ended {
                return Poll::Pending;
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    use std::future::{pending, ready};
    use std::pin::pin;
    use std::task::Context;

    fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
        pin!(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn only_the_first_word_counts() {
        let signal = Signal::default();
        assert!(poll_once(signal.wait()).is_pending());
        signal.send("one");
        signal.send("two");
        assert_eq!(poll_once(signal.wait()), Poll::Ready("one".to_string()));
        assert_eq!(signal.get().as_deref(), Some("one"));
    }

    #[test]
    fn all_are_waited_for_or_the_first_error() {
        let fine: [std::future::Ready<Result<i32>>; 2] = [ready(Ok(1)), ready(Ok(2))];
        assert!(matches!(poll_once(join_all(fine)), Poll::Ready(Ok([1, 2]))));
        let one_fails: [std::future::Ready<Result<i32>>; 2] = [ready(Ok(1)), ready(Err(Error::Cancelled))];
        assert!(matches!(poll_once(join_all(one_fails)), Poll::Ready(Err(Error::Cancelled))));
    }

    #[test]
    fn few_are_done_at_once_and_all_of_them() {
        let (now, most, done) = (Cell::new(0), Cell::new(0), Cell::new(0));
        let one = |i: i32| {
            let (now, most, done) = (&now, &most, &done);
            let mut looked = false;
            let begun = Cell::new(false);
            poll_fn(move |context| {
                if !begun.replace(true) {
                    now.set(now.get() + 1);
                    most.set(most.get().max(now.get()));
                }
                if !std::mem::replace(&mut looked, true) {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                now.set(now.get() - 1);
                done.set(done.get() + 1);
                Poll::Ready(if i == 6 { Err(Error::Cancelled) } else { Ok(()) })
            })
        };
        let run = |work: &mut dyn FnMut(&mut Context<'_>) -> Poll<Result<()>>| {
            let mut context = Context::from_waker(std::task::Waker::noop());
            (0..20).find_map(|_| match work(&mut context) {
                Poll::Ready(result) => Some(result),
                Poll::Pending => None,
            })
        };
        let mut fine = Box::pin(run_limited(3, (0..5).map(one)));
        assert!(matches!(run(&mut |c| fine.as_mut().poll(c)), Some(Ok(()))));
        assert_eq!((most.get(), done.get()), (3, 5));
        let mut fails = Box::pin(run_limited(3, (5..90).map(one)));
        assert!(matches!(run(&mut |c| fails.as_mut().poll(c)), Some(Err(Error::Cancelled))));
        assert!(done.get() < 12, "the rest was started");
        let mut none = Box::pin(run_limited(3, (0..0).map(one)));
        assert!(matches!(run(&mut |c| none.as_mut().poll(c)), Some(Ok(()))));
    }

    #[test]
    fn a_cancelled_task_does_no_more_work() {
        let cancel = Signal::default();
        assert!(poll_once(unless_cancelled::<()>(&cancel, pending())).is_pending());
        assert!(matches!(poll_once(unless_cancelled(&cancel, ready(Ok(1)))), Poll::Ready(Ok(1))));
        cancel.send("");
        let worked = Cell::new(false);
        let work = async {
            worked.set(true);
            Ok(())
        };
        assert!(matches!(poll_once(unless_cancelled(&cancel, work)), Poll::Ready(Err(Error::Cancelled))));
        assert!(!worked.get());
    }
}
