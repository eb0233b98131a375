//! The user's actions in the Evaluate view.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::choices::{DataChoice, MapMeasure, ShownModel, pair};
use super::{EVALUATE, Evaluate, ListUpdate, OpenQuery, PlannedRun, RunPosition};
use crate::datasets::Role;
use crate::evaluation::{Measure, Setting, Sorting};
use crate::page::activity::{Activity, Concurrency, TrackedActivity};
use crate::page::address::QueryString;
use crate::page::catalogue::{evaluate as text, fill, message};
use crate::page::corpus::SAMPLE;
use crate::page::model::{MODEL, resolve};
use crate::page::state::{device_of, precision_of};
use crate::page::words;
use crate::protocol::{CellChoice, DeviceChoice, ExportKind, OpenedFile, Request, TaskSource};

/// Queries shown at a time.
const ROWS: usize = 10;
/// Passages of a ranking that are shown.
const PASSAGES: usize = 20;

impl Evaluate {
    // Choosing what to evaluate

    pub(super) fn choose_data(self, data: DataChoice) {
        self.data.set(data);
        self.mirror.set(None);
        let known = data.languages();
        self.languages.update(|l| l.retain(|code| known.contains(&code.as_str())));
        self.page.replace_address();
        if data == DataChoice::Own {
            self.open_own_data();
        }
    }

    /// The user chose or dropped files to evaluate on.
    pub(super) fn take_data_files(self, files: Vec<OpenedFile>) {
        self.files.set(files.iter().map(|file| file.name.clone()).collect());
        self.hidden.update_value(|h| {
            h.files = files;
            h.edition += 1;
        });
        self.data.set(DataChoice::Own);
        self.languages.set(Vec::new());
        self.page.replace_address();
        self.open_own_data();
    }

    /// The user assigned a column of one of the files; they are read again.
    pub(super) fn choose_data_column(self, file: &str, role: Role, column: Option<String>) {
        self.hidden.update_value(|h| {
            for opened in h.files.iter_mut().filter(|f| f.name == file) {
                opened.columns = std::mem::take(&mut opened.columns).with(role, column.clone());
            }
            h.edition += 1;
        });
        if role == Role::Language {
            self.languages.set(Vec::new());
            self.page.replace_address();
        }
        self.open_own_data();
    }

    /// Opens the user's files at once, as only they tell which languages there are.
    fn open_own_data(self) {
        let opened = self.hidden.with_value(|h| h.open.clone());
        let some = self.files.with_untracked(|files| !files.is_empty());
        if some && opened != Some(untrack(|| self.source_key())) {
            self.stop_evaluating();
            self.open_task();
        }
    }

    /// The user selected or deselected a language; all of them are the same as none.
    pub(super) fn toggle_language(self, code: &str) {
        let offered = untrack(|| self.available_languages());
        self.languages.update(|chosen| {
            if chosen.is_empty() {
                chosen.extend(offered.iter().map(|(code, _)| code.clone()));
            }
            match chosen.iter().position(|c| c == code) {
                Some(at) if chosen.len() > 1 => {
                    chosen.remove(at);
                }
                Some(_) => {}
                None => chosen.push(code.to_owned()),
            }
            if chosen.len() == offered.len() {
                chosen.clear();
            }
        });
        self.page.replace_address();
    }

    /// The user named a model; empty for the default one.
    pub(super) fn name_model(self, address: &str) {
        let address = Some(address.trim()).filter(|a| !a.is_empty() && *a != MODEL);
        self.model.set(address.map(str::to_owned));
        self.page.replace_address();
    }

    /// The user named a second model; empty for none.
    pub(super) fn name_second_model(self, address: &str) {
        let address = Some(address.trim()).filter(|a| !a.is_empty());
        self.second_model.set(address.map(str::to_owned));
        self.page.replace_address();
    }

    pub(super) fn choose_lir(self, directions: Option<usize>) {
        self.lir.set(directions);
        self.page.replace_address();
    }

    /// The user named further measures.
    pub(super) fn name_measures(self, typed: &str) {
        let words = typed.split([',', ' ', ';']).filter(|word| !word.is_empty());
        let named: Vec<(&str, Option<Measure>)> = words.map(|word| (word, word.parse().ok())).collect();
        let unknown: Vec<&str> =
            named.iter().filter(|(_, known)| known.is_none()).map(|(word, _)| *word).collect();
        if !unknown.is_empty() {
            self.page.show_problem(
                fill(text::NO_MEASURE, &[("names", &unknown.join(", "))]),
                text::NAME_MEASURES,
                None,
            );
        }
        self.measures.set(named.into_iter().filter_map(|(_, known)| known).collect());
        self.page.replace_address();
    }

