//! Models that are made into bundles here: looked at before anything large comes, packed while they come, kept.

use std::{cell::RefCell, collections::BTreeMap};

use super::{
    Session,
    address::{Address, From, PACKED},
    browser::{breathe, room, today},
    download::{self, Found},
    progress::Progress,
    source::Source,
    task::few_at_once,
};
use crate::{
    Error, Hasher, Result,
    bundle::{Files, Import, Quantization, SelfTest, inspect},
    hub::{About, Listed, Listing, Memory},
    protocol::{KeptModel, ModelSource, Offer, Stage},
    sha256,
};

/// Files of weights that come at once.
const AT_ONCE: usize = 3;
/// Bytes that WebAssembly has at most, in this build.
const MOST: u64 = 4 << 30;
/// What a model needs beside its packed weights: its tokenizer, what is unpacked, what is encoded.
const BESIDE: u64 = 256 << 20;
/// How many letters of a hash tell a person's folders apart.
const LETTERS: usize = 12;

/// A person's folder.
#[derive(Clone)]
pub struct Given {
    name: String,
    hash: String,
    /// By their paths within the model.
    files: Vec<(String, web_sys::File)>,
}

/// A model on its way.
pub struct Begun {
    address: Address,
    source: Source,
    import: Import,
    files: Files,
    /// Of files that began to come and are to be checked.
    hashers: BTreeMap<String, Hasher>,
    commit: Option<String>,
    notes: Vec<String>,
}

impl Session {
    /// The bundle at `url`, or the one that is made of the model that `url` names, if need be now.
    ///
    /// # Errors
    /// A sentence on what is wrong, and what to do.
    pub(super) async fn find(&self, url: &str, progress: &mut Progress<'_>) -> Result<(String, Found)> {
        let Some(address) = Address::parse(url)? else {
            let folder = download::folder(url)?;
            let found = download::manifest(&folder).await?;
            return Ok((folder, found));
        };
        let url = address.to_string();
        if let Some(found) = self.model().filter(|m| m.info.url == url).map(|m| m.found.clone()) {
            return Ok((url, found));
        }
        let found = match download::made(&url, progress).await {
            Some(found) => found,
            None => self.make(&address, progress).await?,
        };
        Ok((url, found))
    }

    /// What a model is, by its small files.
    ///
    /// # Errors
    /// A sentence on why nothing can be said of it, and what to do.
    pub async fn offer(&self, source: ModelSource) -> Result<Offer> {
        let (address, source, listing) = match source {
            ModelSource::Hub { url } => {
                let address =
                    Address::parse(&url)?.ok_or_else(|| Error::Input(format!("{url} is no hub’s model")))?;
                let (source, listing) = self.open(&address).await?;
                (address, source, listing)
            }
            ModelSource::Files { paths } => {
                let handles = self.0.handles.take();
                if handles.len() != paths.len() {
                    return Err(Error::Input("The files did not come; choose the folder again".into()));
                }
                let given = Given::of(paths.into_iter().zip(handles).collect())?;
                let from = From::Files { name: given.name.clone(), hash: given.hash.clone() };
                self.0.given.replace(Some(given));
                let address = Address { from, quantization: PACKED };
                let (source, listing) = self.open(&address).await?;
                (address, source, listing)
            }
        };
        let (commit, gated) = (listing.commit.clone(), listing.gated);
        let mut files = Files::new(listing);
        source.complete(&mut files, Files::to_inspect, &mut |_| {}).await?;
        let mut about = inspect(&address.name(), &mut files, None);
        let mut kept = Vec::new();
        for quantization in [Quantization::Q8, Quantization::Q4, Quantization::F16] {
            if download::is_made(&address.packed(quantization).to_string()).await {
                kept.push(quantization.to_string());
            }
        }
        if about.refused.is_none()
            && let Some(Memory { q4, .. }) = about.memory
            && q4.saturating_add(BESIDE) > MOST
        {
            about.refused = Some(too_large(q4));
        }
        Ok(Offer { url: address.packed(PACKED).to_string(), about, commit, gated, room: room().await, kept })
    }

