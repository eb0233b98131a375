"""Writes significance.json: resampling, Holm's correction and an exact randomisation test.

    pip install numpy==2.4.6 scipy==1.17.1 statsmodels==0.15.0
    python tests/reference/significance.py

The random numbers are SplitMix64 written down from its paper; everything else is numpy, scipy and
statsmodels.
"""

import json
import pathlib

import numpy as np
import scipy.stats
from statsmodels.stats.multitest import multipletests

MASK = (1 << 64) - 1


def splitmix(seed):
    while True:
        seed = (seed + 0x9E3779B97F4A7C15) & MASK
        z = seed
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


rng = np.random.default_rng(5)

# Cells of a setting: group and value of each query. Groups are in some cells only, some twice.
GROUPS, SAMPLES, SEED = 9, 203, 77
cells = []
for size in [9, 4, 2]:
    groups = rng.choice(GROUPS, size, replace=False)
    groups = np.concatenate([groups, groups[: size // 3]])
    cells.append([[int(g), round(float(v), 3)] for g, v in zip(groups, rng.random(len(groups)))])

numbers = splitmix(SEED)
resamples = [[next(numbers) * GROUPS >> 64 for _ in range(GROUPS)] for _ in range(SAMPLES)]


def statistics(drawn):
    """Mean over cells of the mean, and of the median, over the drawn queries."""
    means, medians = [], []
    for cell in cells:
        values = [v for g in drawn for group, v in cell if group == g]
        if values:
            means.append(np.mean(values))
            medians.append(np.median(values))
    return np.mean(means), np.mean(medians)


drawn = np.array([statistics(r) for r in resamples])
intervals = np.percentile(drawn, [2.5, 97.5], axis=0).T.tolist()

# Differences of ten pairs: all 2^10 permutations, by scipy.
a = np.round(rng.random(10), 2)
b = np.round(a + rng.normal(0.1, 0.1, 10), 2)
exact = scipy.stats.permutation_test(
    (b, a), lambda x, y, axis: np.mean(x - y, axis=axis), permutation_type="samples",
    vectorized=True, n_resamples=np.inf,
)
assert len(exact.null_distribution) == 2**10

p = [0.012, 0.3, 0.0004, 0.04, 0.04, 0.9, 0.011, 0.5]
significant, adjusted, _, _ = multipletests(p, alpha=0.05, method="holm")

first = splitmix(1234567)
data = {
    "splitmix": {"seed": 1234567, "numbers": [str(next(first)) for _ in range(5)]},
    "bootstrap": {
        "groups": GROUPS, "samples": SAMPLES, "seed": SEED, "cells": cells, "resamples": resamples,
        "mean": intervals[0], "median": intervals[1],
    },
    "randomisation": {"a": a.tolist(), "b": b.tolist(), "p": float(exact.pvalue)},
    "holm": {"p": p, "adjusted": adjusted.tolist(), "significant": significant.tolist()},
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text("{\n" + ",\n".join(f'"{k}":{json.dumps(v)}' for k, v in data.items()) + "\n}\n")
print(path, path.stat().st_size, "bytes; exact p", exact.pvalue)
