//! Times of a sweep's models, alternating after all evaluations, as calls hours apart are not comparable.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::keep;
use super::plan::PlannedModel;
use crate::bundle::{Bundle, Quantization};
use crate::encoder::{Encoder, EncoderDevice};
use crate::timing::Timing;
use crate::{Error, Result, sha256};

/// One question, and a batch of passages: number of texts, and words per text.
const TIMED: [(usize, usize); 2] = [(1, 6), (32, 24)];
/// Rounds of alternation.
const ROUNDS: usize = 5;
/// Timed calls per round.
const CALLS: usize = 3;

/// The fastest calls of a model in milliseconds, as other load can only add time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Times {
    /// One short text alone.
    pub short: f64,
    /// A text of medium length, in a batch.
    pub batched: f64,
}

/// By a run's key and quantization.
pub(super) type Timings = BTreeMap<String, Times>;

/// The file in a study's folder.
#[derive(Debug, Serialize, Deserialize)]
struct StoredTimings {
    /// SHA-256 of the models and the machine.
    key: String,
    timings: Timings,
}

/// The name of a model in [`Timings`].
pub(super) fn name(plan: &PlannedModel, quantization: Quantization) -> String {
    format!("{} {quantization}", plan.key)
}

/// Times of all `models`, from the file `path` if measured before on the same `place`, a device and a machine in
/// words. `turn` is called before each model's turn.
///
/// # Errors
/// Those of `turn` and of encoding; [`crate::Error::File`] if a model no longer exists or a file cannot be written.
pub(super) fn take(
    models: &[(&PlannedModel, Quantization)],
    machine: &EncoderDevice,
    place: &str,
    path: &Path,
    turn: &mut dyn FnMut() -> Result<()>,
) -> Result<Timings> {
    let models: BTreeMap<String, _> = models.iter().map(|model| (name(model.0, model.1), model)).collect();
    let key = json!([models.keys().collect::<Vec<_>>(), place, TIMED, ROUNDS, CALLS]);
    let key = sha256(key.to_string().as_bytes());
    if let Some(kept) = keep::read::<StoredTimings>(path).filter(|kept| kept.key == key) {
        return Ok(kept.timings);
    }
    if let Some((plan, _)) = models.values().find(|(plan, _)| !plan.bundle.join("manifest.json").exists()) {
        return Err(Error::file(
            &plan.bundle,
            "this model was deleted before the sweep was timed; delete the run's folder too, and --resume trains it again",
        ));
    }
    let mut timings = Timings::new();
    for _ in 0..ROUNDS {
        for (name, (plan, quantization)) in &models {
            turn()?;
            // Opened each time, as all at once may not fit into memory.
            let mut bundle = Bundle::open(&plan.bundle)?;
            bundle.store_as(*quantization)?;
            let encoder = Encoder::new(&bundle, machine.clone())?;
            let [short, batched] = TIMED.map(|size| Timing::of(&encoder, size, CALLS, &mut || {}));
            let (short, batched) = (short?.best_ms, batched?);
            let batched = batched.best_ms / batched.batch as f64;
            let best = timings.entry(name.clone()).or_insert(Times { short, batched });
            *best = Times { short: best.short.min(short), batched: best.batched.min(batched) };
        }
    }
    let kept = StoredTimings { key, timings };
    keep::write(path, &kept)?;
    Ok(kept.timings)
}
