//! What follows the encoder, by `modules.json` and the folders it names.

use std::collections::BTreeMap;

use serde_json::Value;

use super::object::{Object, nothing};
use crate::{
    Error, Result,
    architecture::{Activation, Dense, Pooling},
    retrieval::Similarity,
    text::Prompts,
};

/// Reads a file of a model folder as a JSON object; `None` if there is no such file.
type Read<'a> = dyn FnMut(&str) -> Result<Option<Value>> + 'a;

/// The modules of a folder.
pub struct Modules {
    /// Whether there is a `modules.json`: without one, sentence-transformers reads none of its own files.
    pub listed: bool,
    /// The folder of the encoder and its tokenizer, empty or with a slash behind it.
    pub encoder: String,
    pub pooling: Pooling,
    /// Whether prompts are pooled with the text behind them.
    pub pools_prompt: Option<String>,
    pub dense: Vec<Layer>,
    /// Whether the result is scaled to length 1.
    pub normalize: bool,
}

/// A dense layer and where its weights are.
pub struct Layer {
    pub dense: Dense,
    /// With a slash behind it.
    pub folder: String,
    pub bias: bool,
}

/// Reads `modules.json`. Without one, sentence-transformers takes the mean over tokens and nothing after it.
///
/// # Errors
/// [`Error::Format`] or [`Error::Unsupported`] naming file and field.
pub fn read(file: &mut Read) -> Result<Modules> {
    const FILE: &str = "modules.json";
    let mut out = Modules {
        listed: false,
        encoder: String::new(),
        pooling: Pooling::Mean,
        pools_prompt: None,
        dense: Vec::new(),
        normalize: false,
    };
    let Some(json) = file(FILE)? else { return Ok(out) };
    out.listed = true;
    let Value::Array(list) = json else { return Err(Error::format(FILE, "a list of modules was expected")) };
    // What came last: no module is left out, and none may come before what it needs.
    let (mut first, mut pooled, mut names) = (true, false, Vec::new());
    for (i, module) in list.into_iter().enumerate() {
        let mut module = Object::new(&format!("{FILE}, [{i}]"), module)?;
        let at = module.at("type");
        let kind = module.text("type")?.unwrap_or_default();
        let folder = module.text("path")?.unwrap_or_default();
        let folder = if folder.is_empty() { folder } else { format!("{}/", folder.trim_end_matches('/')) };
        if folder.starts_with('/') || folder.split('/').any(|part| part == "..") {
            return Err(Error::format(
                module.at("path"),
                format!("{folder} is outside of the model's folder"),
            ));
        }
        let name = module.text("name")?;
        if name.is_some() && names.contains(&name) {
            return Err(Error::format(
                module.at("name"),
                "two modules have this name, and one would be lost",
            ));
        }
        names.push(name);
        module.finish(&["idx", "kwargs"])?;
        let known = kind.strip_prefix("sentence_transformers.").and_then(|k| k.rsplit('.').next());
        let place = format!("{folder}config.json");
        match known.unwrap_or_default() {
            "Transformer" if first => out.encoder = folder,
            _ if first => {
                return Err(unsupported(
                    &at,
                    &kind,
                    "the first module is a Transformer of sentence-transformers",
                ));
            }
            "Pooling" if !pooled => {
                let json = file(&place)?.ok_or_else(|| missing(&place))?;
                (out.pooling, out.pools_prompt) = pooling(Object::new(&place, json)?)?;
                pooled = true;
            }
            "Dense" if pooled => {
                let json = file(&place)?.ok_or_else(|| missing(&place))?;
                let (mut dense, bias) = dense(Object::new(&place, json)?)?;
                dense.normalized = std::mem::take(&mut out.normalize);
                out.dense.push(Layer { dense, folder, bias });
            }
            "Normalize" if pooled => {
                if let Some(json) = file(&place)? {
                    let mut json = Object::new(&place, json)?;
                    over_vectors(&mut json)?;
                    json.finish(&[])?;
                }
                out.normalize = true;
            }
            // It drops nothing but in training.
            "Dropout" => {}
            "Pooling" | "Dense" | "Normalize" => {
                let hint = "a Transformer, one Pooling and then Dense and Normalize are read";
                return Err(unsupported(&at, &format!("{kind} in this place"), hint));
            }
            _ => {
                let hint =
                    "Transformer, Pooling, Dense, Normalize and Dropout of sentence-transformers are read";
                return Err(unsupported(&at, &kind, hint));
            }
        }
        first = false;
    }
    if !pooled {
        return Err(Error::format(FILE, "no module is a Pooling, so tokens would not become one vector"));
    }
    Ok(out)
}

