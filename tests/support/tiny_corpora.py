"""Tiny trees of the corpora's own layouts, and a config that trains on them in seconds."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from model.config import AudioConfig, HeadConfig, MobileNetConfig
from model.training.training_config import (
    AudioTraining,
    FitConfig,
    FusionTraining,
    TextTraining,
    TrainingConfig,
)
from schemas.emotions import EKMAN_AND_NEUTRAL
from tests.support.clips import encode, tone

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


SPOKEN = {"anger": 250.0, "joy": 800.0, "sadness": 2500.0}
"""The pitch of each class of `write_own_data`; its word is that of WORD_OF."""


def write_own_data(
    path: Path,
    kinds: tuple[str, ...] = ("both", "both", "text", "audio"),
    sizes: dict[str, int] | None = None,
    speakers: tuple[str, ...] = ("s1", "s2", "s3"),
) -> Path:
    """Writes a table whose texts and clips both tell their emotion; returns its file.

    Args:
        path: where `own.csv` and its clips go.
        kinds: what rows have, in turn: `text`, `audio` or `both`.
        sizes: rows of each emotion by split.
        speakers: of the rows, in turn.
    """
    path.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(6)
    rows = []
    for split, size in (sizes or {"train": 12, "validation": 4, "test": 4}).items():
        for emotion, pitch_hz in SPOKEN.items():
            for number in range(size):
                kind = kinds[number % len(kinds)]
                clip = f"{split}-{emotion}-{number}.wav" if kind != "text" else ""
                if clip:
                    waveform = tone(0.6, pitch_hz=pitch_hz * (1 + 0.004 * number))
                    waveform += 0.01 * random.standard_normal(len(waveform)).astype(np.float32)
                    (path / clip).write_bytes(encode(waveform, 16_000, "wav"))
                # No two are alike.
                words = f"{' '.join([WORD_OF[emotion]] * (1 + number % 3))} {len(rows)}"
                text = words if kind != "audio" else ""
                speaker = speakers[number % len(speakers)]
                rows.append(f"{split}{emotion}{number},{text},{clip},{emotion},{split},{speaker}\n")
    table = path / "own.csv"
    table.write_text("id,text,audio,label,split,speaker\n" + "".join(rows), encoding="utf-8")
    return table


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
            # All 24 clips in a batch: an image of 32 × 32 ends as one pixel, whose batch statistics
            # are those of as many numbers as the batch has clips.
            fit=FitConfig(epochs=40, batch_size=24, learning_rate=0.01, keep="last"),
            features=AudioConfig(
                n_fft=512, hop_length=512, image_height=32, image_width=32, chroma_repeats=1
            ),
            mobilenet=MobileNetConfig(alpha=0.25, batch_norm_momentum=0.5),
            speeds=(1.0, 1.02),
            standardise_rows=True,
        ),
        "fusion": FusionTraining(
            fit=FitConfig(epochs=4, batch_size=16, learning_rate=0.01, keep="last")
        ),
    }
    return TrainingConfig(**(settings | changes))


def own_training(**changes: Any) -> TrainingConfig:
    """Returns a config whose three parts learn from one table of one's own."""
    config = tiny_training(name="own", emotions=())
    text, audio, fusion = config.text, config.audio, config.fusion
    assert text
    assert audio
    assert fusion
    settings = {
        "text": replace(text, dataset="manifest", fit=replace(text.fit, epochs=20)),
        "audio": replace(audio, dataset="manifest", fit=replace(audio.fit, batch_size=27)),
        "fusion": replace(fusion, fit=replace(fusion.fit, keep="best")),
    }
    return replace(config, **(settings | changes))


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
