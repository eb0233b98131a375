//! The Evaluate view: its state, and what the page asks of it.
//!
//! - `choices`: what a person can choose there
//! - `address`: its part of the address
//! - `actions`: what a person can make happen there
//! - `events`: what the worker says about it
//! - `view`: its components

mod actions;
mod address;
mod choices;
mod events;
mod view;

use leptos::mount::mount_to;
use leptos::prelude::*;
use web_sys::HtmlElement;

use super::activity::{Activity, Company, Progress as Step, Work};
use super::address::{Address, Builder};
use super::catalogue::{evaluate as text, fill};
use super::messages::WayOut;
use super::state::Page;
use super::view::{About, Happened, View};
use super::words;
use crate::datasets::Fields;
use crate::evaluation::{Comparison, EvalReport, Measure};
use crate::protocol::{CellChoice, Event, Id, OpenedFile, QueryRow, RankedPassage, Stage, TaskInfo};
use address::Choices;
use choices::{Data, MapMeasure, Shown};

static ABOUT: About =
    About { name: "evaluate", label: text::LABEL, content: "report", skip: text::SKIP, drop: text::DROP };

/// The way out of what stopped a measurement.
const MEASURE: WayOut = WayOut::View { name: ABOUT.name, words: text::AGAIN };

/// A model that was measured.
#[derive(Debug, Clone, PartialEq)]
struct Run {
    /// What the worker knows it by.
    pub id: Id,
    /// The model's address as it was given, and its name.
    pub address: String,
    pub model: String,
    /// What it was measured on.
    pub data: Data,
    /// The languages asked for; empty for all.
    pub languages: Vec<String>,
    pub report: EvalReport,
}

impl Run {
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

/// Queries of a cell, worst first.
#[derive(Debug, Clone, PartialEq)]
struct Queries {
    pub run: Id,
    pub cell: CellChoice,
    pub rows: Vec<QueryRow>,
    pub total: usize,
}

/// The query that is open. Its passages come a moment later.
#[derive(Debug, Clone, PartialEq)]
struct Opened {
    /// The query's number in the list.
    pub at: usize,
    pub passages: Option<Vec<RankedPassage>>,
}

/// The view's state. Cheap to copy; found in its components with [`Evaluate::here`].
#[derive(Clone, Copy)]
pub(super) struct Evaluate {
    page: Page,
    data: RwSignal<Data>,
    /// Another folder to download the data from.
    mirror: RwSignal<Option<String>>,
    /// Names of a person's files.
    files: RwSignal<Vec<String>>,
    /// Languages that take part; empty for all.
    languages: RwSignal<Vec<String>>,
    /// The model's folder; `None` is the default one.
    model: RwSignal<Option<String>>,
    /// The second model's folder.
    against: RwSignal<Option<String>>,
    /// Leading directions of each language to remove.
    lir: RwSignal<Option<usize>>,
    /// Measures beside those that are always there.
    measures: RwSignal<Vec<Measure>>,
    /// The lowest grade that counts as relevant.
    relevance: RwSignal<u32>,
    measure: RwSignal<MapMeasure>,
    shown: RwSignal<Shown>,
    /// The cell whose queries are shown.
    cell: RwSignal<Option<CellChoice>>,

    /// The data set that is open.
    task: RwSignal<Option<TaskInfo>>,
    /// What is under way.
    activity: RwSignal<Option<Activity>>,
    /// Whether a link shows a report that would have to be computed first.
    offers: RwSignal<bool>,
    /// How many texts of how many were encoded when the person stopped it.
    stopped: RwSignal<Option<(usize, usize)>>,
    /// One model or two.
    runs: RwSignal<Vec<Run>>,
    comparison: RwSignal<Option<Comparison>>,
    queries: RwSignal<Option<Queries>>,
    opened: RwSignal<Option<Opened>>,
    /// Queries are on their way.
    asking: RwSignal<Option<Id>>,
    /// Whether the worker still has the runs; a fresh one has nothing.
    live: RwSignal<bool>,

    /// What no component reads.
    kept: StoredValue<Kept>,
}

/// A model to measure, and on what.
#[derive(Debug, Clone)]
struct Planned {
    pub data: Data,
    pub languages: Vec<String>,
    pub address: String,
    pub url: String,
    pub lir: Option<usize>,
    pub measures: Vec<Measure>,
    pub relevance: u32,
}

/// What [`Evaluate`] keeps out of sight.
#[derive(Default)]
struct Kept {
    /// A person's files.
    pub files: Vec<OpenedFile>,
    /// Goes up when they change.
    pub edition: usize,
    /// Which data the worker has open, and which is on its way: see `Evaluate::source_key`.
    pub open: Option<String>,
    pub coming: Option<String>,
    /// Models still to be measured, the next one last.
    pub plan: Vec<Planned>,
    /// The model under way, and its place in the plan.
    pub measuring: Option<(Planned, Place)>,
    /// Where the queries belong that come.
    pub rows: Rows,
    pub ranking: Option<Id>,
    pub comparing: Option<Id>,
    pub exporting: Vec<Id>,
    pub clearing: Option<Id>,
}

/// A model's place among those that are measured one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// What was measured before makes room for it.
    First,
    Later,
}

/// Where queries belong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Rows {
    /// In the place of those that are shown.
    #[default]
    Fresh,
    /// Below those that are shown.
    Following,
}

