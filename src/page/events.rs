//! What the worker says, and what to do when it says nothing any more.

use leptos::prelude::*;

use super::actions::{MODEL, resolve};
use super::evaluate::View;
use super::link::Link;
use super::state::{Model, Page, Problem, Progress, WayOut, Worker};
use super::words;
use crate::protocol::{CorpusInfo, DeviceChoice, Event, Id, Results, Stage};

/// After so many deaths the worker is not started again unasked.
const DEATHS: usize = 3;

impl Page {
    /// Starts the worker; everything else begins when it says that it listens.
    pub fn start_worker(self) {
        // Both closures put the work off: a worker's handle must not end within its own call.
        let on_event = move |event| leptos::task::spawn_local(async move { self.hear(event) });
        let on_death = move |why| leptos::task::spawn_local(async move { self.bury(why) });
        let on_silence = move |seconds| {
            self.say(
                format!("the part of the page that computes has not started in {seconds} s"),
                "It may still be on its way over a slow connection, and is waited for. Start it again should nothing \
                 move, or reload the page.",
                Some(WayOut::StartWorker),
            );
        };
        match Link::start(on_event, on_death, on_silence) {
            Ok(link) => self.kept.update_value(|k| k.link = Some(link)),
            Err(why) => self.bury(why),
        }
    }

    fn hear(self, event: Event) {
        let Some(event) = self.hear_of_timing(event).and_then(|event| self.hear_of_measuring(event)) else {
            return;
        };
        match event {
            Event::Started { webgpu } => self.begin(webgpu),
            Event::Progress { id, stage, done, total, seconds_left } => {
                self.progress(id, stage, done, total, seconds_left);
            }
            Event::ModelReady { id, model, device } => {
                let awaited = self.is_loading(id);
                // Cancelled too late: this is the one that answers now.
                if !awaited && self.loading.with_untracked(Option::is_none) {
                    let own = resolve(MODEL).is_some_and(|url| url == model.url);
                    self.model_address.set((!own).then(|| model.url.clone()));
                    self.write_address(false);
                }
                if awaited || self.loading.with_untracked(Option::is_none) {
                    self.loading.set(None);
                    self.kept.update_value(|k| k.before = None);
                    let shown = self.model_shown();
                    let other = shown.is_none_or(|url| url != model.url);
                    if let Some(why) = device.notes.last()
                        && self.device.get_untracked() == DeviceChoice::WebGpu
                        && device.kind == "cpu"
                    {
                        // Somebody wanted the GPU: the panel of the device, where it stands, may be folded.
                        self.notice.set(Some(why.clone()));
                    }
                    self.model.set(Some(Model { info: model, device }));
                    self.model_arrived(other);
                }
            }
            Event::DeviceChanged { device } => {
                if let Some(why) = device.notes.last() {
                    self.notice.set(Some(why.clone()));
                }
                self.model.update(|model| {
                    if let Some(model) = model {
                        model.device = device;
                    }
                });
            }
            Event::CorpusReady { id, corpus } => {
                if self.is_opening(id) {
                    self.corpus_arrived(corpus);
                } else if self.is_loading(id) {
                    // What is open, in the terms of the model that comes.
                    self.corpus.set(Some(corpus));
                }
            }
            Event::Results { id, results } => {
                if self.searching.get_untracked() == Some(id) {
                    self.results_arrived(results);
                }
            }
            // The page asks for no vectors, and the others are heard already.
            Event::Vectors { .. }
            | Event::TaskReady { .. }
            | Event::Evaluated { .. }
            | Event::Queries { .. }
            | Event::Ranking { .. }
            | Event::Compared { .. }
            | Event::Benchmark { .. }
            | Event::File { .. }
            | Event::Note { .. } => {}
            Event::Cancelled { id } => {
                if self.is_loading(id) {
                    self.loading.set(None);
                    self.return_to_model();
                } else if self.is_opening(id) {
                    self.stop_opening();
                } else if self.searching.get_untracked() == Some(id) {
                    self.searching.set(None);
                }
            }
            Event::CacheCleared { files, .. } => {
                self.kept.update_value(|k| k.clear_id = None);
                self.notice.set(Some(match files {
                    0 => "There were no model files in this browser’s storage.".into(),
                    n => format!(
                        "Removed {} from this browser’s storage. The model that runs stays until the page is closed.",
                        words::plural(n, "model file")
                    ),
                }));
            }
            Event::Failed { id, problem } => self.failed(id, problem),
        }
    }

