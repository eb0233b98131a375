//! The Evaluate view: its state and its implementation of `View`.
//!
//! - `choices`: the user's choices
//! - `address`: its part of the URL
//! - `actions`: the user's actions
//! - `events`: the worker's events
//! - `view`: its components

mod actions;
mod address;
mod choices;
mod events;
mod view;

use leptos::mount::mount_to;
use leptos::prelude::*;
use web_sys::HtmlElement;

use super::activity::{Activity, ActivityProgress as Step, Concurrency, TrackedActivity};
use super::address::{QueryString, QueryStringBuilder};
use super::catalogue::{evaluate as text, fill};
use super::messages::ProblemAction;
use super::state::Page;
use super::view::{StateChange, View, ViewInfo};
use super::words;
use crate::datasets::Fields;
use crate::evaluation::{Comparison, EvalReport, Measure, Sorting};
use crate::protocol::{CellChoice, Event, Id, OpenedFile, ProgressStage, QueryRow, RankedPassage, TaskInfo};
use address::EvaluateChoices;
use choices::{DataChoice, MapMeasure, ShownModel};

static ABOUT: ViewInfo =
    ViewInfo { name: "evaluate", label: text::LABEL, content: "report", skip: text::SKIP, drop: text::DROP };

/// The button of a problem that stopped an evaluation.
const EVALUATE: ProblemAction = ProblemAction::View { name: ABOUT.name, words: text::AGAIN };

/// An evaluated model.
#[derive(Debug, Clone, PartialEq)]
struct RunReport {
    /// The worker's id of the run.
    pub id: Id,
    /// The model's address as it was given, and its name.
    pub address: String,
    pub model: String,
    /// What it was evaluated on.
    pub data: DataChoice,
    /// The requested languages; empty for all.
    pub languages: Vec<String>,
    pub report: EvalReport,
}

impl RunReport {
    /// The model's name, and what was done to its vectors.
    pub fn name(&self) -> String {
        match self.report.facts.lir {
            Some(n) => fill(
                text::WITH_LIR,
                &[("model", &self.model), ("directions", &words::plural(n, text::DIRECTION))],
            ),
            None => self.model.clone(),
        }
    }
}

/// Queries of a cell, of one model or two.
#[derive(Debug, Clone, PartialEq)]
struct QueryList {
    pub run: Id,
    pub second: Option<Id>,
    pub order: Sorting,
    pub cell: CellChoice,
    pub rows: Vec<QueryRow>,
    pub total: usize,
}

/// The open query. Its passages arrive a moment later.
#[derive(Debug, Clone, PartialEq)]
struct OpenQuery {
    /// The query's index in the list.
    pub at: usize,
    pub passages: [Option<Vec<RankedPassage>>; 2],
}

/// The view's state. Cheap to copy; components get it by [`Evaluate::here`].
#[derive(Clone, Copy)]
pub(super) struct Evaluate {
    page: Page,
    data: RwSignal<DataChoice>,
    /// Another folder to download the data from.
    mirror: RwSignal<Option<String>>,
    /// Names of the user's files.
    files: RwSignal<Vec<String>>,
    /// Languages to include; empty for all.
    languages: RwSignal<Vec<String>>,
    /// The model's folder; `None` for the default one.
    model: RwSignal<Option<String>>,
    /// The second model's folder.
    second_model: RwSignal<Option<String>>,
    /// Number of leading directions to remove from each language.
    lir: RwSignal<Option<usize>>,
    /// Measures in addition to the standard ones.
    measures: RwSignal<Vec<Measure>>,
    /// The lowest grade that counts as relevant.
    relevance: RwSignal<u32>,
    measure: RwSignal<MapMeasure>,
    shown: RwSignal<ShownModel>,
    /// The order of the questions, if it is not the one that goes with that.
    order: RwSignal<Option<Sorting>>,
    /// The cell whose queries are shown.
    cell: RwSignal<Option<CellChoice>>,

    /// The open data set.
    task: RwSignal<Option<TaskInfo>>,
    /// The evaluation in progress.
    activity: RwSignal<Option<Activity>>,
    /// Whether a link shows a report that has to be computed first.
    offers_run: RwSignal<bool>,
    /// How many of how many texts were encoded when the user stopped.
    stopped: RwSignal<Option<(usize, usize)>>,
    /// One or two models.
    runs: RwSignal<Vec<RunReport>>,
    comparison: RwSignal<Option<Comparison>>,
    queries: RwSignal<Option<QueryList>>,
    opened: RwSignal<Option<OpenQuery>>,
    /// Whether queries were requested.
    requested_queries: RwSignal<Option<Id>>,
    /// Whether the worker still has the runs; a new worker has none.
    live: RwSignal<bool>,

