"""ScoreItems: exact good and dead outputs, equal to the scorer called directly."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that, equal_to

from beam_jobs.items.elements import Item, Location
from beam_jobs.items.privacy import PUBLIC
from beam_jobs.runs.sorted_parquet import to_record_batch
from beam_jobs.scoring.score_items import ScoreItems
from model.errors import UserError
from model.preprocessing.language_detector import detect_language
from model.scoring.scorer import EmotionScorer
from schemas.dead_letters import DEAD_LETTER_SCHEMA
from schemas.labels import label_schema
from tests.support.clips import encode, speech_like

POSTED = datetime(2026, 11, 22, 9, tzinfo=UTC)
TEXTS = [
    "so happy today",
    "I miss her so much",
    "the train leaves at nine",
    "😂",
    "why, why, why?!",
]


@pytest.fixture(scope="module")
def scorer() -> EmotionScorer:
    return EmotionScorer.load("default")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "1.wav"
    path.write_bytes(encode(speech_like(1.5), 16_000, "wav"))
    return path


def items_of(clip: Path) -> list[Item]:
    return [
        *(Item(str(number), text=text) for number, text in enumerate(TEXTS)),
        Item("heard", clip=str(clip)),
        Item("rooted", text=TEXTS[0], audio_uri="1.wav", lang="en", hashtags=("joy", "tgif")),
        Item("dated", text=TEXTS[1], clip=str(clip), created_at=POSTED, author_id="88"),
        Item("empty", Location("mine.jsonl", 3), text=" \n"),
        Item("nothing"),
        Item("outside", text="x", audio_uri="/etc/passwd"),
        Item("gone", clip=str(clip.with_name("2.wav"))),
    ]


def expected_rows(scorer: EmotionScorer, items: list[Item], clip: Path) -> list[dict[str, Any]]:
    """Returns the rows of the first eight items, each scored alone."""
    rows = []
    for item in items[:8]:
        data = clip.read_bytes() if item.clip or item.audio_uri else None
        model_input = scorer.preprocess(item.text, data)
        [scores] = scorer.score([model_input])
        best = int(scores.scores.argmax())
        lang = item.lang or (detect_language(item.text) if item.text else None)
        both = scores.text_scores is not None and scores.audio_scores is not None
        rows.append(
            {
                "item_id": item.item_id,
                "created_at": item.created_at,
                "author_id": item.author_id,
                "lang": lang,
                "lang_detected": item.lang is None and lang is not None,
                "hashtags": list(item.hashtags),
                "repost_of": None,
                "text_is_cut": False,
                "warnings": [] if lang in (None, "en") else ["language_not_learned"],
                "modality": ("text" if item.text else "")
                + ("+" if item.text and data else "")
                + ("audio" if data else ""),
                "emotion": scorer.emotions[best],
                "emotions": [scorer.emotions[best]],
                "confidence": float(scores.scores[best]),
                "scores": dict(zip(scorer.emotions, scores.scores.tolist(), strict=True)),
                "text_emotion": scorer.emotions[scores.text_scores.argmax()] if both else None,
                "audio_emotion": scorer.emotions[scores.audio_scores.argmax()] if both else None,
                "disagreement": scores.disagreement,
                "n_tokens": model_input.n_tokens,
                "truncated": False,
                "clip_seconds": 1.5 if data else None,
                "model_version": scorer.model_version,
                "run_id": "mine",
            }
        )
    return rows


def content_key_of(items: list[Item], item_id: str) -> str | None:
    """Returns the digest of all that an item is scored from."""
    [item] = [each for each in items if each.item_id == item_id]
    parts = (item.item_id, item.text, item.clip, item.audio_uri)
    return PUBLIC.digest("\0".join(part or "" for part in parts).encode())


def are_equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Says whether two rows are equal, scores to 1e-4."""
    floats = {"confidence", "disagreement"}
    exact = {name: value for name, value in other.items() if name not in floats | {"scores"}}
    return (
        {name: one[name] for name in exact} == exact
        and one.keys() == other.keys()
        and all(one[name] == pytest.approx(other[name], abs=1e-4) for name in floats)
        and one["scores"] == pytest.approx(other["scores"], abs=1e-4)
    )


