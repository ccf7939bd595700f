"""Scores features in batches, on Beam's RunInference."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import apache_beam as beam
from apache_beam.ml.inference.base import ModelHandler, RunInference

from beam_jobs.dead_letters import DEAD, OK, OkDead, tag_dead
from beam_jobs.elements import DeadLetter, Features, ScoredItem
from beam_jobs.progress import Progress
from model.errors import ArtifactError
from model.scorer import EmotionScorer
from schemas.dead_letters import Reason, Stage


class EmotionModelHandler(ModelHandler[Features, ScoredItem | DeadLetter, EmotionScorer]):
    """Loads the scorer once a process and scores batches of one steady size.

    RunInference would refuse a whole batch for one bad item and hand on its inputs, so a batch that
    fails is scored item by item here, and only ids and scores go on.
    """

    def __init__(
        self, artifact: str, model_version: str, batch_size: int, progress: Progress | None = None
    ) -> None:
        super().__init__()
        self._artifact = artifact
        self._model_version = model_version
        self._batch_size = batch_size
        self._progress = progress

    def load_model(self) -> EmotionScorer:
        """Builds the network and reads its weights."""
        return load_scorer(self._artifact, self._model_version)

    def batch_elements_kwargs(self) -> Mapping[str, Any]:
        """Returns one batch size: without it Beam tries 1, 2, 4 … 955."""
        return {"min_batch_size": self._batch_size, "max_batch_size": self._batch_size}

    def run_inference(
        self,
        batch: Sequence[Features],
        model: EmotionScorer,
        inference_args: dict[str, Any] | None = None,
    ) -> Sequence[ScoredItem | DeadLetter]:
        """Returns what became of each item of the batch, in its order."""
        del inference_args
        outcomes = score_batch(batch, model)
        if self._progress:
            self._progress.add_done(len(batch))
        return outcomes


@lru_cache(maxsize=1)
def load_scorer(artifact: str, model_version: str) -> EmotionScorer:
    """Returns a model's scorer; a process that asks again for the same one gets the same one.

    So a local job loads its model before it reads an item, and does not load it twice.

    Raises:
        ArtifactError: the artifact is damaged, or was replaced since the job was started.
    """
    scorer = EmotionScorer.load(artifact)
    check_version(artifact, scorer.model_version, model_version)
    return scorer


def check_version(artifact: str, found: str, expected: str) -> None:
    """Raises ArtifactError if a worker found another model than the one its rows will name."""
    if found != expected:
        raise ArtifactError(f"{artifact} is version {found}; the job was started with {expected}")


def score_batch(
    batch: Sequence[Features], scorer: EmotionScorer
) -> Sequence[ScoredItem | DeadLetter]:
    """Returns each item with its scores; where the batch fails, each item is tried alone."""
    try:
        scores = scorer.score([features.model_input for features in batch])
    except Exception as error:  # whatever the backend raises: out of memory, a bad shape, …
        if len(batch) == 1:
            logging.getLogger(__name__).warning("%s", batch[0].item.item_id, exc_info=error)
            # The first line only: TensorFlow goes on with the paths of this machine.
            first_line = str(error).partition("\n")[0]
            message = f"the model failed: {type(error).__name__}: {first_line:.300}"
            return [DeadLetter.of_item(Stage.SCORE, Reason.SCORING_FAILED, message, batch[0].item)]
        return [outcome for features in batch for outcome in score_batch([features], scorer)]
    return [
        ScoredItem(
            features.item,
            item_scores,
            features.model_input.n_tokens,
            features.model_input.truncated,
            features.model_input.clip_seconds,
        )
        for features, item_scores in zip(batch, scores, strict=True)
    ]


@dataclass
class ScoreEmotions(beam.PTransform):
    """Runs the fused model: each item runs only the encoders that it needs.

    In come `Features`, out come `ScoredItem`s, in the same stage. An item on which the model fails,
    in its batch and alone, becomes a dead letter (scoring_failed). Only a damaged artifact stops
    the job.
    """

    artifact: str
    model_version: str
    batch_size: int = 64
    progress: Progress | None = None

    def __post_init__(self) -> None:
        super().__init__()
        if self.batch_size < 1:
            raise ValueError(f"batch_size is {self.batch_size}; at least 1 is needed")

    @beam.typehints.no_annotations
    def expand(self, features: beam.PCollection[Features]) -> OkDead:
        """Batches, scores and parts the scored items from the dead letters."""
        handler = EmotionModelHandler(
            self.artifact, self.model_version, self.batch_size, self.progress
        )
        return OkDead.of(
            features
            | RunInference(handler)
            | "PartDeadLetters" >> beam.Map(tag_dead).with_outputs(DEAD, main=OK)
        )
