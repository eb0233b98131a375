"""Times sentence-transformers on the cells of `interlingua bench`, to be run right after it.

    python3 benches/encoding.py MODEL_FOLDER [THREADS]

Prints texts, tokens, and milliseconds: the median of 7 after two calls that are not counted, and the least.
Needs sentence-transformers from PyPI.
"""

import statistics
import sys
import time

import torch
from sentence_transformers import SentenceTransformer

model = SentenceTransformer(sys.argv[1], device="cpu")
torch.set_num_threads(int(sys.argv[2]) if len(sys.argv) > 2 else 2)
words = "the quick brown fox jumps over a lazy dog and runs".split()
for batch, count in [(1, 6), (8, 6), (8, 100), (32, 24), (1, 254)]:
    text = " ".join(words[i % len(words)] for i in range(count))
    times = []
    for call in range(9):
        start = time.perf_counter()
        model.encode([text] * batch, batch_size=batch, normalize_embeddings=True)
        if call > 1:
            times.append((time.perf_counter() - start) * 1e3)
    print(f"{batch:4} {count + 2:5} {statistics.median(times):9.1f} {min(times):9.1f}")
