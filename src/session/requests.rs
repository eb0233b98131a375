//! Requests: each becomes a task, and its outcome an event.

use std::{cell::RefCell, collections::HashMap};

use wasm_bindgen_futures::spawn_local;

use super::{
    SearchQuery, Session, download,
    evaluate::EvaluateOptions,
    task::{Signal, unless_cancelled},
    text, vector_cache,
};
use crate::{
    Error, Result,
    evaluation::{self, Rules},
    protocol::{DeviceChoice, Event, Id, Request},
};

/// Tasks in progress.
#[derive(Default)]
pub struct Tasks(RefCell<HashMap<Id, RunningTask>>);

struct RunningTask {
    subject: Subject,
    cancel: Signal,
}

/// What a request is about: of each kind at most one is in progress, the newest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    Model,
    Corpus,
    Data,
    Evaluation,
    Benchmark,
    Offer,
    None,
}

impl Session {
    /// Handles a request; its outcome is reported in events with its id.
    pub fn handle(&self, request: Request) {
        let (id, subject) = match &request {
            Request::Cancel { id } => {
                let cancel = self.0.tasks.0.borrow().get(id).map(|task| task.cancel.clone());
                // Cancelling a finished request is not an error.
                return cancel.into_iter().for_each(|c| c.send(""));
            }
            Request::Load { id, .. } => (*id, Subject::Model),
            Request::OpenSample { id, .. } | Request::OpenFiles { id, .. } => (*id, Subject::Corpus),
            Request::OpenTask { id, .. } => (*id, Subject::Data),
            Request::Evaluate { id, .. } => (*id, Subject::Evaluation),
            Request::Benchmark { id, .. } => (*id, Subject::Benchmark),
            Request::Offer { id, .. } => (*id, Subject::Offer),
            Request::Search { id, .. }
            | Request::Read { id, .. }
            | Request::RecallFiles { id }
            | Request::ForgetFiles { id }
            | Request::Queries { id, .. }
            | Request::Ranking { id, .. }
            | Request::Compare { id, .. }
            | Request::Export { id, .. }
            | Request::ClearVectors { id }
            | Request::Encode { id, .. }
            | Request::ClearCache { id }
            | Request::ListKept { id }
            | Request::RemoveKept { id, .. }
            | Request::Describe { id, .. }
            | Request::DebugLoseGpu { id } => (*id, Subject::None),
        };
        self.cancel_older(subject);
        let cancel = Signal::default();
        self.0.tasks.0.borrow_mut().insert(id, RunningTask { subject, cancel: cancel.clone() });
        let compare = matches!(request, Request::Load { device: DeviceChoice::Auto, .. });
        if subject == Subject::Model {
            self.0.loading.update(|n| n + 1);
        }
        let session = self.clone();
        spawn_local(async move {
            let answer = unless_cancelled(&cancel, session.answer(id, request)).await;
            if subject == Subject::Model {
                session.0.loading.update(|n| n.saturating_sub(1));
            }
            let ready = answer.is_ok();
            session.say(match answer {
                Ok(event) => event,
                Err(Error::Cancelled) => Event::Cancelled { id },
                Err(error) => Event::Failed { id, problem: error.to_string() },
            });
            session.notify_model_change();
            if compare && ready {
                // The model can already be used; nobody waits for this, so its end is not reported.
                let _ = unless_cancelled(&cancel, session.compare(id)).await;
            }
            session.0.tasks.0.borrow_mut().remove(&id);
        });
    }

    async fn answer(&self, id: Id, request: Request) -> Result<Event> {
        Ok(match request {
            Request::Load { url, device, precision, .. } => {
                let (model, device) = self.load(id, &url, device, precision).await?;
                Event::ModelReady { id, model, device }
            }
            Request::OpenSample { url, .. } => {
                Event::CorpusReady { id, corpus: self.open_sample(id, &url).await? }
            }
            Request::OpenFiles { files, windows, keep, .. } => {
                Event::CorpusReady { id, corpus: self.open_files(id, files, windows, keep).await? }
            }
            Request::RecallFiles { .. } => {
                let (files, windows) = text::recall().await.unwrap_or_default();
                Event::Recalled { id, files, windows }
            }
            Request::ForgetFiles { .. } => {
                self.0.stores_text_vectors.set(false);
                Event::CacheCleared { id, files: text::forget().await? }
            }
            Request::Search { query, language, scope, languages, top, .. } => {
                let query = SearchQuery { text: query, language, scope, languages, top };
                Event::Results { id, results: self.search(query).await? }
            }
            Request::Read { passage, language, .. } => {
                Event::Reading { id, reading: self.read_in(passage, &language)? }
            }
            Request::Encode { texts, kind, .. } => {
                let (dimension, values, cut) = self.vectors(id, &texts, kind).await?;
                Event::Vectors { id, dimension, values, cut }
            }
            Request::OpenTask { source, .. } => {
                Event::TaskReady { id, task: self.open_task(id, source).await? }
            }
            Request::Evaluate { url, device, precision, languages, lir, measures, relevance, .. } => {
                let what = evaluation::MeasureOptions::new(relevance.unwrap_or(1), &measures)?;
                let rules = Rules { wanted: what, ..Rules::default() };
                let options = EvaluateOptions { url, device, precision, languages, lir, rules };
                Event::Evaluated { id, report: self.evaluate(id, options).await? }
            }
            Request::Benchmark { url, sample, plan, .. } => {
                let report = self.benchmark(id, &url, &sample, plan).await?;
                Event::Benchmark { id, report, now: None }
            }
            Request::Queries { run, second, order, cell, offset, count, .. } => {
                let (rows, total) = self.rows(run, second, order, &cell, (offset, count))?;
                Event::Queries { id, rows, total }
            }
            Request::Ranking { run, cell, query, top, .. } => {
                let (query, passages) = self.run(run)?.ranking(&cell, &query, top)?;
                Event::Ranking { id, query, passages }
            }
            Request::Compare { a, b, measure, .. } => {
                Event::Compared { id, comparison: self.compare_runs(a, b, &measure)? }
            }
            Request::Export { run, what, cell, .. } => {
                let (name, bytes) = self.export(id, run, what, cell).await?;
                Event::File { id, name, bytes }
            }
            Request::ClearVectors { .. } => Event::CacheCleared { id, files: vector_cache::clear().await? },
            Request::ClearCache { .. } => Event::CacheCleared { id, files: download::clear().await? },
            Request::Offer { source, .. } => Event::Offered { id, offer: self.offer(source).await? },
            Request::ListKept { .. } => Event::Kept { id, models: self.stored_models().await? },
            Request::RemoveKept { url, .. } => {
                download::remove(&url).await?;
                Event::Kept { id, models: self.stored_models().await? }
            }
            Request::Describe { url, .. } => Event::Described { id, card: self.card(&url).await? },
            Request::DebugLoseGpu { .. } => {
                let gpu = self.0.gpu.opened();
                gpu.ok_or_else(|| Error::Input("No GPU is open".into()))?.destroy();
                Event::Cancelled { id }
            }
            Request::Cancel { id } => Event::Cancelled { id },
        })
    }

    /// Cancels older requests about the same thing.
    fn cancel_older(&self, subject: Subject) {
        if subject != Subject::None {
            let tasks = self.0.tasks.0.borrow();
            let older: Vec<_> =
                tasks.values().filter(|t| t.subject == subject).map(|t| t.cancel.clone()).collect();
            drop(tasks);
            older.iter().for_each(|cancel| cancel.send(""));
        }
    }
}
