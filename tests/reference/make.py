#!/usr/bin/env python3
"""Writes what the encoder's tests compare with: texts, small checkpoints, reference vectors.

    pip install sentence-transformers==6.2.0 transformers==5.23.0 torch==2.15.0
    # modern-bert, modern-bert-cls, distil-bert, mpnet and the decoders were made with transformers 5.24.0.
    # model2vec was made with model2vec 0.10.0.
    tests/reference/make.py MINILM [CHECKPOINT…]

MINILM is the folder that scripts/fetch-minilm prints. With names of checkpoints only these are made anew. Written
beside this script:

    texts.json                       every text
    minilm.safetensors               "vectors" [texts, 384]: all-MiniLM-L6-v2 by sentence-transformers
    checkpoints/NAME/                small sentence-transformers folders, randomly initialised, f16
    checkpoints/NAME.safetensors     their vectors of some of the texts: "texts" (indices, i32),
                                     "query" and "passage" (with the prompt of each)

All vectors are computed in f32 on the CPU.
"""

import json
import shutil
import sys
from pathlib import Path

# No compiled copies of texts.py beside the fixtures.
sys.dont_write_bytecode = True

import numpy as np
import torch
from safetensors.numpy import save_file
from safetensors.torch import load_file
from safetensors.torch import save_file as save_tensors
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding
from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    Gemma3TextConfig,
    Gemma3TextModel,
    LlamaConfig,
    LlamaModel,
    MistralConfig,
    MistralModel,
    ModernBertConfig,
    ModernBertModel,
    MPNetConfig,
    MPNetModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2Model,
    Qwen3Config,
    Qwen3Model,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from texts import STORY, texts

HERE = Path(__file__).parent
CHECKPOINTS = HERE / "checkpoints"
ONLY = sys.argv[2:]
# The special tokens of BERT, and of ModernBERT.
BRACKETED = {
    "cls_token": "[CLS]",
    "pad_token": "[PAD]",
    "sep_token": "[SEP]",
    "unk_token": "[UNK]",
    "mask_token": "[MASK]",
}
F32 = {"dtype": torch.float32, "attn_implementation": "eager"}


def minilm(folder, all_texts):
    model = SentenceTransformer(str(folder), device="cpu", model_kwargs=F32)
    assert model.max_seq_length == 256, model.max_seq_length
    lengths = [len(ids) for ids in model.tokenizer(all_texts, truncation=False)["input_ids"]]
    assert max(lengths) > 256, "one text has to be longer than the maximum"
    save_file({"vectors": model.encode(all_texts, batch_size=16)}, HERE / "minilm.safetensors")
    print(f"minilm: {len(all_texts)} texts, {min(lengths)} to {max(lengths)} tokens")


def unigram(lines, size):
    """In the manner of XLM-R: pad id 1, metaspace, <s> … </s>."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=size,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        unk_token="<unk>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer, {
        "bos_token": "<s>",
        "cls_token": "<s>",
        "pad_token": "<pad>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
    }


def word_piece(lines, size):
    """In the manner of BERT: pad id 0, accents kept, [CLS] … [SEP]."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(strip_accents=False, lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer, BRACKETED


def lower_word_piece(lines, size):
    """In the manner of MPNet: pad id 1, lower case without accents, <s> … </s>."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        special_tokens=["<s>", "<pad>", "</s>", "[UNK]", "<mask>"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), True, False)
    return tokenizer, {
        "bos_token": "<s>", "cls_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "sep_token": "</s>",
        "unk_token": "[UNK]", "mask_token": "<mask>",
    }


def byte_bpe(lines, size):
    """In the manner of ModernBERT: bytes merged to tokens, NFC, [CLS] … [SEP]."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return tokenizer, BRACKETED


