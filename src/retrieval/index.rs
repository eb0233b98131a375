//! Exact search: scores a query against every vector.

use super::{Similarity, top::Top};
use crate::{Error, Result, threads};

/// Vectors are interleaved in panels of this many, so that one load yields one dimension of all of them.
const LANES: usize = 16;

/// Queries scored together: their block of scores stays in a core's cache.
const BLOCK: usize = 64;

/// Vectors to search, of length 1 for cosine; see [`Similarity::ready`].
///
/// A score is summed over the dimensions in order, with one vector per lane, so that it is bit-identical for
/// one query or many, on any processor and with any number of threads.
#[derive(Debug, Clone, Default)]
pub struct Index {
    dimension: usize,
    len: usize,
    /// `[panel][dimension][LANES]`; the last panel is padded with zeros.
    panels: Vec<f32>,
    similarity: Similarity,
    /// Index of each passage's first vector, and the end; empty if each passage has one vector.
    starts: Vec<usize>,
}

impl Index {
    /// An empty index for vectors of `dimension` numbers.
    pub fn new(dimension: usize) -> Self {
        Self { dimension, ..Self::default() }
    }

    /// An index of `rows`, `[n, dimension]`.
    ///
    /// # Errors
    /// As [`extend`](Self::extend).
    pub fn from_rows(dimension: usize, rows: &[f32]) -> Result<Self> {
        let mut index = Self::new(dimension);
        index.extend(rows)?;
        Ok(index)
    }

    /// Sets how vectors are compared; the default is the inner product, which is the cosine of unit vectors.
    #[must_use]
    pub fn compared_by(mut self, similarity: Similarity) -> Self {
        self.similarity = similarity;
        self
    }

    /// Groups consecutive vectors into passages: the passages have `counts` vectors each, in order, at least
    /// one. A passage's score is that of its best vector; from now on indices are of passages, and nothing
    /// may be appended.
    ///
    /// # Errors
    /// [`Error::Input`] when the counts do not add up to the number of vectors.
    pub fn grouped(mut self, counts: &[usize]) -> Result<Self> {
        let mut starts = vec![0];
        counts.iter().for_each(|n| starts.push(starts[starts.len() - 1] + n));
        if counts.contains(&0) || starts.last() != Some(&self.len) {
            return Err(Error::Input(format!("{} vectors do not match the passages' windows", self.len)));
        }
        self.starts = starts;
        Ok(self)
    }

    /// Appends vectors, row after row.
    ///
    /// # Errors
    /// [`Error::Input`] when they are not whole rows of the index's dimension, or contain a number that is
    /// not finite; nothing is appended then.
    pub fn extend(&mut self, rows: &[f32]) -> Result<()> {
        self.check(rows, "vectors")?;
        if let Some(at) = rows.iter().position(|x| !x.is_finite()) {
            return Err(Error::Input(format!(
                "Vector {} holds {}, which is not a finite number",
                self.len + at / self.dimension,
                rows[at]
            )));
        }
        rows.chunks_exact(self.dimension).for_each(|row| self.append(row));
        Ok(())
    }

    fn append(&mut self, row: &[f32]) {
        self.panels.resize((self.len + 1).div_ceil(LANES) * self.dimension * LANES, 0.0);
        let start = self.start(self.len);
        let lane = self.panels[start..].iter_mut().step_by(LANES);
        lane.zip(row).for_each(|(slot, &x)| *slot = x);
        self.len += 1;
    }

    /// Offset of the first number of vector `i`.
    fn start(&self, i: usize) -> usize {
        i / LANES * self.dimension * LANES + i % LANES
    }

    /// Appends a copy of vector `i`.
    ///
    /// # Panics
    /// When there is no vector `i`.
    #[allow(clippy::panic, reason = "as for a slice: whoever asks knows how many vectors there are")]
    pub fn repeat(&mut self, i: usize) {
        let row = self.vector(i).unwrap_or_else(|| panic!("vector {i} of {}", self.len));
        self.append(&row);
    }

    /// Appends one vector.
    ///
    /// # Errors
    /// As [`extend`](Self::extend).
    pub fn push(&mut self, vector: &[f32]) -> Result<()> {
        if vector.len() != self.dimension {
            return Err(self.mismatch(vector.len(), "a vector"));
        }
        self.extend(vector)
    }

    /// Numbers in a vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Number of vectors, or of passages once grouped.
    pub fn len(&self) -> usize {
        if self.starts.is_empty() { self.len } else { self.starts.len() - 1 }
    }

