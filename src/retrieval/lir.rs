//! Language Information Removal (LIR; Yang et al. 2021, arXiv 2109.04727): the leading singular directions of
//! each language's vectors mostly encode the language, so they are projected out.
//!
//! For the matrix `M` (`[n, d]`) of a language's passages, uncentred as in the paper, with the singular value
//! decomposition `M = U Σ Vᵀ`, the first `r` columns `c` of `V` are removed from each vector of that
//! language, `e ← e − Σ c cᵀ e`, and the result is scaled to length 1. Queries do not influence the
//! directions. How to choose `r` and how it affects measures does not belong here.

use nalgebra::{DMatrix, SymmetricEigen};

use crate::{Error, Result};

/// Below this fraction of the original length, the remainder is rounding error.
const ROUNDING: f64 = 1e-6;

/// What [`apply`] could not do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Languages with vectors but no more than `r` passages; their vectors are unchanged.
    pub left_alone: Vec<usize>,
    /// Vectors that became zero.
    pub zeros: usize,
}

/// The first `r` right singular vectors of `rows` (`[n, dimension]`, uncentred), largest singular value
/// first: `[r, dimension]`, orthonormal, with the largest component of each positive. Fewer if the rows span
/// fewer dimensions, none if `r` is 0.
///
/// Computed as eigenvectors of the Gram matrix, in f64 (`nalgebra`).
///
/// # Errors
/// [`Error::Input`] when `r` is not below the dimension, when there are no rows, or when they are not whole
/// rows or contain a number that is not finite.
pub fn directions(rows: &[f32], dimension: usize, r: usize) -> Result<Vec<f32>> {
    check(rows, dimension, "passages")?;
    check_count(r, dimension)?;
    if r == 0 {
        return Ok(Vec::new());
    }
    if rows.is_empty() {
        return Err(Error::Input(
            "There are no passages from which to compute a language's directions; open some in this language"
                .into(),
        ));
    }
    let rows =
        DMatrix::from_row_iterator(rows.len() / dimension, dimension, rows.iter().copied().map(f64::from));
    let eigen = SymmetricEigen::new(rows.tr_mul(&rows));
    let mut order: Vec<usize> = (0..dimension).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let floor = eigen.eigenvalues[order[0]] * ROUNDING * ROUNDING;
    let found = order.into_iter().take(r).filter(|&i| eigen.eigenvalues[i] > floor);
    Ok(found
        .flat_map(|i| {
            let vector = eigen.eigenvectors.column(i);
            let largest = vector.iter().fold(0.0f64, |m, &x| if x.abs() > m.abs() { x } else { m });
            vector.iter().map(|&x| (x * largest.signum()) as f32).collect::<Vec<_>>()
        })
        .collect())
}

/// Projects `directions` (`[r, dimension]`, orthonormal) out of every row of `rows` (`[n, dimension]`) and
/// scales the result to length 1; returns how many rows became zero. Rows of zeros are unchanged, as are all
/// rows if there are no directions.
///
/// # Errors
/// [`Error::Input`] when either are not whole rows or contain a number that is not finite, or when the
/// directions are not orthonormal; the rows are unchanged then.
pub fn remove(rows: &mut [f32], dimension: usize, directions: &[f32]) -> Result<usize> {
    check(rows, dimension, "vectors")?;
    check(directions, dimension, "directions")?;
    let directions = widen(directions, dimension)?;
    Ok(rows.chunks_exact_mut(dimension).filter_map(|row| project(row, &directions)).count())
}

