"""GoEmotions as it was published."""

import re
from pathlib import Path

import pytest

from model.datasets import (
    Example,
    load_dataset,
)
from model.datasets.goemotions import EKMAN_GROUPS
from model.errors import DatasetError
from schemas.emotions import EKMAN_AND_NEUTRAL
from tests.support.tiny_corpora import GOEMOTIONS_NAMES, write_goemotions


def index(name: str) -> int:
    return GOEMOTIONS_NAMES.index(name)


def goemotions(tmp_path: Path, *lines: str) -> list[tuple[str, str | None]]:
    """The emotion and text of each comment that is read from a train.tsv of these lines."""
    write_goemotions(tmp_path, {"train": list(lines)})
    dataset = load_dataset("goemotions-ekman", tmp_path)
    return [(example.emotion, example.text) for example in dataset.split("train")]


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


def test_real_goemotions(real_data: Path) -> None:
    dataset = load_dataset("goemotions-ekman", real_data)
    counts = {split: list(dataset.counts(split).values()) for split in dataset.splits}
    assert counts == {
        "train": [4293, 498, 541, 15216, 12823, 2326, 3858],
        "validation": [555, 61, 72, 1941, 1592, 266, 459],
        "test": [572, 76, 80, 1863, 1606, 283, 488],
    }


def test_all_28_classes_keep_every_comment_and_all_of_its_emotions(tmp_path: Path) -> None:
    lines = [
        f"one label\t{index('grief')}\ta",
        f"two groups\t{index('anger')},{index('joy')}\tb",
        f"with neutral\t{index('joy')},{index('neutral')}\tc",
    ]
    write_goemotions(tmp_path, {"train": lines})
    dataset = load_dataset("goemotions-28", tmp_path)
    assert dataset.emotions == GOEMOTIONS_NAMES
    assert dataset.problem_type == "multi_label"
    assert dataset.split("train") == [
        Example.of_several(["grief"], "one label"),
        Example.of_several(["anger", "joy"], "two groups"),
        Example.of_several(["joy", "neutral"], "with neutral"),
    ]
