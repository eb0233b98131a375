//! Timing how a model encodes, on each device and in each precision asked for.

use std::rc::Rc;

use super::{
    Session,
    browser::{breathe, cores, isolated, now, today, user_agent},
    corpus::PASSAGES,
    device,
    download::{self, fetch_file},
    load::Came,
    model,
    open::LARGEST,
    progress::Progress,
};
use crate::{
    Error, Result,
    benchmark::{Cell, Device, Machine, Plan, Report, Row, Way, fit, least_cosine},
    bundle::{Bundle, Quantization},
    datasets::{Corpus, sample},
    encoder::{Backend, Encoder, Precision},
    protocol::{DeviceReport, Event, Id, PrecisionChoice, Stage},
    text::{Kind, Tokenizer, language},
};

/// Milliseconds a single call may take; what would take longer is left out.
const PATIENCE: f64 = 20_000.0;
/// Milliseconds of tokenizing: one round is shorter than what a browser's clock tells apart.
const TOKENIZING: f64 = 30.0;
/// Milliseconds of cutting texts after which messages are taken.
const PAUSE: f64 = 50.0;

/// A size with its texts.
struct Work {
    cell: Cell,
    /// Token ids of each text.
    sequences: Vec<Vec<u32>>,
    tokenize_ms: f64,
    /// Vectors by the CPU in f32, once they are there.
    reference: Option<Vec<f32>>,
}

impl Session {
    /// Times the bundle at `url` as `plan` says. The model that runs, and what is searched, stay as
    /// they are; a device that fails or is too slow is a note.
    ///
    /// # Errors
    /// A sentence on what is wrong with the model, the texts or the CPU.
    pub(super) async fn benchmark(&self, id: Id, url: &str, sample: &str, plan: Plan) -> Result<Report> {
        // A download under way would take its part of the processor.
        while self.is_loading() {
            self.model_change().await;
        }
        let say = |event| self.say(event);
        let mut progress = Progress::new(id, &say);
        let (folder, found) = self.find(url, &mut progress).await?;
        let hash = found.hash.clone();
        let Came { bundle, from_cache, mut notes, .. } =
            self.bundle(&folder, found, None, &mut progress).await?;
        let info = model::describe(&folder, &hash, &bundle, from_cache, 0.0);

        let (texts, passages) = self.texts(&plan.language, sample).await?;
        let (mut works, left_out) = works(&bundle, &plan.cells, &passages).await?;
        notes.extend(left_out);
        let mut ways = plan.ways();
        if !matches!(bundle.manifest.quantization, Quantization::Q8 | Quantization::Q4) {
            let fast = ways.extract_if(.., |way| way.precision == PrecisionChoice::Fast).count();
            if fast > 0 {
                notes.push(
                    "Fast was left out: this model’s weights are not packed, so it is the same as exact."
                        .into(),
                );
            }
        }
        let mut report = Report {
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
        let tell = |report: &Report, now| self.say(Event::Benchmark { id, report: report.clone(), now });
        tell(&report, None);

        if !ways.contains(&Way::REFERENCE) && !works.is_empty() {
            match self.encoder(&report.hash, Way::REFERENCE, &bundle, &mut progress).await {
                Ok((encoder, _)) => {
                    for work in &mut works {
                        work.reference = self.first(&encoder, &work.sequences).await?.ok();
                    }
                }
                Err(problem) => {
                    report
                        .notes
                        .push(format!("There are no vectors to compare with. {}", sentence(&problem)));
                }
            }
        }
        let calls = report.plan.warmups + report.plan.repeats;
        let cost = works.iter().map(|work| (work.cell.all_tokens() * calls) as f64).sum();
        let mut clock = Clock { ways: ways.len(), each: (works.len() * calls, cost), ..Clock::default() };
        for (gone, way) in ways.into_iter().enumerate() {
            clock.gone = gone;
            clock.done = (0, 0.0);
            let opened = self.encoder(&report.hash, way, &bundle, &mut progress).await;
            let (encoder, device) = match opened {
                Ok(opened) => opened,
                Err(problem) => {
                    report.notes.push(format!("{way}: left out. {}", sentence(&problem)));
                    continue;
                }
            };
            let imitated = encoder.machine().software;
            report.machines.push(Machine {
                way,
                adapter: device.adapter,
                computes_in: device.precision,
                imitated,
                self_test_difference: device.self_test_difference,
            });
            for work in &mut works {
                tell(&report, Some((way, work.cell)));
                match self.time(way, &encoder, work, &report.plan, &mut progress, &mut clock).await {
                    Ok(Ok(row)) => report.rows.push(row),
                    Ok(Err(note)) => report.notes.push(note),
                    Err(problem) => {
                        report.notes.push(format!("{way}: stopped at {}. {}", work.cell, sentence(&problem)));
                        break;
                    }
                }
            }
        }
        report.finished = true;
        Ok(report)
    }

    /// Passages in a language, and where they are from: the open corpus, else the sample at `url`.
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

    /// The bundle's encoder in one way, checked: the one that runs, where it runs so.
    async fn encoder(
        &self,
        hash: &str,
        way: Way,
        bundle: &Bundle,
        progress: &mut Progress<'_>,
    ) -> Result<(Rc<Encoder>, DeviceReport)> {
        let backend = match way.device {
            Device::Cpu => Backend::Cpu,
            Device::WebGpu => Backend::WebGpu,
        };
        let is_such = |e: &Encoder| {
            e.machine().backend == backend && e.precision() == Precision::of(backend, way.precision)
        };
        if let Some(model) = self.model().filter(|m| m.info.hash == hash && is_such(&m.encoder)) {
            return Ok((model.encoder.clone(), model.device.clone()));
        }
        let (encoder, difference) = match way.device {
            Device::Cpu => device::on_cpu(bundle, way.precision, progress).await?,
            Device::WebGpu => device::on_gpu(bundle, &self.0.gpu, None, progress).await?,
        };
        let report = device::report(&encoder, bundle, difference);
        Ok((Rc::new(encoder), report))
    }

    /// Times one size; a sentence instead where a call would take too long.
    async fn time(
        &self,
        way: Way,
        encoder: &Encoder,
        work: &mut Work,
        plan: &Plan,
        progress: &mut Progress<'_>,
        clock: &mut Clock,
    ) -> Result<std::result::Result<Row, String>> {
        let cell = work.cell;
        clock.tell(progress);
        let vectors = match self.first(encoder, &work.sequences).await? {
            Ok(vectors) => vectors,
            Err(ms) => {
                clock.pass(cell, plan.warmups + plan.repeats);
                return Ok(Err(format!(
                    "{way}: {cell} was left out, because a call would take about {:.0} s; at most {:.0} s are waited for.",
                    ms / 1e3,
                    PATIENCE / 1e3
                )));
            }
        };
        if way == Way::REFERENCE {
            work.reference = Some(vectors.clone());
        }
        let mut last = vectors;
        let mut calls = Vec::with_capacity(plan.repeats);
        for call in 0..plan.warmups + plan.repeats {
            let (ms, vectors) = self.call(encoder, &work.sequences).await?;
            if call >= plan.warmups {
                calls.push(ms);
            }
            last = vectors;
            clock.pass(cell, 1);
            clock.tell(progress);
        }
        let reference = work.reference.as_deref();
        let cosine = reference.and_then(|reference| least_cosine(&last, reference, encoder.dimension()));
        Ok(Ok(Row::new(way, cell, calls, work.tokenize_ms, cosine)))
    }

    /// Vectors of the first call, or the milliseconds it would take, should these be too many. A slow
    /// device is asked for parts of the batch that grow.
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
                return Ok(if whole > PATIENCE { Err(whole) } else { Ok(vectors) });
            }
            let next = if whole <= PATIENCE { all } else { all.min(4 * size) };
            if ms * next as f64 / size as f64 > PATIENCE {
                return Ok(Err(whole));
            }
            size = next;
        }
    }

    /// One call: how long it took, and its vectors. Messages are taken first.
    async fn call(&self, encoder: &Encoder, sequences: &[Vec<u32>]) -> Result<(f64, Vec<f32>)> {
        breathe().await;
        let sequences: Vec<&[u32]> = sequences.iter().map(Vec::as_slice).collect();
        let start = now();
        let vectors = self.unless_gpu_lost(encoder, encoder.send(&sequences)).await?;
        Ok((now() - start, vectors))
    }
}