/// LIR on a whole task: computes the first `r` directions of each language from its `passages` alone, and
/// removes them from its passages and `queries` (both `[n, dimension]`). `passage_langs` and `query_langs`
/// give each row's language, below `languages`. A language needs more than `r` passages: with fewer, nothing
/// would be left of them.
///
/// # Errors
/// [`Error::Input`] as for [`directions`], and when a row has no language or one that does not exist; nothing
/// is changed then.
pub fn apply(
    passages: &mut [f32],
    passage_langs: &[usize],
    queries: &mut [f32],
    query_langs: &[usize],
    languages: usize,
    dimension: usize,
    r: usize,
) -> Result<Outcome> {
    check_count(r, dimension)?;
    for (rows, langs, what) in [(&*passages, passage_langs, "passages"), (&*queries, query_langs, "queries")]
    {
        check(rows, dimension, what)?;
        if rows.len() / dimension != langs.len() {
            return Err(Error::Input(format!(
                "There are {} vectors of {what}, but languages for {}: each vector needs one",
                rows.len() / dimension,
                langs.len()
            )));
        }
        if let Some(row) = langs.iter().position(|&lang| lang >= languages) {
            return Err(Error::Input(format!(
                "Vector {row} of the {what} has language number {}, but there are only {languages} languages",
                langs[row]
            )));
        }
    }
    let mut outcome = Outcome::default();
    if r == 0 {
        return Ok(outcome);
    }
    for lang in 0..languages {
        let its =
            |langs: &[usize]| -> Vec<usize> { (0..langs.len()).filter(|&i| langs[i] == lang).collect() };
        let (own, asked) = (its(passage_langs), its(query_langs));
        if own.len() <= r {
            if !own.is_empty() || !asked.is_empty() {
                outcome.left_alone.push(lang);
            }
            continue;
        }
        let rows: Vec<f32> =
            own.iter().flat_map(|&i| &passages[i * dimension..][..dimension]).copied().collect();
        let directions = widen(&directions(&rows, dimension, r)?, dimension)?;
        for (rows, numbers) in [(&mut *passages, own), (&mut *queries, asked)] {
            let projected =
                numbers.iter().filter_map(|&i| project(&mut rows[i * dimension..][..dimension], &directions));
            outcome.zeros += projected.count();
        }
    }
    Ok(outcome)
}

/// The directions in f64, orthonormalized again at that precision: where little of a vector remains, f32
/// rounding errors would be visible.
fn widen(directions: &[f32], d: usize) -> Result<Vec<f64>> {
    let mut directions: Vec<f64> = directions.iter().copied().map(f64::from).collect();
    for (i, a) in directions.chunks_exact(d).enumerate() {
        for (j, b) in directions.chunks_exact(d).enumerate().skip(i) {
            if (dot(a, b) - f64::from(u8::from(i == j))).abs() > 1e-4 {
                return Err(Error::Input(format!(
                    "Directions {i} and {j} to remove are not orthonormal; were they all found together?"
                )));
            }
        }
    }
    for i in 0..directions.len() / d {
        let (done, rest) = directions.split_at_mut(i * d);
        let own = &mut rest[..d];
        done.chunks_exact(d).for_each(|direction| subtract(own, direction));
        let length = dot(own, own).sqrt();
        own.iter_mut().for_each(|x| *x /= length);
    }
    Ok(directions)
}

/// Projects the directions out of a row; `Some` if it became zero.
fn project(row: &mut [f32], directions: &[f64]) -> Option<()> {
    let mut rest: Vec<f64> = row.iter().copied().map(f64::from).collect();
    let before = dot(&rest, &rest).sqrt();
    if directions.is_empty() || before == 0.0 {
        return None;
    }
    directions.chunks_exact(row.len()).for_each(|direction| subtract(&mut rest, direction));
    let after = dot(&rest, &rest).sqrt();
    if after <= before * ROUNDING {
        row.fill(0.0);
        return Some(());
    }
    row.iter_mut().zip(&rest).for_each(|(slot, x)| *slot = (x / after) as f32);
    None
}

fn check(rows: &[f32], dimension: usize, what: &str) -> Result<()> {
    if dimension == 0 || !rows.len().is_multiple_of(dimension) {
        return Err(Error::Input(format!(
            "The {what} hold {} numbers, which are not whole rows of {dimension}; were they made by \
             another model?",
            rows.len()
        )));
    }
    match rows.iter().position(|x| !x.is_finite()) {
        Some(at) => Err(Error::Input(format!(
            "Vector {} of the {what} holds {}, which is not a finite number",
            at / dimension,
            rows[at]
        ))),
        None => Ok(()),
    }
}

