//! Files with one JSON document per line, plain or compressed, and counts of what was left out.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::faults::Faults;
use super::file;
use crate::{Error, Result};

/// The extensions that are read.
const ENDINGS: [&str; 3] = [".jsonl", ".jsonl.zst", ".jsonl.gz"];

/// What a reader read and what it left out, and why. Everything left out is counted here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReadReport {
    /// Files read.
    pub files: usize,
    /// Non-blank lines read.
    pub records: usize,
    /// Records returned.
    pub kept: usize,
    /// Texts left out because they were empty or only spaces.
    pub empty_texts: usize,
    /// Texts left out because they equal another text of their record, so were not translated.
    pub equal_texts: usize,
    /// Texts left out because of characters that no text of their kind has, such as remains of markup.
    pub malformed_texts: usize,
    /// Records left out because their id (and language, if any) repeats an earlier one.
    pub duplicate_ids: usize,
    /// Records left out because all their texts, in the same languages, repeat earlier ones.
    pub duplicate_texts: usize,
    /// Records left out because too few usable texts remained.
    pub too_few_texts: usize,
    /// Texts left out because their language was not requested, by code.
    pub unknown_languages: BTreeMap<String, usize>,
    /// Texts left out because another text of their record is in the same language, under another code.
    pub same_languages: usize,
    /// Malformed lines.
    pub bad_lines: usize,
    /// The first of those, and how files were decoded, one sentence each.
    pub notes: Vec<String>,
}

impl ReadReport {
    /// Adds the counts of `other`.
    pub fn add(&mut self, other: &Self) {
        self.files += other.files;
        self.records += other.records;
        self.kept += other.kept;
        self.empty_texts += other.empty_texts;
        self.equal_texts += other.equal_texts;
        self.malformed_texts += other.malformed_texts;
        self.duplicate_ids += other.duplicate_ids;
        self.duplicate_texts += other.duplicate_texts;
        self.too_few_texts += other.too_few_texts;
        for (code, count) in &other.unknown_languages {
            *self.unknown_languages.entry(code.clone()).or_default() += count;
        }
        self.same_languages += other.same_languages;
        self.bad_lines += other.bad_lines;
        self.notes.extend(other.notes.iter().cloned());
    }

    /// A sentence for each reason to leave something out; `what` is what was read, for instance `questions`.
    pub fn lines(&self, what: &str) -> Vec<String> {
        let other: usize = self.unknown_languages.values().sum();
        let other_languages = format!("they are in one of {} other languages", self.unknown_languages.len());
        let counted = [
            (self.bad_lines, "lines", "they are malformed; the first are named below"),
            (self.duplicate_ids, "records", "they repeat an earlier id"),
            (self.duplicate_texts, "records", "all their texts repeat earlier ones"),
            (self.empty_texts, "texts", "they are empty"),
            (self.equal_texts, "texts", "both sides are equal, so not translated"),
            (self.malformed_texts, "texts", "they have unexpected characters, such as remains of markup"),
            (self.same_languages, "texts", "another of their record is in the same language"),
            (self.too_few_texts, "records", "fewer than two of their texts remain"),
            (other, "texts", &other_languages),
        ]
        .into_iter()
        .filter(|(n, ..)| *n > 0)
        .map(|(n, unit, why)| format!("{what}: {n} {unit} left out, because {why}"));
        counted.chain(self.notes.iter().cloned()).collect()
    }

    pub(super) fn unknown(&mut self, code: &str) {
        match self.unknown_languages.get_mut(code) {
            Some(count) => *count += 1,
            None => {
                self.unknown_languages.insert(code.to_owned(), 1);
            }
        }
    }
}

/// The files in `folder` (or, if it has none, in its `train` folder) whose names start with
/// `prefix` and end in `.jsonl`, `.jsonl.zst` or `.jsonl.gz`, sorted by name.
///
/// # Errors
/// [`Error::File`] if the folder cannot be read or has no such file.
pub fn find(folder: &Path, prefix: &str) -> Result<Vec<PathBuf>> {
    let files = find_any(folder, prefix)?;
    if files.is_empty() {
        return Err(Error::file(
            folder,
            format!(
                "it has no file named {prefix}*.jsonl, .jsonl.zst or .jsonl.gz; give the folder that has them"
            ),
        ));
    }
    Ok(files)
}

/// Like [`find`], but returns no files if there are none.
///
/// # Errors
/// [`Error::File`] if the folder cannot be read.
pub fn find_any(folder: &Path, prefix: &str) -> Result<Vec<PathBuf>> {
    let files = list(folder, prefix)?;
    let train = folder.join("train");
    if files.is_empty() && train.is_dir() { list(&train, prefix) } else { Ok(files) }
}

