//! The training loop: batches, losses, updates, checkpoints, and the final bundle.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use serde::Serialize;
use serde_json::json;

use super::{
    REVISION,
    blocks::{Passes, Reach},
    checkpoint::{self, RunState},
    config::{Contrastive, Objective, Stage, StrategyName, TrainConfig, TrainableWeights},
    erasure::erase,
    loss::{self, Relation},
    optimizer::{Pace, Update},
    sampler::{BatchKind, Negative, Sampler, Strategy},
    start::{self, Prepared},
    student::Student,
    switching::Switcher,
    teacher::Teacher,
    terms::{BatchRows, Terms},
    texts::ParallelTexts,
    validation::{BestStep, Validation, ValidationMap},
    whitening::whiten,
};
use crate::{
    Error, Result,
    bundle::{Bundle, SelfTest},
    encoder::EncoderDevice,
    models, sha256,
    text::{Cut, Kind},
};

/// The progress after a step.
#[derive(Debug, Clone)]
pub struct TrainingProgress {
    /// Steps done, over all stages.
    pub step: u64,
    /// Total steps.
    pub steps: u64,
    /// Name of the stage.
    pub stage: String,
    /// Loss of this step's batch.
    pub loss: f32,
    /// Pairs (or texts, in distillation) per second, since the run was started or resumed.
    pub pairs_per_second: f64,
    /// Tokens per second, likewise.
    pub tokens_per_second: f64,
    /// Estimated seconds until the last step, at the current stage's pace.
    pub seconds_left: f64,
    /// The validation result after this step, if any.
    pub validation: Option<ValidationMap>,
}

/// Trains according to `config`, and writes the bundle.
///
/// `resume` continues from the latest checkpoint, otherwise earlier ones are removed. When `stop` is set, a
/// checkpoint is written after the current step and [`Error::Cancelled`] is returned. `progress` is called
/// after each step, `note` with sentences about what is being done.
///
/// # Errors
/// Says what is wrong with configuration, data or start model; [`Error::Training`] if the loss is not
/// finite (the last good checkpoint stays).
pub fn train(
    config: &TrainConfig,
    machine: &EncoderDevice,
    resume: bool,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&TrainingProgress),
    note: &mut dyn FnMut(&str),
) -> Result<PathBuf> {
    fs::create_dir_all(&config.output).map_err(|e| Error::file(&config.output, e))?;
    let prepared = start::prepare(config, note)?;
    let options = config.sampling.clone();
    let sampler = Sampler::with_options(
        &prepared.questions,
        &prepared.segments,
        &config.languages,
        config.seed,
        options,
    )?
    .with_switcher(Switcher::new(&prepared.senses, &config.languages))?;
    if config.sampling.code_switching > 0.0 {
        note(&format!("texts are code-switched to {}", sampler.switched_languages().join(", ")));
    }
    for (query, passage) in sampler.without_pairs() {
        note(&format!("no training pair has a query in {query} and a passage in {passage}"));
    }
    let passes = Passes {
        quantization: config.quantization_aware.then_some(config.quantization),
        half: config.mixed_precision,
    };
    let teacher = models::open(config.start.teacher(), note)?;
    check(config, &prepared.bundle, &teacher)?;
    let identity = identity(config, &prepared, &teacher)?;
    let erased =
        config.erasure.as_ref().map(|e| e.texts(&prepared.segments, &config.languages)).transpose()?;
    let mut run = TrainingRun {
        config,
        erased,
        teacher: Teacher::new(&teacher, machine)?,
        student: Student::new(&prepared.bundle, machine, passes)?,
        start: prepared.bundle,
        sampler,
        texts: config
            .stage
            .iter()
            .any(|stage| matches!(stage.objective, Objective::Distillation { .. }))
            .then(|| ParallelTexts::new(prepared.segments, &config.languages, config.seed))
            .transpose()?,
        machine: machine.clone(),
        validation: config.validation.as_ref().map(Validation::open).transpose()?,
        known: RunState::default(),
        cut: Cut::default(),
    };
    let folder = config.output.join("checkpoints");
    if resume {
        if let Some(known) = checkpoint::load(&folder, &identity, &mut run.student, note)? {
            note(&format!("resuming after step {}", known.step));
            run.known = known;
        } else {
            note("there is no checkpoint yet: starting from step 0");
        }
    } else {
        checkpoint::clear(&folder)?;
    }
    run.go(&folder, &identity, stop, progress, note)?;
    run.finish(stop, note)
}

