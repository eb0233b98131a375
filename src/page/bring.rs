//! A model that is not listed: by its name on a hub, by the address of a bundle, or a person's own folder. It is
//! looked at before anything large of it comes; which models this browser keeps stands beside it.

use js_sys::Array;
use leptos::prelude::*;

use super::catalogue::{bring as text, fill};
use super::messages::{WayOut, sentence};
use super::model::foreign_host;
use super::models::Known;
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
    /// The model of a link, which is loaded at once where it is kept, and who wants it; nobody: it is to answer
    /// searches.
    of_link: Option<(String, Option<Callback<String>>)>,
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

    /// A link names a model that is made here: where this browser keeps it, it is loaded, or `then` gets it; else the
    /// person is asked.
    pub fn load_linked(self, address: String, then: Option<Callback<String>>) {
        self.bring.held.update_value(|h| h.of_link = Some((address, then)));
        self.list_kept();
    }

    /// Whether this model may be used as it is. One that a link names, from another server, needs a person's word
    /// first: they see what it is and what it costs, and `then` gets its address once they want it.
    pub fn may_use(self, address: &str, then: Callback<String>) -> bool {
        if !self.asks_first(address) {
            return true;
        }
        if is_made(address) {
            self.load_linked(address.into(), Some(then));
        } else {
            self.bring.held.update_value(|h| h.of_link = Some((address.into(), Some(then))));
            self.say_foreign(&foreign_host(address).unwrap_or_default());
        }
        false
    }

    /// The model of a link that somebody but the search waits for.
    pub(super) fn take_linked(self) -> Option<(String, Callback<String>)> {
        let (address, then) = self.bring.held.try_update_value(|h| h.of_link.take()).flatten()?;
        Some((address, then?))
    }

    /// The person wants to see what a link names.
    pub fn look_at_linked(self) {
        self.problem.set(None);
        let address = self.model_address.get_untracked().unwrap_or_default();
        self.look_at(&address, None);
    }

    /// Shows what a hub's model is and costs; `choose` gets its address once the person wants it, else the search.
    pub fn look_at(self, address: &str, choose: Option<Callback<String>>) {
        // A way of packing is chosen below.
        self.bring.field.set(if address.starts_with(HUB) { made_at(address).into() } else { String::new() });
        self.bring.held.update_value(|h| h.choose = choose);
        self.bring.is_open.set(true);
        if address.starts_with(HUB) {
            self.look();
        }
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
                models.iter().map(Known::stored).for_each(|known| self.know(known));
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
        let Some((address, then)) = self.bring.held.try_update_value(|h| h.of_link.take()).flatten() else {
            return;
        };
        let url = in_full(&address);
        if self.bring.kept.with_untracked(|kept| kept.iter().any(|k| in_full(&k.url) == url)) {
            return match then {
                Some(then) => {
                    self.allow(Some(&address));
                    then.run(address);
                }
                None => self.load_model(),
            };
        }
        let name = made_name(&address);
        match (host_of(&address), then) {
            (Some(_), Some(then)) => self.look_at(&address, Some(then)),
            (Some(host), None) => self.say(
                fill(text::LINK_NAMES, &[("name", &name), ("host", &host)]),
                text::NOTHING_ASKED,
                Some(WayOut::LookAtModel),
            ),
            (None, _) => {
                self.say(fill(text::LINK_NAMES_FOLDER, &[("name", &name)]), text::CHOOSE_FOLDER, None);
            }
        }
    }
}

/// The name of a model that is made here: the hub's, without a revision, or its folder's.
pub(super) fn made_name(address: &str) -> String {
    let named = made_at(address);
    match address.starts_with(HUB) {
        true => named.split('@').next().unwrap_or_default().into(),
        false => named.into(),
    }
}

/// The same, with a hub's revision where one is named.
pub(super) fn made_at(address: &str) -> &str {
    let bare = address.split('#').next().unwrap_or_default();
    let name = match (bare.strip_prefix(HUB), bare.strip_prefix(FILES)) {
        (Some(name), _) => name.split(':').next(),
        (_, Some(name)) => name.rsplit_once('~').map(|(name, _)| name).or(Some(name)),
        _ => None,
    };
    name.unwrap_or(address)
}

/// A hub's revision that such an address names, short.
pub(super) fn revision_of(address: &str) -> Option<String> {
    let revision = address.strip_prefix(HUB).and_then(|_| made_at(address).split_once('@'))?.1;
    Some(revision.chars().take(12).collect())
}

/// Where a hub tells about such a model.
pub(super) fn hub_page(address: &str) -> Option<String> {
    let (_, endpoint) = address.strip_prefix(HUB)?.split_once('#').unwrap_or(("", ""));
    let endpoint = if endpoint.is_empty() { hub() } else { endpoint.into() };
    Some(format!("{endpoint}/{}", made_name(address)))
}

/// How such a model is packed, as its address says.
pub(super) fn packing_of(address: &str) -> Option<&str> {
    if !is_made(address) {
        return None;
    }
    let bare = address.split('#').next().unwrap_or_default();
    // The first colon ends `hub` or `files`.
    bare.splitn(3, ':').nth(2)
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
    fn models_have_the_names_of_their_hub_or_folder() {
        for (address, name, packing) in [
            ("hub:a/b:q4#http://127.0.0.1:1", "a/b", Some("q4")),
            ("hub:a/b@v1", "a/b", None),
            ("files:my~own~0123:q4", "my~own", Some("q4")),
            ("https://example.org/m/", "https://example.org/m/", None),
        ] {
            assert_eq!((made_name(address).as_str(), packing_of(address)), (name, packing));
            assert_eq!(revision_of(address).is_some(), address.contains('@'));
        }
    }
}
