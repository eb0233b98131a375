//! What a person can make happen in the Benchmark view.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::benchmark::{self, Device, Plan};
use crate::page::actions::{MODEL, SAMPLE, resolve};
use crate::page::link::answer;
use crate::page::state::{Activity, Page, Worker};
use crate::patience;
use crate::protocol::{Request, Stage};

/// The field with the sizes.
pub(in crate::page) const SIZES: &str = "sizes";

impl Page {
    /// The person changed what is to be timed.
    pub fn change_plan(self, change: impl FnOnce(&mut Plan)) {
        self.benchmark.plan.update(change);
        self.write_address(false);
    }

    /// The person chose a model; none is the default one.
    pub fn choose_timed_model(self, folder: Option<String>) {
        self.benchmark.model.set(folder);
        self.write_address(false);
    }

    /// Takes the sizes as they stand in their field, or says there what is wrong with them.
    pub fn take_sizes(self) -> bool {
        let b = self.benchmark;
        match b.typed.with_untracked(|typed| benchmark::cells(typed)) {
            Ok(cells) => {
                b.wrong.set(None);
                self.change_plan(|plan| plan.cells = cells);
                true
            }
            Err(problem) => {
                b.wrong.set(Some(problem.to_string()));
                false
            }
        }
    }

    /// Times the model as chosen.
    pub fn run_benchmark(self) {
        let b = self.benchmark;
        if !self.take_sizes() {
            let field = document().get_element_by_id(SIZES);
            if let Some(field) = field.and_then(|f| f.dyn_into::<web_sys::HtmlElement>().ok()) {
                // Where it cannot take the focus, the sentence stands there all the same.
                let _ = field.focus();
            }
            return;
        }
        let busy = [
            (self.evaluate.activity, "a model is being measured in the Evaluate view"),
            (self.beside.activity, "the model that is compared in the Search view is still at work"),
            (self.opening, "a text is being encoded in the Search view"),
            (self.loading, "a model is being loaded in the Search view"),
        ];
        // The sample, which every view opens at first, is there at once where its vectors ship.
        let is_long = |a: &Activity| !a.quick || a.progress.is_some_and(|step| step.stage == Stage::Encode);
        let busy = busy
            .into_iter()
            .find(|(activity, _)| activity.with_untracked(|a| a.as_ref().is_some_and(is_long)));
        if let Some((_, what)) = busy {
            self.say(
                format!("{what}, and both at once would make each other slow"),
                "Wait until that is done, or cancel it at the foot of the window.",
                None,
            );
            return;
        }
        let mut plan = b.plan.get_untracked();
        if matches!(self.worker.get_untracked(), Worker::Listening { webgpu: false }) {
            plan.devices.retain(|device| *device != Device::WebGpu);
        }
        if plan.devices.is_empty() {
            self.say("this browser offers no WebGPU here", "Choose the CPU to time it.", None);
            return;
        }
        let address = b.model.get_untracked();
        let (Some(url), Some(sample)) = (resolve(address.as_deref().unwrap_or(MODEL)), resolve(SAMPLE))
        else {
            self.say(
                format!("`{}` is not an address a model can be loaded from", address.unwrap_or_default()),
                "Name the folder of a model bundle, or choose one of the list.",
                None,
            );
            return;
        };
        let id = self.next_id();
        if self.send(&Request::Benchmark { id, url, sample, plan }) {
            b.activity.set(Some(Activity { id, what: "Benchmark".into(), quick: false, progress: None }));
        }
    }

    /// Stops timing; what was timed stays.
    pub fn stop_benchmark(self) {
        if let Some(activity) = self.benchmark.activity.get_untracked() {
            self.send(&Request::Cancel { id: activity.id });
            self.benchmark.stopped();
        }
    }

    /// Saves what was timed, as CSV or as JSON.
    pub fn export_benchmark(self, as_csv: bool) {
        let Some(report) = self.benchmark.report.get_untracked() else { return };
        let (end, text) = match as_csv {
            true => (".csv", Ok(benchmark::csv(&report))),
            false => (".json", benchmark::json(&report)),
        };
        match text {
            Ok(text) => self.save(&benchmark::file_name(&report, end), text.as_bytes()),
            Err(problem) => self.say(problem.to_string(), "What is on the screen stays.", None),
        }
    }

    /// Copies the present address, which holds the choices.
    pub fn copy_link(self) {
        let address = window().location().href().unwrap_or_default();
        let navigator = window().navigator();
        // Browsers have it on `https:` and `localhost` only.
        let there = js_sys::Reflect::get(&navigator, &"clipboard".into()).is_ok_and(|c| c.is_object());
        leptos::task::spawn_local(async move {
            let copied = match there {
                true => answer(patience::CLIPBOARD, navigator.clipboard().write_text(&address)).await,
                false => Err("it offers that on secure pages only".into()),
            };
            self.notice.set(Some(match copied {
                Ok(_) => "The link is copied. Who opens it finds these choices, ready to run.".into(),
                Err(why) => format!("The browser did not copy the link ({why}). It is: {address}"),
            }));
        });
    }
}
