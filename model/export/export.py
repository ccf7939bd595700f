"""Writes a model for ONNX Runtime, once the int8 model has shown that it labels as well."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version

import numpy as np
from sklearn.metrics import accuracy_score, f1_score

from model.datasets import Dataset, Example, label_indices
from model.errors import ArtifactError, DatasetError, ItemError
from model.evaluation.evaluate import predict, scorable_examples
from model.export.onnx_graphs import Ranges, audio_graph, heads_graph, text_graph
from model.export.quantisation import observe_ranges, rank_products
from model.files import write_whole
from model.scoring.artifact import (
    AUDIO_ONNX,
    EXPORT_METRICS,
    HEADS_ONNX,
    TEXT_ONNX,
    Artifact,
    add_onnx,
)
from model.scoring.engine import FLOAT32, start_engine
from model.scoring.onnx_engine import OnnxEngine
from model.scoring.processor import available_cores
from model.scoring.scorer import EmotionScorer

MAX_LOST_MACRO_F1 = 0.01
WANTED_CHANGED_LABELS, MAX_CHANGED_LABELS = 0.01, 0.02
"""Shares of labels that int8 may change: before more of the encoder's products get finer inputs,
and with all of them."""
MIN_OBSERVED_TEXTS, N_OBSERVED_TEXTS = 8, 512
SEED = 1


@dataclass(frozen=True)
class ExportReport:
    """What int8 costs a model, on labelled data.

    Attributes:
        n: items.
        macro_f1, macro_f1_int8: of the model in float32 and in int8, over the split's classes.
        accuracy, accuracy_int8: likewise.
        changed_labels: share of the items whose highest emotion is another.
        fine_products: matrix products of the text encoder whose inputs have 16 bits, and not 8.
        n_bytes: of the exported files.
    """

    dataset: str
    split: str
    n: int
    macro_f1: float
    macro_f1_int8: float
    accuracy: float
    accuracy_int8: float
    changed_labels: float
    fine_products: tuple[str, ...]
    n_bytes: int

    def lines(self) -> tuple[str, ...]:
        """Returns the report for people, line by line."""
        int16 = ", ".join(self.fine_products) or "none"
        return (
            f"{self.dataset}, {self.split}: n {self.n}",
            f"  macro_f1  {self.macro_f1:.4f} in float32, {self.macro_f1_int8:.4f} in int8",
            f"  accuracy  {self.accuracy:.4f} in float32, {self.accuracy_int8:.4f} in int8",
            f"  labels    {self.changed_labels:.2%} changed",
            f"  16 bits   {int16}",
            f"  files     {self.n_bytes / 1e6:.1f} MB",
        )


def export_onnx(
    artifact: Artifact, dataset: Dataset, split: str, log: Callable[[str], None] = print
) -> tuple[Artifact, ExportReport]:
    """Adds to an artifact the files that `--engine onnx` needs, and says what int8 costs.

    The text encoder's matrix products run in int8. Those that matter most get inputs of 16 bits,
    as many of them as it takes to keep the changed labels at 1 %. MobileNet and the heads run in
    float32.

    Args:
        artifact: the model.
        dataset: labelled data, whose texts also show the range of each product's inputs.
        split: of the data set; not one to report a result on.
        log: called with a line now and then.

    Raises:
        ArtifactError: int8 loses more than a point of macro-F1; nothing is written.
        DatasetError: the model does not know a class of the data set, or there is nothing to score,
            or there are too few texts to see the range of each product's inputs.
    """
    scorer = EmotionScorer(artifact, start_engine(artifact, FLOAT32))
    examples = scorable_examples(scorer, dataset, split, log)
    labels = label_indices(examples, dataset.emotions)
    classifier = artifact.classifier()
    log(f"float32 on {len(examples)} items of {dataset.name}, {split}")
    exact = predict(scorer, dataset, examples)[""]
    graphs = {HEADS_ONNX: heads_graph(classifier).SerializeToString()}
    if classifier.audio_encoder:
        graphs[AUDIO_ONNX] = audio_graph(classifier.audio_encoder).SerializeToString()
    ranges: Ranges = {}
    ranked: tuple[str, ...] = ()
    if classifier.text_encoder:
        log("which matrix products matter")
        windows = _observed_windows(scorer, dataset, split, examples)
        ranges = observe_ranges(classifier, windows)
        ranked = rank_products(classifier, windows, ranges)
    for n_int16 in range(len(ranked) + 1):
        if classifier.text_encoder:
            backbone = classifier.text_encoder.backbone
            graphs[TEXT_ONNX] = text_graph(backbone, ranges, ranked[:n_int16]).SerializeToString()
        candidate = EmotionScorer(artifact, OnnxEngine(graphs, available_cores()))
        quick = predict(candidate, dataset, examples)[""]
        changed = float(np.mean(exact.argmax(axis=1) != quick.argmax(axis=1)))
        log(f"int8, {n_int16} of {len(ranked)} products with 16 bits: {changed:.2%} changed")
        if changed <= WANTED_CHANGED_LABELS:
            break
    before, after = (
        {
            "accuracy": float(accuracy_score(labels, scores.argmax(axis=1))),
            # The same classes for both, whichever of them either predicts.
            "macro_f1": float(
                f1_score(labels, scores.argmax(axis=1), labels=np.unique(labels), average="macro")
            ),
        }
        for scores in (exact, quick)
    )
    report = ExportReport(
        dataset=dataset.name,
        split=split,
        n=len(labels),
        macro_f1=before["macro_f1"],
        macro_f1_int8=after["macro_f1"],
        accuracy=before["accuracy"],
        accuracy_int8=after["accuracy"],
        changed_labels=changed,
        fine_products=ranked[:n_int16],
        n_bytes=sum(map(len, graphs.values())),
    )
    lost = report.macro_f1 - report.macro_f1_int8
    if lost > MAX_LOST_MACRO_F1:
        raise ArtifactError(
            f"{artifact.path} is not exported: in int8 its macro-F1 on {dataset.name}, {split}, "
            f"is {report.macro_f1_int8:.4f}, {100 * lost:.1f} points lower; at most 1 may be lost"
        )
    if changed > MAX_CHANGED_LABELS:
        raise ArtifactError(
            f"{artifact.path} is not exported: int8 changes {changed:.1%} of its labels on "
            f"{dataset.name}, {split}; at most {MAX_CHANGED_LABELS:.0%} may change"
        )
    path = artifact.path / EXPORT_METRICS
    path.unlink(missing_ok=True)
    exported = add_onnx(artifact, graphs)
    written = asdict(report) | {
        "model_version": exported.model_version,
        "onnxruntime": version("onnxruntime"),
    }
    write_whole(path, json.dumps(written, indent=2) + "\n")
    return exported, report


def _observed_windows(
    scorer: EmotionScorer, dataset: Dataset, split: str, examples: Sequence[Example]
) -> list[tuple[int, ...]]:
    """Returns the first window of some of the texts.

    Raises:
        DatasetError: there are none.
    """
    texts = [example.text for example in examples if example.text]
    read = scorer.preprocess.text
    assert read  # noqa: S101  (an encoder has its preprocessor)
    outcomes = read.try_batch(texts)
    windows = [each.windows[0] for each in outcomes if not isinstance(each, ItemError)]
    if len(windows) < MIN_OBSERVED_TEXTS:
        raise DatasetError(
            f"{dataset.name}, {split}, has {len(windows)} texts; the int8 text encoder needs "
            f"{MIN_OBSERVED_TEXTS} to see the range of its inputs"
        )
    drawn = np.random.default_rng(SEED).permutation(len(windows))[:N_OBSERVED_TEXTS]
    return [windows[row] for row in drawn]
