//! The encoder on a GPU, with our own shaders through wgpu.
//!
//! [`Context`] is an open device; [`WebGpuModel`] is a model's weights on it and the shaders that run them;
//! [`Upload`] sends the weights while they are still being downloaded. The sequences of a batch lie one after
//! the other without padding: linear layers see one long list of tokens, and only attention knows where a
//! sequence begins and ends. Shaders are assembled once per model from the texts in `shaders/`, with the
//! model's sizes as constants; the number of tokens in a batch is the only size that varies, so no new length
//! needs a compilation.
//!
//! Nothing beyond WebGPU's default limits is required: no subgroups, no f16, 16 KiB of workgroup memory.

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
pub(super) use context::is_emulated;
pub use layers::Upload;
pub use model::WebGpuModel;
