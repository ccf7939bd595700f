"""The scorer: a row for each item, whatever it is, equal to the model's own scorer."""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mm_emor.scorer import NOT_GIVEN, Scorer, load, table_schema
from model.errors import UserError
from model.scoring.scorer import EmotionScorer
from schemas.labels import label_schema
from tests.support.clips import encode, speech_like
from tests.support.tiny_models import save_tiny_artifact

TEXTS = ["so happy today", "I miss her so much", "the train leaves at nine"]


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return load()


@pytest.fixture(scope="module")
def clip() -> bytes:
    return encode(speech_like(1.5), 16_000, "flac")


def test_rows_equal_the_models_own_scorer(scorer: Scorer, clip: bytes, tmp_path: Path) -> None:
    path = tmp_path / "1.flac"
    path.write_bytes(clip)
    texts = [*TEXTS, None, None, TEXTS[0]]
    table = scorer.score(texts, [None, None, None, path, clip, str(path)])
    direct = EmotionScorer.load("default")
    clips = [None, None, None, clip, clip, clip]
    inputs = [direct.preprocess(*item) for item in zip(texts, clips, strict=True)]
    for number, (row, one, scores) in enumerate(
        zip(table.to_pylist(), inputs, direct.score(inputs), strict=True)
    ):
        best = direct.emotions[scores.scores.argmax()]
        assert row.pop("scores") == pytest.approx(
            dict(zip(direct.emotions, scores.scores.tolist(), strict=True)), abs=1e-5
        )
        assert row.pop("confidence") == pytest.approx(scores.scores.max(), abs=1e-5)
        assert row.pop("disagreement") == pytest.approx(scores.disagreement, abs=1e-5)
        both = scores.text_scores is not None
        assert row == {
            "item_id": str(number),
            "modality": str(one.modality),
            "emotion": best,
            "emotions": [best],
            "text_emotion": direct.emotions[scores.text_scores.argmax()] if both else None,
            "audio_emotion": direct.emotions[scores.audio_scores.argmax()] if both else None,
            "n_tokens": one.n_tokens,
            "truncated": False,
            "clip_seconds": one.clip_seconds,
            "model_version": direct.model_version,
            "error": None,
        }
    assert table["modality"].to_pylist() == ["text"] * 3 + ["audio"] * 2 + ["text+audio"]
    assert [row["clip_seconds"] for row in table.to_pylist()] == [None] * 3 + [1.5] * 3


def test_columns_are_those_of_the_label_rows(scorer: Scorer, tmp_path: Path) -> None:
    rows = label_schema(scorer.emotions)
    table = scorer.score(["x", " "])
    assert table.schema == table_schema(scorer.emotions)
    assert table.schema.names == [*(name for name in rows.names if name not in NOT_GIVEN), "error"]
    for name in table.schema.names[:-1]:
        assert table.schema.field(name).type == rows.field(name).type, name
        assert table.schema.field(name).metadata == rows.field(name).metadata, name
    pq.write_table(table, tmp_path / "table.parquet")
    assert pq.read_table(tmp_path / "table.parquet").equals(table)


def test_an_item_that_cannot_be_scored_is_a_row_that_says_why(
    scorer: Scorer, clip: bytes, tmp_path: Path
) -> None:
    (tmp_path / "text.mp3").write_text("no clip")
    texts = ["so happy today", " ", None, "x", "x", "x", "x", "x"]
    paths = [None, None, None, tmp_path / "gone.wav", tmp_path, tmp_path / "text.mp3", b"", "\0"]
    table = scorer.score(texts, paths)
    assert table["emotion"].to_pylist() == ["joy"] + [None] * 7
    assert table["error"].to_pylist() == [
        None,
        "empty_text: text ' ' is empty after cleaning; it needs a character",
        "no_content: there is neither a text nor a clip",
        f"missing_clip: {tmp_path}/gone.wav cannot be read: [Errno 2] No such file or directory: "
        f"'{tmp_path}/gone.wav'",
        f"missing_clip: {tmp_path} is not a file",
        "undecodable_clip: clip is not audio that FFmpeg can decode: Invalid data found when "
        "processing input",
        "empty_clip: clip is 0 bytes; at least one sample is needed",
        "missing_clip: \0 cannot be read: embedded null byte",
    ]
    for row in table.slice(1).to_pylist():
        given = {name for name, value in row.items() if value is not None}
        assert given == {"item_id", "model_version", "error"}


def test_a_clip_that_is_too_large_is_not_read(scorer: Scorer, tmp_path: Path) -> None:
    limit = scorer._scorer.preprocess.max_clip_bytes
    with (tmp_path / "large.wav").open("wb") as file:
        file.truncate(limit + 1)
    table = scorer.score(None, [tmp_path / "large.wav", bytes(limit + 1)])
    assert table["error"].to_pylist() == [
        f"clip_too_large: {place} is larger than the limit of {limit} bytes"
        for place in (tmp_path / "large.wav", "clips[1]")
    ]


