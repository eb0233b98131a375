//! The open corpus: the sample or the user's own text, the same for all views.

use leptos::prelude::*;

use super::activity::{Activity, ShowWhen};
use super::catalogue::{corpus, fill};
use super::messages::ProblemAction;
use super::model::resolve;
use super::names;
use super::state::Page;
use super::view::StateChange;
use super::words;
use crate::datasets::{Columns, Role};
use crate::protocol::{CorpusInfo, ExampleQuestion, Id, OpenedFile, Request};

/// The sample's folder, relative to the page.
pub(super) const SAMPLE: &str = "sample/";
/// The sample's languages.
pub(super) const SAMPLE_LANGUAGES: [&str; 11] =
    ["ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"];

/// What is open, as needed to open it in a new worker.
#[derive(Debug, Clone, Default)]
pub(super) enum CorpusSource {
    #[default]
    Sample,
    Files(Vec<OpenedFile>),
}

/// What is about to be open.
#[derive(Debug)]
pub(super) enum PendingCorpus {
    Sample,
    /// Files that wait for the model.
    Unsent(Vec<OpenedFile>),
    Sent(Vec<OpenedFile>),
}

impl PendingCorpus {
    fn files(&self) -> Option<&Vec<OpenedFile>> {
        match self {
            Self::Sample => None,
            Self::Unsent(files) | Self::Sent(files) => Some(files),
        }
    }

    fn into_source(self) -> CorpusSource {
        match self {
            Self::Sample => CorpusSource::Sample,
            Self::Unsent(files) | Self::Sent(files) => CorpusSource::Files(files),
        }
    }
}

impl CorpusSource {
    fn files(&self) -> Option<&Vec<OpenedFile>> {
        match self {
            Self::Sample => None,
            Self::Files(files) => Some(files),
        }
    }
}

/// Whether a worker has the open corpus; a new worker has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Presence {
    #[default]
    Absent,
    Present,
}

impl Page {
    /// Opens what was open in the last visit: the user's own text if it was stored, otherwise the sample.
    pub fn open_initial_corpus(self) {
        if !matches!(stored_text(), Some((StoredTextState::Open, _))) {
            return self.open_sample();
        }
        self.open_stored_text();
    }

    /// Opens the stored text.
    pub fn open_stored_text(self) {
        self.cancel_opening();
        let id = self.next_id();
        if self.send(&Request::RecallFiles { id }) {
            self.hidden.update_value(|h| h.recalling = Some(id));
            let activity = Activity::new(id, corpus::OPENING_STORED);
            self.opening.set(Some(Activity { show: ShowWhen::WithProgress, ..activity }));
        }
    }

    /// The stored text was read; if there is none any more, the sample is opened.
    pub(super) fn stored_text_arrived(self, id: Id, files: Vec<OpenedFile>, windows: bool) {
        if self.hidden.with_value(|h| h.recalling != Some(id)) {
            return;
        }
        self.hidden.update_value(|h| h.recalling = None);
        self.opening.set(None);
        if files.is_empty() {
            record_stored_text(None);
            self.stored_text_name.set(None);
            return self.open_sample();
        }
        self.windows.set(windows);
        self.open_files(files);
    }

    /// The user deletes the stored text.
    pub fn forget_text(self) {
        let id = self.next_id();
        if self.send(&Request::ForgetFiles { id }) {
            record_stored_text(None);
            self.stored_text_name.set(None);
            self.hidden.update_value(|h| h.forgetting = Some(id));
            if self.hidden.with_value(|h| {
                h.open.files().is_some() || h.pending.as_ref().is_some_and(|c| c.files().is_some())
            }) {
                self.open_sample();
            }
        }
    }

    /// Opens what was open, or the sample.
    pub fn reopen_corpus(self) {
        match self.hidden.with_value(|h| h.open.clone()) {
            CorpusSource::Files(files) => self.open_files(files),
            CorpusSource::Sample => self.open_sample(),
        }
    }

    /// The user cancels opening.
    pub fn stop_opening(self) {
        self.cancel_opening();
        if !self.corpus_is_present() {
            self.not_opened(corpus::STOPPED.into());
        }
    }

