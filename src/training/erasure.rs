//! Removing language information from vectors: an affine map behind the model's last layer.
//!
//! From the model's output, before it is normalized to length 1, the mean over all languages is subtracted, and the
//! directions in which the languages' means differ are projected out: `y = (I - U Uᵀ)(x - m)`, where `m` is the mean
//! of the languages' means `m_l` and the columns of `U` are an orthonormal basis of the span of all `m_l - m`, at most
//! one fewer than there are languages. Afterwards all languages have the same mean, and without different means a
//! linear probe cannot distinguish them (mean projection; Belrose et al., arXiv 2306.03819, compare it with the least
//! change that does the same, which was no better here). Subtracting the mean is this project's addition. The means
//! are over the same texts in every language, so that they differ by language only; no language has to be known to use
//! the model.
//!
//! Not here: whitening (`super::whitening`), and LIR, which removes separate directions for each language
//! (`retrieval::lir`).

use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use super::whitening::append;
use crate::{
    Error, Result,
    bundle::Bundle,
    datasets::parallel::Segment,
    encoder::{Encoder, EncoderDevice},
    text::{Cut, Kind},
};

/// Differences of means below this fraction of the largest add no direction.
const LEAST: f64 = 1e-4;

/// The `[erasure]` section: language erasure after training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Erasure {
    /// Maximal number of texts per language; the same ones in all.
    pub texts: usize,
}

impl Default for Erasure {
    fn default() -> Self {
        Self { texts: 500 }
    }
}

impl Erasure {
    /// # Errors
    /// [`Error::Format`] naming the field, in the file `place`.
    pub(super) fn check(&self, place: &str) -> Result<()> {
        match self.texts {
            0 => Err(Error::format(format!("{place}, erasure.texts"), "must be at least 1")),
            _ => Ok(()),
        }
    }

    /// The texts for the means, one list per language: segments that exist in all of them, sampled evenly.
    ///
    /// # Errors
    /// [`Error::Input`] if no segment is in all languages, or there is only one language.
    pub(super) fn texts(&self, segments: &[Segment], languages: &[String]) -> Result<Vec<Vec<String>>> {
        let whole: Vec<&Segment> =
            segments.iter().filter(|s| languages.iter().all(|l| s.texts.contains_key(l))).collect();
        if whole.is_empty() || languages.len() < 2 {
            return Err(Error::Input(format!(
                "erasing languages needs parallel segments in all {} of them, at least two; there are none. Add some to \
                 the data, or remove [erasure]",
                languages.len()
            )));
        }
        let count = self.texts.min(whole.len());
        let at = |i: usize| whole[i * whole.len() / count];
        let of = |language: &String| (0..count).filter_map(|i| at(i).texts.get(language).cloned()).collect();
        Ok(languages.iter().map(of).collect())
    }
}

/// Adds the map to a model, as a new layer or merged into the last one. `texts` are the same texts in each language.
///
/// # Errors
/// Those of encoding; [`Error::Cancelled`].
pub fn erase(
    bundle: &mut Bundle,
    texts: &[Vec<String>],
    machine: &EncoderDevice,
    stop: &AtomicBool,
    note: &mut dyn FnMut(&str),
) -> Result<()> {
    let d = bundle.manifest.architecture.dimension();
    let normalize = std::mem::replace(&mut bundle.manifest.architecture.normalize, false);
    let encoder = Encoder::new(bundle, machine.clone());
    bundle.manifest.architecture.normalize = normalize;
    let encoder = encoder?;
    let mut means = Vec::with_capacity(texts.len());
    let mut cut = Cut::default();
    for texts in texts {
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Cancelled);
        }
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let (rows, own) = encoder.encode_all_counted(&texts, Kind::Passage, &mut |_, _| {})?;
        cut.add_all(&own);
        means.push(mean(rows.chunks(d), d));
    }
    let centre = mean(means.iter().map(|m| m.as_slice()), d);
    let basis = basis(&means, &centre);
    let mut matrix = vec![0.0; d * d];
    (0..d).for_each(|i| matrix[i * d + i] = 1.0);
    for u in &basis {
        for (row, a) in matrix.chunks_mut(d).zip(u) {
            row.iter_mut().zip(u).for_each(|(m, b)| *m -= a * b);
        }
    }
    let offset: Vec<f64> = matrix.chunks(d).map(|row| -dot(row, &centre)).collect();
    append(bundle, &matrix, &offset, d)?;
    if let Some(said) = cut.sentence("text", "texts") {
        note(&format!("languages erased: {said}"));
    }
    note(&format!(
        "languages erased: subtracted the mean of {} texts in {} languages, removed {} directions in which they differ",
        texts[0].len(),
        texts.len(),
        basis.len()
    ));
    Ok(())
}

