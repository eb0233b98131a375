#!/usr/bin/env python3
"""Writes odd model folders, and what sentence-transformers makes of them, for tests/folders.rs.

    pip install sentence-transformers==6.2.0 transformers==5.23.0 torch==2.15.0
    tests/reference/folders.py

Each case is a folder that says something in an unusual place. Written into folders/ beside this script:

    cases.json           the texts; of each case its name, its files, and which file and field it is refused by,
                         if it is; a file is its JSON, or @NAME for a file beside cases.json, or {"from": NAME,
                         "set": {…}} for such a file with some fields replaced
    *.safetensors, *-tokenizer.json   the files that cases share: small, randomly initialised, exact in f16
    vectors.safetensors  CASE.query and, where it differs, CASE.passage: the vectors of the texts by
                         encode_query and encode_document; CASE.scores: queries against passages

A case that is not refused has to give these vectors. Where sentence-transformers itself fails on a refused
case, its reason is printed. All vectors are computed in f32 on the CPU.
"""

import copy
import json
import logging
import shutil
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True

import torch
import transformers
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertModel, XLMRobertaConfig, XLMRobertaModel

from make import F32, randomise, unigram, word_piece
from texts import STORY

HERE = Path(__file__).parent / "folders"
WIDTH, POSITIONS, SPARE = 32, 40, 4

TEXTS = [
    "The baker opens at Six and sells BREAD.",
    "die Ölmühle über dem Fluß, café",
    "  blanks\tbefore, \n between   and behind  ",
    "",
    "one <ent> two<ent>three [MASK] four <mask> five",
    "<pad> padding [PAD] within <pad> <pad> a text </s> [SEP]",
    "她在 市场 sells 2 breads",
    "the end of this text is cut, or its beginning is, since it goes on and on and has more words than fit "
    "into the window of a model as small as this one, in the shop and on the street and in the town",
    "query: is it a prompt?",
    "Ⅳ ﬁne ½ ＡＢＣ e\u0301\u0308",
]

CASES = []
BLOBS = {}


def case(name, files, refused=None, scores=False, passage=None, normalize=False):
    """`normalize` scales vectors to length 1, again if they were truncated. `refused` is the file and the field by which the folder has to be refused. `passage` is a prompt with
    which passages are encoded, where that is not what encode_document does."""
    assert all(name != other["name"] for other in CASES), name
    CASES.append({"name": name, "files": files, "refused": refused, "scores": scores, "passage": passage, "normalize": normalize})


def pooling(**fields):
    return {"embedding_dimension": WIDTH, "pooling_mode": "mean", "include_prompt": True} | fields


def modules(*kinds):
    """modules.json for a Transformer and what follows it, each in its folder."""
    types = {
        "Transformer": "sentence_transformers.base.modules.transformer.Transformer",
        "Pooling": "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
        "Dense": "sentence_transformers.base.modules.dense.Dense",
        "Normalize": "sentence_transformers.base.modules.normalize.Normalize",
        "Dropout": "sentence_transformers.sentence_transformer.modules.dropout.Dropout",
        "LayerNorm": "sentence_transformers.sentence_transformer.modules.layer_norm.LayerNorm",
    }
    kinds = ["Transformer", *kinds]
    return [
        {"idx": i, "name": str(i), "path": f"{i}_{kind}" if i else "", "type": types.get(kind, kind)}
        for i, kind in enumerate(kinds)
    ]


def bert(*after, **changed):
    """A folder of BERT's family as sentence-transformers saves it. `changed` are whole files, by name with __ for
    a slash and _ for a dot, or fields of config.json and tokenizer_config.json in dictionaries."""
    return folder("bert", after, changed)


def xlm_r(*after, **changed):
    return folder("xlm-r", after, changed)


