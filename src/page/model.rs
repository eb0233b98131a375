//! The current model, which answers searches: its address, and loading it. All views share it, and the device panel
//! shows it in each.

use leptos::prelude::*;

use super::activity::{Activity, is_active};
use super::catalogue::{fill, message, model as text};
use super::messages::ProblemAction;
use super::model_dialog::{full_address, host_of, is_imported};
use super::models::NamedModel;
use super::state::Page;
use super::view::StateChange;
use crate::protocol::{DeviceChoice, DeviceReport, Id, ModelInfo, PrecisionChoice, Request};

/// The default model's folder, relative to the page.
pub(super) const MODEL: &str = "model/";

/// A model and where it runs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CurrentModel {
    pub info: ModelInfo,
    pub device: DeviceReport,
}

impl Page {
    /// Loads the model on the chosen device. The previous one answers until then.
    pub fn load_model(self) {
        self.cancel_load();
        let address = self.model_address.get_untracked();
        let Some(url) = resolve(address.as_deref().unwrap_or(MODEL)) else {
            let what = fill(message::BAD_ADDRESS, &[("address", &address.unwrap_or_default())]);
            return self.show_problem(what, text::NO_ADDRESS, None);
        };
        let id = self.next_id();
        let request = self.load_request(id, url);
        if self.send(&request) {
            self.loading.set(Some(Activity::new(id, text::LOADING)));
        }
    }

    /// Loads the model without the user having asked for this one: not from another server, as a link could name any.
    pub fn load_unless_foreign(self) {
        let address = self.model_address.get_untracked().unwrap_or_else(|| MODEL.into());
        match foreign_host(&address) {
            _ if !self.needs_permission(&address) => self.load_model(),
            _ if is_imported(&address) => self.load_linked(address, None),
            host => self.show_foreign_problem(&host.unwrap_or_default()),
        }
    }

    /// The model that a link names is on another server.
    pub(super) fn show_foreign_problem(self, host: &str) {
        self.show_problem(
            fill(text::FOREIGN, &[("host", host)]),
            text::FOREIGN_STILL,
            Some(ProblemAction::AllowModel),
        );
    }

    /// The server of a folder, if the user has not allowed this model to be loaded from there.
    pub fn unpermitted_host(self, folder: &str) -> Option<String> {
        foreign_host(folder).filter(|_| self.needs_permission(folder))
    }

    /// Whether a model is on another server, or imported from files, and the user has not allowed it yet: a link alone
    /// does not.
    pub(super) fn needs_permission(self, address: &str) -> bool {
        let is_near = foreign_host(address).is_none() && !is_imported(address);
        !is_near && self.hidden.with_value(|h| !h.allowed.contains(&resolve(address).unwrap_or_default()))
    }

    /// The user chose this model: it may be loaded, from any server.
    pub fn allow(self, address: Option<&str>) {
        if let Some(url) = address.and_then(resolve) {
            self.hidden.update_value(|h| h.allowed.extend([url]));
        }
    }

    /// The user allows the model that a link names, on another server.
    pub fn allow_and_load(self) {
        self.problem.set(None);
        if let Some((address, then)) = self.take_linked() {
            self.allow(Some(&address));
            return then.run(address);
        }
        self.allow(self.model_address.get_untracked().as_deref());
        self.load_model();
    }

    /// The request that loads the model at `url` on the chosen device.
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

    /// The user stops loading.
    pub fn stop_loading(self) {
        self.cancel_load();
        self.give_up_model();
    }

    /// The requested model will not be loaded.
    pub fn give_up_model(self) {
        self.notify(StateChange::ModelGivenUp);
    }

    /// Whether a model is loaded or being loaded.
    pub fn has_model(self) -> bool {
        self.model.with_untracked(Option::is_some) || self.loading.with_untracked(Option::is_some)
    }

    /// The user chose a device.
    pub fn choose_device(self, device: DeviceChoice) {
        self.device.set(device);
        self.replace_address();
        self.load_unless_foreign();
        self.notify(StateChange::DeviceChosen);
    }

    /// The user chose the CPU's precision; the current model is loaded again.
    pub fn choose_precision(self, precision: PrecisionChoice) {
        self.precision.set(precision);
        self.replace_address();
        if self.has_model() {
            self.load_unless_foreign();
            self.notify(StateChange::DeviceChosen);
        }
    }

    /// Removes model files from the browser's storage.
    pub fn clear_cache(self) {
        let id = self.next_id();
        if self.send(&Request::ClearCache { id }) {
            self.hidden.update_value(|h| h.clearing = Some(id));
        }
    }

    /// The worker has loaded a model.
    pub(super) fn model_ready(self, id: Id, info: ModelInfo, device: DeviceReport) {
        let is_awaited = is_active(self.loading, id);
        let is_last_word = is_awaited || self.loading.with_untracked(Option::is_none);
        if !is_last_word {
            return;
        }
        if !is_awaited {
            // Cancelled too late: this is the current model now.
            let own = resolve(MODEL).is_some_and(|url| url == info.url);
            self.model_address.set((!own).then(|| info.url.clone()));
            self.replace_address();
        }
        self.loading.set(None);
        let is_other = self.current_model_url().is_none_or(|url| url != info.url);
        if let Some(why) = device.notes.last()
            && self.device.get_untracked() == DeviceChoice::WebGpu
            && device.kind == "cpu"
        {
            // The user wanted the GPU; the device panel, which says so, may be folded.
            self.notice.set(Some(why.clone()));
        }
        self.remember_name(NamedModel::running(&info));
        self.model.set(Some(CurrentModel { info, device }));
        self.list_stored();
        // A problem with an earlier model is resolved.
        self.clear_problem_with(&[
            ProblemAction::LoadModel,
            ProblemAction::AllowModel,
            ProblemAction::InspectModel,
        ]);
        self.send_pending();
        self.store_for_offline();
        self.notify(StateChange::ModelReady { is_other });
    }

    /// The worker continues on another device.
    pub(super) fn device_changed(self, device: DeviceReport) {
        // A device that was tried in vain, while the model stays where it was, is only mentioned in the device panel.
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
        self.show_problem(problem, still, Some(ProblemAction::LoadModel));
        self.notify(StateChange::ModelFailed);
    }

    /// The address of the model whose ranking is displayed: before any is loaded, the one whose vectors come with the
    /// page.
    fn current_model_url(self) -> Option<String> {
        let loaded = self.model.with_untracked(|m| m.as_ref().map(|m| m.info.url.clone()));
        loaded.or_else(|| resolve(MODEL))
    }
}

/// A folder's URL, with a trailing slash; for an imported model, its address.
pub(super) fn resolve(folder: &str) -> Option<String> {
    if is_imported(folder) {
        return Some(full_address(folder));
    }
    let base = document().base_uri().ok()??;
    let url = web_sys::Url::new_with_base(folder, &base).ok()?;
    if !url.pathname().ends_with('/') {
        url.set_pathname(&format!("{}/", url.pathname()));
    }
    Some(url.href())
}

/// The server of a folder, if it is not the page's own.
pub(super) fn foreign_host(folder: &str) -> Option<String> {
    if is_imported(folder) {
        return host_of(folder);
    }
    let url = web_sys::Url::new(&resolve(folder)?).ok()?;
    (url.origin() != window().location().origin().ok()?).then(|| url.host())
}

/// Whether two addresses name the same folder.
pub(super) fn same_folder(a: &str, b: &str) -> bool {
    a == b || resolve(a).is_some_and(|a| resolve(b) == Some(a))
}
