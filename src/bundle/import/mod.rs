//! Hugging Face and sentence-transformers folders.
//!
//! A folder is obeyed, or refused by the name of the field: each field of each file that is read is used, is on
//! a list of those that change no vector, or is refused. Read: `modules.json` and the folders it names,
//! `config.json`, `model.safetensors`, `tokenizer.json` and what stands beside it (`tokenizer_config.json`,
//! `special_tokens_map.json`, `added_tokens.json`), `sentence_bert_config.json` by all its names, and
//! `config_sentence_transformers.json`; in the order in which sentence-transformers 6.2 and transformers 5.23
//! give way to each other.

mod architecture;
mod modules;
mod object;
mod tokenizer;

use serde_json::Value;

use self::object::Object;
use super::{
    Bundle, Manifest, SelfTest,
    manifest::{OLDEST, TOKENIZER, WEIGHTS},
    weights::{Array, Quantization, Weights},
};
use crate::{
    Error, Problem, Result,
    architecture::{Config, dense_name, program::Program},
};

/// Reads a model folder through `file`, which gives a file's bytes, or `None` when there is none.
///
/// The result has f32 or f16 weights, no hashes and no self-test: [`Bundle::write`] adds these.
///
/// # Errors
/// [`Error::Format`] or [`Error::Unsupported`] naming file and field.
pub fn from_hugging_face(
    name: &str,
    file: &mut dyn FnMut(&str) -> Result<Option<Vec<u8>>>,
) -> Result<Bundle> {
    let folder = Folder { file };
    folder.read(name)
}

/// Files that say that the weights, or what goes into the model, are not all in the others.
const REFUSED: [(&str, &str); 2] = [
    ("adapter_config.json", "merge the adapter into the model's weights first"),
    ("processor_config.json", "models that read nothing but text are read"),
];

struct Folder<'a> {
    file: &'a mut dyn FnMut(&str) -> Result<Option<Vec<u8>>>,
}

impl Folder<'_> {
    fn read(mut self, name: &str) -> Result<Bundle> {
        let modules = modules::read(&mut |path| self.json(path))?;
        let root = modules.encoder;
        for (file, hint) in REFUSED {
            let path = format!("{root}{file}");
            if (self.file)(&path)?.is_some() {
                return Err(Error::Unsupported { what: path, hint: hint.into() });
            }
        }
        let place = format!("{root}config.json");
        let json = self.json(&place)?.ok_or_else(|| Error::format(&place, "the folder has no such file"))?;
        let architecture = architecture::read(Object::new(&place, json)?)?;
        let mut config = architecture.config;
        // How long texts may be stands elsewhere; all else has to fit before parameters get names.
        Config { max_tokens: 1, ..config.clone() }.check(&place)?;
        let mut weights = canonical(self.weights(&root)?, &config.program()?);
        config.pooling = modules.pooling;
        config.normalize = modules.normalize;
        for (i, layer) in modules.dense.into_iter().enumerate() {
            let mut part = self.weights(&layer.folder)?;
            let place = format!("{}{WEIGHTS}", layer.folder);
            let mut take = |name: &str| {
                let array = part.remove(name);
                array.ok_or_else(|| Error::format(&place, format!("{name} is missing from the weights")))
            };
            let name = dense_name(i);
            weights.insert(&format!("{name}.weight"), take("linear.weight")?);
            let bias = match layer.bias {
                true => take("linear.bias")?,
                false => Array::f32(vec![layer.dense.output], vec![0.0; layer.dense.output]),
            };
            weights.insert(&format!("{name}.bias"), bias);
            if let Some((name, _)) = part.iter().next() {
                let problem = format!("{name} is more than the layer's config.json says");
                return Err(Error::format(place, problem));
            }
            config.dense.push(layer.dense);
        }

        let input = match modules.listed {
            true => modules::input(&root, &mut |path| self.json(path))?,
            false => modules::Input::default(),
        };
        let path = format!("{root}{TOKENIZER}");
        let bytes = (self.file)(&path)?;
        let class = (architecture.kind.as_str(), architecture.tokenizer_class);
        let source = tokenizer::read(&root, bytes, class, &mut |path| self.json(path))?;
        // The encoder's own file goes before the tokenizer's; no text is longer than there are positions.
        let window = config.positions - config.first_position;
        let own = source.max_tokens.as_ref().map(|(n, at)| (*n, at.clone()));
        let (said, at) = input.max_tokens.or(own).unwrap_or((window, place.clone()));
        config.max_tokens = said.min(window);
        if config.max_tokens == 0 {
            return Err(Error::format(at, "0 is not a possible length"));
        }
        let tokenizer = source.finish(input.lower_case, config.max_tokens)?;
        config.check(&place)?;
        weights.param(config.program()?.table())?;

        let place = "config_sentence_transformers.json";
        let json = if modules.listed { self.json(place)? } else { None };
        let usage = modules::usage(match json {
            Some(json) => Object::new(place, json)?,
            None => Object::empty(place),
        })?;
        let prompted = [&usage.prompts.query, &usage.prompts.passage].into_iter().any(|p| !p.is_empty());
        if let Some(at) = modules.pools_prompt.filter(|_| prompted) {
            return Err(Error::Unsupported {
                what: format!("{at}: false"),
                hint: "prompts are pooled together with the text behind them".into(),
            });
        }
        Ok(Bundle {
            manifest: Manifest {
                format: OLDEST,
                name: name.into(),
                architecture: config,
                prompts: usage.prompts,
                similarity: usage.similarity,
                languages: Vec::new(),
                quantization: Quantization::F32,
                licence: "unknown".into(),
                background: String::new(),
                recipe: Value::Null,
                results: Value::Null,
                files: Vec::new(),
                weights_sha256: None,
                self_test: SelfTest::default(),
            },
            tokenizer,
            weights,
        })
    }

    fn json(&mut self, path: &str) -> Result<Option<Value>> {
        (self.file)(path)?
            .map(|bytes| {
                serde_json::from_slice(&bytes)
                    .map_err(|e| Error::format(path, Problem::of(format!("not JSON: {e}"), e)))
            })
            .transpose()
    }

    fn weights(&mut self, folder: &str) -> Result<Weights> {
        let path = format!("{folder}{WEIGHTS}");
        match (self.file)(&path)? {
            Some(bytes) => Weights::from_safetensors(&path, &bytes),
            None if (self.file)(&format!("{path}.index.json"))?.is_some() => Err(Error::Unsupported {
                what: format!("{path}.index.json: weights in several files"),
                hint: "save the model as one model.safetensors".into(),
            }),
            None => Err(Error::format(
                path,
                "the folder has no such file; a pytorch_model.bin has to be converted to safetensors first",
            )),
        }
    }
}

/// The tensors that `program` uses, by names without the prefix that a wrapping class gave them.
fn canonical(weights: Weights, program: &Program) -> Weights {
    let table = &program.table().name;
    let prefix = weights.iter().find_map(|(n, _)| n.strip_suffix(table.as_str())).unwrap_or_default();
    let mut out = Weights::default();
    for (name, array) in weights.iter() {
        let Some(short) = name.strip_prefix(prefix) else { continue };
        // Names from before 2019, still found in converted checkpoints.
        let short =
            short.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias");
        if program.params().iter().any(|param| param.name == short) {
            out.insert(&short, array.clone());
        }
    }
    out
}
