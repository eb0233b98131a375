//! Validation on held-out questions during training, and early stopping.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::student::Student;
use crate::{
    Result,
    bundle::{Bundle, Quantization},
    datasets::{self, CollectionOptions, Corpus},
    encoder::{Encoder, EncoderDevice},
    evaluate::{self, evaluate},
    evaluation::{CutTexts, Measures, Task},
};

/// The `[validation]` section.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationConfig {
    /// Its name in `interlingua data`; never the set on which results are reported.
    pub dataset: String,
    /// Its folder.
    pub data: PathBuf,
    /// Only these languages; all if none is named.
    #[serde(default)]
    pub languages: Vec<String>,
    /// Steps between evaluations; the last step is evaluated too.
    pub every: u64,
    /// Early stopping: training ends after this many evaluations in a row without improvement; by default never.
    pub patience: Option<u64>,
    /// The setting whose mAP counts.
    #[serde(default)]
    pub setting: ValidationSetting,
}

/// A setting that every data set in several languages has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ValidationSetting {
    /// Query and passages in one language.
    Mono,
    /// Query and passages in two.
    Cross,
    /// All languages in one pool.
    #[default]
    Multi,
}

/// mAP in the three settings; none if the data have no such questions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ValidationMap {
    /// Within a language.
    pub mono: Option<f64>,
    /// Across languages.
    pub cross: Option<f64>,
    /// Over the pool of all.
    pub multi: Option<f64>,
}

/// The best so far, as stored in a checkpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct BestStep {
    /// mAP in the chosen setting; below any mAP before the first evaluation.
    pub map: Option<f64>,
    /// Steps done then.
    pub step: u64,
    /// Evaluations since without improvement.
    pub since: u64,
}

impl BestStep {
    /// Records the result after `step` steps; returns whether it is the best.
    pub fn is_now(&mut self, step: u64, map: f64) -> bool {
        let better = self.map.is_none_or(|best| map > best);
        *self = if better {
            Self { map: Some(map), step, since: 0 }
        } else {
            Self { since: self.since + 1, ..*self }
        };
        better
    }
}

/// An open data set.
pub struct Validation {
    config: ValidationConfig,
    corpus: Corpus,
    task: Task,
}

impl Validation {
    /// # Errors
    /// Says what is wrong with the data set.
    pub fn open(config: &ValidationConfig) -> Result<Self> {
        let options =
            CollectionOptions { languages: config.languages.clone(), ..CollectionOptions::default() };
        let corpus = datasets::load(&config.dataset, &config.data, &options)?;
        let task = Task::new(&corpus)?;
        Ok(Self { config: config.clone(), corpus, task })
    }

    /// Whether an evaluation is due after `step` of `steps` steps.
    pub fn is_due(&self, step: u64, steps: u64) -> bool {
        step.is_multiple_of(self.config.every) || step == steps
    }

    /// Evaluates the model as quantized with `quantization`. Truncation is reported through `note`.
    ///
    /// # Errors
    /// Those of encoding and ranking.
    pub fn measure(
        &self,
        student: &mut Student,
        like: &Bundle,
        quantization: Quantization,
        machine: &EncoderDevice,
        note: &mut dyn FnMut(&str),
    ) -> Result<ValidationMap> {
        let mut bundle = student.bundle(like)?;
        bundle.store_as(quantization)?;
        let encoder = Encoder::new(&bundle, machine.clone())?;
        let data = (self.config.dataset.as_str(), &self.corpus, &self.task);
        let options = evaluate::EvaluateSettings::default();
        let report = evaluate(&encoder, None, data, &options, &mut |_, _, _| Ok(()), &mut |_| {})?.report;
        let CutTexts { passages, questions } = report.cut.unwrap_or_default();
        let said = [passages.sentence("passage", "passages"), questions.sentence("question", "questions")];
        said.into_iter().flatten().for_each(|said| note(&format!("{}: {said}", self.config.dataset)));
        let map = |setting: Option<Measures>| setting.map(|measures| measures.map);
        Ok(ValidationMap { mono: map(report.mono), cross: map(report.cross), multi: map(report.multi) })
    }

    /// The value that counts.
    pub fn counts(&self, measured: &ValidationMap) -> f64 {
        let ValidationMap { mono, cross, multi } = *measured;
        let all = match self.config.setting {
            ValidationSetting::Mono => [mono, multi, cross],
            ValidationSetting::Cross => [cross, multi, mono],
            ValidationSetting::Multi => [multi, mono, cross],
        };
        all.into_iter().flatten().next().unwrap_or(0.0)
    }

    /// Whether to stop early.
    pub fn is_over(&self, best: &BestStep) -> bool {
        self.config.patience.is_some_and(|patience| best.since >= patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_kept_and_what_came_after_is_counted() {
        let mut best = BestStep::default();
        let seen = [0.2, 0.3, 0.3, 0.1, 0.4].iter().zip([10, 20, 30, 40, 50]);
        let all: Vec<(bool, u64)> = seen.map(|(map, step)| (best.is_now(step, *map), best.since)).collect();
        assert_eq!(all, [(true, 0), (true, 0), (false, 1), (false, 2), (true, 0)]);
        assert_eq!(best, BestStep { map: Some(0.4), step: 50, since: 0 });
    }
}
