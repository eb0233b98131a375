//! Handles the worker's events about timing.

use leptos::prelude::*;

use super::Benchmark;
use crate::page::catalogue::{benchmark as text, fill};
use crate::page::models::NamedModel;
use crate::protocol::Event;

impl Benchmark {
    /// Handles an event about timing; returns any other.
    pub(super) fn handle_event(self, event: Event) -> Option<Event> {
        let active = self.activity.with_untracked(|a| a.as_ref().map(|a| a.id));
        match event {
            Event::Benchmark { id, report, now } if active == Some(id) => {
                let finished = report.finished;
                self.page.remember_name(NamedModel::new(report.url.clone(), report.model.clone()));
                self.report.set(Some(report));
                self.now.set(now);
                if finished {
                    self.stopped();
                    self.page.store_for_offline();
                } else if let Some((target, cell)) = now {
                    self.activity.update(|a| {
                        if let Some(a) = a {
                            a.what = fill(
                                text::RUNNING_NOW,
                                &[("cell", &cell.to_string()), ("way", &target.to_string())],
                            );
                        }
                    });
                }
            }
            // An event of a cancelled request.
            Event::Benchmark { .. } => {}
            Event::Cancelled { id } if active == Some(id) => {
                self.stopped();
            }
            Event::Failed { id, problem } if active == Some(id) => {
                self.stopped();
                self.page.show_problem(problem, text::STAYS, None);
            }
            other => return Some(other),
        }
        None
    }
}
