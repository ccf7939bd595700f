"""What was held out is found again by its content, and nothing else is."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from model.datasets import Dataset, Example, load_dataset
from model.datasets.held_out import HeldOut
from tests.support.tiny_corpora import write_own_data

TEXTS = [Example(emotion, text=f"{emotion} {n}") for n in range(4) for emotion in ("joy", "anger")]


def dataset_of(examples: list[Example], **splits: list[Example]) -> Dataset:
    return Dataset("mine", ("anger", "joy"), {"train": examples, **splits})


def found(dataset: Dataset, held_out: HeldOut) -> tuple[list[Example], list[Example]]:
    parted = held_out.part(dataset)
    return parted.splits["train"], parted.splits["validation"]


def test_the_draw_of_training_is_found_in_the_file(tmp_path: Path) -> None:
    """Of texts, clips and both, in whichever order and kind of file the rows stand."""
    table = write_own_data(tmp_path, sizes={"train": 8, "test": 4})
    dataset = load_dataset("manifest", table)
    drawn = dataset.for_training("train", 0.25, seed=5)
    held_out = HeldOut.of(dataset, "train", drawn.splits["validation"])
    parted = held_out.part(dataset)
    for split in ("train", "validation"):
        assert sorted(map(repr, parted.splits[split])) == sorted(map(repr, drawn.splits[split]))
    assert parted.splits["test"] == dataset.splits["test"]
    # Turned round, with a row more, as another kind of file.
    rows = pd.read_csv(table, dtype=str, keep_default_na=False)[::-1]
    more = {"id": "x", "text": "one more", "label": "joy", "split": "train"}
    rows = pd.concat([rows, pd.DataFrame([more])]).fillna("")
    rows.to_json(tmp_path / "again.jsonl", orient="records", lines=True)
    again = held_out.part(load_dataset("manifest", tmp_path / "again.jsonl"))
    assert again.splits["validation"] == parted.splits["validation"][::-1]
    assert len(again.splits["train"]) == len(parted.splits["train"]) + 1


def test_rows_that_are_alike_are_as_many_as_were_drawn() -> None:
    """A text that stands thrice, and was drawn once, is learned from twice."""
    alike = [Example("joy", text="so good")] * 3
    held_out = HeldOut.of(dataset_of(alike), "train", alike[:1])
    assert found(dataset_of([*TEXTS, *alike]), held_out) == ([*TEXTS, *alike[1:]], alike[:1])


@pytest.mark.parametrize(
    "other",
    [Example("joy", text="so good!"), Example("anger", text="so good"), Example("joy", clip=None)],
    ids=["text", "label", "none"],
)
def test_a_row_that_was_changed_is_another(other: Example) -> None:
    held_out = HeldOut.of(dataset_of(TEXTS), "train", [Example("joy", text="so good")])
    assert found(dataset_of([other]), held_out) == ([other], [])


def test_a_clip_is_known_by_its_bytes(tmp_path: Path) -> None:
    one, same, other = (Example("joy", clip=tmp_path / name) for name in ("a", "b", "c"))
    for example, content in ((one, b"la"), (same, b"la"), (other, b"lo")):
        assert example.clip
        example.clip.write_bytes(content)
    held_out = HeldOut.of(dataset_of([one]), "train", [one])
    assert found(dataset_of([other, same]), held_out) == ([other], [same])
    # Training leaves out the clips that cannot be decoded, where some are known to be so.
    broken = replace(dataset_of([replace(one, text="so good")]), broken_clips=True)
    held_out = HeldOut.of(broken, "train", [Example("joy", text="so good")])
    assert found(broken, held_out) == ([], broken.splits["train"])


def test_a_data_set_that_names_validation_rows_is_believed() -> None:
    held_out = HeldOut.of(dataset_of(TEXTS), "train", TEXTS[:2])
    own = dataset_of(TEXTS, validation=TEXTS[3:4])
    assert held_out.part(own) is own


def test_what_was_drawn_from_the_validation_split_is_a_part_of_it() -> None:
    """Where the texts of `train` are missing, `train_split = "validation"` is trained on."""
    dataset = dataset_of([], validation=TEXTS)
    drawn = dataset.for_training("validation", 0.25, seed=1)
    held_out = HeldOut.of(dataset, "validation", drawn.splits["validation"])
    assert len(held_out.rows) == 2
    assert found(dataset, held_out)[1] == [
        each for each in TEXTS if each in drawn.splits["validation"]
    ]


def test_several_labels_of_a_row_are_its_content() -> None:
    """Of two rows of one text and one first label, the one that was drawn is found."""
    rows = [Example.of_several(labels, "oh") for labels in (["joy"], ["joy", "fear"])]
    dataset = replace(dataset_of(rows), problem_type="multi_label")
    assert found(dataset, HeldOut.of(dataset, "train", rows[1:])) == (rows[:1], rows[1:])
