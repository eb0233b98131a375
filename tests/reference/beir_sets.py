"""Writes beir_sets.json.gz: small sets in BEIR's form with all the oddities that published ones have, and
what trec_eval says of each query.

    pip install pytrec-eval-terrier==0.5.11
    python tests/reference/beir_sets.py

pytrec_eval is trec_eval's own C code (version 9). What is searched, left out and judged is said here a
second time, from the sets before they are written down: BEIR's rules (title and text, the last of equal
ids, no passage with the query's own id), and trec_eval's -c for queries that find nothing. Texts say
nothing: queries and passages have vectors of two small whole numbers, so scores are exact and many tie.

    INTERLINGUA_RUNS=/tmp/runs cargo test --test beir
    python tests/reference/beir_sets.py --live /tmp/runs

feeds trec_eval with the run and qrels files that we wrote for these sets, and compares every query.
"""

import argparse
import csv
import gzip
import json
import pathlib
import random

import pytrec_eval

SETS = 340
# As we call them, and as trec_eval does; mrr@k is recip_rank where that is at least 1 / k.
MEASURES = [
    ("map", "map"), ("mrr", "recip_rank"), ("recall@1", "recall_1"), ("recall@10", "recall_10"),
    ("recall@100", "recall_100"), ("ndcg@10", "ndcg_cut_10"), ("map@20", "map_cut_20"), ("p@10", "P_10"),
    ("ndcg@3", "ndcg_cut_3"), ("mrr@2", "recip_rank"), ("recall@1000", "recall_1000"), ("map@4", "map_cut_4"),
    ("p@5", "P_5"), ("ndcg", "ndcg"),
]
ASKED = {
    "map", "recip_rank", "recall.1,10,100,1000", "ndcg_cut.3,10", "map_cut.4,20", "P.5,10", "ndcg",
}
# Ids as they are written in JSON lines. Some are one in other eyes: as numbers, without blanks, in lower case.
PLAIN = [
    "1", "2", "7", '"7.0"', '"07"', "10", "-3", "12345678901234567890", "12345678901234567891", '"d1"', '"d10"',
    '"D1"', '"Q0"', '"#1"', '"null"', '"a_b"', '"a%20b"', '"a%2520b"', '"50%"', '"%zz"', '"ärger"', '"a\\u0308rger"',
    '"文書"', '"سند"', '"เอกสาร"', '"😀"', '"x,y"', '"q/1"',
]
BLANK = ['"a b"', '" a b"', '"a b "', '"a  b"', '"d\\u00a01"', '"d\\u30001"', '"a\\u2028b"', '"% b"']
TABBED = ['"a\\tb"', '"a\\nb"']


def text_of(literal):
    value = json.loads(literal)
    return value if isinstance(value, str) else literal


def escaped(id):
    """An id as it stands in our TREC files."""
    out = []
    for at, c in enumerate(id):
        code = c == "%" and len(id) > at + 2 and all(d in "0123456789abcdefABCDEF" for d in id[at + 1 : at + 3])
        if c.isspace() or ord(c) < 32 or code:
            out += ["%%%02X" % byte for byte in c.encode()]
        else:
            out.append(c)
    return "".join(out)


def vector():
    return [random.randint(-2, 2), random.randint(-2, 2)]


