//! The page: what the user sees and does. It computes nothing; it exchanges messages with the worker
//! ([`crate::protocol`]) and displays the results.
//!
//! What all views share is in files of this folder, which import no view:
//! - `state`: the state that all views share
//! - `view`: the trait of a view, through which the others see it
//! - `address`: the query string, from which a link restores the state
//! - `link`: the worker's handle, and serialization of messages
//! - `worker`: starting the worker, requests, events, crashes
//! - `model`, `models`: the current model, the list of those that come with the page, and the names of all
//! - `model_dialog`, `folder`: a model that is not listed, inspected before it is downloaded
//! - `corpus`: the open corpus
//! - `files`: the user's files
//! - `activity`: progress of activities that take a while
//! - `messages`: problems and notices
//! - `service_worker`: offline, new versions, and threads if the server does not isolate the page
//! - `names`: languages and their colours
//! - `catalogue`: all texts of the page, by key
//! - `words`: formatting of numbers, sizes and times
//!
//! Above them, each folder importing only those before it:
//! - `parts`: components shared by several views
//! - `search`, `evaluate`, `benchmark`, `card` (the Model view): the views, each with its state, its part of the URL and
//!   the user's actions; they do not import each other
//! - `views`: the list of views: a new one is a folder, and a line there
//! - `shell`: the frame around the views
//!
//! Tensors, tokens and scores are in the worker.

mod activity;
mod address;
mod benchmark;
mod card;
mod catalogue;
mod corpus;
mod evaluate;
mod files;
mod folder;
mod link;
mod messages;
mod model;
mod model_dialog;
mod models;
mod names;
mod parts;
mod search;
mod service_worker;
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
