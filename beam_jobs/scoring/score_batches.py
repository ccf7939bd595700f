"""Scores features in batches, on Beam's RunInference."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.ml.inference.base import ModelHandler, RunInference

from beam_jobs.items.counters import count_scored
from beam_jobs.items.elements import DeadLetter, Features, Item, ScoredItem
from beam_jobs.items.ok_dead import DEAD, OK, OkDead, tag_dead
from beam_jobs.items.privacy import PUBLIC, Privacy
from beam_jobs.items.progress import Progress
from beam_jobs.scoring.scoring_model import ScoringModel, load_scorer
from model.errors import ItemError
from model.scoring.scorer import EmotionScorer
from schemas.dead_letters import Stage


class EmotionModelHandler(ModelHandler[Features, ScoredItem | DeadLetter, EmotionScorer]):
    """Loads the scorer once a process and scores the batches that it is given.

    RunInference would refuse a whole batch for one bad item and hand on its inputs, so a batch that
    fails is scored item by item here, and only ids and scores go on.
    """

    def __init__(
        self,
        model: ScoringModel,
        progress: Progress | None = None,
        privacy: Privacy = PUBLIC,
    ) -> None:
        super().__init__()
        self._model = model
        self._progress = progress
        self._privacy = privacy

    def load_model(self) -> EmotionScorer:
        """Builds the network and reads its weights."""
        scorer = load_scorer(self._model)
        scorer.forget_texts()  # what another job of this process has scored
        return scorer

    def run_inference(
        self,
        batch: Sequence[Features],
        model: EmotionScorer,
        inference_args: dict[str, Any] | None = None,
    ) -> Sequence[ScoredItem | DeadLetter]:
        """Returns what became of each item of the batch, in its order."""
        del inference_args
        started = time.perf_counter()
        outcomes = score_batch(batch, model, self._privacy)
        count_scored(outcomes, time.perf_counter() - started)
        if self._progress:
            self._progress.add_done(len(batch))
        return outcomes


def score_batch(
    batch: Sequence[Features], scorer: EmotionScorer, privacy: Privacy = PUBLIC
) -> Sequence[ScoredItem | DeadLetter]:
    """Returns each item with its scores; one that the model fails on as a dead letter."""
    outcomes = scorer.try_score([features.model_input for features in batch])
    return [
        _refuse(features.item, outcome, privacy)
        if isinstance(outcome, ItemError)
        else ScoredItem(
            features.item,
            outcome,
            features.model_input.n_tokens,
            features.model_input.truncated,
            features.model_input.clip_seconds,
            features.model_input.warnings,
        )
        for features, outcome in zip(batch, outcomes, strict=True)
    ]


def _refuse(item: Item, error: ItemError, privacy: Privacy) -> DeadLetter:
    # An engine may quote the tokens that it fails on.
    cause = None if privacy.redact_text else error.__cause__
    logging.getLogger(__name__).warning("%s", item.item_id, exc_info=cause)
    return DeadLetter.of_item(Stage.SCORE, error.reason, error.message, item, privacy)


@dataclass
class ScoreEmotions(beam.PTransform):
    """Runs the fused model: each item runs only the encoders that it needs.

    In come batches of `Features`, out come `ScoredItem`s, in the same stage. An item on which the
    model fails, in its batch and alone, becomes a dead letter (scoring_failed). Only a damaged
    artifact stops the job.

    With `accelerator`, this step alone asks for workers that have one: on such a runner the batches
    then go from the workers that decode to those that score.
    """

    model: ScoringModel
    progress: Progress | None = None
    privacy: Privacy = PUBLIC
    accelerator: str | None = None

    @beam.typehints.no_annotations
    def expand(self, batches: beam.PCollection[Sequence[Features]]) -> OkDead:
        """Scores and parts the scored items from the dead letters."""
        handler = EmotionModelHandler(self.model, self.progress, self.privacy)
        score = RunInference(handler.with_no_batching())
        if self.accelerator:
            score = score.with_resource_hints(accelerator=self.accelerator)
        return OkDead.of(
            batches | score | "PartDeadLetters" >> beam.Map(tag_dead).with_outputs(DEAD, main=OK)
        )
