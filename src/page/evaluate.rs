//! The state of the Evaluate view: what is chosen, what was measured, what is looked at.
//!
//! - `actions`: what a person can make happen there
//! - `events`: what the worker says about it

pub(super) mod actions;
mod events;

use leptos::prelude::*;

use super::address::Address;
use super::state::{Activity, Page};
use crate::datasets::Fields;
use crate::evaluation::{Comparison, EvalReport, Measure, Measures, Setting};
use crate::protocol::{CellChoice, Id, OpenedFile, QueryRow, RankedPassage, TaskInfo};

/// The views of the page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum View {
    #[default]
    Search,
    Evaluate,
    Benchmark,
}

impl View {
    /// Its word in the address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Evaluate => "evaluate",
            Self::Benchmark => "benchmark",
        }
    }

    pub fn named(word: &str) -> Self {
        [Self::Evaluate, Self::Benchmark].into_iter().find(|view| view.name() == word).unwrap_or_default()
    }
}

/// What models are measured on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Data {
    #[default]
    Sample,
    Xquad,
    Mlqa,
    /// A person's own files, or files of the sets above.
    Own,
}

impl Data {
    pub const ALL: [Self; 4] = [Self::Sample, Self::Xquad, Self::Mlqa, Self::Own];

    /// Its word in the address, and the data set's name in the terminal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Xquad => "xquad-r",
            Self::Mlqa => "mlqa-r",
            Self::Own => "own",
        }
    }

    pub fn named(word: &str) -> Self {
        Self::ALL.into_iter().find(|data| data.name() == word).unwrap_or_default()
    }

    /// Its name for a person.
    pub fn title(self) -> &'static str {
        match self {
            Self::Sample => "The sample",
            Self::Xquad => "XQuAD-R",
            Self::Mlqa => "MLQA-R",
            Self::Own => "Files of your own",
        }
    }

    /// Its languages, as far as they are known before it is opened.
    pub fn languages(self) -> &'static [&'static str] {
        match self {
            Self::Sample | Self::Xquad => &["ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"],
            Self::Mlqa => &["ar", "de", "en", "es", "hi", "vi", "zh"],
            Self::Own => &[],
        }
    }

    /// The folder its files are downloaded from, unless a person names another.
    pub fn origin(self) -> Option<&'static str> {
        match self {
            Self::Xquad => {
                Some("https://raw.githubusercontent.com/google-research-datasets/lareqa/master/xquad-r/")
            }
            Self::Mlqa => {
                Some("https://raw.githubusercontent.com/google-research-datasets/lareqa/master/mlqa-r/")
            }
            Self::Sample | Self::Own => None,
        }
    }
}

/// What the map of language pairs shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum MapMeasure {
    #[default]
    Map,
    Recall1,
    Ndcg10,
    /// mAP in the pool of all languages with one language's answers.
    SingleTarget,
}

impl MapMeasure {
    pub const ALL: [Self; 4] = [Self::Map, Self::Recall1, Self::Ndcg10, Self::SingleTarget];

    /// Its word in the address; for all but the last its name in [`Measures::NAMES`].
    pub fn name(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Recall1 => "recall@1",
            Self::Ndcg10 => "ndcg@10",
            Self::SingleTarget => "single-target",
        }
    }

    pub fn named(word: &str) -> Self {
        Self::ALL.into_iter().find(|measure| measure.name() == word).unwrap_or_default()
    }

    /// Its name for a person.
    pub fn title(self) -> &'static str {
        match self {
            Self::Map => "mAP",
            Self::Recall1 => "R@1",
            Self::Ndcg10 => "nDCG@10",
            Self::SingleTarget => "Single-target mAP",
        }
    }

    /// The measure that two models are compared by.
    pub fn compared(self) -> &'static str {
        if self == Self::SingleTarget { Self::Map.name() } else { self.name() }
    }

    /// A pair's figure.
    pub fn of(self, report: &EvalReport, from: &str, to: &str) -> Option<f64> {
        let own = |m: &Measures| match self {
            Self::Recall1 => m.recall_1,
            Self::Ndcg10 => m.ndcg_10,
            Self::Map | Self::SingleTarget => m.map,
        };
        match self {
            Self::SingleTarget => report.bias.as_ref()?.single_target.get(from)?.get(to).copied(),
            _ => report.pairs.get(from)?.get(to).map(own),
        }
    }
}

