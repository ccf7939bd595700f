"""Jobs in Cloud Storage: the same rows and bytes as on local disks, also with a bad network."""

import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.io.filesystems import FileSystems

from beam_jobs import manifest
from beam_jobs.launch import ScoringRequest, score_corpus
from beam_jobs.manifest import (
    RunCounts,
    RunManifest,
    Status,
    publish_run,
    read_manifest,
    remove_superseded,
)
from beam_jobs.output_files import WrittenFile
from model import cloud_storage
from model.artifact import Artifact
from model.cloud_storage import check_access, open_client, replace_object
from model.errors import ArtifactError, ItemError, UserError
from schemas.dead_letters import Reason
from tests.beam_jobs.storage_server import StorageServer
from tests.model.clips import encode, speech_like

DAY = date(2026, 11, 22)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
TWEETS = "".join(
    [f'{{"id": "{number}", "text": "the rain {number}"}}\n' for number in range(20)]
    + ["nope\n", '{"id": "a", "text": "sad", "audio_uri": "spoken.wav"}\n']
    + ['{"id": "b", "audio_uri": "gone.wav"}\n', '{"id": "c", "audio_uri": "../x.wav"}\n']
)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StorageServer]:
    with StorageServer() as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        open_client.cache_clear()
        open_client().create_bucket("in")
        open_client().create_bucket("out")
        yield server
    open_client.cache_clear()


@pytest.fixture
def corpus(tmp_path: Path, tiny_artifact: Path) -> Path:
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


def put(corpus: Path) -> None:
    bucket = open_client().bucket("in")
    for file in corpus.rglob("*"):
        if file.is_file():
            bucket.blob(str(file.relative_to(corpus))).upload_from_filename(str(file))
    bucket.blob("clips/").upload_from_string(b"")  # a console's empty directory


def request_for(root: str, target: str, **changes: Any) -> ScoringRequest:
    fields: dict[str, Any] = {
        "items": (f"{root}/tweets*",),
        "clips": (f"{root}/clips/*",),
        "audio_roots": (f"{root}/audio",),
        "out": target,
        "model": f"{root}/model",
        "run_date": DAY,
        "precision": "float32",
    }
    return ScoringRequest(**(fields | changes))


def objects(bucket: str = "out") -> dict[str, bytes]:
    return {blob.name: blob.download_as_bytes() for blob in open_client().list_blobs(bucket)}


def rows(content: bytes) -> list[dict[str, Any]]:
    """Rows as they would be on a local disk: the run's id and its paths are its own."""
    table = pq.read_table(pa.BufferReader(content), partitioning=None)
    return [
        {
            name: cell.replace("gs://in/", "") if isinstance(cell, str) else cell
            for name, cell in row.items()
            if name != "run_id"
        }
        for row in table.to_pylist()
    ]


def tables_of(files: dict[str, bytes], run_id: str) -> dict[str, list[dict[str, Any]]]:
    return {
        name.replace(run_id, "RUN"): rows(content)
        for name, content in files.items()
        if name.endswith(".parquet")
    }


def local_run(corpus: Path, out: Path) -> dict[str, list[dict[str, Any]]]:
    here = os.getcwd()
    os.chdir(corpus)  # so that sources are named as in the bucket
    try:
        result = score_corpus(request_for(".", str(out), items=("tweets*",), clips=("clips/*",)))
    finally:
        os.chdir(here)
    files = {
        str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()
    }
    return tables_of(files, result.manifest.run_id)


def test_a_run_in_cloud_storage_equals_a_local_one(
    server: StorageServer, corpus: Path, tmp_path: Path
) -> None:
    put(corpus)
    result = score_corpus(request_for("gs://in", "gs://out/runs"))
    assert result.manifest.status == Status.COMPLETE
    written = objects()
    assert set(written) == {f"runs/{file.path}" for file in result.manifest.outputs} | {
        "runs/_manifest.json"
    }
    in_cloud = {name.removeprefix("runs/"): content for name, content in written.items()}
    expected = local_run(corpus, tmp_path / "local")
    assert tables_of(in_cloud, result.manifest.run_id) == expected
    labels = expected[f"labels/dt={DAY}/part-RUN-00000-of-00001.parquet"]
    assert {row["item_id"] for row in labels} == {*map(str, range(20)), "a", "lone", "p1", "p2"}

    again = score_corpus(request_for("gs://in", "gs://out/runs"))
    assert again.manifest.run_id == result.manifest.run_id
    second = objects()
    assert second.keys() == written.keys()
    assert all(second[name] == written[name] for name in written if name.endswith(".parquet"))
    assert score_corpus(request_for("gs://in", "gs://out/runs", if_done="skip")).skipped


@pytest.mark.slow
def test_a_bad_network_changes_nothing(server: StorageServer, corpus: Path, tmp_path: Path) -> None:
    put(corpus)
    good = score_corpus(request_for("gs://in", "gs://out/good"))
    server.faulty = 0.2
    bad = score_corpus(request_for("gs://in", "gs://out/bad"))
    server.faulty = 0.0
    assert bad.manifest.run_id == good.manifest.run_id
    assert bad.manifest.outputs == good.manifest.outputs  # names, sizes and hashes
    names = {name.partition("/")[2] for name in objects() if name.startswith("bad/")}
    assert names == {file.path for file in good.manifest.outputs} | {"_manifest.json"}
    assert all(server.seen[fate] for fate in ("503", "429", "cut before", "cut after")), server.seen


