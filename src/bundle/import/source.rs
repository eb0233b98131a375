//! The files of a model to import.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::SmallFiles;
use crate::{
    Error, Result,
    hub::{CardMetadata, ListedFile, Listing},
};

/// The files of a model folder: on a disk, on a hub, or dropped into a page.
///
/// Small files are read whole; of weights only the existence is needed, and they are
/// [pushed](super::Import::push) as they arrive.
pub trait FileSource {
    /// A small file's bytes, or `None` if there is no such file.
    ///
    /// # Errors
    /// Says why an existing file cannot be read.
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>>;

    /// Whether there is such a file.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    fn has(&mut self, path: &str) -> Result<bool> {
        Ok(self.read(path)?.is_some())
    }

    /// The first [`BEGINNING`] bytes of a file of any size, or all of it; `None` if there is no such file.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    fn beginning(&mut self, path: &str) -> Result<Option<Vec<u8>>> {
        let mut bytes = self.read(path)?;
        if let Some(bytes) = &mut bytes {
            bytes.truncate(BEGINNING);
        }
        Ok(bytes)
    }

    /// A file's size, if known.
    fn size(&mut self, _path: &str) -> Option<u64> {
        None
    }
}

/// How much of a weights file is read where its header alone says the model's shape.
pub const BEGINNING: usize = 1 << 16;

impl<F: FnMut(&str) -> Result<Option<Vec<u8>>> + ?Sized> FileSource for F {
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>> {
        self(path)
    }
}

/// A model's file list, and the contents of small files.
///
/// ```text
/// let mut files = Files::new(listing);
/// while let paths = files.to_inspect() && !paths.is_empty() { …get them, files.insert(path, bytes)… }
/// inspect(name, &mut files, None)         // what a person is shown before anything large comes
/// while let paths = files.to_import() && !paths.is_empty() { …get them, the tokenizer now… }
/// let mut import = Import::new(name, &mut files, Some(Quantization::Q8))?;
/// for path in import.files() { …push(path, bytes) as they come… }
/// let bundle = import.finish()?;
/// ```
#[derive(Debug, Clone, Default)]
pub struct InspectedFiles {
    listed: BTreeMap<String, ListedFile>,
    read: BTreeMap<String, Vec<u8>>,
    /// The beginnings of large files.
    begun: BTreeMap<String, Vec<u8>>,
    card: Option<CardMetadata>,
}

/// The files to read before the modules are known.
const FIRST_FILES: [&str; 7] = [
    "modules.json",
    "config.json",
    "config_sentence_transformers.json",
    "model.safetensors.index.json",
    "sentence_bert_config.json",
    "tokenizer_config.json",
    CARD,
];
/// The model card.
const CARD: &str = "README.md";

impl InspectedFiles {
    /// Maximum bytes of a small file other than a tokenizer.
    pub const LARGEST_SMALL: u64 = 32 << 20;
    /// Maximum bytes of a tokenizer.
    pub const LARGEST_TOKENIZER: u64 = 256 << 20;

    /// From a hub's file list, without any contents.
    pub fn new(listing: Listing) -> Self {
        let listed = listing.files.into_iter().map(|file| (file.path.clone(), file)).collect();
        Self { listed, read: BTreeMap::new(), begun: BTreeMap::new(), card: listing.card }
    }

    /// From a list of the user's files, by their paths in the model's folder.
    pub fn of(listed: impl IntoIterator<Item = ListedFile>) -> Self {
        Self::new(Listing { files: listed.into_iter().collect(), ..Listing::default() })
    }

    /// The file list's entry of a file.
    pub fn get(&self, path: &str) -> Option<&ListedFile> {
        self.listed.get(path)
    }

    /// All files, by path.
    pub fn listed(&self) -> impl Iterator<Item = &ListedFile> {
        self.listed.values()
    }

    /// The paths of the small files that were inserted.
    pub fn small(&self) -> impl Iterator<Item = &str> {
        self.read.keys().map(String::as_str)
    }

    /// The metadata of the model card, from the hub or the card's file.
    pub fn card(&self) -> CardMetadata {
        let read = || self.read.get(CARD).map(|bytes| CardMetadata::parse(&String::from_utf8_lossy(bytes)));
        self.card.clone().or_else(read).unwrap_or_default()
    }

    /// Adds the contents of a small file.
    pub fn insert(&mut self, path: &str, bytes: Vec<u8>) {
        self.read.insert(path.into(), bytes);
    }

