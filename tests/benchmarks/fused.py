"""Scoring of tweets with clips beside the straight script: `make bench SUITE=fused`.

RoBERTa-base's size and MobileNet at 224 × 224, random weights, the same on both sides. The peer
reads and draws with librosa, encodes in batches of 32 with PyTorch in float32, each padded to its
longest text, and with Keras's `predict` on PyTorch, whose MobileNet takes twice the processor time
of TensorFlow's (141 ms an image beside 65, measured with AVX2). Both start from texts and files.
"""

import sys
import tempfile
from pathlib import Path

from tests.benchmarks.base_model import read_clips, read_tweets
from tests.benchmarks.measure import machine_lines, suite_arguments, write_json
from tests.benchmarks.scoring import compare, prepare

N_ITEMS = 256


def main() -> int:
    """Compares once."""
    parser = suite_arguments(__doc__)
    parser.add_argument("--items", type=int, default=N_ITEMS, help=f"{N_ITEMS} by default")
    arguments = parser.parse_args()
    clips = read_clips(arguments.items)
    tweets = read_tweets(len(clips))
    for line in machine_lines(("openvino",), ("keras", "torch", "transformers", "librosa")):
        print(line, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), tweets, clips)
        what = f"{len(tweets)} tweets with clips, RoBERTa-base's size, MobileNet at 224 × 224"
        peer = "tests.peers.fused_script"
        comparison = compare("fused", what, Path(folder), peer, len(tweets), arguments.runs)
    print(*comparison.lines(), sep="\n")
    print("  to reach: 3.5 times its items/s", flush=True)
    if arguments.json:
        write_json([comparison], arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
