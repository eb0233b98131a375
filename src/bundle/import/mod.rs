//! Imports Hugging Face and sentence-transformers folders, wherever their files are.
//!
//! Every setting of a folder is honoured, or the folder is refused and the field named: each field of each file is
//! used, is in a list of those that change no vector, or is refused. The files: `modules.json` and the folders that it
//! names, `config.json`, `model.safetensors` or its shards, `tokenizer.json` and the files next to it
//! (`tokenizer_config.json`, `special_tokens_map.json`, `added_tokens.json`), `sentence_bert_config.json` under all its
//! names, and `config_sentence_transformers.json`; with the precedence of sentence-transformers 6.2 and transformers
//! 5.23.
//!
//! A [`FileSource`] has the files. The small ones are read whole; [`inspect()`] describes a model from them alone. The
//! weights are pushed into an [`Import`] as they arrive from a disk or a network, and each array is quantized meanwhile:
//! memory holds the model in its final form, and a few kilobytes of its files.

mod architecture;
mod header;
mod inspect;
mod modules;
mod object;
mod source;
mod static_embedding;
mod tokenizer;
mod weights;

pub use inspect::inspect;
pub use source::{BEGINNING, FileSource, InspectedFiles};

use serde_json::Value;

use self::{
    modules::{DenseLayer, Modules},
    object::Object,
    weights::{ImportedWeights, WeightFiles},
};
use super::{
    Bundle, Manifest, SelfTest, Weights,
    manifest::{OLDEST, TOKENIZER},
    weights::Quantization,
};
use crate::{
    Error, Problem, Result,
    architecture::{Config, program::Program},
    hub::CardMetadata,
};

/// Reads a model folder through `file`, which returns a file's bytes, or `None` if it does not exist.
///
/// The result has f32 or f16 weights, no hashes and no self-test: [`Bundle::write`] adds these.
///
/// # Errors
/// [`Error::Format`] or [`Error::Unsupported`] naming file and field.
pub fn from_hugging_face(
    name: &str,
    file: &mut dyn FnMut(&str) -> Result<Option<Vec<u8>>>,
) -> Result<Bundle> {
    let mut import = Import::new(name, &mut *file, None)?;
    for path in import.files() {
        let bytes = file(&path)?.ok_or_else(|| Error::format(&path, "the folder has no such file"))?;
        import.expect(&path, bytes.len() as u64);
        import.push(&path, &bytes)?;
    }
    import.finish()
}

/// A model that is being imported into a [`Bundle`].
///
/// Everything but the weights is read at the beginning; these are pushed file by file, each in the order of its bytes.
/// Several files may be pushed concurrently.
pub struct Import {
    manifest: Manifest,
    tokenizer: Vec<u8>,
    imported: ImportedWeights,
}

impl Import {
    /// Reads the small files. `quantization` is how weights will be stored, with the same bits as by
    /// [`Bundle::store_as`]; `None` leaves them in f32 or f16.
    ///
    /// # Errors
    /// [`Error::Format`] or [`Error::Unsupported`] naming file and field.
    pub fn new(
        name: &str,
        source: &mut (impl FileSource + ?Sized),
        quantization: Option<Quantization>,
    ) -> Result<Self> {
        let mut source = ByRef(source);
        let settings = SmallFiles::read(&mut source, true)?;
        let weight_files = settings.weight_files(&mut source)?;
        let SmallFiles { config, tokenizer, lower_case, usage, table, .. } = settings;
        let tokenizer = match tokenizer {
            Tokens::Made(files) => files.finish(lower_case, config.max_tokens)?,
            Tokens::Whole(json) => json,
        };
        let program = config.program()?;
        let imported = ImportedWeights::new(program, weight_files, quantization, &mut source).folded(table);
        let manifest = Manifest {
            format: OLDEST,
            name: name.into(),
            architecture: config,
            prompts: usage.prompts,
            similarity: usage.similarity,
            languages: Vec::new(),
            quantization: quantization.unwrap_or(Quantization::F32),
            licence: "unknown".into(),
            background: String::new(),
            recipe: Value::Null,
            results: Value::Null,
            files: Vec::new(),
            weights_sha256: None,
            self_test: SelfTest::default(),
        };
        Ok(Self { manifest, tokenizer, imported })
    }

    /// Sets licence and languages from the model card.
    pub fn describe(&mut self, card: CardMetadata) {
        if let Some(licence) = card.licence {
            self.manifest.licence = licence;
        }
        self.manifest.languages = card.languages;
    }

    /// The manifest so far.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The weight files, all of which have to be pushed.
    pub fn files(&self) -> Vec<String> {
        self.imported.files().map(|(path, _)| path.into()).collect()
    }

    /// How many bytes of a file were pushed, from which an interrupted transfer continues.
    pub fn received(&self, path: &str) -> u64 {
        self.imported.received(path)
    }

    /// Sets the size of a weight file, if the [`FileSource`] did not know it. The header is checked against it, and memory for
    /// the arrays is reserved at once; otherwise they grow, which copies them.
    pub fn expect(&mut self, path: &str, bytes: u64) {
        self.imported.expect(path, bytes);
    }

