"""Each item in exactly one place: a label or a dead letter, whatever the corpus is."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_jobs.items.elements import DeadLetter, Features, Item, ScoredItem
from beam_jobs.reading.inputs import JobInputs
from beam_jobs.scoring.launch import score_corpus
from beam_jobs.scoring.preprocess import preprocess_batch
from beam_jobs.scoring.score_batches import score_batch
from model.scoring.scorer import EmotionScorer
from tests.support.clips import encode, speech_like
from tests.support.item_reading import read_without_beam
from tests.support.make_tiny_artifact import OPENVINO
from tests.support.scoring_runs import labels_by_id, read, request_for, write_items

ITEMS = st.fixed_dictionaries(
    {"id": st.sampled_from(["a", "b", "c", "d", None])},
    optional={
        "text": st.sampled_from(["rain", " ", "😂", 5, "sad"]),
        "audio_uri": st.sampled_from(["clip.wav", "gone.wav", "../x.wav"]),
        "created_at": st.sampled_from(["2026-11-14T00:00:00Z", "yesterday"]),
    },
)


def write_corpus(path: Path, records: list[dict[str, Any]], clips: set[str]) -> dict[str, Any]:
    """Writes a file of records, a clip that they may name, and clips of ids; returns the inputs."""
    write_items(path / "tweets.jsonl", records)
    clip = encode(speech_like(0.3), 16_000, "wav")
    (path / "clip.wav").write_bytes(clip)
    (path / "clips").mkdir()
    for name in clips:
        (path / "clips" / f"{name}.wav").write_bytes(clip)
    return {
        "items": (f"{path}/tweets.jsonl",),
        "clips": (f"{path}/clips/*",) if clips else (),
        "audio_roots": (str(path),),
    }


def score_without_beam(
    path: Path, scorer: EmotionScorer
) -> tuple[list[ScoredItem], list[DeadLetter]]:
    """The same functions as in the pipeline, called one after the other."""
    clips = tuple(sorted(str(clip) for clip in (path / "clips").iterdir()))
    inputs = JobInputs((f"{path}/tweets.jsonl",), clips, (str(path),))
    read = read_without_beam(inputs)
    items = [one for one in read if isinstance(one, Item)]
    features = preprocess_batch(items, scorer.preprocess, inputs.audio_roots)
    scored = score_batch([one for one in features if isinstance(one, Features)], scorer)
    outcomes = [*read, *features, *scored]
    return (
        [one for one in outcomes if isinstance(one, ScoredItem)],
        [one for one in outcomes if isinstance(one, DeadLetter)],
    )


@pytest.fixture(scope="module")
def scorer(tiny_artifact: Path) -> EmotionScorer:
    return EmotionScorer.load(tiny_artifact, OPENVINO)


@settings(max_examples=60, deadline=None)
@given(records=st.lists(ITEMS, max_size=8), clips=st.sets(st.sampled_from("abe"), max_size=3))
def test_every_item_ends_in_exactly_one_place(
    scorer: EmotionScorer, records: list[dict[str, Any]], clips: set[str]
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        write_corpus(Path(directory), records, clips)
        scored, letters = score_without_beam(Path(directory), scorer)
    labelled = [one.item.item_id for one in scored]
    lone_clips = clips - {record["id"] for record in records}
    assert len(set(labelled)) == len(labelled)
    assert len(labelled) + len(letters) == len(records) + len(lone_clips)
    assert lone_clips <= set(labelled)


RAIN, SPOKEN = {"text": "rain"}, {"audio_uri": "clip.wav"}


@pytest.mark.parametrize(
    ("records", "clips"),
    [
        ([], set()),
        ([], {"a", "e"}),
        ([{"id": "a", "text": " "}, {"id": "a", **RAIN}, {"id": None, **RAIN}], {"a", "b"}),
        (
            [
                {"id": "a", **RAIN, **SPOKEN},
                {"id": "b", "text": "😂", "audio_uri": "gone.wav"},
                {"id": "c", "text": 5, "audio_uri": "../x.wav"},
                {"id": "d", **SPOKEN, "created_at": "yesterday"},
                {"id": "b", "text": "sad"},
                {"id": "d", **SPOKEN},
            ],
            {"a", "e"},
        ),
    ],
)
def test_a_job_ends_where_its_functions_do(
    tiny_artifact: Path,
    scorer: EmotionScorer,
    tmp_path: Path,
    records: list[dict[str, Any]],
    clips: set[str],
) -> None:
    inputs = write_corpus(tmp_path, records, clips)
    expected, expected_letters = score_without_beam(tmp_path, scorer)
    score_corpus(request_for(tmp_path / "out", tiny_artifact, **inputs))
    labels = labels_by_id(tmp_path / "out")
    assert labels.keys() == {one.item.item_id for one in expected}
    for one in expected:
        label = labels[one.item.item_id]
        assert label["modality"] == str(one.scores.modality)
        np.testing.assert_allclose(list(label["scores"].values()), one.scores.scores, atol=1e-5)
    letters = read(tmp_path / "out", "dead_letters").to_pylist()
    columns = ("item_id", "stage", "reason", "message", "source", "payload")
    assert sorted(tuple(str(row[name]) for name in columns) for row in letters) == sorted(
        tuple(str(getattr(one, name)) for name in columns) for one in expected_letters
    )
