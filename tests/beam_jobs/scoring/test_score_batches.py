"""ScoreEmotions: exact good and dead outputs."""

from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that, equal_to

from beam_jobs.items.elements import DeadLetter, Features, Item, Location
from beam_jobs.items.progress import Progress
from beam_jobs.scoring.score_batches import ScoreEmotions, score_batch
from beam_jobs.scoring.scoring_model import ScoringModel
from model.preprocessing.emotion_preprocessor import ModelInput
from model.scoring.artifact import Artifact
from model.scoring.engine import FLOAT32, EngineChoice
from model.scoring.scorer import EmotionScorer
from schemas.dead_letters import Reason
from tests.support.make_tiny_artifact import OPENVINO

SOURCE = Location("tweets.jsonl", 1)


@pytest.fixture(scope="module")
def scorer(tiny_artifact: Path) -> EmotionScorer:
    return EmotionScorer.load(tiny_artifact, OPENVINO)


def model_of(artifact: Path) -> ScoringModel:
    return ScoringModel(str(artifact), Artifact.load(artifact).model_version, OPENVINO)


def poisoned(item_id: str) -> Features:
    """An item whose image is of another size: the network fails on its batch."""
    image = np.zeros((1, 3, 3), np.uint8)
    return Features(Item(item_id, SOURCE), ModelInput(images=image, clip_seconds=1.0))


@pytest.mark.parametrize(
    ("choice", "error"),
    [
        (OPENVINO, "RuntimeError"),
        pytest.param(FLOAT32, "ValueError", marks=pytest.mark.tensorflow),
    ],
)
def test_one_bad_item_does_not_take_its_batch_along(
    tiny_artifact: Path, choice: EngineChoice, error: str
) -> None:
    scorer = EmotionScorer.load(tiny_artifact, choice)
    good = [
        Features(Item(str(index), SOURCE), scorer.preprocess(text, None))
        for index, text in enumerate(["rain", "sad sad", "the train"])
    ]
    outcomes = score_batch([good[0], poisoned("bad"), *good[1:]], scorer)
    alone = scorer.score([features.model_input for features in good])
    assert isinstance(outcomes[1], DeadLetter)
    assert (outcomes[1].item_id, outcomes[1].reason) == ("bad", Reason.SCORING_FAILED)
    assert outcomes[1].message.startswith(f"the model failed: {error}: ")
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
