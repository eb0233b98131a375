//! JSON values with their place, for errors that name file and path.

use serde_json::Value;

use super::{Corpus, file};
use crate::{Error, Problem, Result};

/// A value with its file and its path from the root `$`.
pub(super) struct Node<'a> {
    pub(super) file: &'a str,
    pub(super) path: String,
    pub(super) value: &'a Value,
}

impl<'a> Node<'a> {
    pub(super) fn root(file: &'a str, value: &'a Value) -> Self {
        Node { file, path: "$".into(), value }
    }

    pub(super) fn field(&self, key: &str) -> Result<Node<'a>> {
        let path = format!("{}.{key}", self.path);
        let value = self
            .value
            .get(key)
            .ok_or_else(|| Error::format(format!("{}: {path}", self.file), "the field is missing"))?;
        Ok(Node { file: self.file, path, value })
    }

    pub(super) fn items(&self) -> Result<Vec<Node<'a>>> {
        let list = self.value.as_array().ok_or_else(|| self.wrong("a list is expected"))?;
        Ok(list
            .iter()
            .enumerate()
            .map(|(i, value)| Node { file: self.file, path: format!("{}[{i}]", self.path), value })
            .collect())
    }

    pub(super) fn text(&self) -> Result<&'a str> {
        self.value.as_str().ok_or_else(|| self.wrong("a string is expected"))
    }

    pub(super) fn number(&self) -> Result<usize> {
        self.value
            .as_u64()
            .and_then(|n| usize::try_from(n).ok())
            .filter(|&n| n <= u32::MAX as usize)
            .ok_or_else(|| self.wrong("a whole number from 0 is expected"))
    }

    pub(super) fn pair(&self) -> Result<(usize, usize)> {
        match self.items()?.as_slice() {
            [start, end] => Ok((start.number()?, end.number()?)),
            _ => Err(self.wrong("a pair [start, end] is expected")),
        }
    }

    pub(super) fn place(&self) -> String {
        format!("{}: {}", self.file, self.path)
    }

    pub(super) fn wrong(&self, problem: impl std::fmt::Display) -> Error {
        Error::format(self.place(), problem.to_string())
    }
}

/// Reads a JSON document, and returns how the file was read.
///
/// # Errors
/// [`Error::Format`] if it is not one.
pub(super) fn whole(name: &str, bytes: &[u8]) -> Result<(Value, Option<String>)> {
    let file::Text { text, note, .. } = file::text(name, bytes)?;
    let value = serde_json::from_str(&text).map_err(|e| {
        Error::format(name, Problem::of(format!("it is not whole, valid JSON ({e}). Get the file again."), e))
    })?;
    Ok((value, note))
}

/// Reads a file that is one JSON document into a corpus; how its bytes were read becomes a note.
///
/// # Errors
/// Those of [`whole`] and of `from_value`.
pub(super) fn parse(
    name: &str,
    bytes: &[u8],
    from_value: impl FnOnce(&str, &Value) -> Result<Corpus>,
) -> Result<Corpus> {
    let (value, note) = whole(name, bytes)?;
    let mut corpus = from_value(name, &value)?;
    corpus.notes.extend(note);
    Ok(corpus)
}
