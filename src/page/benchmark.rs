//! The state of the Benchmark view: what is to be timed, what was.
//!
//! - `actions`: what a person can make happen there
//! - `events`: what the worker says about it

mod actions;
mod events;

use leptos::prelude::*;

pub(super) use actions::SIZES;

use super::address::Address;
use super::state::{Activity, Page};
use crate::benchmark::{Cell, Plan, Report, Way};

/// The view's state. Cheap to copy; a part of [`Page`].
#[derive(Clone, Copy)]
pub(super) struct Benchmark {
    pub plan: RwSignal<Plan>,
    /// The model's folder; `None` is the default one.
    pub model: RwSignal<Option<String>>,
    /// The sizes as they were typed.
    pub typed: RwSignal<String>,
    /// What is wrong with them.
    pub wrong: RwSignal<Option<String>>,

    /// What is under way.
    pub activity: RwSignal<Option<Activity>>,
    /// What was timed, as far as it is.
    pub report: RwSignal<Option<Report>>,
    /// What is being timed.
    pub now: RwSignal<Option<(Way, Cell)>>,
}

impl Benchmark {
    /// As the address says, with nothing timed.
    pub fn new(address: &Address) -> Self {
        let new = Self {
            plan: RwSignal::default(),
            model: RwSignal::new(None),
            typed: RwSignal::default(),
            wrong: RwSignal::new(None),
            activity: RwSignal::new(None),
            report: RwSignal::new(None),
            now: RwSignal::new(None),
        };
        new.take(address);
        new
    }

    /// The Benchmark view's part of the page that this component is part of.
    pub fn here() -> Self {
        Page::here().benchmark
    }

    /// Takes the choices from an address.
    pub fn take(self, address: &Address) {
        self.typed.set(address.plan.list());
        self.wrong.set(None);
        self.plan.set(address.plan.clone());
        self.model.set(address.model.clone());
    }

    /// Puts the choices into an address.
    pub fn put(self, address: Address) -> Address {
        Address { plan: self.plan.get(), model: self.model.get(), ..address }
    }

    /// Nothing is under way any more; whether something was.
    pub fn stopped(self) -> bool {
        self.now.set(None);
        let timing = self.activity.with_untracked(Option::is_some);
        self.activity.set(None);
        timing
    }
}
