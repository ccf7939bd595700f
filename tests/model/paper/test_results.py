"""The results' rows and page, exact, for experiments that were and were not run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from model.datasets.iemocap import EMOTIONS
from model.datasets.published_sizes import COUNTS
from model.evaluation.metrics import compute_metrics
from model.paper.comparison import MEASURED, Result, compare
from model.paper.published import EXPERIMENTS, VALUES, PaperValue
from model.paper.results import RESULT_SCHEMA, Outcome, write_results
from schemas.emotions import EKMAN_AND_NEUTRAL

TWEETEVAL_CLASSES = {
    "emotion": ("anger", "joy", "optimism", "sadness"),
    "hate": ("not-hate", "hate"),
    "irony": ("non_irony", "irony"),
    "offensive": ("not-offensive", "offensive"),
    "sentiment": ("negative", "neutral", "positive"),
    "stance": ("none", "against", "favor"),
    "emoji": tuple(f"emoji{index}" for index in range(20)),
}
CLASSES = {
    name: TWEETEVAL_CLASSES[name.partition("/")[2]]
    if name.startswith("tweeteval/")
    else EKMAN_AND_NEUTRAL
    if name.startswith("meld")
    else EMOTIONS
    for name in EXPERIMENTS
}


def scores(name: str, n: int = 200, seed: int = 0) -> dict[str, Any]:
    """Returns the metrics of an experiment of which over 70 % of the predictions are right."""
    classes = CLASSES[name]
    random = np.random.default_rng(seed)
    labels = np.arange(n) % len(classes)
    wrong = random.integers(0, len(classes), n)
    predictions = np.where(random.random(n) < 0.7, labels, wrong)
    return compute_metrics(labels, predictions, classes, dataset=name).as_dict()


def whole_outcome(name: str) -> Outcome:
    """Returns an outcome with everything that an experiment can have, in the paper's sizes."""
    classes = CLASSES[name]
    metrics = {
        **scores(name),
        "by_head": {"text": scores(name, seed=1), "audio": scores(name, seed=2)},
        "by_part": {part: scores(name, 80, seed=3) for part in ("improvised", "scripted")},
        "latency_ms": 12.345,
        "train_seconds": 90.0,
    }
    dataset = max((each for each in COUNTS if f"{name}/".startswith(f"{each}/")), key=len)
    counts = {
        # A total goes to the first class; IEMOCAP's counts are of all splits together.
        "train" if split == "all" else split: dict.fromkeys(classes, 0)
        | ({classes[0]: of_split} if isinstance(of_split, int) else dict(of_split))
        for split, of_split in COUNTS[dataset].items()
    }
    return Outcome(MEASURED, metrics, counts=counts)


def write(path: Path, outcomes: Mapping[str, Outcome]) -> tuple[pa.Table, str]:
    write_results(path, outcomes, {"version": "0.1.0", "machine": "2 cores"})
    page = (path / "results.md").read_text(encoding="utf-8")
    return pq.read_table(path / "results.parquet"), page


def plain(score: float, low: float, high: float) -> dict[str, Any]:
    """Returns metrics in which every score is the same."""
    names = ("accuracy", "mean_class_recall", "macro_precision", "macro_f1")
    return {
        "n": 1234,
        **dict.fromkeys(names, score),
        "official": None,
        "per_class": {},
        "ci95": {name: [low, high] for name in names},
    }


def section(page: str, heading: str) -> str:
    """Returns what stands between a heading and the next."""
    return page.partition(f"## {heading}\n\n")[2].partition("\n\n##")[0]


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


def test_every_value_is_a_row_once(tmp_path: Path) -> None:
    table, _ = write(tmp_path, {"meld": whole_outcome("meld")})
    rows = [(row["table"], row["row"], row["metric"], row["paper"]) for row in table.to_pylist()]
    assert rows == [(value.table, value.row, value.metric, value.paper) for value in VALUES]


def test_rows_are_exact(tmp_path: Path) -> None:
    outcomes = {
        "meld": Outcome(MEASURED, plain(0.65, 0.61, 0.69), note="two epochs"),
        "meld/mel": Outcome("not run: no clips"),
    }
    table, _ = write(tmp_path, outcomes)
    rows = [row for row in table.to_pylist() if row["table"] == "11"]
    none = dict.fromkeys(("ours", "ci_low", "ci_high", "n", "experiment", "note"))
    shared = {"table": "11", "metric": "accuracy", **none}
    assert rows[2:6] == [
        {**shared, "row": "Wang et al. [41]", "paper": 0.558, "status": "quoted"},
        {
            **shared,
            "row": "MM-EMOR, chromagram",
            "paper": 0.588,
            "status": "not run: no corpus",
            "experiment": "meld/chroma",
        },
        {
            **shared,
            "row": "MM-EMOR, mel spectrogram",
            "paper": 0.592,
            "status": "not run: no clips",
            "experiment": "meld/mel",
        },
        {**shared, "row": "Lian et al. [42]", "paper": 0.62, "status": "quoted"},
    ]
    assert rows[7] == {
        "table": "11",
        "row": "MM-EMOR",
        "metric": "accuracy",
        "paper": 0.633,
        "ours": 0.65,
        "ci_low": 0.61,
        "ci_high": 0.69,
        "n": 1234,
        "status": "measured",
        "experiment": "meld",
        "note": "two epochs",
    }


