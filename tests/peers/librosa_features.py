"""Features of clips by the four calls of librosa that its users write; it takes turns with ours.

Run as `python -m tests.peers.librosa_features FOLDER`. Before the first turn it leaves
`features/NNN.npz` for each clip: `log_mel`, dB `[n_mels, n_frames]`, and `chroma`,
`[12, n_frames]`, at a tuning of 0. In a turn, the tuning is estimated, as librosa does by default.
"""

import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.measure import Turns
from tests.peers.job import read_job


@dataclass(frozen=True)
class FeaturesJob:
    """What to compute.

    Attributes:
        clips: paths of the clips.
        sample_rate_hz, n_fft, hop_length, n_mels: as librosa calls them, but for `sr`.
    """

    clips: list[str]
    sample_rate_hz: int
    n_fft: int
    hop_length: int
    n_mels: int


def features_of(clip: bytes, job: FeaturesJob, **chroma: Any) -> tuple[Any, Any]:
    """Returns log-mel and chroma, `[n_mels, n_frames]` and `[12, n_frames]`."""
    import librosa

    waveform, rate = librosa.load(io.BytesIO(clip), sr=job.sample_rate_hz)
    sizes = {"sr": rate, "n_fft": job.n_fft, "hop_length": job.hop_length}
    mel = librosa.feature.melspectrogram(y=waveform, n_mels=job.n_mels, **sizes)
    return librosa.power_to_db(mel), librosa.feature.chroma_stft(y=waveform, **sizes, **chroma)


def main() -> None:
    """Computes the features of all clips, one clip after another, a turn each."""
    turns = Turns()
    folder = Path(sys.argv[1])
    job = read_job(folder, FeaturesJob)
    clips = [Path(path).read_bytes() for path in job.clips]
    (folder / "features").mkdir()
    for number, clip in enumerate(clips):
        log_mel, chroma = features_of(clip, job, tuning=0.0)
        np.savez(folder / "features" / f"{number:03d}.npz", log_mel=log_mel, chroma=chroma)
    while True:
        turns.wait()
        for clip in clips:
            features_of(clip, job)
        turns.stop()
        turns.answer()


if __name__ == "__main__":
    main()
