//! A JSON object of a model folder, each field of which has to be accounted for.

use serde_json::{Map, Value};

use crate::{Error, Result};

/// An object, from which fields are taken one by one; those left at the end are unknown.
pub struct Object {
    place: String,
    fields: Map<String, Value>,
}

impl Object {
    /// The object at `place`: a file, or a field of one.
    ///
    /// # Errors
    /// [`Error::Format`] if it is not an object.
    pub fn new(place: &str, value: Value) -> Result<Self> {
        match value {
            Value::Object(fields) => Ok(Self { place: place.into(), fields }),
            other => Err(Error::format(place, format!("a JSON object is expected, not {other}"))),
        }
    }

    /// An object without fields, in place of a missing file.
    pub fn empty(place: &str) -> Self {
        Self { place: place.into(), fields: Map::new() }
    }

    /// `file, field`, for errors.
    pub fn at(&self, field: &str) -> String {
        format!("{}, {field}", self.place)
    }

    /// Whether it has the field, even if `null`.
    pub fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// The remaining fields.
    pub fn entries(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.fields.iter()
    }

    /// Their names.
    pub fn names(&self) -> Vec<String> {
        self.fields.keys().cloned().collect()
    }

    /// The field's value; `None` if it is missing or `null`.
    pub fn take(&mut self, field: &str) -> Option<Value> {
        self.fields.remove(field).filter(|value| !value.is_null())
    }

    /// A field that is true or false.
    ///
    /// # Errors
    /// [`Error::Format`] for another value.
    pub fn flag(&mut self, field: &str) -> Result<Option<bool>> {
        self.typed(field, "true or false", |value| value.as_bool())
    }

    /// A field that is a whole number.
    ///
    /// # Errors
    /// [`Error::Format`] for another value.
    pub fn number(&mut self, field: &str) -> Result<Option<usize>> {
        self.typed(field, "a whole number", |value| value.as_u64().and_then(|n| usize::try_from(n).ok()))
    }

    /// As [`number`](Self::number), but required.
    ///
    /// # Errors
    /// [`Error::Format`] if it is missing.
    pub fn need_number(&mut self, field: &str) -> Result<usize> {
        let at = self.at(field);
        self.number(field)?.ok_or_else(|| Error::format(at, "a whole number is missing"))
    }

    /// A field that is a number.
    ///
    /// # Errors
    /// [`Error::Format`] for another value.
    pub fn real(&mut self, field: &str) -> Result<Option<f64>> {
        self.typed(field, "a number", Value::as_f64)
    }

    /// A field that is a string.
    ///
    /// # Errors
    /// [`Error::Format`] for another value.
    pub fn text(&mut self, field: &str) -> Result<Option<String>> {
        self.typed(field, "a string", |value| value.as_str().map(Into::into))
    }

    fn typed<T>(
        &mut self,
        field: &str,
        what: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.take(field) else { return Ok(None) };
        match read(&value) {
            Some(read) => Ok(Some(read)),
            None => Err(Error::format(self.at(field), format!("{what} is expected, not {value}"))),
        }
    }

    /// Takes the field, whose value has to be a `neutral` one.
    ///
    /// # Errors
    /// [`Error::Unsupported`] with `hint`, naming the field.
    pub fn expect(&mut self, field: &str, neutral: impl FnOnce(&Value) -> bool, hint: &str) -> Result<()> {
        match self.take(field) {
            Some(value) if !neutral(&value) => Err(self.unsupported(field, &value, hint)),
            _ => Ok(()),
        }
    }

    /// The error for an unsupported value of a field.
    pub fn unsupported(&self, field: &str, value: &Value, hint: &str) -> Error {
        let mut value = value.to_string();
        if value.chars().count() > 60 {
            value = value.chars().take(60).collect::<String>() + "…";
        }
        Error::Unsupported { what: format!("{}: {value}", self.at(field)), hint: hint.into() }
    }

    /// Refuses remaining fields, except those in `ignored`, which change no vector.
    ///
    /// # Errors
    /// [`Error::Unsupported`] naming it.
    pub fn finish(self, ignored: &[&str]) -> Result<()> {
        match self.fields.iter().find(|(field, _)| !ignored.contains(&field.as_str())) {
            Some((field, value)) => Err(self.unsupported(
                field,
                value,
                "this field is unknown and may change the vectors; remove it if it does not",
            )),
            None => Ok(()),
        }
    }
}

/// Whether a value is false or empty.
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}
