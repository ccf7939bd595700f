"""Synthesises audio files of every format in memory, for tests."""

import io
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
import soundfile

SOUNDFILE_FORMATS = {
    "wav": ("WAV", "PCM_16"),
    "wav-float": ("WAV", "FLOAT"),
    "wav-u8": ("WAV", "PCM_U8"),
    "wav-24": ("WAV", "PCM_24"),
    "rf64": ("RF64", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg-vorbis": ("OGG", "VORBIS"),
    "ogg-opus": ("OGG", "OPUS"),
}
"""libsndfile's container and encoding."""
FFMPEG_FORMATS: dict[str, tuple[str, str, dict[str, str]]] = {
    "mp3": ("mp3", "libmp3lame", {}),
    "m4a": ("ipod", "aac", {}),
    "mp4-fragmented": ("mp4", "aac", {"movflags": "frag_keyframe+empty_moov"}),
    "aac": ("adts", "aac", {}),
    "webm": ("webm", "libopus", {}),
    "webm-live": ("webm", "libopus", {"live": "1"}),
    "mkv-flac": ("matroska", "flac", {}),
    "caf": ("caf", "pcm_s16le", {}),
    "w64": ("w64", "pcm_s16le", {}),
    "au": ("au", "pcm_s16be", {}),
    "amr": ("amr", "libopencore_amrnb", {}),
    "3gp": ("3gp", "libopencore_amrnb", {}),
    "wav-mp3": ("wav", "libmp3lame", {}),
}
"""FFmpeg's container, codec and options."""
FORMATS = (*SOUNDFILE_FORMATS, *FFMPEG_FORMATS)


def tone(
    seconds: float, rate_hz: int = 16_000, pitch_hz: float = 440.0, amplitude: float = 0.4
) -> npt.NDArray[np.float32]:
    """Returns a sine, `[n_samples]`."""
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    return (amplitude * np.sin(2 * np.pi * pitch_hz * time)).astype(np.float32)


def speech_like(seconds: float, rate_hz: int = 16_000, seed: int = 0) -> npt.NDArray[np.float32]:
    """Returns syllables: a gliding, formant-weighted voice with pauses, and breath noise."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    pitch_hz = 130 + 40 * np.sin(2 * np.pi * 0.7 * time)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / rate_hz
    voice = np.zeros_like(time)
    for harmonic in range(1, 20):
        frequency_hz = 130 * harmonic
        weight = sum(np.exp(-(((frequency_hz - f) / 200) ** 2)) for f in (600, 1200, 2500))
        voice += weight * np.sin(harmonic * phase) * (frequency_hz < 0.45 * rate_hz)
    syllables = np.clip(np.sin(2 * np.pi * 2.5 * time), 0, None)
    return (0.15 * voice * syllables + 0.01 * random.standard_normal(len(time))).astype(np.float32)


def encode(waveform: npt.NDArray[np.float32], rate_hz: int, format_: str) -> bytes:
    """Returns a file of one of FORMATS; the waveform is `[n_samples]` or `[n_samples, 2]`."""
    file = io.BytesIO()
    if format_ in SOUNDFILE_FORMATS:
        container, encoding = SOUNDFILE_FORMATS[format_]
        soundfile.write(file, waveform, rate_hz, format=container, subtype=encoding)
        return file.getvalue()
    container, codec, options = FFMPEG_FORMATS[format_]
    layout = "stereo" if waveform.ndim == 2 else "mono"
    with av.open(file, "w", format=container, options=options) as output:
        coded_rate_hz = {"libopus": 48_000, "libopencore_amrnb": 8_000}.get(codec, rate_hz)
        stream = output.add_stream(codec, rate=coded_rate_hz, layout=layout)
        stream.time_base = Fraction(1, coded_rate_hz)
        if codec == "libmp3lame":
            stream.bit_rate = 64_000
        planes = np.ascontiguousarray(np.atleast_2d(waveform.T), dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
        frame.sample_rate, frame.pts = rate_hz, 0
        resampler = av.AudioResampler(
            format=stream.codec_context.format,
            layout=layout,
            rate=coded_rate_hz,
            frame_size=stream.codec_context.frame_size,
        )
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return file.getvalue()


def video_without_sound() -> bytes:
    """Returns an MP4 of four grey pictures and no audio stream."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=4, width=32, height=32)
        for _ in range(4):
            output.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
        output.mux(stream.encode(None))
    return file.getvalue()