    /// Whether the worker has the open corpus.
    pub fn corpus_is_present(self) -> bool {
        self.hidden.with_value(|h| h.presence == Presence::Present)
    }

    /// Reports why text was not opened, and what can be searched nevertheless.
    pub fn not_opened(self, why: String) {
        let open = self.corpus.with_untracked(|c| c.as_ref().map(|c| c.name.clone()));
        match open {
            Some(name) if self.corpus_is_present() => {
                self.show_text_problem(why, &fill(corpus::STAYS_OPEN, &[("name", &name)]), None);
            }
            Some(name) => {
                let still = fill(corpus::STAYS_ON_SCREEN, &[("name", &name)]);
                self.show_text_problem(why, &still, Some(ProblemAction::OpenText));
            }
            None => self.show_text_problem(why, corpus::OPEN_AGAIN, Some(ProblemAction::OpenText)),
        }
        self.notify(StateChange::CorpusFailed);
    }

    /// Opens the sample.
    pub fn open_sample(self) {
        self.cancel_opening();
        self.hidden.update_value(|h| h.just_chosen = false);
        let Some(url) = resolve(SAMPLE) else { return };
        let id = self.next_id();
        if self.send(&Request::OpenSample { id, url }) {
            self.hidden.update_value(|h| h.pending = Some(PendingCorpus::Sample));
            let activity = Activity::new(id, corpus::OPENING_SAMPLE);
            self.opening.set(Some(Activity { show: ShowWhen::WithProgress, ..activity }));
        }
    }

    /// The user chose files to search.
    pub fn open_new_files(self, files: Vec<OpenedFile>) {
        self.open_files(files);
        self.hidden.update_value(|h| h.just_chosen = true);
    }

    /// Whether the opened text was just chosen by the user; true only once.
    pub fn take_just_chosen(self) -> bool {
        self.hidden.try_update_value(|h| std::mem::take(&mut h.just_chosen)).unwrap_or_default()
    }

    /// Opens the user's own passages, once there is a model to encode them.
    pub fn open_files(self, files: Vec<OpenedFile>) {
        self.cancel_opening();
        let id = self.next_id();
        let what = match files.as_slice() {
            [file] => fill(corpus::ENCODING, &[("what", &file.name)]),
            files => fill(corpus::ENCODING, &[("what", &words::plural(files.len(), corpus::FILE))]),
        };
        self.opening.set(Some(Activity::new(id, what)));
        self.hidden.update_value(|h| h.pending = Some(PendingCorpus::Unsent(files)));
        if self.model.with_untracked(Option::is_some) {
            self.send_pending();
        } else if self.loading.with_untracked(Option::is_none) {
            self.load_unless_foreign();
        }
    }

    /// The user assigned a column of an open file; it is read and encoded again.
    pub fn choose_column(self, file: &str, role: Role, column: Option<String>) {
        // An earlier choice may still be in progress.
        let has = |files: &&Vec<OpenedFile>| files.iter().any(|f| f.name == file);
        let files = self.hidden.with_value(|h| {
            h.pending.as_ref().and_then(PendingCorpus::files).filter(has).or(h.open.files()).cloned()
        });
        let Some(mut files) = files else { return };
        for opened in files.iter_mut().filter(|f| f.name == file) {
            opened.columns = std::mem::take(&mut opened.columns).with(role, column.clone());
        }
        self.open_files(files);
    }

    /// The user turned splitting of long passages on or off: open or arriving text is encoded again.
    pub fn choose_windows(self, windows: bool) {
        self.windows.set(windows);
        let files = self
            .hidden
            .with_value(|h| h.pending.as_ref().and_then(PendingCorpus::files).or(h.open.files()).cloned());
        if let Some(files) = files {
            self.open_files(files);
        }
    }

    /// Sends files that waited for the model.
    pub fn send_pending(self) {
        let Some(id) = self.opening.with_untracked(|o| o.as_ref().map(|o| o.id)) else { return };
        let unsent = self.hidden.try_update_value(|h| match h.pending.take() {
            Some(PendingCorpus::Unsent(files)) => {
                h.pending = Some(PendingCorpus::Sent(files.clone()));
                Some(files)
            }
            other => {
                h.pending = other;
                None
            }
        });
        if let Some(files) = unsent.flatten()
            && !self.send(&self.files_request(id, files, true))
        {
            self.opening.set(None);
        }
    }

