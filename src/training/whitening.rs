//! Whitening within pairs: gives less weight to directions in which queries differ from their own passages.
//!
//! This is within-class covariance normalization (Hatch, Kajarekar and Stolcke, Interspeech 2006) with a
//! query and its passage as a class. `S` is the covariance of query minus passage, the mean over languages,
//! scaled to a mean eigenvalue of 1. Vectors are multiplied by `W = (S + r I)^(-1/2)`, scaled likewise, as a
//! dense layer after the pooling.
//!
//! Not here: which `r` is best.

use std::sync::atomic::{AtomicBool, Ordering};

use nalgebra::{DMatrix, SymmetricEigen};
use serde::{Deserialize, Serialize};

use super::sampler::{Item, Sampler};
use crate::{
    Error, Result,
    architecture::dense_name,
    bundle::{Array, Bundle},
    encoder::{Activation, Dense, Encoder, EncoderDevice},
    text::{Cut, Kind},
};

/// Eigenvalues below this fraction of the largest are rounding errors.
const ROUNDING: f64 = 1e-12;

/// The `[whitening]` section: whitening after training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Whitening {
    /// Maximal number of pairs per language.
    pub pairs: usize,
    /// The ridge `r` added to every direction: the larger, the smaller the change.
    pub ridge: f64,
}

impl Default for Whitening {
    fn default() -> Self {
        Self { pairs: 2000, ridge: 4.0 }
    }
}

impl Whitening {
    /// # Errors
    /// [`Error::Format`] naming the field, in the file `place`.
    pub(super) fn check(&self, place: &str) -> Result<()> {
        let wrong =
            |field: &str, problem: &str| Err(Error::format(format!("{place}, whitening.{field}"), problem));
        if self.pairs == 0 {
            return wrong("pairs", "must be at least 1");
        }
        if !(self.ridge.is_finite() && self.ridge > 0.0) {
            return wrong("ridge", "must be above 0");
        }
        Ok(())
    }
}

/// Adds the layer to a model, or merges it into the last one if that has no activation. Pairs are sampled
/// like monolingual batches.
///
/// # Errors
/// Those of encoding; [`Error::Input`] if there are no monolingual pairs; [`Error::Cancelled`].
pub fn whiten(
    bundle: &mut Bundle,
    whitening: &Whitening,
    sampler: &Sampler,
    machine: &EncoderDevice,
    stop: &AtomicBool,
    note: &mut dyn FnMut(&str),
) -> Result<()> {
    let d = bundle.manifest.architecture.dimension();
    let mut within = vec![0.0; d * d];
    let encoder = Encoder::new(bundle, machine.clone())?;
    let (mut pairs, mut languages) = (0, 0);
    let mut cut = Cut::default();
    for (language, items) in sampler.monolingual_pairs(whitening.pairs) {
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Cancelled);
        }
        // If all of its sources have weight 0.
        if items.is_empty() {
            continue;
        }
        let mut side = |text: fn(&Item) -> &str, kind| {
            let texts: Vec<&str> = items.iter().map(text).collect();
            let (vectors, own) = encoder.encode_all_counted(&texts, kind, &mut |_, _| {})?;
            cut.add_all(&own);
            Ok::<_, Error>(vectors)
        };
        let (queries, passages) =
            (side(|item| &item.query, Kind::Query)?, side(|item| &item.passage, Kind::Passage)?);
        add_covariance(&mut within, &queries, &passages, d);
        note(&format!("whitening: {} pairs in {language} encoded", items.len()));
        pairs += items.len();
        languages += 1;
    }
    if languages == 0 {
        return Err(Error::Input(
            "whitening needs questions with passages in the same language, and there are none; remove [whitening]".into(),
        ));
    }
    to_unit(&mut within, d);
    (0..d).for_each(|i| within[i * d + i] += whitening.ridge);
    let matrix = inverse_root(&within, d)?;
    append(bundle, &matrix, &vec![0.0; d], d)?;
    if let Some(said) = cut.sentence("text", "texts") {
        note(&format!("whitening: {said}"));
    }
    note(&format!("vectors whitened within {pairs} pairs in {languages} languages"));
    Ok(())
}

/// Adds the covariance of the rows of `queries` minus those of `passages`, both `[pairs, d]`, to `out`, `[d, d]`.
fn add_covariance(out: &mut [f64], queries: &[f32], passages: &[f32], d: usize) {
    let differences = queries.iter().zip(passages).map(|(q, p)| f64::from(*q) - f64::from(*p));
    let differences = DMatrix::from_row_iterator(queries.len() / d, d, differences);
    let covariance = differences.tr_mul(&differences) / differences.nrows() as f64;
    out.iter_mut().zip(covariance.iter()).for_each(|(o, c)| *o += c);
}

