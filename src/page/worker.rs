//! The worker: starting it, sending requests, handling its events and crashes.

use leptos::prelude::*;

use super::activity::is_active;
use super::catalogue::{corpus, fill, message};
use super::corpus::{Presence, sort_examples};
use super::link::Link;
use super::messages::ProblemAction;
use super::state::Page;
use super::view::StateChange;
use super::words;
use crate::protocol::{DeviceChoice, Event, Id, Request};

/// Number of crashes after which the worker is not restarted automatically.
const MAX_CRASHES: usize = 3;

/// The worker's state, as known to the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worker {
    Starting,
    /// It has started; `webgpu` says whether the browser offers a GPU.
    Listening {
        webgpu: bool,
    },
    /// It crashed too often.
    Dead,
}

impl Worker {
    pub fn is_listening(self) -> bool {
        matches!(self, Self::Listening { .. })
    }
}

impl Page {
    /// A new request id.
    pub fn next_id(self) -> Id {
        self.hidden
            .try_update_value(|h| {
                h.last_id = h.last_id.wrapping_add(1);
                h.last_id
            })
            .unwrap_or_default()
    }

    /// Sends a request, or shows a problem if there is no worker.
    pub fn send(self, request: &Request) -> bool {
        let sent = self.hidden.with_value(|h| match &h.link {
            Some(link) => link.send(request),
            None => Err(message::NO_WORKER.into()),
        });
        match sent {
            Ok(()) => true,
            Err(what) => {
                self.show_problem(what, message::SCREEN_STAYS, Some(ProblemAction::StartWorker));
                false
            }
        }
    }

    /// As [`send`](Self::send), with the user's files attached.
    pub fn send_with(self, request: &Request, files: &js_sys::Array) -> bool {
        let sent = self.hidden.with_value(|h| match &h.link {
            Some(link) => link.send_with(request, files),
            None => Err("the part of the page that computes does not run".into()),
        });
        match sent {
            Ok(()) => true,
            Err(what) => {
                self.show_problem(what, "What is on the screen stays.", Some(ProblemAction::StartWorker));
                false
            }
        }
    }

    /// Starts the worker; everything else begins with its first message.
    pub fn start_worker(self) {
        // Both closures defer the work: a worker's handle must not be dropped within its own callback.
        let on_event = move |event| leptos::task::spawn_local(async move { self.handle_event(event) });
        let on_crash = move |why| leptos::task::spawn_local(async move { self.crashed(why) });
        let on_timeout = move |seconds: u32| {
            self.show_problem(
                fill(message::SLOW_WORKER, &[("seconds", &seconds.to_string())]),
                message::SLOW_WORKER_STILL,
                Some(ProblemAction::StartWorker),
            );
        };
        let on_bytes = move |bytes| self.worker_bytes.set(bytes);
        match Link::start(on_event, on_bytes, on_crash, on_timeout) {
            Ok(link) => self.hidden.update_value(|h| h.link = Some(link)),
            Err(why) => self.crashed(why),
        }
    }

    /// The user restarts a worker that crashed too often.
    pub fn restart_worker(self) {
        self.hidden.update_value(|h| h.crashes = 0);
        self.worker.set(Worker::Starting);
        self.start_worker();
    }

