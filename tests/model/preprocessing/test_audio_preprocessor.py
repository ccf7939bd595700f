import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache

import librosa
import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from model.config import AudioConfig
from model.errors import ItemError
from model.preprocessing.audio_decoder import decode_clip
from model.preprocessing.audio_preprocessor import (
    AudioPreprocessor,
    FilterBanks,
    build_filter_banks,
    chroma,
    power_blocks,
    power_to_db,
    split_into_images,
)
from schemas.dead_letters import Reason
from tests.model.preprocessing.make_golden_clip import CLIP_PATH, IMAGE_PATH
from tests.support.clips import encode, speech_like, tone

CONFIG = AudioConfig()
RANDOM = np.random.default_rng(0)
IMPULSE = np.zeros(16_000, np.float32)
IMPULSE[5_000] = 1.0
WAVEFORMS = {
    "speech-like": speech_like(2.0),
    "tone": tone(2.0),
    "quiet tone": tone(1.0, amplitude=1e-4),
    "noise": RANDOM.standard_normal(20_000).astype(np.float32),
    "silence": np.zeros(16_000, np.float32),
    "impulse": IMPULSE,
    "8 kHz source": librosa.resample(speech_like(1.0, 8_000), orig_sr=8_000, target_sr=16_000),
    "shorter than n_fft": speech_like(0.03),
    "1 sample": np.ones(1, np.float32),
    "int-scaled float": 32_768 * speech_like(1.0),
}

FloatArray = npt.NDArray[np.float32]


@cache
def preprocessor(config: AudioConfig = CONFIG) -> AudioPreprocessor:
    return AudioPreprocessor(config, build_filter_banks(config))


def assert_equals_librosa(waveform: FloatArray, config: AudioConfig) -> None:
    features = preprocessor(config).features_of(waveform)
    assert features.log_mel is not None
    assert features.chroma is not None
    frames = {"n_fft": config.n_fft, "hop_length": config.hop_length}
    power = np.concatenate([block.copy() for block in power_blocks(waveform, **frames)], axis=1)
    expected = np.abs(librosa.stft(waveform, **frames)) ** 2
    assert power.dtype == np.float32
    np.testing.assert_allclose(power, expected, rtol=1e-4, atol=1e-7 * expected.max())
    mel = librosa.feature.melspectrogram(
        y=waveform, sr=config.sample_rate_hz, n_mels=config.n_mels, **frames
    )
    np.testing.assert_allclose(
        features.log_mel,
        librosa.power_to_db(mel, ref=np.max, top_db=config.top_db),
        atol=1e-4,
    )
    np.testing.assert_allclose(
        features.chroma,
        librosa.feature.chroma_stft(
            S=expected, sr=config.sample_rate_hz, n_fft=config.n_fft, tuning=0.0, norm=np.inf
        ),
        atol=1e-4,
    )


@pytest.mark.filterwarnings("ignore:n_fft=:UserWarning")
@pytest.mark.parametrize("name", WAVEFORMS)
def test_features_equal_librosas(name: str) -> None:
    assert_equals_librosa(WAVEFORMS[name], CONFIG)


@pytest.mark.filterwarnings("ignore:n_fft=:UserWarning")
@settings(max_examples=60, deadline=None)
@given(
    n_samples=st.integers(1, 30_000),
    amplitude=st.floats(1e-3, 1.0),
    pitch_hz=st.floats(50, 7_000),
    noise=st.floats(1e-4, 1.0),
    shape=st.sampled_from([(1024, 320), (512, 128), (400, 160), (2048, 2048)]),
    seed=st.integers(0, 2**32 - 1),
)
def test_features_equal_librosas_for_any_tone_in_noise(
    *,
    n_samples: int,
    amplitude: float,
    pitch_hz: float,
    noise: float,
    shape: tuple[int, int],
    seed: int,
) -> None:
    hiss = noise * np.random.default_rng(seed).standard_normal(n_samples)
    waveform = tone(2.0, pitch_hz=pitch_hz, amplitude=amplitude)[:n_samples]
    config = replace(CONFIG, n_fft=shape[0], hop_length=shape[1], image_height=64)
    assert_equals_librosa((waveform + hiss[: len(waveform)]).astype(np.float32), config)


