//! A benchmark of one model in the browser: what to time, and the results. The worker measures
//! (`session/benchmark.rs`), the page displays.
//!
//! - `plan`: devices, precisions, sizes
//! - `text`: texts of an exact number of tokens
//! - `report`: the times, and what was timed
//! - `export`: the report as files

mod export;
mod plan;
mod report;
mod text;

pub use export::{csv, file_name, json};
pub use plan::{BenchmarkCell, BenchmarkDevice, BenchmarkPlan, BenchmarkTarget, cells};
pub use report::{BenchmarkReport, TimeSpread, TimedCell, TimedDevice, least_cosine};
pub use text::fit;
