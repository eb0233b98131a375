//! Where the files of a model folder come from: a hub, or a person's own files. Small ones come whole, large ones
//! part by part.

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Headers, ReadableStreamDefaultReader, RequestCache, RequestInit, Response};

use super::{
    browser::{breathe, fetch, online, sleep, words},
    download::Abort,
};
use crate::{
    Error, Result,
    bundle::Files,
    hub::{HubName, Listed, Listing, refusal},
    patience::{self, no_answer, within},
};

/// Bytes of a hub's answer about a model: it lists files, and large models have hundreds.
const LARGEST_LISTING: u64 = 16 << 20;
/// Bytes of a person's file that are read at a time.
const PART: u64 = 4 << 20;
/// How often a connection may break off without any byte between before it is given up.
const TRIES: u32 = 4;
/// Milliseconds before the second try; twice as many before each one after it.
const PAUSE: i32 = 500;

/// Where the files come from.
pub enum Source {
    /// A model on a hub, in one commit where the hub tells which.
    Hub { name: HubName, endpoint: String, token: Option<String> },
    /// A person's files, by their paths within the folder.
    Files(Vec<(String, web_sys::File)>),
}

/// Why the bytes of a file do not come.
enum Failure {
    /// The connection; what has come stays.
    Broke(String),
    /// The file or its server, which trying again does not change.
    Refused(Error),
}

impl Source {
    /// A model on a hub, and what the hub says it has.
    ///
    /// # Errors
    /// A sentence on what is wrong with the name, the connection or the hub, and what to do.
    pub async fn hub(name: &HubName, endpoint: &str, token: Option<String>) -> Result<(Self, Listing)> {
        let address = name.listing(endpoint);
        let hub = Self::Hub { name: name.clone(), endpoint: endpoint.into(), token: token.clone() };
        let mut answer = Vec::new();
        hub.fetch(&address, &Listed { bytes: None, ..Listed::default() }, LARGEST_LISTING, 0, &mut |part| {
            answer.extend_from_slice(part);
            Ok(())
        })
        .await?;
        let listing = Listing::parse(&address, &answer)?;
        let name = listing.pin(name)?;
        Ok((Self::Hub { name, endpoint: endpoint.into(), token }, listing))
    }

    /// The list of a person's files.
    pub fn listed(files: &[(String, web_sys::File)]) -> Vec<Listed> {
        let listed = |(path, file): &(String, web_sys::File)| Listed {
            path: path.clone(),
            bytes: Some(file.size() as u64),
            sha256: None,
        };
        files.iter().map(listed).collect()
    }

    /// Gets the small files that `missing` asks for until it asks for none; `step` is told of bytes that came.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub async fn complete(
        &self,
        files: &mut Files,
        missing: impl Fn(&Files) -> Vec<String>,
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
                let limit = Files::LARGEST_TOKENIZER;
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

