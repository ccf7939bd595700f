"""From the bytes of an audio file to a waveform, or to the reason why there is none."""

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import av
import av.error
import numpy as np
import numpy.typing as npt
import soundfile

from model.config import AudioConfig
from model.errors import ItemError
from model.preprocessing.audio_container import (
    Container,
    is_mpeg_wav,
    lacks_last_page,
    missing_bytes,
    mp3_within,
    ogg_seconds,
    sniff,
    xing_sizes,
)
from model.preprocessing.waveform import ChannelsCancelError, Waveform
from schemas.dead_letters import Reason
from schemas.warnings import WarningCode

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


MAX_MISSING_SECONDS, MAX_MISSING_SHARE = 0.5, 0.02
"""What a clip may lack of what its header declares, both; a warning tells."""
OGG = (Container.OGG, Container.CHAINED_OGG)


@dataclass(frozen=True)
class DecodedClip:
    """A clip's sound.

    Attributes:
        waveform: mono, float32, `[n_samples]`, at least one sample; full scale ±1, which a float
            file may exceed.
        warnings: codes: `clip_cut_short` where up to 2 % and 0.5 s are missing of what the header
            declares; `clip_end_unmarked` where an Ogg stream has no last page, so that nobody can
            tell.
    """

    waveform: npt.NDArray[np.float32]
    warnings: tuple[str, ...] = ()


Decode = Callable[[bytes, AudioConfig], DecodedClip]


def decode_clip(data: bytes, config: AudioConfig, decoder: Decode | None = None) -> DecodedClip:
    """Returns a clip as a mono waveform at `config.sample_rate_hz`.

    Plain 16-bit WAV is read here, other WAV, FLAC, AIFF and Ogg by libsndfile, everything else by
    FFmpeg; and so is what ends too early, for the part that is there. Channels are averaged, or the
    louder one is taken where they cancel; other rates are resampled by soxr (HQ). Decoding stops as
    soon as the clip is too long, so that a small file of many hours takes no memory.

    Plain WAV needs no limit of time: one pass over its chunks, one over at most `max_clip_seconds`
    of samples, and of C code only numpy's and soxr's, to which no byte of a header comes.

    Args:
        data: the whole file.
        config: the limits and the rate.
        decoder: decodes all but plain WAV; `model.preprocessing.decoder_process` does, where it
            can be killed.

    Raises:
        ItemError: with the reason CLIP_TOO_LARGE, EMPTY_CLIP, CLIP_TOO_LONG, UNDECODABLE_CLIP,
            TRUNCATED_CLIP, SILENT_CLIP or NON_FINITE_SAMPLES; no other error, whatever the bytes
            are. And those of `decoder`.
    """
    if len(data) > config.max_clip_bytes:
        raise ItemError(
            Reason.CLIP_TOO_LARGE,
            f"clip is {len(data)} bytes; the limit is {config.max_clip_bytes} bytes",
        )
    if not data:
        raise ItemError(Reason.EMPTY_CLIP, "clip is 0 bytes; at least one sample is needed")
    try:
        return _decode(data, config, decoder, None)
    except ChannelsCancelError as cancelled:
        return _decode(data, config, decoder, cancelled.args[0])


def _decode(
    data: bytes, config: AudioConfig, decoder: Decode | None, channel: int | None
) -> DecodedClip:
    waveform = Waveform(config, channel)
    if _read_plain_wav(data, waveform):
        return DecodedClip(waveform.finish())
    if decoder:
        return decoder(data, config)
    container = sniff(data)
    if container in (Container.WAV, Container.STREAMED_WAV) and (inner := mp3_within(data)):
        data, container = inner, Container.MP3
    missing = missing_bytes(data, container)
    is_unmarked = container in OGG and lacks_last_page(data)
    shortage = _Shortage(0.0, "")
    reads_sndfile = container in SOUNDFILE_CONTAINERS and not (
        container is Container.WAV and is_mpeg_wav(data)
    )
    if not missing and not is_unmarked and reads_sndfile:
        found = _decode_with_soundfile(data, waveform)
        if found is not None and not found.seconds:
            return DecodedClip(waveform.finish())
        shortage, waveform = found or shortage, Waveform(config, channel)
    if missing:
        fault = f"its {container} header declares at least {len(data) + missing}"
        if container in OGG:
            fault = f"the {container} stream ends within a page"
        shortage = _Shortage(np.inf, f"clip is {len(data)} bytes; {fault}")
    found = _decode_with_ffmpeg(data, container, waveform, shortage)
    if missing and not waveform.n_source_samples:
        raise ItemError(Reason.TRUNCATED_CLIP, shortage.message)
    if missing:
        shortage = replace(shortage, seconds=_missing_seconds(data, missing, container, waveform))
    elif shortage.seconds:  # libsndfile knows how long it should be
        shortage = replace(shortage, seconds=shortage.declared_seconds - waveform.seconds)
    worst = max(shortage, found, key=lambda each: each.seconds)
    if worst.seconds > 0:
        share = worst.seconds / (worst.seconds + waveform.seconds)
        if worst.seconds > MAX_MISSING_SECONDS or share > MAX_MISSING_SHARE:
            raise ItemError(Reason.TRUNCATED_CLIP, worst.message)
        return DecodedClip(waveform.finish(), (WarningCode.CLIP_CUT_SHORT,))
    return DecodedClip(waveform.finish(), (WarningCode.CLIP_END_UNMARKED,) if is_unmarked else ())


