//! The modules after the encoder, from `modules.json` and the folders that it names.

use std::collections::BTreeMap;

use serde_json::Value;

use super::object::{Object, is_empty};
use crate::{
    Error, Result,
    architecture::{Activation, Dense, Pooling},
    retrieval::Similarity,
    text::Prompts,
};

/// Reads a file of a model folder as a JSON object; `None` if there is no such file.
type ReadObject<'a> = dyn FnMut(&str) -> Result<Option<Value>> + 'a;

/// The modules of a folder.
pub struct Modules {
    /// Whether there is a `modules.json`: without one, sentence-transformers reads none of its own files.
    pub listed: bool,
    /// The folder of the encoder and its tokenizer: empty, or with a trailing slash.
    pub encoder: String,
    /// Whether the encoder is a StaticEmbedding, which pools tokens itself.
    pub is_static: bool,
    pub pooling: Pooling,
    /// The field that excludes prompts from pooling, if it does.
    pub pools_prompt: Option<String>,
    pub dense: Vec<DenseLayer>,
    /// Whether vectors are scaled to length 1.
    pub normalize: bool,
}

/// A dense layer and the folder of its weights.
pub struct DenseLayer {
    pub dense: Dense,
    /// With a trailing slash.
    pub folder: String,
    pub bias: bool,
}

