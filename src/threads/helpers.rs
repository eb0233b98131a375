//! Helper threads that share the work of another thread: natively the program's own threads, in a browser
//! workers that run this program in the same memory.
//!
//! The thread that owns the work publishes a job, does its own share of the parts, and continues once every
//! helper has left the job. It busy-waits meanwhile, as a browser's main thread must not sleep. Helpers sleep
//! between jobs, but first spin for a little while, as the steps of an encoder follow each other closely:
//! some forty of them in a millisecond for a short text.

use std::{
    hint::spin_loop,
    ptr::null_mut,
    sync::{
        OnceLock,
        atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering::Relaxed},
    },
    thread::{self, Thread},
};

use super::handover::Handover;

/// Most helpers that can run.
pub const MOST: usize = if cfg!(target_family = "wasm") { 15 } else { 255 };
/// Checks for a next job, some tens of microseconds in all, before a helper sleeps. Natively each includes a
/// pause instruction, in a browser next to nothing.
pub(super) const LOOKS: usize = if cfg!(target_family = "wasm") { 20_000 } else { 1_000 };

static HANDOVER: Handover =
    Handover { state: AtomicUsize::new(0), job: AtomicPtr::new(null_mut()), jobs: AtomicU32::new(0) };
static THREADS: [OnceLock<Thread>; MOST] = [const { OnceLock::new() }; MOST];

/// Helpers that are running.
#[cfg(target_family = "wasm")]
pub fn count() -> usize {
    THREADS.iter().map_while(OnceLock::get).count()
}

/// Starts `count` helpers; later calls do nothing. Fewer run if the system refuses threads.
#[cfg(not(target_family = "wasm"))]
pub(super) fn start(count: usize) {
    static STARTED: std::sync::Once = std::sync::Once::new();
    STARTED.call_once(|| {
        for number in 0..count.min(MOST) {
            // Without some of them the work is slower but still done.
            let _ = thread::Builder::new().name(format!("helper {number}")).spawn(help);
        }
    });
}

/// As [`super::each`].
///
/// # Panics
/// When a helper panicked: its parts are not done.
pub(super) fn each<T>(parts: usize, own: impl Fn() -> T + Sync, work: impl Fn(&mut T, usize) + Sync) {
    let next = AtomicUsize::new(0);
    let share = || {
        let mut mine = None;
        loop {
            let part = next.fetch_add(1, Relaxed);
            if part >= parts {
                return;
            }
            work(mine.get_or_insert_with(&own), part);
        }
    };
    HANDOVER.run(&share, || THREADS.iter().map_while(OnceLock::get).for_each(Thread::unpark));
}

/// Makes this thread a helper for as long as the program lives.
pub fn help() {
    if !THREADS.iter().any(|place| place.set(thread::current()).is_ok()) {
        return;
    }
    let mut done = 0;
    loop {
        let mut looks = 0;
        done = HANDOVER.next(done, || {
            looks += 1;
            if looks < LOOKS {
                spin_loop();
            } else {
                thread::park();
            }
        });
        #[cfg(target_family = "wasm")]
        HELPS.set(true);
        HANDOVER.help();
        #[cfg(target_family = "wasm")]
        HELPS.set(false);
    }
}

#[cfg(target_family = "wasm")]
thread_local! {
    /// Whether this thread is working on a job.
    static HELPS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Must be called on a helper's own thread when it crashed in [`help`].
#[cfg(target_family = "wasm")]
pub fn failed() {
    if HELPS.replace(false) {
        // SAFETY: a WebAssembly program that traps does not resume where it stopped.
        unsafe { HANDOVER.abandon() };
    }
}
