//! Reads `config.json`: the encoder's dimensions.

use serde_json::Value;

use super::object::{Object, is_empty};
use crate::{
    Error, Result,
    architecture::{
        Activation, Config, Decoder, Family, MOST_BLOCKS, Pooling, Rotary, program::RelativeBias,
    },
};

/// Fields that change no vector: training, generation, heads, and the file's origin.
const IGNORED: &[&str] = &[
    "_attn_implementation",
    "_attn_implementation_autoset",
    "_name_or_path",
    "_num_labels",
    "architectures",
    "attention_probs_dropout_prob",
    "attn_implementation",
    "bad_words_ids",
    "begin_suppress_tokens",
    "bos_token_id",
    "chunk_size_feed_forward",
    "classifier_dropout",
    "cls_token_id",
    "decoder_start_token_id",
    "directionality",
    "diversity_penalty",
    "do_sample",
    "dtype",
    "early_stopping",
    "encoder_no_repeat_ngram_size",
    "eos_token_id",
    "exponential_decay_length_penalty",
    "finetuning_task",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "gradient_checkpointing",
    "hidden_dropout_prob",
    "id2label",
    "initializer_factor",
    "initializer_range",
    "label2id",
    "length_penalty",
    "mask_token_id",
    "max_length",
    "min_length",
    "no_repeat_ngram_size",
    "num_beam_groups",
    "num_beams",
    "num_labels",
    "num_return_sequences",
    "output_attentions",
    "output_hidden_states",
    "output_past",
    "output_scores",
    "pooler_fc_size",
    "pooler_num_attention_heads",
    "pooler_num_fc_layers",
    "pooler_size_per_head",
    "pooler_type",
    "prefix",
    "problem_type",
    "remove_invalid_values",
    "repetition_penalty",
    "return_dict",
    "return_dict_in_generate",
    "sep_token_id",
    "suppress_tokens",
    "task_specific_params",
    "temperature",
    "tf_legacy_loss",
    "tie_encoder_decoder",
    "tie_word_embeddings",
    "top_k",
    "top_p",
    "torch_dtype",
    "torchscript",
    "transformers_version",
    "transformers.js_config",
    "type_vocab_size",
    "typical_p",
    "use_bfloat16",
    "use_cache",
    "xla_device",
];

/// Further ones of DistilBERT; its positions are in the checkpoint, even if they are sinusoidal.
const IGNORED_OF_DISTIL_BERT: &[&str] = &[
    "attention_dropout",
    "dropout",
    "pad_token_id",
    "qa_dropout",
    "seq_classif_dropout",
    "sinusoidal_pos_embds",
];

/// Further ones of ModernBERT, including the padding id.
const IGNORED_OF_MODERN_BERT: &[&str] = &[
    "attention_dropout",
    "classifier_activation",
    "classifier_bias",
    "classifier_pooling",
    "decoder_bias",
    "deterministic_flash_attn",
    "embedding_dropout",
    "initializer_cutoff_factor",
    "mlp_dropout",
    "reference_compile",
    "repad_logits_with_grad",
    "sparse_pred_ignore_index",
    "sparse_prediction",
    "pad_token_id",
];

/// Further ones of MPNet: its positions start after token 1, whatever the padding id.
const IGNORED_OF_MPNET: &[&str] = &["pad_token_id"];

/// Further ones of decoders, including the padding id.
const IGNORED_OF_DECODERS: &[&str] = &[
    "_sliding_window_pattern",
    "attention_dropout",
    "cache_implementation",
    "final_logit_softcapping",
    "is_decoder",
    "max_window_layers",
    "pad_token_id",
    "pretraining_tp",
];

const HINT: &str = "only encoders of the families bert, xlm-roberta, distilbert, mpnet and modernbert, decoders of the families \
                    llama, mistral, qwen2, qwen3 and gemma3_text, and static embeddings, are supported";

/// The contents of `config.json`.
pub struct Architecture {
    /// With mean pooling, and no module after it.
    pub config: Config,
    /// `model_type`, which determines the tokenizer's class if nothing else does.
    pub kind: String,
    /// `tokenizer_class`.
    pub tokenizer_class: Option<String>,
}

