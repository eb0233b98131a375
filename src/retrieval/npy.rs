//! Vectors in NumPy's `.npy` files: `[rows, columns]` f32, version 1.0 of the format.

use crate::{Error, Result};

const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";

/// The file for `values`: magic, header padded to 64 bytes, little-endian values.
pub fn write(values: &[f32], rows: usize, columns: usize) -> Vec<u8> {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    let padded = (10 + header.len() + 1).next_multiple_of(64) - 10;
    let mut out = MAGIC.to_vec();
    out.extend((padded as u16).to_le_bytes());
    out.extend(format!("{header:<width$}\n", width = padded - 1).bytes());
    out.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    out
}

/// Reads such a file: values, rows and columns.
///
/// # Errors
/// [`Error::Format`] naming `file` when it is not a complete two-dimensional f32 array in row-major order.
pub fn read(file: &str, bytes: &[u8]) -> Result<(Vec<f32>, usize, usize)> {
    let wrong =
        |what: &str| Error::format(file, format!("{what}; a .npy file of f32 [rows, columns] is expected"));
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| wrong("it is not a .npy file of version 1.0"))?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(|| wrong("it is truncated"))?;
    let (header, data) = rest
        .split_at_checked(u16::from_le_bytes(*length) as usize)
        .ok_or_else(|| wrong("it is truncated"))?;
    let header: String = String::from_utf8_lossy(header).split_whitespace().collect();
    if !header.contains("'descr':'<f4'") || !header.contains("'fortran_order':False") {
        return Err(wrong("its values have another type or order"));
    }
    let shape: Option<Vec<usize>> = header
        .split_once("'shape':(")
        .and_then(|(_, s)| s.split_once(')'))
        .map(|(s, _)| s.split(',').filter(|n| !n.is_empty()).map(|n| n.parse().ok()).collect())
        .unwrap_or_default();
    let Some([rows, columns]) = shape.as_deref() else { return Err(wrong("it is not two-dimensional")) };
    let (numbers, tail) = data.as_chunks::<4>();
    if !tail.is_empty() || rows.checked_mul(*columns) != Some(numbers.len()) {
        return Err(wrong("the number of values does not match its header"));
    }
    Ok((numbers.iter().map(|b| f32::from_le_bytes(*b)).collect(), *rows, *columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let values = [1.0, -2.5, 3.0, 4.0, 5.0, 6.0];
        let bytes = write(&values, 2, 3);
        assert_eq!((10 + u16::from_le_bytes([bytes[8], bytes[9]]) as usize) % 64, 0);
        assert_eq!(bytes.len() % 64, 24);
        assert_eq!(read("v.npy", &bytes).unwrap(), (values.to_vec(), 2, 3));
    }

    #[test]
    fn what_is_broken_is_refused_by_name() {
        let good = write(&[1.0; 6], 2, 3);
        let text = String::from_utf8_lossy(&good[10..]).to_string();
        for (from, to) in [("<f4", "<f8"), ("(2, 3)", "(3, 3)"), ("(2, 3)", "(6, )"), ("False", "True ")] {
            assert!(text.contains(from));
            let at = 10 + text.find(from).unwrap();
            let mut bad = good.clone();
            bad[at..at + to.len()].copy_from_slice(to.as_bytes());
            assert!(read("v.npy", &bad).unwrap_err().to_string().starts_with("v.npy"), "{to}");
        }
        for bad in [&good[..good.len() - 1], &good[..9], b"", b"PK\x03\x04"] {
            assert!(read("v.npy", bad).is_err());
        }
    }
}
