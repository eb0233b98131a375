#!/usr/bin/env python3
"""Writes format-1/, a bundle of the first format as the first released models had it, with vectors to compare.

    pip install numpy==2.4.6 tokenizers==0.23.3
    tests/reference/format_1.py

The bundle is never written again: it stands for all that were made while this was the only format, and has to load
for ever. This script is how it was made. Nothing here is the program's: arrays are packed as the head of
src/bundle/weights.rs described them at commit a979f17, the manifest has the fields that static/model had there, and
vectors are computed in f64. The model is checkpoints/e5 with a dense layer behind it; without that, and unpacked, this
script has to give the vectors that sentence-transformers gave (checkpoints/e5.safetensors).
"""

import hashlib
import json
import math
import struct
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

HERE = Path(__file__).parent
SOURCE = HERE / "checkpoints" / "e5"
OUTPUT = HERE / "format-1"
TABLE = "embeddings.word_embeddings.weight"
BLOCK = 32
PROMPTS = {"query": "query: ", "passage": "passage: "}
TEXTS = [
    ("query", "Where do bees keep their honey?"),
    ("query", "ผึ้งเก็บน้ำผึ้งไว้ที่ไหน"),
    ("passage", "Ja."),
    ("passage", "تخزن النحل العسل في خلايا سداسية من الشمع، وتغلقها عندما ينضج."),
    ("passage", "Οι μέλισσες αποθηκεύουν το μέλι σε εξαγωνικά κελιά από κερί."),
    (
        "passage",
        "Bees keep honey in six-sided cells of wax. They fan it with their wings until most of its water is gone, "
        "then close each cell with a lid.",
    ),
]
TYPES = {"F32": np.float32, "F16": np.float16, "I8": np.int8, "U8": np.uint8, "I32": np.int32}
NAMES = {np.dtype(dtype): name for name, dtype in TYPES.items()}


