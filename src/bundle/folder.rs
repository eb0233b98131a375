//! Bundles and model folders on disk.

use std::{
    collections::BTreeMap,
    fs,
    io::{ErrorKind, Read, Write},
    path::{Path, PathBuf},
};

use super::{
    BEGINNING, Bundle, CARD, FileEntry, FileSource, Import, Incoming, MANIFEST, Manifest, OWN, Quantization,
    TOKENIZER, WEIGHTS,
    card::{MARK, card},
    manifest::{FORMAT, OLDEST, SECOND},
};
use crate::{Error, Result, sha256};

impl Bundle {
    /// Reads a bundle, or a Hugging Face or sentence-transformers folder.
    ///
    /// # Errors
    /// Naming the file or field that is wrong.
    pub fn open(folder: &Path) -> Result<Self> {
        Self::open_with(folder, None)
    }

    /// As [`open`](Self::open), with the weights stored another way: those of a model folder while they are read, so
    /// that they are in memory in that form alone.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_stored(folder: &Path, quantization: Quantization) -> Result<Self> {
        let mut bundle = Self::open_with(folder, Some(quantization))?;
        bundle.store_as(quantization)?;
        Ok(bundle)
    }

    fn open_with(folder: &Path, quantization: Option<Quantization>) -> Result<Self> {
        if !folder.is_dir() {
            return Err(Error::file(folder, "there is no such folder; give a bundle or a model folder"));
        }
        if let Some(bytes) = read(&folder.join(MANIFEST))? {
            return Self::read(folder, &bytes);
        }
        if ["config.json", "modules.json"].iter().all(|file| !folder.join(file).exists()) {
            return Err(Error::file(
                folder,
                "neither a bundle (manifest.json) nor a model folder (config.json, modules.json)",
            ));
        }
        import(folder, &name(folder), quantization)?.finish()
    }

    /// The bundle in `folder` with this manifest.
    fn read(folder: &Path, manifest: &[u8]) -> Result<Self> {
        let place = folder.join(MANIFEST).display().to_string();
        let manifest = Manifest::parse(&place, manifest)?;
        let mut files = BTreeMap::new();
        for entry in &manifest.files {
            let path = folder.join(entry.place());
            let file = path.display().to_string();
            let Some(bytes) = read(&path)? else {
                let problem = match entry.at {
                    None => "it is missing from the bundle".into(),
                    Some(_) => format!("it is missing, and {place} says that the bundle shares it"),
                };
                return Err(Error::Integrity { file, problem });
            };
            entry.verify(&file, &bytes)?;
            files.insert(entry.path.clone(), bytes);
        }
        let bundle = Self::from_checked_files(manifest, files, Incoming::default())?;
        if let Some(said) = &bundle.manifest.weights_sha256
            && *said != sha256(&bundle.weights.to_safetensors()?)
        {
            return Err(Error::Integrity {
                file: place,
                problem: "the field `weights_sha256` does not match the weights in its files; get the \
                          bundle again"
                    .into(),
            });
        }
        Ok(bundle)
    }

    /// Writes the bundle to `folder`, including hashes and model card, with all files of its own. Files
    /// appear complete or not at all, and none before there was room for all of them; the manifest, without
    /// which a folder is not a bundle, comes last. Weights in that folder that other bundles share are left
    /// in place.
    ///
    /// # Errors
    /// [`Error::File`] when writing fails; a bundle that was in the folder is unchanged then.
    pub fn write(&mut self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder).map_err(|e| Error::file(folder, e))?;
        let weights = self.weights.to_safetensors()?;
        self.manifest.format = self.format();
        self.manifest.weights_sha256 = None;
        self.manifest.files =
            vec![FileEntry::of(TOKENIZER, &self.tokenizer), FileEntry::of(WEIGHTS, &weights)];
        let files = [
            PartialFile::write(&folder.join(TOKENIZER), &self.tokenizer)?,
            PartialFile::write(&folder.join(WEIGHTS), &weights)?,
        ];
        let described = self.manifest.parts(folder)?;
        files.into_iter().chain(described).try_for_each(PartialFile::rename)?;
        // Left from a bundle that shared, and used by no other.
        remove(&folder.join(OWN))
    }

    /// The lowest format that can express it.
    fn format(&self) -> u32 {
        let Manifest { architecture, similarity, .. } = &self.manifest;
        let cut = serde_json::from_slice::<TruncationLimit>(&self.tokenizer).ok().and_then(|t| t.truncation);
        let later = !similarity.is_cosine()
            || architecture.dense.iter().any(|dense| dense.normalized)
            || cut.is_some_and(|cut| cut["direction"] == "Left");
        match (architecture.truncate, later) {
            (Some(_), _) => FORMAT,
            (None, true) => SECOND,
            (None, false) => OLDEST,
        }
    }
}