/// Reads `config.json`.
///
/// # Errors
/// [`Error::Format`] or [`Error::Unsupported`] naming the field.
pub fn read(mut json: Object) -> Result<Architecture> {
    let kind = json.text("model_type")?.unwrap_or_default();
    let family = match kind.as_str() {
        "bert" => Family::Bert,
        "xlm-roberta" | "roberta" | "camembert" => Family::XlmRoberta,
        "distilbert" => Family::DistilBert,
        "modernbert" => Family::ModernBert,
        "mpnet" => Family::MpNet,
        "llama" | "mistral" | "qwen2" => Family::Llama,
        "qwen3" => Family::Qwen3,
        "gemma3_text" => Family::Gemma3,
        other => {
            let other = if other.is_empty() { "(missing)" } else { other };
            return Err(Error::Unsupported {
                what: format!("{}: {other}", json.at("model_type")),
                hint: HINT.into(),
            });
        }
    };
    match family {
        Family::Llama | Family::Qwen3 | Family::Gemma3 => {
            let hint = "only decoders are supported whose attention is causal, or bidirectional by use_bidirectional_attention";
            json.expect("is_causal", |value| value == true, hint)?;
        }
        _ => {
            for field in ["is_decoder", "is_causal"] {
                let hint = "only encoders, in which each token attends to all others, are supported";
                json.expect(field, is_empty, hint)?;
            }
        }
    }
    json.expect("add_cross_attention", is_empty, "only stand-alone encoders are supported")?;
    json.expect("is_encoder_decoder", is_empty, "only stand-alone encoders are supported")?;
    json.expect("cross_attention_hidden_size", is_empty, "only stand-alone encoders are supported")?;
    json.expect("pruned_heads", is_empty, "only models with all their heads are supported")?;
    json.expect("auto_map", is_empty, "models with code of their own are not run")?;
    json.expect("quantization_config", is_empty, "only weights in f32, f16 or bf16 are supported")?;
    let config = match family {
        Family::Bert | Family::XlmRoberta => bert(&mut json, family)?,
        Family::MpNet => mpnet(&mut json)?,
        Family::DistilBert => distil_bert(&mut json)?,
        Family::ModernBert => modern_bert(&mut json)?,
        Family::Llama | Family::Qwen3 => decoder(&mut json, &kind, family)?,
        Family::Gemma3 => gemma(&mut json)?,
        Family::Static => return Err(json.unsupported("model_type", &kind.into(), HINT)),
    };
    let tokenizer_class = json.text("tokenizer_class")?;
    match family {
        Family::Bert | Family::XlmRoberta => json.finish(IGNORED)?,
        Family::MpNet => json.finish(&[IGNORED, IGNORED_OF_MPNET].concat())?,
        Family::DistilBert => json.finish(&[IGNORED, IGNORED_OF_DISTIL_BERT].concat())?,
        Family::ModernBert => json.finish(&[IGNORED, IGNORED_OF_MODERN_BERT].concat())?,
        Family::Llama | Family::Qwen3 | Family::Gemma3 => {
            json.finish(&[IGNORED, IGNORED_OF_DECODERS].concat())?
        }
        Family::Static => {}
    }
    Ok(Architecture { config, kind, tokenizer_class })
}

fn bert(json: &mut Object, family: Family) -> Result<Config> {
    json.expect("position_embedding_type", |v| v == "absolute", "only absolute positions are supported")?;
    let activation = activation(json, "hidden_act", Activation::Gelu)?;
    let padding = json.has("pad_token_id").then(|| json.number("pad_token_id")).transpose()?;
    let first_position = match family {
        // Positions are counted from the padding id on.
        Family::XlmRoberta => padding.unwrap_or(Some(1)).map(|id| id.saturating_add(1)).ok_or_else(|| {
            Error::format(
                json.at("pad_token_id"),
                "a whole number, from which positions are counted, is missing",
            )
        })?,
        _ => 0,
    };
    let positions = json.need_number("max_position_embeddings")?;
    if positions <= first_position {
        return Err(Error::format(
            json.at("max_position_embeddings"),
            format!("{positions} is too few: the first token has number {first_position}"),
        ));
    }
    let layer_norm_epsilon = small(json, "layer_norm_eps", 1e-12)?;
    let hidden = json.need_number("hidden_size")?;
    json.expect("embedding_size", |v| v == hidden, "only embeddings as wide as the blocks are supported")?;
    Ok(Config {
        family,
        vocabulary: json.need_number("vocab_size")?,
        hidden,
        layers: json.need_number("num_hidden_layers")?,
        heads: json.need_number("num_attention_heads")?,
        intermediate: json.need_number("intermediate_size")?,
        positions,
        first_position,
        layer_norm_epsilon,
        activation,
        max_tokens: positions - first_position,
        pooling: Pooling::Mean,
        dense: Vec::new(),
        normalize: false,
        rotary: None,
        decoder: None,
        truncate: None,
        dropped: None,
    })
}

