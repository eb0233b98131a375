//! The encoder on a GPU, by shaders of our own through wgpu.

use super::{Config, Precision};
use crate::{Result, bundle::Weights};

/// An open GPU.
#[derive(Debug, Clone)]
pub struct Context {}

impl Context {
    /// Opens the GPU that WebGPU offers.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) when there is none or it refuses.
    pub async fn open() -> Result<Self> {
        unimplemented!()
    }

    /// Its name, for people.
    pub fn adapter(&self) -> &str {
        unimplemented!()
    }

    /// Whether it only imitates a GPU in software.
    pub fn is_software(&self) -> bool {
        unimplemented!()
    }

    /// Calls `heard` with the reason, once, when the device is lost.
    pub fn on_lost(&self, _heard: impl Fn(String) + Send + 'static) {
        unimplemented!()
    }

    /// Gives the device up, as a driver's crash would.
    pub fn destroy(&self) {
        unimplemented!()
    }
}

/// Whether an adapter is a processor that imitates a GPU.
pub(super) fn looks_imitated(info: &wgpu::AdapterInfo) -> bool {
    info.device_type == wgpu::DeviceType::Cpu
        || ["swiftshader", "llvmpipe", "software"]
            .iter()
            .any(|s| format!("{} {}", info.name, info.driver).to_lowercase().contains(s))
}

/// A model's blocks on the GPU.
pub struct Blocks {}

impl Blocks {
    /// Puts the weights of a model on the GPU.
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) naming the tensor that is missing or has another shape
    /// than `config` says; [`Error::Device`](crate::Error::Device) when they do not fit the device.
    pub fn new(_: &Context, _: &Config, _: &Weights, _: Precision) -> Result<Self> {
        unimplemented!()
    }

    /// Vectors `[sequences, dimension]` from word embedding rows `[tokens, hidden]` of sequences one
    /// after the other, which are `lengths` tokens long.
    ///
    /// # Errors
    /// What went wrong on the device, in words.
    pub async fn encode(&self, _words: &[f32], _lengths: &[usize]) -> std::result::Result<Vec<f32>, String> {
        unimplemented!()
    }
}
