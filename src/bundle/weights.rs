//! Named arrays, packed or not, and reading and writing them as safetensors.
//!
//! A packed `[rows, columns]` matrix `x` is stored as `x` (I8) for q8, or `x.q4` (U8, two values a byte, low
//! nibble first; the integer is the nibble minus 8) for q4, together with `x.scales` (F16,
//! `[rows, columns / 32]`): value = integer × scale of its block of [`BLOCK`] columns.

use std::{borrow::Cow, collections::BTreeMap};

use half::f16;
use safetensors::{
    Dtype, SafeTensors,
    tensor::{Metadata, TensorInfo, TensorView},
};
use serde::{Deserialize, Serialize};

use crate::{Error, Problem, Result};

mod packer;

pub(super) use packer::Packer;
mod pieces;

/// Integers, and a scale for each block of them.
type Packed<'a> = (Cow<'a, [i8]>, Cow<'a, [f16]>);

/// Columns that share a scale.
pub const BLOCK: usize = 32;

/// How matrices are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quantization {
    /// 4 bytes per weight.
    #[default]
    F32,
    /// 2 bytes per weight.
    F16,
    /// 1 byte per weight, and a scale for each [`BLOCK`].
    Q8,
    /// Half a byte per weight for the word embedding table, and for matrices that 4 bits represent as well as
    /// f16 does (those that were in 4 bits before); the rest as [`Q8`](Self::Q8).
    Q4,
}

impl Quantization {
    /// How everything except the word embedding table is stored.
    pub fn beside_table(self) -> Self {
        match self {
            Self::Q4 => Self::Q8,
            other => other,
        }
    }
}

impl std::fmt::Display for Quantization {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Q8 => "q8",
            Self::Q4 => "q4",
        })
    }
}

impl std::str::FromStr for Quantization {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self> {
        match s {
            "f32" => Ok(Self::F32),
            "f16" => Ok(Self::F16),
            "q8" => Ok(Self::Q8),
            "q4" => Ok(Self::Q4),
            _ => Err(Error::Input(format!("`{s}` is not one of f32, f16, q8, q4"))),
        }
    }
}

/// An array as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Its logical shape.
    pub shape: Vec<usize>,
    storage: Storage,
}

#[derive(Debug, Clone, PartialEq)]
enum Storage {
    F32(Vec<f32>),
    F16(Vec<f16>),
    Q8 { values: Vec<i8>, scales: Vec<f16> },
    Q4 { values: Vec<u8>, scales: Vec<f16> },
}

impl Array {
    /// An unpacked array; the length of `values` must match `shape`.
    pub fn f32(shape: Vec<usize>, values: Vec<f32>) -> Self {
        debug_assert_eq!(shape.iter().product::<usize>(), values.len());
        Self { shape, storage: Storage::F32(values) }
    }

    /// All elements in f32.
    pub fn to_f32(&self) -> Vec<f32> {
        match &self.storage {
            Storage::F32(v) => v.clone(),
            Storage::F16(v) => v.iter().map(|x| x.to_f32()).collect(),
            Storage::Q8 { .. } | Storage::Q4 { .. } => {
                let width = self.shape[1];
                let mut out = vec![0.0; self.shape[0] * width];
                out.chunks_mut(width).enumerate().for_each(|(i, row)| self.row(i, row));
                out
            }
        }
    }

    /// Unpacks row `i` of a matrix into `out`, which must have its width.
    pub fn row(&self, i: usize, out: &mut [f32]) {
        let width = out.len();
        match &self.storage {
            Storage::F32(v) => out.copy_from_slice(&v[i * width..(i + 1) * width]),
            Storage::F16(v) => {
                let row = &v[i * width..(i + 1) * width];
                out.iter_mut().zip(row).for_each(|(o, x)| *o = x.to_f32());
            }
            Storage::Q8 { values, scales } => {
                let row = &values[i * width..(i + 1) * width];
                let scales = &scales[i * width / BLOCK..(i + 1) * width / BLOCK];
                for ((o, q), s) in out.chunks_mut(BLOCK).zip(row.chunks(BLOCK)).zip(scales) {
                    let s = s.to_f32();
                    o.iter_mut().zip(q).for_each(|(o, &q)| *o = f32::from(q) * s);
                }
            }
            Storage::Q4 { values, scales } => {
                let row = &values[i * width / 2..(i + 1) * width / 2];
                let scales = &scales[i * width / BLOCK..(i + 1) * width / BLOCK];
                for ((o, q), s) in out.chunks_mut(BLOCK).zip(row.chunks(BLOCK / 2)).zip(scales) {
                    let s = s.to_f32();
                    for (pair, &byte) in o.chunks_mut(2).zip(q) {
                        pair[0] = (f32::from(byte & 15) - 8.0) * s;
                        pair[1] = (f32::from(byte >> 4) - 8.0) * s;
                    }
                }
            }
        }
    }

