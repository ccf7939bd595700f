"""MELD (Poria et al. 2019): utterances of a television series, with their clips where given."""

import csv
from datetime import timedelta
from pathlib import Path

from model.datasets.dataset import Dataset, Example
from model.errors import DatasetError
from schemas.emotions import EKMAN_AND_NEUTRAL

SPLIT_FILES = {"train": "train", "validation": "dev", "test": "test"}
CLIP_FOLDERS = {
    "train": ("train_splits", "train"),
    "validation": ("dev_splits_complete", "dev"),
    "test": ("output_repeated_splits_test", "test"),
}
"""Where the release's archives unpack each split's `diaD_uttU.mp4`, and a plainer name."""
CLIP_SUFFIXES = (".mp4", ".wav")
MIN_CLIP_BYTES = 4096
"""A smaller clip is one that the release's cutting left broken (such as dia125_utt3 of train)."""
MAX_UTTERANCE_SECONDS = 60.0
"""An utterance whose own times span more was miscut: its clip holds whole scenes (such as
dia38_utt4 and dia220_utt0 of test), so only its text is used."""
COLUMNS = ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID", "StartTime", "EndTime")


def load_meld(data_dir: Path) -> Dataset:
    """Reads `{train,dev,test}_sent_emo.csv`, and the clips beside them where there are any.

    A clip that is missing, broken or miscut by the rules above leaves its utterance with the text
    alone: no utterance is dropped, so that the splits keep their published sizes.

    Raises:
        DatasetError: a file or a column is missing, or an emotion is unknown.
    """
    splits = {
        split: _read_split(data_dir, split, data_dir / f"{prefix}_sent_emo.csv")
        for split, prefix in SPLIT_FILES.items()
    }
    return Dataset("meld", EKMAN_AND_NEUTRAL, splits)


def _read_split(data_dir: Path, split: str, path: Path) -> list[Example]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise DatasetError(f"{path} has no column {missing[0]}")
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DatasetError(f"{path} is not readable: {reason}") from error
    folder = next(
        (data_dir / name for name in CLIP_FOLDERS[split] if (data_dir / name).is_dir()), None
    )
    examples = []
    for line, row in rows:
        if row["Emotion"] not in EKMAN_AND_NEUTRAL:
            raise DatasetError(f"{path}:{line}: the emotion {row['Emotion']!r} is unknown")
        clip = _find_clip(folder, row) if folder else None
        examples.append(
            Example(row["Emotion"], text=row["Utterance"], clip=clip, group=row["Speaker"])
        )
    return examples


def _find_clip(folder: Path, row: dict[str, str]) -> Path | None:
    stem = f"dia{row['Dialogue_ID']}_utt{row['Utterance_ID']}"
    for suffix in CLIP_SUFFIXES:
        path = folder / f"{stem}{suffix}"
        if path.is_file():
            seconds = utterance_seconds(row["StartTime"], row["EndTime"])
            whole = path.stat().st_size >= MIN_CLIP_BYTES
            return path if whole and 0 < seconds <= MAX_UTTERANCE_SECONDS else None
    return None


def utterance_seconds(start: str, end: str) -> float:
    """Returns how long an utterance lasts by its subtitle's times; 0 where they cannot be read.

    >>> utterance_seconds("00:20:57,256", "00:21:00,049")
    2.793
    """
    try:
        return (_parse_time(end) - _parse_time(start)).total_seconds()
    except ValueError:
        return 0.0


def _parse_time(text: str) -> timedelta:
    hours, minutes, seconds = text.replace(",", ".").split(":")
    return timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))
