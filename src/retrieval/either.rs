//! An index in f32, or in 8 bits for many passages.

use super::{Index, PackedIndex, Similarity};
use crate::Result;

/// Number of passages from which vectors are stored in 8 bits: 150 MB of f32 are enough for a page.
pub const PACKED_FROM: usize = 100_000;

/// The vectors of a corpus: in f32, or in 8 bits if there are many.
#[derive(Debug, Clone)]
pub enum EitherIndex {
    /// In f32.
    Exact(Index),
    /// In 8 bits.
    Packed(PackedIndex),
}

impl EitherIndex {
    /// An empty index for `count` vectors of `dimension` numbers. Vectors that are not compared by cosine are
    /// always stored in f32, as 8 bits do not preserve their lengths.
    pub fn for_count(dimension: usize, count: usize, similarity: Similarity) -> Self {
        if count < PACKED_FROM || !similarity.is_cosine() {
            return Self::Exact(Index::new(dimension).compared_by(similarity));
        }
        let mut index = PackedIndex::new(dimension);
        index.reserve(count);
        Self::Packed(index)
    }

    /// Appends vectors, row after row.
    ///
    /// # Errors
    /// As [`Index::extend`].
    pub fn extend(&mut self, rows: &[f32]) -> Result<()> {
        match self {
            Self::Exact(index) => index.extend(rows),
            Self::Packed(index) => index.extend(rows),
        }
    }

    /// Appends vector `i` once more.
    ///
    /// # Panics
    /// When there is no vector `i`.
    pub fn repeat(&mut self, i: usize) {
        match self {
            Self::Exact(index) => index.repeat(i),
            Self::Packed(index) => index.repeat(i),
        }
    }

    /// Numbers in a vector.
    pub fn dimension(&self) -> usize {
        match self {
            Self::Exact(index) => index.dimension(),
            Self::Packed(index) => index.dimension(),
        }
    }

    /// Number of vectors.
    pub fn len(&self) -> usize {
        match self {
            Self::Exact(index) => index.len(),
            Self::Packed(index) => index.len(),
        }
    }

    /// Whether there is nothing to search.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A copy of vector `i`, of length 1 where it was packed; `None` past the end.
    pub fn vector(&self, i: usize) -> Option<Vec<f32>> {
        match self {
            Self::Exact(index) => index.vector(i),
            Self::Packed(index) => index.vector(i),
        }
    }

    /// As [`Index::search`] and [`PackedIndex::search`].
    ///
    /// # Errors
    /// As theirs.
    pub fn search(
        &self,
        query: &[f32],
        k: usize,
        keep: impl Fn(usize) -> bool + Sync,
    ) -> Result<Vec<(usize, f32)>> {
        match self {
            Self::Exact(index) => index.search(query, k, keep),
            Self::Packed(index) => index.search(query, k, keep),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_whose_length_counts_are_not_packed() {
        let mut index = EitherIndex::for_count(2, PACKED_FROM, Similarity::Dot);
        index.extend(&[1.0, 0.0, 0.0, 3.0]).unwrap();
        assert_eq!(index.search(&[0.5, 0.5], 1, |_| true).unwrap(), [(1, 1.5)]);
        let mut index = EitherIndex::for_count(2, 2, Similarity::Manhattan);
        index.extend(&[1.0, 0.0, 0.0, 3.0]).unwrap();
        assert_eq!(index.search(&[0.5, 0.5], 1, |_| true).unwrap(), [(0, -1.0)]);
    }

    #[test]
    fn many_vectors_are_packed() {
        let rows = [[0.6, 0.8], [1.0, 0.0], [0.0, 1.0]].concat();
        for (count, packed) in [(PACKED_FROM - 1, false), (PACKED_FROM, true)] {
            let mut index = EitherIndex::for_count(2, count, Similarity::Cosine);
            assert_eq!(matches!(index, EitherIndex::Packed(_)), packed);
            assert!(index.is_empty());
            index.extend(&rows).unwrap();
            let vector = index.vector(0).unwrap();
            assert!((vector[0] - 0.6).abs() < 0.005 && (vector[1] - 0.8).abs() < 0.005, "{vector:?}");
            assert!(index.vector(3).is_none());
            let found = index.search(&[0.0, 1.0], 2, |i| i != 0).unwrap();
            assert_eq!(found, [(2, 1.0), (1, 0.0)]);
            index.repeat(2);
            assert_eq!(index.search(&[0.0, 1.0], 2, |_| true).unwrap(), [(2, 1.0), (3, 1.0)]);
        }
    }
}