    /// Integers and scales (`[rows, columns / BLOCK]`) of a packed array, with q4's scales made positive;
    /// `None` for other arrays.
    pub fn q8(&self) -> Option<Packed<'_>> {
        match &self.storage {
            Storage::Q8 { values, scales } => Some((values.into(), scales.into())),
            Storage::Q4 { values, scales } => {
                // Scales may be negative; flipping signs spares the kernels from knowing.
                let integers = values.chunks(BLOCK / 2).zip(scales).flat_map(|(block, scale)| {
                    let sign = if scale.is_sign_negative() { -1 } else { 1 };
                    block.iter().flat_map(|byte| [byte & 15, byte >> 4]).map(move |q| sign * (q as i8 - 8))
                });
                let scales = scales.iter().map(|s| f16::from_f32(s.to_f32().abs()));
                Some((integers.collect(), scales.collect()))
            }
            _ => None,
        }
    }

    /// Whether it is stored bit-identically to `other`.
    pub fn is_same(&self, other: &Self) -> bool {
        let same_f16 = |a: &[f16], b: &[f16]| a.iter().map(|x| x.to_bits()).eq(b.iter().map(|x| x.to_bits()));
        self.shape == other.shape
            && match (&self.storage, &other.storage) {
                (Storage::F32(a), Storage::F32(b)) => {
                    a.iter().map(|x| x.to_bits()).eq(b.iter().map(|x| x.to_bits()))
                }
                (Storage::F16(a), Storage::F16(b)) => same_f16(a, b),
                (Storage::Q8 { values: a, scales: s }, Storage::Q8 { values: b, scales: t }) => {
                    a == b && same_f16(s, t)
                }
                (Storage::Q4 { values: a, scales: s }, Storage::Q4 { values: b, scales: t }) => {
                    a == b && same_f16(s, t)
                }
                _ => false,
            }
    }

    /// Bits per weight, scales aside.
    pub fn bits(&self) -> u32 {
        match self.storage {
            Storage::F32(_) => 32,
            Storage::F16(_) => 16,
            Storage::Q8 { .. } => 8,
            Storage::Q4 { .. } => 4,
        }
    }

    /// Whether 4 bits represent it as well as f16 does: each value to within a part in 1024.
    fn fits_q4(&self) -> bool {
        if matches!(self.storage, Storage::Q4 { .. }) {
            return true;
        }
        if self.shape.len() != 2 || !self.shape[1].is_multiple_of(BLOCK) {
            return false;
        }
        let width = self.shape[1];
        let mut row = vec![0.0; width];
        (0..self.shape[0]).all(|i| {
            self.row(i, &mut row);
            let packed = Self { shape: vec![1, width], storage: q4(&row) };
            near(&row, &packed.to_f32())
        })
    }

    /// The same array stored another way. Only matrices whose width is a multiple of [`BLOCK`] are packed; of
    /// the rest, vectors stay in f32 and matrices become f16.
    pub fn quantize(&self, quantization: Quantization) -> Self {
        let matrix = self.shape.len() == 2;
        let packable = matrix && self.shape[1].is_multiple_of(BLOCK);
        let values = self.to_f32();
        let storage = match quantization {
            Quantization::Q8 if packable => q8(&values),
            Quantization::Q4 if packable => q4(&values),
            Quantization::F32 => Storage::F32(values),
            _ if matrix => Storage::F16(values.into_iter().map(f16::from_f32).collect()),
            _ => Storage::F32(values),
        };
        Self { shape: self.shape.clone(), storage }
    }
}

