//! A folder's tokenizer as transformers builds it from `tokenizer.json` and the files next to it.
//!
//! Most classes that `tokenizer_class` can name take only the vocabulary from `tokenizer.json`, and make the rest
//! themselves, by `tokenizer_config.json`. Tokens are then added in the order in which transformers adds them, by the
//! library that it uses.

use serde_json::{Value, json};
use tokenizers::AddedToken;

use super::object::{Object, is_empty};
use crate::{
    Error, Problem, Result, sha256,
    text::{Tokenizer, caught},
};

type ReadFile<'a> = dyn FnMut(&str) -> Result<Option<Value>> + 'a;

/// Tokens with a role, in the order in which they are added.
const ROLES: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// Fields of `tokenizer_config.json` that change no vector: the file's origin, arguments of other calls, and fields
/// that the classes no longer use.
const IGNORED: &[&str] = &[
    "_commit_hash",
    "add_bos_token",
    "add_eos_token",
    "backend",
    "chat_control_tokens",
    "chat_template",
    "clean_up_tokenization_spaces",
    "do_basic_tokenize",
    "errors",
    "from_slow",
    "is_local",
    "local_files_only",
    "max_length",
    "name_or_path",
    "never_split",
    "pad_to_multiple_of",
    "pad_token_type_id",
    "processor_class",
    "response_schema",
    "response_template",
    "sp_model_kwargs",
    "spaces_between_special_tokens",
    "special_tokens_map_file",
    "stride",
    "tokenizer_file",
    "trim_offsets",
    "truncation_strategy",
    "use_default_system_prompt",
    "use_fast",
    "verbose",
    "vocab_file",
];

/// The class in transformers that makes the tokenizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// `tokenizer.json` as it is.
    Generic,
    Bert,
    XlmRoberta,
    Roberta,
    Camembert,
    MpNet,
    Qwen2,
    Llama,
    Gemma,
}

impl Class {
    fn named(name: &str) -> Option<Self> {
        Some(match name.strip_suffix("Fast").unwrap_or(name) {
            "PreTrainedTokenizer" | "TokenizersBackend" | "PythonBackend" => Self::Generic,
            // Several names of one class.
            "BertTokenizer"
            | "DistilBertTokenizer"
            | "ElectraTokenizer"
            | "LayoutLMTokenizer"
            | "MobileBertTokenizer"
            | "SqueezeBertTokenizer" => Self::Bert,
            "XLMRobertaTokenizer" => Self::XlmRoberta,
            "RobertaTokenizer" => Self::Roberta,
            "CamembertTokenizer" => Self::Camembert,
            "MPNetTokenizer" => Self::MpNet,
            "Qwen2Tokenizer" => Self::Qwen2,
            "LlamaTokenizer" => Self::Llama,
            "GemmaTokenizer" => Self::Gemma,
            _ => return None,
        })
    }

    /// The default class of a model type.
    fn of(model_type: &str) -> Self {
        match model_type {
            "xlm-roberta" => Self::XlmRoberta,
            "roberta" => Self::Roberta,
            "camembert" => Self::Camembert,
            "modernbert" | "llama" | "mistral" => Self::Generic,
            "mpnet" => Self::MpNet,
            "qwen2" | "qwen3" => Self::Qwen2,
            "gemma3_text" => Self::Gemma,
            _ => Self::Bert,
        }
    }

    /// The class that is used in place of a named one.
    fn in_place_of(self, model_type: &str, file: &[u8]) -> Self {
        match (model_type, self) {
            ("mistral", _) => Self::Generic,
            ("qwen2", _) => Self::Qwen2,
            // The class knows no vocabulary of bytes.
            (_, Self::Llama) if String::from_utf8_lossy(file).contains("\"ByteLevel\"") => Self::Generic,
            _ => self,
        }
    }

