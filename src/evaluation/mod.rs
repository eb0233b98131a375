//! How well a model retrieves: settings, measures, reports.
//!
//! A [`Task`] says which passages answer which questions in which languages, [`rank`] finds where a
//! model's vectors put them, and an [`EvalReport`] sums that up in the settings of LAReQA
//! (arXiv 2004.05484) as arXiv 2408.10536 reports them. Measures and the order of ties are
//! trec_eval's. Page and terminal use the same code. Not here: encoding, files of data sets.

pub mod measures;
pub mod order;
mod report;
mod settings;
mod task;
pub mod trec;

pub use measures::Measures;
pub use order::Order;
pub use report::{Counts, EvalReport, Facts};
pub use settings::{RankDistance, Ranks, Settings, rank};
pub use task::{Document, Query, Task};
