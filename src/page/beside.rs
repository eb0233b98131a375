//! The second model that answers beside the first: its state, what a person can do with it, and what
//! its worker says.
//!
//! It has a worker of its own, which ends with the comparison: nothing that goes wrong there touches
//! the first model, and the memory it took is given back.

use leptos::prelude::*;

use super::actions::{MODEL, SAMPLE, foreign_host, resolve, sentence};
use super::evaluate::View;
use super::link::Link;
use super::models::same_folder;
use super::state::{Activity, Model, Page};
use crate::protocol::{Event, Id, Request, Results};
use crate::text::Cut;

/// The second model's part of the page's state.
#[derive(Clone, Copy)]
pub(super) struct Beside {
    /// Its folder as in the address; `None`: nothing is compared.
    pub address: RwSignal<Option<String>>,
    pub model: RwSignal<Option<Model>>,
    pub results: RwSignal<Option<Results>>,
    /// What its window left out of the passages.
    pub cut: RwSignal<Option<Cut>>,
    /// A search is under way.
    pub searching: RwSignal<Option<Id>>,
    /// It is being loaded, or encodes the passages.
    pub activity: RwSignal<Option<Activity>>,
    /// Why it has no ranking to show.
    pub problem: RwSignal<Option<String>>,
    kept: StoredValue<Kept, LocalStorage>,
}

#[derive(Default)]
struct Kept {
    link: Option<Link>,
    /// Whether its worker has the open corpus.
    corpus_live: bool,
}

impl Beside {
    pub fn new(address: Option<String>) -> Self {
        Self {
            address: RwSignal::new(address),
            model: RwSignal::new(None),
            results: RwSignal::new(None),
            cut: RwSignal::new(None),
            searching: RwSignal::new(None),
            activity: RwSignal::new(None),
            problem: RwSignal::new(None),
            kept: StoredValue::new_local(Kept::default()),
        }
    }

    fn is_busy_with(self, id: Id) -> bool {
        self.activity.with_untracked(|a| a.as_ref().is_some_and(|a| a.id == id))
    }
}

impl Page {
    /// The person chose a model to compare with, or none.
    pub fn choose_beside(self, address: Option<String>) {
        self.allow(address.as_deref());
        self.beside.address.set(address);
        self.write_address(false);
        self.restart_beside();
    }

    /// Loads the second model anew, with the device and text that are chosen now.
    pub fn restart_beside(self) {
        self.end_beside();
        self.begin_beside();
    }

    fn end_beside(self) {
        let b = self.beside;
        b.kept.set_value(Kept::default());
        b.model.set(None);
        b.results.set(None);
        b.cut.set(None);
        b.searching.set(None);
        b.activity.set(None);
        b.problem.set(None);
    }

    /// Loads the second model, but not before the first has answered and is there: it takes the
    /// processor and the network from it.
    pub fn begin_beside(self) {
        let b = self.beside;
        let Some(address) = b.address.get_untracked() else { return };
        let begun = b.kept.with_value(|k| k.link.is_some()) || b.problem.with_untracked(Option::is_some);
        let first_is_busy = self.results.with_untracked(Option::is_none)
            || self.loading.with_untracked(Option::is_some)
            || !self.kept.with_value(|k| k.tried_model);
        if begun || first_is_busy || self.view.get_untracked() != View::Search {
            return;
        }
        let Some(url) = resolve(&address) else {
            b.problem.set(Some(format!("`{address}` is not an address a model can be loaded from.")));
            return;
        };
        if let Some(host) = foreign_host(&address)
            && !self.kept.with_value(|k| k.may_fetch)
        {
            b.problem.set(Some(format!(
                "The model to compare with is on another server, {host}. Nothing was asked of it yet: “Try again” \
                 loads it from there."
            )));
            return;
        }
        // Both put the work off: a worker's handle must not end within its own call.
        let on_event = move |event| leptos::task::spawn_local(async move { self.hear_beside(event) });
        let on_death = move |why| leptos::task::spawn_local(async move { self.bury_beside(why) });
        let on_silence = move |seconds| {
            b.problem.set(Some(format!(
                "The part of the page that computes for it has not started in {seconds} s. It is waited for."
            )));
        };
        match Link::start(on_event, on_death, on_silence) {
            Ok(link) => b.kept.update_value(|k| k.link = Some(link)),
            Err(why) => return self.bury_beside(why),
        }
        let id = self.next_id();
        let what = format!("Loading {}", untrack(|| self.second_name()));
        self.send_beside(what, self.load_request(id, url), id);
    }

