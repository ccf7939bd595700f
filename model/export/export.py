"""Writes a model in int8 for OpenVINO, once it has shown that it labels as well."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.metrics import accuracy_score, f1_score

from model.datasets import Dataset, Example, read_lines, target_matrix
from model.errors import ArtifactError, DatasetError, ItemError
from model.evaluation.evaluate import scorable_examples, score_examples
from model.export.quantisation import Window, products_of, quantise
from model.files import write_whole
from model.scoring.artifact import EXPORT_METRICS, Artifact
from model.scoring.graph_files import TEXT_GRAPH, TEXT_INT8_GRAPH, graph_files, graphs_of
from model.scoring.openvino_engine import OpenVinoEngine, read_graph
from model.scoring.processor import available_cores
from model.scoring.saving import add_graphs
from model.scoring.scorer import EmotionScorer

BoolArray = npt.NDArray[np.bool_]
MAX_LOST_MACRO_F1 = 0.01
MAX_CHANGED_LABELS = 0.01
"""Share of labels that int8 may change."""
N_STEPS = 12
"""In as many steps the products with weights are left in float32: six of a layer, all of one kind
in two."""
MIN_OBSERVED_TEXTS, N_OBSERVED_TEXTS = 8, 300
"""Texts that show the range of each product's inputs; 300 is NNCF's own number."""
N_MEASURED = 2000
"""Items that the result is measured on."""
SEED = 1


@dataclass(frozen=True)
class ExportReport:
    """What int8 costs a model.

    Attributes:
        dataset, split: what it was measured on; a file of texts has no split.
        n: items.
        macro_f1, macro_f1_int8: of the model in float32 and in int8, over the split's classes; None
            on texts without labels.
        accuracy, accuracy_int8: likewise.
        changed_labels: share of the labels that only one of the two gives: of a single-label model
            that of the items whose emotion is another.
        float32_products: matrix products of the text encoder that stay in float32.
        n_bytes: of the text encoder's files in int8.
    """

    dataset: str
    split: str
    n: int
    macro_f1: float | None
    macro_f1_int8: float | None
    accuracy: float | None
    accuracy_int8: float | None
    changed_labels: float
    float32_products: tuple[str, ...] = ()
    n_bytes: int = 0

    @property
    def lost_macro_f1(self) -> float:
        """Macro-F1 that int8 loses; 0 on texts without labels."""
        if self.macro_f1 is None or self.macro_f1_int8 is None:
            return 0.0
        return self.macro_f1 - self.macro_f1_int8

    @property
    def is_cheap(self) -> bool:
        """Whether int8 may be used instead of float32."""
        return self.lost_macro_f1 <= MAX_LOST_MACRO_F1 and self.changed_labels <= MAX_CHANGED_LABELS

    def lines(self) -> tuple[str, ...]:
        """Returns the report for people, line by line."""
        rows = (
            ("macro_f1", self.macro_f1, self.macro_f1_int8),
            ("accuracy", self.accuracy, self.accuracy_int8),
        )
        return (
            f"{self.dataset}{self.split and ', '}{self.split}: n {self.n}",
            *(
                f"  {name:<8}  {exact:.4f} in float32, {quick:.4f} in int8"
                for name, exact, quick in rows
                if exact is not None and quick is not None
            ),
            f"  labels    {self.changed_labels:.2%} changed",
            f"  float32   {', '.join(self.float32_products) or 'no product'}",
            f"  files     {self.n_bytes / 1e6:.1f} MB",
        )


def export_int8(
    artifact: Artifact, dataset: Dataset, split: str, log: Callable[[str], None] = print
) -> tuple[Artifact, ExportReport]:
    """Adds to an artifact its text encoder in int8, and says what that costs.

    MobileNet and the heads run in float32 beside it.

    Args:
        artifact: the model, with its graphs in float32.
        dataset: data whose labels count, or `texts_to_compare`. The texts of its training split, or
            of `split` where that has none, show the range of each product's inputs.
        split: of the data set; not one to report a result on.
        log: called with a line now and then.

    Raises:
        ArtifactError: the model reads no text, or int8 loses more than a point of macro-F1 or
            changes more than 1 % of the labels; nothing is written.
        DatasetError: the model does not know a class of the data set, or there is nothing to score,
            or there are too few texts to see the range of each product's inputs.
    """
    if not artifact.config.text:
        raise ArtifactError(f"{artifact.path} reads no text; int8 is of text encoders")
    engine = OpenVinoEngine.load(artifact, available_cores())
    scorer = EmotionScorer(artifact, engine)
    examples = _drawn(scorable_examples(scorer, dataset, split, log), N_MEASURED)
    source = ", ".join(filter(None, (dataset.name, split)))
    log(f"float32 on {len(examples)} items of {source}")
    exact = _labels_given(scorer, dataset, examples)
    observed = _first_windows(scorer, dataset.splits.get("train", ()))
    if len(observed) < MIN_OBSERVED_TEXTS:
        observed = _first_windows(scorer, examples)
    if len(observed) < MIN_OBSERVED_TEXTS:
        raise DatasetError(
            f"{source}, has {len(observed)} texts; the int8 text encoder needs "
            f"{MIN_OBSERVED_TEXTS} to see the range of its inputs"
        )
    graphs = {name: read_graph(artifact, name) for name in graphs_of(artifact.config)}
    log(f"int8, from the ranges on {len(observed)} texts")
    products = products_of(graphs[TEXT_GRAPH])
    step = -(-len(products) // N_STEPS)
    for n_float32 in [*range(0, len(products), step), len(products)]:
        kept = products[:n_float32]
        int8_graph = quantise(graphs[TEXT_GRAPH].clone(), observed, kept)
        candidate = OpenVinoEngine(
            graphs | {TEXT_GRAPH: int8_graph}, artifact.config, available_cores(), "int8"
        )
        quick = _labels_given(EmotionScorer(artifact, candidate), dataset, examples)
        report = _compared(dataset, split, examples, (exact, quick), scorer.emotions)
        log(
            f"int8, {n_float32} of {len(products)} products in float32: "
            f"{report.changed_labels:.2%} changed"
        )
        if report.is_cheap:
            break
    _check_costs(artifact, report, source)
    path = artifact.path / EXPORT_METRICS
    path.unlink(missing_ok=True)
    exported = add_graphs(artifact, {TEXT_INT8_GRAPH: int8_graph})
    files = [artifact.path / file for file in graph_files(TEXT_INT8_GRAPH)]
    report = replace(
        report,
        float32_products=kept,
        n_bytes=sum(file.stat().st_size for file in files),
    )
    written = asdict(report) | {
        "model_version": exported.model_version,
        "nncf": version("nncf"),
        "openvino": version("openvino"),
    }
    write_whole(path, json.dumps(written, indent=2) + "\n")
    return exported, report


def texts_to_compare(path: Path) -> Dataset:
    """Returns the lines of a file as items without labels, for data that nobody has labelled.

    Raises:
        DatasetError: the file cannot be read, or has no text.
    """
    examples = [Example("", text) for text in read_lines(path) if text.strip()]
    if not examples:
        raise DatasetError(f"{path} has no text; it needs one on each line")
    return Dataset(path.name, (), {"": examples})


def _labels_given(
    scorer: EmotionScorer, dataset: Dataset, examples: Sequence[Example]
) -> BoolArray:
    """Returns whether an emotion applies to an item, `[examples, emotions]`, in head order.

    Of a single-label model the highest applies alone.
    """
    given = np.zeros((len(examples), len(scorer.emotions)), bool)
    for row, scores in enumerate(score_examples(scorer, dataset, examples)):
        given[row, list(scores.applying)] = True
    return given


def share_changed(before: BoolArray, after: BoolArray) -> float:
    """Returns the share of the labels that only one of two gives, 0 to 1.

    >>> before, after = np.eye(4, dtype=bool)[[0, 1, 2, 3]], np.eye(4, dtype=bool)[[0, 1, 2, 2]]
    >>> share_changed(before, after)
    0.25
    """
    return float((before ^ after).sum() / max(before.sum() + after.sum(), 1))


def _compared(
    dataset: Dataset,
    split: str,
    examples: Sequence[Example],
    given: tuple[BoolArray, BoolArray],
    emotions: Sequence[str],
) -> ExportReport:
    """Returns what the labels of int8, the second ones, lose and change."""
    macro_f1: list[float | None] = [None, None]
    accuracy: list[float | None] = [None, None]
    labels = target_matrix(examples, emotions) > 0
    # The same classes for both, whichever of them either predicts.
    classes = np.flatnonzero(labels.any(axis=0))
    if len(classes):
        macro_f1 = [
            float(f1_score(labels, each, labels=classes, average="macro")) for each in given
        ]
        accuracy = [float(accuracy_score(labels, each)) for each in given]
    return ExportReport(
        dataset=dataset.name,
        split=split,
        n=len(examples),
        macro_f1=macro_f1[0],
        macro_f1_int8=macro_f1[1],
        accuracy=accuracy[0],
        accuracy_int8=accuracy[1],
        changed_labels=share_changed(*given),
    )


def _check_costs(artifact: Artifact, report: ExportReport, source: str) -> None:
    """Raises ArtifactError where int8 costs too much."""
    lost = report.lost_macro_f1
    if lost > MAX_LOST_MACRO_F1:
        raise ArtifactError(
            f"{artifact.path} is not exported: in int8 its macro-F1 on {source}, is "
            f"{report.macro_f1_int8:.4f}, {100 * lost:.1f} points lower; at most 1 may be lost"
        )
    if report.changed_labels > MAX_CHANGED_LABELS:
        raise ArtifactError(
            f"{artifact.path} is not exported: int8 changes {report.changed_labels:.1%} of its "
            f"labels on {source}; at most {MAX_CHANGED_LABELS:.0%} may change"
        )


def _drawn(examples: Sequence[Example], most: int) -> list[Example]:
    """Returns as many of the examples as are wanted, in their order."""
    chosen = np.random.default_rng(SEED).permutation(len(examples))[:most]
    return [examples[row] for row in sorted(chosen)]


def _first_windows(scorer: EmotionScorer, examples: Sequence[Example]) -> list[Window]:
    """Returns the first window of some of the examples' texts."""
    texts = [example.text for example in examples if example.text]
    drawn = np.random.default_rng(SEED).permutation(len(texts))[:N_OBSERVED_TEXTS]
    read = scorer.preprocess.text
    assert read  # noqa: S101  (an encoder has its preprocessor)
    outcomes = read.try_batch([texts[row] for row in drawn])
    return [each.windows[0] for each in outcomes if not isinstance(each, ItemError)]
