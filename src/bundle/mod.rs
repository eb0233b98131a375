//! Bundles: loading and saving models.
//!
//! A bundle is a folder (or the same files under a URL) with `manifest.json`, `tokenizer.json` and
//! `model.safetensors`; `README.md`, the model card, is for people. Bundles with weights in common may share
//! them, and the tokenizer: then the weights are in `shared.safetensors` and `own.safetensors`, and the
//! manifest says in which folder the shared files are (see `share`). Readers check sizes and hashes before
//! use. Hugging Face and sentence-transformers folders can be read as well, see [`Bundle::open`].

#[cfg(feature = "native")]
mod average;
#[cfg(feature = "native")]
mod card;
#[cfg(feature = "native")]
mod folder;
mod import;
mod manifest;
mod params;
#[cfg(feature = "native")]
mod share;
#[cfg(feature = "native")]
mod trim;
mod weights;

#[cfg(feature = "native")]
pub use average::average;
#[cfg(feature = "native")]
pub use card::{CARD, card};
#[cfg(feature = "native")]
pub use folder::{import, write_whole};
pub use import::{BEGINNING, FileSource, Import, InspectedFiles, from_hugging_face, inspect};
pub use manifest::{
    FORMAT, FileEntry, MANIFEST, Manifest, OLDEST, OWN, SECOND, SHARED, SelfTest, SelfTestCase, TOKENIZER,
    WEIGHTS,
};
#[cfg(feature = "native")]
pub use share::{Sharer, share};
#[cfg(feature = "native")]
pub use trim::{Coverage, TextsByLanguage, TrimOptions, TrimReport, trim};
pub use weights::{Array, BLOCK, Incoming, Quantization, Weights};

use std::collections::BTreeMap;

use crate::{Error, Result, sha256};

/// A model in memory: its manifest, its tokenizer and its (packed) weights.
#[derive(Clone)]
pub struct Bundle {
    /// What it is, how it was made, and how to check it.
    pub manifest: Manifest,
    /// `tokenizer.json`.
    pub tokenizer: Vec<u8>,
    /// All tensors by their Hugging Face names.
    pub weights: Weights,
}

impl Bundle {
    /// Assembles a bundle from its manifest and files, which have already been checked against the manifest;
    /// `incoming` has the weights that were read during the download.
    ///
    /// # Errors
    /// [`Error::Format`] naming the file.
    pub fn from_checked_files(
        manifest: Manifest,
        mut files: BTreeMap<String, Vec<u8>>,
        mut incoming: Incoming,
    ) -> Result<Self> {
        let mut take = |path: &str| {
            files
                .remove(path)
                .ok_or_else(|| Error::format(format!("{MANIFEST}, files"), format!("{path} is not listed")))
        };
        let tokenizer = take(TOKENIZER)?;
        for path in manifest.weights_files() {
            incoming.finish(path, &take(path)?)?;
        }
        Ok(Self { manifest, tokenizer, weights: incoming.into_weights() })
    }

    /// SHA-256 of everything that a model's vectors depend on: shape, prompts, tokenizer, weights.
    ///
    /// # Errors
    /// [`Error::Format`] when the weights cannot be written.
    pub fn fingerprint(&self) -> Result<String> {
        let Manifest { architecture, prompts, .. } = &self.manifest;
        let files = [&self.tokenizer, &self.weights.to_safetensors()?].map(|bytes| sha256(bytes));
        Ok(sha256(serde_json::json!([architecture, prompts, files]).to_string().as_bytes()))
    }

    /// Stores the weights another way; packed weights that are already stored that way are unchanged.
    ///
    /// # Errors
    /// As [`Config::program`](crate::architecture::Config::program).
    pub fn store_as(&mut self, quantization: Quantization) -> Result<()> {
        if self.manifest.quantization == quantization && quantization != Quantization::F32 {
            return Ok(());
        }
        let program = self.manifest.architecture.program()?;
        self.weights = self.weights.quantize(quantization, &program.table().name);
        self.manifest.quantization = quantization;
        Ok(())
    }
}
