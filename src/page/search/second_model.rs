//! The second model, which is compared with the first: its state, the user's actions and its worker's events.
//!
//! It has a worker of its own, which is terminated with the comparison: its failures do not affect the first model,
//! and its memory is freed.

use leptos::prelude::*;

use super::{ABOUT, FirstLoad, QueryStatus, Search};
use crate::page::activity::{Activity, is_active};
use crate::page::catalogue::{fill, search as text};
use crate::page::corpus::Presence;
use crate::page::link::Link;
use crate::page::messages::sentence;
use crate::page::model::{CurrentModel, MODEL, resolve};
use crate::page::model_dialog::is_imported;
use crate::page::models::NamedModel;
use crate::protocol::{Event, Id, Request, Results};
use crate::text::Cut;

/// The second model's state.
#[derive(Clone, Copy)]
pub(super) struct SecondModel {
    /// Its folder as in the URL; `None` without a comparison.
    pub address: RwSignal<Option<String>>,
    pub model: RwSignal<Option<CurrentModel>>,
    pub results: RwSignal<Option<Results>>,
    /// What its window truncated in the passages.
    pub cut: RwSignal<Option<Cut>>,
    /// Whether a search is in progress; none of its is pending.
    pub status: RwSignal<QueryStatus>,
    /// Loading, or encoding the passages.
    pub activity: RwSignal<Option<Activity>>,
    /// Why it has no ranking.
    pub problem: RwSignal<Option<String>>,
    hidden: StoredValue<HiddenSecondModelState, LocalStorage>,
}

#[derive(Default)]
struct HiddenSecondModelState {
    link: Option<Link>,
    /// Whether its worker has the open corpus.
    presence: Presence,
}

impl SecondModel {
    pub fn new(address: Option<String>) -> Self {
        Self {
            address: RwSignal::new(address),
            model: RwSignal::new(None),
            results: RwSignal::new(None),
            cut: RwSignal::new(None),
            status: RwSignal::default(),
            activity: RwSignal::new(None),
            problem: RwSignal::new(None),
            hidden: StoredValue::new_local(HiddenSecondModelState::default()),
        }
    }
}

impl Search {
    /// The user chose a model to compare with, or none.
    pub(super) fn choose_second(self, address: Option<String>) {
        self.page.allow(address.as_deref());
        self.second.address.set(address);
        self.page.replace_address();
        self.restart_second();
    }

    /// The user wants to try again; a model that only a link names is shown before it is loaded.
    pub(super) fn retry_second(self) {
        let Some(address) = self.second.address.get_untracked() else { return };
        let choose = Callback::new(move |address| self.choose_second(Some(address)));
        if !is_imported(&address) || self.page.may_use(&address, choose) {
            self.choose_second(Some(address));
        }
    }

    /// Loads the second model again, with the current device and text.
    pub(super) fn restart_second(self) {
        self.close_second();
        self.load_second();
    }

    pub(super) fn close_second(self) {
        let b = self.second;
        b.hidden.set_value(HiddenSecondModelState::default());
        b.model.set(None);
        b.results.set(None);
        b.cut.set(None);
        b.status.set(QueryStatus::Idle);
        b.activity.set(None);
        b.problem.set(None);
    }

    /// Loads the second model, but only after the first is loaded and has answered, as it takes processor time and
    /// bandwidth.
    pub(super) fn load_second(self) {
        let b = self.second;
        let Some(address) = b.address.get_untracked() else { return };
        let begun = b.hidden.with_value(|h| h.link.is_some()) || b.problem.with_untracked(Option::is_some);
        let first_is_busy = self.results.with_untracked(Option::is_none)
            || self.page.loading.with_untracked(Option::is_some)
            || self.hidden.with_value(|h| h.first_load == FirstLoad::Due);
        if begun || first_is_busy || self.page.shown.get_untracked() != ABOUT.name {
            return;
        }
        let Some(url) = resolve(&address) else {
            b.problem.set(Some(fill(text::SECOND_ADDRESS, &[("address", &address)])));
            return;
        };
        if let Some(host) = self.page.unpermitted_host(&address) {
            b.problem.set(Some(fill(text::SECOND_FOREIGN, &[("host", &host)])));
            return;
        }
        // Both defer the work: a worker's handle must not be dropped within its own callback.
        let on_event = move |event| leptos::task::spawn_local(async move { self.handle_second_event(event) });
        let on_crash = move |why| leptos::task::spawn_local(async move { self.second_crashed(why) });
        let on_timeout = move |seconds: u32| {
            b.problem.set(Some(fill(text::SECOND_SLOW, &[("seconds", &seconds.to_string())])));
        };
        match Link::start(on_event, |_| {}, on_crash, on_timeout) {
            Ok(link) => b.hidden.update_value(|h| h.link = Some(link)),
            Err(why) => return self.second_crashed(why),
        }
        let id = self.page.next_id();
        let what = fill(text::LOADING, &[("name", &untrack(|| self.second_name()))]);
        self.send_to_second(what, self.page.load_request(id, url), id);
    }

