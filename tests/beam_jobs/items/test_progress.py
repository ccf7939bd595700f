"""Counts add up over processes and threads."""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from beam_jobs.items.progress import Progress


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


def test_counts_of_all_threads_add_up_and_are_never_seen_half_written(tmp_path: Path) -> None:
    progress = Progress(str(tmp_path))
    progress.add_done(1000)

    def add() -> None:
        for _ in range(200):
            progress.add_done(1)

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(add) for _ in range(4)]
        seen = [progress.done()]
        while not all(one.done() for one in running):
            seen.append(progress.done())
        for one in running:
            one.result()
    assert seen == sorted(seen)
    assert seen[0] >= 1000
    assert progress.done() == 1800
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []
