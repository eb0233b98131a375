//! The model that answers searches: where it comes from, and how it is loaded. It is one for all views: the
//! panel of the device shows it everywhere.

use leptos::prelude::*;

use super::activity::{Activity, is_active};
use super::bring::{host_of, in_full, is_made};
use super::catalogue::{fill, message, model as text};
use super::messages::WayOut;
use super::models::Known;
use super::state::Page;
use super::view::Happened;
use crate::protocol::{DeviceChoice, DeviceReport, Id, ModelInfo, PrecisionChoice, Request};

/// Where the default model is, seen from the page.
pub(super) const MODEL: &str = "model/";

/// A model and where it runs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Model {
    pub info: ModelInfo,
    pub device: DeviceReport,
}

impl Page {
    /// Loads the model on the chosen device. One that runs goes on answering until then.
    pub fn load_model(self) {
        self.cancel_load();
        let address = self.model_address.get_untracked();
        let Some(url) = resolve(address.as_deref().unwrap_or(MODEL)) else {
            let what = fill(message::BAD_ADDRESS, &[("address", &address.unwrap_or_default())]);
            return self.say(what, text::NO_ADDRESS, None);
        };
        let id = self.next_id();
        let request = self.load_request(id, url);
        if self.send(&request) {
            self.loading.set(Some(Activity::new(id, text::LOADING)));
        }
    }

    /// Loads the model where nobody asked for this very one: not from another server, which a link could name.
    pub fn load_unless_foreign(self) {
        let address = self.model_address.get_untracked().unwrap_or_else(|| MODEL.into());
        match foreign_host(&address) {
            _ if !self.asks_first(&address) => self.load_model(),
            _ if is_made(&address) => self.load_linked(address, None),
            host => self.say_foreign(&host.unwrap_or_default()),
        }
    }

    /// The model that a link names is on another server.
    pub(super) fn say_foreign(self, host: &str) {
        self.say(fill(text::FOREIGN, &[("host", host)]), text::FOREIGN_STILL, Some(WayOut::FetchModel));
    }

    /// The server that a folder is on, where nobody let this model come from it.
    pub fn refused_host(self, folder: &str) -> Option<String> {
        foreign_host(folder).filter(|_| self.asks_first(folder))
    }

    /// Whether a model would come from another server, or out of a person's files, and nobody said yet that it may: a
    /// link alone does not let it, a person does.
    pub(super) fn asks_first(self, address: &str) -> bool {
        let is_near = foreign_host(address).is_none() && !is_made(address);
        !is_near && self.kept.with_value(|k| !k.allowed.contains(&resolve(address).unwrap_or_default()))
    }

    /// The person chose this model: it may come, wherever it is.
    pub fn allow(self, address: Option<&str>) {
        if let Some(url) = address.and_then(resolve) {
            self.kept.update_value(|k| k.allowed.extend([url]));
        }
    }

    /// The person lets the model that a link names come from another server.
    pub fn fetch_model(self) {
        self.problem.set(None);
        if let Some((address, then)) = self.take_linked() {
            self.allow(Some(&address));
            return then.run(address);
        }
        self.allow(self.model_address.get_untracked().as_deref());
        self.load_model();
    }

