//! Handles the worker's events about searches, and changes of the shared state.

use leptos::prelude::*;

use super::actions::focus_on;
use super::{CrashingQuery, FirstLoad, Origin, QueryStatus, ReadingState, Search};
use crate::page::catalogue::search as text;
use crate::page::view::StateChange;
use crate::protocol::{Event, Hit, Id, Results};

impl Search {
    /// Handles an event about searches; returns any other.
    pub(super) fn handle_event(self, event: Event) -> Option<Event> {
        match event {
            Event::Results { id, results } => {
                if self.is_current(id) {
                    self.results_arrived(results);
                }
            }
            Event::Reading { id, reading } => {
                if let Some(into) = self.take_reading(id) {
                    // If the passage is no longer displayed, the answer is ignored.
                    let _ = into.try_set(ReadingState::Shown(reading));
                }
            }
            Event::Cancelled { id } if self.is_current(id) => self.status.set(QueryStatus::Idle),
            Event::Failed { id, problem } if self.is_current(id) => {
                self.status.set(QueryStatus::Idle);
                self.page.show_search_problem(problem, text::ABOUT_ANSWERED);
            }
            Event::Failed { id, problem } => match self.take_reading(id) {
                Some(into) => {
                    let _ = into.try_set(ReadingState::Hidden);
                    self.page.show_search_problem(problem, "");
                }
                None => return Some(Event::Failed { id, problem }),
            },
            other => return Some(other),
        }
        None
    }

    /// Where this request's passage is displayed.
    fn take_reading(self, id: Id) -> Option<RwSignal<ReadingState>> {
        self.hidden
            .try_update_value(|h| {
                let at = h.readings.iter().position(|(request, _)| *request == id)?;
                Some(h.readings.swap_remove(at).1)
            })
            .flatten()
    }

    pub(super) fn state_changed(self, what: StateChange) {
        match what {
            StateChange::WorkerStarted => {}
            StateChange::ModelReady { is_other } => self.model_ready(is_other),
            StateChange::ModelFailed => self.load_second(),
            StateChange::ModelGivenUp => self.restore_models(),
            StateChange::DeviceChosen => self.restart_second(),
            StateChange::CorpusReady => self.corpus_ready(),
            StateChange::CorpusFailed => {
                // What came with the page stays on the screen, but nothing else can be asked of it.
                if self.results.with_untracked(|r| r.as_ref().is_some_and(Results::is_precomputed)) {
                    self.page.corpus.set(None);
                }
                self.load_first_model();
            }
        }
    }

    fn model_ready(self, is_other: bool) {
        self.hidden.update_value(|h| h.previous = None);
        let is_waiting = self.status.get_untracked() == QueryStatus::Waiting;
        if is_waiting || (is_other && self.results.with_untracked(Option::is_some)) {
            self.search_again();
        }
        self.load_second();
    }

    fn corpus_ready(self) {
        let languages = self.page.corpus.with_untracked(|c| c.as_ref().map(|c| c.languages.clone()));
        let languages = languages.unwrap_or_default();
        let known = |code: &String| languages.iter().any(|(c, _)| c == code);
        if self.filter.with_untracked(|filter| !filter.iter().all(known)) {
            self.filter.update(|filter| filter.retain(known));
        }
        self.open_corpus_in_second();
        let is_sample = self.page.corpus.with_untracked(|c| c.as_ref().is_some_and(|c| c.precomputed));
        if self.page.take_just_chosen() {
            // It is the user's own text: queries about another one do not apply.
            self.hidden.update_value(|h| h.origin = Origin::Page);
            self.query.set(String::new());
            self.language.set(None);
            self.results.set(None);
            self.own_is_open.set(false);
            self.page.replace_address();
            if self.page.shown.get_untracked() == super::ABOUT.name {
                focus_on("query");
            }
        } else if self.hidden.with_value(|h| h.origin == Origin::Page) {
            self.query.set(self.first_example().filter(|_| is_sample).unwrap_or_default());
        }
        self.search_again();
        if !self.status.get_untracked().is_sent() {
            self.load_first_model();
        }
        let early = self.hidden.try_update_value(|h| std::mem::take(&mut h.early_readings));
        for (passage, language, into) in early.into_iter().flatten() {
            self.read(passage, language, into);
        }
    }

    fn results_arrived(self, mut results: Results) {
        self.status.set(QueryStatus::Idle);
        // Where the worker confirms what came with the page, the list stays, with what was unfolded and focused in it.
        // The scores were computed by another program and may differ in their last bits.
        self.results.with_untracked(|shown| {
            let shown = shown.as_ref().filter(|shown| shown.is_precomputed() && shown.query == results.query);
            let places = |hits: &[Hit]| hits.iter().map(|hit| hit.passage).collect::<Vec<_>>();
            if let Some(shown) = shown.filter(|shown| places(&shown.hits) == places(&results.hits)) {
                results.hits.clone_from(&shown.hits);
            }
        });
        self.results.set(Some(results));
        self.page.clear_search_problem();
        self.load_first_model();
        self.load_second();
    }

    /// Loads the model by itself, but only once something is displayed, and only in this view.
    pub(super) fn load_first_model(self) {
        if self.page.shown.get_untracked() != super::ABOUT.name {
            return;
        }
        let before = self.hidden.try_update_value(|h| std::mem::replace(&mut h.first_load, FirstLoad::Done));
        if before == Some(FirstLoad::Due) && !self.page.has_model() {
            self.page.load_unless_foreign();
        }
    }

    /// A sentence, if the query crashed the worker more than once.
    pub(super) fn worker_crashed(self) -> Option<&'static str> {
        if self.status.get_untracked().is_sent() {
            let query = self.query.get_untracked();
            self.hidden.update_value(|h| {
                let times = h.crashing.take().filter(|d| d.query == query).map_or(0, |d| d.times);
                h.crashing = Some(CrashingQuery { query, times: times + 1 });
            });
        }
        self.status.set(QueryStatus::Idle);
        self.hidden
            .with_value(|h| h.crashing.as_ref().is_some_and(|d| d.times > 1))
            .then_some(text::NOT_ASKED_AGAIN)
    }
}