/// `MPNetConfig`.
fn mpnet(json: &mut Object) -> Result<Config> {
    // transformers sorts distances into this many, whatever the size of the table.
    let buckets = RelativeBias::BUCKETS;
    let hint = format!("only {buckets} buckets of distances are supported, as transformers uses no more");
    json.expect("relative_attention_num_buckets", |v| v == buckets, &hint)?;
    let first_position = 2;
    let positions = json.need_number("max_position_embeddings")?;
    if positions <= first_position {
        return Err(Error::format(
            json.at("max_position_embeddings"),
            format!("{positions} is too few: the first token has number {first_position}"),
        ));
    }
    Ok(Config {
        family: Family::MpNet,
        vocabulary: json.need_number("vocab_size")?,
        hidden: json.need_number("hidden_size")?,
        layers: json.need_number("num_hidden_layers")?,
        heads: json.need_number("num_attention_heads")?,
        intermediate: json.need_number("intermediate_size")?,
        positions,
        first_position,
        layer_norm_epsilon: small(json, "layer_norm_eps", 1e-12)?,
        activation: activation(json, "hidden_act", Activation::Gelu)?,
        max_tokens: positions - first_position,
        pooling: Pooling::Mean,
        dense: Vec::new(),
        normalize: false,
        rotary: None,
        decoder: None,
        truncate: None,
        dropped: None,
    })
}

/// `DistilBertConfig`.
fn distil_bert(json: &mut Object) -> Result<Config> {
    let positions = json.need_number("max_position_embeddings")?;
    Ok(Config {
        family: Family::DistilBert,
        vocabulary: json.need_number("vocab_size")?,
        hidden: json.need_number("dim")?,
        layers: json.need_number("n_layers")?,
        heads: json.need_number("n_heads")?,
        intermediate: json.need_number("hidden_dim")?,
        positions,
        first_position: 0,
        // Not in the configuration: it is fixed in transformers' code.
        layer_norm_epsilon: 1e-12,
        activation: activation(json, "activation", Activation::Gelu)?,
        max_tokens: positions,
        pooling: Pooling::Mean,
        dense: Vec::new(),
        normalize: false,
        rotary: None,
        decoder: None,
        truncate: None,
        dropped: None,
    })
}

