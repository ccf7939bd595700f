"""Fine-tuning of a small encoder on the CPU beside a plain PyTorch loop: `make bench SUITE=train`.

all-MiniLM-L6-v2 on TweetEval's tweets with the shipped settings; see `fine_tuning` for the sides.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path

from model.config import TextConfig
from model.network.backend import start_keras
from model.training.training_config import read_training_config
from tests.benchmarks.fine_tuning import POLICIES, FineTuning, compare
from tests.benchmarks.measure import machine_lines, suite_arguments, write_json
from tests.peers.interpreter import peers_python

CONFIG = Path("tweeteval-emotion.toml")
CHECKPOINT = Path(os.environ.get("MM_EMOR_MINILM", "build/all-minilm-l6-v2"))
N_TEXTS = 384
"""Twelve steps an epoch: both precisions together take some four minutes on two cores."""


def shipped_work(data_dir: Path, n_texts: int) -> FineTuning:
    """Returns the first texts of TweetEval's training split, as the shipped settings read them."""
    start_keras()
    from model.datasets import label_indices, load_dataset, texts_of
    from model.network.hugging_face import load_encoder_config, load_tokenizer
    from model.preprocessing.text_preprocessor import TextPreprocessor
    from model.training.text_training import cut_window

    settings = read_training_config(CONFIG).text
    assert settings
    dataset = load_dataset(settings.dataset, data_dir)
    examples = dataset.split("train")[:n_texts]
    text = TextConfig(
        window_tokens=load_encoder_config(CHECKPOINT).max_window_tokens,
        max_tokens=settings.max_tokens,
        emoji=settings.emoji,
    )
    preprocessor = TextPreprocessor(text, load_tokenizer(CHECKPOINT))
    windows = [
        cut_window(item.windows[0], settings.train_tokens, preprocessor.suffix)
        for item in preprocessor.batch(texts_of(examples))
    ]
    labels = label_indices(examples, dataset.emotions).tolist()
    return FineTuning(CHECKPOINT, windows, labels, settings.fit, "float32")


def main() -> int:
    """Compares in both precisions."""
    parser = suite_arguments(__doc__)
    parser.add_argument("--texts", type=int, default=N_TEXTS, help=f"{N_TEXTS} by default")
    arguments = parser.parse_args()
    if "MM_EMOR_DATA" not in os.environ:
        print("MM_EMOR_DATA names no directory of real data; this suite trains on TweetEval's")
        return 2
    for line in machine_lines(("tensorflow", "keras", "numpy"), ("torch", "transformers", "numpy")):
        print(line, flush=True)
    work = shipped_work(Path(os.environ["MM_EMOR_DATA"]), arguments.texts)
    comparisons = []
    for precision in POLICIES:
        what = f"an epoch of {len(work.windows)} texts, all-MiniLM-L6-v2, {precision}"
        each = replace(work, precision=precision)
        peer = peers_python()
        comparisons.append(
            compare("train", each, what, "tensorflow", arguments.runs, peer_python=peer)
        )
        print("\n".join(comparisons[-1].lines()), flush=True)
    if arguments.json:
        write_json(comparisons, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