    /// Adds the first [`BEGINNING`] bytes of a file.
    pub fn insert_beginning(&mut self, path: &str, bytes: Vec<u8>) {
        self.begun.insert(path.into(), bytes);
    }

    /// The large files of which the first [`BEGINNING`] bytes have to be got, once there is no small file to get.
    pub fn to_begin(&self) -> Vec<String> {
        self.recorded(false).begun.into_iter().collect()
    }

    /// The small files to get next for [`inspect`](super::inspect()); empty once all are there. Has to be called again after
    /// they were inserted, as one file may name others.
    pub fn to_inspect(&self) -> Vec<String> {
        self.missing(false)
    }

    /// As [`to_inspect`](Self::to_inspect), for an [`Import`](super::Import), which also needs the tokenizer.
    pub fn to_import(&self) -> Vec<String> {
        self.missing(true)
    }

    fn missing(&self, tokenizer: bool) -> Vec<String> {
        self.recorded(tokenizer).needed.into_iter().collect()
    }

    fn recorded(&self, tokenizer: bool) -> Recorder<'_> {
        let mut recorder = Recorder { files: self, needed: BTreeSet::new(), begun: BTreeSet::new() };
        for path in FIRST_FILES.into_iter().filter(|path| *path != CARD || self.card.is_none()) {
            recorder.record(path);
        }
        // The configurations of all modules at once.
        let modules =
            self.read.get(FIRST_FILES[0]).and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
        for module in modules.as_ref().and_then(Value::as_array).into_iter().flatten() {
            if let Some(folder) = module["path"].as_str().map(|path| path.trim_end_matches('/')) {
                recorder.record(&format!("{folder}/config.json"));
            }
        }
        // Errors are reported when the files are read for use.
        let _ = SmallFiles::read(&mut recorder, tokenizer)
            .and_then(|settings| settings.weight_files(&mut recorder));
        recorder
    }

    /// Refuses a small file that is far too large.
    fn check_size(&self, path: &str) -> Result<()> {
        let most = match path.rsplit('/').next() {
            Some("tokenizer.json") => Self::LARGEST_TOKENIZER,
            _ => Self::LARGEST_SMALL,
        };
        match self.listed.get(path).and_then(|file| file.bytes) {
            Some(bytes) if bytes > most => Err(Error::format(
                path,
                format!("it has {bytes} bytes, too many for such a file; it is not read"),
            )),
            _ => Ok(()),
        }
    }
}

impl FileSource for InspectedFiles {
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>> {
        self.check_size(path)?;
        match self.read.get(path) {
            None if self.listed.contains_key(path) => {
                Err(Error::file(path, "it is listed but was not downloaded; try again"))
            }
            bytes => Ok(bytes.cloned()),
        }
    }

    fn has(&mut self, path: &str) -> Result<bool> {
        Ok(self.listed.contains_key(path) || self.read.contains_key(path))
    }

    fn beginning(&mut self, path: &str) -> Result<Option<Vec<u8>>> {
        match self.begun.get(path) {
            None if self.listed.contains_key(path) => {
                Err(Error::file(path, "its beginning was not downloaded; try again"))
            }
            bytes => Ok(bytes.cloned()),
        }
    }

    fn size(&mut self, path: &str) -> Option<u64> {
        self.listed.get(path)?.bytes
    }
}

/// Records which files are read but not there yet.
struct Recorder<'a> {
    files: &'a InspectedFiles,
    needed: BTreeSet<String>,
    begun: BTreeSet<String>,
}

impl Recorder<'_> {
    fn record(&mut self, path: &str) {
        let files = self.files;
        if files.listed.contains_key(path) && !files.read.contains_key(path) && files.check_size(path).is_ok()
        {
            self.needed.insert(path.into());
        }
    }
}

impl FileSource for Recorder<'_> {
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>> {
        self.record(path);
        Ok(self.files.read.get(path).cloned())
    }

    fn has(&mut self, path: &str) -> Result<bool> {
        Ok(self.files.listed.contains_key(path))
    }

    fn beginning(&mut self, path: &str) -> Result<Option<Vec<u8>>> {
        let files = self.files;
        if files.listed.contains_key(path) && !files.begun.contains_key(path) {
            self.begun.insert(path.into());
        }
        Ok(files.begun.get(path).cloned())
    }
}
