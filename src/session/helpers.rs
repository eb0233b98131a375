//! Starts the threads of a page that is cross-origin isolated: workers that share this worker's memory.

use wasm_bindgen::prelude::*;

use super::browser::{cores, now, sleep};
use crate::threads::helpers;

/// Milliseconds to wait for helpers to start: they only make a model faster.
const TIMEOUT: f64 = 1000.0;

#[wasm_bindgen(module = "/src/session/helpers.js")]
extern "C" {
    fn start(count: usize, module: JsValue, memory: JsValue);

    /// Whether this program runs in a helper.
    #[wasm_bindgen(js_name = isHelper)]
    fn is_helper() -> bool;
}

/// Starts as many helpers as the processor can use; does nothing in a helper.
pub fn start_all() {
    if !is_helper() {
        start(wanted_helpers(), wasm_bindgen::module(), wasm_bindgen::memory());
    }
}

/// Number of helpers besides the calling thread. From five logical processors on it is half of them, as two often
/// share one core's arithmetic units.
fn wanted_helpers() -> usize {
    let threads = match cores() {
        0 => 1,
        few @ 1..=4 => few,
        many => (many / 2).max(4),
    };
    (threads - 1).min(helpers::MOST)
}

/// Waits until all helpers have started, up to the timeout.
pub async fn started() {
    let began = now();
    while helpers::count() < wanted_helpers() && now() - began < TIMEOUT {
        sleep(4).await;
    }
}

/// The main loop of a helper.
#[wasm_bindgen]
pub fn help() {
    helpers::help();
}

/// Called when a helper stopped.
#[wasm_bindgen(js_name = helperFailed)]
pub fn helper_failed() {
    helpers::failed();
}
