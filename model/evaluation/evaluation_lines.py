"""What `mm-emor evaluate` prints of an evaluation."""

from model.evaluation.evaluate import Evaluation
from model.evaluation.metrics import Metrics

SCORE_NOTES = {
    "accuracy": "the field's WA, the paper's UA",
    "mean_class_recall": "the field's UA, the paper's WA",
    "official": "TweetEval's own score",
}


def evaluation_lines(title: str, measured: Evaluation) -> list[str]:
    """Returns the lines: scores with intervals, classes, heads and parts, coverage and latency."""
    lines = _metric_lines(title, measured.metrics)
    for name, metrics in (measured.by_head | measured.by_part).items():
        low, high = metrics.ci95["accuracy"]
        lines.append(
            f"  {name:<18} n {metrics.n}, accuracy {metrics.accuracy:.4f} [{low:.4f}, {high:.4f}], "
            f"macro_f1 {metrics.macro_f1:.4f}"
        )
    for entry in (measured.metrics.coverage or [])[4:9:2]:
        lines.append(
            f"  {'--min-confidence':<18} {entry['min_confidence']:.4f} keeps "
            f"{entry['coverage']:.0%}, accuracy {entry['accuracy']:.4f}"
        )
    if measured.latency_ms is not None:
        batched = measured.batched_latency_ms
        in_batches = f", {batched:.1f} ms in batches" if batched is not None else ""
        lines.append(f"  {'latency':<18} {measured.latency_ms:.1f} ms one alone{in_batches}")
    return lines


def _metric_lines(title: str, metrics: Metrics) -> list[str]:
    lines = [f"{title}: n {metrics.n}"]
    for name in ("accuracy", "mean_class_recall", "macro_f1", "weighted_f1", "official"):
        value = getattr(metrics, name)
        if value is not None:
            low, high = metrics.ci95[name]
            note = f"  ({SCORE_NOTES[name]})" if name in SCORE_NOTES else ""
            lines.append(f"  {name:<18} {value:.4f}  [{low:.4f}, {high:.4f}]{note}")
    if metrics.ece is not None:
        lines.append(f"  {'ece':<18} {metrics.ece:.4f}")
    for name, scores in metrics.per_class.items():
        lines.append(
            f"  {name:<18} precision {scores['precision']:.3f}  recall {scores['recall']:.3f}  "
            f"f1 {scores['f1']:.3f}  n {scores['support']}"
        )
    return lines
