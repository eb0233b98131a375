//! `manifest.json`: what a bundle is, how it was made, and how to check it.

use serde::{Deserialize, Serialize};

use super::weights::Quantization;
use crate::{
    Error, Problem, Result,
    architecture::Config,
    choice::with_dimension,
    retrieval::{Similarity, to_unit},
    sha256,
    text::{Kind, Prompts},
};

/// The latest bundle format that this version reads and writes. It adds what a reader of the second would ignore:
/// vectors of which only the first dimensions are kept.
pub const FORMAT: u32 = 3;
/// The second format. It adds what a reader of the first would ignore: similarity functions, dense layers with
/// normalized input, truncation at the start of texts, shared files. Bundles without these are written in the first.
pub const SECOND: u32 = 2;
/// The first format.
pub const OLDEST: u32 = 1;
/// File name of the manifest.
pub const MANIFEST: &str = "manifest.json";
/// File name of the tokenizer.
pub const TOKENIZER: &str = "tokenizer.json";
/// File name of the weights.
pub const WEIGHTS: &str = "model.safetensors";
/// File name of the weights that are shared with other bundles; the rest is in [`OWN`] then, and there is no
/// [`WEIGHTS`].
pub const SHARED: &str = "shared.safetensors";
/// File name of the weights that are not shared, see [`SHARED`].
pub const OWN: &str = "own.safetensors";

/// What a bundle says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`OLDEST`] to [`FORMAT`]: the lowest that can express the manifest.
    pub format: u32,
    /// The model's name.
    pub name: String,
    /// Its shape.
    pub architecture: Config,
    /// Prefixes for queries and passages.
    #[serde(default)]
    pub prompts: Prompts,
    /// How its vectors are compared.
    #[serde(default, skip_serializing_if = "Similarity::is_cosine")]
    pub similarity: Similarity,
    /// Codes of the languages it was trained for; empty when unknown.
    #[serde(default)]
    pub languages: Vec<String>,
    /// How weights are stored.
    pub quantization: Quantization,
    /// SPDX expression, or `unknown`.
    #[serde(default)]
    pub licence: String,
    /// What the weights had been trained on before, and who says so; empty if unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub background: String,
    /// How it was trained; free form.
    #[serde(default)]
    pub recipe: serde_json::Value,
    /// Evaluation results, with command, date and data; free form.
    #[serde(default)]
    pub results: serde_json::Value,
    /// All other files.
    pub files: Vec<FileEntry>,
    /// If the weights are in two files, the SHA-256 of the single file that they would be: see
    /// [`weights_hash`](Self::weights_hash).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights_sha256: Option<String>,
    /// Vectors that a device has to reproduce before it is used.
    pub self_test: SelfTest,
}

/// A file of the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its name in the bundle.
    pub path: String,
    /// Where it is, if not in the bundle's folder: a path relative to it, such as `../model/tokenizer.json`,
    /// on a disk and on a server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// Texts with their reference vectors.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SelfTest {
    /// Largest difference allowed in any dimension.
    pub tolerance: f32,
    /// The cases.
    pub cases: Vec<SelfTestCase>,
}

/// A text and its vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SelfTestCase {
    /// Which prompt precedes it.
    pub kind: Kind,
    /// The text.
    pub text: String,
    /// Its vector from exactly these weights on the CPU in f32.
    pub vector: Vec<f32>,
}

impl Manifest {
    /// SHA-256 of the weights, which identifies the model that made some vectors; `None` for a folder that is
    /// not a bundle yet.
    ///
    /// It is that of [`WEIGHTS`]. Weights in [`SHARED`] and [`OWN`] have the hash of the single file that
    /// [`Bundle::write`](super::Bundle::write) would make of them, however they are split: so a bundle keeps
    /// its identity, and its vectors remain valid, when it starts or stops sharing. It is stored in
    /// [`weights_sha256`](Self::weights_sha256), as computing it takes all the weights;
    /// [`Bundle::open`](super::Bundle::open) does compute it, and rejects a manifest with a different value.
    /// The page does not, which would take a tenth of a second at each visit: it identifies the vectors that
    /// it stores by the hashes of the files themselves.
    pub fn weights_hash(&self) -> Option<&str> {
        self.weights_sha256.as_deref().or_else(|| Some(self.file(WEIGHTS)?.sha256.as_str()))
    }