fn unsupported(at: &str, what: &str, hint: &str) -> Error {
    Error::Unsupported { what: format!("{at}: {what}"), hint: hint.into() }
}

fn missing(place: &str) -> Error {
    Error::format(place, "the folder has no such file, but modules.json names it")
}

/// That a module reads and writes the text's vector, and not something of its own.
fn over_vectors(json: &mut Object) -> Result<()> {
    let vector = |value: &Value| value == "sentence_embedding";
    for field in ["module_input_name", "module_output_name"] {
        json.expect(field, vector, "modules between vectors of texts, sentence_embedding, are read")?;
    }
    Ok(())
}

/// The pooling, and the field that leaves prompts out of it.
fn pooling(mut json: Object) -> Result<(Pooling, Option<String>)> {
    // Older folders have a switch for each mode, which newer ones leave out or no longer mean.
    let mut switched = Vec::new();
    for field in json.names().into_iter().filter(|name| name.starts_with("pooling_mode_")) {
        let mode = field["pooling_mode_".len()..].to_string();
        if !SWITCHES.contains(&mode.as_str()) {
            let value = json.take(&field).unwrap_or_default();
            return Err(json.unsupported(&field, &value, "this way of pooling is not known here"));
        }
        if json.flag(&field)? == Some(true) {
            switched.push((mode, field));
        }
    }
    let (modes, at) = match json.take("pooling_mode") {
        Some(Value::String(mode)) => (vec![mode], "pooling_mode".to_string()),
        Some(Value::Array(list)) => {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), Into::into);
            (list.iter().map(text).collect(), "pooling_mode".to_string())
        }
        Some(other) => return Err(json.unsupported("pooling_mode", &other, "mean, cls or max is read")),
        // A folder that says nothing means the mean.
        None if switched.is_empty() => (vec!["mean".into()], String::new()),
        None => {
            let (modes, fields): (Vec<_>, Vec<_>) = switched.into_iter().unzip();
            (modes, fields.join(" and "))
        }
    };
    let pooling = match modes.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["mean_tokens" | "mean"] => Pooling::Mean,
        ["cls_token" | "cls"] => Pooling::Cls,
        ["max_tokens" | "max"] => Pooling::Max,
        _ => {
            return Err(Error::Unsupported {
                what: format!("{}: pooling by {}", json.at(&at), modes.join(" and ")),
                hint: "one of mean, cls and max is read".into(),
            });
        }
    };
    let prompt = (json.flag("include_prompt")? == Some(false)).then(|| json.at("include_prompt"));
    json.finish(&["word_embedding_dimension", "embedding_dimension"])?;
    Ok((pooling, prompt))
}

/// What may stand behind `pooling_mode_`.
const SWITCHES: [&str; 6] =
    ["cls_token", "max_tokens", "mean_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"];

/// A dense layer, and whether it has a bias.
fn dense(mut json: Object) -> Result<(Dense, bool)> {
    let hint = "Tanh, Identity, ReLU and GELU of torch.nn are read";
    let null = json.has("activation_function");
    let activation = match json.take("activation_function") {
        None if null => return Err(json.unsupported("activation_function", &Value::Null, hint)),
        None => Activation::Tanh,
        Some(value) => {
            let name = value.as_str().and_then(|name| name.strip_prefix("torch."));
            match name.and_then(|name| name.rsplit('.').next()) {
                Some("Tanh") => Activation::Tanh,
                Some("Identity") => Activation::Identity,
                Some("ReLU") => Activation::Relu,
                Some("GELU") => Activation::Gelu,
                _ => return Err(json.unsupported("activation_function", &value, hint)),
            }
        }
    };
    json.expect("use_residual", nothing, "dense layers without a residual are read")?;
    over_vectors(&mut json)?;
    let bias = json.flag("bias")?.unwrap_or(true);
    let (input, output) = (json.need_number("in_features")?, json.need_number("out_features")?);
    json.finish(&[])?;
    Ok((Dense { input, output, activation, normalized: false }, bias))
}

/// Prompts and the way of comparing, of `config_sentence_transformers.json`.
pub struct Use {
    /// All prompts by their names.
    pub named: BTreeMap<String, String>,
    pub prompts: Prompts,
    pub similarity: Similarity,
}