    /// The models that are kept.
    ///
    /// # Errors
    /// [`Error::Input`] when the browser keeps nothing.
    pub(super) async fn kept(&self) -> Result<Vec<KeptModel>> {
        download::list().await
    }

    /// Where an address leads, and what is there.
    async fn open(&self, address: &Address) -> Result<(Source, Listing)> {
        match &address.from {
            From::Hub { name, endpoint } => {
                let token = self.0.token.borrow().clone();
                Source::hub(name, endpoint, token).await
            }
            From::Files { name, hash } => {
                let given = self.0.given.borrow().clone().filter(|given| given.hash == *hash);
                let given = given.ok_or_else(|| {
                    Error::Input(format!(
                        "The model {name} was opened from files of this device and is not kept in this browser; choose \
                         its folder again"
                    ))
                })?;
                let files = Source::listed(&given.files);
                Ok((Source::Files(given.files), Listing { files, ..Listing::default() }))
            }
        }
    }

    /// Makes the bundle: the small files, the weights packed as they come, vectors that tell whether a device
    /// computes right. What had come of it when a connection broke off is there for the next try.
    async fn make(&self, address: &Address, progress: &mut Progress<'_>) -> Result<Found> {
        progress.at(Stage::Download, 0.0, 0.0);
        let before = self.0.begun.take().filter(|begun| begun.address == *address);
        let begun = match before {
            Some(begun) => begun,
            None => self.begin(address, progress).await?,
        };
        let (begun, came) = come(begun, progress).await;
        if let Err(problem) = came {
            return Err(match problem {
                Error::File { path, problem, source } => {
                    self.0.begun.replace(Some(begun));
                    Error::File {
                        path,
                        problem: format!("{problem}; load it again, and it goes on from there"),
                        source,
                    }
                }
                other => other,
            });
        }
        let Begun { source, import, files, commit, mut notes, .. } = begun;
        progress.at(Stage::SelfTest, 0.0, 1.0);
        breathe().await;
        let mut bundle = import.finish()?;
        let from = match &source {
            Source::Hub { name, endpoint, .. } => name.page(endpoint),
            Source::Files(_) => "files of this device".into(),
        };
        bundle.manifest.recipe = serde_json::json!({
            "source": { "model": address.name(), "from": from, "commit": commit, "made": today() },
        });
        if files.card().licence.is_none() {
            notes.push("Its card names no licence: see where it comes from what may be done with it.".into());
        }
        bundle.manifest.self_test = SelfTest::made(&bundle).await?;
        progress.at(Stage::SelfTest, 1.0, 1.0);
        breathe().await;
        let mut found = download::keep(&address.to_string(), bundle, progress).await?;
        found.notes.splice(0..0, notes);
        Ok(found)
    }