    /// Opens the same corpus there.
    pub(super) fn open_corpus_in_second(self) {
        let b = self.second;
        b.results.set(None);
        b.cut.set(None);
        b.status.set(QueryStatus::Idle);
        b.hidden.update_value(|h| h.presence = Presence::Absent);
        // Waits while the model is loading, as the corpus has to be encoded by this model.
        if b.model.with_untracked(Option::is_none) {
            return;
        }
        b.problem.set(None);
        let id = self.page.next_id();
        let Some(request) = self.page.open_request(id) else { return };
        let what = fill(text::ENCODING_WITH, &[("name", &untrack(|| self.second_name()))]);
        self.send_to_second(what, request, id);
    }

    /// Searches for the same query, once it can.
    pub(super) fn search_second(self) {
        let b = self.second;
        b.status.set(QueryStatus::Idle);
        if b.model.with_untracked(Option::is_none) || b.hidden.with_value(|h| h.presence == Presence::Absent)
        {
            return;
        }
        let id = self.page.next_id();
        if let Some(request) = self.search_request(id) {
            match b.hidden.with_value(|h| h.link.as_ref().map(|link| link.send(&request))) {
                Some(Ok(())) => b.status.set(QueryStatus::Sent(id)),
                Some(Err(why)) => self.second_crashed(why),
                None => {}
            }
        }
    }

    /// Sends a request that takes a while.
    fn send_to_second(self, what: String, request: Request, id: Id) {
        match self.second.hidden.with_value(|h| h.link.as_ref().map(|link| link.send(&request))) {
            Some(Ok(())) => {
                self.second.activity.set(Some(Activity::new(id, what)));
            }
            Some(Err(why)) => self.second_crashed(why),
            None => {}
        }
    }

    fn handle_second_event(self, event: Event) {
        let b = self.second;
        match event {
            Event::Progress { .. } => self.page.handle_progress(&event),
            Event::ModelReady { id, model, device } if is_active(b.activity, id) => {
                b.activity.set(None);
                self.page.remember_name(NamedModel::running(&model));
                b.model.set(Some(CurrentModel { info: model, device }));
                self.open_corpus_in_second();
            }
            Event::CorpusReady { id, corpus } if is_active(b.activity, id) => {
                b.activity.set(None);
                b.cut.set(corpus.cut);
                b.hidden.update_value(|h| h.presence = Presence::Present);
                self.search_second();
            }
            Event::Results { id, results } if b.status.get_untracked() == QueryStatus::Sent(id) => {
                b.status.set(QueryStatus::Idle);
                b.problem.set(None);
                b.results.set(Some(results));
            }
            Event::DeviceChanged { device } => b.model.update(|model| {
                if let Some(model) = model {
                    model.device = device;
                }
            }),
            Event::Failed { id, problem } if is_active(b.activity, id) => {
                b.activity.set(None);
                b.problem.set(Some(sentence(&problem)));
            }
            Event::Failed { id, problem } if b.status.get_untracked() == QueryStatus::Sent(id) => {
                b.status.set(QueryStatus::Idle);
                b.results.set(None);
                b.problem.set(Some(sentence(&problem)));
            }
            // It gets no other requests, and cancelled ones are ignored.
            _ => {}
        }
    }

    fn second_crashed(self, why: String) {
        self.close_second();
        self.second.problem.set(Some(fill(text::SECOND_STOPPED, &[("why", &why)])));
    }

    /// The name of the model whose ranking is displayed, from the list or its manifest.
    pub(super) fn first_name(self) -> String {
        let page = self.page;
        let loaded = page.model.with(|m| m.as_ref().map(|m| m.info.url.clone()));
        page.name_of(loaded.as_deref().unwrap_or(MODEL))
    }

    /// The second model's name, from the list or its manifest; before that its address.
    pub(super) fn second_name(self) -> String {
        self.page.name_of(&self.second.address.get().unwrap_or_default())
    }
}