    /// What loads the model at `url` as the person wants it to run.
    pub fn load_request(self, id: Id, url: String) -> Request {
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

    /// The person stops loading.
    pub fn stop_loading(self) {
        self.cancel_load();
        self.give_up_model();
    }

    /// The model that was asked for does not come.
    pub fn give_up_model(self) {
        self.tell(Happened::ModelGivenUp);
    }

    /// Whether a model answers, or is on its way.
    pub fn has_model(self) -> bool {
        self.model.with_untracked(Option::is_some) || self.loading.with_untracked(Option::is_some)
    }

    /// The person chose a device.
    pub fn choose_device(self, device: DeviceChoice) {
        self.device.set(device);
        self.replace_address();
        self.load_unless_foreign();
        self.tell(Happened::DeviceChosen);
    }

    /// The person chose how the CPU multiplies; a model that answers searches is loaded anew.
    pub fn choose_precision(self, precision: PrecisionChoice) {
        self.precision.set(precision);
        self.replace_address();
        if self.has_model() {
            self.load_unless_foreign();
            self.tell(Happened::DeviceChosen);
        }
    }

    /// Removes model files from the browser's storage.
    pub fn clear_cache(self) {
        let id = self.next_id();
        if self.send(&Request::ClearCache { id }) {
            self.kept.update_value(|k| k.clearing = Some(id));
        }
    }

    /// The worker has a model.
    pub(super) fn model_ready(self, id: Id, info: ModelInfo, device: DeviceReport) {
        let is_awaited = is_active(self.loading, id);
        let is_last_word = is_awaited || self.loading.with_untracked(Option::is_none);
        if !is_last_word {
            return;
        }
        if !is_awaited {
            // Cancelled too late: this is the one that answers now.
            let own = resolve(MODEL).is_some_and(|url| url == info.url);
            self.model_address.set((!own).then(|| info.url.clone()));
            self.replace_address();
        }
        self.loading.set(None);
        let is_other = self.answering_url().is_none_or(|url| url != info.url);
        if let Some(why) = device.notes.last()
            && self.device.get_untracked() == DeviceChoice::WebGpu
            && device.kind == "cpu"
        {
            // Somebody wanted the GPU: the panel of the device, where it stands, may be folded.
            self.notice.set(Some(why.clone()));
        }
        self.know(Known::running(&info));
        self.model.set(Some(Model { info, device }));
        self.list_kept();
        // A problem with an earlier model is settled.
        self.settle(&[WayOut::LoadModel, WayOut::FetchModel, WayOut::LookAtModel]);
        self.send_coming();
        self.tell(Happened::ModelReady { is_other });
    }

    /// The worker went on with another device.
    pub(super) fn device_changed(self, device: DeviceReport) {
        // What was tried and passed over, while the model runs where it did, stands with the device.
        let moved = self.model.with_untracked(|m| m.as_ref().is_none_or(|m| m.device.kind != device.kind));
        if let Some(why) = device.notes.last().filter(|_| moved) {
            self.notice.set(Some(why.clone()));
        }
        self.model.update(|model| {
            if let Some(model) = model {
                model.device = device;
            }
        });
    }

    pub(super) fn loading_failed(self, problem: String) {
        self.loading.set(None);
        let still = if self.model.with_untracked(Option::is_some) {
            text::STILL_ANSWERS
        } else {
            text::STILL_EXAMPLES
        };
        self.say(problem, still, Some(WayOut::LoadModel));
        self.tell(Happened::ModelFailed);
    }

    /// The address of the model whose ranking is on the screen: before any is loaded, of the one whose
    /// vectors come with the page.
    fn answering_url(self) -> Option<String> {
        let loaded = self.model.with_untracked(|m| m.as_ref().map(|m| m.info.url.clone()));
        loaded.or_else(|| resolve(MODEL))
    }
}

/// A folder's address, seen from the document, with a slash at its end; of a model that is made here, its own.
pub(super) fn resolve(folder: &str) -> Option<String> {
    if is_made(folder) {
        return Some(in_full(folder));
    }
    let base = document().base_uri().ok()??;
    let url = web_sys::Url::new_with_base(folder, &base).ok()?;
    if !url.pathname().ends_with('/') {
        url.set_pathname(&format!("{}/", url.pathname()));
    }
    Some(url.href())
}

/// The server that a folder is on, where that is not the page's own.
pub(super) fn foreign_host(folder: &str) -> Option<String> {
    if is_made(folder) {
        return host_of(folder);
    }
    let url = web_sys::Url::new(&resolve(folder)?).ok()?;
    (url.origin() != window().location().origin().ok()?).then(|| url.host())
}

/// Whether two addresses name the same folder.
pub(super) fn same_folder(a: &str, b: &str) -> bool {
    a == b || resolve(a).is_some_and(|a| resolve(b) == Some(a))
}
