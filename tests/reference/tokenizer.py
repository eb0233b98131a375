#!/usr/bin/env python3
"""Writes what the default bundle's tokenizer makes of the reference texts in another program.

    pip install tokenizers==0.23.3
    tests/reference/tokenizer.py

Read are static/model/tokenizer.json and texts.json beside this script; written is tokenizer.json: the token ids of every
text, special ones included, by Hugging Face's tokenizers for Python. That one is built with another engine of regular
expressions than the crate is here, so a pattern that only one of them knows shows.
"""

import json
from pathlib import Path

from tokenizers import Tokenizer, __version__

HERE = Path(__file__).parent


def main():
    tokenizer = Tokenizer.from_file(str(HERE / "../../static/model/tokenizer.json"))
    texts = json.loads((HERE / "texts.json").read_text(encoding="utf-8"))
    ids = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    document = {"program": f"tokenizers {__version__}, Python", "ids": ids}
    (HERE / "tokenizer.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
