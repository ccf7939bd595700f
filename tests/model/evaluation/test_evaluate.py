"""Evaluation equals the scorer called directly, head by head and part by part."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import model.evaluation.evaluate
from model.datasets import Dataset, Example, load_dataset
from model.errors import DatasetError
from model.evaluation.evaluate import Evaluation, evaluate_model, evaluate_predictions
from model.evaluation.metrics import compute_metrics
from model.scoring.engine import FLOAT32
from model.scoring.scorer import EmotionScorer
from tests.support.make_tiny_artifact import OPENVINO
from tests.support.tiny_corpora import WORD_OF, write_emodb, write_goemotions
from tests.support.tiny_models import save_tiny_artifact


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data")
    write_goemotions(path)
    write_emodb(path, copies=1)
    return path


@pytest.fixture(scope="module")
def scorer(tiny_artifact: Path) -> EmotionScorer:
    return EmotionScorer.load(tiny_artifact, OPENVINO)


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
    evaluation = evaluate_model(scorer, dataset, "test")
    ours = evaluation.metrics
    assert ours.ece == pytest.approx(expected.ece, abs=1e-5)
    # Confidences differ in their last bits by batch: the coverage's thresholds are among them.
    without = {"ece": None, "coverage": None}
    assert replace(ours, **without) == replace(expected, **without)
    assert evaluation.class_names == dataset.emotions
    assert evaluation.labels.tolist() == labels.tolist()
    assert evaluation.predictions.tolist() == scores.argmax(axis=1).tolist()
    np.testing.assert_allclose(evaluation.probabilities, scores, atol=1e-5)


def test_chunks_leave_no_trace(
    scorer: EmotionScorer, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = load_dataset("goemotions-ekman", data_dir)
    whole = evaluate_model(scorer, dataset, "validation").metrics
    monkeypatch.setattr(model.evaluation.evaluate, "CHUNK", 5)
    chunked = evaluate_model(scorer, dataset, "validation").metrics
    assert chunked.confusion == whole.confusion


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
    metrics = evaluate_model(scorer, dataset, "train").metrics
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
    evaluation = evaluate_model(scorer, dataset, "test")
    assert evaluation.metrics.confusion == confusion.tolist()


def test_a_class_that_the_model_does_not_know(scorer: EmotionScorer) -> None:
    dataset = Dataset("made", ("joy", "envy"), {"test": [Example("joy", text="rain")]})
    with pytest.raises(DatasetError) as caught:
        evaluate_model(scorer, dataset, "test")
    assert str(caught.value) == (
        "made has the class 'envy'; the model tells "
        "anger, disgust, fear, joy, neutral, sadness, surprise apart"
    )


def test_a_clip_that_cannot_be_scored_is_named(scorer: EmotionScorer, tmp_path: Path) -> None:
    clip = tmp_path / "noise.wav"
    clip.write_bytes(b"noise")
    damaged = Dataset("made", ("joy", "anger"), {"test": [Example("joy", clip=clip)]})
    with pytest.raises(DatasetError, match=rf"^{clip}: "):
        evaluate_model(scorer, damaged, "test")


def test_texts_that_are_empty_after_cleaning_are_left_out(
    scorer: EmotionScorer, data_dir: Path
) -> None:
    clip = load_dataset("emodb", data_dir).split("test")[0].clip
    examples = [
        Example("joy", text=" \t"),
        Example("anger", text="rain"),
        Example("joy", text="&nbsp;", clip=clip),
        Example("joy", text="happy"),
    ]
    dataset = Dataset("made", ("joy", "anger"), {"test": examples})
    evaluation = evaluate_model(scorer, dataset, "test")
    assert evaluation.metrics.n == 3
    assert evaluation.labels.tolist() == [1, 0, 0]
    kept = evaluate_model(scorer, replace(dataset, splits={"test": examples[1:]}), "test")
    np.testing.assert_array_equal(evaluation.predictions, kept.predictions)


@pytest.mark.tensorflow
@pytest.mark.parametrize(("kind", "n_scored"), [("text", 2), ("audio", 3)])
def test_a_model_of_one_modality_is_asked_what_it_can_read(
    data_dir: Path, tmp_path: Path, kind: str, n_scored: int
) -> None:
    artifact = save_tiny_artifact(tmp_path, text=kind == "text", audio=kind == "audio")
    scorer = EmotionScorer.load(artifact.path, FLOAT32)
    clip = load_dataset("emodb", data_dir).split("test")[0].clip
    examples = [
        Example("joy", text="happy"),
        Example("joy", clip=clip),
        Example("anger", text=" ", clip=clip),
        Example("anger", text="angry", clip=clip),
    ]
    dataset = Dataset("made", ("joy", "anger"), {"test": examples})
    assert evaluate_model(scorer, dataset, "test").metrics.n == n_scored
    other = [Example("joy", text="happy") if kind == "audio" else Example("joy", clip=clip)]
    with pytest.raises(DatasetError, match=r"^made, test, has nothing that the model can score$"):
        evaluate_model(scorer, replace(dataset, splits={"test": other}), "test")


# Heads and parts


@pytest.fixture(scope="module")
def mixed(data_dir: Path) -> Dataset:
    """Texts, clips, and both; two in three are of a part."""
    clip = load_dataset("emodb", data_dir).split("test")[0].clip
    examples = [
        Example(
            emotion,
            text=None if number % 3 == 1 else word,
            clip=None if number % 3 == 0 else clip,
            part=("", "one", "other")[number % 3],
        )
        for number, (emotion, word) in enumerate([*WORD_OF.items()] * 2)
    ]
    return Dataset("mixed", tuple(WORD_OF), {"test": examples})


@pytest.fixture(scope="module")
def measured(scorer: EmotionScorer, mixed: Dataset) -> Evaluation:
    return evaluate_model(scorer, mixed, "test")


@pytest.mark.parametrize(("head", "without"), [("text", {"clip": None}), ("audio", {"text": None})])
def test_heads_are_those_of_the_modality_alone(
    scorer: EmotionScorer, mixed: Dataset, measured: Evaluation, head: str, without: dict[str, None]
) -> None:
    alone = [
        replace(example, **without, part="")
        for example in mixed.split("test")
        if (example.text if head == "text" else example.clip)
    ]
    expected = evaluate_model(scorer, replace(mixed, splits={"test": alone}), "test").metrics
    ours = measured.by_head[head]
    assert ours.n == len(alone) < 14
    assert ours.confusion == expected.confusion
    assert ours.ece == pytest.approx(expected.ece, abs=1e-4)


def test_parts_are_the_models_own_choice_of_them(mixed: Dataset, measured: Evaluation) -> None:
    assert list(measured.by_part) == ["one", "other"]
    for part, metrics in measured.by_part.items():
        rows = [row for row, each in enumerate(mixed.split("test")) if each.part == part]
        right = measured.predictions[rows] == measured.labels[rows]
        assert metrics.n == len(rows)
        assert metrics.accuracy == pytest.approx(right.mean())
        assert metrics.ece is not None


def test_one_modality_has_no_heads_apart(scorer: EmotionScorer, data_dir: Path) -> None:
    evaluation = evaluate_model(scorer, load_dataset("emodb", data_dir), "test")
    assert evaluation.by_head == evaluation.by_part == {}


def test_the_time_of_an_item_is_measured(measured: Evaluation) -> None:
    assert measured.latency_ms is not None
    assert measured.batched_latency_ms is not None
    assert 0 < measured.latency_ms < 60_000
    assert 0 < measured.batched_latency_ms < 60_000
    read = measured.as_dict()
    assert read["latency_ms"] == measured.latency_ms
    assert read["by_head"].keys() == {"text", "audio"}
    assert read["by_part"]["one"]["n"] == measured.by_part["one"].n


# Anyone's predictions


def irony_dataset() -> Dataset:
    examples = [Example(name) for name in ("irony", "non_irony", "irony", "non_irony")]
    return Dataset("tweeteval/irony", ("non_irony", "irony"), {"test": examples})


def test_anyones_predictions(tmp_path: Path) -> None:
    path = tmp_path / "irony.txt"
    path.write_text("1\n0\n0\n1\n")
    evaluation = evaluate_predictions(path, irony_dataset(), "test")
    assert evaluation.metrics.accuracy == 0.5
    assert evaluation.metrics.official == 0.5
    assert evaluation.metrics.ece is None
    assert evaluation.metrics.confusion == [[1, 1, 0], [1, 1, 0]]
    assert evaluation.predictions.tolist() == [1, 0, 0, 1]
    assert evaluation.probabilities is evaluation.latency_ms is None


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
