//! The browser's Cache API, by which model files and vectors outlive the page.

use std::cell::Cell;

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Cache, Request, Response};

use super::browser::{caches, words};
use crate::{
    Error, Result,
    patience::{self, no_answer, within},
};

/// Bytes of an answer that is no more than a word.
const SMALL: u64 = 0;

/// One of the origin's caches. Once it has given no answer it is asked nothing more.
pub struct Store {
    cache: Cache,
    silent: Cell<bool>,
}

/// One of the origin's caches; else why there is none: some browsers refuse it in private windows.
pub async fn open(name: &str) -> std::result::Result<Store, String> {
    let none = || "This browser keeps no files for this address".to_owned();
    let opened = JsFuture::from(caches().ok_or_else(none)?.open(name));
    match within(patience::storage(SMALL), opened).await {
        Some(Ok(cache)) => {
            let cache = cache.dyn_into().map_err(|_| none())?;
            Ok(Store { cache, silent: Cell::new(false) })
        }
        Some(Err(_)) => Err(none()),
        None => {
            Err(format!("This browser’s storage could not be used ({})", no_answer(patience::storage(SMALL))))
        }
    }
}

impl Store {
    /// Whether it has given no answer.
    pub fn is_silent(&self) -> bool {
        self.silent.get()
    }

    /// What is kept under `key`, an address: some `bytes`.
    pub async fn read(&self, key: &str, bytes: u64) -> Option<Vec<u8>> {
        let found = self.ask(SMALL, |cache| Ok(cache.match_with_str(key))).await.ok()?;
        let response: Response = found.dyn_into().ok()?;
        let buffer = self.ask(bytes, |_| response.array_buffer()).await.ok()?;
        Some(Uint8Array::new(&buffer).to_vec())
    }

    /// Keeps `bytes` under `key`; otherwise says what the browser says.
    pub async fn write(&self, key: &str, bytes: &[u8]) -> std::result::Result<(), String> {
        let put = |cache: &Cache| {
            let body = Uint8Array::from(bytes);
            let response = Response::new_with_opt_js_u8_array(Some(&body))?;
            Ok(cache.put_with_str(key, &response))
        };
        self.ask(bytes.len() as u64, put).await.map(drop)
    }

    /// Deletes what is kept under `key`.
    pub async fn remove(&self, key: &str) {
        // Should it not go, the next visit finds it broken again.
        let _ = self.ask(SMALL, |cache| Ok(cache.delete_with_str(key))).await;
    }

    /// All keys.
    pub async fn keys(&self) -> Vec<String> {
        let requests = self.ask(SMALL, |cache| Ok(cache.keys())).await;
        let requests = requests.map(|list| Array::from(&list)).unwrap_or_default();
        requests.iter().filter_map(|r| Some(r.dyn_into::<Request>().ok()?.url())).collect()
    }

    /// Asks for what takes some `bytes`; otherwise says what the browser says, or that it says nothing.
    async fn ask(
        &self,
        bytes: u64,
        what: impl FnOnce(&Cache) -> std::result::Result<Promise, JsValue>,
    ) -> std::result::Result<JsValue, String> {
        let seconds = patience::storage(bytes);
        if self.is_silent() {
            return Err(no_answer(seconds));
        }
        let asked = what(&self.cache).map_err(|e| words(&e))?;
        let answer = within(seconds, JsFuture::from(asked)).await;
        self.silent.set(answer.is_none());
        answer.unwrap_or_else(|| Err(no_answer(seconds).into())).map_err(|e| words(&e))
    }
}

/// Deletes a whole cache; how much was in it.
///
/// # Errors
/// [`Error::File`] when the browser refuses, or gives no answer.
pub async fn clear(name: &str) -> Result<usize> {
    let failed = |why: String| Error::file("the browser’s storage", why);
    let Some(storage) = caches() else { return Ok(0) };
    let store =
        open(name).await.map_err(|why| Error::Input(format!("{why}, so nothing can be removed from it")))?;
    let kept = store.keys().await.len();
    let seconds = patience::storage(SMALL);
    let deleted = within(seconds, JsFuture::from(storage.delete(name))).await;
    let silent = || Err(format!("{}; reload the page and try again", no_answer(seconds)).into());
    deleted.unwrap_or_else(silent).map_err(|e| failed(words(&e)))?;
    Ok(kept)
}
