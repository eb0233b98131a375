//! What the page and its worker say to each other.
//!
//! The page sends [`Request`]s, the worker answers with [`Event`]s; both cross through
//! serde-wasm-bindgen. A request carries an id, and every event about it carries the same one.

// What a message's fields are, their names and types say.
#![allow(missing_docs)]

use serde::{Deserialize, Serialize};

use crate::benchmark::{Cell, Plan, Report, Way};
pub use crate::choice::{DeviceChoice, PrecisionChoice};
use crate::datasets::{Columns, Fields};
use crate::evaluation::{Comparison, EvalReport, Measure, Setting};
use crate::history::History;
use crate::hub::About;
pub use crate::retrieval::Scope;
use crate::text::{Cut, Kind};

/// A request's number, unique for the life of the page.
pub type Id = u32;

/// Under this name the browser's handles of a person's files come beside a request.
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
    /// Open a person's own passages: XQuAD-R files, JSON lines, tables or plain lines, packed or not.
    OpenFiles {
        id: Id,
        files: Vec<OpenedFile>,
        /// Split passages that are longer than the model's window into overlapping windows.
        #[serde(default)]
        windows: bool,
        /// Keep text and vectors in the browser's storage, in place of the text that was kept before.
        #[serde(default)]
        keep: bool,
    },
    /// The text that is kept in the browser's storage; answered by [`Event::Recalled`].
    RecallFiles { id: Id },
    /// Forget it, and its vectors; answered by [`Event::CacheCleared`].
    ForgetFiles { id: Id },
    /// Rank the open corpus for a query.
    Search {
        id: Id,
        query: String,
        /// The query's language where it is known, else it is detected.
        language: Option<String>,
        scope: Scope,
        /// Passage languages to keep; empty keeps all.
        languages: Vec<String>,
        /// How many hits to return.
        top: usize,
    },
    /// A passage of the open corpus in another language; answered by [`Event::Reading`].
    Read {
        id: Id,
        /// Which passage, from 0.
        passage: usize,
        language: String,
    },
    /// Vectors of `texts` (tests and the JavaScript interface's worker use).
    Encode { id: Id, texts: Vec<String>, kind: Kind },
    /// Open a data set to measure models on; answered by [`Event::TaskReady`].
    OpenTask { id: Id, source: TaskSource },
    /// Measure a model on the open data set; answered by [`Event::Evaluated`]. Vectors that were made
    /// before are taken from the browser's storage.
    Evaluate {
        id: Id,
        /// The bundle's address.
        url: String,
        device: DeviceChoice,
        #[serde(default)]
        precision: PrecisionChoice,
        /// Languages that take part; empty for all.
        languages: Vec<String>,
        /// Leading directions of each language to remove first (LIR).
        lir: Option<usize>,
        /// Measures beside those that are always there.
        #[serde(default)]
        measures: Vec<Measure>,
        /// The lowest grade that counts as relevant; 1 where it is not given.
        #[serde(default)]
        relevance: Option<u32>,
    },
    /// Queries of one cell of run `run` (the id of its [`Request::Evaluate`]), worst first; answered
    /// by [`Event::Queries`].
    Queries { id: Id, run: Id, cell: CellChoice, offset: usize, count: usize },
    /// One query's ranking in one cell; answered by [`Event::Ranking`].
    Ranking { id: Id, run: Id, cell: CellChoice, query: String, top: usize },
    /// Run `b` against run `a`, which must be of the same data; answered by [`Event::Compared`].
    Compare { id: Id, a: Id, b: Id, measure: String },
    /// A file about a run; answered by [`Event::File`].
    Export { id: Id, run: Id, what: ExportKind, cell: CellChoice },
    /// Time how a model encodes; [`Event::Benchmark`] tells what there is after each step.
    Benchmark {
        id: Id,
        /// The bundle's address.
        url: String,
        /// The sample corpus' folder: texts are taken from there where the open corpus has none in the
        /// plan's language.
        sample: String,
        plan: Plan,
    },
    /// Remove stored vectors from the browser's storage; answered by [`Event::CacheCleared`].
    ClearVectors { id: Id },
    /// Look at a model before anything large of it comes; answered by [`Event::Offered`].
    Offer { id: Id, source: ModelSource },
    /// What models this browser keeps; answered by [`Event::Kept`].
    ListKept { id: Id },
    /// Remove one of them; answered by [`Event::Kept`] with those that stay.
    RemoveKept {
        id: Id,
        /// As in [`KeptModel::url`].
        url: String,
    },
    /// What a model is by its manifest, without its files; answered by [`Event::Described`].
    Describe {
        id: Id,
        /// As in [`Request::Load`]; of a hub's model only where this browser keeps it.
        url: String,
    },
    /// Stop what request `id` started.
    Cancel { id: Id },
    /// Remove cached model files from the browser's storage.
    ClearCache { id: Id },
    /// For tests: give the GPU up, as a driver's crash would.
    #[serde(rename = "debug-lose-gpu")]
    DebugLoseGpu { id: Id },
}

