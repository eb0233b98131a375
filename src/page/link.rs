//! The worker's handle, and serialization of messages.

use std::{cell::RefCell, rc::Rc, time::Duration};

use js_sys::Promise;
use leptos::leptos_dom::helpers::{TimeoutHandle, set_timeout_with_handle};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

use super::catalogue::{fill, message};
use crate::protocol::{Event, HANDLES, Request};
use crate::timeouts::{self, no_answer, within};

/// The script that starts the worker's program, next to the page (`www/worker_loader.js`).
const SCRIPT: &str = "./worker_loader.js";

/// A running worker. Dropping it terminates the worker and frees its memory, including a GPU's.
pub(super) struct Link {
    worker: Worker,
    /// Requests before the worker's first message: a script that is still loading would lose them.
    queued: Rc<RefCell<Option<Vec<JsValue>>>>,
    /// The timeout for that message.
    timeout: Option<TimeoutHandle>,
    // Called by the worker, so they have to live as long as it does.
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(web_sys::Event)>,
}

impl Link {
    /// Starts the worker. `on_event` is called with its events, `on_bytes` with the bytes of its program so far while that
    /// is downloaded, `on_crash` with the reason if it crashes, and `on_timeout` with the number of seconds if it has sent
    /// nothing for so long; it is not terminated then.
    ///
    /// # Errors
    /// A sentence, if the browser cannot start workers here.
    pub fn start(
        on_event: impl Fn(Event) + 'static,
        on_bytes: impl Fn(f64) + 'static,
        on_crash: impl Fn(String) + Clone + 'static,
        on_timeout: impl FnOnce(u32) + 'static,
    ) -> Result<Self, String> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options(SCRIPT, &options)
            .map_err(|e| fill(message::WORKER_REFUSED, &[("why", &describe(&e))]))?;

        let queued = Rc::new(RefCell::new(Some(Vec::new())));
        let unsent = queued.clone();
        let long = move || {
            if unsent.borrow().is_some() {
                on_timeout(timeouts::WORKER);
            }
        };
        let timeout = set_timeout_with_handle(long, Duration::from_secs(timeouts::WORKER.into())).ok();
        let (on_unreadable, waiting, listener) = (on_crash.clone(), queued.clone(), worker.clone());
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            // It comes before the program does, from `worker_loader.js`.
            if let Some(bytes) = message.data().as_f64() {
                return on_bytes(bytes);
            }
            for request in waiting.take().into_iter().flatten() {
                if let Err(e) = listener.post_message(&request) {
                    on_unreadable(fill(message::NOT_SENT, &[("why", &describe(&e))]));
                }
            }
            match serde_wasm_bindgen::from_value::<Event>(message.data()) {
                Ok(event) => on_event(event),
                Err(e) => on_unreadable(fill(message::NOT_UNDERSTOOD, &[("why", &e.to_string())])),
            }
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));

        let on_error = Closure::<dyn FnMut(web_sys::Event)>::new(move |e: web_sys::Event| {
            let message = e.dyn_ref::<ErrorEvent>().map(ErrorEvent::message).unwrap_or_default();
            on_crash(match message.trim_start_matches("Uncaught ") {
                "" => message::NO_SCRIPT.into(),
                message => message.to_owned(),
            });
        });
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        worker.set_onmessageerror(Some(on_error.as_ref().unchecked_ref()));

        Ok(Self { worker, queued, timeout, _on_message: on_message, _on_error: on_error })
    }

    /// Sends a request; bytes are sent as a `Uint8Array`.
    ///
    /// # Errors
    /// A sentence, if the request does not fit into the browser's memory.
    pub fn send(&self, request: &Request) -> Result<(), String> {
        self.post(serialized(request)?)
    }

    /// As [`send`](Self::send), with the user's files attached, whose bytes are not copied.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_with(&self, request: &Request, files: &js_sys::Array) -> Result<(), String> {
        let value = serialized(request)?;
        js_sys::Reflect::set(&value, &HANDLES.into(), files).map_err(|e| describe(&e))?;
        self.post(value)
    }

    fn post(&self, value: JsValue) -> Result<(), String> {
        if let Some(queued) = self.queued.borrow_mut().as_mut() {
            queued.push(value);
            return Ok(());
        }
        self.worker.post_message(&value).map_err(|e| fill(message::NOT_SENT, &[("why", &describe(&e))]))
    }
}

fn serialized(request: &Request) -> Result<JsValue, String> {
    let value = request.serialize(&serde_wasm_bindgen::Serializer::new());
    value.map_err(|e| fill(message::NOT_SENT, &[("why", &e.to_string())]))
}

impl Drop for Link {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.set_onmessageerror(None);
        self.worker.terminate();
        if let Some(timeout) = self.timeout.take() {
            timeout.clear();
        }
    }
}

/// The result of a promise; otherwise its error, or that it timed out.
pub(super) async fn answer(seconds: u32, promise: Promise) -> Result<JsValue, String> {
    let answer = within(seconds, JsFuture::from(promise)).await;
    answer.ok_or_else(|| no_answer(seconds))?.map_err(|e| describe(&e))
}

/// The message of a JavaScript error.
pub(super) fn describe(value: &JsValue) -> String {
    match value.dyn_ref::<js_sys::Error>() {
        Some(error) => error.message().into(),
        None => value.as_string().unwrap_or_else(|| format!("{value:?}")),
    }
}
