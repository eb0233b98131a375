//! What a model is by its manifest: its files are not asked for.

use super::{
    Session,
    address::Address,
    download::{self, Found},
};
use crate::{
    Error, Result,
    bundle::Manifest,
    evaluation::EvalReport,
    history::History,
    protocol::{ModelCard, ModelFile},
};

impl Session {
    /// What the model at `url` is: of a bundle, by the manifest in its folder, which may be on another server; of a
    /// hub's model, by the one that was made here and kept.
    ///
    /// # Errors
    /// A sentence that names the manifest's address, or says that nothing is kept.
    pub(super) async fn card(&self, url: &str) -> Result<ModelCard> {
        let Some(address) = Address::parse(url)? else {
            let folder = download::folder(url)?;
            let Found { manifest, hash, notes, .. } = download::manifest(&folder).await?;
            return Ok(card(folder, manifest, hash, notes));
        };
        let url = address.to_string();
        // Where nothing can be kept, the one that runs is known all the same.
        let running = self.model().filter(|m| m.info.url == url);
        let found = match running {
            Some(m) => Some((m.bundle.manifest.clone(), m.info.hash.clone())),
            None => download::made_manifest(&url).await,
        };
        let (manifest, hash) = found.ok_or_else(|| {
            Error::Input(format!("The model {} is not kept in this browser", address.name()))
        })?;
        Ok(card(url, manifest, hash, Vec::new()))
    }
}

fn card(url: String, manifest: Manifest, hash: String, notes: Vec<String>) -> ModelCard {
    let results = match &manifest.results {
        serde_json::Value::Array(all) => all.as_slice(),
        serde_json::Value::Null => &[],
        one => std::slice::from_ref(one),
    };
    let reports: Vec<EvalReport> = results
        .iter()
        .filter_map(|result| serde_json::from_value(result.clone()).ok())
        .map(|report| EvalReport { bias: None, ..report })
        .collect();
    let file = |file: &crate::bundle::FileEntry| ModelFile {
        name: file.path.clone(),
        bytes: file.bytes,
        sha256: file.sha256.clone(),
    };
    ModelCard {
        url,
        bytes: manifest.bytes(),
        dimension: manifest.architecture.dimension(),
        layers: manifest.architecture.layers,
        vocabulary: manifest.architecture.vocabulary,
        max_tokens: manifest.architecture.max_tokens,
        quantization: manifest.quantization.to_string(),
        history: History::of(&manifest.name, &manifest.recipe),
        other_results: results.len() - reports.len(),
        reports,
        files: manifest.files.iter().map(file).collect(),
        weights: manifest.weights_hash().unwrap_or_default().to_owned(),
        self_tests: manifest.self_test.cases.len(),
        name: manifest.name,
        licence: manifest.licence,
        languages: manifest.languages,
        prompts: [manifest.prompts.query, manifest.prompts.passage],
        background: manifest.background,
        hash,
        notes,
    }
}