    /// Whether there is nothing to search.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A copy of vector `i`; `None` past the end.
    pub fn vector(&self, i: usize) -> Option<Vec<f32>> {
        (i < self.len).then(|| {
            self.panels[self.start(i)..].iter().step_by(LANES).take(self.dimension).copied().collect()
        })
    }

    /// The `k` best vectors among those that `keep` admits, best first: index and score. Ties are ordered by
    /// index, lower first.
    ///
    /// # Errors
    /// [`Error::Input`] when the index is empty or the query has another dimension.
    pub fn search(&self, query: &[f32], k: usize, keep: impl Fn(usize) -> bool) -> Result<Vec<(usize, f32)>> {
        if query.len() != self.dimension {
            return Err(self.mismatch(query.len(), "the query"));
        }
        let mut top = Top::new(k);
        for (i, &score) in self.scores(query)?.iter().enumerate() {
            if top.admits(i, score) && keep(i) {
                top.push(i, score);
            }
        }
        Ok(top.finish())
    }

    /// Scores of `queries` (`[m, dimension]`) with every vector: `[m, len]`. For many queries,
    /// [`map_scores`](Self::map_scores) needs less memory.
    ///
    /// # Errors
    /// As [`map_scores`](Self::map_scores).
    pub fn scores(&self, queries: &[f32]) -> Result<Vec<f32>> {
        Ok(self.map_scores(queries, |_, row| row.to_vec())?.concat())
    }

    /// Calls `f` with each query's index and its scores with every vector; returns its results in the order
    /// of the queries. Queries (`[m, dimension]`) are scored in blocks, on all threads.
    ///
    /// # Errors
    /// [`Error::Input`] when the index is empty or the queries have another dimension.
    pub fn map_scores<T: Send>(
        &self,
        queries: &[f32],
        f: impl Fn(usize, &[f32]) -> T + Sync,
    ) -> Result<Vec<T>> {
        if self.is_empty() {
            return Err(Error::Input("There are no passages to search".into()));
        }
        self.check(queries, "queries")?;
        let size = BLOCK * self.dimension;
        let block = |number: usize, rows: &[f32]| -> Vec<T> {
            let mut scores = vec![0.0; rows.len() / self.dimension * self.len];
            self.score_block(rows, &mut scores);
            let rows = scores.chunks_exact(self.len).enumerate();
            if self.starts.is_empty() {
                return rows.map(|(i, row)| f(number * BLOCK + i, row)).collect();
            }
            let best = |row: &[f32]| -> Vec<f32> {
                let passages = self.starts.windows(2).map(|ends| &row[ends[0]..ends[1]]);
                passages.map(|own| own.iter().copied().fold(f32::NEG_INFINITY, f32::max)).collect()
            };
            rows.map(|(i, row)| f(number * BLOCK + i, &best(row))).collect()
        };
        let blocks = threads::chunks(queries, size, block);
        Ok(blocks.into_iter().flatten().collect())
    }

    fn score_block(&self, queries: &[f32], scores: &mut [f32]) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: AVX2 was just detected.
            unsafe { score_block_avx2(self, queries, scores) };
            return;
        }
        // Two queries' sums leave little of 16 registers of 4 lanes.
        score_by::<2>(self, queries, scores);
    }

    fn check(&self, rows: &[f32], what: &str) -> Result<()> {
        if self.dimension == 0 || !rows.len().is_multiple_of(self.dimension) {
            return Err(Error::Input(format!(
                "The {what} hold {} numbers, which are not whole rows of {}; were they made by \
                 another model?",
                rows.len(),
                self.dimension
            )));
        }
        Ok(())
    }

    fn mismatch(&self, got: usize, what: &str) -> Error {
        Error::Input(format!(
            "The passages' vectors have {} dimensions, but {what} has {got}: both must come from \
             the same model",
            self.dimension
        ))
    }
}