fn mean<'a, T: Copy + Into<f64> + 'a>(rows: impl Iterator<Item = &'a [T]>, d: usize) -> Vec<f64> {
    let (mut sum, mut count) = (vec![0.0; d], 0.0);
    for row in rows {
        sum.iter_mut().zip(row).for_each(|(s, v)| *s += (*v).into());
        count += 1.0;
    }
    sum.iter_mut().for_each(|s| *s /= count);
    sum
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// An orthonormal basis of the differences of the means, by Gram-Schmidt, twice to correct rounding.
fn basis(means: &[Vec<f64>], centre: &[f64]) -> Vec<Vec<f64>> {
    let differences: Vec<Vec<f64>> =
        means.iter().map(|m| m.iter().zip(centre).map(|(a, b)| a - b).collect()).collect();
    let largest = differences.iter().map(|v| dot(v, v).sqrt()).fold(0.0, f64::max);
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for mut v in differences {
        for u in basis.iter().chain(&basis) {
            let along = dot(&v, u);
            v.iter_mut().zip(u).for_each(|(v, u)| *v -= along * u);
        }
        let length = dot(&v, &v).sqrt();
        if length > LEAST * largest {
            v.iter_mut().for_each(|v| *v /= length);
            basis.push(v);
        }
    }
    basis
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn afterwards_all_languages_have_the_same_mean_and_it_is_zero() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/checkpoints/e5");
        let mut bundle = Bundle::open(&folder).unwrap();
        let texts: Vec<Vec<String>> = [
            ["The river froze.", "An old man buys bread."],
            ["Der Fluss fror zu.", "Ein alter Mann kauft Brot."],
            ["Ο ποταμός πάγωσε.", "Ένας γέρος αγοράζει ψωμί."],
        ]
        .map(|texts| texts.map(String::from).to_vec())
        .to_vec();
        let stop = AtomicBool::new(false);
        let means = |bundle: &Bundle| -> Vec<Vec<f64>> {
            let mut bundle = Bundle {
                manifest: bundle.manifest.clone(),
                tokenizer: bundle.tokenizer.clone(),
                weights: bundle.weights.clone(),
            };
            bundle.manifest.architecture.normalize = false;
            let d = bundle.manifest.architecture.dimension();
            let encoder = Encoder::new(&bundle, EncoderDevice::cpu()).unwrap();
            let of = |texts: &Vec<String>| {
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                let rows = encoder.encode_all(&texts, Kind::Passage, &mut |_, _| {}).unwrap();
                mean(rows.chunks(d), d)
            };
            texts.iter().map(of).collect()
        };
        let largest = |means: Vec<Vec<f64>>| means.concat().into_iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        assert!(largest(means(&bundle)) > 0.1);
        let mut notes = Vec::new();
        erase(&mut bundle, &texts, &EncoderDevice::cpu(), &stop, &mut |n| notes.push(n.to_string())).unwrap();
        assert!(largest(means(&bundle)) < 1e-5, "{:?}", means(&bundle));
        assert!(
            notes[0].contains("2 texts in 3 languages") && notes[0].contains("removed 2 directions"),
            "{notes:?}"
        );
        assert!(bundle.manifest.architecture.normalize && bundle.manifest.architecture.dense.len() == 1);
        // A second time there is nothing left to remove, and no second layer.
        erase(&mut bundle, &texts, &EncoderDevice::cpu(), &stop, &mut |_| {}).unwrap();
        assert_eq!(bundle.manifest.architecture.dense.len(), 1);
        assert!(largest(means(&bundle)) < 1e-5);
    }

    #[test]
    fn texts_are_those_there_are_in_all_languages() {
        let segment = |id: &str, languages: &[&str]| Segment {
            id: id.into(),
            source: "made".into(),
            texts: languages.iter().map(|l| (l.to_string(), format!("{id} in {l}"))).collect(),
        };
        let segments = [
            segment("a", &["de", "en"]),
            segment("b", &["de", "en", "th"]),
            segment("c", &["de", "en", "th"]),
        ];
        let languages = ["de", "en", "th"].map(String::from);
        let texts = Erasure { texts: 5 }.texts(&segments, &languages).unwrap();
        assert_eq!(texts[2], ["b in th", "c in th"]);
        assert_eq!(Erasure { texts: 1 }.texts(&segments, &languages).unwrap()[0], ["b in de"]);
        let problem = Erasure::default().texts(&segments[..1], &languages).unwrap_err().to_string();
        assert!(problem.contains("in all 3 of them"), "{problem}");
    }
}
