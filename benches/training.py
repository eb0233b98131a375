"""Trains all-MiniLM-L6-v2 with our program and with sentence-transformers, in one run, and prints both speeds.

    python3 benches/training.py INTERLINGUA MODEL_FOLDER [--device cpu|flex|gpu] [--batches 16,64] [--steps 12]

INTERLINGUA is the program, MODEL_FOLDER a sentence-transformers folder (`scripts/fetch-minilm` prints one).
Both get the same pairs of generated English text (about 12 tokens a query, 40 a passage), in-batch negatives,
AdamW and f32, and update all weights. Printed: pairs a second by the median step, the first three steps not
counted, and the ratio; then the mean loss of both, which are near each other where both do the same work.
Needs sentence-transformers from PyPI.
"""

import argparse
import json
import pathlib
import random
import statistics
import subprocess
import tempfile
import time

import torch
from sentence_transformers import SentenceTransformer

SKIPPED = 3


def pairs(count):
    """Questions with passages, from a small vocabulary of common words."""
    draw = random.Random(1)
    words = (
        "river stone bird winter bread music letter garden ship night market river engine doctor school "
        "forest window horse island paper summer bridge king teacher village glass story light road cloud "
        "old new green heavy quiet early bright deep warm narrow found carried opened followed crossed built "
        "the a of in with under near before after between and but while because"
    ).split()

    def text(n):
        return " ".join(draw.choice(words) for _ in range(n)).capitalize()

    return [(text(10) + "?", text(38) + ".") for _ in range(count)]


def ours(program, model, device, data, batch, steps):
    """Median pairs a second and mean loss."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        with open(folder / "qa.en.jsonl", "w") as out:
            for i, (question, passage) in enumerate(data):
                line = {"id": str(i), "lang": "en", "question": question, "context": passage, "source": "bench"}
                out.write(json.dumps(line) + "\n")
        (folder / "run.toml").write_text(
            f"""
name = "bench"
output = "out"
languages = ["en"]
seed = 1
checkpoint_every = 1000000
quantization = "f32"
[start]
model = {json.dumps(str(model.resolve()))}
[data]
folder = "."
[[stage]]
name = "contrast"
objective = {{ kind = "contrastive", strategy = "monolingual" }}
steps = {steps}
batch = {batch}
learning_rate = 2e-5
max_tokens = 128
chunk = {2 * batch}
"""
        )
        command = [program, "train", "--config", folder / "run.toml", "--device", device]
        subprocess.run(command, check=True, capture_output=True)
        log = [json.loads(line) for line in open(folder / "out" / "log.jsonl")]
    seconds = statistics.median(line["seconds"] for line in log[SKIPPED:])
    return batch / seconds, statistics.mean(line["loss"] for line in log)


def theirs(model, device, data, batch, steps):
    """Median pairs a second and mean loss."""
    torch.manual_seed(1)
    device = "cuda" if device == "gpu" else "cpu"
    model = SentenceTransformer(str(model), device=device)
    model.max_seq_length = 128
    model.train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5, weight_decay=0.01)
    draw = random.Random(2)
    times, losses = [], []
    for _ in range(steps):
        items = draw.sample(data, batch)
        start = time.perf_counter()
        # Both sides at once would pad queries to the length of passages.
        sides = []
        for texts in zip(*items):
            features = model.tokenize(list(texts))
            features = {n: v.to(device) if torch.is_tensor(v) else v for n, v in features.items()}
            vectors = model(features)["sentence_embedding"]
            sides.append(torch.nn.functional.normalize(vectors, dim=1))
        scores = sides[0] @ sides[1].T / 0.05
        loss = torch.nn.functional.cross_entropy(scores, torch.arange(batch, device=device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        times.append(time.perf_counter() - start)
    return batch / statistics.median(times[SKIPPED:]), statistics.mean(losses)


arguments = argparse.ArgumentParser()
arguments.add_argument("program")
arguments.add_argument("model", type=pathlib.Path)
arguments.add_argument("--device", default="cpu")
arguments.add_argument("--batches", default="16,64")
arguments.add_argument("--steps", type=int, default=12)
given = arguments.parse_args()
print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, device {given.device}")
print("batch  ours, pairs/s  PyTorch, pairs/s  ratio  loss, ours  loss, PyTorch")
data = pairs(2000)
for batch in map(int, given.batches.split(",")):
    own, own_loss = ours(given.program, given.model, given.device, data, batch, given.steps)
    other, other_loss = theirs(given.model, given.device, data, batch, given.steps)
    print(f"{batch:5} {own:14.1f} {other:17.1f} {own / other:6.2f} {own_loss:11.3f} {other_loss:14.3f}", flush=True)