/// A scale that f16 can represent and with which `largest` still fits `steps`.
fn scale(largest: f32, steps: f32) -> f16 {
    let exact = largest / steps;
    let rounded = f16::from_f32(exact);
    if rounded.to_f32() * steps < largest * (1.0 - 1e-3) {
        f16::from_bits(rounded.to_bits() + 1)
    } else {
        rounded
    }
}

/// The values as multiples of `scale`, rounded and clamped to `low..=high`.
fn integers(block: &[f32], scale: f32, low: f32, high: f32) -> impl Iterator<Item = f32> {
    let inverse = if scale == 0.0 { 0.0 } else { scale.recip() };
    block.iter().map(move |x| (x * inverse).round().clamp(low, high))
}

fn largest(block: &[f32]) -> f32 {
    block.iter().fold(0.0, |m: f32, x| m.max(x.abs()))
}

/// Whether each value is the packed one to a part in 1024.
fn near(values: &[f32], packed: &[f32]) -> bool {
    values.iter().zip(packed).all(|(v, p)| (v - p).abs() <= v.abs() / 1024.0)
}

fn q8(values: &[f32]) -> Storage {
    let mut packed = Vec::with_capacity(values.len());
    let mut scales = Vec::with_capacity(values.len() / BLOCK);
    q8_into(values, &mut packed, &mut scales);
    Storage::Q8 { values: packed, scales }
}

fn q8_into(values: &[f32], packed: &mut Vec<i8>, scales: &mut Vec<f16>) {
    for block in values.chunks(BLOCK) {
        let s = scale(largest(block), 127.0);
        packed.extend(integers(block, s.to_f32(), -127.0, 127.0).map(|q| q as i8));
        scales.push(s);
    }
}

fn q4(values: &[f32]) -> Storage {
    let mut packed = Vec::with_capacity(values.len() / 2);
    let mut scales = Vec::with_capacity(values.len() / BLOCK);
    q4_into(values, &mut packed, &mut scales);
    Storage::Q4 { values: packed, scales }
}

/// With 16 steps the largest value is a poor guide: of many scales, the one with the smallest squared
/// error is chosen. There is one more step below zero than above, so a scale may be negative.
fn q4_into(values: &[f32], packed: &mut Vec<u8>, scales: &mut Vec<f16>) {
    for block in values.chunks(BLOCK) {
        let top = largest(block);
        let error = |s: &f16| -> f32 {
            let s = s.to_f32();
            integers(block, s, -8.0, 7.0).zip(block).map(|(q, x)| (q * s - x).powi(2)).sum()
        };
        let s = (0..24)
            .map(|i| scale(top, 7.0 + 0.25 * i as f32))
            .flat_map(|s| [s, -s])
            .map(|s| (error(&s), s))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map_or(f16::ZERO, |(_, s)| s);
        let q: Vec<u8> = integers(block, s.to_f32(), -8.0, 7.0).map(|q| (q + 8.0) as u8).collect();
        packed.extend(q.chunks(2).map(|p| p[0] | (p[1] << 4)));
        scales.push(s);
    }
}

/// A model's arrays, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Weights(BTreeMap<String, Array>);

impl Weights {
    /// The array with this name.
    pub fn get(&self, name: &str) -> Option<&Array> {
        self.0.get(name)
    }

    /// The array with this name.
    ///
    /// # Errors
    /// [`Error::Format`] when there is none.
    pub fn need(&self, name: &str) -> Result<&Array> {
        self.get(name).ok_or_else(|| Error::format(name, "this tensor is missing from the weights"))
    }

    /// The matrix with this name, `[rows, columns]`.
    ///
    /// # Errors
    /// [`Error::Format`] when it is missing or has another shape.
    pub fn matrix(&self, name: &str, rows: usize, columns: usize) -> Result<&Array> {
        self.shaped(name, &[rows, columns])
    }

    /// The array with this name and shape.
    ///
    /// # Errors
    /// [`Error::Format`] when it is missing or has another shape.
    pub fn shaped(&self, name: &str, shape: &[usize]) -> Result<&Array> {
        let array = self.need(name)?;
        if array.shape != shape {
            return Err(Error::format(name, format!("shape {:?} instead of {shape:?}", array.shape)));
        }
        Ok(array)
    }