    /// Takes the next bytes of a file. A file that does not match the model is refused at its header.
    ///
    /// # Errors
    /// [`Error::Format`] or [`Error::Unsupported`] naming file and array.
    pub fn push(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        self.imported.push(path, bytes)
    }

    /// The arrays that are complete.
    pub fn weights(&self) -> &Weights {
        self.imported.weights()
    }

    /// The model, without hashes and self-test: [`Bundle::write`] adds these.
    ///
    /// # Errors
    /// [`Error::Format`] naming an incomplete file.
    pub fn finish(self) -> Result<Bundle> {
        Ok(Bundle { manifest: self.manifest, tokenizer: self.tokenizer, weights: self.imported.finish()? })
    }
}

/// Makes an unsized source a sized one.
struct ByRef<'a, S: ?Sized>(&'a mut S);

impl<S: FileSource + ?Sized> FileSource for ByRef<'_, S> {
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>> {
        self.0.read(path)
    }

    fn has(&mut self, path: &str) -> Result<bool> {
        self.0.has(path)
    }

    fn beginning(&mut self, path: &str) -> Result<Option<Vec<u8>>> {
        self.0.beginning(path)
    }

    fn size(&mut self, path: &str) -> Option<u64> {
        self.0.size(path)
    }
}

/// Files which show that the others do not have all weights, or that the model takes more than text.
const UNSUPPORTED_FILES: [(&str, &str); 2] = [
    ("adapter_config.json", "merge the adapter into the model's weights first"),
    ("processor_config.json", "only models that take nothing but text are supported"),
];

/// The contents of the small files.
struct SmallFiles {
    /// The folder of the encoder and its tokenizer: empty, or with a trailing slash.
    root: String,
    config: Config,
    /// The encoder alone, without the dense layers after it.
    encoder: Program,
    layers: Vec<DenseLayer>,
    lower_case: bool,
    /// Whether there is a `modules.json`.
    listed: bool,
    tokenizer: Tokens,
    usage: modules::Usage,
    /// The table of static embeddings.
    table: Option<static_embedding::Shape>,
}

/// A model's tokenizer.
enum Tokens {
    /// As transformers' classes make it.
    Made(tokenizer::TokenizerFiles),
    /// As it is in `tokenizer.json`.
    Whole(Vec<u8>),
}

impl SmallFiles {
    /// Reads them; the tokenizer's own file, which is large, only if `whole`.
    fn read(source: &mut dyn FileSource, whole: bool) -> Result<Self> {
        let modules = modules::read(&mut |path| json(source, path))?;
        let root = modules.encoder;
        for (file, hint) in UNSUPPORTED_FILES {
            let path = format!("{root}{file}");
            if source.has(&path)? {
                return Err(Error::Unsupported { what: path, hint: hint.into() });
            }
        }
        let place = format!("{root}config.json");
        let config = json(source, &place)?;
        let is_model2vec =
            config.as_ref().is_some_and(|config| config["model_type"] == static_embedding::MODEL2VEC);
        if modules.is_static || (is_model2vec && !modules.listed) {
            return Self::read_static(source, whole, Modules { encoder: root, ..modules }, config);
        }
        let config = config.ok_or_else(|| Error::format(&place, "the folder has no such file"))?;
        let architecture = architecture::read(Object::new(&place, config)?)?;
        let mut config = architecture.config;
        // The maximum length is in other files; everything else has to be valid before parameters are named.
        Config { max_tokens: 1, ..config.clone() }.check(&place)?;
        let encoder = config.program()?;
        config.pooling = modules.pooling;
        config.normalize = modules.normalize;
        config.dense = modules.dense.iter().map(|layer| layer.dense.clone()).collect();

        let input = match modules.listed {
            true => modules::input(&root, &mut |path| json(source, path))?,
            false => modules::Input::default(),
        };
        let path = format!("{root}{TOKENIZER}");
        if !source.has(&path)? {
            return Err(no_tokenizer(&root, path, source)?);
        }
        let bytes = if whole { source.read(&path)? } else { None };
        let class = (architecture.kind.as_str(), architecture.tokenizer_class);
        let tokenizer = tokenizer::read(&root, bytes, class, &mut |path| json(source, path))?;
        // The encoder's own file takes precedence over the tokenizer's; the number of positions limits both.
        let window = config.positions - config.first_position;
        let own = tokenizer.max_tokens.as_ref().map(|(n, at)| (*n, at.clone()));
        let (said, at) = input.max_tokens.or(own).unwrap_or((window, place.clone()));
        config.max_tokens = said.min(window);
        if config.max_tokens == 0 {
            return Err(Error::format(at, "0 is not allowed"));
        }
        config.check(&place)?;

        let usage = usage(source, modules.listed, &mut config)?;
        let prompted = [&usage.prompts.query, &usage.prompts.passage].into_iter().any(|p| !p.is_empty());
        if let Some(at) = modules.pools_prompt.filter(|_| prompted) {
            return Err(Error::Unsupported {
                what: format!("{at}: false"),
                hint: "only pooling of prompts together with the text is supported".into(),
            });
        }
        let (layers, listed, lower_case) = (modules.dense, modules.listed, input.lower_case);
        let tokenizer = Tokens::Made(tokenizer);
        Ok(Self { root, config, encoder, layers, lower_case, listed, tokenizer, usage, table: None })
    }

