"""Every example is tested once, by a model that was neither trained nor chosen by it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from model.datasets import Dataset, Example, load_dataset
from model.network.backend import start_keras
from model.training.training_config import FitConfig, TrainingConfig
from tests.support.fold_data import everything, text_config, texts, with_silent_speaker
from tests.support.tiny_corpora import own_training, write_own_data
from tests.support.tiny_models import save_tiny_checkpoint

start_keras()
import model.training.cross_validation  # noqa: E402
from model.training.cross_validation import CrossValidation, cross_validate  # noqa: E402
from model.training.fitting import read_history  # noqa: E402
from model.training.fold_by import FoldBy  # noqa: E402
from model.training.training_data import TrainingData  # noqa: E402

pytestmark = pytest.mark.usefixtures("eager_tensorflow")

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
    train, predict = model.training.cross_validation.train, model.training.cross_validation.predict

    def spied_train(config: TrainingConfig, data: TrainingData, *rest: Any) -> Any:
        run.trained_on.append(data)
        return train(config, data, *rest)

    def spied_predict(scorer: Any, dataset: Dataset, examples: Sequence[Example]) -> Any:
        run.asked.append(list(examples))
        run.answers.append(predict(scorer, dataset, examples))
        return run.answers[-1]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(model.training.cross_validation, "train", spied_train)
        patched.setattr(model.training.cross_validation, "predict", spied_predict)
        run.outcome = cross_validate(
            config,
            dataset,
            **settings,
            text_encoder=checkpoint,
            training=folder,
            log=run.lines.append,
        )
    return run


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_checkpoint(tmp_path_factory.mktemp("checkpoint")))


@pytest.fixture(scope="module")
def by_group(checkpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two folds by speaker that keep the last epoch; the largest group has nothing to read."""
    folder = tmp_path_factory.mktemp("group")
    dataset = with_silent_speaker(texts())
    return run_folds(
        dataset, text_config("last"), checkpoint, folder, n_folds=2, fold_by=FoldBy.GROUP
    )


@pytest.fixture(scope="module")
def at_random(checkpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two folds at random that keep the best epoch."""
    folder = tmp_path_factory.mktemp("random")
    config = replace(text_config("best"), validation_share=0.2)
    return run_folds(texts(), config, checkpoint, folder, n_folds=2, fold_by=FoldBy.RANDOM)


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
    return run_folds(
        dataset, config, checkpoint, folder / "training", n_folds=2, fold_by=FoldBy.RANDOM
    )


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
