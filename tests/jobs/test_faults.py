"""Killed, full, unwritable, damaged: a clear end, and nothing half-written taken for whole."""

import os
import random
import re
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from beam_jobs.runs.verify import verify_tree
from model.errors import ArtifactError, ConfigError
from model.scoring.artifact import Artifact
from tests.faults.fuzz import fuzz
from tests.faults.jobs import MAIN, Job, tree
from tests.faults.kill import play, scenarios
from tests.support.command_line import Run
from tests.support.make_tiny_artifact import TINY_ARTIFACT

LIMIT_SECONDS = 600
"""Ample, as other programs may hold a run up; a hang would take all of it."""
WORKER = "beam_jobs.runners.worker_main"
WORKER_PROCESSES = ("--", "--direct_num_workers=2", "--direct_running_mode=multi_processing")


def job(**changes: Any) -> Job:
    return Job(str(TINY_ARTIFACT), **changes)


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An earlier run of the date, over a part of the corpus."""
    out = tmp_path_factory.mktemp("scored") / "out"
    job(items="tweets_v*").run(out)
    return out


@pytest.fixture
def out(scored: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(scored, tmp_path / "out"))


def end_of(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Waits for a job; returns its exit code and all that it told."""
    try:
        told, _ = process.communicate(timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return process.returncode, told


def run_here(mm_emor: Run, out: Path) -> tuple[int, str]:
    """Runs the job in this process; returns its exit code and all that it told."""
    code, stdout, stderr = mm_emor(*job().command(out)[3:])
    return code, stdout + stderr


def assert_earlier_run_is_whole(out: Path, scored: Path) -> None:
    assert verify_tree(str(out)).faults == ()
    found = {path: content for path, content in tree(out).items() if not path.startswith("_tmp.")}
    assert found == tree(scored)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "times"), [("empty", 1), ("replace-step", 1), ("twice", 1)])
def test_a_killed_job_run_again_ends_as_an_unbroken_one(
    tmp_path: Path, name: str, times: int
) -> None:
    draw = random.Random(name)  # noqa: S311
    outcome = play(scenarios(str(TINY_ARTIFACT))[name], times, draw, tmp_path)
    assert outcome.n_killed >= times
    assert outcome.faults == []


@pytest.mark.parametrize("kind", ["clips", "lines"])
def test_spoilt_input_is_a_label_or_a_dead_letter(kind: str) -> None:
    report = fuzz(str(TINY_ARTIFACT), 7, kind, 300)
    assert report.failures == []
    assert report.counts.total() >= 300
    assert report.counts["good"] > 0
    assert len(report.counts) > 3


def children_of(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            yield child
            yield from children_of(child)


def worker_processes(pid: int) -> list[int]:
    try:
        return [
            child
            for child in children_of(pid)
            if WORKER in Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")
        ]
    except OSError:  # one of them has ended
        return []


@pytest.mark.slow
def test_a_worker_that_dies_ends_the_job(out: Path, scored: Path) -> None:
    process = job(flags=WORKER_PROCESSES).start(out)
    while len(workers := worker_processes(process.pid)) < 2 or not list(out.glob("_tmp.*/*")):
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(workers[0], signal.SIGKILL)
    code, told = end_of(process)
    assert code == 1
    [line] = told.splitlines()
    assert line.startswith("mm-emor: the job failed: RuntimeError: a worker process died: ")
    assert_earlier_run_is_whole(out, scored)
    job().run(out)
    assert verify_tree(str(out)).faults == ()
    assert verify_tree(str(out)).unfinished == ()


@pytest.mark.parametrize("limit_bytes", [1_000, 10_000])
def test_a_file_that_cannot_be_written_whole_ends_the_job(
    mm_emor: Run, out: Path, scored: Path, limit_bytes: int
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        ended = run_here(mm_emor, out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert_ended_by_a_limit(*ended, out, scored)


def test_a_file_that_a_worker_cannot_write_whole_ends_the_job(out: Path, scored: Path) -> None:
    limit = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000)); "
    )
    process = job(flags=WORKER_PROCESSES).start(out, limit + MAIN)
    assert_ended_by_a_limit(*end_of(process), out, scored)