    /// The user chose the lowest relevant grade.
    pub(super) fn choose_relevance(self, level: u32) {
        self.relevance.set(level);
        self.page.replace_address();
    }

    /// The user chose a device here; a model used for search is moved too.
    pub(super) fn choose_evaluation_device(self, device: DeviceChoice) {
        if self.page.has_model() {
            self.page.choose_device(device);
        } else {
            self.page.device.set(device);
            self.page.replace_address();
        }
    }

    /// The user went back or forward to this view.
    pub(super) fn restore(self, address: &QueryString) {
        self.set_choices(address);
        let (device, precision) = (device_of(address), precision_of(address));
        if precision != self.page.precision.get_untracked() {
            self.page.choose_precision(precision);
        }
        if device != self.page.device.get_untracked() {
            self.choose_evaluation_device(device);
        }
        let shown = self.queries.with_untracked(|q| q.as_ref().map(|q| (q.run, q.order, q.cell.clone())));
        let ((run, _), order) = untrack(|| (self.listed_runs(), self.order()));
        if let (Some(run), Some(cell)) = (run, self.cell.get_untracked())
            && shown != Some((run, order, cell))
        {
            self.request_queries(ListUpdate::Replace);
        }
    }

    // Evaluating

    /// Evaluates the chosen models on the chosen data.
    pub(super) fn evaluate(self) {
        let is_exclusive = |work: &TrackedActivity| {
            work.concurrency == Concurrency::Exclusive && work.activity.with_untracked(Option::is_some)
        };
        if let Some(work) = self.page.activities().into_iter().find(is_exclusive) {
            self.page.show_problem(
                fill(message::TIMES_DISTURBED, &[("work", work.sentence)]),
                message::WAIT_OR_CANCEL,
                None,
            );
            return;
        }
        if !self.may_evaluate() {
            return;
        }
        self.stop_evaluating();
        self.stopped.set(None);
        self.offers_run.set(false);
        let first = self.model.get_untracked().unwrap_or_else(|| MODEL.to_owned());
        let lir = self.lir.get_untracked();
        let mut wanted = vec![(first.clone(), lir)];
        match self.second_model.get_untracked() {
            Some(second) => wanted.push((second, lir)),
            // The effect of removing directions is shown next to the same model without it.
            None if lir.is_some() => wanted.insert(0, (first, None)),
            None => {}
        }
        let mut plan = Vec::new();
        for (address, lir) in wanted.into_iter().rev() {
            let Some(url) = resolve(&address) else {
                self.page.show_problem(
                    fill(message::BAD_ADDRESS, &[("address", &address)]),
                    message::NAME_FOLDER,
                    None,
                );
                return;
            };
            let (data, languages) = (self.data.get_untracked(), self.languages.get_untracked());
            let (measures, relevance) = (self.measures.get_untracked(), self.relevance.get_untracked());
            plan.push(PlannedRun { data, languages, address, url, lir, measures, relevance });
        }
        if self.data.get_untracked() == DataChoice::Own && self.files.with_untracked(Vec::is_empty) {
            self.page.show_problem(text::NOTHING_CHOSEN, text::CHOOSE_THEM, None);
            return;
        }
        // A URL with a cell starts the evaluation: so will this one after a reload.
        if self.cell.with_untracked(Option::is_none) {
            self.cell.set(Some(CellChoice { setting: Setting::Multi, from: None, to: None }));
            self.page.replace_address();
        }
        let opened = self.hidden.try_update_value(|h| {
            h.plan = plan;
            h.evaluating = None;
            h.open.clone()
        });
        if opened.flatten() == Some(untrack(|| self.source_key())) {
            self.evaluate_next();
        } else {
            self.open_task();
        }
    }

    /// Whether both models may be loaded; one that only a link names is shown first with its size, and evaluated if the
    /// user wants it.
    fn may_evaluate(self) -> bool {
        let wanted = |of: RwSignal<Option<String>>| {
            let Some(address) = of.get_untracked() else { return true };
            let then = Callback::new(move |address| {
                of.set(Some(address));
                self.page.replace_address();
                self.evaluate();
            });
            self.page.may_use(&address, then)
        };
        wanted(self.model) && wanted(self.second_model)
    }

