//! Arrays that are stored another way as their bytes come.

use half::{bf16, f16};
use safetensors::Dtype;

use super::{Array, BLOCK, Quantization, Storage, q4_into, q8_into};

/// Values that are taken at once: whole blocks, in a cache that is near.
const STEP: usize = 64 * BLOCK;

/// An array on its way: stored as asked for while its bytes come, so that neither they nor its values in f32 are ever
/// in memory whole. The result is [`Array::quantize`]'s, to the last bit.
pub struct Packer {
    shape: Vec<usize>,
    kind: ArrayFormat,
    out: PackedOutput,
    /// Bytes that are no whole block yet.
    rest: Vec<u8>,
    values: Vec<f32>,
}

/// How numbers are written in a file.
#[derive(Clone, Copy)]
enum ArrayFormat {
    F32,
    F16,
    Bf16,
}

enum PackedOutput {
    One(Storage),
    /// What 4 bits hold as well as f16 does is stored in 4, all else in 8: both, until one of them is left.
    Either {
        eight: Storage,
        four: Storage,
    },
}

/// Why an array is not taken, in words.
pub type Refusal = String;

impl Packer {
    /// For an array of this shape, whose numbers are of a type that [`is_read`](Self::is_read). `quantization` is
    /// `None` for what is kept as it is (bf16 in f32); `is_table` says whether it is the word embedding table, and
    /// `at_once` whether its shape can be trusted: then there is room for it from the beginning.
    ///
    /// # Errors
    /// Says that there is no memory for it.
    pub fn new(
        shape: Vec<usize>,
        dtype: Dtype,
        quantization: Option<Quantization>,
        is_table: bool,
        at_once: bool,
    ) -> Result<Self, Refusal> {
        let kind = match dtype {
            Dtype::F32 => ArrayFormat::F32,
            Dtype::F16 => ArrayFormat::F16,
            Dtype::BF16 => ArrayFormat::Bf16,
            other => return Err(format!("numbers of type {other:?} are not read")),
        };
        let count: usize = shape.iter().product();
        let matrix = shape.len() == 2;
        let packable = matrix && shape[1].is_multiple_of(BLOCK);
        let room = Room { count, at_once };
        let out = match (quantization, kind) {
            (None, ArrayFormat::F16) => PackedOutput::One(Storage::F16(room.of(count)?)),
            (None | Some(Quantization::F32), _) => PackedOutput::One(Storage::F32(room.of(count)?)),
            (Some(Quantization::Q8), _) if packable => PackedOutput::One(room.q8()?),
            (Some(Quantization::Q4), _) if packable && is_table => PackedOutput::One(room.q4()?),
            (Some(Quantization::Q4), _) if packable => {
                // The smaller of the two grows as it comes: most arrays lose it at once.
                let four = Storage::Q4 { values: Vec::new(), scales: Vec::new() };
                PackedOutput::Either { eight: room.q8()?, four }
            }
            _ if matrix => PackedOutput::One(Storage::F16(room.of(count)?)),
            _ => PackedOutput::One(Storage::F32(room.of(count)?)),
        };
        Ok(Self { shape, kind, out, rest: Vec::new(), values: Vec::new() })
    }

