//! The configuration of a training run: one TOML file.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    bundle::Quantization,
    datasets::{account::check_twice, catalogue::by_name, guard::GuardConfig, training::TrainingSet},
    models::is_name,
    text::{self, Prompts, did_you_mean},
};

use super::{
    blocks::Reach, erasure::Erasure, sampler::SamplerOptions, validation::ValidationConfig,
    whitening::Whitening,
};

/// A training run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// The name in the bundle's manifest.
    pub name: String,
    /// Folder for checkpoints, log and the final bundle.
    pub output: PathBuf,
    /// SPDX licence expression of the trained weights.
    #[serde(default)]
    pub licence: String,
    /// Codes of the training languages.
    pub languages: Vec<String>,
    /// Determines everything random.
    #[serde(default)]
    pub seed: u64,
    /// Steps between checkpoints.
    #[serde(default = "default_checkpoint_every")]
    pub checkpoint_every: u64,
    /// How the final bundle stores its weights.
    #[serde(default = "default_quantization")]
    pub quantization: Quantization,
    /// Whether forward and backward passes use weights as `quantization` would pack them, while gradients are
    /// applied to the unquantized weights (straight-through estimator, arXiv 1308.3432).
    #[serde(default)]
    pub quantization_aware: bool,
    /// Whether matrix products and their gradients are in f16, while weights and everything else stay in f32
    /// (arXiv 1710.03740), on GPUs with f16.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mixed_precision: bool,
    /// Prefixes for queries and passages; by default the start model's.
    pub prompts: Option<Prompts>,
    /// The start model.
    pub start: StartConfig,
    /// The training data.
    pub data: DataConfig,
    /// Evaluation sets; training texts that overlap with them are excluded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<GuardConfig>,
    /// The composition of contrastive batches.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sampling: SamplerOptions,
    /// Validation during training; the best weights become the bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<ValidationConfig>,
    /// The stages, in order; may be empty if languages are erased or vectors are whitened.
    #[serde(default)]
    pub stage: Vec<Stage>,
    /// Language erasure after all stages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erasure: Option<Erasure>,
    /// Whitening of the vectors after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whitening: Option<Whitening>,
}

/// The start model.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartConfig {
    /// A bundle, a model folder, or a model's name on the Hugging Face hub (`owner/name`, `owner/name@revision`).
    pub model: PathBuf,
    /// The English teacher of distillation stages; by default `model`.
    pub teacher: Option<PathBuf>,
    /// Number of blocks of `model` to keep, evenly spaced; by default all.
    // Omitted from the start model's key if absent, so that earlier start models stay valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<usize>,
    /// What `model` itself had been trained on, and by whose account: it goes into the model card. The model's own
    /// word when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<String>,
    /// Number of the model's tokens to keep, by frequency in the languages' texts; by default all.
    // Omitted from the start model's key if absent, so that earlier start models stay valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trim: Option<usize>,
}

/// The training data.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Folder with `parallel.*.jsonl`, `qa.*.jsonl` and `lexicon.jsonl`, plain or compressed (`.zst`, `.gz`).
    pub folder: Option<PathBuf>,
    /// Tab-separated language, word, count: with a third of the weight in their languages when `trim` chooses tokens.
    pub word_counts: Option<PathBuf>,
    /// Sources to exclude, named as in a model card.
    #[serde(default)]
    pub without: Vec<String>,
    /// Published and own sets, with or without a folder.
    // Omitted from the start model's key if empty, so that earlier start models stay valid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sets: Vec<TrainingSet>,
}

