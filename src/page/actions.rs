//! What a person can make happen.

use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use super::address::Address;
use super::evaluate::View;
use super::link::describe;
use super::state::{Activity, Page, Problem, TOP, WayOut, Worker};
use super::words;
use crate::datasets::{Columns, Role};
use crate::patience::{self, within};
use crate::protocol::{DeviceChoice, Example, Id, OpenedFile, PrecisionChoice, Request, Scope};

/// Where the default model and the sample corpus are, seen from the page.
pub(super) const MODEL: &str = "model/";
pub(super) const SAMPLE: &str = "sample/";
/// A pause in typing after which the search runs.
const PAUSE: Duration = Duration::from_millis(250);
/// More than this is not read into memory.
const LARGEST_FILES: f64 = 256e6;
/// Bytes of a file that are read at a time.
const PART: f64 = 4e6;

impl Page {
    /// A new request's number.
    pub fn next_id(self) -> Id {
        self.kept
            .try_update_value(|k| {
                k.last_id = k.last_id.wrapping_add(1);
                k.last_id
            })
            .unwrap_or_default()
    }

    /// Sends a request; says so where there is nobody to take it.
    pub fn send(self, request: &Request) -> bool {
        let sent = self.kept.with_value(|k| match &k.link {
            Some(link) => link.send(request),
            None => Err("the part of the page that computes does not run".into()),
        });
        match sent {
            Ok(()) => true,
            Err(what) => {
                self.say(what, "What is on the screen stays.", Some(WayOut::StartWorker));
                false
            }
        }
    }

    /// Shows a problem.
    pub fn say(self, what: impl Into<String>, still: &str, way_out: Option<WayOut>) {
        let what = what.into();
        self.problem.set(Some(Problem {
            what: sentence(&what),
            still: still.into(),
            way_out,
            passing: false,
        }));
    }

    // The query

    /// The person typed.
    pub fn type_query(self, text: String) {
        self.query.set(text);
        self.top.set(TOP);
        let first = self.kept.try_update_value(|k| {
            k.untouched = false;
            !std::mem::replace(&mut k.typing, true)
        });
        self.write_address(first == Some(true));
        self.search_after_a_pause();
    }

    /// The person pressed Enter.
    pub fn submit(self) {
        self.kept.update_value(|k| {
            k.untouched = false;
            k.typing = false;
        });
        self.write_address(false);
        self.search();
    }

    /// The person chose an example.
    pub fn choose_example(self, text: String) {
        self.query.set(text);
        self.language.set(None);
        self.top.set(TOP);
        self.kept.update_value(|k| {
            k.untouched = false;
            k.typing = false;
        });
        self.write_address(true);
        self.search();
    }

    /// The person says which language the query is in; `None` leaves it to detection.
    pub fn choose_language(self, language: Option<String>) {
        self.language.set(language);
        self.changed();
    }

    /// The person chose which languages count.
    pub fn choose_scope(self, scope: Scope) {
        self.scope.set(scope);
        self.changed();
    }

    /// The person chose a passage language or left it.
    pub fn toggle_filter(self, code: &str) {
        self.filter.update(|filter| match filter.iter().position(|c| c == code) {
            Some(at) => {
                filter.remove(at);
            }
            None => filter.push(code.to_owned()),
        });
        self.changed();
    }

    /// All passage languages count again.
    pub fn clear_filter(self) {
        self.filter.set(Vec::new());
        self.changed();
    }

    /// The person wants to see more hits.
    pub fn show_more(self) {
        self.top.update(|top| *top += 2 * TOP);
        self.search();
    }

    fn changed(self) {
        self.top.set(TOP);
        self.write_address(false);
        self.search();
    }

    fn search_after_a_pause(self) {
        let timer = set_timeout_with_handle(move || self.search(), PAUSE).ok();
        self.kept.update_value(|k| {
            if let Some(old) = std::mem::replace(&mut k.timer, timer) {
                old.clear();
            }
        });
    }

    /// Searches again because something arrived, but not for what ended the worker twice.
    pub fn search_again(self) {
        let query = self.query.get_untracked();
        if self.kept.with_value(|k| k.deadly.as_ref().is_some_and(|(q, n)| *q == query && *n > 1)) {
            self.waiting.set(false);
            return;
        }
        self.search();
    }

