//! Hugging Face and sentence-transformers folders, wherever their files are.
//!
//! A folder is obeyed, or refused by the name of the field: each field of each file that is read is used, is on
//! a list of those that change no vector, or is refused. Read: `modules.json` and the folders it names,
//! `config.json`, `model.safetensors` or its shards, `tokenizer.json` and what stands beside it
//! (`tokenizer_config.json`, `special_tokens_map.json`, `added_tokens.json`), `sentence_bert_config.json` by all its
//! names, and `config_sentence_transformers.json`; in the order in which sentence-transformers 6.2 and transformers
//! 5.23 give way to each other.
//!
//! A [`Source`] has the files. The small ones are read whole; by them alone [`inspect()`] says what a model is. The
//! weights are pushed into an [`Import`] as they come from a disk or a network, and each array is stored as asked for
//! meanwhile: what is in memory is the model as it will be, and of what comes no more than a few kilobytes.

mod architecture;
mod header;
mod inspect;
mod modules;
mod object;
mod source;
mod tokenizer;
mod weights;

pub use inspect::inspect;
pub use source::{Files, Source};

use serde_json::Value;

use self::{
    modules::Layer,
    object::Object,
    weights::{Coming, Places},
};
use super::{
    Bundle, Manifest, SelfTest, Weights,
    manifest::{OLDEST, TOKENIZER},
    weights::Quantization,
};
use crate::{
    Error, Problem, Result,
    architecture::{Config, program::Program},
    hub::Card,
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
    let mut import = Import::new(name, &mut *file, None)?;
    for path in import.files() {
        let bytes = file(&path)?.ok_or_else(|| Error::format(&path, "the folder has no such file"))?;
        import.expect(&path, bytes.len() as u64);
        import.push(&path, &bytes)?;
    }
    import.finish()
}

/// A model on its way from its files to a [`Bundle`].
///
/// Everything but the weights is there from the beginning; these are pushed file by file, in the order of their bytes.
/// Several files may come at once.
pub struct Import {
    manifest: Manifest,
    tokenizer: Vec<u8>,
    coming: Coming,
}

impl Import {
    /// Reads the small files. `quantization` is how weights will be stored; `None` leaves them as they are, in f32 or
    /// f16. The result's are [`Bundle::store_as`]'s, to the last bit.
    ///
    /// # Errors
    /// [`Error::Format`] or [`Error::Unsupported`] naming file and field.
    pub fn new(
        name: &str,
        source: &mut (impl Source + ?Sized),
        quantization: Option<Quantization>,
    ) -> Result<Self> {
        let mut source = By(source);
        let settings = Settings::read(&mut source, true)?;
        let places = settings.places(&mut source)?;
        let Settings { config, tokenizer, lower_case, usage, .. } = settings;
        let tokenizer = tokenizer.finish(lower_case, config.max_tokens)?;
        let program = config.program()?;
        let coming = Coming::new(program, places, quantization, &mut source);
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
        Ok(Self { manifest, tokenizer, coming })
    }

    /// Takes licence and languages from the model card.
    pub fn describe(&mut self, card: Card) {
        if let Some(licence) = card.licence {
            self.manifest.licence = licence;
        }
        self.manifest.languages = card.languages;
    }

    /// What is known of the model.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The files of weights, all of which have to be pushed.
    pub fn files(&self) -> Vec<String> {
        self.coming.files().map(|(path, _)| path.into()).collect()
    }

    /// How many bytes of a file have come: a transfer that broke off goes on there.
    pub fn come(&self, path: &str) -> u64 {
        self.coming.come(path)
    }

    /// Says how long a file of weights is, where the [`Source`] did not know. It is checked against the file's
    /// beginning, and there is room for its arrays at once then; without it they grow, and are copied.
    pub fn expect(&mut self, path: &str, bytes: u64) {
        self.coming.expect(path, bytes);
    }

    /// The next bytes of a file. A file that does not fit the model is refused by its first ones.
    ///
    /// # Errors
    /// [`Error::Format`] or [`Error::Unsupported`] naming file and array.
    pub fn push(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        self.coming.push(path, bytes)
    }

