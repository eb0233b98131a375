//! Measuring a model on the open data set.

use std::{collections::BTreeMap, rc::Rc};

use super::{
    Session,
    browser::{breathe, has_webgpu, today},
    data::Data,
    download,
    model::Model,
    progress::Progress,
    runs::Run,
    work::Work,
};
use crate::{
    Error, Result,
    bundle::MANIFEST,
    datasets::Chunks,
    evaluation::{
        Bias, Bootstrap, CutTexts, EvalReport, Facts, Ranks, Rules, Scores, Settings, Task, rank_some,
        remove_languages,
    },
    protocol::{DeviceChoice, Event, Id, PrecisionChoice, Stage},
    retrieval::Index,
    text::Kind,
};

/// Multiplications of one step of ranking: some 100 ms.
const STEP: usize = 320_000_000;
/// Queries of one step at most: as many as the index scores together.
const TOGETHER: usize = 64;

/// Resamples for the intervals and their seed: what the terminal takes where it is not told others.
const SAMPLES: usize = 1000;
const SEED: u64 = 1;
/// Resamples of one step: some 50 ms.
const SLICE: usize = 10;

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
        let (mut rows, of_passages) =
            work.encode(Chunks::new(passages), Kind::Passage, &mut progress).await?;
        let questions = task.queries.iter().map(|q| (q.lang, corpus.questions[q.question].text.as_str()));
        let (mut queries, of_questions) =
            work.encode(Chunks::new(questions), Kind::Query, &mut progress).await?;
        let d = work.model.encoder.dimension();
        let similarity = work.model.encoder.similarity();
        let mut notes: Vec<String> = similarity.note().into_iter().collect();
        if let Some(r) = wanted.lir {
            similarity.need_cosine("LIR")?;
            notes.extend(remove_languages(&task, &mut rows, &mut queries, d, r)?);
            breathe().await;
        }
        let index = Index::from_rows(d, &rows)?.compared_by(similarity);
        drop(rows);

        let ranks = rank(&task, &index, &queries, &mut progress).await?;
        let scores = Scores::of(&task, &ranks);
        breathe().await;
        let settings = Settings::of(&task, &scores);
        let facts = Facts {
            model: work.model.info.name.clone(),
            dataset: name,
            device: work.model.encoder.device_label(),
            hashes: BTreeMap::from([
                (MANIFEST.to_string(), work.model.info.hash.clone()),
                ("data".to_string(), corpus.hash()),
            ]),
            date: Some(today()),
            lir: wanted.lir.filter(|r| *r > 0),
            version: env!("CARGO_PKG_VERSION").to_string(),
        };
        let mut report = EvalReport::new(facts, &task, &settings);
        report.notes.extend(notes);
        report.add_cut(CutTexts { passages: of_passages, questions: of_questions });
        let (kept, all) = work.kept;
        if kept > 0 {
            report.notes.push(format!(
                "The vectors of {kept} of {all} texts were kept from before; they may be from another device."
            ));
        }
        report.bias = Bias::of(&task, &ranks, &settings);
        let mut bootstrap = Bootstrap::new(&task, &scores, SAMPLES, SEED);
        while bootstrap.step(SLICE) > 0 {
            breathe().await;
        }
        report.intervals = Some(bootstrap.finish());
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
        let folder = download::folder(&wanted.url)?;
        let found = download::manifest(&folder).await?;
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

/// As [`rank`](crate::evaluation::rank), in steps between which messages are taken.
async fn rank(
    task: &Task,
    index: &Index,
    queries: &[f32],
    progress: &mut Progress<'_>,
) -> Result<Vec<Ranks>> {
    let d = index.dimension().max(1);
    let together = (STEP / (index.len() * d).max(1)).clamp(1, TOGETHER);
    let mut ranks = Vec::with_capacity(task.queries.len());
    let total = task.queries.len() as f64;
    progress.at(Stage::Score, 0.0, total);
    for part in queries.chunks(together * d) {
        let some = rank_some(task, index, part, ranks.len())?;
        ranks.extend(some);
        progress.at(Stage::Score, ranks.len() as f64, total);
        breathe().await;
    }
    Ok(ranks)
}
