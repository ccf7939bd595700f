"""MELD: its tables, and which of its clips are used."""

import csv
from pathlib import Path

import pytest

from model.config import AudioConfig
from model.datasets import Example, load_dataset
from model.datasets.broken_clips import leave_broken_clips_out
from model.datasets.meld import COLUMNS
from model.errors import DatasetError
from tests.support.clips import encode, speech_like

ROWS = [
    ("Oh, no…", "Phoebe", "sadness", "0", "0", "00:00:01,000", "00:00:03,500"),
    ("What?", "Joey", "surprise", "0", "1", "00:00:04,000", "00:05:09,000"),
    ("Fine.", "Ross", "neutral", "1", "0", "00:00:04,000", "00:00:05,000"),
    ("Hey!", "Ross", "joy", "1", "1", "00:00:05,000", "00:00:06,000"),
]


@pytest.fixture
def meld(tmp_path: Path) -> Path:
    for prefix in ("train", "dev", "test"):
        with (tmp_path / f"{prefix}_sent_emo.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *ROWS])
    return tmp_path


def test_without_clips_it_is_text(meld: Path) -> None:
    dataset = load_dataset("meld", meld)
    assert dataset.split("test") == [
        Example(emotion, text=text, group=speaker) for text, speaker, emotion, *_ in ROWS
    ]
    assert dataset.remarks == ()


@pytest.mark.parametrize("folder", ["train_splits", "train/train_splits", "train"])
@pytest.mark.parametrize("damaged", ["cut short", "no clip"])
def test_clips_that_are_missing_broken_or_miscut_leave_the_text(
    meld: Path, folder: str, damaged: str
) -> None:
    clips = meld / folder
    clips.mkdir(parents=True)
    clip = encode(speech_like(1.0), 16_000, "m4a")
    bad = clip[: len(clip) // 2] if damaged == "cut short" else bytes(9_000)
    for name, data in (("dia0_utt0", clip), ("dia0_utt1", clip), ("dia1_utt0", bad)):
        (clips / f"{name}.mp4").write_bytes(data)
    read = load_dataset("meld", meld)
    assert read.remarks == (
        "meld, train: 2 of 4 with clips (1 miscut, 1 missing)",
        "meld, validation: 0 of 4 with clips (4 missing)",
        "meld, test: 0 of 4 with clips (4 missing)",
    )
    told: list[str] = []
    dataset = leave_broken_clips_out(read, ("train", "test"), AudioConfig(), told.append)
    assert told == ["meld, train: clips that cannot be used, and are left out: 1"]
    assert [one.clip for one in dataset.split("train")] == [
        clips / "dia0_utt0.mp4",
        None,  # its own times span five minutes
        None,  # cannot be decoded
        None,  # not there
    ]
    assert all(one.has_text for one in dataset.split("train"))
    assert all(one.clip is None for one in dataset.split("test"))


def test_the_limits_of_a_clip_are_those_of_the_model(meld: Path) -> None:
    (meld / "train").mkdir()
    (meld / "train" / "dia0_utt0.wav").write_bytes(encode(speech_like(1.0), 16_000, "wav"))
    dataset = load_dataset("meld", meld)
    for max_clip_seconds, n_clips in ((1.0, 1), (0.9, 0)):
        config = AudioConfig(max_clip_seconds=max_clip_seconds)
        mended = leave_broken_clips_out(dataset, ["train"], config, lambda _: None)
        assert sum(one.clip is not None for one in mended.split("train")) == n_clips


def test_a_data_set_without_broken_clips_is_left_as_it_is(tmp_path: Path) -> None:
    """Such a clip is an error there, when it is used."""
    (tmp_path / "a.wav").write_bytes(b"no clip")
    (tmp_path / "own.csv").write_text("audio,label\na.wav,joy\na.wav,anger\n")
    dataset = load_dataset("manifest", tmp_path / "own.csv")
    assert leave_broken_clips_out(dataset, ["train"], AudioConfig(), print) is dataset


def test_a_folder_without_clips_is_refused(meld: Path) -> None:
    (meld / "dev").mkdir()
    (meld / "dev" / "dia0_utt0.txt").write_text("")
    with pytest.raises(
        DatasetError, match=r"dev holds no clips named like dia0_utt0\.mp4 \(nor does "
    ):
        load_dataset("meld", meld)


def test_mistakes_of_a_table(meld: Path) -> None:
    path = meld / "dev_sent_emo.csv"
    path.write_text(path.read_text().replace("surprise", "boredom"))
    with pytest.raises(
        DatasetError, match=r"dev_sent_emo\.csv:3: the emotion 'boredom' is unknown"
    ):
        load_dataset("meld", meld)
    path.write_text(path.read_text().replace("boredom", "joy") + '"' + "x" * 200_000)
    with pytest.raises(DatasetError, match=r"dev_sent_emo\.csv is not readable: field larger than"):
        load_dataset("meld", meld)
    path.write_text(path.read_text().replace("Emotion", "Feeling"))
    with pytest.raises(DatasetError, match=r"dev_sent_emo\.csv has no column Emotion"):
        load_dataset("meld", meld)
    path.unlink()
    with pytest.raises(DatasetError, match=r"dev_sent_emo\.csv is not readable"):
        load_dataset("meld", meld)


def test_a_row_that_is_cut_short_has_no_clip(meld: Path) -> None:
    (meld / "dev").mkdir()
    clip = encode(speech_like(1.0), 16_000, "wav")
    (meld / "dev" / "dia2_utt0.wav").write_bytes(clip)
    with (meld / "dev_sent_emo.csv").open("a", encoding="utf-8") as file:
        file.write("Bye.,Ross,joy,2,0\n")
    dataset = load_dataset("meld", meld)
    assert dataset.split("validation")[-1] == Example("joy", text="Bye.", group="Ross")


def test_real_meld(real_data: Path) -> None:
    dataset = load_dataset("meld", real_data)
    assert [len(split) for split in dataset.splits.values()] == [9_989, 1_109, 2_610]
    assert dataset.counts("test") == {
        "anger": 345,
        "disgust": 68,
        "fear": 50,
        "joy": 402,
        "neutral": 1256,
        "sadness": 208,
        "surprise": 281,
    }