def test_the_file_has_the_schema_and_is_compressed(tmp_path: Path) -> None:
    write(tmp_path, {})
    file = pq.ParquetFile(tmp_path / "results.parquet")
    assert file.schema_arrow.equals(RESULT_SCHEMA, check_metadata=True)
    assert all(b"description" in column.metadata for column in file.schema_arrow)
    nullable = {column.name for column in file.schema_arrow if column.nullable}
    assert nullable == {"paper", "ours", "ci_low", "ci_high", "n", "experiment", "note"}
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_table_is_exact(tmp_path: Path) -> None:
    outcomes = {
        "iemocap4/random": Outcome(MEASURED, plain(0.75, 0.7, 0.76), note="tiny\nencoder"),
    }
    _, page = write(tmp_path, outcomes)
    table, _, notes = section(page, "Table 6. IEMOCAP: accuracy").partition("\n\n")
    assert table.splitlines() == [
        "| classes | accuracy (the paper's UA), paper | ours "
        "| mean class recall (the paper's WA), paper | ours | mean class precision, ours |",
        "| --- | --- | --- | --- | --- | --- |",
        "| four classes | 0.7706 | 0.750 [0.700, 0.760], below "
        "| 0.7792 | 0.750 [0.700, 0.760], below | 0.750 [0.700, 0.760] |",
        "| four classes, happiness with excitement | 0.7622 | not run: no corpus "
        "| 0.7705 | not run: no corpus | not run: no corpus |",
    ]
    assert notes.splitlines()[-1] == ("- IEMOCAP, four classes, five random folds: tiny encoder")


def test_a_table_of_which_nothing_was_run_says_so_once_a_row(tmp_path: Path) -> None:
    _, page = write(tmp_path, {})
    assert section(page, "Table 4. IEMOCAP, four classes, by class").splitlines() == [
        "| class | precision, paper | recall, paper | F1, paper | ours |",
        "| --- | --- | --- | --- | --- |",
        "| anger | 0.90 | 0.80 | 0.85 | not run: no corpus |",
        "| happiness | 0.73 | 0.66 | 0.69 | not run: no corpus |",
        "| neutral | 0.68 | 0.82 | 0.74 | not run: no corpus |",
        "| sadness | 0.81 | 0.73 | 0.77 | not run: no corpus |",
    ]
    quoted = section(
        page, "Table 10. IEMOCAP, four classes, happiness with excitement, beside other methods"
    )
    assert quoted.splitlines()[2:6] == [
        "| S. Sahoo et al. [38] | 0.687 | – | quoted |",
        "| H. Feng et al. [39] | 0.697 | 0.686 | quoted |",
        "| S. Tripathi et al. [13] | 0.697 | – | quoted |",
        "| MM-EMOR, chromagram | 0.744 | 0.753 | not run: no corpus |",
    ]
    assert section(page, "Table 12. TweetEval: accuracy beside another's").splitlines()[:3] == [
        "| task | Li et al. [1], quoted | MM-EMOR, paper | ours |",
        "| --- | --- | --- | --- |",
        "| emotion | 0.677 | 0.6806 | not run: no corpus |",
    ]


def test_a_run_without_corpora_measures_nothing(tmp_path: Path) -> None:
    table, page = write(tmp_path, {})
    for row in table.to_pylist():
        assert row["status"] == ("not run: no corpus" if row["experiment"] else "quoted")
        assert row["ours"] is row["ci_low"] is row["ci_high"] is row["n"] is None
    for line in section(page, "Summary").splitlines()[2:]:
        assert line.split(" | ")[1:5] == ["–", "not run: no corpus", "–", "–"]
    assert section(page, "Figures").count("not run: no corpus") == 20
    assert section(page, "How these results were made") == "- version: 0.1.0\n- machine: 2 cores\n"


