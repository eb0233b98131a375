//! The page: what the user sees and does. It computes nothing; it exchanges messages with the worker
//! ([`crate::protocol`]) and displays the results.
//!
//! What all views share is in files of this folder, which know no view:
//! - `state`: the state that all views share
//! - `view`: what a view is, and what one can know of another
//! - `address`: names and values of the part of the state that a link restores
//! - `link`: the worker's handle, and how values cross
//! - `worker`: how it is started and asked, what it says, and what to do when it says nothing any more
//! - `model`, `models`: the model that answers searches, the list of those that come with the page, and the names of all
//! - `model_dialog`, `folder`: a model that is not listed, looked at before it comes
//! - `corpus`: the text that is searched
//! - `files`: a person's files
//! - `activity`: how far long work is
//! - `messages`: problems and notices
//! - `isolation`: threads where the server does not see to them
//! - `names`: languages and their colours
//! - `catalogue`: all words of the page, by key
//! - `words`: numbers, sizes and times as people read them
//!
//! Above them, each folder knowing only what stands above it here:
//! - `parts`: components that several views are made of
//! - `search`, `evaluate`, `benchmark`, `card` (the Model view): a view each, with its state, its part of the address, what a person can do
//!   (views do not import each other)
//! - `views`: the list of views: a new one is a folder, and a line there
//! - `shell`: the frame around the views
//!
//! Not here: tensors, tokens, scores. Those are in the worker.

mod activity;
mod address;
mod benchmark;
mod card;
mod catalogue;
mod corpus;
mod evaluate;
mod files;
mod folder;
mod isolation;
mod link;
mod messages;
mod model;
mod model_dialog;
mod models;
mod names;
mod parts;
mod search;
mod shell;
mod state;
mod view;
mod views;
mod words;
mod worker;

/// Mounts the page and starts its worker.
pub fn start() {
    console_error_panic_hook::set_once();
    leptos::mount::mount_to_body(shell::App);
}
