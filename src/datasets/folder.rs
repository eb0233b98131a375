//! A folder of files in one format, or a single file.

use std::path::{Path, PathBuf};

use super::file;
use crate::{Error, Result};

/// A file's name and its bytes.
pub(super) type NamedFile = (String, Vec<u8>);

/// The folder's files with these extensions, optionally compressed, sorted by name, or the file itself; and the
/// folder's other files, which are not read.
///
/// # Errors
/// [`Error::File`] if there is none, or one cannot be read.
pub(super) fn files(path: &Path, endings: &[&str]) -> Result<(Vec<NamedFile>, Vec<String>)> {
    let (mut files, mut others): (Vec<PathBuf>, Vec<String>) = Default::default();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).map_err(|e| Error::file(path, e))? {
            let found = entry.map_err(|e| Error::file(path, e))?.path();
            let name = found.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            let (_, ending) = file::unpacked_name(name).rsplit_once('.').unwrap_or_default();
            if !found.is_file() || name.starts_with('.') {
                continue;
            }
            match endings.contains(&ending.to_lowercase().as_str()) {
                true => files.push(found),
                false => others.push(name.into()),
            }
        }
        files.sort();
        others.sort();
        if files.is_empty() {
            return Err(Error::file(
                path,
                format!("it has no file with the extension .{}", endings.join(", .")),
            ));
        }
    } else {
        files.push(path.to_path_buf());
    }
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path).map_err(|e| Error::file(&path, e))?;
        Ok((path.display().to_string(), bytes))
    };
    Ok((files.into_iter().map(read).collect::<Result<_>>()?, others))
}
