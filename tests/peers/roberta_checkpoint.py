"""A classifier of RoBERTa-base's size and random weights, as Transformers saves it.

Run as `python -m tests.peers.roberta_checkpoint FOLDER`; it leaves `checkpoint/` there, which
Transformers' pipeline loads.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from tests.peers.job import read_job


@dataclass(frozen=True)
class CheckpointJob:
    """What to make.

    Attributes:
        tokenizer: directory of the checkpoint that has it.
        n_labels: number of classes.
    """

    tokenizer: str
    n_labels: int


def main() -> None:
    """Writes the checkpoint."""
    import torch
    from transformers import AutoTokenizer, RobertaConfig, RobertaForSequenceClassification

    folder = Path(sys.argv[1])
    job = read_job(folder, CheckpointJob)
    tokenizer = AutoTokenizer.from_pretrained(job.tokenizer)
    torch.manual_seed(1)
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=514,
        type_vocab_size=1,
        pad_token_id=tokenizer.pad_token_id,
        num_labels=job.n_labels,
    )
    RobertaForSequenceClassification(config).save_pretrained(folder / "checkpoint")
    tokenizer.save_pretrained(folder / "checkpoint")


if __name__ == "__main__":
    main()