    fn open_task(self) {
        let data = self.data.get_untracked();
        let base = untrack(|| self.base());
        let source = match data {
            DataChoice::Sample => resolve(SAMPLE).map(|url| TaskSource::Sample { url }),
            DataChoice::Own => Some(TaskSource::Files { files: self.hidden.with_value(|h| h.files.clone()) }),
            DataChoice::Xquad | DataChoice::Mlqa => base
                .as_deref()
                .and_then(resolve)
                .map(|base| TaskSource::Download { dataset: data.name().to_owned(), base }),
        };
        let Some(source) = source else {
            self.page.show_problem(
                fill(text::BAD_DATA_ADDRESS, &[("address", &base.unwrap_or_default())]),
                text::NAME_DATA,
                None,
            );
            return;
        };
        let id = self.page.next_id();
        if self.page.send(&Request::OpenTask { id, source }) {
            let key = untrack(|| self.source_key());
            // If this request is cancelled, it is unknown which data the worker has open.
            self.hidden.update_value(|h| {
                h.open = None;
                h.pending = Some(key);
            });
            let what = match data {
                DataChoice::Sample => text::OPENING_SAMPLE.to_owned(),
                DataChoice::Own => text::OPENING_FILES.to_owned(),
                named => fill(text::OPENING, &[("name", named.title())]),
            };
            self.activity.set(Some(Activity::new(id, what)));
        }
    }

    /// Evaluates the next model of the plan.
    pub(super) fn evaluate_next(self) {
        let next = self.hidden.try_update_value(|h| {
            let next = h.plan.pop();
            let place = if h.evaluating.is_none() { RunPosition::First } else { RunPosition::Later };
            h.evaluating = next.clone().map(|next| (next, place));
            next
        });
        let Some(Some(next)) = next else {
            return;
        };
        let id = self.page.next_id();
        let sent = self.page.send(&Request::Evaluate {
            id,
            url: next.url,
            device: self.page.device.get_untracked(),
            precision: self.page.precision.get_untracked(),
            languages: next.languages,
            lir: next.lir,
            measures: next.measures,
            relevance: Some(next.relevance),
        });
        if sent {
            let model = untrack(|| self.page.name_of(&next.address));
            let removed = next.lir.map(|n| words::plural(n, text::DIRECTION));
            let what = match &removed {
                Some(n) => fill(text::MEASURING_LIR, &[("model", &model), ("directions", n)]),
                None => fill(text::MEASURING, &[("model", &model)]),
            };
            self.activity.set(Some(Activity::new(id, what)));
        }
    }

    /// Stops the evaluation; finished results stay.
    pub(super) fn stop_evaluating(self) {
        self.hidden.update_value(|h| {
            h.plan.clear();
            h.evaluating = None;
            h.pending = None;
        });
        if let Some(activity) = self.activity.get_untracked() {
            self.page.send(&Request::Cancel { id: activity.id });
            self.activity.set(None);
            // A stopped evaluation does not start again by itself.
            if self.runs.with_untracked(Vec::is_empty) {
                self.cell.set(None);
                self.page.replace_address();
            }
            self.request_first_queries();
        }
    }

    /// If one of two models was evaluated and the other will not be, its questions can be examined.
    pub(super) fn request_first_queries(self) {
        if self.runs.with_untracked(|runs| !runs.is_empty()) && self.queries.with_untracked(Option::is_none) {
            self.request_queries(ListUpdate::Replace);
        }
    }

    // Examining results

    pub(super) fn choose_measure(self, measure: MapMeasure) {
        self.measure.set(measure);
        self.page.replace_address();
        self.compare();
    }

    pub(super) fn choose_shown(self, shown: ShownModel) {
        let before = untrack(|| self.order());
        self.shown.set(shown);
        self.order.set(None);
        self.page.replace_address();
        if before != untrack(|| self.order()) {
            self.request_queries(ListUpdate::Replace);
        }
    }

    /// The user chose the order of the questions.
    pub(super) fn choose_order(self, order: Sorting) {
        self.order.set((order != self.shown.get_untracked().order()).then_some(order));
        self.page.replace_address();
        self.request_queries(ListUpdate::Replace);
    }

    /// Compares the two runs by the measure that the map shows.
    pub(super) fn compare(self) {
        let measure = self.measure.get_untracked().compared();
        let known = self.comparison.with_untracked(|c| c.as_ref().is_some_and(|c| c.measure == measure));
        let [a, b] = self.runs.with_untracked(|runs| [0, 1].map(|at| runs.get(at).map(|run| run.id)));
        let (Some(a), Some(b), false, true) = (a, b, known, self.live.get_untracked()) else {
            return;
        };
        let id = self.page.next_id();
        if self.page.send(&Request::Compare { id, a, b, measure: measure.to_owned() }) {
            self.hidden.update_value(|h| h.comparing = Some(id));
        }
    }

