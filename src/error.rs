//! The one error type of the crate.
//!
//! Each error is a sentence for a person: what is wrong, where, and what to do about it when that is
//! known. Whoever shows it prints it as it is; nobody parses it.

use std::path::Path;

/// Everything that can go wrong because of input, network, storage or a device.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("{path}: {problem}")]
    File {
        /// The file's path or address.
        path: String,
        /// What the system said.
        problem: String,
    },
    /// A file or field is not of the form it should have.
    #[error("{place}: {problem}")]
    Format {
        /// The file, with line or JSON path where known, or the field.
        place: String,
        /// What is wrong with it, and what was expected.
        problem: String,
    },
    /// A file's bytes are not the ones its manifest promises.
    #[error("{file}: {problem}")]
    Integrity {
        /// The file's path or address.
        file: String,
        /// Which promise is broken.
        problem: String,
    },
    /// A model, option or version that this build does not know.
    #[error("{what} is not supported: {hint}")]
    Unsupported {
        /// The thing met.
        what: String,
        /// What is supported instead.
        hint: String,
    },
    /// What a person typed or opened cannot be used.
    #[error("{0}")]
    Input(String),
    /// A device is missing, failed, or gives wrong vectors.
    #[error("{device}: {problem}")]
    Device {
        /// The device, in words.
        device: String,
        /// What happened.
        problem: String,
    },
    /// Training cannot go on.
    #[error("training stopped: {0}")]
    Training(String),
    /// The person asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An input-output error at `path`.
    pub fn file(path: impl AsRef<Path>, problem: impl std::fmt::Display) -> Self {
        Self::File { path: path.as_ref().display().to_string(), problem: problem.to_string() }
    }

    /// A format error at `place`: a file, `file:line`, or a field.
    pub fn format(place: impl Into<String>, problem: impl std::fmt::Display) -> Self {
        Self::Format { place: place.into(), problem: problem.to_string() }
    }
}