@dataclass(frozen=True)
class _Shortage:
    """What a clip lacks of what its header declares.

    Attributes:
        seconds: infinite where nobody can tell; 0: nothing.
        message: names both sizes.
        declared_seconds: the whole clip's.
    """

    seconds: float
    message: str
    declared_seconds: float = 0.0


def _missing_seconds(data: bytes, missing: int, container: Container, waveform: Waveform) -> float:
    """Returns how much sound so many missing bytes stand for."""
    if container in OGG:  # no packet of a page that is cut is read
        declared = ogg_seconds(data) if container is Container.OGG else None
        # A page that says nothing new may still have held sound.
        return np.inf if declared is None else max(declared - waveform.seconds, 1e-3)
    return waveform.seconds * missing / len(data)


def _read_plain_wav(data: bytes, waveform: Waveform) -> bool:
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
    may_be_mp3 = data[position : position + 1] in (b"\xff", b"I")
    if not 0 < size == len(data) - position or (may_be_mp3 and mp3_within(data)):
        return False  # what comes later may be more samples
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


def _decode_with_soundfile(data: bytes, waveform: Waveform) -> _Shortage | None:
    """Fills the waveform, and returns what it lacks; None where libsndfile cannot read it."""
    try:
        sound = soundfile.SoundFile(_SeekableBytes(data))
    except soundfile.LibsndfileError:
        return None
    with sound:
        if sound.frames >= 2**62:  # FLAC without a count, which libsndfile then fails to read
            return None
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
    declared_seconds = n_declared / waveform.rate_hz
    missing = declared_seconds - waveform.seconds
    return _Shortage(
        max(missing, 1 / waveform.rate_hz) if error or missing > 0 else 0.0,
        f"clip decodes to {waveform.n_source_samples} samples; its header declares "
        f"{n_declared}{error}",
        declared_seconds,
    )


def _decode_with_ffmpeg(
    data: bytes, container: Container, waveform: Waveform, known: _Shortage
) -> _Shortage:
    """Fills the waveform, and returns what it lacks beside what is known to be missing.

    PyAV keeps FFmpeg's log off stderr unless somebody turns it on.
    """
    try:
        with av.open(
            io.BytesIO(data),
            mode="r",
            options={"format_whitelist": FFMPEG_FORMATS},
            metadata_errors="replace",
        ) as clip:
            stream = next(iter(clip.streams.audio), None)
            if stream is None:
                if known.seconds:
                    raise ItemError(Reason.TRUNCATED_CLIP, known.message)
                raise ItemError(
                    Reason.UNDECODABLE_CLIP,
                    f"clip is {clip.format.name} without an audio stream; one is needed",
                )
            declared_seconds = _declared_seconds(clip, stream, data, container)
            waveform.refuse_if_longer(declared_seconds)
            shortage = _decode_stream(clip, stream, container, waveform)
    except av.error.FFmpegError as error:
        if known.seconds:
            raise ItemError(Reason.TRUNCATED_CLIP, known.message) from None
        raise ItemError(
            Reason.UNDECODABLE_CLIP, f"clip is not audio that FFmpeg can decode: {error.strerror}"
        ) from None
    if waveform.seconds >= declared_seconds - PADDING_SECONDS:
        return shortage
    return _Shortage(
        declared_seconds - waveform.seconds,
        f"clip decodes to {waveform.seconds:.2f} s; its header declares {declared_seconds:.2f} s",
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


def _decode_stream(clip: Any, stream: Any, container: Container, waveform: Waveform) -> _Shortage:
    """Adds the stream's samples; an error that no further sound follows is an early end."""
    error: av.error.FFmpegError | None = None
    frame_seconds = 0.0
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
            frame_seconds = frame.samples / frame.sample_rate
    if error is not None and not waveform.n_source_samples:
        raise error
    if error is None or container is Container.MP3:
        return _Shortage(0.0, "")
    return _Shortage(
        frame_seconds,
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
