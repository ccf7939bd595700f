"""Scoring as one step of anybody's pipeline."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam

from beam_jobs.items.elements import Item
from beam_jobs.items.privacy import Privacy
from beam_jobs.runners.beam_flags import runs_here
from beam_jobs.runs.sorted_parquet import to_dead_letter_row
from beam_jobs.scoring.label_rows import MakeLabelRows
from beam_jobs.scoring.preprocess import PreprocessItems
from beam_jobs.scoring.score_batches import ScoreEmotions
from beam_jobs.scoring.scoring_model import ScoringModel
from model.scoring.artifact import Artifact
from model.scoring.engine import EngineName, choose_engine
from model.scoring.scorer import emotions_among


class ScoredRows(NamedTuple):
    """The outputs of `ScoreItems`; each item that comes in ends in one of them, once.

    Attributes:
        ok: rows of `schemas.labels.label_schema`.
        dead: rows of `schemas.dead_letters.DEAD_LETTER_SCHEMA`.
    """

    ok: beam.PCollection[dict[str, Any]]
    dead: beam.PCollection[dict[str, Any]]


@dataclass
class ScoreItems(beam.PTransform):
    """Labels items with an emotion.

    In come `Item`s (`mm_emor.Item`): an id, and a text, a clip or both. Out come label rows as
    `ok`, dead-letter rows as `dead`, dictionaries both. An item is refused as in `mm-emor score`,
    by the steps of which this is made: a text of which cleaning leaves nothing, a clip that cannot
    be read or decoded, an item that has neither, and one on which the model fails. Ids are not
    compared: two items of one id are two rows. Only a wrong or damaged model stops the pipeline.

    Attributes:
        model: `default` for the model in the package, or a directory or `gs://` prefix that the
            workers can read.
        engine: `auto`, `openvino` or `tensorflow`; `auto` is settled where the pipeline is built.
        audio_roots: directories or prefixes under which an item's `audio_uri` may lie; its `clip`
            may lie anywhere.
        batch_size: items of one batch, 1 to 4096.
        n_threads: of one worker process; as many as it may use cores where None. Where the runner
            starts a process for each core, 1 is best.
        emotions: those to choose from, where the items are known to have no others; all of the
            model's where empty.
        redact_text: whether dead letters have a text's length in place of the text.
        run_id: what the rows have in `run_id`.

    Raises:
        UserError: when the pipeline is built: the model is missing or damaged, or not made for the
            engine; or an emotion is none of the model's.
        ValueError: the batch size is out of its range.

    >>> with beam.Pipeline(runner="FnApiRunner") as root:
    ...     items = root | beam.Create([Item("a", text="so happy today")])
    ...     scored = items | ScoreItems()
    ...     _ = scored.ok | beam.Map(lambda row: print(row["item_id"], row["emotion"]))
    a joy
    """

    model: str = "default"
    engine: str = EngineName.AUTO
    audio_roots: tuple[str, ...] = ()
    batch_size: int = PreprocessItems.batch_size
    n_threads: int | None = None
    redact_text: bool = False
    run_id: str = ""
    emotions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__init__()

    @beam.typehints.no_annotations
    def expand(self, items: beam.PCollection[Item]) -> ScoredRows:
        """Preprocesses, scores and makes rows, in one stage."""
        artifact = Artifact.load(self.model)
        choice = choose_engine(artifact, self.engine, is_local=runs_here(items.pipeline.options))
        version = artifact.model_version
        emotions = emotions_among(artifact.config.emotions, self.emotions)
        model = ScoringModel(self.model, version, choice, self.n_threads, emotions)
        privacy = Privacy(redact_text=self.redact_text)
        features = items | PreprocessItems(
            model, tuple(self.audio_roots), self.batch_size, privacy=privacy
        )
        scored = features.ok | ScoreEmotions(model, privacy=privacy)
        return ScoredRows(
            scored.ok | MakeLabelRows(emotions, version, self.run_id),
            (features.dead, scored.dead)
            | beam.Flatten()
            | "MakeDeadLetterRows" >> beam.Map(to_dead_letter_row, run_id=self.run_id),
        )
