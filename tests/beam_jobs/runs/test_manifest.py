"""The manifest: what it says, and that it changes in one step."""

import hashlib
import json
import multiprocessing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from beam_jobs.runs.manifest import Manifest, RunCounts, RunManifest, Status, read_manifest
from beam_jobs.runs.output_files import WrittenFile
from beam_jobs.runs.publish import publish_run, remove_unlisted
from beam_jobs.runs.run import staging_dir
from model.errors import UserError

DAY, NEXT_DAY = date(2026, 11, 22), date(2026, 11, 23)


NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("n_labels", "letters", "status"),
    [
        (2, 2, Status.COMPLETE),
        (2, 3, Status.TOO_MANY_BAD_ITEMS),
        (0, 1, Status.TOO_MANY_BAD_ITEMS),
    ],
)
def test_status_of_bad_items(n_labels: int, letters: int, status: Status) -> None:
    counts = RunCounts({"text": n_labels}, {"broken_json": letters})
    assert counts.status(max_bad_fraction=0.5) is status


def an_entry(run_date: date, outputs: tuple[WrittenFile, ...] = ()) -> RunManifest:
    counts = RunCounts({"text": 1}, {})
    return RunManifest(
        Status.COMPLETE, "f" * 16, run_date, "0a1b", NOON, NOON, counts, outputs=outputs
    )


def test_the_manifest_file(tmp_path: Path) -> None:
    sha256 = hashlib.sha256(b"abc").hexdigest()
    output = WrittenFile("labels", "labels/dt=2026-11-22/part-f.parquet", 1, 3, sha256)
    (tmp_path / output.path).parent.mkdir(parents=True)
    (tmp_path / output.path).write_bytes(b"abc")
    publish_run(str(tmp_path), an_entry(NEXT_DAY))
    publish_run(str(tmp_path), an_entry(DAY, (output,)))

    content = json.loads((tmp_path / "_manifest.json").read_bytes())
    assert content["format"] == 1
    assert list(content["runs"]) == ["2026-11-22", "2026-11-23"]
    assert content["runs"]["2026-11-22"] == {
        "status": "complete",
        "run_id": "f" * 16,
        "date": "2026-11-22",
        "model_version": "0a1b",
        "started_at": "2026-11-22T12:00:00Z",
        "finished_at": "2026-11-22T12:00:00Z",
        "counts": {
            "labels_by_modality": {"text": 1},
            "dead_letters_by_reason": {},
            "n_reposts": 0,
            "warnings_by_code": {},
        },
        "inputs": [],
        "outputs": [
            {
                "table": "labels",
                "path": "labels/dt=2026-11-22/part-f.parquet",
                "n_rows": 1,
                "n_bytes": 3,
                "sha256": sha256,
            }
        ],
        "settings": {},
        "versions": {},
        "extends": [],
        "already_scored": 0,
        "already_refused": 0,
    }
    expected = Manifest(runs={DAY: an_entry(DAY, (output,)), NEXT_DAY: an_entry(NEXT_DAY)})
    assert read_manifest(str(tmp_path)) == expected


def test_no_manifest_is_none(tmp_path: Path) -> None:
    assert read_manifest(str(tmp_path)) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"Invalid JSON: .* line 1 column 0$"),
        (b'{"format": 1, "runs": {"2026', r"Invalid JSON: .* line 1 column \d+$"),
        (b'{"format": 2, "runs": {}}', "format: Input should be 1"),
        (b'{"format": 1, "runs": {"today": {}}}', "runs.today"),
    ],
)
def test_a_broken_manifest_is_named_and_left_alone(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "_manifest.json").write_bytes(content)
    for act in (
        lambda: read_manifest(str(tmp_path)),
        lambda: publish_run(str(tmp_path), an_entry(DAY)),
        lambda: remove_unlisted(str(tmp_path), DAY),
    ):
        with pytest.raises(UserError, match=rf"_manifest\.json is not a manifest.*{message}"):
            act()
    assert (tmp_path / "_manifest.json").read_bytes() == content


@pytest.mark.parametrize("place", [".", "_tmp.dt=2026-11-22/ffffffffffffffff"])
@pytest.mark.parametrize("content", [None, b"ab", b"abd"])
def test_a_run_whose_file_is_gone_or_another_is_not_published(
    tmp_path: Path, place: str, content: bytes | None
) -> None:
    sha256 = hashlib.sha256(b"abc").hexdigest()
    whole, broken = (
        WrittenFile("labels", f"labels/dt=2026-11-22/part-{name}.parquet", 1, 3, sha256)
        for name in "fg"
    )
    staged = Path(staging_dir(str(tmp_path), DAY, "f" * 16))
    (staged / whole.path).parent.mkdir(parents=True)
    (staged / whole.path).write_bytes(b"abc")
    if content is not None:
        (tmp_path / place / broken.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place / broken.path).write_bytes(content)
    publish_run(str(tmp_path), an_entry(DAY))
    with pytest.raises(RuntimeError, match=r"part-g\.parquet is no longer as it was written \(3 b"):
        publish_run(str(tmp_path), an_entry(DAY, (whole, broken)))
    assert read_manifest(str(tmp_path)) == Manifest(runs={DAY: an_entry(DAY)})
    assert (staged / whole.path).exists()
    assert not (tmp_path / whole.path).exists()


def publish_many(out: str, first: date, n_dates: int) -> None:
    for days in range(n_dates):
        publish_run(out, an_entry(first + timedelta(days=days)))


@pytest.mark.job
def test_dates_that_finish_at_once_all_survive(tmp_path: Path) -> None:
    spawning = multiprocessing.get_context("spawn")
    firsts = [date(2026, month, 1) for month in (1, 2, 3)]
    processes = [
        spawning.Process(target=publish_many, args=(str(tmp_path), first, 25)) for first in firsts
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)

    assert [process.exitcode for process in processes] == [0, 0, 0]
    dates = {first + timedelta(days=days) for first in firsts for days in range(25)}
    assert read_manifest(str(tmp_path)) == Manifest(runs={day: an_entry(day) for day in dates})
