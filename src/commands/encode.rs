//! `interlingua encode`: a vector for each line of a file, as NumPy's `.npy`.

use std::{fs, path::PathBuf};

use interlingua::{Error, Result, bundle::write_whole, text::Kind};

use super::{Progress, open_model};

/// Arguments of `interlingua encode`.
#[derive(clap::Args)]
pub struct Args {
    /// A bundle or a model folder.
    #[arg(long)]
    model: PathBuf,
    /// UTF-8 text, one text a line.
    #[arg(long)]
    input: PathBuf,
    /// Which prompt goes in front: query or passage.
    #[arg(long, value_parser = ["query", "passage"])]
    kind: String,
    /// The `.npy` file to write: `[lines, dimensions]`, f32.
    #[arg(long)]
    output: PathBuf,
    /// auto, cpu or gpu.
    #[arg(long, default_value = "auto", value_parser = ["auto", "cpu", "gpu"])]
    device: String,
}

/// Runs the command.
///
/// # Errors
/// Says what is wrong with the model, the input or the device.
pub fn run(args: Args) -> Result<()> {
    let encoder = open_model(&args.model, &args.device)?;
    let bytes = fs::read(&args.input).map_err(|e| Error::file(&args.input, e))?;
    let text = String::from_utf8(bytes).map_err(|e| {
        Error::format(
            args.input.display().to_string(),
            format!("not UTF-8 text (byte {})", e.utf8_error().valid_up_to()),
        )
    })?;
    let lines: Vec<&str> = text.lines().collect();
    if lines.is_empty() {
        return Err(Error::format(args.input.display().to_string(), "the file is empty"));
    }
    let kind = if args.kind == "query" { Kind::Query } else { Kind::Passage };
    let mut progress = Progress::new("lines");
    let vectors = encoder.encode_all(&lines, kind, &mut |done, total| progress.show(done, total))?;
    write_whole(&args.output, &npy(&vectors, lines.len(), encoder.dimension()))?;
    println!(
        "{}: [{}, {}] f32, {}",
        args.output.display(),
        lines.len(),
        encoder.dimension(),
        encoder.device_label()
    );
    Ok(())
}

/// NumPy's format, version 1.0: magic, header padded to 64 bytes, little-endian values.
fn npy(values: &[f32], rows: usize, columns: usize) -> Vec<u8> {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    let padded = (10 + header.len() + 1).next_multiple_of(64) - 10;
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend((padded as u16).to_le_bytes());
    out.extend(format!("{header:<width$}\n", width = padded - 1).bytes());
    out.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn npy_header_is_aligned_and_ends_in_a_newline() {
        let bytes = npy(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, 3);
        let length = u16::from_le_bytes([bytes[8], bytes[9]]) as usize;
        assert_eq!((10 + length) % 64, 0);
        assert_eq!(bytes[10 + length - 1], b'\n');
        assert_eq!(bytes.len(), 10 + length + 24);
        assert_eq!(bytes[10 + length..][..4], 1.0f32.to_le_bytes());
    }
}
