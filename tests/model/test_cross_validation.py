"""Every example is tested once, by a model that was neither trained nor chosen by it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from model.backend import start_keras
from model.datasets import Dataset, Example, load_dataset
from model.errors import ConfigError, DatasetError
from model.training_config import FitConfig, TrainingConfig
from tests.model.clips import encode, tone
from tests.model.tiny_corpora import SPOKEN, WORD_OF, own_training, write_own_data
from tests.model.tiny_models import save_tiny_checkpoint

start_keras()
import model.cross_validation  # noqa: E402
from model.cross_validation import CrossValidation, FoldBy, cross_validate, fold_examples  # noqa: E402
from model.fitting import read_history  # noqa: E402
from model.training_data import TrainingData  # noqa: E402

FloatArray = npt.NDArray[np.float32]


@dataclass
class Run:
    """A cross-validation, and what each fold's model was trained on and asked."""

    outcome: CrossValidation
    dataset: Dataset
    trained_on: list[TrainingData]
    asked: list[list[Example]]
    answers: list[dict[str, FloatArray]]
    lines: list[str]


def run_folds(
    dataset: Dataset, config: TrainingConfig, checkpoint: str, folder: Path, **settings: Any
) -> Run:
    run = Run(None, dataset, [], [], [], [])  # type: ignore[arg-type]
    train, predict = model.cross_validation.train, model.cross_validation.predict

    def spied_train(config: TrainingConfig, data: TrainingData, *rest: Any) -> Any:
        run.trained_on.append(data)
        return train(config, data, *rest)

    def spied_predict(scorer: Any, dataset: Dataset, examples: Sequence[Example]) -> Any:
        run.asked.append(list(examples))
        run.answers.append(predict(scorer, dataset, examples))
        return run.answers[-1]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(model.cross_validation, "train", spied_train)
        patched.setattr(model.cross_validation, "predict", spied_predict)
        run.outcome = cross_validate(
            config,
            dataset,
            **settings,
            text_encoder=checkpoint,
            training=folder,
            tell=run.lines.append,
        )
    return run


def text_config(keep: str) -> TrainingConfig:
    """A text part of one epoch; the config has an audio part of another data set, too."""
    config = own_training()
    assert config.text is not None
    assert config.audio is not None
    assert config.fusion is not None
    fit = FitConfig(epochs=1, batch_size=8, learning_rate=0.005, keep=keep)  # type: ignore[arg-type]
    return replace(
        config,
        text=replace(config.text, fit=fit),
        audio=replace(config.audio, dataset="emodb"),
        fusion=replace(config.fusion, fit=FitConfig(epochs=1, keep="last")),
    )


