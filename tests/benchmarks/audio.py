"""Features of clips beside librosa's: `make bench SUITE=audio`.

Both sides start from the bytes of the files. Ours is AudioPreprocessor on a thread a core, up to
the images. The peer is the four calls of librosa that its users write, one clip after another:
load, melspectrogram, power_to_db, chroma_stft, each with its own STFT and an estimate of the
tuning. Its first call, which compiles, is before the first turn.

Before that, our features are compared with librosa's at a tuning of 0, clip by clip.
"""

import io
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import librosa
import numpy as np

from model.config import N_CHROMA, AudioConfig
from model.preprocessing.audio_decoder import decode_clip
from model.preprocessing.audio_preprocessor import AudioPreprocessor, build_filter_banks
from model.scoring.artifact import DEFAULT_MODEL, Artifact
from tests.benchmarks.measure import (
    Comparison,
    alternate,
    machine_lines,
    suite_arguments,
    write_json,
)

N_CLIPS = 200
TO_REACH = 8
"""Times the peer's clips a second, with librosa's sizes."""
DECIBELS_APART, CHROMA_APART = 1e-3, 1e-4
"""How far a cell may be from librosa's."""
LIBROSA_SIZES = AudioConfig(
    sample_rate_hz=22_050,
    n_fft=2048,
    hop_length=512,
    image_height=128 + N_CHROMA,
    chroma_repeats=1,
)
"""What librosa's functions take where they are told nothing: 128 mel bands, 12 chroma bins."""


def librosa_features(clip: bytes, config: AudioConfig, **chroma: Any) -> tuple[Any, Any]:
    """Returns log-mel and chroma, `[n_mels, n_frames]` and `[12, n_frames]`."""
    waveform, rate = librosa.load(io.BytesIO(clip), sr=config.sample_rate_hz)
    sizes = {"sr": rate, "n_fft": config.n_fft, "hop_length": config.hop_length}
    mel = librosa.feature.melspectrogram(y=waveform, n_mels=config.n_mels, **sizes)
    return librosa.power_to_db(mel), librosa.feature.chroma_stft(y=waveform, **sizes, **chroma)


def apart(clips: Sequence[bytes], preprocessor: AudioPreprocessor) -> tuple[float, float]:
    """Returns how far the farthest cell is from librosa's, in dB and in chroma."""
    decibels = chroma = 0.0
    for clip in clips:
        config = preprocessor.config
        ours = preprocessor.features_of(decode_clip(clip, config).waveform)
        log_mel, expected = librosa_features(clip, config, tuning=0.0)
        # Ours are below the loudest cell; librosa's own reference is 1.
        decibels = max(decibels, float(np.abs(ours.log_mel - (log_mel - log_mel.max())).max()))
        chroma = max(chroma, float(np.abs(ours.chroma - expected).max()))
    return decibels, chroma


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """Returns a function that does the work and returns its seconds."""

    def run() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return run


def compare(
    what: str, clips: Sequence[bytes], preprocessor: AudioPreprocessor, runs: int
) -> Comparison:
    """Runs both sides in turn."""
    n_cores = os.cpu_count() or 1
    shares = [clips[core::n_cores] for core in range(n_cores)]

    def ours() -> None:
        with ThreadPoolExecutor(n_cores) as pool:
            list(pool.map(lambda share: [preprocessor(clip) for clip in share], shares))

    def peer() -> None:
        for clip in clips:
            librosa_features(clip, preprocessor.config)

    ours()
    librosa_features(clips[0], preprocessor.config)
    seconds = alternate(timed(ours), timed(peer), runs)
    return Comparison("audio", what, *seconds, len(clips), "clips/s")


def main() -> int:
    """Compares with librosa's sizes and with the shipped model's; 1 where features differ."""
    arguments = suite_arguments(__doc__).parse_args()
    if "MM_EMOR_DATA" not in os.environ:
        print("MM_EMOR_DATA names no directory of real data; this suite reads EmoDB's clips")
        return 2
    paths = sorted(Path(os.environ["MM_EMOR_DATA"], "emodb", "wav").glob("*.wav"))[:N_CLIPS]
    if len(paths) < N_CLIPS:
        print(f"MM_EMOR_DATA has {len(paths)} clips in emodb/wav; {N_CLIPS} are needed")
        return 2
    for line in machine_lines(("librosa", "numpy", "scipy", "soundfile", "soxr")):
        print(line, flush=True)
    clips = [path.read_bytes() for path in paths]
    comparisons, equal = [], True
    shipped = Artifact.load(DEFAULT_MODEL).preprocessor().audio
    assert shipped
    for name, preprocessor in (
        ("librosa's sizes", AudioPreprocessor(LIBROSA_SIZES, build_filter_banks(LIBROSA_SIZES))),
        ("the shipped model's", shipped),
    ):
        decibels, chroma = apart(clips, preprocessor)
        equal &= decibels <= DECIBELS_APART and chroma <= CHROMA_APART
        what = f"features of {N_CLIPS} EmoDB clips, from file bytes, all cores, {name}"
        comparisons.append(compare(what, clips, preprocessor, arguments.runs))
        print(*comparisons[-1].lines(), sep="\n")
        print(
            f"  to reach: {TO_REACH} times its clips/s\n"
            f"  at most {decibels:.6f} dB and {chroma:.7f} of chroma from librosa's"
            f" (allowed: {DECIBELS_APART:g} and {CHROMA_APART:g})",
            flush=True,
        )
    if arguments.json:
        write_json(comparisons, arguments.json)
    if not equal:
        print("our features are not librosa's")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
