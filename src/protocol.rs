//! The messages between the page and its worker.
//!
//! The page sends [`Request`]s, the worker answers with [`Event`]s; both cross through
//! serde-wasm-bindgen. A request carries an id, and every event about it carries the same one.

// Most fields are explained by their names and types.
#![allow(missing_docs)]

use serde::{Deserialize, Serialize};

use crate::benchmark::{BenchmarkCell, BenchmarkPlan, BenchmarkReport, BenchmarkTarget};
pub use crate::choice::{DeviceChoice, PrecisionChoice};
use crate::datasets::{Columns, Fields};
use crate::evaluation::{Comparison, EvalReport, Measure, Setting, Sorting};
use crate::history::History;
use crate::hub::About;
pub use crate::retrieval::Scope;
use crate::text::{Cut, Kind};

/// A request's number, unique within a page.
pub type Id = u32;

/// The name under which a user's files are attached to a request.
pub const HANDLES: &str = "handles";

/// From the page to the worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Request {
    /// Load the bundle at `url` (a folder's address) on `device`.
    Load {
        id: Id,
        url: String,
        device: DeviceChoice,
        #[serde(default)]
        precision: PrecisionChoice,
    },
    /// Open the sample corpus with its vectors from the folder at `url`; needs no model.
    OpenSample { id: Id, url: String },
    /// Open the user's own passages: XQuAD-R files, JSON lines, tables or plain lines, compressed or not.
    OpenFiles {
        id: Id,
        files: Vec<OpenedFile>,
        /// Split passages longer than the model's window into overlapping windows.
        #[serde(default)]
        windows: bool,
        /// Store text and vectors in the browser, in place of the previously stored text.
        #[serde(default)]
        keep: bool,
    },
    /// Get the stored text; answered by [`Event::Recalled`].
    RecallFiles { id: Id },
    /// Delete it and its vectors; answered by [`Event::CacheCleared`].
    ForgetFiles { id: Id },
    /// Rank the open corpus for a query.
    Search {
        id: Id,
        query: String,
        /// The query's language; detected if `None`.
        language: Option<String>,
        scope: Scope,
        /// Passage languages to include; empty for all.
        languages: Vec<String>,
        /// How many hits to return.
        top: usize,
    },
    /// Get a passage of the open corpus in another language; answered by [`Event::Reading`].
    Read {
        id: Id,
        /// Which passage, from 0.
        passage: usize,
        language: String,
    },
    /// Encode `texts` (used by tests and the JavaScript interface).
    Encode { id: Id, texts: Vec<String>, kind: Kind },
    /// Open a data set to evaluate models on; answered by [`Event::TaskReady`].
    OpenTask { id: Id, source: TaskSource },
    /// Evaluate a model on the open data set; answered by [`Event::Evaluated`]. Stored vectors are not computed again.
    Evaluate {
        id: Id,
        /// The bundle's address.
        url: String,
        device: DeviceChoice,
        #[serde(default)]
        precision: PrecisionChoice,
        /// Languages to include; empty for all.
        languages: Vec<String>,
        /// Number of leading directions of each language to remove first (LIR).
        lir: Option<usize>,
        /// Measures in addition to the standard ones.
        #[serde(default)]
        measures: Vec<Measure>,
        /// The lowest grade that counts as relevant; 1 if `None`.
        #[serde(default)]
        relevance: Option<u32>,
    },
    /// Get queries of one cell of run `run` (the id of its [`Request::Evaluate`]), in this order, with the results of run
    /// `second`, which has to be on the same data; answered by
    /// [`Event::Queries`].
    Queries {
        id: Id,
        run: Id,
        second: Option<Id>,
        order: Sorting,
        cell: CellChoice,
        offset: usize,
        count: usize,
    },
    /// Get one query's ranking in one cell; answered by [`Event::Ranking`].
    Ranking { id: Id, run: Id, cell: CellChoice, query: String, top: usize },
    /// Compare run `b` with run `a`, which has to be on the same data; answered by [`Event::Compared`].
    Compare { id: Id, a: Id, b: Id, measure: String },
    /// Export a file about a run; answered by [`Event::File`].
    Export { id: Id, run: Id, what: ExportKind, cell: CellChoice },
    /// Time how a model encodes; [`Event::Benchmark`] reports the results after each step.
    Benchmark {
        id: Id,
        /// The bundle's address.
        url: String,
        /// The sample corpus's folder, whose texts are used if the open corpus has none in the plan's language.
        sample: String,
        plan: BenchmarkPlan,
    },
    /// Delete stored vectors; answered by [`Event::CacheCleared`].
    ClearVectors { id: Id },
    /// Inspect a model before anything large is downloaded; answered by [`Event::Offered`].
    Offer { id: Id, source: ModelSource },
    /// List the stored models; answered by [`Event::Kept`].
    ListKept { id: Id },
    /// Delete one of them; answered by [`Event::Kept`] with the others.
    RemoveKept {
        id: Id,
        /// As in [`StoredModel::url`].
        url: String,
    },
    /// Get a model's properties from its manifest, without its files; answered by [`Event::Described`].
    Describe {
        id: Id,
        /// As in [`Request::Load`]; a hub's model has to be stored.
        url: String,
    },
    /// Cancel request `id`.
    Cancel { id: Id },
    /// Delete stored model files.
    ClearCache { id: Id },
    /// For tests: destroy the GPU device, as a driver's crash would.
    #[serde(rename = "debug-lose-gpu")]
    DebugLoseGpu { id: Id },
}

