//! The browser's Cache API, which stores model files and vectors between visits.

use std::cell::Cell;

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Cache, Headers, ReadableStream, Request, Response, ResponseInit};

use super::browser::{caches, today, words};
use crate::{
    Error, Result,
    timeouts::{self, no_answer, within},
};

/// Size of requests and responses without data.
const EMPTY: u64 = 0;
/// The header with the date on which an entry was stored.
const DATE: &str = "x-kept";

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

/// A stream that is aborted if it is dropped before its end: then nothing is stored.
struct Writing(Writer);

impl Drop for Writing {
    fn drop(&mut self) {
        // A closed stream cannot be aborted any more; that error is ignored.
        ignore(self.0.abort());
    }
}

/// Awaits a promise and ignores its outcome.
fn ignore(promise: Promise) {
    wasm_bindgen_futures::spawn_local(async move {
        let _ = JsFuture::from(promise).await;
    });
}

/// One of the origin's caches. After a timeout it is not used any more.
pub struct Store {
    cache: Cache,
    unresponsive: Cell<bool>,
}

/// Opens one of the origin's caches; otherwise says why there is none: some browsers refuse it in private windows.
pub async fn open(name: &str) -> std::result::Result<Store, String> {
    let none = || "This browser stores no files for this address".to_owned();
    let opened = JsFuture::from(caches().ok_or_else(none)?.open(name));
    match within(timeouts::storage(EMPTY), opened).await {
        Some(Ok(cache)) => {
            let cache = cache.dyn_into().map_err(|_| none())?;
            Ok(Store { cache, unresponsive: Cell::new(false) })
        }
        Some(Err(_)) => Err(none()),
        None => {
            Err(format!("This browser’s storage could not be used ({})", no_answer(timeouts::storage(EMPTY))))
        }
    }
}

impl Store {
    /// Whether it did not respond in time.
    pub fn is_unresponsive(&self) -> bool {
        self.unresponsive.get()
    }

    /// The entry of `key`, a URL, of about this many `bytes`.
    pub async fn read(&self, key: &str, bytes: u64) -> Option<Vec<u8>> {
        Some(self.read_dated(key, bytes).await?.0)
    }

    /// As [`read`](Self::read), with the date on which it was stored, if known.
    pub async fn read_dated(&self, key: &str, bytes: u64) -> Option<(Vec<u8>, Option<String>)> {
        let found = self.ask(EMPTY, |cache| Ok(cache.match_with_str(key))).await.ok()?;
        let response: Response = found.dyn_into().ok()?;
        let date = response.headers().get(DATE).ok().flatten();
        let buffer = self.ask(bytes, |_| response.array_buffer()).await.ok()?;
        Some((Uint8Array::new(&buffer).to_vec(), date))
    }

    /// Stores `bytes` as the entry of `key`; otherwise returns the browser's message.
    pub async fn write(&self, key: &str, bytes: &[u8]) -> std::result::Result<(), String> {
        let put = |cache: &Cache| {
            let body = Uint8Array::from(bytes);
            let response = Response::new_with_opt_js_u8_array_and_init(Some(&body), &dated()?)?;
            Ok(cache.put_with_str(key, &response))
        };
        self.ask(bytes.len() as u64, put).await.map(drop)
    }

    /// As [`write`](Self::write), for a file in pieces: each is requested once the previous one was taken. `step` is told
    /// the number of bytes taken.
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
        // Awaited from the beginning: it may fail while pieces are still being written.
        let kept = JsFuture::from(self.cache.put_with_str(key, &response.map_err(|e| words(&e))?));
        let mut done = 0;
        let written = async {
            for piece in pieces {
                let bytes = piece.len();
                self.ask(bytes as u64, |_| Ok(writing.0.write(&Uint8Array::from(piece.as_slice())))).await?;
                done += bytes;
                step(done);
            }
            self.ask(EMPTY, |_| Ok(writing.0.close())).await
        };
        let written = written.await;
        if written.is_err() {
            // Lets the cache itself fail now, with its own message.
            ignore(writing.0.abort());
        }
        let seconds = timeouts::storage(done as u64);
        match (within(seconds, kept).await, written) {
            (Some(Ok(_)), Ok(_)) => Ok(()),
            (Some(Err(why)), _) => Err(words(&why)),
            (_, Err(why)) => Err(why),
            (None, Ok(_)) => {
                self.unresponsive.set(true);
                Err(no_answer(seconds))
            }
        }
    }

    /// Deletes the entry of `key`.
    pub async fn remove(&self, key: &str) {
        // If this fails, the next visit finds it damaged again.
        let _ = self.ask(EMPTY, |cache| Ok(cache.delete_with_str(key))).await;
    }

    /// All keys.
    pub async fn keys(&self) -> Vec<String> {
        let requests = self.ask(EMPTY, |cache| Ok(cache.keys())).await;
        let requests = requests.map(|list| Array::from(&list)).unwrap_or_default();
        requests.iter().filter_map(|r| Some(r.dyn_into::<Request>().ok()?.url())).collect()
    }

    /// Makes a request that involves this many `bytes`; otherwise returns the browser's message, or that it timed out.
    async fn ask(
        &self,
        bytes: u64,
        what: impl FnOnce(&Cache) -> std::result::Result<Promise, JsValue>,
    ) -> std::result::Result<JsValue, String> {
        let seconds = timeouts::storage(bytes);
        if self.is_unresponsive() {
            return Err(no_answer(seconds));
        }
        let asked = what(&self.cache).map_err(|e| words(&e))?;
        let answer = within(seconds, JsFuture::from(asked)).await;
        self.unresponsive.set(answer.is_none());
        answer.unwrap_or_else(|| Err(no_answer(seconds).into())).map_err(|e| words(&e))
    }
}

/// A header with today's date.
fn dated() -> std::result::Result<ResponseInit, JsValue> {
    let headers = Headers::new()?;
    headers.set(DATE, &today())?;
    let init = ResponseInit::new();
    init.set_headers(&headers);
    Ok(init)
}

/// Deletes a whole cache; returns the number of its entries.
///
/// # Errors
/// [`Error::File`] if the browser refuses, or does not respond.
pub async fn clear(name: &str) -> Result<usize> {
    let failed = |why: String| Error::file("the browser’s storage", why);
    let Some(storage) = caches() else { return Ok(0) };
    let store =
        open(name).await.map_err(|why| Error::Input(format!("{why}, so nothing can be removed from it")))?;
    let kept = store.keys().await.len();
    let seconds = timeouts::storage(EMPTY);
    let deleted = within(seconds, JsFuture::from(storage.delete(name))).await;
    let silent = || Err(format!("{}; reload the page and try again", no_answer(seconds)).into());
    deleted.unwrap_or_else(silent).map_err(|e| failed(words(&e)))?;
    Ok(kept)
}
