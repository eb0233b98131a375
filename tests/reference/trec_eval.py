"""Writes trec_eval.json: random runs full of ties, and what trec_eval says of each query.

    pip install pytrec-eval-terrier==0.5.11
    python tests/reference/trec_eval.py

pytrec_eval is trec_eval's own C code (version 9). Documents are shared by all queries. Of each query
there are the run's documents, their scores (quarters; where "near" is set, a billionth more for every
odd document: too little for 32 bits), the judged documents, their grades, and the values in the order
of "measures".
"""

import json
import pathlib
import random

import pytrec_eval

QUERIES = 1200
MEASURES = {
    "map", "recip_rank", "map_cut.20", "P.1,5,10", "recall.1,10,100", "ndcg_cut.10",
}

random.seed(20241)
languages = ["ar", "de", "en", "zh"]
documents = [f"{random.choice(languages)}:{random.randrange(30)}:{i}" for i in range(160)]
assert len(set(documents)) == len(documents)

queries = []
for number in range(QUERIES):
    size = random.choice([1, 5, 15, 30, 110])
    levels = random.choice([1, 2, 4, 12])
    run = random.sample(range(160), size)
    scores = [random.randint(-levels, levels) for _ in run]
    # Some judged documents are not relevant, some have a negative grade, some relevant ones are not
    # retrieved.
    judged = random.sample(range(160), random.randint(1, 12))
    grades = [random.choice([-1, 0, 1, 1, 2, 3]) for _ in judged]
    if max(grades) < 1:
        grades[0] = 1
    # A few queries have nothing relevant; of the others, those that find something must not be rare.
    if number % 50 == 0:
        grades = [0 for _ in judged]
    elif number % 3:
        found = random.sample(run, min(len(run), random.randint(1, 8)))
        extra = [d for d in found if d not in judged]
        judged += extra
        grades += [random.randint(1, 3) for _ in extra]
    queries.append([run, scores, number % 4 == 1, judged, grades])


def score(document, quarters, near):
    return quarters / 4 + (1e-9 if near and document % 2 else 0)


evaluator = pytrec_eval.RelevanceEvaluator(
    {str(i): {documents[d]: g for d, g in zip(q[3], q[4])} for i, q in enumerate(queries)}, MEASURES
)
results = evaluator.evaluate(
    {
        str(i): {documents[d]: score(d, s, q[2]) for d, s in zip(q[0], q[1])}
        for i, q in enumerate(queries)
    }
)
names = sorted(results["0"])
for i, query in enumerate(queries):
    query[2] = int(query[2])
    # Twelve digits are a thousandth of the difference that the test allows.
    query.append([float(f"{results[str(i)][name]:.12g}") for name in names])

path = pathlib.Path(__file__).with_suffix(".json")
head = json.dumps({"documents": documents, "measures": names}, separators=(",", ":"))
rows = ",\n".join(json.dumps(q, separators=(",", ":")) for q in queries)
path.write_text(head[:-1] + ',"queries":[\n' + rows + "\n]}\n")
print(path, path.stat().st_size, "bytes")
