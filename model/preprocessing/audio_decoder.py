"""From the bytes of an audio file to a waveform, or to the reason why there is none."""

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import av
import av.error
import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from model.config import AudioConfig
from model.errors import ItemError
from model.preprocessing.audio_container import Container, missing_bytes, sniff, xing_sizes
from schemas.dead_letters import Reason

SOUNDFILE_CONTAINERS = frozenset({Container.WAV, Container.AIFF, Container.FLAC, Container.OGG})
"""What libsndfile reads; MP3 is not among them, as its decoder writes to stderr."""
FFMPEG_FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,eac3,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,tta,w64,"
    "wav,wv"
)
"""Formats that hold all of their data; playlists (HLS, concat) would open other files and hosts."""
DURATION_FORMATS = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "flv", "au"})
"""FFmpeg formats whose header tells the duration; of others FFmpeg makes an estimate."""
PADDING_SECONDS = 0.3
"""How much shorter than declared a complete clip may be: 2112 samples of AAC priming at 8 kHz."""
BLOCK_SAMPLES = 1 << 16
WAVE_FORMAT_PCM = 1
FROM_INT16 = np.float32(1 / 32_768)
MIN_RATE_HZ, MAX_RATE_HZ = 1_000, 768_000
MAX_MAGNITUDE = 1e15
"""Larger samples overflow the float32 power spectrogram."""


Decode = Callable[[bytes, AudioConfig], npt.NDArray[np.float32]]


def decode_clip(
    data: bytes, config: AudioConfig, decoder: Decode | None = None
) -> npt.NDArray[np.float32]:
    """Returns a clip as a mono waveform at `config.sample_rate_hz`.

    Plain 16-bit WAV is read here, other WAV, FLAC, AIFF and Ogg by libsndfile, everything else by
    FFmpeg. Channels are averaged, and other rates resampled by soxr (HQ). Decoding stops as soon as
    the clip is too long, so that a small file of many hours takes no memory.

    Plain WAV needs no limit of time: one pass over its chunks, one over at most `max_clip_seconds`
    of samples, and of C code only numpy's and soxr's, to which no byte of a header comes.

    Args:
        data: the whole file.
        config: the limits and the rate.
        decoder: decodes all but plain WAV; `model.preprocessing.decoder_process` does, where it
            can be killed.

    Returns:
        float32, `[n_samples]`, at least one sample, full scale ±1 (a float file may exceed it).

    Raises:
        ItemError: with the reason CLIP_TOO_LARGE, EMPTY_CLIP, CLIP_TOO_LONG, UNDECODABLE_CLIP,
            TRUNCATED_CLIP or NON_FINITE_SAMPLES; no other error, whatever the bytes are. And those
            of `decoder`.
    """
    if len(data) > config.max_clip_bytes:
        raise ItemError(
            Reason.CLIP_TOO_LARGE,
            f"clip is {len(data)} bytes; the limit is {config.max_clip_bytes} bytes",
        )
    if not data:
        raise ItemError(Reason.EMPTY_CLIP, "clip is 0 bytes; at least one sample is needed")
    waveform = _Waveform(config)
    if _read_plain_wav(data, waveform):
        return waveform.finish()
    if decoder:
        return decoder(data, config)
    container = sniff(data)
    if missing := missing_bytes(data, container):
        fault = f"its {container} header declares at least {len(data) + missing}"
        if container in (Container.OGG, Container.CHAINED_OGG):
            fault = f"the {container} stream ends without its last page"
        raise ItemError(Reason.TRUNCATED_CLIP, f"clip is {len(data)} bytes; {fault}")
    if container not in SOUNDFILE_CONTAINERS or not _decode_with_soundfile(data, waveform):
        _decode_with_ffmpeg(data, container, waveform)
    return waveform.finish()


