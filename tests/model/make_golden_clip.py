"""Makes golden_clip.flac and golden_clip_image.npz: `python -m tests.model.make_golden_clip`.

The image is what trained models were shown. Make it anew only together with a new model.
"""

from pathlib import Path

import numpy as np

from model.audio_decoder import decode_clip
from model.audio_preprocessor import (
    AudioPreprocessor,
    build_filter_banks,
    chroma,
    log_mel,
    power_spectrogram,
)
from model.config import AudioConfig
from tests.model.clips import encode, speech_like

CLIP_PATH = Path(__file__).with_name("golden_clip.flac")
IMAGE_PATH = Path(__file__).with_name("golden_clip_image.npz")


def main() -> None:
    config = AudioConfig()
    banks = build_filter_banks(config)
    data = encode(speech_like(1.5, rate_hz=22_050, seed=7), 22_050, "flac")
    waveform = decode_clip(data, config)
    power = power_spectrogram(waveform, config.n_fft, config.hop_length)
    CLIP_PATH.write_bytes(data)
    np.savez_compressed(
        IMAGE_PATH,
        images=AudioPreprocessor(config, banks)(data).images,
        log_mel=log_mel(power, banks.mel, config.top_db)[:, ::10],
        chroma=chroma(power, banks.chroma)[:, ::10],
    )


if __name__ == "__main__":
    main()
