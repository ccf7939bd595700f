"""A model that scores texts and clips which are given as Python values; no Beam is needed."""

import io
import os
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pyarrow as pa

from model.errors import ItemError
from model.preprocessing.clip_file import read_limited, read_local_clip
from model.preprocessing.decoder_process import DecoderProcesses
from model.preprocessing.emotion_preprocessor import RawItem
from model.scoring.artifact import Artifact
from model.scoring.engine import EngineChoice, EngineName, Precision, choose_engine, start_engine
from model.scoring.processor import available_cores
from model.scoring.scorer import EmotionScorer
from schemas.fields import field
from schemas.labels import label_schema

CHUNK_ITEMS = 256
"""Items whose images are in memory at a time."""
NOT_GIVEN = frozenset(
    {
        *("created_at", "author_id", "lang", "lang_detected", "hashtags", "repost_of"),
        *("text_is_cut", "warnings", "run_id"),
    }
)
"""Columns of the label rows that only a post or a run has."""

Text = str | None
Clip = str | os.PathLike[str] | bytes | None


def load(
    model: str | os.PathLike[str] = "default",
    engine: str = EngineName.AUTO,
    *,
    precision: str = Precision.AUTO,
    n_threads: int | None = None,
    emotions: Sequence[str] = (),
) -> "Scorer":
    """Loads a model.

    Args:
        model: `default` for the one in the package, or a directory or `gs://` prefix that
            `mm-emor train` has written.
        engine: `auto`, `openvino` or `tensorflow`, as in `mm-emor score --engine`: `auto` takes a
            GPU if there is one, else OpenVINO, which starts in about a second.
        precision: `auto`, `int8`, `bfloat16` or `float32`: `auto` takes the fastest that this
            processor is good at; `float32` is the model as it was trained.
        n_threads: to decode and score on; as many as the process may use cores where None.
        emotions: those to choose from, where the items are known to have no others, as
            `mm-emor score --emotions`; all of the model's where empty.

    Raises:
        UserError: the model is missing, damaged, or not made for the engine, or an emotion is none
            of the model's.

    >>> scorer = load()
    >>> scorer.emotions
    ('anger', 'disgust', 'fear', 'joy', 'neutral', 'sadness', 'surprise')
    """
    artifact = Artifact.load(os.fspath(model))
    choice = choose_engine(artifact, engine, precision)
    scorer = EmotionScorer(artifact, start_engine(artifact, choice, n_threads), emotions)
    return Scorer(scorer, choice, n_threads)


class Scorer:
    """A loaded model. `load` makes it.

    Attributes:
        emotions: what it tells apart, in the order of its scores.
        model_version: hash of its content, as in the label rows.
        engine: what it runs on.
    """

    def __init__(
        self, scorer: EmotionScorer, engine: EngineChoice, n_threads: int | None = None
    ) -> None:
        self.emotions = scorer.emotions
        self.model_version = scorer.model_version
        self.engine = str(engine)
        self._scorer = scorer
        self._pool = ThreadPoolExecutor(n_threads or available_cores(), "decode")
        if scorer.preprocess.audio:
            # A clip that FFmpeg hangs in or crashes on takes a process of its own along.
            decoders = DecoderProcesses()
            scorer.preprocess.audio.decoder = decoders
            weakref.finalize(self, decoders.close)

    def __repr__(self) -> str:
        return f"<Scorer: model {self.model_version} on {self.engine}>"

    def score(
        self,
        texts: Sequence[Text] | None,
        clips: Sequence[Clip] | None = None,
        *,
        ids: Sequence[str | int] | None = None,
    ) -> pa.Table:
        """Labels each item, a text or a clip or both, with an emotion.

        Args:
            texts: one for each item; None, NaN or pandas's NA for an item without. A list, a pandas
                series, a NumPy or Arrow array. None where no item has one.
            clips: as many: paths on this machine, or contents of audio files (wav, flac, mp3, ogg,
                m4a, mp4, webm …) as bytes; None for an item without.
            ids: as many; the items' positions, from 0, where left out.

        Returns:
            A row for each item, in their order: the columns of the label rows (docs/tables.md) but
            for those that only a post (`created_at`, `author_id`, `lang`, `hashtags`) or a run
            (`run_id`) has, and `error`. An item that cannot be scored has nulls, and in `error` the
            reason and a sentence, as in `empty_text: text '' is empty after cleaning; …`; in all
            other rows `error` is null. `.to_pandas()` makes a data frame of it.

        Raises:
            TypeError: a text is no string, or a clip neither a path nor bytes.
            ValueError: texts, clips and ids are not as many, or there are neither texts nor clips.

        >>> table = load().score(["so happy today", "  "], ids=["a", "b"])
        >>> table.select(["item_id", "emotion"]).to_pylist()
        [{'item_id': 'a', 'emotion': 'joy'}, {'item_id': 'b', 'emotion': None}]
        >>> table["error"][1].as_py()
        "empty_text: text '  ' is empty after cleaning; it needs a character"
        """
        read_clip = partial(_clip_reader, self._scorer)
        columns = {
            name: _converted(name, given, convert)
            for name, given, convert in (
                ("texts", texts, _text),
                ("clips", clips, read_clip),
                ("ids", ids, _item_id),
            )
            if given is not None
        }
        if not columns.keys() & {"texts", "clips"}:
            raise ValueError("there is nothing to score: give texts, clips or both")
        sizes = {name: len(column) for name, column in columns.items()}
        if len(set(sizes.values())) > 1:
            counts = ", ".join(f"{n} {name}" for name, n in sizes.items())
            raise ValueError(f"there are {counts}; they must be as many")
        n_items = next(iter(sizes.values()))
        nothing = [None] * n_items
        items = [*zip(columns.get("texts", nothing), columns.get("clips", nothing), strict=True)]
        names = columns.get("ids") or [str(row) for row in range(n_items)]
        schema = table_schema(self.emotions)
        return pa.Table.from_batches(
            (
                pa.RecordBatch.from_pylist(
                    [
                        {"item_id": names[row], "model_version": self.model_version, **label}
                        for row, label in enumerate(
                            self._label(items[start : start + CHUNK_ITEMS]), start
                        )
                    ],
                    schema,
                )
                for start in range(0, n_items, CHUNK_ITEMS)
            ),
            schema,
        )

    def _label(self, items: Sequence[RawItem]) -> Iterator[dict[str, Any]]:
        """Yields the columns of each item that it decides."""
        inputs = self._scorer.preprocess.batch(items, self._pool)
        readable = [each for each in inputs if not isinstance(each, ItemError)]
        scored = iter(self._scorer.try_score(readable))
        for each in inputs:
            outcome = each if isinstance(each, ItemError) else next(scored)
            if isinstance(each, ItemError) or isinstance(outcome, ItemError):
                # A path may hold what UTF-8, and so Arrow, cannot.
                yield {"error": str(outcome).encode(errors="replace").decode()}
            else:
                yield {
                    **outcome.to_label(self.emotions),
                    "n_tokens": each.n_tokens,
                    "truncated": each.truncated,
                    "clip_seconds": each.clip_seconds,
                }