    /// The type of vocabulary that it needs.
    fn model(self) -> Option<&'static str> {
        match self {
            Self::Generic => None,
            Self::Bert | Self::MpNet => Some("WordPiece"),
            Self::XlmRoberta | Self::Camembert => Some("Unigram"),
            Self::Roberta | Self::Qwen2 | Self::Llama | Self::Gemma => Some("BPE"),
        }
    }

    /// The default token of a role.
    fn default(self, role: &str) -> Option<AddedToken> {
        let content = match (self, role) {
            (Self::Generic, _) | (Self::Bert, "bos_token" | "eos_token") => return None,
            (Self::Bert | Self::MpNet, "unk_token") => "[UNK]",
            (Self::Bert, "sep_token") => "[SEP]",
            (Self::Bert, "pad_token") => "[PAD]",
            (Self::Bert, "cls_token") => "[CLS]",
            (Self::Bert, _) => "[MASK]",
            (Self::Qwen2, "unk_token" | "eos_token" | "pad_token") => "<|endoftext|>",
            (Self::Llama, "unk_token") => "<unk>",
            (Self::Llama, "bos_token") => "<s>",
            (Self::Llama, "eos_token") => "</s>",
            (Self::Qwen2 | Self::Llama, _) => return None,
            (Self::Gemma, "unk_token") => "<unk>",
            (Self::Gemma, "bos_token") => "<bos>",
            (Self::Gemma, "eos_token") => "<eos>",
            (Self::Gemma, "pad_token") => "<pad>",
            (Self::Gemma, "mask_token") => "<mask>",
            (Self::Gemma, _) => return None,
            (_, "bos_token" | "cls_token") => "<s>",
            (_, "eos_token" | "sep_token") => "</s>",
            (_, "unk_token") => "<unk>",
            (_, "pad_token") => "<pad>",
            _ => "<mask>",
        };
        Some(match self {
            Self::MpNet => self.token(content, role),
            _ => AddedToken::from(content, true).lstrip(self == Self::Camembert && role == "mask_token"),
        })
    }

    /// The token of a role that a file has as text alone.
    fn token(self, content: &str, role: &str) -> AddedToken {
        match self {
            Self::MpNet => AddedToken::from(content, false).lstrip(role == "mask_token"),
            _ => AddedToken::from(content, true),
        }
    }
}

/// A folder's tokenizer, before it is built.
pub struct TokenizerFiles {
    /// The contents of `tokenizer.json`.
    bytes: Vec<u8>,
    document: Value,
    place: String,
    class: Class,
    left: bool,
    tokens: Vec<AddedToken>,
    roles: Roles,
    /// Whether the model gets token types.
    types: bool,
    options: ClassOptions,
    /// The maximum length, and the field that sets it.
    pub max_tokens: Option<(usize, String)>,
}

/// Settings of the classes.
struct ClassOptions {
    lower_case: bool,
    chinese: bool,
    strip_accents: Option<bool>,
    prefix_space: Option<bool>,
    legacy: bool,
}

