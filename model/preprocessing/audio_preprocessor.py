"""From a clip to the images that MobileNet sees: log-mel bands and chroma of one STFT.

The functions equal librosa's (McFee et al. 2015), which is imported only to build the filter banks:
an artifact stores these, so that scoring never imports librosa, and another release of it cannot
change what a trained model sees.
"""

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from model.config import N_CHROMA, AudioConfig
from model.preprocessing.audio_decoder import Decode, decode_clip

BLOCK_FRAMES = 128
"""Frames transformed together: a thread keeps 2.9 MB of buffers at 1024 samples. A clip of some
seconds is one block, as threads that take turns in Python between short steps run no faster than
one: two of them took 1.25 ms for a clip of 2 s in blocks of 32 frames, and 0.9 ms in blocks of 96.
"""
MIN_POWER = 1e-10
"""`amin` of librosa.power_to_db: lower powers count as this one (-100 dB)."""

FloatArray = npt.NDArray[np.float32]
ByteArray = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class FilterBanks:
    """Weights from a power spectrum's bins to features.

    Attributes:
        mel: float32, `[n_mels, 1 + n_fft // 2]`.
        chroma: float32, `[12, 1 + n_fft // 2]`.
    """

    mel: FloatArray
    chroma: FloatArray


@dataclass(frozen=True)
class ClipFeatures:
    """A clip's features before they become pixels.

    Attributes:
        log_mel: dB below the clip's loudest cell, float32 `[n_mels, n_frames]`; it equals
            `librosa.power_to_db(librosa.feature.melspectrogram(…), ref=np.max, top_db=top_db)`.
            None where the settings have chroma alone.
        chroma: float32 `[12, n_frames]`, 0 to 1; it equals
            `librosa.feature.chroma_stft(…, tuning=0.0)`. None where they have mel alone.
    """

    log_mel: FloatArray | None
    chroma: FloatArray | None


@dataclass(frozen=True)
class ClipImages:
    """A clip as the model sees it.

    Attributes:
        images: uint8, `[n_images, height, width]`, in the order of time.
        clip_seconds: length of the clip.
        warnings: codes of what the clip lacks (`DecodedClip`).
    """

    images: ByteArray
    clip_seconds: float
    warnings: tuple[str, ...] = ()


