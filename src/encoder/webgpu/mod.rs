//! The encoder on a GPU, by shaders of our own through wgpu.
//!
//! [`Context`] is an open device; [`Model`] is a model's weights on it and the shaders that run them;
//! [`Upload`] takes them there while they are still coming. Sequences of a batch lie one after the
//! other without padding: linear layers see one long list of tokens, and attention alone knows where a
//! sequence begins and ends. Shaders are put together once a model from the texts in `shaders/`, with
//! the model's sizes as constants; how many tokens a batch has is the only size that changes later, so
//! nothing is compiled for a new length.
//!
//! Nothing beyond WebGPU's default limits is asked for: no subgroups, no f16, 16 KiB of workgroup
//! memory.

mod context;
mod layers;
mod model;
mod readback;
mod scratch;
mod shaders;
#[cfg(test)]
pub(super) mod tests;

pub use context::Context;
#[cfg(feature = "native")]
pub(super) use context::looks_imitated;
pub use layers::Upload;
pub use model::Model;
