//! Sharing files between bundles: what is bit-identical in all of them is stored once.
//!
//! Models trained from the same start, with some of it frozen, have most of their bytes in common. The first
//! bundle stores the arrays that all of them have in its `shared.safetensors`; in the manifests of the
//! others, `at` is the relative path of that file, and of `tokenizer.json` if it is the same. A bundle's
//! other arrays are in its `own.safetensors`: the name distinguishes it from a complete model, and allows
//! switching without a moment at which a bundle cannot be read. Each file is written under a name that the
//! old manifest does not list, then the manifest is replaced in one step, then files that it no longer lists
//! are removed.

use std::{
    collections::BTreeSet,
    fs,
    path::{Component, Path, PathBuf},
};

use super::{
    Bundle, FileEntry, Manifest, OWN, SECOND, SHARED, TOKENIZER, WEIGHTS, Weights,
    folder::{read, remove, write_whole},
};
use crate::{Error, Result, sha256};

/// The result of sharing for one bundle.
pub struct Sharer {
    /// Its folder.
    pub folder: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// The files that other bundles have as well.
    pub shared: Vec<FileEntry>,
    /// Whether anything was written.
    pub changed: bool,
    /// Whether the hash of its weights has changed, so that vectors made with it are no longer recognised as
    /// its own. That happens if their file was not written by this program.
    pub renamed: bool,
}

/// Makes bundles share what all of them have in common: `first` stores it, `others` refer to it. Bundles that
/// already do so are unchanged, so more can be added later. `anew` allows `first` to change what it shares,
/// which breaks bundles that use it and are not given.
///
/// # Errors
/// [`Error::Input`] when there is nothing in common, or what `first` shares would have to change; nothing is
/// changed then. [`Error::File`] when writing fails: every bundle can still be read, and the same call
/// resumes.
pub fn share(first: &Path, others: &[PathBuf], anew: bool) -> Result<Vec<Sharer>> {
    let folders: Vec<&Path> = [first].into_iter().chain(others.iter().map(PathBuf::as_path)).collect();
    let places = distinct(&folders)?;
    let start = bundle(first)?;
    let keeps = keeps(&start.manifest);
    let names = common(&start, first, others, keeps && !anew, anew)?;

    let shared = start.weights.only(|name| names.contains(name)).to_safetensors()?;
    let entry = FileEntry::of(SHARED, &shared);
    let path = first.join(SHARED);
    let there = read(&path)?;
    let same = there.as_ref().is_some_and(|bytes| *bytes == shared);
    if there.is_some() && !same && !anew {
        return Err(Error::Input(format!(
            "{} exists and would have to change, but bundles that are not named here may use it. Name every bundle \
             that does, and say --anew.",
            path.display()
        )));
    }
    // Manifests must be able to refer to the files by a relative path; checked before anything is written.
    let at = |file: &str, place: &Path| relative(place, &places[0]).map(|folder| format!("{folder}/{file}"));
    for place in &places[1..] {
        at(SHARED, place)?;
    }

    let mut touched = vec![false; folders.len()];
    for (folder, touched) in folders.iter().zip(&mut touched) {
        // A bundle that shares something else is first made complete.
        if Manifest::open(folder)?.file(SHARED).is_some_and(|known| known.sha256 != entry.sha256) {
            bundle(folder)?.write(folder)?;
            *touched = true;
        }
    }
    if !same {
        write_whole(&path, &shared)?;
    }
    let mut out: Vec<Sharer> = Vec::new();
    for ((folder, place), touched) in folders.iter().zip(&places).zip(touched) {
        let mut bundle = bundle(folder)?;
        let elsewhere = |file: &str| (!out.is_empty()).then(|| at(file, place)).transpose();
        let tokenizer = FileEntry {
            at: if bundle.tokenizer == start.tokenizer { elsewhere(TOKENIZER)? } else { None },
            ..FileEntry::of(TOKENIZER, &bundle.tokenizer)
        };
        let shared = FileEntry { at: elsewhere(SHARED)?, ..entry.clone() };
        let (changed, renamed) = adopt(folder, &mut bundle, tokenizer, shared, &names)?;
        let folder = folder.to_path_buf();
        out.push(Sharer {
            folder,
            manifest: bundle.manifest,
            shared: vec![],
            changed: changed || touched,
            renamed,
        });
    }
    let elsewhere = out.iter().flat_map(|sharer| &sharer.manifest.files).filter(|file| file.at.is_some());
    let hashes: BTreeSet<String> = elsewhere.map(|file| file.sha256.clone()).collect();
    for sharer in &mut out {
        let files = sharer.manifest.files.iter().filter(|file| hashes.contains(&file.sha256));
        sharer.shared = files.cloned().collect();
    }
    Ok(out)
}

