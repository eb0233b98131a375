//! The state that all views share.

use std::collections::HashSet;
use std::rc::Rc;

use leptos::prelude::*;

use super::activity::Activity;
use super::address::{QueryString, QueryStringBuilder, device_name, device_named};
use super::corpus::{CorpusSource, PendingCorpus, Presence, stored_text};
use super::link::Link;
use super::messages::ProblemMessage;
use super::model::CurrentModel;
use super::model_dialog::ModelDialog;
use super::models::{ListedModel, NamedModel};
use super::service_worker::{NewVersion, Offline, Registration, Threads};
use super::view::View;
use super::worker::Worker;
use crate::protocol::{CorpusInfo, DeviceChoice, Id, PrecisionChoice};

/// The page's state. Cheap to copy; components get it by [`Page::here`].
#[derive(Clone, Copy)]
pub(super) struct Page {
    pub(super) views: StoredValue<Vec<Rc<dyn View>>, LocalStorage>,
    /// The name of the current view.
    pub shown: RwSignal<&'static str>,

    pub worker: RwSignal<Worker>,
    /// Bytes of the worker's program so far, while it is downloaded.
    pub worker_bytes: RwSignal<f64>,
    pub threads: RwSignal<Threads>,
    pub offline: RwSignal<Offline>,
    pub new_version: RwSignal<NewVersion>,
    pub device: RwSignal<DeviceChoice>,
    pub precision: RwSignal<PrecisionChoice>,

    /// The current model.
    pub model: RwSignal<Option<CurrentModel>>,
    /// The folder of the chosen model, as in the URL; `None` for the default one.
    pub model_address: RwSignal<Option<String>>,
    /// A model is being loaded.
    pub loading: RwSignal<Option<Activity>>,
    /// The models that come with the page.
    pub models: RwSignal<Vec<ListedModel>>,
    /// Why their list could not be read.
    pub models_problem: RwSignal<Option<String>>,
    /// Others whose names are known.
    pub named_models: RwSignal<Vec<NamedModel>>,

    /// The dialog for a model that is not listed.
    pub model_dialog: ModelDialog,

    pub corpus: RwSignal<Option<CorpusInfo>>,
    /// A corpus is being opened.
    pub opening: RwSignal<Option<Activity>>,
    /// The name of the user's stored text.
    pub stored_text_name: RwSignal<Option<String>>,
    /// Whether long passages of the user's text are split into windows.
    pub windows: RwSignal<bool>,

    /// The current problem, until dismissed.
    pub problem: RwSignal<Option<ProblemMessage>>,
    /// The current notice, until dismissed.
    pub notice: RwSignal<Option<String>>,

    /// State that no component displays.
    pub(super) hidden: StoredValue<HiddenPageState, LocalStorage>,
}

/// The hidden state of [`Page`].
#[derive(Default)]
pub(super) struct HiddenPageState {
    pub link: Option<Link>,
    pub service_worker: Option<Registration>,
    /// Whether the user took the new version, which starts in a moment.
    pub taking_version: bool,
    pub last_id: Id,
    /// How often the worker crashed.
    pub crashes: usize,
    /// Full addresses of the models on other servers that the user allowed.
    pub allowed: HashSet<String>,
    /// The request that clears the browser's storage.
    pub clearing: Option<Id>,
    pub open: CorpusSource,
    pub pending: Option<PendingCorpus>,
    /// The request for the stored text.
    pub recalling: Option<Id>,
    /// The request that deletes it.
    pub forgetting: Option<Id>,
    pub presence: Presence,
    /// Whether the text being opened was chosen by the user just now, rather than restored.
    pub just_chosen: bool,
}

impl Page {
    /// From the URL, with nothing loaded.
    pub fn new(address: &QueryString) -> Self {
        Self {
            views: StoredValue::new_local(Vec::new()),
            shown: RwSignal::new(""),
            worker: RwSignal::new(Worker::Starting),
            worker_bytes: RwSignal::new(0.0),
            threads: RwSignal::default(),
            offline: RwSignal::default(),
            new_version: RwSignal::default(),
            device: RwSignal::new(device_of(address)),
            precision: RwSignal::new(precision_of(address)),
            model: RwSignal::new(None),
            model_address: RwSignal::new(address.text("model")),
            loading: RwSignal::new(None),
            models: RwSignal::new(Vec::new()),
            models_problem: RwSignal::new(None),
            named_models: RwSignal::new(Vec::new()),
            model_dialog: ModelDialog::new(),
            corpus: RwSignal::new(None),
            opening: RwSignal::new(None),
            stored_text_name: RwSignal::new(stored_text().map(|(_, name)| name)),
            windows: RwSignal::new(false),
            problem: RwSignal::new(None),
            notice: RwSignal::new(None),
            hidden: StoredValue::new_local(HiddenPageState::default()),
        }
    }

    /// Shows the view that the URL names.
    pub fn show(self, views: Vec<Rc<dyn View>>, address: &QueryString) {
        let named =
            |word: &str| views.iter().find(|view| view.about().name == word).map(|view| view.about().name);
        let shown = address.parse_value("view", named).unwrap_or(views[0].about().name);
        self.views.set_value(views);
        self.shown.set(shown);
        if let Some(unknown) = address.unknown() {
            self.add_notice(unknown);
        }
    }

    /// The page that this component belongs to.
    pub fn here() -> Self {
        expect_context()
    }

    /// Adds device and precision to a query string.
    pub fn write_device(self, address: &mut QueryStringBuilder) {
        let (device, precision) = (self.device.get(), self.precision.get());
        address.put_some("device", (device != DeviceChoice::default()).then(|| device_name(device)));
        address.put_some("precision", (precision != PrecisionChoice::default()).then(|| precision.name()));
    }
}

/// The device in a URL.
pub(super) fn device_of(address: &QueryString) -> DeviceChoice {
    address.parse_value("device", device_named).unwrap_or_default()
}

/// The CPU's precision in a URL.
pub(super) fn precision_of(address: &QueryString) -> PrecisionChoice {
    address.parse_value("precision", PrecisionChoice::named).unwrap_or_default()
}