/// Reads `modules.json`. Without one, sentence-transformers uses mean pooling and nothing after it.
///
/// # Errors
/// [`Error::Format`] or [`Error::Unsupported`] naming file and field.
pub fn read(file: &mut ReadObject) -> Result<Modules> {
    const FILE: &str = "modules.json";
    let mut out = Modules {
        listed: false,
        encoder: String::new(),
        is_static: false,
        pooling: Pooling::Mean,
        pools_prompt: None,
        dense: Vec::new(),
        normalize: false,
    };
    let Some(json) = file(FILE)? else { return Ok(out) };
    out.listed = true;
    let Value::Array(list) = json else { return Err(Error::format(FILE, "a list of modules was expected")) };
    // Which modules were seen: none may be missing, or come before one that it needs.
    let (mut first, mut pooled, mut names) = (true, false, Vec::new());
    for (i, module) in list.into_iter().enumerate() {
        let mut module = Object::new(&format!("{FILE}, [{i}]"), module)?;
        let at = module.at("type");
        let kind = module.text("type")?.unwrap_or_default();
        let folder = module.text("path")?.unwrap_or_default();
        let folder = match folder.trim_end_matches('/') {
            "" | "." if !folder.starts_with('/') => String::new(),
            folder => format!("{folder}/"),
        };
        if folder.starts_with('/') || folder.split('/').any(|part| part == "..") {
            return Err(Error::format(
                module.at("path"),
                format!("{folder} is outside of the model's folder"),
            ));
        }
        let name = module.text("name")?;
        if name.is_some() && names.contains(&name) {
            return Err(Error::format(module.at("name"), "two modules have this name"));
        }
        names.push(name);
        module.finish(&["idx", "kwargs"])?;
        let known = kind.strip_prefix("sentence_transformers.").and_then(|k| k.rsplit('.').next());
        let place = format!("{folder}config.json");
        match known.unwrap_or_default() {
            "Transformer" if first => out.encoder = folder,
            "StaticEmbedding" if first => (out.encoder, out.is_static, pooled) = (folder, true, true),
            _ if first => {
                return Err(unsupported(
                    &at,
                    &kind,
                    "the first module is a Transformer or a StaticEmbedding of sentence-transformers",
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
                out.dense.push(DenseLayer { dense, folder, bias });
            }
            "Normalize" if pooled => {
                if let Some(json) = file(&place)? {
                    let mut json = Object::new(&place, json)?;
                    check_reads_vectors(&mut json)?;
                    json.finish(&[])?;
                }
                out.normalize = true;
            }
            // Dropout is only active in training.
            "Dropout" => {}
            "Pooling" | "Dense" | "Normalize" => {
                let hint = "only a Transformer, one Pooling and then Dense and Normalize, or a StaticEmbedding and then \
                            Dense and Normalize, are supported";
                return Err(unsupported(&at, &format!("{kind} in this place"), hint));
            }
            _ => {
                let hint = "only Transformer, StaticEmbedding, Pooling, Dense, Normalize and Dropout of \
                            sentence-transformers are supported";
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

/// Checks that a module reads and writes the text's vector, and nothing else.
fn check_reads_vectors(json: &mut Object) -> Result<()> {
    let vector = |value: &Value| value == "sentence_embedding";
    for field in ["module_input_name", "module_output_name"] {
        json.expect(
            field,
            vector,
            "only modules from and to a text's vector, sentence_embedding, are supported",
        )?;
    }
    Ok(())
}

/// The pooling, and the field that excludes prompts from it.
fn pooling(mut json: Object) -> Result<(Pooling, Option<String>)> {
    // Older folders have a flag for each mode, which newer ones omit or ignore.
    let mut flagged = Vec::new();
    for field in json.names().into_iter().filter(|name| name.starts_with("pooling_mode_")) {
        let mode = field["pooling_mode_".len()..].to_string();
        if !POOLING_FLAGS.contains(&mode.as_str()) {
            let value = json.take(&field).unwrap_or_default();
            return Err(json.unsupported(&field, &value, "this pooling mode is unknown"));
        }
        if json.flag(&field)? == Some(true) {
            flagged.push((mode, field));
        }
    }
    let (modes, at) = match json.take("pooling_mode") {
        Some(Value::String(mode)) => (vec![mode], "pooling_mode".to_string()),
        Some(Value::Array(list)) => {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), Into::into);
            (list.iter().map(text).collect(), "pooling_mode".to_string())
        }
        Some(other) => {
            return Err(json.unsupported("pooling_mode", &other, POOLINGS));
        }
        // The default is the mean.
        None if flagged.is_empty() => (vec!["mean".into()], String::new()),
        None => {
            let (modes, fields): (Vec<_>, Vec<_>) = flagged.into_iter().unzip();
            (modes, fields.join(" and "))
        }
    };
    let pooling = match modes.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["mean_tokens" | "mean"] => Pooling::Mean,
        ["cls_token" | "cls"] => Pooling::Cls,
        ["max_tokens" | "max"] => Pooling::Max,
        ["lasttoken"] => Pooling::Last,
        ["weightedmean_tokens" | "weightedmean"] => Pooling::WeightedMean,
        ["mean_sqrt_len_tokens"] => Pooling::MeanSqrtLength,
        _ => {
            return Err(Error::Unsupported {
                what: format!("{}: pooling by {}", json.at(&at), modes.join(" and ")),
                hint: POOLINGS.into(),
            });
        }
    };
    let prompt = (json.flag("include_prompt")? == Some(false)).then(|| json.at("include_prompt"));
    json.finish(&["word_embedding_dimension", "embedding_dimension"])?;
    Ok((pooling, prompt))
}

const POOLINGS: &str =
    "only one of mean, cls, max, lasttoken, weightedmean and mean_sqrt_len_tokens is supported";

/// What may follow `pooling_mode_`.
const POOLING_FLAGS: [&str; 6] =
    ["cls_token", "max_tokens", "mean_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"];

/// A dense layer, and whether it has a bias.
fn dense(mut json: Object) -> Result<(Dense, bool)> {
    let hint = "only Tanh, Identity, ReLU and GELU of torch.nn are supported";
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
    json.expect("use_residual", is_empty, "only dense layers without a residual are supported")?;
    check_reads_vectors(&mut json)?;
    let bias = json.flag("bias")?.unwrap_or(true);
    let (input, output) = (json.need_number("in_features")?, json.need_number("out_features")?);
    json.finish(&[])?;
    Ok((Dense { input, output, activation, normalized: false }, bias))
}

/// Prompts and similarity, from `config_sentence_transformers.json`.
pub struct Usage {
    /// All prompts by their names.
    pub named: BTreeMap<String, String>,
    pub prompts: Prompts,
    pub similarity: Similarity,
    /// `truncate_dim`, and the field.
    pub truncate: Option<(usize, String)>,
}

/// Reads `config_sentence_transformers.json`.
///
/// # Errors
/// [`Error::Format`] or [`Error::Unsupported`] naming the field.
pub fn usage(mut json: Object) -> Result<Usage> {
    json.expect(
        "model_type",
        |v| v == "SentenceTransformer",
        "only models with one vector per text are supported",
    )?;
    let at = json.at("truncate_dim");
    let truncate = json.number("truncate_dim")?;
    if truncate == Some(0) {
        return Err(Error::format(at, "0 is not a possible number of dimensions"));
    }
    let similarity = match json.take("similarity_fn_name") {
        None => Similarity::Cosine,
        Some(value) => value.as_str().and_then(|name| name.parse().ok()).ok_or_else(|| {
            json.unsupported(
                "similarity_fn_name",
                &value,
                "only cosine, dot, euclidean and manhattan are supported",
            )
        })?,
    };
    let place = json.at("prompts");
    let mut all = match json.take("prompts") {
        Some(prompts) => Object::new(&place, prompts)?,
        None => Object::empty(&place),
    };
    let named =
        all.entries().filter_map(|(name, text)| Some((name.clone(), text.as_str()?.into()))).collect();
    let mut of = |names: &[&str]| match names.iter().find(|name| all.has(name)) {
        Some(name) => Ok(all.text(name)?.unwrap_or_default()),
        None => Ok::<_, Error>(String::new()),
    };
    // The precedence of `encode_document`; an empty `document` is a prompt, too.
    let prompts = Prompts { query: of(&["query"])?, passage: of(&["document", "passage", "corpus"])? };
    if let Some(name) = json.text("default_prompt_name")? {
        // It is unknown whether any other prompt is for queries or for documents.
        let sides = ["query", "document", "passage", "corpus"];
        let text = all.text(&name)?;
        if !sides.contains(&name.as_str()) && text.is_none_or(|text| !text.is_empty()) {
            let hint = "a default prompt is only supported if it is that of queries or documents";
            return Err(json.unsupported("default_prompt_name", &name.into(), hint));
        }
    }
    json.finish(&["__version__", "requirements"])?;
    Ok(Usage { named, prompts, similarity, truncate: truncate.map(|n| (n, at)) })
}

/// The contents of `sentence_bert_config.json`, or of the file in its place.
#[derive(Default)]
pub struct Input {
    /// `max_seq_length`, and the field that sets it.
    pub max_tokens: Option<(usize, String)>,
    /// `do_lower_case`.
    pub lower_case: bool,
}

/// The names of this file, by precedence; empty ones are skipped.
const INPUT_FILES: [&str; 7] = [
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
];

/// Reads the encoder's file for sentence-transformers, in `folder`.
///
/// # Errors
/// [`Error::Format`] or [`Error::Unsupported`] naming file and field.
pub fn input(folder: &str, file: &mut ReadObject) -> Result<Input> {
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
        json.expect(
            "transformer_task",
            |v| v == "feature-extraction",
            "only feature-extraction is supported",
        )?;
        let tokens = "only the encoder's last hidden states, token_embeddings, are supported";
        json.expect("module_output_name", |v| v == "token_embeddings", tokens)?;
        if let Some(value) = json.take("modality_config") {
            let text = serde_json::json!({"method": "forward", "method_output_name": "last_hidden_state"});
            if value != serde_json::json!({ "text": text }) {
                return Err(json.unsupported("modality_config", &value, tokens));
            }
        }
        for field in ["query_length", "document_length"] {
            json.expect(field, |_| false, "only one maximum length for all texts is supported")?;
        }
        json.expect("query_expansion", is_empty, "query expansion is not supported")?;
        json.expect("tokenizer_name_or_path", is_empty, "only the tokenizer in the folder is supported")?;
        let options = "options for loading with transformers are not supported";
        for field in [
            "processing_kwargs",
            "model_args",
            "model_kwargs",
            "tokenizer_args",
            "processor_kwargs",
            "config_args",
            "config_kwargs",
        ] {
            // This key is removed by sentence-transformers itself.
            let neutral = |value: &Value| match value {
                Value::Object(map) => map.keys().all(|key| key == "trust_remote_code"),
                other => is_empty(other),
            };
            json.expect(field, neutral, options)?;
        }
        json.finish(&["unpad_inputs"])?;
        return Ok(input);
    }
    Ok(Input::default())
}
