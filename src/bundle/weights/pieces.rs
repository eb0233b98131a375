//! The safetensors file of weights, a piece after the other: where it goes to is slower than memory, and a second
//! copy of all weights may not fit there.

use half::f16;
use safetensors::{
    Dtype,
    tensor::{Metadata, TensorInfo},
};

use super::{Array, BLOCK, Storage, Weights};
use crate::{Error, Result};

/// Numbers in a piece.
const PIECE: usize = 1 << 19;

/// A tensor of the file.
struct TensorPart<'a> {
    name: String,
    kind: Dtype,
    shape: Vec<usize>,
    numbers: Numbers<'a>,
}

/// A tensor's numbers where they are.
enum Numbers<'a> {
    F32(&'a [f32]),
    F16(&'a [f16]),
    I8(&'a [i8]),
    U8(&'a [u8]),
}

impl Numbers<'_> {
    /// How many pieces there are.
    fn pieces(&self) -> usize {
        match self {
            Self::F32(v) => v.len(),
            Self::F16(v) => v.len(),
            Self::I8(v) => v.len(),
            Self::U8(v) => v.len(),
        }
        .div_ceil(PIECE)
    }

    /// The bytes of one of them.
    fn piece(&self, i: usize) -> Vec<u8> {
        fn part<T>(all: &[T], i: usize) -> &[T] {
            &all[i * PIECE..all.len().min((i + 1) * PIECE)]
        }
        match self {
            Self::F32(v) => part(v, i).iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::F16(v) => part(v, i).iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::I8(v) => part(v, i).iter().map(|&q| q as u8).collect(),
            Self::U8(v) => part(v, i).to_vec(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::F32(v) => 4 * v.len(),
            Self::F16(v) => 2 * v.len(),
            Self::I8(v) => v.len(),
            Self::U8(v) => v.len(),
        }
    }
}

/// The parts of an array, by their names in the file.
fn parts<'a>(name: &'a str, array: &'a Array) -> Vec<TensorPart<'a>> {
    let shape = array.shape.clone();
    let part = |name: String, kind, shape, numbers| TensorPart { name, kind, shape, numbers };
    let scales = |scales: &'a [f16]| {
        let shape = vec![array.shape[0], array.shape[1] / BLOCK];
        part(format!("{name}{}", super::SCALES), Dtype::F16, shape, Numbers::F16(scales))
    };
    match &array.storage {
        Storage::F32(v) => vec![part(name.into(), Dtype::F32, shape, Numbers::F32(v))],
        Storage::F16(v) => vec![part(name.into(), Dtype::F16, shape, Numbers::F16(v))],
        Storage::Q8 { values, scales: s } => {
            vec![scales(s), part(name.into(), Dtype::I8, shape, Numbers::I8(values))]
        }
        Storage::Q4 { values, scales: s } => {
            let shape = vec![shape[0], shape[1] / 2];
            vec![scales(s), part(format!("{name}.q4"), Dtype::U8, shape, Numbers::U8(values))]
        }
    }
}

impl Weights {
    /// The bytes of [`to_safetensors`](Self::to_safetensors), at most some 2 MB at a time, and how many there are.
    ///
    /// # Errors
    /// [`Error::Format`] when the library refuses a tensor.
    pub fn pieces(&self) -> Result<(u64, impl Iterator<Item = Vec<u8>> + '_)> {
        let mut parts: Vec<_> = self.0.iter().flat_map(|(name, array)| parts(name, array)).collect();
        // The order of the library's own writer.
        parts.sort_by(|a, b| b.kind.cmp(&a.kind).then_with(|| a.name.cmp(&b.name)));
        let mut end = 0;
        let tensors = parts.iter().map(|part| {
            let begin = end;
            end += part.numbers.bytes();
            let info = TensorInfo { dtype: part.kind, shape: part.shape.clone(), data_offsets: (begin, end) };
            (part.name.clone(), info)
        });
        let tensors: Vec<_> = tensors.collect();
        let refused = |e| Error::format("safetensors", e);
        let metadata = Metadata::new(None, tensors).map_err(refused)?;
        let mut header = serde_json::to_vec(&metadata).map_err(|e| Error::format("safetensors", e))?;
        header.resize(header.len().next_multiple_of(8), b' ');
        let start = [&(header.len() as u64).to_le_bytes()[..], &header].concat();
        let total = (start.len() + end) as u64;
        let data = parts.into_iter().flat_map(|part| {
            let count = part.numbers.pieces();
            (0..count).map(move |i| part.numbers.piece(i))
        });
        Ok((total, std::iter::once(start).chain(data)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Quantization;

    #[test]
    fn pieces_are_the_file() {
        let mut weights = Weights::default();
        let wave = |n: usize| (0..n).map(|i| (i as f32 * 0.7).sin()).collect::<Vec<_>>();
        weights.insert("table", Array::f32(vec![20_000, 64], wave(1_280_000)));
        weights.insert("a.weight", Array::f32(vec![3, 64], wave(192)));
        weights.insert("b.bias", Array::f32(vec![3], wave(3)));
        weights.insert("odd", Array::f32(vec![2, 5], wave(10)));
        for quantization in [Quantization::F32, Quantization::F16, Quantization::Q8, Quantization::Q4] {
            let weights = weights.quantize(quantization, "table");
            let (total, pieces) = weights.pieces().unwrap();
            let pieces: Vec<_> = pieces.collect();
            assert!(pieces.len() > 3 && pieces.iter().all(|piece| piece.len() <= 4 * PIECE));
            let bytes = pieces.concat();
            assert_eq!(bytes.len() as u64, total);
            assert!(bytes == weights.to_safetensors().unwrap(), "{quantization}");
        }
    }
}
