"""What the tests of jobs in Cloud Storage share: a server on loopback, and a corpus for it."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from model.storage import open_client
from tests.support.clips import encode, speech_like
from tests.support.storage_server import StorageServer

TWEETS = "".join(
    [f'{{"id": "{number}", "text": "the rain {number}"}}\n' for number in range(20)]
    + ["nope\n", '{"id": "a", "text": "sad", "audio_uri": "spoken.wav"}\n']
    + ['{"id": "b", "audio_uri": "gone.wav"}\n', '{"id": "c", "audio_uri": "../x.wav"}\n']
)


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StorageServer]:
    """The buckets `in` and `out` of a server on loopback."""
    with StorageServer() as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        open_client.cache_clear()
        open_client().create_bucket("in")
        open_client().create_bucket("out")
        yield server
    open_client.cache_clear()


@pytest.fixture
def bucket_corpus(tmp_path: Path, tiny_artifact: Path) -> Path:
    """A directory laid out as the bucket `in`: items, clips and a model."""
    path = tmp_path / "in"
    (path / "clips").mkdir(parents=True)
    (path / "audio").mkdir()
    (path / "tweets.jsonl").write_text(TWEETS, encoding="utf-8")
    table = pa.table({"item_id": ["p1", "p2"], "text": ["happy", "the rain"]})
    pq.write_table(table, path / "tweets.parquet")
    clip = encode(speech_like(0.5), 16_000, "wav")
    for name in ("clips/1", "clips/lone", "audio/spoken"):
        (path / f"{name}.wav").write_bytes(clip)
    (path / "model").mkdir()
    for file in tiny_artifact.iterdir():
        (path / "model" / file.name).write_bytes(file.read_bytes())
    return path