    /// Handles an event: first the views, then what they share.
    fn handle_event(self, event: Event) {
        let mut event = event;
        for view in self.views() {
            match view.handle_event(event) {
                Some(rest) => event = rest,
                None => return,
            }
        }
        let Some(event) = self.handle_model_event(event) else { return };
        match event {
            Event::Started { webgpu } => self.worker_started(webgpu),
            Event::Progress { .. } => self.handle_progress(&event),
            Event::ModelReady { id, model, device } => self.model_ready(id, model, device),
            Event::DeviceChanged { device } => self.device_changed(device),
            Event::CorpusReady { id, mut corpus } => {
                if is_active(self.opening, id) {
                    self.corpus_ready(corpus);
                } else if is_active(self.loading, id) {
                    sort_examples(&mut corpus.examples);
                    // The open corpus was encoded again by the new model.
                    self.corpus.set(Some(corpus));
                }
            }
            Event::Recalled { id, files, windows } => self.stored_text_arrived(id, files, windows),
            Event::Note { note, .. } => self.add_notice(note),
            Event::Cancelled { id } => {
                if is_active(self.loading, id) {
                    self.loading.set(None);
                    self.give_up_model();
                } else if is_active(self.opening, id) {
                    self.stop_opening();
                }
            }
            Event::CacheCleared { id, .. } if self.hidden.with_value(|h| h.forgetting == Some(id)) => {
                self.hidden.update_value(|h| h.forgetting = None);
                self.notice.set(Some(corpus::FORGOTTEN.into()));
            }
            Event::CacheCleared { files, .. } => {
                self.hidden.update_value(|h| h.clearing = None);
                self.notice.set(Some(match files {
                    0 => message::NO_MODEL_FILES.into(),
                    n => fill(message::REMOVED_MODEL, &[("files", &words::plural(n, message::MODEL_FILE))]),
                }));
            }
            Event::Failed { id, problem } => self.failed(id, problem),
            // Vectors, which the page does not request, and answers to requests that are no longer relevant.
            Event::Vectors { .. }
            | Event::Offered { .. }
            | Event::Described { .. }
            | Event::Kept { .. }
            | Event::Results { .. }
            | Event::Reading { .. }
            | Event::TaskReady { .. }
            | Event::Evaluated { .. }
            | Event::Queries { .. }
            | Event::Ranking { .. }
            | Event::Compared { .. }
            | Event::Benchmark { .. }
            | Event::File { .. } => {}
        }
    }

    /// The worker has started: reopens the corpus and reloads the model.
    fn worker_started(self, webgpu: bool) {
        self.worker.set(Worker::Listening { webgpu });
        self.worker_bytes.set(0.0);
        self.clear_problem_with(&[ProblemAction::StartWorker]);
        let crashes = self.hidden.with_value(|h| h.crashes);
        if crashes == 0 && self.corpus.with_untracked(Option::is_none) {
            self.open_initial_corpus();
        } else {
            self.reopen_corpus();
        }
        if crashes > 0 && self.loading.with_untracked(Option::is_none) {
            self.load_unless_foreign();
        }
        if crashes == 0 {
            self.start_service_worker();
            self.notify(StateChange::WorkerStarted);
        }
    }

    fn failed(self, id: Id, problem: String) {
        if is_active(self.loading, id) {
            self.loading_failed(problem);
        } else if is_active(self.opening, id) {
            self.opening_failed(problem);
        } else if self.hidden.with_value(|h| h.clearing == Some(id)) {
            self.hidden.update_value(|h| h.clearing = None);
            self.show_problem(problem, message::SEARCH_GOES_ON, None);
        }
        // Otherwise it belongs to a request that is no longer relevant.
    }

    /// The worker crashed: a new one is started on the CPU, with the same corpus.
    fn crashed(self, why: String) {
        let started = self.worker.get_untracked().is_listening();
        let crashes = self.hidden.try_update_value(|h| {
            h.link = None;
            h.presence = Presence::Absent;
            // A pending request may have caused the crash: it is not sent again.
            h.pending = None;
            h.clearing = None;
            h.crashes += 1;
            h.crashes
        });
        let encoding = self.opening.get_untracked().is_some_and(|o| o.progress.is_some());
        self.loading.set(None);
        self.opening.set(None);
        self.model_dialog.inspecting.set(None);
        self.model.set(None);
        let stopped: Vec<&str> = self.views().iter().filter_map(|view| view.worker_crashed()).collect();

        if crashes.is_some_and(|n| n >= MAX_CRASHES) || !started {
            self.worker.set(Worker::Dead);
            let how = if started { message::STOPPED_AGAIN } else { message::NOT_STARTED };
            self.show_problem(
                fill(how, &[("why", &why)]),
                message::DEAD_STILL,
                Some(ProblemAction::StartWorker),
            );
            return;
        }
        self.worker.set(Worker::Starting);
        self.device.set(DeviceChoice::Cpu);
        self.replace_address();
        let mut still = message::RESTARTED.to_owned();
        if encoding {
            still.push_str(message::OPEN_TEXT_AGAIN);
        }
        for sentence in stopped {
            still.push(' ');
            still.push_str(sentence);
        }
        self.show_problem(fill(message::STOPPED, &[("why", &why)]), &still, None);
        self.start_worker();
    }
}