/// A stage of the run, with one objective.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Its name in the log.
    pub name: String,
    /// The objective.
    pub objective: Objective,
    /// The trainable weights.
    #[serde(default)]
    pub train: TrainableWeights,
    /// Number of batches.
    pub steps: u64,
    /// Batch size: pairs (contrastive) or texts (distillation).
    pub batch: usize,
    /// Texts per pass through the blocks. A larger batch goes through twice, in chunks, and gives the same
    /// gradients in less memory (arXiv 2101.06983).
    #[serde(default = "default_chunk")]
    pub chunk: usize,
    /// Gradient accumulation: batches averaged for one update; their texts are not negatives of each other.
    #[serde(default = "default_accumulate")]
    pub accumulate: u64,
    /// Peak learning rate; after `warmup` steps it decays to zero by a cosine.
    pub learning_rate: f64,
    /// Factor on the learning rate for the embedding table.
    #[serde(default = "one")]
    pub embedding_rate: f64,
    /// Steps of linear warm-up.
    #[serde(default)]
    pub warmup: u64,
    /// AdamW's decoupled weight decay.
    #[serde(default = "default_weight_decay")]
    pub weight_decay: f64,
    /// Softmax temperature of the contrastive loss.
    #[serde(default = "default_temperature")]
    pub temperature: f32,
    /// Tokens to which a text is truncated.
    #[serde(default = "default_tokens")]
    pub max_tokens: usize,
}

/// The objective of a stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum Objective {
    /// A text's vector is pulled towards the teacher's vector of its English counterpart, and away from
    /// the teacher's vectors of the batch's other texts.
    Distillation {
        /// Share of English texts.
        #[serde(default = "default_english")]
        english: f64,
    },
    /// A query's vector is pulled towards its passage's, and away from the batch's other passages.
    Contrastive(Contrastive),
}

/// A contrastive objective, and the weights of its additional terms; 0 for none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contrastive {
    /// The languages of a batch.
    pub strategy: StrategyName,
    /// Probability of a monolingual batch under `hybrid`.
    #[serde(default = "half")]
    pub alpha: f64,
    /// Weight of a distillation term on the passages that have an English counterpart.
    #[serde(default)]
    pub distillation: f32,
    /// Whether to add a hard negative for each query, if there is one: one given with the question, another
    /// sentence of the passage, or a passage of the same page.
    #[serde(default)]
    pub hard_negatives: bool,
    // The following are omitted if unused, so that the configurations of earlier runs keep their keys.
    /// Weight of the divergence between the rankings of the batch's passages by a query and by the same query in
    /// another language ([`loss::agreement`](super::loss::agreement)).
    #[serde(default, skip_serializing_if = "is_default")]
    pub agreement: f32,
    /// Weight of the contrastive loss from passage to query.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reversed: f32,
    /// The passages in that loss.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reversed_from: Anchor,
    /// Weight of the divergence of a passage's ranking of the batch's queries from its English counterpart's
    /// ([`loss::anchored`](super::loss::anchored)).
    #[serde(default, skip_serializing_if = "is_default")]
    pub anchored: f32,
}

/// The anchors of the reversed contrastive loss.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Anchor {
    /// The batch's passages.
    #[default]
    Passage,
    /// The English counterpart of each, if there is one, else the passage.
    English,
}

/// The batch strategies of the paper (arXiv 2408.10536).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StrategyName {
    /// Each batch in one language.
    Monolingual,
    /// Query and passage always in different languages.
    CrossLingual,
    /// Each batch one or the other, at random.
    Hybrid,
}

/// The trainable weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrainableWeights {
    /// Only the word embedding table.
    Embeddings,
    /// The last blocks, this many, and what comes after them.
    Last(usize),
    /// Everything.
    #[default]
    All,
}

