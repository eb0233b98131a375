//! Files of a bundle over the network, kept in the browser's Cache API, each checked by its hash.

use std::collections::BTreeMap;

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Cache, ReadableStreamDefaultReader, RequestCache, RequestInit, Response};

use super::{
    browser::{fetch, resolve, words},
    progress::Progress,
    storage::{self, keys, read, remove, write},
};
use crate::{
    Error, Hasher, Result,
    bundle::{FileEntry, MANIFEST, Manifest},
    protocol::Stage,
    sha256,
};

/// Name of the cache among the origin's.
const CACHE: &str = "interlingua-models";
/// A manifest is some 100 kB; what is far larger is something else.
const LARGEST_MANIFEST: u64 = 64 << 20;

/// A manifest, and how it came.
pub struct Found {
    /// The manifest.
    pub manifest: Manifest,
    /// SHA-256 of its bytes.
    pub hash: String,
    /// What a person should know about how it came.
    pub notes: Vec<String>,
    bytes: Vec<u8>,
    address: String,
    offline: bool,
}

/// A bundle's files, checked, and how they came.
pub struct Files {
    /// By their path in the bundle.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Whether every one came from the browser's cache.
    pub from_cache: bool,
    /// What a person should know about how they came.
    pub notes: Vec<String>,
}

/// A folder's address in full, with a slash at its end.
///
/// # Errors
/// [`Error::Input`] when it is none.
pub fn folder(url: &str) -> Result<String> {
    let address = resolve(url)?;
    address.set_hash("");
    if !address.pathname().ends_with('/') {
        address.set_pathname(&format!("{}/", address.pathname()));
    }
    Ok(address.href())
}

/// Fetches the manifest of the bundle in `folder`; offline, the one that was kept.
///
/// # Errors
/// A sentence that names the manifest's address, and the field where one is wrong.
pub async fn manifest(folder: &str) -> Result<Found> {
    let address = file(folder, MANIFEST)?;
    let (bytes, offline) = match get(&address, LARGEST_MANIFEST, &mut |_, _| {}).await {
        Ok(bytes) => (bytes, false),
        Err(Failure { unreachable: true, error }) => match storage::open(CACHE).await {
            Some(cache) => (read(&cache, &address).await.ok_or(error)?, true),
            None => return Err(error),
        },
        Err(failure) => return Err(failure.error),
    };
    let manifest = Manifest::parse(&address, &bytes)?;
    let notes = match offline {
        true => vec!["The server could not be reached; the model is the one that was kept here.".into()],
        false => vec![],
    };
    Ok(Found { manifest, hash: sha256(&bytes), notes, bytes, address, offline })
}

/// Gets every file that the manifest lists, from the cache where it is there and whole. `coming` is told
/// of each file's bytes from its start, as far as they are there: what comes is not checked before its end.
///
/// # Errors
/// A sentence that names the file's address.
pub async fn files(
    folder: &str,
    found: &Found,
    progress: &mut Progress<'_>,
    coming: &mut dyn FnMut(&FileEntry, &[u8]),
) -> Result<Files> {
    let cache = storage::open(CACHE).await;
    let mut out = Files { files: BTreeMap::new(), from_cache: true, notes: Vec::new() };
    if cache.is_none() {
        out.notes
            .push("This browser keeps no files for this address, so the model comes anew each time.".into());
    }
    let total = found.manifest.bytes() as f64;
    let mut before = 0.0;
    for entry in &found.manifest.files {
        let address = file(folder, &entry.path)?;
        let key = key(&address, &entry.sha256);
        let mut kept = None;
        if let Some(cache) = &cache {
            progress.at(Stage::Cache, before, total);
            kept = read(cache, &key).await;
            if kept.as_ref().is_some_and(|bytes| entry.verify(bytes).is_err()) {
                remove(cache, &key).await;
                kept = None;
            }
        }
        let bytes = match kept {
            Some(bytes) => {
                coming(entry, &bytes);
                bytes
            }
            None => {
                out.from_cache = false;
                // Hashed as it comes: at the end there is nothing left to wait for.
                let mut hasher = Hasher::default();
                let bytes = get(&address, entry.bytes, &mut |bytes, new| {
                    hasher.push(&bytes[new..]);
                    coming(entry, bytes);
                    progress.at(Stage::Download, before + bytes.len() as f64, total);
                })
                .await
                .map_err(|failure| failure.error)?;
                progress.at(Stage::Check, before, total);
                check(&address, entry, bytes.len() as u64, &hasher.finish())?;
                if let Some(cache) = &cache
                    && let Err(problem) = write(cache, &key, &bytes).await
                {
                    out.notes.push(format!(
                        "{} could not be kept in this browser's storage and comes anew next time: {problem}",
                        entry.path
                    ));
                }
                bytes
            }
        };
        before += entry.bytes as f64;
        out.files.insert(entry.path.clone(), bytes);
    }
    if let Some(cache) = &cache {
        tidy(cache, folder, found).await;
    }
    Ok(out)
}

/// Deletes all kept files; how many there were.
///
/// # Errors
/// [`Error::File`] when the browser refuses.
pub async fn clear() -> Result<usize> {
    storage::clear(CACHE).await
}

