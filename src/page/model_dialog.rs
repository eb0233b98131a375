//! The dialog for a model that is not listed: by its name on a hub, the address of a bundle, or a folder of the user's.
//! The model is inspected before anything large is downloaded; the dialog also lists the models that this browser stores.

use js_sys::Array;
use leptos::prelude::*;

use super::catalogue::{fill, model_dialog as text};
use super::messages::{ProblemAction, sentence};
use super::model::foreign_host;
use super::models::NamedModel;
use super::state::Page;
use crate::choice::split_dimension;
use crate::hub::{ENDPOINT, HubName};
use crate::protocol::{Event, Id, ModelSource, Offer, Request, StoredModel};

/// Prefixes of the addresses of a hub's models, and of models from the user's files.
const HUB: &str = "hub:";
const FILES: &str = "files:";

/// The dialog's state. Cheap to copy.
#[derive(Clone, Copy)]
pub(super) struct ModelDialog {
    pub is_open: RwSignal<bool>,
    /// The text in the field.
    pub typed: RwSignal<String>,
    /// How many dimensions of vectors to keep; empty: all.
    pub dimension: RwSignal<String>,
    /// The inspection in progress: its request, and its description.
    pub inspecting: RwSignal<Option<(Id, String)>>,
    pub offer: RwSignal<Option<Offer>>,
    pub problem: RwSignal<Option<String>>,
    pub stored: RwSignal<Vec<StoredModel>>,
    /// Why the stored models are unknown.
    pub stored_problem: RwSignal<Option<String>>,
    hidden: StoredValue<HiddenDialogState, LocalStorage>,
}

#[derive(Default)]
struct HiddenDialogState {
    /// Called with the chosen model.
    choose: Option<Callback<String>>,
    /// The request that lists the stored models.
    listing: Option<Id>,
    /// The model that a link names, which is loaded at once if it is stored, and what to call with it; `None` loads it for
    /// searches.
    linked: Option<(String, Option<Callback<String>>)>,
}

impl ModelDialog {
    pub fn new() -> Self {
        Self {
            is_open: RwSignal::new(false),
            typed: RwSignal::new(String::new()),
            dimension: RwSignal::new(String::new()),
            inspecting: RwSignal::new(None),
            offer: RwSignal::new(None),
            problem: RwSignal::new(None),
            stored: RwSignal::new(Vec::new()),
            stored_problem: RwSignal::new(None),
            hidden: StoredValue::new_local(HiddenDialogState::default()),
        }
    }
}

/// A model as typed.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TypedModel {
    Hub(HubName),
    /// The address of a bundle's folder.
    Folder(String),
}

/// Whether a typed text is a model's name on the hub or the address of a folder.
///
/// # Errors
/// A sentence on what is wrong.
pub(super) fn parse_typed(typed: &str, hub: &str) -> Result<TypedModel, String> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Err(text::TYPE_NAME.into());
    }
    let hubs = [hub.trim_end_matches('/'), ENDPOINT, "https://hf.co"];
    let on_hub = hubs.iter().any(|hub| typed.strip_prefix(hub).is_some_and(|rest| rest.starts_with('/')));
    let is_address = typed.contains("://") || typed.starts_with(['.', '/']) || typed.ends_with('/');
    if is_address && !on_hub {
        return match typed.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase()) {
            Some(scheme) if scheme != "https" && scheme != "http" => {
                Err(fill(text::SCHEME, &[("scheme", &scheme)]))
            }
            _ => Ok(TypedModel::Folder(typed.into())),
        };
    }
    let name = typed.strip_prefix(HUB).unwrap_or(typed);
    HubName::parse(name, hub).map(TypedModel::Hub).map_err(|e| e.to_string())
}

/// Whether an address is that of a model that is imported in the browser rather than of a bundle.
pub(super) fn is_imported(address: &str) -> bool {
    address.starts_with(HUB) || address.starts_with(FILES)
}

/// Such an address in the worker's form: with the hub, unless it is the default one.
pub(super) fn full_address(address: &str) -> String {
    let hub = hub_endpoint();
    if address.starts_with(HUB) && !address.contains('#') && hub != ENDPOINT {
        format!("{address}#{hub}")
    } else {
        address.into()
    }
}

