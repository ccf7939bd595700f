"""How examples are parted into folds, and what is told before the first is trained."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from model.datasets import load_dataset
from model.errors import ConfigError, DatasetError
from model.network.backend import start_keras
from tests.support.clips import encode, tone
from tests.support.fold_data import everything, text_config, texts, with_silent_speaker
from tests.support.tiny_corpora import own_training, write_own_data

start_keras()
import model.training.cross_validation  # noqa: E402
from model.training.cross_validation import cross_validate, fold_examples  # noqa: E402
from model.training.fold_by import FoldBy  # noqa: E402


def test_groups_are_whole_and_all_tested() -> None:
    dataset = texts()
    examples = dataset.examples()
    folds, names = fold_examples(dataset, examples, 3, "group", seed=1)
    fold_of = {example.group: fold for example, fold in zip(examples, folds, strict=True)}
    assert [fold_of[example.group] for example in examples] == folds.tolist()
    assert names == [
        "tested on speaker0, speaker5",
        "tested on speaker1, speaker3",
        "tested on speaker2, speaker4",
    ]
    assert sorted(Counter(folds.tolist()).values()) == [12, 12, 14]


def test_random_folds_have_the_classes_shares() -> None:
    dataset = texts(40)
    examples = everything(dataset)
    folds, names = fold_examples(dataset, examples, 5, "random", seed=1)
    assert names == ["at random"] * 5
    for fold in range(5):
        inside = [each for each, own in zip(examples, folds, strict=True) if own == fold]
        counts = Counter(example.emotion for example in inside)
        assert counts == {"anger": 2, "joy": 4, "sadness": 2}
        # They know no speakers.
        assert len({example.group for example in inside}) > 1


def test_random_folds_repeat_from_the_seed() -> None:
    dataset = texts()
    examples = everything(dataset)
    one, again, other = (
        fold_examples(dataset, examples, 3, "random", seed)[0].tolist() for seed in (1, 1, 2)
    )
    assert one == again != other


def test_a_config_without_a_part_for_the_data_set(tmp_path: Path) -> None:
    dataset = replace(texts(), name="meld")
    with pytest.raises(ConfigError, match=r"^own has no part that learns from meld$"):
        cross_validate(text_config("last"), dataset, 2, "group", None, tmp_path)


def test_more_folds_than_groups(tmp_path: Path) -> None:
    with pytest.raises(
        DatasetError,
        match=r"^manifest has 6 groups \(speakers or sessions\); 7 folds need as many$",
    ):
        cross_validate(text_config("last"), texts(), 7, "group", None, tmp_path)


def test_a_speaker_without_anything_to_use_is_no_group(tmp_path: Path) -> None:
    dataset = with_silent_speaker(texts())
    with pytest.raises(
        DatasetError,
        match=r"^manifest has 6 groups \(speakers or sessions\); 7 folds need as many$",
    ):
        cross_validate(text_config("last"), dataset, 7, "group", None, tmp_path)


def test_more_random_folds_than_examples_of_a_class(tmp_path: Path) -> None:
    dataset = texts()
    rare = [each for each in everything(dataset) if each.emotion == "joy"][2:]
    dataset = dataset.only(lambda each: each not in rare)
    told = r"^manifest has 2 of 'joy'; 3 folds need as many of each class$"
    with pytest.raises(DatasetError, match=told):
        cross_validate(text_config("last"), dataset, 3, "random", None, tmp_path)


def test_a_fold_that_cannot_be_trained_on_is_told_before_the_first(tmp_path: Path) -> None:
    dataset = texts()
    rare = [each for each in everything(dataset) if each.emotion == "joy"][1:]
    dataset = dataset.only(lambda each: each not in rare)
    # Whatever fold tests it, others train on it alone; a checkpoint that is none comes later.
    told = r"^fold [12] \(tested on .*\): manifest has one example of 'joy' to train on"
    with pytest.raises(DatasetError, match=told):
        cross_validate(text_config("best"), dataset, 2, "group", "none", tmp_path)


@pytest.mark.parametrize("fold_by", FoldBy)
def test_nothing_to_learn_from(tmp_path: Path, fold_by: FoldBy) -> None:
    dataset = texts().only(lambda example: not example.has_text)
    with pytest.raises(DatasetError, match=r"^manifest has nothing that own learns from$"):
        cross_validate(text_config("last"), dataset, 2, fold_by, None, tmp_path)


def test_a_text_part_needs_an_encoder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^own has a \[text\] table: name a --text-encoder$"):
        cross_validate(text_config("last"), texts(), 2, "group", None, tmp_path)


def test_the_encoder_is_looked_for_before_clips_are_decoded(tmp_path: Path) -> None:
    table = write_own_data(tmp_path / "own", ("both",), {"train": 4})
    (table.parent / "train-joy-1.wav").write_bytes(b"no clip")
    dataset = load_dataset("manifest", table)
    config = own_training()
    config = replace(config, validation_share=0.5)
    with pytest.raises(ConfigError, match=r"^own has a \[text\] table: name a --text-encoder$"):
        cross_validate(config, dataset, 2, "random", None, tmp_path / "training")


def test_a_damaged_clip_is_named_before_the_first_fold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(model.training.cross_validation, "train")
    table = write_own_data(tmp_path / "own", ("audio",), {"train": 3})
    clip = table.parent / "train-joy-1.wav"
    clip.write_bytes(encode(tone(0.5), 16_000, "wav")[:50])
    config = replace(own_training(), text=None, fusion=None)
    dataset = load_dataset("manifest", table)
    with pytest.raises(DatasetError, match=rf"^{clip}: "):
        cross_validate(config, dataset, 3, "group", None, tmp_path / "training")
