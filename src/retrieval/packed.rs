//! A large index in little memory: 8 bits a number, still searched exhaustively.

use super::{top::Top, vectors::StoredVectors};
use crate::{Error, Result, threads};

/// Vectors scored at once, before their scores are compared with the best so far.
const BLOCK: usize = 512;

/// Vectors to search by cosine, stored in 8 bits a number.
///
/// The query is rounded to 16 bits and multiplied in integers, so rankings are the same on every processor.
/// Search is exact for the packed vectors, whose numbers differ from the originals by at most half of 1/127
/// of the largest in the vector.
#[derive(Debug, Clone, Default)]
pub struct PackedIndex {
    dimension: usize,
    /// `[n, dimension]`, row after row.
    values: Vec<i8>,
    /// The inverse of each row's length.
    factors: Vec<f32>,
}

impl PackedIndex {
    /// An empty index for vectors of `dimension` numbers.
    pub fn new(dimension: usize) -> Self {
        Self { dimension, ..Self::default() }
    }

    /// The index of a file of vectors; takes over the file's memory.
    pub fn from_vectors(vectors: StoredVectors) -> Self {
        let StoredVectors { dimension, values, .. } = vectors;
        let factors = values.chunks_exact(dimension.max(1)).map(factor).collect();
        Self { dimension, values, factors }
    }

    /// Packs vectors and appends them, row after row.
    ///
    /// # Errors
    /// [`Error::Input`] when they are not whole rows of the index's dimension, or contain a number that is
    /// not finite; nothing is appended then.
    pub fn extend(&mut self, rows: &[f32]) -> Result<()> {
        if self.dimension == 0
            || !rows.len().is_multiple_of(self.dimension)
            || rows.iter().any(|x| !x.is_finite())
        {
            return Err(Error::Input(format!(
                "The vectors hold {} numbers, which are not whole rows of {} finite ones; were they made \
                 by another model?",
                rows.len(),
                self.dimension
            )));
        }
        for row in rows.chunks_exact(self.dimension) {
            let start = self.values.len();
            pack(row, &mut self.values);
            self.factors.push(factor(&self.values[start..]));
        }
        Ok(())
    }

    /// Appends a copy of vector `i`.
    ///
    /// # Panics
    /// When there is no vector `i`.
    pub fn repeat(&mut self, i: usize) {
        self.values.extend_from_within(i * self.dimension..(i + 1) * self.dimension);
        self.factors.push(self.factors[i]);
    }

    /// Reserves room for this many more vectors.
    pub fn reserve(&mut self, more: usize) {
        self.values.reserve_exact(more * self.dimension);
        self.factors.reserve_exact(more);
    }

    /// Numbers in a vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Number of vectors.
    pub fn len(&self) -> usize {
        self.factors.len()
    }

    /// Whether there is nothing to search.
    pub fn is_empty(&self) -> bool {
        self.factors.is_empty()
    }

    /// Vector `i` as packed, scaled to length 1; `None` past the end.
    pub fn vector(&self, i: usize) -> Option<Vec<f32>> {
        let (row, factor) = (self.values.chunks_exact(self.dimension.max(1)).nth(i)?, self.factors.get(i)?);
        Some(row.iter().map(|x| f32::from(*x) * factor).collect())
    }

    /// The `k` vectors nearest to `query` among those that `keep` admits, best first: index and cosine (times
    /// the query's length). Ties are ordered by index, lower first. Runs on all threads.
    ///
    /// # Errors
    /// [`Error::Input`] when the index is empty, or the query has another dimension or contains a number that
    /// is not finite.
    pub fn search(
        &self,
        query: &[f32],
        k: usize,
        keep: impl Fn(usize) -> bool + Sync,
    ) -> Result<Vec<(usize, f32)>> {
        if self.is_empty() {
            return Err(Error::Input("There are no passages to search".into()));
        }
        if query.len() != self.dimension || query.iter().any(|x| !x.is_finite()) {
            return Err(Error::Input(format!(
                "The passages' vectors have {} dimensions and the query {}, all of which have to be finite: \
                 both must come from the same model",
                self.dimension,
                query.len()
            )));
        }
        let query = &PackedQuery::new(query);
        let part = |number: usize, values: &[i8]| {
            let mut top = Top::new(k);
            let mut sums = [0; BLOCK];
            let first = number * PART;
            for (b, rows) in values.chunks(BLOCK * self.dimension).enumerate() {
                let sums = &mut sums[..rows.len() / self.dimension];
                query.multiply(rows, sums);
                let first = first + b * BLOCK;
                for (i, (&sum, factor)) in sums.iter().zip(&self.factors[first..]).enumerate() {
                    let score = sum as f32 * factor * query.scale;
                    if top.admits(first + i, score) && keep(first + i) {
                        top.push(first + i, score);
                    }
                }
            }
            top.finish()
        };
        let parts = threads::chunks(&self.values, PART * self.dimension, part);
        let mut top = Top::new(k);
        parts.into_iter().flatten().for_each(|(i, score)| top.push(i, score));
        Ok(top.finish())
    }
}

