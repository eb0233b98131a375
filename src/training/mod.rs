//! Training with hybrid batches (arXiv 2408.10536).
//!
//! [`train`] runs a [`TrainConfig`]: a start model, optionally cut to fewer blocks and tokens; then the stages, with
//! batches from [`sampler`] (some of them code-switched, [`switching`]) and objectives from [`loss`]; at the end,
//! optionally, an [`Erasure`] of languages and a [`Whitening`]. Batches depend only on the seed and the step, so a
//! run that resumes from a [`checkpoint`] sees the batches it would have seen.

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

/// Raised whenever the same configuration, start and data would give different weights or a different key, so that
/// checkpoints and study runs of an earlier program are not mistaken for those of this one.
///
/// 3: texts are hashed as JSON instead of Rust's debug format.
/// 4: a checkpoint stores the optimizer state under the names of the weights instead of their numbers.
pub(crate) const REVISION: u32 = 4;

pub use config::{
    Anchor, Contrastive, DataConfig, Objective, Stage, StartConfig, StrategyName, TrainConfig,
    TrainableWeights,
};
pub(crate) use config::{check_there, not_understood};
pub(crate) use cut::{ModelSize, cut, kept};
pub use erasure::Erasure;
pub use start::{Prepared, prepare, texts as texts_by_language};
pub use trainer::{TrainingProgress, train};
pub use validation::{ValidationConfig, ValidationMap, ValidationSetting};
pub use whitening::Whitening;