def assert_ended_by_a_limit(code: int, told: str, out: Path, scored: Path) -> None:
    assert code == 1
    [line] = told.splitlines()
    assert re.match(r"mm-emor: the job failed: (RuntimeError: )?OSError: .*File too large", line)
    assert_earlier_run_is_whole(out, scored)


def mounted(place: Path, options: str) -> None:
    """Mounts a file system in memory; leaves the test out where that is not allowed."""
    place.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    if outcome.returncode:
        pytest.skip(f"no file system can be mounted here: {outcome.stderr.strip()}")


@pytest.mark.parametrize("free_kib", [0, 24, 80])
def test_a_full_disk_ends_the_job(
    mm_emor: Run, scored: Path, tmp_path: Path, free_kib: int
) -> None:
    if shutil.which("mount") is None or os.geteuid():
        pytest.skip("mounting a file system needs root")
    disk = tmp_path / "disk"
    mounted(disk, "size=4m")
    try:
        out = Path(shutil.copytree(scored, disk / "out"))
        filler = disk / "filler"
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        filler.write_bytes(bytes(free - free_kib * 1024))
        code, told = run_here(mm_emor, out)
        assert code in (1, 2)
        [line] = told.splitlines()
        assert "No space left on device" in line
        assert_earlier_run_is_whole(out, scored)
        filler.unlink()
        assert run_here(mm_emor, out)[0] == 0
        assert verify_tree(str(out)).faults == ()
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_read_only_output_is_told_before_the_job(
    mm_emor: Run, scored: Path, tmp_path: Path
) -> None:
    if shutil.which("mount") is None or os.geteuid():
        pytest.skip("mounting a file system needs root")
    disk = tmp_path / "disk"
    mounted(disk, "size=4m")
    try:
        out = Path(shutil.copytree(scored, disk / "out"))
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        code, told = run_here(mm_emor, out)
        assert code == 2
        [line] = told.splitlines()
        assert line.startswith(f"mm-emor: --out {out} cannot be written: ")
        assert_earlier_run_is_whole(out, scored)
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


ARTIFACT_FILES = (
    "config.json",
    "tokenizer.json",
    "filter_banks.safetensors",
    "weights.safetensors",
    *(f"{graph}.{suffix}" for graph in ("text", "audio", "heads") for suffix in ("xml", "bin")),
)


@pytest.mark.parametrize("name", ARTIFACT_FILES)
@pytest.mark.parametrize("place", [0.0, 0.4, 0.999])
def test_an_artifact_with_a_flipped_byte_is_refused(
    tmp_path: Path, name: str, place: float
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    for path in TINY_ARTIFACT.iterdir():
        (model / path.name).symlink_to(path)
    content = bytearray((TINY_ARTIFACT / name).read_bytes())
    content[int(place * len(content))] ^= 1
    (model / name).unlink()
    (model / name).write_bytes(content)
    with pytest.raises((ArtifactError, ConfigError), match=re.escape(f"{model}")):
        Artifact.load(model)


def test_a_damaged_artifact_ends_the_job_before_it_writes(mm_emor: Run, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(TINY_ARTIFACT, model)
    with (model / "heads.bin").open("r+b") as file:
        file.seek(1000)
        byte = file.read(1)
        file.seek(1000)
        file.write(bytes([byte[0] ^ 1]))
    arguments = Job(str(model)).command(tmp_path / "out")[3:]
    assert mm_emor(*arguments) == (
        2,
        "",
        f"mm-emor: {model}/heads.bin is damaged: its hash differs from config.json's\n",
    )
    assert not (tmp_path / "out").exists()
