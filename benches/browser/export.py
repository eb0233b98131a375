"""Exports a sentence-transformers folder to ONNX, in fp32 and in int8 as transformers.js' own models are.

    python3 benches/browser/export.py MODEL_FOLDER OUTPUT_FOLDER

Needs torch, transformers, onnx, onnxscript and onnxruntime from PyPI.
"""

import shutil
import sys
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import AutoModel

source, output = Path(sys.argv[1]), Path(sys.argv[2])
(output / "onnx").mkdir(parents=True, exist_ok=True)
for name in ["config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"]:
    if (source / name).exists():
        shutil.copy(source / name, output / name)

model = AutoModel.from_pretrained(source, attn_implementation="eager").eval()
ids = torch.ones(2, 8, dtype=torch.int64)
names = ["input_ids", "attention_mask", "token_type_ids"]
axes = {name: {0: "batch", 1: "length"} for name in [*names, "last_hidden_state"]}


class Tokens(torch.nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, input_ids, attention_mask, token_type_ids):
        out = self.inner(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
        return out.last_hidden_state


full = output / "onnx" / "model.onnx"
torch.onnx.export(
    Tokens(model), (ids, ids, ids * 0), full, input_names=names, output_names=["last_hidden_state"],
    dynamic_axes=axes, opset_version=17, dynamo=False,
)
quantize_dynamic(full, output / "onnx" / "model_quantized.onnx", weight_type=QuantType.QUInt8)
print(f"{output}: {full.stat().st_size / 1e6:.1f} MB fp32, "
      f"{(output / 'onnx' / 'model_quantized.onnx').stat().st_size / 1e6:.1f} MB int8")
