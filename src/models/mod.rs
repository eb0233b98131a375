//! Models as named in the terminal: the path of a bundle or model folder, or a hub name.
//!
//! An existing path takes precedence. A hub model is downloaded into the cache of Hugging Face's own programs and
//! opened there like any model folder. Nothing is sent but requests for files, with the token if there is one.

mod cache;

use std::{env, path::Path, path::PathBuf};

use crate::{
    Error, Problem, Result,
    bundle::{BEGINNING, Bundle, InspectedFiles, inspect},
    download::{Client, RequestFailure},
    hub::{About, CardMetadata, ENDPOINT, HubName, Listing},
};
use cache::Cache;

/// Reported while a model is located.
pub enum ModelEvent<'a> {
    /// A sentence for the user.
    Note(&'a str),
    /// Bytes that are here, of all that are needed.
    Bytes(u64, u64),
}

/// The folder of a model: the path itself if it exists, else the cached folder of the hub model with this name,
/// downloaded if needed. `revision` is a branch, tag or commit of a hub model.
///
/// # Errors
/// Says that it is neither, or what hub, network or disk refused and what to do.
pub fn locate(named: &Path, revision: Option<&str>, tell: &mut dyn FnMut(ModelEvent)) -> Result<PathBuf> {
    if named.exists() {
        return match revision {
            None => Ok(named.into()),
            Some(revision) => Err(Error::Input(format!(
                "{} is a local path, which has no revision `{revision}`: omit --revision, or give a hub name",
                named.display()
            ))),
        };
    }
    let endpoint = endpoint()?;
    let name = named.to_str().map(|text| HubName::parse(text, &endpoint));
    let name = match name {
        Some(Ok(name)) => name,
        Some(Err(problem)) => {
            return Err(Error::file(
                named,
                format!("there is no such folder, and it is not a hub name either: {problem}"),
            ));
        }
        None => return Err(Error::file(named, "there is no such folder")),
    };
    let name = match revision {
        Some(revision) => name.at(revision)?,
        None => name,
    };
    let as_name =
        |e| Error::file(named, Problem::of(format!("there is no such folder; as a hub name: {e}"), e));
    Hub::from_env()?.get(&name, tell).map_err(as_name)
}

/// Opens the model that [`locate`] finds.
///
/// # Errors
/// As [`locate`] and [`Bundle::open`].
pub fn open(named: &Path, note: &mut dyn FnMut(&str)) -> Result<Bundle> {
    let mut tell = |event: ModelEvent| {
        if let ModelEvent::Note(said) = event {
            note(said);
        }
    };
    Bundle::open(&locate(named, None, &mut tell)?)
}

/// Whether a recipe's model is a hub name: no such path exists, and it has the form `owner/name`. A name without an
/// owner is taken for a path.
pub fn is_name(named: &Path) -> bool {
    let name = named.to_str().and_then(|text| HubName::parse(text, ENDPOINT).ok());
    !named.exists() && name.is_some_and(|name| name.repository().contains('/'))
}

/// The hub's model card metadata for a folder of the cache; `None` for other folders.
pub fn card(folder: &Path) -> Option<CardMetadata> {
    cache::listing(folder)?.card
}

/// A hub, and the local cache of its models.
pub struct Hub {
    endpoint: String,
    cache: Cache,
    offline: bool,
    client: Client,
}

/// How a user sends a token.
const HOW: &str = "set HF_TOKEN to your access token (or run `hf auth login`)";

impl Hub {
    /// Hub and cache from the environment variables of Hugging Face's own programs: `HF_ENDPOINT`; `HF_HUB_CACHE`, or
    /// `hub` in `HF_HOME` or in `~/.cache/huggingface`; `HF_TOKEN`, or the file `token` that logging in writes there;
    /// `HF_HUB_OFFLINE`.
    ///
    /// # Errors
    /// [`Error::Input`] naming an invalid variable.
    pub fn from_env() -> Result<Self> {
        let set = |name: &str| env::var(name).ok().map(|v| v.trim().to_string()).filter(|v| !v.is_empty());
        let home = set("HF_HOME").is_some() || env::home_dir().is_some();
        let (cache, token) = match (set("HF_HUB_CACHE"), home) {
            (folder, true) => {
                let standard = hf_hub::Cache::from_env();
                let token = standard.token();
                (folder.map_or(standard, |folder| hf_hub::Cache::new(folder.into())), token)
            }
            (Some(folder), false) => (hf_hub::Cache::new(folder.into()), None),
            (None, false) => {
                return Err(Error::Input(
                    "there is no home directory to cache models in: set HF_HOME to a folder".into(),
                ));
            }
        };
        let offline = set("HF_HUB_OFFLINE")
            .is_some_and(|v| ["1", "on", "yes", "true"].contains(&v.to_ascii_lowercase().as_str()));
        Self::new(&endpoint()?, cache.path(), set("HF_TOKEN").or(token), offline)
    }

