"""Makes golden hidden states with Transformers' own models.

Run as `python -m tests.model.reference_encoders`; it needs PyTorch, which `make test-reference`
installs. Each golden file holds a tiny checkpoint's config, its weights, a batch, and what
Transformers says of it, so that `make test` needs no PyTorch.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

HERE = Path(__file__).parent / "network"
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


def reference_config(case: str) -> Any:
    """Returns Transformers' config of a case."""
    from transformers import AutoConfig

    settings = SIZES | CASES[case]
    return AutoConfig.for_model(settings.pop("model_type"), **settings)


def save_reference(case: str, path: Path, *, prefixed: bool = False) -> Any:
    """Saves a random checkpoint as Transformers does, and returns its model.

    Every weight is drawn anew, LayerNorms and token types among them: as initialised these are 1
    and 0, which would hide that one is left out.
    """
    import torch
    from transformers import AutoModel, AutoModelForMaskedLM

    torch.manual_seed(3)
    factory = AutoModelForMaskedLM if prefixed else AutoModel
    model = factory.from_config(reference_config(case)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0 if parameter.ndim > 1 else 0.5, 0.3)
    model.save_pretrained(path)
    return model.base_model


def example_batch(pad_token_id: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Returns token ids and mask of texts of 20, 7 and 2 tokens."""
    mask = np.arange(20) < np.array([[20], [7], [2]])
    token_ids = np.random.default_rng(5).integers(4, SIZES["vocab_size"], mask.shape)
    return np.where(mask, token_ids, pad_token_id), mask


def reference_states(model: Any, token_ids: Any, mask: Any) -> Any:
    """Returns Transformers' hidden states of a batch."""
    import torch

    with torch.no_grad():
        output = model(torch.tensor(token_ids), attention_mask=torch.tensor(mask).long())
    return output.last_hidden_state.numpy()


def golden_path(case: str) -> Path:
    """Returns where a case's golden file lies."""
    return HERE / f"golden_{case}.safetensors"


def main() -> int:
    """Writes the golden files."""
    import tempfile

    for case, settings in CASES.items():
        with tempfile.TemporaryDirectory() as directory:
            model = save_reference(case, Path(directory))
            token_ids, mask = example_batch(settings["pad_token_id"])
            tensors = load_file(Path(directory) / "model.safetensors")
            config = json.loads((Path(directory) / "config.json").read_text(encoding="utf-8"))
        tensors["golden.states"] = reference_states(model, token_ids, mask)
        tensors["golden.token_ids"] = token_ids.astype(np.int32)
        tensors["golden.mask"] = mask.astype(np.uint8)
        save_file(tensors, golden_path(case), metadata={"config": json.dumps(config)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
