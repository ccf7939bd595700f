"""Scores with a tiny model on the backend that KERAS_BACKEND names; `test_backends` runs it."""

import json
import sys
from pathlib import Path

import numpy as np

from model.network.backend import start_keras


def main() -> None:
    """Writes the logits of both modalities to `logits.json` beside the model."""
    start_keras()
    from model.scoring.artifact import Artifact
    from model.scoring.keras_engine import KerasEngine

    folder = Path(sys.argv[1])
    engine = KerasEngine(Artifact.load(folder / "model").classifier())
    rng = np.random.default_rng(1)
    token_ids = rng.integers(5, 90, (3, 16)).astype(np.int32)
    token_mask = np.arange(16) < np.array([[16], [9], [2]])
    images = rng.integers(0, 256, (3, 32, 32), dtype=np.uint8)
    text = engine.sum_windows(token_ids, token_mask) / token_mask.sum(axis=1, keepdims=True)
    logits = engine.classify(text.astype(np.float32), engine.encode_images(images))
    told = {head: values.tolist() for head, values in logits.items()}
    (folder / "logits.json").write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main()