/// The server of such an address; `None` for the user's own files.
pub(super) fn host_of(address: &str) -> Option<String> {
    let rest = address.strip_prefix(HUB)?;
    let hub = rest.split_once('#').map_or_else(hub_endpoint, |(_, hub)| hub.to_owned());
    Some(hub.split_once("://").map_or(hub.clone(), |(_, host)| host.to_owned()))
}

/// The hub's URL; `index.html` may name another than the default.
pub(super) fn hub_endpoint() -> String {
    let meta = document().query_selector("meta[name=model-hub]").ok().flatten();
    let named = meta.and_then(|meta| meta.get_attribute("content")).unwrap_or_default();
    let named = named.trim().trim_end_matches('/');
    if named.is_empty() { ENDPOINT.into() } else { named.into() }
}

impl Page {
    /// Opens the dialog; `choose` is called with the chosen model.
    pub fn open_model_dialog(self, choose: Callback<String>) {
        self.model_dialog.hidden.update_value(|h| h.choose = Some(choose));
        self.model_dialog.problem.set(None);
        self.model_dialog.offer.set(None);
        self.model_dialog.dimension.set(String::new());
        self.model_dialog.is_open.set(true);
        self.list_stored();
    }

    /// The user closes it, which cancels an inspection.
    pub fn close_model_dialog(self) {
        self.cancel_inspection();
        self.model_dialog.is_open.set(false);
    }

    /// Cancels the inspection in progress.
    pub fn cancel_inspection(self) {
        if let Some((id, _)) = self.model_dialog.inspecting.get_untracked() {
            self.send(&Request::Cancel { id });
            self.model_dialog.inspecting.set(None);
        }
    }

    /// Inspects the model named in the field; a bundle's address is used as it is.
    pub fn inspect_typed(self) {
        self.cancel_inspection();
        self.model_dialog.problem.set(None);
        self.model_dialog.offer.set(None);
        let hub = hub_endpoint();
        match parse_typed(&self.model_dialog.typed.get_untracked(), &hub) {
            Ok(TypedModel::Folder(address)) => self.use_model(address),
            Ok(TypedModel::Hub(name)) => {
                let url = full_address(&format!("{HUB}{name}"));
                let words = fill(text::LOOKING, &[("name", &name.to_string())]);
                let id = self.next_id();
                if self.send(&Request::Offer { id, source: ModelSource::Hub { url } }) {
                    self.model_dialog.inspecting.set(Some((id, words)));
                }
            }
            Err(why) => self.model_dialog.problem.set(Some(sentence(&why))),
        }
    }

    /// Inspects the user's own folder, and opens the dialog if necessary.
    pub fn inspect_files(self, files: Vec<(String, web_sys::File)>) {
        if files.is_empty() {
            return;
        }
        self.cancel_inspection();
        self.model_dialog.problem.set(None);
        self.model_dialog.offer.set(None);
        if !self.model_dialog.is_open.get_untracked() {
            self.model_dialog.hidden.update_value(|h| h.choose = None);
            self.model_dialog.is_open.set(true);
            self.list_stored();
        }
        let id = self.next_id();
        let paths = files.iter().map(|(path, _)| path.clone()).collect();
        let handles: Array = files.iter().map(|(_, file)| file).collect();
        if self.send_with(&Request::Offer { id, source: ModelSource::Files { paths } }, &handles) {
            self.model_dialog.inspecting.set(Some((id, text::LOOKING_AT_FOLDER.into())));
        }
    }

    /// The user wants this model: passes it to whoever opened the dialog.
    pub fn use_model(self, address: String) {
        self.close_model_dialog();
        // In links of this page, the page's own hub is implied.
        let address =
            address.strip_suffix(&format!("#{}", hub_endpoint())).map_or(address.clone(), str::to_owned);
        let choose = self.model_dialog.hidden.try_update_value(|h| h.choose.take()).flatten();
        self.allow(Some(&address));
        match choose {
            Some(choose) => choose.run(address),
            None => {
                self.model_address.set(Some(address));
                self.replace_address();
                self.load_model();
            }
        }
    }

    /// Requests the list of stored models.
    pub fn list_stored(self) {
        let id = self.next_id();
        if self.send(&Request::ListKept { id }) {
            self.model_dialog.hidden.update_value(|h| h.listing = Some(id));
        }
    }

    /// Deletes one of them.
    pub fn remove_stored(self, url: String) {
        let id = self.next_id();
        if self.send(&Request::RemoveKept { id, url }) {
            self.model_dialog.hidden.update_value(|h| h.listing = Some(id));
        }
    }

