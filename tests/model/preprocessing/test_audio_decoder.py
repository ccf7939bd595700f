import io
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import soxr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.config import AudioConfig
from model.errors import ItemError
from model.preprocessing.audio_decoder import decode_clip as decode_whole
from schemas.dead_letters import Reason
from tests.support.clips import FORMATS, encode, speech_like, tone, video_without_sound

CONFIG = AudioConfig()
LOSSLESS = ("wav", "wav-float", "wav-24", "rf64", "aiff", "flac", "mkv-flac", "caf", "w64", "au")
CODEC_PADDING = {
    "m4a": 768,
    "mp4-fragmented": 1792,
    "aac": 1792,
    "amr": 320,
    "3gp": 220,
    "wav-mp3": 1408,
}
"""Samples that codecs add to 2 s at 16 kHz to fill their last frame, and priming where not cut."""
UNTOLD_LENGTH = ("aac", "webm-live", "caf", "w64", "au", "amr", "wav-mp3")
"""Formats whose length is not declared, or not checked."""


def decode_clip(data: bytes, config: AudioConfig = CONFIG) -> npt.NDArray[np.float32]:
    return decode_whole(data, config).waveform


def refusal(data: bytes, config: AudioConfig = CONFIG) -> ItemError:
    with pytest.raises(ItemError) as caught:
        decode_clip(data, config)
    return caught.value


def streamed(data: bytes, size: int) -> bytes:
    """The WAV file as written to a pipe, its sizes never filled in."""
    field = struct.pack("<I", size)
    return data[:4] + field + data[8:40] + field + data[44:]


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_gives_the_waveform(format_: str) -> None:
    original = speech_like(2.0)
    decoded = decode_clip(encode(original, 16_000, format_), CONFIG)
    assert decoded.dtype == np.float32
    assert len(decoded) == 32_000 + CODEC_PADDING.get(format_, 0)
    if format_ in LOSSLESS:
        np.testing.assert_allclose(decoded, original, atol=2**-15)
    else:
        rms = np.sqrt(np.mean(original**2))
        at_8_khz = format_ in ("amr", "3gp")
        assert np.sqrt(np.mean(decoded**2)) == pytest.approx(rms, rel=0.15 if at_8_khz else 0.1)


@pytest.mark.parametrize("format_", ["wav", "flac", "m4a", "mp3", "mkv-flac"])
def test_stereo_is_the_mean_of_its_channels(format_: str) -> None:
    left, right = tone(1.0), tone(1.0, amplitude=0.1)
    decoded = decode_clip(encode(np.stack([left, right], axis=1), 16_000, format_), CONFIG)
    middle = slice(4_000, 12_000)
    assert np.abs(decoded[middle]).max() == pytest.approx(0.25, rel=0.06)
    if format_ in LOSSLESS:
        np.testing.assert_allclose(decoded, (left + right) / 2, atol=2**-14)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 22_050, 44_100, 48_000])
def test_other_rates_are_resampled_in_blocks_as_in_one_piece(rate_hz: int) -> None:
    original = speech_like(3.0, rate_hz)
    decoded = decode_clip(encode(original, rate_hz, "wav-float"), CONFIG)
    whole = soxr.resample(original, rate_hz, 16_000, "HQ")
    assert len(decoded) == 48_000
    np.testing.assert_allclose(decoded, whole, atol=1e-6)


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0xFFFFFFFF])
def test_a_streamed_wav_is_read_to_its_end(size: int) -> None:
    original = tone(1.0)
    decoded = decode_clip(streamed(encode(original, 16_000, "wav"), size), CONFIG)
    np.testing.assert_allclose(decoded, original, atol=2**-15)


def test_a_flac_without_a_sample_count_is_read_to_its_end() -> None:
    data = bytearray(encode(tone(1.0), 16_000, "flac"))
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    np.testing.assert_allclose(decode_clip(bytes(data), CONFIG), tone(1.0), atol=2**-15)


@pytest.mark.parametrize("format_", ["ogg-vorbis", "ogg-opus"])
def test_all_links_of_a_chained_ogg_are_read(format_: str) -> None:
    data = encode(tone(1.0), 16_000, format_) + encode(tone(2.0), 16_000, format_)
    assert len(decode_clip(data, CONFIG)) == pytest.approx(48_000, abs=256)


