"""Scoring of tweets beside Transformers' pipeline: `make bench SUITE=text`.

RoBERTa-base's size, random weights. Ours is the scorer in the precision that it chooses here; the
peer is `pipeline("text-classification", batch_size=32)` on PyTorch in float32. Both start from the
texts.
How many labels each precision changes is told for the model in the package, on the same tweets.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from model.scoring.scorer import EmotionScorer
from tests.benchmarks.base_model import read_tweets
from tests.benchmarks.measure import machine_lines, suite_arguments, write_json
from tests.benchmarks.scoring import OURS, compare, precisions_here, prepare

N_TWEETS = 2000


def changed_labels(tweets: Sequence[str]) -> dict[str, float]:
    """Returns the share of labels of the model in the package that are not float32's."""
    labels = {}
    for name in precisions_here():
        scorer = EmotionScorer.load("default", OURS[name])
        inputs = scorer.preprocess.batch([(tweet, None) for tweet in tweets])
        labels[name] = np.array([each.scores.argmax() for each in scorer.score(inputs)])
    return {name: float(np.mean(labels[name] != labels["float32"])) for name in labels}


def main() -> int:
    """Compares once."""
    parser = suite_arguments(__doc__)
    parser.add_argument("--tweets", type=int, default=N_TWEETS, help=f"{N_TWEETS} by default")
    arguments = parser.parse_args()
    tweets = read_tweets(arguments.tweets)
    peer = ("torch", "transformers", "tokenizers")
    for line in machine_lines(("openvino", "tokenizers"), peer):
        print(line, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), tweets)
        what = f"{len(tweets)} tweets of TweetEval emotion, RoBERTa-base's size"
        peer = "tests.peers.text_pipeline"
        comparison = compare("text", what, Path(folder), peer, len(tweets), arguments.runs)
    print(*comparison.lines(), sep="\n")
    print("  to reach: 5 times its items/s", flush=True)
    for name, share in changed_labels(tweets).items():
        if name != "float32":
            print(f"default model, {name}: {share:.2%} of the labels are not float32's")
    if arguments.json:
        write_json([comparison], arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
