//! Starts the threads of a page that is cross-origin isolated: workers that share this one's memory.

use wasm_bindgen::prelude::*;

use super::browser::{cores, now, sleep};
use crate::threads::helpers;

/// Milliseconds that a model waits for helpers to come: they only make it faster.
const PATIENCE: f64 = 1000.0;

#[wasm_bindgen(module = "/src/session/helpers.js")]
extern "C" {
    fn start(count: usize, module: JsValue, memory: JsValue);

    /// Whether this program runs in a helper.
    #[wasm_bindgen(js_name = isHelper)]
    fn is_helper() -> bool;
}

/// Starts as many helpers as fit the processor; nothing in a helper itself.
pub fn call() {
    if !is_helper() {
        start(wanted(), wasm_bindgen::module(), wasm_bindgen::memory());
    }
}

/// Beside the thread that calls them. From five logical processors on it is half of them, as two often
/// share one core's arithmetic.
fn wanted() -> usize {
    let threads = match cores() {
        0 => 1,
        few @ 1..=4 => few,
        many => (many / 2).max(4),
    };
    (threads - 1).min(helpers::MOST)
}

/// Waits until all helpers are there, but not long.
pub async fn arrived() {
    let began = now();
    while helpers::count() < wanted() && now() - began < PATIENCE {
        sleep(4).await;
    }
}

/// A helper's whole life.
#[wasm_bindgen]
pub fn help() {
    helpers::help();
}

/// A helper stopped.
#[wasm_bindgen(js_name = helperFailed)]
pub fn helper_failed() {
    helpers::failed();
}
