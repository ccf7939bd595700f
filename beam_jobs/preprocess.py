"""From items to what the model reads: clips are opened here, late, and decoded."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam

from beam_jobs.clip_files import read_clip, resolve_audio_uri
from beam_jobs.dead_letters import DEAD, OK, OkDead, tag_dead
from beam_jobs.elements import DeadLetter, Features, Item
from beam_jobs.progress import Progress
from beam_jobs.score import check_version
from model.artifact import Artifact
from model.errors import ItemError
from model.preprocessor import EmotionPreprocessor
from schemas.dead_letters import Stage


def preprocess_item(
    item: Item, preprocessor: EmotionPreprocessor, audio_roots: tuple[str, ...]
) -> Features | DeadLetter:
    """Returns an item's features, or the dead letter that says why it has none."""
    try:
        clip = None
        path = item.clip
        if path is None and item.audio_uri is not None:
            path = resolve_audio_uri(item.audio_uri, audio_roots)
        if path is not None:
            # A model of text alone opens no clip; it is told that there is one.
            clip = read_clip(path, preprocessor.max_clip_bytes) if preprocessor.audio else b""
        return Features(item, preprocessor(item.text, clip))
    except ItemError as error:
        return DeadLetter.of_item(Stage.PREPROCESS, error.reason, error.message, item)


class PreprocessItem(beam.DoFn):
    """Loads the artifact's preprocessors once a worker."""

    def __init__(
        self,
        artifact: str,
        model_version: str,
        audio_roots: tuple[str, ...],
        progress: Progress | None,
    ) -> None:
        self._artifact = artifact
        self._model_version = model_version
        self._audio_roots = audio_roots
        self._progress = progress

    def setup(self) -> None:
        """Builds the preprocessor."""
        artifact = Artifact.load(self._artifact)
        check_version(self._artifact, artifact.model_version, self._model_version)
        self._preprocessor = artifact.preprocessor()

    def process(self, item: Item) -> Iterator[Any]:
        """Yields the features, or the dead letter under its tag."""
        outcome = preprocess_item(item, self._preprocessor, self._audio_roots)
        if self._progress and isinstance(outcome, DeadLetter):
            self._progress.add_done(1)
        yield tag_dead(outcome)


@dataclass
class PreprocessItems(beam.PTransform):
    """Cleans and tokenizes texts, opens clips and draws their images.

    In come `Item`s; out come `Features`, in the same stage. Dead letters: a text that cleaning
    leaves empty, a clip outside the audio roots, missing, too large, too long, empty, undecodable,
    truncated or with samples that are no numbers, and an item of a modality that the model lacks.
    Only a damaged artifact stops the job.
    """

    artifact: str
    model_version: str
    audio_roots: tuple[str, ...] = ()
    progress: Progress | None = None

    @beam.typehints.no_annotations
    def expand(self, items: beam.PCollection[Item]) -> OkDead:
        """Parts the features from the dead letters."""
        return OkDead.of(
            items
            | beam.ParDo(
                PreprocessItem(self.artifact, self.model_version, self.audio_roots, self.progress)
            ).with_outputs(DEAD, main=OK)
        )
