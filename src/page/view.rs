//! What a view of the page is. Views know what is below them, and not each other: what one of them wants to know
//! of the others goes through here.

use std::rc::Rc;

use leptos::prelude::*;
use wasm_bindgen::JsValue;
use web_sys::{History, HtmlElement};

use super::activity::Work;
use super::address::{Address, Builder};
use super::state::Page;
use crate::protocol::{Event, OpenedFile};

/// A view: a part of the page with a state, a part of the address and work of its own. `views` lists all of them.
pub(super) trait View {
    fn about(&self) -> &'static About;

    /// What the window's title begins with.
    fn title(&self) -> String {
        self.about().label.to_owned()
    }

    /// Puts what is seen of it into its place, once: when the view is first seen.
    fn mount(&self, place: HtmlElement);

    /// Whether it now takes the width of the whole window.
    fn is_wide(&self) -> bool {
        false
    }

    /// Takes its choices from the address: the person went back or forward.
    fn read(&self, address: &Address);

    /// Puts its choices into the address.
    fn write(&self, address: &mut Builder);

    /// The person is here now: what it needs comes.
    fn arrive(&self) {}

    /// The person chose or dropped files here.
    fn take_files(&self, files: Vec<OpenedFile>);

    /// The person goes the way out of a problem that this view told.
    fn try_again(&self) {}

    /// Takes what the worker says about this view; gives back what is not about it.
    fn hear(&self, event: Event) -> Option<Event> {
        Some(event)
    }

    /// Something changed that all views share.
    fn heed(&self, _: Happened) {}

    /// The worker died, and what it had with it. A sentence about what this stopped here.
    fn worker_died(&self) -> Option<&'static str> {
        None
    }

    /// What it can have under way, beside what all views share.
    fn work(&self) -> Work;

    /// The person stops that.
    fn stop(&self);

    /// What is said of the model at the foot of the window while none answers searches.
    fn model_line(&self) -> String;

    /// What follows there.
    fn last_line(&self) -> Option<String> {
        None
    }

    /// A line for the panel of the device, which shows the first of them in all views.
    fn details(&self) -> Option<String> {
        None
    }

    /// Whether it could do more with a model that is not there and does not come.
    fn lacks_model(&self) -> bool {
        false
    }

    /// The addresses of the models that it has loaded beside the one that all views share.
    fn models(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A view in words.
pub(super) struct About {
    /// Its word in the address.
    pub name: &'static str,
    /// Its name for a person.
    pub label: &'static str,
    /// The id of its main part, and the way there for those who do not see the page.
    pub content: &'static str,
    pub skip: &'static str,
    /// What is said while files are dragged over it.
    pub drop: &'static str,
}

/// A change of what all views share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happened {
    /// The worker listens: the first one, or one that a person asked for.
    WorkerStarted,
    /// A model answers; `is_other`: what is on the screen was ranked by another one.
    ModelReady { is_other: bool },
    /// The model that was asked for could not be loaded.
    ModelFailed,
    /// The person waits no longer for the model that was asked for.
    ModelGivenUp,
    /// The person chose another device or precision, and the model is loaded anew.
    DeviceChosen,
    /// Text is open.
    CorpusReady,
    /// Text could not be opened.
    CorpusFailed,
}

impl Page {
    /// All views, the one that an address without `view=` means first.
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

    /// The view that is shown.
    pub fn view(self) -> Rc<dyn View> {
        self.view_named(Some(self.shown.get()))
    }

    pub fn is_shown(self, about: &About) -> bool {
        self.shown.get() == about.name
    }

    /// Tells all views of a change.
    pub(super) fn tell(self, what: Happened) {
        for view in self.views() {
            view.heed(what);
        }
    }

    /// The person goes to a view.
    pub fn go(self, name: &'static str) {
        if self.shown.get_untracked() != name {
            self.shown.set(name);
            self.push_address();
            window().scroll_to_with_x_and_y(0.0, 0.0);
            untrack(|| self.view()).arrive();
        }
    }

    /// The part of the address after the path that shows a view as it is now.
    pub fn address(self, view: &dyn View) -> String {
        let name = view.about().name;
        let is_first = self.view_named(None).about().name == name;
        let mut address = Builder::default();
        address.put_some("view", (!is_first).then_some(name));
        view.write(&mut address);
        address.search()
    }

    /// Writes the state into the address, as a new entry of the history.
    pub fn push_address(self) {
        self.write_address(History::push_state_with_url);
    }

    /// Writes the state into the address, over the present entry of the history.
    pub fn replace_address(self) {
        self.write_address(History::replace_state_with_url);
    }

    fn write_address(self, write: fn(&History, &JsValue, &str, Option<&str>) -> Result<(), JsValue>) {
        let search = untrack(|| self.address(&*self.view()));
        let Ok(history) = window().history() else { return };
        let path = window().location().pathname().unwrap_or_default();
        // A browser that refuses (Safari does so when it happens too often) leaves the old address.
        let _ = write(&history, &JsValue::NULL, "", Some(&format!("{path}{search}")));
    }

    /// The person follows a link of this page: `search` is the part of its address after the path.
    pub fn follow(self, search: &str) {
        let path = window().location().pathname().unwrap_or_default();
        if let Ok(history) = window().history() {
            // Refused, the old address stays: nothing is followed.
            let _ = history.push_state_with_url(&JsValue::NULL, "", Some(&format!("{path}{search}")));
        }
        self.read_address();
        window().scroll_to_with_x_and_y(0.0, 0.0);
    }

    /// Takes the state from the address: the person went back or forward.
    pub fn read_address(self) {
        let address = Address::here();
        let view = self.view_named(address.get("view"));
        self.shown.set(view.about().name);
        view.read(&address);
        view.arrive();
        if let Some(unknown) = address.unknown() {
            self.add_notice(unknown);
        }
    }
}
