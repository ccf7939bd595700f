"""Transformers' `text-classification` pipeline on a random classifier: its scores of texts.

Run as `python -m tests.peers.classifiers FOLDER…`. A folder has `texts.json`, and a checkpoint's
directory with a tokenizer; the program leaves the checkpoint there, and `scores.npz` with `single`
(softmax) and `multi` (sigmoid), float32 `[texts, labels]`.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.peers.job import read_job

BATCH_SIZE = 32
PROBLEM_TYPES = {"single": "single_label_classification", "multi": "multi_label_classification"}


@dataclass(frozen=True)
class ClassifierJob:
    """A classifier to make.

    Attributes:
        checkpoint: its directory; the tokenizer is there.
        config: Transformers' settings; None reads the classifier that is there.
        pickled: whether its weights are saved as PyTorch's pickle, and not as safetensors.
        saved: where the classifier is saved once more after it was read; empty for nowhere.
    """

    checkpoint: str
    config: dict[str, Any] | None = None
    pickled: bool = False
    saved: str = ""


def save_random_classifier(job: ClassifierJob) -> None:
    """Saves a random classifier, every weight drawn anew, as Transformers does.

    As initialised, its scores of all texts are nearly the same.
    """
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    torch.manual_seed(3)
    config = AutoConfig.for_model(**job.config or {})
    model = AutoModelForSequenceClassification.from_config(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            is_scale = name.lower().endswith("norm.weight")
            parameter.normal_(1.0 if is_scale else 0.0, 0.5 if parameter.ndim > 1 else 0.3)
    model.save_pretrained(job.checkpoint)
    if job.pickled:
        torch.save(model.state_dict(), Path(job.checkpoint) / "pytorch_model.bin")
        (Path(job.checkpoint) / "model.safetensors").unlink()


def pipeline_scores(checkpoint: str, texts: list[str]) -> dict[str, Any]:
    """Returns the probabilities of each label, in the labels' order, by problem type."""
    from transformers import pipeline

    classify = pipeline("text-classification", checkpoint, batch_size=BATCH_SIZE, top_k=None)
    labels = [label for _, label in sorted(classify.model.config.id2label.items())]
    scores = {}
    for name, problem_type in PROBLEM_TYPES.items():
        classify.model.config.problem_type = problem_type
        by_label = [
            {each["label"]: each["score"] for each in row}
            for row in classify(texts, truncation=True)
        ]
        scores[name] = np.array([[row[label] for label in labels] for row in by_label], np.float32)
    return scores


def main() -> None:
    """Does the job of each folder."""
    for folder in map(Path, sys.argv[1:]):
        job = read_job(folder, ClassifierJob)
        if job.config:
            save_random_classifier(job)
        if job.saved:
            from transformers import pipeline

            pipeline("text-classification", job.checkpoint).save_pretrained(job.saved)
        texts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
        if texts:
            np.savez(folder / "scores.npz", **pipeline_scores(job.checkpoint, texts))


if __name__ == "__main__":
    main()
