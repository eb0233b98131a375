//! How one thread hands a job to others and has it back: the one place where threads use what lives on the stack
//! of another. `tests/loom` explores every order in which they can take their turns.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    ptr::from_ref,
};

use super::sync::{
    AtomicBool, AtomicPtr, AtomicU32, AtomicUsize,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
    idle,
};

/// In [`Handover::state`], that a thread has a job under way,
const TAKEN: usize = 1;
/// that helpers may come in,
const OPEN: usize = 2;
/// and one helper that is inside.
const INSIDE: usize = 4;

/// What the helpers of a program look at.
pub struct Handover {
    pub(super) state: AtomicUsize,
    /// Where the job lies, of use to who came in while [`OPEN`].
    pub(super) job: AtomicPtr<Job<'static>>,
    /// Number of jobs so far.
    pub(super) jobs: AtomicU32,
}

/// Lives on the stack of the thread that has the work.
pub struct Job<'a> {
    share: &'a (dyn Fn() + Sync),
    /// Whether a helper's share of it panicked.
    failed: AtomicBool,
}

impl Handover {
    /// Calls `share` on this thread and on every helper that comes in time, which `wake` may wake; returns when all
    /// have returned. Where another thread's job is under way, this thread does the work alone.
    ///
    /// # Panics
    /// When a helper's share panicked, or this thread's.
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
        assert!(!job.failed.load(Relaxed), "one of the threads stopped within its work");
    }

    /// The number of jobs so far, as soon as it is not `done`; `pause` is called between looks.
    pub fn next(&self, done: u32, mut pause: impl FnMut()) -> u32 {
        loop {
            let jobs = self.jobs.load(Acquire);
            if jobs != done {
                return jobs;
            }
            pause();
        }
    }

    /// Does a helper's share of the job under way, if there is one.
    pub fn help(&self) {
        if self.state.fetch_add(INSIDE, AcqRel) & OPEN != 0 {
            // SAFETY: the job was open when this thread came in, so whoever has it waits until this thread has left.
            let job = unsafe { &*self.job.load(Relaxed) };
            if catch_unwind(AssertUnwindSafe(job.share)).is_err() {
                job.failed.store(true, Relaxed);
            }
        }
        self.state.fetch_sub(INSIDE, Release);
    }

    /// Leaves the job, which has failed then, in the place of a helper whose [`help`](Self::help) will not return.
    ///
    /// # Safety
    /// This thread's share was called by `help`, which neither returned nor will.
    #[cfg(target_family = "wasm")]
    pub unsafe fn abandon(&self) {
        // SAFETY: this thread is still inside.
        unsafe { &*self.job.load(Relaxed) }.failed.store(true, Relaxed);
        self.state.fetch_sub(INSIDE, Release);
    }
}

/// Ends the job when dropped, also where this thread's own share panics: helpers may still be using it.
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
