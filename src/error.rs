//! The one error type of the crate.
//!
//! Each error is a message for a person: what is wrong, where, and what to do about it if known. It is
//! displayed as it is and never parsed. A message has no full stop at the end, unless it consists of several
//! sentences.

use std::{ops::Deref, path::Path, sync::Arc};

/// Everything that can go wrong because of input, network, storage or a device.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("{path}: {problem}")]
    File {
        /// The file's path or address.
        path: String,
        /// What is wrong with it, often in the operating system's words.
        problem: String,
        /// The operating system's error.
        source: Option<Cause>,
    },
    /// A file or field does not have the expected format.
    #[error("{place}: {problem}")]
    Format {
        /// The file, with line or JSON path if known, or the field.
        place: String,
        /// What is wrong with it, and what was expected.
        problem: String,
        /// The parser's error.
        source: Option<Cause>,
    },
    /// A file's bytes do not match its manifest.
    #[error("{file}: {problem}")]
    Integrity {
        /// The file's path or address.
        file: String,
        /// What does not match.
        problem: String,
    },
    /// A model, option or version that this build does not know.
    #[error("{what} is not supported: {hint}")]
    Unsupported {
        /// What is not supported.
        what: String,
        /// What is supported instead.
        hint: String,
    },
    /// User input that cannot be used.
    #[error("{0}")]
    Input(String),
    /// A device is missing, failed, or gives wrong vectors.
    #[error("{device}: {problem}")]
    Device {
        /// The device's name.
        device: String,
        /// What happened.
        problem: String,
        /// The driver's error.
        source: Option<Cause>,
    },
    /// Training has started and cannot continue.
    #[error("training stopped: {0}")]
    Training(String),
    /// The user asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// Result with the crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An I/O error at `path`.
    pub fn file(path: impl AsRef<Path>, problem: impl Into<Problem>) -> Self {
        let Problem { words: problem, source } = problem.into();
        Self::File { path: path.as_ref().display().to_string(), problem, source }
    }

    /// A format error at `place`: a file, `file:line`, or a field.
    pub fn format(place: impl Into<String>, problem: impl Into<Problem>) -> Self {
        let Problem { words: problem, source } = problem.into();
        Self::Format { place: place.into(), problem, source }
    }

    /// An error of `device`.
    pub fn device(device: impl Into<String>, problem: impl Into<Problem>) -> Self {
        let Problem { words: problem, source } = problem.into();
        Self::Device { device: device.into(), problem, source }
    }
}

/// An error of the system or of a library that caused one of this crate.
#[derive(Debug, Clone)]
pub struct Cause(Arc<dyn std::error::Error + Send + Sync>);

// Lets thiserror return the inner error itself as the source of ours.
impl Deref for Cause {
    type Target = dyn std::error::Error + Send + Sync;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

/// A description of what went wrong, with the underlying error if there is one.
#[derive(Debug, Clone)]
pub struct Problem {
    words: String,
    source: Option<Cause>,
}

impl Problem {
    /// Describes an error in `words` and keeps it as the source.
    pub fn of(words: impl Into<String>, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { words: words.into(), source: Some(Cause(Arc::new(source))) }
    }
}

impl From<String> for Problem {
    fn from(words: String) -> Self {
        Self { words, source: None }
    }
}

impl From<&str> for Problem {
    fn from(words: &str) -> Self {
        words.to_string().into()
    }
}

/// The error type of tokenizers.
impl From<Box<dyn std::error::Error + Send + Sync>> for Problem {
    fn from(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Self { words: error.to_string(), source: Some(Cause(error.into())) }
    }
}

impl From<serde_json::Error> for Problem {
    /// Where JSON is no JSON, that and the place; a parser's own words say no more to a person.
    fn from(error: serde_json::Error) -> Self {
        use serde_json::error::Category;
        let words = match error.classify() {
            Category::Syntax => format!("it is not JSON (line {}, column {})", error.line(), error.column()),
            Category::Eof => format!("it is JSON that breaks off in line {}", error.line()),
            Category::Data | Category::Io => error.to_string(),
        };
        Self::of(words, error)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.words)
    }
}

/// Errors whose own message is the description.
macro_rules! problems {
    ($($(#[$feature:meta])? $error:ty),* $(,)?) => {
        $(
            $(#[$feature])?
            impl From<$error> for Problem {
                fn from(error: $error) -> Self {
                    Self::of(error.to_string(), error)
                }
            }
        )*
    };
}

problems!(
    Error,
    std::io::Error,
    std::string::FromUtf8Error,
    std::str::Utf8Error,
    #[cfg(feature = "data")]
    safetensors::SafeTensorError,
    #[cfg(feature = "data")]
    csv::Error,
    #[cfg(feature = "native")]
    toml::de::Error,
);

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn what_the_system_said_is_kept() {
        let said = || std::io::Error::from(std::io::ErrorKind::NotFound);
        let error = Error::file("a.json", said());
        assert_eq!(error.to_string(), format!("a.json: {}", said()));
        let source = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
        assert_eq!(source.map(std::io::Error::kind), Some(std::io::ErrorKind::NotFound));
        let error = Error::format("a.json", Problem::of("it is not JSON", said()));
        assert_eq!((error.to_string().as_str(), error.source().is_some()), ("a.json: it is not JSON", true));
        let json = |text: &str| serde_json::from_str::<Vec<u32>>(text).unwrap_err();
        let said = Error::format("a.json", json("<html>")).to_string();
        assert_eq!(said, "a.json: it is not JSON (line 1, column 1)");
        assert_eq!(Error::format("a", json("[1,")).to_string(), "a: it is JSON that breaks off in line 1");
        assert!(Error::format("a", json("[1,true]")).to_string().contains("true"));
        assert!(Error::device("GPU", "it is not there").source().is_none());
    }
}
