"""Runs of two sides in turn, their medians, and what they ran on."""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Self

from tests.peers.interpreter import peers_python

RUNS = 5
REST_SECONDS = 0.2
BUSY_CORES = 0.3
CPU_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
"""Those that decide how fast matrix products are in float32, bfloat16 and int8."""


@dataclass(frozen=True)
class Comparison:
    """Seconds of the same work by our code and by a peer, one of each a run.

    Attributes:
        suite: name of the module.
        what: the work, in a few words.
        ours, peer: seconds of each run, in the order they ran.
        n_items: items of one run.
        unit: of the rates, such as `texts/s`.
    """

    suite: str
    what: str
    ours: tuple[float, ...]
    peer: tuple[float, ...]
    n_items: int
    unit: str

    @property
    def ratio(self) -> float:
        """How many times the peer's median time ours is; above 1 is slower."""
        return median(self.ours) / median(self.peer)

    def as_row(self) -> dict[str, str | float | int]:
        """Returns the object of the JSON file; `ours` and `peer` are median rates."""
        return {
            "suite": self.suite,
            "what": self.what,
            "ours": round(self.n_items / median(self.ours), 2),
            "peer": round(self.n_items / median(self.peer), 2),
            "unit": self.unit,
            "ratio": round(self.ratio, 3),
            "runs": len(self.ours),
        }

    def lines(self) -> Iterator[str]:
        """Yields what to print of it."""
        row = self.as_row()
        rates = f"{1 / self.ratio:.2f} times its {self.unit}"
        yield f"{self.what}: {self.ratio:.2f} times the peer's time, {rates}"
        for side, seconds in (("ours", self.ours), ("peer", self.peer)):
            runs = " ".join(f"{each:.3f}" for each in seconds)
            yield f"  {side}  {row[side]:>8} {self.unit}   median of {runs} s"


class Worker:
    """A side of a comparison in a process of its own: neither disturbs the other's threads.

    Args:
        command: module and arguments of a program that takes `Turns`. It has had its first one,
            which compiles and fills caches, when the constructor returns.
        environment: variables beside this process's own.
        python: the interpreter; this process's own by default.

    Attributes:
        last_seconds: what the last run took.
        last_rest: seconds until it answered after that.
        last_extras: what else it measured in it.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        python: str = sys.executable,
    ) -> None:
        self._process = subprocess.Popen(
            [python, "-m", *command],
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.run()

    def run(self) -> float:
        """Returns the seconds of one run."""
        assert self._process.stdin
        assert self._process.stdout
        start = time.perf_counter()
        self._process.stdin.write("run\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self._process.args!r} ended with {self._process.wait()}")
        self.last_seconds, *self.last_extras = map(float, answer.split())
        self.last_rest = time.perf_counter() - start - self.last_seconds
        return self.last_seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


class Turns:
    """A worker's end of the pipe: waits for its turn, and answers with the seconds of its work.

    What the work itself prints goes nowhere.
    """

    def __init__(self) -> None:
        self._answers = os.fdopen(os.dup(1), "w")
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
        self._start = self._seconds = 0.0

    def wait(self) -> None:
        """Returns when it is this side's turn; ends the process where none will come."""
        if not sys.stdin.readline():
            raise SystemExit
        self._start = time.perf_counter()

    def stop(self) -> None:
        """Ends what is timed; the other side waits for the answer."""
        self._seconds = time.perf_counter() - self._start

    def answer(self, seconds: float | None = None, *extras: float) -> None:
        """Says how long it was: from `wait` to `stop`, or as the work itself has measured it."""
        numbers = (self._seconds if seconds is None else seconds, *extras)
        self._answers.write(" ".join(map(str, numbers)) + "\n")
        self._answers.flush()


def alternate(
    ours: Callable[[], float], peer: Callable[[], float], runs: int = RUNS
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Returns the seconds of each side; they run in turn, and who is first changes each time.

    Each turn has a rest before it: threads of the side before wait for work in a busy loop.
    """
    seconds: dict[Callable[[], float], list[float]] = {ours: [], peer: []}
    for number in range(runs):
        for side in (ours, peer) if number % 2 == 0 else (peer, ours):
            time.sleep(REST_SECONDS)
            seconds[side].append(side())
    return tuple(seconds[ours]), tuple(seconds[peer])


def suite_arguments(description: str | None) -> argparse.ArgumentParser:
    """Returns the parser of what every suite understands."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, help="file for the numbers")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"of each side; {RUNS} by default")
    return parser


def machine_lines(packages: Sequence[str], peer: Sequence[str] = ()) -> Iterator[str]:
    """Yields the machine, its load, and the versions that ran.

    Args:
        packages: those of this environment.
        peer: those of the peers' environment.
    """
    cpu = Path("/proc/cpuinfo").read_text(encoding="utf-8") if sys.platform == "linux" else ""
    model = next((line.split(":")[1] for line in cpu.splitlines() if "model name" in line), "")
    flags = set(next((line for line in cpu.splitlines() if line.startswith("flags")), "").split())
    shown = [flag for flag in CPU_FLAGS if flag in flags]
    cores = f"{os.cpu_count()} cores of {model.strip() or platform.machine()}"
    yield f"{cores} ({', '.join(shown) or 'no flag of interest'})"
    busy = busy_cores()
    if busy > BUSY_CORES:
        # PyTorch's threads wait for each other at every operation: a core taken away from one
        # stops them all, so that a busy machine slows the sides unequally.
        yield f"{busy:.1f} cores are busy with other work: these numbers mean nothing"
    yield versions_line(packages)
    if peer:
        command = [peers_python(), "-m", "tests.peers.versions", *peer]
        told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        yield f"the peer: {told.stdout.strip()}"


def versions_line(packages: Sequence[str]) -> str:
    """Returns the versions of Python and of some packages in this environment."""
    return f"Python {platform.python_version()}, {', '.join(map(_versioned, packages))}"


def busy_cores(seconds: float = 1.0) -> float:
    """Returns how many cores other work keeps busy, over some seconds; 0 where it is not known."""
    if not Path("/proc/stat").exists():
        return 0.0

    def busy_seconds() -> float:
        user, _, system = Path("/proc/stat").read_text(encoding="ascii").split()[1:4]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    before = busy_seconds()
    time.sleep(seconds)
    return (busy_seconds() - before) / seconds


def _versioned(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"no {package}"


def write_json(comparisons: Sequence[Comparison], path: Path) -> None:
    """Writes one object a comparison."""
    rows = [comparison.as_row() for comparison in comparisons]
    path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
