//! Evaluates a model on the open data set.

use std::{collections::BTreeMap, rc::Rc};

use super::{
    Session,
    browser::{has_webgpu, today, yield_now},
    chunk_encoder::ChunkEncoder,
    data::OpenDataset,
    model::LoadedModel,
    progress::ProgressReporter,
    runs::EvalRun,
};
use crate::{
    Error, Result,
    bundle::MANIFEST,
    datasets::Chunks,
    evaluation::{Analysis, CutTexts, EvalReport, Evaluated, Facts, Pieces, Rules, TaskVectors, measure},
    protocol::{DeviceChoice, Event, Id, PrecisionChoice, ProgressStage},
    text::Kind,
};

/// Pieces of some 50 to 100 ms: as many queries as the index scores together, 320 million multiplications.
const PIECES: Pieces = Pieces { queries: 64, multiplications: 320_000_000, samples: 10 };

/// Bootstrap samples of the intervals, and their seed: the terminal's defaults.
const SAMPLES: usize = 1000;
const SEED: u64 = 1;

/// What to evaluate, and how.
pub struct EvaluateOptions {
    /// The bundle's address.
    pub url: String,
    /// The device to run on.
    pub device: DeviceChoice,
    /// How the CPU multiplies packed weights.
    pub precision: PrecisionChoice,
    /// Languages to include; empty for all.
    pub languages: Vec<String>,
    /// Number of leading directions of each language to remove first.
    pub lir: Option<usize>,
    /// Which answers count, and which measures to compute.
    pub rules: Rules,
}

impl Session {
    /// Evaluates a model on the open data set, and stores the run as `id`. The current model and the open corpus
    /// stay as they are.
    ///
    /// # Errors
    /// Says what is wrong with the model, the languages or the device.
    pub(super) async fn evaluate(&self, id: Id, options: EvaluateOptions) -> Result<EvalReport> {
        let open = self.0.data.borrow().clone();
        let open = open
            .ok_or_else(|| Error::Input("No data set is open: choose one to measure the model on".into()))?;
        let data = open.only(&options.languages, &options.rules)?;
        let say = |event| self.say(event);
        let mut progress = ProgressReporter::new(id, &say);
        let model = self.model_to_evaluate(id, &options, &mut progress).await?;
        let mut chunked = ChunkEncoder::begin(self, id, model).await;

        let OpenDataset { name, corpus, task } = data.clone();
        let passages = task.documents.iter().map(|d| (d.lang, corpus.passages[d.passage].text.as_str()));
        let (passages, of_passages) =
            chunked.encode(Chunks::new(passages), Kind::Passage, &mut progress).await?;
        let questions = task.queries.iter().map(|q| (q.lang, corpus.questions[q.question].text.as_str()));
        let (queries, of_questions) =
            chunked.encode(Chunks::new(questions), Kind::Query, &mut progress).await?;
        let encoder = &chunked.model.encoder;
        let vectors = TaskVectors {
            passages,
            windows: None,
            queries,
            dimension: encoder.dimension(),
            similarity: encoder.similarity(),
            cut: CutTexts { passages: of_passages, questions: of_questions },
        };
        let facts = Facts {
            model: chunked.model.info.name.clone(),
            dataset: name,
            device: encoder.device_label(),
            hashes: BTreeMap::from([
                (MANIFEST.to_string(), chunked.model.info.hash.clone()),
                ("data".to_string(), corpus.hash()),
            ]),
            date: Some(today()),
            version: env!("CARGO_PKG_VERSION").to_string(),
            lir: None,
        };
        let analysis = Analysis { lir: options.lir, samples: SAMPLES, seed: SEED, pieces: PIECES };
        let total = task.queries.len() as f64;
        progress.at(ProgressStage::Score, 0.0, total);
        let mut reported = 0;
        let pause = async |ranked: usize| {
            // No progress while measures are computed from the ranks.
            if ranked > reported {
                progress.at(ProgressStage::Score, ranked as f64, total);
                reported = ranked;
            }
            yield_now().await;
        };
        let Evaluated { index, queries, ranks, scores, mut report } =
            measure(&task, facts, vectors, analysis, pause).await?;
        let (stored, all) = chunked.stored;
        if stored > 0 {
            report.notes.push(format!(
                "The vectors of {stored} of {all} texts were stored before; they may be from another device."
            ));
        }
        self.keep(EvalRun { id, data, index, queries, ranks, scores, report: report.clone() });
        Ok(report)
    }

    /// The current model if it is the requested one, on the requested device; otherwise another one, which does not
    /// replace it.
    async fn model_to_evaluate(
        &self,
        id: Id,
        options: &EvaluateOptions,
        progress: &mut ProgressReporter<'_>,
    ) -> Result<Rc<LoadedModel>> {
        // The model being loaded may be the requested one; two downloads at once would be slower anyway.
        while self.is_loading() {
            self.model_change().await;
        }
        let (folder, found) = self.find(&options.url, progress).await?;
        let fits = |model: &LoadedModel| {
            let there = match options.device {
                DeviceChoice::Auto => true,
                DeviceChoice::Cpu => !model.is_on_gpu(),
                DeviceChoice::WebGpu => model.is_on_gpu(),
            };
            there && model.precision == options.precision
        };
        if let Some(model) = self.model().filter(|m| m.info.hash == found.hash && fits(m)) {
            // A search may move the model to a faster GPU meanwhile; a copy stays on the CPU.
            let stays = options.device == DeviceChoice::Cpu;
            return Ok(if stays {
                Rc::new(model.moved(model.encoder.clone(), model.device.clone()))
            } else {
                model
            });
        }
        let mut model = self.prepare(&folder, found, options.device, options.precision, progress).await?;
        if options.device == DeviceChoice::Auto && has_webgpu() {
            model = self.faster(&model, progress).await?;
        } else if options.device == DeviceChoice::WebGpu && !model.is_on_gpu() {
            for note in model.device.notes.clone() {
                self.say(Event::Note { id, note });
            }
        }
        Ok(Rc::new(model))
    }
}
