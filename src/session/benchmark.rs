//! Times how a model encodes, on each requested device and in each precision.

use std::rc::Rc;

use super::{
    Session,
    browser::{cores, isolated, now, today, user_agent, yield_now},
    corpus::PASSAGES,
    device,
    download::{self, fetch_file},
    load::LoadedBundle,
    model,
    open::LARGEST,
    progress::ProgressReporter,
};
use crate::{
    Error, Result,
    benchmark::{
        BenchmarkCell, BenchmarkDevice, BenchmarkPlan, BenchmarkReport, BenchmarkTarget, TimedCell,
        TimedDevice, fit, least_cosine,
    },
    bundle::{Bundle, Quantization},
    datasets::{Corpus, sample},
    encoder::{Backend, Encoder, Precision},
    protocol::{DeviceReport, Event, Id, PrecisionChoice, ProgressStage},
    text::{Kind, Tokenizer, language},
};

/// Maximum milliseconds of a call; slower ones are left out.
const MAX_CALL_MS: f64 = 20_000.0;
/// Milliseconds of tokenizing: one round is shorter than the resolution of a browser's tracker.
const TOKENIZING_MS: f64 = 30.0;
/// Milliseconds of cutting texts after which messages are processed.
const YIELD_MS: f64 = 50.0;

/// A size with its texts.
struct Case {
    cell: BenchmarkCell,
    /// Token ids of each text.
    sequences: Vec<Vec<u32>>,
    tokenize_ms: f64,
    /// The vectors by the CPU in f32, once they are known.
    reference: Option<Vec<f32>>,
}

impl Session {
    /// Times the bundle at `url` as `plan` says. The current model and the open corpus stay as they are; a device that fails
    /// or is too slow becomes a note.
    ///
    /// # Errors
    /// Says what is wrong with the model, the texts or the CPU.
    pub(super) async fn benchmark(
        &self,
        id: Id,
        url: &str,
        sample: &str,
        plan: BenchmarkPlan,
    ) -> Result<BenchmarkReport> {
        // A download would take processor time.
        while self.is_loading() {
            self.model_change().await;
        }
        let say = |event| self.say(event);
        let mut progress = ProgressReporter::new(id, &say);
        let (folder, found) = self.find(url, &mut progress).await?;
        let hash = found.hash.clone();
        let LoadedBundle { bundle, from_cache, mut notes, .. } =
            self.bundle(&folder, found, None, &mut progress).await?;
        let info = model::describe(&folder, &hash, &bundle, from_cache, 0.0);

        let (texts, passages) = self.texts(&plan.language, sample).await?;
        let (mut cases, left_out) = cases(&bundle, &plan.cells, &passages).await?;
        notes.extend(left_out);
        let mut targets = plan.targets();
        if !matches!(bundle.manifest.quantization, Quantization::Q8 | Quantization::Q4) {
            let fast = targets.extract_if(.., |target| target.precision == PrecisionChoice::Fast).count();
            if fast > 0 {
                notes.push(
                    "Fast was left out: this model’s weights are not quantized, so it is the same as exact."
                        .into(),
                );
            }
        }
        let mut report = BenchmarkReport {
            model: info.name,
            url: info.url,
            hash,
            quantization: info.quantization,
            plan,
            texts,
            machines: Vec::new(),
            rows: Vec::new(),
            notes,
            browser: user_agent(),
            cores: cores(),
            isolated: isolated(),
            date: today(),
            version: env!("CARGO_PKG_VERSION").into(),
            finished: false,
        };
        let tell =
            |report: &BenchmarkReport, now| self.say(Event::Benchmark { id, report: report.clone(), now });
        tell(&report, None);

        if !targets.contains(&BenchmarkTarget::REFERENCE) && !cases.is_empty() {
            match self.encoder(&report.hash, BenchmarkTarget::REFERENCE, &bundle, &mut progress).await {
                Ok((encoder, _)) => {
                    for case in &mut cases {
                        case.reference = self.first(&encoder, &case.sequences).await?.ok();
                    }
                }
                Err(problem) => {
                    report.notes.push(format!(
                        "There are no reference vectors to compare with. {}",
                        sentence(&problem)
                    ));
                }
            }
        }
        let calls = report.plan.warmups + report.plan.repeats;
        let cost = cases.iter().map(|case| (case.cell.all_tokens() * calls) as f64).sum();
        let mut tracker =
            Tracker { targets: targets.len(), each: (cases.len() * calls, cost), ..Tracker::default() };
        for (gone, target) in targets.into_iter().enumerate() {
            tracker.gone = gone;
            tracker.done = (0, 0.0);
            let opened = self.encoder(&report.hash, target, &bundle, &mut progress).await;
            let (encoder, device) = match opened {
                Ok(opened) => opened,
                Err(problem) => {
                    report.notes.push(format!("{target}: left out. {}", sentence(&problem)));
                    continue;
                }
            };
            let software = encoder.machine().software;
            report.machines.push(TimedDevice {
                target,
                adapter: device.adapter,
                computes_in: device.precision,
                software,
                self_test_difference: device.self_test_difference,
            });
            for case in &mut cases {
                tell(&report, Some((target, case.cell)));
                match self.time(target, &encoder, case, &report.plan, &mut progress, &mut tracker).await {
                    Ok(Ok(row)) => report.rows.push(row),
                    Ok(Err(note)) => report.notes.push(note),
                    Err(problem) => {
                        report.notes.push(format!(
                            "{target}: stopped at {}. {}",
                            case.cell,
                            sentence(&problem)
                        ));
                        break;
                    }
                }
            }
        }
        report.finished = true;
        Ok(report)
    }