@pytest.mark.job
@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_rows_equal_the_scorer_called_directly(
    scorer: EmotionScorer, clip: Path, batch_size: int
) -> None:
    items = items_of(clip)
    step = ScoreItems(audio_roots=(str(clip.parent),), batch_size=batch_size, run_id="mine")
    with TestPipeline(runner=FnApiRunner()) as root:
        scored = root | beam.Create(items) | step
        assert_that(
            scored.ok,
            equal_to(expected_rows(scorer, items, clip), equals_fn=are_equal),
            label="labels",
        )
        assert_that(
            scored.dead,
            equal_to(
                [
                    {
                        "item_id": item_id,
                        "stage": "preprocess",
                        "reason": reason,
                        "message": message,
                        "source": source,
                        "payload": payload,
                        "content_key": content_key_of(items, item_id),
                        "run_id": "mine",
                    }
                    for item_id, reason, message, source, payload in (
                        (
                            "empty",
                            "empty_text",
                            "text ' \\n' is empty after cleaning; it needs a character",
                            "mine.jsonl:3",
                            " \n",
                        ),
                        ("nothing", "no_content", "there is neither a text nor a clip", "", None),
                        (
                            "outside",
                            "clip_outside_roots",
                            "audio_uri '/etc/passwd' lies under no --audio-root",
                            "",
                            "x",
                        ),
                        (
                            "gone",
                            "missing_clip",
                            f"{clip.parent}/2.wav cannot be read: [Errno 2] No such file or "
                            f"directory: '{clip.parent}/2.wav'",
                            "",
                            f"{clip.parent}/2.wav",
                        ),
                    )
                ]
            ),
            label="dead letters",
        )


def id_of_whole_row(row: dict[str, Any], schema: pa.Schema) -> str:
    """Returns a row's id; `to_record_batch` raises where it breaks the schema."""
    return to_record_batch([row], schema)["item_id"][0].as_py()


@pytest.mark.job
def test_rows_are_those_of_the_schemas(scorer: EmotionScorer, clip: Path) -> None:
    """Nothing lacks, nothing is null that may not be, and hidden texts stay hidden."""
    schema = label_schema(scorer.emotions)
    with TestPipeline(runner=FnApiRunner()) as root:
        step = ScoreItems(audio_roots=(str(clip.parent),), redact_text=True)
        scored = root | beam.Create(items_of(clip)) | step
        labels = scored.ok | "Labels" >> beam.Map(id_of_whole_row, schema)
        letters = scored.dead | "Letters" >> beam.Map(id_of_whole_row, DEAD_LETTER_SCHEMA)
        payloads = scored.dead | beam.Map(lambda row: (row["item_id"], row["payload"]))
        ids = [*(str(number) for number in range(len(TEXTS))), "heard", "rooted", "dated"]
        assert_that(labels, equal_to(ids), label="labels")
        refused = ["empty", "nothing", "outside", "gone"]
        assert_that(letters, equal_to(refused), label="letters")
        shown = ["[2 characters]", None, "[1 characters]", f"{clip.parent}/2.wav"]
        assert_that(payloads, equal_to([*zip(refused, shown, strict=True)]), label="payloads")


@pytest.mark.parametrize(
    ("settings", "error", "told"),
    [
        ({"batch_size": 4097}, ValueError, "^batch_size is 4097; it lies within 1 and 4096$"),
        ({"model": "/no/model"}, UserError, "^/no/model is no artifact"),
        (
            {"engine": "gpu"},
            UserError,
            "^engine is 'gpu'; it is one of auto, openvino, tensorflow$",
        ),
    ],
)
def test_what_is_wrong_is_told_when_the_pipeline_is_built(
    settings: dict[str, Any], error: type[Exception], told: str
) -> None:
    items = beam.Pipeline(FnApiRunner()) | beam.Create([Item("a", text="x")])
    with pytest.raises(error, match=told):
        items | ScoreItems(**settings)


def test_emotions_to_choose_from() -> None:
    items = [Item(str(number), text=text) for number, text in enumerate(TEXTS)]
    scorer = EmotionScorer.load("default", among=("anger", "joy"))
    scores = scorer.score([scorer.preprocess(text, None) for text in TEXTS])
    expected = [
        (str(number), scorer.emotions[each.scores.argmax()]) for number, each in enumerate(scores)
    ]
    with TestPipeline(FnApiRunner()) as root:
        scored = root | beam.Create(items) | ScoreItems(emotions=("joy", "anger"))
        labels = scored.ok | beam.Map(lambda row: (row["item_id"], row["emotion"]))
        assert_that(labels, equal_to(expected), label="Labels")
    with pytest.raises(UserError, match="the model has no emotion 'love'"), TestPipeline() as root:
        _ = root | beam.Create(items) | ScoreItems(emotions=("love", "joy"))
