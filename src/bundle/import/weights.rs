//! Streaming import of weights: a file's header says where each array belongs, and each is quantized while its bytes
//! arrive.

use std::collections::BTreeMap;

use super::{
    header::{self, ArrayEntry},
    modules::DenseLayer,
    source::FileSource,
    static_embedding::{self, Folded, Shape},
};
use crate::{
    Error, Result,
    architecture::{
        STATIC_TABLE, dense_name,
        program::{ParamSpec, Program},
    },
    bundle::{Quantization, WEIGHTS, Weights, weights::Packer},
};

/// The weight files, and what each contains.
pub struct WeightFiles {
    /// By path.
    pub files: Vec<(String, Contents)>,
}

/// The contents of a weight file.
#[derive(Debug, Clone, PartialEq)]
pub enum Contents {
    /// The whole encoder.
    Encoder,
    /// Part of the encoder, with names that start with `prefix`.
    Shard {
        /// The prefix that a wrapping class gave to names.
        prefix: String,
    },
    /// The dense layer with this number, and whether it has a bias.
    Dense(usize, bool),
}

impl WeightFiles {
    /// Finds them: one file or several with an index, and one for each dense layer.
    ///
    /// # Errors
    /// [`Error::Format`] if there are none in a supported format, saying what to do.
    pub fn find(
        root: &str,
        layers: &[DenseLayer],
        encoder: &Program,
        source: &mut dyn FileSource,
    ) -> Result<Self> {
        let mut files = Vec::new();
        let path = format!("{root}{WEIGHTS}");
        let index = format!("{path}.index.json");
        if source.has(&path)? {
            files.push((path, Contents::Encoder));
        } else if let Some(bytes) = source.read(&index)? {
            let shards = shards(root, &index, &bytes, encoder)?;
            for (path, _) in &shards {
                if !source.has(path)? {
                    return Err(Error::format(&index, format!("it names {path}, which does not exist")));
                }
            }
            files.extend(shards);
        } else {
            return Err(no_weights(root, path, source)?);
        }
        for (i, layer) in layers.iter().enumerate() {
            let path = format!("{}{WEIGHTS}", layer.folder);
            if !source.has(&path)? {
                return Err(no_weights(&layer.folder, path, source)?);
            }
            files.push((path, Contents::Dense(i, layer.bias)));
        }
        Ok(Self { files })
    }
}

/// The error if there are no weights in a supported format.
fn no_weights(root: &str, path: String, source: &mut dyn FileSource) -> Result<Error> {
    const OTHERS: [&str; 5] = [
        "pytorch_model.bin",
        "pytorch_model.bin.index.json",
        "tf_model.h5",
        "flax_model.msgpack",
        "model.ckpt.index",
    ];
    for other in OTHERS {
        if source.has(&format!("{root}{other}"))? {
            return Ok(Error::format(
                path,
                format!(
                    "there is no such file, only {root}{other}, which is not supported because such files can execute code; \
                     another revision may have safetensors (for instance refs/pr/1); otherwise \
                     convert it: load the model in transformers and save it with save_pretrained"
                ),
            ));
        }
    }
    Ok(Error::format(
        path,
        "the folder has no such file; a pytorch_model.bin has to be converted to safetensors first",
    ))
}

