//! Imports models into bundles: inspected before anything large is downloaded, quantized while they arrive, stored.

use std::{cell::RefCell, collections::BTreeMap};

use super::{
    Session,
    address::{Address, DEFAULT, From},
    browser::{storage_estimate, today, yield_now},
    download::{self, FoundManifest},
    progress::ProgressReporter,
    source::Source,
    task::run_limited,
};
use crate::{
    Error, Hasher, Result,
    bundle::{Import, InspectedFiles, Quantization, SelfTest, inspect},
    choice::{at_dimension, split_dimension},
    hub::{About, ListedFile, Listing, Memory},
    protocol::{ModelSource, Offer, ProgressStage, StoredModel},
    sha256,
};

/// Weight files that are downloaded at once.
const PARALLEL_FILES: usize = 3;
/// Maximum memory of WebAssembly, in bytes, in this build.
const MAX_MEMORY: u64 = 4 << 30;
/// Memory that a model needs besides its quantized weights: tokenizer, unpacked arrays, activations.
const OTHER_MEMORY: u64 = 256 << 20;
/// Letters of the hash that distinguishes the user's folders.
const HASH_LENGTH: usize = 12;

/// A folder that the user chose.
#[derive(Clone)]
pub struct ChosenFolder {
    name: String,
    hash: String,
    /// By their paths in the model.
    files: Vec<(String, web_sys::File)>,
}

/// An import in progress.
pub struct PartialImport {
    address: Address,
    source: Source,
    import: Import,
    files: InspectedFiles,
    /// Of files that are partly received.
    hashers: BTreeMap<String, Hasher>,
    commit: Option<String>,
    notes: Vec<String>,
}

impl Session {
    /// The bundle at `url`, or the one imported from the model that `url` names, which is imported now if necessary; with
    /// the dimension that `url` names.
    ///
    /// # Errors
    /// Says what is wrong, and what to do.
    pub(super) async fn find(
        &self,
        url: &str,
        progress: &mut ProgressReporter<'_>,
    ) -> Result<(String, FoundManifest)> {
        let (whole, dimension) = split_dimension(url);
        let (folder, found) = self.find_whole(&whole, progress).await?;
        match dimension {
            Some(n) => Ok((at_dimension(&folder, n), found.truncated(n)?)),
            None => Ok((folder, found)),
        }
    }

    /// As [`find`](Self::find), with all dimensions.
    async fn find_whole(
        &self,
        url: &str,
        progress: &mut ProgressReporter<'_>,
    ) -> Result<(String, FoundManifest)> {
        let Some(address) = Address::parse(url)? else {
            let folder = download::folder(url)?;
            let found = download::manifest(&folder).await?;
            return Ok((folder, found));
        };
        let url = address.to_string();
        if let Some(found) = self.model().filter(|m| m.info.url == url).map(|m| m.found.clone()) {
            return Ok((url, found));
        }
        let found = match download::imported(&url, progress).await {
            Some(found) => found,
            None => self.import_model(&address, progress).await?,
        };
        Ok((url, found))
    }

    /// Describes a model from its small files.
    ///
    /// # Errors
    /// Says why it cannot be described, and what to do.
    pub async fn offer(&self, source: ModelSource) -> Result<Offer> {
        let (address, source, listing) = match source {
            ModelSource::Hub { url } => {
                let address = Address::parse(&url)?
                    .ok_or_else(|| Error::Input(format!("{url} is not a hub’s model")))?;
                let (source, listing) = self.open(&address).await?;
                (address, source, listing)
            }
            ModelSource::Files { paths } => {
                let handles = self.0.files.take();
                if handles.len() != paths.len() {
                    return Err(Error::Input("The files did not arrive; choose the folder again".into()));
                }
                let folder = ChosenFolder::of(paths.into_iter().zip(handles).collect())?;
                let from = From::Files { name: folder.name.clone(), hash: folder.hash.clone() };
                self.0.chosen_folder.replace(Some(folder));
                let address = Address { from, quantization: DEFAULT };
                let (source, listing) = self.open(&address).await?;
                (address, source, listing)
            }
        };
        let (commit, gated) = (listing.commit.clone(), listing.gated);
        let mut files = InspectedFiles::new(listing);
        source.complete(&mut files, InspectedFiles::to_inspect, &mut |_| {}).await?;
        let mut about = inspect(&address.name(), &mut files, None);
        let mut kept = Vec::new();
        for quantization in [Quantization::Q8, Quantization::Q4, Quantization::F16] {
            if download::is_imported(&address.quantized(quantization).to_string()).await {
                kept.push(quantization.to_string());
            }
        }
        if about.refused.is_none()
            && let Some(Memory { q4, .. }) = about.memory
            && q4.saturating_add(OTHER_MEMORY) > MAX_MEMORY
        {
            about.refused = Some(too_large(q4));
        }
        Ok(Offer {
            url: address.quantized(DEFAULT).to_string(),
            about,
            commit,
            gated,
            room: storage_estimate().await,
            kept,
        })
    }

