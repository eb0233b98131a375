//! How one thread hands a job to others and gets it back: the one place where threads access another thread's
//! stack. `tests/loom` explores every interleaving.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    ptr::from_ref,
};

use super::sync::{
    AtomicBool, AtomicPtr, AtomicU32, AtomicUsize,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
    idle,
};

/// Flags of [`Handover::state`]: some thread has a job in progress;
const TAKEN: usize = 1;
/// helpers may join it;
const OPEN: usize = 2;
/// added once for each helper that has joined.
const INSIDE: usize = 4;

/// What a program's threads share to hand over jobs.
pub struct Handover {
    pub(super) state: AtomicUsize,
    /// The current job; valid for helpers that joined while [`OPEN`] was set.
    pub(super) job: AtomicPtr<Job<'static>>,
    /// Number of jobs so far.
    pub(super) jobs: AtomicU32,
}

/// Lives on the stack of the thread that owns the work.
pub struct Job<'a> {
    share: &'a (dyn Fn() + Sync),
    /// Whether a helper panicked.
    failed: AtomicBool,
}

impl Handover {
    /// Calls `share` on this thread and on every helper that joins in time; `wake` wakes helpers that sleep.
    /// Returns when all calls have returned. If another thread has a job in progress, this thread does all
    /// the work itself.
    ///
    /// # Panics
    /// When `share` panicked on a helper or on this thread.
    pub fn run(&self, share: &(dyn Fn() + Sync), wake: impl FnOnce()) {
        if self.state.fetch_or(TAKEN, AcqRel) & TAKEN != 0 {
            return share();
        }
        let job = Job { share, failed: AtomicBool::new(false) };
        let end = End(self);
        self.job.store(from_ref(&job).cast_mut().cast(), Relaxed);
        self.state.fetch_or(OPEN, Release);
        self.jobs.fetch_add(1, Release);
        wake();
        share();
        drop(end);
        assert!(!job.failed.load(Relaxed), "a helper thread panicked");
    }

    /// Waits until the number of jobs differs from `done` and returns it; calls `pause` between checks.
    pub fn next(&self, done: u32, mut pause: impl FnMut()) -> u32 {
        loop {
            let jobs = self.jobs.load(Acquire);
            if jobs != done {
                return jobs;
            }
            pause();
        }
    }

    /// Takes part in the current job, if there is one.
    pub fn help(&self) {
        if self.state.fetch_add(INSIDE, AcqRel) & OPEN != 0 {
            // SAFETY: the job was open when this thread joined, so its owner waits until this thread has left.
            let job = unsafe { &*self.job.load(Relaxed) };
            if catch_unwind(AssertUnwindSafe(job.share)).is_err() {
                job.failed.store(true, Relaxed);
            }
        }
        self.state.fetch_sub(INSIDE, Release);
    }

    /// Marks the job as failed and leaves it, on behalf of a helper whose [`help`](Self::help) will never
    /// return.
    ///
    /// # Safety
    /// `help` called this thread's share, which neither returned nor will.
    #[cfg(target_family = "wasm")]
    pub unsafe fn abandon(&self) {
        // SAFETY: this thread has not left the job.
        unsafe { &*self.job.load(Relaxed) }.failed.store(true, Relaxed);
        self.state.fetch_sub(INSIDE, Release);
    }
}

/// Ends the job when dropped, even if this thread's own share panics: helpers may still be using it.
struct End<'a>(&'a Handover);

impl Drop for End<'_> {
    fn drop(&mut self) {
        let Self(Handover { state, .. }) = self;
        state.fetch_and(!OPEN, AcqRel);
        let mut looks = 0;
        while state.load(Acquire) >= INSIDE {
            idle(looks);
            looks += 1;
        }
        state.fetch_and(!TAKEN, Release);
    }
}
