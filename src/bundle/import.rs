//! Hugging Face and sentence-transformers folders.
//!
//! Read: `config.json`, `tokenizer.json`, `model.safetensors`, and, where they exist, `modules.json`
//! with the folders it names, `sentence_bert_config.json` and `config_sentence_transformers.json`.

use serde_json::Value;

use super::{
    Bundle, Manifest, SelfTest,
    manifest::{FORMAT, TOKENIZER, WEIGHTS},
    weights::{Quantization, Weights},
};
use crate::{
    Error, Result,
    encoder::{Activation, Config, Dense, Family, Pooling},
    text::Prompts,
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

struct Folder<'a> {
    file: &'a mut dyn FnMut(&str) -> Result<Option<Vec<u8>>>,
}

impl Folder<'_> {
    fn read(mut self, name: &str) -> Result<Bundle> {
        let json = self.need_json("config.json")?;
        let modules = self.modules()?;
        let mut weights = canonical(self.weights("")?);
        let mut config = architecture(&json)?;
        config.pooling = modules.pooling;
        config.normalize = modules.normalize;
        for (i, (dense, path)) in modules.dense.into_iter().enumerate() {
            let mut part = self.weights(&format!("{path}/"))?;
            for (from, to) in [("linear.weight", "weight"), ("linear.bias", "bias")] {
                if let Some(array) = part.remove(from) {
                    weights.insert(&format!("dense.{i}.{to}"), array);
                }
            }
            config.dense.push(dense);
        }
        let window = config.positions - config.first_position;
        config.max_tokens = self.max_tokens()?.unwrap_or(window).min(window);
        config.check("config.json")?;
        weights.matrix("embeddings.word_embeddings.weight", config.vocabulary, config.hidden)?;

        let tokenizer = (self.file)(TOKENIZER)?.ok_or_else(|| {
            Error::format(TOKENIZER, "the folder has none; save the model with a fast tokenizer")
        })?;
        let prompts = self.prompts()?;
        Ok(Bundle {
            manifest: Manifest {
                format: FORMAT,
                name: name.into(),
                architecture: config,
                prompts,
                languages: Vec::new(),
                quantization: Quantization::F32,
                licence: "unknown".into(),
                recipe: Value::Null,
                results: Value::Null,
                files: Vec::new(),
                self_test: SelfTest::default(),
            },
            tokenizer,
            weights,
        })
    }

    fn json(&mut self, path: &str) -> Result<Option<Value>> {
        (self.file)(path)?
            .map(|bytes| {
                serde_json::from_slice(&bytes).map_err(|e| Error::format(path, format!("not JSON: {e}")))
            })
            .transpose()
    }

    fn need_json(&mut self, path: &str) -> Result<Value> {
        self.json(path)?.ok_or_else(|| Error::format(path, "the folder has no such file"))
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

    /// Pooling and what follows it; mean pooling and length 1 when the folder does not say.
    fn modules(&mut self) -> Result<Modules> {
        let mut out = Modules { pooling: Pooling::Mean, normalize: true, dense: Vec::new() };
        let Some(json) = self.json("modules.json")? else {
            return Ok(out);
        };
        let list =
            json.as_array().ok_or_else(|| Error::format("modules.json", "a list of modules was expected"))?;
        out.normalize = false;
        for module in list {
            let kind = module["type"].as_str().unwrap_or_default();
            let path = module["path"].as_str().unwrap_or_default();
            match kind.rsplit('.').next().unwrap_or_default() {
                "Transformer" => {}
                "Pooling" => {
                    let at = format!("{path}/config.json");
                    out.pooling = pooling(&at, &self.need_json(&at)?)?;
                }
                "Dense" => {
                    let at = format!("{path}/config.json");
                    let json = self.need_json(&at)?;
                    out.dense.push((dense(&at, &json)?, path.to_string()));
                }
                "Normalize" => out.normalize = true,
                "Dropout" => {}
                _ => {
                    return Err(Error::Unsupported {
                        what: format!("modules.json: module {kind}"),
                        hint: "Transformer, Pooling, Dense, Normalize and Dropout are read".into(),
                    });
                }
            }
        }
        Ok(out)
    }

    fn max_tokens(&mut self) -> Result<Option<usize>> {
        for path in ["sentence_bert_config.json", "sentence_xlm-roberta_config.json"] {
            if let Some(json) = self.json(path)?
                && let Some(n) = json["max_seq_length"].as_u64()
            {
                return Ok(Some(n as usize));
            }
        }
        let json = self.json("tokenizer_config.json")?.unwrap_or_default();
        // Some tokenizers say 1e30 for "no limit".
        Ok(json["model_max_length"].as_u64().filter(|&n| n < 1_000_000).map(|n| n as usize))
    }

    fn prompts(&mut self) -> Result<Prompts> {
        let json = self.json("config_sentence_transformers.json")?.unwrap_or_default();
        let of = |names: &[&str]| {
            names.iter().find_map(|n| json["prompts"][n].as_str()).unwrap_or_default().to_string()
        };
        Ok(Prompts { query: of(&["query"]), passage: of(&["passage", "document"]) })
    }
}

struct Modules {
    pooling: Pooling,
    normalize: bool,
    /// With the folder of each.
    dense: Vec<(Dense, String)>,
}

