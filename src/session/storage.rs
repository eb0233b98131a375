//! The browser's Cache API, by which model files and vectors outlive the page.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Cache, Request, Response};

use super::browser::{caches, words};
use crate::{Error, Result};

/// One of the origin's caches; `None` where the browser has no such storage, or refuses it (some do in
/// private windows).
pub async fn open(name: &str) -> Option<Cache> {
    JsFuture::from(caches()?.open(name)).await.ok()?.dyn_into().ok()
}

/// What is kept under `key`, an address.
pub async fn read(cache: &Cache, key: &str) -> Option<Vec<u8>> {
    let response: Response = JsFuture::from(cache.match_with_str(key)).await.ok()?.dyn_into().ok()?;
    let buffer = JsFuture::from(response.array_buffer().ok()?).await.ok()?;
    Some(Uint8Array::new(&buffer).to_vec())
}

/// Keeps `bytes` under `key`; otherwise says what the browser says.
pub async fn write(cache: &Cache, key: &str, bytes: &[u8]) -> std::result::Result<(), String> {
    let body = Uint8Array::from(bytes);
    let response = Response::new_with_opt_js_u8_array(Some(&body)).map_err(|e| words(&e))?;
    JsFuture::from(cache.put_with_str(key, &response)).await.map_err(|e| words(&e))?;
    Ok(())
}

/// Deletes what is kept under `key`.
pub async fn remove(cache: &Cache, key: &str) {
    // Should it not go, the next visit finds it broken again.
    let _ = JsFuture::from(cache.delete_with_str(key)).await;
}

/// All keys.
pub async fn keys(cache: &Cache) -> Vec<String> {
    let requests = JsFuture::from(cache.keys()).await.map(|list| Array::from(&list)).unwrap_or_default();
    requests.iter().filter_map(|r| Some(r.dyn_into::<Request>().ok()?.url())).collect()
}

/// Deletes a whole cache; how much was in it.
///
/// # Errors
/// [`Error::File`] when the browser refuses.
pub async fn clear(name: &str) -> Result<usize> {
    let Some(storage) = caches() else { return Ok(0) };
    let kept = match open(name).await {
        Some(cache) => keys(&cache).await.len(),
        None => 0,
    };
    JsFuture::from(storage.delete(name))
        .await
        .map_err(|e| Error::file("the browser's storage", words(&e)))?;
    Ok(kept)
}
