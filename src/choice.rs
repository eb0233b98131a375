//! What a person chooses of where and how a model computes, and the words for it in addresses and commands.
//!
//! Page, worker and terminal ask for the same things; what becomes of a choice on a device is `encoder::Precision`.

use serde::{Deserialize, Serialize};

/// Which device a person asks for (`?device=`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceChoice {
    /// Measure what there is and keep the faster one.
    #[default]
    Auto,
    /// The CPU, in WebAssembly.
    Cpu,
    /// The GPU, through WebGPU.
    WebGpu,
}

/// How the CPU multiplies weights that are packed in 8 or 4 bits (`?precision=`); a GPU unpacks them. The
/// page's default is the fast one: on held-out questions its mAP is the exact one's to 0.0005
/// (docs/speed.md). The terminal's is the exact one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrecisionChoice {
    /// In f32: vectors agree on all devices to 1e-4.
    Exact,
    /// In integers: faster, near the others in cosine.
    #[default]
    Fast,
}

impl PrecisionChoice {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Exact, Self::Fast];

    /// The word for it in addresses, commands and reports.
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
