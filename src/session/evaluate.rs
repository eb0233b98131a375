//! Measuring a model on the open data set.

use std::{collections::BTreeMap, rc::Rc};

use super::{
    Session,
    browser::{breathe, has_webgpu, today},
    data::Data,
    model::Model,
    progress::Progress,
    runs::Run,
    work::Work,
};
use crate::{
    Error, Result,
    bundle::MANIFEST,
    datasets::Chunks,
    evaluation::{Analysis, CutTexts, EvalReport, Evaluated, Facts, Pieces, Rules, Vectors, measure},
    protocol::{DeviceChoice, Event, Id, PrecisionChoice, Stage},
    text::Kind,
};

/// Pieces of some 50 to 100 ms: as many queries as the index scores together, 320 million multiplications.
const PIECES: Pieces = Pieces { queries: 64, multiplications: 320_000_000, samples: 10 };

/// Resamples for the intervals and their seed: what the terminal takes where it is not told others.
const SAMPLES: usize = 1000;
const SEED: u64 = 1;

/// What is to be measured.
pub struct Wanted {
    /// The bundle's address.
    pub url: String,
    /// Where it shall run.
    pub device: DeviceChoice,
    /// How the CPU shall multiply.
    pub precision: PrecisionChoice,
    /// Languages that take part; empty for all.
    pub languages: Vec<String>,
    /// Leading directions of each language to remove first.
    pub lir: Option<usize>,
    /// How queries count, and what is measured.
    pub rules: Rules,
}

impl Session {
    /// Measures a model on the open data set, and keeps the run as `id`. The model that runs, and what
    /// is searched, stay as they are.
    ///
    /// # Errors
    /// A sentence on what is wrong with the model, the languages or the device.
    pub(super) async fn evaluate(&self, id: Id, wanted: Wanted) -> Result<EvalReport> {
        let open = self.0.data.borrow().clone();
        let open = open
            .ok_or_else(|| Error::Input("No data set is open: choose one to measure the model on".into()))?;
        let data = open.only(&wanted.languages, &wanted.rules)?;
        let say = |event| self.say(event);
        let mut progress = Progress::new(id, &say);
        let model = self.model_to_measure(id, &wanted, &mut progress).await?;
        let mut work = Work::begin(self, id, model).await;

        let Data { name, corpus, task } = data.clone();
        let passages = task.documents.iter().map(|d| (d.lang, corpus.passages[d.passage].text.as_str()));
        let (passages, of_passages) =
            work.encode(Chunks::new(passages), Kind::Passage, &mut progress).await?;
        let questions = task.queries.iter().map(|q| (q.lang, corpus.questions[q.question].text.as_str()));
        let (queries, of_questions) = work.encode(Chunks::new(questions), Kind::Query, &mut progress).await?;
        let encoder = &work.model.encoder;
        let vectors = Vectors {
            passages,
            windows: None,
            queries,
            dimension: encoder.dimension(),
            similarity: encoder.similarity(),
            cut: CutTexts { passages: of_passages, questions: of_questions },
        };
        let facts = Facts {
            model: work.model.info.name.clone(),
            dataset: name,
            device: encoder.device_label(),
            hashes: BTreeMap::from([
                (MANIFEST.to_string(), work.model.info.hash.clone()),
                ("data".to_string(), corpus.hash()),
            ]),
            date: Some(today()),
            version: env!("CARGO_PKG_VERSION").to_string(),
            lir: None,
        };
        let analysis = Analysis { lir: wanted.lir, samples: SAMPLES, seed: SEED, pieces: PIECES };
        let total = task.queries.len() as f64;
        progress.at(Stage::Score, 0.0, total);
        let mut told = 0;
        let pause = async |ranked: usize| {
            // Nothing is told while figures are computed of the ranks.
            if ranked > told {
                progress.at(Stage::Score, ranked as f64, total);
                told = ranked;
            }
            breathe().await;
        };
        let Evaluated { index, queries, ranks, scores, mut report } =
            measure(&task, facts, vectors, analysis, pause).await?;
        let (kept, all) = work.kept;
        if kept > 0 {
            report.notes.push(format!(
                "The vectors of {kept} of {all} texts were kept from before; they may be from another device."
            ));
        }
        self.keep(Run { id, data, index, queries, ranks, scores, report: report.clone() });
        Ok(report)
    }

    /// The model that runs where it is the one wanted, on the device wanted; else another one, which
    /// takes nothing's place.
    async fn model_to_measure(
        &self,
        id: Id,
        wanted: &Wanted,
        progress: &mut Progress<'_>,
    ) -> Result<Rc<Model>> {
        // What is on its way may be the very model; two downloads at once would be slower in any case.
        while self.is_loading() {
            self.model_change().await;
        }
        let (folder, found) = self.find(&wanted.url, progress).await?;
        let fits = |model: &Model| {
            let there = match wanted.device {
                DeviceChoice::Auto => true,
                DeviceChoice::Cpu => !model.is_on_gpu(),
                DeviceChoice::WebGpu => model.is_on_gpu(),
            };
            there && model.precision == wanted.precision
        };
        if let Some(model) = self.model().filter(|m| m.info.hash == found.hash && fits(m)) {
            // Search may find a GPU faster meanwhile; what shall be measured on the CPU stays there.
            let stays = wanted.device == DeviceChoice::Cpu;
            return Ok(if stays {
                Rc::new(model.moved(model.encoder.clone(), model.device.clone()))
            } else {
                model
            });
        }
        let mut model = self.prepare(&folder, found, wanted.device, wanted.precision, progress).await?;
        if wanted.device == DeviceChoice::Auto && has_webgpu() {
            model = self.faster(&model, progress).await?;
        } else if wanted.device == DeviceChoice::WebGpu && !model.is_on_gpu() {
            for note in model.device.notes.clone() {
                self.say(Event::Note { id, note });
            }
        }
        Ok(Rc::new(model))
    }
}