/// Reads `config_sentence_transformers.json`.
///
/// # Errors
/// [`Error::Format`] or [`Error::Unsupported`] naming the field.
pub fn usage(mut json: Object) -> Result<Use> {
    json.expect("model_type", |v| v == "SentenceTransformer", "models that give a text one vector are read")?;
    json.expect("truncate_dim", |_| false, "vectors of all their numbers are read")?;
    let similarity = match json.take("similarity_fn_name") {
        None => Similarity::Cosine,
        Some(value) => value.as_str().and_then(|name| name.parse().ok()).ok_or_else(|| {
            json.unsupported("similarity_fn_name", &value, "cosine, dot, euclidean and manhattan are known")
        })?,
    };
    let at = json.at("prompts");
    let mut said = match json.take("prompts") {
        Some(prompts) => Object::new(&at, prompts)?,
        None => Object::empty(&at),
    };
    let named =
        said.entries().filter_map(|(name, text)| Some((name.clone(), text.as_str()?.into()))).collect();
    let mut of = |names: &[&str]| match names.iter().find(|name| said.has(name)) {
        Some(name) => Ok(said.text(name)?.unwrap_or_default()),
        None => Ok::<_, Error>(String::new()),
    };
    // The order of `encode_document`; a `document` that is empty is a prompt, too.
    let prompts = Prompts { query: of(&["query"])?, passage: of(&["document", "passage", "corpus"])? };
    if let Some(name) = json.text("default_prompt_name")? {
        // Which of the two sides another prompt is for, nobody says.
        let sides = ["query", "document", "passage", "corpus"];
        let text = said.text(&name)?;
        if !sides.contains(&name.as_str()) && text.is_none_or(|text| !text.is_empty()) {
            let hint = "a default prompt is read where it is that of queries or documents";
            return Err(json.unsupported("default_prompt_name", &name.into(), hint));
        }
    }
    json.finish(&["__version__", "requirements"])?;
    Ok(Use { named, prompts, similarity })
}

/// What `sentence_bert_config.json`, or the file that has its place, says.
#[derive(Default)]
pub struct Input {
    /// `max_seq_length`, and where it is said.
    pub max_tokens: Option<(usize, String)>,
    /// `do_lower_case`.
    pub lower_case: bool,
}

/// The names the file has had; the first that says something counts.
const INPUT_FILES: [&str; 7] = [
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
];

/// Reads the encoder's own file of the sentence-transformers, in `folder`.
///
/// # Errors
/// [`Error::Format`] or [`Error::Unsupported`] naming file and field.
pub fn input(folder: &str, file: &mut Read) -> Result<Input> {
    for name in INPUT_FILES {
        let place = format!("{folder}{name}");
        let Some(json) = file(&place)? else { continue };
        let mut json = Object::new(&place, json)?;
        if json.names().is_empty() {
            continue;
        }
        let at = json.at("max_seq_length");
        let input = Input {
            max_tokens: json.number("max_seq_length")?.map(|n| (n, at)),
            lower_case: json.flag("do_lower_case")?.unwrap_or(false),
        };
        json.expect("transformer_task", |v| v == "feature-extraction", "feature-extraction is read")?;
        let tokens = "the encoder's last hidden states are read, as token_embeddings";
        json.expect("module_output_name", |v| v == "token_embeddings", tokens)?;
        if let Some(value) = json.take("modality_config") {
            let text = serde_json::json!({"method": "forward", "method_output_name": "last_hidden_state"});
            if value != serde_json::json!({ "text": text }) {
                return Err(json.unsupported("modality_config", &value, tokens));
            }
        }
        for field in ["query_length", "document_length"] {
            json.expect(field, |_| false, "one longest length for all texts is read")?;
        }
        json.expect("query_expansion", nothing, "queries as they are, are read")?;
        json.expect("tokenizer_name_or_path", nothing, "the tokenizer in the folder is read")?;
        let options = "options for loading with transformers are not known here";
        for field in [
            "processing_kwargs",
            "model_args",
            "model_kwargs",
            "tokenizer_args",
            "processor_kwargs",
            "config_args",
            "config_kwargs",
        ] {
            // The one that sentence-transformers itself takes out.
            let neutral = |value: &Value| match value {
                Value::Object(map) => map.keys().all(|key| key == "trust_remote_code"),
                other => nothing(other),
            };
            json.expect(field, neutral, options)?;
        }
        json.finish(&["unpad_inputs"])?;
        return Ok(input);
    }
    Ok(Input::default())
}
