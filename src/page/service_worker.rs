//! What the service worker (`www/service_worker.js`) does for the page: it opens without a network, a new version is
//! offered, and it has threads where its server does not isolate it from other origins.

use std::time::Duration;

use js_sys::{Promise, Reflect};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use web_sys::{EventTarget, MessageEvent, ServiceWorker, ServiceWorkerContainer};

use super::catalogue::{fill, shell as text};
use super::link::{answer, describe};
use super::state::Page;
use super::words;
use crate::timeouts;

/// The service worker's script, next to the page.
const SCRIPT: &str = "service_worker.js";
/// How often a page that stays open looks for a new version.
const HOUR: Duration = Duration::from_secs(3600);

/// Whether the page can get more threads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Threads {
    /// It has them, or it is unknown.
    #[default]
    Settled,
    /// After a reload.
    NextTime,
    /// No, for this reason.
    Refused(String),
    /// Not in this version of the browser.
    Unable,
}

/// Whether the page opens without a network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Offline {
    /// Nothing is known yet; it is stored once a model is loaded, or a model's evaluation or timing is done.
    #[default]
    Unknown,
    /// Its files are being stored.
    Storing,
    /// It does.
    Works,
    /// No, for this reason.
    Refused(String),
}

/// A version of the page that is newer than this one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum NewVersion {
    /// There is none, or the user was told.
    #[default]
    None,
    /// It is stored, and waits.
    Offered,
    /// It waits for this many other tabs to be closed.
    Blocked(usize),
}

/// A message to the service worker.
#[derive(Default, Serialize)]
struct Asked {
    /// It stores the page's files.
    keep: bool,
    /// Those include the worker without threads.
    plain: bool,
    /// It takes the place of the version that is shown.
    r#use: bool,
}

/// Its answer.
#[derive(Deserialize)]
struct Answered {
    kept: Option<bool>,
    why: Option<String>,
    others: Option<usize>,
}

#[wasm_bindgen]
extern "C" {
    /// The page's registration of its service worker.
    #[derive(Clone)]
    #[wasm_bindgen(extends = EventTarget, js_name = ServiceWorkerRegistration)]
    pub(super) type Registration;
    #[wasm_bindgen(method, getter)]
    fn installing(this: &Registration) -> Option<ServiceWorker>;
    #[wasm_bindgen(method, getter)]
    fn waiting(this: &Registration) -> Option<ServiceWorker>;
    #[wasm_bindgen(method, getter)]
    fn active(this: &Registration) -> Option<ServiceWorker>;
    #[wasm_bindgen(method)]
    fn update(this: &Registration) -> Promise;
}

fn is(object: &JsValue, property: &str, what: &str) -> bool {
    Reflect::get(object, &property.into()).is_ok_and(|value| value == what)
}

/// Whether the program with threads runs in this browser: as `www/worker_loader.js` sees it.
fn supports_threads() -> bool {
    let atomics = Reflect::get(&window(), &"Atomics".into());
    atomics
        .and_then(|atomics| Reflect::get(&atomics, &"waitAsync".into()))
        .is_ok_and(|wait| wait.is_function())
}

fn is_isolated() -> bool {
    Reflect::get(&window(), &"crossOriginIsolated".into()).is_ok_and(|is| is.is_truthy())
}

/// Waits until the service worker is active; otherwise says why it is not: some browsers forbid it in private windows.
async fn registered(workers: &ServiceWorkerContainer) -> Result<Registration, String> {
    answer(timeouts::SERVICE_WORKER, workers.register(SCRIPT)).await?;
    answer(timeouts::SERVICE_WORKER, workers.ready().map_err(|e| describe(&e))?)
        .await
        .map(JsCast::unchecked_into)
}

/// Calls `heard` at each event of this name for as long as the page is open.
fn listen(target: &EventTarget, name: &str, heard: impl FnMut(MessageEvent) + 'static) {
    let heard = Closure::<dyn FnMut(MessageEvent)>::new(heard).into_js_value();
    // Every target takes every name.
    let _ = target.add_event_listener_with_callback(name, heard.unchecked_ref());
}