/// Which of two models the map shows, or their difference.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Shown {
    #[default]
    A,
    B,
    Difference,
}

impl Shown {
    pub const ALL: [Self; 3] = [Self::A, Self::B, Self::Difference];

    /// Its word in the address.
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
            Self::Difference => "difference",
        }
    }

    pub fn named(word: &str) -> Self {
        Self::ALL.into_iter().find(|shown| shown.name() == word).unwrap_or_default()
    }
}

/// A cell's word in the address: `multi`, `mono`, `cross~de` (questions in German), or `de~th`.
pub(super) fn cell_name(cell: &CellChoice) -> String {
    match (&cell.from, &cell.to) {
        (Some(from), Some(to)) => format!("{from}~{to}"),
        (Some(from), None) => format!("{}~{from}", cell.setting.name()),
        (None, Some(to)) => format!("{}~~{to}", cell.setting.name()),
        (None, None) => cell.setting.name().to_owned(),
    }
}

/// The reverse of [`cell_name`].
pub(super) fn cell_named(word: &str) -> Option<CellChoice> {
    let mut parts = word.split('~');
    let first = parts.next().filter(|first| !first.is_empty())?;
    let mut part = || parts.next().filter(|part| !part.is_empty()).map(str::to_owned);
    let (second, third) = (part(), part());
    match Setting::ALL.into_iter().find(|setting| setting.name() == first) {
        Some(setting) => Some(CellChoice { setting, from: second, to: third }),
        None => second.map(|to| pair(first, &to)),
    }
}

/// The cell of a pair of languages.
pub(super) fn pair(from: &str, to: &str) -> CellChoice {
    CellChoice {
        setting: if from == to { Setting::Mono } else { Setting::Cross },
        from: Some(from.to_owned()),
        to: Some(to.to_owned()),
    }
}

/// A model that was measured.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    /// What the worker knows it by.
    pub id: Id,
    /// The model's address as it was given.
    pub address: String,
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
            Some(1) => format!("{}, 1 direction removed", self.report.facts.model),
            Some(n) => format!("{}, {n} directions removed", self.report.facts.model),
            None => self.report.facts.model.clone(),
        }
    }
}

/// Queries of a cell, worst first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Queries {
    pub run: Id,
    pub cell: CellChoice,
    pub rows: Vec<QueryRow>,
    pub total: usize,
}

/// The query that is open. Its passages come a moment later.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Opened {
    /// The query's number in the list.
    pub at: usize,
    pub passages: Option<Vec<RankedPassage>>,
}

/// The view's state. Cheap to copy; a part of [`Page`].
#[derive(Clone, Copy)]
pub(super) struct Evaluate {
    pub data: RwSignal<Data>,
    /// Another folder to download the data from.
    pub mirror: RwSignal<Option<String>>,
    /// Names of a person's files.
    pub files: RwSignal<Vec<String>>,
    /// Languages that take part; empty for all.
    pub languages: RwSignal<Vec<String>>,
    /// The model's folder; `None` is the default one.
    pub model: RwSignal<Option<String>>,
    /// The second model's folder.
    pub against: RwSignal<Option<String>>,
    /// Leading directions of each language to remove.
    pub lir: RwSignal<Option<usize>>,
    /// Measures beside those that are always there.
    pub measures: RwSignal<Vec<Measure>>,
    /// The lowest grade that counts as relevant.
    pub relevance: RwSignal<u32>,
    pub measure: RwSignal<MapMeasure>,
    pub shown: RwSignal<Shown>,
    /// The cell whose queries are shown.
    pub cell: RwSignal<Option<CellChoice>>,

    /// The data set that is open.
    pub task: RwSignal<Option<TaskInfo>>,
    /// What is under way.
    pub activity: RwSignal<Option<Activity>>,
    /// One model or two.
    pub runs: RwSignal<Vec<Run>>,
    pub comparison: RwSignal<Option<Comparison>>,
    pub queries: RwSignal<Option<Queries>>,
    pub opened: RwSignal<Option<Opened>>,
    /// Queries are on their way.
    pub asking: RwSignal<Option<Id>>,
    /// Whether the worker still has the runs; a fresh one has nothing.
    pub live: RwSignal<bool>,

    /// What no view reads.
    pub kept: StoredValue<Kept>,
}