def build_filter_banks(config: AudioConfig) -> FilterBanks:
    """Returns librosa's filter banks: Slaney's mel bands, and chroma at a tuning of A4 = 440 Hz."""
    # Imported here because it is slow to import, and only training needs it.
    from librosa.filters import chroma as chroma_weights  # noqa: PLC0415
    from librosa.filters import mel as mel_weights  # noqa: PLC0415

    shape = {"sr": config.sample_rate_hz, "n_fft": config.n_fft}
    mel_bank = np.zeros((0, 1 + config.n_fft // 2), np.float32)
    if config.n_mels:
        mel_bank = mel_weights(n_mels=config.n_mels, **shape)
    return FilterBanks(mel_bank, chroma_weights(tuning=0.0, n_chroma=N_CHROMA, **shape))


class AudioPreprocessor:
    """Turns the bytes of a clip into images.

    A row is a mel band (row 0 the lowest) or a chroma bin, a column one frame. Values 0 to 255 span
    `[-top_db, 0]` dB of the clip's loudest cell, and chroma 0 to 1. Nothing is resized.

    Args:
        config: the settings; the artifact's, when scoring.
        filter_banks: `build_filter_banks(config)`, or what the artifact stored of it.

    Attributes:
        decoder: what decodes all clips but plain WAV; None: this process.

    Raises:
        ValueError: where the banks do not fit the settings.
    """

    def __init__(self, config: AudioConfig, filter_banks: FilterBanks) -> None:
        n_bins = 1 + config.n_fft // 2
        for name, n_rows in (("mel", config.n_mels), ("chroma", N_CHROMA)):
            shape = getattr(filter_banks, name).shape
            if shape != (n_rows, n_bins):
                raise ValueError(
                    f"the {name} filter bank is {shape}; the audio settings need {(n_rows, n_bins)}"
                )
        self.config = config
        self.decoder: Decode | None = None
        self.filter_banks = filter_banks

    @cached_property
    def _mel_bank(self) -> Any:
        # A sparse product here and vecdot for the chroma, as neither starts BLAS threads: on two
        # busy cores these took 30 ms for a clip of 5 s that takes 2 ms without them.
        # Imported here because it is slow to import, and a text needs none of it.
        import scipy.sparse  # noqa: PLC0415

        return scipy.sparse.csr_array(self.filter_banks.mel)

    def __call__(self, data: bytes) -> ClipImages:
        """Returns the images of an audio file.

        Raises:
            ItemError: as `decode_clip` does.
        """
        clip = decode_clip(data, self.config, self.decoder)
        n_seconds = len(clip.waveform) / self.config.sample_rate_hz
        return ClipImages(self.images_of(clip.waveform), n_seconds, clip.warnings)

    def images_of(self, waveform: FloatArray) -> ByteArray:
        """Returns the images of a waveform of at least one sample, `[n_images, height, width]`."""
        return split_into_images(self.rows_of(waveform), self.config.image_width)

    def rows_of(self, waveform: FloatArray) -> ByteArray:
        """Returns one image as wide as the clip, `[height, n_frames]`."""
        features = self.features_of(waveform)
        rows = []
        if features.log_mel is not None:
            rows.append(to_uint8(1 + features.log_mel / np.float32(self.config.top_db)))
        if features.chroma is not None:
            n_rows = self.config.image_height - self.config.n_mels
            rows.append(to_uint8(features.chroma)[np.arange(n_rows) * N_CHROMA // n_rows])
        return np.concatenate(rows)

    def features_of(self, waveform: FloatArray) -> ClipFeatures:
        """Returns the features that the settings name, from one STFT."""
        mel_blocks, chroma_blocks = [], []
        for power in power_blocks(waveform, self.config.n_fft, self.config.hop_length):
            if "mel" in self.config.features:
                mel_blocks.append(self._mel_bank @ power)
            if "chroma" in self.config.features:
                chroma_blocks.append(chroma(power, self.filter_banks.chroma))
        return ClipFeatures(
            power_to_db(np.concatenate(mel_blocks, axis=1), self.config.top_db)
            if mel_blocks
            else None,
            np.concatenate(chroma_blocks, axis=1) if chroma_blocks else None,
        )


def power_blocks(waveform: FloatArray, n_fft: int, hop_length: int) -> Iterator[FloatArray]:
    """Yields the power spectrogram in blocks of frames, `[1 + n_fft // 2, up to BLOCK_FRAMES]`.

    A block is to be used before the next one is asked for, which overwrites it.

    The frames are librosa's: a periodic Hann window, each frame centred on its time, and zeros
    before the start and after the end, so that a clip has `1 + n_samples // hop_length` of them
    (for an even `n_fft`).

    They are transformed in float64, as librosa does. In float32 an FFT takes half the time, but
    the error of quiet cells beside a loud tone reaches 0.006 dB of log-mel (0.0007 dB in 200 clips
    of EmoDB) where it is 0.00002 dB now.
    """
    margin = n_fft // 2
    n_frames = 1 + (len(waveform) + 2 * margin - n_fft) // hop_length
    for start in range(0, n_frames, BLOCK_FRAMES):
        n = min(BLOCK_FRAMES, n_frames - start)
        samples = _BUFFERS.take("samples", (hop_length * (n - 1) + n_fft,), np.float64)
        # Where the block lies in the waveform, and which part of it there is.
        first = hop_length * start - margin
        begin, end = max(first, 0), min(first + len(samples), len(waveform))
        samples[: begin - first] = 0.0
        samples[begin - first : end - first] = waveform[begin:end]
        samples[end - first :] = 0.0
        # What sliding_window_view makes, without its 20 µs of Python.
        strides = (hop_length * samples.itemsize, samples.itemsize)
        frames = np.ndarray((n, n_fft), samples.dtype, samples, strides=strides)
        windowed = _BUFFERS.take("windowed", (n, n_fft), np.float64)
        np.multiply(frames, hann_window(n_fft), out=windowed)
        spectrum = _BUFFERS.take("spectrum", (n, 1 + margin), np.complex128)
        np.fft.rfft(windowed, out=spectrum)
        parts = spectrum.view(np.float64)  # real and imaginary in turn
        np.square(parts, out=parts)
        power = _BUFFERS.take("power", spectrum.shape, np.float32)
        np.add(parts[:, ::2], parts[:, 1::2], out=power, casting="same_kind")
        yield power.T


class _Buffers(threading.local):
    """Arrays that a thread uses for one clip after another.

    The system clears the memory of new ones, which took 0.7 of the 1.7 ms of a clip of 2 s.
    """

    def __init__(self) -> None:
        self._arrays: dict[str, npt.NDArray[Any]] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Returns an array of any content; what the thread took of this name before is lost."""
        size = math.prod(shape)
        if name not in self._arrays or self._arrays[name].size < size:
            self._arrays[name] = np.empty(size, dtype)
        return self._arrays[name][:size].reshape(shape)


_BUFFERS = _Buffers()


@lru_cache(maxsize=8)
def hann_window(n_fft: int) -> npt.NDArray[np.float64]:
    """Returns the periodic Hann window, float64 `[n_fft]`; nobody may write to it.

    >>> hann_window(4).round(9).tolist()
    [0.0, 0.5, 1.0, 0.5]
    """
    window: npt.NDArray[np.float64] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    window.flags.writeable = False
    return window


def power_to_db(power: FloatArray, top_db: float) -> FloatArray:
    """Returns decibels below the loudest cell, in `[-top_db, 0]`; `ref=np.max` in librosa.

    Silence is 0 dB everywhere, as in librosa: its loudest cell is its reference, too. So a silent
    clip is a bright, even image, and not a dark one.

    >>> power_to_db(np.array([1.0, 0.1, 0.0], np.float32), top_db=80.0)
    array([  0., -10., -80.], dtype=float32)
    """
    decibels: FloatArray = 10 * np.log10(np.maximum(power, np.float32(MIN_POWER)))
    decibels -= decibels.max()
    return decibels.clip(min=np.float32(-top_db))


def chroma(power: FloatArray, chroma_bank: FloatArray) -> FloatArray:
    """Returns each pitch class's share of the frame's strongest, `[12, n_frames]`, 0 to 1.

    It is `librosa.feature.chroma_stft(S=power, tuning=0.0)`. librosa's default estimates the tuning
    of each clip, which costs more than all the other features together; speech has none to
    estimate. Frames of silence are 0.
    """
    # Dot products of rows, for which OpenBLAS starts no threads at such lengths.
    energy: FloatArray = np.vecdot(chroma_bank[:, np.newaxis], power.T)
    strongest = energy.max(axis=0)
    strongest[strongest < np.finfo(np.float32).tiny] = 1.0
    energy /= strongest
    return energy


def to_uint8(values: FloatArray) -> ByteArray:
    """Returns values of 0 to 1 as 0 to 255, rounded.

    >>> to_uint8(np.array([0.0, 0.5, 1.0], np.float32))
    array([  0, 128, 255], dtype=uint8)
    """
    rounded: FloatArray = np.rint(values * np.float32(255))
    return rounded.astype(np.uint8)


def split_into_images(rows: ByteArray, width: int) -> ByteArray:
    """Cuts `[height, n_frames]` into images, `[n_images, height, width]`.

    At most `width` frames make one image, padded on the right with 0. More make as few as cover
    them all; their starts are evenly spaced, so that they overlap a little and need no padding.

    >>> split_into_images(np.arange(1, 6, dtype=np.uint8)[np.newaxis], width=3).tolist()
    [[[1, 2, 3]], [[3, 4, 5]]]
    """
    n_frames = rows.shape[1]
    if n_frames <= width:
        image = np.zeros((1, len(rows), width), rows.dtype)
        image[0, :, :n_frames] = rows
        return image
    starts = np.rint(np.linspace(0, n_frames - width, -(-n_frames // width))).astype(int)
    return np.stack([rows[:, start : start + width] for start in starts])
