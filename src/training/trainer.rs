//! The loop: batches, losses, updates, checkpoints, and the bundle at the end.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use burn::{
    optim::GradientsParams,
    tensor::{Device, Tensor, TensorData},
};
use serde_json::json;

use super::{
    checkpoint::{self, Updates},
    config::{Objective, Stage, StrategyName, TrainConfig, Trained},
    loss,
    optimizer::Update,
    sampler::{Sampler, Strategy},
    start,
    student::{Forward, Student},
    texts::Texts,
};
use crate::{
    Error, Result,
    bundle::{Bundle, SelfTest},
    encoder::{Encoder, Machine},
    sha256,
    text::Kind,
};

/// What a step did, for whoever shows progress.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Steps done, over all stages.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// Name of the stage.
    pub stage: String,
    /// Loss of this step's batch.
    pub loss: f32,
    /// Pairs (or texts, in distillation) a second, since the run or its resumption began.
    pub pairs_per_second: f64,
    /// Tokens a second, likewise.
    pub tokens_per_second: f64,
    /// Seconds until the last step, at the present stage's pace.
    pub seconds_left: f64,
}

/// Trains as `config` says, and writes the bundle.
///
/// `resume` goes on from the newest checkpoint, otherwise earlier ones are removed. When `stop` is set
/// a checkpoint is written after the step under way and [`Error::Cancelled`] is returned. `progress`
/// is called after each step, `note` with sentences about what is being done.
///
/// # Errors
/// Says what is wrong with configuration, data or start model; [`Error::Training`] when the loss is no
/// number any more (the last good checkpoint stays).
pub fn train(
    config: &TrainConfig,
    machine: &Machine,
    resume: bool,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&Progress),
    note: &mut dyn FnMut(&str),
) -> Result<PathBuf> {
    fs::create_dir_all(&config.output).map_err(|e| Error::file(&config.output, e))?;
    let prepared = start::prepare(config, note)?;
    let sampler = Sampler::new(&prepared.questions, &prepared.segments, &config.languages, config.seed)?;
    for (query, passage) in sampler.without_pairs() {
        note(&format!("no training pair has a query in {query} and a passage in {passage}"));
    }
    let device = machine.training()?.autodiff();
    let mut run = Run {
        config,
        start: prepared.bundle,
        teacher: Encoder::new(&Bundle::open(config.start.teacher())?, machine.clone())?,
        student: Student::new(&Bundle::open(&prepared.folder)?, &device)?,
        sampler,
        texts: Texts::new(prepared.segments, &config.languages, config.seed)?,
        device,
        updates: Updates::default(),
    };
    let folder = config.output.join("checkpoints");
    let identity = identity(config)?;
    let mut step = 0;
    if resume {
        if let Some((done, updates)) = checkpoint::load(&folder, &identity, &mut run.student, note)? {
            note(&format!("going on after step {done}"));
            (step, run.updates) = (done, updates);
        } else {
            note("there is no checkpoint yet: starting from step 0");
        }
    } else {
        checkpoint::clear(&folder)?;
    }
    run.go(step, &folder, &identity, stop, progress)?;
    run.finish(note)
}

/// Hash of everything in the configuration that weights depend on.
fn identity(config: &TrainConfig) -> Result<String> {
    let mut value = serde_json::to_value(config).map_err(|e| Error::Training(e.to_string()))?;
    if let Some(fields) = value.as_object_mut() {
        for field in ["output", "checkpoint_every", "quantization", "name", "licence"] {
            fields.remove(field);
        }
    }
    Ok(sha256(value.to_string().as_bytes()))
}

struct Run<'a> {
    config: &'a TrainConfig,
    start: Bundle,
    teacher: Encoder,
    student: Student,
    sampler: Sampler,
    texts: Texts,
    device: Device,
    updates: Updates,
}

/// A loss with the graph it came from.
struct Loss {
    value: Tensor<1>,
    forward: Forward,
    pairs: usize,
    tokens: usize,
}