/// Checks that need the models.
fn check(config: &TrainConfig, start: &Bundle, teacher: &Bundle) -> Result<()> {
    let (own, teachers) = (&start.manifest.architecture, &teacher.manifest.architecture);
    for (i, stage) in config.stage.iter().enumerate() {
        let distils = match stage.objective {
            Objective::Distillation { .. } => true,
            Objective::Contrastive(ref terms) => terms.distillation > 0.0,
        };
        if distils && own.dimension() != teachers.dimension() {
            return Err(Error::Input(format!(
                "stage[{i}] distils vectors of {} dimensions from the teacher, {}, whose vectors have {}; name a teacher in \
                 [start] with the same number, or remove distillation",
                own.dimension(),
                teacher.manifest.name,
                teachers.dimension()
            )));
        }
        if let TrainableWeights::Last(blocks) = stage.train
            && blocks > own.layers
        {
            return Err(Error::Input(format!(
                "stage[{i}].train names the last {blocks} blocks of a model that has {}",
                own.layers
            )));
        }
    }
    Ok(())
}

/// Hash of everything that weights depend on: program, configuration, start with the training data, teacher.
fn identity(config: &TrainConfig, prepared: &Prepared, teacher: &Bundle) -> Result<String> {
    let mut value = serde_json::to_value(config).map_err(|e| Error::format("the configuration", e))?;
    if let Some(fields) = value.as_object_mut() {
        for field in ["output", "checkpoint_every", "name", "licence", "erasure", "whitening"] {
            fields.remove(field);
        }
        if !config.quantization_aware {
            fields.remove("quantization");
        }
        if let Some(start) = fields.get_mut("start").and_then(|start| start.as_object_mut()) {
            start.remove("background");
        }
    }
    let parts = json!([REVISION, value, prepared.key, teacher.fingerprint()?]);
    Ok(sha256(parts.to_string().as_bytes()))
}

struct TrainingRun<'a> {
    config: &'a TrainConfig,
    start: Bundle,
    teacher: Teacher,
    student: Student,
    sampler: Sampler,
    /// For distillation stages.
    texts: Option<ParallelTexts>,
    /// For language erasure: the same texts in each language.
    erased: Option<Vec<Vec<String>>>,
    machine: EncoderDevice,
    validation: Option<Validation>,
    known: RunState,
    /// What the stage's `max_tokens` has truncated from the texts that this process has drawn.
    cut: Cut,
}

/// The folder of the best weights.
const BEST: &str = "best";

/// The result of one batch.
struct BatchResult {
    loss: f32,
    pairs: usize,
    tokens: usize,
    met: Option<BatchLog>,
}

/// The composition of a contrastive batch, for the log.
#[derive(Serialize)]
struct BatchLog {
    /// `monolingual` or `cross-lingual`.
    batch: &'static str,
    items: usize,
    hard_negatives: usize,
    /// Those of them that are in their query's language while its passage is not.
    #[serde(skip_serializing_if = "is_none")]
    same_language_negatives: usize,
    /// Queries in another language, in addition to those of the items.
    #[serde(skip_serializing_if = "is_none")]
    parallel_queries: usize,
    /// English passages, in addition to those of the items.
    #[serde(skip_serializing_if = "is_none")]
    english_passages: usize,
    terms: Terms,
}

// serde passes a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_none(count: &usize) -> bool {
    *count == 0
}