    /// The stored models.
    ///
    /// # Errors
    /// [`Error::Input`] if the browser has no storage.
    pub(super) async fn stored_models(&self) -> Result<Vec<StoredModel>> {
        download::list().await
    }

    /// The files at an address.
    async fn open(&self, address: &Address) -> Result<(Source, Listing)> {
        match &address.from {
            From::Hub { name, endpoint } => {
                let token = self.0.token.borrow().clone();
                Source::hub(name, endpoint, token).await
            }
            From::Files { name, hash } => {
                let folder = self.0.chosen_folder.borrow().clone().filter(|folder| folder.hash == *hash);
                let folder = folder.ok_or_else(|| {
                    Error::Input(format!(
                        "The model {name} was opened from files of this device and is not stored in this browser; choose \
                         its folder again"
                    ))
                })?;
                let files = Source::listed(&folder.files);
                Ok((Source::Files(folder.files), Listing { files, ..Listing::default() }))
            }
        }
    }

    /// Imports a model: the small files, the weights, quantized while they arrive, and self-test vectors. What was received
    /// before a connection broke is kept for the next attempt.
    async fn import_model(
        &self,
        address: &Address,
        progress: &mut ProgressReporter<'_>,
    ) -> Result<FoundManifest> {
        progress.at(ProgressStage::Download, 0.0, 0.0);
        let before = self.0.partial_import.take().filter(|partial| partial.address == *address);
        let partial = match before {
            Some(partial) => partial,
            None => self.begin(address, progress).await?,
        };
        let (partial, result) = receive(partial, progress).await;
        if let Err(problem) = result {
            return Err(match problem {
                Error::File { path, problem, source } => {
                    self.0.partial_import.replace(Some(partial));
                    Error::File {
                        path,
                        problem: format!("{problem}; load it again, and it continues from there"),
                        source,
                    }
                }
                other => other,
            });
        }
        let PartialImport { source, import, files, commit, mut notes, .. } = partial;
        progress.at(ProgressStage::SelfTest, 0.0, 1.0);
        yield_now().await;
        let mut bundle = import.finish()?;
        let from = match &source {
            Source::Hub { name, endpoint, .. } => name.page(endpoint),
            Source::Files(_) => "files of this device".into(),
        };
        bundle.manifest.recipe = serde_json::json!({
            "source": { "model": address.name(), "from": from, "commit": commit, "made": today() },
        });
        if files.card().licence.is_none() {
            notes.push("Its model card names no licence: see its source for what is allowed.".into());
        }
        bundle.manifest.self_test = SelfTest::made(&bundle).await?;
        progress.at(ProgressStage::SelfTest, 1.0, 1.0);
        yield_now().await;
        let mut found = download::store(&address.to_string(), bundle, progress).await?;
        found.notes.splice(0..0, notes);
        Ok(found)
    }

    /// Gets the small files, before the weights.
    async fn begin(&self, address: &Address, progress: &mut ProgressReporter<'_>) -> Result<PartialImport> {
        let (source, listing) = self.open(address).await?;
        let commit = listing.commit.clone();
        let mut files = InspectedFiles::new(listing);
        let mut come = 0.0;
        let mut step = |bytes: u64| {
            come += bytes as f64;
            progress.at(ProgressStage::Download, come, 0.0);
        };
        source.complete(&mut files, InspectedFiles::to_inspect, &mut step).await?;
        let name = address.name();
        let About { refused, memory, .. } = inspect(&name, &mut files, None);
        if let Some(why) = refused {
            return Err(Error::Input(why));
        }
        if let Some(bytes) = memory.map(|m| packed_bytes(m, address.quantization))
            && bytes.saturating_add(OTHER_MEMORY) > MAX_MEMORY
        {
            return Err(Error::Input(too_large(bytes)));
        }
        source.complete(&mut files, InspectedFiles::to_import, &mut step).await?;
        let mut import = Import::new(&name, &mut files, Some(address.quantization))?;
        import.describe(files.card());
        Ok(PartialImport {
            address: address.clone(),
            source,
            import,
            files,
            hashers: BTreeMap::new(),
            commit,
            notes: Vec::new(),
        })
    }
}

impl Address {
    /// The model's name.
    pub(super) fn name(&self) -> String {
        match &self.from {
            From::Hub { name, .. } => name.repository(),
            From::Files { name, .. } => name.clone(),
        }
    }
}

