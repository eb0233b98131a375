//! A model that is not listed: by its name on a hub, by the address of a bundle, or a person's own folder. It is
//! looked at before anything large of it comes; which models this browser keeps stands beside it.

use js_sys::Array;
use leptos::prelude::*;

use super::catalogue::{bring as text, fill};
use super::messages::{WayOut, sentence};
use super::model::foreign_host;
use super::state::Page;
use crate::hub::{ENDPOINT, HubName};
use crate::protocol::{Event, Id, KeptModel, ModelSource, Offer, Request};

/// What the addresses of a hub's models begin with, and of a person's.
const HUB: &str = "hub:";
const FILES: &str = "files:";

/// The state of that choice. Cheap to copy.
#[derive(Clone, Copy)]
pub(super) struct Bring {
    pub is_open: RwSignal<bool>,
    /// What stands in the field.
    pub field: RwSignal<String>,
    /// What is under way, for a person; its request.
    pub asked: RwSignal<Option<(Id, String)>>,
    pub offer: RwSignal<Option<Offer>>,
    pub problem: RwSignal<Option<String>>,
    pub kept: RwSignal<Vec<KeptModel>>,
    /// Why it is not known what is kept.
    pub kept_problem: RwSignal<Option<String>>,
    held: StoredValue<Held, LocalStorage>,
}

#[derive(Default)]
struct Held {
    /// Who wants a model.
    choose: Option<Callback<String>>,
    /// The request that lists what is kept.
    listing: Option<Id>,
    /// The model of a link, which is loaded at once where it is kept.
    of_link: Option<String>,
}

impl Bring {
    pub fn new() -> Self {
        Self {
            is_open: RwSignal::new(false),
            field: RwSignal::new(String::new()),
            asked: RwSignal::new(None),
            offer: RwSignal::new(None),
            problem: RwSignal::new(None),
            kept: RwSignal::new(Vec::new()),
            kept_problem: RwSignal::new(None),
            held: StoredValue::new_local(Held::default()),
        }
    }
}

/// What a person named.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Named {
    Hub(HubName),
    /// The address of a bundle's folder.
    Folder(String),
}

/// Whether what a person typed is a model's name on the hub or the address of a folder.
///
/// # Errors
/// A sentence on what is wrong.
pub(super) fn named(typed: &str, hub: &str) -> Result<Named, String> {
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
            _ => Ok(Named::Folder(typed.into())),
        };
    }
    let name = typed.strip_prefix(HUB).unwrap_or(typed);
    HubName::parse(name, hub).map(Named::Hub).map_err(|e| e.to_string())
}

/// Whether an address is of a model that is made into a bundle here.
pub(super) fn is_made(address: &str) -> bool {
    address.starts_with(HUB) || address.starts_with(FILES)
}

/// Such an address as the worker takes it: with the hub, where that is another than the usual.
pub(super) fn in_full(address: &str) -> String {
    let hub = hub();
    if address.starts_with(HUB) && !address.contains('#') && hub != ENDPOINT {
        format!("{address}#{hub}")
    } else {
        address.into()
    }
}

/// The server of such an address; none of a person's own files.
pub(super) fn host_of(address: &str) -> Option<String> {
    let rest = address.strip_prefix(HUB)?;
    let hub = rest.split_once('#').map_or_else(hub, |(_, hub)| hub.to_owned());
    Some(hub.split_once("://").map_or(hub.clone(), |(_, host)| host.to_owned()))
}

/// The hub by which names are looked up: `index.html` may name another than the usual.
pub(super) fn hub() -> String {
    let meta = document().query_selector("meta[name=model-hub]").ok().flatten();
    let named = meta.and_then(|meta| meta.get_attribute("content")).unwrap_or_default();
    let named = named.trim().trim_end_matches('/');
    if named.is_empty() { ENDPOINT.into() } else { named.into() }
}

