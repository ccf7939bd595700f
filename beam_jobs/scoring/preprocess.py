"""From items to what the model reads: clips are opened here, late, and decoded."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import apache_beam as beam

from beam_jobs.items.counters import count_batch
from beam_jobs.items.elements import DeadLetter, Features, Item
from beam_jobs.items.job_defaults import BATCH_SIZE, MAX_BATCH_SIZE
from beam_jobs.items.ok_dead import DEAD, OK, OkDead, tag_dead
from beam_jobs.items.privacy import PUBLIC, Privacy
from beam_jobs.items.progress import Progress
from beam_jobs.reading.clip_files import read_clip, resolve_audio_uri
from beam_jobs.scoring.item_language import tell_language
from beam_jobs.scoring.scoring_model import ScoringModel, load_artifact
from model.errors import ItemError
from model.preprocessing.decoder_process import DecoderProcesses
from model.preprocessing.emotion_preprocessor import EmotionPreprocessor
from model.scoring.processor import available_cores
from schemas.dead_letters import Stage


def preprocess_batch(
    items: Sequence[Item],
    preprocessor: EmotionPreprocessor,
    audio_roots: tuple[str, ...],
    pool: ThreadPoolExecutor | None = None,
    privacy: Privacy = PUBLIC,
    languages: tuple[str, ...] = (),
) -> list[Features | DeadLetter]:
    """Returns each item's features, or the dead letter that says why it has none.

    Args:
        items: in their order.
        preprocessor: the artifact's.
        audio_roots: directories under which an item's `audio_uri` may lie.
        pool: threads that open and decode clips; this one alone where None.
        privacy: what dead letters may not show.
        languages: those that the model has learned.
    """
    outcomes = preprocessor.batch(
        [(item.text, _clip_reader(item, preprocessor, audio_roots)) for item in items], pool
    )
    return [
        DeadLetter.of_item(Stage.PREPROCESS, outcome.reason, outcome.message, item, privacy)
        if isinstance(outcome, ItemError)
        else Features(tell_language(item, languages), outcome)
        for item, outcome in zip(items, outcomes, strict=True)
    ]


def _clip_reader(
    item: Item, preprocessor: EmotionPreprocessor, audio_roots: tuple[str, ...]
) -> Callable[[], bytes] | None:
    """Returns what reads an item's clip; None for an item without one."""
    if item.clip is None and item.audio_uri is None:
        return None

    def read() -> bytes:
        path = item.clip or resolve_audio_uri(item.audio_uri or "", audio_roots)
        if not preprocessor.audio:  # a model of text alone only learns that there is a clip
            return b""
        return read_clip(path, preprocessor.max_clip_bytes, follow_links=item.clip is not None)

    return read


class PreprocessBatch(beam.DoFn):
    """Loads the artifact's preprocessors once a worker, and decodes on all of its cores."""

    def __init__(
        self,
        model: ScoringModel,
        audio_roots: tuple[str, ...],
        progress: Progress | None,
        privacy: Privacy = PUBLIC,
    ) -> None:
        self._model = model
        self._audio_roots = audio_roots
        self._progress = progress
        self._privacy = privacy

    def setup(self) -> None:
        """Builds the preprocessor."""
        n_threads = self._model.n_threads or available_cores()
        os.environ.setdefault("TOKENIZERS_PARALLELISM", str(n_threads > 1).lower())
        artifact = load_artifact(self._model)
        self._languages = artifact.languages
        self._preprocessor = artifact.preprocessor()
        self._pool = ThreadPoolExecutor(n_threads, "decode")
        self._decoders = DecoderProcesses()
        if self._preprocessor.audio:
            self._preprocessor.audio.decoder = self._decoders

    def teardown(self) -> None:
        """Ends the threads and the processes."""
        self._pool.shutdown()
        self._decoders.close()

    def process(self, items: Sequence[Item]) -> Iterator[Any]:
        """Yields the batch's features, and its dead letters under their tag."""
        started = time.perf_counter()
        outcomes = preprocess_batch(
            items,
            self._preprocessor,
            self._audio_roots,
            self._pool,
            self._privacy,
            self._languages,
        )
        count_batch(len(items), time.perf_counter() - started)
        features = [outcome for outcome in outcomes if isinstance(outcome, Features)]
        if features:
            yield features
        dead = [outcome for outcome in outcomes if isinstance(outcome, DeadLetter)]
        if self._progress and dead:
            self._progress.add_done(len(dead))
        yield from map(tag_dead, dead)


@dataclass
class PreprocessItems(beam.PTransform):
    """Cleans and tokenizes texts, opens clips and draws their images, batch by batch.

    The language of a text is detected where the item does not name it.

    In come `Item`s; out come batches of `Features`, in the same stage. Dead letters: a text that
    cleaning leaves empty, a clip outside the audio roots, missing, too large, too long, empty,
    undecodable, truncated, not decoded within a minute or with samples that are no numbers, and an
    item of a modality that the model lacks. Only a damaged artifact stops the job.
    """

    model: ScoringModel
    audio_roots: tuple[str, ...] = ()
    batch_size: int = BATCH_SIZE
    progress: Progress | None = None
    privacy: Privacy = PUBLIC

    def __post_init__(self) -> None:
        super().__init__()
        if not 1 <= self.batch_size <= MAX_BATCH_SIZE:
            raise ValueError(
                f"batch_size is {self.batch_size}; it lies within 1 and {MAX_BATCH_SIZE}"
            )

    @beam.typehints.no_annotations
    def expand(self, items: beam.PCollection[Item]) -> OkDead:
        """Parts the features from the dead letters."""
        size = self.batch_size  # one size: without it Beam tries 1, 2, 4 … 955
        return OkDead.of(
            items
            | beam.BatchElements(min_batch_size=size, max_batch_size=size)
            | beam.ParDo(
                PreprocessBatch(self.model, self.audio_roots, self.progress, self.privacy)
            ).with_outputs(DEAD, main=OK)
        )
