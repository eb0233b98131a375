//! Vectors on disk in 8 bits a number, as shipped with the sample corpus.
//!
//! A safetensors file with two arrays: `vectors`, I8 `[n, d]`, and `scales`, F32 `[n]`. Row `i` is
//! `vectors[i] * scales[i]`, where the scale is the row's largest magnitude over 127. Its metadata has one
//! entry, `about`: a JSON object of strings that says what the vectors were made from. If texts were split, a
//! third array, `windows`, U32 `[n, 3]`, gives for each row the index of its text, from 0, and the window's start
//! and end in it, in bytes.

use std::collections::BTreeMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::{packed::pack, to_unit};
use crate::text::{Cut, Window};
use crate::{Error, Problem, Result};

/// The metadata key.
const ABOUT: &str = "about";

/// The entry of `about` that records how much of the texts was truncated: a [`Cut`] as JSON.
pub const CUT: &str = "cut";

/// Vectors as stored in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredVectors {
    /// Numbers in a row.
    pub dimension: usize,
    /// `[n, dimension]`, row after row.
    pub values: Vec<i8>,
    /// One for each row.
    pub scales: Vec<f32>,
    /// What they were made from, for example `model` and its hash.
    pub about: BTreeMap<String, String>,
    /// The part of a text that each row stands for, if texts were split.
    pub windows: Option<Vec<Window>>,
}

impl StoredVectors {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.scales.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.scales.is_empty()
    }

    /// How much of the texts was truncated; `None` if the file does not say (older files).
    pub fn cut(&self) -> Option<Cut> {
        self.about.get(CUT).and_then(|json| serde_json::from_str(json).ok())
    }

    /// The rows in f32, scaled to length 1: `[n, dimension]`.
    pub fn unit_rows(&self) -> Vec<f32> {
        let rows = self.values.chunks_exact(self.dimension.max(1)).zip(&self.scales);
        let mut out: Vec<f32> =
            rows.flat_map(|(row, &scale)| row.iter().map(move |&x| f32::from(x) * scale)).collect();
        to_unit(&mut out, self.dimension);
        out
    }
}

/// The file for `rows`, `[n, dimension]`.
///
/// # Errors
/// [`Error::Input`] when they are not whole rows or not finite.
pub fn write(rows: &[f32], dimension: usize, about: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    write_windows(rows, dimension, about, None)
}

/// As [`write()`], with the part of a text that each row stands for.
///
/// # Errors
/// As [`write()`]; [`Error::Input`] when the number of windows does not match the rows.
pub fn write_windows(
    rows: &[f32],
    dimension: usize,
    about: &BTreeMap<String, String>,
    windows: Option<&[Window]>,
) -> Result<Vec<u8>> {
    if dimension == 0 || !rows.len().is_multiple_of(dimension) || rows.iter().any(|x| !x.is_finite()) {
        return Err(Error::Input(format!(
            "{} numbers do not make whole rows of {dimension} finite numbers",
            rows.len()
        )));
    }
    let mut values: Vec<i8> = Vec::with_capacity(rows.len());
    let mut scales: Vec<u8> = Vec::new();
    for row in rows.chunks_exact(dimension) {
        scales.extend(pack(row, &mut values).to_le_bytes());
    }
    let n = rows.len() / dimension;
    let values: Vec<u8> = values.into_iter().map(i8::cast_unsigned).collect();
    let failed = |e: safetensors::SafeTensorError| Error::Input(format!("vectors: {e}"));
    let mut arrays = vec![
        ("scales", TensorView::new(Dtype::F32, vec![n], &scales).map_err(failed)?),
        ("vectors", TensorView::new(Dtype::I8, vec![n, dimension], &values).map_err(failed)?),
    ];
    let mut places: Vec<u8> = Vec::new();
    if let Some(windows) = windows {
        for number in windows.iter().flat_map(|w| [w.text, w.start, w.end]) {
            let number = u32::try_from(number)
                .map_err(|_| Error::Input("The texts are too long for a file with windows".into()))?;
            places.extend(number.to_le_bytes());
        }
        arrays.push(("windows", TensorView::new(Dtype::U32, vec![n, 3], &places).map_err(failed)?));
    }
    // A single entry, as the order of several would vary between runs.
    let about = serde_json::to_string(about).map_err(|e| Error::Input(format!("about: {e}")))?;
    safetensors::serialize(arrays, Some([(ABOUT.to_string(), about)].into())).map_err(failed)
}

