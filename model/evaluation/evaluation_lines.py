"""What `mm-emor evaluate` prints of an evaluation."""

from collections.abc import Iterator, Mapping

from model.evaluation.evaluate import Evaluation
from model.evaluation.metrics import ClassScores
from model.evaluation.multi_label_evaluation import MultiLabelEvaluation

SCORE_NOTES = {
    "accuracy": "the field's WA, the paper's UA",
    "mean_class_recall": "the field's UA, the paper's WA",
    "official": "TweetEval's own score",
}


def evaluation_lines(title: str, measured: Evaluation | MultiLabelEvaluation) -> list[str]:
    """Returns the lines: scores with intervals, classes, heads and parts, coverage and latency."""
    lines = (
        _multi_label_lines(measured)
        if isinstance(measured, MultiLabelEvaluation)
        else _single_label_lines(measured)
    )
    return [f"{title}: n {measured.metrics.n}", *lines, *_latency_lines(measured)]


def _single_label_lines(measured: Evaluation) -> Iterator[str]:
    metrics = measured.metrics
    for name in ("accuracy", "mean_class_recall", "macro_f1", "weighted_f1", "official"):
        value = getattr(metrics, name)
        if value is not None:
            low, high = metrics.ci95[name]
            note = f"  ({SCORE_NOTES[name]})" if name in SCORE_NOTES else ""
            yield f"  {name:<18} {value:.4f}  [{low:.4f}, {high:.4f}]{note}"
    if metrics.ece is not None:
        yield f"  {'ece':<18} {metrics.ece:.4f}"
    yield from _class_lines(metrics.per_class)
    for name, each in (measured.by_head | measured.by_part).items():
        low, high = each.ci95["accuracy"]
        yield (
            f"  {name:<18} n {each.n}, accuracy {each.accuracy:.4f} [{low:.4f}, {high:.4f}], "
            f"macro_f1 {each.macro_f1:.4f}"
        )
    for entry in (metrics.coverage or [])[4:9:2]:
        yield (
            f"  {'--min-confidence':<18} {entry['min_confidence']:.4f} keeps "
            f"{entry['coverage']:.0%}, accuracy {entry['accuracy']:.4f}"
        )


def _multi_label_lines(measured: MultiLabelEvaluation) -> Iterator[str]:
    metrics = measured.metrics
    for name, (low, high) in metrics.ci95.items():
        yield f"  {name:<18} {getattr(metrics, name):.4f}  [{low:.4f}, {high:.4f}]"
    of_model = f"{metrics.mean_predicted:.2f} predicted"
    yield f"  {'labels an item':<18} {metrics.mean_labels:.2f}, {of_model}"
    yield from _class_lines(metrics.per_class)


def _class_lines(per_class: Mapping[str, ClassScores]) -> Iterator[str]:
    for name, scores in per_class.items():
        yield (
            f"  {name:<18} precision {scores['precision']:.3f}  recall {scores['recall']:.3f}  "
            f"f1 {scores['f1']:.3f}  n {scores['support']}"
        )


def _latency_lines(measured: Evaluation | MultiLabelEvaluation) -> Iterator[str]:
    if measured.latency_ms is not None:
        batched = measured.batched_latency_ms
        in_batches = f", {batched:.1f} ms in batches" if batched is not None else ""
        yield f"  {'latency':<18} {measured.latency_ms:.1f} ms one alone{in_batches}"
