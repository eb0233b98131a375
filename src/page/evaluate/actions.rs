//! What a person can make happen in the Evaluate view.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::{Data, Opened, Planned, Shown, View};
use crate::datasets::Role;
use crate::evaluation::{Measure, Setting};
use crate::page::actions::{MODEL, resolve};
use crate::page::state::{Activity, Page, WayOut};
use crate::page::words;
use crate::protocol::{CellChoice, DeviceChoice, ExportKind, OpenedFile, Request, TaskSource};

/// How many queries are shown at a time.
const ROWS: usize = 10;
/// How many passages of a ranking are shown.
const PASSAGES: usize = 20;

impl Page {
    /// The person goes to a view.
    pub fn go(self, view: View) {
        if self.view.get_untracked() != view {
            self.view.set(view);
            self.write_address(true);
            window().scroll_to_with_x_and_y(0.0, 0.0);
            self.arrive();
        }
    }

    // What is measured

    pub fn choose_data(self, data: Data) {
        self.evaluate.data.set(data);
        self.evaluate.mirror.set(None);
        let known = data.languages();
        self.evaluate.languages.update(|l| l.retain(|code| known.contains(&code.as_str())));
        self.write_address(false);
        if data == Data::Own {
            self.open_own_data();
        }
    }

    /// The person chose or dropped files to measure on.
    pub fn take_data_files(self, files: Vec<OpenedFile>) {
        let e = self.evaluate;
        e.files.set(files.iter().map(|file| file.name.clone()).collect());
        e.kept.update_value(|k| {
            k.files = files;
            k.edition += 1;
        });
        e.data.set(Data::Own);
        e.languages.set(Vec::new());
        self.write_address(false);
        self.open_own_data();
    }

    /// The person says which column of one of their files is what; the files are read anew.
    pub fn choose_data_column(self, file: &str, role: Role, column: Option<String>) {
        self.evaluate.kept.update_value(|k| {
            for opened in k.files.iter_mut().filter(|f| f.name == file) {
                opened.columns = std::mem::take(&mut opened.columns).with(role, column.clone());
            }
            k.edition += 1;
        });
        if role == Role::Language {
            self.evaluate.languages.set(Vec::new());
            self.write_address(false);
        }
        self.open_own_data();
    }

    /// Opens the person's files at once: only they say which languages there are.
    fn open_own_data(self) {
        let opened = self.evaluate.kept.with_value(|k| k.open.clone());
        let some = self.evaluate.files.with_untracked(|files| !files.is_empty());
        if some && opened != Some(untrack(|| self.evaluate.source_key())) {
            self.stop_measuring();
            self.open_task();
        }
    }