@pytest.mark.parametrize("format_", ["flac", "mp3", "aac"])
def test_an_id3_tag_before_the_sound_is_skipped(format_: str) -> None:
    data = encode(tone(1.0), 16_000, format_)
    tagged = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + data
    np.testing.assert_array_equal(decode_clip(tagged, CONFIG), decode_clip(data, CONFIG))


def test_an_id3v1_tag_after_an_mp3_is_no_sound() -> None:
    data = encode(tone(1.0), 16_000, "mp3")
    np.testing.assert_array_equal(
        decode_clip(data + b"TAG" + bytes(125), CONFIG), decode_clip(data, CONFIG)
    )


@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("format_", [f for f in FORMATS if f not in UNTOLD_LENGTH])
def test_a_cut_file_is_truncated(format_: str, share: float) -> None:
    data = encode(speech_like(2.0), 16_000, format_)
    assert refusal(data[: int(len(data) * share)]).reason is Reason.TRUNCATED_CLIP


@pytest.mark.parametrize("format_", [f for f in FORMATS if f not in (*UNTOLD_LENGTH, "mp3")])
def test_one_missing_byte_is_noticed(format_: str) -> None:
    data = encode(speech_like(1.0), 16_000, format_)
    try:
        assert decode_whole(data[:-1], CONFIG).warnings == ("clip_cut_short",)
    except ItemError as error:  # the byte was of a page or frame of more than 0.02 s
        assert error.reason is Reason.TRUNCATED_CLIP  # noqa: PT017
        assert format_ in ("flac", "ogg-vorbis", "ogg-opus", "3gp")


def test_adts_that_ends_inside_a_frame_is_truncated() -> None:
    data = encode(speech_like(1.0), 16_000, "aac")
    assert refusal(data[:-20]).reason is Reason.TRUNCATED_CLIP


