//! Studies: one start model trained with several shares of monolingual batches and several seeds, each run
//! evaluated, and one report with a verdict on each claim of arXiv 2408.10536.
//!
//! [`Study`] is the configuration, [`run()`] carries it out, skipping what is done; [`Findings`] are computed
//! from every query's measures, and a [`StudyReport`] becomes `report.md`, its plots and `report.json`. Only
//! `config`, `plan`, `start`, `run`, `timings` and `keep` need a model; the rest builds without
//! tensors.
//! Not here: training itself, measures, tests.

mod chart;
mod claims;
#[cfg(feature = "native")]
mod config;
mod figure;
#[cfg(feature = "native")]
mod keep;
mod markdown;
mod paper;
#[cfg(feature = "native")]
mod plan;
mod plots;
mod report;
#[cfg(feature = "native")]
mod run;
#[cfg(feature = "native")]
mod start;
mod summary;
#[cfg(feature = "native")]
mod timings;

pub use chart::{Chart, ChartAxis, Panel, Point, Series};
pub use claims::{Claim, LEVEL, Verdict};
#[cfg(feature = "native")]
pub use config::{Arm as ArmConfig, DataSet, Study, Sweeps};
pub use figure::Figure;
pub use plots::plots;
pub use report::{Baseline, InputFile, StudyReport, StudyRun};
#[cfg(feature = "native")]
pub use run::{StudyEvent, run};
pub use summary::{
    ArmResults, ArmSummary, Contrast, Cost, FigureTable, Findings, SampleCounts, SeedFigures, SeedResult,
    Sweep, Variant, values,
};