/// Scales each row of `dimension` numbers to length 1, so that inner products are cosines. Rows whose length
/// is 1 to within 1e-6 are unchanged, as are rows of zeros.
pub fn to_unit(rows: &mut [f32], dimension: usize) {
    for row in rows.chunks_exact_mut(dimension.max(1)) {
        let norm = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
        if norm > 0.0 && (norm - 1.0).abs() > 1e-6 {
            row.iter_mut().for_each(|x| *x = (f64::from(*x) / norm) as f32);
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn score_block_avx2(index: &Index, queries: &[f32], scores: &mut [f32]) {
    score_by::<4>(index, queries, scores);
}

#[inline(always)]
fn score_by<const ROWS: usize>(index: &Index, queries: &[f32], scores: &mut [f32]) {
    match index.similarity {
        Similarity::Cosine | Similarity::Dot => score_tiles::<ProductTerm, ROWS>(index, queries, scores),
        Similarity::Euclidean => score_tiles::<SquareTerm, ROWS>(index, queries, scores),
        Similarity::Manhattan => score_tiles::<AbsoluteTerm, ROWS>(index, queries, scores),
    }
}

/// What is summed over the dimensions, and the score that the sum gives.
trait Term {
    fn of(q: f32, x: f32) -> f32;
    fn score(sum: f32) -> f32;
}

struct ProductTerm;
struct SquareTerm;
struct AbsoluteTerm;

impl Term for ProductTerm {
    #[inline(always)]
    fn of(q: f32, x: f32) -> f32 {
        q * x
    }

    #[inline(always)]
    fn score(sum: f32) -> f32 {
        sum
    }
}

impl Term for SquareTerm {
    #[inline(always)]
    fn of(q: f32, x: f32) -> f32 {
        (q - x) * (q - x)
    }

    #[inline(always)]
    fn score(sum: f32) -> f32 {
        // Not -0, which some orderings place below 0.
        0.0 - sum.sqrt()
    }
}

impl Term for AbsoluteTerm {
    #[inline(always)]
    fn of(q: f32, x: f32) -> f32 {
        (q - x).abs()
    }

    #[inline(always)]
    fn score(sum: f32) -> f32 {
        0.0 - sum
    }
}

/// Scores in tiles of `ROWS` queries and one panel. Neither the tiling nor the width of registers changes the
/// order of summation.
#[inline(always)]
fn score_tiles<T: Term, const ROWS: usize>(index: &Index, queries: &[f32], scores: &mut [f32]) {
    let (d, n) = (index.dimension, index.len);
    // The queries of a tile, interleaved by dimension as the panels are.
    let tiles: Vec<Vec<[f32; ROWS]>> = queries
        .chunks(ROWS * d)
        .map(|tile| {
            let value = |row: usize, k: usize| tile.get(row * d + k).copied().unwrap_or(0.0);
            (0..d).map(|k| std::array::from_fn(|row| value(row, k))).collect()
        })
        .collect();
    for (p, panel) in index.panels.chunks_exact(d * LANES).enumerate() {
        let (columns, _) = panel.as_chunks::<LANES>();
        let first = p * LANES;
        let width = LANES.min(n - first);
        for (t, tile) in tiles.iter().enumerate() {
            let sums = tile_sums::<T, ROWS>(tile, columns);
            for (row, sums) in scores[t * ROWS * n..].chunks_mut(n).zip(&sums) {
                row[first..first + width].iter_mut().zip(sums).for_each(|(to, &sum)| *to = T::score(sum));
            }
        }
    }
}

#[inline(always)]
fn tile_sums<T: Term, const ROWS: usize>(
    tile: &[[f32; ROWS]],
    columns: &[[f32; LANES]],
) -> [[f32; LANES]; ROWS] {
    let mut sums = [[0.0f32; LANES]; ROWS];
    for (q, column) in tile.iter().zip(columns) {
        for row in 0..ROWS {
            for lane in 0..LANES {
                sums[row][lane] += T::of(q[row], column[lane]);
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Few distinct values, so that ties are frequent.
    fn coarse(n: usize, seed: u64) -> Vec<f32> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            ((state >> 33) % 5) as f32 / 4.0 - 0.5
        };
        (0..n).map(|_| next()).collect()
    }

    fn plain(query: &[f32], row: &[f32]) -> f32 {
        query.iter().zip(row).fold(0.0, |sum, (q, x)| sum + q * x)
    }

    proptest! {
        #[test]
        fn scores_are_the_plain_sums(d in 1usize..40, n in 1usize..70, m in 1usize..140, seed: u64) {
            let (rows, queries) = (coarse(n * d, seed), coarse(m * d, seed ^ 7));
            let index = Index::from_rows(d, &rows).unwrap();
            let scores = index.scores(&queries).unwrap();
            for (i, query) in queries.chunks(d).enumerate() {
                for (j, row) in rows.chunks(d).enumerate() {
                    prop_assert_eq!(scores[i * n + j].to_bits(), plain(query, row).to_bits());
                }
            }
            prop_assert_eq!(index.vector(n - 1).unwrap(), &rows[(n - 1) * d..]);
        }

        #[test]
        fn every_way_of_comparing_is_its_plain_sum(d in 1usize..20, n in 1usize..40, m in 1usize..9, seed: u64) {
            let (rows, queries) = (coarse(n * d, seed), coarse(m * d, seed ^ 7));
            for (similarity, score) in [
                (Similarity::Dot, &plain as &dyn Fn(&[f32], &[f32]) -> f32),
                (Similarity::Euclidean, &|q, x| {
                    0.0 - q.iter().zip(x).fold(0.0f32, |sum, (q, x)| sum + (q - x) * (q - x)).sqrt()
                }),
                (Similarity::Manhattan, &|q, x| 0.0 - q.iter().zip(x).fold(0.0f32, |sum, (q, x)| sum + (q - x).abs())),
            ] {
                let index = Index::from_rows(d, &rows).unwrap().compared_by(similarity);
                let scores = index.scores(&queries).unwrap();
                for (i, query) in queries.chunks(d).enumerate() {
                    for (j, row) in rows.chunks(d).enumerate() {
                        prop_assert_eq!(scores[i * n + j].to_bits(), score(query, row).to_bits());
                    }
                }
            }
        }

        #[test]
        fn search_is_a_stable_sort(n in 1usize..200, k in 0usize..220, seed: u64, step in 1usize..4) {
            let d = 3;
            let rows = coarse(n * d, seed);
            let index = Index::from_rows(d, &rows).unwrap();
            let query = coarse(d, seed ^ 3);
            let mut expected: Vec<(usize, f32)> = rows
                .chunks(d)
                .map(|row| plain(&query, row))
                .enumerate()
                .filter(|(i, _)| i % step == 0)
                .collect();
            expected.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap());
            expected.truncate(k);
            prop_assert_eq!(index.search(&query, k, |i| i % step == 0).unwrap(), expected);
        }

        #[test]
        fn pushing_one_by_one_is_the_same(n in 1usize..50, seed: u64) {
            let rows = coarse(n * 5, seed);
            let mut index = Index::new(5);
            for row in rows.chunks(5) {
                index.push(row).unwrap();
            }
            let whole = Index::from_rows(5, &rows).unwrap();
            prop_assert_eq!(index.len(), n);
            prop_assert_eq!(index.scores(&rows).unwrap(), whole.scores(&rows).unwrap());
        }
    }

    #[test]
    fn the_vector_width_changes_nothing() {
        let (d, n, m) = (384, 50, 9);
        let index = Index::from_rows(d, &coarse(n * d, 5)).unwrap();
        let queries: Vec<f32> = coarse(m * d, 6).iter().map(|x| x * 0.123).collect();
        let (mut two, mut four) = (vec![0.0; m * n], vec![0.0; m * n]);
        score_by::<2>(&index, &queries, &mut two);
        score_by::<4>(&index, &queries, &mut four);
        assert_eq!(two, four);
        assert_eq!(two, index.scores(&queries).unwrap());
    }

    #[test]
    fn the_best_of_a_passages_vectors_counts() {
        let index = Index::from_rows(1, &[1.0, 5.0, 2.0, 3.0, -1.0]).unwrap();
        assert!(index.clone().grouped(&[2, 2]).is_err());
        assert!(index.clone().grouped(&[2, 0, 3]).is_err());
        let index = index.grouped(&[2, 1, 2]).unwrap();
        assert_eq!(index.len(), 3);
        assert_eq!(index.scores(&[1.0, -1.0]).unwrap(), [5.0, 2.0, 3.0, -1.0, -2.0, 1.0]);
        assert_eq!(index.search(&[1.0], 2, |i| i != 0).unwrap(), [(2, 3.0), (1, 2.0)]);
    }

    #[test]
    fn bad_vectors_are_refused() {
        let mut index = Index::new(4);
        assert!(index.search(&[0.0; 4], 1, |_| true).unwrap_err().to_string().contains("no passages"));
        assert!(index.push(&[1.0; 3]).is_err());
        assert!(index.extend(&[1.0; 6]).is_err());
        assert!(index.extend(&[0.0, 1.0, f32::NAN, 0.0]).is_err());
        assert_eq!(index.len(), 0);
        index.push(&[1.0, 0.0, 0.0, 0.0]).unwrap();
        let problem = index.search(&[1.0; 3], 1, |_| true).unwrap_err().to_string();
        assert!(problem.contains('4') && problem.contains('3'), "{problem}");
        assert!(Index::new(0).extend(&[]).is_err());
        assert!(index.search(&[1.0; 4], 5, |_| false).unwrap().is_empty());
    }

    #[test]
    fn rows_become_unit() {
        let mut rows = vec![3.0, 4.0, 0.0, 0.0];
        to_unit(&mut rows, 2);
        assert_eq!(rows, [0.6, 0.8, 0.0, 0.0]);
    }
}
