//! Handles the worker's events about evaluations.

use js_sys::Reflect;
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use super::choices::{DataChoice, ShownModel};
use super::{
    ABOUT, EVALUATE, Evaluate, HiddenEvaluateState, ListUpdate, PlannedRun, QueryList, RunPosition, RunReport,
};
use crate::evaluation::{EvalReport, Setting};
use crate::page::activity::is_active;
use crate::page::catalogue::{evaluate as text, fill, message};
use crate::page::model::foreign_host;
use crate::page::models::NamedModel;
use crate::page::words;
use crate::protocol::{CellChoice, Event, Id, QueryRow, TaskInfo};

impl Evaluate {
    /// Handles an event about evaluations; returns any other.
    pub(super) fn handle_event(self, event: Event) -> Option<Event> {
        match event {
            Event::TaskReady { id, task } if is_active(self.activity, id) => self.task_arrived(task),
            Event::Evaluated { id, report } if is_active(self.activity, id) => {
                self.report_arrived(id, report);
                // Who only evaluates loads no model in the page.
                self.page.store_for_offline();
            }
            Event::Queries { id, rows, total } => {
                if self.requested_queries.get_untracked() == Some(id) {
                    self.requested_queries.set(None);
                    self.queries_arrived(rows, total);
                }
            }
            Event::Ranking { id, passages, .. } => {
                let at = self.hidden.with_value(|h| h.rankings.iter().position(|asked| *asked == id));
                self.opened.update(|o| {
                    let place = o.as_mut().zip(at).and_then(|(opened, at)| opened.passages.get_mut(at));
                    if let Some(place) = place {
                        *place = Some(passages);
                    }
                });
            }
            Event::Compared { id, comparison } => {
                if self.hidden.with_value(|h| h.comparing == Some(id)) {
                    self.hidden.update_value(|h| h.comparing = None);
                    self.comparison.set(Some(comparison));
                    // The map may show another measure by now.
                    self.compare();
                }
            }
            Event::File { id, name, bytes } => {
                if self.is_exporting(id) {
                    self.page.save(&name, &bytes);
                }
            }
            Event::Cancelled { id } if is_active(self.activity, id) => {
                self.hidden.update_value(|h| h.plan.clear());
                self.activity.set(None);
                self.request_first_queries();
            }
            Event::CacheCleared { id, files } if self.hidden.with_value(|h| h.clearing == Some(id)) => {
                self.page.notice.set(Some(match files {
                    0 => text::NO_VECTORS.into(),
                    n => fill(text::REMOVED_VECTORS, &[("files", &words::plural(n, text::VECTOR_FILE))]),
                }));
            }
            Event::Failed { id, problem } => return self.evaluation_failed(id, problem),
            // Answers to requests that are no longer relevant.
            Event::TaskReady { .. } | Event::Evaluated { .. } => {}
            other => return Some(other),
        }
        None
    }

    /// The view is built and the worker has started: after a reload, a report is computed again by itself, unless another
    /// server would have to be contacted; after following a link, the user is asked first.
    pub(super) fn restore_linked_report(self) {
        let near = [self.model, self.second_model]
            .into_iter()
            .all(|model| model.get_untracked().is_none_or(|m| foreign_host(&m).is_none()));
        let wanted = self.page.shown.get_untracked() == ABOUT.name
            && self.page.worker.get_untracked().is_listening()
            && self.data.get_untracked() == DataChoice::Sample
            && self.cell.with_untracked(Option::is_some)
            && self.runs.with_untracked(Vec::is_empty)
            && self.activity.with_untracked(Option::is_none);
        if wanted && near {
            if is_reload() {
                self.evaluate();
            } else {
                self.offers_run.set(true);
            }
        }
    }

    fn task_arrived(self, task: TaskInfo) {
        self.activity.set(None);
        let known = |code: &String| task.languages.iter().any(|(c, ..)| c == code);
        if self.languages.with_untracked(|chosen| !chosen.iter().all(known)) {
            self.languages.update(|chosen| chosen.retain(known));
            self.page.replace_address();
        }
        // Languages that the data does not have are not requested.
        self.hidden.update_value(|h| {
            h.open = h.pending.take();
            h.plan.iter_mut().for_each(|p| p.languages.retain(known));
        });
        self.task.set(Some(task.clone()));
        self.evaluate_next();
    }