    /// The person chose a language or left it; all of them are the same as none.
    pub fn toggle_language(self, code: &str) {
        let offered = untrack(|| self.evaluate.offered());
        self.evaluate.languages.update(|chosen| {
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
        self.write_address(false);
    }

    /// The person named a model; nothing names the default one, or no second one.
    pub fn name_model(self, second: bool, address: &str) {
        let address = address.trim();
        let named = (!address.is_empty() && (second || address != MODEL)).then(|| address.to_owned());
        (if second { self.evaluate.against } else { self.evaluate.model }).set(named);
        self.write_address(false);
    }

    pub fn choose_lir(self, directions: Option<usize>) {
        self.evaluate.lir.set(directions);
        self.write_address(false);
    }

    /// The person named measures of their own.
    pub fn name_measures(self, typed: &str) {
        let words = typed.split([',', ' ', ';']).filter(|word| !word.is_empty());
        let named: Vec<(&str, Option<Measure>)> = words.map(|word| (word, word.parse().ok())).collect();
        let unknown: Vec<&str> =
            named.iter().filter(|(_, known)| known.is_none()).map(|(word, _)| *word).collect();
        if !unknown.is_empty() {
            self.say(
                format!("there is no measure {}", unknown.join(" and no measure ")),
                "Name map, mrr, ndcg, recall or p with a cut-off from 1 on, for instance ndcg@20. What you typed \
                 otherwise is measured.",
                None,
            );
        }
        self.evaluate.measures.set(named.into_iter().filter_map(|(_, known)| known).collect());
        self.write_address(false);
    }

    /// The person chose from which grade on a passage is relevant.
    pub fn choose_relevance(self, level: u32) {
        self.evaluate.relevance.set(level);
        self.write_address(false);
    }

    /// The person chose a device here; a model that answers searches moves there too.
    pub fn choose_measuring_device(self, device: DeviceChoice) {
        if self.model.with_untracked(Option::is_some) || self.loading.with_untracked(Option::is_some) {
            self.choose_device(device);
        } else {
            self.device.set(device);
            self.write_address(false);
        }
    }

    // Measuring

    /// Measures the chosen models on the chosen data.
    pub fn measure(self) {
        if self.benchmark.activity.with_untracked(Option::is_some) {
            self.say(
                "a benchmark is under way, and its times would mean nothing beside this",
                "Wait until it is done, or cancel it at the foot of the window.",
                None,
            );
            return;
        }
        self.stop_measuring();
        let e = self.evaluate;
        let first = e.model.get_untracked().unwrap_or_else(|| MODEL.to_owned());
        let lir = e.lir.get_untracked();
        let mut wanted = vec![(first.clone(), lir)];
        match e.against.get_untracked() {
            Some(second) => wanted.push((second, lir)),
            // What removing directions does shows beside the same model as it is.
            None if lir.is_some() => wanted.insert(0, (first, None)),
            None => {}
        }
        let mut plan = Vec::new();
        for (address, lir) in wanted.into_iter().rev() {
            let Some(url) = resolve(&address) else {
                self.say(
                    format!("`{address}` is not an address a model can be loaded from"),
                    "Name the folder of a model bundle, for instance `model/` for the one of this page.",
                    None,
                );
                return;
            };
            let (data, languages) = (e.data.get_untracked(), e.languages.get_untracked());
            let (measures, relevance) = (e.measures.get_untracked(), e.relevance.get_untracked());
            plan.push(Planned { data, languages, address, url, lir, measures, relevance });
        }
        if e.data.get_untracked() == Data::Own && e.files.with_untracked(Vec::is_empty) {
            self.say(
                "No files are chosen to measure on",
                "Choose them above, or take another data set.",
                None,
            );
            return;
        }
        // An address with a cell measures by itself: so does this one after a reload.
        if e.cell.with_untracked(Option::is_none) {
            e.cell.set(Some(CellChoice { setting: Setting::Multi, from: None, to: None }));
            self.write_address(false);
        }
        let opened = e.kept.try_update_value(|k| {
            k.plan = plan;
            k.measuring = None;
            k.open.clone()
        });
        if opened.flatten() == Some(untrack(|| e.source_key())) {
            self.measure_next();
        } else {
            self.open_task();
        }
    }

    fn open_task(self) {
        let e = self.evaluate;
        let data = e.data.get_untracked();
        let base = untrack(|| e.base());
        let source = match data {
            Data::Sample => resolve("sample/").map(|url| TaskSource::Sample { url }),
            Data::Own => Some(TaskSource::Files { files: e.kept.with_value(|k| k.files.clone()) }),
            Data::Xquad | Data::Mlqa => base
                .as_deref()
                .and_then(resolve)
                .map(|base| TaskSource::Download { dataset: data.name().to_owned(), base }),
        };
        let Some(source) = source else {
            self.say(
                format!("`{}` is not an address data can be downloaded from", base.unwrap_or_default()),
                "Name the folder with the data set’s files, or choose the files themselves.",
                None,
            );
            return;
        };
        let id = self.next_id();
        if self.send(&Request::OpenTask { id, source }) {
            let key = untrack(|| e.source_key());
            // Should this one be cancelled, nobody knows which the worker has open.
            e.kept.update_value(|k| {
                k.open = None;
                k.coming = Some(key);
            });
            let what = match data {
                Data::Sample => "Opening the sample".to_owned(),
                Data::Own => "Opening your files".to_owned(),
                named => format!("Opening {}", named.title()),
            };
            e.activity.set(Some(Activity { id, what, quick: false, progress: None }));
        }
    }

    /// Measures the next model of the plan.
    pub(super) fn measure_next(self) {
        let e = self.evaluate;
        let next = e.kept.try_update_value(|k| {
            let next = k.plan.pop();
            let first = k.measuring.is_none();
            k.measuring = next.clone().map(|next| (next, first));
            next
        });
        let Some(Some(next)) = next else {
            return;
        };
        let id = self.next_id();
        let sent = self.send(&Request::Evaluate {
            id,
            url: next.url,
            device: self.device.get_untracked(),
            precision: self.precision.get_untracked(),
            languages: next.languages,
            lir: next.lir,
            measures: next.measures,
            relevance: Some(next.relevance),
        });
        if sent {
            let name = next.address.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
            let model = if next.address == MODEL { "the default model".to_owned() } else { name };
            let lir = next.lir.map(|n| format!(" with {} removed", words::plural(n, "direction")));
            let what = format!("Measuring {model}{}", lir.unwrap_or_default());
            e.activity.set(Some(Activity { id, what, quick: false, progress: None }));
        }
    }

    /// Stops what is under way; what was measured stays.
    pub fn stop_measuring(self) {
        let e = self.evaluate;
        e.kept.update_value(|k| {
            k.plan.clear();
            k.measuring = None;
            k.coming = None;
        });
        if let Some(activity) = e.activity.get_untracked() {
            self.send(&Request::Cancel { id: activity.id });
            e.activity.set(None);
            // What a person stopped does not start again by itself.
            if e.runs.with_untracked(Vec::is_empty) {
                e.cell.set(None);
                self.write_address(false);
            }
            self.ask_for_what_was_measured();
        }
    }

    /// Of two models one is measured, and the other will not be: its questions can be looked at.
    pub(super) fn ask_for_what_was_measured(self) {
        let e = self.evaluate;
        if e.runs.with_untracked(|runs| !runs.is_empty()) && e.queries.with_untracked(Option::is_none) {
            self.ask_queries(false);
        }
    }

    // What is looked at

    pub fn choose_measure(self, measure: super::MapMeasure) {
        self.evaluate.measure.set(measure);
        self.write_address(false);
        self.compare();
    }

    pub fn choose_shown(self, shown: Shown) {
        self.evaluate.shown.set(shown);
        self.write_address(false);
        let run = untrack(|| self.evaluate.run());
        if self.evaluate.queries.with_untracked(|q| q.as_ref().map(|q| q.run)) != run {
            self.ask_queries(false);
        }
    }

    /// Sets the two runs against each other in the measure that the map shows.
    pub(super) fn compare(self) {
        let e = self.evaluate;
        let measure = e.measure.get_untracked().compared();
        let known = e.comparison.with_untracked(|c| c.as_ref().is_some_and(|c| c.measure == measure));
        let [a, b] = e.runs.with_untracked(|runs| [0, 1].map(|at| runs.get(at).map(|run| run.id)));
        let (Some(a), Some(b), false, true) = (a, b, known, e.live.get_untracked()) else {
            return;
        };
        let id = self.next_id();
        if self.send(&Request::Compare { id, a, b, measure: measure.to_owned() }) {
            e.kept.update_value(|k| k.comparing = Some(id));
        }
    }

    /// The person chose a cell; its queries come.
    pub fn choose_cell(self, cell: CellChoice) {
        self.evaluate.cell.set(Some(cell));
        self.write_address(false);
        self.ask_queries(false);
    }

    /// The person chose a cell in the map: its queries are what they go on with.
    pub fn open_cell(self, cell: CellChoice) {
        self.choose_cell(cell);
        if let Some(heading) = document().get_element_by_id("queries") {
            heading.scroll_into_view();
            if let Some(heading) = heading.dyn_ref::<web_sys::HtmlElement>() {
                // Where it cannot take the focus, the page has scrolled there all the same.
                let _ = heading.focus();
            }
        }
    }

    /// Asks for the cell's queries from the worst on, or for more of them.
    pub fn ask_queries(self, more: bool) {
        let e = self.evaluate;
        let Some(run) = untrack(|| e.run()).filter(|_| e.live.get_untracked()) else {
            return;
        };
        let cell =
            e.cell.get_untracked().unwrap_or(CellChoice { setting: Setting::Multi, from: None, to: None });
        let offset =
            if more { e.queries.with_untracked(|q| q.as_ref().map_or(0, |q| q.rows.len())) } else { 0 };
        let id = self.next_id();
        // The ranking that was on its way is of a list that goes.
        if !more {
            e.opened.set(None);
        }
        let count = if more { 2 * ROWS } else { ROWS };
        if self.send(&Request::Queries { id, run, cell, offset, count }) {
            e.asking.set(Some(id));
            e.kept.update_value(|k| k.following = more);
        }
    }

    /// Opens the query at this place of the list, or closes it.
    pub fn open_query(self, at: usize) {
        let e = self.evaluate;
        if e.opened.with_untracked(|o| o.as_ref().is_some_and(|o| o.at == at)) {
            e.opened.set(None);
            return;
        }
        let asked = e.queries.with_untracked(|q| {
            let q = q.as_ref()?;
            let row = q.rows.get(at)?;
            // Where a cell is several pairs, the row says which it is of.
            let cell = match (q.cell.setting, &row.to) {
                (Setting::Multi, _) | (_, None) => q.cell.clone(),
                (_, Some(to)) => super::pair(&row.language, to),
            };
            Some((q.run, cell, row.query.clone()))
        });
        let Some((run, cell, query)) = asked.filter(|_| e.live.get_untracked()) else {
            return;
        };
        let id = self.next_id();
        if self.send(&Request::Ranking { id, run, cell, query, top: PASSAGES }) {
            e.kept.update_value(|k| k.ranking = Some(id));
            e.opened.set(Some(Opened { at, passages: None }));
        }
    }

    /// Asks for a file about the run that is shown.
    pub fn export(self, what: ExportKind) {
        let e = self.evaluate;
        let cell =
            e.cell.get_untracked().unwrap_or(CellChoice { setting: Setting::Multi, from: None, to: None });
        let Some(run) = untrack(|| e.run()) else { return };
        if !e.live.get_untracked() {
            self.say(
                "the part of the page that measured was started again, so it cannot write files",
                "Measure again: what was encoded is kept in this browser’s storage.",
                Some(WayOut::Measure),
            );
            return;
        }
        let id = self.next_id();
        if self.send(&Request::Export { id, run, what, cell }) {
            e.kept.update_value(|k| k.exporting.push(id));
        }
    }

    /// Saves how the two models differ.
    pub fn export_comparison(self) {
        let json = self
            .evaluate
            .comparison
            .with_untracked(|c| c.as_ref().and_then(|c| serde_json::to_vec_pretty(c).ok()));
        if let Some(json) = json {
            self.save("comparison.json", &json);
        }
    }

    /// Hands a file to the browser to save.
    pub(in crate::page) fn save(self, name: &str, bytes: &[u8]) {
        let saved = (|| {
            let parts = js_sys::Array::of1(&js_sys::Uint8Array::from(bytes));
            let blob = web_sys::Blob::new_with_u8_array_sequence(&parts)?;
            let url = web_sys::Url::create_object_url_with_blob(&blob)?;
            let link = document().create_element("a")?;
            link.set_attribute("href", &url)?;
            link.set_attribute("download", name)?;
            if let Some(link) = link.dyn_ref::<web_sys::HtmlElement>() {
                link.click();
            }
            // The browser has taken the file by the next turn of its loop; a minute is ample.
            set_timeout(
                move || {
                    // Should it fail, the bytes stay in memory until the page is closed.
                    let _ = web_sys::Url::revoke_object_url(&url);
                },
                std::time::Duration::from_secs(60),
            );
            Ok::<(), wasm_bindgen::JsValue>(())
        })();
        if let Err(why) = saved {
            self.say(
                format!("{name} could not be saved: {}", crate::page::link::describe(&why)),
                "What is on the screen stays.",
                None,
            );
        }
    }

    /// Removes vectors that were kept for measuring.
    pub fn clear_vectors(self) {
        let id = self.next_id();
        if self.send(&Request::ClearVectors { id }) {
            self.evaluate.kept.update_value(|k| k.clearing = Some(id));
        }
    }
}
