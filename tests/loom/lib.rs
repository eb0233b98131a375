//! `src/threads/handover.rs` with the atomics and threads of [loom], which runs each test with every
//! interleaving of its threads, and every value that a load may see.
//!
//! [loom]: https://docs.rs/loom

#![cfg(test)]

/// Replaces `threads::sync`.
mod sync {
    pub use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering};

    /// A waiting thread lets another one run.
    pub fn idle(_: usize) {
        loom::thread::yield_now();
    }
}

#[path = "../../src/threads/handover.rs"]
mod handover;

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    ptr::null_mut,
};

use handover::Handover;
use loom::{
    cell::Cell,
    sync::Arc,
    thread::{self, JoinHandle},
};
use sync::{
    AtomicPtr, AtomicU32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

/// Every interleaving with at most this many preemptions: more have not been seen to find more, and would
/// take hours.
fn explore(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(model);
}

fn handover() -> Arc<Handover> {
    Arc::new(Handover {
        state: AtomicUsize::new(0),
        job: AtomicPtr::new(null_mut()),
        jobs: AtomicU32::new(0),
    })
}

/// Threads that take part in whatever job is in progress, each this many times, without waiting for one.
fn helpers(handover: &Arc<Handover>, count: usize, times: usize) -> Vec<JoinHandle<()>> {
    let helper = |_| {
        let handover = handover.clone();
        thread::spawn(move || (0..times).for_each(|_| handover.help()))
    };
    (0..count).map(helper).collect()
}

fn join(threads: Vec<JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Work in parts, distributed as by `threads::each`, on the stack of [`job`]. For each of its cells loom
/// detects reads and writes that race with another thread's write.
struct Work {
    next: AtomicUsize,
    /// How often each part was done.
    parts: Vec<Cell<usize>>,
    over: Cell<bool>,
}

// SAFETY: loom's cells check for races before every access.
unsafe impl Sync for Work {}

impl Work {
    /// A thread's share; parts for which `broken` is true panic.
    fn share(&self, broken: impl Fn(usize) -> bool) {
        loop {
            assert!(!self.over.get(), "the job is over");
            let part = self.next.fetch_add(1, Relaxed);
            let Some(done) = self.parts.get(part) else { return };
            if broken(part) {
                // Does not print a message for each interleaving.
                resume_unwind(Box::new(()));
            }
            done.set(done.get() + 1);
        }
    }
}

/// One job with this many parts.
fn job(handover: &Handover, parts: usize, broken: impl Fn(usize) -> bool + Sync) {
    let work = Work {
        next: AtomicUsize::new(0),
        parts: (0..parts).map(|_| Cell::new(0)).collect(),
        over: Cell::new(false),
    };
    let own = &work;
    let done = catch_unwind(AssertUnwindSafe(|| handover.run(&|| own.share(&broken), || {})));
    work.over.set(true);
    if let Err(panic) = done {
        resume_unwind(panic);
    }
    work.parts.iter().for_each(|done| assert_eq!(done.get(), 1));
}

#[test]
fn jobs_one_after_the_other_are_done_with_two_helpers() {
    explore(|| {
        let handover = handover();
        let threads = helpers(&handover, 2, 1);
        job(&handover, 2, |_| false);
        job(&handover, 1, |_| false);
        join(threads);
    });
}

#[test]
fn a_helper_comes_to_one_job_after_the_other() {
    explore(|| {
        let handover = handover();
        let threads = helpers(&handover, 1, 2);
        job(&handover, 2, |_| false);
        job(&handover, 2, |_| false);
        join(threads);
    });
}

#[test]
fn a_helper_that_panics_is_told_of_in_its_own_job_alone() {
    explore(|| {
        let handover = handover();
        let threads = helpers(&handover, 1, 1);
        let other = {
            let handover = handover.clone();
            thread::spawn(move || job(&handover, 1, |_| false))
        };
        let first = catch_unwind(AssertUnwindSafe(|| job(&handover, 2, |part| part == 1)));
        assert!(first.is_err());
        other.join().unwrap();
        join(threads);
    });
}

#[test]
fn a_helper_that_sleeps_is_woken() {
    explore(|| {
        let handover = handover();
        let helped = Arc::new(AtomicUsize::new(0));
        let thread = {
            let (handover, helped) = (handover.clone(), helped.clone());
            thread::spawn(move || {
                handover.next(0, thread::park);
                handover.help();
                helped.store(1, Release);
            })
        };
        handover.run(&|| {}, || thread.thread().unpark());
        thread.join().unwrap();
        assert_eq!(helped.load(Acquire), 1);
    });
}