    /// The request that opens the same corpus in another worker.
    pub fn open_request(self, id: Id) -> Option<Request> {
        Some(match self.hidden.with_value(|h| h.open.clone()) {
            CorpusSource::Files(files) => self.files_request(id, files, false),
            CorpusSource::Sample => Request::OpenSample { id, url: resolve(SAMPLE)? },
        })
    }

    fn files_request(self, id: Id, files: Vec<OpenedFile>, keep: bool) -> Request {
        Request::OpenFiles { id, files, windows: self.windows.get_untracked(), keep }
    }

    /// Cancels opening; what was open stays open.
    pub fn cancel_opening(self) {
        let pending = self.hidden.try_update_value(|h| h.pending.take()).flatten();
        if let Some(activity) = self.opening.get_untracked() {
            if !matches!(pending, Some(PendingCorpus::Unsent(_))) {
                self.send(&Request::Cancel { id: activity.id });
            }
            self.opening.set(None);
        }
    }

    /// Opens pasted lines.
    pub fn open_pasted(self, text: String) {
        if text.trim().is_empty() {
            self.show_text_problem(corpus::NOTHING_PASTED, corpus::PASTE_FIRST, None);
            return;
        }
        self.open_new_files(vec![OpenedFile {
            name: corpus::PASTED.into(),
            bytes: text.into_bytes(),
            columns: Columns::default(),
        }]);
    }

    /// The worker has opened a corpus.
    pub(super) fn corpus_ready(self, mut corpus: CorpusInfo) {
        sort_examples(&mut corpus.examples);
        self.opening.set(None);
        self.hidden.update_value(|h| {
            h.open = h.pending.take().map_or(CorpusSource::Sample, PendingCorpus::into_source);
            h.presence = Presence::Present;
        });
        if corpus.kept {
            record_stored_text(Some((StoredTextState::Open, &corpus.name)));
            self.stored_text_name.set(Some(corpus.name.clone()));
        } else if let Some((StoredTextState::Open, name)) = stored_text() {
            // The previous text is still stored, but the user went on to another.
            record_stored_text(Some((StoredTextState::Closed, &name)));
        }
        self.corpus.set(Some(corpus));
        self.clear_text_problem();
        self.notify(StateChange::CorpusReady);
    }

    pub(super) fn opening_failed(self, problem: String) {
        self.opening.set(None);
        self.hidden.update_value(|h| {
            h.pending = None;
            h.just_chosen = false;
        });
        self.not_opened(problem);
    }
}

/// Sorts examples whose answer is ranked first before harder ones, and among both those in the visitor's language first.
pub(super) fn sort_examples(examples: &mut [ExampleQuestion]) {
    let own = names::of_reader(|code| examples.iter().any(|e| e.language == code));
    examples.sort_by_key(|e| (e.is_harder(), Some(&e.language) != own.as_ref()));
}

/// Whether the stored text was open when the page was last left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoredTextState {
    Open,
    Closed,
}

/// Its key in the browser's storage.
const STORED_TEXT: &str = "interlingua-text";

/// The name of the stored text, and whether it was open.
pub(super) fn stored_text() -> Option<(StoredTextState, String)> {
    let said = window().local_storage().ok()??.get_item(STORED_TEXT).ok()??;
    let (how, name) = said.split_once(' ')?;
    Some((if how == "open" { StoredTextState::Open } else { StoredTextState::Closed }, name.to_owned()))
}

fn record_stored_text(text: Option<(StoredTextState, &str)>) {
    let Ok(Some(storage)) = window().local_storage() else { return };
    // If the browser refuses, the text is not opened automatically next time.
    let _ = match text {
        Some((kept, name)) => {
            let how = if kept == StoredTextState::Open { "open" } else { "closed" };
            storage.set_item(STORED_TEXT, &format!("{how} {name}"))
        }
        None => storage.remove_item(STORED_TEXT),
    };
}