def read(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    arrays = {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = (8 + length + offset for offset in entry["data_offsets"])
            arrays[name] = np.frombuffer(data[start:end], TYPES[entry["dtype"]]).reshape(entry["shape"])
    return arrays


def write(arrays):
    # As the safetensors library orders them: wide types first, then by name.
    header, body = {}, b""
    for name in sorted(arrays, key=lambda name: (-arrays[name].itemsize, name)):
        array = arrays[name]
        header[name] = {
            "dtype": NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [len(body), len(body) + array.nbytes],
        }
        body += array.tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def pack(name, values):
    """What is stored of an array, and what it is unpacked."""
    if values.ndim != 2:
        return {name: values.astype(np.float32)}, values.astype(np.float32)
    four = name == TABLE
    blocks = values.astype(np.float32).reshape(-1, BLOCK)
    steps = 7 if four else 127
    scales = (np.abs(blocks).max(axis=1) / steps).astype(np.float16)
    inverse = np.divide(1, scales, out=np.zeros(len(scales), np.float32), where=scales != 0)
    integers = np.clip(np.rint(blocks * inverse[:, None]), -8 if four else -127, steps)
    unpacked = (integers * scales[:, None].astype(np.float32)).reshape(values.shape)
    stored = {f"{name}.scales": scales.reshape(values.shape[0], -1)}
    if four:
        nibbles = (integers + 8).astype(np.uint8).reshape(values.shape[0], -1)
        stored[f"{name}.q4"] = nibbles[:, 0::2] | nibbles[:, 1::2] << 4
    else:
        stored[name] = integers.astype(np.int8).reshape(values.shape)
    return stored, unpacked


def encode(weights, config, ids, dense):
    """One text's vector: post-norm XLM-R, mean over tokens, a dense layer with tanh where there is one."""
    w = {name: array.astype(np.float64) for name, array in weights.items()}
    hidden, heads = config["hidden"], config["heads"]
    gelu = np.vectorize(lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2)

    def linear(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(x, name):
        centred = x - x.mean(axis=1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + config["layer_norm_epsilon"])
        return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]

    first = config["first_position"]
    x = w[TABLE][ids] + w["embeddings.position_embeddings.weight"][first : first + len(ids)]
    x = norm(x + w.get("embeddings.token_type_embeddings.weight", np.zeros((1, hidden)))[0], "embeddings.LayerNorm")
    for layer in range(config["layers"]):
        at = f"encoder.layer.{layer}."
        q, k, v = (
            linear(x, f"{at}attention.self.{part}").reshape(len(ids), heads, -1).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(hidden / heads)
        shares = np.exp(scores - scores.max(axis=2, keepdims=True))
        shares /= shares.sum(axis=2, keepdims=True)
        context = (shares @ v).transpose(1, 0, 2).reshape(len(ids), hidden)
        x = norm(x + linear(context, f"{at}attention.output.dense"), f"{at}attention.output.LayerNorm")
        inner = gelu(linear(x, f"{at}intermediate.dense"))
        x = norm(x + linear(inner, f"{at}output.dense"), f"{at}output.LayerNorm")
    vector = x.mean(axis=0)
    if dense:
        vector = np.tanh(linear(vector, "dense.0"))
    return vector / np.linalg.norm(vector)


def main():
    tokenizer = Tokenizer.from_file(str(SOURCE / "tokenizer.json"))
    source = json.loads((SOURCE / "config.json").read_text())
    limit = json.loads((SOURCE / "tokenizer_config.json").read_text())["model_max_length"]
    tokenizer.no_padding()
    tokenizer.enable_truncation(limit)
    config = {
        "family": "xlm-roberta",
        "vocabulary": source["vocab_size"],
        "hidden": source["hidden_size"],
        "layers": source["num_hidden_layers"],
        "heads": source["num_attention_heads"],
        "intermediate": source["intermediate_size"],
        "positions": source["max_position_embeddings"],
        "first_position": source["pad_token_id"] + 1,
        "layer_norm_epsilon": source["layer_norm_eps"],
        "activation": "gelu",
        "max_tokens": limit,
        "pooling": "mean",
        "dense": [{"input": source["hidden_size"], "output": 32, "activation": "tanh"}],
        "normalize": True,
    }
    ids = lambda kind, text: tokenizer.encode(PROMPTS[kind] + text).ids
    weights = {n: a for n, a in read(SOURCE / "model.safetensors").items() if not n.startswith("pooler.")}

    reference = read(HERE / "checkpoints" / "e5.safetensors")
    texts = json.loads((HERE / "texts.json").read_text())
    worst = 0.0
    for kind in PROMPTS:
        for index, expected in zip(reference["texts"], reference[kind]):
            vector = encode(weights, config, ids(kind, texts[index]), dense=False)
            worst = max(worst, np.abs(vector - expected).max())
    print(f"furthest from sentence-transformers: {worst:.1e}")
    assert worst < 1e-5

    random = np.random.default_rng(1)
    weights["dense.0.weight"] = random.normal(0, 0.5, (32, config["hidden"]))
    weights["dense.0.bias"] = random.normal(0, 0.1, 32)
    stored, unpacked = {}, {}
    for name, values in weights.items():
        parts, unpacked[name] = pack(name, values)
        stored.update(parts)
    files = {"tokenizer.json": (SOURCE / "tokenizer.json").read_bytes(), "model.safetensors": write(stored)}
    cases = [
        {"kind": kind, "text": text, "vector": np.float32(encode(unpacked, config, ids(kind, text), True)).tolist()}
        for kind, text in TEXTS
    ]
    manifest = {
        "format": 1,
        "name": "format-1",
        "architecture": config,
        "prompts": PROMPTS,
        "languages": ["en", "de"],
        "quantization": "q4",
        "licence": "MIT OR Apache-2.0",
        "recipe": None,
        "results": None,
        "files": [
            {"path": path, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for path, data in files.items()
        ],
        "self_test": {"tolerance": 0.001, "cases": cases},
    }
    OUTPUT.mkdir(exist_ok=True)
    for path, data in files.items():
        (OUTPUT / path).write_bytes(data)
    (OUTPUT / "manifest.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


main()
