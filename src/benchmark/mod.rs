//! A benchmark of one model: what is to be timed, and what came of it. The worker times
//! (`session/benchmark.rs`), the page shows.
//!
//! - `plan`: devices, precisions, sizes
//! - `text`: texts of an exact number of tokens
//! - `report`: times and what they are of
//! - `export`: the report as files

mod export;
mod plan;
mod report;
mod text;

pub use export::{csv, file_name, json};
pub use plan::{Cell, Device, Plan, Way, cells};
pub use report::{Machine, Report, Row, Spread, least_cosine};
pub use text::fit;