impl TrainingRun<'_> {
    fn go(
        &mut self,
        folder: &Path,
        identity: &str,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(&TrainingProgress),
        note: &mut dyn FnMut(&str),
    ) -> Result<()> {
        let first = self.known.step;
        let steps = self.config.steps();
        let mut log = Log::open(&self.config.output.join("log.jsonl"))?;
        let begin = Instant::now();
        let (mut pairs, mut tokens) = (0usize, 0usize);
        // A run that stopped early does not continue.
        if self.validation.as_ref().is_some_and(|v| v.is_over(&self.known.best)) {
            return Ok(());
        }
        for step in first..steps {
            let Some((stage, at)) = self.config.stage_at(step) else { break };
            let Cut { window, at_start, .. } = self.student.tokenizer.cut();
            self.cut = Cut { window: stage.max_tokens.min(window), at_start, ..self.cut };
            let before = Instant::now();
            let mut value = 0.0;
            let mut met = Vec::new();
            for part in 0..stage.accumulate {
                let batch = self.learn(stage, step, part).map_err(|e| match e {
                    Error::Training(problem) => Error::Training(format!(
                        "step {step} (stage {}, step {at} of it): {problem}; the last checkpoint is kept in {}",
                        stage.name,
                        folder.display()
                    )),
                    other => other,
                })?;
                value += batch.loss / stage.accumulate as f32;
                (pairs, tokens) = (pairs + batch.pairs, tokens + batch.tokens);
                met.extend(batch.met);
            }
            self.update(stage, at);
            self.known.step = step + 1;
            let learned = before.elapsed();
            let validation = self.validate(note)?;
            let seconds = begin.elapsed().as_secs_f64();
            let report = TrainingProgress {
                step: step + 1,
                steps,
                stage: stage.name.clone(),
                loss: value,
                pairs_per_second: pairs as f64 / seconds,
                tokens_per_second: tokens as f64 / seconds,
                seconds_left: seconds / (step + 1 - first) as f64 * (steps - step - 1) as f64,
                validation,
            };
            let mut line = json!({
                "step": step + 1, "stage": stage.name, "loss": value, "rate": stage.rate(at),
                "seconds": learned.as_secs_f64(),
            });
            if !met.is_empty() {
                line["batches"] = json!(met);
            }
            if let Some(measured) = validation {
                line["validation"] = json!(measured);
            }
            log.line(&line)?;
            progress(&report);
            let stopping = stop.load(Ordering::Relaxed);
            let over = self.validation.as_ref().is_some_and(|v| v.is_over(&self.known.best));
            if stopping || over || (step + 1) % self.config.checkpoint_every == 0 || step + 1 == steps {
                checkpoint::save(folder, self.known, identity, &mut self.student)?;
            }
            let ends =
                self.config.stage_at(step + 1).is_none_or(|(next, at)| at == 0 || next.name != stage.name);
            if stopping || over || ends {
                let cut = std::mem::take(&mut self.cut);
                let said = cut.sentence("text that was drawn", "texts that were drawn");
                let said = match said {
                    Some(said) => said.replace("the model's", "its"),
                    None => format!(
                        "none of the {} texts that were drawn is longer than its {} tokens.",
                        cut.texts, cut.window
                    ),
                };
                // What was drawn before an interruption is no longer known.
                let since = match self.config.stage_at(first) {
                    Some((begun, at)) if at > 0 && begun.name == stage.name => {
                        format!(" since step {first}")
                    }
                    _ => String::new(),
                };
                note(&format!("stage {}{since}: {said}", stage.name));
            }
            if (stopping || over || ends)
                && let Some(said) = std::mem::take(&mut self.teacher.cut).sentence("text", "texts")
            {
                note(&format!("stage {}, the teacher: {said}", stage.name));
            }
            if over {
                note(&format!("no improvement since step {}: training stops early", self.known.best.step));
                break;
            }
            if stopping {
                return Err(Error::Cancelled);
            }
        }
        Ok(())
    }

    /// Accumulates the gradients of the batch `part` of a step.
    fn learn(&mut self, stage: &Stage, step: u64, part: u64) -> Result<BatchResult> {
        // Each part is sampled like a separate step.
        let draw = step * stage.accumulate + part;
        match &stage.objective {
            Objective::Distillation { english } => self.distillation(stage, draw, *english),
            Objective::Contrastive(objective) => self.contrastive(stage, draw, objective),
        }
    }

    fn distillation(&mut self, stage: &Stage, draw: u64, english: f64) -> Result<BatchResult> {
        let texts =
            self.texts.as_ref().map_or_else(Vec::new, |texts| texts.batch(draw, stage.batch, english));
        let sequences = texts
            .iter()
            .map(|t| self.student.tokens(Kind::Passage, t.text, stage.max_tokens, &mut self.cut))
            .collect::<Result<Vec<_>>>()?;
        let originals: Vec<&str> = texts.iter().map(|t| t.english).collect();
        let target = self.teacher.vectors(&originals)?;
        // A text's target is the teacher's vector of its own counterpart; texts with an equal one are ignored.
        let relation = |i: usize, j: usize| match (i == j, originals[i] == originals[j]) {
            (true, _) => Relation::Positive,
            (false, true) => Relation::Neither,
            (false, false) => Relation::Negative,
        };
        let relations: Vec<Relation> =
            (0..texts.len()).flat_map(|i| (0..texts.len()).map(move |j| relation(i, j))).collect();
        let weights = vec![1.0; texts.len()];
        let d = self.student.config.dimension();
        let ids: Vec<&str> = texts.iter().map(|t| t.id).collect();
        add_gradients(&mut self.student, stage, &sequences, &ids, |vectors| {
            let (apart, mut grads, _) = loss::contrastive(vectors, &target, d, &relations, stage.temperature);
            let (far, by_far) = loss::distance(vectors, &target, d, &weights);
            grads.iter_mut().zip(by_far).for_each(|(g, far)| *g += far);
            (apart + far, grads)
        })
    }

    fn contrastive(&mut self, stage: &Stage, draw: u64, objective: &Contrastive) -> Result<BatchResult> {
        let strategy = match objective.strategy {
            StrategyName::Monolingual => Strategy::Monolingual,
            StrategyName::CrossLingual => Strategy::CrossLingual,
            StrategyName::Hybrid => Strategy::Hybrid { alpha: objective.alpha },
        };
        let batch = self.sampler.batch(draw, strategy, stage.batch);
        let items = &batch.items;
        if items.len() < 2 {
            return Err(Error::Training(format!(
                "the data have nothing for a {:?} batch; add questions with passages, or choose another strategy",
                batch.kind
            )));
        }
        let mut negatives: Vec<Negative> = Vec::new();
        let mut tempting = 0;
        if objective.hard_negatives {
            for (item, negative) in items.iter().zip(self.sampler.negatives(draw, &batch)) {
                let Some(negative) = negative else { continue };
                tempting +=
                    usize::from(negative.lang == item.query_lang && item.query_lang != item.passage_lang);
                negatives.push(negative);
            }
        }
        let mut parallel: Vec<(usize, String)> = Vec::new();
        if objective.agreement > 0.0 {
            let queries = self.sampler.parallel_queries(draw, &batch);
            parallel.extend(queries.into_iter().enumerate().filter_map(|(i, query)| Some((i, query?))));
        }
        let mut english: Vec<(usize, &str)> = Vec::new();
        if objective.meets_english() {
            let others = items.iter().enumerate().filter(|(_, item)| item.passage_lang != "en");
            english.extend(others.filter_map(|(i, item)| Some((i, item.english.as_deref()?))));
        }
        // In the order of `BatchRows`.
        let sequences = items
            .iter()
            .map(|item| (Kind::Query, item.query.as_str()))
            .chain(items.iter().map(|item| (Kind::Passage, item.passage.as_str())))
            .chain(negatives.iter().map(|negative| (Kind::Passage, negative.text.as_str())))
            .chain(parallel.iter().map(|(_, query)| (Kind::Query, query.as_str())))
            .chain(english.iter().map(|(_, passage)| (Kind::Passage, *passage)))
            .map(|(kind, text)| self.student.tokens(kind, text, stage.max_tokens, &mut self.cut))
            .collect::<Result<Vec<_>>>()?;
        let counted: Vec<f32> = items.iter().map(|i| if i.english.is_some() { 1.0 } else { 0.0 }).collect();
        let target = if objective.distillation > 0.0 && counted.contains(&1.0) {
            let originals: Vec<&str> = items.iter().map(|i| i.english.as_deref().unwrap_or("")).collect();
            self.teacher.vectors(&originals)?
        } else {
            Vec::new()
        };
        let rows = BatchRows {
            d: self.student.config.dimension(),
            items: items.len(),
            negatives: negatives.len(),
            relations: batch.relations(&negatives),
            parallel: parallel.iter().map(|(item, _)| *item).collect(),
            english: english.iter().map(|(item, _)| *item).collect(),
            taught: (target, counted),
        };
        let ids: Vec<&str> = items.iter().map(|i| i.id.as_str()).collect();
        let mut terms = Terms::default();
        let mut done = add_gradients(&mut self.student, stage, &sequences, &ids, |vectors| {
            let (value, grads, each) = rows.loss(vectors, objective, stage.temperature);
            terms = each;
            (value, grads)
        })?;
        done.met = Some(BatchLog {
            batch: match batch.kind {
                BatchKind::Monolingual(_) => "monolingual",
                BatchKind::CrossLingual => "cross-lingual",
            },
            items: items.len(),
            hard_negatives: negatives.len(),
            same_language_negatives: tempting,
            parallel_queries: parallel.len(),
            english_passages: english.len(),
            terms,
        });
        Ok(done)
    }

    fn update(&mut self, stage: &Stage, at: u64) {
        let rate = stage.rate(at);
        let weight_decay = stage.weight_decay;
        let reach = stage.train.reach(self.student.config.layers);
        self.known.row_updates += u64::from(!matches!(reach, Reach::Block(_)));
        let time = self.known.row_updates;
        let rows = Update { rate: rate * stage.embedding_rate, weight_decay, time };
        self.student.step(rows, Pace { rate, weight_decay }, reach);
    }

    /// Evaluates the model if due, and keeps the best.
    fn validate(&mut self, note: &mut dyn FnMut(&str)) -> Result<Option<ValidationMap>> {
        let Some(validation) = &self.validation else { return Ok(None) };
        let step = self.known.step;
        if !validation.is_due(step, self.config.steps()) {
            return Ok(None);
        }
        let quantization = self.config.quantization;
        // The same each time, so reported once.
        let first = self.known.best.map.is_none();
        let mut once = |said: &str| {
            if first {
                note(said)
            }
        };
        let measured =
            validation.measure(&mut self.student, &self.start, quantization, &self.machine, &mut once)?;
        let map = validation.counts(&measured);
        if self.known.best.is_now(step, map) {
            self.student.bundle(&self.start)?.write(&self.config.output.join(BEST))?;
        }
        let BestStep { map: best, step: at, .. } = self.known.best;
        note(&format!("step {step}: mAP {map:.4}; the best is {:.4}, of step {at}", best.unwrap_or(map)));
        Ok(Some(measured))
    }

    fn finish(mut self, stop: &AtomicBool, note: &mut dyn FnMut(&str)) -> Result<PathBuf> {
        let mut bundle = match self.known.best.map {
            Some(_) => Bundle::open(&self.config.output.join(BEST))?,
            None => self.student.bundle(&self.start)?,
        };
        if let Some(texts) = &self.erased {
            erase(&mut bundle, texts, &self.machine, stop, note)?;
        }
        if let Some(whitening) = &self.config.whitening {
            whiten(&mut bundle, whitening, &self.sampler, &self.machine, stop, note)?;
        }
        let recipe = serde_json::to_value(self.config).map_err(|e| Error::format("the configuration", e))?;
        let manifest = &mut bundle.manifest;
        manifest.name = self.config.name.clone();
        manifest.licence = self.config.licence.clone();
        manifest.languages = self.config.languages.clone();
        if let Some(background) = &self.config.start.background {
            manifest.background.clone_from(background);
        }
        manifest.results = serde_json::Value::Null;
        manifest.recipe = json!({ "config": recipe, "start": self.start.manifest.recipe });
        bundle.store_as(self.config.quantization)?;
        bundle.manifest.self_test = SelfTest::of(&bundle)?;
        let folder = self.config.output.join("bundle");
        bundle.write(&folder)?;
        note(&format!(
            "bundle written: {} ({:.1} MB)",
            folder.display(),
            bundle.manifest.bytes() as f64 / 1e6
        ));
        Ok(folder)
    }
}

