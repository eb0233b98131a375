//! Evaluated models, which can be examined query by query, compared and exported.

use std::rc::Rc;

use super::{Session, browser::yield_now, data::OpenDataset, progress::ProgressReporter};
use crate::{
    Error, Result,
    evaluation::{
        Comparison, EvalReport, RankedQuery, Ranks, Scores, Selection, Setting, Sorting, Task, export,
        trec::Depth,
    },
    protocol::{CellChoice, Event, ExportKind, Id, ProgressStage, QueryRow, RankedPassage},
    retrieval::Index,
};

/// Number of runs kept: XQuAD-R's takes some 60 MB.
const KEPT: usize = 3;
/// Maximum number of rows, and of passages of a ranking.
const MOST: usize = 1000;
/// Maximum number of queries for which run files are as deep as the terminal's; above it, a file of all of XQuAD-R would
/// have 13 million lines.
const DEEP: usize = 2000;
/// Queries scored per step.
const STEP: usize = 64;

/// Permutations and bootstrap samples of a comparison, and their seed.
const SAMPLES: usize = 2000;
const SEED: u64 = 1;

/// An evaluated model.
pub struct EvalRun {
    /// The id of the request that evaluated it.
    pub id: Id,
    /// What it was evaluated on.
    pub data: OpenDataset,
    /// The passages' vectors.
    pub index: Index,
    /// The queries' vectors.
    pub queries: Vec<f32>,
    /// The ranks of the answers.
    pub ranks: Vec<Ranks>,
    /// Measures of each query.
    pub scores: Scores,
    /// The report.
    pub report: EvalReport,
}

impl EvalRun {
    fn select(&self, cell: &CellChoice) -> Result<Selection> {
        Selection::new(&self.data.task, cell.setting, cell.from.as_deref(), cell.to.as_deref())
    }

    fn row(&self, entry: &RankedQuery, second: Option<(&Self, RankedQuery)>) -> QueryRow {
        let OpenDataset { corpus, task, .. } = &self.data;
        let query = &task.queries[entry.query];
        QueryRow {
            query: query.id.clone(),
            language: task.languages[query.lang].clone(),
            text: corpus.questions[query.question].text.clone(),
            to: entry.to.map(|lang| task.languages[lang].clone()),
            ap: entry.ap,
            ranks: entry.ranks(task, &self.ranks),
            second: second.map(|(run, entry)| (entry.ap, entry.ranks(task, &run.ranks))),
        }
    }

    /// `count` queries of a cell from number `offset` on, in this order, and the number of all. `second` is a run on the
    /// same data.
    ///
    /// # Errors
    /// [`Error::Input`] for a language that was not included.
    pub fn rows(
        &self,
        second: Option<&Self>,
        order: Sorting,
        cell: &CellChoice,
        offset: usize,
        count: usize,
    ) -> Result<(Vec<QueryRow>, usize)> {
        let scores = second.map(|run| &run.scores);
        let entries = self.select(cell)?.sorted(&self.data.task, &self.scores, scores, order);
        let part = entries.iter().skip(offset).take(count.min(MOST));
        Ok((part.map(|(entry, other)| self.row(entry, second.zip(*other))).collect(), entries.len()))
    }

    /// A query's first `top` passages, then its relevant ones further down.
    ///
    /// # Errors
    /// [`Error::Input`] if the cell has no ranking, or several, for this query.
    pub fn ranking(
        &self,
        cell: &CellChoice,
        query: &str,
        top: usize,
    ) -> Result<(QueryRow, Vec<RankedPassage>)> {
        let OpenDataset { corpus, task, .. } = &self.data;
        let mut entries = self.select(cell)?.entries(task, &self.scores);
        entries.retain(|entry| task.queries[entry.query].id == query);
        let [entry] = entries.as_slice() else {
            return Err(Error::Input(match entries.len() {
                0 => format!("The question {query} has no answer among these passages"),
                _ => format!("Choose the passages' language: the question {query} has a ranking in each"),
            }));
        };
        let d = self.index.dimension();
        let vector = self.queries.get(entry.query * d..(entry.query + 1) * d).unwrap_or_default();
        let ranking = entry.ranking(task, &self.index, vector, top.clamp(1, MOST))?;
        let passages = ranking.into_iter().map(|ranked| {
            let document = &task.documents[ranked.document];
            let passage = &corpus.passages[document.passage];
            RankedPassage {
                rank: ranked.rank,
                score: ranked.score,
                id: document.id.clone(),
                language: passage.lang.clone(),
                text: passage.text.clone(),
                source: passage.source.clone(),
                grade: ranked.grade,
            }
        });
        Ok((self.row(entry, None), passages.collect()))
    }

    /// A file name for this run.
    fn file_name(&self, what: &str) -> String {
        let facts = &self.report.facts;
        let name = format!("{}-{}{what}", facts.model, facts.dataset);
        let plain = |c: char| if c.is_alphanumeric() || "._-".contains(c) { c } else { '-' };
        name.chars().map(plain).collect()
    }
}

impl Session {
    /// Adds a run; the oldest is dropped if there are too many. The page never returns to it.
    pub(super) fn keep(&self, run: EvalRun) {
        let mut runs = self.0.runs.borrow_mut();
        runs.push(Rc::new(run));
        if runs.len() > KEPT {
            runs.remove(0);
        }
    }

