//! What a session needs from the browser, the same in a worker and in a page.

use std::cell::Cell;

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{CacheStorage, RequestInit, Url};

use crate::{
    Error, Result,
    timeouts::{self, Timer, within},
};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = fetch)]
    pub fn fetch(address: &str, init: &RequestInit) -> Promise;

    type MessageChannel;
    #[wasm_bindgen(constructor)]
    fn new() -> MessageChannel;
    #[wasm_bindgen(method, getter)]
    fn port1(this: &MessageChannel) -> MessagePort;
    #[wasm_bindgen(method, getter)]
    fn port2(this: &MessageChannel) -> MessagePort;

    type MessagePort;
    #[wasm_bindgen(method, setter)]
    fn set_onmessage(this: &MessagePort, call: &Function);
    #[wasm_bindgen(method, js_name = postMessage)]
    fn post_message(this: &MessagePort, message: &JsValue);
    #[wasm_bindgen(method)]
    fn close(this: &MessagePort);

    /// Milliseconds since an arbitrary time.
    #[wasm_bindgen(js_namespace = performance)]
    pub fn now() -> f64;
}

/// Waits; messages are processed in the meantime.
pub async fn sleep(milliseconds: i32) {
    Timer::new(milliseconds).await;
}

/// Milliseconds of work after which messages are processed.
const YIELD_INTERVAL: f64 = 30.0;

thread_local! {
    static YIELDED: Cell<f64> = const { Cell::new(0.0) };
}

/// Processes pending messages if the last time was a while ago, so that short work does not wait.
pub async fn yield_now() {
    if now() - YIELDED.get() < YIELD_INTERVAL {
        return;
    }
    // Browsers delay nested timers by 4 ms; a message to oneself arrives at once.
    let channel = MessageChannel::new();
    let promise = Promise::new(&mut |resolve, _| {
        channel.port1().set_onmessage(&resolve);
        channel.port2().post_message(&JsValue::NULL);
    });
    let _ = JsFuture::from(promise).await;
    channel.port1().close();
    YIELDED.set(now());
}

/// The date in UTC, as `2026-01-31`.
pub fn today() -> String {
    String::from(js_sys::Date::new_0().to_iso_string()).chars().take("2026-01-31".len()).collect()
}

/// A property of the global object.
fn global(name: &str) -> Option<JsValue> {
    let value = Reflect::get(&js_sys::global(), &name.into()).ok()?;
    (!value.is_null() && !value.is_undefined()).then_some(value)
}

/// A property of `navigator`.
fn navigator(name: &str) -> Option<JsValue> {
    Reflect::get(&global("navigator")?, &name.into()).ok()
}

/// Whether WebGPU is available here.
pub fn has_webgpu() -> bool {
    navigator("gpu").is_some_and(|gpu| !gpu.is_null() && !gpu.is_undefined())
}

/// Whether the device is online, as far as the browser knows.
pub fn online() -> bool {
    navigator("onLine").is_none_or(|is| is.is_undefined() || is.is_truthy())
}

/// The origin's storage quota and usage in bytes, if known.
pub async fn storage_estimate() -> Option<(f64, f64)> {
    let get = |object: &JsValue, field: &str| Reflect::get(object, &field.into()).ok();
    let storage = navigator("storage")?;
    let estimate = get(&storage, "estimate")?.dyn_into::<Function>().ok()?;
    let promise = estimate.call0(&storage).ok()?.dyn_into::<Promise>().ok()?;
    let told = within(timeouts::STORAGE, JsFuture::from(promise)).await?.ok()?;
    Some((get(&told, "quota")?.as_f64()?, get(&told, "usage")?.as_f64()?))
}

/// The browser's user agent string.
pub fn user_agent() -> String {
    navigator("userAgent").and_then(|words| words.as_string()).unwrap_or_default()
}

/// Number of logical processors; 0 if unknown.
pub fn cores() -> usize {
    navigator("hardwareConcurrency").and_then(|n| n.as_f64()).unwrap_or_default() as usize
}

/// Whether the page is cross-origin isolated.
pub fn isolated() -> bool {
    global("crossOriginIsolated").is_some_and(|is| is.is_truthy())
}

/// Vendor and kind of the GPU that the browser would choose, if known.
pub async fn adapter_name() -> Option<String> {
    let get = |object: &JsValue, field: &str| Reflect::get(object, &field.into()).ok();
    let gpu = get(&global("navigator")?, "gpu")?;
    let request = get(&gpu, "requestAdapter")?.dyn_into::<Function>().ok()?;
    let adapter = request.call0(&gpu).ok()?.dyn_into::<Promise>().ok()?;
    let info = get(&JsFuture::from(adapter).await.ok()?, "info")?;
    let words =
        ["vendor", "architecture", "device", "description"].map(|field| get(&info, field)?.as_string());
    let words: Vec<String> = words.into_iter().flatten().filter(|word| !word.is_empty()).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// The Cache API, which browsers have only on `https:` and `localhost`.
pub fn caches() -> Option<CacheStorage> {
    global("caches")?.dyn_into().ok()
}

/// Resolves `address` relative to the page, or to the worker's script.
///
/// # Errors
/// [`Error::Input`] if it is not a URL.
pub fn resolve(address: &str) -> Result<Url> {
    let of = |object: &str, field: &str| Reflect::get(&global(object)?, &field.into()).ok()?.as_string();
    let base = of("document", "baseURI").or_else(|| of("location", "href")).unwrap_or_default();
    Url::new_with_base(address, &base)
        .map_err(|_| Error::Input(format!("{address} is not an address a browser understands")))
}

/// The message of a JavaScript error.
pub fn words(value: &JsValue) -> String {
    match value.dyn_ref::<js_sys::Error>() {
        Some(error) => error.message().into(),
        None => value.as_string().unwrap_or_else(|| format!("{value:?}")),
    }
}
