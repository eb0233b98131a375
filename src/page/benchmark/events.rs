//! What the worker says about timing.

use leptos::prelude::*;

use crate::page::state::Page;
use crate::protocol::Event;

impl Page {
    /// Takes what is about timing; gives back what is not.
    pub fn hear_of_timing(self, event: Event) -> Option<Event> {
        let b = self.benchmark;
        let active = b.activity.with_untracked(|a| a.as_ref().map(|a| a.id));
        match event {
            Event::Benchmark { id, report, now } if active == Some(id) => {
                let finished = report.finished;
                b.report.set(Some(report));
                b.now.set(now);
                if finished {
                    b.stopped();
                } else if let Some((way, cell)) = now {
                    b.activity.update(|a| {
                        if let Some(a) = a {
                            a.what = format!("Benchmark, {cell} on {way}");
                        }
                    });
                }
            }
            // Of what was stopped.
            Event::Benchmark { .. } => {}
            Event::Cancelled { id } if active == Some(id) => {
                b.stopped();
            }
            Event::Failed { id, problem } if active == Some(id) => {
                b.stopped();
                self.say(problem, "What was chosen stays, and so does what was timed before.", None);
            }
            other => return Some(other),
        }
        None
    }
}
