"""The waveform of a clip as it grows, block by block."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import soxr

from model.config import AudioConfig
from model.errors import ItemError
from schemas.dead_letters import Reason

MIN_RATE_HZ, MAX_RATE_HZ = 1_000, 768_000
MAX_MAGNITUDE = 1e15
"""Larger samples overflow the float32 power spectrogram."""
SILENCE = 1e-3
"""-60 dBFS: half of what lies between the lowest and the highest sample; an offset is no sound."""
CANCELLED = 0.2
"""A mix of less than this share of the power that unrelated channels would give has cancelled."""


class ChannelsCancelError(Exception):
    """Channels of opposite phase leave nothing of their mix; the argument is the louder one."""


@dataclass
class Waveform:
    """The waveform as it grows, block by block: checked, mixed to mono and resampled."""

    config: AudioConfig
    channel: int | None = None
    rate_hz: int = 0
    n_source_samples: int = 0
    blocks: list[npt.NDArray[np.float32]] = field(default_factory=list)
    resampler: soxr.ResampleStream | None = None
    lowest: float = np.inf
    highest: float = -np.inf
    mixed_power: float = 0.0
    powers: npt.NDArray[np.float64] | None = None

    @property
    def seconds(self) -> float:
        """How long it is so far."""
        return self.n_source_samples / self.rate_hz if self.rate_hz else 0.0

    def start(self, rate_hz: int) -> None:
        """Tells the rate of the samples that follow."""
        if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
            raise ItemError(
                Reason.UNDECODABLE_CLIP,
                f"sample rate is {rate_hz} Hz; it must lie between {MIN_RATE_HZ} and "
                f"{MAX_RATE_HZ} Hz",
            )
        self.rate_hz = rate_hz
        if rate_hz != self.config.sample_rate_hz:
            self.resampler = soxr.ResampleStream(
                rate_hz, self.config.sample_rate_hz, 1, dtype="float32", quality="HQ"
            )

    def refuse_if_longer(self, seconds: float) -> None:
        """Refuses a clip of more seconds than the limit."""
        if seconds > self.config.max_clip_seconds:
            raise ItemError(
                Reason.CLIP_TOO_LONG,
                f"clip is {seconds:.1f} s or longer; the limit is "
                f"{self.config.max_clip_seconds:g} s",
            )

    def add(self, block: npt.NDArray[np.float32]) -> None:
        """Adds samples of shape `[n_samples, n_channels]`."""
        self.n_source_samples += len(block)
        self.refuse_if_longer(self.seconds)
        lowest, highest = block.min(initial=np.inf), block.max(initial=-np.inf)
        magnitude = max(-lowest, highest, 0.0) if highest == highest else highest  # noqa: PLR0124
        if not magnitude <= MAX_MAGNITUDE:  # NaN compares false
            raise ItemError(
                Reason.NON_FINITE_SAMPLES,
                f"clip holds a sample of magnitude {magnitude:g} before {self.seconds:.3f} s; "
                f"samples must be finite and at most {MAX_MAGNITUDE:g}",
            )
        self.lowest, self.highest = min(self.lowest, lowest), max(self.highest, highest)
        mono = block[:, 0] if block.shape[1] == 1 else self._mix(block)
        if self.resampler is not None:
            mono = self.resampler.resample_chunk(mono)
        self.blocks.append(mono)

    def _mix(self, block: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        if self.channel is not None:
            return block[:, min(self.channel, block.shape[1] - 1)].copy()
        mixed: npt.NDArray[np.float32] = block.mean(axis=1, dtype=np.float32)
        powers = np.einsum("ij,ij->j", block, block).astype(np.float64)
        if self.powers is None:
            self.powers = np.zeros(len(powers))
        if len(self.powers) == len(powers):
            self.powers += powers
            self.mixed_power += float(np.einsum("i,i->", mixed, mixed))
        return mixed

    def _check_mix(self) -> None:
        if self.powers is None:
            return
        expected = self.powers.sum() / len(self.powers) ** 2
        if self.mixed_power < CANCELLED * expected:
            raise ChannelsCancelError(int(self.powers.argmax()))

    def finish(self) -> npt.NDArray[np.float32]:
        """Returns the whole of it.

        Raises:
            ItemError: empty_clip; silent_clip.
            ChannelsCancelError: the mix has cancelled.
        """
        if self.resampler is not None:
            self.blocks.append(self.resampler.resample_chunk(np.zeros(0, np.float32), last=True))
        waveform = np.concatenate(self.blocks) if self.blocks else np.zeros(0, np.float32)
        if not len(waveform):
            raise ItemError(
                Reason.EMPTY_CLIP,
                f"clip holds {self.n_source_samples} samples; at least one is needed at "
                f"{self.config.sample_rate_hz} Hz",
            )
        if self.highest - self.lowest < 2 * SILENCE:
            raise ItemError(
                Reason.SILENT_CLIP, f"clip of {self.seconds:.2f} s stays below -60 dBFS throughout"
            )
        self._check_mix()
        return waveform