/// Reads a file written by [`write()`].
///
/// # Errors
/// [`Error::Format`] with the file's name and the field that is wrong.
pub fn read(name: &str, mut bytes: Vec<u8>) -> Result<StoredVectors> {
    let wrong = |field: &str, problem: &str| Error::format(format!("{name}: {field}"), problem);
    let broken = |e: safetensors::SafeTensorError| {
        Error::format(name, Problem::of(format!("it is not a complete safetensors file ({e})"), e))
    };
    let (head, header) = SafeTensors::read_metadata(&bytes).map_err(broken)?;
    let file = SafeTensors::deserialize(&bytes).map_err(broken)?;
    let array = |field: &str, dtype: Dtype| {
        let array = file.tensor(field).map_err(|_| wrong(field, "the array is missing"))?;
        if array.dtype() != dtype {
            return Err(wrong(field, &format!("{dtype:?} is expected, not {:?}", array.dtype())));
        }
        Ok(array)
    };
    let (vectors, scales) = (array("vectors", Dtype::I8)?, array("scales", Dtype::F32)?);
    let &[n, dimension] = vectors.shape() else {
        return Err(wrong("vectors", "two dimensions are expected"));
    };
    if scales.shape() != [n] || dimension == 0 {
        return Err(wrong("scales", &format!("{n} numbers are expected, one per vector")));
    }
    let (parts, _) = scales.data().as_chunks::<4>();
    let scales: Vec<f32> = parts.iter().map(|&b| f32::from_le_bytes(b)).collect();
    // The largest magnitude of an i8 is 128.
    if scales.iter().any(|s| !(s * 128.0).is_finite() || *s < 0.0) {
        return Err(wrong("scales", "a scale is negative, or its numbers are not finite"));
    }
    let about = header.metadata().as_ref().and_then(|m| m.get(ABOUT));
    let about = match about {
        Some(json) => serde_json::from_str(json)
            .map_err(|e| wrong("__metadata__.about", &format!("it is not a JSON object ({e})")))?,
        None => BTreeMap::new(),
    };
    let windows = match file.tensor("windows") {
        Err(_) => None,
        Ok(array) if array.dtype() != Dtype::U32 || array.shape() != [n, 3] => {
            return Err(wrong("windows", &format!("U32 [{n}, 3] is expected")));
        }
        Ok(array) => {
            let (numbers, _) = array.data().as_chunks::<4>();
            let numbers: Vec<usize> = numbers.iter().map(|&b| u32::from_le_bytes(b) as usize).collect();
            let windows = numbers.chunks_exact(3).map(|w| Window { text: w[0], start: w[1], end: w[2] });
            Some(windows.collect())
        }
    };
    // There may be many, so they stay in the memory that they were read into.
    let (from, to) = header.info("vectors").map(|info| info.data_offsets).unwrap_or_default();
    // The header is preceded by its length, in 8 bytes.
    bytes.truncate(8 + head + to);
    bytes.drain(..8 + head + from);
    let values = bytes.into_iter().map(u8::cast_signed).collect();
    Ok(StoredVectors { dimension, values, scales, about, windows })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn about() -> BTreeMap<String, String> {
        [("model", "m"), ("hash", "h")].map(|(k, v)| (k.into(), v.into())).into()
    }

    proptest! {
        #[test]
        fn rows_come_back(
            rows in proptest::collection::vec(proptest::collection::vec(-1.0f32..1.0, 48), 1..6),
        ) {
            let mut rows = rows.concat();
            to_unit(&mut rows, 48);
            let bytes = write(&rows, 48, &about()).unwrap();
            prop_assert_eq!(&bytes, &write(&rows, 48, &about()).unwrap());
            let vectors = read("v", bytes.clone()).unwrap();
            prop_assert_eq!(&vectors.about, &about());
            for (a, b) in rows.chunks(48).zip(vectors.unit_rows().chunks(48)) {
                let cosine: f32 = a.iter().zip(b).map(|(x, y)| x * y).sum();
                prop_assert!(cosine > 0.9999, "{}", cosine);
            }
        }

        #[test]
        fn altered_files_do_not_panic(at in 0usize..400, to: u8, cut in 0usize..400) {
            let mut bytes = write(&[0.5; 8], 4, &about()).unwrap();
            let at = at % bytes.len();
            bytes[at] = to;
            let _ = read("v", bytes.clone());
            bytes.truncate(cut);
            prop_assert!(cut >= bytes.len() || read("v", bytes).is_err());
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let bytes = [1u8; 16];
        let two = TensorView::new(Dtype::I8, vec![4, 4], &bytes).unwrap();
        let file = safetensors::serialize([("vectors", two)], None).unwrap();
        let problem = read("corpus.safetensors", file).unwrap_err().to_string();
        assert!(problem.contains("corpus.safetensors: scales"), "{problem}");
        assert!(read("x", Vec::new()).unwrap_err().to_string().starts_with("x:"));
        assert!(write(&[1.0; 5], 2, &about()).is_err());
        assert!(write(&[f32::NAN; 2], 2, &about()).is_err());
    }

    #[test]
    fn windows_come_back() {
        let windows =
            [(0, 0, 9), (1, 0, 700), (1, 600, 1300)].map(|(text, start, end)| Window { text, start, end });
        let file = write_windows(&[0.5; 6], 2, &about(), Some(&windows)).unwrap();
        let read_back = read("x", file).unwrap();
        assert_eq!((read_back.len(), read_back.windows.as_deref()), (3, Some(&windows[..])));
        assert_eq!(read("x", write(&[0.5; 6], 2, &about()).unwrap()).unwrap().windows, None);
        assert!(write_windows(&[0.5; 4], 2, &about(), Some(&windows)).is_err());
    }

    #[test]
    fn a_scale_that_leads_beyond_f32_is_refused() {
        let (scales, values) = (3e38f32.to_le_bytes(), [127u8, 1]);
        let scales = TensorView::new(Dtype::F32, vec![1], &scales).unwrap();
        let values = TensorView::new(Dtype::I8, vec![1, 2], &values).unwrap();
        let file = safetensors::serialize([("scales", scales), ("vectors", values)], None).unwrap();
        assert!(read("x", file).unwrap_err().to_string().contains("x: scales"));
    }

    #[test]
    fn a_row_of_zeros_stays_zero() {
        let file = write(&[0.0; 4], 4, &about()).unwrap();
        assert_eq!(read("x", file).unwrap().unit_rows(), [0.0; 4]);
    }
}