/// A file as the page read it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenedFile {
    /// Its name, or `pasted text`.
    pub name: String,
    /// Its bytes.
    #[serde(with = "bytes")]
    pub bytes: Vec<u8>,
    /// Which columns or fields the person chose.
    #[serde(default)]
    pub columns: Columns,
}

/// Where a model may come from that is no bundle yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ModelSource {
    /// A hub's, by an address as [`Request::Load`] takes it, without a way of packing: `hub:owner/name@revision`.
    Hub { url: String },
    /// A person's own files, which come beside the request: their paths within the folder, with `/`.
    Files { paths: Vec<String> },
}

/// A model before anything large of it has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// What [`Request::Load`] takes, without a way of packing.
    pub url: String,
    /// What it is, and what has to come.
    pub about: About,
    /// The version that was looked at, where the hub tells one.
    pub commit: Option<String>,
    /// Whether only who was let in may have its files.
    pub gated: bool,
    /// Bytes that this browser lets the page keep, and how many of them it keeps already, where it tells.
    pub room: Option<(f64, f64)>,
    /// Ways of packing in which it is kept here already.
    pub kept: Vec<String>,
}

/// A model that this browser keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptModel {
    /// What [`Request::Load`] takes.
    pub url: String,
    pub name: String,
    pub quantization: String,
    pub bytes: u64,
    /// The day on which it was loaded last, in UTC: `2026-01-31`.
    pub date: Option<String>,
}

/// What a model's manifest says.
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
    /// What precedes a query, and a passage.
    pub prompts: [String; 2],
    /// What the weights had been trained on before, and who says so.
    pub background: String,
    pub history: History,
    /// Evaluations, without language bias.
    pub reports: Vec<EvalReport>,
    /// Results in the manifest that are of another form.
    pub other_results: usize,
    pub files: Vec<ModelFile>,
    /// SHA-256 of the manifest.
    pub hash: String,
    /// SHA-256 of the weights as one file.
    pub weights: String,
    /// Texts whose vectors a device has to reproduce.
    pub self_tests: usize,
    /// How the manifest came, where that is worth knowing.
    pub notes: Vec<String>,
}

/// A file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFile {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
}

/// What is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Files come over the network.
    Download,
    /// Files come from the browser's cache.
    Cache,
    /// Sizes and hashes are checked.
    Check,
    /// What was made is kept in the browser's storage.
    Keep,
    /// Weights go to a device.
    Prepare,
    /// A device reproduces the bundle's reference vectors.
    SelfTest,
    /// Devices are timed against each other.
    Measure,
    /// Passages are encoded.
    Encode,
    /// Questions are encoded.
    EncodeQueries,
    /// Rankings are computed and measured.
    Score,
    /// Calls are timed.
    Benchmark,
}

/// A data set to measure models on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum TaskSource {
    /// The sample corpus in the folder at `url`.
    Sample { url: String },
    /// The `<lang>.json` files of `xquad-r` or `mlqa-r` under `base`.
    Download { dataset: String, base: String },
    /// A person's files: XQuAD-R or MLQA-R, or passages and questions as JSON lines.
    Files { files: Vec<OpenedFile> },
}

