"""Keeps the features of clips on disk: decoded once, read again in each epoch, fold and run."""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr
from safetensors.numpy import load_file, save_file

from model.datasets import Example
from model.errors import DatasetError, ItemError
from model.files import whole_file
from model.preprocessing.audio_decoder import decode_clip
from model.preprocessing.audio_preprocessor import AudioPreprocessor

Strip = npt.NDArray[np.uint8]
PLAIN_SPEEDS = (1.0,)
"""Of clips that are heard as they are."""


class StripStore(Sequence[list[Strip]]):
    """Clips at several speeds, each as one image as wide as the clip, uint8 `[height, frames]`.

    A file holds one clip; its name tells the clip's bytes, the settings of the features and the
    speeds apart. Training that is killed while it reads clips goes on with the next one.

    Args:
        examples: with clips.
        preprocessor: makes the features.
        speeds: what a clip is heard at; its pitch moves along.
        folder: where the files are; clips that are not there yet are decoded at once, on all cores.

    Raises:
        DatasetError: a clip cannot be used.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        preprocessor: AudioPreprocessor,
        speeds: Sequence[float],
        folder: Path,
    ) -> None:
        self.preprocessor = preprocessor
        self.speeds = tuple(speeds)
        self.folder = folder
        settings = [asdict(preprocessor.config), self.speeds]
        self._settings = json.dumps(settings, sort_keys=True).encode()
        folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor() as pool:
            self.paths = list(pool.map(self._stored, examples))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> list[Strip]:  # type: ignore[override]
        stored = load_file(self.paths[index])
        return [stored[str(speed)] for speed in self.speeds]

    def _stored(self, example: Example) -> Path:
        clip = example.read_clip()
        name = hashlib.sha256(self._settings + clip).hexdigest()[:32]
        path = self.folder / f"{name}.safetensors"
        if not path.is_file():
            strips = self._strips(clip, example)
            with whole_file(path) as temporary:
                save_file(strips, temporary)
        return path

    def _strips(self, clip: bytes, example: Example) -> dict[str, Strip]:
        try:
            waveform = decode_clip(clip, self.preprocessor.config).waveform
        except ItemError as error:
            raise DatasetError(f"{example.clip}: {error.message}") from error
        rate = self.preprocessor.config.sample_rate_hz
        return {
            str(speed): np.ascontiguousarray(
                self.preprocessor.rows_of(
                    waveform if speed == 1 else soxr.resample(waveform, rate, round(rate / speed))
                )
            )
            for speed in self.speeds
        }