def qwen(lines, size):
    """In the manner of Qwen2 and Qwen3: bytes merged to tokens, NFC, special tokens behind the others, and one of them
    behind each text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    pieces = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pieces), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(lines, trainer)
    end = "<|endoftext|>"
    tokenizer.add_special_tokens([end, "<|im_start|>", "<|im_end|>"])
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(
            single=f"$A {end}", pair=f"$A {end} $B:1 {end}:1", special_tokens=[(end, tokenizer.token_to_id(end))]
        ),
    ])
    return tokenizer, {"eos_token": "<|im_end|>", "pad_token": end}


def sentence_piece(lines, size):
    """In the manner of Llama and Mistral: characters merged to tokens, bytes where there is none, <s> … </s>."""
    tokenizer = Tokenizer(models.BPE(fuse_unk=True, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    bytes_of = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=size + 256, special_tokens=["<unk>", "<s>", "</s>", *bytes_of], show_progress=False
    )
    # Words, as merges over whole lines would know these lines only.
    tokenizer.train_from_iterator((f"▁{word}" for line in lines for word in line.split()), trainer)
    # Bytes are no special tokens.
    made = json.loads(tokenizer.to_str())
    made["added_tokens"] = made["added_tokens"][:3]
    tokenizer = Tokenizer.from_str(json.dumps(made))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> <s>:1 $B:1 </s>:1", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return tokenizer, {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "</s>"}


def gemma(lines, size):
    """In the manner of Gemma: characters merged to tokens across words, bytes where there is none, <bos> … <eos>."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    bytes_of = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=size + 256, special_tokens=special + bytes_of, show_progress=False)
    # Words, as merges over whole lines would know these lines only.
    tokenizer.train_from_iterator((f"▁{word}" for line in lines for word in line.split()), trainer)
    made = json.loads(tokenizer.to_str())
    made["added_tokens"] = made["added_tokens"][:len(special)]
    tokenizer = Tokenizer.from_str(json.dumps(made))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>", pair="<bos> $A <eos> <bos>:1 $B:1 <eos>:1", special_tokens=[("<bos>", 2), ("<eos>", 1)]
    )
    roles = ["pad", "eos", "bos", "unk", "mask"]
    return tokenizer, {f"{role}_token": f"<{role}>" for role in roles}


def randomise(module, spread):
    """Values large enough that attention is far from even and no bias or gain is trivial; all of
    them exact in f16, so that the stored file and the reference are the same model."""
    with torch.no_grad():
        for name, p in module.named_parameters():
            if name.endswith(("LayerNorm.weight", "norm.weight", "layer_norm.weight")):
                # Gemma's gains are one more than their parameters.
                p.copy_((0 if "Gemma" in type(module).__name__ else 1) + 0.3 * torch.randn_like(p))
            elif p.dim() == 1:
                p.copy_(0.2 * torch.randn_like(p))
            elif name.endswith("relative_attention_bias.weight"):
                p.copy_(torch.randn_like(p))
            else:
                p.copy_(spread * torch.randn_like(p))
            p.copy_(p.half().float())


def checkpoint(name, seed, body, make_tokenizer, lines, window, after, some, prompts=None, plain=False, drop=(),
               tokenizer_class=None):
    """Writes checkpoints/NAME and its vectors. `after` are the modules behind the transformer. `tokenizer_class` is a
    class that takes but the vocabulary from tokenizer.json."""
    if ONLY and name not in ONLY:
        return
    torch.manual_seed(seed)
    folder = CHECKPOINTS / name
    shutil.rmtree(folder, ignore_errors=True)
    tokenizer, special = make_tokenizer(lines, 600)
    model_class, config = body
    config.vocab_size = tokenizer.get_vocab_size()
    config.pad_token_id = tokenizer.token_to_id(special["pad_token"])
    model = model_class(config).eval()
    randomise(model, 0.15)
    with torch.no_grad():
        for missing in drop:
            # What a checkpoint without this table means: zeros.
            model.get_parameter(missing).zero_()
    # The padding row is random too: no vector may depend on it.
    base = folder / "body"
    model.save_pretrained(base)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=window, **special).save_pretrained(base)
    if tokenizer_class:
        path = base / "tokenizer_config.json"
        settings = json.loads(path.read_text()) | {"tokenizer_class": tokenizer_class}
        path.write_text(json.dumps(settings, indent=2))

    transformer = Transformer(str(base), model_kwargs=F32, max_seq_length=window)
    for module in after:
        randomise(module, 0.15)
    whole = SentenceTransformer(modules=[transformer, *after], device="cpu", prompts=prompts)
    out = folder / "whole"
    whole.save(str(out), create_model_card=False)

    kept = base if plain else out
    vectors = {}
    all_texts = texts()
    inputs = [all_texts[i] for i in some]
    assert max(len(tokenizer.encode(text).ids) for text in inputs) > window, "one text has to be longer"
    for side in ["query", "passage"]:
        prompt = (prompts or {}).get("document" if side == "passage" else side, "")
        vectors[side] = whole.encode(inputs, prompt=prompt, batch_size=8)
    vectors["texts"] = torch.tensor(some, dtype=torch.int32).numpy()

    for path in kept.rglob("*"):
        if path.is_file():
            target = folder / path.relative_to(kept)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    for part in ["body", "whole"]:
        shutil.rmtree(folder / part)
    for path in folder.rglob("model.safetensors"):
        halves = {k: v.half().contiguous() for k, v in load_file(path).items() if k not in drop}
        save_tensors(halves, path, metadata={"format": "pt"})
    save_file(vectors, CHECKPOINTS / f"{name}.safetensors")
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    print(f"{name}: {vectors['query'].shape}, {size / 1e3:.0f} kB")


