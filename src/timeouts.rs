//! Timeouts of the page and its worker for what is outside their control: a GPU, the browser's storage, a
//! server, another worker, a drive. After a timeout a sentence says so, and whatever can continue without an
//! answer does.
//!
//! Progress is never cut off: a download may take an hour, but must not stall. Nor is computation here, which
//! the user can cancel. Prompts to the user wait forever.

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, Waker},
};

use js_sys::Function;
use wasm_bindgen::prelude::*;

/// Seconds for a GPU to open and return a first number.
pub const GPU: u32 = 10;
/// Seconds for the GPU's name, which is only displayed.
pub const GPU_NAME: u32 = 2;
/// Seconds for each step of trying a GPU that the user did not ask for. A real one takes a fraction of that;
/// one emulated in software takes longer, and keeps the CPU busy.
pub const GPU_TRIAL: u32 = 4;
/// Seconds for a batch, or for the self-test including the compilation of shaders.
pub const GPU_BATCH: u32 = 60;
/// As [`GPU_BATCH`], for a GPU emulated by a busy CPU.
pub const SOFTWARE_GPU_BATCH: u32 = 300;
/// Seconds for the browser's storage, in addition to the time for the bytes themselves ([`storage`]).
pub const STORAGE: u32 = 10;
/// Minimum transfer rate of storage, in bytes per second.
const STORAGE_RATE: u64 = 1 << 20;
/// Seconds for a server's first answer, and for each further part of it, however small.
pub const SERVER: u32 = 20;
/// Seconds for each part of a user's file: it may be on a network drive, or still in a cloud.
pub const FILE: u32 = 30;
/// Seconds for a service worker to be registered, and to become ready.
pub const SERVICE_WORKER: u32 = 10;
/// Seconds for the clipboard.
pub const CLIPBOARD: u32 = 10;
/// Seconds for a worker's first message. Its program is downloaded first, by the browser, which reports no
/// progress: so the user is told, and nothing is terminated.
pub const WORKER: u32 = 30;

/// Seconds for storage to read or write this many bytes.
pub fn storage(bytes: u64) -> u32 {
    STORAGE.saturating_add(u32::try_from(bytes / STORAGE_RATE).unwrap_or(u32::MAX))
}

/// The message for a timeout.
pub fn no_answer(seconds: u32) -> String {
    format!("it did not respond within {seconds} s")
}

/// The output of `work`, or `None` after a timeout. A promise that resolves later is ignored.
pub async fn within<T>(seconds: u32, work: impl Future<Output = T>) -> Option<T> {
    counted(seconds, || Timer::new(1000), work).await
}

/// Seconds are counted one by one rather than by a clock: time during which the worker computed or the
/// machine slept does not count, as an answer could not have been received then.
async fn counted<T, S: Future<Output = ()>>(
    seconds: u32,
    second: impl Fn() -> S,
    work: impl Future<Output = T>,
) -> Option<T> {
    let late = async {
        for _ in 0..seconds {
            second().await;
        }
        None
    };
    either(async { Some(work.await) }, late).await
}

/// Whichever is ready first; the other is dropped. `first` is polled first.
pub async fn either<T>(first: impl Future<Output = T>, second: impl Future<Output = T>) -> T {
    let (mut first, mut second) = (pin!(first), pin!(second));
    poll_fn(|context| match first.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(value),
        Poll::Pending => second.as_mut().poll(context),
    })
    .await
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(call: &Function, milliseconds: i32) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
}

/// A future that is ready after some time; dropping it cancels the timer.
pub struct Timer {
    timer: JsValue,
    alarm: Rc<RefCell<Alarm>>,
    // Called by the browser, so it must live as long as the timer.
    _call: Closure<dyn FnMut()>,
}

#[derive(Default)]
struct Alarm {
    rang: bool,
    waiting: Option<Waker>,
}

impl Timer {
    /// Starts now.
    pub fn new(milliseconds: i32) -> Self {
        let alarm = Rc::<RefCell<Alarm>>::default();
        let ringing = alarm.clone();
        let call = Closure::once(move || {
            let waiting = {
                let mut alarm = ringing.borrow_mut();
                alarm.rang = true;
                alarm.waiting.take()
            };
            if let Some(waiting) = waiting {
                waiting.wake();
            }
        });
        let timer = set_timeout(call.as_ref().unchecked_ref(), milliseconds);
        Self { timer, alarm, _call: call }
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut alarm = self.alarm.borrow_mut();
        if alarm.rang {
            return Poll::Ready(());
        }
        alarm.waiting = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        clear_timeout(&self.timer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::{
        cell::Cell,
        future::{pending, ready},
    };

    /// A second that is over when polled twice; counts how many have begun.
    fn seconds(begun: &Cell<u32>) -> impl Fn() -> Pin<Box<dyn Future<Output = ()>>> {
        move || {
            begun.set(begun.get() + 1);
            let mut looked = false;
            Box::pin(poll_fn(move |_| match std::mem::replace(&mut looked, true) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }))
        }
    }

    fn run<F: Future>(looks: usize, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        (0..looks).find_map(|_| match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        })
    }

    #[test]
    fn what_never_answers_is_given_up_when_the_seconds_are_over() {
        let begun = Cell::new(0);
        assert_eq!(run(10, counted(10, seconds(&begun), pending::<()>())), None, "too early");
        assert_eq!(begun.get(), 10);
        assert_eq!(run(11, counted(10, seconds(&begun), pending::<()>())), Some(None));
    }

    #[test]
    fn an_answer_is_taken_at_once_and_also_in_the_last_second() {
        let begun = Cell::new(0);
        assert_eq!(run(1, counted(10, seconds(&begun), ready(1))), Some(Some(1)));
        assert_eq!(begun.get(), 0, "a timer was begun for nothing");
        let mut looks = 0;
        let late = poll_fn(|_| {
            looks += 1;
            if looks == 11 { Poll::Ready(2) } else { Poll::Pending }
        });
        assert_eq!(run(11, counted(10, seconds(&begun), late)), Some(Some(2)));
    }

    #[test]
    fn storage_may_take_longer_for_more() {
        assert_eq!(storage(0), STORAGE);
        assert_eq!(storage(26 << 20), STORAGE + 26);
        assert_eq!(storage(u64::MAX), u32::MAX);
    }
}
