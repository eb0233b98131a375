//! Files of a bundle over the network, kept in the browser's Cache API, each checked by its hash.
//!
//! A file is kept under its hash, whatever its address: what bundles share comes once, and is kept once. A
//! manifest is kept under its address, and by the manifests that are kept it is known which files are needed. Bundles
//! that were made here, of a hub's model say, are kept in the same way, under an address that no server has.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Headers, ReadableStreamDefaultReader, RequestCache, RequestInit, Response};

use super::{
    browser::{breathe, fetch, resolve, words},
    progress::Progress,
    storage::{self, Store},
};
use crate::{
    Error, Hasher, Result,
    bundle::{Bundle, FORMAT, FileEntry, Incoming, MANIFEST, Manifest, TOKENIZER, WEIGHTS},
    patience::{self, no_answer, within},
    protocol::{KeptModel, Stage},
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

/// What the addresses of bundles begin with that were made here.
const MADE: &str = "https://interlingua.invalid/made/";

/// A manifest, and how it came.
#[derive(Clone)]
pub struct Found {
    /// The manifest.
    pub manifest: Manifest,
    /// SHA-256 of its bytes.
    pub hash: String,
    /// What a person should know about how it came.
    pub notes: Vec<String>,
    /// The bundle itself, where it is there already: one that was made here.
    pub made: Option<Made>,
    bytes: Vec<u8>,
    address: String,
    offline: bool,
}

impl Found {
    /// The same, of a model that runs already.
    pub fn again(self) -> Self {
        let made = self.made.map(|made| Made { from_cache: true, ..made });
        Self { made, notes: Vec::new(), ..self }
    }
}

/// A bundle that was made here.
#[derive(Clone)]
pub struct Made {
    /// It is in memory.
    pub bundle: Rc<Bundle>,
    /// Whether it was made before, and kept.
    pub from_cache: bool,
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
    let got = get(&address, Size::AtMost(LARGEST_MANIFEST), Vec::new(), &mut |_, _| {}).await;
    let (bytes, offline) = match got {
        Ok(bytes) => (bytes, false),
        Err(Failure { unreachable: true, error, .. }) => match storage::open(CACHE).await {
            Ok(cache) => (cache.read(&address, LARGEST_MANIFEST).await.ok_or(error)?, true),
            Err(_) => return Err(error),
        },
        Err(failure) => return Err(failure.error),
    };
    let manifest = Manifest::parse(&address, &bytes)?;
    let notes = match offline {
        true => vec!["The server could not be reached; the model is the one that was kept here.".into()],
        false => vec![],
    };
    Ok(Found { manifest, hash: sha256(&bytes), notes, made: None, bytes, address, offline })
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
    let mut out = Files { files: BTreeMap::new(), from_cache: true, notes: Vec::new() };
    let mut cache = match storage::open(CACHE).await {
        Ok(cache) => Some(cache),
        Err(why) => {
            out.notes.push(format!("{why}, so the model comes anew each time."));
            None
        }
    };
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
    if cache.take_if(|cache| cache.is_silent()).is_some() {
        let why = "gave no answer when it was asked for the model’s files";
        out.notes.push(format!("This browser’s storage {why}; what it may keep came over the network."));
    }
    let missing: Vec<&FileEntry> = entries.iter().filter(|e| !out.files.contains_key(&e.path)).collect();
    out.from_cache = missing.is_empty();
    if let Some(cache) = cache.as_ref().filter(|_| !out.from_cache && !found.offline) {
        // Should it not be kept, the files may have to come again, no more.
        let _ = cache.write(&format!("{}{COMING}", found.address), &found.bytes).await;
    }
    let total = missing.iter().map(|entry| entry.bytes as f64).sum();
    let mut before = 0.0;
    for entry in missing {
        let address = file(folder, entry.place())?;
        let key = key(entry);
        // Hashed as it comes: at the end there is nothing left to wait for.
        let mut hasher = Hasher::default();
        let begun = BEGUN.with_borrow_mut(|begun| begun.take_if(|(of, _)| *of == key));
        let begun = begun.map(|(_, bytes)| bytes).unwrap_or_default();
        let got = get(&address, Size::Exactly(entry.bytes), begun, &mut |bytes, new| {
            hasher.push(&bytes[new..]);
            coming(entry, bytes);
            progress.at(Stage::Download, before + bytes.len() as f64, total);
        })
        .await;
        let bytes = got.map_err(|failure| {
            let is_begun = !failure.begun.is_empty();
            BEGUN.set(is_begun.then_some((key.clone(), failure.begun)));
            failure.error
        })?;
        progress.at(Stage::Check, before, total);
        entry.verify_hash(&address, bytes.len() as u64, &hasher.finish())?;
        if let Some(cache) = &cache
            && let Err(problem) = cache.write(&key, &bytes).await
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

/// The key of the manifest of a bundle that was made here.
fn made_key(url: &str) -> String {
    format!("{MADE}{}/{MANIFEST}", String::from(js_sys::encode_uri_component(url)))
}

/// What [`super::Session::load`] takes for the bundle of a kept manifest.
fn url_of(key: &str) -> Option<String> {
    let folder = key.strip_suffix(MANIFEST)?;
    match folder.strip_prefix(MADE) {
        Some(made) => js_sys::decode_uri_component(made.trim_end_matches('/')).ok().map(String::from),
        None => Some(folder.into()),
    }
}

/// The bundle that was made here of what `url` names, and kept; `None` where there is none that is whole.
pub async fn made(url: &str, progress: &mut Progress<'_>) -> Option<Found> {
    let cache = storage::open(CACHE).await.ok()?;
    let address = made_key(url);
    let bytes = cache.read(&address, LARGEST_MANIFEST).await?;
    let manifest = Manifest::parse(&address, &bytes).ok()?;
    let (mut before, total) = (0.0, manifest.bytes() as f64);
    let mut files = BTreeMap::new();
    for entry in &manifest.files {
        progress.at(Stage::Cache, before, total);
        files.insert(entry.path.clone(), kept(&cache, entry).await?);
        before += entry.bytes as f64;
    }
    let bundle = Bundle::from_checked_files(manifest.clone(), files, Incoming::default()).ok()?;
    // It was used today.
    let _ = cache.write(&address, &bytes).await;
    let made = Some(Made { bundle: Rc::new(bundle), from_cache: true });
    Some(Found { manifest, hash: sha256(&bytes), notes: Vec::new(), made, bytes, address, offline: true })
}

/// The manifest of a bundle that was made here of what `url` names, and kept; its SHA-256.
pub async fn made_manifest(url: &str) -> Option<(Manifest, String)> {
    let address = made_key(url);
    let bytes = storage::open(CACHE).await.ok()?.read(&address, LARGEST_MANIFEST).await?;
    Some((Manifest::parse(&address, &bytes).ok()?, sha256(&bytes)))
}

/// Whether a bundle is kept that was made of what `url` names.
pub async fn is_made(url: &str) -> bool {
    match storage::open(CACHE).await {
        Ok(cache) => cache.read(&made_key(url), LARGEST_MANIFEST).await.is_some(),
        Err(_) => false,
    }
}

/// Keeps a bundle that was made of what `url` names, and gives it the list of its files. Where the browser keeps
/// nothing, or has no room, a note says so.
///
/// # Errors
/// [`Error::Format`] when the weights cannot be written.
pub async fn keep(url: &str, mut bundle: Bundle, progress: &mut Progress<'_>) -> Result<Found> {
    let address = made_key(url);
    let (bytes, pieces) = bundle.weights.pieces()?;
    let mut hasher = Hasher::default();
    for piece in pieces {
        hasher.push(&piece);
        breathe().await;
    }
    let weights = FileEntry { path: WEIGHTS.into(), at: None, bytes, sha256: hasher.finish() };
    bundle.manifest.files = vec![FileEntry::of(TOKENIZER, &bundle.tokenizer), weights];
    bundle.manifest.format = FORMAT;
    let manifest = serde_json::to_vec_pretty(&bundle.manifest).map_err(|e| Error::format(MANIFEST, e))?;
    let notes = match put(&address, &bundle, &manifest, progress).await {
        Ok(()) => Vec::new(),
        Err(why) => vec![format!(
            "The model could not be kept in this browser’s storage and comes anew next time: {why}."
        )],
    };
    let (hash, of) = (sha256(&manifest), bundle.manifest.clone());
    let made = Some(Made { bundle: Rc::new(bundle), from_cache: false });
    Ok(Found { manifest: of, hash, notes, made, bytes: manifest, address, offline: true })
}

/// Puts a bundle's files into the cache, and its manifest when all are there; else says why not.
async fn put(
    address: &str,
    bundle: &Bundle,
    manifest: &[u8],
    progress: &mut Progress<'_>,
) -> std::result::Result<(), String> {
    let cache = storage::open(CACHE).await?;
    let coming = format!("{address}{COMING}");
    cache.write(&coming, manifest).await?;
    let kept = async {
        let total = bundle.manifest.bytes() as f64;
        let mut done = 0.0;
        for entry in &bundle.manifest.files {
            match entry.path.as_str() {
                TOKENIZER => cache.write(&key(entry), &bundle.tokenizer).await?,
                _ => {
                    let (_, pieces) = bundle.weights.pieces().map_err(|e| e.to_string())?;
                    let step = &mut |n: usize| progress.at(Stage::Keep, done + n as f64, total);
                    cache.write_pieces(&key(entry), pieces, step).await?;
                }
            }
            done += entry.bytes as f64;
        }
        cache.write(address, manifest).await
    };
    let kept = kept.await;
    cache.remove(&coming).await;
    sweep(&cache, &[]).await;
    kept
}

/// The bundles that are kept, the newest first.
///
/// # Errors
/// [`Error::Input`] when the browser keeps nothing, or gives no answer.
pub async fn list() -> Result<Vec<KeptModel>> {
    let cache = storage::open(CACHE).await.map_err(Error::Input)?;
    let mut models = Vec::new();
    for key in cache.keys().await {
        let Some(url) = url_of(&key) else { continue };
        let Some((bytes, date)) = cache.read_dated(&key, LARGEST_MANIFEST).await else { continue };
        // One of another version of this page is not this one's to show.
        let Ok(manifest) = Manifest::parse(&key, &bytes) else { continue };
        models.push(KeptModel {
            url,
            bytes: manifest.bytes(),
            quantization: manifest.quantization.to_string(),
            name: manifest.name,
            date,
        });
    }
    models.sort_by(|a, b| b.date.cmp(&a.date).then_with(|| a.name.cmp(&b.name)));
    Ok(models)
}

/// Removes one of them, and the files that no other has.
///
/// # Errors
/// As [`list`].
pub async fn remove(url: &str) -> Result<()> {
    let cache = storage::open(CACHE).await.map_err(Error::Input)?;
    cache.remove(&made_key(url)).await;
    cache.remove(&format!("{url}{MANIFEST}")).await;
    sweep(&cache, &[]).await;
    Ok(())
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
    get(&file(folder, name)?, Size::AtMost(limit), Vec::new(), &mut |bytes, _| step(bytes.len() as u64))
        .await
        .map_err(|failure| failure.error)
}

thread_local! {
    /// What had come of a bundle's file when its connection broke off or stood still, by its key, for the
    /// next try: the newest alone.
    static BEGUN: RefCell<Option<(String, Vec<u8>)>> = const { RefCell::new(None) };
}

/// What is known of a file's size.
#[derive(Clone, Copy)]
enum Size {
    Exactly(u64),
    AtMost(u64),
}

/// Why a file did not come.
struct Failure {
    /// Nobody answered, as opposed to a refusal.
    unreachable: bool,
    error: Error,
    /// What has come, where a next try can go on from there.
    begun: Vec<u8>,
}

/// Ends a transfer when it is dropped: that is how a cancelled download stops.
pub(super) struct Abort(pub Option<AbortController>);

impl Drop for Abort {
    fn drop(&mut self) {
        if let Some(controller) = &self.0 {
            controller.abort();
        }
    }
}

/// GETs `address`; `step` is told all that has come after each part, and where that part begins. `begun` is
/// what came of it before: where the server can go on from there, it does.
async fn get(
    address: &str,
    size: Size,
    begun: Vec<u8>,
    step: &mut dyn FnMut(&[u8], usize),
) -> std::result::Result<Vec<u8>, Failure> {
    let failed = |unreachable: bool, problem: String| Failure {
        unreachable,
        error: Error::file(address, problem),
        begun: Vec::new(),
    };
    let controller = AbortController::new().ok();
    let abort = Abort(controller);
    let mut out = begun;
    if matches!(size, Size::Exactly(bytes) if bytes == out.len() as u64) {
        // The connection stood still behind the last byte.
        step(&out, 0);
        return Ok(out);
    }
    let mut asked = ask(address, &abort, out.len()).await;
    if asked.is_err() && !out.is_empty() {
        // Some servers let other pages read their files, but not from the middle.
        asked = ask(address, &abort, 0).await;
    }
    let response = match asked {
        Ok(response) => response,
        Err(problem) => return Err(Failure { begun: out, ..failed(true, problem) }),
    };
    if !response.ok() {
        if response.status() == 416 {
            // It has no such byte: the file is another one by now.
            out.clear();
        }
        let problem = format!("the server answered {}", status(&response));
        return Err(Failure { begun: out, ..failed(false, problem) });
    }
    match response.status() {
        206 => step(&out, 0),
        _ => out.clear(),
    }
    let header = |name| response.headers().get(name).ok().flatten();
    // What is packed on its way is longer here.
    let announced = match header("content-encoding") {
        None => header("content-length").and_then(|n| n.parse::<u64>().ok()),
        Some(_) => None,
    };
    let (whole, limit) = match size {
        Size::Exactly(bytes) => (Some(bytes), bytes),
        Size::AtMost(limit) => (announced.map(|n| n + out.len() as u64), limit),
    };
    // Room for it at once where it is known how long it is: growing copies.
    let room = whole.unwrap_or(0).min(limit).saturating_sub(out.len() as u64);
    out.try_reserve_exact(usize::try_from(room).unwrap_or(usize::MAX))
        .map_err(|_| failed(false, format!("there is no memory for its {room} bytes")))?;
    let Some(body) = response.body() else { return Ok(out) };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    let (again, of) = match (size, whole) {
        (Size::Exactly(_), Some(n)) => ("try again, and it goes on from there", format!(" of {n}")),
        (_, Some(n)) => ("try again", format!(" of {n}")),
        (_, None) => ("try again", String::new()),
    };
    loop {
        let broken = |how: String, out: Vec<u8>| {
            let problem = format!("{how} after {}{of} bytes; {again}", out.len());
            Failure { begun: out, ..failed(true, problem) }
        };
        let part = match within(patience::SERVER, JsFuture::from(reader.read())).await {
            Some(Ok(part)) => part,
            Some(Err(e)) => return Err(broken(format!("the connection broke off ({})", words(&e)), out)),
            None => {
                return Err(broken(format!("nothing more came for {} s", patience::SERVER), out));
            }
        };
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

/// The server's answer when it is asked for a file from a byte on; otherwise what is wrong.
async fn ask(address: &str, abort: &Abort, from: usize) -> std::result::Result<Response, String> {
    let init = RequestInit::new();
    init.set_signal(abort.0.as_ref().map(AbortController::signal).as_ref());
    // Ask the server whether what the browser has is still current: an old file under a new manifest
    // would look like an altered one.
    init.set_cache(RequestCache::NoCache);
    if from > 0 {
        let headers = Headers::new().map_err(|e| words(&e))?;
        headers.set("range", &format!("bytes={from}-")).map_err(|e| words(&e))?;
        init.set_headers(&headers);
    }
    let answer = within(patience::SERVER, JsFuture::from(fetch(address, &init))).await;
    let answer = answer.ok_or_else(|| format!("{}; try again", no_answer(patience::SERVER)))?;
    let response = answer.map_err(|e| {
        format!(
            "it cannot be fetched ({}); there is no connection, or its server does not let this page read it (CORS)",
            words(&e)
        )
    })?;
    response.dyn_into().map_err(|_| "the browser gave no response".into())
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
    Ok(address.map_err(|_| Error::Input(format!("{folder} is not a folder's address")))?.href())
}

fn key(entry: &FileEntry) -> String {
    format!("{FILES}{}{HASH}{}", entry.path, entry.sha256)
}

/// A file that is kept and whole; one that is damaged goes.
async fn kept(cache: &Store, entry: &FileEntry) -> Option<Vec<u8>> {
    let key = key(entry);
    let bytes = cache.read(&key, entry.bytes).await?;
    if entry.verify(&key, &bytes).is_err() {
        cache.remove(&key).await;
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
async fn tidy(cache: &Store, found: &Found, from_cache: bool) {
    if !found.offline {
        // Without it the model is just not there offline.
        let _ = cache.write(&found.address, &found.bytes).await;
        cache.remove(&format!("{}{COMING}", found.address)).await;
    }
    if from_cache {
        return;
    }
    sweep(cache, &found.manifest.files).await;
}

/// Drops files that neither a kept manifest lists nor `more`.
async fn sweep(cache: &Store, more: &[FileEntry]) {
    let mut needed: BTreeSet<String> = more.iter().map(key).collect();
    let (files, manifests): (Vec<_>, Vec<_>) =
        cache.keys().await.into_iter().partition(|key| key.contains(HASH));
    for manifest in manifests {
        let bytes = cache.read(&manifest, LARGEST_MANIFEST).await.unwrap_or_default();
        // No more of it than that: it may be of another version of this page.
        if let Ok(list) = serde_json::from_slice::<List>(&bytes) {
            needed.extend(list.files.iter().map(key));
        }
    }
    // Those that earlier versions kept by their address go too.
    for old in files.iter().filter(|key| !needed.contains(*key)) {
        cache.remove(old).await;
    }
}
