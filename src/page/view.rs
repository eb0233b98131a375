//! The trait of the page's views. Views import what is below them, but not each other: what one needs to know of the
//! others goes through here.

use std::rc::Rc;

use leptos::prelude::*;
use wasm_bindgen::JsValue;
use web_sys::{History, HtmlElement};

use super::activity::TrackedActivity;
use super::address::{QueryString, QueryStringBuilder};
use super::state::Page;
use crate::protocol::{Event, OpenedFile};

/// A view: a part of the page with a state, a part of the URL and work of its own. `views` lists all of them.
pub(super) trait View {
    fn about(&self) -> &'static ViewInfo;

    /// The start of the window's title.
    fn title(&self) -> String {
        self.about().label.to_owned()
    }

    /// Mounts its components, once, when the view is first displayed.
    fn mount(&self, place: HtmlElement);

    /// Whether it currently takes the window's full width.
    fn is_wide(&self) -> bool {
        false
    }

    /// Sets its choices from the URL: the user went back or forward.
    fn read(&self, address: &QueryString);

    /// Adds its choices to a query string.
    fn write(&self, address: &mut QueryStringBuilder);

    /// The user opened the view: loads what it needs.
    fn on_open(&self) {}

    /// The user chose or dropped files here.
    fn take_files(&self, files: Vec<OpenedFile>);

    /// The user pressed the button of a problem that this view reported.
    fn try_again(&self) {}

    /// Handles a worker's event about this view; returns any other.
    fn handle_event(&self, event: Event) -> Option<Event> {
        Some(event)
    }

    /// Part of the shared state changed.
    fn state_changed(&self, _: StateChange) {}

    /// The worker crashed. Returns a sentence about what this interrupted here.
    fn worker_crashed(&self) -> Option<&'static str> {
        None
    }

    /// Its activities that may be in progress, besides the shared ones.
    fn tracked_activity(&self) -> TrackedActivity;

    /// The user stops them.
    fn stop(&self);

    /// What the status line says about the model while none is loaded.
    fn model_line(&self) -> String;

    /// What the status line says after that.
    fn last_line(&self) -> Option<String> {
        None
    }

    /// A line for the device panel, which shows the first one in all views.
    fn details(&self) -> Option<String> {
        None
    }

    /// Whether it needs a model that is neither loaded nor loading.
    fn lacks_model(&self) -> bool {
        false
    }

    /// The addresses of the models that it has loaded in addition to the shared one.
    fn models(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A view's names.
pub(super) struct ViewInfo {
    /// Its name in the URL.
    pub name: &'static str,
    /// Its displayed name.
    pub label: &'static str,
    /// The id of its main part, and the label of the skip link to it.
    pub content: &'static str,
    pub skip: &'static str,
    /// Shown while files are dragged over it.
    pub drop: &'static str,
}

/// A change of the shared state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StateChange {
    /// The worker started: the first one, or one that the user requested.
    WorkerStarted,
    /// A model was loaded; `is_other` if the displayed results are by another one.
    ModelReady { is_other: bool },
    /// The chosen model could not be loaded.
    ModelFailed,
    /// The user cancelled loading the chosen model.
    ModelGivenUp,
    /// The user chose another device or precision, and the model is being loaded again.
    DeviceChosen,
    /// A corpus was opened.
    CorpusReady,
    /// A corpus could not be opened.
    CorpusFailed,
}

impl Page {
    /// All views; the first is the default.
    pub fn views(self) -> Vec<Rc<dyn View>> {
        self.views.get_value()
    }

    /// The view of that name; otherwise the first.
    pub fn view_named(self, name: Option<&str>) -> Rc<dyn View> {
        self.views.with_value(|views| {
            let named = views.iter().find(|view| Some(view.about().name) == name);
            Rc::clone(named.unwrap_or(&views[0]))
        })
    }

    /// The current view.
    pub fn view(self) -> Rc<dyn View> {
        self.view_named(Some(self.shown.get()))
    }

    pub fn is_shown(self, about: &ViewInfo) -> bool {
        self.shown.get() == about.name
    }

    /// Notifies all views of a change.
    pub(super) fn notify(self, what: StateChange) {
        for view in self.views() {
            view.state_changed(what);
        }
    }

    /// The user opened a view.
    pub fn go(self, name: &'static str) {
        if self.shown.get_untracked() != name {
            self.shown.set(name);
            self.push_address();
            window().scroll_to_with_x_and_y(0.0, 0.0);
            untrack(|| self.view()).on_open();
        }
    }

    /// The query string of a view in its current state.
    pub fn address(self, view: &dyn View) -> String {
        let name = view.about().name;
        let is_first = self.view_named(None).about().name == name;
        let mut address = QueryStringBuilder::default();
        address.put_some("view", (!is_first).then_some(name));
        view.write(&mut address);
        address.search()
    }

    /// Writes the state into the URL, as a new history entry.
    pub fn push_address(self) {
        self.write_address(History::push_state_with_url);
    }

    /// Writes the state into the URL, replacing the current history entry.
    pub fn replace_address(self) {
        self.write_address(History::replace_state_with_url);
    }

    fn write_address(self, write: fn(&History, &JsValue, &str, Option<&str>) -> Result<(), JsValue>) {
        let search = untrack(|| self.address(&*self.view()));
        let Ok(history) = window().history() else { return };
        let path = window().location().pathname().unwrap_or_default();
        // If the browser refuses (Safari does after too many changes), the old URL stays.
        let _ = write(&history, &JsValue::NULL, "", Some(&format!("{path}{search}")));
    }

    /// The user follows a link of this page; `search` is its query string.
    pub fn follow(self, search: &str) {
        let path = window().location().pathname().unwrap_or_default();
        if let Ok(history) = window().history() {
            // If the browser refuses, the URL stays as it is.
            let _ = history.push_state_with_url(&JsValue::NULL, "", Some(&format!("{path}{search}")));
        }
        self.restore_from_address();
        window().scroll_to_with_x_and_y(0.0, 0.0);
    }

    /// Restores the state from the URL: the user went back or forward.
    pub fn restore_from_address(self) {
        let address = QueryString::here();
        let view = self.view_named(address.get("view"));
        self.shown.set(view.about().name);
        view.read(&address);
        view.on_open();
        if let Some(unknown) = address.unknown() {
            self.add_notice(unknown);
        }
    }
}