    /// Opens there what the first model searches.
    pub fn open_beside(self) {
        let b = self.beside;
        b.results.set(None);
        b.cut.set(None);
        b.searching.set(None);
        b.kept.update_value(|k| k.corpus_live = false);
        // While it is being loaded this waits: text must not be open in another model's terms.
        if b.model.with_untracked(Option::is_none) {
            return;
        }
        b.problem.set(None);
        let id = self.next_id();
        let request = match self.kept.with_value(|k| k.open.clone()) {
            Some(files) => Request::OpenFiles { id, files, windows: self.windows.get_untracked() },
            None => match resolve(SAMPLE) {
                Some(url) => Request::OpenSample { id, url },
                None => return,
            },
        };
        let what = format!("Encoding the passages with {}", untrack(|| self.second_name()));
        self.send_beside(what, request, id);
    }

    /// Ranks what the first model ranks, once there is something to rank with.
    pub fn search_beside(self) {
        let b = self.beside;
        b.searching.set(None);
        if b.model.with_untracked(Option::is_none) || !b.kept.with_value(|k| k.corpus_live) {
            return;
        }
        let id = self.next_id();
        if let Some(request) = self.search_request(id) {
            match b.kept.with_value(|k| k.link.as_ref().map(|link| link.send(&request))) {
                Some(Ok(())) => b.searching.set(Some(id)),
                Some(Err(why)) => self.bury_beside(why),
                None => {}
            }
        }
    }

    /// Sends what takes a while.
    fn send_beside(self, what: String, request: Request, id: Id) {
        match self.beside.kept.with_value(|k| k.link.as_ref().map(|link| link.send(&request))) {
            Some(Ok(())) => {
                self.beside.activity.set(Some(Activity { id, what, quick: false, progress: None }));
            }
            Some(Err(why)) => self.bury_beside(why),
            None => {}
        }
    }

    fn hear_beside(self, event: Event) {
        let b = self.beside;
        match event {
            Event::Progress { id, stage, done, total, seconds_left } => {
                self.progress(id, stage, done, total, seconds_left);
            }
            Event::ModelReady { id, model, device } if b.is_busy_with(id) => {
                b.activity.set(None);
                b.model.set(Some(Model { info: model, device }));
                self.open_beside();
            }
            Event::CorpusReady { id, corpus } if b.is_busy_with(id) => {
                b.activity.set(None);
                b.cut.set(corpus.cut);
                b.kept.update_value(|k| k.corpus_live = true);
                self.search_beside();
            }
            Event::Results { id, results } if b.searching.get_untracked() == Some(id) => {
                b.searching.set(None);
                b.problem.set(None);
                b.results.set(Some(results));
            }
            Event::DeviceChanged { device } => b.model.update(|model| {
                if let Some(model) = model {
                    model.device = device;
                }
            }),
            Event::Failed { id, problem } if b.is_busy_with(id) => {
                b.activity.set(None);
                b.problem.set(Some(sentence(&problem)));
            }
            Event::Failed { id, problem } if b.searching.get_untracked() == Some(id) => {
                b.searching.set(None);
                b.results.set(None);
                b.problem.set(Some(sentence(&problem)));
            }
            // It is asked for nothing else, and what was ended is forgotten.
            _ => {}
        }
    }

    fn bury_beside(self, why: String) {
        self.end_beside();
        self.beside.problem.set(Some(format!("The part of the page that computes for it stopped: {why}.")));
    }

    /// The person chose the first model; should it be the second, they change places.
    pub fn choose_model(self, address: Option<String>) {
        let before = self.model_address.get_untracked();
        let new = address.clone().unwrap_or_else(|| MODEL.into());
        let swap = self.beside.address.with_untracked(|b| b.as_ref().is_some_and(|b| same_folder(b, &new)));
        self.allow(address.as_deref());
        let beside = self.beside.address.get_untracked();
        self.kept.update_value(|k| {
            // Several choices before one is there: back to what answers.
            k.before.get_or_insert((before.clone(), beside));
        });
        self.model_address.set(address);
        if swap {
            self.beside.address.set(Some(before.unwrap_or_else(|| MODEL.into())));
            self.end_beside();
        }
        self.write_address(false);
        self.load_model();
    }
}