    /// Searches for what is in the box, or keeps it until the model is there. A search still under
    /// way is forgotten: its answer finds no taker.
    pub fn search(self) {
        self.kept.update_value(|k| {
            if let Some(timer) = k.timer.take() {
                timer.clear();
            }
        });
        self.searching.set(None);
        if self.query.with_untracked(|q| q.trim().is_empty()) {
            self.waiting.set(false);
            return;
        }
        let live = self.kept.with_value(|k| k.corpus_live);
        let comes = live
            || self.opening.with_untracked(Option::is_some)
            || !matches!(self.worker.get_untracked(), Worker::Listening { .. });
        if !comes {
            self.waiting.set(false);
            return self.not_opened("no text is open to search".into());
        }
        let Some(precomputed) = self.corpus.with_untracked(|c| c.as_ref().map(|c| c.precomputed)) else {
            return;
        };
        self.search_beside();
        let model = self.model.with_untracked(Option::is_some);
        let ready = live && (model || (precomputed && self.example_asked().is_some()));
        self.waiting.set(!ready);
        if !ready {
            return;
        }
        let id = self.next_id();
        if self.search_request(id).is_some_and(|request| self.send(&request)) {
            self.searching.set(Some(id));
        }
    }

    /// What is asked now, of either model; `None` while nothing is open or nothing is asked.
    pub fn search_request(self, id: Id) -> Option<Request> {
        let query = self.query.get_untracked();
        if query.trim().is_empty() || self.corpus.with_untracked(Option::is_none) {
            return None;
        }
        let example = self.example_asked();
        Some(Request::Search {
            id,
            query,
            language: self.language.get_untracked().or(example.map(|e| e.language)),
            scope: self.scope.get_untracked(),
            languages: self.filter.get_untracked(),
            top: self.top.get_untracked(),
        })
    }

    /// The example that is in the box.
    fn example_asked(self) -> Option<Example> {
        self.query.with_untracked(|query| {
            self.corpus.with_untracked(|c| c.as_ref()?.examples.iter().find(|e| e.text == *query).cloned())
        })
    }

    // The address

    /// Writes the state into the address, as a new entry of the history or over the present one.
    pub fn write_address(self, new_entry: bool) {
        let search = untrack(|| self.address(self.view.get())).search();
        let Ok(history) = window().history() else { return };
        let path = window().location().pathname().unwrap_or_default();
        let address = format!("{path}{search}");
        // A browser that refuses (Safari does so when it happens too often) leaves the old address.
        let _ = if new_entry {
            history.push_state_with_url(&JsValue::NULL, "", Some(&address))
        } else {
            history.replace_state_with_url(&JsValue::NULL, "", Some(&address))
        };
    }

    /// Takes the state from the address: the person went back or forward.
    pub fn read_address(self) {
        let address = here();
        self.view.set(address.view);
        self.arrive();
        match address.view {
            View::Search => {}
            View::Evaluate => return self.return_to_report(&address),
            View::Benchmark => return self.benchmark.take(&address),
        }
        let reload = address.device != self.device.get_untracked()
            || address.precision != self.precision.get_untracked()
            || address.model != self.model_address.get_untracked();
        let example = self.first_example();
        self.kept.update_value(|k| {
            k.untouched = address.query.is_none();
            k.typing = false;
        });
        self.query.set(address.query.or(example).unwrap_or_default());
        self.language.set(address.language);
        self.scope.set(address.scope);
        self.filter.set(address.filter);
        self.device.set(address.device);
        self.precision.set(address.precision);
        self.model_address.set(address.model);
        let other = address.with != self.beside.address.get_untracked();
        self.beside.address.set(address.with);
        self.top.set(TOP);
        if reload {
            self.load_unless_foreign();
        }
        if reload || other {
            self.restart_beside();
        }
        self.search();
    }

    /// The person went back or forward to the Evaluate view.
    fn return_to_report(self, address: &Address) {
        let e = self.evaluate;
        e.take(address);
        if address.precision != self.precision.get_untracked() {
            self.choose_precision(address.precision);
        }
        if address.device != self.device.get_untracked() {
            self.choose_measuring_device(address.device);
        }
        let shown = e.queries.with_untracked(|q| q.as_ref().map(|q| (q.run, q.cell.clone())));
        if let (Some(run), Some(cell)) = (untrack(|| e.run()), e.cell.get_untracked())
            && shown != Some((run, cell))
        {
            self.ask_queries(false);
        }
    }