@dataclass
class _Waveform:
    """The waveform as it grows, block by block: checked, mixed to mono and resampled."""

    config: AudioConfig
    rate_hz: int = 0
    n_source_samples: int = 0
    blocks: list[npt.NDArray[np.float32]] = field(default_factory=list)
    resampler: soxr.ResampleStream | None = None

    @property
    def seconds(self) -> float:
        return self.n_source_samples / self.rate_hz if self.rate_hz else 0.0

    def start(self, rate_hz: int) -> None:
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
        magnitude = np.abs(block).max(initial=0.0)
        if not magnitude <= MAX_MAGNITUDE:  # NaN compares false
            raise ItemError(
                Reason.NON_FINITE_SAMPLES,
                f"clip holds a sample of magnitude {magnitude:g} before {self.seconds:.3f} s; "
                f"samples must be finite and at most {MAX_MAGNITUDE:g}",
            )
        mono = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32)
        if self.resampler is not None:
            mono = self.resampler.resample_chunk(mono)
        self.blocks.append(mono)

    def finish(self) -> npt.NDArray[np.float32]:
        if self.resampler is not None:
            self.blocks.append(self.resampler.resample_chunk(np.zeros(0, np.float32), last=True))
        waveform = np.concatenate(self.blocks) if self.blocks else np.zeros(0, np.float32)
        if not len(waveform):
            raise ItemError(
                Reason.EMPTY_CLIP,
                f"clip holds {self.n_source_samples} samples; at least one is needed at "
                f"{self.config.sample_rate_hz} Hz",
            )
        return waveform