fn check_count(r: usize, dimension: usize) -> Result<()> {
    if r > 0 && r >= dimension {
        return Err(Error::Input(format!(
            "{r} directions cannot be removed from vectors of {dimension} dimensions: nothing would be \
             left; ask for fewer"
        )));
    }
    Ok(())
}

/// Removes the component along `direction`, of length 1, from `row`.
fn subtract(row: &mut [f64], direction: &[f64]) {
    let part = dot(row, direction);
    row.iter_mut().zip(direction).for_each(|(x, c)| *x -= part * c);
}

/// Dot product, in eight interleaved sums.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        (0..8).for_each(|i| sums[i] += a[i] * b[i]);
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::retrieval::to_unit;

    #[derive(Deserialize)]
    struct Language {
        passages: Vec<Vec<f32>>,
        queries: Vec<Vec<f32>>,
        left: Vec<Left>,
    }

    #[derive(Deserialize)]
    struct Left {
        r: usize,
        rows: Vec<Vec<f32>>,
    }

    /// Reproducible numbers from -1 to 1 (splitmix64).
    struct Noise(u64);

    impl Noise {
        fn next(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        }
    }

    /// Gram–Schmidt on the rows, twice each for precision; a linearly dependent row is replaced.
    fn orthonormalize(rows: &mut [f64], d: usize, noise: &mut Noise) {
        for i in 0..rows.len() / d {
            let (done, rest) = rows.split_at_mut(i * d);
            let row = &mut rest[..d];
            loop {
                let before = dot(row, row).sqrt();
                for _ in 0..2 {
                    done.chunks_exact(d).for_each(|direction| subtract(row, direction));
                }
                let after = dot(row, row).sqrt();
                if after > before * 1e-10 {
                    row.iter_mut().for_each(|x| *x /= after);
                    break;
                }
                row.fill_with(|| noise.next());
            }
        }
    }

    fn noise(n: usize, seed: u64) -> Vec<f32> {
        let mut noise = Noise(seed);
        (0..n).map(|_| noise.next() as f32).collect()
    }

    /// Rows with a strong common component, then directions of decreasing strength.
    fn rows(n: usize, d: usize, seed: u64) -> Vec<f32> {
        let (offset, mut rows) = (noise(d, seed ^ 99), noise(n * d, seed));
        for row in rows.chunks_mut(d) {
            for (j, x) in row.iter_mut().enumerate() {
                *x = *x * 0.8f32.powi(j as i32) + offset[j];
            }
        }
        to_unit(&mut rows, d);
        rows
    }

    fn worst(a: &[f32], b: &[f32]) -> f32 {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).fold(0.0, |most, (x, y)| most.max((x - y).abs()))
    }

    fn inner(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(x, y)| f64::from(x * y)).sum()
    }

    /// Reference values were written by `tests/reference/lir.py`.
    #[test]
    fn what_is_left_is_what_numpy_leaves() {
        let text = include_str!("../../tests/reference/lir.json");
        let languages: Vec<Language> = serde_json::from_str(text).unwrap();
        assert_eq!(languages.len(), 3);
        let mut ranks = BTreeSet::new();
        for i in 0..3 {
            let r = languages[0].left[i].r;
            ranks.insert(r);
            let gather = |rows: fn(&Language) -> &Vec<Vec<f32>>| -> (Vec<f32>, Vec<usize>) {
                let langs = languages.iter().enumerate().flat_map(|(l, x)| vec![l; rows(x).len()]).collect();
                (languages.iter().flat_map(|l| rows(l).concat()).collect(), langs)
            };
            let (mut passages, passage_langs) = gather(|l| &l.passages);
            let (mut queries, query_langs) = gather(|l| &l.queries);
            let outcome = apply(&mut passages, &passage_langs, &mut queries, &query_langs, 3, 16, r).unwrap();
            assert_eq!(outcome, Outcome::default());
            for (l, language) in languages.iter().enumerate() {
                let left = &language.left[i];
                assert_eq!(left.r, r);
                let expected: Vec<f32> = left.rows.concat().iter().map(|x| x / 1e6).collect();
                let (asked, shown) = expected.split_at(10 * 16);
                assert!(worst(&queries[l * 160..][..160], asked) < 1e-5);
                assert!(worst(&passages[l * 640..][..shown.len()], shown) < 1e-5);
            }
        }
        assert_eq!(ranks, BTreeSet::from([1, 2, 3]));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn nothing_is_left_along_the_directions(n in 12usize..60, d in 2usize..40, r in 1usize..11, seed: u64) {
            let r = r.min(d - 1);
            let mut rows = rows(n, d, seed);
            let directions = directions(&rows, d, r).unwrap();
            prop_assert_eq!(directions.len(), r * d);
            for (i, a) in directions.chunks(d).enumerate() {
                for (j, b) in directions.chunks(d).enumerate() {
                    prop_assert!((inner(a, b) - f64::from(u8::from(i == j))).abs() < 1e-6);
                }
            }
            remove(&mut rows, d, &directions).unwrap();
            for row in rows.chunks(d) {
                prop_assert!((inner(row, row) - 1.0).abs() < 1e-5);
                for direction in directions.chunks(d) {
                    prop_assert!(inner(row, direction).abs() < 1e-5);
                }
            }
            let once = rows.clone();
            remove(&mut rows, d, &directions).unwrap();
            prop_assert!(worst(&once, &rows) < 1e-5);
        }

        /// No other subspace of the same dimension captures more: Ky Fan's inequality, tested with random
        /// ones.
        #[test]
        fn the_directions_hold_the_most(n in 12usize..60, d in 3usize..40, r in 1usize..11, seed: u64) {
            let r = r.min(d - 1);
            let rows = rows(n, d, seed);
            let held = |directions: &[f64]| -> f64 {
                let rows = rows.chunks(d).map(|row| row.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
                rows.map(|row| directions.chunks(d).map(|c| dot(c, &row).powi(2)).sum::<f64>()).sum()
            };
            let best: Vec<f64> = directions(&rows, d, r).unwrap().into_iter().map(f64::from).collect();
            let mut noise = Noise(seed ^ 5);
            for step in [1.0, 0.1, 0.01, 1e-3] {
                let mut other: Vec<f64> = best.iter().map(|x| x + step * noise.next()).collect();
                orthonormalize(&mut other, d, &mut noise);
                prop_assert!(held(&other) <= held(&best) * (1.0 + 1e-6));
            }
        }

        /// Rotating all vectors rotates the result, so cosines are unchanged.
        #[test]
        fn cosines_do_not_depend_on_the_axes(n in 12usize..40, d in 4usize..24, r in 1usize..4, seed: u64) {
            let rows = rows(n, d, seed);
            let mut noise = Noise(seed ^ 3);
            let mut turn: Vec<f64> = (0..d * d).map(|_| noise.next()).collect();
            orthonormalize(&mut turn, d, &mut noise);
            let turned: Vec<f32> = rows
                .chunks(d)
                .flat_map(|row| {
                    let row: Vec<f64> = row.iter().map(|&x| f64::from(x)).collect();
                    turn.chunks(d).map(|axis| dot(axis, &row) as f32).collect::<Vec<_>>()
                })
                .collect();
            let cosines = |mut rows: Vec<f32>| -> Vec<f32> {
                let langs = vec![0; n];
                apply(&mut rows, &langs, &mut [], &[], 1, d, r).unwrap();
                rows.chunks(d).flat_map(|a| rows.chunks(d).map(|b| inner(a, b) as f32).collect::<Vec<_>>()).collect()
            };
            prop_assert!(worst(&cosines(rows), &cosines(turned)) < 1e-3);
        }
    }

    /// The same meanings in two languages, each shifted by an offset of its own: with the offsets removed,
    /// the nearest passage is the translation.
    #[test]
    fn an_offset_by_language_is_removed() {
        let (n, d) = (100, 32);
        let meanings = noise(n * d, 1);
        let moved = |seed| -> Vec<f32> {
            let offset = noise(d, seed);
            meanings
                .chunks(d)
                .flat_map(|row| row.iter().zip(&offset).map(|(x, o)| x + 6.0 * o).collect::<Vec<_>>())
                .collect()
        };
        let mut passages = [moved(2), moved(3)].concat();
        let mut queries = moved(3);
        [&mut passages, &mut queries].into_iter().for_each(|rows| to_unit(rows, d));
        let found = |passages: &[f32], queries: &[f32]| {
            let ranked = crate::retrieval::Index::from_rows(d, passages).unwrap();
            let first = |i| ranked.search(&queries[i * d..][..d], 1, |p| p < n).unwrap()[0].0;
            // The share of passages in the other language among the first ten, and translations found.
            let others = |i: usize| {
                let top = ranked.search(&queries[i * d..][..d], 10, |_| true).unwrap();
                top.iter().filter(|(p, _)| *p < n).count()
            };
            ((0..n).filter(|&i| first(i) == i).count(), (0..n).map(others).sum::<usize>())
        };
        let (right, others) = found(&passages, &queries);
        assert!(others == 0, "{others} of 1000 are in the other language");
        let langs: Vec<usize> = (0..2 * n).map(|i| i / n).collect();
        apply(&mut passages, &langs, &mut queries, &vec![1; n], 2, d, 1).unwrap();
        let (right_now, others) = found(&passages, &queries);
        assert!(right_now >= 95 && right_now >= right, "{right_now} of 100 translations, {right} before");
        assert!((400..600).contains(&others), "{others} of 1000 are in the other language");
    }

    #[test]
    fn the_same_twice_and_signs_fixed() {
        let rows = rows(300, 64, 4);
        let first = directions(&rows, 64, 5).unwrap();
        let minus: Vec<f32> = rows.iter().map(|x| -x).collect();
        assert_eq!(first, directions(&rows, 64, 5).unwrap());
        assert_eq!(first, directions(&minus, 64, 5).unwrap());
        for direction in first.chunks(64) {
            assert!(direction.iter().fold(0.0f32, |m, &x| if x.abs() > m.abs() { x } else { m }) > 0.0);
        }
    }

    #[test]
    fn a_poor_language_is_left_alone_and_told() {
        let d = 8;
        let mut passages = rows(14, d, 1);
        let mut queries = rows(3, d, 2);
        let (before, asked) = (passages.clone(), queries.clone());
        // Language 1 has two passages, language 2 only a query, language 3 nothing.
        let langs = [0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0];
        let outcome = apply(&mut passages, &langs, &mut queries, &[0, 1, 2], 4, d, 2).unwrap();
        assert_eq!(outcome, Outcome { left_alone: vec![1, 2], zeros: 0 });
        for (i, lang) in langs.iter().enumerate() {
            assert_eq!(passages[i * d..][..d] == before[i * d..][..d], *lang == 1, "passage {i}");
        }
        assert!(queries[..d] != asked[..d] && queries[d..] == asked[d..]);
    }

    #[test]
    fn vectors_with_nothing_left_become_zero_and_are_counted() {
        // All on one line: one direction, however many are requested.
        let line = [0.1f32, 0.7, -0.3, 0.2, 0.6];
        let mut passages: Vec<f32> = (1..=6).flat_map(|i| line.map(|x| x * i as f32)).collect();
        passages.extend([0.0; 5]);
        assert_eq!(directions(&passages, 5, 3).unwrap().len(), 5);
        let mut queries = vec![1.0, 0.0, 0.0, 0.0, 0.0];
        let outcome = apply(&mut passages, &[0; 7], &mut queries, &[0], 1, 5, 3).unwrap();
        // The row that was zero already is not counted.
        assert_eq!(outcome, Outcome { left_alone: vec![], zeros: 6 });
        assert_eq!(passages, [0.0; 35]);
        assert!((inner(&queries, &queries) - 1.0).abs() < 1e-6);
        assert!(directions(&[0.0; 20], 5, 3).unwrap().is_empty());
    }

    #[test]
    fn many_equal_singular_values_do_not_hang() {
        // Every axis once: all directions are equally good.
        let d = 64;
        let rows: Vec<f32> = (0..d * d).map(|at| f32::from(u8::from(at / d == at % d))).collect();
        let directions = directions(&rows, d, 3).unwrap();
        assert_eq!(directions.len(), 3 * d);
        let close: Vec<f32> = rows.iter().enumerate().map(|(at, x)| x * (1.0 + 1e-6 * at as f32)).collect();
        assert_eq!(super::directions(&close, d, 3).unwrap().len(), 3 * d);
    }

    #[test]
    fn bad_input_is_named_and_changes_nothing() {
        let said = |result: Result<Vec<f32>>| result.unwrap_err().to_string();
        assert!(said(directions(&[1.0; 12], 4, 4)).contains("4 directions"));
        assert!(said(directions(&[], 4, 1)).contains("no passages"));
        assert!(said(directions(&[1.0; 7], 4, 1)).contains('7'));
        assert!(said(directions(&[1.0; 8], 0, 1)).contains('0'));
        assert!(said(directions(&[1.0, 2.0, f32::NAN, 0.0], 2, 1)).contains("Vector 1"));
        assert!(directions(&[1.0; 8], 4, 0).unwrap().is_empty());
        let mut rows = vec![1.0, 2.0, f32::INFINITY, 0.0];
        assert!(remove(&mut rows, 2, &[1.0, 0.0]).is_err());
        assert_eq!(rows[..2], [1.0, 2.0]);
        assert!(remove(&mut [1.0; 4], 2, &[1.0]).is_err());
        let twice = remove(&mut [1.0; 3], 3, &[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]).unwrap_err();
        assert!(twice.to_string().contains("0 and 1"), "{twice}");

        let whole = vec![3.0, 4.0, 1.0, 2.0, 5.0, 1.0];
        let (mut passages, mut queries) = (whole.clone(), vec![1.0, f32::NAN]);
        let problem = apply(&mut passages, &[0; 3], &mut queries, &[0], 1, 2, 1).unwrap_err();
        assert!(problem.to_string().contains("queries"), "{problem}");
        assert!(apply(&mut passages, &[0; 2], &mut [], &[], 1, 2, 1).is_err());
        assert!(apply(&mut passages, &[0, 0, 1], &mut [], &[], 1, 2, 1).is_err());
        assert!(apply(&mut passages, &[0; 3], &mut [], &[], 1, 2, 2).is_err());
        assert_eq!(apply(&mut passages, &[0; 3], &mut [], &[], 1, 2, 0).unwrap(), Outcome::default());
        assert_eq!(remove(&mut passages, 2, &[]).unwrap(), 0);
        assert_eq!(passages, whole);
    }

    /// `cargo test --release --no-default-features --features data --lib lir -- --ignored --nocapture`
    #[test]
    #[ignore = "prints how long a set as large as XQuAD-R takes"]
    fn speed() {
        let (n, d, languages) = (1200, 384, 11);
        let langs: Vec<usize> = (0..n * languages).map(|i| i % languages).collect();
        for (name, vectors) in
            [("decaying", rows(n * languages, d, 1)), ("isotropic", noise(n * languages * d, 1))]
        {
            for r in [1, 3, 10] {
                let (mut passages, mut queries) = (vectors.clone(), vectors.clone());
                let start = std::time::Instant::now();
                apply(&mut passages, &langs, &mut queries, &langs, languages, d, r).unwrap();
                println!("{name}, r = {r}: {} ms", start.elapsed().as_millis());
            }
        }
    }
}
