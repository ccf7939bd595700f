"""Strips equal the preprocessor called directly, and no clip is decoded twice."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soxr
from safetensors.numpy import load_file, save_file

import model.training.strip_store
from model.config import AudioConfig
from model.datasets import Example
from model.errors import DatasetError
from model.preprocessing.audio_decoder import decode_clip
from model.preprocessing.audio_preprocessor import AudioPreprocessor, build_filter_banks
from model.training.strip_store import StripStore
from tests.support.clips import encode, speech_like, tone

SETTINGS = AudioConfig(n_fft=512, hop_length=512, image_height=32, image_width=32, chroma_repeats=1)
SPEEDS = (1.0, 0.9, 1.25)


def preprocessor_of(settings: AudioConfig = SETTINGS) -> AudioPreprocessor:
    return AudioPreprocessor(settings, build_filter_banks(settings))


@pytest.fixture
def examples(tmp_path: Path) -> list[Example]:
    """Three clips of two lengths, one of them not at the settings' own rate."""
    waveforms = {"a": (speech_like(0.9), 16_000), "b": (speech_like(0.5, seed=2), 16_000)}
    waveforms["c"] = (tone(0.7, rate_hz=22_050), 22_050)
    for name, (waveform, rate_hz) in waveforms.items():
        (tmp_path / f"{name}.wav").write_bytes(encode(waveform, rate_hz, "wav"))
    return [Example("joy", clip=tmp_path / f"{name}.wav") for name in waveforms]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The clips that were decoded, as files; they are decoded all the same."""
    clips: list[bytes] = []

    def decode(data: bytes, config: AudioConfig) -> object:
        clips.append(data)
        return decode_clip(data, config)

    monkeypatch.setattr(model.training.strip_store, "decode_clip", decode)
    return clips


def store_of(
    examples: Sequence[Example],
    folder: Path,
    speeds: Sequence[float] = SPEEDS,
    settings: AudioConfig = SETTINGS,
) -> StripStore:
    return StripStore(examples, preprocessor_of(settings), speeds, folder)


def test_strips_are_the_rows_of_the_clip_at_each_speed(
    examples: list[Example], tmp_path: Path
) -> None:
    store = store_of(examples, tmp_path / "features")
    preprocessor = preprocessor_of()
    assert len(store) == 3
    # By index, in any order.
    for index in (2, 0, 1):
        waveform = decode_clip(examples[index].read_clip(), SETTINGS).waveform
        own, slow, fast = store[index]
        np.testing.assert_array_equal(own, preprocessor.rows_of(waveform))
        for strip, rate_hz in ((slow, 16_000 / 0.9), (fast, 16_000 / 1.25)):
            heard = soxr.resample(waveform, 16_000, round(rate_hz))
            np.testing.assert_array_equal(strip, preprocessor.rows_of(heard))
        assert slow.shape[1] > own.shape[1] > fast.shape[1]
        assert {strip.dtype for strip in (own, slow, fast)} == {np.dtype(np.uint8)}


def test_a_clip_is_decoded_once(
    examples: list[Example], tmp_path: Path, decoded: list[bytes]
) -> None:
    folder = tmp_path / "features"
    first = store_of(examples, folder)
    assert sorted(decoded) == sorted(example.read_clip() for example in examples)
    decoded.clear()
    again = store_of(examples[::-1], folder)
    assert decoded == []
    for index in range(3):
        np.testing.assert_equal(again[2 - index], first[index])
    # The same bytes under another name are the same clip.
    copy = tmp_path / "copy.wav"
    copy.write_bytes(examples[0].read_clip())
    np.testing.assert_equal(store_of([Example("fear", clip=copy)], folder)[0], first[0])
    assert decoded == []


def test_other_speeds_settings_and_bytes_are_other_files(
    examples: list[Example], tmp_path: Path, decoded: list[bytes]
) -> None:
    folder = tmp_path / "features"
    one = examples[:1]
    wider = AudioConfig(n_fft=1024, hop_length=512, image_height=32, image_width=32)
    paths = [
        store_of(one, folder).paths[0],
        store_of(one, folder, speeds=SPEEDS[:2]).paths[0],
        store_of(one, folder, settings=wider).paths[0],
        store_of(examples[1:2], folder).paths[0],
    ]
    assert len(set(paths)) == len(decoded) == 4
    assert list(store_of(one, folder, speeds=(0.9,))[0][0].shape) == [32, 32]


def test_a_damaged_clip_is_named(examples: list[Example], tmp_path: Path) -> None:
    clip = tmp_path / "b.wav"
    clip.write_bytes(b"RIFF, and no more")
    with pytest.raises(DatasetError, match=rf"^{clip}: ") as caught:
        store_of(examples, tmp_path / "features")
    assert "\n" not in str(caught.value)


def test_a_clip_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"gone\.wav is not readable: No such file"):
        store_of([Example("joy", clip=tmp_path / "gone.wav")], tmp_path / "features")


def test_a_half_written_file_is_not_taken_for_whole(
    examples: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "features"

    def killed(tensors: dict[str, np.ndarray], path: Path) -> None:
        save_file(tensors, path)
        path.write_bytes(path.read_bytes()[:100])
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(model.training.strip_store, "save_file", killed)
        with pytest.raises(KeyboardInterrupt):
            store_of(examples, folder)
    assert list(folder.iterdir()) == []
    store = store_of(examples, folder)
    assert all(set(load_file(path)) == set(map(str, SPEEDS)) for path in store.paths)
    waveform = decode_clip(examples[0].read_clip(), SETTINGS).waveform
    np.testing.assert_array_equal(store[0][0], preprocessor_of().rows_of(waveform))