def test_a_files_features_equal_those_of_librosas_defaults() -> None:
    clip = CLIP_PATH.read_bytes()
    config = AudioConfig(
        sample_rate_hz=22_050, n_fft=2048, hop_length=512, image_height=128 + 12, chroma_repeats=1
    )
    waveform, rate = librosa.load(io.BytesIO(clip))
    np.testing.assert_array_equal(decode_clip(clip, config).waveform, waveform)
    features = preprocessor(config).features_of(decode_clip(clip, config).waveform)
    assert features.log_mel is not None
    assert features.chroma is not None
    log_mel = librosa.power_to_db(librosa.feature.melspectrogram(y=waveform, sr=rate))
    # Decibels below the loudest cell; librosa's default reference is 1. A thousandth is promised.
    np.testing.assert_allclose(features.log_mel, log_mel - log_mel.max(), rtol=0, atol=1e-3)
    np.testing.assert_allclose(
        features.chroma,
        librosa.feature.chroma_stft(y=waveform, sr=rate, tuning=0.0),
        rtol=0,
        atol=1e-4,
    )


@pytest.mark.parametrize("n_channels", [1, 2])
def test_a_plain_wavs_samples_equal_libsndfiles(n_channels: int) -> None:
    samples = RANDOM.integers(-32_768, 32_768, (70_000, n_channels)).astype(np.int16)
    samples[:2] = [[-32_768], [32_767]]
    file = io.BytesIO()
    soundfile.write(file, samples, 16_000, format="WAV", subtype="PCM_16")
    data = file.getvalue()
    with_a_tag = data[:36] + b"LIST\5\0\0\0INFO\0\0" + data[36:]
    expected, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    for clip in (data, with_a_tag):
        np.testing.assert_array_equal(
            decode_clip(clip, CONFIG).waveform, expected.mean(axis=1, dtype=np.float32)
        )


def test_threads_share_a_preprocessor() -> None:
    waveforms = [speech_like(1.0 + number / 4, seed=number) for number in range(12)]
    expected = [preprocessor().images_of(waveform) for waveform in waveforms]
    with ThreadPoolExecutor(4) as pool:
        images = list(pool.map(preprocessor().images_of, waveforms))
    for ours, alone in zip(images, expected, strict=True):
        np.testing.assert_array_equal(ours, alone)


def test_the_image_of_a_clip_is_its_scaled_features() -> None:
    waveform = speech_like(2.0)
    features = preprocessor().features_of(waveform)
    assert features.log_mel is not None
    assert features.chroma is not None
    decibels = features.log_mel.astype(np.float64)
    pitch_classes = features.chroma.astype(np.float64)
    (image,) = preprocessor().images_of(waveform)
    assert image.dtype == np.uint8
    assert image.shape == (128, 128)
    assert decibels.shape == (104, 101)
    # To half a step, and the little that float32 adds.
    np.testing.assert_allclose(image[:104, :101], (decibels + 80) / 80 * 255, atol=0.501)
    np.testing.assert_allclose(image[104::2, :101], pitch_classes * 255, atol=0.501)
    np.testing.assert_array_equal(image[104::2], image[105::2])
    assert image[:, 101:].max() == 0
    assert image[:104].max() == 255


def test_the_lowest_row_is_the_lowest_band() -> None:
    low, high = (preprocessor().images_of(tone(1.0, pitch_hz=f))[0, :104, 20] for f in (100, 7_000))
    assert low.argmax() < 5
    assert high.argmax() > 95


@pytest.mark.parametrize(
    ("features", "n_mels", "chroma_rows"),
    [("mel", 128, 0), ("chroma", 0, 128), ("mel+chroma", 104, 24)],
)
def test_each_feature_fills_its_rows(features: str, n_mels: int, chroma_rows: int) -> None:
    config = replace(CONFIG, features=features)
    banks = preprocessor(config).filter_banks
    assert banks.mel.shape == (n_mels, 513)
    (image,) = preprocessor(config).images_of(tone(1.0, pitch_hz=440.0))
    assert image.shape == (128, 128)
    if chroma_rows:
        bins = image[n_mels:, 20]
        expected_bin = np.arange(chroma_rows) * 12 // chroma_rows
        # A is bin 9, counted from C.
        assert set(expected_bin[bins == 255]) == {9}
        assert (bins == 255).sum() == (expected_bin == 9).sum()


def test_silence_is_0_db_everywhere_as_in_librosa() -> None:
    (image,) = preprocessor().images_of(np.zeros(16_000, np.float32))
    assert (image[:104, :51] == 255).all()
    assert (image[104:] == 0).all()