    /// The arrays that are there already.
    pub fn weights(&self) -> &Weights {
        self.coming.weights()
    }

    /// The model, without hashes and self-test: [`Bundle::write`] adds these.
    ///
    /// # Errors
    /// [`Error::Format`] naming a file that did not come whole.
    pub fn finish(self) -> Result<Bundle> {
        Ok(Bundle { manifest: self.manifest, tokenizer: self.tokenizer, weights: self.coming.finish()? })
    }
}

/// One source, however large its type.
struct By<'a, S: ?Sized>(&'a mut S);

impl<S: Source + ?Sized> Source for By<'_, S> {
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>> {
        self.0.read(path)
    }

    fn has(&mut self, path: &str) -> Result<bool> {
        self.0.has(path)
    }

    fn size(&mut self, path: &str) -> Option<u64> {
        self.0.size(path)
    }
}

/// Files that say that the weights, or what goes into the model, are not all in the others.
const REFUSED: [(&str, &str); 2] = [
    ("adapter_config.json", "merge the adapter into the model's weights first"),
    ("processor_config.json", "models that read nothing but text are read"),
];

/// What the small files say.
struct Settings {
    /// The folder of the encoder and its tokenizer, empty or with a slash behind it.
    root: String,
    config: Config,
    /// The encoder alone, without the dense layers behind it.
    encoder: Program,
    layers: Vec<Layer>,
    lower_case: bool,
    /// Whether there is a `modules.json`.
    listed: bool,
    tokenizer: tokenizer::Source,
    usage: modules::Use,
}

impl Settings {
    /// Reads them; the tokenizer's own file, which is large, when `whole` says so.
    fn read(source: &mut dyn Source, whole: bool) -> Result<Self> {
        let modules = modules::read(&mut |path| json(source, path))?;
        let root = modules.encoder;
        for (file, hint) in REFUSED {
            let path = format!("{root}{file}");
            if source.has(&path)? {
                return Err(Error::Unsupported { what: path, hint: hint.into() });
            }
        }
        let place = format!("{root}config.json");
        let config = json(source, &place)?;
        let config = config.ok_or_else(|| Error::format(&place, "the folder has no such file"))?;
        let architecture = architecture::read(Object::new(&place, config)?)?;
        let mut config = architecture.config;
        // How long texts may be stands elsewhere; all else has to fit before parameters get names.
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
        // The encoder's own file goes before the tokenizer's; no text is longer than there are positions.
        let window = config.positions - config.first_position;
        let own = tokenizer.max_tokens.as_ref().map(|(n, at)| (*n, at.clone()));
        let (said, at) = input.max_tokens.or(own).unwrap_or((window, place.clone()));
        config.max_tokens = said.min(window);
        if config.max_tokens == 0 {
            return Err(Error::format(at, "0 is not a possible length"));
        }
        config.check(&place)?;

        let place = "config_sentence_transformers.json";
        let json = if modules.listed { json(source, place)? } else { None };
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
        let (layers, listed, lower_case) = (modules.dense, modules.listed, input.lower_case);
        Ok(Self { root, config, encoder, layers, lower_case, listed, tokenizer, usage })
    }

    /// Where the weights are.
    fn places(&self, source: &mut dyn Source) -> Result<Places> {
        Places::find(&self.root, &self.layers, &self.encoder, source)
    }
}

/// What to do where there is no tokenizer of the form that is read.
fn no_tokenizer(root: &str, path: String, source: &mut dyn Source) -> Result<Error> {
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
                    "there is no such file, only {root}{other} of a slow tokenizer; load it with AutoTokenizer in \
                     transformers and save it with save_pretrained, which writes tokenizer.json"
                ),
            ));
        }
    }
    Ok(Error::format(path, "the folder has none; save the model with a fast tokenizer"))
}

fn json(source: &mut dyn Source, path: &str) -> Result<Option<Value>> {
    source
        .read(path)?
        .map(|bytes| {
            serde_json::from_slice(&bytes)
                .map_err(|e| Error::format(path, Problem::of(format!("not JSON: {e}"), e)))
        })
        .transpose()
}
