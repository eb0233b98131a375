//! Static embeddings: folders of model2vec's `StaticModel`, and of sentence-transformers whose first module is a
//! `StaticEmbedding`. Their shape is in the header of the weights alone.
//!
//! A folder with model2vec's `config.json` is read as model2vec does, which leaves out unknown tokens; one without it as
//! sentence-transformers does. Neither adds special tokens.

use half::{bf16, f16};
use safetensors::Dtype;
use serde_json::Value;

use super::{
    header::{self, ArrayEntry},
    object::Object,
    source::FileSource,
};
use crate::{
    Error, Result,
    architecture::{Activation, Config, Family, Pooling},
    bundle::{Array, Quantization, WEIGHTS, weights::Packer},
};

/// `model_type` in model2vec's `config.json`.
pub const MODEL2VEC: &str = "model2vec";
/// What is said of a folder that has only sentence-transformers' files.
pub const STATIC: &str = "static embeddings";

/// Tokens read of a text where nothing limits them.
const NO_LIMIT: usize = 1_000_000;
/// model2vec's default.
const MAX_LENGTH: usize = 512;

/// Fields of model2vec's `config.json` that change no vector: how the table was made, how its file is stored.
const IGNORED: &[&str] = &[
    "apply_pca",
    "apply_zipf",
    "architectures",
    "embedding_dtype",
    "head_config",
    "hidden_dim",
    "pooling",
    "seq_length",
    "sif_coefficient",
    "tokenizer_name",
    "transformers_version",
    "vocabulary_quantization",
];

/// What model2vec's `config.json` says.
pub struct Settings {
    /// Whether vectors are scaled to length 1, and the field.
    pub normalize: (bool, String),
    /// Tokens read of a text; `None`: all.
    pub max_tokens: Option<usize>,
}

/// Reads model2vec's `config.json`.
///
/// # Errors
/// [`Error::Format`] or [`Error::Unsupported`] naming the field.
pub fn settings(mut json: Object) -> Result<Settings> {
    json.text("model_type")?;
    let at = json.at("normalize");
    let normalize = (json.flag("normalize")?.unwrap_or(false), at);
    let is_there = json.has("max_length");
    let max_tokens = match json.number("max_length")? {
        // `null` is no limit.
        None if is_there => None,
        None => Some(MAX_LENGTH),
        Some(0) => return Err(Error::format(json.at("max_length"), "0 is not allowed")),
        Some(n) => Some(n),
    };
    json.finish(IGNORED)?;
    Ok(Settings { normalize, max_tokens })
}

/// The arrays of a table of static embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Tokens.
    pub vocabulary: usize,
    /// Numbers in a row.
    pub hidden: usize,
    /// Whether the table has to be made of several arrays, or of numbers of another type.
    pub is_folded: bool,
}

/// The names of the table: sentence-transformers', and model2vec's.
const TABLES: [&str; 2] = ["embedding.weight", "embeddings"];
/// For each token the number of its row, and a factor.
const MAPPING: &str = "mapping";
const FACTORS: &str = "weights";

/// Whether an array is used.
pub fn is_used(name: &str) -> bool {
    TABLES.contains(&name) || [MAPPING, FACTORS].contains(&name)
}

/// The shape of the table in the folder `root`.
///
/// # Errors
/// [`Error::Format`] naming the file and what is wrong with its header.
pub fn shape(root: &str, source: &mut dyn FileSource) -> Result<Shape> {
    let path = format!("{root}{WEIGHTS}");
    let Some(bytes) = source.beginning(&path)? else {
        return Err(Error::format(
            path,
            "the folder has no such file; static embeddings have to be in safetensors",
        ));
    };
    let wrong = |problem: &str| Error::format(&path, problem.to_string());
    let length = bytes.first_chunk::<8>().map(|n| u64::from_le_bytes(*n));
    let end = length.and_then(|n| usize::try_from(n).ok()?.checked_add(8));
    let json = end.and_then(|end| bytes.get(8..end));
    let json =
        json.ok_or_else(|| wrong("not a safetensors file of static embeddings: its header is too long"))?;
    let entries = header::parse(&path, json)?;
    let of = |name: &str| entries.iter().find(|entry| entry.name == name);
    let table = TABLES.iter().find_map(|name| of(name));
    let table = table.ok_or_else(|| wrong("it has neither embedding.weight nor embeddings"))?;
    let [rows, hidden] = table.shape[..] else {
        return Err(wrong("its table has to have two dimensions"));
    };
    let (mapping, factors) = (of(MAPPING), of(FACTORS));
    let vocabulary = match mapping.or(factors) {
        Some(ArrayEntry { shape, .. }) if shape.len() != 1 => {
            return Err(wrong("weights and mapping have to have one number for each token"));
        }
        Some(entry) => entry.shape[0],
        None => rows,
    };
    if [mapping, factors].into_iter().flatten().any(|entry| entry.shape != [vocabulary])
        || (mapping.is_none() && vocabulary != rows)
    {
        return Err(wrong("its arrays have different numbers of tokens"));
    }
    let is_read = matches!(table.dtype, Some(Dtype::F32 | Dtype::F16 | Dtype::BF16));
    Ok(Shape { vocabulary, hidden, is_folded: mapping.is_some() || factors.is_some() || !is_read })
}

/// A configuration without blocks.
pub fn config(shape: Shape, normalize: bool, max_tokens: Option<usize>) -> Config {
    Config {
        family: Family::Static,
        vocabulary: shape.vocabulary,
        hidden: shape.hidden,
        layers: 0,
        heads: 0,
        intermediate: 0,
        positions: 0,
        first_position: 0,
        layer_norm_epsilon: 0.0,
        activation: Activation::Identity,
        max_tokens: max_tokens.unwrap_or(NO_LIMIT).min(NO_LIMIT),
        pooling: Pooling::Mean,
        dense: Vec::new(),
        normalize,
        rotary: None,
        decoder: None,
        truncate: None,
        dropped: None,
    }
}

