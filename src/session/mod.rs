//! The worker: it holds the model and the open corpus, and answers the page's requests.
//!
//! - `load`, `download`, `device`, `model`: a bundle's files, and a device that runs them correctly
//! - `address`, `source`, `import`: models that are not bundles yet, from a hub or the user's files
//! - `card`: a model's properties from its manifest
//! - `open`, `corpus`: what is searched
//! - `encode`, `search`: encoding and ranking; `vectors`: search without texts
//! - `data`, `evaluate`, `runs`: evaluation
//! - `benchmark`: how fast a model encodes
//! - `text`: the user's own text, stored for the next visit
//! - `vector_cache`, `chunk_encoder`: stored vectors, and computing those that are missing
//! - `helpers`: threads, where the page is cross-origin isolated
//! - `requests`, `task`, `progress`, `storage`, `transfer`, `browser`: what these build on
//!
//! Requests are answered concurrently, each in its own task. Long work yields between its steps, so that a search
//! is answered while a corpus is encoded, and a cancelled request ends soon. Models and corpora are immutable; a
//! new one replaces the old one at once, and until then the old one is used.
//!
//! Not here: anything visible.

mod address;
mod benchmark;
mod browser;
mod card;
mod chunk_encoder;
mod corpus;
mod data;
mod device;
mod download;
mod encode;
mod evaluate;
#[cfg(target_feature = "atomics")]
pub mod helpers;
mod import;
mod load;
mod model;
mod open;
mod progress;
mod requests;
mod runs;
mod search;
mod source;
mod storage;
mod task;
mod text;
mod transfer;
mod vector_cache;
mod vectors;

pub use browser::has_webgpu;
pub use search::SearchQuery;
pub use vectors::{Neighbour, VectorQuery};

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use wasm_bindgen_futures::spawn_local;

use self::{
    corpus::OpenCorpus, data::OpenDataset, device::Gpu, model::LoadedModel, progress::ProgressReporter,
    requests::Tasks, runs::EvalRun, task::Signal,
};
use crate::{
    Error, Result,
    protocol::{CorpusInfo, DeviceReport, Event, Id, ModelInfo},
    text::{Cut, Kind},
};

/// A worker's state. Clones share it.
#[derive(Clone)]
pub struct Session(Rc<SessionState>);

struct SessionState {
    say: Box<dyn Fn(Event)>,
    gpu: Gpu,
    model: RefCell<Option<Rc<LoadedModel>>>,
    corpus: RefCell<Option<Rc<OpenCorpus>>>,
    vectors: RefCell<Option<Rc<vectors::OpenVectors>>>,
    tasks: Tasks,
    /// What models are evaluated on.
    data: RefCell<Option<OpenDataset>>,
    /// Evaluated models, the newest last.
    runs: RefCell<Vec<Rc<EvalRun>>>,
    /// Number of loads in progress.
    loading: Cell<usize>,
    /// Set, and replaced, when the model has changed or is no longer being loaded.
    changed: RefCell<Signal>,
    /// Whether a task waits for the loss of the GPU.
    watching_gpu: Cell<bool>,
    /// Whether the vectors of the user's text are stored along with it.
    stores_text_vectors: Cell<bool>,
    /// The user's files that came with a request about them.
    files: RefCell<Vec<web_sys::File>>,
    /// The folder that the user chose last.
    chosen_folder: RefCell<Option<import::ChosenFolder>>,
    /// An import that was interrupted by a broken connection.
    partial_import: RefCell<Option<import::PartialImport>>,
    /// The user's access token for a hub.
    token: RefCell<Option<String>>,
}

