"""Transformers' encoders: random checkpoints, and hidden states of a batch.

Run as `python -m tests.peers.encoders FOLDER…`. Where a folder has a `batch.npz` with `token_ids`
and `mask`, both `[batch, length]`, the program leaves `states.npy`, float32
`[batch, length, hidden_size]`, beside it.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.peers.job import read_job


@dataclass(frozen=True)
class EncoderJob:
    """An encoder to make or to read.

    Attributes:
        checkpoint: its directory.
        config: Transformers' settings of a random encoder, which is saved to that directory. None
            reads the encoder that is there.
        prefixed: whether it is saved with a head for masked tokens: its names then have a prefix.
    """

    checkpoint: str
    config: dict[str, Any] | None = None
    prefixed: bool = False


def save_random_encoder(job: EncoderJob) -> Any:
    """Saves a random checkpoint as Transformers does, and returns its model.

    Every weight is drawn anew, LayerNorms and token types among them: as initialised these are 1
    and 0, which would hide that one is left out.
    """
    import torch
    from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM

    torch.manual_seed(3)
    factory = AutoModelForMaskedLM if job.prefixed else AutoModel
    model = factory.from_config(AutoConfig.for_model(**job.config or {})).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0 if parameter.ndim > 1 else 0.5, 0.3)
    model.save_pretrained(job.checkpoint)
    return model.base_model


def hidden_states(model: Any, token_ids: Any, mask: Any) -> Any:
    """Returns the model's hidden states of a batch."""
    import torch

    with torch.no_grad():
        output = model(torch.tensor(token_ids), attention_mask=torch.tensor(mask).long())
    return output.last_hidden_state.numpy()


def main() -> None:
    """Does the job of each folder."""
    from transformers import AutoModel

    for folder in map(Path, sys.argv[1:]):
        job = read_job(folder, EncoderJob)
        if job.config:
            model = save_random_encoder(job)
        else:
            model = AutoModel.from_pretrained(job.checkpoint).eval()
        if (folder / "batch.npz").exists():
            batch = np.load(folder / "batch.npz")
            states = hidden_states(model, batch["token_ids"], batch["mask"])
            np.save(folder / "states.npy", states)


if __name__ == "__main__":
    main()
