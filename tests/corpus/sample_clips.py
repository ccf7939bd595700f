"""Speak and encode the sample corpus's clips: espeak-ng for the voice, ffmpeg for the file."""

from __future__ import annotations

import html
import shutil
import struct
import subprocess
import tempfile
import wave
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sample_plan import FORMATS, Record

SECONDS = (1.5, 6.0)
LONG_SECONDS = (12.0, 16.0)
NOT_A_RECORDING = "Choir practice is at seven. This is not a recording of it.\n" * 9


@dataclass(frozen=True)
class Voice:
    """How one mood is spoken: espeak-ng's settings and an ffmpeg filter after it."""

    speed: int  # words a minute
    pitch: int  # 0 to 99
    pitch_range: str  # SSML prosody range
    amplitude: int  # 0 to 200
    effect: str


MOODS = {
    "anger": Voice(190, 58, "x-high", 190, "volume=3dB,alimiter=limit=0.8:level=0"),
    "disgust": Voice(150, 30, "high", 110, "volume=-2dB"),
    "fear": Voice(175, 78, "high", 80, "tremolo=f=7:d=0.4,volume=-3dB"),
    "joy": Voice(180, 70, "x-high", 150, "volume=1dB,alimiter=limit=0.8:level=0"),
    "neutral": Voice(160, 45, "medium", 100, "volume=-3dB"),
    "sadness": Voice(138, 28, "low", 55, "volume=-6dB"),
    "surprise": Voice(170, 85, "x-high", 140, "volume=0dB,alimiter=limit=0.8:level=0"),
}
LANGUAGES = {"en": "en-gb", "fr": "fr-fr", "pt": "pt-br"}
VARIANTS = ("m1", "f1", "m3", "f2", "m4", "f3", "m7", "f4", "Andy", "Annie", "f5", "m2")


def speak(record: Record, raw: Path) -> None:
    """Have espeak-ng speak the record into ``raw``, in its author's voice and its mood."""
    voice = MOODS[record.mood]
    variant = VARIANTS[zlib.crc32(record.by.encode()) % len(VARIANTS)]
    sway = zlib.crc32(record.id.encode()) % 13 - 6  # no two clips at quite the same pace
    words = f'<prosody range="{voice.pitch_range}">{html.escape(record.say, quote=False)}</prosody>'
    language = LANGUAGES.get(record.lang, record.lang)
    command = ["espeak-ng", "-m", "-v", f"{language}+{variant}", "-s", str(voice.speed + sway)]
    command += ["-p", str(min(99, voice.pitch + sway)), "-a", str(voice.amplitude)]
    subprocess.run([*command, "-w", str(raw), words], check=True)
    with wave.open(str(raw)) as spoken:
        seconds = spoken.getnframes() / spoken.getframerate()
    low, high = LONG_SECONDS if record.long else SECONDS
    if not low <= seconds <= high:
        raise ValueError(f"{record.id}: {seconds:.2f} s spoken, wanted {low} to {high}")


def encode(raw: Path, clip_format: str, effect: str, target: Path) -> None:
    if clip_format == "wavst":
        effect += ",pan=stereo|c0=c0|c1=0.6*c0"
    quiet = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(raw), "-af", effect]
    clean = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact"]
    encoder = FORMATS[clip_format][1].split()
    subprocess.run([*quiet, *encoder, *clean, "-threads", "1", str(target)], check=True)


def _put_nan(clip: bytes) -> bytes:
    """Turn a run of samples, in the middle of a float32 WAV file, into NaN."""
    middle = clip.index(b"data") + 8 + 4 * 16000
    run = struct.pack("<f", float("nan")) * 160
    return clip[:middle] + run + clip[middle + len(run) :]


def write_clips(records: Iterable[Record], out: Path) -> None:
    folder = out / "clips"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch) / "spoken.wav"
        for record in records:
            if record.clip is None or record.clip_path is None:
                continue
            target = out / record.clip_path
            if record.bad == "undecodable_clip":
                target.write_text(NOT_A_RECORDING)
                continue
            if record.bad == "empty_clip":
                target.touch()
                continue
            speak(record, raw)
            encode(raw, record.clip, MOODS[record.mood].effect, target)
            if record.bad == "two_clips":
                encode(raw, "mp3", MOODS[record.mood].effect, target.with_suffix(".mp3"))
            elif record.bad == "truncated_clip":
                whole = target.read_bytes()
                target.write_bytes(whole[: len(whole) * 2 // 5])
            elif record.bad == "non_finite_samples":
                target.write_bytes(_put_nan(target.read_bytes()))
