//! Reads `config.json`: the encoder's dimensions.

use serde_json::Value;

use super::object::{Object, is_empty};
use crate::{
    Error, Result,
    architecture::{Activation, Config, Family, Pooling, Rotary, program::RelativeBias},
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

const HINT: &str = "only encoders of the families bert, xlm-roberta, distilbert, mpnet and modernbert, and static embeddings, are supported";

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
        other => {
            let other = if other.is_empty() { "(missing)" } else { other };
            return Err(Error::Unsupported {
                what: format!("{}: {other}", json.at("model_type")),
                hint: HINT.into(),
            });
        }
    };
    json.expect(
        "is_decoder",
        is_empty,
        "only encoders, in which each token attends to all others, are supported",
    )?;
    json.expect(
        "is_causal",
        is_empty,
        "only encoders, in which each token attends to all others, are supported",
    )?;
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
        Family::Static => return Err(json.unsupported("model_type", &kind.into(), HINT)),
    };
    let tokenizer_class = json.text("tokenizer_class")?;
    match family {
        Family::Bert | Family::XlmRoberta => json.finish(IGNORED)?,
        Family::MpNet => json.finish(&[IGNORED, IGNORED_OF_MPNET].concat())?,
        Family::DistilBert => json.finish(&[IGNORED, IGNORED_OF_DISTIL_BERT].concat())?,
        Family::ModernBert => json.finish(&[IGNORED, IGNORED_OF_MODERN_BERT].concat())?,
        Family::Static => {}
    }
    Ok(Architecture { config, kind, tokenizer_class })
}

fn bert(json: &mut Object, family: Family) -> Result<Config> {
    json.expect("position_embedding_type", |v| v == "absolute", "only absolute positions are supported")?;
    let activation = activation(json, "hidden_act")?;
    let padding = json.has("pad_token_id").then(|| json.number("pad_token_id")).transpose()?;
    let first_position = match family {
        Family::Bert | Family::DistilBert | Family::MpNet | Family::ModernBert | Family::Static => 0,
        // Positions are counted from the padding id on.
        Family::XlmRoberta => padding.unwrap_or(Some(1)).map(|id| id.saturating_add(1)).ok_or_else(|| {
            Error::format(
                json.at("pad_token_id"),
                "a whole number, from which positions are counted, is missing",
            )
        })?,
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
        activation: activation(json, "hidden_act")?,
        max_tokens: positions - first_position,
        pooling: Pooling::Mean,
        dense: Vec::new(),
        normalize: false,
        rotary: None,
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
        activation: activation(json, "activation")?,
        max_tokens: positions,
        pooling: Pooling::Mean,
        dense: Vec::new(),
        normalize: false,
        rotary: None,
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
    json.expect("rope_scaling", is_empty, "only rotary positions without scaling are supported")?;
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
    let (theta, local_theta) = thetas(json)?;
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
        activation: activation(json, "hidden_activation")?,
        max_tokens: positions,
        pooling: Pooling::Mean,
        dense: Vec::new(),
        normalize: false,
        rotary: Some(Rotary { theta, global_every, local_theta, window }),
        truncate: None,
        dropped: None,
    })
}

/// The bases of the rotary angles, of blocks with global and with local attention: `rope_parameters`, or the fields of
/// earlier versions.
fn thetas(json: &mut Object) -> Result<(f64, f64)> {
    let theta = json.real("global_rope_theta")?.unwrap_or(160_000.0);
    let local_theta = json.real("local_rope_theta")?.unwrap_or(10_000.0);
    let Some(all) = json.take("rope_parameters") else { return Ok((theta, local_theta)) };
    let mut all = Object::new(&json.at("rope_parameters"), all)?;
    let mut of = |kind: &str, default: f64| {
        let Some(own) = all.take(kind) else { return Ok(default) };
        let mut own = Object::new(&all.at(kind), own)?;
        own.expect("rope_type", |v| v == "default", "only rotary positions without scaling are supported")?;
        let theta = own.real("rope_theta")?.unwrap_or(default);
        own.finish(&[])?;
        Ok(theta)
    };
    let both = (of("full_attention", theta)?, of("sliding_attention", local_theta)?);
    all.finish(&[])?;
    Ok(both)
}

fn activation(json: &mut Object, field: &str) -> Result<Activation> {
    Ok(match json.text(field)?.as_deref() {
        None | Some("gelu" | "gelu_python") => Activation::Gelu,
        Some("gelu_new" | "gelu_pytorch_tanh" | "gelu_fast") => Activation::GeluTanh,
        Some("relu") => Activation::Relu,
        Some(other) => {
            let hint = "only gelu, gelu_new, gelu_pytorch_tanh, gelu_fast and relu are supported";
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
