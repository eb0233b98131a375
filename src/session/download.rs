//! Downloads the files of a bundle and stores them in the browser's Cache API, each verified by its hash.
//!
//! A file is stored by its hash, not its URL, so files shared between bundles are downloaded and stored once. A
//! manifest is stored by its URL; the stored manifests tell which files are needed. Bundles that were imported in
//! the browser, for example from a hub, are stored in the same way, under a URL that no server has.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use web_sys::{RequestCache, Response};

use super::{
    browser::{resolve, yield_now},
    progress::ProgressReporter,
    storage::{self, Store},
    transfer::{self, FileRequest, Transfer},
};
use crate::{
    Error, Hasher, Result,
    bundle::{Bundle, FORMAT, FileEntry, Incoming, MANIFEST, Manifest, TOKENIZER, WEIGHTS},
    choice::at_dimension,
    protocol::{ProgressStage, StoredModel},
    sha256,
};

/// Name of the origin's cache.
const CACHE: &str = "interlingua-models";
/// Prefix of the files' keys, which no server has.
const FILES: &str = "https://interlingua.invalid/";
/// What comes before the hash in a key.
const HASH: &str = "?sha256=";
/// Suffix of a manifest's key while its files are being downloaded: another worker must not delete them as unused,
/// and offline the previous manifest is the one whose files are complete.
const PENDING: &str = "?coming";
/// A manifest has some 100 kB; anything much larger is something else.
const LARGEST_MANIFEST: u64 = 64 << 20;

/// Prefix of the keys of imported bundles.
const IMPORTED: &str = "https://interlingua.invalid/made/";

/// A manifest, and where it came from.
#[derive(Clone)]
pub struct FoundManifest {
    /// The manifest.
    pub manifest: Manifest,
    /// SHA-256 of its bytes, and of the dimension if vectors are truncated.
    pub hash: String,
    /// Notes for the user, for instance that it came from storage.
    pub notes: Vec<String>,
    /// The bundle itself, if it was imported in the browser.
    pub imported: Option<ImportedBundle>,
    bytes: Vec<u8>,
    address: String,
    offline: bool,
}

impl FoundManifest {
    /// The same, for a model that is already running.
    pub fn again(self) -> Self {
        let imported = self.imported.map(|imported| ImportedBundle { from_cache: true, ..imported });
        Self { imported, notes: Vec::new(), ..self }
    }

    /// The same, with vectors truncated to `n` dimensions.
    ///
    /// # Errors
    /// As [`Manifest::truncate`].
    pub fn truncated(mut self, n: usize) -> Result<Self> {
        self.manifest.truncate(n)?;
        if let Some(ImportedBundle { bundle, from_cache }) = self.imported.take() {
            let mut bundle = Rc::unwrap_or_clone(bundle);
            bundle.manifest = self.manifest.clone();
            self.imported = Some(ImportedBundle { bundle: Rc::new(bundle), from_cache });
        }
        self.hash = sha256(at_dimension(&self.hash, n).as_bytes());
        Ok(self)
    }
}

/// A bundle that was imported in the browser.
#[derive(Clone)]
pub struct ImportedBundle {
    /// The bundle, in memory.
    pub bundle: Rc<Bundle>,
    /// Whether it came from storage.
    pub from_cache: bool,
}

/// A bundle's verified files.
pub struct Files {
    /// The files by their path in the bundle.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Whether all of them came from the browser's cache.
    pub from_cache: bool,
    /// Notes for the user, for instance that a file could not be stored.
    pub notes: Vec<String>,
}

/// The full URL of a folder, with a trailing slash.
///
/// # Errors
/// [`Error::Input`] if it is not a URL.
pub fn folder(url: &str) -> Result<String> {
    let address = resolve(url)?;
    address.set_hash("");
    if !address.pathname().ends_with('/') {
        address.set_pathname(&format!("{}/", address.pathname()));
    }
    Ok(address.href())
}

