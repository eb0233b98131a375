//! The results of runs on disk, so that nothing is computed twice.

use std::fs;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::bundle::write_whole;
use crate::evaluation::{EvalReport, RankedAnswer, Ranks, Task};
use crate::training::REVISION;
use crate::{Error, Result, sha256};

/// The file of a [`TrainingRecord`] in its run's folder.
pub(super) const TRAINED: &str = "trained.json";

/// Written when training has finished.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TrainingRecord {
    /// SHA-256 of configuration, start and data.
    pub key: String,
    /// At the end of training; absent if nothing was left to train.
    pub pairs_per_second: Option<f64>,
    /// The [`REVISION`] of the program that trained it; 0 if not recorded.
    #[serde(default)]
    pub revision: u32,
}

/// An evaluation's file, next to the ranks that it was made from, which have the same name.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct EvaluationRecord {
    /// SHA-256 of the run's key, the data set and the evaluation settings.
    pub key: String,
    /// SHA-256 of the model's manifest.
    pub bundle: String,
    /// Size of the evaluated model.
    pub bytes: u64,
    /// As [`TrainingRecord::pairs_per_second`].
    pub pairs_per_second: Option<f64>,
    /// SHA-256 of the file of ranks.
    pub ranks: String,
    /// The output of `interlingua eval --json`.
    pub report: EvalReport,
}

/// Reads a JSON file; `None` if it is missing or incomplete.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Writes a JSON file atomically.
///
/// # Errors
/// [`Error::File`] if it cannot be written.
pub(super) fn write(path: &Path, value: &impl Serialize) -> Result<()> {
    let json = serde_json::to_vec_pretty(value).map_err(|e| Error::format(path.display().to_string(), e))?;
    write_whole(path, &json)
}

/// The number of runs in `folder` that another version of this program has trained, whose keys differ from those of
/// this one.
///
/// # Errors
/// [`Error::File`] if the folder cannot be read.
pub(super) fn of_other_versions(folder: &Path) -> Result<usize> {
    let failed = |e| Error::file(folder, e);
    let mut count = 0;
    for run in fs::read_dir(folder).map_err(failed)? {
        let trained = read::<TrainingRecord>(&run.map_err(failed)?.path().join(TRAINED));
        count += usize::from(trained.is_some_and(|trained| trained.revision != REVISION));
    }
    Ok(count)
}

/// Ranks as a safetensors file: the array `ranks`, U32 `[n, 2]`, has the rank in the document's own
/// language and in the pool of all languages, for every answer of every query in the task's order.
///
/// # Errors
/// [`Error::Input`] for a rank beyond 32 bits.
pub(super) fn ranks_to_bytes(ranks: &[Ranks]) -> Result<Vec<u8>> {
    let all = ranks.iter().flat_map(|ranks| &ranks.answers).flat_map(|answer| [answer.own, answer.pool]);
    let all: std::result::Result<Vec<u32>, _> = all.map(u32::try_from).collect();
    let all = all.map_err(|e| Error::Input(format!("ranks cannot be stored: {e}")))?;
    let bytes: Vec<u8> = all.iter().flat_map(|rank| rank.to_le_bytes()).collect();
    let failed = |e: safetensors::SafeTensorError| Error::Input(format!("ranks cannot be stored: {e}"));
    let view = TensorView::new(Dtype::U32, vec![all.len() / 2, 2], &bytes).map_err(failed)?;
    safetensors::serialize([("ranks", view)], None).map_err(failed)
}

/// Reads ranks written by [`ranks_to_bytes`] on the same task. The top of each ranking is not stored.
///
/// # Errors
/// [`Error::File`], and [`Error::Integrity`] if the file does not have the given hash, or is from another task.
pub(super) fn read_ranks(path: &Path, sha: &str, task: &Task) -> Result<Vec<Ranks>> {
    let wrong = |problem: &str| Error::Integrity {
        file: path.display().to_string(),
        problem: format!("{problem}; delete it, and the run is evaluated again"),
    };
    let bytes = fs::read(path).map_err(|e| Error::file(path, e))?;
    if sha256(&bytes) != sha {
        return Err(wrong("it is damaged"));
    }
    let file = SafeTensors::deserialize(&bytes).map_err(|e| wrong(&e.to_string()))?;
    let view = file.tensor("ranks").map_err(|e| wrong(&e.to_string()))?;
    let (words, _) = view.data().as_chunks::<4>();
    let mut words = words.iter().map(|word| u32::from_le_bytes(*word) as usize);
    let mut ranks = Vec::with_capacity(task.queries.len());
    for query in &task.queries {
        let mut answers = Vec::new();
        for judged in (0..task.languages.len()).flat_map(|lang| task.rankable(query, lang)) {
            let (Some(own), Some(pool)) = (words.next(), words.next()) else {
                return Err(wrong("it has fewer answers than the data set"));
            };
            answers.push(RankedAnswer { document: judged.document, grade: judged.grade, own, pool });
        }
        ranks.push(Ranks { answers, top: Vec::new() });
    }
    if words.next().is_some() {
        return Err(wrong("it has more answers than the data set"));
    }
    Ok(ranks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::summary::tests::{model, task};

    #[test]
    fn runs_of_other_versions_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let now = serde_json::json!({ "key": "k", "pairs_per_second": 1.0, "revision": REVISION });
        let before = serde_json::json!({ "key": "k", "pairs_per_second": null });
        for (run, trained) in [("now", Some(now)), ("before", Some(before)), ("under way", None)] {
            fs::create_dir(folder.path().join(run)).unwrap();
            if let Some(trained) = trained {
                write(&folder.path().join(run).join(TRAINED), &trained).unwrap();
            }
        }
        assert_eq!(of_other_versions(folder.path()).unwrap(), 1);
    }

    #[test]
    fn ranks_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ranks");
        let of = task(5);
        let mut ranks = model(&of, 1, 2, 3).ranks;
        let bytes = ranks_to_bytes(&ranks).unwrap();
        fs::write(&path, &bytes).unwrap();
        let back = read_ranks(&path, &sha256(&bytes), &of).unwrap();
        ranks.iter_mut().for_each(|ranks| ranks.top.clear());
        assert_eq!(back, ranks);
        for other in [4, 6] {
            let error = read_ranks(&path, &sha256(&bytes), &task(other)).unwrap_err().to_string();
            assert!(error.contains("answers than the data set"), "{error}");
        }
        let error = read_ranks(&path, "", &of).unwrap_err().to_string();
        assert!(error.contains("damaged"), "{error}");
    }
}