/// Reads the tokenizer's files in `folder`. `class` is from `config.json`. Without `bytes`, the contents of
/// `tokenizer.json`, the other files are still read and checked as far as possible.
///
/// # Errors
/// [`Error::Format`] or [`Error::Unsupported`] naming file and field.
pub fn read(
    folder: &str,
    bytes: Option<Vec<u8>>,
    (kind, class): (&str, Option<String>),
    file: &mut ReadFile,
) -> Result<TokenizerFiles> {
    let place = format!("{folder}tokenizer.json");
    let is_there = bytes.is_some();
    let bytes = bytes.unwrap_or_default();
    let document: Value = match is_there {
        true => serde_json::from_slice(&bytes)
            .map_err(|e| Error::format(&place, Problem::of(format!("not JSON: {e}"), e)))?,
        false => Value::Null,
    };
    if is_there && !document["model"].is_object() {
        return Err(Error::format(format!("{place}, model"), "a JSON object is expected"));
    }
    let at = format!("{folder}tokenizer_config.json");
    let mut config = match file(&at)? {
        Some(json) => Object::new(&at, json)?,
        None => Object::empty(&at),
    };

    let named = config.text("tokenizer_class")?.map(|name| (name, config.at("tokenizer_class")));
    let named = named.or_else(|| Some((class?, format!("{folder}config.json, tokenizer_class"))));
    let (class, said_by) = match named {
        None => (Class::of(kind), format!("{folder}config.json, model_type")),
        Some((name, at)) => match Class::named(&name) {
            Some(class) => (class.in_place_of(kind, &bytes), at),
            None => {
                return Err(Error::Unsupported {
                    what: format!("{at}: {name}"),
                    hint: "only tokenizers of BERT, RoBERTa, XLM-RoBERTa, CamemBERT, MPNet, Qwen2, Llama and Gemma, and those of class \
                           PreTrainedTokenizerFast, are supported"
                        .into(),
                });
            }
        },
    };
    let model = document["model"]["type"].as_str().unwrap_or(match &document["model"] {
        // Files of the first versions have no type.
        model if model["merges"].is_array() => "BPE",
        model if model["vocab"].is_array() => "Unigram",
        _ => "WordPiece",
    });
    if let Some(expected) = class.model()
        && expected != model
        && is_there
    {
        return Err(Error::Unsupported {
            what: format!("{said_by}: a tokenizer with a vocabulary of type {expected}"),
            hint: format!(
                "{place} has one of type {model}; set tokenizer_class to PreTrainedTokenizerFast to use it as it is"
            ),
        });
    }

    let types = model_inputs(&mut config, class)?;
    let side = |value: Option<String>, at: String| match value.as_deref() {
        None => Ok(None),
        Some("left" | "Left") => Ok(Some(true)),
        Some("right" | "Right") => Ok(Some(false)),
        Some(other) => Err(Error::format(at, format!("left or right is expected, not {other}"))),
    };
    let at = config.at("truncation_side");
    let left = side(config.text("truncation_side")?, at)?;
    let own = &document["truncation"]["direction"];
    let own = side(own.as_str().map(Into::into), format!("{place}, truncation, direction"))?;
    let left = left.or(own).unwrap_or(false);
    let at = config.at("padding_side");
    let padding = side(config.text("padding_side")?, at)?;
    let own = &document["padding"]["direction"];
    let own = side(own.as_str().map(Into::into), format!("{place}, padding, direction"))?;
    if kind == "bert" && padding.or(own) == Some(true) {
        return Err(Error::Unsupported {
            what: format!("{}: left", config.at("padding_side")),
            hint: "the vector of a text would depend on the others of its batch; pad on the right".into(),
        });
    }
    config.expect(
        "split_special_tokens",
        is_empty,
        "only tokenizers that find special tokens in texts are supported",
    )?;
    config.expect(
        "fix_mistral_regex",
        is_empty,
        "only tokenizers of the BERT and RoBERTa families are supported",
    )?;
    config.expect("auto_map", is_empty, "tokenizers with code of their own are not run")?;
    config.expect("init_inputs", is_empty, "only tokenizers that are defined by fields are supported")?;
    let max_tokens = max_tokens(&mut config)?;
    let prefix_space = config.flag("add_prefix_space")?;
    let options = ClassOptions {
        lower_case: config.flag("do_lower_case")?.unwrap_or(true),
        chinese: config.flag("tokenize_chinese_chars")?.unwrap_or(true),
        strip_accents: config.flag("strip_accents")?,
        prefix_space,
        legacy: config.flag("legacy")?.unwrap_or(false),
    };
    let (tokens, roles) = tokens(folder, class, &mut config, &document, file)?;
    config.finish(IGNORED)?;
    Ok(TokenizerFiles { bytes, document, place, class, left, tokens, roles, types, options, max_tokens })
}