    /// Whether numbers of this type are read.
    pub fn is_read(dtype: Dtype) -> bool {
        matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16)
    }

    /// The next bytes, never more than there are left of the array.
    ///
    /// # Errors
    /// Says which number is none, or too large for how it is to be stored.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), Refusal> {
        let step = STEP * self.kind.bytes();
        if !self.rest.is_empty() {
            let (first, later) = bytes.split_at(bytes.len().min(step - self.rest.len()));
            self.rest.extend_from_slice(first);
            bytes = later;
            if self.rest.len() < step {
                return Ok(());
            }
            let rest = std::mem::take(&mut self.rest);
            self.take(&rest)?;
        }
        let mut steps = bytes.chunks_exact(step);
        steps.by_ref().try_for_each(|step| self.take(step))?;
        self.rest.extend_from_slice(steps.remainder());
        Ok(())
    }

    /// The array, once all its bytes were pushed.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn finish(mut self) -> Result<Array, Refusal> {
        let rest = std::mem::take(&mut self.rest);
        self.take(&rest)?;
        let storage = match self.out {
            PackedOutput::One(storage) | PackedOutput::Either { four: storage, .. } => storage,
        };
        Ok(Array { shape: self.shape, storage })
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let values = &mut self.values;
        values.clear();
        match self.kind {
            ArrayFormat::F32 => values.extend(words(bytes).map(f32::from_le_bytes)),
            ArrayFormat::F16 => values.extend(words(bytes).map(|b| f16::from_le_bytes(b).to_f32())),
            ArrayFormat::Bf16 => values.extend(words(bytes).map(|b| bf16::from_le_bytes(b).to_f32())),
        }
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(format!("it contains {value}; download the model again"));
        }
        match &mut self.out {
            PackedOutput::One(storage) => append(storage, values)?,
            PackedOutput::Either { eight, four } => {
                append(eight, values)?;
                if !append_if_it_fits(four, values) {
                    let eight = std::mem::replace(eight, Storage::F32(Vec::new()));
                    self.out = PackedOutput::One(eight);
                }
            }
        }
        Ok(())
    }
}

impl ArrayFormat {
    fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }
}

/// Memory for so many weights: all at once, as growing copies, and asked for, as a file may claim any number.
struct Room {
    count: usize,
    at_once: bool,
}

impl Room {
    fn of<T>(&self, count: usize) -> Result<Vec<T>, Refusal> {
        let mut out = Vec::new();
        if !self.at_once {
            return Ok(out);
        }
        out.try_reserve_exact(count).map_err(|_| {
            let megabytes = count.saturating_mul(size_of::<T>()).div_ceil(1_000_000);
            format!("not enough memory for its {megabytes} MB; use fewer bits (q8, q4)")
        })?;
        Ok(out)
    }

    fn q8(&self) -> Result<Storage, Refusal> {
        Ok(Storage::Q8 { values: self.of(self.count)?, scales: self.of(self.count / BLOCK)? })
    }

    fn q4(&self) -> Result<Storage, Refusal> {
        Ok(Storage::Q4 { values: self.of(self.count / 2)?, scales: self.of(self.count / BLOCK)? })
    }
}

fn append(storage: &mut Storage, from: &[f32]) -> Result<(), Refusal> {
    let large = |what: &str| format!("it contains numbers too large for {what}; use f32");
    match storage {
        Storage::F32(values) => values.extend_from_slice(from),
        Storage::F16(values) => {
            let start = values.len();
            values.extend(from.iter().map(|&x| f16::from_f32(x)));
            if values[start..].iter().any(|x| x.is_infinite()) {
                return Err(large("f16"));
            }
        }
        Storage::Q8 { values, scales } => {
            let start = scales.len();
            q8_into(from, values, scales);
            if !scales[start..].iter().all(|scale| scale.is_finite()) {
                return Err(large("q8"));
            }
        }
        Storage::Q4 { values, scales } => {
            let start = scales.len();
            q4_into(from, values, scales);
            if !scales[start..].iter().all(|scale| scale.is_finite()) {
                return Err(large("q4"));
            }
        }
    }
    Ok(())
}

/// Whether 4 bits hold these values as well as f16 does; if so, they are appended.
fn append_if_it_fits(four: &mut Storage, from: &[f32]) -> bool {
    let Storage::Q4 { values, scales } = four else { return false };
    // A block at a time: most arrays are told by the first.
    from.chunks(BLOCK).all(|block| {
        let mut one = (Vec::with_capacity(BLOCK / 2), Vec::with_capacity(1));
        q4_into(block, &mut one.0, &mut one.1);
        let packed =
            Array { shape: vec![1, block.len()], storage: Storage::Q4 { values: one.0, scales: one.1 } };
        let fits = super::near(block, &packed.to_f32());
        if let Storage::Q4 { values: v, scales: s } = packed.storage {
            values.extend(v);
            scales.extend(s);
        }
        fits
    })
}