def table_schema(emotions: Sequence[str]) -> pa.Schema:
    """Returns the schema of `Scorer.score`'s table: nullable where an item cannot be scored.

    >>> table_schema(["joy", "fear"]).names[:4]
    ['item_id', 'modality', 'emotion', 'confidence']
    """
    columns = [each for each in label_schema(emotions) if each.name not in NOT_GIVEN]
    always = {"item_id", "model_version"}
    error = field("error", pa.string(), "Why the item has no label.", nullable=True)
    return pa.schema(
        [*(each.with_nullable(each.nullable or each.name not in always) for each in columns), error]
    )


def _converted(name: str, values: Any, convert: Callable[[str, Any], Any]) -> list[Any]:
    """Returns the values of a list, an array or a series, each converted under its place's name."""
    is_one = isinstance(values, str | bytes | os.PathLike | Mapping) or hasattr(values, "columns")
    if is_one or not hasattr(values, "__iter__"):
        raise TypeError(f"{name} is a {type(values).__name__}; it must be a list with one per item")
    listed = values.to_pylist() if hasattr(values, "to_pylist") else values
    return [convert(f"{name}[{row}]", value) for row, value in enumerate(listed)]


def _text(place: str, value: Any) -> Text:
    if _is_missing(value) or isinstance(value, str):
        return None if _is_missing(value) else value
    raise TypeError(f"{place} is a {type(value).__name__}; a text is a str or None")


def _item_id(place: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if hasattr(value, "__index__") and not isinstance(value, bool):
        return str(value)
    raise TypeError(f"{place} is a {type(value).__name__}; an id is a str or an int")


def _clip_reader(scorer: EmotionScorer, place: str, value: Any) -> Callable[[], bytes] | None:
    """Returns what reads a clip when its turn has come."""
    if _is_missing(value):
        return None
    if not isinstance(value, str | os.PathLike | bytes | bytearray | memoryview):
        raise TypeError(f"{place} is a {type(value).__name__}; a clip is a path, bytes or None")
    if not scorer.preprocess.audio:  # a model of text alone learns only that there is a clip
        return bytes
    limit = scorer.preprocess.max_clip_bytes
    if isinstance(value, str | os.PathLike):
        return partial(read_local_clip, os.fspath(value), limit)
    return lambda: read_limited(io.BytesIO(value), place, limit)


def _is_missing(value: Any) -> bool:
    """Says whether a value stands for none: None, or what pandas has in its place."""
    is_nan = isinstance(value, float) and value != value  # noqa: PLR0124  (NaN alone is not itself)
    return value is None or is_nan or type(value).__name__ in ("NAType", "NaTType")