    /// The vector with this name, in f32.
    ///
    /// # Errors
    /// [`Error::Format`] when it is missing or has another length.
    pub fn vector(&self, name: &str, length: usize) -> Result<Vec<f32>> {
        Ok(self.shaped(name, &[length])?.to_f32())
    }

    /// Adds or replaces an array.
    pub fn insert(&mut self, name: &str, array: Array) {
        self.0.insert(name.into(), array);
    }

    /// Removes an array.
    pub fn remove(&mut self, name: &str) -> Option<Array> {
        self.0.remove(name)
    }

    /// Names and arrays, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Array)> {
        self.0.iter().map(|(n, a)| (n.as_str(), a))
    }

    /// The arrays whose names `keep` accepts.
    pub fn only(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|(name, _)| keep(name)).map(|(n, a)| (n.clone(), a.clone())).collect())
    }

    /// Number of parameters.
    pub fn parameters(&self) -> u64 {
        self.0.values().map(|a| a.shape.iter().product::<usize>() as u64).sum()
    }

    /// All arrays stored another way; `table` is the name of the word embedding table.
    ///
    /// With q4, the word embedding table (most of a multilingual model) has 4 bits and everything else 8, as the blocks
    /// lose far more by 4 bits than the table does (ARCHITECTURE.md has the figures).
    pub fn quantize(&self, quantization: Quantization, table: &str) -> Self {
        let stored = |(name, array): (&String, &Array)| {
            let quantization = match quantization {
                Quantization::Q4 if name == table || array.fits_q4() => Quantization::Q4,
                other => other.beside_table(),
            };
            (name.clone(), array.quantize(quantization))
        };
        Self(self.0.iter().map(stored).collect())
    }

    /// Reads safetensors, packed or plain (F32, F16, BF16; integer helper tensors are skipped).
    ///
    /// # Errors
    /// [`Error::Format`] naming `file` when the header is invalid or its sizes are wrong.
    pub fn from_safetensors(file: &str, bytes: &[u8]) -> Result<Self> {
        let mut incoming = Incoming::default();
        incoming.finish(file, bytes)?;
        Ok(incoming.into_weights())
    }

    /// Writes safetensors.
    ///
    /// # Errors
    /// [`Error::Format`] when the library rejects a tensor.
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        let mut parts: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
        for (name, array) in &self.0 {
            let shape = array.shape.clone();
            let mut scaled = |scales: &[f16]| {
                let bytes = scales.iter().flat_map(|s| s.to_le_bytes()).collect();
                parts.push((format!("{name}.scales"), Dtype::F16, vec![shape[0], shape[1] / BLOCK], bytes));
            };
            let part = match &array.storage {
                Storage::F32(v) => {
                    (name.clone(), Dtype::F32, shape, v.iter().flat_map(|x| x.to_le_bytes()).collect())
                }
                Storage::F16(v) => {
                    (name.clone(), Dtype::F16, shape, v.iter().flat_map(|x| x.to_le_bytes()).collect())
                }
                Storage::Q8 { values, scales } => {
                    scaled(scales);
                    (name.clone(), Dtype::I8, shape, values.iter().map(|&q| q as u8).collect())
                }
                Storage::Q4 { values, scales } => {
                    scaled(scales);
                    (format!("{name}.q4"), Dtype::U8, vec![shape[0], shape[1] / 2], values.clone())
                }
            };
            parts.push(part);
        }
        let views = parts
            .iter()
            .map(|(name, dtype, shape, bytes)| {
                TensorView::new(*dtype, shape.clone(), bytes)
                    .map(|view| (name.as_str(), view))
                    .map_err(|e| Error::format(name.as_str(), e))
            })
            .collect::<Result<Vec<_>>>()?;
        safetensors::serialize(views, None).map_err(|e| Error::format("safetensors", e))
    }
}

/// Weights whose safetensors files are still being downloaded: each array is read once its last byte has
/// arrived.
#[derive(Default)]
pub struct Incoming {
    files: BTreeMap<String, ReadState>,
    weights: Weights,
}

