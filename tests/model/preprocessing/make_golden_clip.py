"""Makes golden_clip.flac and golden_clip_image.npz.

    python -m tests.model.preprocessing.make_golden_clip

The image is what trained models were shown. Make it anew only together with a new model.
"""

from pathlib import Path

import numpy as np

from model.config import AudioConfig
from model.preprocessing.audio_decoder import decode_clip
from model.preprocessing.audio_preprocessor import AudioPreprocessor, build_filter_banks
from tests.support.clips import encode, speech_like

CLIP_PATH = Path(__file__).with_name("golden_clip.flac")
IMAGE_PATH = Path(__file__).with_name("golden_clip_image.npz")


def main() -> None:
    config = AudioConfig()
    preprocessor = AudioPreprocessor(config, build_filter_banks(config))
    data = encode(speech_like(1.5, rate_hz=22_050, seed=7), 22_050, "flac")
    features = preprocessor.features_of(decode_clip(data, config))
    assert features.log_mel is not None
    assert features.chroma is not None
    CLIP_PATH.write_bytes(data)
    np.savez_compressed(
        IMAGE_PATH,
        images=preprocessor(data).images,
        log_mel=features.log_mel[:, ::10],
        chroma=features.chroma[:, ::10],
    )


if __name__ == "__main__":
    main()
