"""Jobs in Cloud Storage: the same rows and bytes as on local disks, also with a bad network."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.io.filesystems import FileSystems

from beam_jobs.reading.inputs import file_version, match_files
from beam_jobs.runners.cloud_access import prepare_cloud_storage
from beam_jobs.runs.if_done import IfDone
from beam_jobs.runs.manifest import Status
from beam_jobs.scoring.launch import score_corpus
from model.errors import ArtifactError, ItemError, UserError
from model.extras import MissingExtraError
from model.scoring.artifact import Artifact
from model.storage import check_access, open_client
from schemas.dead_letters import Reason
from tests.support.buckets import DAY, objects, put, request_for
from tests.support.storage_server import StorageServer


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
    storage: StorageServer, bucket_corpus: Path, tmp_path: Path
) -> None:
    put(bucket_corpus)
    result = score_corpus(request_for("gs://in", "gs://out/runs"))
    assert result.manifest.status == Status.COMPLETE
    generations = {
        f"gs://in/{blob.name}": str(blob.generation) for blob in open_client().list_blobs("in")
    }
    assert [file.updated for file in result.manifest.inputs] == [
        generations[file.path] for file in result.manifest.inputs
    ]
    written = objects()
    assert set(written) == {f"runs/{file.path}" for file in result.manifest.outputs} | {
        "runs/_manifest.json"
    }
    in_cloud = {name.removeprefix("runs/"): content for name, content in written.items()}
    expected = local_run(bucket_corpus, tmp_path / "local")
    assert tables_of(in_cloud, result.manifest.run_id) == expected
    labels = expected[f"labels/dt={DAY}/part-RUN-00000-of-00001.parquet"]
    assert {row["item_id"] for row in labels} == {*map(str, range(20)), "a", "lone", "p1", "p2"}

    again = score_corpus(request_for("gs://in", "gs://out/runs"))
    assert again.manifest.run_id == result.manifest.run_id
    second = objects()
    assert second.keys() == written.keys()
    assert all(second[name] == written[name] for name in written if name.endswith(".parquet"))
    assert score_corpus(request_for("gs://in", "gs://out/runs", if_done=IfDone.SKIP)).skipped


@pytest.mark.parametrize(
    "pattern",
    ["tweets*", "tweets.jsonl", "clips/", "clips/*.wav", "**.wav", "c[l-m]ips/?.wav", "none*", ""],
)
def test_a_pattern_matches_what_beam_matches(
    storage: StorageServer, bucket_corpus: Path, pattern: str
) -> None:
    put(bucket_corpus)
    prepare_cloud_storage(["gs://in/"])
    [expected] = FileSystems.match([f"gs://in/{pattern}"])
    assert [(file.path, file.size_bytes) for file in match_files(f"gs://in/{pattern}")] == sorted(
        (file.path, file.size_in_bytes)
        for file in expected.metadata_list
        if not file.path.endswith("/")
    )


@pytest.mark.usefixtures("storage")
@pytest.mark.parametrize("name", ["a[1].jsonl", "a*.jsonl", "what?.jsonl", "[x", "plain.jsonl"])
def test_an_object_is_found_by_its_own_name(name: str) -> None:
    bucket = open_client().bucket("in")
    bucket.blob(name).upload_from_string(b"12345")
    bucket.blob("a1.jsonl").upload_from_string(b"of another")
    before = file_version(f"gs://in/{name}")
    assert before.startswith("5:")
    bucket.blob(name).upload_from_string(b"54321")
    assert file_version(f"gs://in/{name}") != before
    with pytest.raises(FileNotFoundError, match=r"gs://in/gone\.jsonl is not there"):
        file_version("gs://in/gone.jsonl")


@pytest.mark.slow
def test_a_bad_network_changes_nothing(
    storage: StorageServer, bucket_corpus: Path, tmp_path: Path
) -> None:
    put(bucket_corpus)
    good = score_corpus(request_for("gs://in", "gs://out/good"))
    storage.faulty = 0.2
    bad = score_corpus(request_for("gs://in", "gs://out/bad"))
    storage.faulty = 0.0
    assert bad.manifest.run_id == good.manifest.run_id
    assert bad.manifest.outputs == good.manifest.outputs  # names, sizes and hashes
    names = {name.partition("/")[2] for name in objects() if name.startswith("bad/")}
    assert names == {file.path for file in good.manifest.outputs} | {"_manifest.json"}
    assert all(storage.seen[fate] for fate in ("503", "429", "cut before", "cut after")), (
        storage.seen
    )


@pytest.mark.slow
def test_worker_processes_ask_for_no_credentials(
    storage: StorageServer, bucket_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bucket_corpus)
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


def test_a_large_file_survives_a_busy_server(storage: StorageServer) -> None:
    from beam_jobs.runners import cloud_worker  # noqa: F401

    content = os.urandom(5 * 2**20)
    for number in range(4):
        file = FileSystems.create(f"gs://out/large{number}")
        file._chunk_size = 2**20  # of 16 MiB: many parts of a small file
        storage.faulty = 0.2
        for start in range(0, len(content), 2**18):
            file.write(content[start : start + 2**18])
        file.close()
        storage.faulty = 0.0
    assert objects() == {f"large{number}": content for number in range(4)}
    assert storage.seen["503"]


def test_an_artifact_is_copied_once_and_again_when_it_was_replaced(
    storage: StorageServer, bucket_corpus: Path
) -> None:
    put(bucket_corpus)
    first = Artifact.load("gs://in/model")
    assert first.model_version == Artifact.load(bucket_corpus / "model").model_version
    before = storage.seen["answered"]
    assert Artifact.load("gs://in/model/").path == first.path
    assert storage.seen["answered"] == before + 1
    blob = open_client().bucket("in").blob("model/config.json")
    blob.upload_from_string(b"{}")
    with pytest.raises(ArtifactError, match="gs://in/model: format is None"):
        Artifact.load("gs://in/model")
    with pytest.raises(ArtifactError, match="gs://in/none is no artifact: there is no object"):
        Artifact.load("gs://in/none")


def test_a_bucket_that_is_not_there_is_told(storage: StorageServer, bucket_corpus: Path) -> None:
    put(bucket_corpus)
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


def test_a_clip_that_is_gone_is_a_dead_letter(storage: StorageServer) -> None:
    from beam_jobs.reading.clip_files import read_clip
    from beam_jobs.runners import cloud_worker  # noqa: F401

    with pytest.raises(ItemError, match=r"gs://in/gone\.wav cannot be read") as caught:
        read_clip("gs://in/gone.wav", 100)
    assert caught.value.reason == Reason.MISSING_CLIP


def test_without_the_extra_the_line_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    open_client.cache_clear()
    monkeypatch.setitem(sys.modules, "google.cloud.storage", None)
    monkeypatch.delattr("google.cloud.storage")
    with pytest.raises(MissingExtraError, match=r"^gs:// needs .* \(google\.cloud\.storage\): run"):
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
    code = "from beam_jobs.commands.cli import main; main()"
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
