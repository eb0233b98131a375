//! A model's properties from its manifest, without its files.

use super::{
    Session,
    address::Address,
    download::{self, FoundManifest},
};
use crate::{
    Error, Result,
    bundle::Manifest,
    choice::{at_dimension, split_dimension, with_dimension},
    evaluation::EvalReport,
    history::History,
    protocol::{ModelCard, ModelFile},
};

impl Session {
    /// The properties of the model at `url`: from the manifest in a bundle's folder, which may be on another server, or
    /// from the stored one of an imported model.
    ///
    /// # Errors
    /// Names the manifest's URL, or says that the model is not stored.
    pub(super) async fn card(&self, url: &str) -> Result<ModelCard> {
        let (whole, dimension) = split_dimension(url);
        let mut card = self.whole_card(&whole).await?;
        if let Some(n) = dimension.filter(|n| *n < card.dimension) {
            card.url = at_dimension(&card.url, n);
            (card.name, card.dimension) = (with_dimension(&card.name, n), n);
        }
        Ok(card)
    }

    /// As [`card`](Self::card), with all dimensions.
    async fn whole_card(&self, url: &str) -> Result<ModelCard> {
        let Some(address) = Address::parse(url)? else {
            let folder = download::folder(url)?;
            let FoundManifest { manifest, hash, notes, .. } = download::manifest(&folder).await?;
            return Ok(card(folder, manifest, hash, notes));
        };
        let url = address.to_string();
        // The current model is known even if nothing can be stored.
        let running = self.model().filter(|m| m.info.url == url);
        let found = match running {
            Some(m) => Some((m.bundle.manifest.clone(), m.info.hash.clone())),
            None => download::imported_manifest(&url).await,
        };
        let (manifest, hash) = found.ok_or_else(|| {
            Error::Input(format!("The model {} is not stored in this browser", address.name()))
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
