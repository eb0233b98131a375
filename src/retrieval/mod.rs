//! From vectors to a ranking: exact scores, filters, and vectors on disk.
//!
//! Every vector is looked at, none is passed over, and each score is the same number whatever the
//! machine, its vector width or its number of threads. Not here: texts, models, measures.

mod either;
mod filter;
mod index;
pub mod lir;
pub mod npy;
mod packed;
mod similarity;
mod top;
pub mod vectors;
mod windows;

pub use either::{EitherIndex, PACKED_FROM};
pub use filter::{Filter, Scope};
pub use index::{Index, to_unit};
pub use packed::PackedIndex;
pub use similarity::Similarity;
pub use windows::best_windows;
