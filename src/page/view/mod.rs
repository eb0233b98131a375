//! The components, one file each.

mod app;
mod ask;
mod controls;
mod corpus;
mod evaluate;
mod machine;
mod mix;
mod progress;
mod results;

pub(super) use app::App;
