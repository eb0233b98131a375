//! Text to token ids, with the model's own `tokenizer.json`.

use crate::{Error, Result};

/// Longest query taken, in characters: far past any model's window, short enough to tokenize at once.
const QUERY_CHARS: usize = 10_000;

/// A model's tokenizer; it adds the special tokens and cuts at the model's maximum length.
#[derive(Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    max_tokens: usize,
}

impl Tokenizer {
    /// Reads a `tokenizer.json`. Texts are cut to `max_tokens` ids, special tokens included.
    ///
    /// # Errors
    /// [`Error::Format`] when the file is not one, naming it.
    pub fn from_json(bytes: &[u8], max_tokens: usize) -> Result<Self> {
        let mut inner =
            tokenizers::Tokenizer::from_bytes(bytes).map_err(|e| Error::format("tokenizer.json", e))?;
        inner.with_padding(None);
        inner
            .with_truncation(Some(tokenizers::TruncationParams {
                max_length: max_tokens,
                ..Default::default()
            }))
            .map_err(|e| Error::format("tokenizer.json", e))?;
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
        let encoding = self
            .inner
            .encode_fast(input, true)
            .map_err(|e| Error::Input(format!("the text cannot be tokenized: {e}")))?;
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
