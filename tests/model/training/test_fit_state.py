"""A fit that is killed at any moment ends as an unbroken one, and leaves its records."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.network.backend import start_keras
from model.training.training_config import FitConfig

start_keras()
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # noqa: E402

import model.training.fitting  # noqa: E402
from model.training.batches import PairBatches  # noqa: E402
from model.training.fitting import (  # noqa: E402
    CURVES_FILE,
    HISTORY_FILE,
    STATE_FILE,
    fit_model,
    read_history,
)
from tests.support.small_fits import (  # noqa: E402
    Outcome,
    assert_same,
    batches_of,
    blank_side,
    one_hot,
    outcome,
    small_model,
)

# Killed fits

N_EPOCHS = 5
KILLABLE = FitConfig(
    epochs=N_EPOCHS, batch_size=8, learning_rate=0.05, accumulate_batches=2, weight_decay=0.01
)
"""Five batches an epoch: gradients wait for the next one at its end."""


def fit_killable(
    folder: Path, fit: FitConfig = KILLABLE, kind: type[PairBatches] = PairBatches
) -> Outcome:
    """A fit with dropout, Adam's moments, gathered gradients and a best epoch to remember."""
    rng = np.random.default_rng(8)
    rows = rng.normal(size=(40, 3)).astype(np.float32)
    targets = one_hot((rows[:, 0] + rng.normal(size=40) > 0).astype(int).tolist())
    validation = (blank_side(rows), one_hot((rows[:, 0] > 0).astype(int).tolist()))
    network = small_model(4, dropout=0.3)
    fit_model(network, batches_of(rows, targets, fit, kind), validation, fit, folder, "made")
    return outcome(network, folder)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole fit."""
    return tmp_path_factory.mktemp("unbroken")


@pytest.fixture(scope="module")
def whole(unbroken: Path) -> Outcome:
    return fit_killable(unbroken)


KILLED = "stands in for the end of the process"


def killed_batch(monkeypatch: pytest.MonkeyPatch) -> type[PairBatches]:
    """In the middle of the third epoch."""

    class Batches(PairBatches):
        def __getitem__(self, index: int) -> Any:
            # Keras looks at the first order to build the model, and trains on the second.
            if (self.epoch, index) == (3, 3):
                raise RuntimeError(KILLED)
            return super().__getitem__(index)

    return Batches


def killed_between(monkeypatch: pytest.MonkeyPatch) -> type[PairBatches]:
    """When the third epoch is over, and its state not yet stored."""

    class Batches(PairBatches):
        def start_epoch(self, epoch: int) -> None:
            if epoch == 4:
                raise RuntimeError(KILLED)
            super().start_epoch(epoch)

    return Batches


def kill_call(monkeypatch: pytest.MonkeyPatch, name: str, number: int, half: bool) -> None:
    """Ends a function of the module at its call of this number, perhaps half done."""
    calls = 0
    function = getattr(model.training.fitting, name)

    def killed(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            if half:
                Path(args[1]).write_bytes(b"\x10\0\0\0\0\0\0\0{half of a he")
            raise RuntimeError(KILLED)
        return function(*args)

    monkeypatch.setattr(model.training.fitting, name, killed)


def killed_while_writing(monkeypatch: pytest.MonkeyPatch) -> type[PairBatches]:
    """The state of the third epoch is half there."""
    kill_call(monkeypatch, "save_file", 3, half=True)
    return PairBatches


def killed_at_the_end(monkeypatch: pytest.MonkeyPatch) -> type[PairBatches]:
    """After the last epoch: the caller has not stored the weights."""
    kill_call(monkeypatch, "draw_curves", 1, half=False)
    return PairBatches


@pytest.mark.parametrize(
    ("kill", "n_stored"),
    [
        (killed_batch, 2),
        (killed_between, 2),
        (killed_while_writing, 2),
        (killed_at_the_end, N_EPOCHS),
    ],
)
def test_a_killed_fit_goes_on_and_ends_the_same(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whole: Outcome,
    kill: Callable[[pytest.MonkeyPatch], type[PairBatches]],
    n_stored: int,
) -> None:
    with monkeypatch.context() as patched, pytest.raises(Exception, match=KILLED):
        fit_killable(tmp_path, kind=kill(patched))
    n_epochs_run = []

    class Counted(PairBatches):
        def start_epoch(self, epoch: int) -> None:
            super().start_epoch(epoch)
            n_epochs_run.append(epoch)

    assert_same(fit_killable(tmp_path, kind=Counted), whole)
    # The first is the constructor's, the second the resumed fit's.
    assert n_epochs_run[:2] == [0, n_stored]


def test_a_fit_is_killed_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Outcome
) -> None:
    for number in (2, 2):
        with monkeypatch.context() as patched:
            kill_call(patched, "save_file", number, half=True)
            with pytest.raises(RuntimeError, match=KILLED):
                fit_killable(tmp_path)
    assert_same(fit_killable(tmp_path), whole)


# Files


@pytest.mark.usefixtures("whole")
def test_the_history_is_what_keras_says_of_each_epoch(unbroken: Path) -> None:
    history = json.loads((unbroken / HISTORY_FILE).read_text(encoding="utf-8"))
    assert list(history) == ["epochs", "kept_epoch"]
    names = {"loss", "accuracy", "macro_f1", "val_loss", "val_accuracy", "val_macro_f1", "seconds"}
    assert [set(epoch) for epoch in history["epochs"]] == [names] * N_EPOCHS
    assert all(epoch["seconds"] > 0 for epoch in history["epochs"])
    best = max(epoch["val_macro_f1"] for epoch in history["epochs"])
    assert history["epochs"][history["kept_epoch"] - 1]["val_macro_f1"] == best
    assert read_history(unbroken) == history["epochs"]


@pytest.mark.usefixtures("whole")
def test_curves_are_drawn(unbroken: Path) -> None:
    assert (unbroken / CURVES_FILE).read_bytes().startswith(b"\x89PNG\r\n")


@pytest.mark.usefixtures("whole")
def test_nothing_else_is_in_the_folder(unbroken: Path) -> None:
    names = sorted(path.name for path in unbroken.iterdir())
    assert names == sorted([CURVES_FILE, HISTORY_FILE, STATE_FILE, "tensorboard"])


def logged(folder: Path, run: str) -> dict[str, list[tuple[int, float]]]:
    """The scalars of TensorBoard's logs of `train` or `validation`: steps and values by tag."""
    events = EventAccumulator(str(folder / "tensorboard" / run))
    events.Reload()
    return {
        tag: [
            (event.step, float(np.frombuffer(event.tensor_proto.tensor_content, np.float32)[0]))
            if event.tensor_proto.tensor_content
            else (event.step, event.tensor_proto.float_val[0])
            for event in events.Tensors(tag)
        ]
        for tag in events.Tags()["tensors"]
    }


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize(("run", "prefix"), [("train", ""), ("validation", "val_")])
def test_tensorboard_has_the_scores_of_each_epoch(unbroken: Path, run: str, prefix: str) -> None:
    history = read_history(unbroken)
    scalars = logged(unbroken, run)
    for name in ("loss", "accuracy", "macro_f1"):
        assert scalars[f"epoch_{name}"] == [
            (index, pytest.approx(epoch[prefix + name], abs=1e-6))
            for index, epoch in enumerate(history)
        ]