impl Page {
    /// Registers the service worker.
    pub fn start_service_worker(self) {
        // A frame is only isolated if the page around it is, and its storage is another.
        if window().parent().ok().flatten().is_some_and(|parent| parent != window()) {
            return;
        }
        let navigator = window().navigator();
        let has_cores = navigator.hardware_concurrency() >= 2.0;
        if has_cores && !supports_threads() {
            self.threads.set(Threads::Unable);
        }
        let more_threads = has_cores && supports_threads() && !is_isolated();
        // Only secure contexts have this container, and not all of them in private windows.
        let container = Reflect::get(&navigator, &"serviceWorker".into()).unwrap_or_default();
        let Ok(workers) = container.dyn_into::<ServiceWorkerContainer>() else {
            return self.offline.set(Offline::Refused(text::NO_SERVICE_WORKERS.into()));
        };
        leptos::task::spawn_local(async move {
            match registered(&workers).await {
                Ok(registration) => {
                    // Where it controls the page without effect, the page was loaded bypassing it.
                    let is_new = workers.controller().is_none();
                    if more_threads && is_new {
                        self.threads.set(Threads::NextTime);
                    }
                    listen(&workers, "message", move |message| {
                        self.handle_service_worker_message(&message.data())
                    });
                    self.watch(&registration);
                    self.hidden.update_value(|h| h.service_worker = Some(registration));
                    // All is there from an earlier visit, or most of it.
                    if !is_new || self.model.with_untracked(Option::is_some) {
                        self.store_for_offline();
                    }
                }
                Err(why) => {
                    if more_threads {
                        self.threads.set(Threads::Refused(why.clone()));
                    }
                    self.offline.set(Offline::Refused(why));
                }
            }
        });
    }

    /// Stores the page's files, once nothing more urgent is being downloaded.
    pub(super) fn store_for_offline(self) {
        if self.offline.with_untracked(|o| matches!(o, Offline::Storing | Offline::Works)) {
            return;
        }
        let asked = Asked { keep: true, plain: !is_isolated(), ..Asked::default() };
        if self.tell_service_worker(Registration::active, &asked) {
            self.offline.set(Offline::Storing);
        }
    }

    /// The user takes the new version: once it has started, the page is loaded again.
    pub fn take_new_version(self) {
        self.hidden.update_value(|h| h.taking_version = true);
        self.tell_service_worker(Registration::waiting, &Asked { r#use: true, ..Asked::default() });
    }

    fn tell_service_worker(self, which: fn(&Registration) -> Option<ServiceWorker>, asked: &Asked) -> bool {
        let Ok(asked) = serde_wasm_bindgen::to_value(asked) else { return false };
        let worker = self.hidden.with_value(|h| h.service_worker.as_ref().and_then(which));
        worker.is_some_and(|worker| worker.post_message(&asked).is_ok())
    }

    fn handle_service_worker_message(self, message: &JsValue) {
        let Ok(Answered { kept, why, others }) = serde_wasm_bindgen::from_value(message.clone()) else {
            return;
        };
        match kept {
            Some(true) => self.offline.set(Offline::Works),
            Some(false) => self.offline.set(Offline::Refused(why.unwrap_or_default())),
            None => {}
        }
        if let Some(others) = others {
            self.new_version.set(NewVersion::Blocked(others));
        }
    }

    /// Offers a version that waits, now and later.
    fn watch(self, registration: &Registration) {
        if let Some(waiting) = registration.waiting() {
            self.offer_once_stored(&waiting);
        }
        if let Some(installing) = registration.installing() {
            self.offer_once_stored(&installing);
        }
        let found = registration.clone();
        listen(registration, "updatefound", move |_| {
            if let Some(installing) = found.installing() {
                self.offer_once_stored(&installing);
            }
        });
        let registration = registration.clone();
        set_interval(
            move || {
                let update = registration.update();
                // Without a network it fails, and is tried again.
                leptos::task::spawn_local(
                    async move { drop(answer(timeouts::SERVICE_WORKER, update).await) },
                );
            },
            HOUR,
        );
    }

    /// Offers this version once it is stored.
    fn offer_once_stored(self, version: &ServiceWorker) {
        let changed = {
            let version = version.clone();
            move || {
                if is(&version, "state", "installed") {
                    let version = version.clone();
                    // One that does not wait, as during development, has started by then.
                    let offer = move || {
                        if is(&version, "state", "installed") {
                            self.new_version.set(NewVersion::Offered);
                        }
                    };
                    set_timeout(offer, Duration::from_secs(1));
                } else if is(&version, "state", "activated") {
                    self.new_version.set(NewVersion::None);
                    if self.hidden.with_value(|h| h.taking_version) {
                        reload();
                    }
                }
            }
        };
        changed();
        listen(version, "statechange", move |_| changed());
    }
}

/// What stands in the details.
pub(super) fn offline_words(offline: &Offline) -> Option<String> {
    match offline {
        Offline::Unknown => None,
        Offline::Storing => Some(text::OFFLINE_STORING.into()),
        Offline::Works => Some(text::OFFLINE_WORKS.into()),
        Offline::Refused(why) => Some(fill(text::OFFLINE_NOT, &[("why", why.trim_end_matches('.'))])),
    }
}

/// The offer of a new version.
pub(super) fn offer_words(version: NewVersion) -> String {
    match version {
        NewVersion::Blocked(others) => {
            fill(text::NEW_VERSION_BLOCKED, &[("tabs", &words::plural(others, text::OTHER_TAB))])
        }
        _ => text::NEW_VERSION.into(),
    }
}

/// Loads the page again.
pub(super) fn reload() {
    // Only refused while the browser is leaving the page.
    let _ = window().location().reload();
}
