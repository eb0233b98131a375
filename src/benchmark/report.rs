//! Benchmark results.

use serde::{Deserialize, Serialize};

use super::{BenchmarkCell, BenchmarkPlan, BenchmarkTarget};

/// What was timed, on what, and how long it took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchmarkReport {
    /// The model's name.
    pub model: String,
    /// The bundle's address.
    pub url: String,
    /// SHA-256 of the manifest.
    pub hash: String,
    /// `f32`, `f16`, `q8` or `q4`.
    pub quantization: String,
    /// What was requested.
    pub plan: BenchmarkPlan,
    /// Where the texts come from.
    pub texts: String,
    /// The devices that were opened, in the order in which they were timed.
    pub machines: Vec<TimedDevice>,
    /// The results, in the order in which they were timed.
    pub rows: Vec<TimedCell>,
    /// What was left out and why, and other notes, one sentence each.
    pub notes: Vec<String>,
    /// The browser's `navigator.userAgent`.
    pub browser: String,
    /// Logical processors, as reported by the browser.
    pub cores: usize,
    /// Whether the page is cross-origin isolated, without which it has no threads.
    pub isolated: bool,
    /// The date in UTC, as `2026-01-31`.
    pub date: String,
    /// Version of interlingua.
    pub version: String,
    /// Whether the whole plan was timed.
    pub finished: bool,
}

/// A device that was opened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimedDevice {
    /// Device and precision.
    pub target: BenchmarkTarget,
    /// Its name as reported by the system.
    pub adapter: String,
    /// The number format that its kernels compute in.
    pub computes_in: String,
    /// Whether it is a GPU emulated in software.
    pub software: bool,
    /// Largest difference from the bundle's reference vectors.
    pub self_test_difference: f32,
}

/// One size, timed on one device and precision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimedCell {
    /// Device and precision.
    pub target: BenchmarkTarget,
    /// The size.
    pub cell: BenchmarkCell,
    /// Milliseconds of encoding: from token ids to vectors read back from the device.
    pub ms: TimeSpread,
    /// Texts encoded per second, by the median.
    pub texts_per_second: f64,
    /// Tokens encoded per second, by the median.
    pub tokens_per_second: f64,
    /// Milliseconds of tokenizing the same texts, which is not part of encoding and the same on all devices.
    pub tokenize_ms: f64,
    /// Smallest cosine in the batch between a text's vector and the CPU's in f32.
    pub cosine: Option<f64>,
    /// Milliseconds of every call, in order.
    pub calls: Vec<f64>,
}

impl TimedCell {
    /// From the milliseconds of at least one call.
    pub fn new(
        target: BenchmarkTarget,
        cell: BenchmarkCell,
        calls: Vec<f64>,
        tokenize_ms: f64,
        cosine: Option<f64>,
    ) -> Self {
        let ms = TimeSpread::of(&calls);
        let a_second = |n: usize| if ms.median > 0.0 { n as f64 / ms.median * 1e3 } else { 0.0 };
        Self {
            target,
            cell,
            ms,
            texts_per_second: a_second(cell.batch),
            tokens_per_second: a_second(cell.all_tokens()),
            tokenize_ms,
            cosine,
            calls,
        }
    }
}

/// The spread of some values: quantiles by linear interpolation between order statistics (Hyndman and Fan
/// 1996, type 7).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TimeSpread {
    /// The smallest value.
    pub min: f64,
    /// The 25th percentile.
    pub lower_quartile: f64,
    /// The 50th percentile.
    pub median: f64,
    /// The 75th percentile.
    pub upper_quartile: f64,
    /// The largest value.
    pub max: f64,
}

impl TimeSpread {
    /// Of at least one value; all 0 if there are none.
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let quantile = |p: f64| {
            let place = p * sorted.len().saturating_sub(1) as f64;
            let at = |i: f64| sorted.get(i as usize).copied().unwrap_or_default();
            let (low, high) = (at(place.floor()), at(place.ceil()));
            low + (high - low) * place.fract()
        };
        Self {
            min: quantile(0.0),
            lower_quartile: quantile(0.25),
            median: quantile(0.5),
            upper_quartile: quantile(0.75),
            max: quantile(1.0),
        }
    }
}

impl BenchmarkReport {
    /// The row of a size on a device and precision.
    pub fn row(&self, target: BenchmarkTarget, cell: BenchmarkCell) -> Option<&TimedCell> {
        self.rows.iter().find(|row| row.target == target && row.cell == cell)
    }

    /// Whether one of the devices is a GPU emulated in software.
    pub fn has_software_gpu(&self) -> bool {
        self.machines.iter().any(|machine| machine.software)
    }
}

/// The smallest cosine between corresponding rows of two lists, `dimension` numbers each; `None` if there are
/// no rows, or the lists differ in length.
pub fn least_cosine(a: &[f32], b: &[f32], dimension: usize) -> Option<f64> {
    if a.len() != b.len() || dimension == 0 {
        return None;
    }
    let cosine = |(a, b): (&[f32], &[f32])| {
        let dot =
            |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    };
    a.chunks(dimension).zip(b.chunks(dimension)).map(cosine).min_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_the_values() {
        let of = TimeSpread::of(&[4.0, 1.0, 3.0, 2.0]);
        assert_eq!(
            (of.min, of.lower_quartile, of.median, of.upper_quartile, of.max),
            (1.0, 1.75, 2.5, 3.25, 4.0)
        );
        let one = TimeSpread::of(&[7.0]);
        assert_eq!((one.min, one.median, one.max), (7.0, 7.0, 7.0));
        assert_eq!(TimeSpread::of(&[]).median, 0.0);
    }

    #[test]
    fn a_row_counts_texts_and_tokens_by_the_median() {
        let cell = BenchmarkCell { batch: 8, tokens: 114 };
        let row = TimedCell::new(BenchmarkTarget::REFERENCE, cell, vec![80.0, 100.0, 5000.0], 1.5, Some(1.0));
        assert_eq!((row.texts_per_second, row.tokens_per_second), (80.0, 9120.0));
    }

    #[test]
    fn the_least_cosine_is_the_worst_rows() {
        let a = [1.0, 0.0, 0.0, 2.0];
        assert_eq!(least_cosine(&a, &a, 2), Some(1.0));
        let worst = least_cosine(&a, &[1.0, 0.0, 3.0, 3.0], 2).unwrap();
        assert!((worst - 0.5f64.sqrt()).abs() < 1e-12);
        assert_eq!(least_cosine(&a, &a[..2], 2), None);
    }
}