    /// Gets the small files; the weights are still to come.
    async fn begin(&self, address: &Address, progress: &mut Progress<'_>) -> Result<Begun> {
        let (source, listing) = self.open(address).await?;
        let commit = listing.commit.clone();
        let mut files = Files::new(listing);
        let mut come = 0.0;
        let mut step = |bytes: u64| {
            come += bytes as f64;
            progress.at(Stage::Download, come, 0.0);
        };
        source.complete(&mut files, Files::to_inspect, &mut step).await?;
        let name = address.name();
        let About { refused, memory, .. } = inspect(&name, &mut files, None);
        if let Some(why) = refused {
            return Err(Error::Input(why));
        }
        if let Some(bytes) = memory.map(|m| packed_bytes(m, address.quantization))
            && bytes.saturating_add(BESIDE) > MOST
        {
            return Err(Error::Input(too_large(bytes)));
        }
        source.complete(&mut files, Files::to_import, &mut step).await?;
        let mut import = Import::new(&name, &mut files, Some(address.quantization))?;
        import.describe(files.card());
        Ok(Begun {
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
    /// What the model is called.
    pub(super) fn name(&self) -> String {
        match &self.from {
            From::Hub { name, .. } => name.repository(),
            From::Files { name, .. } => name.clone(),
        }
    }
}

impl Given {
    /// Finds the model among a person's files: it is where the uppermost `modules.json` or `config.json` is.
    fn of(files: Vec<(String, web_sys::File)>) -> Result<Self> {
        let depth = |path: &str| path.matches('/').count();
        let told = files.iter().map(|(path, _)| path.as_str());
        let told =
            told.filter(|path| matches!(path.rsplit('/').next(), Some("modules.json" | "config.json")));
        let Some(first) = told.min_by_key(|path| (depth(path), !path.ends_with("modules.json"))) else {
            return Err(Error::Input(
                "There is no config.json among these files; choose the folder of a model, as a hub has it, with all \
                 that is in it"
                    .into(),
            ));
        };
        let root = first.rfind('/').map_or("", |end| &first[..=end]).to_string();
        let name = root.trim_end_matches('/').rsplit('/').next().filter(|name| !name.is_empty());
        // What stands in an address for something else.
        let name: String = name.unwrap_or("model").chars().filter(|c| !"~:#".contains(*c)).collect();
        let mut files: Vec<(String, web_sys::File)> = files
            .into_iter()
            .filter_map(|(path, file)| Some((path.strip_prefix(&root)?.to_string(), file)))
            .collect();
        files.sort_by(|a, b| a.0.cmp(&b.0));
        let lines =
            files.iter().map(|(path, file)| format!("{path} {} {}\n", file.size(), file.last_modified()));
        let hash = sha256(lines.collect::<String>().as_bytes()).chars().take(LETTERS).collect();
        Ok(Self { name, hash, files })
    }
}

/// Lets the weights come, each file checked against the hash that is told of it.
async fn come(begun: Begun, progress: &mut Progress<'_>) -> (Begun, Result<()>) {
    let Begun { address, source, import, files, hashers, commit, notes } = begun;
    let paths = import.files();
    let all: Vec<Listed> = paths.iter().map(|path| listed(&files, path)).collect();
    let total: f64 = all.iter().map(|file| file.bytes.unwrap_or_default() as f64).sum();
    let so_far: f64 = paths.iter().map(|path| import.received(path) as f64).sum();
    let state = RefCell::new((import, hashers, progress, so_far, 0usize));
    let one = async |file: Listed| -> Result<()> {
        let from = state.borrow().0.received(&file.path);
        let mut part = |bytes: &[u8]| {
            let (import, hashers, progress, done, _) = &mut *state.borrow_mut();
            hashers.entry(file.path.clone()).or_default().push(bytes);
            import.push(&file.path, bytes)?;
            *done += bytes.len() as f64;
            progress.at(Stage::Download, *done, total);
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
                    "its SHA-256 is {hash}, the hub says {said}; it was altered on its way, load it again"
                ),
            }),
            _ => Ok(()),
        }
    };
    let unchecked = all.iter().filter(|file| file.sha256.is_none()).count();
    let came = few_at_once(AT_ONCE, all.into_iter().map(one)).await;
    let (import, hashers, _, _, breaks) = state.into_inner();
    let mut begun = Begun { address, source, import, files, hashers, commit, notes };
    if breaks > 0 {
        let times = if breaks == 1 { "once".into() } else { format!("{breaks} times") };
        begun
            .notes
            .push(format!("The connection broke off {times}, and the download went on from where it was."));
    }
    if unchecked > 0 && matches!(begun.source, Source::Hub { .. }) && came.is_ok() {
        begun
            .notes
            .push("The hub tells no hash of its weights: that they came unaltered was not checked.".into());
    }
    (begun, came)
}

fn listed(files: &Files, path: &str) -> Listed {
    files.get(path).cloned().unwrap_or_else(|| Listed { path: path.into(), ..Listed::default() })
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
        "It takes {:.1} GB of memory packed so, and a page has 4 GB at most; choose fewer bits or a smaller model, or \
         use it in a terminal",
        bytes as f64 / 1e9
    )
}