def static(name, seed, make_tokenizer, lines, window, some, prompts):
    """A table of static embeddings as sentence-transformers saves it, whose tokenizer truncates."""
    if ONLY and name not in ONLY:
        return
    torch.manual_seed(seed)
    folder = CHECKPOINTS / name
    shutil.rmtree(folder, ignore_errors=True)
    tokenizer, _ = make_tokenizer(lines, 600)
    tokenizer.enable_truncation(window)
    module = StaticEmbedding(tokenizer, embedding_dim=64)
    randomise(module, 0.15)
    model = SentenceTransformer(modules=[module, Normalize()], device="cpu", prompts=prompts)
    all_texts = texts()
    inputs = [all_texts[i] for i in some]
    vectors = {side: model.encode(inputs, prompt=prompts[key], batch_size=8)
               for side, key in [("query", "query"), ("passage", "document")]}
    vectors["texts"] = torch.tensor(some, dtype=torch.int32).numpy()
    model.save(str(folder), create_model_card=False)
    # In a folder of its own, as most such models are on the hub.
    (folder / "0_StaticEmbedding").mkdir()
    for file in ["model.safetensors", "tokenizer.json"]:
        (folder / file).rename(folder / "0_StaticEmbedding" / file)
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["path"] = "0_StaticEmbedding"
    (folder / "modules.json").write_text(json.dumps(modules, indent=2))
    assert (SentenceTransformer(str(folder), device="cpu").encode(inputs) == model.encode(inputs)).all()
    for path in folder.rglob("model.safetensors"):
        save_tensors({k: v.half().contiguous() for k, v in load_file(path).items()}, path, metadata={"format": "pt"})
    save_file(vectors, CHECKPOINTS / f"{name}.safetensors")
    print(f"{name}: {vectors['query'].shape}")


def model2vec(name, seed, make_tokenizer, lines, window, some, folded):
    """A folder of model2vec, with one row for several tokens and a factor for each token if `folded`."""
    if ONLY and name not in ONLY:
        return
    from model2vec import StaticModel

    generator = np.random.default_rng(seed)
    folder = CHECKPOINTS / name
    shutil.rmtree(folder, ignore_errors=True)
    tokenizer, _ = make_tokenizer(lines, 600)
    size = tokenizer.get_vocab_size()
    rows = 150 if folded else size
    embeddings = generator.normal(size=(rows, 64)).astype(np.float16)
    more = {}
    if folded:
        more["token_mapping"] = generator.integers(rows, size=size)
        more["weights"] = generator.uniform(0.1, 2, size=size).astype(np.float32)
    kind = {"model_type": "model2vec", "architectures": ["StaticModel"], "hidden_dim": 64}
    saved = StaticModel(embeddings, tokenizer, kind, normalize=folded, max_length=window, **more)
    saved.save_pretrained(folder)
    (folder / "README.md").unlink()
    # Its vectors in f32. It cuts texts by their characters before it reads their tokens: docs/differences.md.
    model = StaticModel(embeddings.astype(np.float32), tokenizer, kind, normalize=folded, max_length=window, **more)
    model.median_token_length = 10**6
    all_texts = texts()
    inputs = [all_texts[i] for i in some]
    assert max(len(tokenizer.encode(text, add_special_tokens=False).ids) for text in inputs) > window
    vectors = model.encode(inputs).astype(np.float32)
    save_file(
        {"query": vectors, "passage": vectors, "texts": np.array(some, dtype=np.int32)},
        CHECKPOINTS / f"{name}.safetensors",
    )
    print(f"{name}: {vectors.shape}")


