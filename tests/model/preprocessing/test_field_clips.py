"""Clips as recorders and messengers really write them: decoded, with what is missing told."""

import struct

import numpy as np
import numpy.typing as npt
import pytest

from model.config import AudioConfig
from model.errors import ItemError
from model.preprocessing.audio_container import lacks_last_page, mp3_within, ogg_seconds
from model.preprocessing.audio_decoder import decode_clip
from model.preprocessing.emotion_preprocessor import ModelInput
from schemas.dead_letters import Reason
from tests.support.clips import encode, speech_like, tone

CONFIG = AudioConfig()
SPEECH = speech_like(2.0)


def refusal(data: bytes) -> ItemError:
    with pytest.raises(ItemError) as caught:
        decode_clip(data, CONFIG)
    return caught.value


def without_end_mark(data: bytes) -> bytes:
    """The Ogg file, whose last page says nothing of being the last (RFC 3533, section 6)."""
    start = data.rfind(b"OggS")
    page = bytearray(data[start:])
    page[5] &= ~4
    page[22:26] = bytes(4)
    checksum = 0
    for byte in page:
        checksum ^= byte << 24
        for _ in range(8):
            checksum = checksum << 1 ^ (0x04C11DB7 if checksum >> 31 else 0)
            checksum &= 0xFFFFFFFF
    page[22:26] = struct.pack("<I", checksum)
    return data[:start] + bytes(page)


def counting_more(data: bytes, n_bytes: int) -> bytes:
    """The WAV file, whose header counts so many bytes of samples too many."""
    (size,) = struct.unpack_from("<I", data, 40)
    return data[:40] + struct.pack("<I", size + n_bytes) + data[44:]


@pytest.mark.parametrize("format_", ["ogg-opus", "ogg-vorbis"])
def test_an_ogg_stream_without_an_end_mark_is_whole(format_: str) -> None:
    whole = encode(SPEECH, 16_000, format_)
    data = without_end_mark(whole)
    assert (lacks_last_page(whole), lacks_last_page(data)) == (False, True)
    assert ogg_seconds(data) == pytest.approx(2.0, abs=0.01)
    clip = decode_clip(data, CONFIG)
    assert clip.warnings == ("clip_end_unmarked",)
    assert len(clip.waveform) == pytest.approx(32_000, abs=320)
    expected = decode_clip(whole, CONFIG).waveform
    power = float(np.mean(expected**2))
    assert float(np.mean(clip.waveform**2)) == pytest.approx(power, rel=0.01)


def test_an_ogg_stream_that_is_cut_within_a_page_is_refused() -> None:
    error = refusal(encode(SPEECH, 16_000, "ogg-opus")[:-5])
    assert error.reason is Reason.TRUNCATED_CLIP
    assert error.message.endswith("the ogg stream ends within a page")


@pytest.mark.parametrize("n_bytes", [1, 44, 45, 1_200])
def test_a_wav_that_counts_some_bytes_too_many(n_bytes: int) -> None:
    clip = decode_clip(counting_more(encode(SPEECH, 16_000, "wav"), n_bytes), CONFIG)
    assert clip.warnings == ("clip_cut_short",)
    np.testing.assert_allclose(clip.waveform, SPEECH, atol=2**-15)


def test_what_is_missing_has_two_limits() -> None:
    long = encode(speech_like(60.0), 16_000, "wav")
    assert decode_clip(long[: -2 * 7_900], CONFIG).warnings == ("clip_cut_short",)
    assert refusal(long[: -2 * 8_100]).reason is Reason.TRUNCATED_CLIP  # more than 0.5 s
    short = encode(SPEECH, 16_000, "wav")
    assert decode_clip(short[: -2 * 600], CONFIG).warnings == ("clip_cut_short",)
    assert refusal(short[: -2 * 680]).reason is Reason.TRUNCATED_CLIP  # more than 2 %


def test_a_wav_whose_data_are_an_mp3() -> None:
    mp3 = encode(SPEECH, 16_000, "mp3")
    layout = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 16_000, 32_000, 2, 16)
    body = b"WAVE" + layout + b"data" + struct.pack("<I", len(mp3)) + mp3
    data = b"RIFF" + struct.pack("<I", len(body)) + body
    assert mp3_within(data) == mp3
    np.testing.assert_array_equal(
        decode_clip(data, CONFIG).waveform, decode_clip(mp3, CONFIG).waveform
    )


def test_samples_that_begin_like_an_mp3_are_samples() -> None:
    samples = np.concatenate([np.frombuffer(b"\xff\xfb\x90\x00", "<i2") / 32_768, SPEECH])
    data = encode(samples.astype(np.float32), 16_000, "wav")
    assert mp3_within(data) is None
    np.testing.assert_allclose(decode_clip(data, CONFIG).waveform, samples, atol=2**-15)


def test_messengers_formats() -> None:
    for format_ in ("amr", "3gp"):
        clip = decode_clip(encode(speech_like(2.0, 8_000), 8_000, format_), CONFIG)
        assert clip.warnings == ()
        assert len(clip.waveform) == pytest.approx(32_000, abs=400)


@pytest.mark.parametrize("format_", ["wav", "wav-float", "flac", "ogg-vorbis", "m4a"])
class TestTwoChannels:
    def mixed(self, left: npt.NDArray[np.float32], right: float, format_: str) -> float:
        both = np.stack([left, right * left], axis=1)
        waveform = decode_clip(encode(both, 16_000, format_), CONFIG).waveform
        return float(np.sqrt(np.mean(waveform**2) / np.mean(left**2)))

    @pytest.mark.parametrize(("right", "level"), [(-1.0, 1.0), (-0.7, 1.0), (1.0, 1.0), (0.0, 0.5)])
    def test_the_louder_is_taken_where_they_cancel(
        self, format_: str, right: float, level: float
    ) -> None:
        assert self.mixed(SPEECH, right, format_) == pytest.approx(level, rel=0.1)

    def test_silence_is_refused(self, format_: str) -> None:
        for loudest in (0.0, 0.0009):
            error = refusal(encode(tone(1.0, amplitude=loudest), 16_000, format_))
            assert error.reason is Reason.SILENT_CLIP
            assert error.message.endswith("s stays below -60 dBFS throughout")
        assert len(
            decode_clip(encode(tone(1.0, amplitude=0.003), 16_000, format_), CONFIG).waveform
        )


def test_an_offset_is_no_sound() -> None:
    error = refusal(encode(np.full(16_000, 0.1, np.float32), 16_000, "wav"))
    assert error.reason is Reason.SILENT_CLIP


def test_a_model_input_has_the_warnings() -> None:
    assert ModelInput(warnings=("clip_cut_short",)).warnings == ("clip_cut_short",)
