//! What to train and evaluate, and the keys by which finished work is recognized.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::config::{Arm, Study};
use super::report::{Baseline, InputFile};
use super::start::smaller;
use crate::bundle::{Bundle, Quantization};
use crate::datasets::records;
use crate::models;
use crate::training::{self, ModelSize, TrainConfig};
use crate::{Error, Result, sha256};

/// Fields of a training configuration that do not identify runs, or not by themselves.
const NOT_IN_KEY: [&str; 8] =
    ["output", "name", "licence", "checkpoint_every", "quantization", "start", "data", "guard"];

/// A model to evaluate.
#[derive(Debug, Clone)]
pub(super) struct PlannedModel {
    /// Folder of its files.
    pub folder: PathBuf,
    /// SHA-256 of configuration, start, teacher and data, and of the program's training revision.
    pub key: String,
    /// Its training configuration; none for the start itself.
    pub train: Option<TrainConfig>,
    /// The folder of its weights.
    pub bundle: PathBuf,
}

impl PlannedModel {
    /// The name of its folder.
    pub fn name(&self) -> String {
        self.folder.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned())
    }
}

/// An arm with one seed.
pub(super) type PlannedArm = (Arm, u64, PlannedModel);

/// A value of a sweep: its name, quantization, and a run for each seed.
pub(super) type PlannedSweep = (String, Quantization, Vec<(u64, PlannedModel)>);

/// What all runs have in common.
pub(super) struct Planner<'a> {
    study: &'a Study,
    /// With the common start.
    recipe: TrainConfig,
    /// The training data files.
    pub data: Vec<InputFile>,
    /// SHA-256 of all texts used from them and from published sets.
    pub learned: String,
    /// The common start.
    pub start: Baseline,
    /// Its folder.
    folder: PathBuf,
    /// Its size.
    size: ModelSize,
    /// Folder and fingerprint of each start, by size.
    starts: BTreeMap<ModelSize, (PathBuf, String)>,
}

impl<'a> Planner<'a> {
    /// Makes the common start if it does not exist yet, and hashes what runs depend on.
    ///
    /// # Errors
    /// Says what is wrong with data, start or teacher.
    pub fn new(study: &'a Study, recipe: &TrainConfig, note: &mut dyn FnMut(&str)) -> Result<Self> {
        fs::create_dir_all(study.output.join("runs")).map_err(|e| Error::file(&study.output, e))?;
        let mut recipe = recipe.clone();
        recipe.output = study.output.clone();
        let mut data = Vec::new();
        let switches = recipe.sampling.code_switching > 0.0;
        for prefix in ["parallel.", "qa."].into_iter().chain(switches.then_some("lexicon.")) {
            let files =
                recipe.data.folder.as_deref().map(|folder| records::find_any(folder, prefix)).transpose()?;
            for path in files.unwrap_or_default() {
                let bytes = fs::read(&path).map_err(|e| Error::file(&path, e))?;
                let name = path.file_name().map_or(String::new(), |n| n.to_string_lossy().into_owned());
                data.push(InputFile { name, bytes: bytes.len() as u64, sha256: sha256(&bytes) });
            }
        }
        let training::Prepared { folder, learned, .. } = training::prepare(&recipe, note)?;
        let bundle = Bundle::open(&folder)?;
        let size = ModelSize::of(&bundle.manifest.architecture);
        let teacher = recipe.start.teacher().to_path_buf();
        let start = Baseline {
            model: bundle.manifest.name.clone(),
            sha256: bundle.fingerprint()?,
            teacher_sha256: models::open(&teacher, note)?.fingerprint()?,
            parameters: bundle.weights.parameters(),
        };
        // Every run begins with the same weights, and a smaller start keeps its teacher.
        recipe.start.model = folder.clone();
        recipe.start.teacher = Some(teacher);
        (recipe.start.layers, recipe.start.trim) = (None, None);
        recipe.prompts = None;
        // The same steps for all: no early stopping, and no weights of another step.
        recipe.validation = None;
        let starts = BTreeMap::from([(size, (folder.clone(), start.sha256.clone()))]);
        Ok(Self { study, recipe, data, learned, start, folder, size, starts })
    }