impl Page {
    /// Opens the choice for whoever wants a model.
    pub fn bring(self, choose: Callback<String>) {
        self.bring.held.update_value(|h| h.choose = Some(choose));
        self.bring.problem.set(None);
        self.bring.offer.set(None);
        self.bring.is_open.set(true);
        self.list_kept();
    }

    /// The person closes it: what is looked at is not waited for.
    pub fn close_bring(self) {
        self.stop_looking();
        self.bring.is_open.set(false);
    }

    /// Stops looking.
    pub fn stop_looking(self) {
        if let Some((id, _)) = self.bring.asked.get_untracked() {
            self.send(&Request::Cancel { id });
            self.bring.asked.set(None);
        }
    }

    /// Looks at what is in the field: a model of the hub is told before it comes, a bundle's address is taken.
    pub fn look(self) {
        self.stop_looking();
        self.bring.problem.set(None);
        self.bring.offer.set(None);
        let hub = hub();
        match named(&self.bring.field.get_untracked(), &hub) {
            Ok(Named::Folder(address)) => self.take_model(address),
            Ok(Named::Hub(name)) => {
                let url = in_full(&format!("{HUB}{name}"));
                let words = fill(text::LOOKING, &[("name", &name.to_string())]);
                let id = self.next_id();
                if self.send(&Request::Offer { id, source: ModelSource::Hub { url } }) {
                    self.bring.asked.set(Some((id, words)));
                }
            }
            Err(why) => self.bring.problem.set(Some(sentence(&why))),
        }
    }

    /// Looks at a person's own folder; opens the choice where it is not open.
    pub fn look_at_files(self, files: Vec<(String, web_sys::File)>) {
        if files.is_empty() {
            return;
        }
        self.stop_looking();
        self.bring.problem.set(None);
        self.bring.offer.set(None);
        if !self.bring.is_open.get_untracked() {
            self.bring.held.update_value(|h| h.choose = None);
            self.bring.is_open.set(true);
            self.list_kept();
        }
        let id = self.next_id();
        let paths = files.iter().map(|(path, _)| path.clone()).collect();
        let handles: Array = files.iter().map(|(_, file)| file).collect();
        if self.send_with(&Request::Offer { id, source: ModelSource::Files { paths } }, &handles) {
            self.bring.asked.set(Some((id, text::LOOKING_AT_FOLDER.into())));
        }
    }

