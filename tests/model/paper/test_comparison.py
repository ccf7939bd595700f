"""What of the paper a run measures, and how the two compare."""

from pathlib import Path

import pytest

from model.paper.comparison import MEASURED, Result, compare
from model.paper.published import EXPERIMENTS, PaperValue
from tests.model.paper.test_results import whole_outcome, write


def test_a_whole_run_measures_everything_that_is_not_quoted(tmp_path: Path) -> None:
    """A misspelt measure, class, head or part would not be found."""
    outcomes = {name: whole_outcome(name) for name in EXPERIMENTS}
    for result in compare(outcomes):
        expected = "measured" if result.value.experiment else "quoted"
        assert result.status == expected, result.value
        if result.value.measure.startswith("counts.") or result.value.measure == "n_classes":
            assert result.ours == result.value.paper, result.value
        elif result.value.measure in ("latency_ms", "train_minutes"):
            assert (result.ours, result.interval) in ((12.345, None), (1.5, None))
        elif result.value.experiment:
            assert result.interval is not None, result.value
            assert result.n == (80 if "by_part" in result.value.measure else 200)
    _, page = write(tmp_path, outcomes)
    assert "not run: " not in page.replace("`not run:`", "").partition("## Figures")[0]
    assert "differs" not in page.partition("## Summary")[2]


def test_heads_and_parts_have_their_own_scores() -> None:
    outcome = whole_outcome("iemocap4/session")
    found = {
        result.value.row: result.ours
        for result in compare({"iemocap4/session": outcome})
        if result.status == MEASURED and result.value.metric == "macro_f1"
    }
    name = "four classes, one session left out"
    assert found == {
        f"{name}, all": outcome.metrics["macro_f1"],
        f"{name}, improvised": outcome.metrics["by_part"]["improvised"]["macro_f1"],
        f"{name}, scripted": outcome.metrics["by_part"]["scripted"]["macro_f1"],
        f"IEMOCAP, {name}, text": outcome.metrics["by_head"]["text"]["macro_f1"],
        f"IEMOCAP, {name}, audio": outcome.metrics["by_head"]["audio"]["macro_f1"],
        f"IEMOCAP, {name}, text+audio": outcome.metrics["macro_f1"],
    }


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ((0.6, 0.7), "no clear difference"),
        ((0.5, 0.65), "no clear difference"),
        ((0.66, 0.7), "above"),
        ((0.6, 0.64), "below"),
        (None, ""),
    ],
)
def test_verdicts(interval: tuple[float, float] | None, verdict: str) -> None:
    value = PaperValue("7", "all", "accuracy", 0.65, "meld", "accuracy")
    assert Result(value, MEASURED, 0.65, interval).verdict == verdict
