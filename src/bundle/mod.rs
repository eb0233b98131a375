//! The one door through which weights come in and go out.
//!
//! A bundle is a folder (or the same files under a URL) with `manifest.json`, `tokenizer.json` and
//! `model.safetensors`; `README.md`, the model card, is for people. Bundles that have weights in common may share
//! them, and the tokenizer: the weights are in `shared.safetensors` and `own.safetensors` then, and the manifest
//! says in which folder the shared files lie (see `share`). Readers check sizes and hashes before use. A Hugging
//! Face or sentence-transformers folder is read too, see [`Bundle::open`].

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
pub use card::{CARD, card};
#[cfg(feature = "native")]
pub use folder::{import, write_whole};
pub use import::{Files, Import, Source, from_hugging_face, inspect};
pub use manifest::{
    FORMAT, FileEntry, MANIFEST, Manifest, OLDEST, OWN, SHARED, SelfTest, SelfTestCase, TOKENIZER, WEIGHTS,
};
#[cfg(feature = "native")]
pub use share::{Sharer, share};
#[cfg(feature = "native")]
pub use trim::{Coverage, Texts, TrimOptions, TrimReport, trim};
pub use weights::{Array, BLOCK, Incoming, Quantization, Weights};

use std::collections::BTreeMap;

use crate::{Error, Result, sha256};

/// A model in memory: what it is, its tokenizer and its (packed) weights.
pub struct Bundle {
    /// What it is, and how one knows.
    pub manifest: Manifest,
    /// `tokenizer.json`.
    pub tokenizer: Vec<u8>,
    /// All tensors by their Hugging Face names.
    pub weights: Weights,
}

impl Bundle {
    /// Puts a bundle together from its manifest and files, each of which was checked against the manifest;
    /// `incoming` has what was read of the weights while they came.
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

    /// SHA-256 of all that a model's vectors depend on: shape, prompts, tokenizer, weights.
    ///
    /// # Errors
    /// [`Error::Format`] when the weights cannot be written.
    pub fn fingerprint(&self) -> Result<String> {
        let Manifest { architecture, prompts, .. } = &self.manifest;
        let files = [&self.tokenizer, &self.weights.to_safetensors()?].map(|bytes| sha256(bytes));
        Ok(sha256(serde_json::json!([architecture, prompts, files]).to_string().as_bytes()))
    }

    /// Stores the weights another way; packed weights that already are stored so stay as they are.
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
