//! Where the files of a model come from.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Settings;
use crate::{
    Error, Result,
    hub::{Card, Listed, Listing},
};

/// The files of a model folder: on a disk, on a hub, or dropped into a page.
///
/// What reads a model asks for small files whole; the weights are only asked after, and are
/// [pushed](super::Import::push) as they come.
pub trait Source {
    /// A small file's bytes, or `None` where there is no such file.
    ///
    /// # Errors
    /// Says why a file that is there cannot be read.
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>>;

    /// Whether there is such a file.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    fn has(&mut self, path: &str) -> Result<bool> {
        Ok(self.read(path)?.is_some())
    }

    /// A file's size, where that is known beforehand.
    fn size(&mut self, _path: &str) -> Option<u64> {
        None
    }
}

impl<F: FnMut(&str) -> Result<Option<Vec<u8>>> + ?Sized> Source for F {
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>> {
        self(path)
    }
}

/// A model's list of files, and the small ones that are there already.
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
pub struct Files {
    listed: BTreeMap<String, Listed>,
    read: BTreeMap<String, Vec<u8>>,
    card: Option<Card>,
}

/// What is asked for before the modules are known.
const FIRST: [&str; 7] = [
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

impl Files {
    /// No small file has more bytes; only the tokenizer's may have more.
    pub const LARGEST_SMALL: u64 = 32 << 20;
    /// Nor has a tokenizer's.
    pub const LARGEST_TOKENIZER: u64 = 256 << 20;

    /// A hub's list, of whose files none has come.
    pub fn new(listing: Listing) -> Self {
        let listed = listing.files.into_iter().map(|file| (file.path.clone(), file)).collect();
        Self { listed, read: BTreeMap::new(), card: listing.card }
    }

    /// The list of files that a person dropped, by their paths within the model's folder.
    pub fn of(listed: impl IntoIterator<Item = Listed>) -> Self {
        Self::new(Listing { files: listed.into_iter().collect(), ..Listing::default() })
    }

    /// What is known of a file.
    pub fn get(&self, path: &str) -> Option<&Listed> {
        self.listed.get(path)
    }

    /// All files, by path.
    pub fn listed(&self) -> impl Iterator<Item = &Listed> {
        self.listed.values()
    }

    /// The paths of the small files that are there.
    pub fn small(&self) -> impl Iterator<Item = &str> {
        self.read.keys().map(String::as_str)
    }

    /// What the model card says, where the hub has read it or the card has come.
    pub fn card(&self) -> Card {
        let read = || self.read.get(CARD).map(|bytes| Card::parse(&String::from_utf8_lossy(bytes)));
        self.card.clone().or_else(read).unwrap_or_default()
    }

    /// A small file has come.
    pub fn insert(&mut self, path: &str, bytes: Vec<u8>) {
        self.read.insert(path.into(), bytes);
    }

    /// The small files to get next, before [`inspect`](super::inspect()) can say all it has to; none when all are
    /// there. What one says another may be needed for, so it is asked again until then.
    pub fn to_inspect(&self) -> Vec<String> {
        self.missing(false)
    }

    /// As [`to_inspect`](Self::to_inspect), before an [`Import`](super::Import) can begin: the tokenizer besides.
    pub fn to_import(&self) -> Vec<String> {
        self.missing(true)
    }

    fn missing(&self, tokenizer: bool) -> Vec<String> {
        let mut seen = Recorder { files: self, asked: BTreeSet::new() };
        for path in FIRST.into_iter().filter(|path| *path != CARD || self.card.is_none()) {
            seen.ask(path);
        }
        // All modules at once.
        let modules = self.read.get(FIRST[0]).and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
        for module in modules.as_ref().and_then(Value::as_array).into_iter().flatten() {
            if let Some(folder) = module["path"].as_str().map(|path| path.trim_end_matches('/')) {
                seen.ask(&format!("{folder}/config.json"));
            }
        }
        // What is wrong is said by who reads it.
        let _ = Settings::read(&mut seen, tokenizer).and_then(|settings| settings.places(&mut seen));
        seen.asked.into_iter().collect()
    }

    /// Where a small file has more bytes than any has.
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

impl Source for Files {
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

    fn size(&mut self, path: &str) -> Option<u64> {
        self.listed.get(path)?.bytes
    }
}

/// Notes which files are asked for and have not come.
struct Recorder<'a> {
    files: &'a Files,
    asked: BTreeSet<String>,
}

impl Recorder<'_> {
    fn ask(&mut self, path: &str) {
        let files = self.files;
        if files.listed.contains_key(path) && !files.read.contains_key(path) && files.check_size(path).is_ok()
        {
            self.asked.insert(path.into());
        }
    }
}

impl Source for Recorder<'_> {
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>> {
        self.ask(path);
        Ok(self.files.read.get(path).cloned())
    }

    fn has(&mut self, path: &str) -> Result<bool> {
        Ok(self.files.listed.contains_key(path))
    }
}