impl TrainableWeights {
    /// How far back gradients are computed in a model of `layers` blocks.
    pub(super) fn reach(self, layers: usize) -> Reach {
        match self {
            Self::Embeddings => Reach::Rows,
            Self::Last(blocks) => Reach::Block(layers.saturating_sub(blocks)),
            Self::All => Reach::All,
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
fn default_checkpoint_every() -> u64 {
    100
}
fn default_quantization() -> Quantization {
    Quantization::Q8
}
fn default_weight_decay() -> f64 {
    0.01
}
fn default_temperature() -> f32 {
    0.05
}
fn default_tokens() -> usize {
    64
}
fn default_chunk() -> usize {
    512
}
fn default_accumulate() -> u64 {
    1
}
fn default_english() -> f64 {
    0.15
}
fn one() -> f64 {
    1.0
}
fn half() -> f64 {
    0.5
}

impl TrainConfig {
    /// Reads and checks a configuration file. Paths in it are relative to the file.
    ///
    /// # Errors
    /// [`Error::Format`] naming file and field.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|e| Error::file(path, e))?;
        let place = path.display().to_string();
        let mut config: Self = toml::from_str(&text).map_err(|e| not_understood(&place, &text, &e))?;
        let base = path.parent().unwrap_or(Path::new("."));
        let resolve = |p: &mut PathBuf| *p = base.join(&*p);
        resolve(&mut config.output);
        let models = [&mut config.start.model].into_iter().chain(&mut config.start.teacher);
        models.filter(|model| base.join(&**model).exists() || !is_name(model)).for_each(resolve);
        config.data.folder.iter_mut().chain(&mut config.data.word_counts).for_each(resolve);
        config.data.sets.iter_mut().for_each(|set| resolve(&mut set.path));
        config.validation.iter_mut().for_each(|v| resolve(&mut v.data));
        config.guard.iter_mut().flat_map(|g| &mut g.sets).for_each(|set| resolve(&mut set.data));
        let of_sets = config.data.sets.iter_mut().filter_map(|set| set.language.as_mut());
        config.languages.iter_mut().chain(of_sets).for_each(|lang| {
            *lang = text::code(lang).unwrap_or_else(|| lang.clone());
        });
        config.check(&place)?;
        Ok(config)
    }

    fn check(&self, place: &str) -> Result<()> {
        let wrong = |field: String, problem: &str| Err(Error::format(format!("{place}, {field}"), problem));
        if self.languages.is_empty() {
            return wrong("languages".into(), "at least one language is needed");
        }
        check_twice(&self.languages, place)?;
        if self.start.layers == Some(0) {
            return wrong("start.layers".into(), "must be at least 1");
        }
        if self.data.folder.is_none() && self.data.sets.is_empty() {
            return wrong("data".into(), "name a `folder` with texts to learn from, or [[data.sets]]");
        }
        if self.data.folder.is_none() && self.sampling.code_switching > 0.0 {
            return wrong("data.folder".into(), "sampling.code_switching needs the lexicon in this folder");
        }
        if self.data.word_counts.is_some() && self.start.trim.is_none() {
            return wrong(
                "data.word_counts".into(),
                "is only for choosing the tokens that start.trim keeps: set start.trim, or remove it",
            );
        }
        if let Some(guard) = &self.guard {
            guard.check(place)?;
        }
        if self.validation.as_ref().is_some_and(|v| v.every == 0 || v.patience == Some(0)) {
            return wrong("validation".into(), "`every` and `patience` must be at least 1");
        }
        if self.checkpoint_every == 0 {
            return wrong("checkpoint_every".into(), "must be at least 1");
        }
        if self.stage.is_empty() && self.whitening.is_none() && self.erasure.is_none() {
            return wrong("stage".into(), "at least one [[stage]] is needed, or [erasure], or [whitening]");
        }
        if let Some(erasure) = &self.erasure {
            erasure.check(place)?;
        }
        if let Some(whitening) = &self.whitening {
            whitening.check(place)?;
        }
        for (i, stage) in self.stage.iter().enumerate() {
            let field = |name: &str| format!("stage[{i}].{name}");
            if stage.steps == 0 {
                return wrong(field("steps"), "must be at least 1");
            }
            if stage.batch < 2 {
                return wrong(field("batch"), "must be at least 2: the others of a batch are the negatives");
            }
            if stage.chunk == 0 {
                return wrong(field("chunk"), "must be at least 1");
            }
            if stage.accumulate == 0 {
                return wrong(field("accumulate"), "must be at least 1");
            }
            if !(stage.learning_rate > 0.0 && stage.learning_rate < 1.0) {
                return wrong(field("learning_rate"), "must be between 0 and 1");
            }
            if stage.temperature.is_nan() || stage.temperature <= 0.0 {
                return wrong(field("temperature"), "must be above 0");
            }
            if stage.train == TrainableWeights::Last(0) {
                return wrong(field("train.last"), "must be at least 1");
            }
            if stage.max_tokens < 4 {
                return wrong(field("max_tokens"), "must be at least 4");
            }
            match stage.objective {
                Objective::Contrastive(ref terms) => {
                    if !(0.0..=1.0).contains(&terms.alpha) {
                        return wrong(field("objective.alpha"), "must be between 0 and 1");
                    }
                    for (name, weight) in terms.weights() {
                        if !(weight.is_finite() && weight >= 0.0) {
                            return wrong(field(&format!("objective.{name}")), "must be 0 or more");
                        }
                    }
                    if terms.reversed_from != Anchor::default() && terms.reversed == 0.0 {
                        return wrong(
                            field("objective.reversed_from"),
                            "has no effect without `reversed`: give that a weight",
                        );
                    }
                }
                Objective::Distillation { english } if !(0.0..=1.0).contains(&english) => {
                    return wrong(field("objective.english"), "must be between 0 and 1");
                }
                Objective::Distillation { .. } => {}
            }
        }
        let meets_negatives = |stage: &Stage| match &stage.objective {
            Objective::Distillation { .. } => false,
            Objective::Contrastive(terms) => {
                terms.hard_negatives && terms.strategy != StrategyName::Monolingual
            }
        };
        if self.sampling.same_language_negatives > 0.0 && !self.stage.iter().any(meets_negatives) {
            return wrong(
                "sampling.same_language_negatives".into(),
                "is the share of hard negatives of cross-lingual batches in the query's language, and no stage has any: set \
                 `hard_negatives = true` in a stage whose strategy is hybrid or cross-lingual, or remove it",
            );
        }
        Ok(())
    }

    /// Checks that each file and folder named in the configuration exists; `file` is the configuration's.
    ///
    /// # Errors
    /// [`Error::Format`] naming the key, the path and how to get it.
    pub fn check_inputs(&self, file: &Path) -> Result<()> {
        let Self { start, data, guard, validation, .. } = self;
        let named =
            |key: &str, path: &Option<PathBuf>| path.clone().map(|path| (key.to_string(), path, None));
        let mut inputs = vec![("start.model".to_string(), start.model.clone(), None)];
        inputs.extend(named("start.teacher", &start.teacher));
        inputs.extend(named("data.folder", &data.folder));
        inputs.extend(named("data.word_counts", &data.word_counts));
        let sets = data.sets.iter().enumerate();
        inputs.extend(sets.map(|(i, set)| (format!("data.sets[{i}].path"), set.path.clone(), None)));
        let sets = guard.iter().flat_map(|guard| &guard.sets).enumerate();
        inputs.extend(
            sets.map(|(i, set)| {
                (format!("guard.sets[{i}].data"), set.data.clone(), Some(set.dataset.as_str()))
            }),
        );
        let held_out = validation.iter();
        inputs.extend(held_out.map(|v| ("validation.data".into(), v.data.clone(), Some(v.dataset.as_str()))));
        // What a hub has is fetched when it is needed.
        inputs.retain(|(key, path, _)| !(key.starts_with("start.") && is_name(path)));
        inputs.iter().try_for_each(|(key, path, dataset)| check_there(file, key, path, *dataset))
    }

    /// Total steps of all stages.
    pub fn steps(&self) -> u64 {
        self.stage.iter().map(|s| s.steps).sum()
    }

    /// The stage that step `step` (from 0, over all stages) is in, and the step within it.
    pub fn stage_at(&self, step: u64) -> Option<(&Stage, u64)> {
        let mut first = 0;
        for stage in &self.stage {
            if step < first + stage.steps {
                return Some((stage, step - first));
            }
            first += stage.steps;
        }
        None
    }
}

/// The documentation on getting a recipe's inputs.
const HOW_TO_GET: &str = "docs/data.md#how-to-get-each-input";

/// Checks that `path`, which `file` names under `key`, exists; the files of a data set may be downloadable.
///
/// # Errors
/// [`Error::Format`] naming the key, the path and how to get it.
pub(crate) fn check_there(file: &Path, key: &str, path: &Path, dataset: Option<&str>) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    let path = plain(path);
    let fetched = dataset.and_then(|name| by_name(name).ok()).filter(|entry| entry.base.is_some());
    // A bundle in another recipe's output folder, which is named after the recipe.
    let made = path.ends_with("bundle").then(|| path.parent()?.file_name()).flatten();
    let recipe =
        made.map(|name| file.with_file_name(name).with_extension("toml")).filter(|recipe| recipe.exists());
    let how = match (fetched, recipe) {
        (Some(entry), _) => {
            format!(
                "`interlingua data {} --output {}` downloads it, see {HOW_TO_GET}",
                entry.name,
                path.display()
            )
        }
        (None, Some(recipe)) => {
            format!("`interlingua train --config {}` makes it, see {HOW_TO_GET}", recipe.display())
        }
        (None, None) => format!("{HOW_TO_GET} says how to get it"),
    };
    Err(Error::format(
        format!("{}, {key}", file.display()),
        format!("{} does not exist; {how}", path.display()),
    ))
}

/// The normalized path: `recipes/../data` is `data`.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match (part, out.components().next_back()) {
            (Component::CurDir, _) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                out.pop();
            }
            _ => out.push(part),
        }
    }
    out
}

