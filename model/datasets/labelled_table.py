"""A data set of one's own: a table of texts, clips and labels."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from model.config import ProblemType
from model.datasets.dataset import Dataset, Example
from model.errors import DatasetError

SPLITS = ("train", "validation", "test")
COLUMNS = ("text", "audio", "label", "split", "speaker")
LABELS = "labels"
"""The column in the place of `label` where a row has any number of them."""
LABEL_SEPARATOR = "|"
"""Between the labels of a cell that is text; a Parquet or JSON Lines file can have lists, too."""


def load_manifest(path: Path) -> Dataset:
    """Reads a CSV, JSON Lines or Parquet file with the columns of COLUMNS.

    `label` is needed, or `labels` in its place, with any number of them a row (`joy|surprise`, or a
    list; nothing for none), which makes the data set multi-label; and `text` or `audio`. A clip's
    path is relative to the file. Where no row has a `split`, everything is to train on, or
    everything to measure a model on. `speaker` is what folds keep apart.

    Raises:
        DatasetError: the file cannot be read, a column or a value is missing, a split is unknown,
            or a clip is not there.
    """
    table = _read_table(path)
    is_multi_label = LABELS in table.columns
    if is_multi_label and "label" in table.columns:
        raise DatasetError(f"{path} has a column label and a column labels; one of them is needed")
    if not is_multi_label and "label" not in table.columns:
        raise DatasetError(f"{path} has no column label; it has {', '.join(map(str, table))}")
    if not {"text", "audio"} & set(table.columns):
        raise DatasetError(f"{path} has neither a column text nor a column audio")
    splits: dict[str, list[Example]] = {split: [] for split in SPLITS}
    names_splits = False
    for number, row in enumerate(table.to_dict("records"), start=1):
        where = f"{path}, row {number}"
        split, example = _read_row(row, path.parent, where, is_multi_label)
        splits[split or "train"].append(example)
        names_splits = names_splits or split is not None
    every = (example for examples in splits.values() for example in examples)
    emotions = sorted({label for example in every for label in example.labels})
    if len(emotions) < 2:
        raise DatasetError(f"{path} has {len(emotions)} different labels; at least 2 are needed")
    problem_type: ProblemType = "multi_label" if is_multi_label else "single_label"
    return Dataset(
        "manifest", tuple(emotions), splits, names_splits=names_splits, problem_type=problem_type
    )


def _read_table(path: Path) -> pd.DataFrame:
    readers: dict[str, Any] = {
        ".csv": lambda: pd.read_csv(path, dtype=str, keep_default_na=False),
        ".jsonl": lambda: pd.read_json(path, lines=True, dtype=False, convert_dates=False),
        ".parquet": lambda: pd.read_parquet(path),
    }
    if path.suffix not in readers:
        raise DatasetError(f"{path} is not a manifest: it must end in {', '.join(readers)}")
    if not path.is_file():
        raise DatasetError(f"{path} is not readable: there is no such file")
    try:
        table: pd.DataFrame = readers[path.suffix]()
    except (OSError, ValueError) as error:
        # The text of the system's own error names the path once more.
        reason = error.strerror if isinstance(error, OSError) else None
        reason = reason or str(error).partition("\n")[0]
        raise DatasetError(f"{path} is not readable: {reason}") from error
    if path.suffix == ".csv" and not isinstance(table.index, pd.RangeIndex):
        # pandas takes the first cells of such rows for an index, and moves the others along.
        raise DatasetError(f"{path} is not readable: its rows have more cells than its header")
    return table


def _read_row(
    row: dict[Any, Any], folder: Path, where: str, is_multi_label: bool
) -> tuple[str | None, Example]:
    cells = {name: _cell(row.get(name), name, where) for name in COLUMNS}
    label, split = cells["label"], cells["split"]
    if label is None and not is_multi_label:
        raise DatasetError(f"{where} has no label")
    if split not in (None, *SPLITS):
        raise DatasetError(f"{where}: split is {split!r}; it must be {', '.join(SPLITS)}")
    if cells["text"] is None and cells["audio"] is None:
        raise DatasetError(f"{where} has neither text nor audio")
    clip = folder / cells["audio"] if cells["audio"] else None
    # Unlike Path.is_file, it says no of a name that is too long for a file.
    if clip and not os.path.isfile(clip):
        raise DatasetError(f"{where}: {clip} is missing")
    group = cells["speaker"] or ""
    if is_multi_label:
        labels = _read_labels(row[LABELS], where)
        return split, Example.of_several(labels, cells["text"], clip=clip, group=group)
    return split, Example(label or "", text=cells["text"], clip=clip, group=group)


def _read_labels(value: Any, where: str) -> list[str]:
    """Returns the labels of a cell, each once."""
    cells: list[str | None]
    if isinstance(value, list | np.ndarray):
        cells = [_cell(each, "a label", where) for each in value]
    else:
        cells = [*(_cell(value, LABELS, where) or "").split(LABEL_SEPARATOR)]
    return list(dict.fromkeys(name for cell in cells if cell and (name := cell.strip())))


def _cell(value: Any, name: str, where: str) -> str | None:
    """Returns a cell's text; None where it is empty."""
    if isinstance(value, bool | bytes | list | dict | np.ndarray):
        raise DatasetError(f"{where}: {name} is {value!r}; it must be a text")
    if value == "" or pd.isna(value):
        return None
    return str(value)
