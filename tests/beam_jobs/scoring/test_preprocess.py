"""PreprocessItems: exact good and dead outputs."""

from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that, equal_to

from beam_jobs.items.elements import DeadLetter, Item, Location
from beam_jobs.scoring.preprocess import PreprocessItems
from beam_jobs.scoring.scoring_model import ScoringModel
from model.scoring.artifact import Artifact
from model.scoring.engine import FLOAT32
from schemas.dead_letters import Reason, Stage
from tests.support.clips import encode, speech_like
from tests.support.make_tiny_artifact import OPENVINO

SOURCE = Location("tweets.jsonl", 1)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "1.wav"
    path.write_bytes(encode(speech_like(1.0), 16_000, "wav"))
    return path


def model_of(artifact: Path) -> ScoringModel:
    return ScoringModel(str(artifact), Artifact.load(artifact).model_version, OPENVINO)


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


@pytest.mark.parametrize("batch_size", [0, 4097])
def test_batch_size_is_checked_at_once(batch_size: int) -> None:
    with pytest.raises(ValueError, match=f"^batch_size is {batch_size}; it lies within 1 and 4096"):
        PreprocessItems(ScoringModel("default", "", FLOAT32), batch_size=batch_size)