/// How far a file has been read.
#[derive(Default)]
struct ReadState {
    header: FileStart,
    /// How many of the header's tensors have been read.
    read: usize,
}

impl Incoming {
    /// Reads what has become complete of a file, of which `bytes` is the beginning. Stops at the first error,
    /// which [`finish`](Self::finish) reports.
    pub fn read(&mut self, file: &str, bytes: &[u8]) {
        let ReadState { header, read } = self.files.entry(file.into()).or_default();
        if let FileStart::Waiting = header {
            *header = FileStart::of(bytes);
        }
        let FileStart::Read(header) = header else { return };
        while let Some(name) = header.names.get(*read).filter(|name| header.is_there(bytes, name)) {
            match header.array("", bytes, name) {
                Ok(Some((name, _))) if self.weights.get(&name).is_some() => break,
                Ok(Some((name, array))) => self.weights.insert(&name, array),
                Ok(None) => {}
                Err(_) => break,
            }
            *read += 1;
        }
    }

    /// The arrays read so far.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Reads the rest of a file, once it is complete.
    ///
    /// # Errors
    /// [`Error::Format`] naming `file` when the header is invalid or its sizes are wrong, or an array was
    /// read before.
    pub fn finish(&mut self, file: &str, bytes: &[u8]) -> Result<()> {
        let (length, metadata) = SafeTensors::read_metadata(bytes)
            .map_err(|e| Error::format(file, Problem::of(format!("not a valid safetensors file: {e}"), e)))?;
        let header = SafetensorsHeader::new(length, metadata);
        let read = self.files.remove(file).map_or(0, |reading| reading.read);
        for name in header.names.iter().skip(read) {
            let Some((name, array)) = header.array(file, bytes, name)? else { continue };
            if self.weights.get(&name).is_some() {
                let place = format!("{file}, {name}");
                return Err(Error::format(place, "the model's weights contain this array twice"));
            }
            self.weights.insert(&name, array);
        }
        Ok(())
    }

    /// All arrays, once every file is [finished](Self::finish).
    pub fn into_weights(self) -> Weights {
        self.weights
    }
}

/// The beginning of a file, as far as it is known.
#[derive(Default)]
enum FileStart {
    #[default]
    Waiting,
    Read(SafetensorsHeader),
    /// It is invalid, and more bytes will not change that.
    Refused,
}

impl FileStart {
    fn of(bytes: &[u8]) -> Self {
        let Some((length, rest)) = bytes.split_first_chunk::<8>() else { return Self::Waiting };
        let length = u64::from_le_bytes(*length);
        if length > LARGEST_HEADER {
            return Self::Refused;
        }
        let Some(header) = rest.get(..length as usize) else { return Self::Waiting };
        match serde_json::from_slice(header) {
            Ok(metadata) => Self::Read(SafetensorsHeader::new(length as usize, metadata)),
            Err(_) => Self::Refused,
        }
    }
}

/// Bytes of a header, as the library has it too.
pub(super) const LARGEST_HEADER: u64 = 100_000_000;

/// The header of a safetensors file: the library has checked that offsets, shapes and types match, but not
/// the length of the file.
struct SafetensorsHeader {
    metadata: Metadata,
    /// Its tensors, in the order of their bytes.
    names: Vec<String>,
    /// Offset of the first one's bytes.
    start: usize,
}

impl SafetensorsHeader {
    fn new(length: usize, metadata: Metadata) -> Self {
        Self { names: metadata.offset_keys(), metadata, start: 8 + length }
    }

