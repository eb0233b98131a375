//! The configuration of a study: one TOML file, with the training configuration that it varies.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::bundle::Quantization;
use crate::datasets::{CollectionOptions, PassagePool};
use crate::training::{Objective, StrategyName, TrainConfig, check_there, not_understood};
use crate::{Error, Result};

/// A study.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// The report's title.
    pub name: String,
    /// Folder for the runs, the report and its plots.
    pub output: PathBuf,
    /// The training configuration that all runs are derived from.
    pub train: PathBuf,
    /// Every arm is trained with each of these.
    pub seeds: Vec<u64>,
    /// Shares of monolingual batches: 1 is the paper's X-X-mono, 0 its X-Y.
    #[serde(default)]
    pub alphas: Vec<f64>,
    /// The same, with names.
    #[serde(default)]
    pub arms: Vec<Arm>,
    /// Steps of each contrastive stage; by default the recipe's.
    pub steps: Option<u64>,
    /// Batch size of each contrastive stage; by default the recipe's.
    pub batch: Option<usize>,
    /// The evaluation sets; sweeps use the first.
    pub evaluate: Vec<DataSet>,
    /// Bootstrap resamples for the intervals of arms.
    #[serde(default = "samples")]
    pub samples: usize,
    /// Permutations for tests, and resamples for the intervals of differences.
    #[serde(default = "permutations")]
    pub permutations: usize,
    /// Further variations.
    #[serde(default)]
    pub sweep: Sweeps,
}

/// A share of monolingual batches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// Its name in tables.
    pub name: String,
    /// Probability of a monolingual batch.
    pub alpha: f64,
}

/// An evaluation set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSet {
    /// Its name in `interlingua data`.
    pub dataset: String,
    /// The folder with its files.
    pub data: PathBuf,
    /// Only these languages; all if empty.
    #[serde(default)]
    pub languages: Vec<String>,
    /// As `interlingua eval --split`.
    pub split: Option<String>,
    /// As `interlingua eval --pool`.
    pub pool: Option<String>,
}

/// What is varied besides the share of monolingual batches, one setting at a time.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sweeps {
    /// Batch sizes.
    pub batch: Vec<usize>,
    /// Numbers of blocks of the start model to keep, evenly spaced.
    pub layers: Vec<usize>,
    /// Numbers of hidden dimensions to keep, multiples of an attention head's width.
    pub width: Vec<usize>,
    /// Quantizations of the same trained models.
    pub quantization: Vec<Quantization>,
    /// Seeds of the runs of sweeps; by default the study's first.
    pub seeds: Vec<u64>,
    /// Their share of monolingual batches.
    pub alpha: f64,
}

impl Default for Sweeps {
    fn default() -> Self {
        Self { batch: vec![], layers: vec![], width: vec![], quantization: vec![], seeds: vec![], alpha: 0.5 }
    }
}

fn samples() -> usize {
    1000
}
fn permutations() -> usize {
    10_000
}

impl Study {
    /// Reads and checks a study and the recipe it names. Paths in each are relative to the file.
    ///
    /// # Errors
    /// [`Error::Format`] naming file and field.
    pub fn read(path: &Path) -> Result<(Self, TrainConfig)> {
        let text = fs::read_to_string(path).map_err(|e| Error::file(path, e))?;
        let place = path.display().to_string();
        let mut study: Self = toml::from_str(&text).map_err(|e| not_understood(&place, &text, &e))?;
        let base = path.parent().unwrap_or(Path::new("."));
        let resolve = |p: &mut PathBuf| *p = base.join(&*p);
        resolve(&mut study.output);
        resolve(&mut study.train);
        study.evaluate.iter_mut().for_each(|e| resolve(&mut e.data));
        let recipe = TrainConfig::read(&study.train)?;
        study.check(&place, &recipe)?;
        Ok((study, recipe))
    }

    /// Checks that each data set's folder exists; `file` is the study's.
    ///
    /// # Errors
    /// [`Error::Format`] naming the key, the path and how to get it.
    pub fn check_inputs(&self, file: &Path) -> Result<()> {
        let check = |(i, set): (usize, &DataSet)| {
            check_there(file, &format!("evaluate[{i}].data"), &set.data, Some(&set.dataset))
        };
        self.evaluate.iter().enumerate().try_for_each(check)
    }

