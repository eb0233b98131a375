//! Streaming import of weights: a file's header says where each array belongs, and each is quantized while its bytes
//! arrive.

use std::collections::BTreeMap;

use super::{
    header::{self, Entry},
    modules::Layer,
    source::Source,
};
use crate::{
    Error, Result,
    architecture::{
        dense_name,
        program::{ParamSpec, Program},
    },
    bundle::{Quantization, WEIGHTS, Weights, weights::Packer},
};

/// Which files have weights, and what is in them.
pub struct Places {
    /// By path.
    pub files: Vec<(String, Holds)>,
}

/// What a file of weights holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Holds {
    /// The encoder, whole.
    Encoder,
    /// A part of the encoder, whose names begin with `prefix`.
    Shard {
        /// What a wrapping class put in front of names.
        prefix: String,
    },
    /// The dense layer with this number, and whether it has a bias.
    Dense(usize, bool),
}

impl Places {
    /// Finds them: one file, or several with an index, and one for each dense layer.
    ///
    /// # Errors
    /// [`Error::Format`] where there are none that are read, saying what to do.
    pub fn find(root: &str, layers: &[Layer], encoder: &Program, source: &mut dyn Source) -> Result<Self> {
        let mut files = Vec::new();
        let path = format!("{root}{WEIGHTS}");
        let index = format!("{path}.index.json");
        if source.has(&path)? {
            files.push((path, Holds::Encoder));
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
            files.push((path, Holds::Dense(i, layer.bias)));
        }
        Ok(Self { files })
    }
}

/// What to do where there are no weights of the form that is read.
fn no_weights(root: &str, path: String, source: &mut dyn Source) -> Result<Error> {
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
                    "there is no such file, only {root}{other}, which is not read because such files can execute code; \
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

/// The shards that hold anything which is used.
fn shards(root: &str, index: &str, bytes: &[u8], encoder: &Program) -> Result<Vec<(String, Holds)>> {
    #[derive(serde::Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let Index { weight_map } = serde_json::from_slice(bytes).map_err(|e| Error::format(index, e))?;
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
    let shard = |file: &str| (format!("{root}{file}"), Holds::Shard { prefix: prefix.into() });
    Ok(found.into_keys().map(shard).collect())
}

fn lacks(place: &str, param: &ParamSpec) -> Error {
    Error::format(format!("{place}, {}", param.name), "this tensor is missing from the weights")
}

fn params(program: &Program) -> BTreeMap<&str, &ParamSpec> {
    program.params().iter().map(|param| (param.name.as_str(), param)).collect()
}

/// What a wrapping class put in front of names. `names` are sorted.
fn prefix<'a>(names: &[&'a str], program: &Program) -> &'a str {
    let table = &program.table().name;
    names.iter().find_map(|name| name.strip_suffix(table.as_str())).unwrap_or_default()
}

/// Names from before 2019, still found in converted checkpoints.
fn modern(name: &str) -> String {
    name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
}

/// Weights on their way.
pub struct Coming {
    /// With the dense layers.
    program: Program,
    /// Its table, and how the others are stored.
    quantization: Option<Quantization>,
    files: Vec<File>,
    weights: Weights,
}

struct File {
    path: String,
    holds: Holds,
    /// Its size, where it is known.
    size: Option<u64>,
    /// How many of its bytes have come.
    come: u64,
    state: State,
}

enum State {
    /// The header's length, and as much of the header as there is.
    Head(Vec<u8>),
    /// The arrays that are left, the last first; the first is on its way.
    Body { left: Vec<Planned>, now: Option<Box<Now>> },
}

/// An array, and what it is for.
struct Planned {
    entry: Entry,
    /// The parameter's name; `None` for what is not used.
    target: Option<String>,
}

struct Now {
    planned: Planned,
    packer: Option<Packer>,
    /// Bytes that are still to come.
    left: u64,
}

impl Coming {
    /// Nothing has come yet.
    pub fn new(
        program: Program,
        places: Places,
        quantization: Option<Quantization>,
        source: &mut dyn Source,
    ) -> Self {
        let files = places.files.into_iter().map(|(path, holds)| {
            let size = source.size(&path);
            File { path, holds, size, come: 0, state: State::Head(Vec::new()) }
        });
        let files = files.collect();
        Self { program, quantization, files, weights: Weights::default() }
    }

    /// The files that are needed, and their sizes where those are known.
    pub fn files(&self) -> impl Iterator<Item = (&str, Option<u64>)> {
        self.files.iter().map(|file| (file.path.as_str(), file.size))
    }

