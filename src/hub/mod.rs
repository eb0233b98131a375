//! Models by their name on a hub: names and addresses, what a hub says it has, what a model is before it is fetched.
//!
//! Not here: any connection. The terminal and the worker fetch, each by its own means, what these addresses name.

mod about;
mod card;
mod listing;
mod name;
mod refusal;

pub use about::{About, Memory};
pub use card::Card;
pub use listing::{Listed, Listing};
pub use name::{ENDPOINT, HubName};
pub use refusal::refusal;
