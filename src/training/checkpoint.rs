//! Checkpoints: everything a run needs to resume, written atomically.
//!
//! A checkpoint is a folder `step-000123`, written under another name and renamed when complete. The
//! hashes of its files are in its `state.json`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{REVISION, student::Student, validation::BestStep};
use crate::{
    Error, Result,
    bundle::{Weights, write_whole},
    sha256,
};

/// Checkpoints kept; older ones are removed.
const KEPT: usize = 2;
const STATE: &str = "state.json";

#[derive(Serialize, Deserialize)]
struct CheckpointState {
    /// Steps done.
    step: u64,
    /// Updates of the rows so far: AdamW's time step.
    #[serde(default)]
    row_updates: u64,
    /// The kind of device that can resume from it.
    #[serde(default)]
    devices: String,
    /// The best validation result.
    #[serde(default)]
    best: BestStep,
    /// The [`REVISION`] of the program that wrote it; 0 is one that did not say.
    #[serde(default)]
    revision: u32,
    /// SHA-256 of the parts of the configuration that weights depend on.
    run: String,
    /// SHA-256 of each file.
    files: BTreeMap<String, String>,
}

/// A run's state besides weights.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RunState {
    /// Steps done.
    pub step: u64,
    /// Updates of the embedding rows.
    pub row_updates: u64,
    /// The best validation result.
    pub best: BestStep,
}

/// Writes a checkpoint into `folder`.
///
/// # Errors
/// [`Error::File`] if it cannot be written; earlier checkpoints stay.
pub fn save(folder: &Path, known: RunState, run: &str, student: &mut Student) -> Result<()> {
    let RunState { step, row_updates, best } = known;
    let part = folder.join("unfinished");
    if part.exists() {
        fs::remove_dir_all(&part).map_err(|e| Error::file(&part, e))?;
    }
    fs::create_dir_all(&part).map_err(|e| Error::file(&part, e))?;
    let mut files = BTreeMap::new();
    for (name, weights) in [
        ("blocks.safetensors", student.blocks.weights()?),
        ("moments.safetensors", student.blocks.moments()?),
        ("rows.safetensors", student.rows.weights()),
    ] {
        let bytes = weights.to_safetensors()?;
        files.insert(name.to_string(), sha256(&bytes));
        write_whole(&part.join(name), &bytes)?;
    }
    let devices = student.blocks.devices().into();
    let state =
        CheckpointState { step, row_updates, devices, best, revision: REVISION, run: run.into(), files };
    let json = serde_json::to_vec_pretty(&state).map_err(|e| Error::format(STATE, e))?;
    write_whole(&part.join(STATE), &json)?;
    let done = folder.join(format!("step-{step:06}"));
    if done.exists() {
        fs::remove_dir_all(&done).map_err(|e| Error::file(&done, e))?;
    }
    fs::rename(&part, &done).map_err(|e| Error::file(&done, e))?;
    let all = list(folder)?;
    for old in all.iter().rev().skip(KEPT) {
        fs::remove_dir_all(old).map_err(|e| Error::file(old, e))?;
    }
    Ok(())
}

/// Loads the newest intact checkpoint into `student`, and returns the run's state, or `None` if
/// there is no checkpoint. Damaged ones are reported through `note` and skipped.
///
/// # Errors
/// [`Error::Input`] if the newest intact checkpoint is from another configuration or version of this program.
pub fn load(
    folder: &Path,
    run: &str,
    student: &mut Student,
    note: &mut dyn FnMut(&str),
) -> Result<Option<RunState>> {
    for path in list(folder)?.iter().rev() {
        match read(path) {
            Ok((state, _)) if state.revision != REVISION => {
                return Err(Error::Input(format!(
                    "{} was made by another version of this program, which gives different weights or identifies runs \
                     differently, so it may be from another run; continue with that version, use another output folder, or \
                     train without --resume",
                    path.display()
                )));
            }
            Ok((state, _)) if state.run != run => {
                return Err(Error::Input(format!(
                    "{} was made with another configuration, start, teacher or data; use another output folder, or train without --resume",
                    path.display()
                )));
            }
            // Two implementations round differently: the result would be neither's.
            Ok((state, _)) if state.devices != student.blocks.devices() => {
                return Err(Error::Input(format!(
                    "{} was made with {}; continue with that, or train without --resume",
                    path.display(),
                    state.devices
                )));
            }
            Ok((state, files)) => {
                put(student, &files)?;
                let CheckpointState { step, row_updates, best, .. } = state;
                return Ok(Some(RunState { step, row_updates, best }));
            }
            Err(problem) => note(&format!("{}: {problem}; an earlier checkpoint is used", path.display())),
        }
    }
    Ok(None)
}

/// Removes all checkpoints.
///
/// # Errors
/// [`Error::File`] if one cannot be removed.
pub fn clear(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|e| Error::file(folder, e))?;
    }
    Ok(())
}

fn put(student: &mut Student, files: &BTreeMap<String, Weights>) -> Result<()> {
    let part = |name: &str| files.get(name).ok_or_else(|| Error::format(name, "missing from the checkpoint"));
    student.blocks.restore(part("blocks.safetensors")?, part("moments.safetensors")?)?;
    student.rows.restore(part("rows.safetensors")?)?;
    Ok(())
}

fn read(path: &Path) -> Result<(CheckpointState, BTreeMap<String, Weights>)> {
    let state = path.join(STATE);
    let bytes = fs::read(&state).map_err(|e| Error::file(&state, e))?;
    let state: CheckpointState =
        serde_json::from_slice(&bytes).map_err(|e| Error::format(state.display().to_string(), e))?;
    let mut files = BTreeMap::new();
    for (name, hash) in &state.files {
        let file = path.join(name);
        let bytes = fs::read(&file).map_err(|e| Error::file(&file, e))?;
        if sha256(&bytes) != *hash {
            return Err(Error::Integrity { file: name.clone(), problem: "it is damaged".into() });
        }
        files.insert(name.clone(), Weights::from_safetensors(name, &bytes)?);
    }
    Ok((state, files))
}

/// Checkpoints in a folder, oldest first.
fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut out: Vec<PathBuf> = fs::read_dir(folder)
        .map_err(|e| Error::file(folder, e))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("step-")))
        .collect();
    out.sort();
    Ok(out)
}
