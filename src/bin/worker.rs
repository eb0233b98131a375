//! The worker's entry, and the same file as an ES module for other people's pages.
//!
//! In a worker it listens for requests. Imported into a page it does nothing by itself: there one
//! calls the functions in `javascript`.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

// The functions are exported from here and not from the library: the page's program would carry them,
// and the whole encoder with them, too.
#[path = "../session/javascript.rs"]
mod javascript;

use interlingua::{
    protocol::{Event, HANDLES, Request},
    session::{Session, has_webgpu},
};
use js_sys::{Array, Reflect};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

/// The script that starts this program as the page's worker (`www/worker_loader.js`).
const LOADER: &str = "/worker_loader.js";

fn main() {
    console_error_panic_hook::set_once();
    #[cfg(target_feature = "atomics")]
    interlingua::session::helpers::start_all();
    // A page has no such global object, and a worker of somebody else's another script.
    if let Ok(scope) = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>()
        && scope.location().pathname().ends_with(LOADER)
    {
        listen(&scope);
    }
}

/// A request without the files that came beside it, which the session gets.
fn without_files(session: &Session, request: JsValue) -> JsValue {
    if let Ok(files) = Reflect::get(&request, &HANDLES.into())
        && let Some(files) = files.dyn_ref::<Array>()
    {
        session.take_files(files.iter().filter_map(|file| file.dyn_into().ok()).collect());
        // What is left is read as a request.
        let _ = Reflect::set(&request, &HANDLES.into(), &JsValue::UNDEFINED);
    }
    request
}

fn listen(scope: &DedicatedWorkerGlobalScope) {
    let port = scope.clone();
    let say = move |event: Event| {
        let sent = event
            .serialize(&serde_wasm_bindgen::Serializer::new())
            .map_err(JsValue::from)
            .and_then(|value| port.post_message(&value));
        if let Err(problem) = sent {
            web_sys::console::error_2(&"an event could not be sent".into(), &problem);
        }
    };
    let session = Session::new(say.clone());
    let on_message =
        Closure::<dyn Fn(MessageEvent)>::new(
            move |message: MessageEvent| match serde_wasm_bindgen::from_value::<Request>(without_files(
                &session,
                message.data(),
            )) {
                Ok(request) => session.handle(request),
                Err(problem) => {
                    web_sys::console::error_2(
                        &"a request was not understood".into(),
                        &problem.to_string().into(),
                    );
                }
            },
        );
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // It listens as long as the worker lives.
    on_message.forget();
    say(Event::Started { webgpu: has_webgpu() });
}