def texts(n_examples: int = 36) -> Dataset:
    """Texts of three classes, one twice as frequent, of six speakers; two have nothing to read."""
    emotions = ["anger", "joy", "sadness", "joy"]
    examples = [
        Example(
            emotions[number % 4],
            text=f"{WORD_OF[emotions[number % 4]]} {number}",
            group=f"speaker{number % 6}",
            part="scripted" if number % 3 else "improvised",
        )
        for number in range(n_examples)
    ]
    splits = {"train": examples[: n_examples // 2], "validation": [], "test": []}
    unread = [
        Example("joy", text=" \t", group="speaker0"),
        Example("joy", clip=Path("unread.wav"), group="speaker0"),
    ]
    splits["test"] = [*examples[n_examples // 2 :], *unread]
    return Dataset("manifest", tuple(SPOKEN), splits)


def with_silent_speaker(dataset: Dataset) -> Dataset:
    """The data set with as many examples again of a speaker whose texts cannot be seen."""
    silent = [Example("joy", text="\u200b", group="silent")] * len(dataset.examples())
    return replace(dataset, splits=dataset.splits | {"train": [*dataset.split("train"), *silent]})


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_checkpoint(tmp_path_factory.mktemp("checkpoint")))


@pytest.fixture(scope="module")
def by_group(checkpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two folds by speaker that keep the last epoch; the largest group has nothing to read."""
    folder = tmp_path_factory.mktemp("group")
    dataset = with_silent_speaker(texts())
    return run_folds(dataset, text_config("last"), checkpoint, folder, n_folds=2, fold_by="group")


@pytest.fixture(scope="module")
def at_random(checkpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two folds at random that keep the best epoch."""
    folder = tmp_path_factory.mktemp("random")
    config = replace(text_config("best"), validation_share=0.2)
    return run_folds(texts(), config, checkpoint, folder, n_folds=2, fold_by="random")


@pytest.fixture(scope="module")
def paired(checkpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two folds of texts and clips, of which some examples have one only.

    The fused head alone keeps its best epoch.
    """
    folder = tmp_path_factory.mktemp("paired")
    config = own_training()
    assert config.text is not None
    assert config.audio is not None
    assert config.fusion is not None
    fit = FitConfig(epochs=1, batch_size=8)
    config = replace(
        config,
        text=replace(config.text, fit=replace(fit, keep="last")),
        audio=replace(config.audio, fit=replace(fit, keep="last")),
        fusion=replace(config.fusion, fit=fit),
        validation_share=0.2,
    )
    table = write_own_data(folder / "own", sizes={"train": 8, "validation": 4, "test": 4})
    dataset = load_dataset("manifest", table)
    return run_folds(dataset, config, checkpoint, folder / "training", n_folds=2, fold_by="random")


def everything(dataset: Dataset) -> list[Example]:
    """The examples that hold anything for the config."""
    unread = Path("unread.wav")
    return [each for each in dataset.examples() if each.has_text or each.clip not in (None, unread)]


# What is tested by which model


@pytest.mark.parametrize("name", ["by_group", "at_random", "paired"])
def test_each_example_is_tested_once_by_a_model_that_never_saw_it(
    name: str, request: pytest.FixtureRequest
) -> None:
    run: Run = request.getfixturevalue(name)
    asked = [example for fold in run.asked for example in fold]
    assert sorted(map(repr, asked)) == sorted(map(repr, everything(run.dataset)))
    for data, tested in zip(run.trained_on, run.asked, strict=True):
        for dataset in (data.text, data.audio):
            for split in ("train", "validation"):
                seen = dataset.splits[split] if dataset else []
                assert not {repr(each) for each in seen} & {repr(each) for each in tested}


@pytest.mark.parametrize("name", ["by_group", "at_random"])
def test_the_evaluation_is_of_these_answers(name: str, request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(name)
    answer_of = {
        repr(example): row
        for fold, answers in zip(run.asked, run.answers, strict=True)
        for example, row in zip(fold, answers[""], strict=True)
    }
    examples = everything(run.dataset)
    evaluation = run.outcome.evaluation
    expected = np.stack([answer_of[repr(example)] for example in examples])
    np.testing.assert_array_equal(evaluation.probabilities, expected)
    assert evaluation.predictions.tolist() == expected.argmax(axis=1).tolist()
    assert [run.dataset.emotions[label] for label in evaluation.labels] == [
        example.emotion for example in examples
    ]
    assert evaluation.metrics.n == 36
    assert evaluation.latency_ms is not None
    assert evaluation.latency_ms > 0
    assert evaluation.batched_latency_ms is None


def test_parts_are_measured_apart(by_group: Run) -> None:
    evaluation = by_group.outcome.evaluation
    assert {part: metrics.n for part, metrics in evaluation.by_part.items()} == {
        "improvised": 12,
        "scripted": 24,
    }
    scripted = np.array([each.part == "scripted" for each in everything(by_group.dataset)])
    right = evaluation.predictions == evaluation.labels
    assert evaluation.by_part["scripted"].accuracy == pytest.approx(right[scripted].mean())


def test_a_config_learns_by_the_part_of_the_data_set_alone(by_group: Run) -> None:
    assert all(data.audio is None for data in by_group.trained_on)
    assert [list(fold.parts) for fold in by_group.outcome.folds] == [["text"], ["text"]]
    assert by_group.outcome.evaluation.by_head == {}


def test_each_fold_is_told(by_group: Run) -> None:
    right = by_group.outcome.evaluation.metrics.accuracy * 36
    accuracies = []
    left_out, *lines = by_group.lines
    assert left_out == "manifest: left out, with nothing that own learns from: 40"
    for line, number, names in zip(
        lines,
        (1, 2),
        ("speaker0, speaker2, speaker4", "speaker1, speaker3, speaker5"),
        strict=True,
    ):
        assert line.startswith(f"fold {number} of 2 (tested on {names}): n 18, accuracy ")
        accuracies.append(float(line.split("accuracy ")[1].split(",")[0]))
    assert sum(accuracies) * 18 == pytest.approx(right, abs=0.05)


def test_speakers_are_never_on_both_sides(by_group: Run) -> None:
    for data, tested in zip(by_group.trained_on, by_group.asked, strict=True):
        assert data.text is not None
        trained = {example.group for example in data.text.examples() if example not in tested}
        assert trained.isdisjoint(example.group for example in tested)
        assert len(trained) == 3


# What an epoch is chosen by


def test_the_best_epoch_is_chosen_by_a_share_of_the_training_examples(at_random: Run) -> None:
    for data, tested in zip(at_random.trained_on, at_random.asked, strict=True):
        assert data.text is not None
        train, validation = data.text.split("train"), data.text.split("validation")
        # A fifth, rounded up, of the 18 that are not tested.
        assert (len(train), len(validation), len(tested)) == (14, 4, 18)
        assert set(data.text.counts("validation").values()) == {1, 2}
        parted = sorted(map(repr, [*train, *validation, *tested]))
        assert parted == sorted(map(repr, everything(at_random.dataset)))
    temperatures = [fold.artifact.temperatures["text"] for fold in at_random.outcome.folds]
    assert 1.0 not in temperatures


def test_nothing_is_held_out_where_the_last_epoch_is_kept(by_group: Run) -> None:
    for data in by_group.trained_on:
        assert data.text is not None
        assert len(data.text.split("train")) == 18
        assert data.text.splits["validation"] == []
    temperatures = [fold.artifact.temperatures for fold in by_group.outcome.folds]
    assert temperatures == [{"text": 1.0}, {"text": 1.0}]


# Both modalities


def test_heads_are_measured_on_the_examples_of_their_modality(paired: Run) -> None:
    evaluation = paired.outcome.evaluation
    examples = everything(paired.dataset)
    assert evaluation.metrics.n == len(examples) == 48
    for head, has in (
        ("text", [bool(example.text) for example in examples]),
        ("audio", [example.clip is not None for example in examples]),
    ):
        assert evaluation.by_head[head].n == sum(has) == 36
    for fold, answers in zip(paired.asked, paired.answers, strict=True):
        for head, lacks in (
            ("text", [not example.text for example in fold]),
            ("audio", [example.clip is None for example in fold]),
        ):
            assert np.isnan(answers[head]).all(axis=1).tolist() == lacks
            assert np.isnan(answers[head]).any(axis=1).tolist() == lacks
        assert not np.isnan(answers[""]).any()
        only_text = [example.clip is None for example in fold]
        np.testing.assert_array_equal(answers["text"][only_text], answers[""][only_text])


def test_every_part_of_a_paired_config_is_trained(paired: Run) -> None:
    assert [list(fold.parts) for fold in paired.outcome.folds] == [
        ["text", "audio", "text+audio"]
    ] * 2
    # Folds have folders of their own; their clips' features have one.
    folders = {folder for fold in paired.outcome.folds for folder in fold.parts.values()}
    assert len(folders) == 6
    assert paired.outcome.folds[0].artifact.temperatures.keys() == {"text", "audio", "text+audio"}


def test_the_fused_heads_best_epoch_is_chosen_by_examples_that_are_held_out(paired: Run) -> None:
    for data, fold in zip(paired.trained_on, paired.outcome.folds, strict=True):
        assert data.text is not None
        assert data.audio is not None
        held_out = data.pairs()[0].split("validation")
        assert all(example.text and example.clip for example in held_out)
        [epoch] = read_history(fold.parts["text+audio"])
        assert "val_macro_f1" in epoch
        for dataset in (data.text, data.audio):
            trained_on = [repr(example) for example in dataset.split("train")]
            assert not {repr(example) for example in held_out} & set(trained_on)


# Folds


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


# Mistakes


def test_a_config_without_a_part_for_the_data_set(tmp_path: Path) -> None:
    dataset = replace(texts(), name="meld")
    with pytest.raises(ConfigError, match=r"^own has no part that learns from meld$"):
        cross_validate(text_config("last"), dataset, 2, "group", None, tmp_path)


def test_more_folds_than_groups(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"^manifest has 6 groups; 7 folds need as many$"):
        cross_validate(text_config("last"), texts(), 7, "group", None, tmp_path)


def test_a_speaker_without_anything_to_use_is_no_group(tmp_path: Path) -> None:
    dataset = with_silent_speaker(texts())
    with pytest.raises(DatasetError, match=r"^manifest has 6 groups; 7 folds need as many$"):
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


@pytest.mark.parametrize("fold_by", ["group", "random"])
def test_nothing_to_learn_from(tmp_path: Path, fold_by: FoldBy) -> None:
    dataset = texts().only(lambda example: not example.has_text)
    with pytest.raises(DatasetError, match=r"^manifest has nothing that own learns from$"):
        cross_validate(text_config("last"), dataset, 2, fold_by, None, tmp_path)


def test_a_text_part_needs_an_encoder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^own has a \[text\] table: name a --text-encoder$"):
        cross_validate(text_config("last"), texts(), 2, "group", None, tmp_path)


def test_a_damaged_clip_is_named_before_the_first_fold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(model.cross_validation, "train")
    table = write_own_data(tmp_path / "own", ("audio",), {"train": 3})
    clip = table.parent / "train-joy-1.wav"
    clip.write_bytes(encode(tone(0.5), 16_000, "wav")[:50])
    config = replace(own_training(), text=None, fusion=None)
    dataset = load_dataset("manifest", table)
    with pytest.raises(DatasetError, match=rf"^{clip}: "):
        cross_validate(config, dataset, 3, "group", None, tmp_path / "training")