    /// The person is in a view: what it needs comes.
    pub fn arrive(self) {
        match self.view.get_untracked() {
            View::Search if self.corpus.with_untracked(Option::is_some) => {
                self.load_first_model();
                self.begin_beside();
            }
            View::Search | View::Benchmark => {}
            View::Evaluate => self.measure_what_the_link_shows(),
        }
    }

    /// The example that is searched where nobody asked anything.
    pub fn first_example(self) -> Option<String> {
        self.corpus.with_untracked(|corpus| Some(corpus.as_ref()?.examples.first()?.text.clone()))
    }

    // The model

    /// Loads the model on the chosen device. One that runs goes on answering until then.
    pub fn load_model(self) {
        self.cancel_load();
        let address = self.model_address.get_untracked();
        let Some(url) = resolve(address.as_deref().unwrap_or(MODEL)) else {
            self.say(
                format!("`{}` is not an address a model can be loaded from", address.unwrap_or_default()),
                "The examples can be searched. Leave `model=` out of the address for the default model.",
                None,
            );
            return;
        };
        let id = self.next_id();
        let request = self.load_request(id, url);
        if self.send(&request) {
            self.loading.set(Some(Activity {
                id,
                what: "Loading the model".into(),
                quick: false,
                progress: None,
            }));
        }
    }

    /// Loads the model where nobody asked for this very one: not from another server, which a link could name.
    pub fn load_unless_foreign(self) {
        let address = self.model_address.get_untracked();
        match address.and_then(|address| foreign_host(&address)) {
            Some(host) if !self.kept.with_value(|k| k.may_fetch) => self.say(
                format!("the model that this address names is on another server, {host}"),
                "Nothing was asked of that server yet. The examples can be searched without it.",
                Some(WayOut::FetchModel),
            ),
            _ => self.load_model(),
        }
    }

    /// The person chose this folder: where it is on another server, models may come from others.
    pub(super) fn allow(self, folder: Option<&str>) {
        if folder.is_some_and(|folder| foreign_host(folder).is_some()) {
            self.kept.update_value(|k| k.may_fetch = true);
        }
    }

    /// The person lets the model come from another server.
    pub fn fetch_model(self) {
        self.kept.update_value(|k| k.may_fetch = true);
        self.problem.set(None);
        self.load_model();
    }

    /// The model that was chosen does not come: the address names the one that answers.
    pub fn return_to_model(self) {
        if let Some((model, beside)) = self.kept.try_update_value(|k| k.before.take()).flatten() {
            self.model_address.set(model);
            if self.beside.address.get_untracked() != beside {
                self.beside.address.set(beside);
                self.write_address(false);
                return self.restart_beside();
            }
            self.write_address(false);
        }
        self.begin_beside();
    }

    /// The person has read what went wrong.
    pub fn dismiss(self) {
        let model =
            self.problem.with_untracked(|p| p.as_ref().is_some_and(|p| p.way_out == Some(WayOut::LoadModel)));
        self.problem.set(None);
        if model && self.loading.with_untracked(Option::is_none) {
            self.return_to_model();
        }
    }

    /// What loads the model at `url` as the person wants it to run.
    pub(super) fn load_request(self, id: Id, url: String) -> Request {
        let (device, precision) = (self.device.get_untracked(), self.precision.get_untracked());
        Request::Load { id, url, device, precision }
    }

    /// Stops loading.
    pub fn cancel_load(self) {
        if let Some(activity) = self.loading.get_untracked() {
            self.send(&Request::Cancel { id: activity.id });
            self.loading.set(None);
        }
    }

    /// The person chose a device.
    pub fn choose_device(self, device: DeviceChoice) {
        self.device.set(device);
        self.write_address(false);
        self.load_unless_foreign();
        self.restart_beside();
    }

    /// The person chose how the CPU multiplies; a model that answers searches is loaded anew.
    pub fn choose_precision(self, precision: PrecisionChoice) {
        self.precision.set(precision);
        self.write_address(false);
        if self.model.with_untracked(Option::is_some) || self.loading.with_untracked(Option::is_some) {
            self.load_unless_foreign();
            self.restart_beside();
        }
    }

    /// Removes model files from the browser's storage.
    pub fn clear_cache(self) {
        let id = self.next_id();
        if self.send(&Request::ClearCache { id }) {
            self.kept.update_value(|k| k.clear_id = Some(id));
        }
    }