    /// Passages in a language, and where they are from: the open corpus, otherwise the sample at `url`.
    async fn texts(&self, code: &str, url: &str) -> Result<(String, Vec<String>)> {
        let name = language(code).map_or(code, |l| l.english);
        let of = |corpus: &Corpus| -> Vec<String> {
            corpus.passages.iter().filter(|p| p.lang == code).map(|p| p.text.clone()).collect()
        };
        if let Some(open) = self.corpus() {
            let passages = of(&open.corpus);
            if !passages.is_empty() {
                let from = if open.info.precomputed { "the sample" } else { &open.info.name };
                return Ok((format!("{from}, {name}"), passages));
            }
        }
        let bytes = fetch_file(&download::folder(url)?, PASSAGES, LARGEST).await?;
        let text = String::from_utf8_lossy(&bytes);
        let passages = of(&sample::parse(PASSAGES, &text)?);
        if passages.is_empty() {
            return Err(Error::Input(format!("There is no text in {name} here: choose another language")));
        }
        Ok((format!("the sample, {name}"), passages))
    }

    /// The bundle's encoder on a device and precision, tested; the current model's, if it fits.
    async fn encoder(
        &self,
        hash: &str,
        target: BenchmarkTarget,
        bundle: &Bundle,
        progress: &mut ProgressReporter<'_>,
    ) -> Result<(Rc<Encoder>, DeviceReport)> {
        let backend = match target.device {
            BenchmarkDevice::Cpu => Backend::Cpu,
            BenchmarkDevice::WebGpu => Backend::WebGpu,
        };
        let is_such = |e: &Encoder| {
            e.machine().backend == backend && e.precision() == Precision::of(backend, target.precision)
        };
        if let Some(model) = self.model().filter(|m| m.info.hash == hash && is_such(&m.encoder)) {
            return Ok((model.encoder.clone(), model.device.clone()));
        }
        let (encoder, difference) = match target.device {
            BenchmarkDevice::Cpu => device::on_cpu(bundle, target.precision, progress).await?,
            BenchmarkDevice::WebGpu => device::on_gpu(bundle, &self.0.gpu, None, progress).await?,
        };
        let report = device::report(&encoder, bundle, difference);
        Ok((Rc::new(encoder), report))
    }

    /// Times one size; returns a sentence instead if a call would take too long.
    async fn time(
        &self,
        target: BenchmarkTarget,
        encoder: &Encoder,
        case: &mut Case,
        plan: &BenchmarkPlan,
        progress: &mut ProgressReporter<'_>,
        tracker: &mut Tracker,
    ) -> Result<std::result::Result<TimedCell, String>> {
        let cell = case.cell;
        tracker.tell(progress);
        let vectors = match self.first(encoder, &case.sequences).await? {
            Ok(vectors) => vectors,
            Err(ms) => {
                tracker.pass(cell, plan.warmups + plan.repeats);
                return Ok(Err(format!(
                    "{target}: {cell} was left out, because a call would take about {:.0} s; the limit is {:.0} s.",
                    ms / 1e3,
                    MAX_CALL_MS / 1e3
                )));
            }
        };
        if target == BenchmarkTarget::REFERENCE {
            case.reference = Some(vectors.clone());
        }
        let mut last = vectors;
        let mut calls = Vec::with_capacity(plan.repeats);
        for call in 0..plan.warmups + plan.repeats {
            let (ms, vectors) = self.call(encoder, &case.sequences).await?;
            if call >= plan.warmups {
                calls.push(ms);
            }
            last = vectors;
            tracker.pass(cell, 1);
            tracker.tell(progress);
        }
        let reference = case.reference.as_deref();
        let cosine = reference.and_then(|reference| least_cosine(&last, reference, encoder.dimension()));
        Ok(Ok(TimedCell::new(target, cell, calls, case.tokenize_ms, cosine)))
    }

