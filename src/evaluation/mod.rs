//! How well a model retrieves: settings, measures, reports.
//!
//! A [`Task`] says which passages answer which questions in which languages, [`rank`] finds where a model's
//! vectors rank them, and an [`EvalReport`] summarizes that in the settings of LAReQA (arXiv 2004.05484) as
//! reported in arXiv 2408.10536. Measures and tie-breaking are trec_eval's. Page and terminal use the same
//! code. Encoding and the files of data sets do not belong here.

pub mod bias;
mod closeup;
pub mod compare;
pub mod export;
mod lir;
mod measured;
pub mod measures;
#[cfg(test)]
mod oracle;
pub mod order;
mod ranks;
mod report;
mod settings;
pub mod significance;
mod task;
pub mod trec;

pub use bias::Bias;
pub use closeup::{RankedDocument, RankedQuery, Selection, Sorting};
pub use lir::remove_languages;
pub use measured::{Analysis, Evaluated, Pieces, TaskVectors, measure};
pub use measures::{Measure, MeasureOptions, Measures, RelevantRank};
pub use order::Order;
pub use ranks::{RankedAnswer, Ranks, TOP, rank};
pub use report::{Counts, CutTexts, EvalReport, Facts};
pub use settings::{CellValues, RankDistance, Scores, Setting, SettingMeans};
pub use significance::{Bootstrap, Comparison, Difference, Intervals};
pub use task::{Document, Query, RelevantDocument, Rules, Tally, Task};
