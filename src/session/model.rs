//! The loaded model, and moving it to another device.

use std::rc::Rc;

use super::{
    device::{is_gpu, report},
    download::Found,
};
use crate::{
    Result,
    bundle::{Bundle, Manifest},
    encoder::{Encoder, Machine},
    protocol::{DeviceReport, ModelInfo, PrecisionChoice},
    sha256,
};

/// A model that runs. It never changes: on another device it is another one.
pub struct Model {
    /// What a person is told about it.
    pub info: ModelInfo,
    /// Where it runs.
    pub device: DeviceReport,
    /// How it was asked to multiply on the CPU.
    pub precision: PrecisionChoice,
    /// Its weights as they came, to move it.
    pub bundle: Rc<Bundle>,
    /// Text in, vectors out.
    pub encoder: Rc<Encoder>,
    /// Its manifest, as it was found, and where it was made here, itself.
    pub found: Found,
}

impl Model {
    /// The same model on another device.
    pub fn moved(&self, encoder: Rc<Encoder>, device: DeviceReport) -> Self {
        let (info, precision, bundle) = (self.info.clone(), self.precision, self.bundle.clone());
        Self { info, device, precision, bundle, encoder, found: self.found.clone() }
    }

    /// The same model on the CPU, because of what `note` says; in f32, so that its vectors go on as
    /// they were.
    ///
    /// # Errors
    /// Whatever keeps it from running there.
    pub async fn moved_to_cpu(&self, note: String) -> Result<Self> {
        let encoder = Encoder::new(&self.bundle, Machine::cpu())?;
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

    /// What tells its vectors from another model's: the hash of its weights.
    pub fn weights_hash(&self) -> &str {
        self.bundle.manifest.weights_hash().unwrap_or_default()
    }

    /// A hash of all that makes its vectors what they are: weights, tokenizer, architecture, prompts,
    /// and whether they are exact.
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

/// What a person is told about a bundle that came from `url`.
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