/// A file in a folder, whole, at most `limit` bytes; no cache of ours is asked.
///
/// # Errors
/// A sentence that names the address.
pub async fn fetch_file(folder: &str, name: &str, limit: u64) -> Result<Vec<u8>> {
    fetch_file_by_steps(folder, name, limit, &mut |_| {}).await
}

/// As [`fetch_file`]; `step` is told how many bytes have come.
///
/// # Errors
/// As [`fetch_file`].
pub async fn fetch_file_by_steps(
    folder: &str,
    name: &str,
    limit: u64,
    step: &mut dyn FnMut(u64),
) -> Result<Vec<u8>> {
    get(&file(folder, name)?, limit, &mut |bytes, _| step(bytes.len() as u64))
        .await
        .map_err(|failure| failure.error)
}

/// Why a file did not come.
struct Failure {
    /// Nobody answered, as opposed to a refusal.
    unreachable: bool,
    error: Error,
}

/// Ends a transfer when it is dropped: that is how a cancelled download stops.
struct Abort(Option<AbortController>);

impl Drop for Abort {
    fn drop(&mut self) {
        if let Some(controller) = &self.0 {
            controller.abort();
        }
    }
}

/// GETs `address`, at most `limit` bytes of it; `step` is told all that has come after each part, and where
/// that part begins.
async fn get(
    address: &str,
    limit: u64,
    step: &mut dyn FnMut(&[u8], usize),
) -> std::result::Result<Vec<u8>, Failure> {
    let failed =
        |unreachable: bool, problem: String| Failure { unreachable, error: Error::file(address, problem) };
    let controller = AbortController::new().ok();
    let init = RequestInit::new();
    init.set_signal(controller.as_ref().map(AbortController::signal).as_ref());
    // Ask the server whether what the browser has is still current: an old file under a new manifest
    // would look like an altered one.
    init.set_cache(RequestCache::NoCache);
    let abort = Abort(controller);
    let response = JsFuture::from(fetch(address, &init)).await.map_err(|e| {
        failed(
            true,
            format!(
                "it cannot be fetched ({}); there is no connection, or its server does not let this page read it (CORS)",
                words(&e)
            ),
        )
    })?;
    let response: Response =
        response.dyn_into().map_err(|_| failed(false, "the browser gave no response".into()))?;
    if !response.ok() {
        return Err(failed(false, format!("the server answered {}", status(&response))));
    }
    let mut out = Vec::new();
    // Room for it at once where the server says how long it is: growing copies.
    let announced =
        response.headers().get("content-length").ok().flatten().and_then(|n| n.parse::<u64>().ok());
    let room = announced.unwrap_or(0).min(limit);
    out.try_reserve_exact(usize::try_from(room).unwrap_or(usize::MAX))
        .map_err(|_| failed(false, format!("there is no memory for its {room} bytes")))?;
    let Some(body) = response.body() else { return Ok(out) };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    loop {
        let broken = |e: JsValue, n: usize| {
            failed(true, format!("the connection broke off after {n} bytes ({}); try again", words(&e)))
        };
        let part = JsFuture::from(reader.read()).await.map_err(|e| broken(e, out.len()))?;
        let chunk = Reflect::get(&part, &"value".into()).ok().and_then(|v| v.dyn_into::<Uint8Array>().ok());
        let Some(chunk) = chunk else { break };
        let start = out.len();
        let length = start + chunk.length() as usize;
        if length as u64 > limit {
            return Err(failed(
                false,
                format!("it is longer than the {limit} bytes it should have at most; it is another file"),
            ));
        }
        out.resize(length, 0);
        chunk.copy_to(&mut out[start..]);
        step(&out, start);
    }
    drop(abort);
    Ok(out)
}

/// The status with its name, where the server gave one.
fn status(response: &Response) -> String {
    let (code, text) = (response.status(), response.status_text());
    match (code, text.as_str()) {
        (404, _) => "404: there is no such file".into(),
        (_, "") => code.to_string(),
        _ => format!("{code} {text}"),
    }
}

/// As [`FileEntry::verify_hash`], naming the file by its address.
fn check(address: &str, entry: &FileEntry, bytes: u64, hash: &str) -> Result<()> {
    entry.verify_hash(bytes, hash).map_err(|error| match error {
        Error::Integrity { problem, .. } => Error::Integrity { file: address.into(), problem },
        other => other,
    })
}

fn file(folder: &str, name: &str) -> Result<String> {
    let address = web_sys::Url::new_with_base(name, folder);
    Ok(address.map_err(|_| Error::Input(format!("{folder} is not a folder's address.")))?.href())
}

fn key(address: &str, hash: &str) -> String {
    format!("{address}?sha256={hash}")
}

/// Keeps the manifest for times without a connection, and drops what it no longer lists.
async fn tidy(cache: &Cache, folder: &str, found: &Found) {
    if !found.offline {
        // Without it the model is just not there offline.
        let _ = write(cache, &found.address, &found.bytes).await;
    }
    for old in keys(cache).await {
        let current =
            found.manifest.files.iter().any(|entry| {
                file(folder, &entry.path).is_ok_and(|address| key(&address, &entry.sha256) == old)
            });
        let same_file =
            found.manifest.files.iter().any(|entry| {
                file(folder, &entry.path).is_ok_and(|address| old.starts_with(&key(&address, "")))
            });
        if same_file && !current {
            remove(cache, &old).await;
        }
    }
}
