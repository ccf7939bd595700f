"""The model code trains on Keras's PyTorch backend as it does on TensorFlow's; and `make bench`'s
suite of a GPU, which rests on that, runs. `make test-reference` runs it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs PyTorch: make test-reference")

# Of losses about 1: rounding alone. bfloat16 has three digits, and the backends' products and
# softmaxes round at other places.
LARGEST_DIFFERENCE = {"float32": 1e-5, "mixed_bfloat16": 5e-3}


def run(module: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def losses_of(backend: str, folder: Path) -> dict[str, list[float]]:
    folder.mkdir()
    done = run("tests.reference.fit_on_a_backend", str(folder), KERAS_BACKEND=backend)
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


def test_gpu_suite_says_that_there_is_no_gpu() -> None:
    done = run("tests.benchmarks.gpu", CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 2
    assert done.stderr == "PyTorch sees no GPU; --smoke tries the suite on the CPU\n"


def test_gpu_suite_compares_both_sides(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    done = run("tests.benchmarks.gpu", "--smoke", "--runs", "1", "--json", str(path))
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(path.read_text(encoding="utf-8"))
    assert min(row.pop("ours"), row.pop("peer"), row.pop("ratio")) > 0
    assert row == {
        "suite": "gpu",
        "what": "an epoch of 64 texts, a tiny encoder, bfloat16, Keras on torch, the CPU",
        "unit": "texts/s",
        "runs": 1,
    }
