"""Makes golden hidden states with Transformers' own models.

Run as `python -m tests.support.reference_encoders`; MM_EMOR_PEERS names the Python that has
PyTorch. Each golden file holds a tiny checkpoint's config, its weights, a batch, and what
Transformers says of it, so that `make test` needs no PyTorch.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from tests.peers.encoders import EncoderJob
from tests.peers.interpreter import run_peer
from tests.peers.job import write_job

HERE = Path(__file__).parents[1] / "model" / "network"
SIZES = {
    "vocab_size": 61,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
}
CASES: dict[str, dict[str, Any]] = {
    "roberta": {
        "model_type": "roberta",
        "max_position_embeddings": 22,
        "type_vocab_size": 1,
        "pad_token_id": 1,
        "layer_norm_eps": 1e-5,
        "hidden_act": "gelu",
    },
    "bert": {
        "model_type": "bert",
        "max_position_embeddings": 20,
        "type_vocab_size": 2,
        "pad_token_id": 0,
        "layer_norm_eps": 1e-12,
        "hidden_act": "gelu_new",
    },
}


def encoder_job(case: str, checkpoint: Path, *, prefixed: bool = False) -> EncoderJob:
    """Returns what makes a case's random checkpoint."""
    return EncoderJob(str(checkpoint), SIZES | CASES[case], prefixed)


def example_batch(pad_token_id: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Returns token ids and mask of texts of 20, 7 and 2 tokens."""
    mask = np.arange(20) < np.array([[20], [7], [2]])
    token_ids = np.random.default_rng(5).integers(4, SIZES["vocab_size"], mask.shape)
    return np.where(mask, token_ids, pad_token_id), mask


def golden_path(case: str) -> Path:
    """Returns where a case's golden file lies."""
    return HERE / f"golden_{case}.safetensors"


def main() -> int:
    """Writes the golden files."""
    for case, settings in CASES.items():
        with tempfile.TemporaryDirectory() as directory:
            folder = Path(directory)
            token_ids, mask = example_batch(settings["pad_token_id"])
            write_job(folder, encoder_job(case, folder / "checkpoint"))
            np.savez(folder / "batch.npz", token_ids=token_ids, mask=mask)
            run_peer("tests.peers.encoders", directory)
            tensors = load_file(folder / "checkpoint" / "model.safetensors")
            config = json.loads((folder / "checkpoint" / "config.json").read_text("utf-8"))
            tensors["golden.states"] = np.load(folder / "states.npy")
        tensors["golden.token_ids"] = token_ids.astype(np.int32)
        tensors["golden.mask"] = mask.astype(np.uint8)
        save_file(tensors, golden_path(case), metadata={"config": json.dumps(config)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
