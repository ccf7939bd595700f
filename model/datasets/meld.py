"""MELD (Poria et al. 2019): utterances of a television series, with their clips where given."""

import csv
from collections import Counter
from datetime import timedelta
from pathlib import Path

from model.datasets.dataset import Dataset, Example
from model.errors import DatasetError
from schemas.emotions import EKMAN_AND_NEUTRAL

SPLIT_FILES = {"train": "train", "validation": "dev", "test": "test"}
CLIP_FOLDERS = {
    "train": ("train_splits", "train/train_splits", "train"),
    "validation": ("dev_splits_complete", "dev/dev_splits_complete", "dev"),
    "test": ("output_repeated_splits_test", "test/output_repeated_splits_test", "test"),
}
"""Where the release's archives unpack each split's `diaD_uttU.mp4`, and a plainer name."""
CLIP_SUFFIXES = (".mp4", ".wav")
MAX_UTTERANCE_SECONDS = 60.0
"""An utterance whose own times span more was miscut: its clip holds whole scenes (such as
dia38_utt4 and dia220_utt0 of test), so only its text is used."""
COLUMNS = ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID", "StartTime", "EndTime")


def load_meld(data_dir: Path) -> Dataset:
    """Reads `{train,dev,test}_sent_emo.csv`, and the clips beside them where there are any.

    A clip that is missing or was miscut leaves its utterance with the text alone, and a remark
    tells how many; so does one that turns out broken (such as dia125_utt3 of train) where clips
    are used. No utterance is dropped: the splits keep their published sizes.

    Raises:
        DatasetError: a file or a column is missing, an emotion is unknown, or a folder of clips
            holds none.
    """
    folders = {split: _clip_folder(data_dir, split) for split in SPLIT_FILES}
    splits, remarks = {}, []
    for split, prefix in SPLIT_FILES.items():
        rows = _read_rows(data_dir / f"{prefix}_sent_emo.csv")
        clips = [_find_clip(folders[split], row) for row in rows]
        if any(folders.values()):
            remarks.append(_clip_remark(split, clips))
        splits[split] = [
            Example(
                row["Emotion"],
                text=row["Utterance"],
                clip=clip if isinstance(clip, Path) else None,
                group=row["Speaker"],
            )
            for row, clip in zip(rows, clips, strict=True)
        ]
    return Dataset("meld", EKMAN_AND_NEUTRAL, splits, tuple(remarks), broken_clips=True)


def _read_rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, restval="")
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise DatasetError(f"{path} has no column {missing[0]}")
            rows = []
            for row in reader:
                if row["Emotion"] not in EKMAN_AND_NEUTRAL:
                    raise DatasetError(
                        f"{path}:{reader.line_num}: the emotion {row['Emotion']!r} is unknown"
                    )
                rows.append(row)
            return rows
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DatasetError(f"{path} is not readable: {reason}") from error


def _clip_folder(data_dir: Path, split: str) -> Path | None:
    """Returns the folder that holds a split's clips; None where there is no such folder."""
    folders = [data_dir / name for name in CLIP_FOLDERS[split] if (data_dir / name).is_dir()]
    for folder in folders:
        if any(path.suffix in CLIP_SUFFIXES for path in folder.glob("dia*_utt*")):
            return folder
    if folders:
        raise DatasetError(f"{folders[0]} holds no clips named like dia0_utt0.mp4")
    return None


def _find_clip(folder: Path | None, row: dict[str, str]) -> Path | str:
    """Returns an utterance's clip, or in a word why it has none that can be used."""
    if folder is None:
        return "missing"
    stem = f"dia{row['Dialogue_ID']}_utt{row['Utterance_ID']}"
    paths = [path for suffix in CLIP_SUFFIXES if (path := folder / f"{stem}{suffix}").is_file()]
    if not paths:
        return "missing"
    if not 0 < utterance_seconds(row["StartTime"], row["EndTime"]) <= MAX_UTTERANCE_SECONDS:
        return "miscut"
    return paths[0]


def _clip_remark(split: str, clips: list[Path | str]) -> str:
    lacking = Counter(clip for clip in clips if isinstance(clip, str))
    counts = ", ".join(f"{n} {why}" for why, n in sorted(lacking.items()))
    n_clips = len(clips) - lacking.total()
    return f"meld, {split}: {n_clips} of {len(clips)} with clips" + (counts and f" ({counts})")


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