def _read_plain_wav(data: bytes, waveform: _Waveform) -> bool:
    """Fills the waveform with what libsndfile would; False unless it is 16-bit PCM, mono or stereo.

    libsndfile asks for a file's bytes in callbacks, 8 KB at a time, and only one of all threads can
    be in Python: two of them took 0.4 ms for a clip of 2 s, where one alone took 0.2 ms.

    Args:
        data: any file.
        waveform: to fill.
    """
    position, layout = 12, None
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        position += 8
        if name == b"data":
            break
        if name == b"fmt " and size == 16 and layout is None and position + size <= len(data):
            layout = struct.unpack_from("<HHIIHH", data, position)
        elif name != b"LIST":
            return False
        position += size + (size & 1)
    else:
        return False
    if layout is None or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return False
    encoding, n_channels, rate_hz, _, frame_bytes, bits = layout
    is_plain = (encoding, bits) == (WAVE_FORMAT_PCM, 16) and n_channels in (1, 2)
    if not is_plain or frame_bytes != 2 * n_channels or size % frame_bytes:
        return False
    if not 0 < size == len(data) - position:  # what comes later may be more samples
        return False
    samples = np.frombuffer(data, "<i2", size // 2, position).reshape(-1, n_channels)
    waveform.start(rate_hz)
    waveform.refuse_if_longer(len(samples) / rate_hz)
    block_frames = BLOCK_SAMPLES // n_channels
    for start in range(0, len(samples), block_frames):
        waveform.add(samples[start : start + block_frames] * FROM_INT16)
    return True


class _SeekableBytes(io.BytesIO):
    """Bytes that take a seek before their start, which libsndfile asks for in broken files."""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return super().seek(max(offset, 0) if whence == io.SEEK_SET else offset, whence)


def _decode_with_soundfile(data: bytes, waveform: _Waveform) -> bool:
    """Fills the waveform; False where libsndfile cannot read this kind."""
    try:
        sound = soundfile.SoundFile(_SeekableBytes(data))
    except soundfile.LibsndfileError:
        return False
    with sound:
        if sound.frames >= 2**62:  # FLAC without a count, which libsndfile then fails to read
            return False
        waveform.start(sound.samplerate)
        n_declared = sound.frames
        waveform.refuse_if_longer(n_declared / sound.samplerate)
        block_frames = max(1, BLOCK_SAMPLES // sound.channels)
        error = ""
        try:
            while len(block := sound.read(block_frames, dtype="float32", always_2d=True)):
                waveform.add(block)
        except soundfile.LibsndfileError as stop:
            error = f": {stop.error_string}"
    if error or waveform.n_source_samples < n_declared:
        raise ItemError(
            Reason.TRUNCATED_CLIP,
            f"clip decodes to {waveform.n_source_samples} samples; its header declares "
            f"{n_declared}{error}",
        )
    return True


def _decode_with_ffmpeg(data: bytes, container: Container, waveform: _Waveform) -> None:
    """Fills the waveform; PyAV keeps FFmpeg's log off stderr unless somebody turns it on."""
    try:
        with av.open(
            io.BytesIO(data),
            mode="r",
            options={"format_whitelist": FFMPEG_FORMATS},
            metadata_errors="replace",
        ) as clip:
            stream = next(iter(clip.streams.audio), None)
            if stream is None:
                raise ItemError(
                    Reason.UNDECODABLE_CLIP,
                    f"clip is {clip.format.name} without an audio stream; one is needed",
                )
            declared_seconds = _declared_seconds(clip, stream, data, container)
            waveform.refuse_if_longer(declared_seconds)
            _decode_stream(clip, stream, container, waveform)
    except av.error.FFmpegError as error:
        raise ItemError(
            Reason.UNDECODABLE_CLIP, f"clip is not audio that FFmpeg can decode: {error.strerror}"
        ) from None
    if waveform.seconds < declared_seconds - PADDING_SECONDS:
        raise ItemError(
            Reason.TRUNCATED_CLIP,
            f"clip decodes to {waveform.seconds:.2f} s; its header declares "
            f"{declared_seconds:.2f} s",
        )


def _declared_seconds(clip: Any, stream: Any, data: bytes, container: Container) -> float:
    """Returns the duration in the header; 0 where there is none or it may be another stream's."""
    tells = clip.format.name in DURATION_FORMATS or (
        container is Container.MP3 and xing_sizes(data) is not None
    )
    if tells and stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if tells and clip.duration and len(clip.streams) == 1:
        return float(clip.duration / av.time_base)
    return 0.0


def _decode_stream(clip: Any, stream: Any, container: Container, waveform: _Waveform) -> None:
    """Adds the stream's samples; an error that no further sound follows is an early end."""
    error: av.error.FFmpegError | None = None
    for packet in clip.demux(stream):
        try:
            frames = packet.decode()
        except av.error.FFmpegError as stop:
            error = stop
            continue
        for frame in frames:
            # MP3 may hold tags between its frames, which decode to errors.
            if error is not None and container is not Container.MP3:
                raise error
            if not waveform.rate_hz:
                waveform.start(frame.sample_rate)
            if frame.sample_rate != waveform.rate_hz:
                raise ItemError(
                    Reason.UNDECODABLE_CLIP,
                    f"clip changes its sample rate from {waveform.rate_hz} to "
                    f"{frame.sample_rate} Hz; it must keep one",
                )
            waveform.add(_samples_of(frame))
    if error is None:
        return
    if not waveform.n_source_samples:
        raise error
    if container is not Container.MP3:
        raise ItemError(
            Reason.TRUNCATED_CLIP,
            f"clip ends inside a packet after {waveform.seconds:.2f} s: {error.strerror}",
        )


def _samples_of(frame: Any) -> npt.NDArray[np.float32]:
    """Returns an FFmpeg frame as float32 of full scale ±1, `[n_samples, n_channels]`."""
    samples: npt.NDArray[Any] = frame.to_ndarray()
    samples = samples.T if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels)
    if samples.dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused as infinite
            return samples.astype(np.float32)
    full_scale = 128 if samples.dtype == np.uint8 else -np.iinfo(samples.dtype).min
    zero = 128 if samples.dtype == np.uint8 else 0
    return ((samples - np.float64(zero)) / full_scale).astype(np.float32)
