//! Files of a bundle over the network, kept in the browser's Cache API, each checked by its hash.
//!
//! A file is kept under its hash, whatever its address: what bundles share comes once, and is kept once. A
//! manifest is kept under its address, and by the manifests that are kept it is known which files are needed.

use std::collections::{BTreeMap, BTreeSet};

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
/// What keys of files begin with: a place that no server has.
const FILES: &str = "https://interlingua.invalid/";
/// What comes before the hash in a key.
const HASH: &str = "?sha256=";
/// Behind a manifest's address, while its files are still coming: they must not be taken for needless by another
/// worker, and offline the manifest before is the one whose files are there.
const COMING: &str = "?coming";
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

/// Gets every file that the manifest lists, from the cache where it is there and whole; then what is not, of which
/// alone `progress` counts the bytes. `coming` is told of each file's bytes from its start, as far as they are
/// there: what comes is not checked before its end.
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
    let entries = &found.manifest.files;
    if let Some(cache) = &cache {
        let (mut before, total) = (0.0, found.manifest.bytes() as f64);
        for entry in entries {
            progress.at(Stage::Cache, before, total);
            if let Some(bytes) = kept(cache, entry).await {
                coming(entry, &bytes);
                out.files.insert(entry.path.clone(), bytes);
            }
            before += entry.bytes as f64;
        }
    }
    let missing: Vec<&FileEntry> = entries.iter().filter(|e| !out.files.contains_key(&e.path)).collect();
    out.from_cache = missing.is_empty();
    if let Some(cache) = cache.as_ref().filter(|_| !out.from_cache && !found.offline) {
        // Should it not be kept, the files may have to come again, no more.
        let _ = write(cache, &format!("{}{COMING}", found.address), &found.bytes).await;
    }
    let total = missing.iter().map(|entry| entry.bytes as f64).sum();
    let mut before = 0.0;
    for entry in missing {
        let address = file(folder, entry.place())?;
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
        entry.verify_hash(&address, bytes.len() as u64, &hasher.finish())?;
        if let Some(cache) = &cache
            && let Err(problem) = write(cache, &key(entry), &bytes).await
        {
            out.notes.push(format!(
                "{} could not be kept in this browser's storage and comes anew next time: {problem}",
                entry.path
            ));
        }
        before += entry.bytes as f64;
        out.files.insert(entry.path.clone(), bytes);
    }
    if let Some(cache) = &cache {
        tidy(cache, found, out.from_cache).await;
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

fn file(folder: &str, name: &str) -> Result<String> {
    let address = web_sys::Url::new_with_base(name, folder);
    Ok(address.map_err(|_| Error::Input(format!("{folder} is not a folder's address.")))?.href())
}

fn key(entry: &FileEntry) -> String {
    format!("{FILES}{}{HASH}{}", entry.path, entry.sha256)
}

/// A file that is kept and whole; one that is damaged goes.
async fn kept(cache: &Cache, entry: &FileEntry) -> Option<Vec<u8>> {
    let key = key(entry);
    let bytes = read(cache, &key).await?;
    if entry.verify(&key, &bytes).is_err() {
        remove(cache, &key).await;
        return None;
    }
    Some(bytes)
}

/// Of a manifest what files it lists.
#[derive(serde::Deserialize)]
struct List {
    files: Vec<FileEntry>,
}

/// Keeps the manifest for times without a connection; where files came, drops those that no kept manifest lists.
async fn tidy(cache: &Cache, found: &Found, from_cache: bool) {
    if !found.offline {
        // Without it the model is just not there offline.
        let _ = write(cache, &found.address, &found.bytes).await;
        remove(cache, &format!("{}{COMING}", found.address)).await;
    }
    if from_cache {
        return;
    }
    let mut needed: BTreeSet<String> = found.manifest.files.iter().map(key).collect();
    let (files, manifests): (Vec<_>, Vec<_>) =
        keys(cache).await.into_iter().partition(|key| key.contains(HASH));
    for manifest in manifests {
        let bytes = read(cache, &manifest).await.unwrap_or_default();
        // No more of it than that: it may be of another version of this page.
        if let Ok(list) = serde_json::from_slice::<List>(&bytes) {
            needed.extend(list.files.iter().map(key));
        }
    }
    // Those that earlier versions kept by their address go too.
    for old in files.iter().filter(|key| !needed.contains(*key)) {
        remove(cache, old).await;
    }
}