    /// The bytes of a file from byte `from` on, part after part, at most `limit` of them. Says how often the
    /// connection broke off: it goes on each time from where it was.
    ///
    /// # Errors
    /// A sentence that names the file, or what `part` returns.
    pub async fn stream(
        &self,
        file: &Listed,
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

    /// As [`stream`](Self::stream), from an address.
    async fn fetch(
        &self,
        address: &str,
        file: &Listed,
        limit: u64,
        from: u64,
        part: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<usize> {
        let mut come = Come { at: from, whole: file.bytes, limit, tag: None };
        let (mut breaks, mut tries) = (0, 0);
        loop {
            let before = come.at;
            match self.once(address, &mut come, part).await {
                Ok(()) => return Ok(breaks),
                Err(Failure::Refused(error)) => return Err(error),
                Err(Failure::Broke(how)) => {
                    tries = if come.at > before { 1 } else { tries + 1 };
                    breaks += 1;
                    if tries >= TRIES || !online() {
                        let so_far = match (come.at, come.whole) {
                            (0, _) => String::new(),
                            (at, Some(whole)) => format!(" after {at} of {whole} bytes"),
                            (at, None) => format!(" after {at} bytes"),
                        };
                        return Err(Error::file(address, format!("{how}{so_far}")));
                    }
                    sleep(PAUSE << (tries - 1)).await;
                }
            }
        }
    }

    /// One connection, as far as it gets.
    async fn once(
        &self,
        address: &str,
        come: &mut Come,
        part: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> std::result::Result<(), Failure> {
        if come.at > 0 && come.whole == Some(come.at) {
            return Ok(());
        }
        let abort = Abort(AbortController::new().ok());
        let response = self.ask(address, come.at, &abort).await?;
        let header = |name| response.headers().get(name).ok().flatten();
        let refused = |problem: String| Failure::Refused(Error::Integrity { file: address.into(), problem });
        if !response.ok() {
            return Err(self.refusal(address, &response, come));
        }
        // A file that changed between two connections would be joined of two.
        let tag = header("x-linked-etag").or_else(|| header("etag"));
        if let (Some(before), Some(now)) = (&come.tag, &tag)
            && before != now
        {
            return Err(refused("it changed while it came; load the model again".into()));
        }
        come.tag = come.tag.take().or(tag);
        let mut skip = 0;
        match response.status() {
            206 => {
                // `bytes 100-199/200`
                let range = header("content-range").unwrap_or_default();
                let (span, whole) =
                    range.strip_prefix("bytes ").and_then(|r| r.split_once('/')).unwrap_or_default();
                let begin = span.split_once('-').and_then(|(begin, _)| begin.parse::<u64>().ok());
                if begin.is_some_and(|begin| begin != come.at) {
                    return Err(refused("the server sent another part than it was asked for".into()));
                }
                come.expect(address, whole.parse().ok())?;
            }
            _ => {
                // The server knows no ranges: what is there already comes again.
                skip = come.at;
                if header("content-encoding").is_none() {
                    come.expect(address, header("content-length").and_then(|n| n.parse().ok()))?;
                }
            }
        }
        let Some(body) = response.body() else { return Ok(()) };
        let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
        loop {
            let next = match within(patience::SERVER, JsFuture::from(reader.read())).await {
                Some(Ok(next)) => next,
                Some(Err(e)) => {
                    return Err(Failure::Broke(format!("the connection broke off ({})", words(&e))));
                }
                None => {
                    return Err(Failure::Broke(format!("nothing more came for {} s", patience::SERVER)));
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
            let end = come.at + bytes.len() as u64;
            if end > come.whole.unwrap_or(come.limit).min(come.limit) {
                let most = come.whole.unwrap_or(come.limit).min(come.limit);
                return Err(refused(format!(
                    "it is longer than the {most} bytes it should have; it is another file"
                )));
            }
            part(&bytes).map_err(Failure::Refused)?;
            come.at = end;
            // Messages are taken; one of them may be to stop.
            breathe().await;
        }
        match come.whole {
            Some(whole) if come.at < whole => Err(Failure::Broke("the connection ended".into())),
            _ => Ok(()),
        }
    }

    async fn ask(&self, address: &str, from: u64, abort: &Abort) -> std::result::Result<Response, Failure> {
        let unable = |e| Failure::Refused(Error::file(address, words(&e)));
        let init = RequestInit::new();
        init.set_signal(abort.0.as_ref().map(AbortController::signal).as_ref());
        // What is made of it is kept; the browser need not keep the files besides.
        init.set_cache(RequestCache::NoStore);
        let headers = Headers::new().map_err(unable)?;
        if from > 0 {
            // Without If-Range, for which a browser would first ask whether it may send that, and where large
            // files lie nobody answers: that it is the same file, its tag says, and its hash in the end.
            headers.set("range", &format!("bytes={from}-")).map_err(unable)?;
        }
        if let Self::Hub { token: Some(token), .. } = self {
            headers.set("authorization", &format!("Bearer {token}")).map_err(unable)?;
        }
        init.set_headers(&headers);
        match within(patience::SERVER, JsFuture::from(fetch(address, &init))).await {
            Some(Ok(response)) => response.dyn_into().map_err(unable),
            Some(Err(e)) => Err(Failure::Broke(match online() {
                false => "there is no connection; connect this device, and try again".into(),
                true => format!(
                    "it cannot be fetched ({}): there is no connection to that server, or it does not let this page \
                     read it (CORS), or it leads to where a page may not go; try again, or get the model's folder \
                     another way and choose it here",
                    words(&e)
                ),
            })),
            None => Err(Failure::Broke(no_answer(patience::SERVER))),
        }
    }

    /// What a server's refusal means, and what to do.
    fn refusal(&self, address: &str, response: &Response, come: &Come) -> Failure {
        let header = |name| response.headers().get(name).ok().flatten().unwrap_or_default();
        let (status, code) = (response.status(), header("x-error-code"));
        let Self::Hub { name, endpoint, token } = self else {
            return Failure::Refused(Error::file(address, format!("the server answered {status}")));
        };
        if status == 416 {
            let problem =
                format!("it is shorter than the {} bytes that came of it; load the model again", come.at);
            return Failure::Refused(Error::Integrity { file: address.into(), problem });
        }
        let code = Some(code.as_str()).filter(|code| !code.is_empty());
        let how = "get its folder there as someone who may have it, and choose it here";
        let problem =
            format!("{}: {}", name.repository(), refusal(name, endpoint, status, code, token.is_some(), how));
        if status >= 500 {
            return Failure::Broke(problem);
        }
        Failure::Refused(Error::Input(problem))
    }
}

/// How much of a file has come.
struct Come {
    at: u64,
    /// Its size, once known.
    whole: Option<u64>,
    limit: u64,
    /// What tells this version of it from others.
    tag: Option<String>,
}

impl Come {
    /// Its server says how long it is.
    fn expect(&mut self, address: &str, whole: Option<u64>) -> std::result::Result<(), Failure> {
        match (self.whole, whole) {
            (Some(before), Some(now)) if before != now => Err(Failure::Refused(Error::Integrity {
                file: address.into(),
                problem: format!(
                    "it has {now} bytes, where {before} were said; it is another file, or was cut short"
                ),
            })),
            _ => {
                self.whole = self.whole.or(whole);
                Ok(())
            }
        }
    }
}

/// A person's file from a byte on, a part after the other: so a drive that stands still is told from a slow one.
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
        let Some(bytes) = within(patience::FILE, JsFuture::from(slice.array_buffer())).await else {
            let problem = format!(
                "nothing more came for {} s after {at} of {size} bytes; where it lies in a cloud or on another \
                 machine, copy it to this one first",
                patience::FILE
            );
            return Err(Error::file(path, problem));
        };
        let bytes = Uint8Array::new(&bytes.map_err(failed)?).to_vec();
        if bytes.len() as f64 != end - at {
            return Err(Error::file(path, "it became shorter while it was read; choose the folder again"));
        }
        part(&bytes)?;
        at = end;
        breathe().await;
    }
    Ok(())
}
