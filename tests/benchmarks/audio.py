"""Features of clips beside librosa's: `make bench SUITE=audio`.

Both sides start from the bytes of the files, each in a process of its own. Ours is
AudioPreprocessor on a thread a core, up to the images. The peer is the four calls of librosa that
its users write, one clip after another: load, melspectrogram, power_to_db, chroma_stft, each with
its own STFT and an estimate of the tuning.

Beside that, our features are compared with librosa's at a tuning of 0, clip by clip.
"""

import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from model.config import N_CHROMA, AudioConfig
from model.preprocessing.audio_decoder import decode_clip
from model.preprocessing.audio_preprocessor import AudioPreprocessor, build_filter_banks
from model.scoring.artifact import DEFAULT_MODEL, Artifact
from tests.benchmarks.measure import (
    Comparison,
    Turns,
    Worker,
    alternate,
    machine_lines,
    suite_arguments,
    write_json,
)
from tests.peers.interpreter import peers_python
from tests.peers.job import write_job
from tests.peers.librosa_features import FeaturesJob

MODULE = "tests.benchmarks.audio"
PEER = "tests.peers.librosa_features"
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
SIZES = ("librosa's sizes", "the shipped model's")


def preprocessor_for(sizes: str) -> AudioPreprocessor:
    """Returns ours, with one of `SIZES`."""
    if sizes == SIZES[0]:
        return AudioPreprocessor(LIBROSA_SIZES, build_filter_banks(LIBROSA_SIZES))
    shipped = Artifact.load(DEFAULT_MODEL).preprocessor().audio
    assert shipped
    return shipped


def apart(
    clips: Sequence[Path], preprocessor: AudioPreprocessor, folder: Path
) -> tuple[float, float]:
    """Returns how far the farthest cell is from librosa's, in dB and in chroma.

    Args:
        clips: the files.
        preprocessor: ours.
        folder: where the peer has left its features, in the order of the clips.
    """
    decibels = chroma = 0.0
    for clip, path in zip(clips, sorted(folder.iterdir()), strict=True):
        ours = preprocessor.features_of(
            decode_clip(clip.read_bytes(), preprocessor.config).waveform
        )
        theirs = np.load(path)
        log_mel = theirs["log_mel"]
        # Ours are below the loudest cell; librosa's own reference is 1.
        decibels = max(decibels, float(np.abs(ours.log_mel - (log_mel - log_mel.max())).max()))
        chroma = max(chroma, float(np.abs(ours.chroma - theirs["chroma"]).max()))
    return decibels, chroma


def run_ours(sizes: str, paths: Sequence[str]) -> None:
    """Computes the images of all clips, a turn each."""
    turns = Turns()
    preprocessor = preprocessor_for(sizes)
    clips = [Path(path).read_bytes() for path in paths]
    n_cores = os.cpu_count() or 1
    shares = [clips[core::n_cores] for core in range(n_cores)]
    while True:
        turns.wait()
        with ThreadPoolExecutor(n_cores) as pool:
            list(pool.map(lambda share: [preprocessor(clip) for clip in share], shares))
        turns.stop()
        turns.answer()


def compare(
    what: str, sizes: str, paths: Sequence[Path], folder: Path, runs: int
) -> tuple[Comparison, tuple[float, float]]:
    """Runs both sides in turn; returns their seconds, and how far their features are apart."""
    preprocessor = preprocessor_for(sizes)
    config = preprocessor.config
    clips = [str(path.absolute()) for path in paths]
    job = FeaturesJob(clips, config.sample_rate_hz, config.n_fft, config.hop_length, config.n_mels)
    write_job(folder, job)
    with ExitStack() as stack:
        ours = stack.enter_context(Worker((MODULE, "ours", sizes, *clips)))
        peer = stack.enter_context(Worker((PEER, str(folder)), python=peers_python()))
        distances = apart(paths, preprocessor, folder / "features")
        seconds = alternate(ours.run, peer.run, runs)
    return Comparison("audio", what, *seconds, len(paths), "clips/s"), distances


def main(arguments: Sequence[str]) -> int:
    """Compares with librosa's sizes and with the shipped model's; 1 where features differ."""
    if arguments[:1] == ["ours"]:
        run_ours(arguments[1], arguments[2:])
    options = suite_arguments(__doc__).parse_args(arguments)
    if "MM_EMOR_DATA" not in os.environ:
        print("MM_EMOR_DATA names no directory of real data; this suite reads EmoDB's clips")
        return 2
    paths = sorted(Path(os.environ["MM_EMOR_DATA"], "emodb", "wav").glob("*.wav"))[:N_CLIPS]
    if len(paths) < N_CLIPS:
        print(f"MM_EMOR_DATA has {len(paths)} clips in emodb/wav; {N_CLIPS} are needed")
        return 2
    peer = ("librosa", "numpy", "scipy", "soundfile", "soxr")
    for line in machine_lines(("av", "numpy", "scipy", "soxr"), peer):
        print(line, flush=True)
    comparisons, equal = [], True
    for sizes in SIZES:
        what = f"features of {N_CLIPS} EmoDB clips, from file bytes, all cores, {sizes}"
        with tempfile.TemporaryDirectory() as folder:
            comparison, (decibels, chroma) = compare(what, sizes, paths, Path(folder), options.runs)
        comparisons.append(comparison)
        equal &= decibels <= DECIBELS_APART and chroma <= CHROMA_APART
        print(*comparison.lines(), sep="\n")
        print(
            f"  to reach: {TO_REACH} times its clips/s\n"
            f"  at most {decibels:.6f} dB and {chroma:.7f} of chroma from librosa's"
            f" (allowed: {DECIBELS_APART:g} and {CHROMA_APART:g})",
            flush=True,
        )
    if options.json:
        write_json(comparisons, options.json)
    if not equal:
        print("our features are not librosa's")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
