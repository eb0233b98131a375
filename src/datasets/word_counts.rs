//! Word frequencies: language, word and count, separated by tabs, one word per line.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::Path;

use crate::{Error, Result, text};

/// Words with their counts, by language.
pub type WordCounts = BTreeMap<String, Vec<(String, u64)>>;

/// Reads a file, plain or compressed, keeping the words in `languages`.
///
/// # Errors
/// [`Error::File`] or [`Error::Format`] with the line.
pub fn read_word_counts(path: &Path, languages: &[String]) -> Result<WordCounts> {
    let mut counts = WordCounts::new();
    for (number, line) in super::file::open(path)?.lines().enumerate() {
        let place = || format!("{}:{}", path.display(), number + 1);
        let line = line.map_err(|e| Error::format(place(), e))?;
        let mut fields = line.split('\t');
        let (Some(code), Some(word), Some(count), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(Error::format(place(), "expected language, word and count, separated by tabs"));
        };
        let count = count
            .parse()
            .map_err(|_| Error::format(place(), format!("the count {count:?} is not a number")))?;
        let code = text::code(code).unwrap_or_else(|| code.to_owned());
        if languages.contains(&code) {
            counts.entry(code).or_default().push((word.to_owned(), count));
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_line_is_named_and_languages_are_known_by_any_code() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words.tsv");
        std::fs::write(&path, "en\thouse\t12\nzh_cn\t房子\t3\nfr\tmaison\t1\n").unwrap();
        let counts = read_word_counts(&path, &["en".to_owned(), "zh".to_owned()]).unwrap();
        assert_eq!(counts["en"], [("house".to_owned(), 12)]);
        assert_eq!(counts["zh"], [("房子".to_owned(), 3)]);
        assert_eq!(counts.len(), 2);
        std::fs::write(&path, "en\thouse\t12\nen\thouse\n").unwrap();
        let error = read_word_counts(&path, &[]).unwrap_err().to_string();
        assert!(error.contains("words.tsv:2"), "{error}");
    }
}
