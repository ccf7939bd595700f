"""The interface of every data set: splits, folds that never split a group, and hold-outs."""

import hashlib
import math
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from model.datasets import (
    Dataset,
    Example,
    label_indices,
    target_matrix,
    texts_of,
)
from model.datasets.dataset import read_lines
from model.errors import DatasetError
from model.preprocessing.text_preprocessor import clean_text
from tests.support.tiny_models import tiny_classifier_config


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
    n_folds = data.draw(st.integers(2, len(groups)))
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
    with pytest.raises(
        DatasetError, match=r"^made has 2 groups \(speakers or sessions\); 3 folds need as many$"
    ):
        dataset_of({"x": 4, "y": 4}).fold_of_group(3)
    told = r"^made names no speakers or sessions to part folds by; --fold-by random does without$"
    with pytest.raises(DatasetError, match=told):
        dataset_of({"": 8}).fold_of_group(3)


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


def test_each_modality_is_held_out_where_there_are_enough() -> None:
    clip = Path("x.wav")
    train = [
        Example(emotion, text=f"{emotion} {number}", clip=clip if number % 4 == 0 else None)
        for emotion in ("a", "b")
        for number in range(20)
    ]
    dataset = Dataset("made", ("a", "b"), {"train": train})
    for seed in range(9):
        held_out = dataset.for_training("train", 0.2, seed).split("validation")
        assert sorted((each.emotion, each.clip is None) for each in held_out) == [
            *[("a", False), ("a", True), ("a", True), ("a", True)],
            *[("b", False), ("b", True), ("b", True), ("b", True)],
        ]
    # Of few a share is too few for each, be it that of what is held out or of what is kept.
    few = replace(
        dataset, splits={"train": [*train[3:5], *train[7:9], *train[23:25], *train[27:29]]}
    )
    for share in (0.4, 0.6):
        parted = few.for_training("train", share, seed=1)
        assert len(parted.split("validation")) == math.ceil(8 * share)
        assert min(parted.counts("validation").values()) == 2
    # One alone cannot be parted.
    rare = [each for each in train if each.clip is None or each.text in ("a 0", "b 0")]
    parted = replace(dataset, splits={"train": rare}).for_training("train", 0.25, seed=1)
    assert parted.counts("validation") == {"a": 4, "b": 4}


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
            r"^made: validation_share is 0\.1, which of 10 examples holds out 1 and keeps 9; each "
            r"must be at least 2, as many as there are classes$",
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
        (" \t&nbsp;", False),
        ("\u200b", False),
        ("\ufeff\u200d\u2060", False),
        ("\u0301\ufe0f", False),
        ("\u2028\x07", False),
        ("\uf8ff", False),
        ("\u1734 \ufffd", False),
        ("\U0001fa77", True),  # an emoji of Unicode 15, unassigned to Python 3.11
        ("\ud800", True),  # cleaned to a question mark
        ("\u200ba", True),
        (".", True),
        ("so", True),
        ("\N{GRINNING FACE}", True),
        ("\N{HEAVY BLACK HEART}\ufe0f", True),
    ],
)
def test_a_text_without_anything_to_see_is_none(text: str | None, has_text: bool) -> None:
    assert Example("joy", text=text).has_text is has_text


def test_bert_leaves_something_of_what_is_seen_and_nothing_of_what_is_not() -> None:
    """So that no text that counts as one fails later for its want of tokens, and none is lost.

    Marks alone are no text, though BERT's tokenizers keep those of Unicode 9 and later. All
    characters that Unicode has, and some of the million that it has not.
    """
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    characters = [
        character
        for n, character in enumerate(map(chr, range(0x110000)))
        if (unicodedata.category(character) not in ("Cn", "Co", "Cs") or n % 101 == 0)
        and (
            unicodedata.category(character) not in ("Cf", "Me", "Mn")
            or Example("joy", text=character).has_text
        )
    ]
    encoded = tokenizer.encode_batch(list(map(clean_text, characters)))
    assert not [
        hex(ord(character))
        for character, each in zip(characters, encoded, strict=True)
        if bool(each.ids) != Example("joy", text=character).has_text
    ]


def test_only_keeps_what_it_is_told() -> None:
    dataset = to_hold_out_of({"a": 2, "b": 1}).only(lambda example: example.emotion == "b")
    assert dataset.splits == {"train": [Example("b", text="b0")], "validation": [], "test": []}


def test_labels_and_rows_of_targets() -> None:
    emotions = tiny_classifier_config().emotions
    examples = [Example("surprise"), Example("anger")]
    assert label_indices(examples, emotions).tolist() == [6, 0]
    rows = target_matrix(examples, emotions)
    assert rows.dtype == np.float32
    assert rows.tolist() == [[0, 0, 0, 0, 0, 0, 1], [1, 0, 0, 0, 0, 0, 0]]
    several = [Example.of_several(["joy", "anger"], "a"), Example.of_several([], "b")]
    assert target_matrix(several, emotions).tolist() == [[1, 0, 0, 1, 0, 0, 0], [0] * 7]
    for example in several:
        with pytest.raises(DatasetError, match="several emotions an item, or none; one is needed"):
            label_indices([example], emotions)


def several_of(n_train: int) -> Dataset:
    kinds = (["a", "b"], ["b"], [])
    train = [Example.of_several(kinds[number % 3], f"{number}") for number in range(n_train)]
    splits = {"train": train, "validation": [], "test": []}
    return Dataset("made", ("a", "b"), splits, problem_type="multi_label")


def test_a_share_of_all_is_held_out_where_examples_have_several_classes() -> None:
    dataset = several_of(30)
    parted = dataset.for_training("train", 0.2, seed=1)
    train, validation = parted.splits["train"], parted.splits["validation"]
    assert (len(train), len(validation)) == (24, 6)
    assert sorted(each.read_text() for each in (*train, *validation)) == sorted(
        each.read_text() for each in dataset.splits["train"]
    )
    assert dataset.for_training("train", 0.2, seed=1) == parted
    assert dataset.for_training("train", 0.2, seed=2) != parted
    assert dataset.counts("train") == {"a": 10, "b": 20}
    with pytest.raises(DatasetError, match=r"^made has one example to train on; 2 are needed$"):
        several_of(1).for_training("train", 0.2, seed=1)


def test_examples_without_text_or_clip_are_refused(tmp_path: Path) -> None:
    assert texts_of([Example("joy", text="a"), Example("joy", text="")]) == ["a", ""]
    with pytest.raises(DatasetError, match=r"^an example of class 'joy' has no text$"):
        texts_of([Example("joy", text="a"), Example("joy", clip=tmp_path)])
    with pytest.raises(DatasetError, match=r"^an example of class 'joy' has no clip$"):
        Example("joy", text="a").read_clip()
    with pytest.raises(DatasetError, match=r"gone\.wav is not readable: No such file"):
        Example("joy", clip=tmp_path / "gone.wav").read_clip()
    with pytest.raises(DatasetError, match=r"gone\.wav is not readable: No such file"):
        Example("joy", clip=tmp_path / "gone.wav").hash_clip()


def test_a_clip_is_hashed_anew_where_it_has_changed(tmp_path: Path) -> None:
    example = Example("joy", clip=tmp_path / "a.wav")
    for content in (b"la", b"lala"):
        (tmp_path / "a.wav").write_bytes(content)
        assert example.hash_clip() == hashlib.sha256(content).hexdigest()
    assert Example("joy", text="so good").hash_clip() is None


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
