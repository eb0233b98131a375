"""Times onnxruntime beside our kernels on the CPU, natively: f32, and 8-bit weights in integers.

    cargo build --release
    python3 benches/browser/export.py "$(scripts/fetch-minilm)" out/onnx/minilm
    python3 benches/onnx.py "$(scripts/fetch-minilm)" out/onnx/minilm target/release/interlingua [ROUNDS]

The cells and texts are those of `interlingua bench`; both sides tokenize, encode, pool and normalize, with two
threads. The four take turns in each of 5 rounds; a cell's time is the median over rounds of each round's
median. Prints milliseconds, and ours by onnxruntime's. Needs numpy, onnxruntime and tokenizers from PyPI.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import onnxruntime
from tokenizers import Tokenizer

THREADS = 2
CALLS = 5
source, exported, program = sys.argv[1:4]
rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 5
tokenizer = Tokenizer.from_file(f"{exported}/tokenizer.json")
tokenizer.enable_truncation(256)
tokenizer.enable_padding()
words = "the quick brown fox jumps over a lazy dog and runs".split()
CELLS = [(1, 6), (8, 6), (8, 100), (32, 24), (1, 400)]
batches = [[" ".join(words[i % len(words)] for i in range(count))] * batch for batch, count in CELLS]


def session(name):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    return onnxruntime.InferenceSession(f"{exported}/onnx/{name}.onnx", options, ["CPUExecutionProvider"])


def encode(model, texts):
    encoded = tokenizer.encode_batch(texts)
    ids = numpy.array([e.ids for e in encoded])
    mask = numpy.array([e.attention_mask for e in encoded])
    given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": numpy.zeros_like(ids)}
    (states,) = model.run(None, given)
    vectors = (states * mask[..., None]).sum(1) / mask.sum(1)[:, None]
    return vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)


def theirs(model):
    times = []
    for texts in batches:
        cell = []
        for call in range(CALLS + 2):
            start = time.perf_counter()
            encode(model, texts)
            if call > 1:
                cell.append((time.perf_counter() - start) * 1e3)
        times.append(statistics.median(cell))
    return times


def ours(model, precision):
    command = [program, "bench", "--model", model, "--device", "cpu", "--precision", precision]
    command += ["--repeats", str(CALLS), "--json"]
    environment = {**os.environ, "RAYON_NUM_THREADS": str(THREADS)}
    done = subprocess.run(command, check=True, capture_output=True, env=environment)
    return [cell["median_ms"] for cell in json.loads(done.stdout)["cells"]]


with tempfile.TemporaryDirectory() as folder:
    packed = f"{folder}/q8"
    subprocess.run(
        [program, "import", source, "--output", packed, "--quantize", "q8"], check=True, capture_output=True
    )
    models = {"onnxruntime f32": session("model"), "onnxruntime q8": session("model_quantized")}
    kinds = {
        "onnxruntime f32": lambda: theirs(models["onnxruntime f32"]),
        "interlingua f32": lambda: ours(source, "exact"),
        "onnxruntime q8": lambda: theirs(models["onnxruntime q8"]),
        "interlingua q8, fast": lambda: ours(packed, "fast"),
    }
    runs = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, run in kinds.items():
            runs[name].append(run())
medians = {name: [statistics.median(cell) for cell in zip(*rows)] for name, rows in runs.items()}

tokens = [len(tokenizer.encode(texts[0]).ids) for texts in batches]
print(f"onnxruntime {onnxruntime.__version__}, {THREADS} threads, {rounds} rounds of {CALLS} calls")
print(f"{'ms (ratio to onnxruntime)':28}" + "".join(
    f"{f'{batch} × {length}':>16}" for (batch, _), length in zip(CELLS, tokens)
))
for name, times in medians.items():
    rival = medians["onnxruntime f32" if name.endswith("f32") else "onnxruntime q8"]
    print(f"{name:28}" + "".join(
        f"{f'{ms:.1f} ({ms / other:.2f})':>16}" for ms, other in zip(times, rival)
    ))