def folder(kind, after, changed):
    after = after or ("Pooling", "Normalize")
    files = {
        "config.json": copy.deepcopy(CONFIGS[kind]),
        "model.safetensors": f"@{kind}.safetensors",
        "tokenizer.json": f"@{kind}-tokenizer.json",
        "tokenizer_config.json": copy.deepcopy(TOKENIZERS[kind]),
        "modules.json": modules(*after),
        "sentence_bert_config.json": {"max_seq_length": 24, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": {}, "default_prompt_name": None, "similarity_fn_name": "cosine"},
    }
    for i, module in enumerate(after, 1):
        if module == "Pooling":
            files[f"{i}_Pooling/config.json"] = pooling()
    for path, value in changed.items():
        path = NAMES.get(path, path)
        if value is None:
            files.pop(path, None)
        elif isinstance(value, dict) and isinstance(files.get(path), dict) and not value.pop("whole", False):
            files[path] |= value
            files[path] = {k: v for k, v in files[path].items() if v is not DROP}
        else:
            files[path] = value
    return files


DROP = object()
NAMES = {
    "config": "config.json",
    "weights": "model.safetensors",
    "tokenizer": "tokenizer.json",
    "tokens": "tokenizer_config.json",
    "modules": "modules.json",
    "sentence": "sentence_bert_config.json",
    "usage": "config_sentence_transformers.json",
    "pooled": "1_Pooling/config.json",
    "special": "special_tokens_map.json",
    "added": "added_tokens.json",
}
CONFIGS, TOKENIZERS = {}, {}


def patched(kind, **fields):
    """The tokenizer.json of a kind with some fields replaced."""
    return {"from": f"{kind}-tokenizer.json", "set": fields}


def dense(activation="torch.nn.modules.activation.Tanh", size=(WIDTH, 24), **fields):
    out = {"in_features": size[0], "out_features": size[1], "bias": True, "activation_function": activation}
    return {k: v for k, v in (out | fields).items() if v is not DROP}


def with_dense(*after, bias=True, **fields):
    """A BERT folder whose Dense layers have weights of their own."""
    files, width = bert(*after), WIDTH
    for i, module in enumerate(after, 1):
        if module == "Dense":
            files[f"{i}_Dense/config.json"] = dense(size=(width, 24), bias=bias, **fields)
            name = f"dense-{width}-{'bias' if bias else 'none'}.safetensors"
            files[f"{i}_Dense/model.safetensors"] = f"@{name}"
            if name not in BLOBS:
                torch.manual_seed(width + bias)
                layer = torch.nn.Linear(width, 24, bias=bias)
                randomise(layer, 0.2)
                BLOBS[name] = {f"linear.{k}": v.half().contiguous() for k, v in layer.state_dict().items()}
            width = 24
    return files


def make_bodies():
    lines = [line for language in ["en", "de"] for line in STORY[language]] + TEXTS
    for i, (kind, make, model_class, config_class, more) in enumerate([
        ("bert", word_piece, BertModel, BertConfig, {"type_vocab_size": 2}),
        ("xlm-r", unigram, XLMRobertaModel, XLMRobertaConfig, {"type_vocab_size": 1, "layer_norm_eps": 1e-5}),
        ("roberta", byte_pairs, XLMRobertaModel, XLMRobertaConfig, {"type_vocab_size": 1, "layer_norm_eps": 1e-5}),
    ]):
        torch.manual_seed(i)
        tokenizer, special = make(lines, 300)
        if kind == "xlm-r":
            # As it is published.
            tokenizer.normalizer = None
            tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
                [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
            )
        size = tokenizer.get_vocab_size()
        config = config_class(
            vocab_size=size + SPARE, hidden_size=WIDTH, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=48, max_position_embeddings=POSITIONS,
            pad_token_id=tokenizer.token_to_id(special["pad_token"]), **more,
        )
        body = model_class(config, add_pooling_layer=False).eval()
        randomise(body, 0.15)
        BLOBS[f"{kind}.safetensors"] = {k: v.half().contiguous() for k, v in body.state_dict().items()}
        # A model with a head has a prefix before every name.
        if kind == "bert":
            prefixed = {f"bert.{k}": v for k, v in BLOBS["bert.safetensors"].items()}
            BLOBS["masked.safetensors"] = prefixed | {"cls.predictions.bias": torch.zeros(size + SPARE).half()}
        document = json.loads(tokenizer.to_str())
        for entry in ["padding", "truncation"]:
            document[entry] = None
        BLOBS[f"{kind}-tokenizer.json"] = document
        fields = ["hidden_act", "hidden_size", "intermediate_size", "layer_norm_eps", "max_position_embeddings",
                  "model_type", "num_attention_heads", "num_hidden_layers", "pad_token_id", "type_vocab_size", "vocab_size"]
        CONFIGS[kind] = {field: config.to_dict()[field] for field in fields}
        TOKENIZERS[kind] = {
            "tokenizer_class": {"bert": "BertTokenizer", "xlm-r": "XLMRobertaTokenizer", "roberta": "RobertaTokenizer"}[kind],
            "model_max_length": 30, **special,
        }
        if kind == "bert":
            TOKENIZERS[kind] |= {"do_lower_case": False, "strip_accents": False}
        if kind == "roberta":
            CONFIGS[kind]["model_type"] = "roberta"


def byte_pairs(lines, size):
    """In the manner of RoBERTa."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(
        vocab_size=size + 60, special_tokens=special, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), True, False)
    return tokenizer, {
        "bos_token": "<s>", "cls_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "sep_token": "</s>",
        "unk_token": "<unk>", "mask_token": "<mask>",
    }


WHOLE = {"tokenizer_class": "PreTrainedTokenizerFast"}
LOWER = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}
NFKC = {"type": "Sequence", "normalizers": [{"type": "NFKC"}]}
LEFT = {"max_length": 5, "strategy": "LongestFirst", "stride": 0, "direction": "Left"}


def entity(**fields):
    return {"content": "<ent>", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True} | fields


def lower_casing():
    case("as-saved", bert())
    case("as-saved-whole", bert(tokens=dict(WHOLE)))
    case("lower-case-by-sentence-config", bert(tokens=dict(WHOLE), sentence={"do_lower_case": True}))
    case("lower-case-by-sentence-config-over-a-sequence", bert(
        tokens=dict(WHOLE), sentence={"do_lower_case": True}, tokenizer=patched("bert", normalizer=NFKC)))
    case("lower-case-by-sentence-config-twice", bert(
        tokens=dict(WHOLE), sentence={"do_lower_case": True}, tokenizer=patched("bert", normalizer={"type": "Lowercase"})))
    case("lower-case-tokenizer-yes-config-no", bert(tokenizer=patched("bert", normalizer=LOWER)))
    case("lower-case-tokenizer-no-config-yes", bert(tokens={"do_lower_case": True, "strip_accents": DROP}))
    case("lower-case-unsaid", bert(tokens={"do_lower_case": DROP, "strip_accents": DROP}))
    case("lower-case-of-a-whole-tokenizer", bert(tokens=WHOLE | {"do_lower_case": True}))
    case("accents-kept", bert(tokens={"do_lower_case": True, "strip_accents": False}))
    case("accents-stripped", bert(tokens={"strip_accents": True}))
    case("chinese-unsplit", bert(tokens={"tokenize_chinese_chars": False}))
    case("no-tokenizer-config", bert(tokens=None))
    case("tokenizer-class-in-config", bert(tokens={"tokenizer_class": DROP}, config={"tokenizer_class": "PreTrainedTokenizerFast"}))
    case("tokenizer-class-fast", bert(tokens={"tokenizer_class": "BertTokenizerFast"}))
    case("tokenizer-class-of-another-model", bert(tokens={"tokenizer_class": "DistilBertTokenizer"}))
    case("normalizer-of-a-whole-tokenizer", bert(tokens=dict(WHOLE), tokenizer=patched("bert", normalizer=NFKC)))
    case("normalizer-passed-over", bert(tokenizer=patched("bert", normalizer=NFKC)))
    case("other-tokenizer-class", bert(tokens={"tokenizer_class": "BertJapaneseTokenizer"}),
         ["tokenizer_config.json", "tokenizer_class"])
    case("unlike-tokenizer-class", bert(tokens={"tokenizer_class": "XLMRobertaTokenizer"}),
         ["tokenizer_config.json", "tokenizer_class"])


def lengths():
    case("length-by-sentence-config", bert(sentence={"max_seq_length": 12}))
    case("length-by-sentence-roberta-config", xlm_r(**{"sentence": None, "sentence_roberta_config.json": {"max_seq_length": 11}}))
    case("length-by-sentence-xlm-roberta-config", xlm_r(
        **{"sentence": {"whole": True}, "sentence_xlm-roberta_config.json": {"max_seq_length": 9}}))
    case("length-by-the-first-of-two", xlm_r(
        **{"sentence": {"max_seq_length": 13}, "sentence_xlm-roberta_config.json": {"max_seq_length": 9}}))
    case("length-by-tokenizer", bert(sentence={"max_seq_length": None}, tokens={"model_max_length": 10}))
    case("length-by-tokenizer-by-its-old-name", bert(sentence=None, tokens={"model_max_length": DROP, "max_len": 9}))
    case("length-of-sentence-config-before-tokenizer", bert(sentence={"max_seq_length": 16}, tokens={"model_max_length": 10}))
    case("length-unlimited", bert(sentence=None, tokens={"model_max_length": 1e30}))
    case("length-in-tokenizer-json-passed-over", bert(tokenizer=patched("bert", truncation=LEFT | {"direction": "Right"})))
    case("length-of-special-tokens", bert(sentence={"max_seq_length": 2}))
    case("length-below-special-tokens", bert(sentence={"max_seq_length": 1}), ["tokenizer.json", "post_processor"])
    case("length-none", bert(sentence={"max_seq_length": 0}), ["sentence_bert_config.json", "max_seq_length"])
    case("length-broken", bert(sentence=None, tokens={"model_max_length": 24.5}), ["tokenizer_config.json", "model_max_length"])
    case("cut-left", bert(tokens={"truncation_side": "left"}))
    case("cut-left-by-tokenizer-json", bert(tokenizer=patched("bert", truncation=LEFT)))
    case("cut-left-by-a-whole-tokenizer", xlm_r(tokens=dict(WHOLE), tokenizer=patched("xlm-r", truncation=LEFT)))
    case("cut-right-after-all", bert(tokens={"truncation_side": "right"}, tokenizer=patched("bert", truncation=LEFT)))
    case("cut-somewhere", bert(tokens={"truncation_side": "middle"}), ["tokenizer_config.json", "truncation_side"])
    case("sentence-config-unknown-field", bert(sentence={"cut": 3}), ["sentence_bert_config.json", "cut"])
    case("query-length", bert(sentence={"query_length": 8}), ["sentence_bert_config.json", "query_length"])
    case("model-args", bert(sentence={"model_args": {"attn_implementation": "sdpa", "num_hidden_layers": 0}}),
         ["sentence_bert_config.json", "model_args"])
    case("other-output", bert(sentence={
        "modality_config": {"text": {"method": "forward", "method_output_name": "pooler_output"}},
        "module_output_name": "token_embeddings"}), ["sentence_bert_config.json", "modality_config"])
    case("saved-by-the-latest", bert(sentence={
        "whole": True, "transformer_task": "feature-extraction", "module_output_name": "token_embeddings",
        "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}}))


def tokens():
    size = len(BLOBS["bert-tokenizer.json"]["model"]["vocab"])
    case("token-in-added-tokens", bert(added={"<ent>": size}))
    case("token-in-added-tokens-of-a-whole-tokenizer", bert(tokens=dict(WHOLE), added={"<ent>": size}))
    case("token-in-added-tokens-decoder", bert(tokens={"added_tokens_decoder": {
        str(size): entity(lstrip=True), **{str(i): entity(content=t) for i, t in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])}}}))
    case("token-normalized", bert(tokens={"do_lower_case": True, "added_tokens_decoder": {
        str(size): entity(content="BREAD", special=False, normalized=True)}}))
    case("token-not-special-of-a-whole-tokenizer", xlm_r(tokens=WHOLE | {"added_tokens_decoder": {
        "300": entity(content="opens at", special=False, single_word=True)}}))
    case("tokens-not-in-added-tokens-decoder", bert(tokens={"added_tokens_decoder": {str(size): entity()}}, added={"two": size + 1}))
    case("token-in-special-tokens-map", bert(special={"additional_special_tokens": ["<ent>"], "mask_token": entity(content="[MASK]", rstrip=True)}))
    case("token-in-tokenizer-config", bert(tokens={"additional_special_tokens": ["<ent>", "two"]}))
    case("token-in-extra-special-tokens", bert(tokens={"extra_special_tokens": {"entity_token": "<ent>"}}))
    case("token-with-a-name-of-its-own", bert(tokens={"entity_token": "<ent>"}))
    case("token-in-tokenizer-json-alone", bert(tokens={"added_tokens_decoder": {}}))
    case("first-token-by-special-tokens-map", bert(tokens={"cls_token": DROP}, special={"cls_token": "[MASK]"}))
    case("first-token-by-tokenizer-config", bert(tokens={"cls_token": "[MASK]", "sep_token": "[UNK]"}))
    case("first-token-of-a-whole-tokenizer", bert(tokens=WHOLE | {"cls_token": "[MASK]"}))
    case("token-beyond-the-table", bert(tokens={"additional_special_tokens": [f"<{i}>" for i in range(9)]}), ["tokenizer.json", "ids"])
    case("special-tokens-split", bert(tokens={"split_special_tokens": True}), ["tokenizer_config.json", "split_special_tokens"])
    case("padding-left", bert(tokens={"padding_side": "left"}), ["tokenizer_config.json", "padding_side"])
    case("no-attention-mask", bert(tokens={"model_input_names": ["input_ids"]}), ["tokenizer_config.json", "model_input_names"])
    case("tokenizer-config-unknown-field", bert(tokens={"shout": True}), ["tokenizer_config.json", "shout"])
    case("tokenizer-with-code", bert(tokens={"auto_map": {"AutoTokenizer": ["code.Own", None]}}), ["tokenizer_config.json", "auto_map"])
    types = copy.deepcopy(BLOBS["bert-tokenizer.json"]["post_processor"])
    for piece in types["single"]:
        next(iter(piece.values()))["type_id"] = 1
    case("second-segments-unasked", bert(tokens=dict(WHOLE), tokenizer=patched("bert", post_processor=types)))
    case("second-segments", bert(
        tokens=WHOLE | {"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]},
        tokenizer=patched("bert", post_processor=types)), ["tokenizer.json", "post_processor"])
    lacking = copy.deepcopy(BLOBS["bert-tokenizer.json"]["post_processor"])
    lacking["special_tokens"].pop("[SEP]")
    case("template-without-its-token", bert(tokens=dict(WHOLE), tokenizer=patched("bert", post_processor=lacking)),
         ["tokenizer.json", "post_processor"])
    case("pieces-without-length", bert(tokens=dict(WHOLE), tokenizer=patched(
        "bert", pre_tokenizer={"type": "FixedLength", "length": 0})), ["tokenizer.json", "pre_tokenizer"])
    case("no-tokenizer-json", bert(tokenizer=None), ["tokenizer.json", "none"])


def roberta():
    case("xlm-r-as-saved", xlm_r())
    case("xlm-r-whole", xlm_r(tokens=dict(WHOLE)))
    case("xlm-r-normalizer-passed-over", xlm_r(tokenizer=patched("xlm-r", normalizer=NFKC)))
    case("xlm-r-normalizer-of-a-whole-tokenizer", xlm_r(tokens=dict(WHOLE), tokenizer=patched("xlm-r", normalizer=NFKC)))
    case("xlm-r-blanks-of-a-whole-tokenizer", xlm_r(tokens=dict(WHOLE), tokenizer=patched(
        "xlm-r", pre_tokenizer={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True})))
    case("xlm-r-without-blank-in-front", xlm_r(tokens={"add_prefix_space": False}))
    case("xlm-r-padding-left", xlm_r(tokens={"padding_side": "left"}))
    case("xlm-r-other-padding", xlm_r(config={"pad_token_id": 4}))
    case("xlm-r-first-token-pooled", xlm_r(pooled={"pooling_mode": "cls"}))
    case("xlm-r-no-padding", xlm_r(config={"pad_token_id": None}), ["config.json", "pad_token_id"])
    case("xlm-r-as-bert", xlm_r(config={"model_type": "camembert"}, tokens={"tokenizer_class": "CamembertTokenizer", "additional_special_tokens": ["<s>"]}))
    case("roberta-as-saved", folder("roberta", (), {}))
    case("roberta-blank-in-front", folder("roberta", (), {"tokens": {"add_prefix_space": True}}))
    case("roberta-whole", folder("roberta", (), {"tokens": dict(WHOLE)}))


def poolings():
    for mode in ["mean", "cls", "max"]:
        case(f"pooling-{mode}", bert("Pooling", pooled={"pooling_mode": mode}))
        case(f"pooling-list-of-{mode}", bert("Pooling", pooled={"pooling_mode": [mode]}))
    old = {f"pooling_mode_{mode}": False for mode in ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens"]}
    dimension = {"whole": True, "word_embedding_dimension": WIDTH}
    case("pooling-unsaid", bert("Pooling", pooled=dict(dimension)))
    case("pooling-old-unsaid", bert("Pooling", pooled=dimension | old))
    case("pooling-old-cls", bert("Pooling", pooled=dimension | old | {"pooling_mode_cls_token": True}))
    case("pooling-old-max", bert("Pooling", pooled=dimension | {"pooling_mode_max_tokens": True}))
    case("pooling-new-before-old", bert("Pooling", pooled=dimension | {"pooling_mode_cls_token": True, "pooling_mode": "max"}))
    case("pooling-of-two", bert("Pooling", pooled={"pooling_mode": ["cls", "mean"]}), ["1_Pooling/config.json", "pooling_mode"])
    case("pooling-old-of-two", bert("Pooling", pooled=dimension | old | {"pooling_mode_cls_token": True, "pooling_mode_max_tokens": True}),
         ["1_Pooling/config.json", "pooling_mode_cls_token"])
    for mode, flag in [("mean_sqrt_len_tokens",) * 2, ("weightedmean", "weightedmean_tokens"), ("lasttoken",) * 2]:
        case(f"pooling-{mode}", bert("Pooling", pooled={"pooling_mode": mode}))
        case(f"pooling-old-{mode}", bert("Pooling", pooled=dimension | {f"pooling_mode_{flag}": True}))
    case("pooling-unknown", bert("Pooling", pooled=dimension | {"pooling_mode_median": True}), ["1_Pooling/config.json", "pooling_mode_median"])
    case("pooling-unknown-field", bert("Pooling", pooled={"weights": [1]}), ["1_Pooling/config.json", "weights"])
    case("prompt-not-pooled-without-prompts", bert(pooled={"include_prompt": False}))
    case("prompt-not-pooled", bert(pooled={"include_prompt": False}, usage={"prompts": {"query": "query: "}}),
         ["1_Pooling/config.json", "include_prompt"])


def after_pooling():
    case("nothing-scaled", bert("Pooling"))
    # Then no other file of sentence-transformers is read either.
    case("no-modules", bert(modules=None))
    case("no-modules-with-prompts", bert(modules=None, sentence=None, usage={"prompts": {"query": "query: "}, "similarity_fn_name": "dot"}), scores=True)
    case("dense", with_dense("Pooling", "Dense", "Normalize"))
    case("dense-last", with_dense("Pooling", "Dense"))
    case("dense-twice", with_dense("Pooling", "Dense", "Dense"))
    case("dense-without-bias", with_dense("Pooling", "Dense", bias=False))
    case("normalize-before-dense", with_dense("Pooling", "Normalize", "Dense"))
    case("normalize-before-dense-and-after", with_dense("Pooling", "Normalize", "Dense", "Normalize", "Dense", "Normalize"))
    case("normalize-twice", bert("Pooling", "Normalize", "Normalize"))
    case("dropout", bert("Pooling", "Dropout", "Normalize", **{"2_Dropout/config.json": {"dropout": 0.5}}))
    for name, activation in [("identity", "torch.nn.modules.linear.Identity"), ("relu", "torch.nn.modules.activation.ReLU"),
                             ("gelu", "torch.nn.modules.activation.GELU"), ("short", "torch.nn.Tanh"), ("unsaid", DROP)]:
        case(f"dense-{name}", with_dense("Pooling", "Dense", activation_function=activation))
    at = "2_Dense/config.json"
    case("dense-silu", with_dense("Pooling", "Dense", activation_function="torch.nn.modules.activation.SiLU"), [at, "activation_function"])
    case("dense-own-activation", with_dense("Pooling", "Dense", activation_function="code.Identity"), [at, "activation_function"])
    case("dense-residual", with_dense("Pooling", "Dense", use_residual=True), [at, "use_residual"])
    case("dense-over-tokens", with_dense("Pooling", "Dense", module_input_name="token_embeddings"), [at, "module_input_name"])
    case("dense-unknown-field", with_dense("Pooling", "Dense", scale=2), [at, "scale"])
    surplus = with_dense("Pooling", "Dense") | {at: dense(bias=False)}
    case("dense-with-a-bias-too-many", surplus, ["2_Dense/model.safetensors", "linear.bias"])
    case("dense-before-pooling", with_dense("Dense", "Pooling"), ["modules.json", "type"])
    case("pooling-twice", bert("Pooling", "Pooling"), ["modules.json", "type"])
    case("no-pooling", bert("Normalize"), ["modules.json", "type"])
    case("layer-norm", bert("Pooling", "LayerNorm", **{"2_LayerNorm/config.json": {"dimension": WIDTH}}), ["modules.json", "type"])
    case("own-module", bert("Pooling", "code.Own"), ["modules.json", "type"])
    case("modules-of-one-name", bert(modules=[m | {"name": "0"} for m in modules("Pooling", "Normalize")]), ["modules.json", "name"])
    case("old-type-names", bert(modules=[m | {"type": f"sentence_transformers.models.{t}"} for m, t in
                                         zip(modules("Pooling", "Normalize"), ["Transformer", "Pooling", "Normalize"])]))
    moved = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "sentence_bert_config.json"}
    files = bert(sentence={"max_seq_length": 12}, tokens={"truncation_side": "left"})
    files = {f"0_Transformer/{path}" if path in moved else path: value for path, value in files.items()}
    files["modules.json"][0]["path"] = "0_Transformer"
    case("below-0-transformer", files)
    broken = copy.deepcopy(files)
    broken["0_Transformer/config.json"]["hidden_act"] = "mish"
    case("below-0-transformer-refused", broken, ["0_Transformer/config.json", "hidden_act"])


def uses():
    at = "config_sentence_transformers.json"
    prompts = {"query": "query: ", "document": "doc: ", "passage": "passage: "}
    case("prompts", bert(usage={"prompts": {"query": "query: ", "document": "passage: "}}))
    case("prompts-document-first", bert(usage={"prompts": prompts}))
    case("prompts-document-first-whatever-the-order", bert(usage={"prompts": dict(reversed(prompts.items()))}))
    case("prompts-empty-document", bert(usage={"prompts": prompts | {"document": ""}}))
    case("prompts-null-document", bert(usage={"prompts": prompts | {"document": None}}))
    case("prompts-for-other-tasks", bert(usage={"prompts": {"clustering": "cluster: "}}))
    # On purpose: encode_document knows this prompt by its description, and never comes to it.
    case("prompts-passage-alone", bert(usage={"prompts": {"query": "query: ", "passage": "passage: "}}), passage="passage: ")
    case("prompt-of-blanks", xlm_r(usage={"prompts": {"query": "  query:", "document": "\t"}}))
    case("default-prompt", bert(usage={"prompts": prompts, "default_prompt_name": "query"}))
    case("default-prompt-of-no-side", bert(usage={"prompts": {"find": "find: "}, "default_prompt_name": "find"}), [at, "default_prompt_name"])
    case("default-prompt-missing", bert(usage={"prompts": {}, "default_prompt_name": "find"}), [at, "default_prompt_name"])
    for name in ["cosine", "dot", "euclidean", "manhattan"]:
        case(f"similarity-{name}", bert("Pooling", usage={"similarity_fn_name": name}), scores=True)
    case("similarity-dot-of-unit-vectors", bert(usage={"similarity_fn_name": "dot"}), scores=True)
    case("similarity-unsaid", bert("Pooling", usage={"similarity_fn_name": None}), scores=True)
    case("no-usage", bert("Pooling", usage=None), scores=True)
    case("similarity-maxsim", bert(usage={"similarity_fn_name": "maxsim"}), [at, "similarity_fn_name"])
    case("truncated", bert(usage={"truncate_dim": 8}), normalize=True)
    case("truncated-unscaled", bert("Pooling", usage={"truncate_dim": 8, "similarity_fn_name": "dot"}), scores=True)
    case("truncated-dense", with_dense("Pooling", "Dense") | {at: {"truncate_dim": 8}})
    case("truncated-to-more", bert(usage={"truncate_dim": WIDTH + 1}))
    case("truncated-unsaid", bert(usage={"truncate_dim": None}))
    case("truncated-dot-of-unit-vectors", bert(usage={"truncate_dim": 8, "similarity_fn_name": "dot"}), [at, "truncate_dim"])
    case("truncated-to-nothing", bert(usage={"truncate_dim": 0}), [at, "truncate_dim"])
    case("truncated-from-the-end", bert(usage={"truncate_dim": -8}), [at, "truncate_dim"])
    case("sparse", bert(usage={"model_type": "SparseEncoder"}), [at, "model_type"])
    case("usage-unknown-field", bert(usage={"scale": 20}), [at, "scale"])


def shapes():
    case("weights-of-a-model-with-a-head", bert(weights="@masked.safetensors", config={"architectures": ["BertForMaskedLM"]}))
    for name in ["gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_python", "relu", "silu", "swish"]:
        case(f"activation-{name}", bert(config={"hidden_act": name}))
    case("without-effect", bert(config={
        "attention_probs_dropout_prob": 0.5, "classifier_dropout": None, "dtype": "float16", "id2label": {"0": "A"},
        "initializer_range": 0.5, "is_decoder": False, "transformers_version": "4.30.0", "use_cache": True,
        "position_embedding_type": "absolute", "gradient_checkpointing": False, "output_past": True}))
    case("activation-unsaid", bert(config={"hidden_act": DROP, "layer_norm_eps": DROP}))
    for field, value in [("hidden_act", "mish"), ("is_decoder", True), ("position_embedding_type", "relative_key"),
                         ("add_cross_attention", True), ("model_type", "xlnet"), ("auto_map", {"AutoModel": "code.Own"}),
                         ("quantization_config", {"bits": 4}), ("pruned_heads", {"0": [1]}), ("whisper", 1),
                         ("num_attention_heads", "two"), ("layer_norm_eps", "small"), ("vocab_size", DROP)]:
        case(f"config-{field}", bert(config={field: value}), ["config.json", field])
    case("adapter", bert(**{"adapter_config.json": {"peft_type": "LORA", "base_model_name_or_path": "x"}}), ["adapter_config.json", "adapter"])
    case("weights-in-parts", bert(weights=None, **{"model.safetensors.index.json": {}}), ["model.safetensors.index.json", "weight_map"])
    case("no-weights", bert(weights=None), ["model.safetensors", "no such file"])
    case("no-config", bert(config=None), ["config.json", "no such file"])


def write(files, folder):
    for path, value in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(value, str):
            shutil.copyfile(HERE / value[1:], target)
        else:
            if isinstance(value, dict) and "from" in value:
                value = json.loads((HERE / value["from"]).read_text(encoding="utf-8")) | value["set"]
            target.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def reference(files, passage, scores, normalize):
    """Vectors of queries and passages, and their scores."""
    with tempfile.TemporaryDirectory() as folder:
        write(files, Path(folder))
        model = SentenceTransformer(folder, device="cpu", model_kwargs=dict(F32), local_files_only=True)
        queries = model.encode_query(TEXTS, batch_size=4, normalize_embeddings=normalize)
        passages = model.encode_document(TEXTS, prompt=passage, batch_size=4, normalize_embeddings=normalize)
        return queries, passages, model.similarity(queries, passages).numpy() if scores else None


def main():
    torch.set_num_threads(2)
    logging.disable(logging.WARNING)
    transformers.utils.logging.disable_progress_bar()
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir()
    make_bodies()
    for make in [lower_casing, lengths, tokens, roberta, poolings, after_pooling, uses, shapes]:
        make()
    for name, value in BLOBS.items():
        if name.endswith(".json"):
            (HERE / name).write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
        else:
            save_file(value, HERE / name, metadata={"format": "pt"})
            (HERE / name).chmod(0o644)
    vectors, unread = {}, []
    for each in CASES:
        name, refused = each["name"], each["refused"]
        try:
            queries, passages, scores = reference(each["files"], each.pop("passage"), each.pop("scores"), each.pop("normalize"))
        except BaseException as problem:
            if isinstance(problem, KeyboardInterrupt):
                raise
            if not refused:
                unread.append(name)
            print(f"{name}, {'refused' if refused else 'READ'} here, in sentence-transformers: {type(problem).__name__}: {str(problem)[:90]!r}")
            continue
        if refused:
            continue
        vectors[f"{name}.query"] = torch.from_numpy(queries)
        if (queries != passages).any():
            vectors[f"{name}.passage"] = torch.from_numpy(passages)
        if scores is not None:
            vectors[f"{name}.scores"] = torch.from_numpy(scores.copy())
    save_file(vectors, HERE / "vectors.safetensors")
    (HERE / "vectors.safetensors").chmod(0o644)
    # A case a line.
    line = lambda value: json.dumps(value, ensure_ascii=False)
    lines = ",\n".join(line(each) for each in CASES)
    text = f'{{"texts": {line(TEXTS)},\n"cases": [\n{lines}\n]}}\n'
    (HERE / "cases.json").write_text(text, encoding="utf-8")
    read = sum(not each["refused"] for each in CASES)
    size = sum(path.stat().st_size for path in HERE.iterdir())
    print(f"{len(CASES)} folders, {read} read and {len(CASES) - read} refused, {size / 1e3:.0f} kB")
    if unread:
        sys.exit(f"sentence-transformers cannot read {', '.join(unread)}")


if __name__ == "__main__":
    main()
