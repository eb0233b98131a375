//! Training with hybrid batches (arXiv 2408.10536).
//!
//! [`train`] runs a [`TrainConfig`]: a start model, cut to fewer blocks and tokens where asked; then the stages
//! follow, with batches from [`sampler`] (some of them code-switched, [`switching`]) and objectives from [`loss`],
//! and at the end, where asked, an [`Erasure`] of languages and a [`Whitening`]. Batches depend on the seed and the
//! step alone, so a run that resumes from a [`checkpoint`] sees the batches it would have seen.

pub mod blocks;
pub mod checkpoint;
mod config;
mod cut;
pub mod erasure;
pub mod loss;
pub mod optimizer;
pub mod sampler;
mod start;
pub mod student;
pub mod switching;
mod teacher;
mod terms;
pub mod texts;
mod trainer;
mod validation;
mod whitening;

/// Raised whenever the same configuration, start and data would give other weights or another key than before, so
/// that neither a checkpoint nor a study's run of an earlier program is taken for one of this.
///
/// 3: texts are hashed as JSON, no more as Rust shows them for debugging.
/// 4: a checkpoint has the optimizer's state under the names of the weights, no more under their numbers.
pub(crate) const REVISION: u32 = 4;

pub use config::{Anchor, Contrastive, Data, Objective, Stage, Start, StrategyName, TrainConfig, Trained};
pub(crate) use config::{check_there, not_understood};
pub(crate) use cut::{Size, cut, kept};
pub use erasure::Erasure;
pub use start::{Prepared, prepare, texts as texts_by_language};
pub use trainer::{Progress, train};
pub use validation::{Measured, Setting, ValidationConfig};
pub use whitening::Whitening;