    /// The worker listens: what was open is opened again, and what ran runs again.
    fn begin(self, webgpu: bool) {
        self.worker.set(Worker::Listening { webgpu });
        self.settle(&[WayOut::StartWorker]);
        let deaths = self.kept.with_value(|k| k.deaths);
        self.open_again();
        if deaths > 0 && self.loading.with_untracked(Option::is_none) {
            self.load_unless_foreign();
        }
        if deaths == 0 {
            self.isolate();
            self.measure_what_the_link_shows();
        }
    }

    pub(super) fn progress(self, id: Id, stage: Stage, done: f64, total: f64, seconds_left: Option<f64>) {
        let at = window().performance().map_or(0.0, |p| p.now());
        let Self { evaluate, benchmark, beside, .. } = self;
        for activity in [self.loading, self.opening, beside.activity, evaluate.activity, benchmark.activity] {
            if activity.with_untracked(|a| a.as_ref().is_none_or(|a| a.id != id)) {
                continue;
            }
            activity.update(|a| {
                let Some(a) = a else { return };
                let since = a.progress.filter(|p| p.stage == stage).map_or((at, done), |p| p.since);
                a.progress = Some(Progress { stage, done, total, seconds_left, since, at });
            });
        }
    }

    /// The address of the model whose ranking is on the screen: before any is loaded, of the one whose
    /// vectors come with the page.
    fn model_shown(self) -> Option<String> {
        let loaded = self.model.with_untracked(|m| m.as_ref().map(|m| m.info.url.clone()));
        loaded.or_else(|| resolve(MODEL))
    }

    /// `other`: what is on the screen was ranked by another model.
    fn model_arrived(self, other: bool) {
        // A problem with an earlier model is settled.
        self.settle(&[WayOut::LoadModel, WayOut::FetchModel]);
        self.send_coming();
        if self.waiting.get_untracked() || (other && self.results.with_untracked(Option::is_some)) {
            self.search_again();
        }
        self.begin_beside();
    }

    fn corpus_arrived(self, corpus: CorpusInfo) {
        self.opening.set(None);
        let known = |code: &String| corpus.languages.iter().any(|(c, _)| c == code);
        if self.filter.with_untracked(|filter| !filter.iter().all(known)) {
            self.filter.update(|filter| filter.retain(known));
        }
        let untouched = self.kept.try_update_value(|k| {
            k.open = k.coming.take();
            k.corpus_live = true;
            k.untouched
        });
        self.corpus.set(Some(corpus));
        self.settle(&[WayOut::OpenText]);
        self.open_beside();
        if untouched == Some(true) {
            // Own text without questions keeps the present one.
            if let Some(example) = self.first_example() {
                self.query.set(example);
            }
        }
        self.search_again();
        if self.searching.with_untracked(Option::is_none) {
            self.load_first_model();
        }
    }

    fn results_arrived(self, results: Results) {
        self.searching.set(None);
        self.results.set(Some(results));
        if self.problem.with_untracked(|p| p.as_ref().is_some_and(|p| p.passing)) {
            self.problem.set(None);
        }
        self.load_first_model();
        self.begin_beside();
    }

    /// The model comes by itself, but only after something is there to read, and where it is searched.
    pub(super) fn load_first_model(self) {
        if self.view.get_untracked() != View::Search {
            return;
        }
        let untried = self.kept.try_update_value(|k| !std::mem::replace(&mut k.tried_model, true));
        if untried == Some(true)
            && self.model.with_untracked(Option::is_none)
            && self.loading.with_untracked(Option::is_none)
        {
            self.load_unless_foreign();
        }
    }

