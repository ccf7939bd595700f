"""One step of training in PyTorch: loss and gradients before it, weights after it.

Run as `python -m tests.peers.training_step FOLDER`. The folder has

- `batch.npz`: `token_ids` and `mask`, `[batch, length]`; `targets`, float32 `[batch, classes]`;
- `head.npz`: see `tests.peers.head`.

The program leaves `loss.json`, `gradients.safetensors` and `after.safetensors` there, by PyTorch's
names: the encoder's begin with `encoder.`.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.peers.head import load_head
from tests.peers.job import read_job


@dataclass(frozen=True)
class TrainingStepJob:
    """How to train.

    Attributes:
        checkpoint: directory of Transformers' encoder. It is trained without dropout.
        learning_rate, beta_2, epsilon, weight_decay: of AdamW.
        label_smoothing: of the cross entropy.
        l2: weight of the penalty on the hidden layer's kernel.
    """

    checkpoint: str
    learning_rate: float
    beta_2: float
    epsilon: float
    weight_decay: float
    label_smoothing: float
    l2: float


def build_classifier(checkpoint: str, head: Path) -> Any:
    """Returns Transformers' encoder, the masked average, and the head, as a PyTorch module."""
    import torch
    from transformers import AutoModel

    class Classifier(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = AutoModel.from_pretrained(
                checkpoint, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
            )
            self.hidden, self.logits = load_head(head)

        def forward(self, token_ids: Any, mask: Any) -> Any:
            states = self.encoder(token_ids, attention_mask=mask.long()).last_hidden_state
            weights = mask.to(states.dtype)[:, :, None]
            features = (states * weights).sum(dim=1) / weights.sum(dim=1)
            return self.logits(torch.relu(self.hidden(features)))

    return Classifier().train()


def main() -> None:
    """Takes the step."""
    import torch
    from safetensors.torch import save_file

    folder = Path(sys.argv[1])
    job = read_job(folder, TrainingStepJob)
    batch = np.load(folder / "batch.npz")
    token_ids, mask, targets = (
        torch.tensor(batch[name]) for name in ("token_ids", "mask", "targets")
    )
    model = build_classifier(job.checkpoint, folder / "head.npz")
    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=job.learning_rate,
        betas=(0.9, job.beta_2),
        eps=job.epsilon,
        weight_decay=job.weight_decay,
    )
    loss = torch.nn.functional.cross_entropy(
        model(token_ids, mask), targets, label_smoothing=job.label_smoothing
    )
    loss = loss + job.l2 * model.hidden.weight.square().sum()
    loss.backward()
    # The pooler has no part in it.
    weights = {name: each for name, each in model.named_parameters() if each.grad is not None}
    gradients = {name: weight.grad.clone().contiguous() for name, weight in weights.items()}
    save_file(gradients, folder / "gradients.safetensors")
    optimizer.step()
    after = {name: weight.detach().contiguous() for name, weight in weights.items()}
    save_file(after, folder / "after.safetensors")
    (folder / "loss.json").write_text(json.dumps(loss.item()), encoding="utf-8")


if __name__ == "__main__":
    main()
