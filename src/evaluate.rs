//! Evaluation in one call: encodes a data set with a model, ranks its passages, and makes the report.
//!
//! Shared by `interlingua eval` and `interlingua study`. The page does the same in steps
//! (`session::evaluate`), so that its worker can handle messages in between.

use std::path::Path;

use futures_lite::future::block_on;
use serde_json::json;

use crate::bundle::write_whole;
use crate::datasets::{Corpus, distinct};
use crate::encoder::{Encoder, Precision};
pub use crate::evaluation::Evaluated;
use crate::evaluation::{Analysis, CutTexts, Facts, Pieces, Task, TaskVectors, measure};
use crate::retrieval::npy;
use crate::text::{Cut, Kind, Window};
use crate::{Error, Result, sha256};

/// Options of an evaluation.
#[derive(Debug, Clone, Copy, Default)]
pub struct EvaluateSettings<'a> {
    /// Folder in which vectors are saved, and from which they are reused.
    pub vectors: Option<&'a Path>,
    /// Split passages that are longer than the model's window into overlapping windows.
    pub windows: bool,
    /// Number of leading directions of each language to remove first.
    pub lir: Option<usize>,
    /// Bootstrap resamples for the intervals; 0 leaves intervals out.
    pub samples: usize,
    /// Seed of the resampling.
    pub seed: u64,
}

/// Called with what is being encoded (a plural noun), how many are done (0 before the first), and of how
/// many; an error it returns cancels the work.
pub type ProgressCallback<'a> = dyn FnMut(&'static str, usize, usize) -> Result<()> + 'a;

/// Measures a model on the data set `name`, whose `task` is that of `corpus`. `hash` is the model's, see
/// [`model_hash`]. `note` is called with a sentence when saved vectors are reused.
///
/// # Errors
/// Whatever encoding, ranking, or access to the folder of vectors returns.
pub fn evaluate(
    encoder: &Encoder,
    hash: Option<(String, String)>,
    (name, corpus, task): (&str, &Corpus, &Task),
    options: &EvaluateSettings,
    progress: &mut ProgressCallback,
    note: &mut dyn FnMut(&str),
) -> Result<Evaluated> {
    let folder = options.vectors.zip(hash.as_ref().map(|(_, hash)| hash.as_str()));
    let mut vectors =
        |texts: Vec<&str>, kind, what| load_or_encode(folder, encoder, &texts, kind, what, progress, note);
    let texts: Vec<&str> = task.passages(corpus).collect();
    let windows = options.windows.then(|| encoder.windows(&texts, Kind::Passage)).transpose()?;
    let split = windows.as_ref().is_some_and(|all| all.len() > texts.len());
    let parts = windows.as_ref().map(|all| all.iter().map(|w| &texts[w.text][w.start..w.end]).collect());
    let what = if split { "windows" } else { "passages" };
    let (passages, mut of_passages) = vectors(parts.unwrap_or(texts), Kind::Passage, what)?;
    let counts = windows.as_ref().map(|windows| {
        of_passages = encoder.tokenizer().cut().with_split(windows);
        windows.chunk_by(|a, b| a.text == b.text).map(<[Window]>::len).collect()
    });
    let (queries, of_questions) = vectors(task.questions(corpus).collect(), Kind::Query, "questions")?;
    let vectors = TaskVectors {
        passages,
        windows: counts,
        queries,
        dimension: encoder.dimension(),
        similarity: encoder.similarity(),
        cut: CutTexts { passages: of_passages, questions: of_questions },
    };
    let facts = Facts {
        model: encoder.name().to_string(),
        dataset: name.to_string(),
        device: encoder.device_label(),
        hashes: hash.into_iter().chain([("data".to_string(), corpus.hash())]).collect(),
        date: Some(today()),
        version: env!("CARGO_PKG_VERSION").to_string(),
        lir: None,
    };
    let analysis =
        Analysis { lir: options.lir, samples: options.samples, seed: options.seed, pieces: Pieces::WHOLE };
    block_on(measure(task, facts, vectors, analysis, async |_| {}))
}

/// Vectors from the folder if it has them for this model and these texts; else they are encoded and saved
/// there.
fn load_or_encode(
    folder: Option<(&Path, &str)>,
    encoder: &Encoder,
    texts: &[&str],
    kind: Kind,
    what: &'static str,
    progress: &mut ProgressCallback,
    note: &mut dyn FnMut(&str),
) -> Result<(Vec<f32>, Cut)> {
    let mut tell = |done, all| progress(what, done, all);
    tell(0, texts.len())?;
    let Some((folder, model)) = folder else {
        return encode(encoder, texts.iter().copied(), kind, &mut tell);
    };
    let unpacked = encoder.precision() == Precision::F32;
    let mut hashed = json!([encoder.device_label(), kind, unpacked, texts]).to_string();
    if let Some(kept) = encoder.config().truncate {
        hashed.push_str(&format!("?dimension={kept}"));
    }
    let name = format!("{}-{}-{what}.npy", &model[..12], &sha256(hashed.as_bytes())[..12]);
    let path = folder.join(name);
    if path.is_file() {
        let bytes = std::fs::read(&path).map_err(|e| Error::file(&path, e))?;
        let (rows, n, d) = npy::read(&path.display().to_string(), &bytes)?;
        if (n, d) != (texts.len(), encoder.dimension()) {
            return Err(Error::format(
                path.display().to_string(),
                format!("[{n}, {d}] instead of [{}, {}]; delete it", texts.len(), encoder.dimension()),
            ));
        }
        note(&format!("{what}: vectors from {}", path.display()));
        return Ok((rows, encoder.count_cut(texts, kind)?));
    }
    let (rows, cut) = encode(encoder, texts.iter().copied(), kind, &mut tell)?;
    std::fs::create_dir_all(folder).map_err(|e| Error::file(folder, e))?;
    write_whole(&path, &npy::write(&rows, texts.len(), encoder.dimension()))?;
    Ok((rows, cut))
}

/// Vectors of texts, `[n, dimension]`, prepared for the model's similarity (of length 1 for cosine), and how
/// much of the texts was truncated. Each distinct text is encoded once. `progress` is called with how many
/// are done, and of how many; an error it returns cancels the work.
///
/// # Errors
/// Whatever prevents the encoder from encoding, and what `progress` returns.
pub fn encode<'a>(
    encoder: &Encoder,
    texts: impl Iterator<Item = &'a str>,
    kind: Kind,
    progress: &mut dyn FnMut(usize, usize) -> Result<()>,
) -> Result<(Vec<f32>, Cut)> {
    let (unique, which) = distinct(texts);
    let work = encoder.encode_counted(&unique, kind, async |done, all| progress(done, all));
    let (mut rows, lengths) = block_on(work)?;
    let d = encoder.dimension();
    encoder.similarity().ready(&mut rows, d);
    let cut = encoder.tokenizer().cut().with(which.iter().map(|&i| lengths[i]));
    Ok((which.iter().flat_map(|&i| rows[i * d..(i + 1) * d].iter().copied()).collect(), cut))
}

/// A model's hash, with the name of the file that it is of: a manifest contains the hashes of its bundle's
/// files. `None` if neither file can be read.
pub fn model_hash(model: &Path) -> Option<(String, String)> {
    ["manifest.json", "model.safetensors"]
        .into_iter()
        .find_map(|file| Some((file.to_string(), sha256(&std::fs::read(model.join(file)).ok()?))))
}

/// Today's date in UTC, as `2026-01-31`.
pub fn today() -> String {
    jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now()).date().to_string()
}
