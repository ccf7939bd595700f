"""RoBERTa-base fine-tuned on a GPU beside a plain PyTorch loop: `make bench SUITE=gpu_training`.

The model code as it is, on Keras's PyTorch backend, and on its JAX backend where JAX sees a GPU;
see `fine_tuning` for the sides. Weights and tokens are random: nothing is fetched.
"""

import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import machine_lines, suite_arguments, write_json

NEEDED = ("torch", "transformers", "keras", "pydantic", "safetensors", "tokenizers", "emoji")
NEEDED += ("numpy", "sklearn", "matplotlib")
ROBERTA_BASE = {
    "vocab_size": 50265,
    "max_position_embeddings": 514,
    "type_vocab_size": 1,
    "layer_norm_eps": 1e-5,
}
"""Of roberta-base's `config.json`; the others are Transformers' defaults."""
TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
TINY |= {"intermediate_size": 64, "vocab_size": 1000}
N_TEXTS, N_TEXTS_SMOKE = 2048, 64
FEWEST_TOKENS, MOST_TOKENS = 32, 64
"""Of a text, drawn evenly; a batch is padded to a multiple of 8."""
EMOTIONS = 6
ENVIRONMENT = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
"""Each framework takes the GPU's memory as it needs it: the sides share one GPU."""
SEED = 1


def save_checkpoint(path: Path, settings: dict[str, Any]) -> None:
    """Writes a RoBERTa of random weights, as Transformers does."""
    import torch
    from transformers import AutoModel, RobertaConfig

    torch.manual_seed(SEED)
    AutoModel.from_config(RobertaConfig(**settings)).save_pretrained(path)


def keras_backends() -> list[str]:
    """Returns the backends that can train on this machine's GPU."""
    if find_spec("jax") is None:
        return ["torch"]
    # In a process of its own: this one is to hold none of the GPU.
    told = subprocess.run(
        [sys.executable, "-c", "import jax; print(jax.default_backend())"],
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    return ["torch", "jax"] if told.stdout.strip() == "gpu" else ["torch"]


def main() -> int:
    """Compares each backend with the loop; 2 where this machine cannot."""
    parser = suite_arguments(__doc__)
    parser.add_argument(
        "--smoke", action="store_true", help="a tiny encoder on the CPU: does the suite run?"
    )
    arguments = parser.parse_args()
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        print(f"{sys.executable} has no {', '.join(missing)}", file=sys.stderr)
        return 2
    import numpy as np
    import torch

    from model.training.training_config import FitConfig
    from tests.benchmarks.fine_tuning import FineTuning, compare

    smoke = arguments.smoke
    if not smoke and not torch.cuda.is_available():
        print("PyTorch sees no GPU; --smoke tries the suite on the CPU", file=sys.stderr)
        return 2
    device = "the CPU" if smoke else torch.cuda.get_device_name()
    print(f"ours and the peer on {device}")
    for line in machine_lines(("keras", "torch", "jax", "transformers", "numpy")):
        print(line, flush=True)
    rng = np.random.default_rng(SEED)
    settings = ROBERTA_BASE | (TINY if smoke else {})
    n_texts = N_TEXTS_SMOKE if smoke else N_TEXTS
    comparisons = []
    with tempfile.TemporaryDirectory() as directory:
        save_checkpoint(Path(directory), settings)
        work = FineTuning(
            checkpoint=Path(directory),
            windows=[
                tuple(rng.integers(4, settings["vocab_size"], length).tolist())
                for length in rng.integers(FEWEST_TOKENS, MOST_TOKENS + 1, n_texts)
            ],
            labels=[index % EMOTIONS for index in range(n_texts)],
            fit=FitConfig(batch_size=32, learning_rate=2e-5, weight_decay=0.01),
            precision="bfloat16",
            device="cpu" if smoke else "cuda",
        )
        for backend in ["torch"] if smoke else keras_backends():
            size = "a tiny encoder" if smoke else "RoBERTa-base"
            what = f"an epoch of {n_texts} texts, {size}, bfloat16, Keras on {backend}, {device}"
            comparisons.append(
                compare("gpu_training", work, what, backend, arguments.runs, ENVIRONMENT)
            )
            print("\n".join(comparisons[-1].lines()), flush=True)
    if arguments.json:
        write_json(comparisons, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
