//! `config.json`: the shape of the encoder.

use super::object::{Object, nothing};
use crate::{
    Error, Result,
    architecture::{Activation, Config, Family, Pooling},
};

/// Fields that change no vector: training, generation, heads, and where the file came from.
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

/// What `config.json` says.
pub struct Architecture {
    /// With mean pooling, and nothing after it.
    pub config: Config,
    /// `model_type`, which names the tokenizer's class where nothing else does.
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
        other => {
            let other = if other.is_empty() { "(missing)" } else { other };
            return Err(Error::Unsupported {
                what: format!("{}: {other}", json.at("model_type")),
                hint: "encoders of the families bert and xlm-roberta are read".into(),
            });
        }
    };
    json.expect("position_embedding_type", |v| v == "absolute", "absolute positions are read")?;
    json.expect("is_decoder", nothing, "encoders are read, in which each token sees all others")?;
    json.expect("is_causal", nothing, "encoders are read, in which each token sees all others")?;
    json.expect("add_cross_attention", nothing, "encoders that stand alone are read")?;
    json.expect("is_encoder_decoder", nothing, "encoders that stand alone are read")?;
    json.expect("cross_attention_hidden_size", nothing, "encoders that stand alone are read")?;
    json.expect("pruned_heads", nothing, "models with all their heads are read")?;
    json.expect("auto_map", nothing, "models that bring code of their own are not run")?;
    json.expect("quantization_config", nothing, "weights in f32, f16 or bf16 are read")?;
    let activation = match json.text("hidden_act")?.as_deref() {
        None | Some("gelu" | "gelu_python") => Activation::Gelu,
        Some("gelu_new" | "gelu_pytorch_tanh" | "gelu_fast") => Activation::GeluTanh,
        Some("relu") => Activation::Relu,
        Some(other) => {
            let hint = "gelu, gelu_new, gelu_pytorch_tanh, gelu_fast and relu are read";
            return Err(json.unsupported("hidden_act", &other.into(), hint));
        }
    };
    let padding = json.has("pad_token_id").then(|| json.number("pad_token_id")).transpose()?;
    let first_position = match family {
        Family::Bert => 0,
        // Positions are counted from the padding's id on.
        Family::XlmRoberta => padding.unwrap_or(Some(1)).map(|id| id.saturating_add(1)).ok_or_else(|| {
            Error::format(
                json.at("pad_token_id"),
                "a whole number is missing, from which positions are counted",
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
    let epsilon = json.take("layer_norm_eps");
    let layer_norm_epsilon = match epsilon.as_ref().map(|value| value.as_f64()) {
        None => 1e-12,
        Some(Some(epsilon)) if epsilon > 0.0 && epsilon < 1.0 => epsilon,
        Some(_) => {
            return Err(Error::format(json.at("layer_norm_eps"), "a small number above 0 is expected"));
        }
    };
    let hidden = json.need_number("hidden_size")?;
    json.expect("embedding_size", |v| v == hidden, "embeddings as wide as the blocks are read")?;
    let config = Config {
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
    };
    let tokenizer_class = json.text("tokenizer_class")?;
    json.finish(IGNORED)?;
    Ok(Architecture { config, kind, tokenizer_class })
}