/// `ModernBertConfig`, as written by transformers 5 and by earlier versions.
fn modern_bert(json: &mut Object) -> Result<Config> {
    let positions = ["absolute", "sans_pos"];
    json.expect(
        "position_embedding_type",
        |v| positions.iter().any(|p| v == p),
        "only rotary positions are supported",
    )?;
    for field in ["norm_bias", "attention_bias", "mlp_bias"] {
        json.expect(field, is_empty, "only layers without biases are supported")?;
    }
    let layers = json.need_number("num_hidden_layers")?;
    let global_every = json.number("global_attn_every_n_layers")?.unwrap_or(3);
    if global_every == 0 {
        let at = json.at("global_attn_every_n_layers");
        return Err(Error::format(at, "0 is not allowed"));
    }
    let kind = |i: usize| if i.is_multiple_of(global_every) { "full_attention" } else { "sliding_attention" };
    let same = |value: &Value| match value.as_array() {
        Some(kinds) => kinds.len() == layers && kinds.iter().enumerate().all(|(i, found)| found == kind(i)),
        None => false,
    };
    let hint =
        "only models in which every global_attn_every_n_layers-th block has global attention are supported";
    json.expect("layer_types", same, hint)?;
    let (theta, local_theta) =
        thetas(json, ["global_rope_theta", "local_rope_theta"], [160_000.0, 10_000.0])?;
    let window = json.number("local_attention")?.unwrap_or(128) / 2;
    let positions = json.need_number("max_position_embeddings")?;
    let hidden = json.need_number("hidden_size")?;
    Ok(Config {
        family: Family::ModernBert,
        vocabulary: json.need_number("vocab_size")?,
        hidden,
        layers,
        heads: json.need_number("num_attention_heads")?,
        intermediate: json.need_number("intermediate_size")?,
        positions,
        first_position: 0,
        layer_norm_epsilon: small(json, "norm_eps", 1e-5)?,
        activation: activation(json, "hidden_activation", Activation::Gelu)?,
        max_tokens: positions,
        pooling: Pooling::Mean,
        dense: Vec::new(),
        normalize: false,
        rotary: Some(Rotary { theta, global_every, local_theta, window }),
        decoder: None,
        truncate: None,
        dropped: None,
    })
}

/// `LlamaConfig`, `MistralConfig`, `Qwen2Config` and `Qwen3Config`.
fn decoder(json: &mut Object, kind: &str, family: Family) -> Result<Config> {
    let (hidden, heads) = (json.need_number("hidden_size")?, json.need_number("num_attention_heads")?);
    let layers = blocks(json)?;
    // A null stands for as many as heads, a missing field for the class's default.
    let default = match kind {
        "mistral" => 8,
        "qwen2" | "qwen3" => 32,
        _ => heads,
    };
    let is_null = json.has("num_key_value_heads");
    let kv_heads = json.number("num_key_value_heads")?.unwrap_or(if is_null { heads } else { default });
    let divided = hidden.checked_div(heads).unwrap_or(0);
    let default = if kind == "qwen3" { 128 } else { divided };
    let head_width = json.number("head_dim")?.unwrap_or(default);
    let has_bias = json.flag("attention_bias")?.unwrap_or(false);
    let (qkv_bias, output_bias) = match kind {
        "qwen2" => (true, false),
        "mistral" => (false, false),
        _ => (has_bias, has_bias),
    };
    let inner_bias = match kind {
        "llama" => json.flag("mlp_bias")?.unwrap_or(false),
        _ => false,
    };
    let (local, window) = match kind {
        "mistral" => {
            let hint = "blocks of different kinds are not supported in a Mistral";
            json.expect("layer_types", is_empty, hint)?;
            let is_null = json.has("sliding_window");
            let window = json.number("sliding_window")?.or(Some(4096).filter(|_| !is_null));
            (window.map(|_| vec![true; layers]).unwrap_or_default(), window)
        }
        "llama" => (Vec::new(), None),
        _ => windows(json, layers)?,
    };
    if window == Some(0) {
        return Err(Error::format(json.at("sliding_window"), "0 is not allowed"));
    }
    let theta = theta(json)?;
    let positions = json.need_number("max_position_embeddings")?;
    let decoder = Decoder {
        kv_heads,
        head_width,
        scaling: head_width,
        causal: true,
        theta,
        local,
        local_theta: None,
        // A token is in its own window.
        window: window.map_or(0, |window| window - 1),
        qkv_bias,
        output_bias,
        inner_bias,
    };
    Ok(Config {
        family,
        vocabulary: json.need_number("vocab_size")?,
        hidden,
        layers,
        heads,
        intermediate: json.need_number("intermediate_size")?,
        positions,
        first_position: 0,
        layer_norm_epsilon: small(json, "rms_norm_eps", 1e-6)?,
        activation: activation(json, "hidden_act", Activation::Silu)?,
        max_tokens: positions,
        pooling: Pooling::Mean,
        dense: Vec::new(),
        normalize: false,
        rotary: None,
        decoder: Some(decoder),
        truncate: None,
        dropped: None,
    })
}