/// Whether the model gets token types; refuses models that get no attention mask.
fn model_inputs(config: &mut Object, class: Class) -> Result<bool> {
    let Some(value) = config.take("model_input_names") else { return Ok(class == Class::Bert) };
    let names: Vec<&str> = value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !names.contains(&"input_ids") || !names.contains(&"attention_mask") {
        let hint = "only models with an attention_mask, which marks padding, are supported";
        return Err(config.unsupported("model_input_names", &value, hint));
    }
    Ok(names.contains(&"token_type_ids"))
}

/// `model_max_length`, or `max_len` in the first versions; 1e30 or so stands for no limit.
fn max_tokens(config: &mut Object) -> Result<Option<(usize, String)>> {
    let mut said = None;
    for field in ["max_len", "model_max_length"] {
        let at = config.at(field);
        if let Some(value) = config.take(field) {
            said = match (value.as_u64(), value.as_f64()) {
                (_, Some(n)) if n > 1e20 => None,
                (Some(n), _) => Some((usize::try_from(n).unwrap_or(usize::MAX), at)),
                _ => return Err(Error::format(at, format!("a whole number is expected, not {value}"))),
            };
        }
    }
    Ok(said)
}

/// The token that a field describes.
fn token(value: &Value, at: &str, special: Option<bool>) -> Result<AddedToken> {
    if let Some(content) = value.as_str() {
        return Ok(AddedToken::from(content, true));
    }
    let Some(content) = value["content"].as_str() else {
        return Err(Error::format(at, format!("a token is expected, not {value}")));
    };
    let flag = |name: &str, otherwise: bool| match &value[name] {
        Value::Null => Ok(otherwise),
        Value::Bool(flag) => Ok(*flag),
        other => {
            Err(Error::format(format!("{at}, {name}"), format!("true or false is expected, not {other}")))
        }
    };
    let special = match special {
        Some(special) => special,
        None => flag("special", false)?,
    };
    let known = ["__type", "id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"];
    let fields = value.as_object().into_iter().flatten();
    if let Some((name, _)) = fields.into_iter().find(|(name, _)| !known.contains(&name.as_str())) {
        return Err(Error::format(format!("{at}, {name}"), "tokens have no such field"));
    }
    Ok(AddedToken::from(content, special)
        .single_word(flag("single_word", false)?)
        .lstrip(flag("lstrip", false)?)
        .rstrip(flag("rstrip", false)?)
        .normalized(flag("normalized", !special)?))
}

/// Tokens by their role, or by a name of their own.
type Roles = Vec<(String, AddedToken)>;

fn set(roles: &mut Roles, name: &str, token: AddedToken) {
    match roles.iter_mut().find(|(other, _)| other == name) {
        Some((_, there)) => *there = token,
        None => roles.push((name.into(), token)),
    }
}

/// Takes the tokens of a field that lists them, with or without names.
fn listed(roles: &mut Roles, extra: &mut Option<Vec<AddedToken>>, at: &str, value: &Value) -> Result<()> {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                set(roles, name, token(value, at, None)?);
            }
        }
        Value::Array(values) => {
            *extra = Some(values.iter().map(|value| token(value, at, None)).collect::<Result<_>>()?);
        }
        other => return Err(Error::format(at, format!("a list of tokens is expected, not {other}"))),
    }
    Ok(())
}

/// The tokens to add, in order, and those by role.
type AddedTokens = (Vec<AddedToken>, Roles);

