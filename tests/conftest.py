"""What the tests share: tiny artifacts, the real data where it is, and the kinds of tests."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:
    # A worker a core: more threads than that take turns. Set before any library reads them.
    for _variable in (
        *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS"),
        *("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
    ):
        os.environ.setdefault(_variable, "1")

import pytest
from hypothesis import HealthCheck, settings

from beam_jobs.commands.cli import main
from beam_jobs.items.privacy import Privacy
from beam_jobs.items.pseudonyms import KEY_VARIABLE, key_fingerprint
from tests.support.author_key import KEY
from tests.support.command_line import Run
from tests.support.kinds_of_tests import KeepUnitTestsLight, MarkTests
from tests.support.make_tiny_artifact import TINY_ARTIFACT

DATA_VARIABLE = "MM_EMOR_DATA"

# In a fresh clone, Hypothesis first builds its table of Unicode, which looks like slow generation.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the flag of `make test-unit`."""
    parser.addoption(
        "--unit",
        action="store_true",
        help="run no test that is marked job or tensorflow; fail others that run either",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Registers the hooks for all directories; those of a conftest are for its own."""
    config.pluginmanager.register(MarkTests())
    if config.getoption("--unit"):
        config.pluginmanager.register(KeepUnitTestsLight())


@pytest.fixture(scope="session")
def tiny_artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported artifact with text, audio and fused heads, of random weights: a copy."""
    return Path(shutil.copytree(TINY_ARTIFACT, tmp_path_factory.mktemp("artifact") / "tiny"))


@pytest.fixture(scope="session")
def trained_artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same artifact as training leaves it, not exported in int8; made with TensorFlow."""
    from model.scoring.conversion import convert_artifact
    from tests.support.tiny_models import save_tiny_artifact

    path = tmp_path_factory.mktemp("artifact") / "trained"
    convert_artifact(save_tiny_artifact(path))
    return path


@pytest.fixture(scope="module")
def eager_tensorflow() -> Iterator[None]:
    """Has TensorFlow run operation by operation: without graphs a fit of few items is faster.

    For what is measured of a trained model; how it is trained is tested as users train.
    """
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def privacy(monkeypatch: pytest.MonkeyPatch) -> Privacy:
    """What a run that has a key for its authors may not show."""
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    return Privacy(author_key=key_fingerprint())


@pytest.fixture
def mm_emor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command line: exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mm-emor", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        printed = capsys.readouterr()
        assert isinstance(caught.value.code, int)
        return caught.value.code, printed.out, printed.err

    return run


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The directory of real corpora; tests that use it are left out where there is none."""
    if DATA_VARIABLE not in os.environ:
        pytest.skip(f"{DATA_VARIABLE} names no directory of real data")
    return Path(os.environ[DATA_VARIABLE])
