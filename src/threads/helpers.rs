//! Threads that help the one that has the work: natively the program's own, in a browser workers that
//! run this program in the same memory.
//!
//! The thread that has the work publishes a job, does its own share of the parts, and goes on when every
//! helper has left the job. It never sleeps meanwhile, which a page's own thread must not; helpers sleep
//! between jobs, after looking for the next one a little while, as the steps of an encoder follow each
//! other closely: a short text takes some forty of them in a millisecond.

use std::{
    hint::spin_loop,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr::null_mut,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering::SeqCst},
    },
    thread::{self, Thread},
};

/// Helpers there can be.
pub const MOST: usize = if cfg!(target_family = "wasm") { 15 } else { 255 };
/// Looks for a next job, some tens of microseconds in all, before a helper sleeps. Natively each is a
/// pause of the processor, in a browser next to nothing.
const LOOKS: usize = if cfg!(target_family = "wasm") { 20_000 } else { 1_000 };

type Job = &'static (dyn Fn() + Sync);

/// The job under way, which lives until `INSIDE` is 0 after this has been cleared.
static JOB: AtomicPtr<Job> = AtomicPtr::new(null_mut());
/// Number of jobs so far.
static JOBS: AtomicU32 = AtomicU32::new(0);
/// Helpers that may be using the job.
static INSIDE: AtomicUsize = AtomicUsize::new(0);
static JOINED: AtomicUsize = AtomicUsize::new(0);
/// Whether a helper's share of the job panicked; in a browser, whether a helper is lost, for good.
static FAILED: AtomicBool = AtomicBool::new(false);
static THREADS: [OnceLock<Thread>; MOST] = [const { OnceLock::new() }; MOST];

/// Helpers that are ready.
#[cfg(target_family = "wasm")]
pub fn count() -> usize {
    JOINED.load(SeqCst)
}

/// Starts `count` helpers, once: later calls do nothing. Fewer come where the system refuses threads.
#[cfg(not(target_family = "wasm"))]
pub(super) fn start(count: usize) {
    static STARTED: std::sync::Once = std::sync::Once::new();
    STARTED.call_once(|| {
        for number in 0..count.min(MOST) {
            // Without some of them the work takes longer, and is done.
            let _ = thread::Builder::new().name(format!("helper {number}")).spawn(help);
        }
    });
}

/// As [`super::each`].
///
/// # Panics
/// When a helper failed, which would otherwise be waited for without end.
pub(super) fn each<T>(parts: usize, own: impl Fn() -> T + Sync, work: impl Fn(&mut T, usize) + Sync) {
    let next = AtomicUsize::new(0);
    run(&|| {
        let mut mine = None;
        loop {
            let part = next.fetch_add(1, SeqCst);
            if part >= parts {
                return;
            }
            work(mine.get_or_insert_with(&own), part);
        }
    });
}

/// Calls `share` on this thread and on every helper that comes in time; returns when all have returned.
fn run(share: &(dyn Fn() + Sync)) {
    // SAFETY: nobody has the reference after this function, as it waits for `INSIDE` to be 0.
    let mut job: Job = unsafe { std::mem::transmute(share) };
    if JOB.compare_exchange(null_mut(), &raw mut job, SeqCst, SeqCst).is_err() {
        // A part of a job that shares out work of its own, or natively another thread's work.
        return share();
    }
    let end = End;
    if !cfg!(target_family = "wasm") {
        FAILED.store(false, SeqCst);
    }
    JOBS.fetch_add(1, SeqCst);
    THREADS.iter().map_while(OnceLock::get).for_each(Thread::unpark);
    share();
    drop(end);
    assert!(!FAILED.load(SeqCst), "one of the threads stopped within its work");
}

/// Ends the job when dropped, also where this thread's own share panics: helpers may still be using it.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        JOB.store(null_mut(), SeqCst);
        // A helper that a browser lost stays inside.
        let lost = || cfg!(target_family = "wasm") && FAILED.load(SeqCst);
        let mut looks = 0;
        while INSIDE.load(SeqCst) > 0 && !lost() {
            looks += 1;
            match looks < LOOKS {
                true => spin_loop(),
                // Natively more threads may want to run than the processor can.
                false => thread::yield_now(),
            }
        }
    }
}

/// Makes this thread a helper, as long as the program lives.
pub fn help() {
    if !THREADS.iter().any(|place| place.set(thread::current()).is_ok()) {
        return;
    }
    let mut done = JOBS.load(SeqCst);
    JOINED.fetch_add(1, SeqCst);
    loop {
        let mut looks = 0;
        while JOBS.load(SeqCst) == done {
            looks += 1;
            if looks < LOOKS {
                spin_loop();
            } else {
                thread::park();
            }
        }
        done = JOBS.load(SeqCst);
        INSIDE.fetch_add(1, SeqCst);
        // SAFETY: who has published a job clears `JOB` and then waits for `INSIDE` to be 0: what is not
        // null here was not cleared when `INSIDE` grew.
        if let Some(job) = unsafe { JOB.load(SeqCst).as_ref() }
            && catch_unwind(AssertUnwindSafe(job)).is_err()
        {
            FAILED.store(true, SeqCst);
        }
        INSIDE.fetch_sub(1, SeqCst);
    }
}

/// To be called for a helper that stopped within [`help`].
#[cfg(target_family = "wasm")]
pub fn failed() {
    FAILED.store(true, SeqCst);
}
