"""The model code trains and scores on Keras's other backends as it does on TensorFlow's; and `make
bench`'s suites of a GPU, which rest on that, run. `make test-reference` runs it.

PyTorch is the peers': our code runs on it in their environment, without TensorFlow.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.peers.interpreter import peers_python
from tests.support.tiny_models import save_tiny_artifact

# Of losses about 1: rounding alone. bfloat16's steps are 0.008 there, and the backends' products
# and softmaxes round at other places.
LARGEST_DIFFERENCE = {"float32": 1e-5, "mixed_bfloat16": 8e-3}


def run(
    python: str, module: str, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-m", module, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def python_with(backend: str) -> str:
    """PyTorch is the peers'; the others are looked for in this environment."""
    return peers_python() if backend == "torch" else sys.executable


def losses_of(backend: str, folder: Path) -> dict[str, list[float]]:
    folder.mkdir()
    module = "tests.reference.fit_on_a_backend"
    done = run(python_with(backend), module, str(folder), KERAS_BACKEND=backend)
    assert done.returncode == 0, done.stderr
    losses: dict[str, list[float]] = json.loads((folder / "losses.json").read_text("utf-8"))
    return losses


def test_pytorch_backend_trains_as_tensorflow(tmp_path: Path) -> None:
    expected = losses_of("tensorflow", tmp_path / "tensorflow")
    losses = losses_of("torch", tmp_path / "torch")
    assert losses.keys() == expected.keys() == LARGEST_DIFFERENCE.keys()
    for policy, (first, second) in expected.items():
        error = max(abs(first - losses[policy][0]), abs(second - losses[policy][1]))
        print(f"\n{policy}: losses {first:.6f} and {second:.6f}, at most {error:.1e} apart")
        assert error < LARGEST_DIFFERENCE[policy]
        # Else it has not learned, and the agreement says little.
        assert second < first - 0.1


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_other_backends_score_as_tensorflow(tmp_path: Path, backend: str) -> None:
    if backend != "torch":
        pytest.importorskip(backend)
    save_tiny_artifact(tmp_path / "model")
    logits = {}
    for each in ("tensorflow", backend):
        module = "tests.reference.score_on_a_backend"
        done = run(python_with(each), module, str(tmp_path), KERAS_BACKEND=each)
        assert done.returncode == 0, done.stderr
        logits[each] = json.loads((tmp_path / "logits.json").read_text("utf-8"))
    assert set(logits[backend]) == {"text", "audio", "text+audio"}
    for head, expected in logits["tensorflow"].items():
        np.testing.assert_allclose(logits[backend][head], expected, atol=1e-4)
        assert np.ptp(expected, axis=0).max() > 1e-3


@pytest.mark.parametrize(
    ("suite", "message"),
    [
        ("gpu_training", "PyTorch sees no GPU; --smoke tries the suite on the CPU"),
        ("gpu", "neither JAX nor PyTorch sees a GPU; --smoke tries the CPU"),
    ],
)
def test_gpu_suites_say_that_there_is_no_gpu(suite: str, message: str) -> None:
    module = f"tests.benchmarks.{suite}"
    done = run(peers_python(), module, CUDA_VISIBLE_DEVICES="", JAX_PLATFORMS="cpu")
    assert done.returncode == 2
    assert done.stderr == f"{message}\n"


def test_gpu_suite_measures_texts_and_clips(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    arguments = ("--smoke", "--runs", "1", "--json", str(path))
    done = run(peers_python(), "tests.benchmarks.gpu", *arguments)
    assert done.returncode == 0, done.stderr
    rows = [row for row in json.loads(path.read_text("utf-8")) if row["what"].endswith(", torch")]
    assert [row["unit"] for row in rows] == ["items/s", "share", "items/s", "items/s"]
    assert all(row["ours"] > 0 for row in rows)


def test_gpu_training_suite_compares_both_sides(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    arguments = ("--smoke", "--runs", "1", "--json", str(path))
    done = run(peers_python(), "tests.benchmarks.gpu_training", *arguments)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(path.read_text(encoding="utf-8"))
    assert min(row.pop("ours"), row.pop("peer"), row.pop("ratio")) > 0
    assert row == {
        "suite": "gpu_training",
        "what": "an epoch of 64 texts, a tiny encoder, bfloat16, Keras on torch, the CPU",
        "unit": "texts/s",
        "runs": 1,
    }
