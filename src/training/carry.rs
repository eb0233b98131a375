//! Rows for another vocabulary in a table that was trained already.
//!
//! Tokens that the old vocabulary has keep their rows. The others have a place among the rows that training
//! once began with (`super::alignment`), and are carried from there by the affine map that brings the shared
//! tokens' places nearest to their trained rows: ridge regression (Hoerl and Kennard, Technometrics 1970).
//!
//! Not here: how places are found, and training by gradient.

use rayon::prelude::*;
use tokenizers::Tokenizer;

use super::whitening::trace;
use crate::{Error, Result};

/// What is added to the covariance of the places, as a share of its mean eigenvalue.
const RIDGE: f64 = 0.01;

/// The rows of a new table.
#[derive(Debug, Clone, PartialEq)]
pub struct Carried {
    /// `[V, d]`, row by row.
    pub rows: Vec<f32>,
    /// Tokens whose rows are the old table's.
    pub kept: usize,
    /// Share of the variance of the kept rows that the map explains.
    pub explained: f64,
}

/// Rows for the tokens of `new`, whose places are `placed`, `[V, d]`, in the table of `old`, `rows`, `[V', d]`.
///
/// # Errors
/// [`Error::Training`] where a table does not fit its tokenizer, or the vocabularies share fewer tokens than a
/// row has numbers.
pub fn carry(new: &Tokenizer, placed: &[f32], old: &Tokenizer, rows: &[f32], d: usize) -> Result<Carried> {
    let count = placed.len() / d;
    let kept: Vec<Option<usize>> = (0..count as u32)
        .map(|id| new.id_to_token(id).and_then(|token| old.token_to_id(&token)).map(|id| id as usize))
        .collect();
    if kept.iter().flatten().any(|&id| (id + 1) * d > rows.len()) {
        return Err(Error::Training(
            "the start model's table has fewer rows than its tokenizer tokens".into(),
        ));
    }
    let pairs: Vec<(&[f32], &[f32])> = placed
        .chunks(d)
        .zip(&kept)
        .filter_map(|(place, id)| Some((place, &rows[(*id)? * d..][..d])))
        .collect();
    if pairs.len() < d {
        return Err(Error::Training(format!(
            "the new vocabulary shares {} tokens with the start model's; for rows of {d} numbers at least as many are \
             needed: leave start.placed_by out",
            pairs.len()
        )));
    }
    let (from, to) = (mean(pairs.iter().map(|p| p.0), d), mean(pairs.iter().map(|p| p.1), d));
    let (mut within, across) = moments(&pairs, &from, &to, d);
    let ridge = RIDGE * trace(&within, d) / d as f64;
    within.iter_mut().step_by(d + 1).for_each(|v| *v += ridge.max(f64::MIN_POSITIVE));
    let map = solve(within, across, d)?;
    let carried = |place: &[f32]| -> Vec<f64> {
        let mut row = to.clone();
        for ((value, centre), map) in place.iter().zip(&from).zip(map.chunks(d)) {
            let value = f64::from(*value) - centre;
            row.iter_mut().zip(map).for_each(|(r, m)| *r += value * m);
        }
        row
    };
    let (left, all) = pairs
        .par_iter()
        .map(|(place, row)| {
            let carried = carried(place);
            let far = |other: &[f64]| -> f64 {
                row.iter().zip(other).map(|(a, b)| (f64::from(*a) - b).powi(2)).sum()
            };
            (far(&carried), far(&to))
        })
        .collect::<Vec<_>>()
        .into_iter()
        .fold((0.0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
    let table: Vec<Vec<f32>> = placed
        .par_chunks(d)
        .zip(&kept)
        .map(|(place, id)| match id {
            Some(id) => rows[id * d..][..d].to_vec(),
            None => carried(place).into_iter().map(|v| v as f32).collect(),
        })
        .collect();
    Ok(Carried {
        rows: table.concat(),
        kept: pairs.len(),
        explained: 1.0 - left / all.max(f64::MIN_POSITIVE),
    })
}

fn mean<'a>(rows: impl Iterator<Item = &'a [f32]>, d: usize) -> Vec<f64> {
    let (mut sum, mut count) = (vec![0.0; d], 0.0);
    for row in rows {
        sum.iter_mut().zip(row).for_each(|(s, v)| *s += f64::from(*v));
        count += 1.0;
    }
    sum.iter_mut().for_each(|s| *s /= count);
    sum
}

/// `Σ xᵀx` and `Σ xᵀy` of pairs around their means, both `[d, d]`.
fn moments(pairs: &[(&[f32], &[f32])], from: &[f64], to: &[f64], d: usize) -> (Vec<f64>, Vec<f64>) {
    let around = |row: &[f32], mean: &[f64]| -> Vec<f64> {
        row.iter().zip(mean).map(|(v, m)| f64::from(*v) - m).collect()
    };
    let rows: Vec<(Vec<f64>, Vec<f64>)> =
        pairs.par_iter().map(|(x, y)| (around(x, from), around(y, to))).collect();
    let (mut within, mut across) = (vec![0.0; d * d], vec![0.0; d * d]);
    within.par_chunks_mut(d).zip(across.par_chunks_mut(d)).enumerate().for_each(|(i, (within, across))| {
        for (x, y) in &rows {
            within.iter_mut().zip(x).for_each(|(o, v)| *o += x[i] * v);
            across.iter_mut().zip(y).for_each(|(o, v)| *o += x[i] * v);
        }
    });
    (within, across)
}

/// The `X` of `A X = B`, all `[d, d]`, for a symmetric positive definite `A`, by Cholesky's factors.
///
/// # Errors
/// [`Error::Training`] where `A` is not positive definite.
fn solve(mut a: Vec<f64>, mut b: Vec<f64>, d: usize) -> Result<Vec<f64>> {
    // The lower factor, in place.
    for j in 0..d {
        for i in j..d {
            let (above, row) = a.split_at(i * d);
            let known: f64 = match i == j {
                true => row[..j].iter().map(|v| v * v).sum(),
                false => row[..j].iter().zip(&above[j * d..j * d + j]).map(|(x, y)| x * y).sum(),
            };
            let rest = a[i * d + j] - known;
            a[i * d + j] = match i == j {
                true if rest > 0.0 => rest.sqrt(),
                true => {
                    return Err(Error::Training(
                        "the places of the shared tokens are not numbers, or all alike: the table of start.placed_by \
                         cannot be used"
                            .into(),
                    ));
                }
                false => rest / a[j * d + j],
            };
        }
    }
    // Forward through the factor, back through its transpose; a row of `b` at a time.
    for i in 0..d {
        let (known, row) = b.split_at_mut(i * d);
        for (k, known) in known.chunks(d).enumerate() {
            row[..d].iter_mut().zip(known).for_each(|(r, v)| *r -= a[i * d + k] * v);
        }
        row[..d].iter_mut().for_each(|r| *r /= a[i * d + i]);
    }
    for i in (0..d).rev() {
        let (head, known) = b.split_at_mut((i + 1) * d);
        let row = &mut head[i * d..];
        for (k, known) in known.chunks(d).enumerate() {
            row.iter_mut().zip(known).for_each(|(r, v)| *r -= a[(i + 1 + k) * d + i] * v);
        }
        row.iter_mut().for_each(|r| *r /= a[i * d + i]);
    }
    Ok(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokenizer(tokens: impl Iterator<Item = usize>) -> Tokenizer {
        let vocabulary: serde_json::Map<String, serde_json::Value> =
            tokens.enumerate().map(|(id, token)| (format!("t{token}"), id.into())).collect();
        let document = serde_json::json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
            "pre_tokenizer": null, "post_processor": null, "decoder": null,
            "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "t0"},
        });
        Tokenizer::from_bytes(document.to_string()).unwrap()
    }

    /// Numbers from -0.5 to 0.5 without a pattern.
    fn place(token: usize, d: usize) -> Vec<f32> {
        let mut state = token as u64 + 1;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        (0..8).for_each(|_| {
            next();
        });
        (0..d).map(|_| next()).collect()
    }

    /// What training did: exchanged columns, doubled the first, moved all.
    fn trained(place: &[f32]) -> Vec<f32> {
        let mut row: Vec<f32> = place.iter().rev().map(|v| v + 0.25).collect();
        row[0] += place[place.len() - 1];
        row
    }

    #[test]
    fn shared_tokens_keep_their_rows_and_others_follow_the_map() {
        let d = 6;
        let (old, new): (Vec<usize>, Vec<usize>) = ((0..300).collect(), (0..400).rev().collect());
        let placed: Vec<f32> = new.iter().flat_map(|&t| place(t, d)).collect();
        let rows: Vec<f32> = old.iter().flat_map(|&t| trained(&place(t, d))).collect();
        let (new_tokens, old_tokens) = (tokenizer(new.iter().copied()), tokenizer(old.iter().copied()));
        let carried = carry(&new_tokens, &placed, &old_tokens, &rows, d).unwrap();
        assert_eq!((carried.kept, carried.rows.len()), (300, 400 * d));
        assert!(carried.explained > 0.999, "{}", carried.explained);
        for (id, &token) in new.iter().enumerate() {
            let (row, expected) = (&carried.rows[id * d..][..d], trained(&place(token, d)));
            if token < 300 {
                assert_eq!(row, expected, "t{token}");
            } else {
                // The ridge draws a hundredth to the mean.
                let far = row.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(far < 0.02, "t{token}: {row:?} for {expected:?}");
            }
        }
    }

    #[test]
    fn vocabularies_that_share_too_little_are_refused_in_words() {
        let d = 6;
        let placed: Vec<f32> = (0..10).flat_map(|t| place(t, d)).collect();
        let problem =
            carry(&tokenizer(0..10), &placed, &tokenizer(7..17), &placed, d).unwrap_err().to_string();
        assert!(problem.contains("shares 3 tokens") && problem.contains("at least"), "{problem}");
        // Fewer rows than tokens, and rows without any spread.
        let short = carry(&tokenizer(0..10), &placed, &tokenizer(0..10), &placed[..d], d);
        assert!(short.unwrap_err().to_string().contains("fewer rows"));
        let nan = vec![f32::NAN; 10 * d];
        let problem = carry(&tokenizer(0..10), &nan, &tokenizer(0..10), &placed, d).unwrap_err().to_string();
        assert!(problem.contains("not numbers"), "{problem}");
    }
}