/// The shards with any array that is used.
fn shards(root: &str, index: &str, bytes: &[u8], encoder: &Program) -> Result<Vec<(String, Contents)>> {
    #[derive(serde::Deserialize)]
    struct ShardIndex {
        weight_map: BTreeMap<String, String>,
    }
    let ShardIndex { weight_map } = serde_json::from_slice(bytes).map_err(|e| Error::format(index, e))?;
    let names: Vec<&str> = weight_map.keys().map(String::as_str).collect();
    let prefix = prefix(&names, encoder);
    let params = params(encoder);
    let mut found: BTreeMap<&str, ()> = BTreeMap::new();
    let mut there: Vec<String> = Vec::new();
    for (name, file) in &weight_map {
        let Some(short) = name.strip_prefix(prefix).map(modern) else { continue };
        if !params.contains_key(short.as_str()) {
            continue;
        }
        if !file.ends_with(".safetensors") || file.starts_with('.') || file.contains(['/', '\\', ':']) {
            return Err(Error::format(
                format!("{index}, weight_map, {name}"),
                format!("{file:?} is not a safetensors file in the same folder"),
            ));
        }
        found.insert(file, ());
        there.push(short);
    }
    if let Some(missing) =
        encoder.params().iter().find(|param| !param.optional && !there.contains(&param.name))
    {
        return Err(lacks(index, missing));
    }
    let shard = |file: &str| (format!("{root}{file}"), Contents::Shard { prefix: prefix.into() });
    Ok(found.into_keys().map(shard).collect())
}

fn lacks(place: &str, param: &ParamSpec) -> Error {
    Error::format(format!("{place}, {}", param.name), "this tensor is missing from the weights")
}

fn params(program: &Program) -> BTreeMap<&str, &ParamSpec> {
    program.params().iter().map(|param| (param.name.as_str(), param)).collect()
}

/// The prefix that a wrapping class gave to names. `names` are sorted.
fn prefix<'a>(names: &[&'a str], program: &Program) -> &'a str {
    let table = &program.table().name;
    names.iter().find_map(|name| name.strip_suffix(table.as_str())).unwrap_or_default()
}

/// Names from before 2019, still found in converted checkpoints, and model2vec's name of its table.
fn modern(name: &str) -> String {
    if name == "embeddings" {
        return STATIC_TABLE.into();
    }
    name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
}

/// Weights that are being imported.
pub struct ImportedWeights {
    /// Including the dense layers.
    program: Program,
    /// How arrays are stored; `None` as they are.
    quantization: Option<Quantization>,
    files: Vec<WeightFile>,
    weights: Weights,
    /// A table that is made of several arrays.
    folded: Option<(Shape, Folded)>,
}

struct WeightFile {
    path: String,
    contents: Contents,
    /// Its size, if known.
    size: Option<u64>,
    /// Number of bytes received.
    received: u64,
    state: FileState,
}

enum FileState {
    /// The header's length and the header, as far as received.
    Header(Vec<u8>),
    /// The remaining arrays in reverse order, and the one being received.
    Body { left: Vec<PlannedArray>, current: Option<Box<CurrentArray>> },
}

/// An array, and its parameter.
struct PlannedArray {
    entry: ArrayEntry,
    /// The parameter's name; `None` for an unused array.
    target: Option<String>,
    /// Whether the table is made of it and others.
    is_folded: bool,
}

struct CurrentArray {
    planned: PlannedArray,
    packer: Option<Packer>,
    /// Its bytes, of one that the table is made of.
    whole: Option<Vec<u8>>,
    /// Bytes not received yet.
    left: u64,
}

impl ImportedWeights {
    /// Before any bytes are received.
    pub fn new(
        program: Program,
        places: WeightFiles,
        quantization: Option<Quantization>,
        source: &mut dyn FileSource,
    ) -> Self {
        let files = places.files.into_iter().map(|(path, contents)| {
            let size = source.size(&path);
            WeightFile { path, contents, size, received: 0, state: FileState::Header(Vec::new()) }
        });
        let files = files.collect();
        Self { program, quantization, files, weights: Weights::default(), folded: None }
    }

    /// The same, for the table of static embeddings, if it has to be made of several arrays.
    pub fn folded(self, table: Option<Shape>) -> Self {
        let folded = table.filter(|shape| shape.is_folded).map(|shape| (shape, Folded::default()));
        Self { folded, ..self }
    }

    /// The files to push, and their sizes if known.
    pub fn files(&self) -> impl Iterator<Item = (&str, Option<u64>)> {
        self.files.iter().map(|file| (file.path.as_str(), file.size))
    }

