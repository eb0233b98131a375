//! The frame around the views.
//!
//! - `frame`: header, messages, the views' container, and gestures that work in all views
//! - `machine`: the status line at the bottom: model, device and progress

mod frame;
mod machine;

pub(super) use frame::App;