    /// The hub at `endpoint`, with its models cached in `cache`.
    ///
    /// # Errors
    /// [`Error::Input`] for an invalid token.
    pub fn new(endpoint: &str, cache: &Path, token: Option<String>, offline: bool) -> Result<Self> {
        let endpoint = endpoint.trim_end_matches('/').to_string();
        let client = Client::new(&endpoint, token, "HF_ENDPOINT")?;
        Ok(Self { endpoint, cache: Cache::new(cache), offline, client })
    }

    /// The folder of a model in the cache, after downloading what is missing there.
    ///
    /// # Errors
    /// Says what hub, network or disk refused, or why the model is not supported, and what to do.
    pub fn get(&self, name: &HubName, tell: &mut dyn FnMut(ModelEvent)) -> Result<PathBuf> {
        let cached = self.cache.find(name);
        if self.offline {
            return match cached {
                Some(folder) => Ok(folder),
                None => Err(Error::file(name.to_string(), self.not_cached(name))),
            };
        }
        // The files of a commit never change.
        if let Some(folder) = cached.as_ref().filter(|_| name.is_pinned()) {
            return Ok(folder.clone());
        }
        let address = name.listing(&self.endpoint);
        let answer = match self.client.small(&address) {
            Ok(answer) => answer,
            Err(RequestFailure::Unreachable(problem)) => {
                let Some(folder) = cached else { return Err(Error::file(name.to_string(), problem)) };
                tell(ModelEvent::Note(&format!("{name}: {problem}. Using the cached copy.")));
                return Ok(folder);
            }
            Err(failure) => return Err(self.failed(name, &name.to_string(), failure)),
        };
        let listing = Listing::parse(&address, &answer)?;
        if listing.commit.is_none() {
            return Err(Error::format(address, "not a hub's response: it has no commit, `sha`"));
        }
        let pinned = listing.pin(name)?;
        if let Some(folder) = self.cache.find(&pinned) {
            self.cache.point(name, pinned.revision())?;
            return Ok(folder);
        }
        let folder = self.download(&pinned, listing, &answer, tell)?;
        self.cache.keep(name, pinned.revision(), &answer)?;
        Ok(folder)
    }

    /// Downloads the needed files of a model at a commit.
    fn download(
        &self,
        pinned: &HubName,
        listing: Listing,
        answer: &[u8],
        tell: &mut dyn FnMut(ModelEvent),
    ) -> Result<PathBuf> {
        let blobs = cache::blobs(answer);
        let mut files = InspectedFiles::new(listing);
        // Small files first: they decide whether the rest is needed.
        loop {
            let paths = files.to_inspect();
            let large = files.to_begin();
            if paths.is_empty() && large.is_empty() {
                break;
            }
            for path in large.into_iter().filter(|_| paths.is_empty()) {
                let address = pinned.file(&self.endpoint, &path);
                let bytes = self.client.beginning(&address, BEGINNING as u64).map_err(|failure| {
                    self.failed(pinned, &format!("{}, {path}", pinned.repository()), failure)
                })?;
                files.insert_beginning(&path, bytes);
            }
            for path in paths {
                let place = self.file(pinned, &files, &blobs, &path, &mut |_| {}, tell)?;
                let bytes = std::fs::read(&place).map_err(|e| Error::file(&place, e))?;
                files.insert(&path, bytes);
            }
        }
        let about = inspect(&pinned.repository(), &mut files, None);
        if let Some(refused) = &about.refused {
            return Err(Error::file(pinned.repository(), format!("not supported: {refused}")));
        }
        tell(ModelEvent::Note(&self.introduction(pinned, &about)));
        about.notes.iter().for_each(|note| tell(ModelEvent::Note(note)));
        let total = about.bytes();
        let mut before = 0;
        for file in &about.needed {
            let mut report = Vec::new();
            self.file(
                pinned,
                &files,
                &blobs,
                &file.path,
                &mut |done| tell(ModelEvent::Bytes((before + done).min(total), total)),
                &mut |event| {
                    if let ModelEvent::Note(said) = event {
                        report.push(said.to_string());
                    }
                },
            )?;
            report.iter().for_each(|said| tell(ModelEvent::Note(said)));
            before += file.bytes.unwrap_or_default();
        }
        tell(ModelEvent::Bytes(total, total));
        Ok(self.cache.folder(pinned, pinned.revision()))
    }

