//! Threads for a page whose server does not isolate it from other origins: a service worker
//! (`www/isolate.js`) adds the headers, from the next visit on.

use js_sys::Reflect;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::ServiceWorkerContainer;

use super::link::{answer, describe};
use super::state::Page;
use crate::timeouts;

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

/// Whether the program with threads runs in this browser: as `www/worker_loader.js` sees it.
fn able() -> bool {
    let atomics = Reflect::get(&window(), &"Atomics".into());
    atomics
        .and_then(|atomics| Reflect::get(&atomics, &"waitAsync".into()))
        .is_ok_and(|wait| wait.is_function())
}

/// Waits until the service worker is active; otherwise says why it is not: some browsers forbid it in private windows.
async fn active(workers: &ServiceWorkerContainer) -> Result<(), String> {
    answer(timeouts::SERVICE_WORKER, workers.register("isolate.js")).await?;
    answer(timeouts::SERVICE_WORKER, workers.ready().map_err(|e| describe(&e))?).await.map(drop)
}

impl Page {
    /// Registers the service worker if it would help.
    pub fn isolate(self) {
        let isolated = Reflect::get(&window(), &"crossOriginIsolated".into()).is_ok_and(|is| is.is_truthy());
        let navigator = window().navigator();
        // A frame is only isolated if the page around it is.
        let framed = window().parent().ok().flatten().is_some_and(|parent| parent != window());
        if framed || navigator.hardware_concurrency() < 2.0 {
            return;
        }
        if !able() {
            self.threads.set(Threads::Unable);
            return;
        }
        if isolated {
            return;
        }
        // Only secure contexts have this container.
        let Some(workers) = Reflect::get(&navigator, &"serviceWorker".into())
            .ok()
            .and_then(|container| container.dyn_into::<ServiceWorkerContainer>().ok())
        else {
            return;
        };
        leptos::task::spawn_local(async move {
            self.threads.set(match active(&workers).await {
                // It is already active but had no effect, as the page was loaded bypassing it.
                Ok(()) if workers.controller().is_some() => return,
                Ok(()) => Threads::NextTime,
                Err(why) => Threads::Refused(why),
            });
        });
    }
}