fn list(folder: &Path, prefix: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| Error::file(folder, e))? {
        let path = entry.map_err(|e| Error::file(folder, e))?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if name.starts_with(prefix) && ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The part of a file's name between the first and the second dot: `iot` of `parallel.iot.jsonl.zst`.
pub(super) fn source(path: &Path) -> String {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    name.split('.').nth(1).unwrap_or_default().to_owned()
}

/// A hash for finding equal texts; with 64 bits, a million records collide by chance once in 30 million runs.
pub(super) fn text_hash(texts: impl std::hash::Hash) -> u64 {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    texts.hash(&mut hasher);
    hasher.finish()
}

/// Calls `each` with every document of the file, in order, skipping blank lines. Malformed lines are
/// left out and counted in `report`.
///
/// # Errors
/// [`Error::File`] if the file cannot be opened, [`Error::Format`] if it is of another kind or cannot be
/// decompressed, [`Error::Input`] with the first places if more lines are bad than good, and those of `each`.
pub(super) fn read<T: DeserializeOwned>(
    path: &Path,
    report: &mut ReadReport,
    mut each: impl FnMut(T, &mut ReadReport) -> Result<()>,
) -> Result<()> {
    let name = path.display().to_string();
    let mut reader = file::open(path)?;
    let mut faults = Faults::new(&name);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read =
            reader.read_until(b'\n', &mut line).map_err(|e| Error::format(format!("{name}:{number}"), e))?;
        if read == 0 || faults.is_unusable() {
            break;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match serde_json::from_slice(&line) {
            Ok(document) => {
                faults.good();
                each(document, report)?;
            }
            Err(problem) => faults.bad(number, problem),
        }
    }
    report.bad_lines += faults.left_out();
    report.notes.extend(faults.finish()?);
    report.notes.extend(reader.decoding());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "native")]
    fn reads_all_three_endings_and_names_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let text = "{\"id\":\"a\"}\n\n{\"id\":\"b\"}\n";
        let plain = folder.path().join("parallel.x.jsonl");
        std::fs::write(&plain, text).unwrap();
        let zst = folder.path().join("parallel.y.jsonl.zst");
        std::fs::write(&zst, zstd::encode_all(text.as_bytes(), 3).unwrap()).unwrap();
        let gz = folder.path().join("parallel.z.jsonl.gz");
        use std::io::Write;
        let mut encoder =
            flate2::write::GzEncoder::new(std::fs::File::create(&gz).unwrap(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap();

        let files = find(folder.path(), "parallel.").unwrap();
        assert_eq!(files, [plain.clone(), zst, gz]);
        for file in &files {
            let mut ids = Vec::new();
            read(file, &mut ReadReport::default(), |value: serde_json::Value, _| {
                ids.push(value["id"].as_str().unwrap().to_owned());
                Ok(())
            })
            .unwrap();
            assert_eq!(ids, ["a", "b"]);
        }

        std::fs::write(&plain, "{\"id\":\"a\"}\n{\"id\":").unwrap();
        let mut report = ReadReport::default();
        read(&plain, &mut report, |_: serde_json::Value, _| Ok(())).unwrap();
        let told = report.lines("x");
        assert!(told[0].contains("1 lines left out") && told[1].contains("parallel.x.jsonl:2"), "{told:?}");
        std::fs::write(&plain, "{\"id\":\"a\"}\n{\"id\":\n[").unwrap();
        let error = read(&plain, &mut report, |_: serde_json::Value, _| Ok(())).unwrap_err().to_string();
        assert!(error.contains("2 of its 3 lines") && error.contains("parallel.x.jsonl:3"), "{error}");
    }

    #[test]
    #[cfg(feature = "native")]
    fn a_truncated_archive_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("parallel.y.jsonl.zst");
        let whole = zstd::encode_all("{\"id\":\"a\"}\n".repeat(500).as_bytes(), 3).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 4]).unwrap();
        assert!(read(&path, &mut ReadReport::default(), |_: serde_json::Value, _| Ok(())).is_err());
    }

    #[test]
    fn each_reason_has_its_sentence() {
        let mut report = ReadReport {
            duplicate_ids: 2,
            duplicate_texts: 3,
            empty_texts: 1,
            equal_texts: 4,
            ..ReadReport::default()
        };
        report.unknown("fr");
        assert_eq!(report.lines("questions").len(), 5);
        assert_eq!(
            report.lines("questions")[0],
            "questions: 2 records left out, because they repeat an earlier id"
        );
        assert!(report.lines("x")[4].contains("1 texts left out, because they are in one of 1 other"));
        assert!(ReadReport { records: 9, kept: 9, ..ReadReport::default() }.lines("questions").is_empty());
    }

    #[test]
    fn a_folder_without_files_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let error = find(folder.path(), "qa.").unwrap_err().to_string();
        assert!(error.contains("qa.*.jsonl"), "{error}");
    }
}
