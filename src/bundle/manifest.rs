//! `manifest.json`: what a bundle is, what it was made from, and how to check it.

use serde::{Deserialize, Serialize};

use super::weights::Quantization;
use crate::{
    Error, Result,
    encoder::Config,
    retrieval::Similarity,
    sha256,
    text::{Kind, Prompts},
};

/// The latest bundle format this build reads and writes. It differs from the one before in what a reader of
/// that one would pass over: a way of comparing, dense layers that scale what goes in, texts cut at their
/// beginning. Bundles without these are written in the format before.
pub const FORMAT: u32 = 2;
/// The first format.
pub const OLDEST: u32 = 1;
/// File name of the manifest.
pub const MANIFEST: &str = "manifest.json";
/// File name of the tokenizer.
pub const TOKENIZER: &str = "tokenizer.json";
/// File name of the weights.
pub const WEIGHTS: &str = "model.safetensors";

/// What a bundle says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`OLDEST`] to [`FORMAT`]: the least that says all there is to say.
    pub format: u32,
    /// The model's name.
    pub name: String,
    /// Its shape.
    pub architecture: Config,
    /// Prefixes it expects.
    #[serde(default)]
    pub prompts: Prompts,
    /// How its vectors are compared.
    #[serde(default, skip_serializing_if = "Similarity::is_cosine")]
    pub similarity: Similarity,
    /// Codes of the languages it was trained for; empty when unknown.
    #[serde(default)]
    pub languages: Vec<String>,
    /// How weights are stored.
    pub quantization: Quantization,
    /// SPDX expression, or `unknown`.
    #[serde(default)]
    pub licence: String,
    /// How it was trained; free form.
    #[serde(default)]
    pub recipe: serde_json::Value,
    /// What was measured with it, with the command, date and data; free form.
    #[serde(default)]
    pub results: serde_json::Value,
    /// Every other file.
    pub files: Vec<FileEntry>,
    /// What a device has to reproduce before it is used.
    pub self_test: SelfTest,
}

/// A file of the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Relative to the manifest.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// Texts and the vectors they must have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SelfTest {
    /// Largest difference in any dimension that a device may show.
    pub tolerance: f32,
    /// The cases.
    pub cases: Vec<SelfTestCase>,
}

/// A text and its vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SelfTestCase {
    /// Which prompt goes in front.
    pub kind: Kind,
    /// The text.
    pub text: String,
    /// Its vector, from these very weights on the CPU in f32.
    pub vector: Vec<f32>,
}

impl Manifest {
    /// SHA-256 of the weights, which tells vectors of one model from another's; `None` for a folder
    /// that is no bundle yet.
    pub fn weights_hash(&self) -> Option<&str> {
        self.files.iter().find(|f| f.path == WEIGHTS).map(|f| f.sha256.as_str())
    }

    /// Reads a manifest; `place` is its path or address, for messages.
    ///
    /// # Errors
    /// [`Error::Format`] naming the field, [`Error::Unsupported`] for a later format.
    pub fn parse(place: &str, bytes: &[u8]) -> Result<Self> {
        let value: serde_json::Value =
            serde_json::from_slice(bytes).map_err(|e| Error::format(place, format!("not JSON: {e}")))?;
        // The version comes first: other fields of a later format may mean something else.
        let format = value.get("format").and_then(|f| f.as_u64()).ok_or_else(|| {
            Error::format(place, "the field `format` (the bundle's format version) is missing")
        })?;
        if !(u64::from(OLDEST)..=u64::from(FORMAT)).contains(&format) {
            return Err(Error::Unsupported {
                what: format!("{place}: bundle format {format} in the field `format`"),
                hint: format!("this version reads formats {OLDEST} to {FORMAT}; use a newer interlingua"),
            });
        }
        let manifest: Self = serde_json::from_value(value).map_err(|e| Error::format(place, e))?;
        manifest.architecture.check(place)?;
        for entry in &manifest.files {
            if !(entry.path == TOKENIZER || entry.path == WEIGHTS) {
                return Err(Error::format(
                    format!("{place}, files"),
                    format!("{} is not a file of a bundle", entry.path),
                ));
            }
        }
        let dimension = manifest.architecture.dimension();
        if manifest.self_test.cases.iter().any(|c| c.vector.len() != dimension) {
            return Err(Error::format(
                format!("{place}, self_test"),
                format!("a reference vector has another length than {dimension}"),
            ));
        }
        Ok(manifest)
    }

    /// Size of all files the manifest lists, in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.bytes).sum()
    }
}

impl FileEntry {
    /// The entry for a file with these bytes.
    pub fn of(path: &str, bytes: &[u8]) -> Self {
        Self { path: path.into(), bytes: bytes.len() as u64, sha256: sha256(bytes) }
    }

    /// Checks size and hash.
    ///
    /// # Errors
    /// [`Error::Integrity`] saying which differs.
    pub fn verify(&self, bytes: &[u8]) -> Result<()> {
        self.verify_hash(bytes.len() as u64, &sha256(bytes))
    }

    /// Checks size and hash of a file that was hashed as it came.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_hash(&self, bytes: u64, hash: &str) -> Result<()> {
        let problem = if bytes != self.bytes {
            format!("it has {bytes} bytes, the manifest says {}; download it again", self.bytes)
        } else if hash != self.sha256 {
            "its SHA-256 differs from the manifest's; it was altered, download it again".into()
        } else {
            return Ok(());
        };
        Err(Error::Integrity { file: self.path.clone(), problem })
    }
}
