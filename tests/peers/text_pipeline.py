"""Transformers' own text pipeline, in float32; it takes turns with ours.

Run as `python -m tests.peers.text_pipeline FOLDER`; the folder has `texts.json` and `checkpoint/`.
"""

import json
import sys
from pathlib import Path

from tests.benchmarks.measure import Turns

BATCH_SIZE = 32


def main() -> None:
    """Classifies all texts, a turn each."""
    turns = Turns()
    from transformers import pipeline

    folder = Path(sys.argv[1])
    classify = pipeline(
        "text-classification", str(folder / "checkpoint"), batch_size=BATCH_SIZE, top_k=None
    )
    texts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
    while True:
        turns.wait()
        classify(texts, truncation=True)
        turns.stop()
        turns.answer()


if __name__ == "__main__":
    main()
