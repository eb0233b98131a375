//! The components, one file each.

mod app;
mod ask;
mod benchmark;
mod columns;
mod controls;
mod corpus;
mod evaluate;
mod form;
mod lines;
mod machine;
mod mix;
mod models;
mod progress;
mod results;

pub(super) use app::App;
