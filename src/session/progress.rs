//! Reports the progress of a request, not more often than a user can read.

use super::{browser::now, encode::EncodeProgress};
use crate::protocol::{Event, Id, ProgressStage};

/// Minimum milliseconds between two reports of a stage.
const INTERVAL: f64 = 100.0;
/// Milliseconds of work before the remaining time is estimated.
const WARM_UP: f64 = 500.0;

/// Reports the progress of one request.
pub struct ProgressReporter<'a> {
    id: Id,
    say: &'a dyn Fn(Event),
    stage: Option<ProgressStage>,
    began: f64,
    first: f64,
    reported: f64,
}

impl<'a> ProgressReporter<'a> {
    /// Of request `id`, reported to `say`.
    pub fn new(id: Id, say: &'a dyn Fn(Event)) -> Self {
        Self { id, say, stage: None, began: 0.0, first: 0.0, reported: 0.0 }
    }

    /// The request's id.
    pub fn id(&self) -> Id {
        self.id
    }

    /// `stage` is at `done` of `total`, from which the remaining time is estimated.
    pub fn at(&mut self, stage: ProgressStage, done: f64, total: f64) {
        self.at_weighted(stage, done, total, done, total);
    }

    /// A callback for the steps of [`encode`](super::Session::encode) with this many `texts`.
    pub fn encoding(&mut self, texts: usize) -> impl FnMut(EncodeProgress) {
        move |step| {
            let (done, tokens, all) = (step.texts as f64, step.tokens as f64, step.all_tokens as f64);
            self.at_weighted(ProgressStage::Encode, done, texts as f64, tokens, all);
        }
    }

    /// As [`at`](Self::at), but the remaining time is estimated from `work` of `all_work`, for items of different size.
    pub fn at_weighted(&mut self, stage: ProgressStage, done: f64, total: f64, work: f64, all_work: f64) {
        let time = now();
        if self.stage != Some(stage) {
            (self.stage, self.began, self.first) = (Some(stage), time, work);
        } else if time - self.reported < INTERVAL && done < total {
            return;
        }
        self.reported = time;
        let (elapsed, worked) = (time - self.began, work - self.first);
        let seconds_left = (elapsed > WARM_UP && worked > 0.0)
            .then(|| (all_work - work).max(0.0) * elapsed / worked / 1000.0);
        (self.say)(Event::Progress { id: self.id, stage, done, total, seconds_left });
    }
}
