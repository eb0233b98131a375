"""Exports a sentence-transformers folder, or a bundle of a BERT model stored in f32, to ONNX: in fp32, and in
int8 as transformers.js' own models are.

    python3 benches/browser/export.py MODEL_FOLDER OUTPUT_FOLDER

Layers behind the pooling that are linear, as whitening is, go through every token instead of their mean, which is
the same: transformers.js pools what it gets. For the default model that is 1.4 % more products.

Needs torch, transformers, safetensors, onnx, onnxscript and onnxruntime from PyPI.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.torch import load_file
from torch.nn.functional import linear
from transformers import AutoModel, BertConfig, BertModel

source, output = Path(sys.argv[1]), Path(sys.argv[2])
(output / "onnx").mkdir(parents=True, exist_ok=True)
for name in ["config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"]:
    if (source / name).exists():
        shutil.copy(source / name, output / name)



def from_bundle(manifest):
    """The model of a bundle and its layers behind the pooling, with the two files that transformers.js looks for."""
    a = manifest["architecture"]
    linear_only = a["pooling"] == "mean" and all(layer["activation"] == "identity" for layer in a["dense"])
    if manifest["quantization"] != "f32" or a["family"] != "bert" or not linear_only:
        sys.exit(f"{source}: this exports bundles of BERT models in f32 whose layers behind the pooling, a mean, "
                 "are linear; `interlingua import BUNDLE --output FOLDER --quantize f32` stores one in f32")
    config = BertConfig(
        vocab_size=a["vocabulary"], hidden_size=a["hidden"], num_hidden_layers=a["layers"],
        num_attention_heads=a["heads"], intermediate_size=a["intermediate"], hidden_act=a["activation"],
        max_position_embeddings=a["positions"], layer_norm_eps=a["layer_norm_epsilon"], attn_implementation="eager",
    )
    model = BertModel(config, add_pooling_layer=False)
    weights = load_file(source / "model.safetensors")
    # A bundle has token type 0 added to its positions, and no other.
    weights["embeddings.token_type_embeddings.weight"] = torch.zeros(config.type_vocab_size, config.hidden_size)
    behind = [(weights.pop(f"dense.{i}.weight"), weights.pop(f"dense.{i}.bias")) for i in range(len(a["dense"]))]
    model.load_state_dict(weights)
    config.save_pretrained(output)
    tokenizer = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": a["positions"], "pad_token": "[PAD]",
                 "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    (output / "tokenizer_config.json").write_text(json.dumps(tokenizer), "utf-8")
    return model.eval(), behind


manifest = source / "manifest.json"
if manifest.exists():
    model, behind = from_bundle(json.loads(manifest.read_text("utf-8")))
else:
    model, behind = AutoModel.from_pretrained(source, attn_implementation="eager", dtype=torch.float32).eval(), []
ids = torch.ones(2, 8, dtype=torch.int64)
names = ["input_ids", "attention_mask", "token_type_ids"]
axes = {name: {0: "batch", 1: "length"} for name in [*names, "last_hidden_state"]}


class Tokens(torch.nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, input_ids, attention_mask, token_type_ids):
        out = self.inner(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
        tokens = out.last_hidden_state
        for weight, bias in behind:
            tokens = linear(tokens, weight, bias)
        return tokens


full = output / "onnx" / "model.onnx"
torch.onnx.export(
    Tokens(model), (ids, ids, ids * 0), full, input_names=names, output_names=["last_hidden_state"],
    dynamic_axes=axes, opset_version=17, dynamo=False,
)
quantize_dynamic(full, output / "onnx" / "model_quantized.onnx", weight_type=QuantType.QUInt8)
print(f"{output}: {full.stat().st_size / 1e6:.1f} MB fp32, "
      f"{(output / 'onnx' / 'model_quantized.onnx').stat().st_size / 1e6:.1f} MB int8")