impl ChosenFolder {
    /// Finds the model among the user's files: in the folder of the topmost `modules.json` or `config.json`.
    fn of(files: Vec<(String, web_sys::File)>) -> Result<Self> {
        let depth = |path: &str| path.matches('/').count();
        let told = files.iter().map(|(path, _)| path.as_str());
        let told =
            told.filter(|path| matches!(path.rsplit('/').next(), Some("modules.json" | "config.json")));
        let Some(first) = told.min_by_key(|path| (depth(path), !path.ends_with("modules.json"))) else {
            return Err(Error::Input(
                "There is no config.json among these files; choose the folder of a model, as it is on a hub, with all \
                 that is in it"
                    .into(),
            ));
        };
        let root = first.rfind('/').map_or("", |end| &first[..=end]).to_string();
        let name = root.trim_end_matches('/').rsplit('/').next().filter(|name| !name.is_empty());
        // Characters with a meaning in addresses.
        let name: String = name.unwrap_or("model").chars().filter(|c| !"~:#".contains(*c)).collect();
        let mut files: Vec<(String, web_sys::File)> = files
            .into_iter()
            .filter_map(|(path, file)| Some((path.strip_prefix(&root)?.to_string(), file)))
            .collect();
        files.sort_by(|a, b| a.0.cmp(&b.0));
        let lines =
            files.iter().map(|(path, file)| format!("{path} {} {}\n", file.size(), file.last_modified()));
        let hash = sha256(lines.collect::<String>().as_bytes()).chars().take(HASH_LENGTH).collect();
        Ok(Self { name, hash, files })
    }
}

/// Receives the weights, and verifies each file by its hash, if that is known.
async fn receive(partial: PartialImport, progress: &mut ProgressReporter<'_>) -> (PartialImport, Result<()>) {
    let PartialImport { address, source, import, files, hashers, commit, notes } = partial;
    let paths = import.files();
    let all: Vec<ListedFile> = paths.iter().map(|path| listed(&files, path)).collect();
    let total: f64 = all.iter().map(|file| file.bytes.unwrap_or_default() as f64).sum();
    let so_far: f64 = paths.iter().map(|path| import.received(path) as f64).sum();
    let state = RefCell::new((import, hashers, progress, so_far, 0usize));
    let one = async |file: ListedFile| -> Result<()> {
        let from = state.borrow().0.received(&file.path);
        let mut part = |bytes: &[u8]| {
            let (import, hashers, progress, done, _) = &mut *state.borrow_mut();
            hashers.entry(file.path.clone()).or_default().push(bytes);
            import.push(&file.path, bytes)?;
            *done += bytes.len() as f64;
            progress.at(ProgressStage::Download, *done, total);
            Ok(())
        };
        let breaks = source.stream(&file, u64::MAX, from, &mut part).await?;
        let (_, hashers, _, _, all_breaks) = &mut *state.borrow_mut();
        *all_breaks += breaks;
        let hash = hashers.remove(&file.path).unwrap_or_default().finish();
        match &file.sha256 {
            Some(said) if *said != hash => Err(Error::Integrity {
                file: file.path.clone(),
                problem: format!(
                    "its SHA-256 is {hash}, the hub says {said}; it was altered in transit, load it again"
                ),
            }),
            _ => Ok(()),
        }
    };
    let unchecked = all.iter().filter(|file| file.sha256.is_none()).count();
    let result = run_limited(PARALLEL_FILES, all.into_iter().map(one)).await;
    let (import, hashers, _, _, breaks) = state.into_inner();
    let mut partial = PartialImport { address, source, import, files, hashers, commit, notes };
    if breaks > 0 {
        let times = if breaks == 1 { "once".into() } else { format!("{breaks} times") };
        partial.notes.push(format!("The connection broke {times}; the download continued from there."));
    }
    if unchecked > 0 && matches!(partial.source, Source::Hub { .. }) && result.is_ok() {
        partial.notes.push("The hub gives no hash of its weights, so they could not be verified.".into());
    }
    (partial, result)
}

fn listed(files: &InspectedFiles, path: &str) -> ListedFile {
    files.get(path).cloned().unwrap_or_else(|| ListedFile { path: path.into(), ..ListedFile::default() })
}

fn packed_bytes(memory: Memory, quantization: Quantization) -> u64 {
    match quantization {
        Quantization::F32 => memory.f32,
        Quantization::F16 => memory.f16,
        Quantization::Q8 => memory.q8,
        Quantization::Q4 => memory.q4,
    }
}

fn too_large(bytes: u64) -> String {
    format!(
        "It takes {:.1} GB of memory in this form, and a page has 4 GB at most; choose fewer bits or a smaller model, \
         or use it in a terminal",
        bytes as f64 / 1e9
    )
}