/// An open data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskInfo {
    pub name: String,
    /// SHA-256 of its texts.
    pub hash: String,
    /// Code, questions, passages.
    pub languages: Vec<(String, usize, usize)>,
    pub queries: usize,
    pub passages: usize,
    /// What was left out or assumed, a sentence each.
    pub notes: Vec<String>,
    /// How tables and JSON lines were read.
    #[serde(default)]
    pub fields: Vec<Fields>,
}

/// A cell of the report: passages of one language, or of all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellChoice {
    pub setting: Setting,
    /// The questions' language; `None` is all.
    pub from: Option<String>,
    /// The passages' language, for mono and cross; `None` is each in turn.
    pub to: Option<String>,
}

/// A file about a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExportKind {
    /// The report as JSON.
    Json,
    /// The report's numbers, a line each.
    Csv,
    /// A LaTeX table.
    Latex,
    /// The cell's rankings in trec_eval's form.
    Run,
    /// The cell's relevant passages in trec_eval's form.
    Qrels,
}

/// A query of a run and how well it did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryRow {
    /// `<lang>:<question id>`.
    pub query: String,
    pub language: String,
    pub text: String,
    /// The passages' language in mono and cross settings.
    pub to: Option<String>,
    /// Average precision.
    pub ap: f64,
    /// Ranks of the relevant passages, ascending.
    pub ranks: Vec<usize>,
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
    /// How relevant; 0 is not.
    pub grade: u32,
}

/// From the worker to the page.
// The large variant crosses once a load.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Event {
    /// The worker is there and listens.
    Started { webgpu: bool },
    /// How far request `id` is.
    Progress {
        id: Id,
        stage: Stage,
        /// Bytes (download, cache, check) or items.
        done: f64,
        total: f64,
        seconds_left: Option<f64>,
    },
    /// The model runs.
    ModelReady { id: Id, model: ModelInfo, device: DeviceReport },
    /// The model now runs elsewhere, for instance because the GPU was lost.
    DeviceChanged { device: DeviceReport },
    /// A corpus is open and searchable.
    CorpusReady { id: Id, corpus: CorpusInfo },
    /// The ranking for a query.
    Results { id: Id, results: Results },
    /// Vectors, row after row, `dimension` numbers each.
    Vectors { id: Id, dimension: usize, values: Vec<f32>, cut: Cut },
    /// A passage in the language that [`Request::Read`] asked for; `None` where the corpus has none in it.
    Reading { id: Id, reading: Option<Reading> },
    /// The text that is kept; no files where there is none.
    Recalled { id: Id, files: Vec<OpenedFile>, windows: bool },
    /// A data set is open.
    TaskReady { id: Id, task: TaskInfo },
    /// A model was measured; the run is known by the request's id from now on.
    Evaluated { id: Id, report: EvalReport },
    /// Queries of a cell, worst first.
    Queries { id: Id, rows: Vec<QueryRow>, total: usize },
    /// A query's first passages, then its relevant passages further down.
    Ranking { id: Id, query: QueryRow, passages: Vec<RankedPassage> },
    /// Two runs against each other.
    Compared { id: Id, comparison: Comparison },
    /// How far a benchmark is: what is being timed now, with what was timed so far. The last one has
    /// nothing under way.
    Benchmark { id: Id, report: Report, now: Option<(Way, Cell)> },
    /// A file to save.
    File {
        id: Id,
        name: String,
        #[serde(with = "bytes")]
        bytes: Vec<u8>,
    },
    /// Something to know about request `id`, which goes on; for instance that the browser's storage
    /// is full.
    Note { id: Id, note: String },
    /// Request `id` was stopped because the person asked.
    Cancelled { id: Id },
    /// The cache is empty.
    CacheCleared { id: Id, files: usize },
    /// What a model is.
    Offered { id: Id, offer: Offer },
    /// What a model is.
    Described { id: Id, card: ModelCard },
    /// The models that this browser keeps, the newest first.
    Kept { id: Id, models: Vec<KeptModel> },
    /// Request `id` failed; what was open stays open.
    Failed { id: Id, problem: String },
}

