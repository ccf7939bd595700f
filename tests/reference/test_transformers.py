"""The encoder against Transformers' own PyTorch models, live; `make test-reference` runs it."""

import os
from pathlib import Path

import numpy as np
import pytest

from model.network.backend import start_keras
from tests.model.reference_encoders import CASES, example_batch, reference_states, save_reference

pytest.importorskip("torch", reason="needs PyTorch: make test-reference")
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


@pytest.mark.parametrize("prefixed", [False, True])
@pytest.mark.parametrize("case", sorted(CASES))
def test_random_checkpoints(case: str, prefixed: bool, tmp_path: Path) -> None:
    model = save_reference(case, tmp_path, prefixed=prefixed)
    token_ids, mask = example_batch(CASES[case]["pad_token_id"])
    theirs = reference_states(model, token_ids, mask)
    error = np.abs(our_states(tmp_path, token_ids, mask) - theirs)[mask].max()
    print(f"{case}, prefixed {prefixed}: largest difference {error:.2e}")
    assert error < 1e-4


@pytest.mark.skipif(not MINILM, reason="MM_EMOR_MINILM names no all-MiniLM-L6-v2 checkpoint")
def test_all_minilm() -> None:
    from transformers import AutoModel

    path = Path(str(MINILM))
    tokenizer = load_tokenizer(path)
    texts = ["so happy about this!", clean_text("@you see https://t.co/x &lt;3"), "a " * 300]
    encodings = [tokenizer.encode(text) for text in texts]
    width = max(len(encoding.ids) for encoding in encodings)
    mask = np.array([np.arange(width) < len(encoding.ids) for encoding in encodings])
    token_ids = np.zeros(mask.shape, int)
    token_ids[mask] = [token for encoding in encodings for token in encoding.ids]
    theirs = reference_states(AutoModel.from_pretrained(path).eval(), token_ids, mask)
    error = np.abs(our_states(path, token_ids, mask) - theirs)[mask].max()
    print(f"all-MiniLM-L6-v2: largest difference {error:.2e}")
    assert error < 1e-4