    /// Reads the files of static embeddings; `config` is model2vec's `config.json`, if there is one.
    fn read_static(
        source: &mut dyn FileSource,
        whole: bool,
        modules: Modules,
        config: Option<Value>,
    ) -> Result<Self> {
        let Modules { listed, encoder: root, dense: layers, normalize, .. } = modules;
        let place = format!("{root}config.json");
        let of_model2vec = config
            .filter(|config| config["model_type"] == static_embedding::MODEL2VEC)
            .map(|config| static_embedding::settings(Object::new(&place, config)?))
            .transpose()?;
        let normalize = match &of_model2vec {
            None => normalize,
            Some(own) if listed && own.normalize.0 != normalize => {
                let has = if normalize { "has" } else { "does not have" };
                return Err(Error::Unsupported {
                    what: format!("{}: {}", own.normalize.1, own.normalize.0),
                    hint: format!(
                        "modules.json {has} a Normalize, so model2vec and sentence-transformers differ"
                    ),
                });
            }
            Some(own) => own.normalize.0,
        };
        let path = format!("{root}{TOKENIZER}");
        if !source.has(&path)? {
            return Err(no_tokenizer(&root, path, source)?);
        }
        let bytes = if whole { source.read(&path)? } else { None };
        let tokens = bytes.map(|bytes| static_embedding::tokens(&path, bytes)).transpose()?;
        // sentence-transformers truncates as the tokenizer's file says.
        let max_tokens = match &of_model2vec {
            Some(own) => own.max_tokens,
            None => tokens.as_ref().and_then(|tokens| tokens.max_tokens),
        };
        let shape = static_embedding::shape(&root, source)?;
        let mut config = static_embedding::config(shape, normalize, max_tokens);
        config.check(&format!("{root}{}", super::WEIGHTS))?;
        let encoder = config.program()?;
        config.dense = layers.iter().map(|layer| layer.dense.clone()).collect();
        config.dropped = of_model2vec.and(tokens.as_ref()).and_then(|tokens| tokens.unknown);
        let usage = usage(source, listed, &mut config)?;
        config.check("modules.json")?;
        Ok(Self {
            root,
            config,
            encoder,
            layers,
            lower_case: false,
            listed,
            tokenizer: Tokens::Whole(tokens.map(|tokens| tokens.json).unwrap_or_default()),
            usage,
            table: Some(shape),
        })
    }

    /// The weight files.
    fn weight_files(&self, source: &mut dyn FileSource) -> Result<WeightFiles> {
        WeightFiles::find(&self.root, &self.layers, &self.encoder, source)
    }
}

/// How the model is used; a dimension to truncate to goes into `config`.
fn usage(source: &mut dyn FileSource, listed: bool, config: &mut Config) -> Result<modules::Usage> {
    let place = "config_sentence_transformers.json";
    let json = if listed { json(source, place)? } else { None };
    let usage = modules::usage(match json {
        Some(json) => Object::new(place, json)?,
        None => Object::empty(place),
    })?;
    // A larger number truncates nothing.
    if let Some((n, at)) = usage.truncate.as_ref().filter(|(n, _)| *n < config.dimension()) {
        if config.normalize && !usage.similarity.is_cosine() {
            return Err(Error::Unsupported {
                what: format!(
                    "{at}: {n}, of vectors of length 1 that are compared by {}",
                    usage.similarity.name()
                ),
                hint: "truncated vectors are scaled to length 1 again, so only cosine is supported".into(),
            });
        }
        config.truncate = Some(*n);
    }
    Ok(usage)
}

/// The error if there is no tokenizer in a supported format.
fn no_tokenizer(root: &str, path: String, source: &mut dyn FileSource) -> Result<Error> {
    const SLOW: [&str; 6] = [
        "sentencepiece.bpe.model",
        "spiece.model",
        "tokenizer.model",
        "vocab.txt",
        "vocab.json",
        "bpe.codes",
    ];
    for other in SLOW {
        if source.has(&format!("{root}{other}"))? {
            return Ok(Error::format(
                path,
                format!(
                    "there is no such file, only {root}{other} of a slow tokenizer: load it with AutoTokenizer in \
                     transformers and save it with save_pretrained, which writes tokenizer.json"
                ),
            ));
        }
    }
    Ok(Error::format(path, "the folder has none; save the model with a fast tokenizer"))
}

fn json(source: &mut dyn FileSource, path: &str) -> Result<Option<Value>> {
    source
        .read(path)?
        .map(|bytes| {
            serde_json::from_slice(&bytes)
                .map_err(|e| Error::format(path, Problem::of(format!("not JSON: {e}"), e)))
        })
        .transpose()
}