    /// The complete arrays.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// How many bytes of a file were received.
    pub fn received(&self, path: &str) -> u64 {
        self.files.iter().find(|file| file.path == path).map_or(0, |file| file.received)
    }

    /// Sets a file's size.
    pub fn expect(&mut self, path: &str, bytes: u64) {
        if let Some(file) = self.files.iter_mut().find(|file| file.path == path) {
            file.size = Some(bytes);
        }
    }

    /// Takes the next bytes of a file.
    ///
    /// # Errors
    /// [`Error::Format`] or [`Error::Unsupported`] naming file and array.
    pub fn push(&mut self, path: &str, mut bytes: &[u8]) -> Result<()> {
        let Some(at) = self.files.iter().position(|file| file.path == path) else {
            return Err(Error::format(path, "this file has no weights of this model"));
        };
        while !bytes.is_empty() {
            let taken = match &mut self.files[at].state {
                FileState::Header(_) => self.header(at, bytes)?,
                FileState::Body { .. } => self.body(at, bytes)?,
            };
            self.files[at].received += taken as u64;
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    /// Checks a file's header, as far as `bytes` contain it, without taking an array.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn check_beginning(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        let Some(at) = self.files.iter().position(|file| file.path == path) else { return Ok(()) };
        let mut bytes = bytes;
        while !bytes.is_empty() && matches!(self.files[at].state, FileState::Header(_)) {
            bytes = &bytes[self.header(at, bytes)?..];
        }
        Ok(())
    }

    /// Takes bytes of the header; returns their number.
    fn header(&mut self, at: usize, bytes: &[u8]) -> Result<usize> {
        let file = &mut self.files[at];
        let FileState::Header(header) = &mut file.state else { return Ok(0) };
        let before = header.len();
        let wanted = match header.first_chunk::<8>() {
            None => 8,
            Some(length) => 8 + u64::from_le_bytes(*length),
        };
        let room = usize::try_from(wanted).unwrap_or(usize::MAX).saturating_sub(before);
        header.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let taken = header.len() - before;
        let Some(length) = header.first_chunk::<8>().map(|length| u64::from_le_bytes(*length)) else {
            return Ok(taken);
        };
        if length > header::MAX_BYTES || file.size.is_some_and(|size| size < 8 + length) {
            return Err(Error::format(
                &file.path,
                format!("not a valid safetensors file: its header would have {length} bytes"),
            ));
        }
        if (header.len() as u64) < 8 + length {
            return Ok(taken);
        }
        let entries = header::parse(&file.path, &header[8..])?;
        let end = 8 + length + entries.iter().map(|entry| entry.bytes).sum::<u64>();
        if let Some(size) = file.size.filter(|&size| size != end) {
            return Err(Error::format(
                &file.path,
                format!("it has {size} bytes instead of the {end} of its header; download it again"),
            ));
        }
        let (path, contents) = (file.path.clone(), file.contents.clone());
        let mut left = self.plan(&path, &contents, entries)?;
        left.reverse();
        left.retain(|planned| planned.entry.bytes > 0);
        self.files[at].state = FileState::Body { left, current: None };
        Ok(taken)
    }

    /// The parameters of a file's arrays, in their order.
    fn plan(&self, path: &str, contents: &Contents, entries: Vec<ArrayEntry>) -> Result<Vec<PlannedArray>> {
        let params = params(&self.program);
        let mut taken: Vec<String> = Vec::new();
        let mut sorted: Vec<&str> =
            entries.iter().filter(|e| is_weight(e)).map(|e| e.name.as_str()).collect();
        sorted.sort_unstable();
        let prefix = match contents {
            Contents::Encoder => prefix(&sorted, &self.program).to_string(),
            Contents::Shard { prefix } => prefix.clone(),
            Contents::Dense(..) => String::new(),
        };
        let dense = |i: usize| format!("{}.", dense_name(i));
        let all_dense: Vec<String> = (0..self.program_dense()).map(dense).collect();
        let mut planned = Vec::with_capacity(entries.len());
        for entry in entries {
            let is_folded = self.folded.is_some()
                && *contents == Contents::Encoder
                && static_embedding::is_used(&entry.name);
            let target = match contents {
                _ if entry.is_empty() || is_folded => None,
                Contents::Dense(i, bias) => match entry.name.as_str() {
                    "linear.weight" => Some(format!("{}weight", dense(*i))),
                    "linear.bias" if *bias => Some(format!("{}bias", dense(*i))),
                    name if is_weight(&entry) => {
                        let problem = format!("{name} is not in the layer's config.json");
                        return Err(Error::format(path, problem));
                    }
                    _ => None,
                },
                _ => entry.name.strip_prefix(&prefix).map(modern).filter(|short| {
                    params.contains_key(short.as_str())
                        && !all_dense.iter().any(|d| short.starts_with(d.as_str()))
                }),
            };
            if let Some(target) = &target {
                self.check(path, &entry, params.get(target.as_str()).copied())?;
                if taken.contains(target) || self.is_planned(target) {
                    return Err(Error::format(
                        format!("{path}, {}", entry.name),
                        "the model's weights contain this array twice",
                    ));
                }
                taken.push(target.clone());
            }
            planned.push(PlannedArray { entry, target, is_folded });
        }
        let has = |name: &str| taken.iter().any(|there| there == name);
        let lacking = params.values().find(|param| match contents {
            Contents::Encoder => {
                !param.optional
                    && !has(&param.name)
                    && (self.folded.is_none() || param.name != STATIC_TABLE)
                    && !all_dense.iter().any(|d| param.name.starts_with(d.as_str()))
            }
            Contents::Shard { .. } => false,
            Contents::Dense(i, bias) => {
                param.name.starts_with(&dense(*i))
                    && !has(&param.name)
                    && (*bias || !param.name.ends_with(".bias"))
            }
        });
        match lacking {
            Some(param) => {
                let name = match contents {
                    Contents::Dense(i, _) => param.name.replacen(&dense(*i), "linear.", 1),
                    _ => param.name.clone(),
                };
                Err(Error::format(format!("{path}, {name}"), format!("{name} is missing from the weights")))
            }
            None => Ok(planned),
        }
    }

    /// Number of dense layers.
    fn program_dense(&self) -> usize {
        self.files.iter().filter(|file| matches!(file.contents, Contents::Dense(..))).count()
    }

    fn is_planned(&self, target: &str) -> bool {
        let same = |planned: &PlannedArray| planned.target.as_deref() == Some(target);
        self.weights.get(target).is_some()
            || self.files.iter().any(|file| match &file.state {
                FileState::Body { left, current } => {
                    left.iter().any(same) || current.as_ref().is_some_and(|current| same(&current.planned))
                }
                FileState::Header(_) => false,
            })
    }

    /// Checks that an array has a supported type and its parameter's shape.
    fn check(&self, path: &str, entry: &ArrayEntry, param: Option<&ParamSpec>) -> Result<()> {
        if !entry.dtype.is_some_and(Packer::is_read) {
            let dtype = entry.dtype.map_or("unknown".into(), |dtype| format!("{dtype:?}"));
            return Err(Error::Unsupported {
                what: format!("{path}: type {dtype} of {}", entry.name),
                hint: "only F32, F16 and BF16 are supported".into(),
            });
        }
        match param {
            Some(param) if !param.fits(&entry.shape) => Err(Error::format(
                format!("{path}, {}", entry.name),
                format!("shape {:?} instead of {:?} as in config.json", entry.shape, param.shape()),
            )),
            _ => Ok(()),
        }
    }

    /// Starts the next array, if there is one.
    fn start_array(&mut self, at: usize) -> Result<()> {
        let table = self.program.table().name.clone();
        let file = &mut self.files[at];
        let FileState::Body { left, current } = &mut file.state else { return Ok(()) };
        let Some(planned) = left.pop() else { return Ok(()) };
        let packer =
            match (&planned.target, planned.entry.dtype) {
                (Some(target), Some(dtype)) => {
                    let shape = planned.entry.shape.clone();
                    let at_once = file.size.is_some();
                    let packer = Packer::new(shape, dtype, self.quantization, *target == table, at_once);
                    Some(packer.map_err(|why| {
                        Error::format(format!("{}, {}", file.path, planned.entry.name), why)
                    })?)
                }
                _ => None,
            };
        let bytes = planned.entry.bytes;
        let whole = planned.is_folded.then(Vec::new);
        *current = Some(Box::new(CurrentArray { planned, packer, whole, left: bytes }));
        Ok(())
    }

    /// Takes bytes of the current array; returns their number.
    fn body(&mut self, at: usize, bytes: &[u8]) -> Result<usize> {
        if matches!(self.files[at].state, FileState::Body { current: None, .. }) {
            self.start_array(at)?;
        }
        let file = &mut self.files[at];
        let FileState::Body { current, .. } = &mut file.state else { return Ok(0) };
        let Some(array) = current else {
            return Err(Error::format(&file.path, "it continues after the last array of its header"));
        };
        let n = usize::try_from(array.left).unwrap_or(usize::MAX).min(bytes.len());
        let place = || format!("{}, {}", file.path, array.planned.entry.name);
        if let Some(packer) = &mut array.packer {
            packer.push(&bytes[..n]).map_err(|why| Error::format(place(), why))?;
        }
        if let Some(whole) = &mut array.whole {
            whole.extend_from_slice(&bytes[..n]);
        }
        array.left -= n as u64;
        if array.left == 0 {
            let place = place();
            let Some(array) = current.take() else { return Ok(n) };
            let CurrentArray { planned: PlannedArray { target, entry, .. }, packer, whole, .. } = *array;
            if let (Some(target), Some(packer)) = (target, packer) {
                let array = packer.finish().map_err(|why| Error::format(place, why))?;
                self.weights.insert(&target, array);
            }
            if let (Some((_, folded)), Some(whole)) = (&mut self.folded, whole) {
                folded.insert(entry, whole);
            }
        }
        Ok(n)
    }

    /// All weights, once every file was received.
    ///
    /// # Errors
    /// [`Error::Format`] naming an incomplete file, or a missing tensor.
    pub fn finish(mut self) -> Result<Weights> {
        for file in &self.files {
            if !matches!(&file.state, FileState::Body { current: None, left } if left.is_empty()) {
                let of = file.size.map(|size| format!(" of {size}")).unwrap_or_default();
                return Err(Error::format(
                    &file.path,
                    format!(
                        "not a valid safetensors file: it is truncated after {}{of} bytes",
                        file.received
                    ),
                ));
            }
            if let Contents::Dense(i, false) = file.contents {
                let name = format!("{}.bias", dense_name(i));
                if let Some(param) = self.program.params().iter().find(|param| param.name == name) {
                    let shape = param.shape();
                    let zeros = vec![0.0; shape.iter().product()];
                    self.weights.insert(&name, crate::bundle::Array::f32(shape, zeros));
                }
            }
        }
        if let Some((shape, folded)) = &self.folded {
            let table = folded.table(*shape, self.quantization);
            let path = self.files.first().map(|file| file.path.clone()).unwrap_or_default();
            self.weights.insert(STATIC_TABLE, table.map_err(|why| Error::format(path, why))?);
        }
        match self
            .program
            .params()
            .iter()
            .find(|param| !param.optional && self.weights.get(&param.name).is_none())
        {
            Some(missing) => Err(lacks("the model's shards", missing)),
            None => Ok(self.weights),
        }
    }
}

/// Whether it is an array of weights, and not an integer buffer of a checkpoint.
fn is_weight(entry: &ArrayEntry) -> bool {
    use safetensors::Dtype;
    !entry.is_empty() && !matches!(entry.dtype, Some(Dtype::I64 | Dtype::I32 | Dtype::BOOL))
}