/// Names of the arrays that are bit-identical in all bundles. `settled`: those that `first` shares already,
/// none of which may be dropped.
fn common(
    start: &Bundle,
    first: &Path,
    others: &[PathBuf],
    settled: bool,
    anew: bool,
) -> Result<BTreeSet<String>> {
    let mut names: BTreeSet<String> = match settled {
        false => start.weights.iter().map(|(name, _)| name.to_string()).collect(),
        true => {
            let path = first.join(SHARED);
            let bytes = read(&path)?.unwrap_or_default();
            let weights = Weights::from_safetensors(&path.display().to_string(), &bytes)?;
            weights.iter().map(|(name, _)| name.to_string()).collect()
        }
    };
    for (i, folder) in others.iter().enumerate() {
        let other = bundle(folder)?;
        if keeps(&other.manifest) && !anew {
            return Err(Error::Input(format!(
                "{} stores files that other bundles use. Name it first, or name every bundle that uses its \
                 files, and say --anew.",
                folder.display()
            )));
        }
        let is_same = |name: &String| match (start.weights.get(name), other.weights.get(name)) {
            (Some(a), Some(b)) => a.is_same(b),
            _ => false,
        };
        let (same, differ): (BTreeSet<_>, BTreeSet<_>) = names.into_iter().partition(is_same);
        names = same;
        let other = folder.display();
        if settled && let Some(name) = differ.first() {
            return Err(Error::Input(format!(
                "{other} does not have everything that {} shares ({} of {} arrays differ, the first is {name}). Name \
                 every bundle that uses it, and say --anew.",
                first.display(),
                differ.len(),
                differ.len() + names.len()
            )));
        }
        if names.is_empty() {
            return Err(Error::Input(format!(
                "No array of {} is the same in {other}{}, so there is nothing to share",
                first.display(),
                if i > 0 { " and the bundles named before it" } else { "" }
            )));
        }
    }
    Ok(names)
}

/// Makes a bundle use these two shared files and one of its own; returns whether anything was written, and
/// whether the hash of its weights has changed.
fn adopt(
    folder: &Path,
    bundle: &mut Bundle,
    tokenizer: FileEntry,
    shared: FileEntry,
    names: &BTreeSet<String>,
) -> Result<(bool, bool)> {
    let own = bundle.weights.only(|name| !names.contains(name)).to_safetensors()?;
    let files = vec![tokenizer, shared, FileEntry::of(OWN, &own)];
    let (mut changed, mut renamed) = (false, false);
    if bundle.manifest.files != files {
        let hash = sha256(&bundle.weights.to_safetensors()?);
        renamed = bundle.manifest.weights_hash() != Some(&hash);
        write_whole(&folder.join(OWN), &own)?;
        if files[0].at.is_none() && bundle.manifest.file(TOKENIZER).is_some_and(|file| file.at.is_some()) {
            write_whole(&folder.join(TOKENIZER), &bundle.tokenizer)?;
        }
        let manifest = &mut bundle.manifest;
        (manifest.format, manifest.files, manifest.weights_sha256) =
            (manifest.format.max(SECOND), files, Some(hash));
        manifest.write(folder)?;
        changed = true;
    }
    // Also removes what an interrupted run has left.
    remove(&folder.join(WEIGHTS))?;
    if bundle.manifest.file(TOKENIZER).is_some_and(|file| file.at.is_some()) {
        remove(&folder.join(TOKENIZER))?;
    }
    Ok((changed, renamed))
}

/// Opens a bundle, but no folder of another kind.
fn bundle(folder: &Path) -> Result<Bundle> {
    Manifest::open(folder)?;
    Bundle::open(folder)
}

/// Whether other bundles may use files of this one.
fn keeps(manifest: &Manifest) -> bool {
    manifest.file(SHARED).is_some_and(|file| file.at.is_none())
}

/// The folders' canonical paths; each may be given only once.
fn distinct(folders: &[&Path]) -> Result<Vec<PathBuf>> {
    let mut places: Vec<PathBuf> = Vec::new();
    for folder in folders {
        let place = fs::canonicalize(folder).map_err(|e| Error::file(folder, e))?;
        if places.contains(&place) {
            return Err(Error::Input(format!("{} is named twice", folder.display())));
        }
        places.push(place);
    }
    Ok(places)
}

/// The relative path from one folder to another, with `/`.
fn relative(from: &Path, to: &Path) -> Result<String> {
    let (from, to): (Vec<_>, Vec<_>) = (from.components().collect(), to.components().collect());
    let same = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from[same..].iter().map(|_| Some(".."));
    let down = to[same..].iter().map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    let parts: Option<Vec<&str>> = up.chain(down).collect();
    let path = parts
        .map(|parts| parts.join("/"))
        .filter(|path| super::manifest::leads_to_a_file(&format!("{path}/x")));
    path.ok_or_else(|| {
        let place: PathBuf = to.iter().collect();
        Error::Input(format!(
            "{} cannot be reached from the other folders by a relative address: it is on another disk, or the name of a \
             folder in between is not UTF-8 or contains one of `\\ : ? # %`",
            place.display()
        ))
    })
}
