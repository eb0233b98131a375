//! Hubness: passages that are near to everything.

use serde::{Deserialize, Serialize};

use super::{K, Ranks, Task};

/// Hubness: passages that are near to everything (Radovanović, Nanopoulos and Ivanović 2010, JMLR 11:2487).
/// N, a passage's k-occurrence, is the number of queries of all languages that have it in their first k
/// ranks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hubness {
    /// The number of ranks: 10, or all passages if there are fewer.
    pub k: usize,
    /// Skewness of N over passages, E[(N − μ)³] / σ³ with population moments; 0 if all N are equal. Far above
    /// 0, some passages are hubs.
    pub skewness: f64,
    /// The largest N.
    pub largest: usize,
    /// The id of that passage; on ties the first in the task's order.
    pub hub: String,
    /// Share of passages whose N is 0 (anti-hubs).
    pub never: f64,
}

impl Hubness {
    pub(super) fn of(task: &Task, ranks: &[Ranks]) -> Self {
        let mut counts = vec![0usize; task.documents.len()];
        let first = ranks.iter().flat_map(|ranks| ranks.top.iter().take(K));
        first.for_each(|&document| counts[document as usize] += 1);
        let n = counts.len() as f64;
        let mean = counts.iter().sum::<usize>() as f64 / n;
        let moment = |power| counts.iter().map(|&c| (c as f64 - mean).powi(power)).sum::<f64>() / n;
        let largest = counts.iter().copied().max().unwrap_or(0);
        let hub = counts.iter().position(|&c| c == largest).map(|i| task.documents[i].id.clone());
        Self {
            k: K.min(counts.len()),
            skewness: if counts.iter().all(|&c| c == largest) {
                0.0
            } else {
                moment(3) / moment(2).powf(1.5)
            },
            largest,
            hub: hub.unwrap_or_default(),
            never: counts.iter().filter(|&&c| c == 0).count() as f64 / n,
        }
    }
}
