//! The user's choice of device and precision, and their names in addresses and commands.
//!
//! Shared by page, worker and terminal; `encoder::Precision` is what a choice becomes on a device.

use serde::{Deserialize, Serialize};

/// Which device the user asks for (`?device=`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceChoice {
    /// Measure the available ones and keep the fastest.
    #[default]
    Auto,
    /// The CPU, in WebAssembly.
    Cpu,
    /// The GPU, through WebGPU.
    WebGpu,
}

/// How the CPU multiplies weights that are packed in 8 or 4 bits (`?precision=`); a GPU unpacks them. The
/// page's default is fast: on held-out questions its mAP is within 0.0005 of the exact one's (docs/speed.md).
/// The terminal's default is exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrecisionChoice {
    /// In f32: vectors agree on all devices to 1e-4.
    Exact,
    /// In integers: faster, close to the others in cosine.
    #[default]
    Fast,
}

impl PrecisionChoice {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Exact, Self::Fast];

    /// Its name in addresses, commands and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Fast => "fast",
        }
    }

    /// The one of that word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.name() == word)
    }
}