impl Evaluate {
    /// As the address says, with nothing measured.
    pub fn new(page: Page, address: &Address) -> Self {
        let new = Self {
            page,
            data: RwSignal::default(),
            mirror: RwSignal::new(None),
            files: RwSignal::default(),
            languages: RwSignal::default(),
            model: RwSignal::new(None),
            against: RwSignal::new(None),
            lir: RwSignal::new(None),
            measures: RwSignal::default(),
            relevance: RwSignal::new(1),
            measure: RwSignal::default(),
            shown: RwSignal::default(),
            cell: RwSignal::new(None),
            task: RwSignal::new(None),
            activity: RwSignal::new(None),
            offers: RwSignal::new(false),
            stopped: RwSignal::new(None),
            runs: RwSignal::default(),
            comparison: RwSignal::new(None),
            queries: RwSignal::new(None),
            opened: RwSignal::new(None),
            asking: RwSignal::new(None),
            live: RwSignal::new(false),
            kept: StoredValue::default(),
        };
        new.take(address);
        new
    }

    /// The view that this component is part of.
    fn here() -> Self {
        expect_context()
    }

    /// Takes the choices from an address.
    fn take(self, address: &Address) {
        let choices = Choices::read(address);
        self.data.set(choices.data);
        self.languages.set(choices.languages);
        self.model.set(choices.model);
        self.against.set(choices.against);
        self.lir.set(choices.lir);
        self.measures.set(choices.measures);
        self.relevance.set(choices.relevance);
        self.measure.set(choices.measure);
        self.shown.set(choices.shown);
        self.cell.set(choices.cell);
    }

    /// The folder that the chosen data is downloaded from.
    fn base(self) -> Option<String> {
        let origin = self.data.get().origin()?;
        Some(self.mirror.get().unwrap_or_else(|| origin.to_owned()))
    }

    /// The chosen data, once it is open.
    fn opened_data(self) -> Option<TaskInfo> {
        // The task is set after the key, so whoever watches the one sees the other.
        let task = self.task.get()?;
        let key = self.source_key();
        self.kept.with_value(|k| k.open.as_ref() == Some(&key)).then_some(task)
    }

    /// How the person's files were read when they last could be.
    fn fields(self) -> Vec<Fields> {
        let fields = self.task.with(|task| task.as_ref().map(|t| t.fields.clone()).unwrap_or_default());
        self.files.with(|files| fields.into_iter().filter(|f| files.contains(&f.file)).collect())
    }

    /// The languages that can be chosen: code and, once they are known, questions and passages.
    fn offered(self) -> Vec<(String, Option<(usize, usize)>)> {
        match self.opened_data() {
            Some(task) => task.languages.into_iter().map(|(code, q, p)| (code, Some((q, p)))).collect(),
            None => self.data.get().languages().iter().map(|code| ((*code).to_owned(), None)).collect(),
        }
    }

    /// What tells one choice of data from another.
    fn source_key(self) -> String {
        let edition = self.kept.with_value(|k| k.edition);
        match self.data.get() {
            Data::Own => format!("own {edition}"),
            data => format!("{} {}", data.name(), self.base().unwrap_or_default()),
        }
    }

    /// The run that single queries and files are about.
    fn run(self) -> Option<Id> {
        let at = usize::from(self.shown.get() == Shown::B);
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
    fn about(&self) -> &'static About {
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

    fn read(&self, address: &Address) {
        self.return_to(address);
    }

    fn write(&self, address: &mut Builder) {
        let Self { page, .. } = *self;
        let choices = Choices {
            data: self.data.get(),
            languages: self.languages.get(),
            model: self.model.get(),
            against: self.against.get(),
            lir: self.lir.get(),
            measures: self.measures.get(),
            relevance: self.relevance.get(),
            measure: self.measure.get(),
            shown: self.shown.get(),
            cell: self.cell.get(),
        };
        choices.write(address, |address| page.write_device(address));
    }

    fn arrive(&self) {
        self.measure_what_the_link_shows();
    }

    fn take_files(&self, files: Vec<OpenedFile>) {
        self.take_data_files(files);
    }

    fn try_again(&self) {
        self.measure();
    }

    fn hear(&self, event: Event) -> Option<Event> {
        Evaluate::hear(*self, event)
    }

    fn heed(&self, what: Happened) {
        if what == Happened::WorkerStarted {
            self.measure_what_the_link_shows();
        }
    }

    fn worker_died(&self) -> Option<&'static str> {
        self.forget_worker().then_some(text::DIED)
    }

    fn work(&self) -> Work {
        Work { activity: self.activity, sentence: text::AT_WORK, company: Company::Shared }
    }

    fn stop(&self) {
        let step = self.activity.with_untracked(|a| a.as_ref().and_then(|a| a.progress));
        self.stop_measuring();
        let encoding = |s: &Step| matches!(s.stage, Stage::Encode | Stage::EncodeQueries);
        self.stopped.set(step.filter(encoding).map(|s| (s.done as usize, s.total as usize)));
    }

    fn model_line(&self) -> String {
        self.runs.with(|runs| match runs.last() {
            Some(run) => fill(text::LAST, &[("name", &run.name()), ("device", &run.report.facts.device)]),
            None => text::MODEL_COMES.into(),
        })
    }
}