    /// State that no component displays.
    hidden: StoredValue<HiddenEvaluateState>,
}

/// A model to evaluate, and the data.
#[derive(Debug, Clone)]
struct PlannedRun {
    pub data: DataChoice,
    pub languages: Vec<String>,
    pub address: String,
    pub url: String,
    pub lir: Option<usize>,
    pub measures: Vec<Measure>,
    pub relevance: u32,
}

/// The hidden state of [`Evaluate`].
#[derive(Default)]
struct HiddenEvaluateState {
    /// The user's files.
    pub files: Vec<OpenedFile>,
    /// Incremented when they change.
    pub edition: usize,
    /// The keys of the data that the worker has open, and of the data being opened: see `Evaluate::source_key`.
    pub open: Option<String>,
    pub pending: Option<String>,
    /// Models still to be evaluated, the next one last.
    pub plan: Vec<PlannedRun>,
    /// The model being evaluated, and its place in the plan.
    pub evaluating: Option<(PlannedRun, RunPosition)>,
    /// Where the requested queries belong.
    pub update: ListUpdate,
    /// The requested rankings, the second model's last.
    pub rankings: Vec<Id>,
    pub comparing: Option<Id>,
    pub exporting: Vec<Id>,
    pub clearing: Option<Id>,
}

/// A model's place among those that are evaluated in sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RunPosition {
    /// Earlier results are dropped.
    First,
    Later,
}

/// Where queries belong in the list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum ListUpdate {
    /// They replace the list.
    #[default]
    Replace,
    /// They are appended to it.
    Append,
}

impl Evaluate {
    /// From the URL, without results.
    pub fn new(page: Page, address: &QueryString) -> Self {
        let new = Self {
            page,
            data: RwSignal::default(),
            mirror: RwSignal::new(None),
            files: RwSignal::default(),
            languages: RwSignal::default(),
            model: RwSignal::new(None),
            second_model: RwSignal::new(None),
            lir: RwSignal::new(None),
            measures: RwSignal::default(),
            relevance: RwSignal::new(1),
            measure: RwSignal::default(),
            shown: RwSignal::default(),
            order: RwSignal::default(),
            cell: RwSignal::new(None),
            task: RwSignal::new(None),
            activity: RwSignal::new(None),
            offers_run: RwSignal::new(false),
            stopped: RwSignal::new(None),
            runs: RwSignal::default(),
            comparison: RwSignal::new(None),
            queries: RwSignal::new(None),
            opened: RwSignal::new(None),
            requested_queries: RwSignal::new(None),
            live: RwSignal::new(false),
            hidden: StoredValue::default(),
        };
        new.set_choices(address);
        new
    }

    /// The view that this component belongs to.
    fn here() -> Self {
        expect_context()
    }

    /// Sets the choices from a URL.
    fn set_choices(self, address: &QueryString) {
        let choices = EvaluateChoices::read(address);
        self.data.set(choices.data);
        self.languages.set(choices.languages);
        self.model.set(choices.model);
        self.second_model.set(choices.second_model);
        self.lir.set(choices.lir);
        self.measures.set(choices.measures);
        self.relevance.set(choices.relevance);
        self.measure.set(choices.measure);
        self.shown.set(choices.shown);
        self.order.set(choices.order);
        self.cell.set(choices.cell);
    }

    /// The folder to download the chosen data from.
    fn base(self) -> Option<String> {
        let origin = self.data.get().origin()?;
        Some(self.mirror.get().unwrap_or_else(|| origin.to_owned()))
    }

    /// The chosen data, once it is open.
    fn opened_data(self) -> Option<TaskInfo> {
        // The task is set after the key, so that subscribers of the key see both.
        let task = self.task.get()?;
        let key = self.source_key();
        self.hidden.with_value(|h| h.open.as_ref() == Some(&key)).then_some(task)
    }

    /// How the user's files were read when they were last readable.
    fn fields(self) -> Vec<Fields> {
        let fields = self.task.with(|task| task.as_ref().map(|t| t.fields.clone()).unwrap_or_default());
        self.files.with(|files| fields.into_iter().filter(|f| files.contains(&f.file)).collect())
    }

