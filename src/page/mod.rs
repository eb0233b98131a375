//! The page: what a person sees and does. It computes nothing; it speaks with the worker through
//! [`crate::protocol`] and shows what comes back.
//!
//! - `address`: the part of the state that a link restores
//! - `words`: numbers, sizes and times as people read them
//! - `names`: languages and their colours
//! - `link`: the worker's handle, and how values cross
//! - `state`: everything the views read
//! - `actions`: what a person can make happen
//! - `isolation`: threads where the server does not see to them
//! - `models`: the models that come with the page
//! - `beside`: the second model that answers beside the first
//! - `evaluate`: state, actions and events of the Evaluate view
//! - `benchmark`: the same of the Benchmark view
//! - `events`: what the worker says, and what to do when it says nothing any more
//! - `view`: the components
//!
//! Not here: tensors, tokens, scores. Those are in the worker.

mod actions;
mod address;
mod benchmark;
mod beside;
mod evaluate;
mod events;
mod isolation;
mod link;
mod models;
mod names;
mod state;
mod view;
mod words;

/// Puts the page into the document and starts its worker.
pub fn start() {
    console_error_panic_hook::set_once();
    leptos::mount::mount_to_body(view::App);
}