/// Accumulates the gradients of one batch, weighted by its share of the step. `ids` are those of its pairs or
/// texts; errors name the first of them.
fn add_gradients(
    student: &mut Student,
    stage: &Stage,
    sequences: &[Vec<u32>],
    ids: &[&str],
    loss: impl FnOnce(&[f32]) -> (f32, Vec<f32>),
) -> Result<BatchResult> {
    let part = (stage.accumulate as f32).recip();
    let reach = stage.train.reach(student.config.layers);
    let loss = student.learn(sequences, stage.chunk, reach, |vectors| {
        let (value, mut grads) = loss(vectors);
        grads.iter_mut().for_each(|g| *g *= part);
        (value, grads)
    });
    let loss = loss.map_err(|error| match error {
        Error::Training(problem) => Error::Training(format!(
            "{problem}; the batch has {} texts, such as {}",
            ids.len(),
            ids[..ids.len().min(3)].join(", ")
        )),
        other => other,
    })?;
    Ok(BatchResult { loss, pairs: ids.len(), tokens: sequences.iter().map(Vec::len).sum(), met: None })
}

/// Appends one JSON line per step.
struct Log {
    path: PathBuf,
    file: fs::File,
}

impl Log {
    fn open(path: &Path) -> Result<Self> {
        let file =
            fs::OpenOptions::new().create(true).append(true).open(path).map_err(|e| Error::file(path, e))?;
        Ok(Self { path: path.into(), file })
    }

    fn line(&mut self, value: &serde_json::Value) -> Result<()> {
        writeln!(self.file, "{value}").map_err(|e| Error::file(&self.path, e))
    }
}