    /// A link names an imported model: if it is stored, it is loaded, or `then` is called with it; otherwise the user is
    /// asked.
    pub fn load_linked(self, address: String, then: Option<Callback<String>>) {
        self.model_dialog.hidden.update_value(|h| h.linked = Some((address, then)));
        self.list_stored();
    }

    /// Whether this model may be used right away. One from another server that only a link names needs the user's consent
    /// first: they see what it is and its size, and `then` is called with its address if they want it.
    pub fn may_use(self, address: &str, then: Callback<String>) -> bool {
        if !self.needs_permission(address) {
            return true;
        }
        if is_imported(address) {
            self.load_linked(address.into(), Some(then));
        } else {
            self.model_dialog.hidden.update_value(|h| h.linked = Some((address.into(), Some(then))));
            self.show_foreign_problem(&foreign_host(address).unwrap_or_default());
        }
        false
    }

    /// The linked model, if something other than the search waits for it.
    pub(super) fn take_linked(self) -> Option<(String, Callback<String>)> {
        let (address, then) = self.model_dialog.hidden.try_update_value(|h| h.linked.take()).flatten()?;
        Some((address, then?))
    }

    /// The user wants to see which model a link names.
    pub fn inspect_linked(self) {
        self.problem.set(None);
        let address = self.model_address.get_untracked().unwrap_or_default();
        self.inspect_address(&address, None);
    }

    /// Shows a hub's model and its size; `choose`, or else the search, gets its address if the user wants it.
    pub fn inspect_address(self, address: &str, choose: Option<Callback<String>>) {
        let (_, n) = split_dimension(address);
        self.model_dialog.dimension.set(n.map(|n| n.to_string()).unwrap_or_default());
        // The quantization is chosen below.
        self.model_dialog.typed.set(if address.starts_with(HUB) {
            imported_path(address).into()
        } else {
            String::new()
        });
        self.model_dialog.hidden.update_value(|h| h.choose = choose);
        self.model_dialog.is_open.set(true);
        if address.starts_with(HUB) {
            self.inspect_typed();
        }
        self.list_stored();
    }

    /// Handles an event about inspected or stored models; returns any other.
    pub fn handle_model_event(self, event: Event) -> Option<Event> {
        let dialog = self.model_dialog;
        let is_inspecting =
            |id: Id| dialog.inspecting.with_untracked(|a| a.as_ref().is_some_and(|(asked, _)| *asked == id));
        let is_listing = |id: Id| dialog.hidden.with_value(|h| h.listing == Some(id));
        match event {
            Event::Offered { id, offer } => {
                if is_inspecting(id) {
                    dialog.inspecting.set(None);
                    dialog.offer.set(Some(offer));
                }
            }
            Event::Kept { models, .. } => {
                dialog.stored_problem.set(None);
                models.iter().map(NamedModel::stored).for_each(|known| self.remember_name(known));
                dialog.stored.set(models);
                self.resolve_linked();
            }
            Event::Failed { id, problem } if is_inspecting(id) => {
                dialog.inspecting.set(None);
                dialog.problem.set(Some(sentence(&problem)));
            }
            Event::Failed { id, problem } if is_listing(id) => {
                dialog.stored_problem.set(Some(sentence(&problem)));
                self.resolve_linked();
            }
            Event::Cancelled { id } if is_inspecting(id) => dialog.inspecting.set(None),
            other => return Some(other),
        }
        None
    }

    fn resolve_linked(self) {
        let Some((address, then)) = self.model_dialog.hidden.try_update_value(|h| h.linked.take()).flatten()
        else {
            return;
        };
        let url = full_address(&split_dimension(&address).0);
        if self.model_dialog.stored.with_untracked(|kept| kept.iter().any(|k| full_address(&k.url) == url)) {
            return match then {
                Some(then) => {
                    self.allow(Some(&address));
                    then.run(address);
                }
                None => self.load_model(),
            };
        }
        let name = imported_name(&address);
        match (host_of(&address), then) {
            (Some(_), Some(then)) => self.inspect_address(&address, Some(then)),
            (Some(host), None) => self.show_problem(
                fill(text::LINK_NAMES, &[("name", &name), ("host", &host)]),
                text::NOTHING_ASKED,
                Some(ProblemAction::InspectModel),
            ),
            (None, _) => {
                self.show_problem(
                    fill(text::LINK_NAMES_FOLDER, &[("name", &name)]),
                    text::CHOOSE_FOLDER,
                    None,
                );
            }
        }
    }
}