    /// Downloads a file into the cache, unless it is there.
    fn file(
        &self,
        pinned: &HubName,
        files: &InspectedFiles,
        blobs: &cache::Blobs,
        path: &str,
        progress: &mut dyn FnMut(u64),
        tell: &mut dyn FnMut(ModelEvent),
    ) -> Result<PathBuf> {
        let known = files.get(path).cloned().unwrap_or_default();
        let place = self.cache.place(pinned, path, known.sha256.as_ref().or_else(|| blobs.get(path)))?;
        if !place.is_there(known.bytes) {
            let address = pinned.file(&self.endpoint, path);
            let limit =
                if path.ends_with(".safetensors") { None } else { Some(InspectedFiles::LARGEST_TOKENIZER) };
            self.client
                .file(&address, &known, limit, &place.blob, progress, &mut |said| {
                    tell(ModelEvent::Note(said))
                })
                .map_err(|failure| {
                    self.failed(pinned, &format!("{}, {path}", pinned.repository()), failure)
                })?;
        }
        place.link()
    }

    fn failed(&self, name: &HubName, what: &str, failure: RequestFailure) -> Error {
        match failure {
            RequestFailure::Unreachable(problem) => Error::file(what, problem),
            RequestFailure::Refused { status, code } => Error::file(
                what,
                crate::hub::refusal(
                    name,
                    &self.endpoint,
                    status,
                    code.as_deref(),
                    self.client.has_token(),
                    HOW,
                ),
            ),
            RequestFailure::Other(error) => error,
        }
    }

    fn not_cached(&self, name: &HubName) -> String {
        let folder = self.cache.model(name);
        let there = match folder.exists() {
            true => {
                "the cached copy is of another revision, or was not downloaded completely by this program"
            }
            false => "it is not in the cache",
        };
        format!("{there} ({}), and HF_HUB_OFFLINE is set; run once without it", folder.display())
    }

    fn introduction(&self, pinned: &HubName, about: &About) -> String {
        let commit = pinned.revision().get(..7).unwrap_or(pinned.revision());
        let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
        let languages = match &about.languages[..] {
            [] => String::new(),
            some @ ([_] | [_, _] | [_, _, _]) => format!(", languages {}", some.join(" ")),
            many => format!(", {} languages", many.len()),
        };
        format!(
            "{} at {commit}: {}, {:.0} M weights, vectors of {}, texts up to {} tokens{languages}, licence {}. \
             Downloading {} in {} files from {} to {}.",
            pinned.repository(),
            about.architecture,
            about.parameters.unwrap_or_default() as f64 / 1e6,
            about.dimension.unwrap_or_default(),
            about.max_tokens.unwrap_or_default(),
            about.licence.as_deref().unwrap_or("not stated"),
            megabytes(about.bytes()),
            about.needed.len(),
            self.endpoint,
            self.cache.model(pinned).display(),
        )
    }
}

/// The hub in the environment, or the default one.
///
/// # Errors
/// [`Error::Input`] for what is not a URL.
fn endpoint() -> Result<String> {
    match env::var("HF_ENDPOINT").ok().map(|v| v.trim().to_string()).filter(|v| !v.is_empty()) {
        None => Ok(ENDPOINT.into()),
        Some(endpoint) if endpoint.starts_with("https://") || endpoint.starts_with("http://") => Ok(endpoint),
        Some(other) => {
            Err(Error::Input(format!("HF_ENDPOINT is `{other}`; it has to start with https:// or http://")))
        }
    }
}