    /// The person wants this model: whoever asked for one gets it.
    pub fn take_model(self, address: String) {
        self.close_bring();
        // Links of this page mean this page’s hub.
        let address = address.strip_suffix(&format!("#{}", hub())).map_or(address.clone(), str::to_owned);
        let choose = self.bring.held.try_update_value(|h| h.choose.take()).flatten();
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

    /// Asks which models this browser keeps.
    pub fn list_kept(self) {
        let id = self.next_id();
        if self.send(&Request::ListKept { id }) {
            self.bring.held.update_value(|h| h.listing = Some(id));
        }
    }

    /// Removes one of them from this browser.
    pub fn remove_kept(self, url: String) {
        let id = self.next_id();
        if self.send(&Request::RemoveKept { id, url }) {
            self.bring.held.update_value(|h| h.listing = Some(id));
        }
    }

    /// A link names a model that is made here: where this browser keeps it, it is loaded; else the person is asked.
    pub fn load_linked(self, address: String) {
        self.bring.held.update_value(|h| h.of_link = Some(address));
        self.list_kept();
    }

    /// The person wants to see what a link names.
    pub fn look_at_linked(self) {
        self.problem.set(None);
        let address = self.model_address.get_untracked().unwrap_or_default();
        let name = address.strip_prefix(HUB).unwrap_or_default();
        let name = name.split('#').next().unwrap_or_default();
        // A way of packing is chosen below.
        let name = name.split(':').next().unwrap_or_default();
        self.bring.field.set(name.into());
        self.bring.held.update_value(|h| h.choose = None);
        self.bring.is_open.set(true);
        self.look();
        self.list_kept();
    }

    /// Takes what is about this; gives back what is not.
    pub fn hear_of_models(self, event: Event) -> Option<Event> {
        let bring = self.bring;
        let is_asked =
            |id: Id| bring.asked.with_untracked(|a| a.as_ref().is_some_and(|(asked, _)| *asked == id));
        let is_listing = |id: Id| bring.held.with_value(|h| h.listing == Some(id));
        match event {
            Event::Offered { id, offer } => {
                if is_asked(id) {
                    bring.asked.set(None);
                    bring.offer.set(Some(offer));
                }
            }
            Event::Kept { models, .. } => {
                bring.kept_problem.set(None);
                bring.kept.set(models);
                self.settle_linked();
            }
            Event::Failed { id, problem } if is_asked(id) => {
                bring.asked.set(None);
                bring.problem.set(Some(sentence(&problem)));
            }
            Event::Failed { id, problem } if is_listing(id) => {
                bring.kept_problem.set(Some(sentence(&problem)));
                self.settle_linked();
            }
            Event::Cancelled { id } if is_asked(id) => bring.asked.set(None),
            other => return Some(other),
        }
        None
    }

    fn settle_linked(self) {
        let Some(address) = self.bring.held.try_update_value(|h| h.of_link.take()).flatten() else { return };
        let url = in_full(&address);
        if self.bring.kept.with_untracked(|kept| kept.iter().any(|k| in_full(&k.url) == url)) {
            return self.load_model();
        }
        match host_of(&address) {
            Some(host) => self.say(
                fill(text::LINK_NAMES, &[("name", &shown(&address)), ("host", &host)]),
                text::NOTHING_ASKED,
                Some(WayOut::LookAtModel),
            ),
            None => self.say(
                fill(text::LINK_NAMES_FOLDER, &[("name", &shown(&address))]),
                text::CHOOSE_FOLDER,
                None,
            ),
        }
    }
}

/// Such an address for a person: the name, without what is only for the worker.
pub(super) fn shown(address: &str) -> String {
    let bare = address.split('#').next().unwrap_or_default();
    match (bare.strip_prefix(HUB), bare.strip_prefix(FILES)) {
        (Some(name), _) => name.into(),
        (_, Some(name)) => {
            let (name, rest) = name.split_once('~').unwrap_or((name, ""));
            let packed = rest.split_once(':').map(|(_, packed)| format!(" ({packed})")).unwrap_or_default();
            fill(text::FROM_FILES, &[("name", &format!("{name}{packed}"))])
        }
        _ => address.into(),
    }
}

/// The server that names are looked up at.
pub(super) fn hub_host() -> String {
    host_of(HUB).or_else(|| foreign_host(ENDPOINT)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_from_an_address() {
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
            let Ok(Named::Hub(found)) = named(typed, hub) else { panic!("{typed}") };
            assert_eq!(found.to_string(), name);
        }
        for folder in
            ["models/monolingual/", "./model", "/model", "https://example.org/m", "http://localhost:1/m/"]
        {
            assert_eq!(named(folder, hub), Ok(Named::Folder(folder.into())));
        }
        for (typed, why) in [
            ("", "Type a model"),
            ("a/../b", "two parts"),
            ("../..@x y", "'"),
            ("ftp://a/b", "ftp:"),
            ("a b", "' '"),
        ] {
            match named(typed, hub) {
                Err(problem) => assert!(problem.contains(why), "{typed}: {problem}"),
                Ok(Named::Folder(_)) => assert!(typed.starts_with("..")),
                Ok(found) => panic!("{typed}: {found:?}"),
            }
        }
    }

    #[test]
    fn addresses_are_shown_by_their_names() {
        assert_eq!(shown("hub:a/b:q4#http://127.0.0.1:1"), "a/b:q4");
        assert_eq!(shown("files:mine~0123:q4"), "mine (q4), from files");
        assert_eq!(shown("model/"), "model/");
    }
}
