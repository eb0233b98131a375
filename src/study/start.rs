//! The start models of a study: one for all runs, and smaller ones for sweeps.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::Result;
use crate::bundle::{Bundle, SelfTest};
use crate::training::{ModelSize, cut, kept};

/// The start cut to `size`, written next to it if it does not exist yet.
///
/// # Errors
/// [`Error::Input`](crate::Error::Input) if it is smaller or cannot be cut like this,
/// [`Error::File`](crate::Error::File) if it cannot be written.
pub(super) fn smaller(start: &Path, size: ModelSize) -> Result<PathBuf> {
    let mut bundle = Bundle::open(start)?;
    let all = ModelSize::of(&bundle.manifest.architecture);
    if size == all {
        return Ok(start.to_path_buf());
    }
    let mut recipe = json!({ "start": bundle.fingerprint()?, "layers": kept(all.layers, size.layers) });
    let mut folder = format!("{}-layers-{}", start.display(), size.layers);
    if size.width != all.width {
        recipe["width"] = json!(size.width);
        folder += &format!("-width-{}", size.width);
    }
    let folder = PathBuf::from(folder);
    if Bundle::open(&folder).is_ok_and(|cut| cut.manifest.recipe == recipe) {
        return Ok(folder);
    }
    cut(&mut bundle, size, "sweep")?;
    bundle.manifest.recipe = recipe;
    bundle.manifest.self_test = SelfTest::of(&bundle)?;
    bundle.write(&folder)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_start_is_made_beside_the_start_once() {
        let folder = tempfile::tempdir().unwrap();
        let start = folder.path().join("start");
        let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/checkpoints/plain");
        Bundle::open(&small).unwrap().write(&start).unwrap();
        let all = ModelSize::of(&Bundle::open(&start).unwrap().manifest.architecture);
        assert_eq!(smaller(&start, all).unwrap(), start);
        let size = ModelSize { layers: 1, ..all };
        let path = smaller(&start, size).unwrap();
        let written = || std::fs::metadata(path.join("manifest.json")).unwrap().modified().unwrap();
        let first = written();
        assert_eq!(Bundle::open(&path).unwrap().manifest.architecture.layers, 1);
        assert_eq!((smaller(&start, size).unwrap(), written()), (path.clone(), first));
        assert!(
            smaller(&start, ModelSize { layers: 3, ..all }).unwrap_err().to_string().contains("sweep.layers")
        );
    }
}
