//! The loaded model, and moving it to another device.

use std::rc::Rc;

use super::{
    device::{is_gpu, report},
    download::FoundManifest,
};
use crate::{
    Result,
    bundle::{Bundle, Manifest},
    encoder::{Encoder, EncoderDevice},
    protocol::{DeviceReport, ModelInfo, PrecisionChoice},
    sha256,
};

/// A model on a device. It is immutable: moving it makes a new one.
pub struct LoadedModel {
    /// What is displayed about it.
    pub info: ModelInfo,
    /// Its device.
    pub device: DeviceReport,
    /// The precision requested for the CPU.
    pub precision: PrecisionChoice,
    /// Its weights, which are needed to move it.
    pub bundle: Rc<Bundle>,
    /// Encodes texts.
    pub encoder: Rc<Encoder>,
    /// Its manifest, and the bundle itself if it was imported here.
    pub found: FoundManifest,
}

impl LoadedModel {
    /// The same model on another device.
    pub fn moved(&self, encoder: Rc<Encoder>, device: DeviceReport) -> Self {
        let (info, precision, bundle) = (self.info.clone(), self.precision, self.bundle.clone());
        Self { info, device, precision, bundle, encoder, found: self.found.clone() }
    }

    /// The same model on the CPU, for the reason in `note`; in f32, so that its vectors stay the same.
    ///
    /// # Errors
    /// Whatever prevents it from running there.
    pub async fn moved_to_cpu(&self, note: String) -> Result<Self> {
        let encoder = Encoder::new(&self.bundle, EncoderDevice::cpu())?;
        let agreement = encoder.agreement(&self.bundle.manifest.self_test).await?;
        let mut device = report(&encoder, &self.bundle, agreement);
        device.notes = self.device.notes.iter().cloned().chain([note]).collect();
        device.measured = self.device.measured.clone();
        Ok(Self { precision: PrecisionChoice::Exact, ..self.moved(Rc::new(encoder), device) })
    }

    /// Whether it runs on the GPU.
    pub fn is_on_gpu(&self) -> bool {
        is_gpu(&self.encoder)
    }

    /// Identifies its vectors: the hash of its weights.
    pub fn weights_hash(&self) -> &str {
        self.bundle.manifest.weights_hash().unwrap_or_default()
    }

    /// A hash of everything that determines its vectors: weights, tokenizer, architecture, prompts, and whether they are
    /// exact.
    pub fn vectors_hash(&self) -> String {
        let Manifest { architecture, prompts, files, .. } = &self.bundle.manifest;
        let files: Vec<_> = files.iter().map(|f| (&f.path, &f.sha256)).collect();
        let mut all = serde_json::json!([architecture, prompts, files]).to_string();
        if !self.encoder.is_exact() {
            all.push_str("fast");
        }
        sha256(all.as_bytes())
    }
}

/// What is displayed about a bundle from `url`.
pub fn describe(url: &str, hash: &str, bundle: &Bundle, from_cache: bool, load_ms: f64) -> ModelInfo {
    let manifest = &bundle.manifest;
    let told = serde_json::json!({ "recipe": manifest.recipe, "results": manifest.results });
    ModelInfo {
        name: manifest.name.clone(),
        url: url.into(),
        licence: manifest.licence.clone(),
        languages: manifest.languages.clone(),
        dimension: manifest.architecture.dimension(),
        layers: manifest.architecture.layers,
        vocabulary: manifest.architecture.vocabulary,
        parameters: bundle.weights.parameters(),
        quantization: manifest.quantization.to_string(),
        bytes: manifest.bytes(),
        from_cache,
        hash: hash.into(),
        recipe: serde_json::to_string_pretty(&told).unwrap_or_default(),
        load_ms,
    }
}
