"""Tiny trees of the corpora's own layouts, and a config that trains on them in seconds."""

from pathlib import Path
from typing import Any

import numpy as np

from model.config import AudioConfig, HeadConfig, MobileNetConfig
from model.training_config import (
    AudioTraining,
    FitConfig,
    FusionTraining,
    TextTraining,
    TrainingConfig,
)
from schemas.emotions import EKMAN_AND_NEUTRAL
from tests.model.clips import encode, tone

# fmt: off
GOEMOTIONS_NAMES = (
    "admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion",
    "curiosity", "desire", "disappointment", "disapproval", "disgust", "embarrassment",
    "excitement", "fear", "gratitude", "grief", "joy", "love", "nervousness", "optimism",
    "pride", "realization", "relief", "remorse", "sadness", "surprise", "neutral",
)
# fmt: on
"""As in the corpus's `emotions.txt`."""
WORD_OF = dict(
    zip(
        EKMAN_AND_NEUTRAL,
        ("angry", "user", "rain", "happy", "the", "sad", "http"),
        strict=True,
    )
)
"""A word for each emotion; all of them are in the tiny tokenizer's vocabulary."""
PITCH_HZ_OF = {"W": 250.0, "E": 450.0, "A": 800.0, "F": 1400.0, "N": 2500.0, "T": 4500.0}
"""A tone for each of EmoDB's letters."""


def write_goemotions(path: Path, splits: dict[str, list[str]] | None = None) -> Path:
    """Writes a tree whose texts tell their emotion by one word; returns its directory.

    Args:
        path: where the folder `goemotions` goes.
        splits: the lines of files, in place of the tree's own.
    """
    folder = path / "goemotions"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "emotions.txt").write_text("\n".join(GOEMOTIONS_NAMES), encoding="utf-8")
    sizes = {"train": 12, "dev": 4, "test": 4}
    for split, size in sizes.items():
        lines = (splits or {}).get(split)
        if lines is None:
            lines = [
                f"{' '.join([word] * (1 + copy % 4))} {'!' * (copy % 3)}".strip()
                + f"\t{GOEMOTIONS_NAMES.index(emotion)}\t{split}{copy}"
                for copy in range(size)
                for emotion, word in WORD_OF.items()
            ]
        content = "".join(f"{line}\n" for line in lines)
        (folder / f"{split}.tsv").write_text(content, encoding="utf-8", newline="")
    return folder


def write_emodb(
    path: Path,
    speakers: tuple[str, ...] = ("03", "08", "09", "10"),
    letters: str = "WEAFTN",
    copies: int = 2,
) -> Path:
    """Writes a tree of tones with a little noise, a pitch for each emotion; returns its directory.

    Args:
        path: where the folder `emodb` goes.
        speakers: 09 is the validation speaker, 10 the test speaker.
        letters: of the emotions to write.
        copies: clips of each speaker and emotion.
    """
    folder = path / "emodb"
    (folder / "wav").mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(3)
    for speaker in speakers:
        for letter in letters:
            for copy in range(copies):
                pitch_hz = PITCH_HZ_OF[letter] * (1 + 0.01 * copy)
                waveform = tone(0.7 + 0.1 * copy, pitch_hz=pitch_hz)
                waveform += 0.01 * random.standard_normal(len(waveform)).astype(np.float32)
                name = f"{speaker}a0{copy + 1}{letter}a.wav"
                (folder / "wav" / name).write_bytes(encode(waveform, 16_000, "wav"))
    return folder


def tiny_training(**changes: Any) -> TrainingConfig:
    """Returns a config of all three parts with images of 32 × 32, for the tiny trees."""
    settings: dict[str, Any] = {
        "name": "tiny",
        "emotions": EKMAN_AND_NEUTRAL,
        "head": HeadConfig(hidden_units=16, dropout=0.1),
        "text": TextTraining(
            dataset="goemotions-ekman",
            fit=FitConfig(epochs=10, batch_size=8, learning_rate=0.005),
            train_tokens=16,
            emoji="describe",
            trim_vocabulary=True,
        ),
        "audio": AudioTraining(
            dataset="emodb",
            fit=FitConfig(epochs=20, batch_size=8, learning_rate=0.01, keep="last"),
            features=AudioConfig(
                n_fft=512, hop_length=512, image_height=32, image_width=32, chroma_repeats=1
            ),
            mobilenet=MobileNetConfig(alpha=0.25, batch_norm_momentum=0.5),
            speeds=(1.0, 1.02),
            max_masked_frames=4,
            max_masked_rows=2,
            mixup=0.1,
        ),
        "fusion": FusionTraining(
            fit=FitConfig(epochs=4, batch_size=16, learning_rate=0.01, keep="last")
        ),
    }
    return TrainingConfig(**(settings | changes))


TINY_TOML = """
name = "tiny"
emotions = ["anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise"]

[head]
hidden_units = 16

[text]
dataset = "goemotions-ekman"
train_tokens = 16
emoji = "describe"
trim_vocabulary = true

[text.fit]
epochs = 1

[audio]
dataset = "emodb"

[audio.features]
n_fft = 512
hop_length = 512
image_height = 32
image_width = 32
chroma_repeats = 1

[audio.mobilenet]
alpha = 0.25
batch_norm_momentum = 0.5

[audio.fit]
epochs = 1
keep = "last"

[fusion.fit]
epochs = 1
keep = "last"
"""
"""The same in TOML, of one epoch each."""