class Folder:
    """A corpus, its queries and judgements, and the files they are in."""

    def __init__(self, lang):
        self.lang = lang
        self.form = random.choice(["header", "tsv", "trec", "jsonl", "json", "list"])
        ids = PLAIN + ([] if self.form == "trec" else BLANK)
        ids += TABBED if self.form in ("jsonl", "json", "list") else []
        ids = random.sample(ids, len(ids))
        size = random.randint(3, 14)
        self.docs, self.queries, self.qrels = {}, {}, {}
        self.make_docs(ids[:size])
        self.missing = [text_of(id) for id in ids[size : size + 3]]
        # Some queries have the id of a passage.
        asked = random.sample(ids[:size], random.randint(0, min(3, size))) + ids[size + 3 : size + 3 + random.randint(1, 4)]
        self.make_queries(asked)
        self.make_qrels()

    def make_docs(self, ids):
        lines = []
        for number, id in enumerate(ids):
            kind = random.choice(["both"] * 4 + ["title", "text", "bare", "none", "empty", "null"]) if number > 1 else "both"
            fields = {
                "both": {"title": "Bees", "text": "They keep honey."},
                "title": {"title": "Bees and honey", "text": ""},
                "text": {"title": "", "text": "They keep honey."},
                "bare": {"text": "They keep honey."},
                "none": {"title": None, "text": "They keep honey."},
                "empty": {"title": random.choice(["", " ", None]), "text": random.choice(["", "  "])},
                "null": {"title": "Bees", "text": None},
            }[kind]
            lines.append(f'{{"_id": {id}, {json.dumps(fields)[1:]}')
            if kind not in ("empty", "null"):
                self.docs[text_of(id)] = None
                if random.random() < 0.1:
                    lines.append(f'{{"metadata": {{}}, "_id": {id}, "title": "", "text": "Again."}}')
        if random.random() < 0.2:
            lines.insert(random.randrange(len(lines)), '{"_id": "cut", "te')
        self.corpus = "\n".join(lines) + "\n"
        self.docs = {id: vector() for id in self.docs}

    def make_queries(self, ids):
        lines = []
        for number, id in enumerate(ids):
            name, words = text_of(id), "Where is honey?"
            kind = random.choice(["asked"] * 6 + ["empty", "null", "absent", "twice"]) if number else "asked"
            self.queries[name] = vector() if kind in ("asked", "twice") else None
            if kind == "twice":
                lines.append(f'{{"_id": {id}, "text": ""}}')
            if kind != "absent":
                words = {"empty": random.choice(["", " "]), "null": None}.get(kind, words)
                lines.append(f'{{"_id": {id}, "text": {json.dumps(words)}}}')
        if random.random() < 0.3:
            lines.append('{"_id": "of another split", "text": "Where else?"}')
        self.questions = "\n".join(lines) + "\n"

    def make_qrels(self):
        rows = []
        for number, query in enumerate(self.queries):
            if number and random.random() < 0.1:
                continue
            pool = list(self.docs) + self.missing + ([query] if query in self.docs else [])
            kind = random.choice(["some"] * 5 + ["zero", "gone"])
            some = self.missing if kind == "gone" else pool
            grades = [0, -1] if kind == "zero" else [-1, 0, 1, 1, 2, 3]
            judged = random.sample(sorted(set(some)), random.randint(1, min(6, len(set(some)))))
            rows += [(query, doc, random.choice(grades)) for doc in judged]
            if self.form != "json" and random.random() < 0.15:
                rows.append((query, judged[0], random.choice(grades)))
        random.shuffle(rows)
        for query, doc, grade in rows:
            self.qrels.setdefault(query, {})[doc] = grade
        whole = random.random() < 0.3
        grade = (lambda g: f"{g}.0") if whole else str
        literal = lambda id: id if id.isdigit() and id[0] != "0" else json.dumps(id, ensure_ascii=random.random() < 0.5)
        entry = lambda q, d, g: f'{{"query-id": {literal(q)}, "corpus-id": {literal(d)}, "score": {grade(g)}}}'
        if self.form in ("header", "tsv"):
            head = "query-id\tcorpus-id\tscore\n" if self.form == "header" else ""
            self.judged = head + "".join(f"{q}\t{d}\t{grade(g)}\n" for q, d, g in rows)
        elif self.form == "trec":
            self.judged = "".join(f"{q} 0 {d} {grade(g)}\n" for q, d, g in rows)
        elif self.form == "jsonl":
            self.judged = "".join(entry(*row) + "\n" for row in rows)
        elif self.form == "list":
            self.judged = "[" + ",\n".join(entry(*row) for row in rows) + "]"
        else:
            self.judged = json.dumps(self.qrels, ensure_ascii=False, indent=random.choice([None, 1]))

    def files(self):
        ending = {"header": "tsv", "tsv": "tsv", "trec": random.choice(["tsv", "txt"]), "jsonl": "jsonl"}.get(self.form, "json")
        files = {"corpus.jsonl": self.corpus, "queries.jsonl": self.questions, f"qrels/test.{ending}": self.judged}
        # How they are written down: a byte order mark, line ends of Windows, gzip.
        return {name: [text, random.choice(["", "", "", "b", "c", "z", "bc", "bz"])] for name, text in files.items()}


