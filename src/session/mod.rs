//! The worker's side: it keeps the model and the open corpus, and answers the page's requests.
//!
//! - `load`, `download`, `device`, `model`: a bundle's files, and a device that runs them right
//! - `address`, `source`, `import`: models that are no bundles yet, of a hub or of a person's files
//! - `card`: what a model is by its manifest
//! - `open`, `corpus`: what is searched
//! - `encode`, `search`: the work itself; `vectors`: search without texts
//! - `data`, `evaluate`, `runs`: measuring models
//! - `benchmark`: how fast a model encodes
//! - `text`: a person's own text, kept for the next visit
//! - `vault`, `work`: vectors that are kept, and making those that are not
//! - `helpers`: more threads, where the page is cross-origin isolated
//! - `requests`, `task`, `progress`, `storage`, `browser`: what these stand on
//!
//! Requests are answered side by side, each in its own task. Whatever takes long pauses between its
//! steps, so that a search is answered while a corpus is encoded and a cancelled request ends soon.
//! Models and corpora never change once they are made; a new one takes the old one's place at once,
//! and until then the old one serves.
//!
//! Not here: anything a person sees.

mod address;
mod benchmark;
mod browser;
mod card;
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
mod vault;
mod vectors;
mod work;

pub use browser::has_webgpu;
pub use search::Query;
pub use vectors::{Asked, Near};

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use wasm_bindgen_futures::spawn_local;

use self::{
    corpus::Open, data::Data, device::Gpu, model::Model, progress::Progress, requests::Tasks, runs::Run,
    task::Signal,
};
use crate::{
    Error, Result,
    protocol::{CorpusInfo, DeviceReport, Event, Id, ModelInfo},
    text::{Cut, Kind},
};

/// A worker's state. Clones are the same session.
#[derive(Clone)]
pub struct Session(Rc<State>);

struct State {
    say: Box<dyn Fn(Event)>,
    gpu: Gpu,
    model: RefCell<Option<Rc<Model>>>,
    corpus: RefCell<Option<Rc<Open>>>,
    vectors: RefCell<Option<Rc<vectors::Open>>>,
    tasks: Tasks,
    /// What models are measured on.
    data: RefCell<Option<Data>>,
    /// Measured models, the newest last.
    runs: RefCell<Vec<Rc<Run>>>,
    /// Loads under way.
    loading: Cell<usize>,
    /// Said, and replaced, when the model has changed or is no longer waited for.
    changed: RefCell<Signal>,
    /// Whether somebody listens for the loss of the GPU.
    watching: Cell<bool>,
    /// Whether vectors of own text are kept beside the text.
    keeping: Cell<bool>,
    /// A person's files that came with a request which is about them.
    handles: RefCell<Vec<web_sys::File>>,
    /// The folder that a person chose last.
    given: RefCell<Option<import::Given>>,
    /// What had come of a model when its connection broke off.
    begun: RefCell<Option<import::Begun>>,
    /// By which a hub knows a person.
    token: RefCell<Option<String>>,
}

impl Session {
    /// An empty session that tells `say` what happens.
    pub fn new(say: impl Fn(Event) + 'static) -> Self {
        Self(Rc::new(State {
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
            watching: Cell::default(),
            keeping: Cell::default(),
            handles: RefCell::default(),
            given: RefCell::default(),
            begun: RefCell::default(),
            token: RefCell::default(),
        }))
    }

    /// Takes the files that the next request is about.
    pub fn take_files(&self, files: Vec<web_sys::File>) {
        self.0.handles.replace(files);
    }

    /// By which hubs know the person from now on; it is sent to no other server, and not kept.
    pub fn set_token(&self, token: Option<String>) {
        self.0.token.replace(token);
    }

    /// Vectors of `texts`, row after row, how long a row is, and what the model's window left out.
    ///
    /// # Errors
    /// [`Error::Input`] when no model is loaded, or a text cannot be tokenized.
    pub async fn vectors(&self, id: Id, texts: &[String], kind: Kind) -> Result<(usize, Vec<f32>, Cut)> {
        while self.model().is_none() && self.is_loading() {
            self.model_change().await;
        }
        let model = self.model().ok_or_else(|| Error::Input("No model is loaded".into()))?;
        let dimension = model.encoder.dimension();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let say = |event| self.say(event);
        let mut progress = Progress::new(id, &say);
        let mut step = progress.encoding(texts.len());
        let (values, lengths, by) = self.encode(model, &texts, kind, Some(&mut step)).await?;
        Ok((dimension, values, by.encoder.tokenizer().cut().with(lengths)))
    }

    /// The model that runs and where it does.
    pub fn running(&self) -> Option<(ModelInfo, DeviceReport)> {
        self.model().map(|model| (model.info.clone(), model.device.clone()))
    }

    fn say(&self, event: Event) {
        (self.0.say)(event);
    }

    fn model(&self) -> Option<Rc<Model>> {
        self.0.model.borrow().clone()
    }

    /// What is open to be searched.
    pub fn opened(&self) -> Option<CorpusInfo> {
        self.corpus().map(|open| open.info.clone())
    }

    fn corpus(&self) -> Option<Rc<Open>> {
        self.0.corpus.borrow().clone()
    }

    fn is_loading(&self) -> bool {
        self.0.loading.get() > 0
    }

    /// Waits until the model has changed, or is no longer waited for.
    async fn model_change(&self) {
        let changed = self.0.changed.borrow().clone();
        changed.heard().await;
    }

    fn tell_of_model(&self) {
        self.0.changed.take().say("");
    }

    /// The same model as before, but elsewhere.
    fn run_on(&self, model: Rc<Model>) {
        let device = model.device.clone();
        self.install(model);
        self.say(Event::DeviceChanged { device });
    }

    fn install(&self, model: Rc<Model>) {
        let on_gpu = model.is_on_gpu();
        self.0.model.replace(Some(model));
        self.tell_of_model();
        if on_gpu {
            self.watch_gpu();
        }
    }

    /// Moves the model to the CPU as soon as the GPU is lost, whether or not anybody asks for it then.
    fn watch_gpu(&self) {
        let Some(gpu) = self.0.gpu.opened() else { return };
        if self.0.watching.replace(true) {
            return;
        }
        let session = self.clone();
        spawn_local(async move {
            let why = gpu.lost.heard().await;
            let Some(model) = session.model().filter(|m| m.is_on_gpu()) else { return };
            if let Err(problem) = session.instead_of(&model, &format!("it was lost ({why})")).await {
                let mut device = model.device.clone();
                device.notes.push(format!("WebGPU was lost, and the CPU is of no use: {problem}."));
                session.say(Event::DeviceChanged { device });
            }
        });
    }
}
