"""The loaders read each corpus's own layout."""

import re
from pathlib import Path

import pytest

from model.datasets import (
    DATASETS,
    Dataset,
    Example,
    load_dataset,
)
from model.datasets.emodb import SHARED_EMOTIONS
from model.datasets.goemotions import EKMAN_GROUPS
from model.errors import DatasetError
from schemas.emotions import EKMAN_AND_NEUTRAL
from tests.support.tiny_corpora import GOEMOTIONS_NAMES, write_emodb, write_goemotions


def index(name: str) -> int:
    return GOEMOTIONS_NAMES.index(name)


def goemotions(tmp_path: Path, *lines: str) -> list[tuple[str, str | None]]:
    """The emotion and text of each comment that is read from a train.tsv of these lines."""
    write_goemotions(tmp_path, {"train": list(lines)})
    dataset = load_dataset("goemotions-ekman", tmp_path)
    return [(example.emotion, example.text) for example in dataset.split("train")]


# GoEmotions


def test_each_of_the_28_emotions_is_in_one_group() -> None:
    grouped = [name for names in EKMAN_GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(GOEMOTIONS_NAMES)
    assert tuple(sorted(EKMAN_GROUPS)) == EKMAN_AND_NEUTRAL


def test_comments_of_several_groups_are_left_out(tmp_path: Path) -> None:
    assert goemotions(
        tmp_path,
        f"one label\t{index('grief')}\ta",
        f"two of one group\t{index('anger')},{index('annoyance')}\tb",
        f"two groups\t{index('anger')},{index('joy')}\tc",
        f"with neutral\t{index('joy')},{index('neutral')}\td",
        f"neutral\t{index('neutral')}\te",
    ) == [("sadness", "one label"), ("anger", "two of one group"), ("neutral", "neutral")]


def test_lines_end_at_line_feeds_alone(tmp_path: Path) -> None:
    text = "a\u2028b\u2029c\x85d\x0be\rf"
    assert goemotions(tmp_path, f"{text}\t{index('fear')}\ta") == [("fear", text)]


def test_quotes_are_text(tmp_path: Path) -> None:
    line = f'"so" he said\t{index("fear")}\ta'
    assert goemotions(tmp_path, line) == [("fear", '"so" he said')]


def test_splits_are_the_corpus_own(tmp_path: Path) -> None:
    line = "{0}\t" + str(index("fear")) + "\tid"
    write_goemotions(tmp_path, {name: [line.format(name)] for name in ("train", "dev", "test")})
    dataset = load_dataset("goemotions-ekman", tmp_path)
    assert dataset.name == "goemotions-ekman"
    assert dataset.emotions == EKMAN_AND_NEUTRAL
    assert dataset.splits == {
        "train": [Example("fear", text="train")],
        "validation": [Example("fear", text="dev")],
        "test": [Example("fear", text="test")],
    }


@pytest.mark.parametrize(
    "line",
    [
        "",
        "only a text",
        "two cells\t2",
        "four\t2\tid\tcells",
        "a word\tanger\tid",
        "no index\t\tid",
        "a gap\t2,,3\tid",
        "past the end\t28\tid",
        "from the end\t-1\tid",
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(DatasetError) as caught:
        goemotions(tmp_path, f"good\t{index('fear')}\tid", line)
    path = tmp_path / "goemotions" / "train.tsv"
    assert str(caught.value) == f"{path}:2 is not text, label indices and id"


@pytest.mark.parametrize("name", ["emotions.txt", "dev.tsv"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    file = write_goemotions(tmp_path) / name
    file.unlink()
    with pytest.raises(DatasetError, match=re.escape(f"{file} is not readable: ")) as caught:
        load_dataset("goemotions-ekman", tmp_path)
    assert "\n" not in str(caught.value)


def test_an_unknown_emotion_is_named(tmp_path: Path) -> None:
    folder = write_goemotions(tmp_path)
    (folder / "emotions.txt").write_text("anger\nhunger\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"emotions\.txt names an unknown emotion 'hunger'$"):
        load_dataset("goemotions-ekman", tmp_path)


# EmoDB


def emodb(tmp_path: Path, *names: str) -> Dataset:
    """What is read of empty files of these names."""
    folder = tmp_path / "emodb" / "wav"
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch()
    return load_dataset("emodb", tmp_path)


def test_splits_are_by_speaker(tmp_path: Path) -> None:
    names = ("03a01Fa.wav", "09b10Wb.wav", "10a05Nd.wav", "16a02E.wav", "08a04Ac.wav")
    dataset = emodb(tmp_path, *names)
    wav = tmp_path / "emodb" / "wav"
    assert dataset.emotions == SHARED_EMOTIONS
    assert dataset.splits == {
        "train": [
            Example("joy", clip=wav / "03a01Fa.wav", group="03"),
            Example("fear", clip=wav / "08a04Ac.wav", group="08"),
            Example("disgust", clip=wav / "16a02E.wav", group="16"),
        ],
        "validation": [Example("anger", clip=wav / "09b10Wb.wav", group="09")],
        "test": [Example("neutral", clip=wav / "10a05Nd.wav", group="10")],
    }


def test_boredom_is_left_out(tmp_path: Path) -> None:
    dataset = emodb(tmp_path, "03a01La.wav", "03a01Ta.wav")
    assert [example.emotion for example in dataset.split("train")] == ["sadness"]


def test_other_files_are_no_clips(tmp_path: Path) -> None:
    dataset = emodb(tmp_path, "03a01Ta.wav", "03a01Ta.txt", "erkennung.doc")
    assert len(dataset.split("train")) == 1


@pytest.mark.parametrize(
    "name", ["03a01Xa.wav", "03a01.wav", "03a01Fab.wav", "xxa01Fa.wav", "03F01aa.wav", "happy1.wav"]
)
def test_a_bad_name_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match=f"{name} is not named like 03a01Fa.wav$"):
        emodb(tmp_path, "03a01Fa.wav", name)


def test_a_directory_without_clips(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=re.escape(f"{tmp_path} has no wav/*.wav; ")):
        load_dataset("emodb", tmp_path)


# Names and directories


def test_an_unknown_name_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        load_dataset("emo-db", tmp_path)
    assert str(caught.value).startswith(
        "dataset is 'emo-db'; known are emodb, goemotions-ekman, iemocap4, "
    )


@pytest.mark.parametrize("name", ["emodb", "goemotions-ekman"])
def test_the_directory_is_the_corpus_own_or_its_parent(tmp_path: Path, name: str) -> None:
    write_goemotions(tmp_path)
    write_emodb(tmp_path, copies=1)
    folder, _ = DATASETS[name]
    dataset = load_dataset(name, tmp_path)
    assert dataset.name == name
    assert load_dataset(name, tmp_path / folder) == dataset


# The real corpora


def test_real_goemotions(real_data: Path) -> None:
    dataset = load_dataset("goemotions-ekman", real_data)
    counts = {split: list(dataset.counts(split).values()) for split in dataset.splits}
    assert counts == {
        "train": [4293, 498, 541, 15216, 12823, 2326, 3858],
        "validation": [555, 61, 72, 1941, 1592, 266, 459],
        "test": [572, 76, 80, 1863, 1606, 283, 488],
    }


def test_real_emodb(real_data: Path) -> None:
    dataset = load_dataset("emodb", real_data)
    counts = {split: list(dataset.counts(split).values()) for split in dataset.splits}
    assert counts == {
        "train": [77, 21, 45, 46, 50, 42],
        "validation": [13, 8, 1, 4, 9, 4],
        "test": [10, 1, 8, 4, 4, 3],
    }
    folds = dataset.fold_of_group(5)
    assert folds == {"14": 0, "13": 1, "08": 2, "11": 3, "03": 4, "09": 4, "10": 3, "12": 2}