/// Scales a matrix to a mean eigenvalue of 1; a zero matrix is unchanged.
fn to_unit(matrix: &mut [f64], d: usize) {
    let mean = trace(matrix, d) / d as f64;
    if mean > 0.0 {
        matrix.iter_mut().for_each(|v| *v /= mean);
    }
}

/// Trace of `matrix`, `[d, d]`.
fn trace(matrix: &[f64], d: usize) -> f64 {
    matrix.iter().step_by(d + 1).sum()
}

/// `A^(-1/2)` of a symmetric positive definite `A`, `[d, d]`, scaled to a mean eigenvalue of 1, by its eigenvalues.
///
/// # Errors
/// [`Error::Input`] if an eigenvalue is no larger than rounding errors.
fn inverse_root(a: &[f64], d: usize) -> Result<Vec<f64>> {
    let SymmetricEigen { eigenvalues, eigenvectors } = SymmetricEigen::new(DMatrix::from_row_slice(d, d, a));
    if eigenvalues.min() <= eigenvalues.max() * ROUNDING {
        return Err(Error::Input(
            "the pairs' covariance is nearly singular, so it cannot be used for whitening; raise whitening.ridge"
                .into(),
        ));
    }
    let roots = DMatrix::from_diagonal(&eigenvalues.map(|value| value.sqrt().recip()));
    // Symmetric, so rows are columns.
    let mut root = (&eigenvectors * roots * eigenvectors.transpose()).as_slice().to_vec();
    to_unit(&mut root, d);
    Ok(root)
}

/// `a`, `[d, d]`, times `b`, `[d, columns]`.
fn product(a: &[f64], b: &[f64], columns: usize) -> Vec<f64> {
    let d = b.len() / columns;
    let product = DMatrix::from_row_slice(d, d, a) * DMatrix::from_row_slice(d, columns, b);
    product.transpose().as_slice().to_vec()
}

/// Appends `matrix`, `[d, d]`, and then `offset`, `[d]`, after the model's last layer.
pub(super) fn append(bundle: &mut Bundle, matrix: &[f64], offset: &[f64], d: usize) -> Result<()> {
    let layers = &mut bundle.manifest.architecture.dense;
    let last = layers.last().filter(|last| last.activation == Activation::Identity).cloned();
    let wide = |values: Vec<f32>| values.into_iter().map(f64::from).collect::<Vec<_>>();
    let (name, input, weight, mut bias) = match last {
        Some(Dense { input, .. }) => {
            let name = dense_name(layers.len() - 1);
            let weight = wide(bundle.weights.matrix(&format!("{name}.weight"), d, input)?.to_f32());
            let bias = wide(bundle.weights.vector(&format!("{name}.bias"), d)?);
            (name, input, product(matrix, &weight, input), product(matrix, &bias, 1))
        }
        None => {
            let name = dense_name(layers.len());
            layers.push(Dense { input: d, output: d, activation: Activation::Identity, normalized: false });
            (name, d, matrix.to_vec(), vec![0.0; d])
        }
    };
    bias.iter_mut().zip(offset).for_each(|(b, o)| *b += o);
    let narrow = |values: Vec<f64>| values.into_iter().map(|v| v as f32).collect();
    bundle.weights.insert(&format!("{name}.weight"), Array::f32(vec![d, input], narrow(weight)));
    bundle.weights.insert(&format!("{name}.bias"), Array::f32(vec![d], narrow(bias)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_root_undoes_the_matrix() {
        let d = 7;
        // Symmetric and positive definite: a covariance and a ridge.
        let rows: Vec<f32> = (0..40 * d).map(|i| ((i * 37 % 101) as f32 - 50.0) / 50.0).collect();
        let mut a = vec![0.0; d * d];
        add_covariance(&mut a, &rows, &vec![0.0; rows.len()], d);
        (0..d).for_each(|i| a[i * d + i] += 0.1);
        let root = inverse_root(&a, d).unwrap();
        let whole = product(&product(&root, &a, d), &root, d);
        // The identity up to scale.
        let scale = whole[0];
        for (at, value) in whole.iter().enumerate() {
            let wanted = if at % (d + 1) == 0 { scale } else { 0.0 };
            assert!((value - wanted).abs() < 1e-9 * scale, "{at}: {value} is not {wanted}");
        }
        assert!((trace(&root, d) / d as f64 - 1.0).abs() < 1e-12);
        let singular = [1.0, 1.0, 1.0, 1.0];
        assert!(inverse_root(&singular, 2).unwrap_err().to_string().contains("ridge"));
    }

    #[test]
    fn a_covariance_is_of_the_pairs_differences() {
        let mut out = vec![1.0; 4];
        // Differences (2, 0) and (0, -4): outer products diag(4, 0) and diag(0, 16), the mean of which is added.
        add_covariance(&mut out, &[3.0, 1.0, 5.0, 0.0], &[1.0, 1.0, 5.0, 4.0], 2);
        assert_eq!(out, [3.0, 1.0, 1.0, 9.0]);
    }
}
