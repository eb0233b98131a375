//! Activities that take a while: their progress, and their effect on other work.

use leptos::prelude::*;

use super::catalogue::message;
use super::state::Page;
use crate::protocol::{Event, Id, ProgressStage};

/// An activity that takes a while.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Activity {
    pub id: Id,
    /// Its name in the page: `Loading the model`.
    pub what: String,
    pub show: ShowWhen,
    /// `None` before the worker's first report.
    pub progress: Option<ActivityProgress>,
}

/// When an activity is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShowWhen {
    Immediately,
    /// Once there is progress, as it usually ends at once.
    WithProgress,
}

/// The progress of an activity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ActivityProgress {
    pub stage: ProgressStage,
    pub done: f64,
    pub total: f64,
    pub seconds_left: Option<f64>,
    /// When the stage began, in the page's milliseconds, and how much was done then.
    pub since: (f64, f64),
    /// When this was reported.
    pub at: f64,
}

/// An activity that may be in progress, as seen by other work.
#[derive(Clone, Copy)]
pub(super) struct TrackedActivity {
    pub activity: RwSignal<Option<Activity>>,
    /// What is in progress, as text: `a text is being encoded in the Search view`.
    pub sentence: &'static str,
    pub concurrency: Concurrency,
}

/// Whether other work can run at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Concurrency {
    Shared,
    /// No: its times would be distorted by other work.
    Exclusive,
}

impl Activity {
    /// An activity that starts now and is shown at once.
    pub fn new(id: Id, what: impl Into<String>) -> Self {
        Self { id, what: what.into(), show: ShowWhen::Immediately, progress: None }
    }

    /// Whether it takes long: an activity that usually ends at once only does while it encodes.
    pub fn is_long(&self) -> bool {
        self.show == ShowWhen::Immediately
            || self.progress.is_some_and(|step| step.stage == ProgressStage::Encode)
    }
}

/// Whether this request is in progress.
pub(super) fn is_active(activity: RwSignal<Option<Activity>>, id: Id) -> bool {
    activity.with_untracked(|a| a.as_ref().is_some_and(|a| a.id == id))
}

impl ActivityProgress {
    /// The fraction that is done, from 0 to 1; `None` if the total is unknown.
    pub fn part(&self) -> Option<f64> {
        (self.total > 0.0).then(|| (self.done / self.total).clamp(0.0, 1.0))
    }

    /// Items per second since the stage began, once it can be estimated.
    pub fn rate(&self) -> Option<f64> {
        let (begin, already) = self.since;
        let seconds = (self.at - begin) / 1e3;
        (seconds > 0.3 && self.done > already).then(|| (self.done - already) / seconds)
    }
}

impl Page {
    /// All activities that may be in progress: those of the views, and those of the shared state.
    pub fn activities(self) -> Vec<TrackedActivity> {
        let of_page = [
            TrackedActivity {
                activity: self.opening,
                sentence: message::ENCODING_TEXT,
                concurrency: Concurrency::Shared,
            },
            TrackedActivity {
                activity: self.loading,
                sentence: message::LOADING_MODEL,
                concurrency: Concurrency::Shared,
            },
        ];
        self.views().iter().map(|view| view.tracked_activity()).chain(of_page).collect()
    }

    /// Handles an [`Event::Progress`] of any worker.
    pub fn handle_progress(self, event: &Event) {
        let Event::Progress { id, stage, done, total, seconds_left } = *event else { return };
        let at = window().performance().map_or(0.0, |p| p.now());
        for TrackedActivity { activity, .. } in self.activities() {
            if is_active(activity, id) {
                activity.update(|a| {
                    let Some(a) = a else { return };
                    let since = a.progress.filter(|p| p.stage == stage).map_or((at, done), |p| p.since);
                    a.progress = Some(ActivityProgress { stage, done, total, seconds_left, since, at });
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
        let mut p = ActivityProgress {
            stage: ProgressStage::Encode,
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
        activity.show = ShowWhen::WithProgress;
        assert!(!activity.is_long());
        let progress = |stage| ActivityProgress {
            stage,
            done: 0.0,
            total: 1.0,
            seconds_left: None,
            since: (0.0, 0.0),
            at: 0.0,
        };
        activity.progress = Some(progress(ProgressStage::Download));
        assert!(!activity.is_long());
        activity.progress = Some(progress(ProgressStage::Encode));
        assert!(activity.is_long());
    }
}
