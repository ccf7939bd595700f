"""The head of a classifier, from Keras to PyTorch: `hidden` and `logits`, both dense."""

from pathlib import Path
from typing import Any

import numpy as np


def save_head(path: Path, head: Any) -> None:
    """Writes a Keras head, by PyTorch's names and turned as PyTorch's weights are."""
    arrays = {}
    for name in ("hidden", "logits"):
        kernel, arrays[f"{name}.bias"] = getattr(head, name).get_weights()
        arrays[f"{name}.weight"] = kernel.T
    np.savez(path, **arrays)


def load_head(path: Path) -> tuple[Any, Any]:
    """Returns both layers in PyTorch."""
    import torch

    arrays = np.load(path)
    layers = []
    for name in ("hidden", "logits"):
        weight, bias = (torch.tensor(arrays[f"{name}.{part}"]) for part in ("weight", "bias"))
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
        layer.load_state_dict({"weight": weight, "bias": bias})
        layers.append(layer)
    return layers[0], layers[1]
