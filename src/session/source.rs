//! Reads the files of a model to import, from a hub or from the user's device: small ones whole, large ones in parts.

use js_sys::Uint8Array;
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestCache, Response};

use super::{
    browser::{online, sleep, words, yield_now},
    transfer::{Failure, FileRequest, Transfer},
};
use crate::{
    Error, Result,
    bundle::{BEGINNING, InspectedFiles},
    hub::{HubName, ListedFile, Listing, refusal},
    timeouts::{self, within},
};

/// Maximum bytes of a hub's response about a model: it lists files, and large models have hundreds.
const LARGEST_LISTING: u64 = 16 << 20;
/// Bytes of a user's file that are read at a time.
const PART: u64 = 4 << 20;
/// Attempts without any progress before a download is given up.
const ATTEMPTS: u32 = 4;
/// Milliseconds before the second attempt; doubled before each further one.
const PAUSE: i32 = 500;

/// Where the files come from.
pub enum Source {
    /// A model on a hub, at a fixed commit if the hub names one.
    Hub { name: HubName, endpoint: String, token: Option<String> },
    /// The user's files, by their paths in the folder.
    Files(Vec<(String, web_sys::File)>),
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
            let large = files.to_begin();
            if paths.is_empty() && large.is_empty() {
                return Ok(());
            }
            for path in large.into_iter().filter(|_| paths.is_empty()) {
                let bytes = self.beginning(files.get(&path).cloned().unwrap_or_default()).await?;
                step(bytes.len() as u64);
                files.insert_beginning(&path, bytes);
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

    /// The first [`BEGINNING`] bytes of a file, or all of it.
    async fn beginning(&self, file: ListedFile) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut part = |part: &[u8]| {
            bytes.extend_from_slice(part);
            // Ends the transfer.
            if bytes.len() < BEGINNING { Ok(()) } else { Err(Error::Cancelled) }
        };
        let read = self.stream(&file, u64::MAX, 0, &mut part).await;
        if bytes.len() < BEGINNING {
            read?;
        }
        bytes.truncate(BEGINNING);
        Ok(bytes)
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
        let token = match self {
            Self::Hub { token, .. } => token.as_deref(),
            Self::Files(_) => None,
        };
        let request = FileRequest {
            url: address,
            token,
            // The imported bundle is stored; the browser need not store the files too.
            cache: RequestCache::NoStore,
            may_restart: false,
            hint: "; try again, or get the model's folder in another way and choose it here",
        };
        let mut transfer = Transfer::new(from, file.bytes, limit);
        let (mut breaks, mut attempts) = (0, 0);
        loop {
            let before = transfer.received;
            let how = match transfer.advance(&request, part).await {
                Ok(()) => return Ok(breaks),
                Err(Failure::Failed(error)) => return Err(error),
                Err(Failure::Status(response)) => match self.refusal(address, &response, transfer.received) {
                    problem if response.status() >= 500 => problem.to_string(),
                    problem => return Err(problem),
                },
                Err(Failure::Broke(how)) => how,
            };
            attempts = if transfer.received > before { 1 } else { attempts + 1 };
            breaks += 1;
            if attempts >= ATTEMPTS || !online() {
                return Err(Error::file(address, format!("{how}{}", transfer.so_far())));
            }
            sleep(PAUSE << (attempts - 1)).await;
        }
    }

    /// What a server's error status means, and what to do.
    fn refusal(&self, address: &str, response: &Response, received: u64) -> Error {
        let (status, code) = (response.status(), response.headers().get("x-error-code").ok().flatten());
        let Self::Hub { name, endpoint, token } = self else {
            return Error::file(address, format!("the server answered {status}"));
        };
        if status == 416 {
            let problem =
                format!("it is shorter than the {received} bytes already received; load the model again");
            return Error::Integrity { file: address.into(), problem };
        }
        let code = code.as_deref().filter(|code| !code.is_empty());
        let how = "download its folder there while logged in, and choose it here";
        let refusal = refusal(name, endpoint, status, code, token.is_some(), how);
        Error::Input(format!("{}: {refusal}", name.repository()))
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
