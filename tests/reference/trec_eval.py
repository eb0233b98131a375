"""Writes trec_eval.json: random runs full of ties, and what trec_eval says of each query.

    pip install pytrec-eval-terrier==0.5.11
    python tests/reference/trec_eval.py

pytrec_eval is trec_eval's own C code. Documents are shared by all queries; a run is a list of
[document, score in quarters], qrels a list of [document, relevance].
"""

import json
import pathlib
import random

import pytrec_eval

QUERIES = 300
MEASURES = [
    "map", "recip_rank", "map_cut.20", "P.1,5,10", "recall.1,10,100", "ndcg_cut.10",
]

random.seed(20241)
languages = ["ar", "de", "en", "zh"]
documents = [f"{random.choice(languages)}:{random.randrange(30)}:{i}" for i in range(160)]
assert len(set(documents)) == len(documents)

queries = []
for number in range(QUERIES):
    size = random.choice([1, 5, 15, 30, 120])
    levels = random.choice([1, 2, 4, 12])
    run = [[d, random.randint(-levels, levels)] for d in random.sample(range(160), size)]
    judged = random.sample(range(160), random.randint(1, 25))
    # Some judged documents are not relevant, some relevant ones are not retrieved.
    qrels = [[d, random.choice([0, 1, 1])] for d in judged]
    if not any(r for _, r in qrels):
        qrels[0][1] = 1
    # Queries that find something must not be rare.
    if number % 3:
        found = random.sample(run, min(len(run), random.randint(1, 11)))
        extra = [[d, 1] for d, _ in found if d not in judged]
        qrels += extra
    queries.append({"run": run, "qrels": qrels})

names = lambda pairs, value: {documents[d]: value(v) for d, v in pairs}
evaluator = pytrec_eval.RelevanceEvaluator(
    {str(i): names(q["qrels"], int) for i, q in enumerate(queries)}, set(MEASURES)
)
results = evaluator.evaluate(
    {str(i): names(q["run"], lambda v: v / 4) for i, q in enumerate(queries)}
)
for i, query in enumerate(queries):
    query["expected"] = results[str(i)]

path = pathlib.Path(__file__).with_suffix(".json")
text = json.dumps({"documents": documents, "queries": queries}, separators=(",", ":"))
path.write_text(text.replace('{"run"', '\n{"run"') + "\n")
print(path, path.stat().st_size, "bytes")