/// The name of an imported model: the hub's, without a revision, or its folder's.
pub(super) fn imported_name(address: &str) -> String {
    let named = imported_path(address);
    match address.starts_with(HUB) {
        true => named.split('@').next().unwrap_or_default().into(),
        false => named.into(),
    }
}

/// The same, with a hub's revision if the address has one.
pub(super) fn imported_path(address: &str) -> &str {
    let bare = bare(address);
    let name = match (bare.strip_prefix(HUB), bare.strip_prefix(FILES)) {
        (Some(name), _) => name.split(':').next(),
        (_, Some(name)) => name.rsplit_once('~').map(|(name, _)| name).or(Some(name)),
        _ => None,
    };
    name.unwrap_or(address)
}

/// Such an address without its hub and the number of dimensions.
fn bare(address: &str) -> &str {
    let bare = address.split('#').next().unwrap_or_default();
    &bare[..split_dimension(bare).0.len()]
}

/// The hub's revision in such an address, abbreviated.
pub(super) fn revision_of(address: &str) -> Option<String> {
    let revision = address.strip_prefix(HUB).and_then(|_| imported_path(address).split_once('@'))?.1;
    Some(revision.chars().take(12).collect())
}

/// A hub's page about such a model.
pub(super) fn hub_page(address: &str) -> Option<String> {
    let (_, endpoint) = address.strip_prefix(HUB)?.split_once('#').unwrap_or(("", ""));
    let endpoint = if endpoint.is_empty() { hub_endpoint() } else { endpoint.into() };
    Some(format!("{endpoint}/{}", imported_name(address)))
}

/// The quantization in such an address.
pub(super) fn quantization_of(address: &str) -> Option<&str> {
    if !is_imported(address) {
        return None;
    }
    let bare = bare(address);
    // The first colon ends `hub` or `files`.
    bare.splitn(3, ':').nth(2)
}

/// The hub's server.
pub(super) fn hub_host() -> String {
    host_of(HUB).or_else(|| foreign_host(ENDPOINT)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_distinguished() {
        let hub = "http://127.0.0.1:8099";
        for (typed, name) in [
            ("intfloat/multilingual-e5-small", "intfloat/multilingual-e5-small"),
            (" a/b@refs/pr/1 ", "a/b@refs/pr/1"),
            ("hub:a/b", "a/b"),
            ("gpt2", "gpt2"),
            ("https://huggingface.co/a/b", "a/b"),
            ("https://hf.co/a/b/", "a/b"),
            ("http://127.0.0.1:8099/a/b", "a/b"),
        ] {
            let Ok(TypedModel::Hub(found)) = parse_typed(typed, hub) else { panic!("{typed}") };
            assert_eq!(found.to_string(), name);
        }
        for folder in
            ["models/monolingual/", "./model", "/model", "https://example.org/m", "http://localhost:1/m/"]
        {
            assert_eq!(parse_typed(folder, hub), Ok(TypedModel::Folder(folder.into())));
        }
        for (typed, why) in [
            ("", "Type a model"),
            ("a/../b", "two parts"),
            ("../..@x y", "'"),
            ("ftp://a/b", "ftp:"),
            ("a b", "' '"),
        ] {
            match parse_typed(typed, hub) {
                Err(problem) => assert!(problem.contains(why), "{typed}: {problem}"),
                Ok(TypedModel::Folder(_)) => assert!(typed.starts_with("..")),
                Ok(found) => panic!("{typed}: {found:?}"),
            }
        }
    }

    #[test]
    fn models_have_the_names_of_their_hub_or_folder() {
        for (address, name, packing) in [
            ("hub:a/b:q4#http://127.0.0.1:1", "a/b", Some("q4")),
            ("hub:a/b@v1", "a/b", None),
            ("files:my~own~0123:q4", "my~own", Some("q4")),
            ("https://example.org/m/", "https://example.org/m/", None),
        ] {
            assert_eq!((imported_name(address).as_str(), quantization_of(address)), (name, packing));
            assert_eq!(revision_of(address).is_some(), address.contains('@'));
        }
    }
}
