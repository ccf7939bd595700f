"""Evaluation equals the scorer called directly; folds never test on a speaker of their training."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import model.evaluation
from model.backend import start_keras
from model.datasets import Dataset, Example, load_dataset
from model.errors import ConfigError, DatasetError
from model.evaluation import (
    evaluate_folds,
    evaluate_model,
    evaluate_predictions,
    write_metrics,
)
from model.metrics import compute_metrics, official_score
from model.scorer import EmotionScorer
from model.training_config import FitConfig, TrainingConfig
from tests.model.clips import encode, tone
from tests.model.tiny_corpora import WORD_OF, tiny_training, write_emodb, write_goemotions

start_keras()
import model.audio_training  # noqa: E402


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data")
    write_goemotions(path)
    write_emodb(path, copies=1)
    return path


@pytest.fixture(scope="module")
def scorer(tiny_artifact: Path) -> EmotionScorer:
    return EmotionScorer.load(tiny_artifact)


def scores_of(scorer: EmotionScorer, examples: Sequence[Example]) -> npt.NDArray[np.float32]:
    """Each example scored on its own."""
    return np.stack(
        [
            scorer.score(
                [scorer.preprocess(example.text, example.read_clip() if example.clip else None)]
            )[0].scores
            for example in examples
        ]
    )


def test_metrics_of_texts_equal_those_of_scores(scorer: EmotionScorer, data_dir: Path) -> None:
    dataset = load_dataset("goemotions-ekman", data_dir)
    examples = dataset.split("test")
    scores = scores_of(scorer, examples)
    labels = np.array([list(WORD_OF).index(example.emotion) for example in examples])
    expected = compute_metrics(labels, scores.argmax(axis=1), dataset.emotions, scores)
    ours = evaluate_model(scorer, dataset, "test")
    assert ours.ece == pytest.approx(expected.ece, abs=1e-5)
    assert replace(ours, ece=None) == replace(expected, ece=None)


def test_chunks_leave_no_trace(
    scorer: EmotionScorer, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = load_dataset("goemotions-ekman", data_dir)
    whole = evaluate_model(scorer, dataset, "validation")
    monkeypatch.setattr(model.evaluation, "CHUNK", 5)
    assert evaluate_model(scorer, dataset, "validation").confusion == whole.confusion


def test_classes_that_the_data_set_has_not_are_wrong_answers(
    scorer: EmotionScorer, data_dir: Path
) -> None:
    """EmoDB has no surprise, and its classes may stand in any order."""
    read = load_dataset("emodb", data_dir)
    emotions = tuple(reversed(read.emotions))
    dataset = Dataset("emodb", emotions, read.splits)
    examples = dataset.split("train")
    told = [scorer.emotions[index] for index in scores_of(scorer, examples).argmax(axis=1)]
    confusion = np.zeros((6, 7), int)
    for example, emotion in zip(examples, told, strict=True):
        column = emotions.index(emotion) if emotion in emotions else 6
        confusion[emotions.index(example.emotion), column] += 1
    metrics = evaluate_model(scorer, dataset, "train")
    assert metrics.confusion == confusion.tolist()
    assert list(metrics.per_class) == list(emotions)


def test_an_item_of_both_modalities_is_scored_by_the_fused_head(
    scorer: EmotionScorer, data_dir: Path
) -> None:
    clip = load_dataset("emodb", data_dir).split("test")[0].clip
    examples = [Example(emotion, text=word, clip=clip) for emotion, word in WORD_OF.items()]
    dataset = Dataset("both", tuple(WORD_OF), {"test": examples})
    told = scores_of(scorer, examples).argmax(axis=1)
    confusion = np.zeros((7, 8), int)
    confusion[np.arange(7), told] = 1
    assert evaluate_model(scorer, dataset, "test").confusion == confusion.tolist()


def test_a_class_that_the_model_does_not_know(scorer: EmotionScorer) -> None:
    dataset = Dataset("made", ("joy", "envy"), {"test": [Example("joy", text="rain")]})
    with pytest.raises(DatasetError) as caught:
        evaluate_model(scorer, dataset, "test")
    assert str(caught.value) == (
        "made has the class 'envy'; the model tells "
        "anger, disgust, fear, joy, neutral, sadness, surprise apart"
    )


def test_examples_that_cannot_be_scored_are_named(scorer: EmotionScorer, tmp_path: Path) -> None:
    empty = Dataset("made", ("joy", "anger"), {"test": [Example("joy", text=" \t")]})
    with pytest.raises(DatasetError, match=r"^' \\t': text .* is empty after cleaning"):
        evaluate_model(scorer, empty, "test")
    clip = tmp_path / "noise.wav"
    clip.write_bytes(b"noise")
    damaged = Dataset("made", ("joy", "anger"), {"test": [Example("joy", clip=clip)]})
    with pytest.raises(DatasetError, match=rf"^{clip}: "):
        evaluate_model(scorer, damaged, "test")


# Folds


def fold_config(**fit: object) -> TrainingConfig:
    config = tiny_training()
    assert config.audio is not None
    fields: dict[str, object] = {"epochs": 1, "batch_size": 8, "keep": "last"}
    return replace(
        config,
        audio=replace(config.audio, speeds=(1.0,), mixup=0.0, fit=FitConfig(**(fields | fit))),  # type: ignore[arg-type]
    )


@pytest.mark.slow
def test_each_clip_is_tested_once_by_a_model_that_never_heard_its_speaker(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folds: list[Dataset] = []
    answers = []
    predict = model.audio_training.predict_held_out

    def spy(config: TrainingConfig, fold: Dataset) -> npt.NDArray[np.float32]:
        assert config.emotions == fold.emotions
        assert config.text is config.fusion is None
        folds.append(fold)
        answers.append(predict(config, fold))
        return answers[-1]

    monkeypatch.setattr(model.audio_training, "predict_held_out", spy)
    dataset = load_dataset("emodb", data_dir)
    lines: list[str] = []
    metrics = evaluate_folds(fold_config(), dataset, 2, lines.append)

    everything = [example for split in dataset.splits.values() for example in split]
    for fold in folds:
        train, test = fold.split("train"), fold.split("test")
        assert {example.group for example in train}.isdisjoint(example.group for example in test)
        assert len(train) + len(test) == len(everything)
    tested = [example for fold in folds for example in fold.split("test")]
    assert sorted(str(example.clip) for example in tested) == sorted(
        str(example.clip) for example in everything
    )

    probabilities = np.concatenate(answers)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    labels = np.array([dataset.emotions.index(example.emotion) for example in tested])
    right = probabilities.argmax(axis=1) == labels
    assert metrics.n == len(everything) == 24
    assert metrics.accuracy == pytest.approx(right.mean())
    assert metrics.ece is not None

    assert [line.partition(":")[0] for line in lines] == [
        "fold 1 of 2 (tested on 03, 09)",
        "fold 2 of 2 (tested on 08, 10)",
    ]
    assert f"n 12, accuracy {right[:12].mean():.3f}, " in lines[0]
    assert f"n 12, accuracy {right[12:].mean():.3f}, " in lines[1]


def test_folds_need_an_audio_part(data_dir: Path) -> None:
    config = tiny_training(audio=None, fusion=None)
    with pytest.raises(ConfigError, match=r"^tiny has no \[audio\] table; folds train that part$"):
        evaluate_folds(config, load_dataset("emodb", data_dir), 2)


def test_folds_have_no_clips_to_choose_an_epoch_by(data_dir: Path) -> None:
    with pytest.raises(ConfigError, match=r"^tiny: audio\.fit\.keep is 'best'; folds have no"):
        evaluate_folds(fold_config(keep="best"), load_dataset("emodb", data_dir), 2)


def test_more_folds_than_speakers(data_dir: Path) -> None:
    with pytest.raises(DatasetError, match=r"^emodb has 4 groups; 5 folds need as many$"):
        evaluate_folds(fold_config(), load_dataset("emodb", data_dir), 5)


def test_a_damaged_clip_of_a_fold_is_named(tmp_path: Path) -> None:
    clip = write_emodb(tmp_path, copies=1) / "wav" / "08a01Wa.wav"
    clip.write_bytes(encode(tone(0.5), 16_000, "wav")[:50])
    with pytest.raises(DatasetError, match=rf"^{clip}: "):
        evaluate_folds(fold_config(), load_dataset("emodb", tmp_path), 2)


def test_metrics_are_written_as_json(scorer: EmotionScorer, data_dir: Path, tmp_path: Path) -> None:
    metrics = evaluate_model(scorer, load_dataset("goemotions-ekman", data_dir), "test")
    out = tmp_path / "new" / "out"
    write_metrics(out, {"dataset": "goemotions-ekman"} | metrics.as_dict())
    read = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert list(read) == [
        "dataset",
        "n",
        "accuracy",
        "mean_class_recall",
        "macro_f1",
        "weighted_f1",
        "ece",
        "per_class",
        "ci95",
        "confusion",
    ]
    assert read["n"] == 28
    assert read["accuracy"] == metrics.accuracy
    assert read["ci95"]["macro_f1"] == list(metrics.ci95["macro_f1"])


def irony_dataset() -> Dataset:
    examples = [Example(name) for name in ("irony", "non_irony", "irony", "non_irony")]
    return Dataset("tweeteval/irony", ("non_irony", "irony"), {"test": examples})


def test_anyones_predictions(tmp_path: Path) -> None:
    path = tmp_path / "irony.txt"
    path.write_text("1\n0\n0\n1\n")
    metrics = evaluate_predictions(path, irony_dataset(), "test")
    assert metrics.accuracy == 0.5
    assert metrics.ece is None
    assert metrics.confusion == [[1, 1, 0], [1, 1, 0]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1\n0\n", "has 2 lines; tweeteval/irony, test, has 4 examples"),
        ("1\n0\n2\n0\n", r"irony\.txt:3 is '2'; label indices are 0 to 1"),
        ("1\n0\nirony\n0\n", r"irony\.txt:3 is 'irony'"),
    ],
)
def test_predictions_that_do_not_fit(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "irony.txt"
    path.write_text(content)
    with pytest.raises(DatasetError, match=message):
        evaluate_predictions(path, irony_dataset(), "test")


@pytest.mark.parametrize(
    ("dataset", "classes", "expected"),
    [
        ("tweeteval/irony", ("non_irony", "irony"), 2 / 3),
        ("tweeteval/emotion", ("anger", "joy"), (2 / 3 + 2 / 3) / 2),
        ("tweeteval/sentiment", ("negative", "positive"), (1.0 + 0.5) / 2),
        ("tweeteval/stance", ("none", "against", "favor"), (2 / 3 + 0) / 2),
        ("meld", ("anger", "joy"), None),
    ],
)
def test_official_scores(dataset: str, classes: tuple[str, ...], expected: float | None) -> None:
    labels, predictions = np.array([0, 1, 1]), np.array([0, 1, 0])
    score = official_score(dataset, compute_metrics(labels, predictions, classes))
    assert score == (None if expected is None else pytest.approx(expected))
