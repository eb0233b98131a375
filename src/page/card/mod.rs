//! The Model view: what a model is, how good, how it was made, where it runs, and how to use it elsewhere.
//!
//! - `view`: its components

mod view;

use leptos::mount::mount_to;
use leptos::prelude::*;
use web_sys::HtmlElement;

use super::activity::{Activity, Concurrency, TrackedActivity};
use super::address::{Address, Builder};
use super::catalogue::{card as text, fill, message, search};
use super::messages::sentence;
use super::model::{MODEL, resolve, same_folder};
use super::model_dialog::is_imported;
use super::models::NamedModel;
use super::state::Page;
use super::view::{About, StateChange, View};
use crate::protocol::{Event, Id, KeptModel, ModelCard, OpenedFile, Request};

static ABOUT: About =
    About { name: "model", label: text::LABEL, content: "model", skip: text::SKIP, drop: search::DROP };

/// The view's state. Cheap to copy; found in its components with [`Card::here`].
#[derive(Clone, Copy)]
pub(super) struct Card {
    page: Page,
    /// The model's address as the person chose it here; `None`: the one that answers searches.
    chosen: RwSignal<Option<String>>,
    /// What it is.
    card: RwSignal<Option<ModelCard>>,
    /// Why that is not known.
    problem: RwSignal<Option<CardProblem>>,
    /// The request for it.
    asked: RwSignal<Option<Id>>,
    /// Nothing here takes long enough to be shown.
    activity: RwSignal<Option<Activity>>,
}

/// Why it is not known what a model is.
#[derive(Debug, Clone, PartialEq)]
enum CardProblem {
    /// A sentence; trying again may help.
    Failed(String),
    /// It is a hub's and not stored here: the hub can be asked.
    NotStored,
    /// It is a folder of another server, which nobody let be asked yet.
    Foreign(String),
}

impl Card {
    /// As the address says, with nothing known.
    pub fn new(page: Page, address: &Address) -> Self {
        let new = Self {
            page,
            chosen: RwSignal::new(None),
            card: RwSignal::new(None),
            problem: RwSignal::new(None),
            asked: RwSignal::new(None),
            activity: RwSignal::new(None),
        };
        new.take(address);
        new
    }

    /// The view that this component is part of.
    fn here() -> Self {
        expect_context()
    }

    fn take(self, address: &Address) {
        if address.get("view") == Some(ABOUT.name) {
            self.chosen.set(address.text("model"));
        }
    }

    /// The model's address: the one chosen here, else that of the search.
    fn address(self) -> String {
        self.chosen.get().or_else(|| self.page.model_address.get()).unwrap_or_else(|| MODEL.into())
    }

    /// The person chose another model here.
    fn choose(self, address: String) {
        self.chosen.set(Some(address));
        self.page.replace_address();
        self.ask();
    }

    /// Asks what the model is, unless that is known.
    fn ask(self) {
        let address = untrack(|| self.address());
        let known = self.card.with_untracked(|c| c.as_ref().is_some_and(|c| same_folder(&c.url, &address)));
        if known || !self.page.worker.get_untracked().is_listening() {
            return;
        }
        self.card.set(None);
        self.problem.set(None);
        self.asked.set(None);
        self.page.list_stored();
        let Some(url) = resolve(&address) else {
            let what = fill(message::BAD_ADDRESS, &[("address", &address)]);
            return self.problem.set(Some(CardProblem::Failed(sentence(&what))));
        };
        if let Some(host) = self.page.unpermitted_host(&address).filter(|_| !is_imported(&address)) {
            return self.problem.set(Some(CardProblem::Foreign(host)));
        }
        let id = self.page.next_id();
        if self.page.send(&Request::Describe { id, url }) {
            self.asked.set(Some(id));
        }
    }

    /// The person lets the model's manifest come from another server, or wants to see what a hub says.
    fn ask_there(self) {
        let address = untrack(|| self.address());
        if is_imported(&address) {
            self.page.inspect_address(&address, None);
        } else {
            self.page.allow(Some(&address));
            self.ask();
        }
    }

    /// The model as this browser stores it.
    fn stored(self) -> Option<KeptModel> {
        let url = self.card.with(|c| c.as_ref().map(|c| c.url.clone()))?;
        self.page.model_dialog.stored.with(|kept| kept.iter().find(|k| same_folder(&k.url, &url)).cloned())
    }
}

impl View for Card {
    fn about(&self) -> &'static About {
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

    fn read(&self, address: &Address) {
        self.take(address);
    }

    fn write(&self, address: &mut Builder) {
        self.page.write_device(address);
        let model = self.address();
        address.put_some("model", Some(model.as_str()).filter(|a| !same_folder(a, MODEL)));
    }

    fn arrive(&self) {
        self.ask();
    }

    fn take_files(&self, files: Vec<OpenedFile>) {
        self.page.open_new_files(files);
    }

    fn try_again(&self) {
        self.ask();
    }

    fn handle_event(&self, event: Event) -> Option<Event> {
        let is_asked = |id: Id| self.asked.get_untracked() == Some(id);
        match event {
            Event::Described { id, card } => {
                if is_asked(id) {
                    self.asked.set(None);
                    self.page.remember_name(NamedModel::described(&card));
                    self.card.set(Some(card));
                }
                None
            }
            Event::Failed { id, problem } if is_asked(id) => {
                self.asked.set(None);
                let made = is_imported(&untrack(|| self.address()));
                let why = if made { CardProblem::NotStored } else { CardProblem::Failed(sentence(&problem)) };
                self.problem.set(Some(why));
                None
            }
            other => Some(other),
        }
    }

    fn state_changed(&self, what: StateChange) {
        // A model that runs is known even where nothing can be stored.
        if matches!(what, StateChange::WorkerStarted | StateChange::ModelReady { .. })
            && self.page.is_shown(&ABOUT)
        {
            self.ask();
        }
    }

    fn worker_crashed(&self) -> Option<&'static str> {
        if self.asked.get_untracked().is_some() {
            self.asked.set(None);
            self.problem.set(Some(CardProblem::Failed(text::DIED.into())));
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
