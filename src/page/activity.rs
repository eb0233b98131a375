//! What takes a while: how far it is, and what it means for other work.

use leptos::prelude::*;

use super::catalogue::message;
use super::state::Page;
use crate::protocol::{Event, Id, Stage};

/// Something that takes a while.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Activity {
    pub id: Id,
    /// What it is, for a person: `Loading the model`.
    pub what: String,
    pub shown: Shown,
    /// `None` before the first word from the worker.
    pub progress: Option<Progress>,
}

/// From when on an activity is worth showing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    AtOnce,
    /// Once there is progress: it is mostly over at once.
    WithProgress,
}

/// How far an activity is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Progress {
    pub stage: Stage,
    pub done: f64,
    pub total: f64,
    pub seconds_left: Option<f64>,
    /// When the stage was first seen, in the page's milliseconds, and how much was done by then.
    pub since: (f64, f64),
    /// When this was seen.
    pub at: f64,
}

/// Something that can be under way, as other work sees it.
#[derive(Clone, Copy)]
pub(super) struct Work {
    pub activity: RwSignal<Option<Activity>>,
    /// What is under way, for a person: `a text is being encoded in the Search view`.
    pub sentence: &'static str,
    pub company: Company,
}

/// Whether work goes on beside other work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Company {
    Shared,
    /// Its times would mean nothing beside other work.
    Alone,
}

impl Activity {
    /// Begins now, and is shown at once.
    pub fn new(id: Id, what: impl Into<String>) -> Self {
        Self { id, what: what.into(), shown: Shown::AtOnce, progress: None }
    }

    /// Not over in a moment: what is mostly over at once is so only while it encodes.
    pub fn is_long(&self) -> bool {
        self.shown == Shown::AtOnce || self.progress.is_some_and(|step| step.stage == Stage::Encode)
    }
}

/// Whether this request is the one under way.
pub(super) fn is_active(activity: RwSignal<Option<Activity>>, id: Id) -> bool {
    activity.with_untracked(|a| a.as_ref().is_some_and(|a| a.id == id))
}

impl Progress {
    /// The part that is done, from 0 to 1; `None` while the whole is unknown.
    pub fn part(&self) -> Option<f64> {
        (self.total > 0.0).then(|| (self.done / self.total).clamp(0.0, 1.0))
    }

    /// Items in a second since the stage began, once that says something.
    pub fn rate(&self) -> Option<f64> {
        let (begin, already) = self.since;
        let seconds = (self.at - begin) / 1e3;
        (seconds > 0.3 && self.done > already).then(|| (self.done - already) / seconds)
    }
}

impl Page {
    /// All that can be under way: of the views, and of what is below them.
    pub fn work(self) -> Vec<Work> {
        let of_page = [
            Work { activity: self.opening, sentence: message::ENCODING_TEXT, company: Company::Shared },
            Work { activity: self.loading, sentence: message::LOADING_MODEL, company: Company::Shared },
        ];
        self.views().iter().map(|view| view.work()).chain(of_page).collect()
    }

    /// Takes an [`Event::Progress`] from any worker.
    pub fn hear_progress(self, event: &Event) {
        let Event::Progress { id, stage, done, total, seconds_left } = *event else { return };
        let at = window().performance().map_or(0.0, |p| p.now());
        for Work { activity, .. } in self.work() {
            if is_active(activity, id) {
                activity.update(|a| {
                    let Some(a) = a else { return };
                    let since = a.progress.filter(|p| p.stage == stage).map_or((at, done), |p| p.since);
                    a.progress = Some(Progress { stage, done, total, seconds_left, since, at });
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_has_a_part_and_a_rate_only_where_they_mean_something() {
        let mut p = Progress {
            stage: Stage::Encode,
            done: 30.0,
            total: 120.0,
            seconds_left: None,
            since: (1000.0, 10.0),
            at: 3000.0,
        };
        assert_eq!(p.part(), Some(0.25));
        assert_eq!(p.rate(), Some(10.0));
        p.total = 0.0;
        p.at = 1100.0;
        assert_eq!(p.part(), None);
        assert_eq!(p.rate(), None);
    }

    #[test]
    fn what_is_mostly_over_at_once_is_long_only_while_it_encodes() {
        let mut activity = Activity::new(1, "Opening the sample");
        assert!(activity.is_long());
        activity.shown = Shown::WithProgress;
        assert!(!activity.is_long());
        let progress =
            |stage| Progress { stage, done: 0.0, total: 1.0, seconds_left: None, since: (0.0, 0.0), at: 0.0 };
        activity.progress = Some(progress(Stage::Download));
        assert!(!activity.is_long());
        activity.progress = Some(progress(Stage::Encode));
        assert!(activity.is_long());
    }
}
