"""Both sides of a comparison of fine-tuning: they train one checkpoint on the same batches.

Ours is what `mm-emor train` runs, without validation: TextBatches, HeadModel and fit_model, on the
Keras backend that a suite names. The peer is the loop that a researcher writes in PyTorch, with
the same head; it reads its batches, padded, before its turn.

A run is an epoch. Its time ends with its last step: the state that fit_model then writes for a fit
that is killed, and the peer does without, is not in it. It is told beside it.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from model.config import HeadConfig
from model.training.training_config import FitConfig
from tests.benchmarks.measure import Comparison, Turns, Worker, alternate
from tests.peers.fine_tuning_loop import LoopJob
from tests.peers.job import write_job

HEAD = HeadConfig()
SEED = 1
PEER = "tests.peers.fine_tuning_loop"
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
"""Keras's name of a precision, by PyTorch's."""


@dataclass(frozen=True)
class FineTuning:
    """What both sides are given.

    Attributes:
        checkpoint: directory of the encoder that both start from.
        windows: token ids of each text.
        labels: the class of each text, from 0.
        fit: how to fit.
        precision: of the encoder.
        device: as PyTorch calls it; Keras takes a GPU where there is one.
    """

    checkpoint: Path
    windows: Sequence[tuple[int, ...]]
    labels: Sequence[int]
    fit: FitConfig
    precision: str
    device: str = "cpu"

    @property
    def emotions(self) -> tuple[str, ...]:
        """The classes; what they are called is all the same."""
        return tuple(map(str, range(max(self.labels) + 1)))

    def targets(self) -> Any:
        """Returns float32 `[texts, emotions]`."""
        return np.eye(len(self.emotions), dtype=np.float32)[list(self.labels)]

    def as_loop(self) -> LoopJob:
        """Returns what the peer is told."""
        return LoopJob(
            checkpoint=str(self.checkpoint),
            n_classes=len(self.emotions),
            hidden_units=HEAD.hidden_units,
            dropout=HEAD.dropout,
            learning_rate=self.fit.learning_rate,
            weight_decay=self.fit.weight_decay,
            precision=self.precision,
            device=self.device,
        )


def compare(
    suite: str,
    work: FineTuning,
    what: str,
    backend: str,
    runs: int,
    environment: Mapping[str, str] | None = None,
    peer_python: str = sys.executable,
) -> Comparison:
    """Returns the seconds of an epoch of each side, the first epoch left out.

    Args:
        suite, what: see `Comparison`.
        work: what to train.
        backend: Keras's, for our side.
        runs: epochs of each side.
        environment: variables of both sides.
        peer_python: the interpreter that has PyTorch.
    """
    # One epoch is left out, and where one more begins, the last turn ends.
    work = replace(work, fit=replace(work.fit, epochs=runs + 2, keep="last", patience=0))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "work.json").write_bytes(TypeAdapter(FineTuning).dump_json(work))
        write_job(folder, work.as_loop())
        for_keras = {**(environment or {}), "KERAS_BACKEND": backend}
        write = [sys.executable, "-m", __name__, "batches", str(folder)]
        subprocess.run(write, env=os.environ | for_keras, check=True)
        ours = stack.enter_context(Worker((__name__, "ours", str(folder)), for_keras))
        peer = stack.enter_context(Worker((PEER, str(folder)), environment, peer_python))
        print(f"{what}: the first epoch took ours {ours.last_seconds:.1f} s and the peer", end=" ")
        print(f"{peer.last_seconds:.1f} s (left out)", flush=True)
        seconds = alternate(ours.run, peer.run, runs)
        print(f"  ours then kept its state for {ours.last_rest:.2f} s (left out)", flush=True)
    return Comparison(suite, what, *seconds, len(work.windows), "texts/s")


def run_ours(work: FineTuning, folder: Path) -> None:
    """Fits, an epoch a turn."""
    turns = Turns()
    from model.network.backend import start_keras

    start_keras()
    import keras

    from model.config import ClassifierConfig, TextConfig
    from model.network.emotion_classifier import EmotionClassifier
    from model.network.hugging_face import load_encoder_config, load_encoder_weights
    from model.training.batches import TextBatches
    from model.training.fitting import HeadModel, class_weights, fit_model
    from schemas.emotions import Modality

    class TimedBatches(TextBatches):
        """Keras counts its epochs from 1: in epoch 0 it may look at a batch."""

        def on_epoch_begin(self) -> None:
            if self.epoch > 1:
                turns.answer()
            if self.epoch > 0:
                turns.wait()

        def on_epoch_end(self) -> None:
            # A GPU lags behind: what it is asked for last, it gives when all else is done.
            keras.ops.convert_to_numpy(keras.ops.zeros(1) + 1)
            turns.stop()
            super().on_epoch_end()

    keras.utils.set_random_seed(SEED)
    encoder = load_encoder_config(work.checkpoint)
    text = TextConfig(window_tokens=encoder.max_window_tokens)
    classifier = EmotionClassifier(
        ClassifierConfig(work.emotions, HEAD, text, encoder),
        text_precision=POLICIES[work.precision],
    )
    assert classifier.text_encoder
    load_encoder_weights(classifier.text_encoder.backbone, work.checkpoint)
    targets = work.targets()
    fit_model(
        HeadModel(classifier, Modality.TEXT),
        TimedBatches(work.windows, targets, work.fit.batch_size, SEED),
        None,
        work.fit,
        folder / "fit",
        "Benchmark",
        class_weights(targets, work.fit),
    )


def write_batches(work: FineTuning, folder: Path) -> None:
    """Writes the batches that ours makes of each epoch, for the peer."""
    from model.network.backend import start_keras

    start_keras()
    from model.training.batches import TextBatches

    batches = TextBatches(work.windows, work.targets(), work.fit.batch_size, SEED)
    # Ours counts its epochs from 1, and stops where one more than the peer's would begin.
    for epoch in range(1, work.fit.epochs):
        batches.start_epoch(epoch)
        path = folder / "batches" / f"epoch-{epoch:03d}"
        path.mkdir(parents=True)
        for number in range(len(batches)):
            inputs, targets = batches[number]
            np.savez(
                path / f"batch-{number:03d}.npz",
                token_ids=inputs["token_ids"][:, 0],
                mask=inputs["token_mask"][:, 0],
                labels=targets.argmax(axis=1),
            )


def main() -> None:
    """Is our side, or writes the batches of both."""
    side, folder = sys.argv[1], Path(sys.argv[2])
    work = TypeAdapter(FineTuning).validate_json((folder / "work.json").read_bytes())
    if side == "ours":
        run_ours(work, folder)
    else:
        write_batches(work, folder)


if __name__ == "__main__":
    main()
