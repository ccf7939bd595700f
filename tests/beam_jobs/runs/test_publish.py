"""Runs that publish in Cloud Storage at once, where no lock keeps others out."""

import hashlib
import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from beam_jobs.runs import publish
from beam_jobs.runs.manifest import RunCounts, RunManifest, Status, read_manifest
from beam_jobs.runs.output_files import WrittenFile
from beam_jobs.runs.publish import publish_run, remove_superseded
from model import storage as cloud_storage
from model.storage import open_client, replace_object
from tests.support.buckets import DAY, objects
from tests.support.storage_server import StorageServer

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
OUT = "gs://out/runs"


def run_of(day: date) -> RunManifest:
    return RunManifest(Status.COMPLETE, "0a", day, "1b", NOON, NOON, RunCounts({}, {}))


@pytest.mark.parametrize("faulty", [0.0, 0.2])
def test_runs_that_end_at_once_keep_each_their_entry(storage: StorageServer, faulty: float) -> None:
    days = [DAY + timedelta(days=number) for number in range(6)]
    threads = [
        threading.Thread(target=publish_run, args=("gs://out/runs", run_of(day))) for day in days
    ]
    open_client()
    from beam_jobs.runners import cloud_worker  # noqa: F401  (as the job does)

    storage.faulty = faulty
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    storage.faulty = 0.0
    published = read_manifest("gs://out/runs")
    assert published is not None
    assert list(published.runs) == days
    assert storage.seen["412"] or faulty  # retries may have set them apart


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


def final_names() -> set[str]:
    return {name.removeprefix("runs/") for name in objects()} - {"_manifest.json"}


def listed() -> set[str]:
    published = read_manifest(OUT)
    assert published is not None
    return {file.path for file in published.runs[DAY].outputs}


def test_a_run_removes_what_it_replaced_and_nothing_of_another_at_work(
    storage: StorageServer,
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
    storage: StorageServer, monkeypatch: pytest.MonkeyPatch, adds_to_first: bool
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
        monkeypatch.setattr(publish, "replace_object", replace_object)
        remove_superseded(OUT, other, publish_run(OUT, other))
        replace_object(uri, change)

    monkeypatch.setattr(publish, "replace_object", be_late)
    with pytest.raises(RuntimeError, match=r"2026-11-22.*; start it again"):
        publish_run(OUT, ours, adds=True)
    assert final_names() == listed() == {other.outputs[0].path}


def test_a_run_whose_file_goes_before_the_switch_is_not_published(
    storage: StorageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = staged_run("0b", b"ours")

    def lose_a_file(uri: str, change: Any) -> None:
        open_client().bucket("out").blob(f"runs/{ours.outputs[0].path}").delete()
        replace_object(uri, change)

    monkeypatch.setattr(publish, "replace_object", lose_a_file)
    with pytest.raises(RuntimeError, match=r"part-0b\.parquet is no longer as it was written"):
        publish_run(OUT, ours)
    assert objects() == {}


def test_what_was_replaced_is_known_though_the_answer_was_lost(
    storage: StorageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = staged_run("0a", b"first"), staged_run("0b", b"second")
    publish_run(OUT, first)

    def write_twice(uri: str, change: Any) -> None:
        replace_object(uri, change)
        replace_object(uri, change)

    monkeypatch.setattr(publish, "replace_object", write_twice)
    remove_superseded(OUT, second, publish_run(OUT, second))
    assert final_names() == listed() == {second.outputs[0].path}


def test_an_object_is_not_replaced_for_ever(
    storage: StorageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud_storage, "MAX_SWITCHES", 2)
    blob = open_client().bucket("out").blob("x")

    def change(content: bytes | None) -> bytes:
        blob.upload_from_string(b"another's")
        return b"mine"

    with pytest.raises(RuntimeError, match="gs://out/x was changed by others 2 times"):
        replace_object("gs://out/x", change)
    assert objects()["x"] == b"another's"
