//! Everything the views read. Only `actions` and `events` write it.

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;

use super::address::Address;
use super::benchmark::Benchmark;
use super::beside::Beside;
use super::evaluate::{Evaluate, View};
use super::link::Link;
use super::models::Listed;
use crate::protocol::{
    CorpusInfo, DeviceChoice, DeviceReport, Id, ModelInfo, OpenedFile, PrecisionChoice, Results, Scope, Stage,
};

/// How many hits are shown at first, and how many the upper bar counts.
pub(super) const TOP: usize = 10;

/// The page's state. Cheap to copy; found in every component with [`Page::here`].
#[derive(Clone, Copy)]
pub(super) struct Page {
    pub view: RwSignal<View>,
    /// The other views' parts; what follows is Search's, or everyone's.
    pub evaluate: Evaluate,
    pub benchmark: Benchmark,

    /// Whether the page can use threads once it is opened again, or why not; `None` where it has them, or
    /// is not to have them.
    pub threads_next_time: RwSignal<Option<Result<(), String>>>,

    /// What is in the search box.
    pub query: RwSignal<String>,
    /// The query's language, where a person corrected it.
    pub language: RwSignal<Option<String>>,
    pub scope: RwSignal<Scope>,
    /// Passage languages to keep; empty keeps all.
    pub filter: RwSignal<Vec<String>>,
    pub device: RwSignal<DeviceChoice>,
    pub precision: RwSignal<PrecisionChoice>,
    /// The model's folder as in the address; `None` is the default one.
    pub model_address: RwSignal<Option<String>>,
    /// How many hits to show.
    pub top: RwSignal<usize>,
    /// Whether long passages of one's own text are split into windows.
    pub windows: RwSignal<bool>,

    pub worker: RwSignal<Worker>,
    pub corpus: RwSignal<Option<CorpusInfo>>,
    pub results: RwSignal<Option<Results>>,
    /// The model that answers now.
    pub model: RwSignal<Option<Model>>,

    /// The second model, where two are compared.
    pub beside: Beside,
    /// The models that come with the page.
    pub models: RwSignal<Vec<Listed>>,
    /// Why their list is not there.
    pub models_problem: RwSignal<Option<String>>,

    /// A search is under way.
    pub searching: RwSignal<Option<Id>>,
    /// A model is on its way.
    pub loading: RwSignal<Option<Activity>>,
    /// A corpus is on its way.
    pub opening: RwSignal<Option<Activity>>,
    /// The query is kept until the model is there.
    pub waiting: RwSignal<bool>,
    /// What went wrong, until it is dismissed.
    pub problem: RwSignal<Option<Problem>>,
    /// What else a person should know, until it is dismissed.
    pub notice: RwSignal<Option<String>>,

    /// What no view reads.
    pub kept: StoredValue<Kept, LocalStorage>,
}

/// What [`Page`] keeps out of sight.
pub(super) struct Kept {
    pub link: Option<Link>,
    pub last_id: Id,
    /// Files of the open corpus, to open them again in a new worker; `None` is the sample.
    pub open: Option<Vec<OpenedFile>>,
    /// Files on their way to be open; they may still wait for the model.
    pub coming: Option<Vec<OpenedFile>>,
    /// Whether `coming` waits for the model.
    pub unsent: bool,
    /// Whether the worker has the open corpus; a fresh one has nothing.
    pub corpus_live: bool,
    /// Whether the model was asked for already; later only a person asks.
    pub tried_model: bool,
    /// Whether a person let models come from other servers, as a link alone must not.
    pub may_fetch: bool,
    /// What the address said of the models before the person chose one that is not there yet: the model, and
    /// the one it is compared with.
    pub before: Option<(Option<String>, Option<String>)>,
    pub clear_id: Option<Id>,
    /// How often the worker died.
    pub deaths: usize,
    /// The query that was searched when the worker died, and how often that was so.
    pub deadly: Option<(String, usize)>,
    /// Whether the query is one that the page put there itself.
    pub untouched: bool,
    /// Whether the address has an entry for what is being typed.
    pub typing: bool,
    pub timer: Option<TimeoutHandle>,
}

/// The worker, seen from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worker {
    Starting,
    /// It listens; `webgpu` says whether the browser offers a GPU.
    Listening {
        webgpu: bool,
    },
    /// It died too often.
    Dead,
}

/// A model and where it runs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Model {
    pub info: ModelInfo,
    pub device: DeviceReport,
}

