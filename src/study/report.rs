//! A study's report: all results and inputs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Findings, Sweep};

/// The report: its JSON is `report.json`, [`markdown`](Self::markdown) is `report.md`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StudyReport {
    /// The study's name.
    pub name: String,
    /// Version of this program.
    pub version: String,
    /// The day on which the report was written, as `2026-01-31`.
    pub date: Option<String>,
    /// The device on which models were last trained and evaluated, in words.
    pub device: String,
    /// The machine: system, processor, threads.
    pub machine: String,
    /// The study's configuration, as read.
    pub study: Json,
    /// The runs' training configuration, before each one's seed, share and sizes.
    pub recipe: Json,
    /// The common start.
    pub start: Baseline,
    /// The training data files.
    pub data: Vec<InputFile>,
    /// SHA-256 of all texts used from them and from published sets.
    pub learned_sha256: String,
    /// SHA-256 of each data set's ids and texts, by name.
    pub datasets: BTreeMap<String, String>,
    /// The findings on each data set.
    pub findings: Vec<Findings>,
    /// The sweeps.
    pub sweeps: Vec<Sweep>,
    /// Every evaluation.
    pub runs: Vec<StudyRun>,
    /// Notes, one sentence each.
    pub notes: Vec<String>,
}

/// The start model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Baseline {
    /// Its name.
    pub model: String,
    /// SHA-256 of its files, prompts and architecture together.
    pub sha256: String,
    /// SHA-256 of the teacher's files likewise.
    pub teacher_sha256: String,
    /// Parameters.
    pub parameters: u64,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
}

/// One evaluation of one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudyRun {
    /// Its folder under the study's `runs`.
    pub folder: String,
    /// The data set.
    pub dataset: String,
    /// The quantization of its weights.
    pub quantization: String,
    /// SHA-256 of configuration, start and data, which identifies it.
    pub key: String,
    /// SHA-256 of the model's manifest, which names the hashes of its files.
    pub bundle: String,
    /// SHA-256 of the evaluation's file.
    pub evaluation: String,
    /// The device of the evaluation.
    pub device: String,
    /// Pairs per second in training, if trained.
    pub pairs_per_second: Option<f64>,
}
