"""Writes lir.json: vectors of three languages, and what numpy's SVD leaves of them.

    pip install numpy==2.4.6
    python tests/reference/lir.py

Per language: passages and queries, rows in thousandths; per r, the removed subspace's projector
applied to the queries and to the first passages, scaled to length 1, in millionths.
"""

import json
import pathlib

import numpy

PASSAGES, QUERIES, SHOWN, DIMENSION, RANKS = 40, 10, 5, 16, [1, 2, 3]

random = numpy.random.default_rng(20241)
spread = numpy.diag(0.9 ** numpy.arange(DIMENSION))
languages = []
for _ in range(3):
    offset = random.normal(size=DIMENSION) * 0.8
    turn = numpy.linalg.qr(random.normal(size=(DIMENSION, DIMENSION)))[0]
    draw = lambda n: numpy.round((random.normal(size=(n, DIMENSION)) @ spread @ turn + offset) * 1000)
    passages, queries = draw(PASSAGES), draw(QUERIES)
    # Not centred: the mean is what says most about the language.
    _, _, right = numpy.linalg.svd(passages, full_matrices=False)
    left = []
    for r in RANKS:
        rows = numpy.vstack([queries, passages[:SHOWN]])
        rows = rows - rows @ right[:r].T @ right[:r]
        rows /= numpy.linalg.norm(rows, axis=1, keepdims=True)
        left.append({"r": r, "rows": numpy.round(rows * 1e6).astype(int).tolist()})
    languages.append(
        {"passages": passages.astype(int).tolist(), "queries": queries.astype(int).tolist(), "left": left}
    )

path = pathlib.Path(__file__).with_suffix(".json")
text = json.dumps(languages, separators=(",", ":"))
path.write_text(text.replace('{"', '\n{"') + "\n")
print(path, path.stat().st_size, "bytes")
