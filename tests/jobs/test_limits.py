"""Small inputs that would grow, and large ones that should not be read, end in little memory."""

import io
import json
import time
import tracemalloc
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from beam_jobs.items.elements import DeadLetter, Item, Location
from beam_jobs.reading.hashtags import MAX_HASHTAGS
from beam_jobs.reading.record_fields import MAX_STRING_CHARACTERS, MAX_TEXT_CHARACTERS
from beam_jobs.scoring.preprocess import preprocess_batch
from model.scoring.artifact import Artifact
from schemas.dead_letters import PAYLOAD_LIMIT_BYTES, Reason
from tests.support.item_reading import read, read_line

RATE_HZ = 1_000
TEN_HOURS = 36_000
MB = 2**20


def silence(container: str, encoding: str) -> bytes:
    """Ten hours of silence, in a file of well under 1 MB."""
    sink = io.BytesIO()
    with soundfile.SoundFile(sink, "w", RATE_HZ, 1, encoding, format=container) as file:
        block = np.zeros(RATE_HZ * 3600, np.int16)
        for _ in range(TEN_HOURS // 3600):
            file.write(block)
    return sink.getvalue()


def without_count(flac: bytes) -> bytes:
    """The same FLAC, whose header leaves open how many samples there are, as a stream's does."""
    assert flac[:4] == b"fLaC"
    # The last 36 bits before the MD5: 4 of byte 21, and bytes 22 to 25.
    return flac[:21] + bytes([flac[21] & 0xF0]) + bytes(4) + flac[26:]


def in_matroska(flac: bytes) -> bytes:
    """The same packets in Matroska without a duration."""
    sink = io.BytesIO()
    with (
        av.open(io.BytesIO(flac)) as source,
        av.open(sink, "w", "matroska", options={"live": "1"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    return sink.getvalue()


@pytest.fixture(scope="module")
def flac() -> bytes:
    return silence("FLAC", "PCM_16")


@pytest.mark.parametrize("kind", ["counted", "uncounted", "matroska"])
def test_ten_hours_in_a_small_file(
    tiny_artifact: Path, tmp_path: Path, flac: bytes, kind: str
) -> None:
    data = {"counted": bytes, "uncounted": without_count, "matroska": in_matroska}[kind](flac)
    assert len(data) < MB
    (tmp_path / "1.flac").write_bytes(data)
    item = Item("1", Location("t.jsonl", 1), audio_uri="1.flac")
    preprocessor = Artifact.load(tiny_artifact).preprocessor()
    preprocess_batch([item], preprocessor, (str(tmp_path),))  # libraries are loaded now
    tracemalloc.start()
    started = time.process_time()
    [letter] = preprocess_batch([item], preprocessor, (str(tmp_path),))
    seconds = time.process_time() - started
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(letter, DeadLetter)
    assert letter.reason == Reason.CLIP_TOO_LONG
    assert "or longer; the limit is " in letter.message
    # 50 MiB are the buffer that the file is read to, most of it never touched. All of the clip is
    # 144 MB of samples at the file's rate, and 2.3 GB at the model's.
    assert peak < preprocessor.max_clip_bytes + 20 * MB
    assert seconds < 5


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"text": "x" * 100_001}, "text has 100001 characters; the limit is 100000"),
        ({"text": "x" * 50_000_000}, "text has 50000000 characters; the limit is 100000"),
        ({"audio_uri": "x" * 4097}, "audio_uri has 4097 characters; the limit is 4096"),
    ],
    ids=["text", "50 MB", "audio_uri"],
)
def test_a_field_that_is_too_long(fields: dict[str, Any], message: str) -> None:
    letter = read_line({"id": 1, **fields})
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.item_id) == (Reason.FIELD_TOO_LONG, "1")
    assert letter.message == message
    assert len(letter.payload or "") <= PAYLOAD_LIMIT_BYTES


TAGS = tuple(f"t{n}" for n in range(MAX_HASHTAGS))
"""Those that are kept of too many."""


@pytest.mark.parametrize(
    ("fields", "hashtags", "code"),
    [
        ({"lang": "x" * 4097}, (), "lang_unread"),
        ({"author_id": "x" * 4097}, (), "author_id_unread"),
        ({"hashtags": [f"t{n}" for n in range(1_000_000)]}, TAGS, "hashtags_unread"),
        ({"text": " ".join(f"#t{n}" for n in range(1001))}, TAGS, "hashtags_unread"),
        ({"entities": {"hashtags": [{"tag": "x" * 4097}]}}, (), "hashtags_unread"),
    ],
    ids=["lang", "author_id", "a million", "in the text", "tag"],
)
def test_an_optional_field_that_is_too_long_costs_no_item(
    fields: dict[str, Any], hashtags: tuple[str, ...], code: str
) -> None:
    item = read_line({"id": 1, **fields})
    assert isinstance(item, Item)
    assert (item.lang, item.author_id, item.hashtags) == (None, None, hashtags)
    assert item.warnings == (code,)


def test_an_id_that_is_too_long_is_not_the_letters_id() -> None:
    letter = read_line({"id": "x" * 4097, "text": "a"})
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.item_id) == (Reason.FIELD_TOO_LONG, None)
    assert letter.message == "item_id has 4097 characters; the limit is 4096"


def test_fields_at_their_limits_are_read() -> None:
    tags = [str(n) for n in range(MAX_HASHTAGS)]
    strings = dict.fromkeys(["id", "lang", "author_id"], "x" * MAX_STRING_CHARACTERS)
    item = read_line({**strings, "text": "é" * MAX_TEXT_CHARACTERS, "hashtags": [*tags, *tags]})
    assert isinstance(item, Item)
    assert item.hashtags == tuple(tags)


def test_the_line_after_a_long_one_is_read() -> None:
    lines = json.dumps({"id": 1, "text": "x" * 50_000_000}) + '\n{"id": 2, "text": "a"}\n'
    letter, item = read("t.jsonl", lines.encode())
    assert isinstance(letter, DeadLetter)
    assert item == Item("2", Location("t.jsonl", 2), text="a")