/// Little-endian numbers, `N` bytes each.
fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks::<N>().0.iter().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(n: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * i) as f32 * 0.37).sin() * (1.0 + (i % 7) as f32)).collect()
    }

    /// What comes in pieces of `step` bytes.
    fn packed(array: &Array, dtype: Dtype, how: Option<Quantization>, table: bool, step: usize) -> Array {
        let bytes: Vec<u8> = match dtype {
            Dtype::F32 => array.to_f32().iter().flat_map(|x| x.to_le_bytes()).collect(),
            Dtype::F16 => array.to_f32().iter().flat_map(|&x| f16::from_f32(x).to_le_bytes()).collect(),
            _ => array.to_f32().iter().flat_map(|&x| bf16::from_f32(x).to_le_bytes()).collect(),
        };
        let mut packer = Packer::new(array.shape.clone(), dtype, how, table, step > 7).unwrap();
        bytes.chunks(step).for_each(|part| packer.push(part).unwrap());
        packer.finish().unwrap()
    }

    #[test]
    fn pieces_of_any_length_give_what_the_whole_array_does() {
        let made = values(96 * 70);
        // One that 4 bits hold, one that they hold but for its last block, one whose width is no number of blocks.
        let four = Array::f32(vec![70, 96], made.clone()).quantize(Quantization::Q4).to_f32();
        let mut almost = four.clone();
        almost[96 * 70 - 1] += 0.3;
        let arrays = [
            Array::f32(vec![70, 96], made.clone()),
            Array::f32(vec![70, 96], four),
            Array::f32(vec![70, 96], almost),
            Array::f32(vec![96, 70], made.clone()),
            Array::f32(vec![6720], made),
        ];
        for (i, array) in arrays.iter().enumerate() {
            for how in [Quantization::F32, Quantization::F16, Quantization::Q8, Quantization::Q4] {
                for table in [false, true] {
                    let mut weights = super::super::Weights::default();
                    weights.insert("x", array.clone());
                    let table_name = if table { "x" } else { "" };
                    let whole = weights.quantize(how, table_name).remove("x").unwrap();
                    for step in [1, 7, 4096, 1 << 20] {
                        let got = packed(array, Dtype::F32, Some(how), table, step);
                        assert!(got.is_same(&whole), "array {i}, {how}, table {table}, steps of {step}");
                    }
                }
            }
        }
        let bits = |i: usize| packed(&arrays[i], Dtype::F32, Some(Quantization::Q4), false, 1000).bits();
        assert_eq!([bits(0), bits(1), bits(2), bits(3), bits(4)], [8, 4, 8, 16, 32]);
    }

    #[test]
    fn what_is_kept_as_it_is_stays_in_its_type() {
        let array = Array::f32(vec![3, 5], values(15));
        let halves = array.quantize(Quantization::F16);
        assert!(packed(&array, Dtype::F32, None, false, 3).is_same(&array));
        assert!(packed(&halves, Dtype::F16, None, false, 3).is_same(&halves));
        assert_eq!(packed(&array, Dtype::BF16, None, false, 3).bits(), 32);
    }

    #[test]
    fn numbers_that_are_none_and_those_too_large_are_refused() {
        let refusal = |value: f32, how| {
            let mut packer = Packer::new(vec![2, 32], Dtype::F32, Some(how), false, true).unwrap();
            let bytes: Vec<u8> = [value; 64].iter().flat_map(|x| x.to_le_bytes()).collect();
            packer.push(&bytes).and_then(|()| packer.finish().map(|_| ())).err().unwrap_or_default()
        };
        for how in [Quantization::F32, Quantization::F16, Quantization::Q8, Quantization::Q4] {
            assert!(refusal(f32::NAN, how).contains("NaN"), "{how}");
            assert!(refusal(f32::NEG_INFINITY, how).contains("-inf"), "{how}");
            assert_eq!(refusal(60_000.0, how), "", "{how}");
        }
        assert!(refusal(70_000.0, Quantization::F16).contains("too large for f16"));
        assert_eq!(refusal(70_000.0, Quantization::Q8), "");
        assert!(refusal(1e8, Quantization::Q8).contains("too large for q8"));
        assert!(
            Packer::new(vec![1 << 40, 1 << 20], Dtype::F32, None, false, true)
                .err()
                .unwrap()
                .contains("not enough memory")
        );
    }
}
