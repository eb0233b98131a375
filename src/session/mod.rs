//! The worker's side: it keeps the model and the open corpus, and answers the page's requests.
//!
//! - `load`, `download`, `device`, `model`: a bundle's files, and a device that runs them right
//! - `open`, `corpus`: what is searched
//! - `encode`, `search`: the work itself
//! - `task`, `progress`, `browser`: what these stand on
//!
//! Requests are answered side by side, each in its own task. Whatever takes long pauses between its
//! steps, so that a search is answered while a corpus is encoded and a cancelled request ends soon.
//! Models and corpora never change once they are made; a new one takes the old one's place at once,
//! and until then the old one serves.
//!
//! Not here: anything a person sees.

mod browser;
mod corpus;
mod device;
mod download;
mod encode;
mod load;
mod model;
mod open;
mod progress;
mod search;
mod task;

pub use browser::has_webgpu;
pub use search::Query;

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
};

use wasm_bindgen_futures::spawn_local;

use self::{
    corpus::Open,
    device::Gpu,
    model::Model,
    progress::Progress,
    task::{Signal, until},
};
use crate::{
    Error, Result,
    protocol::{DeviceChoice, DeviceReport, Event, Id, ModelInfo, Request},
    text::Kind,
};

/// A worker's state. Clones are the same session.
#[derive(Clone)]
pub struct Session(Rc<State>);

struct State {
    say: Box<dyn Fn(Event)>,
    gpu: Gpu,
    model: RefCell<Option<Rc<Model>>>,
    corpus: RefCell<Option<Rc<Open>>>,
    tasks: RefCell<HashMap<Id, Task>>,
    /// Loads under way.
    loading: Cell<usize>,
    /// Said, and replaced, when the model has changed or is no longer waited for.
    changed: RefCell<Signal>,
    /// Whether somebody listens for the loss of the GPU.
    watching: Cell<bool>,
}

struct Task {
    place: Place,
    cancel: Signal,
}

/// What a request is about: the model and the corpus have room for one, the newest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Model,
    Corpus,
    None,
}

impl Session {
    /// An empty session that tells `say` what happens.
    pub fn new(say: impl Fn(Event) + 'static) -> Self {
        Self(Rc::new(State {
            say: Box::new(say),
            gpu: Gpu::default(),
            model: RefCell::default(),
            corpus: RefCell::default(),
            tasks: RefCell::default(),
            loading: Cell::default(),
            changed: RefCell::default(),
            watching: Cell::default(),
        }))
    }

    /// Takes a request; what comes of it is said in events that carry its id.
    pub fn handle(&self, request: Request) {
        let (id, place) = match &request {
            Request::Cancel { id } => {
                let cancel = self.0.tasks.borrow().get(id).map(|task| task.cancel.clone());
                // What is done cannot be cancelled; that is no error.
                return cancel.into_iter().for_each(|c| c.say(""));
            }
            Request::Load { id, .. } => (*id, Place::Model),
            Request::OpenSample { id, .. } | Request::OpenFiles { id, .. } => (*id, Place::Corpus),
            Request::Search { id, .. }
            | Request::Encode { id, .. }
            | Request::ClearCache { id }
            | Request::DebugLoseGpu { id } => (*id, Place::None),
        };
        self.make_room(place);
        let cancel = Signal::default();
        self.0.tasks.borrow_mut().insert(id, Task { place, cancel: cancel.clone() });
        let compare = matches!(request, Request::Load { device: DeviceChoice::Auto, .. });
        if place == Place::Model {
            self.0.loading.update(|n| n + 1);
        }
        let session = self.clone();
        spawn_local(async move {
            let answer = until(&cancel, session.answer(id, request)).await;
            if place == Place::Model {
                session.0.loading.update(|n| n.saturating_sub(1));
            }
            let ready = answer.is_ok();
            session.say(match answer {
                Ok(event) => event,
                Err(Error::Cancelled) => Event::Cancelled { id },
                Err(error) => Event::Failed { id, problem: error.to_string() },
            });
            session.tell_of_model();
            if compare && ready {
                // The model serves already; nobody waits for this, so nobody hears of its end.
                let _ = until(&cancel, session.compare(id)).await;
            }
            session.0.tasks.borrow_mut().remove(&id);
        });
    }

    /// Vectors of `texts`, row after row, and how long a row is.
    ///
    /// # Errors
    /// [`Error::Input`] when no model is loaded, or a text cannot be tokenized.
    pub async fn vectors(&self, id: Id, texts: &[String], kind: Kind) -> Result<(usize, Vec<f32>)> {
        while self.model().is_none() && self.is_loading() {
            self.model_change().await;
        }
        let model = self.model().ok_or_else(|| Error::Input("No model is loaded.".into()))?;
        let dimension = model.encoder.dimension();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let say = |event| self.say(event);
        let mut progress = Progress::new(id, &say);
        let (values, _) = self.encode(model, &texts, kind, Some(&mut progress)).await?;
        Ok((dimension, values))
    }

    /// The model that runs and where it does.
    pub fn running(&self) -> Option<(ModelInfo, DeviceReport)> {
        self.model().map(|model| (model.info.clone(), model.device.clone()))
    }

    async fn answer(&self, id: Id, request: Request) -> Result<Event> {
        Ok(match request {
            Request::Load { url, device, .. } => {
                let (model, device) = self.load(id, &url, device).await?;
                Event::ModelReady { id, model, device }
            }
            Request::OpenSample { url, .. } => {
                Event::CorpusReady { id, corpus: self.open_sample(id, &url).await? }
            }
            Request::OpenFiles { files, .. } => {
                Event::CorpusReady { id, corpus: self.open_files(id, files).await? }
            }
            Request::Search { query, language, scope, languages, top, .. } => {
                let query = Query { text: query, language, scope, languages, top };
                Event::Results { id, results: self.search(query).await? }
            }
            Request::Encode { texts, kind, .. } => {
                let (dimension, values) = self.vectors(id, &texts, kind).await?;
                Event::Vectors { id, dimension, values }
            }
            Request::ClearCache { .. } => Event::CacheCleared { id, files: download::clear().await? },
            Request::DebugLoseGpu { .. } => {
                let gpu = self.0.gpu.opened();
                gpu.ok_or_else(|| Error::Input("No GPU is open.".into()))?.destroy();
                Event::Cancelled { id }
            }
            Request::Cancel { id } => Event::Cancelled { id },
        })
    }

    /// Cancels older requests for the same place.
    fn make_room(&self, place: Place) {
        if place != Place::None {
            let tasks = self.0.tasks.borrow();
            let older: Vec<_> =
                tasks.values().filter(|t| t.place == place).map(|t| t.cancel.clone()).collect();
            drop(tasks);
            older.iter().for_each(|cancel| cancel.say(""));
        }
    }

    fn say(&self, event: Event) {
        (self.0.say)(event);
    }

    fn model(&self) -> Option<Rc<Model>> {
        self.0.model.borrow().clone()
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
