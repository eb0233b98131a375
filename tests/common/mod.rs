//! Shared by the encoder's tests: reference values, and locations of models.
#![allow(dead_code)] // each test program uses a part of it

pub mod fetched;
pub mod folders;
pub mod tiny;

use std::{
    fs,
    path::{Path, PathBuf},
};

use interlingua::{bundle::Bundle, bundle::Weights};

/// The checkpoints written by `reference/make.py`.
pub const CHECKPOINTS: [&str; 19] = [
    "xlm-r",
    "e5",
    "labse",
    "cls-relu",
    "max-gelu-new",
    "plain",
    "distil-bert",
    "mpnet",
    "modern-bert",
    "modern-bert-cls",
    "qwen3",
    "qwen2",
    "mistral",
    "llama",
    "gemma",
    "gemma-causal",
    "static",
    "model2vec",
    "model2vec-folded",
];

/// A reference file.
pub fn reference(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(path)
}

/// The folder of a small checkpoint.
pub fn checkpoint(name: &str) -> PathBuf {
    reference("checkpoints").join(name)
}

/// A small checkpoint.
pub fn small(name: &str) -> Bundle {
    open(&checkpoint(name))
}

/// The real all-MiniLM-L6-v2.
pub fn minilm() -> Bundle {
    open(&fetched::minilm())
}

/// Opens a model folder or bundle.
pub fn open(folder: &Path) -> Bundle {
    Bundle::open(folder).unwrap_or_else(|e| panic!("{e}"))
}

/// Every reference text.
pub fn texts() -> Vec<String> {
    let path = reference("texts.json");
    let bytes = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_slice(&bytes).expect("texts.json is a list of strings")
}

/// Vectors of [`texts`] by all-MiniLM-L6-v2 in sentence-transformers.
pub fn minilm_vectors() -> Vec<f32> {
    array(&reference("minilm.safetensors"), "vectors")
}

/// A small checkpoint's expected vectors.
pub struct Expected {
    /// The texts.
    pub texts: Vec<String>,
    /// Their vectors as queries.
    pub query: Vec<f32>,
    /// Their vectors as passages.
    pub passage: Vec<f32>,
}

/// The vectors that sentence-transformers computes for a small checkpoint.
pub fn expected(name: &str) -> Expected {
    let path = reference(&format!("checkpoints/{name}.safetensors"));
    let bytes = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let all = texts();
    let indices = file.tensor("texts").expect("text indices");
    let texts = indices
        .data()
        .chunks(4)
        .map(|b| all[i32::from_le_bytes(b.try_into().expect("four bytes")) as usize].clone())
        .collect();
    Expected { texts, query: array(&path, "query"), passage: array(&path, "passage") }
}

fn array(path: &Path, name: &str) -> Vec<f32> {
    let bytes = fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let weights = Weights::from_safetensors(&path.display().to_string(), &bytes).expect("reference values");
    weights.need(name).expect("reference values").to_f32()
}

/// Views of strings.
pub fn refs(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

/// The largest absolute difference.
pub fn worst(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len(), "as many values");
    a.iter().zip(b).fold(0.0, |m, (a, b)| m.max((a - b).abs()))
}

/// Mean and smallest cosine between rows of width `d`.
pub fn cosines(a: &[f32], b: &[f32], d: usize) -> (f64, f64) {
    assert_eq!(a.len(), b.len(), "as many values");
    let dot =
        |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum() };
    let all: Vec<f64> =
        a.chunks(d).zip(b.chunks(d)).map(|(a, b)| dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()).collect();
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    (mean, all.iter().copied().fold(f64::INFINITY, f64::min))
}