/// Vectors that a thread takes at a time; a multiple of [`BLOCK`].
const PART: usize = 64 * BLOCK;

/// Appends a row rounded to multiples of 1/127 of its largest magnitude; returns that step.
pub(super) fn pack(row: &[f32], to: &mut Vec<i8>) -> f32 {
    let step = row.iter().fold(0.0f32, |m, x| m.max(x.abs())) / 127.0;
    to.extend(row.iter().map(|x| if step > 0.0 { (x / step).round() as i8 } else { 0 }));
    step
}

/// The inverse of a row's length; 0 for a row of zeros.
fn factor(row: &[i8]) -> f32 {
    let squares: f64 = row.iter().map(|&x| f64::from(x).powi(2)).sum();
    if squares > 0.0 { squares.sqrt().recip() as f32 } else { 0.0 }
}

/// A query rounded to 16 bits.
struct PackedQuery {
    values: Vec<i16>,
    scale: f32,
}

impl PackedQuery {
    fn new(query: &[f32]) -> Self {
        let largest = query.iter().fold(0.0f32, |m, x| m.max(x.abs()));
        let sum: f64 = query.iter().map(|x| f64::from(x.abs())).sum();
        // No sum of products may overflow an i32, whatever the passages are; rounding adds half a step each.
        let room = f64::from(i32::MAX) / 128.0 - query.len() as f64;
        let scale = (largest / 32767.0).max((sum / room) as f32);
        let round = |x: &f32| if scale > 0.0 { (x / scale).round() as i16 } else { 0 };
        Self { values: query.iter().map(round).collect(), scale }
    }

