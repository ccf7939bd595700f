"""Our side of the comparisons of scoring, in a process of its own as the peer is.

Ours is the scorer as `mm-emor score` builds it; the peer is the script that one writes without it.
What both are given lies in one folder: `texts.json`, `clips/`, `checkpoint/` (Transformers') and
`model/` (the same weights, ours).
"""

import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from model.preprocessing.emotion_preprocessor import RawItem
from model.scoring.artifact import Artifact
from model.scoring.engine import BFLOAT16_FLAGS, EngineChoice, choose_engine, start_engine
from model.scoring.processor import available_cores, cpu_flags
from model.scoring.scorer import EmotionScorer
from tests.benchmarks.base_model import AUDIO, save_checkpoint, save_model
from tests.benchmarks.measure import Comparison, Turns, Worker, alternate
from tests.peers.fused_script import FusedJob
from tests.peers.head import save_head
from tests.peers.interpreter import peers_python
from tests.peers.job import write_job

BATCH_SIZE = 256
"""As of `mm-emor score`."""
OURS = {
    "int8": EngineChoice("openvino", "int8"),
    "bfloat16": EngineChoice("openvino", "bfloat16"),
    "float32": EngineChoice("openvino", "float32"),
}


def precisions_here() -> list[str]:
    """Returns the precisions that this processor multiplies in."""
    return [name for name in OURS if name != "bfloat16" or cpu_flags() & BFLOAT16_FLAGS]


def prepare(folder: Path, texts: Sequence[str], clips: Sequence[bytes] = ()) -> None:
    """Writes what both sides are given."""
    (folder / "texts.json").write_text(json.dumps(list(texts)), encoding="utf-8")
    (folder / "clips").mkdir()
    for number, clip in enumerate(clips):
        (folder / "clips" / f"{number:06d}.wav").write_bytes(clip)
    artifact = save_model(folder / "model", save_checkpoint(folder), texts, audio=bool(clips))
    if clips:
        prepare_fused_peer(folder, artifact)


def prepare_fused_peer(folder: Path, artifact: Artifact) -> None:
    """Writes MobileNet and the head for the peer that also hears."""
    classifier = artifact.classifier()
    assert classifier.audio_encoder
    np.savez(folder / "mobilenet.npz", *classifier.audio_encoder.mobilenet.get_weights())
    save_head(folder / "head.npz", classifier.heads["text+audio"])
    sizes = {name: getattr(AUDIO, name) for name in FusedJob.__dataclass_fields__}
    write_job(folder, FusedJob(**sizes))


def compare(suite: str, what: str, folder: Path, peer: str, n_items: int, runs: int) -> Comparison:
    """Runs our side, as `auto` chooses it, and a peer in turn; the first turn is left out.

    Args:
        suite, what, n_items: see `Comparison`.
        folder: what `prepare` has filled.
        peer: module of the peer's program.
        runs: of each side.
    """
    with ExitStack() as stack:
        ours = stack.enter_context(Worker((__name__, str(folder))))
        theirs = stack.enter_context(Worker((peer, str(folder)), python=peers_python()))
        return Comparison(suite, what, *alternate(ours.run, theirs.run, runs), n_items, "items/s")


def scoring(folder: Path) -> Callable[[], Any]:
    """Returns what scores all items with our scorer."""
    items = _items(folder)
    artifact = Artifact.load(folder / "model")
    scorer = EmotionScorer(artifact, start_engine(artifact, choose_engine(artifact)))
    pool = ThreadPoolExecutor(available_cores())

    def score() -> None:
        scorer.forget_texts()
        for start in range(0, len(items), BATCH_SIZE):
            scorer.score(scorer.preprocess.batch(items[start : start + BATCH_SIZE], pool))

    return score


def _items(folder: Path) -> list[RawItem]:
    texts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
    clips: list[Any] = [path.read_bytes for path in sorted((folder / "clips").iterdir())]
    return list(zip(texts, clips or [None] * len(texts), strict=True))


def main() -> None:
    """Is our side; `Worker` starts it."""
    turns = Turns()
    score = scoring(Path(sys.argv[1]))
    while True:
        turns.wait()
        score()
        turns.stop()
        turns.answer()


if __name__ == "__main__":
    main()