def test_a_name_that_utf_8_cannot_hold(scorer: Scorer) -> None:
    table = scorer.score(["lone \ud800 surrogate"], ["gone-\udcff.wav"])
    [error] = table["error"].to_pylist()
    assert error.startswith("missing_clip: gone-\\xff.wav cannot be read: [Errno 2]")
    assert scorer.score(["lone \ud800 surrogate"])["error"].to_pylist() == [None]


@pytest.mark.parametrize(
    "column",
    [
        tuple(TEXTS),
        np.array(TEXTS),
        pd.Series(TEXTS, index=[7, 8, 9]),
        pa.array(TEXTS),
        pa.chunked_array([TEXTS[:1], TEXTS[1:]]),
    ],
    ids=lambda column: type(column).__name__,
)
def test_texts_of_every_library(scorer: Scorer, column: Any) -> None:
    assert scorer.score(column).equals(scorer.score(TEXTS))


@pytest.mark.parametrize("missing", [None, math.nan, np.float64("nan"), pd.NA, pd.NaT])
def test_what_stands_for_no_text(scorer: Scorer, missing: Any) -> None:
    table = scorer.score([missing, "so happy today"], [missing, missing])
    errors = ["no_content: there is neither a text nor a clip", None]
    assert table["error"].to_pylist() == errors


def test_many_items_keep_their_order(scorer: Scorer) -> None:
    """More than one chunk, and an item without a label in each."""
    texts = [TEXTS[number % 3] if number % 100 else " " for number in range(600)]
    table = scorer.score(texts)
    alone = scorer.score(TEXTS)["emotion"].to_pylist()
    assert table["item_id"].to_pylist() == [str(number) for number in range(600)]
    assert table["emotion"].to_pylist() == [
        alone[number % 3] if number % 100 else None for number in range(600)
    ]
    assert scorer.score([]).equals(table.slice(0, 0))


def test_ids_are_kept(scorer: Scorer) -> None:
    table = scorer.score(["x", "x", " "], ids=["a", 7, np.int64(9)])
    assert table["item_id"].to_pylist() == ["a", "7", "9"]


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        (("so happy",), TypeError, "texts is a str; it must be a list with one per item"),
        ((pd.DataFrame({"text": TEXTS}),), TypeError, "texts is a DataFrame; it must be"),
        ((7,), TypeError, "texts is a int; it must be a list with one per item"),
        ((["x", 7],), TypeError, r"texts\[1\] is a int; a text is a str or None"),
        ((["x", b"x"],), TypeError, r"texts\[1\] is a bytes; a text is a str or None"),
        ((["x"], b"RIFF"), TypeError, "clips is a bytes; it must be a list with one per item"),
        ((["x"], [7]), TypeError, r"clips\[0\] is a int; a clip is a path, bytes or None"),
        ((["x"], [None, None]), ValueError, "there are 1 texts, 2 clips; they must be as many"),
        ((None, None), ValueError, "there is nothing to score: give texts, clips or both"),
    ],
)
def test_what_is_no_column_is_refused(
    scorer: Scorer, given: tuple[Any, ...], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=f"^{told}"):
        scorer.score(*given)


def test_ids_are_checked(scorer: Scorer) -> None:
    with pytest.raises(TypeError, match=r"^ids\[0\] is a float; an id is a str or an int$"):
        scorer.score(["x"], ids=[0.5])  # type: ignore[list-item]
    with pytest.raises(ValueError, match=r"^there are 1 texts, 2 ids; they must be as many$"):
        scorer.score(["x"], ids=["a", "b"])


def test_the_default_engine_is_openvino(scorer: Scorer) -> None:
    assert re.fullmatch(r"OpenVINO, (int8|bfloat16|float32), CPU", scorer.engine)
    assert repr(scorer) == f"<Scorer: model {scorer.model_version} on {scorer.engine}>"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"model": "/no/model"}, "/no/model is no artifact: it has no readable config.json"),
        ({"engine": "gpu"}, "engine is 'gpu'; it is one of auto, openvino, tensorflow"),
        ({"precision": "int4"}, "precision is 'int4'; it is one of auto, int8, bfloat16, float32"),
        ({"engine": "tensorflow", "precision": "int8"}, "--precision int8 needs --engine openvino"),
    ],
)
def test_what_cannot_be_loaded(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=f"^{told}"):
        load(**settings)


@pytest.mark.tensorflow
def test_a_model_of_text_that_was_not_exported(tmp_path: Path) -> None:
    path = save_tiny_artifact(tmp_path / "text", audio=False).path
    scorer = load(path, "tensorflow", precision="float32")
    assert scorer.engine == "TensorFlow, float32, CPU"
    table = scorer.score(["rain", None], ["gone.wav", "gone.wav"])
    assert table["modality"].to_pylist() == ["text", None]
    assert table["error"].to_pylist() == [
        None,
        "unsupported_modality: the item has audio; the model reads text only",
    ]
