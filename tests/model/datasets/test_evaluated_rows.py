"""Which rows are measured: a split, all, those held out, or those learned from."""

from dataclasses import replace

import pytest

from model.datasets import Dataset, Example
from model.datasets.evaluated_rows import choose_rows, choose_unseen_rows
from model.datasets.held_out import HeldOut
from model.errors import DatasetError

ROWS = [Example(emotion, text=emotion * n) for n in (1, 2, 3) for emotion in ("joy", "anger")]
NO_SPLITS = Dataset(
    "mine", ("anger", "joy"), {"train": ROWS, "validation": [], "test": []}, names_splits=False
)
HELD_OUT = HeldOut.of(NO_SPLITS, "train", ROWS[4:])


def chosen(
    dataset: Dataset, split: str | None, held_out: HeldOut | None = None
) -> tuple[str, list[Example], tuple[str, ...]]:
    """The name of the split, its rows, and what is told."""
    parted, name = choose_rows(dataset, split, held_out)
    return name, parted.split(name), parted.remarks


@pytest.mark.parametrize("split", [None, "test"])
def test_all_rows_where_none_are_asked_for(split: str | None) -> None:
    assert chosen(NO_SPLITS, split) == ("all", ROWS, ())


def test_all_rows_tell_of_those_that_were_learned_from() -> None:
    told = (
        "mine: the model has learned from 4 of these rows; --split validation measures the 2 that "
        "were held out"
    )
    assert chosen(NO_SPLITS, None, HELD_OUT) == ("all", ROWS, (told,))


def test_rows_held_out_and_learned_from() -> None:
    assert chosen(NO_SPLITS, "validation", HELD_OUT) == ("validation", ROWS[4:], ())
    assert chosen(NO_SPLITS, "train", HELD_OUT) == ("train", ROWS[:4], ())
    assert chosen(NO_SPLITS, "train") == ("train", ROWS, ())


def test_rows_held_out_that_are_gone_are_told() -> None:
    fewer = replace(NO_SPLITS, splits={"train": ROWS[:5]})
    told = "mine: of 2 rows held out in training, 1 are here"
    assert chosen(fewer, "validation", HELD_OUT) == ("validation", ROWS[4:5], (told,))


@pytest.mark.parametrize("held_out", [None, HELD_OUT], ids=["no model", "another file"])
def test_no_rows_held_out(held_out: HeldOut | None) -> None:
    other = replace(NO_SPLITS, splits={"train": ROWS[:4]})
    assert chosen(other, None, held_out) == ("all", ROWS[:4], ())
    with pytest.raises(DatasetError) as caught:
        choose_rows(other, "validation", held_out)
    assert str(caught.value) == (
        "mine names no splits, and training has held out none of its rows; without --split all "
        "are measured"
    )


def test_splits_that_are_named_are_believed() -> None:
    splits = {"train": ROWS[:2], "validation": ROWS[2:4], "test": ROWS[4:]}
    dataset = Dataset("mine", ("anger", "joy"), splits)
    for split, name in ((None, "test"), ("train", "train"), ("validation", "validation")):
        assert chosen(dataset, split, HELD_OUT) == (name, splits[name], ())
    # But what training drew, where there were no validation rows, is not learned from.
    trained_on = Dataset("mine", ("anger", "joy"), {"train": ROWS[1:], "test": ROWS[:1]})
    assert chosen(trained_on, "validation", HELD_OUT) == ("validation", ROWS[4:], ())
    assert chosen(trained_on, None, HELD_OUT) == ("test", ROWS[:1], ())


def test_rows_that_training_has_not_learned_from() -> None:
    def unseen(dataset: Dataset, split: str | None, held_out: HeldOut | None) -> list[Example]:
        parted, name = choose_unseen_rows(dataset, split, held_out)
        return parted.split(name)

    assert unseen(NO_SPLITS, None, HELD_OUT) == ROWS[4:]
    assert unseen(NO_SPLITS, None, None) == ROWS
    other = replace(NO_SPLITS, splits={"train": ROWS[:4]})
    assert unseen(other, None, HELD_OUT) == ROWS[:4]
    splits = {"train": ROWS[:2], "validation": ROWS[2:4], "test": ROWS[4:]}
    named = Dataset("mine", ("anger", "joy"), splits)
    assert unseen(named, None, HELD_OUT) == ROWS[2:4]
    assert unseen(named, "test", HELD_OUT) == ROWS[4:]
    with pytest.raises(DatasetError) as caught:
        unseen(replace(named, splits={"train": ROWS}), None, None)
    assert str(caught.value) == "mine has no split 'validation'; it has train"