/// A file that the page has read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenedFile {
    /// Its name, or `pasted text`.
    pub name: String,
    /// Its bytes.
    #[serde(with = "bytes")]
    pub bytes: Vec<u8>,
    /// The columns or fields that the user chose.
    #[serde(default)]
    pub columns: Columns,
}

/// Where a model that is not a bundle yet comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ModelSource {
    /// A hub, by an address as for [`Request::Load`] without quantization: `hub:owner/name@revision`.
    Hub { url: String },
    /// The user's own files, attached to the request: their paths in the folder, with `/`.
    Files { paths: Vec<String> },
}

/// A model, before anything large is downloaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// Its address for [`Request::Load`], without quantization.
    pub url: String,
    /// Its properties, and the files to download.
    pub about: About,
    /// The commit that was inspected, if the hub names it.
    pub commit: Option<String>,
    /// Whether access to the files has to be requested.
    pub gated: bool,
    /// The origin's storage quota and usage in bytes, if known.
    pub room: Option<(f64, f64)>,
    /// Quantizations in which it is already stored.
    pub kept: Vec<String>,
}

/// A stored model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredModel {
    /// Its address for [`Request::Load`].
    pub url: String,
    pub name: String,
    pub quantization: String,
    pub bytes: u64,
    /// The date on which it was last loaded, in UTC: `2026-01-31`.
    pub date: Option<String>,
}

/// A model's properties from its manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// As in [`ModelInfo::url`].
    pub url: String,
    pub name: String,
    pub licence: String,
    pub languages: Vec<String>,
    pub quantization: String,
    /// Size of all files, in bytes.
    pub bytes: u64,
    pub dimension: usize,
    pub layers: usize,
    pub vocabulary: usize,
    pub max_tokens: usize,
    /// Prefixes of queries and of passages.
    pub prompts: [String; 2],
    /// What the weights were trained on before, and the source of that statement.
    pub background: String,
    pub history: History,
    /// Evaluations, without language bias.
    pub reports: Vec<EvalReport>,
    /// Number of results in another format.
    pub other_results: usize,
    pub files: Vec<ModelFile>,
    /// SHA-256 of the manifest.
    pub hash: String,
    /// SHA-256 of the weights as one file.
    pub weights: String,
    /// Number of texts in the self-test.
    pub self_tests: usize,
    /// For instance that the manifest came from storage.
    pub notes: Vec<String>,
}

/// A file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFile {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
}

/// The current activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProgressStage {
    /// Files are downloaded.
    Download,
    /// Files are read from the browser's cache.
    Cache,
    /// Sizes and hashes are checked.
    Check,
    /// An imported model is stored.
    Keep,
    /// Weights are sent to a device.
    Prepare,
    /// A device's vectors are compared with the bundle's reference vectors.
    SelfTest,
    /// Devices are timed against each other.
    Measure,
    /// Passages are encoded.
    Encode,
    /// Questions are encoded.
    EncodeQueries,
    /// Rankings and measures are computed.
    Score,
    /// Calls are timed.
    Benchmark,
}

/// A data set to evaluate models on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum TaskSource {
    /// The sample corpus in the folder at `url`.
    Sample { url: String },
    /// The `<lang>.json` files of `xquad-r` or `mlqa-r` under `base`.
    Download { dataset: String, base: String },
    /// The user's files: XQuAD-R or MLQA-R, or passages and questions as JSON lines.
    Files { files: Vec<OpenedFile> },
}

/// An open data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskInfo {
    pub name: String,
    /// SHA-256 of its texts.
    pub hash: String,
    /// Language code, number of questions, number of passages.
    pub languages: Vec<(String, usize, usize)>,
    pub queries: usize,
    pub passages: usize,
    /// What was left out or assumed, one sentence each.
    pub notes: Vec<String>,
    /// How tables and JSON lines were read.
    #[serde(default)]
    pub fields: Vec<Fields>,
}

/// A cell of the report: passages of one language, or of all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellChoice {
    pub setting: Setting,
    /// The questions' language; `None` for all.
    pub from: Option<String>,
    /// The passages' language, for mono and cross; `None` for each in turn.
    pub to: Option<String>,
}

