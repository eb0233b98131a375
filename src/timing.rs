//! Encoding times, as measured by `interlingua bench` and `interlingua study`.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::encoder::Encoder;
use crate::text::Kind;

/// Texts in a batch, and words in a text.
pub const CELLS: [(usize, usize); 5] = [(1, 6), (8, 6), (8, 100), (32, 24), (1, 400)];

/// Untimed calls before the timed ones.
pub const WARM_UPS: usize = 2;

/// The times of one size of batch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Texts in a batch.
    pub batch: usize,
    /// Tokens of each text.
    pub tokens: usize,
    /// Median over calls, in milliseconds.
    pub median_ms: f64,
    /// The fastest call.
    pub best_ms: f64,
    /// By the median.
    pub texts_per_second: f64,
}

impl Timing {
    /// Times `repeats` calls (at least one) with a batch of texts of this many words, after [`WARM_UPS`]
    /// untimed ones. `told` is called after each call, untimed ones included.
    ///
    /// # Errors
    /// Whatever prevents the encoder from encoding.
    pub fn of(
        encoder: &Encoder,
        (batch, words): (usize, usize),
        repeats: usize,
        told: &mut dyn FnMut(),
    ) -> Result<Self> {
        let sentence = "the quick brown fox jumps over a lazy dog and runs ";
        let text = sentence.split_whitespace().cycle().take(words).collect::<Vec<_>>().join(" ");
        let texts = vec![text.as_str(); batch];
        let tokens = encoder.tokenize(&texts[..batch.min(1)], Kind::Passage)?.first().map_or(0, Vec::len);
        let mut times = Vec::new();
        for call in 0..repeats.max(1) + WARM_UPS {
            let start = Instant::now();
            encoder.encode_all(&texts, Kind::Passage, &mut |_, _| {})?;
            if call >= WARM_UPS {
                times.push(start.elapsed().as_secs_f64() * 1e3);
            }
            told();
        }
        times.sort_by(f64::total_cmp);
        let (median_ms, best_ms) = (times[times.len() / 2], times[0]);
        Ok(Self { batch, tokens, median_ms, best_ms, texts_per_second: batch as f64 / median_ms * 1e3 })
    }
}
