"""The peers' environment: its pins, and what its programs may import."""

import re
from pathlib import Path

import pytest

from tests.test_layering import LAYERS, imports_of

ROOT = Path(__file__).parents[1]


def pins_of(name: str) -> dict[str, set[str]]:
    """Returns each package's pins, with their conditions."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    pins: dict[str, set[str]] = {}
    for package, pin in re.findall(r"^([a-z0-9_.-]+)(?:\[.*\])?==([^\s]+)", text, re.M):
        pins.setdefault(package, set()).add(pin)
    return pins


def test_what_both_environments_have_is_equal() -> None:
    peers, ours = pins_of("peers"), pins_of("dev")
    shared = peers.keys() & ours.keys()
    assert {"keras", "librosa", "numpy", "scikit-learn", "tokenizers", "transformers"} <= shared
    assert {name: peers[name] for name in shared} == {name: ours[name] for name in shared}


@pytest.mark.parametrize("name", ["base", "train", "gcp", "gpu", "dev"])
def test_pytorch_and_tensorflow_are_apart(name: str) -> None:
    assert "torch" not in pins_of(name)
    assert pins_of("peers")["torch"] == {"2.13.0"}
    assert not {package for package in pins_of("peers") if package.startswith("tensorflow")}


def test_peers_import_nothing_of_ours() -> None:
    files = sorted((ROOT / "tests" / "peers").glob("*.py"))
    assert files
    allowed = {"tests.benchmarks.measure"}
    for path in files:
        for name in imports_of(path):
            assert name.partition(".")[0] not in {*LAYERS, "tensorflow"}, path
            assert (
                not name.startswith("tests.") or name in allowed or name.startswith("tests.peers.")
            ), path


def test_only_peers_and_suites_of_a_gpu_import_pytorch() -> None:
    """What imports it beside our code on TensorFlow ends in a segmentation fault."""
    using = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("*.py")
        if "torch" in {name.partition(".")[0] for name in imports_of(path)}
        and path.parent.name != "peers"
    }
    assert using == {"tests/benchmarks/gpu_training.py"}
