//! What to time.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Error, Result, choice::PrecisionChoice};

/// Most texts in a call.
const TEXTS: usize = 1024;
/// Fewest tokens in a text: its first and last special token, and one in between.
const SHORTEST: usize = 3;
/// Most tokens in a text.
const LONGEST: usize = 8192;
/// Most tokens in a call: as many as fit a device with little memory.
const TOKENS: usize = 32_768;
/// Most sizes in a list.
const CELLS: usize = 24;

/// A device that can be timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BenchmarkDevice {
    /// The CPU, in WebAssembly.
    Cpu,
    /// The GPU, through WebGPU.
    WebGpu,
}

impl BenchmarkDevice {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Cpu, Self::WebGpu];

    /// Its name in addresses and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::WebGpu => "webgpu",
        }
    }
}

/// A device and how it multiplies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BenchmarkTarget {
    /// Which device.
    pub device: BenchmarkDevice,
    /// For the CPU; a GPU unpacks weights in its kernels and is always exact.
    pub precision: PrecisionChoice,
}

impl BenchmarkTarget {
    /// The one that the others are compared with.
    pub const REFERENCE: Self = Self { device: BenchmarkDevice::Cpu, precision: PrecisionChoice::Exact };

    /// All of them, in the order in which they are timed.
    pub const ALL: [Self; 3] = [
        Self::REFERENCE,
        Self { device: BenchmarkDevice::Cpu, precision: PrecisionChoice::Fast },
        Self { device: BenchmarkDevice::WebGpu, precision: PrecisionChoice::Exact },
    ];
}

impl fmt::Display for BenchmarkTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.device {
            BenchmarkDevice::Cpu => write!(f, "CPU, {}", self.precision.name()),
            BenchmarkDevice::WebGpu => f.write_str("GPU"),
        }
    }
}

/// The size of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BenchmarkCell {
    /// Texts in a call.
    pub batch: usize,
    /// Tokens of each text, including special tokens.
    pub tokens: usize,
}

impl BenchmarkCell {
    /// Tokens in a call.
    pub fn all_tokens(self) -> usize {
        self.batch * self.tokens
    }
}

impl fmt::Display for BenchmarkCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {}", self.batch, self.tokens)
    }
}

/// What to time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchmarkPlan {
    /// The devices to time.
    pub devices: Vec<BenchmarkDevice>,
    /// How the CPU multiplies packed weights.
    pub precisions: Vec<PrecisionChoice>,
    /// The sizes to time.
    pub cells: Vec<BenchmarkCell>,
    /// Timed calls of each cell.
    pub repeats: usize,
    /// Untimed calls before these.
    pub warmups: usize,
    /// The texts' language.
    pub language: String,
}

impl Default for BenchmarkPlan {
    fn default() -> Self {
        let cell = |(batch, tokens)| BenchmarkCell { batch, tokens };
        Self {
            devices: BenchmarkDevice::ALL.to_vec(),
            precisions: PrecisionChoice::ALL.to_vec(),
            cells: [(1, 8), (8, 8), (8, 114), (32, 32), (1, 256)].map(cell).to_vec(),
            repeats: 7,
            warmups: 2,
            language: "en".into(),
        }
    }
}

impl BenchmarkPlan {
    /// Allowed numbers of timed calls.
    pub const REPEATS: std::ops::RangeInclusive<usize> = 1..=100;
    /// Allowed numbers of warm-up calls.
    pub const WARMUPS: std::ops::RangeInclusive<usize> = 0..=20;

    /// The devices and precisions to time, in order.
    pub fn targets(&self) -> Vec<BenchmarkTarget> {
        let wanted = |target: &BenchmarkTarget| match target.device {
            BenchmarkDevice::Cpu => {
                self.devices.contains(&BenchmarkDevice::Cpu) && self.precisions.contains(&target.precision)
            }
            gpu => self.devices.contains(&gpu),
        };
        BenchmarkTarget::ALL.into_iter().filter(wanted).collect()
    }

