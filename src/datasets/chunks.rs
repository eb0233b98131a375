//! Texts in chunks, the unit of encoding and caching.

use super::distinct;
use crate::sha256;

/// Texts to encode, each once. A chunk has texts of one language, so that another choice of
/// languages uses the same chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunks<'a> {
    /// The chunks, one language after the other.
    pub chunks: Vec<Vec<&'a str>>,
    /// For each given text, its index among the texts of all chunks.
    places: Vec<usize>,
}

impl<'a> Chunks<'a> {
    /// Maximal number of texts in a chunk.
    pub const SIZE: usize = 128;

    /// From texts with the number of their language, sorted by language.
    pub fn new(texts: impl Iterator<Item = (usize, &'a str)>) -> Self {
        let texts: Vec<_> = texts.collect();
        let mut out = Self { chunks: Vec::new(), places: Vec::with_capacity(texts.len()) };
        let mut before = 0;
        for language in texts.chunk_by(|a, b| a.0 == b.0) {
            let (unique, which) = distinct(language.iter().map(|(_, text)| *text));
            out.places.extend(which.iter().map(|i| before + i));
            out.chunks.extend(unique.chunks(Self::SIZE).map(<[&str]>::to_vec));
            before += unique.len();
        }
        out
    }

    /// The number of distinct texts.
    pub fn texts(&self) -> usize {
        self.chunks.iter().map(Vec::len).sum()
    }

    /// For each given text, its value among those of all chunks' texts, concatenated; `None` if these are too few.
    pub fn each<T: Copy>(&self, values: &[T]) -> Option<Vec<T>> {
        self.places.iter().map(|&place| values.get(place).copied()).collect()
    }

    /// SHA-256 of a chunk's texts, with their lengths, so that boundaries matter.
    pub fn hash(chunk: &[&str]) -> String {
        let mut all = String::new();
        chunk.iter().for_each(|text| all.extend([text.len().to_string().as_str(), "\n", text]));
        sha256(all.as_bytes())
    }

    /// A row for each given text, `[n, dimension]`, from the concatenated `vectors` of all chunks,
    /// `[texts, dimension]`; `None` if these are too few.
    pub fn rows(&self, vectors: &[f32], dimension: usize) -> Option<Vec<f32>> {
        let mut rows = Vec::with_capacity(self.places.len() * dimension);
        for place in &self.places {
            rows.extend_from_slice(vectors.get(place * dimension..(place + 1) * dimension)?);
        }
        Some(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_gets_its_own_vector_back() {
        let numbers: Vec<String> = (0..300).map(|i| (i % 200).to_string()).collect();
        let given: Vec<(usize, &str)> = [3, 5]
            .into_iter()
            .flat_map(|lang| numbers.iter().map(move |text| (lang, text.as_str())))
            .collect();
        let chunks = Chunks::new(given.iter().copied());
        assert_eq!(chunks.chunks.iter().map(Vec::len).collect::<Vec<_>>(), [128, 72, 128, 72]);
        assert_eq!(chunks.texts(), 400);
        let vectors: Vec<f32> =
            chunks.chunks.iter().flatten().flat_map(|t| [t.parse().unwrap(), -1.0]).collect();
        let rows = chunks.rows(&vectors, 2).unwrap();
        let expected: Vec<f32> = given.iter().flat_map(|(_, t)| [t.parse().unwrap(), -1.0]).collect();
        assert_eq!(rows, expected);
        let texts: Vec<&str> = chunks.chunks.iter().flatten().copied().collect();
        let given: Vec<&str> = given.iter().map(|(_, text)| *text).collect();
        assert_eq!(chunks.each(&texts), Some(given));
        assert_eq!(chunks.rows(&vectors[2..], 2), None);
    }

    #[test]
    fn a_choice_of_languages_has_the_same_chunks() {
        let texts = |langs: &[usize]| -> Vec<(usize, String)> {
            langs.iter().flat_map(|&l| (0..130).map(move |i| (l, format!("{l} {i}")))).collect()
        };
        let (all, some) = (texts(&[0, 1, 2]), texts(&[2, 0]));
        let hashes = |texts: &[(usize, String)]| -> Vec<String> {
            Chunks::new(texts.iter().map(|(l, t)| (*l, t.as_str())))
                .chunks
                .iter()
                .map(|c| Chunks::hash(c))
                .collect()
        };
        let known = hashes(&all);
        assert_eq!(known.len(), 6);
        assert!(hashes(&some).iter().all(|hash| known.contains(hash)));
    }

    #[test]
    fn texts_do_not_run_together() {
        assert_ne!(Chunks::hash(&["ab", "c"]), Chunks::hash(&["a", "bc"]));
        assert_ne!(Chunks::hash(&["a\n1\nb"]), Chunks::hash(&["a", "b"]));
        assert_eq!(Chunks::hash(&["a", "b"]), sha256(b"1\na1\nb"));
    }
}
