"""The straight script for texts with clips: librosa, PyTorch, Keras's MobileNet, and a head.

Run as `python -m tests.peers.fused_script FOLDER`; it takes turns with ours. The folder has
`texts.json`, `clips/`, `checkpoint/`, `mobilenet.npz` (Keras's weights in their order) and
`head.npz` (see `tests.peers.head`).
"""

import io
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.measure import Turns
from tests.peers.head import load_head
from tests.peers.job import read_job

BATCH_SIZE = 32


@dataclass(frozen=True)
class FusedJob:
    """How a clip becomes an image; see `model.config.AudioConfig`."""

    sample_rate_hz: int
    n_fft: int
    hop_length: int
    n_mels: int
    top_db: float
    chroma_repeats: int
    image_height: int
    image_width: int


def build_mobilenet(job: FusedJob, weights: Any) -> Any:
    """Returns Keras's MobileNet on PyTorch, with channels first, as PyTorch's convolutions are."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    keras.config.set_image_data_format("channels_first")
    mobilenet = keras.applications.MobileNet(
        input_shape=(3, job.image_height, job.image_width),
        include_top=False,
        weights=None,
        pooling="avg",
    )
    mobilenet.set_weights([weights[name] for name in weights.files])
    return mobilenet


def draw(clip: bytes, job: FusedJob) -> Any:
    """Returns the image of a clip's start, from -1 to 1, `[3, height, width]`."""
    import librosa

    waveform, _ = librosa.load(io.BytesIO(clip), sr=job.sample_rate_hz)
    sizes = {"n_fft": job.n_fft, "hop_length": job.hop_length, "sr": job.sample_rate_hz}
    mel = librosa.feature.melspectrogram(y=waveform, n_mels=job.n_mels, **sizes)
    mel = librosa.power_to_db(mel, ref=np.max) / job.top_db + 1
    chroma = librosa.feature.chroma_stft(y=waveform, **sizes)
    image = np.concatenate([mel, np.repeat(chroma, job.chroma_repeats, axis=0)])
    image = librosa.util.fix_length(image, size=job.image_width, axis=1)
    return np.repeat(2 * image[None] - 1, 3, axis=0)


def fused_script(folder: Path) -> Callable[[], Any]:
    """Returns what scores all items, `[items, classes]` logits."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    job = read_job(folder, FusedJob)
    tokenizer = AutoTokenizer.from_pretrained(folder / "checkpoint")
    encoder = AutoModel.from_pretrained(folder / "checkpoint", dtype=torch.float32).eval()
    mobilenet = build_mobilenet(job, np.load(folder / "mobilenet.npz"))
    hidden, logits_of = load_head(folder / "head.npz")
    texts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
    clips = sorted((folder / "clips").iterdir())

    def score() -> Any:
        logits = []
        for start in range(0, len(texts), BATCH_SIZE):
            rows = slice(start, start + BATCH_SIZE)
            tokens = tokenizer(texts[rows], padding=True, truncation=True, return_tensors="pt")
            images = np.stack([draw(clip.read_bytes(), job) for clip in clips[rows]])
            audio = mobilenet.predict(images, batch_size=BATCH_SIZE, verbose=0)
            with torch.inference_mode():
                states = encoder(**tokens).last_hidden_state
                weights = tokens["attention_mask"].unsqueeze(-1)
                text = (states * weights).sum(1) / weights.sum(1)
                features = torch.cat([text, torch.from_numpy(audio)], dim=1)
                logits.append(logits_of(torch.relu(hidden(features))))
        return torch.cat(logits).numpy()

    return score


def main() -> None:
    """Scores all items, a turn each."""
    turns = Turns()
    score = fused_script(Path(sys.argv[1]))
    while True:
        turns.wait()
        score()
        turns.stop()
        turns.answer()


if __name__ == "__main__":
    main()