/// A loaded model, in numbers a person can read.
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

/// Where the model runs, and how one knows that it runs right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceReport {
    /// `cpu` or `webgpu`.
    pub kind: String,
    /// The adapter's name, or `WebAssembly, SIMD`.
    pub adapter: String,
    /// Precision the blocks compute in.
    pub precision: String,
    /// Largest difference from the bundle's reference vectors.
    pub self_test_difference: f32,
    /// The lowest cosine to one of them: they are the CPU's in f32.
    pub self_test_cosine: f32,
    /// What the difference may be at most.
    pub self_test_tolerance: f32,
    /// Devices that were passed over or lost, a sentence each.
    pub notes: Vec<String>,
    /// Milliseconds for one short query, by device, where they were measured.
    pub measured: Vec<(String, f64)>,
}

/// An open corpus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CorpusInfo {
    pub name: String,
    pub passages: usize,
    /// Languages with their number of passages, most first.
    pub languages: Vec<(String, usize)>,
    /// Questions that come with it, to try.
    pub examples: Vec<Example>,
    /// Lines that were left out, a sentence each (the first few), and anything else to know.
    pub notes: Vec<String>,
    /// How tables and JSON lines were read.
    #[serde(default)]
    pub fields: Vec<Fields>,
    /// Whether it can be searched only for its examples until a model is loaded.
    pub precomputed: bool,
    /// Whether passages that are longer than the model's window are split into overlapping windows.
    #[serde(default)]
    pub windows: bool,
    /// What the model's window left out of the passages; `None` while that is not known.
    #[serde(default)]
    pub cut: Option<Cut>,
    /// Whether it is a person's own text that is kept in the browser's storage.
    #[serde(default)]
    pub kept: bool,
}

/// A question to click.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Example {
    pub language: String,
    pub text: String,
    /// Id of the passages that answer it.
    pub answer_id: String,
    /// At which rank the first of them stands among all passages, where that is known: of a sample, with the model
    /// that the page starts with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<usize>,
}

impl Example {
    /// Whether its answer is known not to come first.
    pub fn is_harder(&self) -> bool {
        self.rank.is_some_and(|rank| rank > 1)
    }
}

/// A ranking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    pub query: String,
    /// The query's language as used for the scope.
    pub language: Option<String>,
    /// Whether that language was detected rather than given.
    pub detected: bool,
    pub hits: Vec<Hit>,
    /// Where the query is one of the corpus's questions: the rank of the first passage that is known to answer it,
    /// among all that were ranked; `None` too where none of those was ranked.
    #[serde(default)]
    pub answer_rank: Option<usize>,
    /// Passages that were ranked, by language.
    pub pool: Vec<(String, usize)>,
    /// Milliseconds to encode the query; 0 when its vector came with the corpus.
    pub encode_ms: f64,
    /// Milliseconds to score and rank.
    pub search_ms: f64,
    /// Anything to know, for instance that the query was cut to the model's window.
    pub notes: Vec<String>,
    /// What the model's window left out of the query, where a model encoded it.
    #[serde(default)]
    pub cut: Option<Cut>,
}

/// A ranked passage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// From 1.
    pub rank: usize,
    /// Cosine of query and passage, or what the model compares by.
    pub score: f32,
    /// Which of the corpus's passages, from 0.
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
    /// The answer to the query within `text`, in UTF-8 bytes, where it is known.
    pub answer: Option<(usize, usize)>,
    /// Where `text` is a window of a longer passage: its start, its end and the passage's length, in UTF-8 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<(usize, usize, usize)>,
}

/// What a person reads instead of a passage in a language that they cannot read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    pub language: String,
    pub text: String,
    /// Whether it is the same passage in that language; else it is the nearest one there, which says something else.
    pub parallel: bool,
}

/// Bytes cross as a `Uint8Array`, not as an array of numbers.
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