    /// The start itself.
    pub fn baseline(&self) -> PlannedModel {
        PlannedModel {
            folder: self.study.output.join("runs/start"),
            key: self.start.sha256.clone(),
            train: None,
            bundle: self.folder.clone(),
        }
    }

    /// Every arm with every seed: all arms with the first seed, then with the second, so that an interrupted
    /// study is already useful.
    ///
    /// # Errors
    /// Says why a smaller start cannot be made.
    pub fn arms(&mut self) -> Result<Vec<PlannedArm>> {
        let study = self.study;
        let all = study.seeds.iter().flat_map(|&seed| study.arms.iter().map(move |arm| (arm, seed)));
        all.map(|(arm, seed)| Ok((arm.clone(), seed, self.plan(seed, arm.alpha, None, self.size)?))).collect()
    }

    /// The run with this seed, share, batch (by default the study's) and size.
    fn plan(&mut self, seed: u64, alpha: f64, batch: Option<usize>, size: ModelSize) -> Result<PlannedModel> {
        let mut config = self.study.recipe(&self.recipe, seed, alpha, batch);
        if !self.starts.contains_key(&size) {
            let folder = smaller(&self.folder, size)?;
            let known = Bundle::open(&folder)?.fingerprint()?;
            self.starts.insert(size, (folder, known));
        }
        let (start, known) = self.starts[&size].clone();
        config.start.model = start;
        let failed = |e: serde_json::Error| Error::format("the configuration", e);
        let mut told = serde_json::to_value(&config).map_err(failed)?;
        // Without names, paths and quantization: start, teacher and data are identified by their hashes.
        if let Some(fields) = told.as_object_mut() {
            for field in NOT_IN_KEY {
                fields.remove(field);
            }
        }
        let parts = json!([training::REVISION, told, known, self.start.teacher_sha256, self.learned]);
        let key = sha256(parts.to_string().as_bytes());
        // The same run may be an arm and in a sweep: it then has the same folder.
        let batch = config.stage.last().map_or(0, |stage| stage.batch);
        let width =
            if size.width == self.size.width { String::new() } else { format!("-width-{}", size.width) };
        let name = format!("alpha-{alpha}-batch-{batch}-layers-{}{width}-seed-{seed}", size.layers);
        let folder = self.study.output.join("runs").join(format!("{name}-{}", &key[..8]));
        config.name = format!("{} {name}", self.study.name);
        config.output = folder.clone();
        Ok(PlannedModel { bundle: folder.join("bundle"), folder, key, train: Some(config) })
    }

    /// The runs of every sweep.
    ///
    /// # Errors
    /// As for [`arms`](Self::arms).
    pub fn swept(&mut self) -> Result<Vec<(&'static str, Vec<PlannedSweep>)>> {
        let (sweep, size) = (self.study.sweep.clone(), self.size);
        let seeds = self.study.sweep_seeds().to_vec();
        let mut variant = |name: String, quantization, batch, size| {
            let plan = |&seed: &u64| Ok((seed, self.plan(seed, sweep.alpha, batch, size)?));
            Ok::<PlannedSweep, Error>((name, quantization, seeds.iter().map(plan).collect::<Result<_>>()?))
        };
        let (mut batches, mut layers, mut widths) = (Vec::new(), Vec::new(), Vec::new());
        for batch in sweep.batch {
            batches.push(variant(format!("batch {batch}"), Quantization::F32, Some(batch), size)?);
        }
        for count in sweep.layers {
            let name = format!("{count} layer{}", if count == 1 { "" } else { "s" });
            layers.push(variant(name, Quantization::F32, None, ModelSize { layers: count, ..size })?);
        }
        for width in sweep.width {
            widths.push(variant(
                format!("width {width}"),
                Quantization::F32,
                None,
                ModelSize { width, ..size },
            )?);
        }
        let mut quantizations = Vec::new();
        for quantization in sweep.quantization {
            quantizations.push(variant(quantization.to_string(), quantization, None, size)?);
        }
        let all =
            [("batch", batches), ("layers", layers), ("width", widths), ("quantization", quantizations)];
        Ok(all.into_iter().filter(|(_, variants)| !variants.is_empty()).collect())
    }
}