    /// Type, shape and bytes of a tensor; `None` if it is not listed or incomplete.
    fn tensor<'a>(&self, bytes: &'a [u8], name: &str) -> Option<(&TensorInfo, &'a [u8])> {
        let info = self.metadata.info(name)?;
        let (from, to) = info.data_offsets;
        Some((info, bytes.get(self.start.checked_add(from)?..self.start.checked_add(to)?)?))
    }

    /// Whether a tensor is complete, including its scales if it has any.
    fn is_there(&self, bytes: &[u8], name: &str) -> bool {
        let scales = scales(name.strip_suffix(".q4").unwrap_or(name));
        self.tensor(bytes, name).is_some()
            && (self.metadata.info(&scales).is_none() || self.tensor(bytes, &scales).is_some())
    }

    /// A tensor as an array under its logical name; `None` for what belongs to another tensor, for integer
    /// helpers, and for arrays without elements.
    fn array(&self, file: &str, bytes: &[u8], name: &str) -> Result<Option<(String, Array)>> {
        if name.ends_with(SCALES) {
            return Ok(None);
        }
        let fault = |problem: &str| Error::format(format!("{file}, {name}"), problem);
        let (info, data) = self.tensor(bytes, name).ok_or_else(|| fault("its bytes are missing"))?;
        // The other dimensions of an empty array are arbitrary, as no bytes back them.
        if info.shape.contains(&0) {
            return Ok(None);
        }
        let mut shape = info.shape.clone();
        let mut name = name.to_string();
        let storage = match info.dtype {
            Dtype::F32 => Storage::F32(words(data, f32::from_le_bytes)),
            Dtype::F16 => Storage::F16(words(data, f16::from_le_bytes)),
            Dtype::BF16 => Storage::F32(words(data, |b| half::bf16::from_le_bytes(b).to_f32())),
            // Position ids and the like, which some checkpoints include.
            Dtype::I64 | Dtype::I32 | Dtype::BOOL => return Ok(None),
            kind @ (Dtype::I8 | Dtype::U8) => {
                if kind == Dtype::U8 {
                    name = name
                        .strip_suffix(".q4")
                        .ok_or_else(|| fault("type U8 is not supported here"))?
                        .to_string();
                    if let Some(last) = shape.last_mut() {
                        *last *= 2;
                    }
                }
                let scales = self.block_scales(file, bytes, &name, &shape)?;
                match kind {
                    Dtype::I8 => Storage::Q8 { values: data.iter().map(|&b| b as i8).collect(), scales },
                    _ => Storage::Q4 { values: data.to_vec(), scales },
                }
            }
            other => {
                return Err(Error::Unsupported {
                    what: format!("{file}: type {other:?} of {name}"),
                    hint: "F32, F16, BF16 and this project's packed types are supported".into(),
                });
            }
        };
        Ok(Some((name, Array { shape, storage })))
    }

    fn block_scales(&self, file: &str, bytes: &[u8], name: &str, shape: &[usize]) -> Result<Vec<f16>> {
        let (info, data) = self
            .tensor(bytes, &scales(name))
            .ok_or_else(|| Error::format(format!("{file}, {name}"), "its scales are missing"))?;
        let fits = matches!(shape, [rows, columns]
            if columns.is_multiple_of(BLOCK) && info.shape == [*rows, columns / BLOCK]);
        if !fits || info.dtype != Dtype::F16 {
            return Err(Error::format(
                format!("{file}, {}", scales(name)),
                format!("{:?} {:?} does not match a packed {shape:?}", info.dtype, info.shape),
            ));
        }
        Ok(words(data, f16::from_le_bytes))
    }
}

/// Suffix for the scales of a packed matrix.
const SCALES: &str = ".scales";

fn scales(name: &str) -> String {
    format!("{name}{SCALES}")
}