/// A tokenizer as it is, but for what is added around texts.
pub struct Tokens {
    /// `tokenizer.json`.
    pub json: Vec<u8>,
    /// The unknown token.
    pub unknown: Option<u32>,
    /// `truncation`, `max_length`.
    pub max_tokens: Option<usize>,
}

/// Reads `tokenizer.json`.
///
/// # Errors
/// [`Error::Format`] naming the file.
pub fn tokens(place: &str, bytes: Vec<u8>) -> Result<Tokens> {
    let wrong = |e: String| Error::format(place, e);
    let mut document: Value = serde_json::from_slice(&bytes).map_err(|e| wrong(format!("not JSON: {e}")))?;
    let model = &document["model"];
    let unknown = match model["unk_token"].as_str() {
        Some(token) => {
            let added = document["added_tokens"].as_array().into_iter().flatten();
            let added =
                added.filter(|entry| entry["content"] == token).find_map(|entry| entry["id"].as_u64());
            added.or_else(|| model["vocab"][token].as_u64())
        }
        None => model["unk_id"].as_u64(),
    };
    let max_tokens = document["truncation"]["max_length"].as_u64().and_then(|n| usize::try_from(n).ok());
    let around = document["post_processor"].take();
    let json = match around.is_null() {
        true => bytes,
        false => serde_json::to_vec(&document).map_err(|e| wrong(e.to_string()))?,
    };
    Ok(Tokens { json, unknown: unknown.and_then(|id| u32::try_from(id).ok()), max_tokens })
}

/// Arrays of a table that has to be made of several, as their bytes.
#[derive(Default)]
pub struct Folded {
    arrays: Vec<(ArrayEntry, Vec<u8>)>,
}

impl Folded {
    /// Takes an array.
    pub fn insert(&mut self, entry: ArrayEntry, bytes: Vec<u8>) {
        self.arrays.push((entry, bytes));
    }

    /// The table, packed: `table[token] = embeddings[mapping[token]] · weights[token]`.
    ///
    /// # Errors
    /// Says what is wrong with them.
    pub fn table(
        &self,
        shape: Shape,
        quantization: Option<Quantization>,
    ) -> std::result::Result<Array, String> {
        let of = |names: &[&str]| {
            let found = self.arrays.iter().find(|(entry, _)| names.contains(&entry.name.as_str()));
            found.map(|(entry, bytes)| Numbers::new(entry, bytes)).transpose()
        };
        let table = of(&TABLES)?.ok_or("it has no table")?;
        let (mapping, factors) = (of(&[MAPPING])?, of(&[FACTORS])?);
        let Shape { vocabulary, hidden, .. } = shape;
        let rows = table.count() / hidden.max(1);
        let mut packer = Packer::new(vec![vocabulary, hidden], Dtype::F32, quantization, true, true)?;
        for token in 0..vocabulary {
            let row = mapping.as_ref().map_or(token as f64, |mapping| mapping.at(token));
            if !(row >= 0.0 && row < rows as f64) {
                return Err(format!("mapping of token {token} is {row}, but there are {rows} rows"));
            }
            let factor = factors.as_ref().map_or(1.0, |factors| factors.at(token));
            let first = row as usize * hidden;
            let values = (first..first + hidden).map(|i| (table.at(i) * factor) as f32);
            packer.push(&values.flat_map(f32::to_le_bytes).collect::<Vec<u8>>())?;
        }
        packer.finish()
    }
}

/// Reads the number that some bytes begin with.
type Read = fn(&[u8]) -> Option<f64>;

/// The numbers of an array.
struct Numbers<'a> {
    bytes: &'a [u8],
    size: usize,
    read: Read,
}

impl<'a> Numbers<'a> {
    fn new(entry: &ArrayEntry, bytes: &'a [u8]) -> std::result::Result<Self, String> {
        let (size, read): (_, Read) = match entry.dtype {
            Some(Dtype::F64) => (8, |b| Some(f64::from_le_bytes(*b.first_chunk()?))),
            Some(Dtype::F32) => (4, |b| Some(f32::from_le_bytes(*b.first_chunk()?).into())),
            Some(Dtype::F16) => (2, |b| Some(f16::from_le_bytes(*b.first_chunk()?).into())),
            Some(Dtype::BF16) => (2, |b| Some(bf16::from_le_bytes(*b.first_chunk()?).into())),
            Some(Dtype::I8) => (1, |b| Some(i8::from_le_bytes(*b.first_chunk()?).into())),
            Some(Dtype::I32) => (4, |b| Some(i32::from_le_bytes(*b.first_chunk()?).into())),
            Some(Dtype::I64) => (8, |b| Some(i64::from_le_bytes(*b.first_chunk()?) as f64)),
            other => {
                let what = other.map_or("unknown".into(), |dtype| format!("{dtype:?}"));
                let known = "only F32, F16, BF16, F64, I8, I32 and I64 are supported";
                return Err(format!("type {what} of {}: {known}", entry.name));
            }
        };
        Ok(Self { bytes, size, read })
    }

    fn count(&self) -> usize {
        self.bytes.len() / self.size
    }

    /// Number `i`; not a number beyond the end.
    fn at(&self, i: usize) -> f64 {
        self.bytes.get(i * self.size..).and_then(self.read).unwrap_or(f64::NAN)
    }
}