/// `Gemma3TextConfig`.
fn gemma(json: &mut Object) -> Result<Config> {
    let (hidden, heads) = (json.need_number("hidden_size")?, json.need_number("num_attention_heads")?);
    let layers = blocks(json)?;
    let has_bias = json.flag("attention_bias")?.unwrap_or(false);
    let causal = !json.flag("use_bidirectional_attention")?.unwrap_or(false);
    json.expect("attn_logit_softcapping", is_empty, "only attention without softcapping is supported")?;
    let pattern = json.number("sliding_window_pattern")?.unwrap_or(6);
    if pattern == 0 {
        return Err(Error::format(json.at("sliding_window_pattern"), "0 is not allowed"));
    }
    let local = match layer_types(json, layers)? {
        Some(local) => local,
        None => (1..=layers).map(|block| !block.is_multiple_of(pattern)).collect(),
    };
    let is_null = json.has("sliding_window");
    let window = json.number("sliding_window")?.or(Some(4096).filter(|_| !is_null));
    let window = match window {
        // The whole window is half behind a token and half ahead of it.
        Some(window) if !causal => window / 2,
        Some(window) if window > 0 => window - 1,
        None if !local.contains(&true) => 0,
        _ => return Err(Error::format(json.at("sliding_window"), "a number above 0 is expected")),
    };
    let (theta, local_theta) = thetas(json, ["rope_theta", "rope_local_base_freq"], [1_000_000.0, 10_000.0])?;
    let positions = json.need_number("max_position_embeddings")?;
    let decoder = Decoder {
        kv_heads: json.number("num_key_value_heads")?.unwrap_or(4),
        head_width: json.number("head_dim")?.unwrap_or(256),
        scaling: json.number("query_pre_attn_scalar")?.unwrap_or(256),
        causal,
        theta,
        local,
        local_theta: Some(local_theta),
        window,
        qkv_bias: has_bias,
        output_bias: has_bias,
        inner_bias: false,
    };
    Ok(Config {
        family: Family::Gemma3,
        vocabulary: json.need_number("vocab_size")?,
        hidden,
        layers,
        heads,
        intermediate: json.need_number("intermediate_size")?,
        positions,
        first_position: 0,
        layer_norm_epsilon: small(json, "rms_norm_eps", 1e-6)?,
        activation: activation(json, "hidden_activation", Activation::GeluTanh)?,
        max_tokens: positions,
        pooling: Pooling::Mean,
        dense: Vec::new(),
        normalize: false,
        rotary: None,
        decoder: Some(decoder),
        truncate: None,
        dropped: None,
    })
}

/// Which blocks of a Qwen have windows (`layer_types`, or those from `max_window_layers` on), and the window.
fn windows(json: &mut Object, layers: usize) -> Result<(Vec<bool>, Option<usize>)> {
    let is_used = json.flag("use_sliding_window")?.unwrap_or(false);
    let is_null = json.has("sliding_window");
    let window = json.number("sliding_window")?.or(Some(4096).filter(|_| !is_null)).filter(|_| is_used);
    let first = json.number("max_window_layers")?.unwrap_or(28);
    let local = match layer_types(json, layers)? {
        Some(local) => local,
        None => (0..layers).map(|block| window.is_some() && block >= first).collect(),
    };
    if !local.contains(&true) {
        return Ok((Vec::new(), None));
    }
    match window {
        Some(window) => Ok((local, Some(window))),
        None => Err(Error::format(
            json.at("layer_types"),
            "some blocks have sliding_attention, but use_sliding_window and sliding_window give no window",
        )),
    }
}

/// The number of blocks, which a file may claim to be any.
fn blocks(json: &mut Object) -> Result<usize> {
    let layers = json.need_number("num_hidden_layers")?;
    if layers > MOST_BLOCKS {
        let problem = format!("{layers} is not a possible number of blocks");
        return Err(Error::format(json.at("num_hidden_layers"), problem));
    }
    Ok(layers)
}

