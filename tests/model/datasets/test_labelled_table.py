"""A table of one's own data."""

import json
from pathlib import Path

import pandas as pd
import pytest

from model.datasets import Example, load_dataset
from model.errors import DatasetError

ROWS = [
    {"text": "so good", "audio": "a.wav", "label": "joy", "split": "train", "speaker": "1"},
    {"text": "", "audio": "a.wav", "label": "anger", "split": "", "speaker": ""},
    {"text": "NA", "audio": "", "label": "anger", "split": "test", "speaker": "007"},
]


def write_manifest(path: Path, rows: list[dict[str, object]]) -> Path:
    (path.parent / "a.wav").write_bytes(b"")
    if path.suffix == ".csv":
        pd.DataFrame(rows).to_csv(path, index=False)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pd.DataFrame(rows).to_parquet(path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_manifest(tmp_path: Path, suffix: str) -> None:
    path = write_manifest(tmp_path / f"mine{suffix}", [dict(row) for row in ROWS])
    dataset = load_dataset("manifest", path)
    clip = tmp_path / "a.wav"
    assert dataset.emotions == ("anger", "joy")
    assert dataset.splits == {
        "train": [Example("joy", "so good", clip, "1"), Example("anger", None, clip, "")],
        "validation": [],
        "test": [Example("anger", "NA", None, "007")],
    }


@pytest.mark.parametrize(
    ("splits", "is_named"),
    [(None, False), (["", ""], False), (["", "train"], True), (["test", "test"], True)],
    ids=["no column", "empty", "one", "all"],
)
def test_splits_that_the_file_names(
    tmp_path: Path, splits: list[str] | None, is_named: bool
) -> None:
    rows: list[dict[str, object]] = [{"text": "x", "label": "joy"}, {"text": "y", "label": "fear"}]
    for row, split in zip(rows, splits or (), strict=False):
        row["split"] = split
    path = write_manifest(tmp_path / "mine.csv", rows)
    assert load_dataset("manifest", path).names_splits == is_named


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"text": "x"}], "has no column label; it has text"),
        ([{"label": "x"}], "has neither a column text nor a column audio"),
        ([{"text": "x", "label": ""}], "row 1 has no label"),
        ([{"text": "", "label": "x"}], "row 1 has neither text nor audio"),
        ([{"text": "x", "label": "x", "split": "dev"}], "row 1: split is 'dev'; it must be train"),
        ([{"audio": "gone.wav", "label": "x"}], r"row 1: .*gone\.wav is missing"),
        ([{"audio": "x" * 5_000, "label": "x"}], r"row 1: .*x is missing"),
        ([{"text": "x", "label": "x"}], "has 1 different labels; at least 2 are needed"),
        ([{"text": ["x"], "label": "x"}], r"row 1: text is \['x'\]; it must be a text"),
    ],
)
def test_manifest_mistakes(tmp_path: Path, rows: list[dict[str, object]], message: str) -> None:
    path = write_manifest(tmp_path / "mine.jsonl", rows)
    with pytest.raises(DatasetError, match=message):
        load_dataset("manifest", path)


@pytest.mark.parametrize("value", [b"joy", ["joy", "fear"]])
def test_a_parquet_cell_that_is_no_text_is_refused(tmp_path: Path, value: object) -> None:
    path = write_manifest(tmp_path / "mine.parquet", [{"text": "x", "label": value}])
    with pytest.raises(DatasetError, match=r"row 1: label is .*; it must be a text"):
        load_dataset("manifest", path)


def test_rows_wider_than_the_header_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("text,label,speaker\ngood,joy,s0,\nbad,anger,s1,\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="its rows have more cells than its header"):
        load_dataset("manifest", path)


def test_manifest_files(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not a manifest: it must end in"):
        load_dataset("manifest", tmp_path)
    for name in ("gone.csv", "gone.jsonl", "gone.parquet"):
        with pytest.raises(DatasetError) as caught:
            load_dataset("manifest", tmp_path / name)
        assert str(caught.value) == f"{tmp_path}/{name} is not readable: there is no such file"
    (tmp_path / "broken.parquet").write_bytes(b"nope")
    with pytest.raises(DatasetError, match="is not readable"):
        load_dataset("manifest", tmp_path / "broken.parquet")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_rows_of_any_number_of_labels(tmp_path: Path, suffix: str) -> None:
    rows: list[dict[str, object]] = [
        {"text": "so good", "labels": "joy|surprise"},
        {"text": "meh", "labels": ""},
        {"text": "oh no", "labels": " fear | fear"},
    ]
    dataset = load_dataset("manifest", write_manifest(tmp_path / f"mine{suffix}", rows))
    assert dataset.emotions == ("fear", "joy", "surprise")
    assert dataset.problem_type == "multi_label"
    assert dataset.split("train") == [
        Example.of_several(["joy", "surprise"], "so good"),
        Example.of_several([], "meh"),
        Example.of_several(["fear"], "oh no"),
    ]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_labels_may_be_lists(tmp_path: Path, suffix: str) -> None:
    rows: list[dict[str, object]] = [
        {"text": "so good", "labels": ["joy", "surprise"]},
        {"text": "meh", "labels": []},
    ]
    dataset = load_dataset("manifest", write_manifest(tmp_path / f"mine{suffix}", rows))
    assert [each.emotions for each in dataset.split("train")] == [("joy", "surprise"), ()]


def test_one_column_of_labels(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"text": "x", "label": "joy", "labels": "joy"}]
    path = write_manifest(tmp_path / "mine.csv", rows)
    with pytest.raises(DatasetError, match="has a column label and a column labels; one of them"):
        load_dataset("manifest", path)
