//! A browser's threads: workers that run this program in the same memory.
//!
//! One thread has the work and all others help: it publishes a job, does its own share of the parts, and
//! goes on when every helper has left the job. It never sleeps meanwhile, which a page's own thread must
//! not; helpers sleep between jobs, after looking for the next one a little while, as the steps of an
//! encoder follow each other closely.

use std::{
    hint::spin_loop,
    ptr::null_mut,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering::SeqCst},
    },
    thread::{self, Thread},
};

/// Helpers there can be.
pub const MOST: usize = 15;
/// Looks for a next job, some tens of microseconds in all, before a helper sleeps.
const LOOKS: usize = 20_000;

type Job = &'static (dyn Fn() + Sync);

/// The job under way, which lives until `INSIDE` is 0 after this has been cleared.
static JOB: AtomicPtr<Job> = AtomicPtr::new(null_mut());
/// Number of jobs so far.
static JOBS: AtomicU32 = AtomicU32::new(0);
/// Helpers that may be using the job.
static INSIDE: AtomicUsize = AtomicUsize::new(0);
static JOINED: AtomicUsize = AtomicUsize::new(0);
static FAILED: AtomicBool = AtomicBool::new(false);
static THREADS: [OnceLock<Thread>; MOST] = [const { OnceLock::new() }; MOST];

/// Helpers that are ready.
pub fn count() -> usize {
    JOINED.load(SeqCst)
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
        // A part of a job that shares out work of its own.
        return share();
    }
    JOBS.fetch_add(1, SeqCst);
    THREADS.iter().filter_map(OnceLock::get).for_each(Thread::unpark);
    share();
    JOB.store(null_mut(), SeqCst);
    while INSIDE.load(SeqCst) > 0 {
        assert!(!FAILED.load(SeqCst), "one of the threads stopped within its work");
        spin_loop();
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
        if let Some(job) = unsafe { JOB.load(SeqCst).as_ref() } {
            job();
        }
        INSIDE.fetch_sub(1, SeqCst);
    }
}

/// To be called for a helper that stopped within [`help`].
pub fn failed() {
    FAILED.store(true, SeqCst);
}