    // The corpus

    /// Opens what was open, the sample where nothing was.
    pub fn open_again(self) {
        match self.kept.with_value(|k| k.open.clone()) {
            Some(files) => self.open_files(files),
            None => self.open_sample(),
        }
    }

    /// The person stops opening.
    pub fn stop_opening(self) {
        self.cancel_opening();
        if !self.kept.with_value(|k| k.corpus_live) {
            self.not_opened("opening was stopped".into());
        }
    }

    /// Says why text was not opened, and what can be searched all the same.
    pub(super) fn not_opened(self, why: String) {
        let open = self.corpus.with_untracked(|c| c.as_ref().map(|c| c.name.clone()));
        let live = self.kept.with_value(|k| k.corpus_live);
        match open {
            Some(name) if live => self.say(why, &format!("What was open stays open: {name}."), None),
            Some(name) => self.say(
                why,
                &format!("{name} stays on the screen, but cannot be searched before it is opened again."),
                Some(WayOut::OpenText),
            ),
            None => {
                self.say(
                    why,
                    "You can open the sample again, or a text of your own.",
                    Some(WayOut::OpenText),
                );
            }
        }
        self.load_first_model();
    }

    /// Opens the sample.
    pub fn open_sample(self) {
        self.cancel_opening();
        let Some(url) = resolve(SAMPLE) else { return };
        let id = self.next_id();
        if self.send(&Request::OpenSample { id, url }) {
            self.opening.set(Some(Activity {
                id,
                what: "Opening the sample".into(),
                quick: true,
                progress: None,
            }));
        }
    }

    /// Opens a person's own passages, once there is a model to encode them.
    pub fn open_files(self, files: Vec<OpenedFile>) {
        self.cancel_opening();
        let id = self.next_id();
        let what = match files.as_slice() {
            [file] => format!("Encoding {}", file.name),
            files => format!("Encoding {}", words::plural(files.len(), "file")),
        };
        self.opening.set(Some(Activity { id, what, quick: false, progress: None }));
        self.kept.update_value(|k| {
            k.coming = Some(files);
            k.unsent = true;
        });
        if self.model.with_untracked(Option::is_some) {
            self.send_coming();
        } else if self.loading.with_untracked(Option::is_none) {
            self.load_unless_foreign();
        }
    }

    /// The person says which column of an open file is what; it is read and encoded anew.
    pub fn choose_column(self, file: &str, role: Role, column: Option<String>) {
        // An earlier choice may still be on its way.
        let has = |files: &&Vec<OpenedFile>| files.iter().any(|f| f.name == file);
        let files = self.kept.with_value(|k| k.coming.as_ref().filter(has).or(k.open.as_ref()).cloned());
        let Some(mut files) = files else { return };
        for opened in files.iter_mut().filter(|f| f.name == file) {
            opened.columns = std::mem::take(&mut opened.columns).with(role, column.clone());
        }
        self.open_files(files);
    }

    /// The person wants long passages split, or no longer: own text that is open, or on its way, is encoded anew.
    pub fn choose_windows(self, windows: bool) {
        self.windows.set(windows);
        if let Some(files) = self.kept.with_value(|k| k.coming.clone().or_else(|| k.open.clone())) {
            self.open_files(files);
        }
    }

    /// Sends files that waited for the model.
    pub fn send_coming(self) {
        let Some(id) = self.opening.with_untracked(|o| o.as_ref().map(|o| o.id)) else { return };
        let files = self
            .kept
            .try_update_value(|k| if std::mem::take(&mut k.unsent) { k.coming.clone() } else { None });
        if let Some(files) = files.flatten()
            && !self.send(&Request::OpenFiles { id, files, windows: self.windows.get_untracked() })
        {
            self.opening.set(None);
        }
    }

    /// Stops opening; what was open stays open.
    pub fn cancel_opening(self) {
        let unsent = self.kept.try_update_value(|k| {
            k.coming = None;
            std::mem::take(&mut k.unsent)
        });
        if let Some(activity) = self.opening.get_untracked() {
            if unsent != Some(true) {
                self.send(&Request::Cancel { id: activity.id });
            }
            self.opening.set(None);
        }
    }

