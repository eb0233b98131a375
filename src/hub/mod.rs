//! Models by their hub name: names and URLs, file lists, error statuses, what is known about a model before download.
//!
//! Not here: connections. Terminal and worker each download in their own way.

mod about;
mod card;
mod listing;
mod name;
mod refusal;

pub use about::{About, Memory};
pub use card::CardMetadata;
pub use listing::{ListedFile, Listing};
pub use name::{ENDPOINT, HubName};
pub use refusal::refusal;
