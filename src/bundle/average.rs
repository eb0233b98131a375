//! One model out of several trained from the same start: the mean of their weights.

use super::{Array, Bundle, Weights};
use crate::{Error, Result};

/// The weighted mean of the models' weights, in f32; what is bit-identical in all of them stays as it is stored.
/// `share`, the weight of each model, is divided by the sum of all. Models trained from one start are often better
/// averaged than alone (model soups, arXiv 2203.05482); those of different starts have nothing in common to average.
///
/// # Errors
/// [`Error::Input`] with fewer than two models, a share that is not above 0, other tokens, another architecture, other
/// prompts or another measure of similarity.
pub fn average(models: &[Bundle], share: &[f64]) -> Result<Weights> {
    let Some((first, others)) = models.split_first().filter(|(_, others)| !others.is_empty()) else {
        return Err(Error::Input("there is only one model; name at least two to average".into()));
    };
    if share.len() != models.len() || share.iter().any(|share| !(share.is_finite() && *share > 0.0)) {
        return Err(Error::Input(format!(
            "the shares are {share:?}; give {} numbers above 0, one for each model",
            models.len()
        )));
    }
    for other in others {
        let (a, b) = (&first.manifest, &other.manifest);
        let differs = if first.tokenizer != other.tokenizer {
            "another tokenizer"
        } else if a.architecture != b.architecture {
            "another architecture"
        } else if a.prompts != b.prompts {
            "other prompts"
        } else if a.similarity != b.similarity {
            "another measure of similarity"
        } else {
            continue;
        };
        return Err(Error::Input(format!(
            "{} has {differs} than {}; only models trained from the same start can be averaged",
            b.name, a.name
        )));
    }
    let sum: f64 = share.iter().sum();
    let mut out = Weights::default();
    for (name, array) in first.weights.iter() {
        let arrays = models
            .iter()
            .map(|model| model.weights.shaped(name, &array.shape))
            .collect::<Result<Vec<_>>>()?;
        out.insert(
            name,
            if arrays.iter().all(|other| array.is_same(other)) {
                array.clone()
            } else {
                let mut mean = vec![0.0; array.shape.iter().product()];
                for (other, share) in arrays.iter().zip(share) {
                    for (mean, value) in mean.iter_mut().zip(other.to_f32()) {
                        *mean += share / sum * f64::from(value);
                    }
                }
                Array::f32(array.shape.clone(), mean.into_iter().map(|x| x as f32).collect())
            },
        );
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The same small model, its word embeddings moved by `by`.
    fn moved(by: f32) -> Bundle {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/checkpoints/plain");
        let mut bundle = Bundle::open(&folder).unwrap();
        let array = bundle.weights.get(TABLE).unwrap();
        let moved = Array::f32(array.shape.clone(), array.to_f32().iter().map(|x| x + by).collect());
        bundle.weights.insert(TABLE, moved);
        bundle
    }

    const TABLE: &str = "embeddings.word_embeddings.weight";

    #[test]
    fn it_is_the_weighted_mean_and_keeps_what_is_the_same() {
        let start = moved(0.0);
        let mean = average(&[moved(0.0), moved(1.0)], &[3.0, 1.0]).unwrap();
        for (name, array) in start.weights.iter() {
            let got = mean.get(name).unwrap();
            if name == TABLE {
                let pairs = got.to_f32().into_iter().zip(array.to_f32());
                pairs.for_each(|(mean, start)| assert!((mean - start - 0.25).abs() < 1e-6, "{mean} {start}"));
            } else {
                assert!(got.is_same(array), "{name}");
            }
        }
        assert_eq!(mean.iter().count(), start.weights.iter().count());
    }

    #[test]
    fn what_cannot_be_averaged_is_refused() {
        let said = |models: &[Bundle], share: &[f64]| average(models, share).unwrap_err().to_string();
        assert!(said(&[moved(0.0)], &[1.0]).contains("only one model"));
        assert!(said(&[moved(0.0), moved(1.0)], &[1.0]).contains("give 2 numbers above 0"));
        assert!(said(&[moved(0.0), moved(1.0)], &[1.0, 0.0]).contains("above 0"));
        let mut other = moved(1.0);
        other.tokenizer.push(b' ');
        assert!(said(&[moved(0.0), other], &[1.0, 1.0]).contains("another tokenizer"));
        let mut other = moved(1.0);
        other.manifest.prompts.query = "question: ".into();
        assert!(said(&[moved(0.0), other], &[1.0, 1.0]).contains("other prompts"));
    }
}