    /// The languages that can be chosen: their codes and, once known, numbers of questions and passages.
    fn available_languages(self) -> Vec<(String, Option<(usize, usize)>)> {
        match self.opened_data() {
            Some(task) => task.languages.into_iter().map(|(code, q, p)| (code, Some((q, p)))).collect(),
            None => self.data.get().languages().iter().map(|code| ((*code).to_owned(), None)).collect(),
        }
    }

    /// Identifies a choice of data.
    fn source_key(self) -> String {
        let edition = self.hidden.with_value(|h| h.edition);
        match self.data.get() {
            DataChoice::Own => format!("own {edition}"),
            data => format!("{} {}", data.name(), self.base().unwrap_or_default()),
        }
    }

    /// The runs whose queries are listed.
    fn listed_runs(self) -> (Option<Id>, Option<Id>) {
        let id = |at: usize| self.runs.with(|runs| runs.get(at).map(|run| run.id));
        (id(0), id(1))
    }

    /// The order of the questions. One model's come worst first.
    fn order(self) -> Sorting {
        match self.listed_runs() {
            (_, None) => Sorting::Worst,
            _ => self.order.get().unwrap_or(self.shown.get().order()),
        }
    }

    /// The run whose files can be requested.
    fn run(self) -> Option<Id> {
        let at = usize::from(self.shown.get() == ShownModel::B);
        self.runs.with(|runs| runs.get(at).or(runs.first()).map(|run| run.id))
    }

    /// A pair's difference between the two models, and whether it is known to be significant.
    fn difference(self, from: &str, to: &str) -> Option<(f64, bool)> {
        let measure = self.measure.get();
        let tested = self.comparison.with(|c| {
            let c = c.as_ref().filter(|c| c.measure == measure.name())?;
            c.pairs.get(from)?.get(to).map(|d| (d.difference, d.significant))
        });
        tested.or_else(|| {
            self.runs.with(|runs| match runs.as_slice() {
                [a, b] => Some((measure.of(&b.report, from, to)? - measure.of(&a.report, from, to)?, false)),
                _ => None,
            })
        })
    }
}

impl View for Evaluate {
    fn about(&self) -> &'static ViewInfo {
        &ABOUT
    }

    fn mount(&self, place: HtmlElement) {
        let evaluate = *self;
        mount_to(place, move || {
            provide_context(evaluate);
            view! { <view::Evaluate/> }
        })
        .forget();
    }

    fn read(&self, address: &QueryString) {
        self.restore(address);
    }

    fn write(&self, address: &mut QueryStringBuilder) {
        let Self { page, .. } = *self;
        let choices = EvaluateChoices {
            data: self.data.get(),
            languages: self.languages.get(),
            model: self.model.get(),
            second_model: self.second_model.get(),
            lir: self.lir.get(),
            measures: self.measures.get(),
            relevance: self.relevance.get(),
            measure: self.measure.get(),
            shown: self.shown.get(),
            order: self.order.get(),
            cell: self.cell.get(),
        };
        choices.write(address, |address| page.write_device(address));
    }

    fn on_open(&self) {
        self.restore_linked_report();
    }

    fn take_files(&self, files: Vec<OpenedFile>) {
        self.take_data_files(files);
    }

    fn try_again(&self) {
        self.evaluate();
    }

    fn handle_event(&self, event: Event) -> Option<Event> {
        Evaluate::handle_event(*self, event)
    }

    fn state_changed(&self, what: StateChange) {
        if what == StateChange::WorkerStarted {
            self.restore_linked_report();
        }
    }

    fn worker_crashed(&self) -> Option<&'static str> {
        self.forget_worker().then_some(text::DIED)
    }

    fn tracked_activity(&self) -> TrackedActivity {
        TrackedActivity { activity: self.activity, sentence: text::AT_WORK, concurrency: Concurrency::Shared }
    }

    fn stop(&self) {
        let step = self.activity.with_untracked(|a| a.as_ref().and_then(|a| a.progress));
        self.stop_evaluating();
        let encoding = |s: &Step| matches!(s.stage, ProgressStage::Encode | ProgressStage::EncodeQueries);
        self.stopped.set(step.filter(encoding).map(|s| (s.done as usize, s.total as usize)));
    }

    fn model_line(&self) -> String {
        self.runs.with(|runs| match runs.last() {
            Some(run) => fill(text::LAST, &[("name", &run.name()), ("device", &run.report.facts.device)]),
            None => text::MODEL_COMES.into(),
        })
    }
}