/// The name of the model in a folder: the folder's, or the hub's in the Hugging Face cache, where folders are named
/// after commits.
fn name(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.into());
    let part = |n: usize| Some(folder.ancestors().nth(n)?.file_name()?.to_string_lossy().into_owned());
    let cached = part(1).filter(|parent| parent == "snapshots").and_then(|_| part(2));
    let on_hub = cached.and_then(|model| Some(model.strip_prefix("models--")?.replacen("--", "/", 1)));
    on_hub.or_else(|| part(0)).unwrap_or_else(|| "model".into())
}

/// A model folder on disk.
struct Folder<'a>(&'a Path);

impl FileSource for Folder<'_> {
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>> {
        read(&self.0.join(path))
    }

    fn has(&mut self, path: &str) -> Result<bool> {
        Ok(self.0.join(path).is_file())
    }

    fn beginning(&mut self, path: &str) -> Result<Option<Vec<u8>>> {
        let path = self.0.join(path);
        let read = || {
            let mut bytes = Vec::new();
            fs::File::open(&path)?.take(BEGINNING as u64).read_to_end(&mut bytes).map(|_| bytes)
        };
        match read() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::file(&path, e)),
        }
    }

    fn size(&mut self, path: &str) -> Option<u64> {
        Some(fs::metadata(self.0.join(path)).ok()?.len())
    }
}

/// Bytes of weights read at a time.
const STEP: usize = 1 << 20;

/// Reads a model folder, its weights included, as the model called `name`.
///
/// # Errors
/// As [`Bundle::open`].
pub fn import(folder: &Path, name: &str, quantization: Option<Quantization>) -> Result<Import> {
    let mut import = Import::new(name, &mut Folder(folder), quantization)?;
    let mut bytes = vec![0; STEP];
    for path in import.files() {
        let place = folder.join(&path);
        let mut file = fs::File::open(&place).map_err(|e| Error::file(&place, e))?;
        loop {
            match file.read(&mut bytes) {
                Ok(0) => break,
                Ok(n) => import.push(&path, &bytes[..n])?,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(Error::file(&place, e)),
            }
        }
    }
    Ok(import)
}

/// The only field of a tokenizer that is needed.
#[derive(serde::Deserialize)]
struct TruncationLimit {
    truncation: Option<serde_json::Value>,
}

impl Manifest {
    /// Reads the manifest of the bundle in `folder`, and nothing else.
    ///
    /// # Errors
    /// [`Error::File`] if there is none, else as [`Manifest::parse`].
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(MANIFEST);
        let bytes = read(&path)?.ok_or_else(|| {
            Error::file(&path, "there is no such file; give a bundle, as written by `interlingua import`")
        })?;
        Self::parse(&path.display().to_string(), &bytes)
    }

    /// Replaces the manifest and the model card of the bundle in `folder`.
    ///
    /// # Errors
    /// [`Error::File`] when writing fails.
    pub fn write(&self, folder: &Path) -> Result<()> {
        self.parts(folder)?.into_iter().try_for_each(PartialFile::rename)
    }

    /// The card, unless someone else wrote the existing one, and the manifest.
    fn parts(&self, folder: &Path) -> Result<Vec<PartialFile>> {
        let mut parts = Vec::new();
        let path = folder.join(CARD);
        let own = read(&path)?.is_none_or(|text| String::from_utf8_lossy(&text).contains(MARK));
        if own {
            parts.push(PartialFile::write(&path, card(self).as_bytes())?);
        }
        let manifest = serde_json::to_vec_pretty(self).map_err(|e| Error::format(MANIFEST, e))?;
        parts.push(PartialFile::write(&folder.join(MANIFEST), &manifest)?);
        Ok(parts)
    }
}