/// One sentence on what is wrong with the file, with the line and a suggestion.
pub(crate) fn not_understood(place: &str, text: &str, error: &toml::de::Error) -> Error {
    let place = match error.span() {
        Some(span) => {
            let line = text.bytes().take(span.start).filter(|b| *b == b'\n').count() + 1;
            format!("{place}:{line}")
        }
        None => place.to_string(),
    };
    let message = error.message().trim().replace('\n', ", ");
    match did_you_mean(&message) {
        Some(question) => Error::format(place, format!("{message}; {question}")),
        None => Error::format(place, message),
    }
}

impl StartConfig {
    /// The teacher of distillation stages.
    pub fn teacher(&self) -> &Path {
        self.teacher.as_deref().unwrap_or(&self.model)
    }
}

impl Contrastive {
    /// The weights of the terms besides the contrastive loss from query to passage, by key.
    fn weights(&self) -> [(&'static str, f32); 4] {
        [
            ("distillation", self.distillation),
            ("agreement", self.agreement),
            ("reversed", self.reversed),
            ("anchored", self.anchored),
        ]
    }

    /// Whether English counterparts of passages are added to a batch.
    pub(super) fn meets_english(&self) -> bool {
        self.anchored > 0.0 || (self.reversed > 0.0 && self.reversed_from == Anchor::English)
    }
}

impl Stage {
    /// Learning rate at a step of this stage: linear warm-up, then cosine decay to zero.
    pub fn rate(&self, step: u64) -> f64 {
        if step < self.warmup {
            return self.learning_rate * (step + 1) as f64 / self.warmup as f64;
        }
        let left = self.steps.saturating_sub(self.warmup).max(1);
        let done = (step - self.warmup) as f64 / left as f64;
        self.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * done.min(1.0)).cos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
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
        warmup = 5
        [[stage]]
        name = "b"
        objective = { kind = "contrastive", strategy = "hybrid" }
        steps = 20
        batch = 4
        learning_rate = 1e-3
    "#;