/// A file about a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExportKind {
    /// The report as JSON.
    Json,
    /// The report's numbers, one per line.
    Csv,
    /// A LaTeX table.
    Latex,
    /// The cell's rankings in trec_eval's format.
    Run,
    /// The cell's relevant passages in trec_eval's format.
    Qrels,
}

/// A query of a run, with its result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryRow {
    /// `<lang>:<question id>`.
    pub query: String,
    pub language: String,
    pub text: String,
    /// The passages' language, in the settings mono and cross.
    pub to: Option<String>,
    /// Average precision.
    pub ap: f64,
    /// Ranks of the relevant passages, ascending.
    pub ranks: Vec<usize>,
    /// Both of the second run, if there is one.
    pub second: Option<(f64, Vec<usize>)>,
}

/// A passage in a query's ranking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankedPassage {
    /// From 1.
    pub rank: usize,
    pub score: f32,
    pub id: String,
    pub language: String,
    pub text: String,
    pub source: String,
    /// Grade of relevance; 0 is not relevant.
    pub grade: u32,
}

/// From the worker to the page: `{"progress": {"id": …}}`. A tag within the object, as in [`Request`], would make the page
/// 100 kB larger: serde reads what follows a tag into a value of any type first, by code of its own for every type.
// The large variant is sent once per load.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The worker has started.
    Started { webgpu: bool },
    /// Progress of request `id`.
    Progress {
        id: Id,
        stage: ProgressStage,
        /// Bytes (download, cache, check, keep) or items.
        done: f64,
        total: f64,
        seconds_left: Option<f64>,
    },
    /// The model is loaded.
    ModelReady { id: Id, model: ModelInfo, device: DeviceReport },
    /// The model was moved to another device, for instance because the GPU was lost.
    DeviceChanged { device: DeviceReport },
    /// A corpus is open and can be searched.
    CorpusReady { id: Id, corpus: CorpusInfo },
    /// The ranking for a query.
    Results { id: Id, results: Results },
    /// Vectors, row after row, `dimension` numbers each.
    Vectors { id: Id, dimension: usize, values: Vec<f32>, cut: Cut },
    /// A passage in the requested language; `None` if the corpus has none.
    Reading { id: Id, reading: Option<Reading> },
    /// The stored text; no files if there is none.
    Recalled { id: Id, files: Vec<OpenedFile>, windows: bool },
    /// A data set is open.
    TaskReady { id: Id, task: TaskInfo },
    /// A model was evaluated; from now on, the request's id identifies the run.
    Evaluated { id: Id, report: EvalReport },
    /// Queries of a cell, in the requested order.
    Queries { id: Id, rows: Vec<QueryRow>, total: usize },
    /// A query's top passages, then its relevant passages further down.
    Ranking { id: Id, query: QueryRow, passages: Vec<RankedPassage> },
    /// The comparison of two runs.
    Compared { id: Id, comparison: Comparison },
    /// A benchmark's results so far, and what is being timed now: nothing in the last event.
    Benchmark { id: Id, report: BenchmarkReport, now: Option<(BenchmarkTarget, BenchmarkCell)> },
    /// A file to download.
    File {
        id: Id,
        name: String,
        #[serde(with = "bytes")]
        bytes: Vec<u8>,
    },
    /// Information about request `id`, which continues; for instance that the browser's storage is full.
    Note { id: Id, note: String },
    /// Request `id` was cancelled by the user.
    Cancelled { id: Id },
    /// A cache was cleared.
    CacheCleared { id: Id, files: usize },
    /// A model was inspected.
    Offered { id: Id, offer: Offer },
    /// A model's properties.
    Described { id: Id, card: ModelCard },
    /// The stored models, the newest first.
    Kept { id: Id, models: Vec<StoredModel> },
    /// Request `id` failed; what was open stays open.
    Failed { id: Id, problem: String },
}

/// A loaded model's properties.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    pub name: String,
    /// Where it was loaded from.
    pub url: String,
    pub licence: String,
    pub languages: Vec<String>,
    pub dimension: usize,
    pub layers: usize,
    pub vocabulary: usize,
    pub parameters: u64,
    /// `f32`, `f16`, `q8` or `q4`.
    pub quantization: String,
    /// Size of all files, in bytes.
    pub bytes: u64,
    /// Whether every file came from the browser's cache.
    pub from_cache: bool,
    /// SHA-256 of the manifest.
    pub hash: String,
    /// The manifest's training recipe and results, as indented JSON.
    pub recipe: String,
    /// Milliseconds until it was ready.
    pub load_ms: f64,
}