impl Session {
    /// An empty session that sends its events to `say`.
    pub fn new(say: impl Fn(Event) + 'static) -> Self {
        Self(Rc::new(SessionState {
            say: Box::new(say),
            gpu: Gpu::default(),
            model: RefCell::default(),
            corpus: RefCell::default(),
            vectors: RefCell::default(),
            tasks: Tasks::default(),
            data: RefCell::default(),
            runs: RefCell::default(),
            loading: Cell::default(),
            changed: RefCell::default(),
            watching_gpu: Cell::default(),
            stores_text_vectors: Cell::default(),
            files: RefCell::default(),
            chosen_folder: RefCell::default(),
            partial_import: RefCell::default(),
            token: RefCell::default(),
        }))
    }

    /// Sets the files that the next request is about.
    pub fn take_files(&self, files: Vec<web_sys::File>) {
        self.0.files.replace(files);
    }

    /// Sets the token to identify with at hubs. It is sent to no other server, and not stored.
    pub fn set_token(&self, token: Option<String>) {
        self.0.token.replace(token);
    }

    /// Encodes `texts`: the dimension, the vectors row by row, and what the model's window truncated.
    ///
    /// # Errors
    /// [`Error::Input`] if no model is loaded, or a text cannot be tokenized.
    pub async fn vectors(&self, id: Id, texts: &[String], kind: Kind) -> Result<(usize, Vec<f32>, Cut)> {
        while self.model().is_none() && self.is_loading() {
            self.model_change().await;
        }
        let model = self.model().ok_or_else(|| Error::Input("No model is loaded".into()))?;
        let dimension = model.encoder.dimension();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let say = |event| self.say(event);
        let mut progress = ProgressReporter::new(id, &say);
        let mut step = progress.encoding(texts.len());
        let (values, lengths, by) = self.encode(model, &texts, kind, Some(&mut step)).await?;
        Ok((dimension, values, by.encoder.tokenizer().cut().with(lengths)))
    }

    /// The current model and its device.
    pub fn running(&self) -> Option<(ModelInfo, DeviceReport)> {
        self.model().map(|model| (model.info.clone(), model.device.clone()))
    }

    fn say(&self, event: Event) {
        (self.0.say)(event);
    }

    fn model(&self) -> Option<Rc<LoadedModel>> {
        self.0.model.borrow().clone()
    }

    /// The open corpus.
    pub fn opened(&self) -> Option<CorpusInfo> {
        self.corpus().map(|open| open.info.clone())
    }

    fn corpus(&self) -> Option<Rc<OpenCorpus>> {
        self.0.corpus.borrow().clone()
    }

    fn is_loading(&self) -> bool {
        self.0.loading.get() > 0
    }

    /// Waits until the model has changed, or is no longer being loaded.
    async fn model_change(&self) {
        let changed = self.0.changed.borrow().clone();
        changed.wait().await;
    }

    fn notify_model_change(&self) {
        self.0.changed.take().send("");
    }

    /// Replaces the model by the same one on another device.
    fn run_on(&self, model: Rc<LoadedModel>) {
        let device = model.device.clone();
        self.install(model);
        self.say(Event::DeviceChanged { device });
    }

    fn install(&self, model: Rc<LoadedModel>) {
        let on_gpu = model.is_on_gpu();
        self.0.model.replace(Some(model));
        self.notify_model_change();
        if on_gpu {
            self.watch_gpu();
        }
    }

    /// Moves the model to the CPU as soon as the GPU is lost, whether or not it is needed at that moment.
    fn watch_gpu(&self) {
        let Some(gpu) = self.0.gpu.opened() else { return };
        if self.0.watching_gpu.replace(true) {
            return;
        }
        let session = self.clone();
        spawn_local(async move {
            let why = gpu.lost.wait().await;
            let Some(model) = session.model().filter(|m| m.is_on_gpu()) else { return };
            if let Err(problem) = session.instead_of(&model, &format!("it was lost ({why})")).await {
                let mut device = model.device.clone();
                device.notes.push(format!("WebGPU was lost, and the CPU cannot be used either: {problem}."));
                session.say(Event::DeviceChanged { device });
            }
        });
    }
}