def test_the_summary_compares_accuracies(tmp_path: Path) -> None:
    """With those that the paper gives four digits; 0.6333 is inside the second interval."""
    outcomes = {
        "tweeteval/hate": Outcome(
            MEASURED,
            {**plain(0.5, 0.49, 0.51), "official": 0.45},
            note="one epoch",
        ),
        "meld": Outcome(MEASURED, plain(0.62, 0.6, 0.64), note="one epoch"),
        "iemocap4/session": Outcome(MEASURED, plain(0.7, 0.68, 0.72)),
    }
    _, page = write(tmp_path, outcomes)
    lines = section(page, "Summary").splitlines()
    assert lines[0] == (
        "| experiment | n | accuracy | macro-F1 | official | accuracy, paper | difference |"
    )
    assert lines[3] == (
        "| TweetEval, hate | 1,234 | 0.500 [0.490, 0.510] | 0.500 [0.490, 0.510] | 0.450 "
        "| 0.4835 | +0.017, above |"
    )
    assert lines[9] == (
        "| MELD | 1,234 | 0.620 [0.600, 0.640] | 0.620 [0.600, 0.640] | – "
        "| 0.6333 | -0.013, no clear difference |"
    )
    assert lines[15] == (
        "| IEMOCAP, four classes, one session left out | 1,234 | 0.700 [0.680, 0.720] "
        "| 0.700 [0.680, 0.720] | – | – | – |"
    )
    assert lines[-1] == "- TweetEval, hate; MELD: one epoch"


def test_text_alone_is_not_shown_as_text_with_audio(tmp_path: Path) -> None:
    metrics = plain(0.6, 0.58, 0.62)
    table, _ = write(
        tmp_path, {"meld": Outcome(MEASURED, {**metrics, "by_head": {"text": metrics}})}
    )
    found = {
        row["row"]: (row["ours"], row["status"])
        for row in table.to_pylist()
        if row["table"] == "B" and row["experiment"] == "meld" and row["metric"] == "accuracy"
    }
    assert found == {
        "MELD, text": (0.6, "measured"),
        "MELD, audio": (None, "not run: no clips"),
        "MELD, text+audio": (None, "not run: no clips"),
    }


def test_counts_need_no_experiment_and_say_where_they_differ(tmp_path: Path) -> None:
    counts = {
        "train": {},
        "validation": {"negative": 1500, "neutral": 500},
        "test": {"negative": 12_000, "positive": 284},
    }
    outcomes = {"tweeteval/sentiment": Outcome("not run: no train texts", counts=counts)}
    table, page = write(tmp_path, outcomes)
    lines = section(page, "Table 1. TweetEval: classes, and tweets in each split").splitlines()
    assert lines[6] == (
        "| sentiment | 3 | 3 | 45,389 | 0, differs | 2,000 | 2,000 | 11,906 | 12,284, differs |"
    )
    accuracies = [row for row in table.to_pylist() if row["experiment"] == "tweeteval/sentiment"]
    assert {row["table"]: row["status"] for row in accuracies} == {
        "1": "measured",
        "8": "not run: no train texts",
        "12": "not run: no train texts",
        "C": "not run: no train texts",
    }


def test_times_have_the_papers_units(tmp_path: Path) -> None:
    metrics = {**plain(0.6, 0.58, 0.62), "latency_ms": 4.5678, "train_seconds": 1230.0}
    _, page = write(tmp_path, {"meld": Outcome(MEASURED, metrics)})
    assert (
        section(page, "Section 4.4. Time").splitlines()[3] == "| MELD | 16.9 | 4.57 | 325 | 20.5 |"
    )


def test_figures_stand_beneath_their_captions(tmp_path: Path) -> None:
    figures = {"confusion": "figures/meld confusion.png", "reliability": "figures/meld.png"}
    _, page = write(tmp_path, {"meld": Outcome(MEASURED, plain(0.6, 0.5, 0.7), figures=figures)})
    shown = section(page, "Figures")
    assert shown.startswith(
        "Figure 10. Confusion matrix of MELD.\n\n"
        "![Confusion matrix of MELD](figures/meld%20confusion.png)\n\n"
        "- Figure 6. Confusion matrix of IEMOCAP, four classes: not run: no corpus\n"
    )
    assert "\n- Figure 11. Accuracy by epoch of MELD: not drawn\n" in shown
    assert shown.endswith(
        "Not in the paper. MELD: reliability.\n\n![MELD: reliability](figures/meld.png)"
    )


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


def test_results_are_the_same_bytes_again_and_leave_nothing_else(tmp_path: Path) -> None:
    outcomes = {"meld": whole_outcome("meld")}
    write(tmp_path, outcomes)
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(first) == {"results.md", "results.parquet"}
    write(tmp_path, outcomes)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first


def test_a_page_that_cannot_be_written_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "results.md").mkdir()
    with pytest.raises(IsADirectoryError):
        write_results(tmp_path, {}, {})
    assert {path.name for path in tmp_path.iterdir()} == {"results.md", "results.parquet"}


def test_unknown_experiments_and_statuses_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"^experiment is 'meld/mfcc'; known are tweeteval/emotion"
    ):
        write_results(tmp_path / "out", {"meld/mfcc": Outcome(MEASURED)}, {})
    assert not (tmp_path / "out").exists()
    with pytest.raises(
        ValueError, match=r"^status is 'failed'; it must be 'measured' or 'not run: '"
    ):
        Outcome("failed")
