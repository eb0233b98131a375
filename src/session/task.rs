//! Waiting, giving up and making room: the little that is needed of an asynchronous runtime.
//!
//! Everything the session does is a future. To cancel it is to drop it, so nothing has to look out
//! for a flag; what a dropped future held (a download, say) is released by its `Drop`.

use std::{
    future::{Future, poll_fn},
    sync::{Arc, Mutex, PoisonError},
    task::{Poll, Waker},
};

use crate::{Error, Result, patience::either};

/// A word that is said once, and all who wait for it. wgpu wants its callbacks to be `Send`.
#[derive(Clone, Default)]
pub struct Signal(Arc<Mutex<Said>>);

#[derive(Default)]
struct Said {
    word: Option<String>,
    waiting: Vec<Waker>,
}

impl Signal {
    /// Says the word; only the first counts.
    pub fn say(&self, word: impl Into<String>) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.word.get_or_insert(word.into());
        let waiting = std::mem::take(&mut said.waiting);
        drop(said);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// The word, once it was said.
    pub fn word(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).word.clone()
    }

    /// Waits for the word.
    pub async fn heard(&self) -> String {
        poll_fn(|context| {
            let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match &said.word {
                Some(word) => Poll::Ready(word.clone()),
                None => {
                    if !said.waiting.iter().any(|w| w.will_wake(context.waker())) {
                        said.waiting.push(context.waker().clone());
                    }
                    Poll::Pending
                }
            }
        })
        .await
    }
}

/// `work`, unless `cancel` is heard before it is done.
///
/// # Errors
/// [`Error::Cancelled`], or what `work` returns.
pub async fn until<T>(cancel: &Signal, work: impl Future<Output = Result<T>>) -> Result<T> {
    let cancelled = async {
        cancel.heard().await;
        Err(Error::Cancelled)
    };
    either(cancelled, work).await
}

/// All of them, side by side; the first error ends the others.
///
/// # Errors
/// What one of them returns.
pub async fn all<T, const N: usize>(work: [impl Future<Output = Result<T>>; N]) -> Result<[T; N]> {
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

#[cfg(test)]
mod tests {
    use super::*;

    use std::future::{pending, ready};
    use std::pin::pin;
    use std::task::Context;

    fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
        pin!(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn only_the_first_word_counts() {
        let signal = Signal::default();
        assert!(poll_once(signal.heard()).is_pending());
        signal.say("one");
        signal.say("two");
        assert_eq!(poll_once(signal.heard()), Poll::Ready("one".to_string()));
        assert_eq!(signal.word().as_deref(), Some("one"));
    }

    #[test]
    fn all_are_waited_for_or_the_first_error() {
        let fine: [std::future::Ready<Result<i32>>; 2] = [ready(Ok(1)), ready(Ok(2))];
        assert!(matches!(poll_once(all(fine)), Poll::Ready(Ok([1, 2]))));
        let one_fails: [std::future::Ready<Result<i32>>; 2] = [ready(Ok(1)), ready(Err(Error::Cancelled))];
        assert!(matches!(poll_once(all(one_fails)), Poll::Ready(Err(Error::Cancelled))));
    }

    #[test]
    fn a_cancelled_task_does_no_more_work() {
        let cancel = Signal::default();
        assert!(poll_once(until::<()>(&cancel, pending())).is_pending());
        assert!(matches!(poll_once(until(&cancel, ready(Ok(1)))), Poll::Ready(Ok(1))));
        cancel.say("");
        let worked = std::cell::Cell::new(false);
        let work = async {
            worked.set(true);
            Ok(())
        };
        assert!(matches!(poll_once(until(&cancel, work)), Poll::Ready(Err(Error::Cancelled))));
        assert!(!worked.get());
    }
}
