//! Handles the worker's events about searches, and changes of the shared state.

use leptos::prelude::*;

use super::actions::focus_on;
use super::{Asked, Deadly, FirstLoad, Origin, Read, Search};
use crate::page::catalogue::search as text;
use crate::page::view::StateChange;
use crate::protocol::{Event, Id, Results};

impl Search {
    /// Handles an event about searches; returns any other.
    pub(super) fn handle_event(self, event: Event) -> Option<Event> {
        match event {
            Event::Results { id, results } => {
                if self.is_asking(id) {
                    self.results_arrived(results);
                }
            }
            Event::Reading { id, reading } => {
                if let Some(into) = self.awaited(id) {
                    // If the passage is no longer displayed, the answer is ignored.
                    let _ = into.try_set(Read::Here(reading));
                }
            }
            Event::Cancelled { id } if self.is_asking(id) => self.asked.set(Asked::Nothing),
            Event::Failed { id, problem } if self.is_asking(id) => {
                self.asked.set(Asked::Nothing);
                self.page.show_search_problem(problem, text::ABOUT_ANSWERED);
            }
            Event::Failed { id, problem } => match self.awaited(id) {
                Some(into) => {
                    let _ = into.try_set(Read::Not);
                    self.page.show_search_problem(problem, "");
                }
                None => return Some(Event::Failed { id, problem }),
            },
            other => return Some(other),
        }
        None
    }

    /// Where this request's passage is displayed.
    fn awaited(self, id: Id) -> Option<RwSignal<Read>> {
        self.hidden
            .try_update_value(|h| {
                let at = h.readings.iter().position(|(awaited, _)| *awaited == id)?;
                Some(h.readings.swap_remove(at).1)
            })
            .flatten()
    }

    pub(super) fn state_changed(self, what: StateChange) {
        match what {
            StateChange::WorkerStarted => {}
            StateChange::ModelReady { is_other } => self.model_ready(is_other),
            StateChange::ModelFailed => self.begin_beside(),
            StateChange::ModelGivenUp => self.return_to_model(),
            StateChange::DeviceChosen => self.restart_beside(),
            StateChange::CorpusReady => self.corpus_ready(),
            StateChange::CorpusFailed => self.load_first_model(),
        }
    }

    fn model_ready(self, is_other: bool) {
        self.hidden.update_value(|h| h.before = None);
        let is_waiting = self.asked.get_untracked() == Asked::Waiting;
        if is_waiting || (is_other && self.results.with_untracked(Option::is_some)) {
            self.search_again();
        }
        self.begin_beside();
    }

    fn corpus_ready(self) {
        let languages = self.page.corpus.with_untracked(|c| c.as_ref().map(|c| c.languages.clone()));
        let languages = languages.unwrap_or_default();
        let known = |code: &String| languages.iter().any(|(c, _)| c == code);
        if self.filter.with_untracked(|filter| !filter.iter().all(known)) {
            self.filter.update(|filter| filter.retain(known));
        }
        self.open_beside();
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
        if !self.asked.get_untracked().is_under_way() {
            self.load_first_model();
        }
    }

    fn results_arrived(self, results: Results) {
        self.asked.set(Asked::Nothing);
        self.results.set(Some(results));
        self.page.clear_search_problem();
        self.load_first_model();
        self.begin_beside();
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
        if self.asked.get_untracked().is_under_way() {
            let query = self.query.get_untracked();
            self.hidden.update_value(|h| {
                let times = h.deadly.take().filter(|d| d.query == query).map_or(0, |d| d.times);
                h.deadly = Some(Deadly { query, times: times + 1 });
            });
        }
        self.asked.set(Asked::Nothing);
        self.hidden
            .with_value(|h| h.deadly.as_ref().is_some_and(|d| d.times > 1))
            .then_some(text::NOT_ASKED_AGAIN)
    }
}