    /// The entry of the file with this name.
    pub fn file(&self, path: &str) -> Option<&FileEntry> {
        self.files.iter().find(|entry| entry.path == path)
    }

    /// Names of the files that contain weights.
    pub fn weights_files(&self) -> &'static [&'static str] {
        if self.file(SHARED).is_some() { &[SHARED, OWN] } else { &[WEIGHTS] }
    }

    /// Reads a manifest; `place` is its path or address, for messages.
    ///
    /// # Errors
    /// [`Error::Format`] naming the field, [`Error::Unsupported`] for a later format.
    pub fn parse(place: &str, bytes: &[u8]) -> Result<Self> {
        let value: serde_json::Value = serde_json::from_slice(bytes)
            .map_err(|e| Error::format(place, Problem::of(format!("not JSON: {e}"), e)))?;
        // The version comes first, as fields of a later format may have another meaning.
        let format = value.get("format").and_then(|f| f.as_u64()).ok_or_else(|| {
            Error::format(place, "the field `format` (the bundle's format version) is missing")
        })?;
        if !(u64::from(OLDEST)..=u64::from(FORMAT)).contains(&format) {
            return Err(Error::Unsupported {
                what: format!("{place}: bundle format {format} in the field `format`"),
                hint: format!("this version reads formats {OLDEST} to {FORMAT}; use a newer interlingua"),
            });
        }
        let manifest: Self = serde_json::from_value(value).map_err(|e| Error::format(place, e))?;
        manifest.architecture.check(place)?;
        manifest.check_files().map_err(|problem| Error::format(format!("{place}, files"), problem))?;
        let dimension = manifest.architecture.dimension();
        // A number beyond f32 becomes infinite, and an infinite tolerance would accept any vector.
        let SelfTest { tolerance, cases } = &manifest.self_test;
        if !cases.iter().flat_map(|case| &case.vector).chain([tolerance]).all(|x| x.is_finite()) {
            return Err(Error::format(format!("{place}, self_test"), "a number is too large for 32 bits"));
        }
        if cases.iter().any(|c| c.vector.len() != dimension) {
            return Err(Error::format(
                format!("{place}, self_test"),
                format!("a reference vector does not have length {dimension}"),
            ));
        }
        Ok(manifest)
    }

    /// Keeps the first `n` dimensions of the model's vectors, and of those of its self-test.
    ///
    /// # Errors
    /// [`Error::Input`] if it has fewer, or `n` is 0.
    pub fn truncate(&mut self, n: usize) -> Result<()> {
        let config = &mut self.architecture;
        let all = config.dimension();
        if n == 0 || n > all {
            return Err(Error::Input(format!(
                "{n} is no dimension for {}: its vectors have {all}, so choose a number from 1 to {all}",
                self.name
            )));
        }
        if n == all {
            return Ok(());
        }
        config.truncate = Some(n);
        let mut shortest = 1.0f32;
        for case in &mut self.self_test.cases {
            case.vector.truncate(n);
            if config.normalize {
                let length = case.vector.iter().map(|x| x * x).sum::<f32>().sqrt();
                shortest = shortest.min(if length > 0.0 { length } else { 1.0 });
                to_unit(&mut case.vector, n);
            }
        }
        // Scaling to length 1 again enlarges a device's differences as well.
        self.self_test.tolerance /= shortest;
        self.name = with_dimension(&self.name, n);
        Ok(())
    }

    /// Checks the list of files. A missing file is only reported when it is needed.
    fn check_files(&self) -> std::result::Result<(), String> {
        for (i, entry) in self.files.iter().enumerate() {
            let FileEntry { path, at, .. } = entry;
            if ![TOKENIZER, WEIGHTS, SHARED, OWN].contains(&path.as_str()) {
                return Err(format!("{path} is not the name of a bundle's file"));
            }
            if self.files[..i].iter().any(|before| before.path == *path) {
                return Err(format!("{path} is listed twice"));
            }
            let Some(at) = at else { continue };
            if ![TOKENIZER, SHARED].contains(&path.as_str()) {
                return Err(format!("{path} lies in the bundle's own folder, not `at` {at}"));
            }
            if !leads_to_a_file(at) {
                return Err(format!(
                    "{path} is `at` `{at}`, which is not a relative path: `../`, as often as needed, and names with `/` \
                     between them, without any of `\\ : ? # %`"
                ));
            }
        }
        let lists = |path| self.file(path).is_some();
        if lists(WEIGHTS) && (lists(SHARED) || lists(OWN)) {
            return Err(format!("weights are in {WEIGHTS}, or in {SHARED} and {OWN}, not in both"));
        }
        match (lists(SHARED), &self.weights_sha256) {
            (true, None) => Err(format!("the field `weights_sha256` is missing, which {SHARED} needs")),
            (false, Some(_)) => {
                Err(format!("the field `weights_sha256` needs {SHARED}, which is not listed"))
            }
            _ => Ok(()),
        }
    }

    /// Total size of the files that the manifest lists, in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes))
    }
}

