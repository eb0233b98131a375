//! Text to token ids, with the model's own `tokenizer.json`.

use serde_json::Value;

use crate::{Error, Result};

/// The tokenizer's file, in errors.
const FILE: &str = "tokenizer.json";

/// Longest query taken, in characters: far past any model's window, short enough to tokenize at once.
const QUERY_CHARS: usize = 10_000;

/// A model's tokenizer; it adds the special tokens and cuts at the model's maximum length.
#[derive(Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    max_tokens: usize,
}

impl Tokenizer {
    /// Reads a `tokenizer.json`. Texts are cut to `max_tokens` ids, special tokens included, at the end, or
    /// at the beginning where the file's `truncation` says `Left`.
    ///
    /// # Errors
    /// [`Error::Format`] when the file is not one, naming it and the field.
    pub fn from_json(bytes: &[u8], max_tokens: usize) -> Result<Self> {
        caught(|| {
            let inner = tokenizers::Tokenizer::from_bytes(bytes).map_err(|e| Error::format(FILE, e))?;
            Self::new(inner, max_tokens)
        })
        .unwrap_or_else(|problem| Err(Error::format(FILE, problem)))
    }

    fn new(mut inner: tokenizers::Tokenizer, max_tokens: usize) -> Result<Self> {
        check(&inner)?;
        // The library would take the difference without asking whether there is one.
        let added =
            inner.get_post_processor().map_or(0, |p| tokenizers::PostProcessor::added_tokens(p, false));
        if max_tokens < added {
            return Err(Error::format(
                format!("{FILE}, post_processor"),
                format!(
                    "it adds {added} tokens to each text, and {max_tokens} is the longest that the model takes"
                ),
            ));
        }
        let direction = inner.get_truncation().map(|t| t.direction).unwrap_or_default();
        inner.with_padding(None);
        inner
            .with_truncation(Some(tokenizers::TruncationParams {
                max_length: max_tokens,
                direction,
                ..Default::default()
            }))
            .map_err(|e| Error::format(FILE, e))?;
        Ok(Self { inner, max_tokens })
    }

    /// Ids of `prompt` followed by `text`, special tokens included, at most `max_tokens`.
    ///
    /// # Errors
    /// [`Error::Input`] when the tokenizer refuses the text.
    pub fn encode(&self, prompt: &str, text: &str) -> Result<Vec<u32>> {
        let whole;
        let input = if prompt.is_empty() {
            text
        } else {
            whole = format!("{prompt}{text}");
            &whole
        };
        let encoding = caught(|| self.inner.encode_fast(input, true).map_err(|e| e.to_string()))
            .and_then(|encoding| encoding)
            .map_err(|e| Error::Input(format!("the text “{}” cannot be tokenized: {e}", start(input))))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// One more than the largest id: the rows an embedding table must have.
    pub fn rows(&self) -> usize {
        self.inner.get_vocab(true).values().max().map_or(0, |&id| id as usize + 1)
    }

    /// The longest sequence it gives, special tokens included.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// The tokenizer underneath.
    pub fn inner(&self) -> &tokenizers::Tokenizer {
        &self.inner
    }
}

/// What `work` returns, or what it stopped at, should it panic: not all that a `tokenizer.json` can say
/// is checked by the library that reads it. In a browser a panic ends the worker, hence [`check`].
#[cfg(not(target_family = "wasm"))]
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> std::result::Result<T, String> {
    // Nothing that `work` has changed is used after a panic.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).map_err(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
        format!("the tokenizer is at odds with itself ({said})")
    })
}

#[cfg(target_family = "wasm")]
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> std::result::Result<T, String> {
    Ok(work())
}

/// Refuses what the library reads and then panics at.
fn check(inner: &tokenizers::Tokenizer) -> Result<()> {
    let json = |part: serde_json::Result<Value>| part.map_err(|e| Error::format(FILE, e));
    let processor = json(serde_json::to_value(inner.get_post_processor()))?;
    for part in parts(&processor, "processors") {
        let known = &part["special_tokens"];
        for piece in part["single"].as_array().into_iter().flatten() {
            let problem = match (piece["SpecialToken"]["id"].as_str(), piece["Sequence"]["id"].as_str()) {
                (Some(id), _) if known.get(id).is_none() => format!("{id} is not among its special_tokens"),
                (_, Some("B")) => "it asks for a second text, where there is one".into(),
                _ => continue,
            };
            return Err(Error::format(format!("{FILE}, post_processor, single"), problem));
        }
    }
    let splitter = json(serde_json::to_value(inner.get_pre_tokenizer()))?;
    if parts(&splitter, "pretokenizers").iter().any(|p| p["type"] == "FixedLength" && p["length"] == 0) {
        return Err(Error::format(
            format!("{FILE}, pre_tokenizer, length"),
            "pieces of length 0 have no end",
        ));
    }
    Ok(())
}

/// A part of a tokenizer, or what it is a sequence of.
fn parts<'a>(part: &'a Value, list: &str) -> Vec<&'a Value> {
    match part[list].as_array() {
        Some(inner) => inner.iter().flat_map(|part| parts(part, list)).collect(),
        None => vec![part],
    }
}

/// So much of a text as tells it from others.
fn start(text: &str) -> String {
    let mut start: String = text.chars().take(40).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start
}

/// Says why `query` cannot be searched for: it is empty or far too long.
///
/// # Errors
/// [`Error::Input`] with a sentence for the person who typed it.
pub fn check_query(query: &str) -> Result<()> {
    if query.trim().is_empty() {
        return Err(Error::Input("The query is empty: type a question or a few words.".into()));
    }
    let chars = query.chars().count();
    if chars > QUERY_CHARS {
        return Err(Error::Input(format!(
            "The query has {chars} characters; at most {QUERY_CHARS} are taken. Shorten it."
        )));
    }
    Ok(())
}
