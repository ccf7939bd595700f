"""The loaders read each corpus's own layout, and folds never split a group."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.datasets import (
    DATASETS,
    Dataset,
    Example,
    label_indices,
    load_dataset,
    one_hot,
    texts_of,
)
from model.datasets.dataset import read_lines
from model.datasets.emodb import SHARED_EMOTIONS
from model.datasets.goemotions import EKMAN_GROUPS
from model.errors import DatasetError
from schemas.emotions import EKMAN_AND_NEUTRAL
from tests.model.tiny_corpora import GOEMOTIONS_NAMES, write_emodb, write_goemotions
from tests.model.tiny_models import tiny_classifier_config


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


# The interface


def dataset_of(groups: dict[str, int]) -> Dataset:
    examples = [Example("a", group=group) for group, size in groups.items() for _ in range(size)]
    return Dataset("made", ("a", "b"), {"train": examples[::2], "test": examples[1::2]})


def test_a_missing_or_empty_split() -> None:
    dataset = Dataset("made", ("a",), {"train": [Example("a")], "test": []})
    for name in ("test", "dev"):
        with pytest.raises(DatasetError) as caught:
            dataset.split(name)
        assert str(caught.value) == f"made has no split '{name}'; it has train"


def test_counts_name_every_class() -> None:
    examples = [Example("b"), Example("a"), Example("b")]
    dataset = Dataset("made", ("a", "b", "c"), {"train": examples})
    assert list(dataset.counts("train").items()) == [("a", 1), ("b", 2), ("c", 0)]


@given(
    st.dictionaries(st.text("abcdef", max_size=3), st.integers(1, 30), min_size=2, max_size=12),
    st.data(),
)
def test_folds_hold_whole_groups_and_are_balanced(
    groups: dict[str, int], data: st.DataObject
) -> None:
    n_folds = data.draw(st.integers(1, len(groups)))
    folds = dataset_of(groups).fold_of_group(n_folds)
    assert folds.keys() == groups.keys()
    sizes = [0] * n_folds
    for group, fold in folds.items():
        sizes[fold] += groups[group]
    assert min(sizes) > 0
    # The last group to enter the largest fold found it the smallest.
    assert max(sizes) - min(sizes) <= max(groups.values())


def test_folds_do_not_depend_on_the_order_of_examples() -> None:
    sizes = {"x": 3, "y": 3, "z": 2, "w": 1}
    backwards = dict(reversed(sizes.items()))
    assert dataset_of(sizes).fold_of_group(3) == dataset_of(backwards).fold_of_group(3)


def test_too_few_groups() -> None:
    with pytest.raises(DatasetError, match=r"^made has 2 groups; 3 folds need as many$"):
        dataset_of({"x": 4, "y": 4}).fold_of_group(3)


# Examples to train and to validate on


def to_hold_out_of(sizes: dict[str, int], validation: int = 0) -> Dataset:
    """Examples of each class whose texts are numbers, and some of class `a` to validate on."""
    splits = {
        "train": [
            Example(name, text=f"{name}{number}")
            for name, size in sizes.items()
            for number in range(size)
        ],
        "validation": [Example("a", text=f"v{number}") for number in range(validation)],
        "test": [Example("a", text="t")],
    }
    return Dataset("made", tuple(sizes), splits)


def test_a_share_of_each_class_is_held_out() -> None:
    dataset = to_hold_out_of({"a": 60, "b": 30, "c": 10})
    prepared = dataset.for_training("train", 0.2, seed=1)
    assert prepared.counts("train") == {"a": 48, "b": 24, "c": 8}
    assert prepared.counts("validation") == {"a": 12, "b": 6, "c": 2}
    assert prepared.split("test") == dataset.split("test")
    parted = [*prepared.split("train"), *prepared.split("validation")]
    assert sorted(map(repr, parted)) == sorted(map(repr, dataset.split("train")))


def test_what_is_held_out_repeats_from_the_seed() -> None:
    dataset = to_hold_out_of({"a": 20, "b": 20})
    assert dataset.for_training("train", 0.1, 1) == dataset.for_training("train", 0.1, 1)
    assert dataset.for_training("train", 0.1, 1) != dataset.for_training("train", 0.1, 2)


def test_a_validation_split_is_left_as_it_is() -> None:
    dataset = to_hold_out_of({"a": 20, "b": 20}, validation=3)
    assert dataset.for_training("train", 0.5, seed=1) == dataset


def test_the_validation_split_is_trained_on() -> None:
    dataset = to_hold_out_of({"a": 5}, validation=20)
    prepared = dataset.for_training("validation", 0.1, seed=1)
    assert [len(examples) for examples in prepared.splits.values()] == [18, 2, 1]
    parted = [*prepared.split("train"), *prepared.split("validation")]
    assert {example.text for example in parted} == {f"v{number}" for number in range(20)}


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        (
            {"a": 9, "b": 1},
            r"^made has one example of 'b' to train on, and no other split to validate on; 2 are "
            r"needed$",
        ),
        (
            {"a": 5, "b": 5},
            r"^made: 0\.1 of the examples of each class cannot be held out to validate on: .* "
            r"should be greater or equal to the number of classes = 2$",
        ),
    ],
)
def test_too_few_examples_to_hold_out(sizes: dict[str, int], told: str) -> None:
    with pytest.raises(DatasetError, match=told):
        to_hold_out_of(sizes).for_training("train", 0.1, seed=1)


@pytest.mark.parametrize(
    ("text", "has_text"),
    [
        (None, False),
        ("", False),
        (" \t\r\n", False),
        ("&nbsp;", False),
        ("\u200b", False),
        ("\ufeff\u200d\u2060", False),
        ("\u0301\ufe0f", False),
        ("\u2028\x07", False),
        ("\u200ba", True),
        (".", True),
        ("\N{GRINNING FACE}", True),
        ("\N{HEAVY BLACK HEART}\ufe0f", True),
    ],
)
def test_a_text_without_anything_to_see_is_none(text: str | None, has_text: bool) -> None:
    assert Example("joy", text=text).has_text is has_text


def test_only_keeps_what_it_is_told() -> None:
    dataset = to_hold_out_of({"a": 2, "b": 1}).only(lambda example: example.emotion == "b")
    assert dataset.splits == {"train": [Example("b", text="b0")], "validation": [], "test": []}


@pytest.mark.parametrize(
    ("text", "has_text"), [(None, False), ("", False), (" \t&nbsp;", False), ("so", True)]
)
def test_a_text_holds_something_after_cleaning(text: str | None, has_text: bool) -> None:
    assert Example("a", text=text).has_text is has_text


def test_labels_and_one_hot_rows() -> None:
    config = tiny_classifier_config()
    labels = label_indices([Example("surprise"), Example("anger")], config.emotions)
    assert labels.tolist() == [6, 0]
    rows = one_hot(labels, config)
    assert rows.dtype == np.float32
    assert rows.tolist() == [[0, 0, 0, 0, 0, 0, 1], [1, 0, 0, 0, 0, 0, 0]]


def test_examples_without_text_or_clip_are_refused(tmp_path: Path) -> None:
    assert texts_of([Example("joy", text="a"), Example("joy", text="")]) == ["a", ""]
    with pytest.raises(DatasetError, match=r"^an example of class 'joy' has no text$"):
        texts_of([Example("joy", text="a"), Example("joy", clip=tmp_path)])
    with pytest.raises(DatasetError, match=r"^an example of class 'joy' has no clip$"):
        Example("joy", text="a").read_clip()
    with pytest.raises(DatasetError, match=r"gone\.wav is not readable: No such file"):
        Example("joy", clip=tmp_path / "gone.wav").read_clip()


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"a", ["a"]),
        (b"a\n", ["a"]),
        (b"\n\nb\n", ["", "", "b"]),
        (b"a\r\nb", ["a\r", "b"]),
        ("a\u2028b\n".encode(), ["a\u2028b"]),
    ],
)
def test_lines_of_a_file(tmp_path: Path, content: bytes, lines: list[str]) -> None:
    (tmp_path / "file").write_bytes(content)
    assert read_lines(tmp_path / "file") == lines


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"caf\xe9\n")
    with pytest.raises(DatasetError, match="file is not readable: 'utf-8' codec"):
        read_lines(tmp_path / "file")


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
