//! Everything a study found, and everything it was made from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Findings, Sweep};

/// The report: its JSON is `report.json`, [`markdown`](Self::markdown) is `report.md`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// The study's name.
    pub name: String,
    /// Version of this program.
    pub version: String,
    /// The day on which the report was written, as `2026-01-31`.
    pub date: Option<String>,
    /// Where models were trained and measured last, in words.
    pub device: String,
    /// The machine: system, processor, threads.
    pub machine: String,
    /// The study's configuration, as it was read.
    pub study: Json,
    /// The training configuration of the runs, before each one's own seed, share and sizes.
    pub recipe: Json,
    /// Where all runs begin.
    pub start: Baseline,
    /// The files that runs learned from.
    pub data: Vec<File>,
    /// SHA-256 of all that was read from them, and from published sets, and was not left out.
    pub learned_sha256: String,
    /// SHA-256 of each data set's ids and texts, by name.
    pub datasets: BTreeMap<String, String>,
    /// What was found on each data set.
    pub findings: Vec<Findings>,
    /// What was swept.
    pub sweeps: Vec<Sweep>,
    /// Every evaluation.
    pub runs: Vec<Run>,
    /// What else is to be known, a sentence each.
    pub notes: Vec<String>,
}

/// The start model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Baseline {
    /// Its name.
    pub model: String,
    /// SHA-256 of its files, its prompts and its shape together.
    pub sha256: String,
    /// SHA-256 of the teacher's files likewise.
    pub teacher_sha256: String,
    /// Parameters.
    pub parameters: u64,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
}

/// One evaluation of one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its folder under the study's `runs`.
    pub folder: String,
    /// The data set.
    pub dataset: String,
    /// How weights were stored for it.
    pub quantization: String,
    /// SHA-256 of configuration, start and data: what says whether it is done.
    pub key: String,
    /// SHA-256 of the model's manifest, which names the hashes of its files.
    pub bundle: String,
    /// SHA-256 of the evaluation's file.
    pub evaluation: String,
    /// Where it was measured.
    pub device: String,
    /// Pairs a second in training, where it was trained.
    pub pairs_per_second: Option<f64>,
}