/// A model's device, and the result of its self-test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceReport {
    /// `cpu` or `webgpu`.
    pub kind: String,
    /// The adapter's name, or `WebAssembly, SIMD`.
    pub adapter: String,
    /// Precision of the computation.
    pub precision: String,
    /// Largest difference from the bundle's reference vectors.
    pub self_test_difference: f32,
    /// The lowest cosine to one of them, which are the CPU's in f32.
    pub self_test_cosine: f32,
    /// Tolerance of the difference.
    pub self_test_tolerance: f32,
    /// Devices that were not used or lost, one sentence each.
    pub notes: Vec<String>,
    /// Milliseconds for one short query, by device, if measured.
    pub measured: Vec<(String, f64)>,
}

/// An open corpus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CorpusInfo {
    pub name: String,
    pub passages: usize,
    /// Languages with their number of passages, in descending order.
    pub languages: Vec<(String, usize)>,
    /// Example questions.
    pub examples: Vec<ExampleQuestion>,
    /// Lines that were left out, one sentence each for the first few, and other notes.
    pub notes: Vec<String>,
    /// How tables and JSON lines were read.
    #[serde(default)]
    pub fields: Vec<Fields>,
    /// Whether only its examples can be searched until a model is loaded.
    pub precomputed: bool,
    /// Whether passages longer than the model's window are split into overlapping windows.
    #[serde(default)]
    pub windows: bool,
    /// What the model's window truncated in the passages; `None` if not known yet.
    #[serde(default)]
    pub cut: Option<Cut>,
    /// Whether it is the user's own text and stored in the browser.
    #[serde(default)]
    pub kept: bool,
}

/// An example question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExampleQuestion {
    pub language: String,
    pub text: String,
    /// Id of the passages that answer it.
    pub answer_id: String,
    /// The rank of the first of them among all passages, if known: for the sample, with the default model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<usize>,
}

impl ExampleQuestion {
    /// Whether its answer is known not to be ranked first.
    pub fn is_harder(&self) -> bool {
        self.rank.is_some_and(|rank| rank > 1)
    }
}

/// A ranking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    pub query: String,
    /// The query's language, as used for the scope.
    pub language: Option<String>,
    /// Whether that language was detected rather than specified.
    pub detected: bool,
    pub hits: Vec<Hit>,
    /// If the query is one of the corpus's questions, the best rank of its answers among all ranked passages; `None` also
    /// if none of them was ranked.
    #[serde(default)]
    pub answer_rank: Option<usize>,
    /// Number of ranked passages, by language.
    pub pool: Vec<(String, usize)>,
    /// Milliseconds to encode the query; 0 if its vector came with the corpus.
    pub encode_ms: f64,
    /// Milliseconds to score and rank.
    pub search_ms: f64,
    /// For instance that the query was truncated to the model's window.
    pub notes: Vec<String>,
    /// What the model's window truncated in the query, if a model encoded it.
    #[serde(default)]
    pub cut: Option<Cut>,
}

impl Results {
    /// Whether they came with the page ([`FirstScreen`]), so that nothing was timed.
    pub fn is_precomputed(&self) -> bool {
        self.encode_ms == 0.0 && self.search_ms == 0.0
    }
}

/// A ranked passage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// From 1.
    pub rank: usize,
    /// Cosine of query and passage, or the model's own similarity.
    pub score: f32,
    /// The passage's index in the corpus.
    pub passage: usize,
    /// The passage's id; translations of one passage share it.
    pub id: String,
    pub language: String,
    pub text: String,
    /// Title, file or topic.
    pub source: String,
    /// Whether the passage is known to answer the query.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub relevant: bool,
    /// The answer's bytes within `text` (UTF-8), if known.
    pub answer: Option<(usize, usize)>,
    /// If `text` is a window of a longer passage: its start, its end and the passage's length, in UTF-8 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<(usize, usize, usize)>,
}

/// What the page shows of the sample before its worker answers, in `sample/first.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FirstScreen {
    pub corpus: CorpusInfo,
    /// Of the example that a visitor sees first, in each language. No time was taken, so both times are 0.
    pub results: Vec<Results>,
}

/// A passage in a language that the user reads, in place of one in another language.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    pub language: String,
    pub text: String,
    /// Whether it is the same passage in that language; otherwise it is the nearest one, with different content.
    pub parallel: bool,
}

/// Bytes are sent as a `Uint8Array`, not as an array of numbers.
mod bytes {
    use serde::{Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_bytes(bytes)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, v: &[u8]) -> Result<Vec<u8>, E> {
                Ok(v.to_vec())
            }
            fn visit_byte_buf<E>(self, v: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(v)
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u8>, A::Error> {
                let mut out = Vec::new();
                while let Some(b) = seq.next_element()? {
                    out.push(b);
                }
                Ok(out)
            }
        }
        d.deserialize_byte_buf(Visitor)
    }
}