    /// The run of request `id`.
    ///
    /// # Errors
    /// [`Error::Input`] if it has been dropped.
    pub(super) fn run(&self, id: Id) -> Result<Rc<EvalRun>> {
        let found = self.0.runs.borrow().iter().find(|run| run.id == id).cloned();
        found.ok_or_else(|| {
            Error::Input(format!(
                "This run is no longer kept, only the last {KEPT} are: measure the model again"
            ))
        })
    }

    /// Two runs that can be compared question by question.
    ///
    /// # Errors
    /// [`Error::Input`] if they are on different data.
    fn paired(&self, a: Id, b: Id) -> Result<[Rc<EvalRun>; 2]> {
        let (a, b) = (self.run(a)?, self.run(b)?);
        let data = |run: &EvalRun| run.report.facts.hashes.get("data").cloned();
        if data(&a) != data(&b) {
            return Err(Error::Input(
                "The two runs are on different data or languages, so their questions cannot be paired".into(),
            ));
        }
        if a.report.relevance != b.report.relevance || a.report.only_answerable != b.report.only_answerable {
            return Err(Error::Input(
                "The two runs do not count the same as relevant: measure both models with one level".into(),
            ));
        }
        Ok([a, b])
    }

    /// Queries of a cell of one run or two: see [`EvalRun::rows`].
    ///
    /// # Errors
    /// [`Error::Input`] if the runs are on different data, or for a language that was not included.
    pub(super) fn rows(
        &self,
        run: Id,
        second: Option<Id>,
        order: Sorting,
        cell: &CellChoice,
        range: (usize, usize),
    ) -> Result<(Vec<QueryRow>, usize)> {
        let (offset, count) = range;
        match second {
            None => self.run(run)?.rows(None, order, cell, offset, count),
            Some(second) => {
                let [run, second] = self.paired(run, second)?;
                run.rows(Some(&second), order, cell, offset, count)
            }
        }
    }

    /// Compares run `b` with run `a`.
    ///
    /// # Errors
    /// [`Error::Input`] if they are on different data.
    pub(super) fn compare_runs(&self, a: Id, b: Id, measure: &str) -> Result<Comparison> {
        let [a, b] = self.paired(a, b)?;
        let names = [&a, &b].map(|run| run.report.facts.model.clone());
        let models = [&a, &b].map(|run| (run.ranks.as_slice(), &run.scores));
        Comparison::of(names, &a.data.task, models, measure, SAMPLES, SEED)
    }

    /// A file about a run: its name and bytes.
    ///
    /// # Errors
    /// [`Error::Input`] if the cell does not have exactly one ranking per query, or for unknown languages.
    pub(super) async fn export(
        &self,
        id: Id,
        run: Id,
        what: ExportKind,
        cell: CellChoice,
    ) -> Result<(String, Vec<u8>)> {
        let run = self.run(run)?;
        let name = |end: &str| run.file_name(end);
        match what {
            ExportKind::Json => Ok((name(".json"), (export::json(&run.report)? + "\n").into_bytes())),
            ExportKind::Csv => Ok((name(".csv"), export::csv(&run.report).into_bytes())),
            ExportKind::Latex => Ok((name(".tex"), export::latex(&run.report).into_bytes())),
            ExportKind::Run | ExportKind::Qrels => {
                let selection = run.select(&cell)?;
                // In trec_eval's files a query has one ranking.
                if selection.setting == Setting::Cross && selection.to.is_none() {
                    return Err(Error::Input(
                        "Choose the passages' language: a run file holds one ranking for each question"
                            .into(),
                    ));
                }
                let (cell, text) =
                    (selection.name(&run.data.task), self.trec(id, &run, what, &selection).await?);
                let end = if what == ExportKind::Run { "run" } else { "qrels" };
                Ok((name(&format!("-{cell}.{end}")), text.into_bytes()))
            }
        }
    }

    async fn trec(&self, id: Id, run: &EvalRun, what: ExportKind, selection: &Selection) -> Result<String> {
        let task: &Task = &run.data.task;
        let entries = selection.entries(task, &run.scores);
        let mut text = String::new();
        if what == ExportKind::Qrels {
            entries.iter().for_each(|entry| entry.qrels_lines(&mut text, task));
            return Ok(text);
        }
        let depth = match selection.setting {
            Setting::Mono | Setting::Multi if entries.len() <= DEEP => Depth::default().main,
            _ => Depth::default().cross,
        };
        let say = |event| self.say(event);
        let mut progress = ProgressReporter::new(id, &say);
        let tag = &run.report.facts.model;
        for (i, part) in entries.chunks(STEP).enumerate() {
            progress.at(ProgressStage::Score, (i * STEP) as f64, entries.len() as f64);
            yield_now().await;
            RankedQuery::run_lines(part, &mut text, (task, &run.index, &run.queries), tag, depth)?;
        }
        self.say(Event::Note {
            id,
            note: format!(
                "The run holds the first {depth} passages of each question; `interlingua eval --runs` writes deeper ones."
            ),
        });
        Ok(text)
    }
}