impl FileEntry {
    /// The entry for a file with these bytes.
    pub fn of(path: &str, bytes: &[u8]) -> Self {
        Self { path: path.into(), at: None, bytes: bytes.len() as u64, sha256: sha256(bytes) }
    }

    /// Its path relative to the bundle's folder.
    pub fn place(&self) -> &str {
        self.at.as_deref().unwrap_or(&self.path)
    }

    /// Checks size and hash; `place` is the file's path or address, for messages.
    ///
    /// # Errors
    /// [`Error::Integrity`] saying which does not match.
    pub fn verify(&self, place: &str, bytes: &[u8]) -> Result<()> {
        self.verify_hash(place, bytes.len() as u64, &sha256(bytes))
    }

    /// Checks size and hash of a file that was hashed while it was read.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_hash(&self, place: &str, bytes: u64, hash: &str) -> Result<()> {
        let problem = if bytes != self.bytes {
            format!("it has {bytes} bytes, but the manifest says {}; download it again", self.bytes)
        } else if hash != self.sha256 {
            format!(
                "its SHA-256 is {hash}, but the manifest says {}; it was altered, download it again",
                self.sha256
            )
        } else {
            return Ok(());
        };
        Err(Error::Integrity { file: place.into(), problem })
    }
}

/// Whether a path means the same file on a disk and in an address, and is relative.
pub(super) fn leads_to_a_file(path: &str) -> bool {
    let mut names = path.split('/').skip_while(|part| *part == "..").peekable();
    let is_name = |name: &str| {
        !["", ".", ".."].contains(&name)
            && name.trim() == name
            && !name.contains(|c: char| c.is_control() || r"\:?#%".contains(c))
    };
    names.peek().is_some() && names.all(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_at_the_edges_of_their_types_are_refused_or_counted() {
        let manifest = |tolerance: f64, epsilon: f64| {
            let architecture = json!({
                "family": "bert", "vocabulary": 9, "hidden": 2, "layers": 1, "heads": 1, "intermediate": 2,
                "positions": 8, "first_position": 0, "layer_norm_epsilon": epsilon, "activation": "gelu",
                "max_tokens": 8, "pooling": "mean", "normalize": true,
            });
            let files: Vec<_> = [TOKENIZER, WEIGHTS]
                .map(|path| json!({"path": path, "bytes": u64::MAX, "sha256": "ab"}))
                .into();
            let manifest = json!({
                "format": 1, "name": "m", "architecture": architecture, "quantization": "f32", "files": files,
                "self_test": {"tolerance": tolerance, "cases": []},
            });
            Manifest::parse("m", manifest.to_string().as_bytes())
        };
        assert_eq!(manifest(1e-4, 1e-12).unwrap().bytes(), u64::MAX);
        let refused = |tolerance, epsilon| manifest(tolerance, epsilon).unwrap_err().to_string();
        assert!(refused(1e39, 1e-12).contains("self_test"));
        for epsilon in [0.0, -1.0, 1e300] {
            assert!(refused(1e-4, epsilon).contains("layer_norm_epsilon"));
        }
    }

    #[test]
    fn a_path_elsewhere_is_relative_and_the_same_in_an_address() {
        for good in ["shared.safetensors", "../model/shared.safetensors", "../../a b/é/tokenizer.json"] {
            assert!(leads_to_a_file(good), "{good}");
        }
        for bad in [
            "",
            "..",
            "../",
            "/etc/passwd",
            "//host/file",
            "https://host/file",
            r"..\model\file",
            "C:file",
            "a/../b",
            "./a",
            "a//b",
            "a/",
            "a?b",
            "a#b",
            "%2e%2e/a",
            " ../a",
            "a\n",
        ] {
            assert!(!leads_to_a_file(bad), "{bad}");
        }
    }
}