    fn check(&mut self, place: &str, recipe: &TrainConfig) -> Result<()> {
        let wrong = |field: &str, problem: &str| Err(Error::format(format!("{place}, {field}"), problem));
        for alpha in std::mem::take(&mut self.alphas) {
            let name = match alpha {
                1.0 => "monolingual".to_string(),
                0.0 => "cross-lingual".to_string(),
                mixed => format!("hybrid {mixed}"),
            };
            self.arms.push(Arm { name, alpha });
        }
        let distinct = |n: usize, all: usize| n == all;
        let names: BTreeSet<&str> = self.arms.iter().map(|arm| arm.name.as_str()).collect();
        let alphas: BTreeSet<u64> = self.arms.iter().map(|arm| arm.alpha.to_bits()).collect();
        let seeds: BTreeSet<u64> = self.seeds.iter().copied().collect();
        let sets: BTreeSet<&str> = self.evaluate.iter().map(|e| e.dataset.as_str()).collect();
        let share = |alpha: f64| (0.0..=1.0).contains(&alpha);
        if self.arms.is_empty() {
            return wrong("alphas", "at least one share of monolingual batches is needed, or one of `arms`");
        }
        if !self.arms.iter().all(|arm| share(arm.alpha)) {
            return wrong("alphas", "each must be between 0 and 1");
        }
        if !distinct(names.len(), self.arms.len()) || !distinct(alphas.len(), self.arms.len()) {
            return wrong("arms", "two have the same name or share; `alphas` count too");
        }
        if self.seeds.is_empty() || !distinct(seeds.len(), self.seeds.len()) {
            return wrong("seeds", "at least one is needed (three for a result), and none twice");
        }
        if self.evaluate.is_empty() {
            return wrong("evaluate", "at least one [[evaluate]] with dataset and data is needed");
        }
        if !distinct(sets.len(), self.evaluate.len()) {
            return wrong("evaluate", "a data set is named twice");
        }
        if self.permutations < 100 {
            return wrong("permutations", "must be at least 100");
        }
        if self.samples < 100 {
            return wrong("samples", "must be at least 100");
        }
        if !share(self.sweep.alpha) {
            return wrong("sweep.alpha", "must be between 0 and 1");
        }
        if self.sweep.batch.iter().any(|batch| *batch < 2) || self.batch.is_some_and(|batch| batch < 2) {
            return wrong("batch", "must be at least 2: the others of a batch are the negatives");
        }
        if self.sweep.layers.contains(&0) {
            return wrong("sweep.layers", "must be at least 1");
        }
        if self.sweep.width.contains(&0) {
            return wrong("sweep.width", "must be at least the width of an attention head");
        }
        if self.steps == Some(0) {
            return wrong("steps", "must be at least 1");
        }
        if !recipe.stage.iter().any(|stage| matches!(stage.objective, Objective::Contrastive(_))) {
            return wrong(
                "train",
                "the recipe has no contrastive stage, so batches would make no difference",
            );
        }
        Ok(())
    }

    /// Seeds of the runs of sweeps.
    pub(super) fn sweep_seeds(&self) -> &[u64] {
        if self.sweep.seeds.is_empty() { &self.seeds[..self.seeds.len().min(1)] } else { &self.sweep.seeds }
    }

    /// The recipe with this study's seed, share, steps and batch in every contrastive stage.
    pub(super) fn recipe(
        &self,
        recipe: &TrainConfig,
        seed: u64,
        alpha: f64,
        batch: Option<usize>,
    ) -> TrainConfig {
        let mut config = recipe.clone();
        config.seed = seed;
        config.quantization = Quantization::F32;
        config.quantization_aware = false;
        for stage in &mut config.stage {
            let Objective::Contrastive(terms) = &mut stage.objective else { continue };
            // The other two strategies ignore the share, which must not make equal runs differ.
            (terms.strategy, terms.alpha) = match alpha {
                1.0 => (StrategyName::Monolingual, 0.5),
                0.0 => (StrategyName::CrossLingual, 0.5),
                alpha => (StrategyName::Hybrid, alpha),
            };
            stage.steps = self.steps.unwrap_or(stage.steps);
            stage.warmup = stage.warmup.min(stage.steps / 2);
            stage.batch = batch.or(self.batch).unwrap_or(stage.batch);
        }
        config
    }
}

