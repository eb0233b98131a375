//! Samples texts for distillation: first a language, then a source, then a segment.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

use super::sampler::NAME_LISTS;
use crate::{Error, Result, datasets::parallel::Segment};

/// Share of [`NAME_LISTS`] among a language's texts.
const TERM_SHARE: f64 = 0.1;

/// Exponent of the sizes of sources and languages: 0 for uniform, 1 for proportional.
const SMOOTHING: f64 = 0.5;

/// A text and its English counterpart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DistillationText<'a> {
    /// The segment's id.
    pub id: &'a str,
    /// The text's language.
    pub lang: &'a str,
    /// The text.
    pub text: &'a str,
    /// Its English counterpart; the text itself if it is English.
    pub english: &'a str,
}

/// Segments with an English side, by language and source.
pub struct ParallelTexts {
    segments: Vec<Segment>,
    languages: Vec<LanguageTexts>,
    seed: u64,
}

struct LanguageTexts {
    code: String,
    /// Cumulative weight up to and including this language.
    until: f64,
    prose: Vec<SourceTexts>,
    terms: Vec<SourceTexts>,
}

struct SourceTexts {
    until: f64,
    segments: Vec<u32>,
}

impl ParallelTexts {
    /// Indexes `segments` for sampling.
    ///
    /// # Errors
    /// [`Error::Input`] if one of `languages` has no segment with an English side.
    pub fn new(segments: Vec<Segment>, languages: &[String], seed: u64) -> Result<Self> {
        let mut by_language: BTreeMap<&str, BTreeMap<&str, Vec<u32>>> = BTreeMap::new();
        for (i, segment) in segments.iter().enumerate() {
            if segment.texts.contains_key("en") {
                for lang in segment.texts.keys() {
                    by_language.entry(lang).or_default().entry(&segment.source).or_default().push(i as u32);
                }
            }
        }
        let mut out = Vec::new();
        let mut until = 0.0;
        for code in languages {
            let Some(sources) = by_language.remove(code.as_str()) else {
                return Err(Error::Input(format!(
                    "no parallel segment has both {code} and English; leave {code} out of `languages` or add data"
                )));
            };
            let (mut prose, mut terms) = (Vec::new(), Vec::new());
            let (mut prose_until, mut terms_until) = (0.0, 0.0);
            let mut size = 0;
            for (source, segments) in sources {
                size += segments.len();
                let weight = (segments.len() as f64).powf(SMOOTHING);
                let (list, sum) = if NAME_LISTS.contains(&source) {
                    (&mut terms, &mut terms_until)
                } else {
                    (&mut prose, &mut prose_until)
                };
                *sum += weight;
                list.push(SourceTexts { until: *sum, segments });
            }
            // English is drawn by the stage's share, not by size.
            if code != "en" {
                until += (size as f64).powf(SMOOTHING);
            }
            out.push(LanguageTexts { code: code.clone(), until, prose, terms });
        }
        Ok(Self { segments, languages: out, seed })
    }

    /// `n` texts for a step, a share `english` of them English; no segment twice.
    pub fn batch(&self, step: u64, n: usize, english: f64) -> Vec<DistillationText<'_>> {
        let mut rng = ChaCha12Rng::seed_from_u64(self.seed ^ step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let total = self.languages.last().map_or(0.0, |l| l.until);
        let mut out: Vec<DistillationText> = Vec::with_capacity(n);
        // Small data may not have n different segments: give up in time.
        for _ in 0..n * 20 {
            if out.len() == n {
                break;
            }
            let english = total == 0.0 || rng.random_bool(english);
            let point = rng.random_range(0.0..total.max(1e-9));
            let language = if english {
                self.languages.iter().find(|l| l.code == "en")
            } else {
                self.languages.iter().find(|l| point < l.until)
            };
            let Some(language) = language.or(self.languages.first()) else { break };
            let terms =
                language.prose.is_empty() || (!language.terms.is_empty() && rng.random_bool(TERM_SHARE));
            let sources = if terms { &language.terms } else { &language.prose };
            let point = rng.random_range(0.0..sources.last().map_or(1.0, |s| s.until));
            let Some(source) = sources.iter().find(|s| point < s.until) else { continue };
            let segment =
                &self.segments[source.segments[rng.random_range(0..source.segments.len())] as usize];
            let (Some(text), Some(english)) = (segment.texts.get(&language.code), segment.texts.get("en"))
            else {
                continue;
            };
            if out.iter().all(|t| t.id != segment.id) {
                out.push(DistillationText { id: &segment.id, lang: &language.code, text, english });
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments() -> Vec<Segment> {
        (0..400)
            .map(|i| Segment {
                id: format!("s:{i}"),
                source: if i % 4 == 0 { "cldr".into() } else { "tatoeba".into() },
                texts: [("en", "e"), (if i < 40 { "th" } else { "de" }, "x")]
                    .map(|(l, t)| (l.to_string(), format!("{t}{i}")))
                    .into(),
            })
            .collect()
    }

    #[test]
    fn batches_depend_on_the_step_alone_and_balance_languages() {
        let languages = ["de", "en", "th"].map(String::from);
        let texts = ParallelTexts::new(segments(), &languages, 7).unwrap();
        let first = texts.batch(3, 16, 0.25);
        assert_eq!(first, texts.batch(3, 16, 0.25));
        assert_ne!(first, texts.batch(4, 16, 0.25));
        let (mut count, mut terms) = (BTreeMap::new(), 0);
        for step in 0..200 {
            for text in texts.batch(step, 10, 0.25) {
                *count.entry(text.lang).or_insert(0) += 1;
                let number: usize = text.id[2..].parse().unwrap();
                terms += usize::from(number.is_multiple_of(4));
            }
        }
        let share = |l| f64::from(count[l]) / 2000.0;
        assert!((share("en") - 0.25).abs() < 0.04, "{count:?}");
        // 40 of 400 in Thai: by the square root of size it gets a quarter of the rest, not a tenth.
        assert!((share("th") - 0.75 * 0.25).abs() < 0.05, "{count:?}");
        assert!((f64::from(terms as u32) / 2000.0 - TERM_SHARE).abs() < 0.04, "{terms}");
    }

    /// As with `StdRng` of rand 0.9.5: the batches of a seed stay those of published runs.
    #[test]
    fn a_seed_gives_the_same_numbers_for_good() {
        let mut rng = ChaCha12Rng::seed_from_u64(7);
        let numbers: [u64; 3] = std::array::from_fn(|_| rng.random());
        assert_eq!(numbers, [559_256_596_868_823_998, 5_664_742_077_951_270_790, 2_631_283_358_781_127_885]);
        assert_eq!((rng.random_range(0..1000u32), rng.random_range(0..10usize)), (651, 5));
        assert_eq!((rng.random_range(0.0..1.0f64), rng.random_bool(0.25)), (0.272_497_277_152_418_34, false));
    }

    #[test]
    fn a_language_without_data_is_named() {
        let languages = ["de", "el"].map(String::from);
        let error = ParallelTexts::new(segments(), &languages, 0).err().unwrap().to_string();
        assert!(error.contains("el"), "{error}");
    }
}