/// For each block whether it has a window, by `layer_types`.
fn layer_types(json: &mut Object, layers: usize) -> Result<Option<Vec<bool>>> {
    let Some(types) = json.take("layer_types") else { return Ok(None) };
    let kind = |value: &Value| match value.as_str() {
        Some("full_attention") => Some(false),
        Some("sliding_attention") => Some(true),
        _ => None,
    };
    let all: Option<Vec<bool>> = types.as_array().and_then(|types| types.iter().map(kind).collect());
    match all {
        Some(all) if all.len() == layers => Ok(Some(all)),
        _ => {
            let hint = "only full_attention and sliding_attention are supported, one for each block";
            Err(json.unsupported("layer_types", &types, hint))
        }
    }
}

const UNSCALED: &str = "only rotary positions without scaling are supported";

/// The base of the rotary angles: `rope_scaling` or `rope_parameters`, or the field of earlier versions.
fn theta(json: &mut Object) -> Result<f64> {
    json.expect("partial_rotary_factor", |value| value.as_f64() == Some(1.0), UNSCALED)?;
    let theta = json.real("rope_theta")?.unwrap_or(10_000.0);
    let mut own = theta;
    // The first of them that is not empty replaces the other.
    let mut is_read = false;
    for field in ["rope_scaling", "rope_parameters"] {
        let Some(value) = json.take(field).filter(|value| !is_empty(value)) else { continue };
        let mut all = Object::new(&json.at(field), value)?;
        for field in ["rope_type", "type"] {
            all.expect(field, |value| value == "default", UNSCALED)?;
        }
        all.expect("partial_rotary_factor", |value| value.as_f64() == Some(1.0), UNSCALED)?;
        let said = all.real("rope_theta")?;
        all.finish(&[])?;
        if !is_read {
            own = said.unwrap_or(theta);
        }
        is_read = true;
    }
    Ok(own)
}

/// The bases of the rotary angles, of blocks with global and with local attention: `rope_parameters`, or the fields of
/// earlier versions.
fn thetas(json: &mut Object, fields: [&str; 2], defaults: [f64; 2]) -> Result<(f64, f64)> {
    let theta = json.real(fields[0])?.unwrap_or(defaults[0]);
    let local_theta = json.real(fields[1])?.unwrap_or(defaults[1]);
    if let Some(scaling) = json.take("rope_scaling").filter(|scaling| !is_empty(scaling)) {
        let mut scaling = Object::new(&json.at("rope_scaling"), scaling)?;
        for field in ["rope_type", "type"] {
            scaling.expect(field, |value| value == "default", UNSCALED)?;
        }
        scaling.finish(&[])?;
    }
    let Some(all) = json.take("rope_parameters") else { return Ok((theta, local_theta)) };
    let mut all = Object::new(&json.at("rope_parameters"), all)?;
    let mut of = |kind: &str, default: f64| {
        let Some(own) = all.take(kind) else { return Ok(default) };
        let mut own = Object::new(&all.at(kind), own)?;
        own.expect("rope_type", |v| v == "default", UNSCALED)?;
        let theta = own.real("rope_theta")?.unwrap_or(default);
        own.finish(&[])?;
        Ok(theta)
    };
    let both = (of("full_attention", theta)?, of("sliding_attention", local_theta)?);
    all.finish(&[])?;
    Ok(both)
}

fn activation(json: &mut Object, field: &str, default: Activation) -> Result<Activation> {
    Ok(match json.text(field)?.as_deref() {
        None => default,
        Some("gelu" | "gelu_python") => Activation::Gelu,
        Some("gelu_new" | "gelu_pytorch_tanh" | "gelu_fast") => Activation::GeluTanh,
        Some("relu") => Activation::Relu,
        Some("silu" | "swish") => Activation::Silu,
        Some(other) => {
            let hint =
                "only gelu, gelu_new, gelu_pytorch_tanh, gelu_fast, relu, silu and swish are supported";
            return Err(json.unsupported(field, &other.into(), hint));
        }
    })
}

/// A field with a number between 0 and 1.
fn small(json: &mut Object, field: &str, default: f64) -> Result<f64> {
    let value = json.take(field);
    match value.as_ref().map(|value| value.as_f64()) {
        None => Ok(default),
        Some(Some(value)) if value > 0.0 && value < 1.0 => Ok(value),
        Some(_) => Err(Error::format(json.at(field), "a small number above 0 is expected")),
    }
}