impl DataSet {
    /// The options for reading it.
    ///
    /// # Errors
    /// [`Error::Input`] for an unknown pool.
    pub(super) fn options(&self) -> Result<CollectionOptions> {
        let pool = self.pool.as_deref().map_or(Ok(PassagePool::All), str::parse)?;
        Ok(CollectionOptions {
            languages: self.languages.clone(),
            split: self.split.clone(),
            pool,
            ..CollectionOptions::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECIPE: &str = r#"
        name = "t"
        output = "out"
        languages = ["en", "de"]
        [start]
        model = "m"
        [data]
        folder = "d"
        [[stage]]
        name = "a"
        objective = { kind = "distillation" }
        steps = 10
        batch = 4
        learning_rate = 1e-3
        [[stage]]
        name = "b"
        objective = { kind = "contrastive", strategy = "hybrid" }
        steps = 20
        batch = 4
        warmup = 8
        learning_rate = 1e-3
    "#;

    const STUDY: &str = r#"
        name = "s"
        output = "out"
        train = "recipe.toml"
        seeds = [1, 2]
        alphas = [0, 0.5, 1]
        arms = [{ name = "a third", alpha = 0.33 }]
        steps = 6
        [[evaluate]]
        dataset = "sample"
        data = "d"
        [sweep]
        batch = [2, 4]
    "#;

    fn read(study: &str) -> Result<(Study, TrainConfig)> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("recipe.toml"), RECIPE).unwrap();
        let path = folder.path().join("study.toml");
        fs::write(&path, study).unwrap();
        Study::read(&path)
    }

    #[test]
    fn shares_become_arms_and_recipes() {
        let (study, recipe) = read(STUDY).unwrap();
        let arms: Vec<(&str, f64)> = study.arms.iter().map(|a| (a.name.as_str(), a.alpha)).collect();
        assert_eq!(
            arms,
            [("a third", 0.33), ("cross-lingual", 0.0), ("hybrid 0.5", 0.5), ("monolingual", 1.0)]
        );
        let made = study.recipe(&recipe, 7, 1.0, Some(9));
        assert_eq!((made.seed, made.quantization), (7, Quantization::F32));
        // Distillation is the same in every arm.
        assert_eq!((made.stage[0].steps, made.stage[0].batch), (10, 4));
        let Objective::Contrastive(terms) = &made.stage[1].objective else { panic!() };
        assert_eq!(terms.strategy, StrategyName::Monolingual);
        assert_eq!((made.stage[1].steps, made.stage[1].warmup, made.stage[1].batch), (6, 3, 9));
        let made = study.recipe(&recipe, 7, 0.33, None);
        let Objective::Contrastive(terms) = &made.stage[1].objective else { panic!() };
        assert_eq!((terms.strategy, terms.alpha), (StrategyName::Hybrid, 0.33));
        assert_eq!((study.sweep_seeds(), study.sweep.alpha), (&[1][..], 0.5));
    }

    #[test]
    fn what_makes_no_study_is_refused_with_its_field() {
        for (right, wrong, named) in [
            ("alphas = [0, 0.5, 1]", "alphas = [0, 1.5]", "study.toml, alphas"),
            ("alphas = [0, 0.5, 1]", "alphas = [0.33]", "study.toml, arms"),
            ("seeds = [1, 2]", "seeds = [2, 2]", "study.toml, seeds"),
            ("seeds = [1, 2]", "seeds = []", "study.toml, seeds"),
            ("batch = [2, 4]", "batch = [1]", "study.toml, batch"),
            ("steps = 6", "steps = 0", "study.toml, steps"),
            ("steps = 6", "step = 6", "did you mean `steps`?"),
            ("recipe.toml", "nothing.toml", "nothing.toml"),
        ] {
            let text = STUDY.replace(right, wrong);
            assert_ne!(text, STUDY);
            let error = read(&text).unwrap_err().to_string();
            assert!(error.contains(named), "{wrong}: {error}");
        }
        let mut study = read(STUDY).unwrap();
        study.1.stage.truncate(1);
        let error = study.0.check("x", &study.1).unwrap_err().to_string();
        assert!(error.contains("contrastive"), "{error}");
    }
}
