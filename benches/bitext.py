#!/usr/bin/env python3
"""How near translations lie in a model's space: single words of a lexicon, and sentences.

    python3 benches/bitext.py target/release/interlingua MODEL data/train

Words: English ones, letters only, that have a word in six or more of the ten other languages of XQuAD-R; the first word
of the sense in each language is asked, and all the drawn English words are ranked. Sentences: those of pud11 (news and
Wikipedia) that are there in eight languages; a sentence in one of them is asked, those of another are ranked, over
all 56 ordered pairs. Both rank by cosine and print the mean reciprocal rank of the translation.

Both are training data: this says what was not learned, not what will be found. Needs numpy, and zstd in the terminal.
"""

import argparse
import json
import random
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np

WORDS = ["ar", "de", "el", "es", "hi", "ru", "th", "tr", "vi", "zh"]
SENTENCES = ["ar", "de", "en", "es", "hi", "ru", "th", "tr"]
# Remarks and parts of words.
UNUSABLE = re.compile(r"[\\\[\](){}+*,;:/\"-]")


def records(path):
    text = subprocess.run(["zstd", "-dc", "--long=27", path], check=True, capture_output=True).stdout
    return [json.loads(line) for line in text.splitlines()]


def encode(program, model, lines):
    """Vectors of length 1, a row a line."""
    with tempfile.TemporaryDirectory() as folder:
        texts, vectors = Path(folder, "lines.txt"), Path(folder, "vectors.npy")
        texts.write_text("".join(f"{' '.join(line.split())}\n" for line in lines), encoding="utf-8")
        command = [program, "encode", "--model", model, "--input", texts, "--kind", "passage", "--output", vectors]
        subprocess.run(command, check=True, capture_output=True)
        return np.load(vectors).astype(np.float32)


def reciprocal_rank(asked, ranked, own):
    """Mean of 1 / rank, where row `own[i]` of `ranked` is the translation of row `i` of `asked`."""
    scores = asked @ ranked.T
    return (1 / (1 + (scores > scores[np.arange(len(own)), own][:, None]).sum(axis=1))).mean()


def words(program, model, path, count, seed):
    known = {}
    for sense in records(path):
        if sense["en"].isalpha() and sum(code in sense["t"] for code in WORDS) >= 6:
            known.setdefault(sense["en"].lower(), sense)
    drawn = list(known.values())
    random.Random(seed).shuffle(drawn)
    drawn = drawn[:count]
    english = encode(program, model, [sense["en"] for sense in drawn])
    means = []
    for code in WORDS:
        first = [sense["t"].get(code, [""])[0].strip() for sense in drawn]
        own = [at for at, word in enumerate(first) if word and not UNUSABLE.search(word)]
        if own:
            means.append(reciprocal_rank(encode(program, model, [first[at] for at in own]), english, own))
            print(f"{code}  {means[-1]:.3f}  of {len(own)} words")
    print(f"words {np.mean(means):.4f}")


def sentences(program, model, path):
    texts = [record["t"] for record in records(path)]
    texts = [text for text in texts if all(code in text for code in SENTENCES)]
    lines = [text[code] for code in SENTENCES for text in texts]
    vectors = encode(program, model, lines).reshape(len(SENTENCES), len(texts), -1)
    own = np.arange(len(texts))
    means = [
        [reciprocal_rank(vectors[a], vectors[b], own) for b in range(len(SENTENCES)) if b != a]
        for a in range(len(SENTENCES))
    ]
    for code, row in zip(SENTENCES, means):
        print(f"{code}  {np.mean(row):.3f}  of {len(texts)} sentences")
    print(f"sentences {np.mean(means):.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("model")
    parser.add_argument("data", type=Path)
    parser.add_argument("--words", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    words(options.program, options.model, options.data / "lexicon.jsonl.zst", options.words, options.seed)
    sentences(options.program, options.model, options.data / "parallel.pud11.jsonl.zst")


if __name__ == "__main__":
    main()
