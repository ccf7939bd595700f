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
from model.paper.comparison import MEASURED
from model.paper.published import EXPERIMENTS, VALUES
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


def test_a_run_without_corpora_measures_nothing(tmp_path: Path) -> None:
    table, page = write(tmp_path, {})
    for row in table.to_pylist():
        assert row["status"] == ("not run: no corpus" if row["experiment"] else "quoted")
        assert row["ours"] is row["ci_low"] is row["ci_high"] is row["n"] is None
    for line in section(page, "Summary").splitlines()[2:]:
        assert line.split(" | ")[1:5] == ["–", "not run: no corpus", "–", "–"]
    assert section(page, "Figures").count("not run: no corpus") == 20
    assert section(page, "How these results were made") == "- version: 0.1.0\n- machine: 2 cores\n"


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
