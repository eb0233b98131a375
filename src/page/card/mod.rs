//! The Model view: what a model is, its scores, how it was made, where it runs, and how to use it elsewhere.
//!
//! - `view`: its components

mod view;

use leptos::mount::mount_to;
use leptos::prelude::*;
use web_sys::HtmlElement;

use super::activity::{Activity, Concurrency, TrackedActivity};
use super::address::{QueryString, QueryStringBuilder};
use super::catalogue::{card as text, fill, message, search};
use super::messages::sentence;
use super::model::{MODEL, resolve, same_folder};
use super::model_dialog::is_imported;
use super::models::NamedModel;
use super::state::Page;
use super::view::{StateChange, View, ViewInfo};
use crate::protocol::{Event, Id, ModelCard, OpenedFile, Request, StoredModel};

static ABOUT: ViewInfo =
    ViewInfo { name: "model", label: text::LABEL, content: "model", skip: text::SKIP, drop: search::DROP };

/// The view's state. Cheap to copy; components get it by [`Card::here`].
#[derive(Clone, Copy)]
pub(super) struct Card {
    page: Page,
    /// The address of the model chosen here; `None` for the current one of Search.
    chosen: RwSignal<Option<String>>,
    /// Its properties.
    card: RwSignal<Option<ModelCard>>,
    /// Why they are unknown.
    problem: RwSignal<Option<MissingCard>>,
    /// The request for them.
    requested: RwSignal<Option<Id>>,
    /// Always `None`: nothing here takes long enough to be shown.
    activity: RwSignal<Option<Activity>>,
}

/// Why a model's properties are unknown.
#[derive(Debug, Clone, PartialEq)]
enum MissingCard {
    /// A sentence; trying again may help.
    Failed(String),
    /// It is a hub's model and not stored here; the hub can be asked.
    NotStored,
    /// It is on another server, which the user has not allowed yet.
    Foreign(String),
}

impl Card {
    /// From the URL, with nothing loaded.
    pub fn new(page: Page, address: &QueryString) -> Self {
        let new = Self {
            page,
            chosen: RwSignal::new(None),
            card: RwSignal::new(None),
            problem: RwSignal::new(None),
            requested: RwSignal::new(None),
            activity: RwSignal::new(None),
        };
        new.set_choices(address);
        new
    }

    /// The view that this component belongs to.
    fn here() -> Self {
        expect_context()
    }

    fn set_choices(self, address: &QueryString) {
        if address.get("view") == Some(ABOUT.name) {
            self.chosen.set(address.text("model"));
        }
    }

    /// The address of the model chosen here, otherwise of the current one.
    fn address(self) -> String {
        self.chosen.get().or_else(|| self.page.model_address.get()).unwrap_or_else(|| MODEL.into())
    }

    /// The user chose another model here.
    fn choose(self, address: String) {
        self.chosen.set(Some(address));
        self.page.replace_address();
        self.request_card();
    }

    /// Requests the model's properties, unless they are known.
    fn request_card(self) {
        let address = untrack(|| self.address());
        let known = self.card.with_untracked(|c| c.as_ref().is_some_and(|c| same_folder(&c.url, &address)));
        if known || !self.page.worker.get_untracked().is_listening() {
            return;
        }
        self.card.set(None);
        self.problem.set(None);
        self.requested.set(None);
        self.page.list_stored();
        let Some(url) = resolve(&address) else {
            let what = fill(message::BAD_ADDRESS, &[("address", &address)]);
            return self.problem.set(Some(MissingCard::Failed(sentence(&what))));
        };
        if let Some(host) = self.page.unpermitted_host(&address).filter(|_| !is_imported(&address)) {
            return self.problem.set(Some(MissingCard::Foreign(host)));
        }
        let id = self.page.next_id();
        if self.page.send(&Request::Describe { id, url }) {
            self.requested.set(Some(id));
        }
    }

    /// The user allows the manifest to be loaded from another server, or wants to inspect a hub's model.
    fn load_from_there(self) {
        let address = untrack(|| self.address());
        if is_imported(&address) {
            self.page.inspect_address(&address, None);
        } else {
            self.page.allow(Some(&address));
            self.request_card();
        }
    }

    /// The stored model.
    fn stored(self) -> Option<StoredModel> {
        let url = self.card.with(|c| c.as_ref().map(|c| c.url.clone()))?;
        self.page.model_dialog.stored.with(|kept| kept.iter().find(|k| same_folder(&k.url, &url)).cloned())
    }
}

impl View for Card {
    fn about(&self) -> &'static ViewInfo {
        &ABOUT
    }

    fn title(&self) -> String {
        self.page.name_of(&self.address())
    }

    fn mount(&self, place: HtmlElement) {
        let card = *self;
        mount_to(place, move || {
            provide_context(card);
            view! { <view::Card/> }
        })
        .forget();
    }

    fn read(&self, address: &QueryString) {
        self.set_choices(address);
    }

    fn write(&self, address: &mut QueryStringBuilder) {
        self.page.write_device(address);
        let model = self.address();
        address.put_some("model", Some(model.as_str()).filter(|a| !same_folder(a, MODEL)));
    }

    fn on_open(&self) {
        self.request_card();
    }

    fn take_files(&self, files: Vec<OpenedFile>) {
        self.page.open_new_files(files);
    }

    fn try_again(&self) {
        self.request_card();
    }

    fn handle_event(&self, event: Event) -> Option<Event> {
        let is_requested = |id: Id| self.requested.get_untracked() == Some(id);
        match event {
            Event::Described { id, card } => {
                if is_requested(id) {
                    self.requested.set(None);
                    self.page.remember_name(NamedModel::described(&card));
                    self.card.set(Some(card));
                }
                None
            }
            Event::Failed { id, problem } if is_requested(id) => {
                self.requested.set(None);
                let made = is_imported(&untrack(|| self.address()));
                let why = if made { MissingCard::NotStored } else { MissingCard::Failed(sentence(&problem)) };
                self.problem.set(Some(why));
                None
            }
            other => Some(other),
        }
    }

    fn state_changed(&self, what: StateChange) {
        // The properties of a loaded model are known even if nothing can be stored.
        if matches!(what, StateChange::WorkerStarted | StateChange::ModelReady { .. })
            && self.page.is_shown(&ABOUT)
        {
            self.request_card();
        }
    }

    fn worker_crashed(&self) -> Option<&'static str> {
        if self.requested.get_untracked().is_some() {
            self.requested.set(None);
            self.problem.set(Some(MissingCard::Failed(text::DIED.into())));
        }
        None
    }

    fn tracked_activity(&self) -> TrackedActivity {
        TrackedActivity { activity: self.activity, sentence: "", concurrency: Concurrency::Shared }
    }

    fn stop(&self) {}

    fn model_line(&self) -> String {
        text::NOT_LOADED.into()
    }
}