    /// Opens lines that the person pasted.
    pub fn open_pasted(self, text: String) {
        if text.trim().is_empty() {
            self.say("There is no text to search yet", "Paste a passage a line, then try again.", None);
            return;
        }
        self.open_files(vec![OpenedFile {
            name: "pasted text".into(),
            bytes: text.into_bytes(),
            columns: Columns::default(),
        }]);
    }

    /// Reads files that the person chose or dropped, and opens them to search or to measure on.
    pub fn read_files(self, files: Vec<web_sys::File>) {
        if files.is_empty() {
            return;
        }
        let size: f64 = files.iter().map(|f| f.size()).sum();
        if size > LARGEST_FILES {
            self.say(
                format!(
                    "These files have {} together, and a page can take in {}",
                    words::bytes(size),
                    words::bytes(LARGEST_FILES)
                ),
                "What was open stays open. Choose fewer or smaller files.",
                None,
            );
            return;
        }
        let view = self.view.get_untracked();
        leptos::task::spawn_local(async move {
            let mut read = Vec::with_capacity(files.len());
            for file in files {
                match bytes_of(&file).await {
                    Ok(bytes) => {
                        read.push(OpenedFile { name: file.name(), bytes, columns: Columns::default() });
                    }
                    Err(why) => {
                        self.say(
                            format!("{} could not be read: {why}", file.name()),
                            "What was open stays open. Choose the file again.",
                            None,
                        );
                        return;
                    }
                }
            }
            match view {
                View::Search | View::Benchmark => self.open_files(read),
                View::Evaluate => self.take_data_files(read),
            }
        });
    }

    /// The person asks for a new worker after it died too often.
    pub fn start_again(self) {
        self.kept.update_value(|k| k.deaths = 0);
        self.worker.set(Worker::Starting);
        self.start_worker();
    }
}

/// What is in a person's file, a part after the other: so a drive that stands still is told from a slow one.
async fn bytes_of(file: &web_sys::File) -> Result<Vec<u8>, String> {
    let size = file.size();
    let mut bytes = Vec::new();
    while (bytes.len() as f64) < size {
        let begin = bytes.len() as f64;
        let part = file.slice_with_f64_and_f64(begin, size.min(begin + PART)).map_err(|e| describe(&e))?;
        let Some(part) = within(patience::FILE, JsFuture::from(part.array_buffer())).await else {
            return Err(format!(
                "nothing more came for {} s after {} of {} bytes; where it lies in a cloud or on another \
                 machine, copy it to this one first",
                patience::FILE,
                words::count(bytes.len()),
                words::count(size as usize),
            ));
        };
        let part = js_sys::Uint8Array::new(&part.map_err(|e| describe(&e))?).to_vec();
        if part.is_empty() {
            return Err("it became shorter while it was read".into());
        }
        bytes.extend(part);
    }
    Ok(bytes)
}

/// The present address.
pub(super) fn here() -> Address {
    Address::parse(&window().location().search().unwrap_or_default())
}

/// A folder's address, seen from the document, with a slash at its end.
pub(super) fn resolve(folder: &str) -> Option<String> {
    let base = document().base_uri().ok()??;
    let url = web_sys::Url::new_with_base(folder, &base).ok()?;
    if !url.pathname().ends_with('/') {
        url.set_pathname(&format!("{}/", url.pathname()));
    }
    Some(url.href())
}

/// The server that a folder is on, where that is not the page's own.
pub(super) fn foreign_host(folder: &str) -> Option<String> {
    let url = web_sys::Url::new(&resolve(folder)?).ok()?;
    (url.origin() != window().location().origin().ok()?).then(|| url.host())
}

/// A capital at the start, unless that is a file's name or a field's; a full stop at the end.
pub(super) fn sentence(words: &str) -> String {
    let words = words.trim();
    let first = words.split(' ').next().unwrap_or_default();
    let mut chars = words.chars();
    let mut out: String = match chars.next() {
        Some(c) if first.chars().all(char::is_alphabetic) => c.to_uppercase().chain(chars).collect(),
        Some(_) => words.to_owned(),
        None => return "Something went wrong, without a word about what.".into(),
    };
    if !out.ends_with(['.', '!', '?', '…']) {
        out.push('.');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_shown_as_sentences() {
        assert_eq!(sentence("the model is gone"), "The model is gone.");
        assert_eq!(sentence("Done?"), "Done?");
        assert_eq!(sentence("model/manifest.json: empty"), "model/manifest.json: empty.");
        assert!(sentence("  ").ends_with('.'));
    }
}
