"""`mm-emor verify`: whatever was altered, lost or added since a run was published is named."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beam_jobs.commands.cli import app
from beam_jobs.commands.exit_code import run_command
from beam_jobs.runs.manifest import Manifest, RunCounts, RunManifest, Status, read_manifest
from beam_jobs.runs.output_files import WrittenFile
from beam_jobs.runs.publish import publish_run
from beam_jobs.runs.run import TableLocation
from beam_jobs.runs.sorted_parquet import write_table
from beam_jobs.runs.verify import verify_tree
from model.errors import UserError

DAYS = (date(2026, 11, 22), date(2026, 11, 23))
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LABELS = "labels/dt=2026-11-22/part-f-00000-of-00001.parquet"
LETTERS = "dead_letters/dt=2026-11-22/part-f-00000-of-00001.parquet"
REPORT = "reports/by_lang/dt=2026-11-22/part-f.parquet"


def published(out: Path) -> Path:
    """Publishes two dates, each with 256 labels, 15 dead letters and a report."""
    for day in DAYS:
        files: list[WrittenFile] = []
        for table, part, n_rows in (
            ("labels", "-00000-of-00001", 256),
            ("dead_letters", "-00000-of-00001", 15),
            ("reports/by_lang", "", 3),
        ):
            rows = pa.table({"item_id": [str(row) for row in range(n_rows)]})
            files.append(write_table(rows, TableLocation(str(out), table, day, "f"), part))
        counts = RunCounts({"text": 200, "audio": 56}, {"broken_json": 15})
        status = Status.COMPLETE if day == DAYS[0] else Status.TOO_MANY_BAD_ITEMS
        entry = RunManifest(status, "f", day, "0a1b", NOON, NOON, counts, outputs=tuple(files))
        publish_run(str(out), entry)
        shutil.rmtree(out / f"_tmp.dt={day}")
    return out


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published(tmp_path_factory.mktemp("tree") / "out")


@pytest.fixture
def out(tree: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(tree, tmp_path / "out"))


def verify(*arguments: str) -> int:
    return run_command(lambda: app(["verify", *arguments], standalone_mode=False))


def write_manifest(out: Path, **changes: Any) -> None:
    manifest = read_manifest(str(out))
    assert manifest is not None
    entry = replace(manifest.runs[DAYS[0]], **changes)
    changed = Manifest(runs={**manifest.runs, DAYS[0]: entry})
    (out / "_manifest.json").write_bytes(changed.to_json())


GOOD_LINES = [
    "2026-11-22 complete, labels 256, dead letters 15, 3 files as written",
    "2026-11-23 too many bad items, labels 256, dead letters 15, 3 files as written",
]


@pytest.mark.parametrize("spelling", ["{}", "{}/", "{}//", "{}/../{name}"])
def test_a_good_tree_has_a_line_a_date(
    tree: Path, capsys: pytest.CaptureFixture[str], spelling: str
) -> None:
    assert verify(spelling.format(tree, name=tree.name)) == 0
    assert capsys.readouterr().out.splitlines() == GOOD_LINES


def flip_a_byte(out: Path) -> None:
    path = out / LABELS
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def add_files(out: Path) -> None:
    for path in ("labels/dt=2026-11-22/z.parquet", "labels/a.parquet", "reports/x/y.parquet"):
        (out / path).parent.mkdir(exist_ok=True)
        shutil.copy(out / LABELS, out / path)
    (out / "labels" / "_SUCCESS").write_bytes(b"")  # of another program; holds no rows


def change_files(out: Path, **changes: Any) -> None:
    manifest = read_manifest(str(out))
    assert manifest is not None
    first, *rest = manifest.runs[DAYS[0]].outputs
    write_manifest(out, outputs=(replace(first, **changes), *rest))


@pytest.mark.parametrize(
    ("damage", "faults"),
    [
        (flip_a_byte, [f"2026-11-22: {LABELS} has not the SHA-256 that it was written with, "]),
        (lambda out: (out / LETTERS).unlink(), [f"2026-11-22: {LETTERS} is not there"]),
        (lambda out: (out / REPORT).write_bytes(b"x"), [f"2026-11-22: {REPORT} has 1 bytes; "]),
        (
            add_files,
            [
                "{out}/labels/a.parquet is not in the manifest",
                "{out}/labels/dt=2026-11-22/z.parquet is not in the manifest",
                "{out}/reports/x/y.parquet is not in the manifest",
            ],
        ),
        (
            lambda out: change_files(out, n_rows=257),
            [
                f"2026-11-22: {LABELS} holds 256 rows; not 257",
                "2026-11-22: its files of labels hold 257 rows; the manifest counts 256 items",
            ],
        ),
        (
            lambda out: write_manifest(out, counts=RunCounts({"text": 255}, {"broken_json": 16})),
            [
                "2026-11-22: its files of labels hold 256 rows; the manifest counts 255 items",
                "2026-11-22: its files of dead_letters hold 15 rows; the manifest counts 16 items",
            ],
        ),
        (  # a run whose entry is lost: its files are nobody's
            lambda out: write_manifest(out, outputs=(), counts=RunCounts({}, {})),
            [f"{{out}}/{path} is not in the manifest" for path in (LABELS, LETTERS, REPORT)],
        ),
    ],
)
def test_each_fault_is_a_line(
    out: Path,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Path], object],
    faults: list[str],
) -> None:
    damage(out)
    assert verify(str(out)) == 1
    stdout, stderr = capsys.readouterr()
    lines = [line for line in stdout.splitlines() if not line.endswith(" files as written")]
    assert len(lines) == len(faults)
    for line, fault in zip(lines, faults, strict=True):
        assert line.startswith(fault.format(out=out))
    assert GOOD_LINES[1] in stdout
    assert (GOOD_LINES[0] in stdout) == (damage is add_files)
    assert stderr == ""
    assert verify(str(out), "--json") == 1
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line)["faults"] == lines


def test_a_listed_file_that_is_no_parquet_is_a_fault(out: Path) -> None:
    (out / LABELS).write_bytes(b"abc")
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    change_files(out, n_bytes=3, sha256=sha256)
    [fault] = verify_tree(str(out)).faults
    assert fault.startswith(f"2026-11-22: {LABELS} is no Parquet file: ")


def test_json_is_one_line(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(str(tree), "--json") == 0
    [line] = capsys.readouterr().out.splitlines()
    dates = [
        {
            "date": str(day),
            "status": status,
            "run_id": "f",
            "labels": 256,
            "dead_letters": 15,
            "files": 3,
            "ok": True,
        }
        for day, status in zip(DAYS, ("complete", "too_many_bad_items"), strict=True)
    ]
    assert json.loads(line) == {"ok": True, "dates": dates, "faults": [], "unfinished": []}


def test_what_a_killed_run_has_left_is_no_fault(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = out / "_tmp.dt=2026-11-22" / "0123" / "labels" / "dt=2026-11-22" / "part.parquet"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    assert verify(str(out)) == 0
    assert capsys.readouterr().out.splitlines() == [
        *GOOD_LINES,
        "_tmp.dt=2026-11-22 is of a run that is at work or was killed: no fault",
    ]
    assert verify_tree(str(out)).unfinished == ("_tmp.dt=2026-11-22",)


def test_no_manifest_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(str(tmp_path)) == 2
    assert capsys.readouterr().err == (
        f"mm-emor: {tmp_path} holds no _manifest.json: no run was published there\n"
    )
    (tmp_path / "_manifest.json").write_bytes(b"{")
    with pytest.raises(UserError, match=r"_manifest\.json is not a manifest of mm-emor"):
        verify_tree(str(tmp_path))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), data=st.data())
def test_no_flipped_bit_goes_unseen(out: Path, place: float, bit: int, data: st.DataObject) -> None:
    path = out / data.draw(st.sampled_from([LABELS, LETTERS, REPORT]))
    whole = path.read_bytes()
    content = bytearray(whole)
    content[int(place * len(content))] ^= 1 << bit
    path.write_bytes(content)
    [fault] = verify_tree(str(out)).faults
    assert str(path.relative_to(out)) in fault
    path.write_bytes(whole)
    assert verify_tree(str(out)).faults == ()


@pytest.mark.job
def test_a_scored_tree_is_as_written(
    tiny_artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tweets.jsonl").write_text('{"id": "1", "text": "rain"}\n{"id": "2"}\n')
    arguments = ["score", "--items", f"{tmp_path}/tweets.jsonl", "--out", f"{tmp_path}/out"]
    arguments += ["--model", str(tiny_artifact), "--date", "2026-11-22", "--json"]
    assert run_command(lambda: app(arguments, standalone_mode=False)) == 0
    capsys.readouterr()
    assert verify(f"{tmp_path}/out") == 0
    n_files = len(list((tmp_path / "out").rglob("part-*")))
    assert capsys.readouterr().out == (
        f"2026-11-22 complete, labels 1, dead letters 1, {n_files} files as written\n"
    )
    assert pq.read_table(next((tmp_path / "out" / "labels").rglob("*.parquet"))).num_rows == 1

    [page] = (tmp_path / "out" / "reports" / "page" / "dt=2026-11-22").iterdir()
    page.write_text(page.read_text(encoding="utf-8").replace("rain", "sun") + " ")
    stray = page.with_name("part-0.html")
    stray.write_text("")
    assert verify(f"{tmp_path}/out") == 1
    told = capsys.readouterr().out
    assert f"2026-11-22: {page.relative_to(tmp_path / 'out')} has " in told
    assert f"{stray} is not in the manifest" in told