/// Names without the prefix that a wrapping class gave them, and without tensors that are not used.
fn canonical(weights: Weights) -> Weights {
    let prefix = weights
        .iter()
        .find_map(|(n, _)| n.strip_suffix("embeddings.word_embeddings.weight"))
        .unwrap_or_default()
        .to_string();
    let mut out = Weights::default();
    for (name, array) in weights.iter() {
        if let Some(short) = name.strip_prefix(&prefix)
            && (short.starts_with("embeddings.") || short.starts_with("encoder."))
        {
            // Names from before 2019, still found in converted checkpoints.
            let short = short
                .replace("LayerNorm.gamma", "LayerNorm.weight")
                .replace("LayerNorm.beta", "LayerNorm.bias");
            out.insert(&short, array.clone());
        }
    }
    out
}

fn architecture(json: &Value) -> Result<Config> {
    let at = |field: &str| format!("config.json, {field}");
    let number = |field: &str| {
        json[field]
            .as_u64()
            .map(|n| n as usize)
            .ok_or_else(|| Error::format(at(field), "a whole number is missing"))
    };
    let family = match json["model_type"].as_str() {
        Some("bert") => Family::Bert,
        Some("xlm-roberta" | "roberta" | "camembert") => Family::XlmRoberta,
        other => {
            return Err(Error::Unsupported {
                what: format!("config.json: model_type {}", other.unwrap_or("(missing)")),
                hint: "encoders of the families bert and xlm-roberta are read".into(),
            });
        }
    };
    if let Some(kind) = json["position_embedding_type"].as_str()
        && kind != "absolute"
    {
        return Err(Error::Unsupported {
            what: format!("config.json: position_embedding_type {kind}"),
            hint: "absolute positions are read".into(),
        });
    }
    let activation = match json["hidden_act"].as_str().unwrap_or("gelu") {
        "gelu" => Activation::Gelu,
        "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Activation::GeluTanh,
        "relu" => Activation::Relu,
        other => {
            return Err(Error::Unsupported {
                what: format!("config.json: hidden_act {other}"),
                hint: "gelu, gelu_new, gelu_pytorch_tanh and relu are read".into(),
            });
        }
    };
    let first_position = match family {
        Family::Bert => 0,
        Family::XlmRoberta => json["pad_token_id"].as_u64().unwrap_or(1).saturating_add(1) as usize,
    };
    let positions = number("max_position_embeddings")?;
    if positions <= first_position {
        return Err(Error::format(at("max_position_embeddings"), format!("{positions} is too few")));
    }
    Ok(Config {
        family,
        vocabulary: number("vocab_size")?,
        hidden: number("hidden_size")?,
        layers: number("num_hidden_layers")?,
        heads: number("num_attention_heads")?,
        intermediate: number("intermediate_size")?,
        positions,
        first_position,
        layer_norm_epsilon: json["layer_norm_eps"].as_f64().unwrap_or(1e-12),
        activation,
        max_tokens: positions - first_position,
        pooling: Pooling::Mean,
        dense: Vec::new(),
        normalize: true,
    })
}

fn pooling(at: &str, json: &Value) -> Result<Pooling> {
    let mut found = Vec::new();
    // Newer folders name the mode, older ones have a switch for each.
    match &json["pooling_mode"] {
        Value::Null => {
            for (field, value) in json.as_object().into_iter().flatten() {
                if let Some(mode) = field.strip_prefix("pooling_mode_")
                    && value.as_bool() == Some(true)
                {
                    found.push(mode.to_string());
                }
            }
        }
        Value::String(mode) => found.push(mode.clone()),
        other => found.push(other.to_string()),
    }
    match found.iter().map(|s| s.as_str()).collect::<Vec<_>>()[..] {
        ["mean_tokens" | "mean"] => Ok(Pooling::Mean),
        ["cls_token" | "cls"] => Ok(Pooling::Cls),
        ["max_tokens" | "max"] => Ok(Pooling::Max),
        _ => Err(Error::Unsupported {
            what: format!("{at}: pooling by {}", found.join(" and ")),
            hint: "one of mean, cls and max is read".into(),
        }),
    }
}

fn dense(at: &str, json: &Value) -> Result<Dense> {
    let number = |field: &str| {
        json[field]
            .as_u64()
            .map(|n| n as usize)
            .ok_or_else(|| Error::format(format!("{at}, {field}"), "a whole number is missing"))
    };
    let name = json["activation_function"].as_str().unwrap_or("Tanh");
    let activation = match name.rsplit('.').next().unwrap_or_default() {
        "Tanh" => Activation::Tanh,
        "Identity" => Activation::Identity,
        "ReLU" => Activation::Relu,
        "GELU" => Activation::Gelu,
        _ => {
            return Err(Error::Unsupported {
                what: format!("{at}: activation_function {name}"),
                hint: "Tanh, Identity, ReLU and GELU are read".into(),
            });
        }
    };
    if json["use_residual"].as_bool() == Some(true) {
        return Err(Error::Unsupported {
            what: format!("{at}: use_residual true"),
            hint: "dense layers without a residual are read".into(),
        });
    }
    if json["bias"].as_bool() == Some(false) {
        return Err(Error::Unsupported {
            what: format!("{at}: bias false"),
            hint: "dense layers with a bias are read".into(),
        });
    }
    Ok(Dense { input: number("in_features")?, output: number("out_features")?, activation })
}
