//! The user's actions in the Benchmark view.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::Benchmark;
use crate::benchmark::{self, BenchmarkDevice, BenchmarkPlan};
use crate::page::activity::{Activity, Concurrency, TrackedActivity};
use crate::page::catalogue::{benchmark as text, fill, message};
use crate::page::corpus::SAMPLE;
use crate::page::model::{MODEL, resolve};
use crate::page::worker::Worker;
use crate::protocol::Request;

/// The field with the sizes.
pub(super) const SIZES: &str = "sizes";

/// A file format of the times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    Json,
}

impl Benchmark {
    /// The user changed what is to be timed.
    pub(super) fn change_plan(self, change: impl FnOnce(&mut BenchmarkPlan)) {
        self.plan.update(change);
        self.page.replace_address();
    }

    /// The user chose a model; an empty one is the default.
    pub(super) fn choose_timed_model(self, folder: Option<String>) {
        self.model.set(folder);
        self.page.replace_address();
    }

    /// Parses the sizes in their field, or shows there what is wrong with them.
    pub(super) fn take_sizes(self) -> bool {
        match self.typed.with_untracked(|typed| benchmark::cells(typed)) {
            Ok(cells) => {
                self.wrong.set(None);
                self.change_plan(|plan| plan.cells = cells);
                true
            }
            Err(problem) => {
                self.wrong.set(Some(problem.to_string()));
                false
            }
        }
    }

    /// Times the model as chosen.
    pub(super) fn run_benchmark(self) {
        if !self.take_sizes() {
            let field = document().get_element_by_id(SIZES);
            if let Some(field) = field.and_then(|f| f.dyn_into::<web_sys::HtmlElement>().ok()) {
                // If the focus cannot be moved, the sentence is still shown.
                let _ = field.focus();
            }
            return;
        }
        // The sample, which every view opens first, is open at once if its vectors ship.
        let is_long = |a: &Activity| a.is_long();
        let is_in_the_way = |work: &TrackedActivity| {
            work.concurrency == Concurrency::Shared
                && work.activity.with_untracked(|a| a.as_ref().is_some_and(is_long))
        };
        if let Some(TrackedActivity { sentence, .. }) = self.page.activities().into_iter().find(is_in_the_way)
        {
            self.page.show_problem(
                fill(message::SLOWS, &[("work", sentence)]),
                message::WAIT_OR_CANCEL,
                None,
            );
            return;
        }
        let mut plan = self.plan.get_untracked();
        if matches!(self.page.worker.get_untracked(), Worker::Listening { webgpu: false }) {
            plan.devices.retain(|device| *device != BenchmarkDevice::WebGpu);
        }
        if plan.devices.is_empty() {
            self.page.show_problem(text::NO_WEBGPU_HERE, text::CHOOSE_CPU, None);
            return;
        }
        let address = self.model.get_untracked();
        let then = Callback::new(move |address| {
            self.choose_timed_model(Some(address));
            self.run_benchmark();
        });
        if address.as_ref().is_some_and(|address| !self.page.may_use(address, then)) {
            return;
        }
        let (Some(url), Some(sample)) = (resolve(address.as_deref().unwrap_or(MODEL)), resolve(SAMPLE))
        else {
            self.page.show_problem(
                fill(message::BAD_ADDRESS, &[("address", &address.unwrap_or_default())]),
                text::NAME_MODEL,
                None,
            );
            return;
        };
        let id = self.page.next_id();
        if self.page.send(&Request::Benchmark { id, url, sample, plan }) {
            self.activity.set(Some(Activity::new(id, text::RUNNING)));
        }
    }

    /// Stops timing; the results so far stay.
    pub(super) fn stop_benchmark(self) {
        if let Some(activity) = self.activity.get_untracked() {
            self.page.send(&Request::Cancel { id: activity.id });
            self.stopped();
        }
    }

    /// Downloads the results.
    pub(super) fn export_benchmark(self, format: Format) {
        let Some(report) = self.report.get_untracked() else { return };
        let (end, text) = match format {
            Format::Csv => (".csv", Ok(benchmark::csv(&report))),
            Format::Json => (".json", benchmark::json(&report)),
        };
        match text {
            Ok(text) => self.page.save(&benchmark::file_name(&report, end), text.as_bytes()),
            Err(problem) => self.page.show_problem(problem.to_string(), message::SCREEN_STAYS, None),
        }
    }

    /// Copies the current URL, which contains the choices.
    pub(super) fn copy_link(self) {
        self.page.copy(window().location().href().unwrap_or_default(), text::COPIED);
    }
}