/// A model to measure, and on what.
#[derive(Debug, Clone)]
pub(super) struct Planned {
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
pub(super) struct Kept {
    /// A person's files.
    pub files: Vec<OpenedFile>,
    /// Goes up when they change.
    pub edition: usize,
    /// Which data the worker has open, and which is on its way: see `Evaluate::source_key`.
    pub open: Option<String>,
    pub coming: Option<String>,
    /// Models still to be measured, the next one last.
    pub plan: Vec<Planned>,
    /// The model under way, and whether it is the first of its plan.
    pub measuring: Option<(Planned, bool)>,
    /// Whether the queries that come follow those that are shown.
    pub following: bool,
    pub ranking: Option<Id>,
    pub comparing: Option<Id>,
    pub exporting: Vec<Id>,
    pub clearing: Option<Id>,
}

impl Evaluate {
    /// As the address says, with nothing measured.
    pub fn new(address: &Address) -> Self {
        let new = Self {
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

    /// The Evaluate view's part of the page that this component is part of.
    pub fn here() -> Self {
        Page::here().evaluate
    }

    /// Takes the choices from an address.
    pub fn take(self, address: &Address) {
        self.data.set(address.data);
        self.languages.set(address.languages.clone());
        self.model.set(address.model.clone());
        self.against.set(address.against.clone());
        self.lir.set(address.lir);
        self.measures.set(address.measures.clone());
        self.relevance.set(address.relevance.unwrap_or(1));
        self.measure.set(address.measure);
        self.shown.set(address.shown);
        self.cell.set(address.cell.clone());
    }

    /// Puts the choices into an address.
    pub fn put(self, address: Address) -> Address {
        Address {
            data: self.data.get(),
            languages: self.languages.get(),
            model: self.model.get(),
            against: self.against.get(),
            lir: self.lir.get(),
            measures: self.measures.get(),
            relevance: Some(self.relevance.get()).filter(|level| *level > 1),
            measure: self.measure.get(),
            shown: self.shown.get(),
            cell: self.cell.get(),
            ..address
        }
    }

    /// The folder that the chosen data is downloaded from.
    pub fn base(self) -> Option<String> {
        let origin = self.data.get().origin()?;
        Some(self.mirror.get().unwrap_or_else(|| origin.to_owned()))
    }

    /// The chosen data, once it is open.
    pub fn opened_data(self) -> Option<TaskInfo> {
        // The task is set after the key, so whoever watches the one sees the other.
        let task = self.task.get()?;
        let key = self.source_key();
        self.kept.with_value(|k| k.open.as_ref() == Some(&key)).then_some(task)
    }

    /// How the person's files were read when they last could be.
    pub fn fields(self) -> Vec<Fields> {
        let fields = self.task.with(|task| task.as_ref().map(|t| t.fields.clone()).unwrap_or_default());
        self.files.with(|files| fields.into_iter().filter(|f| files.contains(&f.file)).collect())
    }

    /// The languages that can be chosen: code and, once they are known, questions and passages.
    pub fn offered(self) -> Vec<(String, Option<(usize, usize)>)> {
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
    pub fn run(self) -> Option<Id> {
        let at = usize::from(self.shown.get() == Shown::B);
        self.runs.with(|runs| runs.get(at).or(runs.first()).map(|run| run.id))
    }

    /// A pair's difference between the two models, and whether it is known to be significant.
    pub fn difference(self, from: &str, to: &str) -> Option<(f64, bool)> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_have_a_word_each() {
        for word in ["multi", "mono", "cross", "cross~de", "multi~th", "de~th", "de~de", "cross~~ar"] {
            let cell = cell_named(word).unwrap();
            assert_eq!(cell_name(&cell), word, "{cell:?}");
        }
        assert_eq!(cell_named("de~th").unwrap().setting, Setting::Cross);
        assert_eq!(cell_named("de~de").unwrap().setting, Setting::Mono);
        for word in ["", "de", "~", "de~", "~de"] {
            assert_eq!(cell_named(word), None, "{word}");
        }
    }

    #[test]
    fn names_are_read_back() {
        assert!(Data::ALL.into_iter().all(|d| Data::named(d.name()) == d));
        assert!(MapMeasure::ALL.into_iter().all(|m| MapMeasure::named(m.name()) == m));
        assert!(Shown::ALL.into_iter().all(|s| Shown::named(s.name()) == s));
        let named = |m: &MapMeasure| Measures::NAMES.contains(&m.compared());
        assert!(MapMeasure::ALL.iter().all(named));
    }
}
