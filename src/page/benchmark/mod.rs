//! The Benchmark view: its state and its implementation of `View`.
//!
//! - `address`: its part of the URL
//! - `actions`: the user's actions
//! - `events`: the worker's events
//! - `view`: its components

mod actions;
mod address;
mod events;
mod view;

use leptos::mount::mount_to;
use leptos::prelude::*;
use web_sys::HtmlElement;

use super::activity::{Activity, Concurrency, TrackedActivity};
use super::address::{QueryString, QueryStringBuilder};
use super::catalogue::benchmark as text;
use super::state::Page;
use super::view::{View, ViewInfo};
use crate::benchmark::{BenchmarkCell, BenchmarkPlan, BenchmarkReport, BenchmarkTarget};
use crate::protocol::{Event, OpenedFile};

static ABOUT: ViewInfo = ViewInfo {
    name: "benchmark",
    label: text::LABEL,
    content: "benchmark",
    skip: text::SKIP,
    drop: super::catalogue::search::DROP,
};

/// The view's state. Cheap to copy; components get it by [`Benchmark::here`].
#[derive(Clone, Copy)]
pub(super) struct Benchmark {
    page: Page,
    plan: RwSignal<BenchmarkPlan>,
    /// The model's folder; `None` for the default one.
    model: RwSignal<Option<String>>,
    /// The sizes as typed.
    typed: RwSignal<String>,
    /// What is wrong with them.
    wrong: RwSignal<Option<String>>,

    /// The benchmark in progress.
    activity: RwSignal<Option<Activity>>,
    /// The results so far.
    report: RwSignal<Option<BenchmarkReport>>,
    /// What is being timed now.
    now: RwSignal<Option<(BenchmarkTarget, BenchmarkCell)>>,
}

impl Benchmark {
    /// From the URL, without results.
    pub fn new(page: Page, address: &QueryString) -> Self {
        let new = Self {
            page,
            plan: RwSignal::default(),
            model: RwSignal::new(None),
            typed: RwSignal::default(),
            wrong: RwSignal::new(None),
            activity: RwSignal::new(None),
            report: RwSignal::new(None),
            now: RwSignal::new(None),
        };
        new.set_choices(address);
        new
    }

    /// The view that this component belongs to.
    fn here() -> Self {
        expect_context()
    }

    /// Sets the choices from a URL.
    fn set_choices(self, address: &QueryString) {
        let plan = address::plan(address);
        self.typed.set(plan.list());
        self.wrong.set(None);
        self.plan.set(plan);
        self.model.set(address.text("model"));
    }

    /// Marks the benchmark as ended; returns whether one was in progress.
    fn stopped(self) -> bool {
        self.now.set(None);
        let timing = self.activity.with_untracked(Option::is_some);
        self.activity.set(None);
        timing
    }
}

impl View for Benchmark {
    fn about(&self) -> &'static ViewInfo {
        &ABOUT
    }

    fn mount(&self, place: HtmlElement) {
        let benchmark = *self;
        mount_to(place, move || {
            provide_context(benchmark);
            view! { <view::Benchmark/> }
        })
        .forget();
    }

    fn read(&self, address: &QueryString) {
        self.set_choices(address);
    }

    fn write(&self, address: &mut QueryStringBuilder) {
        self.plan.with(|plan| address::put(plan, address));
        address.put_some("model", self.model.get().as_deref());
    }

    fn take_files(&self, files: Vec<OpenedFile>) {
        self.page.open_new_files(files);
    }

    fn handle_event(&self, event: Event) -> Option<Event> {
        Benchmark::handle_event(*self, event)
    }

    fn worker_crashed(&self) -> Option<&'static str> {
        self.stopped().then_some(text::DIED)
    }

    fn tracked_activity(&self) -> TrackedActivity {
        TrackedActivity {
            activity: self.activity,
            sentence: text::AT_WORK,
            concurrency: Concurrency::Exclusive,
        }
    }

    fn stop(&self) {
        self.stop_benchmark();
    }

    fn model_line(&self) -> String {
        text::MODEL_COMES.into()
    }
}
