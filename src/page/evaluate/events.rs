//! What the worker says about measuring.

use leptos::prelude::*;

use super::{Data, Evaluate, Queries, Run, Shown, View};
use crate::evaluation::{EvalReport, Setting};
use crate::page::actions::foreign_host;
use crate::page::state::{Page, WayOut, Worker};
use crate::page::words;
use crate::protocol::{CellChoice, Event, Id, TaskInfo};

impl Page {
    /// Takes what is about measuring; gives back what is not.
    pub fn hear_of_measuring(self, event: Event) -> Option<Event> {
        let e = self.evaluate;
        match event {
            Event::TaskReady { id, task } if e.is_active(id) => self.task_arrived(task),
            Event::Evaluated { id, report } if e.is_active(id) => self.report_arrived(id, report),
            Event::Queries { id, rows, total } => {
                if e.asking.get_untracked() == Some(id) {
                    e.asking.set(None);
                    self.queries_arrived(rows, total);
                }
            }
            Event::Ranking { id, passages, .. } => {
                if e.kept.with_value(|k| k.ranking == Some(id)) {
                    e.opened.update(|o| {
                        if let Some(opened) = o {
                            opened.passages = Some(passages);
                        }
                    });
                }
            }
            Event::Compared { id, comparison } => {
                if e.kept.with_value(|k| k.comparing == Some(id)) {
                    e.kept.update_value(|k| k.comparing = None);
                    e.comparison.set(Some(comparison));
                    // The map may show another measure by now.
                    self.compare();
                }
            }
            Event::File { id, name, bytes } => {
                if e.is_exporting(id) {
                    self.save(&name, &bytes);
                }
            }
            Event::Note { note, .. } => {
                let known = self.notice.with_untracked(|n| n.as_ref().is_some_and(|n| n.contains(&note)));
                if !known {
                    self.notice.update(|notice| {
                        *notice = Some(match notice.take() {
                            Some(before) => format!("{before} {note}"),
                            None => note,
                        });
                    });
                }
            }
            Event::Cancelled { id } if e.is_active(id) => {
                e.kept.update_value(|k| k.plan.clear());
                e.activity.set(None);
                self.ask_for_what_was_measured();
            }
            Event::CacheCleared { id, files } if e.kept.with_value(|k| k.clearing == Some(id)) => {
                self.notice.set(Some(match files {
                    0 => "There were no vectors in this browser’s storage.".into(),
                    n => format!(
                        "Removed {} of vectors from this browser’s storage. The report stays until the page is closed.",
                        words::plural(n, "file")
                    ),
                }));
            }
            Event::Failed { id, problem } => return self.measuring_failed(id, problem),
            // Answers to what nobody waits for any more.
            Event::TaskReady { .. } | Event::Evaluated { .. } => {}
            other => return Some(other),
        }
        None
    }

    /// The view is there and the worker listens: a link to a report measures by itself, where that asks
    /// nothing of another server.
    pub fn measure_what_the_link_shows(self) {
        let e = self.evaluate;
        let near = [e.model, e.against]
            .into_iter()
            .all(|model| model.get_untracked().is_none_or(|m| foreign_host(&m).is_none()));
        let wanted = self.view.get_untracked() == View::Evaluate
            && matches!(self.worker.get_untracked(), Worker::Listening { .. })
            && e.data.get_untracked() == Data::Sample
            && e.cell.with_untracked(Option::is_some)
            && e.runs.with_untracked(Vec::is_empty)
            && e.activity.with_untracked(Option::is_none);
        if wanted && near {
            self.measure();
        }
    }

    fn task_arrived(self, task: TaskInfo) {
        let e = self.evaluate;
        e.activity.set(None);
        let known = |code: &String| task.languages.iter().any(|(c, ..)| c == code);
        if e.languages.with_untracked(|chosen| !chosen.iter().all(known)) {
            e.languages.update(|chosen| chosen.retain(known));
            self.write_address(false);
        }
        // Languages that the data lacks are not asked for.
        e.kept.update_value(|k| {
            k.open = k.coming.take();
            k.plan.iter_mut().for_each(|p| p.languages.retain(known));
        });
        e.task.set(Some(task.clone()));
        self.measure_next();
    }