    fn report_arrived(self, id: Id, report: EvalReport) {
        self.activity.set(None);
        let Some(Some((planned, place))) = self.hidden.try_update_value(|h| h.evaluating.clone()) else {
            return;
        };
        self.page.remember_name(NamedModel::new(planned.url, report.facts.model.clone()));
        let model = untrack(|| self.page.name_of(&planned.address));
        let PlannedRun { address, data, languages, .. } = planned;
        let run = RunReport { id, address, model, data, languages, report };
        self.live.set(true);
        if place == RunPosition::First {
            self.comparison.set(None);
            self.queries.set(None);
            self.opened.set(None);
            self.forget_cell_without_languages(&run.report);
            self.runs.set(vec![run]);
            if self.cell.with_untracked(Option::is_none) {
                self.cell.set(Some(CellChoice { setting: Setting::Multi, from: None, to: None }));
            }
        } else {
            self.runs.update(|runs| runs.push(run));
        }
        if self.hidden.with_value(|h| h.plan.is_empty()) {
            self.hidden.update_value(|h| h.evaluating = None);
            if self.runs.with_untracked(Vec::len) < 2 {
                self.shown.set(ShownModel::A);
            }
            self.page.replace_address();
            self.compare();
            self.request_queries(ListUpdate::Replace);
            // A problem with an earlier attempt is resolved.
            self.page.clear_problem_with(&[EVALUATE]);
        } else {
            self.evaluate_next();
        }
    }

    /// A cell with languages that were not included has no queries.
    fn forget_cell_without_languages(self, report: &EvalReport) {
        let measured = |code: &Option<String>| code.as_ref().is_none_or(|c| report.languages.contains(c));
        let gone = |cell: &CellChoice| !(measured(&cell.from) && measured(&cell.to));
        if self.cell.with_untracked(|cell| cell.as_ref().is_some_and(gone)) {
            self.cell.set(None);
        }
    }

    fn queries_arrived(self, rows: Vec<QueryRow>, total: usize) {
        let ((Some(run), second), Some(cell)) = (untrack(|| self.listed_runs()), self.cell.get_untracked())
        else {
            return;
        };
        let order = untrack(|| self.order());
        self.queries.update(|queries| match queries {
            // Further rows of the same list.
            Some(q) if self.more_of(q, run, &cell) => {
                q.rows.extend(rows);
                q.total = total;
            }
            other => *other = Some(QueryList { run, second, order, cell, rows, total }),
        });
        self.hidden.update_value(|h| h.update = ListUpdate::Replace);
    }

    fn evaluation_failed(self, id: Id, problem: String) -> Option<Event> {
        if is_active(self.activity, id) {
            self.activity.set(None);
            self.hidden.update_value(|h| {
                h.plan.clear();
                h.evaluating = None;
                h.pending = None;
            });
            let still =
                if self.runs.with_untracked(Vec::is_empty) { text::FAILED_FIRST } else { text::FAILED_LATER };
            self.page.show_problem(problem, still, Some(EVALUATE));
            self.request_first_queries();
        } else if self.requested_queries.get_untracked() == Some(id) {
            self.requested_queries.set(None);
            self.page.show_problem(problem, text::TABLES_STAY, None);
        } else if self.hidden.with_value(|h| h.rankings.contains(&id)) {
            self.opened.set(None);
            self.page.show_problem(problem, text::LIST_STAYS, None);
        } else if self.hidden.with_value(|h| h.comparing == Some(id)) {
            self.hidden.update_value(|h| h.comparing = None);
            self.page.show_problem(problem, text::BOTH_STAY, None);
        } else if self.is_exporting(id) || self.hidden.with_value(|h| h.clearing == Some(id)) {
            self.page.show_problem(problem, message::SCREEN_STAYS, None);
        } else {
            return Some(Event::Failed { id, problem });
        }
        None
    }

    /// The worker crashed: results can still be read, but no longer examined. Returns whether an evaluation was in progress.
    pub(super) fn forget_worker(self) -> bool {
        self.live.set(false);
        self.requested_queries.set(None);
        self.opened.set(None);
        self.hidden.update_value(|h| {
            *h = HiddenEvaluateState {
                files: std::mem::take(&mut h.files),
                edition: h.edition,
                ..HiddenEvaluateState::default()
            };
        });
        let measuring = self.activity.with_untracked(Option::is_some);
        self.activity.set(None);
        measuring
    }

    fn is_exporting(self, id: Id) -> bool {
        let at = self.hidden.with_value(|h| h.exporting.iter().position(|e| *e == id));
        if let Some(at) = at {
            self.hidden.update_value(|h| {
                h.exporting.remove(at);
            });
        }
        at.is_some()
    }

    fn more_of(self, shown: &QueryList, run: Id, cell: &CellChoice) -> bool {
        self.hidden.with_value(|h| h.update == ListUpdate::Append) && shown.run == run && shown.cell == *cell
    }
}

/// Whether the page was reloaded rather than opened by a link. Uses the older interface, which every browser has.
fn is_reload() -> bool {
    const RELOAD: f64 = 1.0;
    let of = |object: &JsValue, field: &str| Reflect::get(object, &field.into()).unwrap_or_default();
    let navigation = of(&of(&window(), "performance"), "navigation");
    of(&navigation, "type").as_f64() == Some(RELOAD)
}