    /// Takes away a problem that has one of these ways out, as something went that way.
    pub(super) fn settle(self, ways: &[WayOut]) {
        let settled = |p: &Problem| p.way_out.is_some_and(|way| ways.contains(&way));
        if self.problem.with_untracked(|p| p.as_ref().is_some_and(settled)) {
            self.problem.set(None);
        }
    }

    fn failed(self, id: Id, problem: String) {
        if self.is_loading(id) {
            self.loading.set(None);
            let still = if self.model.with_untracked(Option::is_some) {
                "The model that ran before goes on answering."
            } else {
                "The examples can be searched: their vectors come with the page."
            };
            self.say(problem, still, Some(WayOut::LoadModel));
            self.begin_beside();
        } else if self.is_opening(id) {
            self.opening.set(None);
            self.kept.update_value(|k| k.coming = None);
            self.not_opened(problem);
        } else if self.searching.get_untracked() == Some(id) {
            self.searching.set(None);
            self.say(problem, "What is on the screen answers the question before.", None);
            self.problem.update(|p| p.iter_mut().for_each(|p| p.passing = true));
        } else if self.kept.with_value(|k| k.clear_id == Some(id)) {
            self.kept.update_value(|k| k.clear_id = None);
            self.say(problem, "Search goes on as before.", None);
        }
        // Else it is about something nobody waits for any more.
    }

    /// The worker died: a fresh one takes over, on the CPU, with what was open.
    fn bury(self, why: String) {
        let started = matches!(self.worker.get_untracked(), Worker::Listening { .. });
        let query = self.searching.get_untracked().map(|_| self.query.get_untracked());
        let deaths = self.kept.try_update_value(|k| {
            if let Some(query) = query {
                let times = k.deadly.take().filter(|(q, _)| *q == query).map_or(0, |(_, n)| n);
                k.deadly = Some((query, times + 1));
            }
            k.link = None;
            k.corpus_live = false;
            // What was on its way may be what killed it: it is not sent again.
            k.coming = None;
            k.unsent = false;
            k.clear_id = None;
            k.deaths += 1;
            k.deaths
        });
        let encoding = self.opening.get_untracked().is_some_and(|o| o.progress.is_some());
        self.searching.set(None);
        self.loading.set(None);
        self.opening.set(None);
        self.model.set(None);
        self.waiting.set(false);
        let measuring = self.evaluate.worker_died();
        let timing = self.benchmark.stopped();

        if deaths.is_some_and(|n| n >= DEATHS) || !started {
            self.worker.set(Worker::Dead);
            let how = if started { "stopped again" } else { "could not be started" };
            self.say(
                format!("the part of the page that computes {how}: {why}"),
                "What is on the screen stays. Start it again, or reload the page; a current browser may help.",
                Some(WayOut::StartWorker),
            );
            return;
        }
        self.worker.set(Worker::Starting);
        self.device.set(DeviceChoice::Cpu);
        self.write_address(false);
        let mut still = "It was started again, on the CPU. What you typed and opened is kept.".to_owned();
        if encoding {
            still.push_str(" The text that was being encoded has to be opened again.");
        }
        if measuring {
            still.push_str(
                " The measuring stopped; vectors that were finished are kept: measure again to go on.",
            );
        }
        if timing {
            still.push_str(" The benchmark stopped; what was timed stays.");
        }
        if self.kept.with_value(|k| k.deadly.as_ref().is_some_and(|(_, n)| *n > 1)) {
            still.push_str(" The question it stopped at twice is not asked again by itself.");
        }
        self.say(format!("the part of the page that computes stopped: {why}"), &still, None);
        self.start_worker();
    }

    fn is_loading(self, id: Id) -> bool {
        self.loading.with_untracked(|a| a.as_ref().is_some_and(|a| a.id == id))
    }

    fn is_opening(self, id: Id) -> bool {
        self.opening.with_untracked(|a| a.as_ref().is_some_and(|a| a.id == id))
    }
}
