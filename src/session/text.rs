//! The user's own text, stored in the browser with its vectors until the user deletes it, so that it is open again
//! after a reload. Only the last text that was opened is stored.

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::{
    Session, browser::resolve, encode::EncodeProgress, model::LoadedModel, storage, vector_cache::VectorCache,
};
use crate::{
    Error, Result,
    datasets::{Chunks, Columns},
    protocol::OpenedFile,
    sha256,
    text::{Kind, Length},
};

/// Name of the origin's cache for the text and its vectors.
pub const CACHE: &str = "interlingua-text";
/// Key of the text.
const TEXT: &str = "text/files";
/// Key of the text's hash.
const HASH: &str = "text/hash";
/// Bytes of a hash.
const HASH_LENGTH: u64 = 64;

/// Precedes the files' bytes, as JSON, after its own length in 8 bytes (little-endian).
#[derive(Serialize, Deserialize)]
struct TextHeader {
    windows: bool,
    /// Name, columns and length in bytes.
    files: Vec<(String, Columns, usize)>,
}

/// Stores a text in place of the previous one, whose vectors are deleted too unless it is the same text. Returns a
/// sentence if the browser refuses.
pub async fn store(files: &[OpenedFile], windows: bool) -> Option<String> {
    let bytes = serialize(files, windows)?;
    let hash = sha256(&bytes);
    let stored = async {
        let store = storage::open(CACHE).await?;
        let before = store.read(&key(HASH)?, HASH_LENGTH).await;
        if before.as_deref() != Some(hash.as_bytes()) {
            storage::clear(CACHE).await.map_err(|e| e.to_string())?;
        }
        let store = storage::open(CACHE).await?;
        store.write(&key(TEXT)?, &bytes).await?;
        store.write(&key(HASH)?, hash.as_bytes()).await
    };
    let why: std::result::Result<(), String> = stored.await;
    let why = why.err()?;
    Some(format!("This text is not stored for a reload: {}.", why.trim_end_matches('.')))
}

/// The stored text, and whether its long passages are split; `None` if there is none, or it is damaged.
pub async fn recall() -> Option<(Vec<OpenedFile>, bool)> {
    let store = storage::open(CACHE).await.ok()?;
    // The storage does not give its size beforehand.
    deserialize(&store.read(&key(TEXT).ok()?, super::open::LARGEST).await?)
}

/// Deletes the text and its vectors; returns the number of entries.
///
/// # Errors
/// [`Error::File`] if the browser refuses.
pub async fn forget() -> Result<usize> {
    storage::clear(CACHE).await
}

fn key(name: &str) -> std::result::Result<String, String> {
    resolve(name).map(|address| address.href()).map_err(|e: Error| e.to_string())
}

fn serialize(files: &[OpenedFile], windows: bool) -> Option<Vec<u8>> {
    let about = files.iter().map(|f| (f.name.clone(), f.columns.clone(), f.bytes.len())).collect();
    let header = serde_json::to_vec(&TextHeader { windows, files: about }).ok()?;
    let mut out = (header.len() as u64).to_le_bytes().to_vec();
    out.extend_from_slice(&header);
    files.iter().for_each(|file| out.extend_from_slice(&file.bytes));
    Some(out)
}

fn deserialize(bytes: &[u8]) -> Option<(Vec<OpenedFile>, bool)> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (header, mut rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let TextHeader { windows, files } = serde_json::from_slice(header).ok()?;
    let mut out = Vec::with_capacity(files.len());
    for (name, columns, length) in files {
        let (bytes, after) = rest.split_at_checked(length)?;
        out.push(OpenedFile { name, bytes: bytes.to_vec(), columns });
        rest = after;
    }
    (rest.is_empty() && !out.is_empty()).then_some((out, windows))
}

impl Session {
    /// As [`encode`](Self::encode) for passages, but takes vectors from `cache` if they are there, and stores the others in
    /// it. Returns a sentence if it takes no more.
    pub(super) async fn encode_cached(
        &self,
        mut model: Rc<LoadedModel>,
        texts: &[&str],
        cache: &mut VectorCache,
        step: &mut dyn FnMut(EncodeProgress),
    ) -> Result<(Vec<f32>, Vec<Length>, Rc<LoadedModel>, Option<String>)> {
        let (mut rows, mut lengths, mut note) = (Vec::new(), Vec::with_capacity(texts.len()), None);
        let mut done = 0;
        for chunk in texts.chunks(Chunks::SIZE) {
            if let Some(stored) = cache.get(chunk, Kind::Passage).await {
                model.encoder.tokenize_counted(chunk, Kind::Passage, &mut lengths)?;
                rows.extend(stored);
            } else {
                let mut within = |encoded: EncodeProgress| {
                    let texts_done = done + encoded.texts;
                    step(EncodeProgress { texts: texts_done, tokens: texts_done, all_tokens: texts.len() });
                };
                let (made, read, by) = self.encode(model, chunk, Kind::Passage, Some(&mut within)).await?;
                note = cache.put(chunk, Kind::Passage, &made).await.or(note);
                rows.extend(made);
                lengths.extend(read);
                model = by;
            }
            done += chunk.len();
            step(EncodeProgress { texts: done, tokens: done, all_tokens: texts.len() });
        }
        Ok((rows, lengths, model, note))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::Role;

    #[test]
    fn what_is_packed_is_unpacked_and_damage_is_seen() {
        let columns = Columns::default().with(Role::Text, Some("body".into()));
        let files = vec![
            OpenedFile { name: "ä.csv".into(), bytes: b"body\nx\n".to_vec(), columns },
            OpenedFile { name: "b.txt".into(), bytes: Vec::new(), columns: Columns::default() },
        ];
        let bytes = serialize(&files, true).unwrap();
        assert_eq!(deserialize(&bytes), Some((files, true)));
        for end in 0..bytes.len() {
            assert_eq!(deserialize(&bytes[..end]), None);
        }
        assert_eq!(deserialize(&[&bytes[..], b"x"].concat()), None);
    }
}
