//! Threads for a page whose server does not isolate it from other origins: a service worker
//! (`www/isolate.js`) adds the headers, from the next visit on.

use js_sys::Reflect;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::ServiceWorkerContainer;

use super::state::Page;

impl Page {
    /// Registers the service worker where it would bring something.
    pub fn isolate(self) {
        let isolated = Reflect::get(&window(), &"crossOriginIsolated".into()).is_ok_and(|is| is.is_truthy());
        let navigator = window().navigator();
        // A frame is isolated only where the page around it is.
        let framed = window().parent().ok().flatten().is_some_and(|parent| parent != window());
        if isolated || framed || navigator.hardware_concurrency() < 2.0 {
            return;
        }
        // Only a secure context has such a container.
        let Some(workers) = Reflect::get(&navigator, &"serviceWorker".into())
            .ok()
            .and_then(|container| container.dyn_into::<ServiceWorkerContainer>().ok())
        else {
            return;
        };
        leptos::task::spawn_local(async move {
            // A browser that forbids it, in a private window say, has one thread as before.
            if JsFuture::from(workers.register("isolate.js")).await.is_err() {
                return;
            }
            let Ok(ready) = workers.ready() else { return };
            let active = JsFuture::from(ready).await.is_ok();
            self.threads_next_time.set(active && workers.controller().is_none());
        });
    }
}
