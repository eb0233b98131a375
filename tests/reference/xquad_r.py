"""Compares every query's measures with trec_eval's own code, on the runs of a real data set.

    interlingua eval --model static/model --dataset xquad-r --data data/xquad-r --languages en,th \
        --depth 0 --cross-depth 0 --runs out/runs --per-query out/queries.csv
    pip install pytrec-eval-terrier==0.5.11
    python tests/reference/xquad_r.py out/runs out/queries.csv

Runs must be whole (`--depth 0 --cross-depth 0`): trec_eval sees only what is in them. Ends with status 1
when a value differs by more than 1e-9.
"""

import csv
import pathlib
import sys

import pytrec_eval

NAMES = {
    "map": "map", "mrr": "recip_rank", "recall@1": "recall_1", "recall@10": "recall_10",
    "recall@100": "recall_100", "ndcg@10": "ndcg_cut_10", "map@20": "map_cut_20", "p@10": "P_10",
}
folder, table = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])

ours = {}
for row in csv.DictReader(table.open(encoding="utf-8")):
    name = row["setting"]
    if name != "multi":
        name += f".{row['to']}" if name == "mono" else f".{row['from']}.{row['to']}"
    ours.setdefault(name, {})[row["query"]] = {theirs: float(row[mine]) for mine, theirs in NAMES.items()}

worst, compared = 0.0, 0
for name in sorted(ours):
    with (folder / f"{name}.qrels").open(encoding="utf-8") as file:
        qrels = pytrec_eval.parse_qrel(file)
    evaluator = pytrec_eval.RelevanceEvaluator(
        qrels, {"map", "recip_rank", "recall.1,10,100", "ndcg_cut.10", "map_cut.20", "P.10"})
    # A query at a time: whole runs of all languages would not fit in memory.
    run, last = {}, None

    def check(run):
        global worst, compared
        for query, values in evaluator.evaluate(run).items():
            for measure, value in ours[name][query].items():
                worst = max(worst, abs(values[measure] - value))
                compared += 1

    with (folder / f"{name}.run").open(encoding="utf-8") as file:
        for line in file:
            query, _, document, _, score, _ = line.split()
            if query != last and last is not None:
                check(run)
                run = {}
            run.setdefault(query, {})[document] = float(score)
            last = query
    check(run)
    print(f"{name}: {len(ours[name])} queries")

expected = sum(len(queries) for queries in ours.values()) * len(NAMES)
print(f"{compared} of {expected} values compared, largest difference {worst:.1e}")
sys.exit(0 if worst <= 1e-9 and compared == expected else 1)
