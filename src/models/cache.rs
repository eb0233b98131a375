//! The cache of Hugging Face's own programs: `models--OWNER--NAME` with `blobs`, `refs` and `snapshots`.
//!
//! Other programs download only what they need themselves, so a missing `modules.json` there does not mean that the
//! model has none. Complete downloads of this program are therefore recorded, with the hub's file list.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use hf_hub::{Repo, RepoType};
use serde_json::Value;

use crate::{
    Error, Result,
    hub::{HubName, Listing},
};

/// Git blob ids by file path.
pub type Blobs = BTreeMap<String, String>;

/// The git blob ids in a hub's response.
pub fn blobs(answer: &[u8]) -> Blobs {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let one = |file: &Value| {
        let id = file["blobId"]
            .as_str()
            .filter(|id| id.bytes().all(|b| b.is_ascii_hexdigit()) && id.len() >= 40)?;
        Some((file["rfilename"].as_str()?.to_string(), id.to_string()))
    };
    answer["siblings"].as_array().into_iter().flatten().filter_map(one).collect()
}

/// The hub's file list for a folder that this program downloaded completely.
pub fn listing(folder: &Path) -> Option<Listing> {
    let commit = folder.file_name()?.to_str()?;
    let record = folder.parent()?.parent()?.join(NOTED).join(format!("{commit}.json"));
    Listing::parse("", &fs::read(record).ok()?).ok()
}

/// The folder of these records, next to `blobs`.
const NOTED: &str = "interlingua";

/// The cache folder.
pub struct Cache(hf_hub::Cache);

impl Cache {
    /// At this path, which need not exist yet.
    pub fn new(folder: &Path) -> Self {
        Self(hf_hub::Cache::new(folder.into()))
    }

    fn repo(&self, name: &HubName) -> hf_hub::CacheRepo {
        let revision = name.revision().to_string();
        self.0.repo(Repo::with_revision(name.repository(), RepoType::Model, revision))
    }

    /// The folder of a model's files at a commit.
    pub fn folder(&self, name: &HubName, commit: &str) -> PathBuf {
        self.repo(name).pointer_path(commit)
    }

    /// The folder of a model, with all its revisions.
    pub fn model(&self, name: &HubName) -> PathBuf {
        let snapshot = self.folder(name, "x");
        snapshot.ancestors().nth(2).unwrap_or(&snapshot).into()
    }

    /// The record of a complete download.
    fn record(&self, name: &HubName, commit: &str) -> PathBuf {
        self.model(name).join(NOTED).join(format!("{commit}.json"))
    }

    /// The folder of a complete download, at the last known commit of the name's revision.
    pub fn find(&self, name: &HubName) -> Option<PathBuf> {
        let commit = match name.is_pinned() {
            true => name.revision().to_string(),
            false => fs::read_to_string(self.model(name).join("refs").join(name.revision()))
                .ok()?
                .trim()
                .to_string(),
        };
        if commit.len() != 40 || !commit.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let folder = self.folder(name, &commit);
        let listing = listing(&folder)?;
        // Missing files were not needed; existing ones could have been truncated.
        let whole = listing.files.iter().all(|file| match fs::metadata(folder.join(&file.path)) {
            Ok(there) => file.bytes.is_none_or(|bytes| there.len() == bytes),
            // A dangling link: its blob was deleted.
            Err(_) => fs::symlink_metadata(folder.join(&file.path)).is_err(),
        });
        (whole && folder.is_dir()).then_some(folder)
    }

    /// The place of a commit's file; `blob` is its hash, if known.
    ///
    /// # Errors
    /// [`Error::File`] when the disk refuses.
    pub fn place(&self, pinned: &HubName, path: &str, blob: Option<&String>) -> Result<CachePlace> {
        let link = self.folder(pinned, pinned.revision()).join(path);
        let blob = match blob {
            Some(blob) => self.model(pinned).join("blobs").join(blob),
            None => link.clone(),
        };
        for folder in [link.parent(), blob.parent()].into_iter().flatten() {
            fs::create_dir_all(folder).map_err(|e| Error::file(folder, e))?;
        }
        Ok(CachePlace { up: path.split('/').count() + 1, link, blob })
    }

    /// Records the commit of a branch or tag.
    ///
    /// # Errors
    /// [`Error::File`] when the disk refuses.
    pub fn point(&self, name: &HubName, commit: &str) -> Result<()> {
        if name.is_pinned() {
            return Ok(());
        }
        self.repo(name).create_ref(commit).map_err(|e| Error::file(self.model(name).join("refs"), e))
    }

    /// Records a complete download.
    ///
    /// # Errors
    /// [`Error::File`] when the disk refuses.
    pub fn keep(&self, name: &HubName, commit: &str, answer: &[u8]) -> Result<()> {
        let record = self.record(name, commit);
        if let Some(folder) = record.parent() {
            fs::create_dir_all(folder).map_err(|e| Error::file(folder, e))?;
        }
        // Another process could be doing the same.
        let part = own(&record);
        fs::write(&part, answer).map_err(|e| Error::file(&part, e))?;
        fs::rename(&part, &record).map_err(|e| Error::file(&record, e))?;
        self.point(name, commit)
    }
}

/// The place of a file: its blob, and its path in the snapshot, a link to the blob.
pub struct CachePlace {
    /// The path of its content.
    pub blob: PathBuf,
    link: PathBuf,
    /// Levels from the link's folder up to the model's.
    up: usize,
}

impl CachePlace {
    /// Whether the content exists, with this length if known.
    pub fn is_there(&self, bytes: Option<u64>) -> bool {
        fs::metadata(&self.blob).is_ok_and(|there| bytes.is_none_or(|bytes| there.len() == bytes))
    }

    /// Links the path to the content, and returns the path.
    ///
    /// # Errors
    /// [`Error::File`] when the disk refuses.
    pub fn link(self) -> Result<PathBuf> {
        let Self { blob, link, up } = self;
        if blob == link
            || fs::canonicalize(&link).is_ok_and(|to| fs::canonicalize(&blob).is_ok_and(|b| to == b))
        {
            return Ok(link);
        }
        let mut to: PathBuf = std::iter::repeat_n("..", up).collect();
        to.push("blobs");
        to.extend(blob.file_name());
        let made = own(&link);
        // Without support for links, the file itself is moved there.
        let from = if symlink(&to, &made).is_ok() { made } else { blob };
        fs::rename(&from, &link).map_err(|e| Error::file(&link, e))?;
        Ok(link)
    }
}

/// A temporary name next to `path`, unique to this thread.
fn own(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}-{:?}.part", std::process::id(), std::thread::current().id()));
    name.into()
}

#[cfg(unix)]
fn symlink(to: &Path, link: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(to, link)
}

#[cfg(not(unix))]
fn symlink(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
