//! Where runs begin: one start for all, and starts with fewer layers.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::bundle::{Bundle, SelfTest};
use crate::{Error, Result, sha256};

/// SHA-256 of all that a model's vectors depend on: shape, prompts, tokenizer, weights.
///
/// # Errors
/// [`Error::Format`] when the weights cannot be written.
pub(super) fn fingerprint(bundle: &Bundle) -> Result<String> {
    let manifest = &bundle.manifest;
    let files = [&bundle.tokenizer, &bundle.weights.to_safetensors()?].map(|bytes| sha256(bytes));
    Ok(sha256(json!([manifest.architecture, manifest.prompts, files]).to_string().as_bytes()))
}

/// Which of `all` layers stay when `keep` do: the first, the last, and evenly between.
fn kept(all: usize, keep: usize) -> Vec<usize> {
    let last = all.saturating_sub(1);
    (0..keep).map(|i| if keep == 1 { 0 } else { (i * last + (keep - 1) / 2) / (keep - 1) }).collect()
}

/// The start with `keep` of its layers, written beside it where it is not there yet.
///
/// # Errors
/// [`Error::Input`] when it has fewer, [`Error::File`] when the disk refuses.
pub(super) fn cut(start: &Path, keep: usize) -> Result<PathBuf> {
    let mut bundle = Bundle::open(start)?;
    let all = bundle.manifest.architecture.layers;
    if keep > all {
        return Err(Error::Input(format!(
            "The start model has {all} layers, so none with {keep} can be cut from it: change sweep.layers."
        )));
    }
    if keep == all {
        return Ok(start.to_path_buf());
    }
    let folder = PathBuf::from(format!("{}-layers-{keep}", start.display()));
    let layers = kept(all, keep);
    let recipe = json!({ "start": fingerprint(&bundle)?, "layers": layers });
    if Bundle::open(&folder).is_ok_and(|cut| cut.manifest.recipe == recipe) {
        return Ok(folder);
    }
    let names: Vec<String> = bundle.weights.iter().map(|(name, _)| name.to_string()).collect();
    let mut moved = Vec::new();
    for name in names {
        let Some((number, rest)) = name.strip_prefix(LAYER).and_then(|rest| rest.split_once('.')) else {
            continue;
        };
        let array = bundle.weights.remove(&name);
        let place = number.parse().ok().and_then(|n: usize| layers.iter().position(|layer| *layer == n));
        if let (Some(place), Some(array)) = (place, array) {
            moved.push((format!("{LAYER}{place}.{rest}"), array));
        }
    }
    for (name, array) in moved {
        bundle.weights.insert(&name, array);
    }
    bundle.manifest.architecture.layers = keep;
    bundle.manifest.recipe = recipe;
    bundle.manifest.self_test = SelfTest::of(&bundle)?;
    bundle.write(&folder)?;
    Ok(folder)
}

/// What the names of a layer's arrays begin with.
const LAYER: &str = "encoder.layer.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_spaced_evenly() {
        assert_eq!(kept(6, 6), [0, 1, 2, 3, 4, 5]);
        assert_eq!(kept(6, 3), [0, 3, 5]);
        assert_eq!(kept(12, 4), [0, 4, 7, 11]);
        assert_eq!((kept(6, 2), kept(6, 1)), (vec![0, 5], vec![0]));
        for all in 1..14 {
            for keep in 1..=all {
                let layers = kept(all, keep);
                assert!(layers.windows(2).all(|w| w[0] < w[1]) && layers[keep - 1] < all, "{all} {layers:?}");
            }
        }
    }

    #[test]
    fn a_cut_model_has_the_layers_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let start = folder.path().join("start");
        let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/checkpoints/plain");
        Bundle::open(&small).unwrap().write(&start).unwrap();
        let whole = Bundle::open(&start).unwrap();
        assert_eq!(whole.manifest.architecture.layers, 2);
        let path = cut(&start, 1).unwrap();
        let one = Bundle::open(&path).unwrap();
        assert_eq!(one.manifest.architecture.layers, 1);
        let name = "encoder.layer.0.output.dense.weight";
        assert_eq!(one.weights.need(name).unwrap(), whole.weights.need(name).unwrap());
        assert!(one.weights.get("encoder.layer.1.output.dense.weight").is_none());
        assert_ne!(fingerprint(&one).unwrap(), fingerprint(&whole).unwrap());
        assert_eq!(cut(&start, 2).unwrap(), start);
        assert!(cut(&start, 3).unwrap_err().to_string().contains("2 layers"));
    }
}