    /// Its dot product with each row.
    fn multiply(&self, rows: &[i8], sums: &mut [i32]) {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            // SAFETY: AVX2 was just detected.
            return unsafe { multiply_avx2(&self.values, rows, sums) };
        }
        #[cfg(target_arch = "wasm32")]
        return multiply_simd128(&self.values, rows, sums);
        #[cfg(not(target_arch = "wasm32"))]
        multiply(&self.values, rows, sums);
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn multiply_avx2(query: &[i16], rows: &[i8], sums: &mut [i32]) {
    multiply(query, rows, sums);
}

/// The compiler turns this into `vpmaddwd`.
#[cfg(not(target_arch = "wasm32"))]
#[inline(always)]
fn multiply(query: &[i16], rows: &[i8], sums: &mut [i32]) {
    for (sum, row) in sums.iter_mut().zip(rows.chunks_exact(query.len())) {
        *sum = query.iter().zip(row).map(|(&q, &x)| i32::from(q) * i32::from(x)).sum();
    }
}

/// The compiler does not find `i32x4.dot_i16x8_s` by itself.
#[cfg(target_arch = "wasm32")]
fn multiply_simd128(query: &[i16], rows: &[i8], sums: &mut [i32]) {
    use core::arch::wasm32::*;
    /// Rows that share each load of the query.
    const ROWS: usize = 4;
    let d = query.len();
    let (eights, rest) = query.as_chunks::<8>();
    for (sums, rows) in sums.chunks_mut(ROWS).zip(rows.chunks(ROWS * d)) {
        let mut lanes = [i32x4_splat(0); ROWS];
        for (e, query) in eights.iter().enumerate() {
            // SAFETY: the chunk has 8 i16.
            let query = unsafe { v128_load(query.as_ptr().cast()) };
            for (r, lanes) in lanes[..sums.len()].iter_mut().enumerate() {
                let eight = &rows[r * d + 8 * e..][..8];
                // SAFETY: the chunk has 8 i8.
                let eight = unsafe { i16x8_load_extend_i8x8(eight.as_ptr()) };
                *lanes = i32x4_add(*lanes, i32x4_dot_i16x8(eight, query));
            }
        }
        for (r, sum) in sums.iter_mut().enumerate() {
            let l = lanes[r];
            let whole = i32x4_extract_lane::<0>(l)
                + i32x4_extract_lane::<1>(l)
                + i32x4_extract_lane::<2>(l)
                + i32x4_extract_lane::<3>(l);
            let rest = rest.iter().zip(&rows[r * d + 8 * eights.len()..]);
            *sum = whole + rest.map(|(&q, &x)| i32::from(q) * i32::from(x)).sum::<i32>();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retrieval::{Index, to_unit};
    use proptest::prelude::*;

    fn noise(n: usize, seed: u64) -> Vec<f32> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..n).map(|_| next()).collect()
    }

    fn index(dimension: usize, rows: &[f32]) -> PackedIndex {
        let mut index = PackedIndex::new(dimension);
        index.extend(rows).unwrap();
        index
    }

    proptest! {
        #[test]
        fn it_finds_what_a_plain_search_of_the_packed_vectors_finds(
            d in 1usize..70, n in 1usize..1500, k in 0usize..30, seed: u64, step in 1usize..4,
        ) {
            let packed = index(d, &noise(n * d, seed));
            let query = noise(d, seed ^ 9);
            // The query as rounded and the rows as packed, in f64.
            let rounded = PackedQuery::new(&query);
            let mut expected: Vec<(usize, f64)> = packed.values.chunks(d).map(|row| {
                let dot: i64 = row.iter().zip(&rounded.values).map(|(&x, &q)| i64::from(x) * i64::from(q)).sum();
                let length: f64 = row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
                dot as f64 * f64::from(rounded.scale) / length.max(1e-30)
            }).enumerate().filter(|(i, _)| i % step == 0).collect();
            expected.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            let found = packed.search(&query, k, |i| i % step == 0).unwrap();
            prop_assert_eq!(found.len(), k.min(expected.len()));
            for (&(i, score), &(_, best)) in found.iter().zip(&expected) {
                prop_assert!((f64::from(score) - best).abs() <= 1e-6 * (1.0 + best.abs()), "{score} for {best}");
                let own = expected.iter().find(|e| e.0 == i).unwrap().1;
                prop_assert!((f64::from(score) - own).abs() <= 1e-6 * (1.0 + own.abs()));
            }
        }
    }

    #[test]
    fn scores_are_near_those_of_the_vectors_before_packing() {
        let d = 384;
        let mut rows = noise(300 * d, 3);
        let mut query = noise(d, 4);
        to_unit(&mut rows, d);
        to_unit(&mut query, d);
        let exact = Index::from_rows(d, &rows).unwrap().scores(&query).unwrap();
        for (i, score) in index(d, &rows).search(&query, 300, |_| true).unwrap() {
            // 384 rounding errors of half a step of 1/127 of 0.09, times numbers of 0.05.
            assert!((score - exact[i]).abs() < 1e-3, "{score} for {}", exact[i]);
        }
    }

    #[test]
    fn a_file_of_vectors_is_the_same_index() {
        let rows = noise(40 * 24, 5);
        let file = crate::retrieval::vectors::write(&rows, 24, &Default::default()).unwrap();
        let read = PackedIndex::from_vectors(crate::retrieval::vectors::read("v", file).unwrap());
        let query = noise(24, 6);
        assert_eq!(
            read.search(&query, 40, |_| true).unwrap(),
            index(24, &rows).search(&query, 40, |_| true).unwrap()
        );
    }

    /// Threads take parts of one index.
    #[test]
    fn indices_go_on_from_part_to_part() {
        let n = PART + BLOCK + 9;
        let mut rows = [1.0, 0.0].repeat(n);
        rows[2 * PART + 2] = 0.6;
        rows[2 * PART + 3] = 0.8;
        rows[2 * n - 2] = 0.0;
        rows[2 * n - 1] = 1.0;
        let found = index(2, &rows).search(&[0.0, 1.0], 3, |_| true).unwrap();
        assert_eq!(found.iter().map(|f| f.0).collect::<Vec<_>>(), [n - 1, PART + 1, 0]);
    }

    /// Large sums would overflow.
    #[test]
    fn no_sum_overflows() {
        let d = 4096;
        let packed = index(d, &vec![1.0; 2 * d]);
        for query in [vec![1.0; d], vec![f32::MAX / 1e5; d]] {
            let found = packed.search(&query, 2, |_| true).unwrap();
            let expected = query[0] * (d as f32).sqrt();
            assert!((found[0].1 / expected - 1.0).abs() < 1e-2, "{} for {expected}", found[0].1);
        }
        assert_eq!(packed.search(&vec![0.0; d], 1, |_| true).unwrap(), [(0, 0.0)]);
    }

    #[test]
    fn bad_vectors_are_refused() {
        let mut index = PackedIndex::new(4);
        assert!(index.search(&[0.0; 4], 1, |_| true).unwrap_err().to_string().contains("no passages"));
        assert!(index.extend(&[1.0; 6]).is_err());
        assert!(index.extend(&[0.0, 1.0, f32::NAN, 0.0]).is_err());
        assert!(index.is_empty());
        index.extend(&[0.0; 4]).unwrap();
        assert!(index.search(&[1.0; 3], 1, |_| true).is_err());
        assert!(index.search(&[1.0, 0.0, f32::INFINITY, 0.0], 1, |_| true).is_err());
        assert_eq!(index.search(&[1.0; 4], 5, |_| true).unwrap(), [(0, 0.0)]);
    }
}