def measured(folder, pool, rules, evaluate):
    """Every judged query's values; `pool` is of [language, id, vector]."""
    level, keep, only = rules
    run, qrels, names = {}, {}, {}
    for query, judged in folder.qrels.items():
        name = f"{folder.lang}:{escaped(query)}"
        names[query] = name
        ranked = {}
        if (asked := folder.queries[query]) is not None:
            for lang, id, v in pool:
                if keep or id != query:
                    ranked[f"{lang}:{escaped(id)}"] = float(sum(a * b for a, b in zip(asked, v)))
        judged = {f"{folder.lang}:{escaped(id)}": grade for id, grade in judged.items()}
        if only and not any(judged.get(id, 0) >= level for id in ranked):
            del names[query]
            continue
        qrels[name] = judged
        if ranked:
            run[name] = ranked
    results = evaluate(run, qrels, level)
    return {query: results[name] for query, name in names.items()}


def trec_eval(run, qrels, level):
    """What trec_eval -c -l says: 0 where there is nothing in the run."""
    # Where all grades of a query are below 0, trec_eval does not come to an end; 0 is no more relevant.
    safe = {q: judged if max(judged.values()) >= 0 else dict.fromkeys(judged, 0) for q, judged in qrels.items()}
    results = pytrec_eval.RelevanceEvaluator(safe, ASKED, relevance_level=level).evaluate(run) if run else {}

    def value(ours, theirs, result):
        x = result.get(theirs, 0.0)
        return 0.0 if ours == "mrr@2" and x < 0.5 else x

    return {query: [value(*names, results.get(query, {})) for names in MEASURES] for query in qrels}


def make(path):
    random.seed(2204)
    sets = []
    for number in range(SETS):
        folders = [Folder(lang) for lang in (["de", "en"] if number % 8 == 7 else ["de"])]
        rules = (random.choice([1, 1, 2, 3]), random.random() < 0.25, random.random() < 0.25)
        pool = [(f.lang, id, v) for f in folders for id, v in f.docs.items()]
        short = lambda values: {q: [float(f"{x:.11g}") for x in row] for q, row in values.items()}
        one = {"level": rules[0], "keep_identical": rules[1], "only_answerable": rules[2], "folders": []}
        for f in folders:
            own = [row for row in pool if row[0] == f.lang]
            of = {
                "lang": f.lang, "files": f.files(), "docs": f.docs,
                "queries": {q: v for q, v in f.queries.items() if v},
                "mono": short(measured(f, own, rules, trec_eval)),
            }
            if len(folders) > 1:
                of["multi"] = short(measured(f, pool, rules, trec_eval))
            one["folders"].append(of)
        sets.append(one)
    text = json.dumps({"measures": [ours for ours, _ in MEASURES], "sets": sets}, separators=(",", ":"), ensure_ascii=False)
    with open(path, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(text.encode())
    values = [x for s in sets for f in s["folders"] for row in f["mono"].values() for x in row]
    print(path, path.stat().st_size, "bytes;", len(values), "values, of which", sum(x > 0 for x in values), "above 0")


def live(folder):
    """Compares the measures we wrote with trec_eval's of the runs and qrels we wrote."""
    compared, worst, sets = 0, 0.0, 0
    for of in sorted(folder.iterdir()):
        sets += 1
        level = int((of / "level").read_text())
        with open(of / "queries.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        for path in sorted(of.glob("*.run")):
            setting, *langs = path.stem.split(".")
            run, qrels = {}, {}
            for line in path.read_text(encoding="utf-8").splitlines():
                query, _, doc, _, score, _ = line.split()
                assert doc not in run.setdefault(query, {}), (of, line)
                run[query][doc] = float(score)
            for line in path.with_suffix(".qrels").read_text(encoding="utf-8").splitlines():
                query, _, doc, grade = line.split()
                assert doc not in qrels.setdefault(query, {}), (of, line)
                qrels[query][doc] = int(grade)
            results = trec_eval(run, qrels, level) if qrels else {}
            ours = [r for r in rows if r["setting"] == setting and (not langs or [r["from"], r["to"]] == [langs[0], langs[-1]])]
            assert len(ours) == len(results), (of, path, len(ours), len(results))
            for row in ours:
                lang, id = row["query"].split(":", 1)
                for (name, _), expected in zip(MEASURES, results[f"{lang}:{escaped(id)}"]):
                    difference = abs(float(row[name]) - expected)
                    assert difference < 1e-9, (of, path, row["query"], name, row[name], expected)
                    worst, compared = max(worst, difference), compared + 1
    print(f"{sets} sets, {compared} values, largest difference {worst:g}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--live", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.live:
        live(arguments.live)
    else:
        make(pathlib.Path(__file__).with_name("beir_sets.json.gz"))