fn tokens(
    folder: &str,
    class: Class,
    config: &mut Object,
    document: &Value,
    file: &mut ReadFile,
) -> Result<AddedTokens> {
    let mut numbered: Vec<(u64, AddedToken)> = Vec::new();
    let mut put = |id: u64, token: AddedToken| match numbered.iter_mut().find(|(other, _)| *other == id) {
        Some((_, there)) => *there = token,
        None => numbered.push((id, token)),
    };
    let mut roles = Vec::new();
    let mut extra = None;

    // The tokens in `tokenizer_config.json`: by role, by a name of their own, and further ones.
    for name in ROLES {
        set(&mut roles, name, AddedToken::default());
        let at = config.at(name);
        if let Some(value) = config.take(name) {
            let token = match value.as_str() {
                Some(content) => class.token(content, name),
                None => token(&value, &at, None)?,
            };
            set(&mut roles, name, token);
        } else if let Some(token) = class.default(name) {
            set(&mut roles, name, token);
        }
    }
    for name in config.names().into_iter().filter(|name| name.ends_with("_token")) {
        let at = config.at(&name);
        if let Some(value) = config.take(&name).filter(|value| value.is_string() || value.is_object()) {
            set(&mut roles, &name, token(&value, &at, None)?);
        }
    }
    for field in ["additional_special_tokens", "extra_special_tokens", "model_specific_special_tokens"] {
        let at = config.at(field);
        if let Some(value) = config.take(field).filter(|value| !is_empty(value)) {
            listed(&mut roles, &mut extra, &at, &value)?;
        }
    }

    let at = config.at("added_tokens_decoder");
    let numbers = config.has("added_tokens_decoder");
    let decoder = config.take("added_tokens_decoder");
    if numbers {
        // Then the older files and the list in `tokenizer.json` are ignored.
        for (id, value) in decoder.as_ref().and_then(Value::as_object).into_iter().flatten() {
            let at = format!("{at}, {id}");
            let id = id.parse().map_err(|_| Error::format(&at, "the number of a token is expected"))?;
            put(id, token(value, &at, None)?);
        }
    } else {
        let at = format!("{folder}special_tokens_map.json");
        if let Some(map) = file(&at)? {
            let map = Object::new(&at, map)?;
            for (name, value) in map.entries() {
                let at = map.at(name);
                match name.as_str() {
                    "additional_special_tokens" | "extra_special_tokens" => {
                        listed(&mut roles, &mut extra, &at, value)?
                    }
                    _ if value.is_null() => {}
                    role if ROLES.contains(&role) && value.is_string() => {
                        set(&mut roles, role, class.token(value.as_str().unwrap_or_default(), role));
                    }
                    _ => set(&mut roles, name, token(value, &at, value.is_object().then_some(true))?),
                }
            }
        }
        let at = format!("{folder}added_tokens.json");
        if let Some(map) = file(&at)? {
            for (content, id) in Object::new(&at, map)?.entries() {
                let id = id.as_u64().ok_or_else(|| {
                    Error::format(
                        format!("{at}, {content}"),
                        format!("the number of a token is expected, not {id}"),
                    )
                })?;
                let special = roles.iter().any(|(_, token)| token.content == *content)
                    || extra.iter().flatten().any(|token| token.content == *content);
                put(id, AddedToken::from(content.as_str(), special));
            }
        }
        let at = format!("{folder}tokenizer.json, added_tokens");
        for value in document["added_tokens"].as_array().into_iter().flatten() {
            let id = value["id"].as_u64();
            let id = id.ok_or_else(|| Error::format(&at, format!("{value} has no number, `id`")))?;
            put(id, token(value, &at, None)?);
        }
    }
    if class == Class::Camembert && extra.is_none() {
        extra = Some(["<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"].map(|t| AddedToken::from(t, true)).into());
    }

    // A token that is listed by its id has the properties given there, whatever its role.
    for (name, token) in &mut roles {
        let listed = numbered.iter().rev().find(|(_, other)| other.content == token.content);
        if let Some((_, listed)) = listed
            && ROLES.contains(&name.as_str())
        {
            *token = listed.clone();
        }
    }
    roles.retain(|(_, token)| !token.content.is_empty());
    numbered.sort_by_key(|(id, _)| *id);
    let mut all: Vec<AddedToken> = numbered.into_iter().map(|(_, token)| token).collect();
    // Tokens of a `tokenizer.json` that is used as a whole are not added again.
    let mut there: Vec<String> = match class {
        Class::Generic => {
            let own = document["added_tokens"].as_array().into_iter().flatten();
            own.filter_map(|token| token["content"].as_str().map(Into::into)).collect()
        }
        _ => Vec::new(),
    };
    there.extend(all.iter().map(|token| token.content.clone()));
    for token in roles.iter().map(|(_, token)| token).chain(extra.iter().flatten()) {
        if !there.contains(&token.content) && !all.contains(token) {
            all.push(token.clone());
        }
    }
    for token in &mut all {
        token.special |= roles.iter().any(|(_, role)| role.content == token.content);
    }
    Ok((all, roles))
}

