"""What each extra brings, and what is said where one is missing."""

import sys
from pathlib import Path

import pytest

from model.errors import UserError
from model.extras import Extra, MissingExtraError, is_installed, require_extra
from model.network.backend import start_keras
from model.scoring import engine
from model.scoring.artifact import Artifact
from model.scoring.engine import choose_engine
from model.storage import open_client
from tests.support import extra_commands
from tests.support.command_line import Run


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An installation without any extra."""
    open_client.cache_clear()
    for name in extra_commands.MODULES:
        monkeypatch.setitem(sys.modules, name, None)
    return monkeypatch


@pytest.mark.parametrize(("arguments", "line"), extra_commands.COMMANDS)
@pytest.mark.usefixtures("base")
def test_a_command_without_its_extra_names_it(
    mm_emor: Run,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: tuple[str, ...],
    line: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert mm_emor(*arguments) == (2, "", line)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("base")
def test_keras_is_not_started_where_it_is_not_installed() -> None:
    with pytest.raises(
        MissingExtraError,
        match=r"^Keras needs packages that are not installed \(keras, tensorflow\): run `make ins",
    ):
        start_keras()


def test_a_backend_of_keras_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    with pytest.raises(UserError, match=r"^KERAS_BACKEND is 'theano', which is not installed$"):
        start_keras()


def test_a_gpu_without_tensorflow_leaves_an_exported_model_on_the_processor(
    base: pytest.MonkeyPatch,
) -> None:
    base.setattr(engine, "has_gpu_device", lambda: True)
    chosen = choose_engine(Artifact.load("default"))
    assert (chosen.name, chosen.device) == ("openvino", "cpu")


@pytest.mark.usefixtures("base")
def test_other_machines_are_asked_for_nothing() -> None:
    """Their packages are not known here."""
    artifact = Artifact.load("default")
    chosen = choose_engine(artifact, "tensorflow", require_gpu=True, is_local=False)
    assert (chosen.name, chosen.device) == ("tensorflow", "gpu")


def test_only_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for extra in (Extra.TRAIN, Extra.EXPORT, Extra.GCP):
        require_extra(extra, "this")
    monkeypatch.setitem(sys.modules, "librosa", None)
    assert not is_installed("librosa")
    require_extra(Extra.TRAIN, "this", ("sklearn",))
    with pytest.raises(MissingExtraError, match=r"^this needs .* \(librosa\): "):
        require_extra(Extra.TRAIN, "this")
