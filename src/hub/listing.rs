//! A hub's file list of a model.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CardMetadata, HubName};
use crate::{Error, Problem, Result};

/// A file of a model, before download.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedFile {
    /// Its path in the model.
    pub path: String,
    /// Its size, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Its SHA-256; hubs give it for large files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// A hub's response to [`HubName::listing`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The commit of the files; requested by it, they all belong together.
    pub commit: Option<String>,
    /// The files, in the hub's order.
    pub files: Vec<ListedFile>,
    /// Whether access to the files has to be requested.
    pub gated: bool,
    /// The model card's metadata, where the hub gives it.
    pub card: Option<CardMetadata>,
}

impl Listing {
    /// Parses the response; `place` is its URL, for messages.
    ///
    /// # Errors
    /// [`Error::Format`] when it is no file list, or a path leads out of the model.
    pub fn parse(place: &str, bytes: &[u8]) -> Result<Self> {
        let answer: Value = serde_json::from_slice(bytes).map_err(|e| {
            Error::format(place, Problem::of(format!("not a hub's response: not JSON: {e}"), e))
        })?;
        let Some(siblings) = answer["siblings"].as_array() else {
            return Err(Error::format(place, "not a hub's response: it has no file list, `siblings`"));
        };
        let files = siblings.iter().map(|file| {
            let path = file["rfilename"].as_str().ok_or_else(|| {
                Error::format(format!("{place}, siblings"), format!("{file} has no `rfilename`"))
            })?;
            check_path(path).map_err(|why| Error::format(format!("{place}, siblings"), why))?;
            let lfs = &file["lfs"];
            let sha256 = lfs["sha256"].as_str().filter(|hash| is_hex(hash, 64)).map(str::to_ascii_lowercase);
            Ok(ListedFile {
                path: path.into(),
                bytes: file["size"].as_u64().or_else(|| lfs["size"].as_u64()),
                sha256,
            })
        });
        let files = files.collect::<Result<_>>()?;
        let commit = answer["sha"].as_str().filter(|sha| is_hex(sha, 40)).map(str::to_string);
        let gated = match &answer["gated"] {
            Value::Bool(gated) => *gated,
            Value::String(_) => true,
            _ => false,
        };
        let card =
            Some(CardMetadata::of(&answer["cardData"])).filter(|card| *card != CardMetadata::default());
        Ok(Self { commit, files, gated, card })
    }

    /// The name at the commit of the files.
    ///
    /// # Errors
    /// As [`HubName::at`].
    pub fn pin(&self, name: &HubName) -> Result<HubName> {
        match &self.commit {
            Some(commit) => name.clone().at(commit),
            None => Ok(name.clone()),
        }
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Checks that a path stays within the model's folder, on any system.
///
/// # Errors
/// Says what is wrong with it.
pub(super) fn check_path(path: &str) -> std::result::Result<(), String> {
    let odd = |part: &str| ["", ".", ".."].contains(&part);
    if path.split('/').any(odd) || path.contains(|c: char| c == '\\' || c == ':' || c.is_control()) {
        return Err(format!("{path:?} is not a path within the model; nothing was downloaded"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(answer: &Value) -> Result<Listing> {
        Listing::parse("hub", answer.to_string().as_bytes())
    }

    #[test]
    fn files_sizes_and_hashes_are_read() {
        let hash = "ab".repeat(32);
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let listing = parse(&json!({
            "sha": commit, "gated": "auto", "cardData": {"license": "mit", "language": ["de", "th"]},
            "siblings": [
                {"rfilename": "config.json", "size": 12, "blobId": "x"},
                {"rfilename": "1_Pooling/config.json"},
                {"rfilename": "model.safetensors", "size": 9, "lfs": {"sha256": hash.to_uppercase(), "size": 9, "pointerSize": 130}},
            ],
        }))
        .unwrap();
        assert_eq!(listing.commit.as_deref(), Some(commit));
        assert!(listing.gated);
        assert_eq!(listing.card.as_ref().unwrap().languages, ["de", "th"]);
        assert_eq!(
            listing.files[0],
            ListedFile { path: "config.json".into(), bytes: Some(12), sha256: None }
        );
        assert_eq!(listing.files[1].bytes, None);
        assert_eq!(listing.files[2].sha256, Some(hash));
        let name: HubName = "a/b@main".parse().unwrap();
        assert_eq!(listing.pin(&name).unwrap().to_string(), format!("a/b@{commit}"));
        let open = parse(&json!({"siblings": [], "gated": false})).unwrap();
        assert!(!open.gated && open.commit.is_none() && open.card.is_none());
        assert_eq!(open.pin(&name).unwrap(), name);
    }

    #[test]
    fn answers_that_lead_elsewhere_are_refused() {
        for path in ["../x", "a/../../x", "/etc/passwd", "a//b", "a\\..\\b", "C:x", "a\nb", "", "."] {
            let problem = parse(&json!({"siblings": [{"rfilename": path}]})).unwrap_err().to_string();
            assert!(problem.contains("not a path within the model"), "{path}: {problem}");
        }
        assert!(Listing::parse("hub", b"<html>").unwrap_err().to_string().contains("not a hub's response"));
        assert!(parse(&json!({"error": "x"})).unwrap_err().to_string().contains("has no file list"));
        assert!(parse(&json!({"siblings": [{}]})).unwrap_err().to_string().contains("rfilename"));
    }
}
