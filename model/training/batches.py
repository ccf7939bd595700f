"""Batches for training: texts of like length, augmented clips, and pairs of features."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from model.preprocessing.text_preprocessor import pad_windows
from model.training.training_config import AudioTraining, FusionTraining

FloatArray = npt.NDArray[np.float32]
Batch = tuple[Any, FloatArray]
BUCKET_BATCHES = 50
"""Batches whose texts are sorted by length together: enough to save padding, few enough to mix."""


class _Batches(keras.utils.PyDataset):
    """Shuffles anew each epoch, from a seed and the epoch's number alone.

    Args:
        n_examples: how many there are.
        batch_size: how many of them a batch holds.
        seed: of the order.

    Attributes:
        moves_on: false for batches that are the same in every epoch, to validate on.
    """

    moves_on = True

    def __init__(self, n_examples: int, batch_size: int, seed: int) -> None:
        super().__init__()
        self.n_examples = n_examples
        self.batch_size = batch_size
        self.seed = seed
        self.start_epoch(0)

    def __len__(self) -> int:
        return len(self.batches)

    def on_epoch_end(self) -> None:
        """Moves on to the next epoch's order."""
        if self.moves_on:
            self.start_epoch(self.epoch + 1)

    def start_epoch(self, epoch: int) -> None:
        """Orders the examples as in this epoch, counted from 0."""
        self.epoch = epoch
        self.rng = np.random.default_rng([self.seed, self.epoch])
        order = self.rng.permutation(self.n_examples)
        self.batches = [
            order[start : start + self.batch_size]
            for start in range(0, self.n_examples, self.batch_size)
        ]

    def _batch_rng(self, index: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, self.epoch, index])


class TextBatches(_Batches):
    """Batches of token windows, `[batch, windows, length]`, of texts of like length.

    Args:
        windows: token ids of each text.
        targets: one-hot labels, float32 `[texts, emotions]`.
        batch_size: texts of a batch.
        seed: repeats the batches.
        window_tokens: the longest that a window may be, padding included.
        without_emoji: the windows of some texts without their emoji, by the text's number.
        emoji_dropout: share of those texts that are read so, drawn anew in each epoch.
    """

    def __init__(
        self,
        windows: Sequence[tuple[int, ...]],
        targets: FloatArray,
        batch_size: int,
        seed: int,
        window_tokens: int = 512,
        without_emoji: Mapping[int, tuple[int, ...]] | None = None,
        emoji_dropout: float = 0.0,
    ) -> None:
        self.windows = windows
        self.without_emoji = without_emoji or {}
        self.emoji_dropout = emoji_dropout
        self.window_tokens = window_tokens
        self.targets = targets
        self.lengths = np.array(
            [
                max(len(window), len(self.without_emoji.get(row, ())))
                for row, window in enumerate(windows)
            ]
        )
        super().__init__(len(windows), batch_size, seed)

    def start_epoch(self, epoch: int) -> None:
        """Orders the texts, those of like length together."""
        super().start_epoch(epoch)
        order = np.concatenate(self.batches)
        bucket = self.batch_size * BUCKET_BATCHES
        self.batches = []
        for start in range(0, self.n_examples, bucket):
            part = order[start : start + bucket]
            part = part[np.argsort(self.lengths[part], kind="stable")]
            self.batches += [
                part[first : first + self.batch_size]
                for first in range(0, len(part), self.batch_size)
            ]
        self.rng.shuffle(self.batches)
        # Keras takes a dimension for fixed that is equal in the first two batches: these are the
        # longest, which also shows at once whether it fits in memory, and the shortest.
        longest = max(range(len(self.batches)), key=self._batch_length)
        self.batches.insert(0, self.batches.pop(longest))
        shortest = min(range(len(self.batches)), key=self._batch_length)
        self.batches.insert(1, self.batches.pop(shortest))

    def _batch_length(self, index: int) -> int:
        return int(self.lengths[self.batches[index]].max())

    def __getitem__(self, index: int) -> Batch:
        rows = self.batches[index]
        windows = [self.windows[row] for row in rows]
        if self.without_emoji:
            drawn = self._batch_rng(index).random(len(rows)) < self.emoji_dropout
            for place in np.flatnonzero(drawn):
                windows[place] = self.without_emoji.get(rows[place], windows[place])
        # As long with emoji as without: the lengths of batches are what they are ordered by.
        token_ids, mask = pad_windows(
            windows, self.window_tokens, at_least=self._batch_length(index)
        )
        return {"token_ids": token_ids[:, None], "token_mask": mask[:, None]}, self.targets[rows]