/// Something that takes a while.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Activity {
    pub id: Id,
    /// What it is, for a person: `Loading the model`.
    pub what: String,
    /// Whether it is worth showing only once there is progress: it is mostly over at once.
    pub quick: bool,
    /// `None` before the first word from the worker.
    pub progress: Option<Progress>,
}

/// How far an activity is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Progress {
    pub stage: Stage,
    pub done: f64,
    pub total: f64,
    pub seconds_left: Option<f64>,
    /// When the stage was first seen, in the page's milliseconds, and how much was done by then.
    pub since: (f64, f64),
    /// When this was seen.
    pub at: f64,
}

/// What went wrong, in words, and what still works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub what: String,
    pub still: String,
    pub way_out: Option<WayOut>,
    /// Whether it is about one search only, and settled by the next that succeeds.
    pub passing: bool,
}

/// What a button beside a problem does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WayOut {
    LoadModel,
    /// The model is on another server.
    FetchModel,
    OpenText,
    StartWorker,
    Measure,
}

impl Page {
    /// A page as its address says, with nothing there yet.
    pub fn new(address: Address) -> Self {
        Self {
            view: RwSignal::new(address.view),
            evaluate: Evaluate::new(&address),
            benchmark: Benchmark::new(&address),
            threads_next_time: RwSignal::new(None),
            query: RwSignal::new(address.query.clone().unwrap_or_default()),
            language: RwSignal::new(address.language),
            scope: RwSignal::new(address.scope),
            filter: RwSignal::new(address.filter),
            device: RwSignal::new(address.device),
            precision: RwSignal::new(address.precision),
            model_address: RwSignal::new(address.model),
            top: RwSignal::new(TOP),
            windows: RwSignal::new(false),
            worker: RwSignal::new(Worker::Starting),
            corpus: RwSignal::new(None),
            results: RwSignal::new(None),
            model: RwSignal::new(None),
            beside: Beside::new(address.with),
            models: RwSignal::new(Vec::new()),
            models_problem: RwSignal::new(None),
            searching: RwSignal::new(None),
            loading: RwSignal::new(None),
            opening: RwSignal::new(None),
            waiting: RwSignal::new(false),
            problem: RwSignal::new(None),
            notice: RwSignal::new(None),
            kept: StoredValue::new_local(Kept {
                link: None,
                last_id: 0,
                open: None,
                coming: None,
                unsent: false,
                corpus_live: false,
                tried_model: false,
                may_fetch: false,
                before: None,
                clear_id: None,
                deaths: 0,
                deadly: None,
                untouched: address.query.is_none(),
                typing: false,
                timer: None,
            }),
        }
    }

    /// The page that this component is part of.
    pub fn here() -> Self {
        expect_context()
    }

    /// What the address of a view should say now.
    pub fn address(self, view: View) -> Address {
        let (device, precision) = (self.device.get(), self.precision.get());
        if view == View::Evaluate {
            return self.evaluate.put(Address { view, device, precision, ..Address::default() });
        }
        if view == View::Benchmark {
            return self.benchmark.put(Address { view, ..Address::default() });
        }
        let untouched = self.kept.with_value(|k| k.untouched);
        let query = self.query.get();
        Address {
            query: (!untouched && !query.trim().is_empty()).then_some(query),
            language: self.language.get(),
            scope: self.scope.get(),
            filter: self.filter.get(),
            device,
            precision,
            model: self.model_address.get(),
            with: self.beside.address.get(),
            ..Address::default()
        }
    }
}

impl Progress {
    /// The part that is done, from 0 to 1; `None` while the whole is unknown.
    pub fn part(&self) -> Option<f64> {
        (self.total > 0.0).then(|| (self.done / self.total).clamp(0.0, 1.0))
    }

    /// Items in a second since the stage began, once that says something.
    pub fn rate(&self) -> Option<f64> {
        let (begin, already) = self.since;
        let seconds = (self.at - begin) / 1e3;
        (seconds > 0.3 && self.done > already).then(|| (self.done - already) / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_has_a_part_and_a_rate_only_where_they_mean_something() {
        let mut p = Progress {
            stage: Stage::Encode,
            done: 30.0,
            total: 120.0,
            seconds_left: None,
            since: (1000.0, 10.0),
            at: 3000.0,
        };
        assert_eq!(p.part(), Some(0.25));
        assert_eq!(p.rate(), Some(10.0));
        p.total = 0.0;
        p.at = 1100.0;
        assert_eq!(p.part(), None);
        assert_eq!(p.rate(), None);
    }
}
