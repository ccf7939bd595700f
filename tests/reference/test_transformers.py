"""The encoder against Transformers' own PyTorch models, live; `make test-reference` runs it."""

import os
from pathlib import Path

import numpy as np
import pytest

from model.network.backend import start_keras
from tests.peers.encoders import EncoderJob
from tests.peers.interpreter import run_peer
from tests.peers.job import write_job
from tests.support.reference_encoders import CASES, encoder_job, example_batch

start_keras()

import keras  # noqa: E402

from model.network.hugging_face import (  # noqa: E402
    load_encoder_config,
    load_encoder_weights,
    load_tokenizer,
)
from model.network.roberta_backbone import RobertaBackbone  # noqa: E402
from model.preprocessing.text_preprocessor import clean_text  # noqa: E402

MINILM = os.environ.get("MM_EMOR_MINILM")


def our_states(path: Path, token_ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
    backbone = RobertaBackbone(load_encoder_config(path))
    backbone.build((None, None), (None, None))
    load_encoder_weights(backbone, path)
    states: np.ndarray = keras.ops.convert_to_numpy(backbone(token_ids, mask))
    return states


def error_of(job: EncoderJob, token_ids: np.ndarray, mask: np.ndarray, folder: Path) -> float:
    """Returns how far our hidden states are from Transformers'."""
    write_job(folder, job)
    np.savez(folder / "batch.npz", token_ids=token_ids, mask=mask)
    run_peer("tests.peers.encoders", str(folder))
    theirs = np.load(folder / "states.npy")
    error = np.abs(our_states(Path(job.checkpoint), token_ids, mask) - theirs)[mask]
    return float(error.max())


@pytest.mark.parametrize("prefixed", [False, True])
@pytest.mark.parametrize("case", sorted(CASES))
def test_random_checkpoints(case: str, prefixed: bool, tmp_path: Path) -> None:
    token_ids, mask = example_batch(CASES[case]["pad_token_id"])
    job = encoder_job(case, tmp_path / "checkpoint", prefixed=prefixed)
    error = error_of(job, token_ids, mask, tmp_path)
    print(f"{case}, prefixed {prefixed}: largest difference {error:.2e}")
    assert error < 1e-4


@pytest.mark.skipif(not MINILM, reason="MM_EMOR_MINILM names no all-MiniLM-L6-v2 checkpoint")
def test_all_minilm(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(Path(str(MINILM)))
    texts = ["so happy about this!", clean_text("@you see https://t.co/x &lt;3"), "a " * 300]
    encodings = [tokenizer.encode(text) for text in texts]
    width = max(len(encoding.ids) for encoding in encodings)
    mask = np.array([np.arange(width) < len(encoding.ids) for encoding in encodings])
    token_ids = np.zeros(mask.shape, int)
    token_ids[mask] = [token for encoding in encodings for token in encoding.ids]
    error = error_of(EncoderJob(str(MINILM)), token_ids, mask, tmp_path)
    print(f"all-MiniLM-L6-v2: largest difference {error:.2e}")
    assert error < 1e-4
