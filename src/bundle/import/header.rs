//! The header of a safetensors file, read with 64-bit sizes: in a browser the library's have 32 bits.

use std::collections::BTreeMap;

use safetensors::Dtype;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Error, Problem, Result};

/// Maximum bytes of a header, the library's own limit.
pub const MAX_BYTES: u64 = 100_000_000;

/// An array in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct ArrayEntry {
    pub name: String,
    /// `None` for an unknown type.
    pub dtype: Option<Dtype>,
    pub shape: Vec<usize>,
    /// Number of bytes.
    pub bytes: u64,
}

impl ArrayEntry {
    /// Whether it has no elements, so that its other dimensions do not matter.
    pub fn is_empty(&self) -> bool {
        self.shape.contains(&0)
    }
}

#[derive(Deserialize)]
struct RawArrayEntry<'a> {
    #[serde(borrow)]
    dtype: std::borrow::Cow<'a, str>,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// The arrays of a file in the order of their bytes, without gaps; `json` is its header.
///
/// # Errors
/// [`Error::Format`] at `file` for an invalid or inconsistent header.
pub fn parse(file: &str, json: &[u8]) -> Result<Vec<ArrayEntry>> {
    let wrong = |why: String| Error::format(file, format!("not a valid safetensors file: {why}"));
    let all: BTreeMap<String, &RawValue> = serde_json::from_slice(json)
        .map_err(|e| Error::format(file, Problem::of(format!("not a valid safetensors file: {e}"), e)))?;
    let mut entries = Vec::new();
    for (name, value) in all.into_iter().filter(|(name, _)| name != "__metadata__") {
        let raw: RawArrayEntry =
            serde_json::from_str(value.get()).map_err(|e| wrong(format!("{name}: {e}")))?;
        let [from, to] = raw.data_offsets;
        let shape: Option<Vec<usize>> = raw.shape.iter().map(|&n| usize::try_from(n).ok()).collect();
        let shape = shape.ok_or_else(|| wrong(format!("{name}: its shape is too large for memory")))?;
        let count = raw.shape.iter().try_fold(1u64, |product, &n| product.checked_mul(n));
        let dtype = serde_json::from_value::<Dtype>(raw.dtype.as_ref().into()).ok();
        // In bits, as newer types have less than a byte.
        let bits = |dtype: Dtype| count?.checked_mul(dtype.bitsize() as u64);
        let fits = to >= from
            && dtype.is_none_or(|dtype| bits(dtype).is_some_and(|n| (to - from).checked_mul(8) == Some(n)));
        if !fits {
            return Err(wrong(format!("{name}: type, shape and offsets do not fit together")));
        }
        entries.push((from, to, ArrayEntry { name, dtype, shape, bytes: to - from }));
    }
    entries.sort_by_key(|&(from, to, _)| (from, to));
    let mut end = 0;
    for (from, to, entry) in &entries {
        if *from != end {
            return Err(wrong(format!(
                "{}: there is a gap before it, or it overlaps with another",
                entry.name
            )));
        }
        end = *to;
    }
    Ok(entries.into_iter().map(|(.., entry)| entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_fit_together_or_are_refused() {
        let table = r#"{"__metadata__":{"format":"pt"},"b":{"dtype":"I64","shape":[1],"data_offsets":[6000000000,6000000008]},
            "a":{"dtype":"F32","shape":[1500000000],"data_offsets":[0,6000000000]},"e":{"dtype":"F32","shape":[0,7],"data_offsets":[6000000008,6000000008]},
            "z":{"dtype":"NEW","shape":[3],"data_offsets":[6000000008,6000000009]}}"#;
        let entries = parse("f", table.as_bytes()).unwrap();
        assert_eq!(entries.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(), ["a", "b", "e", "z"]);
        assert_eq!(entries[0].bytes, 6_000_000_000);
        assert!(entries[2].is_empty() && entries[3].dtype.is_none());
        for (bad, why) in [
            ("[]", "expected a map"),
            (r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, "do not fit"),
            (r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, "do not fit"),
            (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, "gap"),
            (
                r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
                "gap",
            ),
            (r#"{"a":{"dtype":"F32","shape":[9223372036854775807,9],"data_offsets":[0,8]}}"#, "do not fit"),
            (r#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,8]}}"#, "a: invalid value"),
            (r#"{"a":{"shape":[1],"data_offsets":[0,8]}}"#, "missing field"),
        ] {
            let problem = parse("f", bad.as_bytes()).unwrap_err().to_string();
            assert!(problem.contains(why), "{bad}: {problem}");
        }
    }
}