def test_an_mp3_is_held_to_its_frame_count_where_its_bytes_are_not_told() -> None:
    data = encode(speech_like(2.0), 16_000, "mp3")
    xing = max(data.find(b"Xing"), data.find(b"Info"))
    flags, n_frames = struct.unpack_from(">II", data, xing + 4)
    untold = bytearray(data)
    struct.pack_into(">II", untold, xing + 4, flags & ~2, n_frames)
    assert refusal(bytes(untold[: len(data) // 2])).reason is Reason.TRUNCATED_CLIP


def test_tags_after_the_samples_may_be_cut() -> None:
    data = encode(tone(1.0), 16_000, "wav") + b"LIST" + struct.pack("<I", 400) + bytes(10)
    assert len(decode_clip(data, CONFIG)) == 16_000


def test_the_message_of_a_cut_file_names_both_sizes() -> None:
    assert str(refusal(encode(tone(1.0), 16_000, "wav")[:20_000])) == (
        "truncated_clip: clip is 20000 bytes; its wav header declares at least 32044"
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "clip is 0 bytes; at least one sample is needed"),
        (
            encode(tone(0.0), 16_000, "wav"),
            "clip holds 0 samples; at least one is needed at 16000 Hz",
        ),
    ],
)
def test_a_clip_of_0_s_is_empty(data: bytes, message: str) -> None:
    error = refusal(data)
    assert (error.reason, error.message) == (Reason.EMPTY_CLIP, message)


def test_a_clip_that_no_sample_is_left_of_is_empty() -> None:
    error = refusal(encode(tone(1 / 48_000, 48_000), 48_000, "wav"))
    assert error.reason is Reason.EMPTY_CLIP


def test_a_clip_of_2_samples_is_decoded() -> None:
    # One alone has no distance to another: it is no sound.
    error = refusal(encode(np.float32([0.5]), 16_000, "wav"))
    assert error.reason is Reason.SILENT_CLIP
    two = np.float32([0.5, -0.5])
    np.testing.assert_array_equal(decode_clip(encode(two, 16_000, "wav"), CONFIG), two)


def test_a_clip_of_300_s_is_decoded_and_a_longer_one_refused() -> None:
    long = np.resize(tone(1.0), 16_000 * 300 + 1)
    assert len(decode_clip(encode(long[:-1], 16_000, "wav"), CONFIG)) == 4_800_000
    error = refusal(encode(long, 16_000, "flac"))
    assert error.reason is Reason.CLIP_TOO_LONG
    assert error.message == "clip is 300.0 s or longer; the limit is 300 s"


@pytest.mark.parametrize("format_", [f for f in FORMATS if f != "wav-u8"])
def test_every_format_is_held_to_the_limit(format_: str) -> None:
    error = refusal(encode(tone(2.0), 16_000, format_), AudioConfig(max_clip_seconds=1.0))
    assert error.reason is Reason.CLIP_TOO_LONG


def test_a_large_file_is_refused_unread() -> None:
    error = refusal(bytes(101), AudioConfig(max_clip_bytes=100))
    assert (error.reason, error.message) == (
        Reason.CLIP_TOO_LARGE,
        "clip is 101 bytes; the limit is 100 bytes",
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("format_", ["wav-float", "streamed"])
def test_samples_that_are_no_numbers_are_refused(value: float, format_: str) -> None:
    waveform = tone(1.0)
    waveform[1234] = value
    data = encode(waveform, 16_000, "wav-float")
    if format_ == "streamed":  # the sizes stand elsewhere in a float file
        at = data.index(b"data") + 4
        data = data[:4] + bytes(4) + data[8:at] + bytes(4) + data[at + 4 :]
    assert refusal(data).reason is Reason.NON_FINITE_SAMPLES


@pytest.mark.parametrize(
    "data",
    [
        b"I am so happy today! " * 100,
        b'{"id": 1}',
        b"\0" * 5_000,
        b"\xff" * 5_000,
        b"ID3",
        b"RIFF....WAVE",
        b"RIFF\0\0\0\0WAVEfmt ",
        b"\x89PNG\r\n\x1a\n" + bytes(2_000),
        np.random.default_rng(0).bytes(20_000),
        video_without_sound(),
    ],
)
def test_what_is_not_audio_is_undecodable(data: bytes) -> None:
    assert refusal(data).reason in (Reason.UNDECODABLE_CLIP, Reason.TRUNCATED_CLIP)


def test_a_video_without_sound_is_named() -> None:
    error = refusal(video_without_sound())
    assert error.reason is Reason.UNDECODABLE_CLIP
    assert error.message.endswith("without an audio stream; one is needed")


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile {}\n",
    ],
)
def test_a_playlist_opens_no_other_file(playlist: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(encode(tone(1.0), 16_000, "wav"))
    error = refusal(playlist.format(secret).encode())
    assert error.reason is Reason.UNDECODABLE_CLIP


def test_a_rate_that_no_recorder_has_is_refused() -> None:
    file = io.BytesIO()
    soundfile.write(file, tone(0.01), 1, format="WAV")
    error = refusal(file.getvalue())
    assert error.reason is Reason.UNDECODABLE_CLIP
    assert error.message == "sample rate is 1 Hz; it must lie between 1000 and 768000 Hz"


def test_damage_in_the_middle_is_refused_without_a_word_on_stderr(
    capfd: pytest.CaptureFixture[str],
) -> None:
    for format_ in FORMATS:
        data = bytearray(encode(speech_like(1.0), 16_000, format_))
        data[len(data) // 2 :: 97] = b"\x5a" * len(data[len(data) // 2 :: 97])
        try:
            assert np.isfinite(decode_clip(bytes(data), CONFIG)).all()
        except ItemError as error:
            assert error.reason in set(Reason)  # noqa: PT017  (either outcome is right)
    assert capfd.readouterr().err == ""


VALID = {format_: encode(speech_like(0.3), 16_000, format_) for format_ in FORMATS}
MUTATIONS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 80), st.integers(0, 20_000)),
        st.sampled_from(["overwrite", "insert", "delete"]),
        st.one_of(
            st.binary(min_size=1, max_size=12),
            st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f"]),
        ),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(format_=st.sampled_from(FORMATS), mutations=MUTATIONS)
def test_no_other_error_escapes_for_any_bytes(
    format_: str, mutations: list[tuple[int, str, bytes]]
) -> None:
    data = VALID[format_]
    for place, kind, piece in mutations:
        at = place % (len(data) + 1)
        skipped = 0 if kind == "insert" else len(piece)
        data = data[:at] + (b"" if kind == "delete" else piece) + data[at + skipped :]
    try:
        waveform = decode_clip(data, AudioConfig(max_clip_seconds=10.0))
    except ItemError:
        return
    assert waveform.dtype == np.float32
    assert waveform.ndim == 1
    assert 1 <= len(waveform) <= 160_000
    assert np.isfinite(waveform).all()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_no_other_error_escapes_for_short_bytes(data: bytes) -> None:
    with pytest.raises(ItemError):
        decode_clip(data, CONFIG)
