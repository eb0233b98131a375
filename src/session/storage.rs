//! The browser's Cache API, by which model files and vectors outlive the page.

use std::cell::Cell;

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Cache, Headers, ReadableStream, Request, Response, ResponseInit};

use super::browser::{caches, today, words};
use crate::{
    Error, Result,
    patience::{self, no_answer, within},
};

/// Bytes of an answer that is no more than a word.
const SMALL: u64 = 0;
/// The day on which something was kept, beside it.
const DAY: &str = "x-kept";

#[wasm_bindgen]
extern "C" {
    type TransformStream;
    #[wasm_bindgen(constructor)]
    fn new() -> TransformStream;
    #[wasm_bindgen(method, getter)]
    fn readable(this: &TransformStream) -> ReadableStream;
    #[wasm_bindgen(method, getter)]
    fn writable(this: &TransformStream) -> Writable;

    type Writable;
    #[wasm_bindgen(method, js_name = getWriter)]
    fn writer(this: &Writable) -> Writer;

    type Writer;
    #[wasm_bindgen(method)]
    fn write(this: &Writer, chunk: &Uint8Array) -> Promise;
    #[wasm_bindgen(method)]
    fn close(this: &Writer) -> Promise;
    #[wasm_bindgen(method)]
    fn abort(this: &Writer) -> Promise;
}

/// Ends what is being written when it is dropped before its end: nothing is kept of it then.
struct Writing(Writer);

impl Drop for Writing {
    fn drop(&mut self) {
        // Closed, it cannot be aborted any more, which nobody need hear of.
        spawn_quietly(self.0.abort());
    }
}

/// Lets a promise end as it will.
fn spawn_quietly(promise: Promise) {
    wasm_bindgen_futures::spawn_local(async move {
        let _ = JsFuture::from(promise).await;
    });
}

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
        Some(self.read_dated(key, bytes).await?.0)
    }

    /// As [`read`](Self::read), with the day on which it was kept, where that is known.
    pub async fn read_dated(&self, key: &str, bytes: u64) -> Option<(Vec<u8>, Option<String>)> {
        let found = self.ask(SMALL, |cache| Ok(cache.match_with_str(key))).await.ok()?;
        let response: Response = found.dyn_into().ok()?;
        let day = response.headers().get(DAY).ok().flatten();
        let buffer = self.ask(bytes, |_| response.array_buffer()).await.ok()?;
        Some((Uint8Array::new(&buffer).to_vec(), day))
    }

    /// Keeps `bytes` under `key`; otherwise says what the browser says.
    pub async fn write(&self, key: &str, bytes: &[u8]) -> std::result::Result<(), String> {
        let put = |cache: &Cache| {
            let body = Uint8Array::from(bytes);
            let response = Response::new_with_opt_js_u8_array_and_init(Some(&body), &dated()?)?;
            Ok(cache.put_with_str(key, &response))
        };
        self.ask(bytes.len() as u64, put).await.map(drop)
    }

    /// As [`write`](Self::write), of pieces that are one file together: the next is made when the one before was
    /// taken. `step` is told how many bytes were.
    pub async fn write_pieces(
        &self,
        key: &str,
        pieces: impl Iterator<Item = Vec<u8>>,
        step: &mut dyn FnMut(usize),
    ) -> std::result::Result<(), String> {
        let stream = TransformStream::new();
        let writing = Writing(stream.writable().writer());
        let body = stream.readable();
        let response =
            dated().and_then(|init| Response::new_with_opt_readable_stream_and_init(Some(&body), &init));
        // Asked for its end from the beginning: it may refuse while pieces are still on their way.
        let kept = JsFuture::from(self.cache.put_with_str(key, &response.map_err(|e| words(&e))?));
        let mut done = 0;
        let written = async {
            for piece in pieces {
                let bytes = piece.len();
                self.ask(bytes as u64, |_| Ok(writing.0.write(&Uint8Array::from(piece.as_slice())))).await?;
                done += bytes;
                step(done);
            }
            self.ask(SMALL, |_| Ok(writing.0.close())).await
        };
        let written = written.await;
        if written.is_err() {
            // What the cache itself says of it comes now, or never.
            spawn_quietly(writing.0.abort());
        }
        let seconds = patience::storage(done as u64);
        match (within(seconds, kept).await, written) {
            (Some(Ok(_)), Ok(_)) => Ok(()),
            (Some(Err(why)), _) => Err(words(&why)),
            (_, Err(why)) => Err(why),
            (None, Ok(_)) => {
                self.silent.set(true);
                Err(no_answer(seconds))
            }
        }
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

/// With the day beside it.
fn dated() -> std::result::Result<ResponseInit, JsValue> {
    let headers = Headers::new()?;
    headers.set(DAY, &today())?;
    let init = ResponseInit::new();
    init.set_headers(&headers);
    Ok(init)
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