impl Run<'_> {
    fn go(
        &mut self,
        first: u64,
        folder: &Path,
        identity: &str,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<()> {
        let steps = self.config.steps();
        let mut log = Log::open(&self.config.output.join("log.jsonl"))?;
        let begin = Instant::now();
        let (mut pairs, mut tokens) = (0usize, 0usize);
        for step in first..steps {
            let Some((stage, at)) = self.config.stage_at(step) else { break };
            let before = Instant::now();
            let loss = self.loss(stage, step)?;
            let value = read_scalar(loss.value.clone(), &self.teacher.device_label())?;
            if !value.is_finite() {
                return Err(Error::Training(format!(
                    "the loss of step {step} (stage {}, step {at} of it) is {value}; lower the learning rate; the last checkpoint is kept in {}",
                    stage.name,
                    folder.display()
                )));
            }
            (pairs, tokens) = (pairs + loss.pairs, tokens + loss.tokens);
            self.update(stage, at, loss)?;
            let seconds = begin.elapsed().as_secs_f64();
            let report = Progress {
                step: step + 1,
                steps,
                stage: stage.name.clone(),
                loss: value,
                pairs_per_second: pairs as f64 / seconds,
                tokens_per_second: tokens as f64 / seconds,
                seconds_left: seconds / (step + 1 - first) as f64 * (steps - step - 1) as f64,
            };
            log.line(&json!({
                "step": step + 1, "stage": stage.name, "loss": value, "rate": stage.rate(at),
                "seconds": before.elapsed().as_secs_f64(),
            }))?;
            progress(&report);
            let stopping = stop.load(Ordering::Relaxed);
            if stopping || (step + 1) % self.config.checkpoint_every == 0 || step + 1 == steps {
                checkpoint::save(folder, step + 1, self.updates, identity, &self.student)?;
            }
            if stopping {
                return Err(Error::Cancelled);
            }
        }
        Ok(())
    }

    fn loss(&self, stage: &Stage, step: u64) -> Result<Loss> {
        match &stage.objective {
            Objective::Distillation { english } => self.distillation(stage, step, *english),
            Objective::Contrastive { strategy, alpha, distillation } => {
                let strategy = match strategy {
                    StrategyName::Monolingual => Strategy::Monolingual,
                    StrategyName::CrossLingual => Strategy::CrossLingual,
                    StrategyName::Hybrid => Strategy::Hybrid { alpha: *alpha },
                };
                self.contrastive(stage, step, strategy, *distillation)
            }
        }
    }

    fn distillation(&self, stage: &Stage, step: u64, english: f64) -> Result<Loss> {
        let texts = self.texts.batch(step, stage.batch, english);
        let sequences = texts
            .iter()
            .map(|t| self.student.tokens(Kind::Passage, t.text, stage.max_tokens))
            .collect::<Result<Vec<_>>>()?;
        let originals: Vec<&str> = texts.iter().map(|t| t.english).collect();
        let target = self.teach(&originals)?;
        let forward = self.student.forward(&sequences, stage.train == Trained::Embeddings);
        let masked: Vec<bool> =
            originals.iter().flat_map(|a| originals.iter().map(move |b| a == b)).collect();
        let weights = vec![1.0; texts.len()];
        let vectors = forward.vectors.clone();
        let near = loss::distance(vectors.clone(), target.clone(), &weights, &self.device);
        let value = loss::contrastive(vectors, target, &masked, stage.temperature, &self.device) + near;
        let tokens = sequences.iter().map(|s| s.len()).sum();
        Ok(Loss { value, forward, pairs: texts.len(), tokens })
    }

    fn contrastive(&self, stage: &Stage, step: u64, strategy: Strategy, distillation: f32) -> Result<Loss> {
        let batch = self.sampler.batch(step, strategy, stage.batch);
        let n = batch.items.len();
        if n < 2 {
            return Err(Error::Training(format!(
                "the data hold nothing for a {:?} batch of stage {}; add questions with passages, or choose another strategy",
                batch.kind, stage.name
            )));
        }
        let side = |kind| {
            batch.items.iter().map(move |item| {
                let text = if kind == Kind::Query { &item.query } else { &item.passage };
                self.student.tokens(kind, text, stage.max_tokens)
            })
        };
        let sequences = side(Kind::Query).chain(side(Kind::Passage)).collect::<Result<Vec<_>>>()?;
        let forward = self.student.forward(&sequences, stage.train == Trained::Embeddings);
        let d = self.student.config.dimension();
        let half = |from: usize| forward.vectors.clone().slice([from..from + n, 0..d]);
        let (queries, passages) = (half(0), half(n));
        let mut value =
            loss::contrastive(queries, passages.clone(), &batch.mask(), stage.temperature, &self.device);
        let weights: Vec<f32> =
            batch.items.iter().map(|i| if i.english.is_some() { 1.0 } else { 0.0 }).collect();
        if distillation > 0.0 && weights.contains(&1.0) {
            let originals: Vec<&str> =
                batch.items.iter().map(|i| i.english.as_deref().unwrap_or("")).collect();
            let target = self.teach(&originals)?;
            let near = loss::distance(passages, target, &weights, &self.device);
            value = value + near.mul_scalar(distillation);
        }
        let tokens = sequences.iter().map(|s| s.len()).sum();
        Ok(Loss { value, forward, pairs: n, tokens })
    }

    /// The teacher's vectors of English texts, as constants on the training device.
    fn teach(&self, texts: &[&str]) -> Result<Tensor<2>> {
        let vectors = self.teacher.encode_all(texts, Kind::Passage, &mut |_, _| {})?;
        let shape = [texts.len(), self.teacher.dimension()];
        Ok(Tensor::from_data(TensorData::new(vectors, shape), &self.device))
    }

    fn update(&mut self, stage: &Stage, at: u64, loss: Loss) -> Result<()> {
        let mut grads = loss.value.backward();
        let rate = stage.rate(at);
        let leaf = loss.forward.leaf.grad_remove(&mut grads).ok_or_else(|| {
            Error::Training(
                "no gradient reached the embedding table; this is a defect, please report it".into(),
            )
        })?;
        let leaf = leaf.into_data().try_into_vec::<f32>().map_err(|e| Error::Device {
            device: self.teacher.device_label(),
            problem: format!("gradients cannot be read back: {e:?}"),
        })?;
        self.updates.rows += 1;
        let update = Update {
            rate: rate * stage.embedding_rate,
            weight_decay: stage.weight_decay,
            time: self.updates.rows,
        };
        self.student.rows.step(&loss.forward.ids, &leaf, update);
        if stage.train == Trained::All {
            self.updates.body += 1;
            let update = Update { rate, weight_decay: stage.weight_decay, time: self.updates.body };
            let grads = GradientsParams::from_grads(grads, &self.student.body);
            let body = self.student.body.clone();
            self.student.body = self.student.moments.step(body, grads, update);
        }
        Ok(())
    }

    fn finish(self, note: &mut dyn FnMut(&str)) -> Result<PathBuf> {
        let mut bundle = self.student.bundle(&self.start)?;
        let recipe = serde_json::to_value(self.config).map_err(|e| Error::Training(e.to_string()))?;
        let manifest = &mut bundle.manifest;
        manifest.name = self.config.name.clone();
        manifest.licence = self.config.licence.clone();
        manifest.languages = self.config.languages.clone();
        manifest.recipe = json!({ "config": recipe, "start": self.start.manifest.recipe });
        bundle.store_as(self.config.quantization);
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

fn read_scalar(value: Tensor<1>, device: &str) -> Result<f32> {
    let values = value.into_data().try_into_vec::<f32>().map_err(|e| Error::Device {
        device: device.into(),
        problem: format!("the loss cannot be read back: {e:?}"),
    })?;
    Ok(values.first().copied().unwrap_or(f32::NAN))
}

/// One JSON document a line, a line a step.
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
