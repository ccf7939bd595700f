"""Turns an item's text and clip into the model's input; training and scoring both call it."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.errors import ItemError
from model.preprocessing.audio_preprocessor import AudioPreprocessor, ClipImages
from model.preprocessing.text_preprocessor import TextPreprocessor, TokenWindows
from schemas.dead_letters import Reason
from schemas.emotions import Modality

RawItem = tuple[str | None, Callable[[], bytes] | None]
"""A text, and what reads a clip's file; None for what an item lacks."""


@dataclass(frozen=True)
class ModelInput:
    """One item, ready for the encoders.

    Attributes:
        windows: token ids, one tuple a window, special tokens included; empty without text.
        n_tokens: content tokens of the whole text; 0 without text.
        truncated: whether tokens past the model's limit were dropped.
        images: uint8 `[n_images, height, width]`; None without audio.
        clip_seconds: the clip's length; None without audio.
        warnings: codes of what the clip lacks.
    """

    windows: tuple[tuple[int, ...], ...] = ()
    n_tokens: int = 0
    truncated: bool = False
    images: npt.NDArray[np.uint8] | None = None
    clip_seconds: float | None = None
    warnings: tuple[str, ...] = ()

    @property
    def modality(self) -> Modality:
        """What the item is labelled from."""
        if self.images is None:
            return Modality.TEXT
        return Modality.TEXT_AUDIO if self.windows else Modality.AUDIO


class EmotionPreprocessor:
    """The text and audio preprocessors of one artifact; it needs no TensorFlow.

    A model of one modality ignores the other; an item that has nothing else is refused.
    """

    def __init__(self, text: TextPreprocessor | None, audio: AudioPreprocessor | None) -> None:
        self.text = text
        self.audio = audio

    @property
    def max_clip_bytes(self) -> int:
        """The largest file that is decoded; 0 for a model of text alone."""
        return self.audio.config.max_clip_bytes if self.audio else 0

    def __call__(self, text: str | None, clip: bytes | None) -> ModelInput:
        """Returns the input of one item.

        Args:
            text: the text as posted. Beside a clip, one that cleaning leaves empty counts as none.
            clip: the clip's file, in any format of `model.preprocessing.audio_decoder`.

        Raises:
            ItemError: the text or the clip cannot be used; the reason says why.
        """
        (outcome,) = self.batch([(text, None if clip is None else lambda: clip)])
        if isinstance(outcome, ItemError):
            raise outcome
        return outcome

    def batch(
        self, items: Sequence[RawItem], pool: Executor | None = None
    ) -> list[ModelInput | ItemError]:
        """Returns each item's input, or why it has none.

        Args:
            items: a text and what reads a clip, which may raise ItemError; None for what an item
                lacks.
            pool: threads to read and decode clips on; this one alone where None.
        """
        clips = list((pool.map if pool else map)(self._hear, (clip for _, clip in items)))
        texts: list[TokenWindows | ItemError | None] = [None] * len(items)
        if self.text:
            rows = [row for row, (text, _) in enumerate(items) if text is not None]
            read = self.text.try_batch([items[row][0] or "" for row in rows])
            for row, windows in zip(rows, read, strict=True):
                texts[row] = windows
        return [
            self._combine(item, windows, images)
            for item, windows, images in zip(items, texts, clips, strict=True)
        ]

    def _hear(self, read_clip: Callable[[], bytes] | None) -> ClipImages | ItemError | None:
        if read_clip is None:
            return None
        try:
            clip = read_clip()
            return self.audio(clip) if self.audio else None
        except ItemError as error:
            return error

    def _combine(
        self,
        item: RawItem,
        windows: TokenWindows | ItemError | None,
        images: ClipImages | ItemError | None,
    ) -> ModelInput | ItemError:
        if isinstance(images, ItemError):
            return images
        if isinstance(windows, ItemError):
            if images is None:
                return windows
            windows = None
        if item == (None, None):
            return ItemError(Reason.NO_CONTENT, "there is neither a text nor a clip")
        if windows is None and images is None:
            had = " and ".join(
                name
                for name, value in zip(("text", "audio"), item, strict=True)
                if value is not None
            )
            return ItemError(
                Reason.UNSUPPORTED_MODALITY,
                f"the item has {had}; the model reads {'text' if self.text else 'audio'} only",
            )
        return ModelInput(
            windows=windows.windows if windows else (),
            n_tokens=windows.n_tokens if windows else 0,
            truncated=windows.truncated if windows else False,
            images=images.images if images else None,
            clip_seconds=images.clip_seconds if images else None,
            warnings=images.warnings if images else (),
        )
