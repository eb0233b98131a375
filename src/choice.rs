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

/// What comes before the number of dimensions in a model's address.
const DIMENSION: &str = "?dimension=";

/// Splits the number of dimensions that vectors are truncated to off a model's address: `model/?dimension=256`,
/// `hub:owner/name:q4?dimension=256`. The number is in front of `#`, if there is one.
pub fn split_dimension(address: &str) -> (String, Option<usize>) {
    let Some((before, rest)) = address.split_once(DIMENSION) else { return (address.into(), None) };
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (number, after) = rest.split_at(digits);
    match number.parse() {
        Ok(n) if after.is_empty() || after.starts_with('#') => (format!("{before}{after}"), Some(n)),
        _ => (address.into(), None),
    }
}

/// The address of the same model with vectors truncated to `n` dimensions.
pub fn at_dimension(address: &str, n: usize) -> String {
    let (bare, _) = split_dimension(address);
    let (before, after) = bare.split_at(bare.find('#').unwrap_or(bare.len()));
    format!("{before}{DIMENSION}{n}{after}")
}

/// A model's name, with the number of dimensions that its vectors are truncated to.
pub fn with_dimension(name: &str, n: usize) -> String {
    format!("{name}, {n} dimensions")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dimension_stands_at_the_end_of_an_address_before_its_hub() {
        for (whole, address) in [
            ("model/", "model/?dimension=64"),
            ("hub:a/b@v1:q4", "hub:a/b@v1:q4?dimension=64"),
            ("hub:a/b#https://hub.example", "hub:a/b?dimension=64#https://hub.example"),
        ] {
            assert_eq!(at_dimension(whole, 64), address);
            assert_eq!(at_dimension(&at_dimension(whole, 8), 64), address);
            assert_eq!(split_dimension(address), (whole.into(), Some(64)));
            assert_eq!(split_dimension(whole), (whole.into(), None));
        }
        for other in ["model/?dimension=", "model/?dimension=8x", "model/?dimension=-1"] {
            assert_eq!(split_dimension(other), (other.into(), None));
        }
    }
}