/// Little-endian numbers of `N` bytes each.
fn words<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|&b| read(b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name of the table in these tests.
    const TABLE: &str = "words.weight";

    fn wave(rows: usize, columns: usize) -> Array {
        let values = (0..rows * columns).map(|i| ((i * i) as f32 * 0.37).sin() * 0.1).collect();
        Array::f32(vec![rows, columns], values)
    }

    #[test]
    fn every_storage_survives_safetensors() {
        for q in [Quantization::F32, Quantization::F16, Quantization::Q8, Quantization::Q4] {
            let mut weights = Weights::default();
            weights.insert("a.weight", wave(5, 64));
            weights.insert(TABLE, wave(4, 32));
            weights.insert("a.bias", Array::f32(vec![5], vec![0.1, -0.2, 0.3, 0.0, 7.0]));
            let packed = weights.quantize(q, TABLE);
            let bytes = packed.to_safetensors().unwrap();
            assert_eq!(Weights::from_safetensors("t", &bytes).unwrap(), packed, "{q}");
        }
    }

    #[test]
    fn arrays_are_there_as_soon_as_their_bytes_are() {
        let mut weights = Weights::default();
        weights.insert("a.weight", wave(5, 64));
        weights.insert(TABLE, wave(4, 32));
        weights.insert("a.bias", Array::f32(vec![5], vec![0.1, -0.2, 0.3, 0.0, 7.0]));
        let packed = weights.quantize(Quantization::Q4, TABLE);
        let bytes = packed.to_safetensors().unwrap();

        let mut incoming = Incoming::default();
        let mut counts = Vec::new();
        for end in 0..=bytes.len() {
            incoming.read("t", &bytes[..end]);
            counts.push(incoming.weights().iter().count());
            assert!(incoming.weights().iter().all(|(name, array)| packed.get(name) == Some(array)), "{end}");
        }
        assert!(counts.is_sorted() && (0..=3).all(|n| counts.contains(&n)), "{counts:?}");
        incoming.finish("t", &bytes).unwrap();
        assert_eq!(incoming.into_weights(), packed);

        // Another file than the header announced, or a shorter one, is rejected at the end.
        let mut incoming = Incoming::default();
        incoming.read("t", &bytes);
        assert!(incoming.finish("t", &bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn two_files_are_joined_in_any_order_and_an_array_in_both_is_refused() {
        let mut weights = Weights::default();
        weights.insert("a.weight", wave(5, 64));
        weights.insert(TABLE, wave(4, 32));
        weights.insert("a.bias", Array::f32(vec![5], vec![0.1, -0.2, 0.3, 0.0, 7.0]));
        let packed = weights.quantize(Quantization::Q8, TABLE);
        let file = |keep: &dyn Fn(&str) -> bool| packed.only(keep).to_safetensors().unwrap();
        let (table, rest) = (file(&|name| name == TABLE), file(&|name| name != TABLE));
        for order in [[("s", &table), ("o", &rest)], [("o", &rest), ("s", &table)]] {
            let mut incoming = Incoming::default();
            for (name, bytes) in order {
                (0..=bytes.len()).for_each(|end| incoming.read(name, &bytes[..end]));
            }
            assert_eq!(*incoming.weights(), packed);
            order.iter().for_each(|(name, bytes)| incoming.finish(name, bytes).unwrap());
            assert_eq!(incoming.into_weights(), packed);
        }
        // A file may have no arrays.
        let none = file(&|_| false);
        let mut incoming = Incoming::default();
        incoming.read("o", &none);
        incoming.finish("o", &none).unwrap();
        assert_eq!(incoming.into_weights(), Weights::default());

        let both = file(&|name| name != "a.bias");
        for coming in [false, true] {
            let mut incoming = Incoming::default();
            if coming {
                incoming.read("shared.safetensors", &table);
                incoming.read("own.safetensors", &both);
            }
            incoming.finish("shared.safetensors", &table).unwrap();
            let problem = incoming.finish("own.safetensors", &both).unwrap_err().to_string();
            assert!(problem.contains("own.safetensors") && problem.contains(TABLE), "{problem}");
            assert!(problem.contains("twice"), "{problem}");
        }
    }

    /// Vectors are identified by the hash of this file, and bundles in two files by the hash of the file they
    /// would be: a library that writes other bytes would change their identity.
    #[test]
    fn the_same_weights_are_the_same_bytes_in_every_version() {
        let mut weights = Weights::default();
        weights.insert("a.weight", Array::f32(vec![1, 32], (0..32).map(|i| i as f32 / 8.0 - 2.0).collect()));
        weights.insert("b.bias", Array::f32(vec![2], vec![1.0, -0.5]));
        let bytes = weights.quantize(Quantization::Q8, TABLE).to_safetensors().unwrap();
        assert_eq!(crate::sha256(&bytes), "3a59e6154230cc38132d49cc7eff681d68805258b8884e458fcc30f1ae8716f4");
    }

    #[test]
    fn a_lying_header_harms_nobody_on_the_way() {
        let mut weights = Weights::default();
        weights.insert("a.weight", wave(2, 32));
        let good = weights.quantize(Quantization::Q8, TABLE).to_safetensors().unwrap();
        let changed = |from: &str, to: &str| -> Vec<u8> {
            let text = good.iter().map(|&b| char::from(b)).collect::<String>();
            assert!(text.contains(from), "{from}");
            text.replace(from, to).chars().map(|c| c as u8).collect()
        };
        let longest = [&u64::MAX.to_le_bytes()[..], &good[8..]].concat();
        // Shapes that do not match, another type, bytes beyond the end of the file, no header at all.
        for bytes in [
            changed("[2,32]", "[9,32]"),
            changed("[2,1]", "[1,2]"),
            changed("\"I8\"", "\"U8\""),
            good[..good.len() - 1].to_vec(),
            longest,
            vec![0xff; 64],
        ] {
            let mut incoming = Incoming::default();
            (0..=bytes.len()).for_each(|end| incoming.read("model.safetensors", &bytes[..end]));
            let error = incoming.finish("model.safetensors", &bytes).unwrap_err().to_string();
            assert!(error.contains("model.safetensors"), "{error}");
        }
    }

    #[test]
    fn errors_of_packing_stay_within_half_a_step() {
        let original = wave(7, 96);
        let exact = original.to_f32();
        for (q, steps) in [(Quantization::Q8, 127.0), (Quantization::Q4, 7.0)] {
            let packed = original.quantize(q);
            let mut squares = 0.0f64;
            for (block, unpacked) in exact.chunks(BLOCK).zip(packed.to_f32().chunks(BLOCK)) {
                let step = largest(block) / steps;
                for (x, y) in block.iter().zip(unpacked) {
                    squares += f64::from((x - y).powi(2));
                    // q4 may clip the largest values on purpose.
                    if q == Quantization::Q8 {
                        assert!((x - y).abs() <= 0.51 * step, "{x} {y} {step}");
                    }
                }
            }
            let rms = (squares / exact.len() as f64).sqrt();
            assert!(rms <= 0.1 / f64::from(steps) * 0.3, "{q}: {rms}");
        }
    }

    #[test]
    fn packing_twice_changes_nothing() {
        for q in [Quantization::Q8, Quantization::Q4] {
            let once = wave(3, 32).quantize(q);
            let again = once.quantize(q).to_f32();
            let worst = once.to_f32().iter().zip(&again).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
            assert!(worst < 2e-3, "{q}: {worst}");
        }
    }

    #[test]
    fn a_lying_header_is_refused_with_the_file_named() {
        let mut weights = Weights::default();
        weights.insert("a.weight", wave(2, 32));
        let good = weights.to_safetensors().unwrap();
        let text = String::from_utf8_lossy(&good).replace("[2,32]", "[9,32]");
        for bytes in [text.as_bytes(), &good[..good.len() - 5], &good[..4], b"", &[0xff; 64]] {
            let error = Weights::from_safetensors("model.safetensors", bytes).unwrap_err();
            assert!(error.to_string().starts_with("model.safetensors"), "{error}");
        }
    }

    #[test]
    fn an_array_without_elements_is_left_out_whatever_its_other_sizes_are() {
        for (kind, shape) in [
            (Dtype::F32, vec![1 << 60, 0]),
            (Dtype::I8, vec![5, 0]),
            (Dtype::U8, vec![0, usize::MAX - 1]),
            (Dtype::F32, vec![1 << 40, 0, 1 << 40]),
        ] {
            let name = if kind == Dtype::U8 { "x.q4" } else { "x" };
            let view = TensorView::new(kind, shape.clone(), &[]).unwrap();
            let bytes = safetensors::serialize([(name, view)], None).unwrap();
            let weights = Weights::from_safetensors("f", &bytes).unwrap();
            assert_eq!((weights.iter().count(), weights.parameters()), (0, 0), "{shape:?}");
            assert!(weights.need("x").is_err());
        }
    }

    #[test]
    fn packed_values_without_scales_are_refused() {
        let values = [1u8; 64];
        let view = TensorView::new(Dtype::I8, vec![2, 32], &values).unwrap();
        let bytes = safetensors::serialize([("x.weight", view)], None).unwrap();
        let error = Weights::from_safetensors("f", &bytes).unwrap_err().to_string();
        assert!(error.contains("x.weight") && error.contains("scales"), "{error}");
    }
}