    fn report_arrived(self, id: Id, report: EvalReport) {
        let e = self.evaluate;
        e.activity.set(None);
        let Some(Some((planned, first))) = e.kept.try_update_value(|k| k.measuring.clone()) else {
            return;
        };
        let run =
            Run { id, address: planned.address, data: planned.data, languages: planned.languages, report };
        e.live.set(true);
        if first {
            e.comparison.set(None);
            e.queries.set(None);
            e.opened.set(None);
            self.forget_cell_without_languages(&run.report);
            e.runs.set(vec![run]);
            if e.cell.with_untracked(Option::is_none) {
                e.cell.set(Some(CellChoice { setting: Setting::Multi, from: None, to: None }));
            }
        } else {
            e.runs.update(|runs| runs.push(run));
        }
        if e.kept.with_value(|k| k.plan.is_empty()) {
            e.kept.update_value(|k| k.measuring = None);
            if e.runs.with_untracked(Vec::len) < 2 {
                e.shown.set(Shown::A);
            }
            self.write_address(false);
            self.compare();
            self.ask_queries(false);
            // A problem with an earlier attempt is settled.
            self.settle(&[WayOut::Measure]);
        } else {
            self.measure_next();
        }
    }

    /// A cell of languages that were not measured has no queries.
    fn forget_cell_without_languages(self, report: &EvalReport) {
        let measured = |code: &Option<String>| code.as_ref().is_none_or(|c| report.languages.contains(c));
        let gone = |cell: &CellChoice| !(measured(&cell.from) && measured(&cell.to));
        if self.evaluate.cell.with_untracked(|cell| cell.as_ref().is_some_and(gone)) {
            self.evaluate.cell.set(None);
        }
    }

    fn queries_arrived(self, rows: Vec<crate::protocol::QueryRow>, total: usize) {
        let e = self.evaluate;
        let (Some(run), Some(cell)) = (untrack(|| e.run()), e.cell.get_untracked()) else {
            return;
        };
        e.queries.update(|queries| match queries {
            // Rows that follow those that are there.
            Some(q) if e.more_of(q, run, &cell) => {
                q.rows.extend(rows);
                q.total = total;
            }
            other => *other = Some(Queries { run, cell, rows, total }),
        });
        e.kept.update_value(|k| k.following = false);
    }

    fn measuring_failed(self, id: Id, problem: String) -> Option<Event> {
        let e = self.evaluate;
        if e.is_active(id) {
            e.activity.set(None);
            e.kept.update_value(|k| {
                k.plan.clear();
                k.measuring = None;
                k.coming = None;
            });
            let still = if e.runs.with_untracked(Vec::is_empty) {
                "What was chosen stays; vectors that were finished are kept."
            } else {
                "What was measured before stays."
            };
            self.say(problem, still, Some(WayOut::Measure));
            self.ask_for_what_was_measured();
        } else if e.asking.get_untracked() == Some(id) {
            e.asking.set(None);
            self.say(problem, "The tables stay.", None);
        } else if e.kept.with_value(|k| k.ranking == Some(id)) {
            e.opened.set(None);
            self.say(problem, "The list of questions stays.", None);
        } else if e.kept.with_value(|k| k.comparing == Some(id)) {
            e.kept.update_value(|k| k.comparing = None);
            self.say(problem, "Both models’ figures stay.", None);
        } else if e.is_exporting(id) || e.kept.with_value(|k| k.clearing == Some(id)) {
            self.say(problem, "What is on the screen stays.", None);
        } else {
            return Some(Event::Failed { id, problem });
        }
        None
    }
}

impl Evaluate {
    /// The worker died: what was measured can be read, but not asked about. Whether something was under
    /// way.
    pub fn worker_died(self) -> bool {
        self.live.set(false);
        self.asking.set(None);
        self.opened.set(None);
        self.kept.update_value(|k| {
            *k =
                super::Kept { files: std::mem::take(&mut k.files), edition: k.edition, ..Default::default() };
        });
        let measuring = self.activity.with_untracked(Option::is_some);
        self.activity.set(None);
        measuring
    }

    fn is_active(self, id: Id) -> bool {
        self.activity.with_untracked(|a| a.as_ref().is_some_and(|a| a.id == id))
    }

    fn is_exporting(self, id: Id) -> bool {
        let at = self.kept.with_value(|k| k.exporting.iter().position(|e| *e == id));
        if let Some(at) = at {
            self.kept.update_value(|k| {
                k.exporting.remove(at);
            });
        }
        at.is_some()
    }

    fn more_of(self, shown: &Queries, run: Id, cell: &CellChoice) -> bool {
        self.kept.with_value(|k| k.following) && shown.run == run && shown.cell == *cell
    }
}
