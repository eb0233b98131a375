//! The user's actions in the Search view.

use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::{Origin, QueryStatus, ReadingState, Search, TOP};
use crate::page::address::QueryString;
use crate::page::catalogue::search as text;
use crate::page::model::{MODEL, same_folder};
use crate::page::state::{device_of, precision_of};
use crate::protocol::{ExampleQuestion, Id, Request, Scope};

/// A pause in typing after which the search starts.
const PAUSE: Duration = Duration::from_millis(250);

impl Search {
    /// The user opened or closed the panel for own text.
    pub(super) fn show_own(self, open: bool) {
        self.own_is_open.set(open);
        focus_on(if open { "pasted" } else { "own-button" });
    }

    /// The user wants a passage in a language that they read.
    pub(super) fn read(self, passage: usize, language: String, into: RwSignal<ReadingState>) {
        if !self.page.corpus_is_present() {
            into.set(ReadingState::Requested);
            return self.hidden.update_value(|h| h.early_readings.push((passage, language, into)));
        }
        let id = self.page.next_id();
        if self.page.send(&Request::Read { id, passage, language }) {
            into.set(ReadingState::Requested);
            self.hidden.update_value(|h| h.readings.push((id, into)));
        }
    }

    // The query

    /// The user typed; while an input method is `composing` a word, nothing is searched.
    pub(super) fn type_query(self, text: String, composing: bool) {
        self.query.set(text);
        if composing {
            // A pending search is cancelled too, as it would include the unfinished word.
            self.hidden.update_value(|h| h.timer.take().into_iter().for_each(|timer| timer.clear()));
            return;
        }
        self.top.set(TOP);
        let before = self.hidden.try_update_value(|h| std::mem::replace(&mut h.origin, Origin::Typing));
        if before == Some(Origin::Typing) {
            self.page.replace_address();
        } else {
            self.page.push_address();
        }
        self.search_after_a_pause();
    }

    /// The user pressed Enter.
    pub(super) fn submit(self) {
        self.hidden.update_value(|h| h.origin = Origin::Settled);
        self.page.replace_address();
        self.search();
    }

    /// The user chose an example.
    pub(super) fn choose_example(self, text: String) {
        self.query.set(text);
        self.language.set(None);
        self.top.set(TOP);
        self.hidden.update_value(|h| h.origin = Origin::Settled);
        self.page.push_address();
        self.search();
    }

    /// The user specified the query's language; `None` for detection.
    pub(super) fn choose_language(self, language: Option<String>) {
        self.language.set(language);
        self.changed();
    }

    /// The user chose the scope.
    pub(super) fn choose_scope(self, scope: Scope) {
        self.scope.set(scope);
        self.changed();
    }

    /// The user selected or deselected a passage language.
    pub(super) fn toggle_filter(self, code: &str) {
        self.filter.update(|filter| match filter.iter().position(|c| c == code) {
            Some(at) => {
                filter.remove(at);
            }
            None => filter.push(code.to_owned()),
        });
        self.changed();
    }

    /// All passage languages are selected again.
    pub(super) fn clear_filter(self) {
        self.filter.set(Vec::new());
        self.changed();
    }

    /// The user wants more hits.
    pub(super) fn show_more(self) {
        self.top.update(|top| *top += 2 * TOP);
        self.search();
    }

    fn changed(self) {
        self.top.set(TOP);
        self.page.replace_address();
        self.search();
    }

    fn search_after_a_pause(self) {
        let timer = set_timeout_with_handle(move || self.search(), PAUSE).ok();
        self.hidden.update_value(|h| {
            if let Some(old) = std::mem::replace(&mut h.timer, timer) {
                old.clear();
            }
        });
    }

    /// Searches again because something became available, except for a query that crashed the worker twice.
    pub(super) fn search_again(self) {
        let query = self.query.get_untracked();
        if self.hidden.with_value(|h| h.crashing.as_ref().is_some_and(|d| d.query == query && d.times > 1)) {
            if self.status.get_untracked() == QueryStatus::Waiting {
                self.status.set(QueryStatus::Idle);
            }
            return;
        }
        self.search();
    }

