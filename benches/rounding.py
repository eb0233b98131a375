"""What rounding activations and weights costs: cosines to the vectors of the same q8 weights in f32.

    python3 benches/rounding.py MODEL_FOLDER

Rounds the inputs of the transformer blocks' linear layers by rows and their weights by columns, in PyTorch, on
passages of the page's sample in all its languages. Needs torch and transformers from PyPI.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModel, AutoTokenizer

sample = Path(__file__).parent.parent / "static/sample/passages.jsonl"
lines = [json.loads(line)["passage"] for line in sample.read_text("utf-8").splitlines()]
texts = [text for line in lines[::12] for text in line.values()][:96]
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
model = AutoModel.from_pretrained(sys.argv[1], attn_implementation="eager").eval()
layers = [m for n, m in model.named_modules() if isinstance(m, torch.nn.Linear) and ".layer." in f".{n}"]
activation_bits, signed = 32, True


def rounded(x, step):
    return (x / step).round() * step


def round_input(_, given):
    (x,) = given
    if activation_bits == 32:
        return None
    if signed:
        return (rounded(x, x.abs().amax(-1, keepdim=True) / (2 ** (activation_bits - 1) - 1)),)
    low, high = x.amin(-1, keepdim=True).clamp(max=0), x.amax(-1, keepdim=True).clamp(min=0)
    return (rounded(x, (high - low) / (2**activation_bits - 1)),)


def by_columns(weight, bits):
    return rounded(weight, weight.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1))


@torch.no_grad()
def encode():
    vectors = []
    for at in range(0, len(texts), 32):
        given = tokenizer(texts[at : at + 32], padding=True, truncation=True, max_length=128, return_tensors="pt")
        mask = given["attention_mask"].unsqueeze(-1)
        vectors.append((model(**given).last_hidden_state * mask).sum(1))
    return torch.nn.functional.normalize(torch.cat(vectors), dim=1)


for layer in layers:
    layer.register_forward_pre_hook(round_input)
    # As bundles pack them: 32 in a row share a scale.
    groups = layer.weight.data.unflatten(1, (-1, 32))
    layer.weight.data = rounded(groups, groups.abs().amax(-1, keepdim=True) / 127).flatten(1)
packed = [layer.weight.data for layer in layers]
exact = encode()
print(f"{'activations':>16} {'weights':>8} {'least':>9} {'mean':>9}   of {len(texts)} texts")
for activation_bits, signed, weight_bits in [
    (13, True, 12), (12, True, 12), (13, True, 8), (32, True, 8), (8, False, 12), (8, True, 12), (7, False, 12),
]:
    for layer, weight in zip(layers, packed):
        layer.weight.data = by_columns(weight, weight_bits)
    cosines = (encode() * exact).sum(1)
    kind = "f32" if activation_bits == 32 else f"{activation_bits} bits{'' if signed else ', unsigned'}"
    print(f"{kind:>16} {weight_bits:>8} {cosines.min():9.6f} {cosines.mean():9.6f}", flush=True)
