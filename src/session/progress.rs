//! How far a request is, told not more often than a person can read.

use super::{browser::now, encode::Encoded};
use crate::protocol::{Event, Id, Stage};

/// Milliseconds between two reports of a stage.
const PAUSE: f64 = 100.0;
/// Milliseconds of work before a guess at the rest is worth something.
const WARM_UP: f64 = 500.0;

/// Reports the progress of one request.
pub struct Progress<'a> {
    id: Id,
    say: &'a dyn Fn(Event),
    stage: Option<Stage>,
    began: f64,
    first: f64,
    told: f64,
}

impl<'a> Progress<'a> {
    /// Of request `id`, told to `say`.
    pub fn new(id: Id, say: &'a dyn Fn(Event)) -> Self {
        Self { id, say, stage: None, began: 0.0, first: 0.0, told: 0.0 }
    }

    /// Whose progress it is.
    pub fn id(&self) -> Id {
        self.id
    }

    /// `stage` is at `done` of `total`; the time left is guessed from these.
    pub fn at(&mut self, stage: Stage, done: f64, total: f64) {
        self.weighed(stage, done, total, done, total);
    }

    /// `texts` are encoded: what [`encode`](super::Session::encode) tells is passed on.
    pub fn encoding(&mut self, texts: usize) -> impl FnMut(Encoded) {
        move |step| {
            let (done, tokens, all) = (step.texts as f64, step.tokens as f64, step.all_tokens as f64);
            self.weighed(Stage::Encode, done, texts as f64, tokens, all);
        }
    }

    /// As [`at`](Self::at); the time left is guessed from `work` of `all_work` instead, where items
    /// are of unlike size.
    pub fn weighed(&mut self, stage: Stage, done: f64, total: f64, work: f64, all_work: f64) {
        let time = now();
        if self.stage != Some(stage) {
            (self.stage, self.began, self.first) = (Some(stage), time, work);
        } else if time - self.told < PAUSE && done < total {
            return;
        }
        self.told = time;
        let (elapsed, worked) = (time - self.began, work - self.first);
        let seconds_left = (elapsed > WARM_UP && worked > 0.0)
            .then(|| (all_work - work).max(0.0) * elapsed / worked / 1000.0);
        (self.say)(Event::Progress { id: self.id, stage, done, total, seconds_left });
    }
}