@pytest.mark.slow
def test_worker_processes_ask_for_no_credentials(
    server: StorageServer, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(corpus)
    flags = ("--direct_num_workers=2", "--direct_running_mode=multi_processing")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as metadata_server:
        monkeypatch.setenv("GCE_METADATA_IP", f"127.0.0.1:{metadata_server.getsockname()[1]}")
        result = score_corpus(request_for("gs://in", "gs://out/runs", beam_flags=flags))
        metadata_server.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody has called
            metadata_server.accept()
    assert (result.manifest.counts.n_labels, result.manifest.counts.n_dead) == (24, 3)


def test_a_large_file_survives_a_busy_server(server: StorageServer) -> None:
    from beam_jobs import cloud_worker  # noqa: F401

    content = os.urandom(5 * 2**20)
    for number in range(4):
        file = FileSystems.create(f"gs://out/large{number}")
        file._chunk_size = 2**20  # of 16 MiB: many parts of a small file
        server.faulty = 0.2
        for start in range(0, len(content), 2**18):
            file.write(content[start : start + 2**18])
        file.close()
        server.faulty = 0.0
    assert objects() == {f"large{number}": content for number in range(4)}
    assert server.seen["503"]


def test_an_artifact_is_copied_once_and_again_when_it_was_replaced(
    server: StorageServer, corpus: Path
) -> None:
    put(corpus)
    first = Artifact.load("gs://in/model")
    assert first.model_version == Artifact.load(corpus / "model").model_version
    before = server.seen["answered"]
    assert Artifact.load("gs://in/model/").path == first.path
    assert server.seen["answered"] == before + 1
    blob = open_client().bucket("in").blob("model/config.json")
    blob.upload_from_string(b"{}")
    with pytest.raises(ArtifactError, match="gs://in/model: format is None"):
        Artifact.load("gs://in/model")
    with pytest.raises(ArtifactError, match="gs://in/none is no artifact: there is no object"):
        Artifact.load("gs://in/none")


def run_of(day: date) -> RunManifest:
    return RunManifest(Status.COMPLETE, "0a", day, "1b", NOON, NOON, RunCounts({}, {}))


@pytest.mark.parametrize("faulty", [0.0, 0.2])
def test_runs_that_end_at_once_keep_each_their_entry(server: StorageServer, faulty: float) -> None:
    days = [DAY + timedelta(days=number) for number in range(6)]
    threads = [
        threading.Thread(target=publish_run, args=("gs://out/runs", run_of(day))) for day in days
    ]
    open_client()
    from beam_jobs import cloud_worker  # noqa: F401  (as the job does)

    server.faulty = faulty
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.faulty = 0.0
    published = read_manifest("gs://out/runs")
    assert published is not None
    assert list(published.runs) == days
    assert server.seen["412"] or faulty  # retries may have set them apart


def staged_run(
    run_id: str, content: bytes, extends: tuple[str, ...] = (), earlier: Any = ()
) -> RunManifest:
    """A run of one file, which is written and not published."""
    path = f"labels/dt={DAY}/part-{run_id}.parquet"
    staged = f"runs/_tmp.dt={DAY}/{run_id}/{path}"
    open_client().bucket("out").blob(staged).upload_from_string(content)
    sha256 = hashlib.sha256(content).hexdigest()
    file = WrittenFile("labels", path, 1, len(content), sha256)
    counts = RunCounts({"text": 1}, {})
    return RunManifest(
        *(Status.COMPLETE, run_id, DAY, "1b", NOON, NOON, counts),
        outputs=(*earlier, file),
        extends=extends,
    )


OUT = "gs://out/runs"


def final_names() -> set[str]:
    return {name.removeprefix("runs/") for name in objects()} - {"_manifest.json"}


def listed() -> set[str]:
    published = read_manifest(OUT)
    assert published is not None
    return {file.path for file in published.runs[DAY].outputs}


def test_a_run_removes_what_it_replaced_and_nothing_of_another_at_work(
    server: StorageServer,
) -> None:
    first = staged_run("0a", b"first")
    remove_superseded(OUT, first, publish_run(OUT, first))
    at_work, second = staged_run("0c", b"third"), staged_run("0b", b"second")
    remove_superseded(OUT, second, publish_run(OUT, second))
    staged = f"_tmp.dt={DAY}/0c/{at_work.outputs[0].path}"
    assert final_names() == {second.outputs[0].path, staged}
    remove_superseded(OUT, at_work, publish_run(OUT, at_work))
    assert final_names() == listed() == {at_work.outputs[0].path}


@pytest.mark.parametrize("adds_to_first", [True, False])
def test_of_two_runs_that_switch_at_once_no_listed_file_is_gone(
    server: StorageServer, monkeypatch: pytest.MonkeyPatch, adds_to_first: bool
) -> None:
    """The second run is whole between the first one's renaming and its switch."""
    earlier: tuple[WrittenFile, ...] = ()
    if adds_to_first:
        first = staged_run("0a", b"first")
        publish_run(OUT, first)
        earlier = first.outputs
    ours = staged_run("0b", b"ours", ("0a",) if adds_to_first else (), earlier)
    other = staged_run("0c", b"other's")

    def be_late(uri: str, change: Any) -> None:
        monkeypatch.setattr(manifest, "replace_object", replace_object)
        remove_superseded(OUT, other, publish_run(OUT, other))
        replace_object(uri, change)

    monkeypatch.setattr(manifest, "replace_object", be_late)
    with pytest.raises(RuntimeError, match=r"2026-11-22.*; start it again"):
        publish_run(OUT, ours, adds=True)
    assert final_names() == listed() == {other.outputs[0].path}


def test_a_run_whose_file_goes_before_the_switch_is_not_published(
    server: StorageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = staged_run("0b", b"ours")

    def lose_a_file(uri: str, change: Any) -> None:
        open_client().bucket("out").blob(f"runs/{ours.outputs[0].path}").delete()
        replace_object(uri, change)

    monkeypatch.setattr(manifest, "replace_object", lose_a_file)
    with pytest.raises(RuntimeError, match=r"part-0b\.parquet is no longer as it was written"):
        publish_run(OUT, ours)
    assert objects() == {}


def test_what_was_replaced_is_known_though_the_answer_was_lost(
    server: StorageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = staged_run("0a", b"first"), staged_run("0b", b"second")
    publish_run(OUT, first)

    def write_twice(uri: str, change: Any) -> None:
        replace_object(uri, change)
        replace_object(uri, change)

    monkeypatch.setattr(manifest, "replace_object", write_twice)
    remove_superseded(OUT, second, publish_run(OUT, second))
    assert final_names() == listed() == {second.outputs[0].path}


def test_an_object_is_not_replaced_for_ever(
    server: StorageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud_storage, "MAX_SWITCHES", 2)
    blob = open_client().bucket("out").blob("x")

    def change(content: bytes | None) -> bytes:
        blob.upload_from_string(b"another's")
        return b"mine"

    with pytest.raises(RuntimeError, match="gs://out/x was changed by others 2 times"):
        replace_object("gs://out/x", change)
    assert objects()["x"] == b"another's"


def test_a_bucket_that_is_not_there_is_told(server: StorageServer, corpus: Path) -> None:
    put(corpus)
    for changes in (
        {"out": "gs://nowhere/runs"},
        {"items": ("gs://nowhere/*.jsonl",)},
        {"model": "gs://nowhere/model"},
        {"audio_roots": ("gs://nowhere",)},
    ):
        with pytest.raises(UserError, match="gs://nowhere does not exist"):
            score_corpus(request_for("gs://in", "gs://out/runs", **changes))
    assert objects() == {}
    with pytest.raises(UserError, match="'gs:///x' names no bucket"):
        check_access(["gs:///x"])


def test_a_clip_that_is_gone_is_a_dead_letter(server: StorageServer) -> None:
    from beam_jobs import cloud_worker  # noqa: F401
    from beam_jobs.clip_files import read_clip

    with pytest.raises(ItemError, match=r"gs://in/gone\.wav cannot be read") as caught:
        read_clip("gs://in/gone.wav", 100)
    assert caught.value.reason == Reason.MISSING_CLIP


def test_without_the_extra_the_line_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    open_client.cache_clear()
    monkeypatch.setitem(sys.modules, "google.cloud.storage", None)
    monkeypatch.delattr("google.cloud.storage")
    with pytest.raises(UserError, match=r"pip install 'mm-emor\[gcp\]'"):
        check_access(["gs://in"])


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (None, "GOOGLE_APPLICATION_CREDENTIALS, which is not set, at gcloud's own"),
        ("/nowhere.json", "is '/nowhere.json' (File /nowhere.json was not found.), at gcloud's"),
    ],
)
def test_no_credentials_are_told_in_one_line(
    tmp_path: Path, named: str | None, message: str
) -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GOOGLE_", "CLOUDSDK_", "GCE_", "NO_GCE", "STORAGE_"))
    } | {"HOME": str(tmp_path)}
    if named:
        environment["GOOGLE_APPLICATION_CREDENTIALS"] = named
    code = "from beam_jobs.cli import main; main()"
    arguments = ["score", "--items", "gs://in/*.jsonl", "--out", "gs://out/runs"]
    with socket.create_server(("127.0.0.1", 0)) as silent:  # a network that swallows packets
        environment["GCE_METADATA_IP"] = f"127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        outcome = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        seconds = time.monotonic() - started
    assert outcome.returncode == 2
    assert outcome.stderr.startswith("mm-emor: no credentials for gs://: looked at")
    assert outcome.stderr.count("\n") == 1
    assert message in outcome.stderr
    assert "gcloud auth application-default login" in outcome.stderr
    assert seconds < 5