    /// Vectors of the first call, or the milliseconds that it would take if these are too many. A slow device gets growing
    /// parts of the batch.
    async fn first(
        &self,
        encoder: &Encoder,
        sequences: &[Vec<u32>],
    ) -> Result<std::result::Result<Vec<f32>, f64>> {
        let all = sequences.len();
        let mut size = all.min(1);
        loop {
            let (ms, vectors) = self.call(encoder, &sequences[..size]).await?;
            let whole = ms * all as f64 / size.max(1) as f64;
            if size == all {
                return Ok(if whole > MAX_CALL_MS { Err(whole) } else { Ok(vectors) });
            }
            let next = if whole <= MAX_CALL_MS { all } else { all.min(4 * size) };
            if ms * next as f64 / size as f64 > MAX_CALL_MS {
                return Ok(Err(whole));
            }
            size = next;
        }
    }

    /// One call: its time and its vectors. Messages are processed first.
    async fn call(&self, encoder: &Encoder, sequences: &[Vec<u32>]) -> Result<(f64, Vec<f32>)> {
        yield_now().await;
        let sequences: Vec<&[u32]> = sequences.iter().map(Vec::as_slice).collect();
        let start = now();
        let vectors = self.unless_gpu_lost(encoder, encoder.send(&sequences)).await?;
        Ok((now() - start, vectors))
    }
}

/// Each size with its texts, and a sentence for each that was left out.
async fn cases(
    bundle: &Bundle,
    cells: &[BenchmarkCell],
    passages: &[String],
) -> Result<(Vec<Case>, Vec<String>)> {
    let manifest = &bundle.manifest;
    let most = manifest.architecture.max_tokens;
    let tokenizer = Tokenizer::from_json(&bundle.tokenizer, most)?.without(manifest.architecture.dropped);
    let prompt = manifest.prompts.of(Kind::Passage);
    let passages: Vec<&str> = passages.iter().map(String::as_str).collect();
    let (mut cases, mut notes) = (Vec::new(), Vec::new());
    let mut paused = now();
    for &cell in cells {
        if cell.tokens > most {
            notes.push(format!("{cell} was left out: this model reads at most {most} tokens of a text."));
            continue;
        }
        let mut texts = Vec::new();
        // With more texts than passages, some are repeated.
        for first in 0..cell.batch.min(passages.len()) {
            texts.push(fit(&passages, first, cell.tokens, |text| Ok(tokenizer.encode(prompt, text)?.len()))?);
            if now() - paused > YIELD_MS {
                yield_now().await;
                paused = now();
            }
        }
        let batch = || texts.iter().cycle().take(cell.batch);
        let (mut rounds, mut sequences) = (0, Vec::new());
        let start = now();
        while rounds == 0 || now() - start < TOKENIZING_MS {
            sequences = batch().map(|text| tokenizer.encode(prompt, text)).collect::<Result<Vec<_>>>()?;
            rounds += 1;
        }
        let tokenize_ms = (now() - start) / f64::from(rounds);
        cases.push(Case { cell, sequences, tokenize_ms, reference: None });
    }
    Ok((cases, notes))
}

/// Progress of a benchmark.
#[derive(Default)]
struct Tracker {
    /// Devices and precisions: the number of all, and of those finished.
    targets: usize,
    gone: usize,
    /// Calls of each, and their tokens, from which the remaining time is estimated.
    each: (usize, f64),
    /// The same of the current one.
    done: (usize, f64),
}

impl Tracker {
    /// `calls` calls are done, or left out.
    fn pass(&mut self, cell: BenchmarkCell, calls: usize) {
        self.done.0 += calls;
        self.done.1 += (calls * cell.all_tokens()) as f64;
    }

    fn tell(&self, progress: &mut ProgressReporter<'_>) {
        let calls = |n: usize| (n * self.each.0) as f64;
        let cost = |n: usize| n as f64 * self.each.1;
        let done = (calls(self.gone) + self.done.0 as f64, cost(self.gone) + self.done.1);
        progress.at_weighted(
            ProgressStage::Benchmark,
            done.0,
            calls(self.targets),
            done.1,
            cost(self.targets),
        );
    }
}

/// An error as a sentence.
fn sentence(problem: &Error) -> String {
    let words = problem.to_string();
    let mut chars = words.trim_end_matches('.').chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect::<String>() + ".").unwrap_or_default()
}
