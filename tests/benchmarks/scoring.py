"""Both sides of the comparisons of scoring, each in a process of its own.

Ours is the scorer as `mm-emor score` builds it; the peer is the script that one writes without it.
What both are given lies in one folder: `texts.json`, `clips/`, `checkpoint/` (Transformers') and
`model/` (the same weights, ours).
"""

import io
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
from model.scoring.engine import EngineChoice, start_engine
from model.scoring.processor import available_cores
from model.scoring.scorer import EmotionScorer
from tests.benchmarks.base_model import AUDIO, save_checkpoint, save_model
from tests.benchmarks.measure import Comparison, Turns, Worker, alternate

BATCH_SIZE = 256
"""As of `mm-emor score`."""
PEER_BATCH_SIZE = 32
OURS = {
    "int8": EngineChoice("onnx", "int8"),
    "float32": EngineChoice("tensorflow", "float32"),
    "bfloat16": EngineChoice("tensorflow", "bfloat16"),
}


def prepare(folder: Path, texts: Sequence[str], clips: Sequence[bytes] = ()) -> None:
    """Writes what both sides are given."""
    (folder / "texts.json").write_text(json.dumps(list(texts)), encoding="utf-8")
    (folder / "clips").mkdir()
    for number, clip in enumerate(clips):
        (folder / "clips" / f"{number:06d}.wav").write_bytes(clip)
    save_checkpoint(folder / "checkpoint")
    save_model(folder / "model", folder / "checkpoint", texts, audio=bool(clips))


def compare(
    suite: str, what: str, folder: Path, sides: tuple[str, str], n_items: int, runs: int
) -> Comparison:
    """Runs two sides in turn; the first turn of each is left out."""
    with ExitStack() as stack:
        ours, peer = (
            stack.enter_context(Worker((__name__, side, str(folder)), {})) for side in sides
        )
        return Comparison(suite, what, *alternate(ours.run, peer.run, runs), n_items, "items/s")


def ours(folder: Path, precision: str) -> Callable[[], Any]:
    """Returns what scores all items with our scorer."""
    items = _items(folder)
    artifact = Artifact.load(folder / "model")
    scorer = EmotionScorer(artifact, start_engine(artifact, OURS[precision]))
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


def peer_text(folder: Path) -> Callable[[], Any]:
    """Returns Transformers' own pipeline."""
    from transformers import pipeline

    classify = pipeline(
        "text-classification", str(folder / "checkpoint"), batch_size=PEER_BATCH_SIZE, top_k=None
    )
    texts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
    return lambda: classify(texts, truncation=True)


def peer_fused(folder: Path) -> Callable[[], Any]:
    """Returns the straight script: librosa, PyTorch, Keras, and a head on what they give."""
    import librosa
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder / "checkpoint")
    encoder = AutoModel.from_pretrained(folder / "checkpoint", dtype=torch.float32).eval()
    classifier = Artifact.load(folder / "model").classifier()
    assert classifier.audio_encoder
    mobilenet = classifier.audio_encoder.mobilenet
    head = classifier.heads["text+audio"]
    items = _items(folder)
    sizes = {"n_fft": AUDIO.n_fft, "hop_length": AUDIO.hop_length, "sr": AUDIO.sample_rate_hz}

    def draw(clip: bytes) -> Any:
        waveform, _ = librosa.load(io.BytesIO(clip), sr=AUDIO.sample_rate_hz)
        mel = librosa.feature.melspectrogram(y=waveform, n_mels=AUDIO.n_mels, **sizes)
        mel = librosa.power_to_db(mel, ref=np.max) / AUDIO.top_db + 1
        chroma = librosa.feature.chroma_stft(y=waveform, **sizes)
        image = np.concatenate([mel, np.repeat(chroma, AUDIO.chroma_repeats, axis=0)])
        image = librosa.util.fix_length(image, size=AUDIO.image_width, axis=1)
        return np.repeat(2 * image[..., None] - 1, 3, axis=-1)

    def score() -> None:
        for start in range(0, len(items), PEER_BATCH_SIZE):
            batch = items[start : start + PEER_BATCH_SIZE]
            tokens = tokenizer(
                [text for text, _ in batch], padding=True, truncation=True, return_tensors="pt"
            )
            with torch.inference_mode():
                states = encoder(**tokens).last_hidden_state
            weights = tokens["attention_mask"].unsqueeze(-1)
            text = ((states * weights).sum(1) / weights.sum(1)).numpy()
            images = np.stack([draw(read()) for _, read in batch if read])
            audio = mobilenet.predict(images, batch_size=PEER_BATCH_SIZE, verbose=0)
            np.asarray(head(np.concatenate([text, audio], axis=1)))

    return score


def main() -> None:
    """Is one side; `Worker` starts it."""
    side, folder = sys.argv[1], Path(sys.argv[2])
    turns = Turns()
    if side in OURS:
        work = ours(folder, side)
    else:
        work = {"peer_text": peer_text, "peer_fused": peer_fused}[side](folder)
    while True:
        turns.wait()
        work()
        turns.stop()
        turns.answer()


if __name__ == "__main__":
    main()