def bert(activation="gelu", **more):
    return BertConfig(
        hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128,
        max_position_embeddings=64, hidden_act=activation, **more,
    )


def xlm_r(activation="gelu"):
    return XLMRobertaConfig(
        hidden_size=64, num_hidden_layers=2, num_attention_heads=2, intermediate_size=128,
        # Positions start behind the pad id: two rows more than the window.
        max_position_embeddings=50, type_vocab_size=1, hidden_act=activation, layer_norm_eps=1e-5,
    )


def distil_bert():
    return DistilBertConfig(dim=64, n_layers=2, n_heads=4, hidden_dim=128, max_position_embeddings=64)


def mpnet():
    """Texts are longer than the distances that have a bucket of their own."""
    return MPNetConfig(
        hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128,
        # Positions start behind token 1: two rows more than the window.
        max_position_embeddings=130,
    )


def modern_bert():
    """Blocks that see everything and blocks that see 6 tokens to each side; texts are many times as long."""
    return ModernBertConfig(
        hidden_size=64, num_hidden_layers=4, num_attention_heads=4, intermediate_size=96,
        max_position_embeddings=80, local_attention=12, global_attn_every_n_layers=3,
        cls_token_id=1, sep_token_id=2, bos_token_id=1, eos_token_id=2,
    )


def decoder(make, **more):
    """A decoder whose heads are wider than its hidden states, two of them to a key, as its `head_dim` says."""
    return make(
        hidden_size=64, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2, intermediate_size=96,
        max_position_embeddings=96, rms_norm_eps=1e-6, **more,
    )