@pytest.mark.parametrize(
    ("n_frames", "starts"),
    [
        (1, [0]),
        (127, [0]),
        (128, [0]),
        (129, [0, 1]),
        (256, [0, 128]),
        (257, [0, 64, 129]),
        (400, [0, 91, 181, 272]),
    ],
)
def test_images_cover_the_clip(n_frames: int, starts: list[int]) -> None:
    rows = (
        np.arange(1, n_frames + 1, dtype=np.uint16).astype(np.uint8)[np.newaxis].repeat(2, axis=0)
    )
    padded = np.pad(rows, ((0, 0), (0, max(0, 128 - n_frames))))
    expected = np.stack([padded[:, start : start + 128] for start in starts])
    np.testing.assert_array_equal(split_into_images(rows, 128), expected)


@given(n_frames=st.integers(1, 20_000), width=st.integers(32, 256))
def test_images_are_as_few_as_cover_every_frame(n_frames: int, width: int) -> None:
    rows = np.arange(n_frames)[np.newaxis]
    images = split_into_images(rows, width)  # type: ignore[arg-type]  # wider than uint8, to count
    assert images.shape == (-(-n_frames // width), 1, width)
    assert set(range(n_frames)) <= set(images.ravel().tolist())


@pytest.mark.parametrize(("seconds", "n_images"), [(1.0, 1), (2.54, 1), (2.56, 2), (300.0, 118)])
def test_long_clips_become_several_images(seconds: float, n_images: int) -> None:
    clip = preprocessor()(encode(tone(seconds), 16_000, "wav"))
    assert clip.images.shape == (n_images, 128, 128)
    assert clip.clip_seconds == pytest.approx(seconds)


def test_the_reference_is_the_whole_clips_loudest_cell() -> None:
    quiet_then_loud = np.concatenate([tone(5.0, amplitude=0.004), tone(5.0, amplitude=0.4)])
    images = preprocessor().images_of(quiet_then_loud)
    assert images[-1][:104].max() == 255
    # 40 dB below.
    assert images[0][:104].max() == pytest.approx(128, abs=2)


def test_blocks_of_frames_do_not_show() -> None:
    waveform = speech_like(4.0)
    (image, _) = preprocessor().images_of(waveform)
    power = np.abs(librosa.stft(waveform, n_fft=1024, hop_length=320)) ** 2
    decibels = power_to_db(preprocessor().filter_banks.mel @ power, 80.0)
    np.testing.assert_allclose(image[:104], ((decibels + 80) / 80 * 255)[:, :128], atol=0.51)


def test_a_refused_clip_passes_through() -> None:
    with pytest.raises(ItemError) as caught:
        preprocessor()(b"not audio")
    assert caught.value.reason is Reason.UNDECODABLE_CLIP


def test_banks_of_other_settings_are_refused() -> None:
    banks = FilterBanks(np.zeros((64, 513), np.float32), np.zeros((12, 513), np.float32))
    with pytest.raises(ValueError, match=r"mel filter bank is \(64, 513\); .* need \(104, 513\)"):
        AudioPreprocessor(CONFIG, banks)


def test_scoring_never_imports_librosa() -> None:
    code = (
        "import sys, numpy as np; from model.preprocessing.audio_preprocessor import *\n"
        "from model.config import AudioConfig\n"
        "banks = FilterBanks(np.ones((104, 513), 'f'), np.ones((12, 513), 'f'))\n"
        "AudioPreprocessor(AudioConfig(), banks).images_of(np.ones(9, 'f'))\n"
        "assert 'librosa' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_golden_clip_gives_the_golden_image() -> None:
    clip = preprocessor()(CLIP_PATH.read_bytes())
    with np.load(IMAGE_PATH, allow_pickle=False) as golden:
        # Another FFT or resampler build may move a cell across a rounding edge.
        difference = np.abs(clip.images.astype(int) - golden["images"])
        assert difference.max() <= 1
        assert (difference > 0).mean() < 1e-3
        waveform, _ = librosa.load(CLIP_PATH, sr=None)
        resampled = librosa.resample(waveform, orig_sr=22_050, target_sr=16_000, res_type="soxr_hq")
        power = np.abs(librosa.stft(resampled, n_fft=1024, hop_length=320)) ** 2
        banks = preprocessor().filter_banks
        np.testing.assert_allclose(
            power_to_db(banks.mel @ power, 80.0)[:, ::10], golden["log_mel"], atol=1e-3
        )
        np.testing.assert_allclose(
            chroma(power, banks.chroma)[:, ::10], golden["chroma"], atol=1e-4
        )
    assert clip.clip_seconds == pytest.approx(1.5)