    #[test]
    fn stages_follow_each_other() {
        let config: TrainConfig = toml::from_str(TEXT).unwrap();
        let at = |s| config.stage_at(s).map(|(stage, step)| (stage.name.as_str(), step));
        assert_eq!(at(0), Some(("a", 0)));
        assert_eq!(at(9), Some(("a", 9)));
        assert_eq!(at(10), Some(("b", 0)));
        assert_eq!(at(30), None);
        let stage = &config.stage[0];
        assert!((stage.rate(0) - 2e-4).abs() < 1e-12);
        assert!((stage.rate(5) - 1e-3).abs() < 1e-12);
        assert!(stage.rate(9) < 2e-4);
    }

    #[test]
    fn a_wrong_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.toml");
        for (from, to, line, question) in [
            ("warmup =", "warm_up =", 15, "did you mean `warmup`?"),
            ("\"hybrid\"", "\"crosslingual\"", 18, "did you mean `cross-lingual`?"),
            ("[data]", "[dtaa]", 7, "did you mean `data`?"),
        ] {
            fs::write(&path, TEXT.replace(from, to)).unwrap();
            let text = TrainConfig::read(&path).unwrap_err().to_string();
            assert!(text.contains(&format!("x.toml:{line}: unknown ")) && text.ends_with(question), "{text}");
            assert_eq!(text.lines().count(), 1, "{text}");
        }
    }

