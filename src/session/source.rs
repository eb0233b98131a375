//! Reads the files of a model to import, from a hub or from the user's device: small ones whole, large ones in parts.

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Headers, ReadableStreamDefaultReader, RequestCache, RequestInit, Response};

use super::{
    browser::{fetch, online, sleep, words, yield_now},
    download::Abort,
};
use crate::{
    Error, Result,
    bundle::InspectedFiles,
    hub::{HubName, ListedFile, Listing, refusal},
    timeouts::{self, no_answer, within},
};

/// Maximum bytes of a hub's response about a model: it lists files, and large models have hundreds.
const LARGEST_LISTING: u64 = 16 << 20;
/// Bytes of a user's file that are read at a time.
const PART: u64 = 4 << 20;
/// Attempts without any progress before a download is given up.
const ATTEMPTS: u32 = 4;
/// Milliseconds before the second attempt; doubled before each further one.
const PAUSE: i32 = 500;

/// Where the files transfer from.
pub enum Source {
    /// A model on a hub, at a fixed commit if the hub names one.
    Hub { name: HubName, endpoint: String, token: Option<String> },
    /// The user's files, by their paths in the folder.
    Files(Vec<(String, web_sys::File)>),
}

/// Why a file could not be received.
enum Failure {
    /// The connection broke; what was received stays valid.
    Broke(String),
    /// Retrying does not help.
    Refused(Error),
}

impl Source {
    /// A model on a hub, and its file list.
    ///
    /// # Errors
    /// Says what is wrong with the name, the connection or the hub, and what to do.
    pub async fn hub(name: &HubName, endpoint: &str, token: Option<String>) -> Result<(Self, Listing)> {
        let address = name.listing(endpoint);
        let hub = Self::Hub { name: name.clone(), endpoint: endpoint.into(), token: token.clone() };
        let mut answer = Vec::new();
        hub.fetch(
            &address,
            &ListedFile { bytes: None, ..ListedFile::default() },
            LARGEST_LISTING,
            0,
            &mut |part| {
                answer.extend_from_slice(part);
                Ok(())
            },
        )
        .await?;
        let listing = Listing::parse(&address, &answer)?;
        let name = listing.pin(name)?;
        Ok((Self::Hub { name, endpoint: endpoint.into(), token }, listing))
    }

    /// The list of the user's files.
    pub fn listed(files: &[(String, web_sys::File)]) -> Vec<ListedFile> {
        let listed = |(path, file): &(String, web_sys::File)| ListedFile {
            path: path.clone(),
            bytes: Some(file.size() as u64),
            sha256: None,
        };
        files.iter().map(listed).collect()
    }

    /// Gets the small files that `missing` names until it names none; `step` is told the number of bytes received.
    ///
    /// # Errors
    /// Names the file.
    pub async fn complete(
        &self,
        files: &mut InspectedFiles,
        missing: impl Fn(&InspectedFiles) -> Vec<String>,
        step: &mut dyn FnMut(u64),
    ) -> Result<()> {
        loop {
            let paths = missing(files);
            if paths.is_empty() {
                return Ok(());
            }
            for path in paths {
                let listed = files.get(&path).cloned().unwrap_or_default();
                let mut bytes = Vec::new();
                let limit = InspectedFiles::LARGEST_TOKENIZER;
                self.stream(&listed, limit, 0, &mut |part| {
                    bytes.extend_from_slice(part);
                    step(part.len() as u64);
                    Ok(())
                })
                .await?;
                files.insert(&path, bytes);
            }
        }
    }