/// Downloads the manifest of the bundle in `folder`; offline, returns the stored one.
///
/// # Errors
/// Names the manifest's URL, and the field if one is wrong.
pub async fn manifest(folder: &str) -> Result<FoundManifest> {
    let address = file(folder, MANIFEST)?;
    let got = get(&address, Size::AtMost(LARGEST_MANIFEST), Vec::new(), &mut |_, _| {}).await;
    let (bytes, offline) = match got {
        Ok(bytes) => (bytes, false),
        Err(Interrupted { unreachable: true, error, .. }) => match storage::open(CACHE).await {
            Ok(cache) => (cache.read(&address, LARGEST_MANIFEST).await.ok_or(error)?, true),
            Err(_) => return Err(error),
        },
        Err(failure) => return Err(failure.error),
    };
    let manifest = Manifest::parse(&address, &bytes)?;
    let notes = match offline {
        true => vec!["The server could not be reached; this is the stored model.".into()],
        false => vec![],
    };
    Ok(FoundManifest { manifest, hash: sha256(&bytes), notes, imported: None, bytes, address, offline })
}

/// Returns every file of the manifest, from the cache if it is there and intact; downloads the rest, whose bytes
/// alone `progress` counts. `on_bytes` is called with the bytes of a file received so far, from its start; they are
/// only verified at the end.
///
/// # Errors
/// Names the file's URL.
pub async fn files(
    folder: &str,
    found: &FoundManifest,
    progress: &mut ProgressReporter<'_>,
    on_bytes: &mut dyn FnMut(&FileEntry, &[u8]),
) -> Result<Files> {
    let mut out = Files { files: BTreeMap::new(), from_cache: true, notes: Vec::new() };
    let mut cache = match storage::open(CACHE).await {
        Ok(cache) => Some(cache),
        Err(why) => {
            out.notes.push(format!("{why}, so the model is downloaded again each time."));
            None
        }
    };
    let entries = &found.manifest.files;
    if let Some(cache) = &cache {
        let (mut before, total) = (0.0, found.manifest.bytes() as f64);
        for entry in entries {
            progress.at(ProgressStage::Cache, before, total);
            if let Some(bytes) = read_verified(cache, entry).await {
                on_bytes(entry, &bytes);
                out.files.insert(entry.path.clone(), bytes);
            }
            before += entry.bytes as f64;
        }
    }
    if cache.take_if(|cache| cache.is_unresponsive()).is_some() {
        let why = "did not respond when it was asked for the model’s files";
        out.notes.push(format!("This browser’s storage {why}; they were downloaded again."));
    }
    let missing: Vec<&FileEntry> = entries.iter().filter(|e| !out.files.contains_key(&e.path)).collect();
    out.from_cache = missing.is_empty();
    if let Some(cache) = cache.as_ref().filter(|_| !out.from_cache && !found.offline) {
        // If this fails, another worker may delete files that then have to be downloaded again.
        let _ = cache.write(&format!("{}{PENDING}", found.address), &found.bytes).await;
    }
    let total = missing.iter().map(|entry| entry.bytes as f64).sum();
    let mut before = 0.0;
    for entry in missing {
        let address = file(folder, entry.place())?;
        let key = key(entry);
        // Hashed while it arrives, so there is nothing left to wait for at the end.
        let mut hasher = Hasher::default();
        let begun = PARTIAL.with_borrow_mut(|begun| begun.take_if(|(of, _)| *of == key));
        let begun = begun.map(|(_, bytes)| bytes).unwrap_or_default();
        let got = get(&address, Size::Exactly(entry.bytes), begun, &mut |bytes, new| {
            hasher.push(&bytes[new..]);
            on_bytes(entry, bytes);
            progress.at(ProgressStage::Download, before + bytes.len() as f64, total);
        })
        .await;
        let bytes = got.map_err(|failure| {
            let is_begun = !failure.begun.is_empty();
            PARTIAL.set(is_begun.then_some((key.clone(), failure.begun)));
            failure.error
        })?;
        progress.at(ProgressStage::Check, before, total);
        entry.verify_hash(&address, bytes.len() as u64, &hasher.finish())?;
        if let Some(cache) = &cache
            && let Err(problem) = cache.write(&key, &bytes).await
        {
            out.notes.push(format!(
                "{} could not be stored in this browser and has to be downloaded again next time: {problem}",
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

/// The key of the manifest of an imported bundle.
fn imported_key(url: &str) -> String {
    format!("{IMPORTED}{}/{MANIFEST}", String::from(js_sys::encode_uri_component(url)))
}

/// The URL that [`super::Session::load`] takes for a stored manifest's bundle.
fn url_of(key: &str) -> Option<String> {
    let folder = key.strip_suffix(MANIFEST)?;
    match folder.strip_prefix(IMPORTED) {
        Some(imported) => js_sys::decode_uri_component(imported.trim_end_matches('/')).ok().map(String::from),
        None => Some(folder.into()),
    }
}

/// The stored bundle that was imported from `url`; `None` if there is none, or not all of it.
pub async fn imported(url: &str, progress: &mut ProgressReporter<'_>) -> Option<FoundManifest> {
    let cache = storage::open(CACHE).await.ok()?;
    let address = imported_key(url);
    let bytes = cache.read(&address, LARGEST_MANIFEST).await?;
    let manifest = Manifest::parse(&address, &bytes).ok()?;
    let (mut before, total) = (0.0, manifest.bytes() as f64);
    let mut files = BTreeMap::new();
    for entry in &manifest.files {
        progress.at(ProgressStage::Cache, before, total);
        files.insert(entry.path.clone(), read_verified(&cache, entry).await?);
        before += entry.bytes as f64;
    }
    let bundle = Bundle::from_checked_files(manifest.clone(), files, Incoming::default()).ok()?;
    // Stored again with today's date.
    let _ = cache.write(&address, &bytes).await;
    let imported = Some(ImportedBundle { bundle: Rc::new(bundle), from_cache: true });
    Some(FoundManifest {
        manifest,
        hash: sha256(&bytes),
        notes: Vec::new(),
        imported,
        bytes,
        address,
        offline: true,
    })
}

/// The stored manifest of a bundle that was imported from `url`, and its SHA-256.
pub async fn imported_manifest(url: &str) -> Option<(Manifest, String)> {
    let address = imported_key(url);
    let bytes = storage::open(CACHE).await.ok()?.read(&address, LARGEST_MANIFEST).await?;
    Some((Manifest::parse(&address, &bytes).ok()?, sha256(&bytes)))
}

/// Whether a bundle imported from `url` is stored.
pub async fn is_imported(url: &str) -> bool {
    match storage::open(CACHE).await {
        Ok(cache) => cache.read(&imported_key(url), LARGEST_MANIFEST).await.is_some(),
        Err(_) => false,
    }
}

/// Stores a bundle that was imported from `url`, and adds the file list to its manifest. A note says so if the
/// browser stores nothing, or has no room.
///
/// # Errors
/// [`Error::Format`] if the weights cannot be written.
pub async fn store(
    url: &str,
    mut bundle: Bundle,
    progress: &mut ProgressReporter<'_>,
) -> Result<FoundManifest> {
    let address = imported_key(url);
    let (bytes, pieces) = bundle.weights.pieces()?;
    let mut hasher = Hasher::default();
    for piece in pieces {
        hasher.push(&piece);
        yield_now().await;
    }
    let weights = FileEntry { path: WEIGHTS.into(), at: None, bytes, sha256: hasher.finish() };
    bundle.manifest.files = vec![FileEntry::of(TOKENIZER, &bundle.tokenizer), weights];
    bundle.manifest.format = FORMAT;
    let manifest = serde_json::to_vec_pretty(&bundle.manifest).map_err(|e| Error::format(MANIFEST, e))?;
    let notes = match write_bundle(&address, &bundle, &manifest, progress).await {
        Ok(()) => Vec::new(),
        Err(why) => vec![format!(
            "The model could not be stored in this browser and has to be downloaded again next time: {why}."
        )],
    };
    let (hash, of) = (sha256(&manifest), bundle.manifest.clone());
    let imported = Some(ImportedBundle { bundle: Rc::new(bundle), from_cache: false });
    Ok(FoundManifest { manifest: of, hash, notes, imported, bytes: manifest, address, offline: true })
}

/// Stores a bundle's files, and its manifest once all are there.
async fn write_bundle(
    address: &str,
    bundle: &Bundle,
    manifest: &[u8],
    progress: &mut ProgressReporter<'_>,
) -> std::result::Result<(), String> {
    let cache = storage::open(CACHE).await?;
    let pending = format!("{address}{PENDING}");
    cache.write(&pending, manifest).await?;
    let written = async {
        let total = bundle.manifest.bytes() as f64;
        let mut done = 0.0;
        for entry in &bundle.manifest.files {
            match entry.path.as_str() {
                TOKENIZER => cache.write(&key(entry), &bundle.tokenizer).await?,
                _ => {
                    let (_, pieces) = bundle.weights.pieces().map_err(|e| e.to_string())?;
                    let step = &mut |n: usize| progress.at(ProgressStage::Keep, done + n as f64, total);
                    cache.write_pieces(&key(entry), pieces, step).await?;
                }
            }
            done += entry.bytes as f64;
        }
        cache.write(address, manifest).await
    };
    let written = written.await;
    cache.remove(&pending).await;
    sweep(&cache, &[]).await;
    written
}

/// The stored bundles, the newest first.
///
/// # Errors
/// [`Error::Input`] if the browser has no storage, or it does not respond.
pub async fn list() -> Result<Vec<StoredModel>> {
    let cache = storage::open(CACHE).await.map_err(Error::Input)?;
    let mut models = Vec::new();
    for key in cache.keys().await {
        let Some(url) = url_of(&key) else { continue };
        let Some((bytes, date)) = cache.read_dated(&key, LARGEST_MANIFEST).await else { continue };
        // Written by another version of the page.
        let Ok(manifest) = Manifest::parse(&key, &bytes) else { continue };
        models.push(StoredModel {
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

/// Deletes a stored bundle, and the files that no other one has.
///
/// # Errors
/// As [`list`].
pub async fn remove(url: &str) -> Result<()> {
    let cache = storage::open(CACHE).await.map_err(Error::Input)?;
    cache.remove(&imported_key(url)).await;
    cache.remove(&format!("{url}{MANIFEST}")).await;
    sweep(&cache, &[]).await;
    Ok(())
}

/// Deletes all stored files; returns their number.
///
/// # Errors
/// [`Error::File`] if the browser refuses.
pub async fn clear() -> Result<usize> {
    storage::clear(CACHE).await
}

/// Downloads a file of a folder, of at most `limit` bytes; our own cache is not used.
///
/// # Errors
/// Names the URL.
pub async fn fetch_file(folder: &str, name: &str, limit: u64) -> Result<Vec<u8>> {
    fetch_file_by_steps(folder, name, limit, &mut |_| {}).await
}

/// As [`fetch_file`]; `step` is told how many bytes have arrived.
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
    /// What was received of a bundle's file before its connection broke or stalled, by its key, for the next
    /// attempt; only the newest.
    static PARTIAL: RefCell<Option<(String, Vec<u8>)>> = const { RefCell::new(None) };
}

/// What is known of a file's size.
#[derive(Clone, Copy)]
enum Size {
    Exactly(u64),
    AtMost(u64),
}

/// Why a download failed.
struct Interrupted {
    /// The server did not respond, as opposed to a refusal.
    unreachable: bool,
    error: Error,
    /// What was received, if the next attempt can continue from there.
    begun: Vec<u8>,
}

/// GETs `address`; `step` is called with all bytes so far and the start of the new ones. `begun` was received earlier: if
/// the server can, it continues from there.
async fn get(
    address: &str,
    size: Size,
    begun: Vec<u8>,
    step: &mut dyn FnMut(&[u8], usize),
) -> std::result::Result<Vec<u8>, Interrupted> {
    let mut out = begun;
    let (whole, limit) = match size {
        Size::Exactly(bytes) => (Some(bytes), bytes),
        Size::AtMost(limit) => (None, limit),
    };
    // Reserved at once if the size is known, as growing copies.
    let room = whole.unwrap_or(0).saturating_sub(out.len() as u64);
    if out.try_reserve_exact(usize::try_from(room).unwrap_or(usize::MAX)).is_err() {
        let error = Error::file(address, format!("there is no memory for its {room} bytes"));
        return Err(Interrupted { unreachable: false, error, begun: Vec::new() });
    }
    if !out.is_empty() {
        step(&out, 0);
    }
    let request = FileRequest {
        url: address,
        token: None,
        // Revalidate what the browser's own cache has: an old file with a new manifest would look corrupted.
        cache: RequestCache::NoCache,
        may_restart: true,
        hint: "",
    };
    let mut transfer = Transfer::new(out.len() as u64, whole, limit);
    let mut take = |part: &[u8]| {
        let start = out.len();
        out.extend_from_slice(part);
        step(&out, start);
        Ok(())
    };
    match transfer.advance(&request, &mut take).await {
        Ok(()) => Ok(out),
        Err(transfer::Failure::Broke(how)) => {
            let again = match size {
                Size::Exactly(_) if !out.is_empty() => "try again, and it continues from there",
                _ => "try again",
            };
            let error = Error::file(address, format!("{how}{}; {again}", transfer.so_far()));
            Err(Interrupted { unreachable: true, error, begun: out })
        }
        Err(transfer::Failure::Status(response)) => {
            // Of 416: there is no such byte, as the file has changed.
            let begun = if response.status() == 416 { Vec::new() } else { out };
            let error = Error::file(address, format!("the server answered {}", status(&response)));
            Err(Interrupted { unreachable: false, error, begun })
        }
        Err(transfer::Failure::Failed(error)) => {
            Err(Interrupted { unreachable: false, error, begun: Vec::new() })
        }
    }
}

/// The status with its name, if the server gave one.
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

/// A stored file; a corrupted one is deleted.
async fn read_verified(cache: &Store, entry: &FileEntry) -> Option<Vec<u8>> {
    let key = key(entry);
    let bytes = cache.read(&key, entry.bytes).await?;
    if entry.verify(&key, &bytes).is_err() {
        cache.remove(&key).await;
        return None;
    }
    Some(bytes)
}

/// The file list of a manifest.
#[derive(serde::Deserialize)]
struct List {
    files: Vec<FileEntry>,
}

/// Stores the manifest for offline use; if files were downloaded, deletes those that no stored manifest lists.
async fn tidy(cache: &Store, found: &FoundManifest, from_cache: bool) {
    if !found.offline {
        // Without it the model is just not available offline.
        let _ = cache.write(&found.address, &found.bytes).await;
        cache.remove(&format!("{}{PENDING}", found.address)).await;
    }
    if from_cache {
        return;
    }
    sweep(cache, &found.manifest.files).await;
}

/// Deletes files that are neither in a stored manifest nor in `more`.
async fn sweep(cache: &Store, more: &[FileEntry]) {
    let mut needed: BTreeSet<String> = more.iter().map(key).collect();
    let (files, manifests): (Vec<_>, Vec<_>) =
        cache.keys().await.into_iter().partition(|key| key.contains(HASH));
    for manifest in manifests {
        let bytes = cache.read(&manifest, LARGEST_MANIFEST).await.unwrap_or_default();
        // Only the list is read, as another version of the page may have written it.
        if let Ok(list) = serde_json::from_slice::<List>(&bytes) {
            needed.extend(list.files.iter().map(key));
        }
    }
    // Earlier versions stored files by their URL; those are deleted too.
    for old in files.iter().filter(|key| !needed.contains(*key)) {
        cache.remove(old).await;
    }
}