    #[test]
    fn the_guard_is_read_with_paths_relative_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.toml");
        let guard = "[guard]\nsets = [{ dataset = \"xquad-r\", data = \"eval\" }]\n[[stage]]";
        fs::write(&path, TEXT.replacen("[[stage]]", guard, 1)).unwrap();
        let config = TrainConfig::read(&path).unwrap();
        let set = &config.guard.unwrap().sets[0];
        assert_eq!(
            (set.dataset.as_str(), set.data.as_path()),
            ("xquad-r", folder.path().join("eval").as_path())
        );
        // Without one the configuration's key is unchanged, so that older checkpoints can be resumed.
        let config: TrainConfig = toml::from_str(TEXT).unwrap();
        assert!(serde_json::to_value(config).unwrap().get("guard").is_none());
    }

    #[test]
    fn a_hub_name_is_not_taken_for_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.toml");
        let model = |name: &str| {
            fs::write(&path, TEXT.replace("\"m\"", &format!("\"{name}\""))).unwrap();
            TrainConfig::read(&path).unwrap()
        };
        for name in ["owner/name", "owner/name@refs/pr/1"] {
            let config = model(name);
            assert_eq!(config.start.model, Path::new(name));
            // Its other inputs are missing, it is not.
            let problem = config.check_inputs(&path).unwrap_err().to_string();
            assert!(problem.contains("data.folder"), "{problem}");
        }
        for other in ["m", "../owner/name", "a/b/c"] {
            assert_eq!(model(other).start.model, folder.path().join(other));
        }
        // A folder takes precedence.
        fs::create_dir_all(folder.path().join("owner/name")).unwrap();
        assert_eq!(model("owner/name").start.model, folder.path().join("owner/name"));
    }

    #[test]
    fn what_is_not_there_is_named_with_how_to_get_it() {
        let folder = tempfile::tempdir().unwrap();
        let recipes = folder.path().join("recipes");
        fs::create_dir(&recipes).unwrap();
        let path = recipes.join("x.toml");
        let guard = "[guard]\nsets = [{ dataset = \"xquad-r\", data = \"../data/xquad-r\" }]\n[[stage]]";
        let text = TEXT.replace("\"m\"", "\"../out/first/bundle\"").replace("\"d\"", "\"../data/train\"");
        fs::write(&path, text.replacen("[[stage]]", guard, 1)).unwrap();
        fs::write(recipes.join("first.toml"), "").unwrap();
        let config = TrainConfig::read(&path).unwrap();
        let told = || config.check_inputs(&path).unwrap_err().to_string();
        let starts = |key: &str, there: &str| {
            format!("{}, {key}: {} does not exist; ", path.display(), folder.path().join(there).display())
        };
        for (key, there, how) in [
            ("start.model", "out/first/bundle", "recipes/first.toml` makes it, see docs/data.md"),
            ("data.folder", "data/train", "docs/data.md#how-to-get-each-input says how"),
            ("guard.sets[0].data", "data/xquad-r", "`interlingua data xquad-r --output "),
        ] {
            let text = told();
            assert!(text.starts_with(&starts(key, there)) && text.contains(how), "{text}");
            assert_eq!(text.lines().count(), 1, "{text}");
            fs::create_dir_all(folder.path().join(there)).unwrap();
        }
        config.check_inputs(&path).unwrap();
        assert_eq!(plain(Path::new("../a/./../b")), Path::new("../b"));
        assert_eq!(plain(Path::new("../../b")), Path::new("../../b"));
    }

    #[test]
    fn impossible_values_are_refused() {
        let twice: TrainConfig = toml::from_str(&TEXT.replace("\"de\"]", "\"de\", \"en\"]")).unwrap();
        assert!(twice.check("x.toml").unwrap_err().to_string().contains("en is listed twice"));
        for (from, to, place) in [
            ("folder = \"d\"", "", "x.toml, data: name a `folder`"),
            ("model = \"m\"", "model = \"m\"\nlayers = 0", "x.toml, start.layers: must be at least 1"),
            (
                "folder = \"d\"",
                "folder = \"d\"\nword_counts = \"w\"",
                "x.toml, data.word_counts: is only for choosing",
            ),
        ] {
            let config: TrainConfig = toml::from_str(&TEXT.replace(from, to)).unwrap();
            let text = config.check("x.toml").unwrap_err().to_string();
            assert!(text.starts_with(place), "{text}");
        }
        let config: TrainConfig = toml::from_str(&TEXT.replace("batch = 4", "batch = 1")).unwrap();
        let text = config.check("x.toml").unwrap_err().to_string();
        assert!(text.contains("x.toml, stage[0].batch"), "{text}");
        for (wrong, named) in [
            ("agreement = -1.0", "stage[1].objective.agreement"),
            ("anchored = nan", "stage[1].objective.anchored"),
            ("reversed_from = \"english\"", "without `reversed`"),
        ] {
            let text = TEXT.replace("\"hybrid\"", &format!("\"hybrid\", {wrong}"));
            let config: TrainConfig = toml::from_str(&text).unwrap();
            let text = config.check("x.toml").unwrap_err().to_string();
            assert!(text.contains(named), "{text}");
        }
        let text = TEXT.replacen("[[stage]]", "[sampling]\nsame_language_negatives = 1.0\n[[stage]]", 1);
        let config: TrainConfig = toml::from_str(&text).unwrap();
        let problem = config.check("x.toml").unwrap_err().to_string();
        assert!(problem.contains("`hard_negatives = true`"), "{problem}");
        let config: TrainConfig =
            toml::from_str(&text.replace("\"hybrid\"", "\"hybrid\", hard_negatives = true")).unwrap();
        config.check("x.toml").unwrap();
    }

    #[test]
    fn terms_that_are_not_used_leave_a_configuration_as_it_was() {
        let config: TrainConfig = toml::from_str(TEXT).unwrap();
        let objective = &serde_json::to_value(&config).unwrap()["stage"][1]["objective"];
        let keys: Vec<&String> = objective.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["alpha", "distillation", "hard_negatives", "kind", "strategy"]);
        let wrong = TEXT.replace("\"hybrid\"", "\"hybrid\", agreemint = 1.0");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.toml");
        fs::write(&path, wrong).unwrap();
        let text = TrainConfig::read(&path).unwrap_err().to_string();
        assert!(text.ends_with("did you mean `agreement`?"), "{text}");
    }
}
