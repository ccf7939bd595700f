"""PreprocessItems and ScoreEmotions: exact good and dead outputs."""

from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that, equal_to

from beam_jobs.items.elements import DeadLetter, Features, Item, Location
from beam_jobs.items.progress import Progress
from beam_jobs.scoring.preprocess import PreprocessItems
from beam_jobs.scoring.score_batches import ScoreEmotions, score_batch
from beam_jobs.scoring.scoring_model import ScoringModel, load_scorer
from model.errors import ArtifactError
from model.preprocessing.emotion_preprocessor import ModelInput
from model.scoring.artifact import Artifact
from model.scoring.engine import FLOAT32
from model.scoring.scorer import EmotionScorer
from schemas.dead_letters import Reason, Stage
from tests.support.clips import encode, speech_like
from tests.support.make_tiny_artifact import ONNX

SOURCE = Location("tweets.jsonl", 1)


@pytest.fixture(scope="module")
def scorer(tiny_artifact: Path) -> EmotionScorer:
    return EmotionScorer.load(tiny_artifact, ONNX)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "1.wav"
    path.write_bytes(encode(speech_like(1.0), 16_000, "wav"))
    return path


def model_of(artifact: Path) -> ScoringModel:
    return ScoringModel(str(artifact), Artifact.load(artifact).model_version, ONNX)


@pytest.mark.job
@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_preprocess_items(tiny_artifact: Path, clip: Path, batch_size: int) -> None:
    items = [
        Item("text", SOURCE, text="the rain"),
        Item("joined", SOURCE, clip=str(clip)),
        Item("rooted", SOURCE, text="sad", audio_uri="1.wav"),
        Item("empty", SOURCE, text=" \n"),
        Item("outside", SOURCE, text="x", audio_uri="/etc/passwd"),
        Item("gone", SOURCE, audio_uri="2.wav"),
    ]
    with TestPipeline(runner=FnApiRunner()) as root:
        outputs = (
            root
            | beam.Create(items)
            | PreprocessItems(model_of(tiny_artifact), (str(clip.parent),), batch_size)
        )
        good = (
            outputs.ok
            | beam.FlatMap(lambda batch: batch)
            | beam.Map(
                lambda features: (
                    features.item.item_id,
                    str(features.model_input.modality),
                    features.model_input.n_tokens,
                    features.model_input.clip_seconds,
                )
            )
        )
        assert_that(
            good,
            equal_to(
                [
                    ("text", "text", 2, None),
                    ("joined", "audio", 0, 1.0),
                    ("rooted", "text+audio", 1, 1.0),
                ]
            ),
            label="good",
        )
        stage = Stage.PREPROCESS
        assert_that(
            outputs.dead,
            equal_to(
                [
                    DeadLetter(
                        "empty",
                        stage,
                        Reason.EMPTY_TEXT,
                        "text ' \\n' is empty after cleaning; it needs a character",
                        "tweets.jsonl:1",
                        " \n",
                    ),
                    DeadLetter(
                        "outside",
                        stage,
                        Reason.CLIP_OUTSIDE_ROOTS,
                        "audio_uri '/etc/passwd' lies under no --audio-root",
                        "tweets.jsonl:1",
                        "x",
                    ),
                    DeadLetter(
                        "gone",
                        stage,
                        Reason.MISSING_CLIP,
                        "there is no file at '2.wav'",
                        "tweets.jsonl:1",
                        "2.wav",
                    ),
                ]
            ),
            label="dead",
        )


def poisoned(item_id: str) -> Features:
    """An item whose token the encoder does not know: the network fails on its batch."""
    return Features(Item(item_id, SOURCE, text="?"), ModelInput(windows=((2, 99_999, 3),)))


def test_one_bad_item_does_not_take_its_batch_along(scorer: EmotionScorer) -> None:
    good = [
        Features(Item(str(index), SOURCE), scorer.preprocess(text, None))
        for index, text in enumerate(["rain", "sad sad", "the train"])
    ]
    outcomes = score_batch([good[0], poisoned("bad"), *good[1:]], scorer)
    alone = scorer.score([features.model_input for features in good])
    assert isinstance(outcomes[1], DeadLetter)
    assert (outcomes[1].item_id, outcomes[1].reason) == ("bad", Reason.SCORING_FAILED)
    assert outcomes[1].message.startswith("the model failed: InvalidArgumentError: ")
    assert "/" not in outcomes[1].message
    for outcome, expected in zip([outcomes[0], *outcomes[2:]], alone, strict=True):
        np.testing.assert_allclose(outcome.scores.scores, expected.scores, atol=1e-5)


@pytest.mark.job
@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_score_emotions(
    tiny_artifact: Path, scorer: EmotionScorer, tmp_path: Path, batch_size: int
) -> None:
    texts = ["rain", "sad " * 50, "the train", "😂", "user http"]
    features = [
        Features(Item(str(index), SOURCE), scorer.preprocess(text, None))
        for index, text in enumerate(texts)
    ]
    expected = [
        (str(index), scores.scores.round(4).tolist())
        for index, scores in enumerate(scorer.score([one.model_input for one in features]))
    ]
    progress = Progress(str(tmp_path))
    items = [*features, poisoned("bad")]
    with TestPipeline(runner=FnApiRunner()) as root:
        outputs = (
            root
            | beam.Create([items[at : at + batch_size] for at in range(0, 6, batch_size)])
            | ScoreEmotions(model_of(tiny_artifact), progress)
        )
        scored = outputs.ok | "Scores" >> beam.Map(
            lambda one: (one.item.item_id, one.scores.scores.round(4).tolist())
        )
        assert_that(
            scored,
            equal_to(
                expected,
                equals_fn=lambda one, other: (
                    one[0] == other[0] and np.allclose(one[1], other[1], atol=2e-4)
                ),
            ),
            label="scores",
        )
        dead = outputs.dead | "Reasons" >> beam.Map(lambda one: (one.item_id, str(one.reason)))
        assert_that(dead, equal_to([("bad", "scoring_failed")]), label="dead")
    assert progress.done() == 6


@pytest.mark.parametrize("batch_size", [0, 4097])
def test_batch_size_is_checked_at_once(batch_size: int) -> None:
    with pytest.raises(ValueError, match=f"^batch_size is {batch_size}; it lies within 1 and 4096"):
        PreprocessItems(ScoringModel("default", "", FLOAT32), batch_size=batch_size)


def test_a_model_that_was_replaced_since_the_start_is_refused(tiny_artifact: Path) -> None:
    with pytest.raises(ArtifactError, match="; the job was started with 0123"):
        load_scorer(ScoringModel(str(tiny_artifact), "0123", FLOAT32))