    /// The user chose a cell; its queries are requested.
    pub(super) fn choose_cell(self, cell: CellChoice) {
        self.cell.set(Some(cell));
        self.page.replace_address();
        self.request_queries(ListUpdate::Replace);
    }

    /// The user chose a cell in the map, and continues with its queries.
    pub(super) fn open_cell(self, cell: CellChoice) {
        // A difference opens the questions that make it.
        if let (ShownModel::Difference, CellChoice { from: Some(from), to: Some(to), .. }) =
            (self.shown.get_untracked(), &cell)
            && let Some((difference, _)) = untrack(|| self.difference(from, to))
        {
            self.order.set(Some(if difference < 0.0 { Sorting::SecondBehind } else { Sorting::SecondAhead }));
        }
        self.choose_cell(cell);
        if let Some(heading) = document().get_element_by_id("queries") {
            heading.scroll_into_view();
            if let Some(heading) = heading.dyn_ref::<web_sys::HtmlElement>() {
                // If the focus cannot be moved, the page has still scrolled there.
                let _ = heading.focus();
            }
        }
    }

    /// Requests the cell's queries, starting with the worst, or more of them.
    pub(super) fn request_queries(self, update: ListUpdate) {
        let (run, second) = untrack(|| self.listed_runs());
        let Some(run) = run.filter(|_| self.live.get_untracked()) else {
            return;
        };
        let order = untrack(|| self.order());
        let cell =
            self.cell.get_untracked().unwrap_or(CellChoice { setting: Setting::Multi, from: None, to: None });
        let (offset, count) = match update {
            ListUpdate::Replace => (0, ROWS),
            ListUpdate::Append => {
                (self.queries.with_untracked(|q| q.as_ref().map_or(0, |q| q.rows.len())), 2 * ROWS)
            }
        };
        let id = self.page.next_id();
        // A pending ranking belongs to the list that is being replaced.
        if update == ListUpdate::Replace {
            self.opened.set(None);
        }
        if self.page.send(&Request::Queries { id, run, second, order, cell, offset, count }) {
            self.requested_queries.set(Some(id));
            self.hidden.update_value(|h| h.update = update);
        }
    }

    /// Opens or closes the query at this position of the list.
    pub(super) fn open_query(self, at: usize) {
        if self.opened.with_untracked(|o| o.as_ref().is_some_and(|o| o.at == at)) {
            self.opened.set(None);
            return;
        }
        let asked = self.queries.with_untracked(|q| {
            let q = q.as_ref()?;
            let row = q.rows.get(at)?;
            // If the cell consists of several pairs, the row knows which one it belongs to.
            let cell = match (q.cell.setting, &row.to) {
                (Setting::Multi, _) | (_, None) => q.cell.clone(),
                (_, Some(to)) => pair(&row.language, to),
            };
            Some(([Some(q.run), q.second], cell, row.query.clone()))
        });
        let Some((runs, cell, query)) = asked.filter(|_| self.live.get_untracked()) else {
            return;
        };
        let mut rankings = Vec::new();
        for run in runs.into_iter().flatten() {
            let id = self.page.next_id();
            let (cell, query) = (cell.clone(), query.clone());
            if !self.page.send(&Request::Ranking { id, run, cell, query, top: PASSAGES }) {
                return;
            }
            rankings.push(id);
        }
        self.hidden.update_value(|h| h.rankings = rankings);
        self.opened.set(Some(OpenQuery { at, passages: [None, None] }));
    }

    /// Requests a file about the displayed run.
    pub(super) fn export(self, what: ExportKind) {
        let cell =
            self.cell.get_untracked().unwrap_or(CellChoice { setting: Setting::Multi, from: None, to: None });
        let Some(run) = untrack(|| self.run()) else { return };
        if !self.live.get_untracked() {
            self.page.show_problem(text::CANNOT_WRITE, text::AGAIN_TO_WRITE, Some(EVALUATE));
            return;
        }
        let id = self.page.next_id();
        if self.page.send(&Request::Export { id, run, what, cell }) {
            self.hidden.update_value(|h| h.exporting.push(id));
        }
    }

    /// Downloads the comparison of the two models.
    pub(super) fn export_comparison(self) {
        let json =
            self.comparison.with_untracked(|c| c.as_ref().and_then(|c| serde_json::to_vec_pretty(c).ok()));
        if let Some(json) = json {
            self.page.save("comparison.json", &json);
        }
    }

    /// Deletes stored vectors.
    pub(super) fn clear_vectors(self) {
        let id = self.page.next_id();
        if self.page.send(&Request::ClearVectors { id }) {
            self.hidden.update_value(|h| h.clearing = Some(id));
        }
    }
}