    /// Searches for the text in the box, or keeps it until the model is loaded. The answer to a pending search will be
    /// ignored.
    pub(super) fn search(self) {
        self.hidden.update_value(|h| {
            if let Some(timer) = h.timer.take() {
                timer.clear();
            }
        });
        if self.query.with_untracked(|q| q.trim().is_empty()) {
            self.status.set(QueryStatus::Idle);
            return;
        }
        let page = self.page;
        let is_present = page.corpus_is_present();
        let comes = is_present
            || page.opening.with_untracked(Option::is_some)
            || !page.worker.get_untracked().is_listening();
        if !comes {
            self.status.set(QueryStatus::Idle);
            return page.not_opened(text::NOTHING_TO_SEARCH.into());
        }
        let Some(precomputed) = page.corpus.with_untracked(|c| c.as_ref().map(|c| c.precomputed)) else {
            if self.status.get_untracked().is_sent() {
                self.status.set(QueryStatus::Idle);
            }
            return;
        };
        self.search_second();
        let has_model = page.model.with_untracked(Option::is_some);
        let ready = is_present && (has_model || (precomputed && self.current_example().is_some()));
        if !ready {
            self.status.set(QueryStatus::Waiting);
            return;
        }
        let id = page.next_id();
        let sent = self.search_request(id).is_some_and(|request| page.send(&request));
        self.status.set(if sent { QueryStatus::Sent(id) } else { QueryStatus::Idle });
    }

    /// The current search, for either model; `None` if no corpus is open or the query is empty.
    pub(super) fn search_request(self, id: Id) -> Option<Request> {
        let query = self.query.get_untracked();
        if query.trim().is_empty() || self.page.corpus.with_untracked(Option::is_none) {
            return None;
        }
        let example = self.current_example();
        Some(Request::Search {
            id,
            query,
            language: self.language.get_untracked().or(example.map(|e| e.language)),
            scope: self.scope.get_untracked(),
            languages: self.filter.get_untracked(),
            top: self.top.get_untracked(),
        })
    }

    /// The example in the box.
    fn current_example(self) -> Option<ExampleQuestion> {
        let is_asked = |example: &&ExampleQuestion| self.query.with_untracked(|query| example.text == *query);
        self.page.corpus.with_untracked(|c| c.as_ref()?.examples.iter().find(is_asked).cloned())
    }

    /// The example that is searched at first.
    pub(super) fn first_example(self) -> Option<String> {
        self.page.corpus.with_untracked(|corpus| Some(corpus.as_ref()?.examples.first()?.text.clone()))
    }

    // The URL

    /// The user went back or forward to this view.
    pub(super) fn restore(self, address: &QueryString) {
        let page = self.page;
        let super::SearchChoices { query, language, scope, filter, with } =
            super::SearchChoices::read(address);
        let (device, precision) = (device_of(address), precision_of(address));
        let model = address.text("model");
        let reload = device != page.device.get_untracked()
            || precision != page.precision.get_untracked()
            || model != page.model_address.get_untracked();
        let origin = if query.is_none() { Origin::Page } else { Origin::Settled };
        self.hidden.update_value(|h| h.origin = origin);
        let is_sample = page.corpus.with_untracked(|c| c.as_ref().is_none_or(|c| c.precomputed));
        let example = || self.first_example().filter(|_| is_sample);
        self.query.set(query.or_else(example).unwrap_or_default());
        self.language.set(language);
        self.scope.set(scope);
        self.filter.set(filter);
        page.device.set(device);
        page.precision.set(precision);
        page.model_address.set(model);
        let other = with != self.second.address.get_untracked();
        self.second.address.set(with);
        self.top.set(TOP);
        if reload {
            page.load_unless_foreign();
        }
        if reload || other {
            self.restart_second();
        }
        self.search();
    }

    // The models

    /// The user chose the first model; if it is the second one, they are swapped.
    pub(super) fn choose_model(self, address: Option<String>) {
        let page = self.page;
        let before = page.model_address.get_untracked();
        let new = address.clone().unwrap_or_else(|| MODEL.into());
        let second = self.second.address.get_untracked();
        let swap = second.as_ref().is_some_and(|second| same_folder(second, &new));
        page.allow(address.as_deref());
        self.hidden.update_value(|h| {
            // If several were chosen before one was loaded, this returns to the current one.
            h.previous.get_or_insert(super::PreviousModels { model: before.clone(), second });
        });
        page.model_address.set(address);
        if swap {
            self.second.address.set(Some(before.unwrap_or_else(|| MODEL.into())));
            self.close_second();
        }
        page.replace_address();
        page.load_model();
    }

    /// The chosen model could not be loaded: the URL names the current one again.
    pub(super) fn restore_models(self) {
        if let Some(before) = self.hidden.try_update_value(|h| h.previous.take()).flatten() {
            self.page.model_address.set(before.model);
            if self.second.address.get_untracked() != before.second {
                self.second.address.set(before.second);
                self.page.replace_address();
                return self.restart_second();
            }
            self.page.replace_address();
        }
        self.load_second();
    }
}

/// Focuses an element once it exists.
pub(super) fn focus_on(id: &'static str) {
    request_animation_frame(move || {
        let element = document().get_element_by_id(id);
        if let Some(element) = element.and_then(|e| e.dyn_into::<web_sys::HtmlElement>().ok()) {
            // If the element cannot take the focus, nothing changes.
            let _ = element.focus();
        }
    });
}
