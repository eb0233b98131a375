//! Ranking by vectors: exact scores, filters, and vectors on disk.
//!
//! Search is exhaustive, and each score is bit-identical on every machine, whatever its vector width or
//! number of threads. Texts, models and measures do not belong here.

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
