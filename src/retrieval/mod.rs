//! From vectors to a ranking: exact scores, filters, and vectors on disk.
//!
//! Every score is computed, none is approximated, and each is the same number whatever the machine,
//! its vector width or its number of threads. Not here: texts, models, measures.

mod filter;
mod index;
pub mod lir;
pub mod npy;
pub mod vectors;

pub use filter::Filter;
pub use index::{Index, to_unit};
