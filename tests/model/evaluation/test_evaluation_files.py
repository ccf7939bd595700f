"""The files of an evaluation: exact contents, whole, and of one evaluation only."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import model.evaluation.evaluation_files
from model.evaluation.evaluate import Evaluation
from model.evaluation.evaluation_files import FILE_NAMES, write_evaluation, write_metrics
from model.evaluation.metrics import compute_metrics

NAMES = ("calm", "joy", "rage")
DETAILS = {"dataset": "made", "split": "test", "model_version": "0123456789abcdef"}
# The items' classes, and how likely each is; the last column is a class that the set has not.
LABELS = np.array([0, 0, 1, 1])
PROBABILITIES = np.array(
    [
        [0.75, 0.25, 0.0, 0.0],
        [0.25, 0.5, 0.25, 0.0],
        [0.0, 1.0, 0.0, 0.0],
        [0.125, 0.125, 0.0, 0.75],
    ],
    np.float32,
)
WITHOUT_PROBABILITIES = ["confusion.parquet", "confusion.png", "metrics.json"]


def scored() -> Evaluation:
    predictions = PROBABILITIES.argmax(axis=1)
    metrics = compute_metrics(LABELS, predictions, NAMES, PROBABILITIES)
    return Evaluation(
        NAMES, LABELS, predictions, PROBABILITIES, metrics, {}, {"first": metrics}, latency_ms=1.5
    )


def told(predictions: list[int]) -> Evaluation:
    indices = np.array(predictions)
    metrics = compute_metrics(LABELS, indices, NAMES)
    return Evaluation(NAMES, LABELS, indices, None, metrics, {}, {})


def names_in(path: Path) -> list[str]:
    return sorted(file.name for file in path.iterdir())


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("evaluation") / "new" / "out"
    write_evaluation(path, DETAILS, scored())
    return path


def test_all_files_are_there_and_no_other(out: Path) -> None:
    assert names_in(out) == sorted(FILE_NAMES)


def test_metrics_are_details_and_then_metrics(out: Path) -> None:
    content = (out / "metrics.json").read_text(encoding="utf-8")
    expected = DETAILS | scored().as_dict()
    assert content == json.dumps(expected, indent=2) + "\n"
    assert json.loads(content) == expected
    assert list(json.loads(content))[:4] == ["dataset", "split", "model_version", "n"]


def test_the_confusion_table(out: Path) -> None:
    table = pq.read_table(out / "confusion.parquet")
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        ("calm", "calm", 1, 0.5),
        ("calm", "joy", 1, 0.5),
        ("calm", "rage", 0, 0.0),
        ("calm", "other", 0, 0.0),
        ("joy", "calm", 0, 0.0),
        ("joy", "joy", 1, 0.5),
        ("joy", "rage", 0, 0.0),
        ("joy", "other", 1, 0.5),
        ("rage", "calm", 0, None),
        ("rage", "joy", 0, None),
        ("rage", "rage", 0, None),
        ("rage", "other", 0, None),
    ]
    assert table.schema.names == ["true", "predicted", "n", "share_of_true"]
    assert table.schema.types == [pa.string(), pa.string(), pa.int64(), pa.float64()]


def test_no_other_class_is_predicted_where_the_data_set_has_all(tmp_path: Path) -> None:
    write_evaluation(tmp_path, DETAILS, told([0, 1, 1, 2]))
    predicted = pq.read_table(tmp_path / "confusion.parquet")["predicted"].to_pylist()
    assert predicted == list(NAMES) * 3


def test_the_reliability_table(out: Path) -> None:
    table = pq.read_table(out / "reliability.parquet")
    empty = {"n": 0, "confidence": None, "accuracy": None}
    filled = {
        # Seven fifteenths to eight, and so on: where ½, ¾ and 1 lie.
        7: {"n": 1, "confidence": 0.5, "accuracy": 0.0},
        11: {"n": 2, "confidence": 0.75, "accuracy": 0.5},
        14: {"n": 1, "confidence": 1.0, "accuracy": 1.0},
    }
    assert table.to_pylist() == [
        {"low": index / 15, "high": (index + 1) / 15, **filled.get(index, empty)}
        for index in range(15)
    ]


def test_the_coverage_table(out: Path) -> None:
    table = pq.read_table(out / "coverage.parquet")
    one = {"coverage": 0.25, "min_confidence": 1.0, "accuracy": 1.0, "n": 1}
    three = {"coverage": 0.75, "min_confidence": 0.75, "accuracy": 2 / 3, "n": 3}
    four = {"coverage": 1.0, "min_confidence": 0.5, "accuracy": 0.5, "n": 4}
    assert table.to_pylist() == [one] * 2 + [three] * 5 + [four] * 3
    assert table.to_pylist() == json.loads((out / "metrics.json").read_text())["coverage"]


@pytest.mark.parametrize("name", ["confusion", "reliability", "coverage"])
def test_tables_are_plain_zstd_and_figures_png(out: Path, name: str) -> None:
    file = pq.ParquetFile(out / f"{name}.parquet")
    columns = file.metadata.row_group(0)
    assert {columns.column(index).compression for index in range(columns.num_columns)} == {"ZSTD"}
    assert set(file.metadata.metadata) == {b"ARROW:schema"}
    assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_the_same_evaluation_is_the_same_bytes(out: Path, tmp_path: Path) -> None:
    write_evaluation(tmp_path, DETAILS, scored())
    for name in FILE_NAMES:
        assert (tmp_path / name).read_bytes() == (out / name).read_bytes()


def test_nothing_is_left_of_an_earlier_evaluation(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    write_evaluation(tmp_path, DETAILS, scored())
    write_evaluation(tmp_path, DETAILS, told([0, 1, 1, 2]))
    assert names_in(tmp_path) == [*WITHOUT_PROBABILITIES, "notes.txt"]
    read = json.loads((tmp_path / "metrics.json").read_text())
    assert read["ece"] is read["coverage"] is None


def test_metrics_are_not_there_until_all_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not those of an earlier evaluation, either; and no file is half written."""

    def fail(*args: object) -> None:
        Path(str(args[-1])).write_bytes(b"half")
        raise OSError("disk full")

    write_evaluation(tmp_path, DETAILS, scored())
    with monkeypatch.context() as patched:
        patched.setattr(model.evaluation.evaluation_files, "draw_coverage", fail)
        with pytest.raises(OSError, match="disk full"):
            write_evaluation(tmp_path, DETAILS, scored())
    assert "metrics.json" not in names_in(tmp_path)
    assert "coverage.png" not in names_in(tmp_path)
    write_evaluation(tmp_path, DETAILS, scored())
    assert names_in(tmp_path) == sorted(FILE_NAMES)


def test_metrics_alone(tmp_path: Path) -> None:
    write_metrics(tmp_path / "new", {"n": 1})
    assert names_in(tmp_path / "new") == ["metrics.json"]
    assert (tmp_path / "new" / "metrics.json").read_text() == '{\n  "n": 1\n}\n'