def gemma_config(**more):
    """Three heads share a key; most blocks see a window of eleven tokens, which is many times shorter than texts."""
    return Gemma3TextConfig(
        hidden_size=96, num_hidden_layers=4, num_attention_heads=3, num_key_value_heads=1, head_dim=24,
        intermediate_size=96, max_position_embeddings=96, query_pre_attn_scalar=20, sliding_window=11,
        sliding_window_pattern=3, rms_norm_eps=1e-6, **more,
    )


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: make.py MINILM (the folder that scripts/fetch-minilm prints) [CHECKPOINT…]")
    torch.set_num_threads(2)
    all_texts = texts()
    if not ONLY:
        everything = json.dumps(all_texts, ensure_ascii=False, indent=0)
        (HERE / "texts.json").write_text(everything + "\n", encoding="utf-8")
        minilm(sys.argv[1], all_texts)

    # Not every script, so that unknown tokens occur and tables stay small.
    lines = [line for language in ["en", "de", "tr", "el", "ru", "ar", "th", "hi", "ko"] for line in STORY[language]]
    # Every third text, and all short and long awkward ones near the end.
    some = sorted({*range(0, len(all_texts), 3), *range(len(all_texts) - 12, len(all_texts))})
    types = "embeddings.token_type_embeddings.weight"
    checkpoint(
        "xlm-r", 1, (XLMRobertaModel, xlm_r()), unigram, lines, 48,
        [Pooling(64, "mean"), Normalize()], some,
    )
    checkpoint(
        "e5", 2, (XLMRobertaModel, xlm_r()), unigram, lines, 40,
        [Pooling(64, "mean"), Normalize()], some,
        prompts={"query": "query: ", "document": "passage: "}, drop=[types],
    )
    checkpoint(
        "labse", 3, (BertModel, bert()), word_piece, lines, 64,
        [Pooling(64, "cls"), Dense(64, 48, activation_function=torch.nn.Tanh()), Normalize()], some,
    )
    checkpoint("cls-relu", 4, (BertModel, bert("relu")), word_piece, lines, 32, [Pooling(64, "cls")], some)
    checkpoint(
        "max-gelu-new", 5, (BertModel, bert("gelu_new")), word_piece, lines, 64, [Pooling(64, "max")], some
    )
    checkpoint(
        "modern-bert", 7, (ModernBertModel, modern_bert()), byte_bpe, lines, 80,
        [Pooling(64, "mean"), Normalize()], some,
    )
    checkpoint(
        "modern-bert-cls", 8, (ModernBertModel, modern_bert()), byte_bpe, lines, 80, [Pooling(64, "cls")], some
    )
    task = "Instruct: Given a question, find the passages that answer it\nQuery: "
    checkpoint(
        "qwen3", 12, (Qwen3Model, decoder(Qwen3Config, head_dim=32, rope_parameters={"rope_theta": 1e6, "rope_type": "default"})),
        qwen, lines, 96, [Pooling(64, "lasttoken"), Normalize()], some,
        prompts={"query": task, "document": ""}, tokenizer_class="Qwen2Tokenizer",
    )
    checkpoint(
        "qwen2", 13, (Qwen2Model, decoder(Qwen2Config, use_sliding_window=True, sliding_window=9, max_window_layers=2)),
        qwen, lines, 80, [Pooling(64, "weightedmean"), Normalize()], some, tokenizer_class="Qwen2Tokenizer",
    )
    checkpoint(
        "mistral", 14, (MistralModel, decoder(MistralConfig, head_dim=8, sliding_window=7)),
        sentence_piece, lines, 64, [Pooling(64, "lasttoken"), Normalize()], some,
        prompts={"query": task, "document": ""},
    )
    checkpoint(
        "llama", 15, (LlamaModel, decoder(LlamaConfig, attention_bias=True, mlp_bias=True)),
        sentence_piece, lines, 72, [Pooling(64, "mean_sqrt_len_tokens"), Normalize()], some, tokenizer_class="LlamaTokenizer",
    )
    prompts = {"query": "task: search result | query: ", "document": "title: none | text: "}
    checkpoint(
        "gemma", 16, (Gemma3TextModel, gemma_config(use_bidirectional_attention=True, layer_types=None)),
        gemma, lines, 88,
        [Pooling(96, "mean"), Dense(96, 80, bias=False, activation_function=torch.nn.Identity()),
         Dense(80, 48, bias=False, activation_function=torch.nn.Identity()), Normalize()], some,
        prompts=prompts, tokenizer_class="GemmaTokenizer",
    )
    checkpoint(
        "gemma-causal", 17, (Gemma3TextModel, gemma_config(layer_types=["full_attention", "sliding_attention"] * 2)),
        gemma, lines, 64, [Pooling(96, "lasttoken"), Normalize()], some, tokenizer_class="GemmaTokenizer",
    )
    checkpoint(
        "distil-bert", 9, (DistilBertModel, distil_bert()), word_piece, lines, 48,
        [Pooling(64, "mean"), Dense(64, 40, activation_function=torch.nn.Tanh())], some,
    )
    checkpoint(
        "mpnet", 13, (MPNetModel, mpnet()), lower_word_piece, lines, 128, [Pooling(64, "mean"), Normalize()], some
    )
    static("static", 10, unigram, lines, 40, some, {"query": "query: ", "document": "passage: "})
    model2vec("model2vec", 11, word_piece, lines, 50, some, folded=False)
    model2vec("model2vec-folded", 12, unigram, lines, 50, some, folded=True)
    # As transformers alone saves it: a prefix on every name, no modules.json, which means the mean and nothing
    # after it.
    checkpoint(
        "plain", 6, (BertForMaskedLM, bert()), word_piece, lines, 64, [Pooling(64, "mean")], some, plain=True
    )


if __name__ == "__main__":
    main()