    /// Reads a file from byte `from` on, in parts, at most `limit` bytes. Returns how often the connection broke; each time,
    /// the download was resumed.
    ///
    /// # Errors
    /// Names the file, or what `part` returns.
    pub async fn stream(
        &self,
        file: &ListedFile,
        limit: u64,
        from: u64,
        part: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<usize> {
        match self {
            Self::Hub { name, endpoint, .. } => {
                self.fetch(&name.file(endpoint, &file.path), file, limit, from, part).await
            }
            Self::Files(files) => {
                let found = files.iter().find(|(path, _)| *path == file.path);
                let (_, handle) =
                    found.ok_or_else(|| Error::file(&file.path, "it was not among the files"))?;
                read(&file.path, handle, from, part).await?;
                Ok(0)
            }
        }
    }

    /// As [`stream`](Self::stream), from a URL.
    async fn fetch(
        &self,
        address: &str,
        file: &ListedFile,
        limit: u64,
        from: u64,
        part: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<usize> {
        let mut transfer = Transfer { received: from, whole: file.bytes, limit, tag: None };
        let (mut breaks, mut attempts) = (0, 0);
        loop {
            let before = transfer.received;
            match self.once(address, &mut transfer, part).await {
                Ok(()) => return Ok(breaks),
                Err(Failure::Refused(error)) => return Err(error),
                Err(Failure::Broke(how)) => {
                    attempts = if transfer.received > before { 1 } else { attempts + 1 };
                    breaks += 1;
                    if attempts >= ATTEMPTS || !online() {
                        let so_far = match (transfer.received, transfer.whole) {
                            (0, _) => String::new(),
                            (at, Some(whole)) => format!(" after {at} of {whole} bytes"),
                            (at, None) => format!(" after {at} bytes"),
                        };
                        return Err(Error::file(address, format!("{how}{so_far}")));
                    }
                    sleep(PAUSE << (attempts - 1)).await;
                }
            }
        }
    }

    /// One connection, as far as it gets.
    async fn once(
        &self,
        address: &str,
        transfer: &mut Transfer,
        part: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> std::result::Result<(), Failure> {
        if transfer.received > 0 && transfer.whole == Some(transfer.received) {
            return Ok(());
        }
        let abort = Abort(AbortController::new().ok());
        let response = self.ask(address, transfer.received, &abort).await?;
        let header = |name| response.headers().get(name).ok().flatten();
        let refused = |problem: String| Failure::Refused(Error::Integrity { file: address.into(), problem });
        if !response.ok() {
            return Err(self.refusal(address, &response, transfer));
        }
        // Otherwise parts of two versions of a file could be joined.
        let tag = header("x-linked-etag").or_else(|| header("etag"));
        if let (Some(before), Some(now)) = (&transfer.tag, &tag)
            && before != now
        {
            return Err(refused("it changed during the download; load the model again".into()));
        }
        transfer.tag = transfer.tag.take().or(tag);
        let mut skip = 0;
        match response.status() {
            206 => {
                // `bytes 100-199/200`
                let range = header("content-range").unwrap_or_default();
                let (span, whole) =
                    range.strip_prefix("bytes ").and_then(|r| r.split_once('/')).unwrap_or_default();
                let begin = span.split_once('-').and_then(|(begin, _)| begin.parse::<u64>().ok());
                if begin.is_some_and(|begin| begin != transfer.received) {
                    return Err(refused("the server sent another part than it was asked for".into()));
                }
                transfer.expect(address, whole.parse().ok())?;
            }
            _ => {
                // The server does not support ranges: what was already received is sent again.
                skip = transfer.received;
                if header("content-encoding").is_none() {
                    transfer.expect(address, header("content-length").and_then(|n| n.parse().ok()))?;
                }
            }
        }
        let Some(body) = response.body() else { return Ok(()) };
        let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
        loop {
            let next = match within(timeouts::SERVER, JsFuture::from(reader.read())).await {
                Some(Ok(next)) => next,
                Some(Err(e)) => {
                    return Err(Failure::Broke(format!("the connection broke ({})", words(&e))));
                }
                None => {
                    return Err(Failure::Broke(format!("no data for {} s", timeouts::SERVER)));
                }
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
            let end = transfer.received + bytes.len() as u64;
            if end > transfer.whole.unwrap_or(transfer.limit).min(transfer.limit) {
                let most = transfer.whole.unwrap_or(transfer.limit).min(transfer.limit);
                return Err(refused(format!(
                    "it is longer than the expected {most} bytes; it is another file"
                )));
            }
            part(&bytes).map_err(Failure::Refused)?;
            transfer.received = end;
            // Process messages, one of which may cancel this.
            yield_now().await;
        }
        match transfer.whole {
            Some(whole) if transfer.received < whole => Err(Failure::Broke("the connection ended".into())),
            _ => Ok(()),
        }
    }

    async fn ask(&self, address: &str, from: u64, abort: &Abort) -> std::result::Result<Response, Failure> {
        let unable = |e| Failure::Refused(Error::file(address, words(&e)));
        let init = RequestInit::new();
        init.set_signal(abort.0.as_ref().map(AbortController::signal).as_ref());
        // The imported bundle is stored; the browser need not store the files too.
        init.set_cache(RequestCache::NoStore);
        let headers = Headers::new().map_err(unable)?;
        if from > 0 {
            // Without If-Range, which needs a CORS preflight that the servers of large files do not answer. The entity
            // tag, and finally the hash, show that it is the same file.
            headers.set("range", &format!("bytes={from}-")).map_err(unable)?;
        }
        if let Self::Hub { token: Some(token), .. } = self {
            headers.set("authorization", &format!("Bearer {token}")).map_err(unable)?;
        }
        init.set_headers(&headers);
        match within(timeouts::SERVER, JsFuture::from(fetch(address, &init))).await {
            Some(Ok(response)) => response.dyn_into().map_err(unable),
            Some(Err(e)) => Err(Failure::Broke(match online() {
                false => "there is no connection; connect this device, and try again".into(),
                true => format!(
                    "it cannot be fetched ({}): there is no connection to that server, or it does not allow this \
                     page to read it (CORS), or it redirects to a URL that the page may not open; try again, or get \
                     the model's folder in another way and choose it here",
                    words(&e)
                ),
            })),
            None => Err(Failure::Broke(no_answer(timeouts::SERVER))),
        }
    }

    /// What a server's error status means, and what to do.
    fn refusal(&self, address: &str, response: &Response, transfer: &Transfer) -> Failure {
        let header = |name| response.headers().get(name).ok().flatten().unwrap_or_default();
        let (status, code) = (response.status(), header("x-error-code"));
        let Self::Hub { name, endpoint, token } = self else {
            return Failure::Refused(Error::file(address, format!("the server answered {status}")));
        };
        if status == 416 {
            let problem = format!(
                "it is shorter than the {} bytes already received; load the model again",
                transfer.received
            );
            return Failure::Refused(Error::Integrity { file: address.into(), problem });
        }
        let code = Some(code.as_str()).filter(|code| !code.is_empty());
        let how = "download its folder there while logged in, and choose it here";
        let problem =
            format!("{}: {}", name.repository(), refusal(name, endpoint, status, code, token.is_some(), how));
        if status >= 500 {
            return Failure::Broke(problem);
        }
        Failure::Refused(Error::Input(problem))
    }
}

/// Progress of a file's download.
struct Transfer {
    received: u64,
    /// Its size, once known.
    whole: Option<u64>,
    limit: u64,
    /// The entity tag, which identifies its version.
    tag: Option<String>,
}

impl Transfer {
    /// Checks the size that the server gives.
    fn expect(&mut self, address: &str, whole: Option<u64>) -> std::result::Result<(), Failure> {
        match (self.whole, whole) {
            (Some(before), Some(now)) if before != now => Err(Failure::Refused(Error::Integrity {
                file: address.into(),
                problem: format!(
                    "it has {now} bytes instead of {before}; it is another file, or was truncated"
                ),
            })),
            _ => {
                self.whole = self.whole.or(whole);
                Ok(())
            }
        }
    }
}

/// Reads a user's file from a byte on, in parts, so that a stalled drive can be told from a slow one.
async fn read(
    path: &str,
    file: &web_sys::File,
    from: u64,
    part: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let failed = |e| Error::file(path, format!("{}; choose the folder again", words(&e)));
    let size = file.size();
    let mut at = from as f64;
    while at < size {
        let end = size.min(at + PART as f64);
        let slice = file.slice_with_f64_and_f64(at, end).map_err(failed)?;
        let Some(bytes) = within(timeouts::FILE, JsFuture::from(slice.array_buffer())).await else {
            let problem = format!(
                "no data for {} s after {at} of {size} bytes; if it is in a cloud or on another machine, copy it to \
                 this one first",
                timeouts::FILE
            );
            return Err(Error::file(path, problem));
        };
        let bytes = Uint8Array::new(&bytes.map_err(failed)?).to_vec();
        if bytes.len() as f64 != end - at {
            return Err(Error::file(path, "it got shorter while it was read; choose the folder again"));
        }
        part(&bytes)?;
        at = end;
        yield_now().await;
    }
    Ok(())
}