    /// The sizes as typed: `1x8, 8x114`.
    pub fn list(&self) -> String {
        self.cells.iter().map(|c| format!("{}x{}", c.batch, c.tokens)).collect::<Vec<_>>().join(", ")
    }
}

/// Parses a list of sizes such as `1x8, 8x114`, texts before tokens; duplicates are dropped.
///
/// # Errors
/// [`Error::Input`] quoting what is wrong.
pub fn cells(list: &str) -> Result<Vec<BenchmarkCell>> {
    let mut cells = Vec::new();
    for word in list.split([',', ';', '\n']).map(str::trim).filter(|word| !word.is_empty()) {
        let cell = cell(word)?;
        if !cells.contains(&cell) {
            cells.push(cell);
        }
    }
    match cells.len() {
        0 => Err(Error::Input("No size is given: write texts x tokens, for example 1x8, 8x114".into())),
        n if n > CELLS => Err(Error::Input(format!("These are {n} sizes; at most {CELLS} are timed"))),
        _ => Ok(cells),
    }
}

fn cell(word: &str) -> Result<BenchmarkCell> {
    let wrong = |why: &str| Err(Error::Input(format!("“{word}” {why}")));
    let numbers = word.split_once(['x', 'X', '×', '*']);
    let numbers = numbers.and_then(|(a, b)| Some((a.trim().parse().ok()?, b.trim().parse().ok()?)));
    let Some((batch, tokens)) = numbers else {
        return wrong("is not a size: write texts x tokens, for example 8x114");
    };
    let cell = BenchmarkCell { batch, tokens };
    if !(1..=TEXTS).contains(&batch) {
        return wrong(&format!("cannot be timed: a call takes 1 to {TEXTS} texts"));
    }
    if !(SHORTEST..=LONGEST).contains(&tokens) {
        return wrong(&format!(
            "cannot be timed: a text has {SHORTEST} to {LONGEST} tokens, including special tokens"
        ));
    }
    if cell.all_tokens() > TOKENS {
        return wrong(&format!("cannot be timed: a call takes at most {TOKENS} tokens in all"));
    }
    Ok(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let plan = BenchmarkPlan::default();
        assert_eq!(cells(&plan.list()).unwrap(), plan.cells);
        let read = cells(" 1x8,8 × 114;\n32X32, 1 * 8,").unwrap();
        assert_eq!(
            read.iter().map(BenchmarkCell::to_string).collect::<Vec<_>>(),
            ["1 × 8", "8 × 114", "32 × 32"]
        );
    }

    #[test]
    fn what_is_wrong_with_a_size_is_said() {
        for (list, words) in [
            ("", "No size is given"),
            (" , ", "No size is given"),
            ("1x8, 8by8", "“8by8” is not a size"),
            ("8", "“8” is not a size"),
            ("8x-1", "“8x-1” is not a size"),
            ("8x99999999999999999999999", "is not a size"),
            ("0x8", "“0x8” cannot be timed: a call takes 1 to 1024 texts"),
            ("1x2", "“1x2” cannot be timed: a text has 3 to 8192 tokens"),
            ("1024x512", "“1024x512” cannot be timed: a call takes at most 32768 tokens"),
        ] {
            let problem = cells(list).unwrap_err().to_string();
            assert!(problem.contains(words), "{list}: {problem}");
        }
        let many: Vec<String> = (1..=25).map(|n| format!("{n}x8")).collect();
        assert!(cells(&many.join(",")).unwrap_err().to_string().contains("25 sizes"));
    }

    #[test]
    fn a_gpu_is_timed_once_and_the_reference_first() {
        let mut plan = BenchmarkPlan::default();
        assert_eq!(plan.targets(), BenchmarkTarget::ALL);
        plan.precisions = vec![PrecisionChoice::Fast];
        assert_eq!(
            plan.targets().iter().map(BenchmarkTarget::to_string).collect::<Vec<_>>(),
            ["CPU, fast", "GPU"]
        );
        plan.devices = vec![BenchmarkDevice::Cpu];
        assert_eq!(plan.targets().len(), 1);
    }
}