class ClipBatches(_Batches):
    """Batches of one augmented image a clip, `[batch, 1, height, width]`.

    Args:
        strips: each clip at each speed, as one image as wide as the clip, uint8 `[height, frames]`.
        targets: one-hot labels, float32 `[clips, emotions]`.
        settings: how to augment.
        batch_size: clips of a batch.
        seed: repeats the batches.
    """

    def __init__(
        self,
        strips: Sequence[Sequence[npt.NDArray[np.uint8]]],
        targets: FloatArray,
        settings: AudioTraining,
        batch_size: int,
        seed: int,
    ) -> None:
        self.strips = strips
        self.targets = targets
        self.settings = settings
        super().__init__(len(strips), batch_size, seed)

    def __getitem__(self, index: int) -> Batch:
        rng = self._batch_rng(index)
        rows = self.batches[index]
        images = np.stack([self._augmented(self.strips[row], rng) for row in rows])
        targets = self.targets[rows]
        if self.settings.mixup:
            share = rng.beta(self.settings.mixup, self.settings.mixup, len(rows))
            other = rng.permutation(len(rows))
            weight = share[:, None, None]
            images = np.rint(images * weight + images[other] * (1 - weight)).astype(np.uint8)
            mixed = targets * share[:, None] + targets[other] * (1 - share[:, None])
            targets = mixed.astype(np.float32)
        mask = np.ones((len(rows), 1), bool)
        return {"images": images[:, None], "image_mask": mask}, targets

    def _augmented(
        self, speeds: Sequence[npt.NDArray[np.uint8]], rng: np.random.Generator
    ) -> npt.NDArray[np.uint8]:
        strip = speeds[int(rng.integers(len(speeds)))]
        height, frames = strip.shape
        width = self.settings.features.image_width
        image = np.zeros((height, width), np.uint8)
        if frames >= width:
            start = rng.integers(frames - width + 1)
            image[:] = strip[:, start : start + width]
        else:
            image[:, :frames] = strip
        for limit, length, axis in (
            (self.settings.max_masked_frames, min(frames, width), 1),
            (self.settings.max_masked_rows, height, 0),
        ):
            size = int(rng.integers(min(limit, length - 1) + 1))
            first = int(rng.integers(length - size))
            image[(slice(None),) * axis + (slice(first, first + size),)] = 0
        return image


class PairBatches(_Batches):
    """Batches of a text's features beside those of a clip, with one side blanked at random.

    Args:
        text: features of texts, float32 `[texts, hidden_size]`.
        audio: features of crops of clips, float32 `[crops, n_features]`.
        crops_for: rows of `audio` to draw from for each text; where there are none, the audio
            features are blank.
        targets: one-hot labels, float32 `[texts, emotions]`.
        settings: how often a side is blanked; never both.
        seed: repeats the batches.
    """

    def __init__(
        self,
        text: FloatArray,
        audio: FloatArray,
        crops_for: Sequence[npt.NDArray[np.int64]],
        targets: FloatArray,
        settings: FusionTraining,
        seed: int,
    ) -> None:
        self.text_features, self.audio_features = text, audio
        self.crops_for = crops_for
        self.targets = targets
        self.settings = settings
        super().__init__(len(text), settings.fit.batch_size, seed)

    def __getitem__(self, index: int) -> Batch:
        rng = self._batch_rng(index)
        rows = self.batches[index]
        text = self.text_features[rows].copy()
        audio = np.zeros((len(rows), self.audio_features.shape[1]), np.float32)
        for position, row in enumerate(rows):
            if len(self.crops_for[row]):
                audio[position] = self.audio_features[rng.choice(self.crops_for[row])]
        drawn = rng.random(len(rows))
        blank_text = drawn < self.settings.text_dropout
        blank_audio = drawn > 1 - self.settings.audio_dropout
        # Never both: a text without a clip keeps its features.
        text[blank_text & audio.any(axis=1)] = 0
        audio[blank_audio] = 0
        return np.concatenate([text, audio], axis=1), self.targets[rows]
