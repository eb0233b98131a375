//! Bundles and model folders on disk.

use std::{
    collections::BTreeMap,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use super::{Bundle, FileEntry, MANIFEST, Manifest, TOKENIZER, WEIGHTS, from_hugging_face};
use crate::{Error, Result};

impl Bundle {
    /// Reads a bundle, or a Hugging Face or sentence-transformers folder.
    ///
    /// # Errors
    /// Says which file or field is wrong.
    pub fn open(folder: &Path) -> Result<Self> {
        if !folder.is_dir() {
            return Err(Error::file(folder, "there is no such folder; give a bundle or a model folder"));
        }
        let manifest = folder.join(MANIFEST);
        if let Some(bytes) = read(&manifest)? {
            let manifest = Manifest::parse(&manifest.display().to_string(), &bytes)?;
            let mut files = BTreeMap::new();
            for entry in &manifest.files {
                if let Some(bytes) = read(&folder.join(&entry.path))? {
                    files.insert(entry.path.clone(), bytes);
                }
            }
            return Self::from_files(manifest, files);
        }
        if !folder.join("config.json").exists() {
            return Err(Error::file(
                folder,
                "neither a bundle (manifest.json) nor a model folder (config.json)",
            ));
        }
        let name = folder.canonicalize().unwrap_or_else(|_| folder.into());
        let name = name.file_name().map_or("model".into(), |n| n.to_string_lossy().into_owned());
        from_hugging_face(&name, &mut |path| read(&folder.join(path)))
    }

    /// Writes the bundle to `folder`, hashes and all. Files appear whole or not at all; the
    /// manifest, without which a folder is no bundle, comes last.
    ///
    /// # Errors
    /// [`Error::File`] when the disk refuses.
    pub fn write(&mut self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder).map_err(|e| Error::file(folder, e))?;
        let weights = self.weights.to_safetensors()?;
        self.manifest.files =
            vec![FileEntry::of(TOKENIZER, &self.tokenizer), FileEntry::of(WEIGHTS, &weights)];
        let manifest = serde_json::to_vec_pretty(&self.manifest).map_err(|e| Error::format(MANIFEST, e))?;
        write_whole(&folder.join(TOKENIZER), &self.tokenizer)?;
        write_whole(&folder.join(WEIGHTS), &weights)?;
        write_whole(&folder.join(MANIFEST), &manifest)
    }
}

/// Writes a file under another name and renames it, so that no half-written file has its name.
///
/// # Errors
/// [`Error::File`] when the disk refuses.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let write = || {
        fs::write(&part, bytes)?;
        fs::File::open(&part)?.sync_all()?;
        fs::rename(&part, path)
    };
    write().map_err(|e| Error::file(path, e))
}

fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::file(path, e)),
    }
}