impl TokenizerFiles {
    /// The tokenizer as one `tokenizer.json`: the folder's own bytes, unless another file changes them. Texts are
    /// lower-cased first if `lower_case`, and truncated to `max_tokens`.
    ///
    /// # Errors
    /// [`Error::Format`] naming file and field.
    pub fn finish(self, lower_case: bool, max_tokens: usize) -> Result<Vec<u8>> {
        let place = self.place.clone();
        caught(|| self.build(lower_case, max_tokens))
            .unwrap_or_else(|problem| Err(Error::format(place, problem)))
    }

    /// A vocabulary in memory takes many times its file's bytes, so there is only one at a time.
    fn build(mut self, lower_case: bool, max_tokens: usize) -> Result<Vec<u8>> {
        let mut document = self.rebuilt();
        let wrong = |e: tokenizers::Error| Error::format(&self.place, e);
        if lower_case && !has_lower_case(&document["normalizer"]) {
            let mut steps = vec![json!({"type": "Lowercase"})];
            match document["normalizer"].take() {
                Value::Null => {}
                Value::Object(mut map) if map.get("type").is_some_and(|t| t == "Sequence") => {
                    if let Some(Value::Array(inner)) = map.remove("normalizers") {
                        steps.extend(inner);
                    }
                }
                other => steps.push(other),
            }
            document["normalizer"] = json!({"type": "Sequence", "normalizers": steps});
        }
        let bytes =
            |document: &Value| serde_json::to_vec(document).map_err(|e| Error::format(&self.place, e));
        let text = bytes(&document)?;
        drop(document);
        let mut tokenizer = tokenizers::Tokenizer::from_bytes(&text).map_err(wrong)?;
        drop(text);
        tokenizer.add_tokens(self.tokens.iter().cloned()).map_err(wrong)?;
        let template = self.template(&tokenizer);
        let mut made = to_json(&tokenizer, &self.place)?;
        drop(tokenizer);
        if let Some(template) = template {
            made["post_processor"] = template;
        }
        let parts = |document: &Value| {
            let parts = ["normalizer", "pre_tokenizer", "post_processor", "model", "added_tokens"];
            parts.iter().map(|part| Ok(sha256(&bytes(&document[part])?))).collect::<Result<Vec<_>>>()
        };
        let made_parts = parts(&made)?;
        made["padding"] = Value::Null;
        made["truncation"] = match self.left {
            true => {
                json!({"direction": "Left", "max_length": max_tokens, "strategy": "LongestFirst", "stride": 0})
            }
            false => Value::Null,
        };
        let made = {
            let document = made;
            bytes(&document)?
        };
        // As written by the library, to find actual differences only.
        let own = tokenizers::Tokenizer::from_bytes(&self.bytes).map_err(wrong)?;
        let own_left =
            own.get_truncation().is_some_and(|t| t.direction == tokenizers::TruncationDirection::Left);
        let own = {
            let tokenizer = own;
            to_json(&tokenizer, &self.place)?
        };
        let own_parts = parts(&own)?;
        drop(own);
        let out = match own_left == self.left && own_parts == made_parts {
            true => self.bytes,
            false => made,
        };
        let place = self.place;
        let tokenizer = Tokenizer::from_json(&out, max_tokens).map_err(|e| match e {
            // The message names the file without its folder.
            Error::Format { place: at, problem, source } => {
                Error::Format { place: at.replacen("tokenizer.json", &place, 1), problem, source }
            }
            other => other,
        })?;
        for text in ["", "A text, 1 & two: ÄÖ\u{301} 漢字 \u{1f600} \u{0}"] {
            let encoding = tokenizer.inner().encode(text, true).map_err(|e| Error::format(&place, e))?;
            if self.types && encoding.get_type_ids().iter().any(|&id| id != 0) {
                return Err(Error::Unsupported {
                    what: format!("{place}, post_processor: a type_id other than 0"),
                    hint: "texts are encoded as first segments".into(),
                });
            }
        }
        Ok(out)
    }