    /// The arrays that are there.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// How many bytes of a file have come.
    pub fn come(&self, path: &str) -> u64 {
        self.files.iter().find(|file| file.path == path).map_or(0, |file| file.come)
    }

    /// Says how long a file is.
    pub fn expect(&mut self, path: &str, bytes: u64) {
        if let Some(file) = self.files.iter_mut().find(|file| file.path == path) {
            file.size = Some(bytes);
        }
    }

    /// The next bytes of a file.
    ///
    /// # Errors
    /// [`Error::Format`] or [`Error::Unsupported`] naming file and array.
    pub fn push(&mut self, path: &str, mut bytes: &[u8]) -> Result<()> {
        let Some(at) = self.files.iter().position(|file| file.path == path) else {
            return Err(Error::format(path, "this file has no weights of this model"));
        };
        while !bytes.is_empty() {
            let taken = match &mut self.files[at].state {
                State::Head(_) => self.head(at, bytes)?,
                State::Body { .. } => self.body(at, bytes)?,
            };
            self.files[at].come += taken as u64;
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    /// Checks what a file begins with, as far as its header goes, and takes no array of it.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn check_beginning(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        let Some(at) = self.files.iter().position(|file| file.path == path) else { return Ok(()) };
        let mut bytes = bytes;
        while !bytes.is_empty() && matches!(self.files[at].state, State::Head(_)) {
            bytes = &bytes[self.head(at, bytes)?..];
        }
        Ok(())
    }

    /// Takes what belongs to the header; how many bytes that are.
    fn head(&mut self, at: usize, bytes: &[u8]) -> Result<usize> {
        let file = &mut self.files[at];
        let State::Head(head) = &mut file.state else { return Ok(0) };
        let before = head.len();
        let wanted = match head.first_chunk::<8>() {
            None => 8,
            Some(length) => 8 + u64::from_le_bytes(*length),
        };
        let room = usize::try_from(wanted).unwrap_or(usize::MAX).saturating_sub(before);
        head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let taken = head.len() - before;
        let Some(length) = head.first_chunk::<8>().map(|length| u64::from_le_bytes(*length)) else {
            return Ok(taken);
        };
        if length > header::LARGEST || file.size.is_some_and(|size| size < 8 + length) {
            return Err(Error::format(
                &file.path,
                format!("not a valid safetensors file: its header would have {length} bytes"),
            ));
        }
        if (head.len() as u64) < 8 + length {
            return Ok(taken);
        }
        let entries = header::parse(&file.path, &head[8..])?;
        let end = 8 + length + entries.iter().map(|entry| entry.bytes).sum::<u64>();
        if let Some(size) = file.size.filter(|&size| size != end) {
            return Err(Error::format(
                &file.path,
                format!("it has {size} bytes instead of the {end} of its header; download it again"),
            ));
        }
        let (path, holds) = (file.path.clone(), file.holds.clone());
        let mut left = self.plan(&path, &holds, entries)?;
        left.reverse();
        left.retain(|planned| planned.entry.bytes > 0);
        self.files[at].state = State::Body { left, now: None };
        Ok(taken)
    }

    /// What becomes of a file's arrays, in their order.
    fn plan(&self, path: &str, holds: &Holds, entries: Vec<Entry>) -> Result<Vec<Planned>> {
        let params = params(&self.program);
        let mut taken: Vec<String> = Vec::new();
        let mut sorted: Vec<&str> = entries.iter().filter(|e| is_array(e)).map(|e| e.name.as_str()).collect();
        sorted.sort_unstable();
        let prefix = match holds {
            Holds::Encoder => prefix(&sorted, &self.program).to_string(),
            Holds::Shard { prefix } => prefix.clone(),
            Holds::Dense(..) => String::new(),
        };
        let dense = |i: usize| format!("{}.", dense_name(i));
        let all_dense: Vec<String> = (0..self.program_dense()).map(dense).collect();
        let mut planned = Vec::with_capacity(entries.len());
        for entry in entries {
            let target = match holds {
                _ if entry.is_empty() => None,
                Holds::Dense(i, bias) => match entry.name.as_str() {
                    "linear.weight" => Some(format!("{}weight", dense(*i))),
                    "linear.bias" if *bias => Some(format!("{}bias", dense(*i))),
                    name if is_array(&entry) => {
                        let problem = format!("{name} is more than the layer's config.json says");
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
            planned.push(Planned { entry, target });
        }
        let has = |name: &str| taken.iter().any(|there| there == name);
        let lacking = params.values().find(|param| match holds {
            Holds::Encoder => {
                !param.optional
                    && !has(&param.name)
                    && !all_dense.iter().any(|d| param.name.starts_with(d.as_str()))
            }
            Holds::Shard { .. } => false,
            Holds::Dense(i, bias) => {
                param.name.starts_with(&dense(*i))
                    && !has(&param.name)
                    && (*bias || !param.name.ends_with(".bias"))
            }
        });
        match lacking {
            Some(param) => {
                let name = match holds {
                    Holds::Dense(i, _) => param.name.replacen(&dense(*i), "linear.", 1),
                    _ => param.name.clone(),
                };
                Err(Error::format(format!("{path}, {name}"), format!("{name} is missing from the weights")))
            }
            None => Ok(planned),
        }
    }

    /// How many dense layers there are.
    fn program_dense(&self) -> usize {
        self.files.iter().filter(|file| matches!(file.holds, Holds::Dense(..))).count()
    }

    fn is_planned(&self, target: &str) -> bool {
        let same = |planned: &Planned| planned.target.as_deref() == Some(target);
        self.weights.get(target).is_some()
            || self.files.iter().any(|file| match &file.state {
                State::Body { left, now } => {
                    left.iter().any(same) || now.as_ref().is_some_and(|now| same(&now.planned))
                }
                State::Head(_) => false,
            })
    }

    /// That an array is of a type that is read, and of its parameter's shape.
    fn check(&self, path: &str, entry: &Entry, param: Option<&ParamSpec>) -> Result<()> {
        if !entry.dtype.is_some_and(Packer::is_read) {
            let dtype = entry.dtype.map_or("unknown here".into(), |dtype| format!("{dtype:?}"));
            return Err(Error::Unsupported {
                what: format!("{path}: type {dtype} of {}", entry.name),
                hint: "weights in F32, F16 and BF16 are read".into(),
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

    /// Begins with the next array, if there is one.
    fn open(&mut self, at: usize) -> Result<()> {
        let table = self.program.table().name.clone();
        let file = &mut self.files[at];
        let State::Body { left, now } = &mut file.state else { return Ok(()) };
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
        *now = Some(Box::new(Now { planned, packer, left: bytes }));
        Ok(())
    }

    /// Takes what belongs to the array on its way; how many bytes that are.
    fn body(&mut self, at: usize, bytes: &[u8]) -> Result<usize> {
        if matches!(self.files[at].state, State::Body { now: None, .. }) {
            self.open(at)?;
        }
        let file = &mut self.files[at];
        let State::Body { now, .. } = &mut file.state else { return Ok(0) };
        let Some(array) = now else {
            return Err(Error::format(&file.path, "it continues after the last array of its header"));
        };
        let n = usize::try_from(array.left).unwrap_or(usize::MAX).min(bytes.len());
        let place = || format!("{}, {}", file.path, array.planned.entry.name);
        if let Some(packer) = &mut array.packer {
            packer.push(&bytes[..n]).map_err(|why| Error::format(place(), why))?;
        }
        array.left -= n as u64;
        if array.left == 0 {
            let place = place();
            if let Some(array) = now.take()
                && let (Some(target), Some(packer)) = (array.planned.target, array.packer)
            {
                let array = packer.finish().map_err(|why| Error::format(place, why))?;
                self.weights.insert(&target, array);
            }
        }
        Ok(n)
    }

    /// All weights, once every file has come.
    ///
    /// # Errors
    /// [`Error::Format`] naming a file that ended before its end, or a tensor that no file had.
    pub fn finish(mut self) -> Result<Weights> {
        for file in &self.files {
            if !matches!(&file.state, State::Body { now: None, left } if left.is_empty()) {
                let of = file.size.map(|size| format!(" of {size}")).unwrap_or_default();
                return Err(Error::format(
                    &file.path,
                    format!("not a valid safetensors file: it is truncated after {}{of} bytes", file.come),
                ));
            }
            if let Holds::Dense(i, false) = file.holds {
                let name = format!("{}.bias", dense_name(i));
                if let Some(param) = self.program.params().iter().find(|param| param.name == name) {
                    let shape = param.shape();
                    let zeros = vec![0.0; shape.iter().product()];
                    self.weights.insert(&name, crate::bundle::Array::f32(shape, zeros));
                }
            }
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

/// Whether it is weights, and not an integer helper that checkpoints carry along.
fn is_array(entry: &Entry) -> bool {
    use safetensors::Dtype;
    !entry.is_empty() && !matches!(entry.dtype, Some(Dtype::I64 | Dtype::I32 | Dtype::BOOL))
}
