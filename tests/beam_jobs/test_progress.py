"""Counts add up over processes."""

import multiprocessing
from pathlib import Path

from beam_jobs.progress import Progress


def work(directory: str) -> None:
    progress = Progress(directory)
    for _ in range(5):
        progress.add_done(2)
    progress.add_found(11)


def test_counts_of_all_processes_add_up(tmp_path: Path) -> None:
    progress = Progress(str(tmp_path))
    assert (progress.done(), progress.found()) == (0, 0)
    workers = [multiprocessing.Process(target=work, args=(str(tmp_path),)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    progress.add_done(1)
    assert (progress.done(), progress.found()) == (21, 22)