    /// `tokenizer.json` as the class rebuilds it, without added tokens.
    fn rebuilt(&mut self) -> Value {
        let mut document = std::mem::take(&mut self.document);
        let (model, options) = (&document["model"], &self.options);
        let metaspace = |otherwise| {
            let scheme = if options.prefix_space.unwrap_or(otherwise) { "always" } else { "never" };
            json!({"type": "Sequence", "pretokenizers": [
                {"type": "WhitespaceSplit"},
                {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": true},
            ]})
        };
        let (mut made, normalizer, pre_tokenizer) = match self.class {
            Class::Generic => return document,
            Class::Bert | Class::MpNet => (
                json!({
                    "type": "WordPiece", "unk_token": self.role("unk_token"), "continuing_subword_prefix": "##",
                    "max_input_chars_per_word": 100,
                }),
                json!({
                    "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": options.chinese,
                    "strip_accents": options.strip_accents, "lowercase": options.lower_case,
                }),
                json!({"type": "BertPreTokenizer"}),
            ),
            Class::XlmRoberta | Class::Camembert => {
                let unknown = match self.class {
                    Class::XlmRoberta => 3,
                    _ => {
                        let entries = model["vocab"].as_array().into_iter().flatten();
                        let unknown = self.role("unk_token");
                        entries.into_iter().position(|e| e[0] == unknown).unwrap_or(0)
                    }
                };
                (
                    json!({"type": "Unigram", "unk_id": unknown, "byte_fallback": false}),
                    charsmap(&document["normalizer"]),
                    metaspace(true),
                )
            }
            Class::Qwen2 => (
                json!({
                    "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "",
                    "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                    "merges": model["merges"],
                }),
                json!({"type": "NFC"}),
                json!({"type": "Sequence", "pretokenizers": [
                    {
                        "type": "Split", "pattern": {"Regex": QWEN2_PIECES}, "behavior": "Isolated",
                        "invert": false,
                    },
                    {
                        "type": "ByteLevel", "add_prefix_space": options.prefix_space.unwrap_or(false),
                        "trim_offsets": true, "use_regex": false,
                    },
                ]}),
            ),
            Class::Llama => {
                let scheme = match (options.prefix_space.unwrap_or(true), options.legacy) {
                    (true, true) => "always",
                    (true, false) => "first",
                    (false, _) => "never",
                };
                (
                    json!({
                        "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                        "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true,
                        "ignore_merges": false, "merges": model["merges"],
                    }),
                    Value::Null,
                    json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": false}),
                )
            }
            Class::Gemma => (
                json!({
                    "type": "BPE", "dropout": null, "unk_token": self.role("unk_token"),
                    "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": true,
                    "byte_fallback": true, "ignore_merges": false, "merges": model["merges"],
                }),
                json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"}),
                json!({
                    "type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious",
                    "invert": false,
                }),
            ),
            Class::Roberta => (
                json!({
                    "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "",
                    "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                    "merges": model["merges"],
                }),
                Value::Null,
                json!({
                    "type": "ByteLevel", "add_prefix_space": options.prefix_space.unwrap_or(false),
                    "trim_offsets": true, "use_regex": true,
                }),
            ),
        };
        let mut out = json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": normalizer,
            "pre_tokenizer": pre_tokenizer, "post_processor": null, "decoder": document["decoder"],
        });
        if matches!(self.class, Class::Qwen2 | Class::Llama | Class::Gemma) {
            out["post_processor"] = document["post_processor"].take();
        }
        made["vocab"] = document["model"]["vocab"].take();
        out["model"] = made;
        out
    }

    fn role(&self, name: &str) -> &str {
        self.roles.iter().find(|(role, _)| role == name).map_or("", |(_, token)| &token.content)
    }

    /// The special tokens around a text, if the class defines them; `None` if `tokenizer.json` does.
    fn template(&self, tokenizer: &tokenizers::Tokenizer) -> Option<Value> {
        let id = |role: &str| {
            let content = self.role(role).to_string();
            let id = tokenizer.token_to_id(&content);
            let id = id.or_else(|| tokenizer.token_to_id(self.role("unk_token"))).unwrap_or_default();
            (content, id)
        };
        let (first, last) = match self.class {
            Class::Generic | Class::Qwen2 | Class::Llama | Class::Gemma => return None,
            Class::Bert | Class::Roberta | Class::MpNet => (id("cls_token"), id("sep_token")),
            Class::XlmRoberta | Class::Camembert => (id("bos_token"), id("eos_token")),
        };
        if matches!(self.class, Class::Roberta | Class::MpNet) {
            return Some(json!({
                "type": "RobertaProcessing", "sep": [last.0, last.1], "cls": [first.0, first.1],
                "trim_offsets": true, "add_prefix_space": self.options.prefix_space.unwrap_or(false),
            }));
        }
        let token = |(content, _): &(String, u32), kind: u32| json!({"SpecialToken": {"id": content, "type_id": kind}});
        let text = |id: &str, kind: u32| json!({"Sequence": {"id": id, "type_id": kind}});
        let mut pair = vec![token(&first, 0), text("A", 0), token(&last, 0)];
        // Never used, as there is no second text; written as the class has it.
        match self.class {
            Class::Bert => pair.extend([text("B", 1), token(&last, 1)]),
            _ => pair.extend([token(&last, 0), text("B", 0), token(&last, 0)]),
        }
        let mut special = serde_json::Map::new();
        for (content, id) in [&first, &last] {
            special.insert(content.clone(), json!({"id": content, "ids": [id], "tokens": [content]}));
        }
        Some(json!({
            "type": "TemplateProcessing", "single": [token(&first, 0), text("A", 0), token(&last, 0)],
            "pair": pair, "special_tokens": special,
        }))
    }
}

fn to_json(tokenizer: &tokenizers::Tokenizer, place: &str) -> Result<Value> {
    let text = tokenizer.to_string(false).map_err(|e| Error::format(place, e))?;
    serde_json::from_str(&text).map_err(|e| Error::format(place, e))
}

/// How Qwen2's class splits texts into pieces whose bytes are then merged.
const QWEN2_PIECES: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Whether a normalizer has a step that lower-cases.
fn has_lower_case(normalizer: &Value) -> bool {
    let is = |step: &Value| step["type"] == "Lowercase";
    is(normalizer) || normalizer["normalizers"].as_array().into_iter().flatten().any(is)
}

/// SentencePiece's character map, the only step of a normalizer that is kept.
fn charsmap(normalizer: &Value) -> Value {
    let is = |step: &&Value| step["type"] == "Precompiled";
    let steps = normalizer["normalizers"].as_array();
    let found = match steps {
        Some(steps) if normalizer["type"] == "Sequence" => steps.iter().find(is),
        _ => Some(normalizer).filter(is),
    };
    found.cloned().unwrap_or(Value::Null)
}