/// Writes a file under another name and renames it, so that the name never belongs to an incomplete file.
///
/// # Errors
/// [`Error::File`] when writing fails; nothing is left behind then.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    PartialFile::write(path, bytes)?.rename()
}

/// Removes a file if it exists.
pub(super) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::file(path, e)),
        _ => Ok(()),
    }
}

/// A complete file under a temporary name, removed when dropped.
struct PartialFile {
    part: PathBuf,
    path: PathBuf,
}

impl PartialFile {
    fn write(path: &Path, bytes: &[u8]) -> Result<Self> {
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = Self { part: part.into(), path: path.into() };
        let write = || {
            let mut file = fs::File::create(&part.part)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(|e| Error::file(path, e))?;
        Ok(part)
    }

    fn rename(self) -> Result<()> {
        fs::rename(&self.part, &self.path).map_err(|e| Error::file(&self.path, e))
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        // After a rename there is nothing to remove.
        let _ = fs::remove_file(&self.part);
    }
}

/// A file's bytes, if it exists.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::file(path, e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle() -> Bundle {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/checkpoints/plain");
        Bundle::open(&folder).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_card_is_written_and_no_part_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let mut bundle = bundle();
        bundle.write(folder.path()).unwrap();
        assert_eq!(names(folder.path()), [CARD, MANIFEST, WEIGHTS, TOKENIZER]);
        let card = fs::read_to_string(folder.path().join(CARD)).unwrap();
        assert!(card.contains(&format!("# {}", bundle.manifest.name)), "{card}");

        // Writing the manifest alone, with another name in it, updates its card as well.
        let mut manifest = Manifest::open(folder.path()).unwrap();
        manifest.name = "renamed".into();
        manifest.write(folder.path()).unwrap();
        assert_eq!(Bundle::open(folder.path()).unwrap().manifest.name, "renamed");
        assert!(fs::read_to_string(folder.path().join(CARD)).unwrap().contains("# renamed"));
        assert_eq!(names(folder.path()).len(), 4);

        // Someone else's file is kept.
        fs::write(folder.path().join(CARD), "mine").unwrap();
        bundle.write(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join(CARD)).unwrap(), "mine");
    }

    #[test]
    fn what_cannot_be_written_leaves_the_bundle_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let mut bundle = bundle();
        bundle.write(folder.path()).unwrap();
        let before = fs::read(folder.path().join(TOKENIZER)).unwrap();
        bundle.tokenizer.push(b' ');
        // The manifest, written last, cannot be written: a folder stands in the way of its temporary file.
        let obstacle = folder.path().join("manifest.json.part");
        fs::create_dir(&obstacle).unwrap();
        let problem = bundle.write(folder.path()).unwrap_err().to_string();
        assert!(problem.contains(MANIFEST), "{problem}");
        fs::remove_dir(&obstacle).unwrap();
        assert_eq!(fs::read(folder.path().join(TOKENIZER)).unwrap(), before);
        assert_eq!(names(folder.path()), [CARD, MANIFEST, WEIGHTS, TOKENIZER]);
        Bundle::open(folder.path()).unwrap();
    }

    /// A full disk, on systems that have a device for it.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_an_error_and_leaves_nothing_under_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::os::unix::fs::symlink("/dev/full", folder.path().join("file.part")).unwrap();
        let problem = write_whole(&path, b"text").unwrap_err().to_string();
        assert!(problem.contains("file: No space left"), "{problem}");
        assert!(names(folder.path()).is_empty());
    }
}
