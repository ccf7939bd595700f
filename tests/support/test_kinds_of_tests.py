"""What starts TensorFlow is found without importing it, and a unit test that does either fails."""

import re
from importlib.util import module_from_spec
from pathlib import Path

import apache_beam as beam
import pytest

from tests.support.kinds_of_tests import KeepUnitTestsLight
from tests.support.starts_tensorflow import ROOT, starts_tensorflow


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import keras\n", True),
        ("from tensorflow.data import Dataset\n", True),
        ("from model.network.backend import start_keras\n\nstart_keras()\n", True),
        ("from model.training import train\n", True),
        ("try:\n    import keras\nexcept ImportError:\n    pass\n", True),
        ("def build():\n    import keras\n", False),
        ("if TYPE_CHECKING:\n    import keras\n", False),
        ("from model.scoring.scorer import EmotionScorer\n", False),
        ("from model.network.backend import start_keras\n", False),
        ("import kerastuner\n", False),
    ],
)
def test_what_starts_tensorflow_on_import(tmp_path: Path, text: str, expected: bool) -> None:
    path = tmp_path / "module.py"
    path.write_text(text, encoding="utf-8")
    assert starts_tensorflow(path) is expected


def test_of_our_own_modules() -> None:
    assert starts_tensorflow(ROOT / "model/scoring/keras_engine.py")
    assert starts_tensorflow(ROOT / "model/paper/reproduction.py")
    assert not starts_tensorflow(ROOT / "beam_jobs/commands/cli.py")
    assert not starts_tensorflow(ROOT / "model/cli.py")


def test_a_unit_test_that_imports_tensorflow_fails() -> None:
    light = KeepUnitTestsLight()
    assert light.find_spec("numpy", None) is None
    for name in ("tensorflow", "keras"):
        message = f"a unit test imports {name}: mark it `tensorflow`"
        spec = light.find_spec(name, None)
        assert spec is not None
        with pytest.raises(pytest.fail.Exception, match=re.escape(message)):
            module_from_spec(spec)


@pytest.mark.job
def test_a_unit_test_that_runs_a_pipeline_fails() -> None:
    watched = KeepUnitTestsLight().pytest_runtest_protocol()
    next(watched)
    with pytest.raises(pytest.fail.Exception, match="a unit test runs a pipeline: mark it `job`"):
        beam.Pipeline().run()
    with pytest.raises(StopIteration):
        next(watched)
    assert beam.Pipeline().run().wait_until_finish() == "DONE"