/// Each size with its texts, and what was left out, a sentence each.
async fn works(bundle: &Bundle, cells: &[Cell], passages: &[String]) -> Result<(Vec<Work>, Vec<String>)> {
    let manifest = &bundle.manifest;
    let most = manifest.architecture.max_tokens;
    let tokenizer = Tokenizer::from_json(&bundle.tokenizer, most)?;
    let prompt = manifest.prompts.of(Kind::Passage);
    let passages: Vec<&str> = passages.iter().map(String::as_str).collect();
    let (mut works, mut notes) = (Vec::new(), Vec::new());
    let mut paused = now();
    for &cell in cells {
        if cell.tokens > most {
            notes.push(format!("{cell} was left out: this model reads at most {most} tokens of a text."));
            continue;
        }
        let mut texts = Vec::new();
        // With more texts than passages some come twice.
        for first in 0..cell.batch.min(passages.len()) {
            texts.push(fit(&passages, first, cell.tokens, |text| Ok(tokenizer.encode(prompt, text)?.len()))?);
            if now() - paused > PAUSE {
                breathe().await;
                paused = now();
            }
        }
        let batch = || texts.iter().cycle().take(cell.batch);
        let (mut rounds, mut sequences) = (0, Vec::new());
        let start = now();
        while rounds == 0 || now() - start < TOKENIZING {
            sequences = batch().map(|text| tokenizer.encode(prompt, text)).collect::<Result<Vec<_>>>()?;
            rounds += 1;
        }
        let tokenize_ms = (now() - start) / f64::from(rounds);
        works.push(Work { cell, sequences, tokenize_ms, reference: None });
    }
    Ok((works, notes))
}

/// How far a benchmark is.
#[derive(Default)]
struct Clock {
    /// Devices and precisions in all, and those that are gone through.
    ways: usize,
    gone: usize,
    /// Calls of each, and their tokens: the time left is guessed from these.
    each: (usize, f64),
    /// Of the present one.
    done: (usize, f64),
}

impl Clock {
    /// `calls` calls are done, or will not be.
    fn pass(&mut self, cell: Cell, calls: usize) {
        self.done.0 += calls;
        self.done.1 += (calls * cell.all_tokens()) as f64;
    }

    fn tell(&self, progress: &mut Progress<'_>) {
        let calls = |n: usize| (n * self.each.0) as f64;
        let cost = |n: usize| n as f64 * self.each.1;
        let done = (calls(self.gone) + self.done.0 as f64, cost(self.gone) + self.done.1);
        progress.weighed(Stage::Benchmark, done.0, calls(self.ways), done.1, cost(self.ways));
    }
}

/// An error as a sentence after another.
fn sentence(problem: &Error) -> String {
    let words = problem.to_string();
    let mut chars = words.trim_end_matches('.').chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect::<String>() + ".").unwrap_or_default()
}
