"""A model that gives an item any number of emotions: its artifact, its scores and its labels."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score

from model.errors import ArtifactError, ConfigError
from model.scoring.artifact import CONFIG, Artifact
from model.scoring.calibration import (
    UNTUNED_THRESHOLD,
    fit_sigmoid_temperature,
    sigmoid,
    tune_thresholds,
)
from model.scoring.saving import write_config
from model.scoring.scorer import EmotionScorer
from model.scoring.scores import EmotionScores
from schemas.emotions import Modality
from schemas.labels import UNCERTAIN
from tests.support.multi_label_artifact import make_multi_label

HEADS = ("text", "audio", "text+audio")
THRESHOLDS = (0.2, 0.5, 0.45, 0.55, 0.5, 0.6, 0.4)
TEXTS = ["happy", "sad sad user", "the rain", "angry http", "no", "rain?"]


@pytest.fixture
def multi_label(tiny_artifact: Path, tmp_path: Path) -> Artifact:
    return make_multi_label(tiny_artifact, tmp_path / "multi_label", THRESHOLDS)


def test_a_single_label_artifact_is_as_it_was(tiny_artifact: Path) -> None:
    settings = json.loads((tiny_artifact / CONFIG).read_text(encoding="utf-8"))
    artifact = Artifact.load(tiny_artifact)
    assert artifact.model_version == settings["model_version"]
    assert artifact.config.problem_type == "single_label"
    assert artifact.thresholds == {}
    assert "thresholds" not in settings
    assert "problem_type" not in settings["classifier"]


def test_kind_and_thresholds_come_back_and_are_of_the_version(
    multi_label: Artifact, tiny_artifact: Path
) -> None:
    loaded = Artifact.load(multi_label.path)
    assert loaded.config.problem_type == "multi_label"
    assert loaded.thresholds == dict.fromkeys(HEADS, THRESHOLDS)
    others = dict.fromkeys(HEADS, (0.5, *THRESHOLDS[1:]))
    changed = write_config(replace(loaded, thresholds=others))
    versions = {loaded.model_version, changed.model_version}
    versions.add(Artifact.load(tiny_artifact).model_version)
    assert len(versions) == 3


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda settings: settings.pop("thresholds"),
            ArtifactError,
            r"thresholds are for \[\]; a model that is multi_label needs them for \['audio',",
        ),
        (
            lambda settings: settings["classifier"].pop("problem_type"),
            ArtifactError,
            "a model that is single_label needs them for ",
        ),
        (
            lambda settings: settings["thresholds"]["text"].pop(),
            ArtifactError,
            "the text head has 6 thresholds; it needs one for each of 7 emotions",
        ),
        (
            lambda settings: settings["thresholds"].update(text=[1.5, *THRESHOLDS[1:]]),
            ConfigError,
            r"text\.0 is 1\.5; it must be at most 1",
        ),
        (
            lambda settings: settings["thresholds"].update(text=[0.25, *THRESHOLDS[1:]]),
            ArtifactError,
            "its settings differ from its hash",
        ),
        (
            lambda settings: settings["classifier"].update(problem_type="regression"),
            ConfigError,
            "problem_type: .*'multi_label'",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    multi_label: Artifact,
    change: Callable[[dict[str, Any]], None],
    error: type[Exception],
    message: str,
) -> None:
    settings = json.loads((multi_label.path / CONFIG).read_text(encoding="utf-8"))
    change(settings)
    (multi_label.path / CONFIG).write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(error, match=message):
        Artifact.load(multi_label.path)


def test_a_score_is_the_sigmoid_of_the_logit_by_the_temperature(multi_label: Artifact) -> None:
    scorer = EmotionScorer.load(multi_label.path)
    inputs = [scorer.preprocess(text, None) for text in TEXTS]
    logits = np.stack([each["text"] for each in scorer.logits(inputs)])
    expected = 1 / (1 + np.exp(-logits.astype(np.float64) / multi_label.temperatures["text"]))
    scores = scorer.score(inputs)
    np.testing.assert_allclose([each.scores for each in scores], expected, atol=1e-6)
    for each, probabilities in zip(scores, expected, strict=True):
        applying = np.flatnonzero(probabilities >= THRESHOLDS)
        assert each.applying == tuple(applying[np.argsort(-probabilities[applying])])


def test_an_emotion_applies_from_its_threshold_on() -> None:
    scores = np.array([0.5, 0.25, 0.75], np.float32)
    for thresholds, emotions in (
        ((0.5, 0.25, 0.75), ["sadness", "anger", "joy"]),
        ((0.5, np.nextafter(0.25, 1), 0.8), ["anger"]),
        ((0.6, 0.6, 0.8), []),
    ):
        label = EmotionScores(Modality.TEXT, scores, thresholds=thresholds).to_label(
            ["anger", "joy", "sadness"]
        )
        assert (label["emotion"], label["emotions"]) == ("sadness", emotions)


def test_what_is_uncertain_has_no_emotions() -> None:
    scores = EmotionScores(
        Modality.TEXT, np.array([0.5, 0.25], np.float32), thresholds=(0.25, 0.25)
    )
    label = scores.to_label(["anger", "joy"], 0.75)
    assert (label["emotion"], label["emotions"]) == (UNCERTAIN, [])
    assert scores.to_label(["anger", "joy"], 0.5)["emotions"] == ["anger", "joy"]


def test_text_and_audio_disagree_by_the_emotion_that_they_are_furthest_apart_of() -> None:
    text, audio = np.array([1, 1, 0.25], np.float32), np.array([0.25, 0, 0.25], np.float32)
    thresholds = (0.5, 0.5, 0.5)
    scores = EmotionScores(Modality.TEXT_AUDIO, text, text, audio, thresholds)
    assert scores.disagreement == 1.0


def test_the_temperature_is_the_likeliest() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 3)) * 2
    targets = (rng.random(logits.shape) < sigmoid(logits)).astype(np.float32)
    assert fit_sigmoid_temperature(logits, targets) == pytest.approx(1, abs=0.1)
    assert fit_sigmoid_temperature(logits * 3, targets) == pytest.approx(3, abs=0.3)


def test_thresholds_give_each_class_its_best_f1() -> None:
    rng = np.random.default_rng(1)
    targets = rng.random((500, 3)) < (0.5, 0.1, 0.02)
    probabilities = np.clip(0.3 * targets + rng.random((500, 3)) * 0.6, 0, 1)
    tuned = tune_thresholds(probabilities, targets)
    for column, threshold in enumerate(tuned):
        of_class, truth = probabilities[:, column], targets[:, column]
        best = max(f1_score(truth, of_class >= each) for each in of_class)
        assert f1_score(truth, of_class >= threshold) == pytest.approx(best)
        # Halfway between two items, and not on one.
        assert np.abs(of_class - threshold).min() > 1e-7


def test_a_class_that_no_item_has_keeps_the_threshold_that_was_not_tuned() -> None:
    probabilities = np.array([[0.9, 0.2], [0.1, 0.3]])
    assert tune_thresholds(probabilities, np.array([[1, 0], [0, 0]])) == (0.5, UNTUNED_THRESHOLD)


def test_items_of_one_probability_are_not_told_apart() -> None:
    probabilities = np.array([[0.75], [0.75], [0.25]])
    assert tune_thresholds(probabilities, np.array([[1], [0], [0]])) == (0.5,)


def test_emotions_to_choose_from_keep_their_thresholds(multi_label: Artifact) -> None:
    whole = EmotionScorer.load(multi_label.path)
    some = EmotionScorer.load(multi_label.path, among=("sadness", "anger"))
    assert some.emotions == ("anger", "sadness")
    places = [whole.emotions.index(emotion) for emotion in some.emotions]
    inputs = [whole.preprocess(text, None) for text in TEXTS]
    for each, every in zip(some.score(inputs), whole.score(inputs), strict=True):
        np.testing.assert_allclose(each.scores, every.scores[places], atol=1e-6)
        assert each.thresholds == tuple(THRESHOLDS[place] for place in places)
