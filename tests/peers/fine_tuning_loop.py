"""The training loop that a researcher writes in PyTorch; an epoch a turn, in turn with ours.

Run as `python -m tests.peers.fine_tuning_loop FOLDER`. The folder has the padded batches of each
epoch, `batches/epoch-NNN/batch-NNN.npz`, with `token_ids` and `mask`, `[batch, length]`, and
`labels`, `[batch]`; they are read before the epoch's turn.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.measure import Turns
from tests.peers.job import read_job

SEED = 1


@dataclass(frozen=True)
class LoopJob:
    """What to train.

    Attributes:
        checkpoint: directory of Transformers' encoder.
        n_classes: of the labels.
        hidden_units, dropout: of the head.
        learning_rate, weight_decay: of AdamW.
        precision: of the products: float32 or bfloat16.
        device: as PyTorch calls it.
    """

    checkpoint: str
    n_classes: int
    hidden_units: int
    dropout: float
    learning_rate: float
    weight_decay: float
    precision: str
    device: str


def build_classifier(job: LoopJob) -> Any:
    """Returns Transformers' encoder, the masked average, and a head."""
    import torch
    from transformers import AutoModel

    class Classifier(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = AutoModel.from_pretrained(job.checkpoint, dtype=torch.float32)
            self.head = torch.nn.Sequential(
                torch.nn.Linear(self.encoder.config.hidden_size, job.hidden_units),
                torch.nn.ReLU(),
                torch.nn.Dropout(job.dropout),
                torch.nn.Linear(job.hidden_units, job.n_classes),
            )

        def forward(self, token_ids: Any, mask: Any) -> Any:
            states = self.encoder(input_ids=token_ids, attention_mask=mask).last_hidden_state
            weights = mask.unsqueeze(-1).to(states.dtype)
            return self.head((states * weights).sum(1) / weights.sum(1))

    return Classifier()


def read_batches(folder: Path) -> list[tuple[Any, Any, Any]]:
    """Returns an epoch's token ids, masks and labels."""
    import torch

    batches = [np.load(path) for path in sorted(folder.iterdir())]
    return [
        (
            torch.from_numpy(batch["token_ids"]).long(),
            torch.from_numpy(batch["mask"]).long(),
            torch.from_numpy(batch["labels"]),
        )
        for batch in batches
    ]


def main() -> None:
    """Trains, an epoch a turn."""
    turns = Turns()
    import torch

    folder = Path(sys.argv[1])
    job = read_job(folder, LoopJob)
    torch.manual_seed(SEED)
    model = build_classifier(job).train().to(job.device)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=job.learning_rate, weight_decay=job.weight_decay
    )
    loss_function = torch.nn.CrossEntropyLoss()
    for epoch in sorted((folder / "batches").iterdir()):
        batches = read_batches(epoch)
        turns.wait()
        total_loss = torch.zeros((), device=job.device)
        for batch in batches:
            token_ids, mask, labels = (tensor.to(job.device) for tensor in batch)
            optimizer.zero_grad()
            with torch.autocast(
                job.device, dtype=torch.bfloat16, enabled=job.precision == "bfloat16"
            ):
                loss = loss_function(model(token_ids, mask), labels)
            loss.backward()
            optimizer.step()
            total_loss += loss.detach()
        # Waits for the GPU, too.
        total_loss.item()
        turns.stop()
        turns.answer()


if __name__ == "__main__":
    main()
