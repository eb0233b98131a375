//! Downloads of any size: received in parts, watched for stalls, resumed by `Range`, checked against the known size.

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Headers, ReadableStreamDefaultReader, RequestCache, RequestInit, Response};

use super::browser::{fetch, online, words, yield_now};
use crate::{
    Error, Result,
    timeouts::{self, no_answer, within},
};

/// A request for a file.
pub struct FileRequest<'a> {
    pub url: &'a str,
    pub token: Option<&'a str>,
    /// How the browser's own cache takes part.
    pub cache: RequestCache,
    /// Whether to request the whole file if the rest of it cannot be fetched: some servers allow other origins to read
    /// their files, but not ranges of them.
    pub may_restart: bool,
    /// What to do if it cannot be fetched.
    pub hint: &'a str,
}

/// Why a file was not received.
pub enum Failure {
    /// No response, or the connection broke; what was received stays valid.
    Broke(String),
    /// The server's response is an error.
    Status(Response),
    /// Retrying does not help.
    Failed(Error),
}

/// Progress of a file's download.
pub struct Transfer {
    /// Bytes received.
    pub received: u64,
    /// Its size, once known.
    pub size: Option<u64>,
    limit: u64,
    /// The entity tag, which identifies its version.
    tag: Option<String>,
}

/// Aborts a request when it is dropped: this is how a cancelled download stops.
struct Abort(Option<AbortController>);

impl Drop for Abort {
    fn drop(&mut self) {
        if let Some(controller) = &self.0 {
            controller.abort();
        }
    }
}

impl Transfer {
    /// Of a file of which `received` bytes are known, of this `size`, if known, and of at most `limit` bytes.
    pub fn new(received: u64, size: Option<u64>, limit: u64) -> Self {
        Self { received, size, limit, tag: None }
    }

    /// ` after 12 of 34 bytes`; empty before the first byte.
    pub fn so_far(&self) -> String {
        match (self.received, self.size) {
            (0, _) => String::new(),
            (received, Some(size)) => format!(" after {received} of {size} bytes"),
            (received, None) => format!(" after {received} bytes"),
        }
    }

    /// Receives the rest of the file, as far as one connection gets; `part` is called with each part of it.
    pub async fn advance(
        &mut self,
        request: &FileRequest<'_>,
        part: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> std::result::Result<(), Failure> {
        if self.received > 0 && self.size == Some(self.received) {
            return Ok(());
        }
        let abort = Abort(AbortController::new().ok());
        let mut answer = ask(request, self.received, &abort).await;
        if matches!(answer, Err(Failure::Broke(_))) && self.received > 0 && request.may_restart {
            answer = ask(request, 0, &abort).await;
        }
        let response = answer?;
        if !response.ok() {
            return Err(Failure::Status(response));
        }
        let header = |name| response.headers().get(name).ok().flatten();
        let wrong = |problem: String| Failure::Failed(Error::Integrity { file: request.url.into(), problem });
        // Otherwise parts of two versions of a file could be joined.
        let tag = header("x-linked-etag").or_else(|| header("etag"));
        if let (Some(before), Some(now)) = (&self.tag, &tag)
            && before != now
        {
            return Err(wrong("it changed during the download; load the model again".into()));
        }
        self.tag = self.tag.take().or(tag);
        let mut skip = 0;
        match response.status() {
            206 => {
                // `bytes 100-199/200`
                let range = header("content-range").unwrap_or_default();
                let (span, size) =
                    range.strip_prefix("bytes ").and_then(|r| r.split_once('/')).unwrap_or_default();
                let begin = span.split_once('-').and_then(|(begin, _)| begin.parse::<u64>().ok());
                if begin.is_some_and(|begin| begin != self.received) {
                    return Err(wrong("the server sent another part than it was asked for".into()));
                }
                self.expect(size.parse().ok()).map_err(wrong)?;
            }
            _ => {
                // What was already received is sent again.
                skip = self.received;
                // A compressed response gets longer.
                if header("content-encoding").is_none() {
                    self.expect(header("content-length").and_then(|n| n.parse().ok())).map_err(wrong)?;
                }
            }
        }
        let Some(body) = response.body() else { return Ok(()) };
        let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
        let most = self.size.unwrap_or(self.limit).min(self.limit);
        loop {
            let next = match within(timeouts::SERVER, JsFuture::from(reader.read())).await {
                Some(Ok(next)) => next,
                Some(Err(e)) => {
                    return Err(Failure::Broke(format!("the connection broke ({})", words(&e))));
                }
                None => return Err(Failure::Broke(format!("no data for {} s", timeouts::SERVER))),
            };
            let chunk =
                Reflect::get(&next, &"value".into()).ok().and_then(|v| v.dyn_into::<Uint8Array>().ok());
            let Some(chunk) = chunk else { break };
            let again = skip.min(chunk.length().into());
            skip -= again;
            let bytes = chunk.subarray(again as u32, chunk.length()).to_vec();
            if bytes.is_empty() {
                continue;
            }
            let end = self.received + bytes.len() as u64;
            if end > most {
                return Err(wrong(format!(
                    "it is longer than the expected {most} bytes; it is another file"
                )));
            }
            part(&bytes).map_err(Failure::Failed)?;
            self.received = end;
            // Process messages, one of which may cancel this.
            yield_now().await;
        }
        match self.size {
            Some(size) if self.received < size => Err(Failure::Broke("the connection ended".into())),
            _ => Ok(()),
        }
    }

    /// Checks the size that the server gives.
    fn expect(&mut self, size: Option<u64>) -> std::result::Result<(), String> {
        match (self.size, size) {
            (Some(before), Some(now)) if before != now => {
                Err(format!("it has {now} bytes instead of {before}; it is another file, or was truncated"))
            }
            _ => {
                self.size = self.size.or(size);
                Ok(())
            }
        }
    }
}

/// The response to a request for a file from byte `from` on.
async fn ask(request: &FileRequest<'_>, from: u64, abort: &Abort) -> std::result::Result<Response, Failure> {
    let unable = |e| Failure::Failed(Error::file(request.url, words(&e)));
    let init = RequestInit::new();
    init.set_signal(abort.0.as_ref().map(AbortController::signal).as_ref());
    init.set_cache(request.cache);
    let headers = Headers::new().map_err(unable)?;
    if from > 0 {
        // Without If-Range, which needs a CORS preflight that the servers of large files do not answer. The entity
        // tag, and finally the hash, show that it is the same file.
        headers.set("range", &format!("bytes={from}-")).map_err(unable)?;
    }
    if let Some(token) = request.token {
        headers.set("authorization", &format!("Bearer {token}")).map_err(unable)?;
    }
    init.set_headers(&headers);
    match within(timeouts::SERVER, JsFuture::from(fetch(request.url, &init))).await {
        Some(Ok(response)) => response.dyn_into().map_err(unable),
        Some(Err(_)) if !online() => Err(Failure::Broke("there is no connection".into())),
        Some(Err(e)) => Err(Failure::Broke(format!(
            "it cannot be fetched ({}): there is no connection to the server, or it does not allow this page to read \
             it (CORS), or it redirects to a URL that the page may not open{}",
            words(&e),
            request.hint
        ))),
        None => Err(Failure::Broke(no_answer(timeouts::SERVER))),
    }
}
