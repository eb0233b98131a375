//! A person's own text, kept in the browser's storage with its vectors until they forget it, so that it is open again
//! after a reload. One text is kept, the last that was opened.

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::{Session, browser::resolve, encode::Encoded, model::Model, storage, vault::Vault};
use crate::{
    Error, Result,
    datasets::{Chunks, Columns},
    protocol::OpenedFile,
    sha256,
    text::{Kind, Length},
};

/// Name of the cache among the origin's: the text, and its vectors.
pub const CACHE: &str = "interlingua-text";
/// The text's name in it.
const TEXT: &str = "text/files";
/// The name of the text's hash in it.
const HASH: &str = "text/hash";
/// Bytes of a hash.
const HASH_LENGTH: u64 = 64;

/// What stands before the files' bytes, as JSON, behind its own length in 8 bytes (little-endian).
#[derive(Serialize, Deserialize)]
struct Header {
    windows: bool,
    /// Name, columns, and how many bytes.
    files: Vec<(String, Columns, usize)>,
}

/// Keeps a text in place of the one before, with whose vectors it goes unless it is the same text; a sentence where
/// the browser does not take it.
pub async fn keep(files: &[OpenedFile], windows: bool) -> Option<String> {
    let bytes = packed(files, windows)?;
    let hash = sha256(&bytes);
    let kept = async {
        let store = storage::open(CACHE).await?;
        let before = store.read(&key(HASH)?, HASH_LENGTH).await;
        if before.as_deref() != Some(hash.as_bytes()) {
            storage::clear(CACHE).await.map_err(|e| e.to_string())?;
        }
        let store = storage::open(CACHE).await?;
        store.write(&key(TEXT)?, &bytes).await?;
        store.write(&key(HASH)?, hash.as_bytes()).await
    };
    let why: std::result::Result<(), String> = kept.await;
    let why = why.err()?;
    Some(format!("This text is not kept for a reload: {}.", why.trim_end_matches('.')))
}

/// The text that is kept, and whether its long passages are split; `None` where there is none, or it is damaged.
pub async fn recall() -> Option<(Vec<OpenedFile>, bool)> {
    let store = storage::open(CACHE).await.ok()?;
    // How large it is, storage does not say beforehand.
    unpacked(&store.read(&key(TEXT).ok()?, super::open::LARGEST).await?)
}

/// Forgets the text and its vectors; how many entries there were.
///
/// # Errors
/// [`Error::File`] when the browser refuses.
pub async fn forget() -> Result<usize> {
    storage::clear(CACHE).await
}

fn key(name: &str) -> std::result::Result<String, String> {
    resolve(name).map(|address| address.href()).map_err(|e: Error| e.to_string())
}

fn packed(files: &[OpenedFile], windows: bool) -> Option<Vec<u8>> {
    let about = files.iter().map(|f| (f.name.clone(), f.columns.clone(), f.bytes.len())).collect();
    let header = serde_json::to_vec(&Header { windows, files: about }).ok()?;
    let mut out = (header.len() as u64).to_le_bytes().to_vec();
    out.extend_from_slice(&header);
    files.iter().for_each(|file| out.extend_from_slice(&file.bytes));
    Some(out)
}

fn unpacked(bytes: &[u8]) -> Option<(Vec<OpenedFile>, bool)> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (header, mut rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let Header { windows, files } = serde_json::from_slice(header).ok()?;
    let mut out = Vec::with_capacity(files.len());
    for (name, columns, length) in files {
        let (bytes, after) = rest.split_at_checked(length)?;
        out.push(OpenedFile { name, bytes: bytes.to_vec(), columns });
        rest = after;
    }
    (rest.is_empty() && !out.is_empty()).then_some((out, windows))
}

impl Session {
    /// As [`encode`](Self::encode) for passages, with what `vault` keeps taken from there and all else kept there. A
    /// sentence where it takes no more.
    pub(super) async fn encode_kept(
        &self,
        mut model: Rc<Model>,
        texts: &[&str],
        vault: &mut Vault,
        step: &mut dyn FnMut(Encoded),
    ) -> Result<(Vec<f32>, Vec<Length>, Rc<Model>, Option<String>)> {
        let (mut rows, mut lengths, mut note) = (Vec::new(), Vec::with_capacity(texts.len()), None);
        let mut done = 0;
        for chunk in texts.chunks(Chunks::SIZE) {
            if let Some(kept) = vault.get(chunk, Kind::Passage).await {
                model.encoder.tokenize_counted(chunk, Kind::Passage, &mut lengths)?;
                rows.extend(kept);
            } else {
                let mut within = |encoded: Encoded| {
                    let texts_done = done + encoded.texts;
                    step(Encoded { texts: texts_done, tokens: texts_done, all_tokens: texts.len() });
                };
                let (made, read, by) = self.encode(model, chunk, Kind::Passage, Some(&mut within)).await?;
                note = vault.put(chunk, Kind::Passage, &made).await.or(note);
                rows.extend(made);
                lengths.extend(read);
                model = by;
            }
            done += chunk.len();
            step(Encoded { texts: done, tokens: done, all_tokens: texts.len() });
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
        let bytes = packed(&files, true).unwrap();
        assert_eq!(unpacked(&bytes), Some((files, true)));
        for end in 0..bytes.len() {
            assert_eq!(unpacked(&bytes[..end]), None);
        }
        assert_eq!(unpacked(&[&bytes[..], b"x"].concat()), None);
    }
}
