//! Runs a study: trains and evaluates what is not done yet, and writes the report.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_lite::future::block_on;
use serde_json::json;

use super::config::{DataSet, Study};
use super::keep::{self, EvaluationRecord};
use super::plan::{PlannedArm, PlannedModel, PlannedSweep, Planner};
use super::report::{StudyReport, StudyRun};
use super::summary::{ArmResults, Findings, SampleCounts, SeedResult, Sweep, Variant, values};
use super::timings::{self, Timings};
use super::{plots, plots::file_name};
use crate::bundle::{Bundle, MANIFEST, Quantization, SelfTest, write_whole};
use crate::datasets::{self, Corpus};
use crate::encoder::{Backend, Encoder, EncoderDevice};
use crate::evaluate::{EvaluateSettings, evaluate, today};
use crate::evaluation::{Scores, Task};
use crate::training::{self, TrainConfig};
use crate::{Error, Result, sha256};

/// Seed of resampling and permutations.
const SEED: u64 = 1;

/// Progress events of a study.
#[derive(Debug)]
pub enum StudyEvent<'a> {
    /// A sentence.
    Note(&'a str),
    /// A run begins: its number, the total, and its name.
    Begin(usize, usize, &'a str),
    /// A training step is done.
    Step(&'a training::TrainingProgress),
    /// Texts are being encoded: what, how many, of how many.
    Encode(&'static str, usize, usize),
}

/// An open data set.
struct OpenSet {
    name: String,
    corpus: Corpus,
    task: Task,
    hash: String,
}

struct StudyRunner<'a> {
    study: &'a Study,
    machine: &'a EncoderDevice,
    sets: Vec<OpenSet>,
    stop: &'a AtomicBool,
    tell: &'a mut dyn FnMut(StudyEvent),
    /// All evaluations for the report.
    runs: Vec<StudyRun>,
}

/// Runs what is not done yet of `study` with `recipe`, as returned by [`Study::read`]; writes `report.md`,
/// its plots and `report.json` into the study's folder.
///
/// A run with an evaluation that matches the key of its configuration, start and data is not repeated, and
/// an interrupted one continues from its checkpoint. When `stop` is set, the current step ends soon with
/// [`Error::Cancelled`]. Without `resume`, a folder that already has runs is refused.
///
/// # Errors
/// Says what is wrong with configuration, data, start model or device.
pub fn run(
    study: &Study,
    recipe: &TrainConfig,
    machine: &EncoderDevice,
    resume: bool,
    stop: &AtomicBool,
    tell: &mut dyn FnMut(StudyEvent),
) -> Result<StudyReport> {
    if !resume && fs::read_dir(study.output.join("runs")).is_ok_and(|mut runs| runs.next().is_some()) {
        return Err(Error::Input(format!(
            "{} already has runs: continue with --resume (what is done is reused), or name another \
             output folder",
            study.output.display()
        )));
    }
    // Report faults in the data sets before training anything.
    let sets = study.evaluate.iter().map(open).collect::<Result<Vec<_>>>()?;
    let mut planner = Planner::new(study, recipe, &mut |note| tell(StudyEvent::Note(note)))?;
    let runs = study.output.join("runs");
    let old = keep::of_other_versions(&runs)?;
    if old > 0 {
        tell(StudyEvent::Note(&format!(
            "{old} of the runs in {} were trained by another version of this program, which gives different weights or \
             identifies runs differently: they are kept, but not used",
            runs.display()
        )));
    }
    let (baseline, arms, swept) = (planner.baseline(), planner.arms()?, planner.swept()?);
    let arms_jobs = [&baseline].into_iter().chain(arms.iter().map(|(_, _, plan)| plan));
    let mut jobs: Vec<(PlannedModel, Quantization, bool)> =
        arms_jobs.map(|plan| (plan.clone(), Quantization::F32, true)).collect();
    for (_, variants) in &swept {
        for (_, quantization, plans) in variants {
            jobs.extend(plans.iter().map(|(_, plan)| (plan.clone(), *quantization, false)));
        }
    }
    let mut work = StudyRunner { study, machine, sets, stop, tell, runs: Vec::new() };
    let all = jobs.len();
    for (number, (plan, quantization, everywhere)) in jobs.iter().enumerate() {
        (work.tell)(StudyEvent::Begin(number + 1, all, &format!("{}, {}", plan.name(), quantization)));
        let sets = if *everywhere { work.sets.len() } else { 1 };
        for set in 0..sets {
            work.measured(plan, set, *quantization)?;
        }
        work.tidy(plan)?;
    }
    work.report(planner, recipe, &baseline, &arms, &swept)
}

fn open(set: &DataSet) -> Result<OpenSet> {
    let corpus = datasets::load(&set.dataset, &set.data, &set.options()?)?;
    let task = Task::new(&corpus)?;
    Ok(OpenSet { name: set.dataset.clone(), hash: corpus.hash(), task, corpus })
}

impl StudyRunner<'_> {
    fn cancelled(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// The evaluation of a model on a data set, from disk or run now.
    fn measured(
        &mut self,
        plan: &PlannedModel,
        set: usize,
        quantization: Quantization,
    ) -> Result<EvaluationRecord> {
        self.cancelled()?;
        let (path, ranks_path) = self.files(plan, set, quantization);
        let open = &self.sets[set];
        let key = json!([plan.key, open.name, open.hash, quantization, self.study.samples, SEED]);
        let key = sha256(key.to_string().as_bytes());
        let known = keep::read::<EvaluationRecord>(&path).filter(|record| record.key == key);
        let whole = |record: &EvaluationRecord| {
            fs::read(&ranks_path).is_ok_and(|bytes| sha256(&bytes) == record.ranks)
        };
        if let Some(record) = known.filter(whole) {
            return Ok(record);
        }
        let pairs_per_second = self.train(plan)?;
        let mut bundle = Bundle::open(&plan.bundle)?;
        let manifest = plan.bundle.join(MANIFEST);
        let manifest = sha256(&fs::read(&manifest).map_err(|e| Error::file(&manifest, e))?);
        bundle.store_as(quantization)?;
        let bytes = (bundle.weights.to_safetensors()?.len() + bundle.tokenizer.len()) as u64;
        let encoder = Encoder::new(&bundle, self.machine.clone())?;
        if self.machine.backend != Backend::Cpu {
            // Some drivers compute wrong numbers without any error.
            block_on(encoder.self_test(&SelfTest::of(&bundle)?))?;
        }
        let open = &self.sets[set];
        let options =
            EvaluateSettings { samples: self.study.samples, seed: SEED, ..EvaluateSettings::default() };
        let (stop, tell) = (self.stop, &mut self.tell);
        let evaluated = evaluate(
            &encoder,
            Some((MANIFEST.to_string(), manifest.clone())),
            (&open.name, &open.corpus, &open.task),
            &options,
            &mut |what, done, all| {
                tell(StudyEvent::Encode(what, done, all));
                if stop.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
            },
            &mut |_| {},
        )?;
        let ranks = keep::ranks_to_bytes(&evaluated.ranks)?;
        fs::create_dir_all(&plan.folder).map_err(|e| Error::file(&plan.folder, e))?;
        write_whole(&ranks_path, &ranks)?;
        let (ranks, report) = (sha256(&ranks), evaluated.report);
        let record = EvaluationRecord { key, bundle: manifest, bytes, pairs_per_second, ranks, report };
        keep::write(&path, &record)?;
        Ok(record)
    }

    /// The files of an evaluation and of its ranks.
    fn files(&self, plan: &PlannedModel, set: usize, quantization: Quantization) -> (PathBuf, PathBuf) {
        let name = format!("{}.{}", file_name(&self.sets[set].name), quantization);
        let file = |end: &str| plan.folder.join(format!("{name}.{end}"));
        (file("json"), file("ranks.safetensors"))
    }

    /// Trains if not done yet; returns pairs per second, if known.
    fn train(&mut self, plan: &PlannedModel) -> Result<Option<f64>> {
        let Some(config) = &plan.train else { return Ok(None) };
        let path = plan.folder.join(keep::TRAINED);
        if let Some(trained) =
            keep::read::<keep::TrainingRecord>(&path).filter(|trained| trained.key == plan.key)
            && plan.bundle.join(MANIFEST).is_file()
        {
            return Ok(trained.pairs_per_second);
        }
        let mut pairs_per_second = None;
        let tell = std::cell::RefCell::new(&mut self.tell);
        training::train(
            config,
            self.machine,
            true,
            self.stop,
            &mut |progress| {
                pairs_per_second = Some(progress.pairs_per_second);
                (tell.borrow_mut())(StudyEvent::Step(progress));
            },
            &mut |note| (tell.borrow_mut())(StudyEvent::Note(note)),
        )?;
        keep::write(
            &path,
            &keep::TrainingRecord { key: plan.key.clone(), pairs_per_second, revision: training::REVISION },
        )?;
        Ok(pairs_per_second)
    }

    /// Removes what a finished run no longer needs: checkpoints, and its copy of the start.
    fn tidy(&self, plan: &PlannedModel) -> Result<()> {
        if plan.train.is_some() && plan.folder.join(keep::TRAINED).is_file() {
            for part in ["checkpoints", "start"].map(|part| plan.folder.join(part)) {
                if part.exists() {
                    fs::remove_dir_all(&part).map_err(|e| Error::file(&part, e))?;
                }
            }
        }
        Ok(())
    }

    /// The results, from disk.
    fn model(
        &mut self,
        plan: &PlannedModel,
        seed: u64,
        set: usize,
        q: Quantization,
    ) -> Result<(SeedResult, EvaluationRecord)> {
        let record = self.measured(plan, set, q)?;
        let (path, ranks_path) = self.files(plan, set, q);
        let ranks = keep::read_ranks(&ranks_path, &record.ranks, &self.sets[set].task)?;
        let bytes = fs::read(&path).map_err(|e| Error::file(&path, e))?;
        let run = StudyRun {
            folder: plan.name(),
            dataset: self.sets[set].name.clone(),
            quantization: q.to_string(),
            key: record.key.clone(),
            bundle: record.bundle.clone(),
            evaluation: sha256(&bytes),
            device: record.report.facts.device.clone(),
            pairs_per_second: record.pairs_per_second,
        };
        if !self.runs.contains(&run) {
            self.runs.push(run);
        }
        let scores = Scores::of(&self.sets[set].task, &ranks);
        Ok((SeedResult { seed, ranks, scores }, record))
    }

    fn report(
        mut self,
        planner: Planner,
        recipe: &TrainConfig,
        baseline: &PlannedModel,
        arms: &[PlannedArm],
        swept: &[(&str, Vec<PlannedSweep>)],
    ) -> Result<StudyReport> {
        (self.tell)(StudyEvent::Note("writing the report"));
        let study = self.study;
        let drawn = SampleCounts { samples: study.samples, permutations: study.permutations, seed: SEED };
        let mut notes = Vec::new();
        if study.seeds.len() < 3 {
            notes.push(format!(
                "{} seed{}: fewer than three are weak evidence about other seeds.",
                study.seeds.len(),
                if study.seeds.len() == 1 { "" } else { "s" }
            ));
        }
        let mut findings = Vec::new();
        for set in 0..self.sets.len() {
            // All arms have the start's tokenizer and window, so they truncate the same.
            let (start, record) = self.model(baseline, 0, set, Quantization::F32)?;
            let mut measured = Vec::new();
            for arm in &study.arms {
                let mut seeds = Vec::new();
                for (_, seed, plan) in arms.iter().filter(|(of, _, _)| of == arm) {
                    seeds.push(self.model(plan, *seed, set, Quantization::F32)?.0);
                }
                measured.push(ArmResults { name: arm.name.clone(), alpha: arm.alpha, seeds });
            }
            let OpenSet { name, task, .. } = &self.sets[set];
            let cut = record.report.cut.unwrap_or_default();
            let said = [
                cut.passages.sentence("passage", "passages"),
                cut.questions.sentence("question", "questions"),
            ];
            notes.extend(said.into_iter().flatten().map(|said| format!("{name}: {said}")));
            notes.extend(task.notes.iter().map(|note| format!("{name}: {note}")));
            findings.push(Findings::of(name, task, &start, &measured, drawn)?);
        }
        let timings = self.timings(swept)?;
        let mut sweeps = Vec::new();
        for (name, variants) in swept {
            let variants = variants.iter().map(|swept| self.variant(swept, &timings, drawn));
            sweeps.push(Sweep::new(name, variants.collect::<Result<_>>()?));
        }
        let devices: BTreeSet<&str> = self.runs.iter().map(|run| run.device.as_str()).collect();
        if devices.len() > 1 {
            notes.push(format!(
                "Models were trained and evaluated on different devices, so pairs/s in training are not comparable: {}.",
                devices.into_iter().collect::<Vec<_>>().join(", ")
            ));
        }
        let failed = |e: serde_json::Error| Error::format("report.json", e);
        let report = StudyReport {
            name: study.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_string(),
            date: Some(today()),
            device: device(self.machine),
            machine: machine(),
            study: serde_json::to_value(study).map_err(failed)?,
            recipe: serde_json::to_value(recipe).map_err(failed)?,
            start: planner.start,
            data: planner.data,
            learned_sha256: planner.learned,
            datasets: self.sets.iter().map(|set| (set.name.clone(), set.hash.clone())).collect(),
            findings,
            sweeps,
            runs: self.runs,
            notes,
        };
        for (name, chart) in plots(&report) {
            write_whole(&study.output.join(name), chart.svg().as_bytes())?;
        }
        write_whole(&study.output.join("report.md"), report.markdown().as_bytes())?;
        keep::write(&study.output.join("report.json"), &report)?;
        Ok(report)
    }

    /// Times of the first seed's model of every variant.
    fn timings(&mut self, swept: &[(&str, Vec<PlannedSweep>)]) -> Result<Timings> {
        let variants = swept.iter().flat_map(|(_, variants)| variants);
        let models: Vec<(&PlannedModel, Quantization)> = variants
            .filter_map(|(_, quantization, plans)| plans.first().map(|(_, plan)| (plan, *quantization)))
            .collect();
        if models.is_empty() {
            return Ok(Timings::new());
        }
        (self.tell)(StudyEvent::Note("timing the models of the sweeps, alternating"));
        let place = format!("{}, {}", device(self.machine), machine());
        let path = self.study.output.join("timings.json");
        timings::take(&models, self.machine, &place, &path, &mut || self.cancelled())
    }

    fn variant(
        &mut self,
        (name, quantization, plans): &PlannedSweep,
        timings: &Timings,
        drawn: SampleCounts,
    ) -> Result<Variant> {
        let mut models = Vec::new();
        for (seed, plan) in plans {
            models.push(self.model(plan, *seed, 0, *quantization)?);
        }
        let figures = values(&self.sets[0].task, &models.iter().map(|(m, _)| m).collect::<Vec<_>>(), drawn)?;
        let first = models.first().map(|(_, record)| record);
        let times = plans.first().and_then(|(_, plan)| timings.get(&timings::name(plan, *quantization)));
        Ok(Variant {
            name: name.to_string(),
            seeds: plans.iter().map(|(seed, _)| *seed).collect(),
            figures,
            latency_ms: times.map_or(f64::NAN, |times| times.short),
            texts_per_second: times.map_or(f64::NAN, |times| 1e3 / times.batched),
            bytes: first.map_or(0, |record| record.bytes),
            pairs_per_second: first.and_then(|record| record.pairs_per_second),
            front: BTreeMap::new(),
        })
    }
}

/// The device, in words.
fn device(machine: &EncoderDevice) -> String {
    format!("{} ({})", machine.backend.name(), machine.adapter)
}

/// System, processor and threads, in words.
fn machine() -> String {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let about = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = about.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or(String::new(), |(_, name)| format!(", {}", name.trim()));
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    format!("{os} on {arch}{model}, {threads} thread{}", if threads == 1 { "" } else { "s" })
}
