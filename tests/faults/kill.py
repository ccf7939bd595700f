"""Kills the job by SIGKILL at random moments, runs it again, and compares what both leave.

    python -m tests.faults.kill --times 25 --seed 1

Half of what a run does is loading libraries, and publishing takes it milliseconds. So the moments
of some scenarios are drawn over the run's processor time (which, unlike the clock's, does not
depend on what else the machine does), those of others over its steps in the file system: each
file that it opens, renames or removes under the output directory.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from beam_jobs.runs.manifest import read_manifest
from beam_jobs.runs.verify import verify_tree
from tests.faults.jobs import MAIN, Job, tree
from tests.support.make_tiny_artifact import TINY_ARTIFACT

POLL_SECONDS = 0.001
STEPS = """
import os, signal, sys, threading
limit, log, out = {limit}, {log!r}, {out!r}
lock, taken = threading.Lock(), 0
writes = os.O_WRONLY | os.O_RDWR
def step(event, args):
    global taken
    if event == "open":
        is_step = bool(args[2] & writes)
    else:
        is_step = event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree")
    if is_step and isinstance(args[0], str) and args[0].startswith(out):
        with lock:
            taken += 1
            if taken == limit:
                os.killpg(0, signal.SIGKILL)
sys.addaudithook(step)
import atexit
atexit.register(lambda: open(log, "w").write(str(taken)))
"""
"""Kills the process before its step number `limit`; else writes how many steps there were."""


@dataclass(frozen=True)
class Scenario:
    """What is killed, and what lies there before.

    Attributes:
        job: what is run.
        earlier: what has been run for the date before; None: nothing.
        n_kills: how often it is killed before it may run to its end.
        by_step: whether the moment is a step in the file system, or one of processor time.
    """

    job: Job
    earlier: Job | None = None
    n_kills: int = 1
    by_step: bool = False


def scenarios(model: str) -> dict[str, Scenario]:
    """Returns the scenarios by name."""
    whole = Job(model)
    some = Job(model, "tweets_v*")
    added = Job(model, flags=("--only-new",))
    return {
        "empty": Scenario(whole),
        "empty-step": Scenario(whole, by_step=True),
        "twice": Scenario(whole, n_kills=2),
        "replace": Scenario(whole, some),
        "replace-step": Scenario(whole, some, by_step=True),
        "only-new": Scenario(added, some),
        "only-new-step": Scenario(added, some, by_step=True),
    }


@dataclass
class Outcome:
    """What came of one scenario.

    Attributes:
        n_killed: runs that ended by the signal; others were done before their moment came.
        seen: of the kills, after how many a reader of the manifest found what.
        faults: a sentence for each thing that is not as it should be.
    """

    n_killed: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        seen = ", ".join(f"{name} {n}" for name, n in sorted(self.seen.items()))
        return f"killed {self.n_killed} ({seen}); {len(self.faults)} faults"


def play(scenario: Scenario, times: int, draw: random.Random, work: Path) -> Outcome:
    """Kills a scenario's job `times` times, and each time runs it again and compares.

    Args:
        scenario: what to kill.
        times: how often.
        draw: says the moments.
        work: an empty directory.
    """
    before, unbroken, out = work / "before", work / "unbroken", work / "out"
    before.mkdir(parents=True)
    if scenario.earlier:
        scenario.earlier.run(before)
    shutil.copytree(before, unbroken)
    length = _measure(scenario, unbroken)
    expected = tree(unbroken)
    run_ids = [_run_id(before), _run_id(unbroken)]
    outcome = Outcome()
    while outcome.n_killed < times * scenario.n_kills:
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(before, out)
        for _ in range(scenario.n_kills):
            moment = draw.uniform(0, length)
            where = f"killed at {moment:.3f} of {length:.3f}"
            outcome.n_killed += _run_and_kill(scenario, out, moment)
            for fault in _faults_for_readers(out, run_ids, outcome.seen):
                outcome.faults.append(f"{where}: {fault}")
        scenario.job.run(out)
        outcome.faults += [f"{where}, run again: {fault}" for fault in _differences(out, expected)]
    return outcome


def _measure(scenario: Scenario, out: Path) -> float:
    """Runs the job unbroken; returns its steps in the file system, or its processor seconds."""
    if scenario.by_step:
        log = out.with_name("steps")
        process = scenario.job.start(out, STEPS.format(limit=0, log=str(log), out=str(out)) + MAIN)
        process.communicate()
        return int(log.read_text()) + 1
    process = scenario.job.start(out)
    length = 0.0
    while process.poll() is None:
        length = _processor_seconds(process.pid) or length
        time.sleep(POLL_SECONDS)
    return length


def _run_and_kill(scenario: Scenario, out: Path, moment: float) -> bool:
    """Starts the job and kills it; False if it was done before."""
    if scenario.by_step:
        steps = STEPS.format(limit=int(moment) or 1, log=os.devnull, out=str(out))
        process = scenario.job.start(out, steps + MAIN)
    else:
        process = scenario.job.start(out)
        while process.poll() is None and _processor_seconds(process.pid) < moment:
            time.sleep(POLL_SECONDS)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def _processor_seconds(pid: int) -> float:
    """Returns what a process has used of all processors; 0 once it has ended."""
    try:
        return time.clock_gettime(~pid << 3 | 2)  # CPUCLOCK_SCHED of clock_getcpuclockid(3)
    except OSError:
        return 0.0


def _run_id(out: Path) -> str | None:
    manifest = read_manifest(str(out))
    return next(iter(manifest.runs.values())).run_id if manifest else None


def _faults_for_readers(out: Path, run_ids: list[str | None], seen: Counter[str]) -> list[str]:
    """Returns what is wrong for who reads, after a kill, the files that the manifest lists."""
    run_id = _run_id(out)
    if run_id not in run_ids:
        return [f"the manifest lists the run {run_id}; it should be one of {run_ids}"]
    names = ("the earlier run" if run_ids[0] else "nothing", "the new run")
    seen[names[run_ids.index(run_id)]] += 1
    if run_id is None:
        return []
    check = verify_tree(str(out))
    seen["files of both in the directories"] += bool(check.unlisted)
    return [fault for each in check.dates for fault in each.faults]


def _differences(out: Path, expected: dict[str, object]) -> list[str]:
    found = tree(out)
    faults = [
        f"{path} differs from the unbroken run's"
        for path in sorted(found.keys() | expected.keys())
        if path not in found or path not in expected or found[path] != expected[path]
    ]
    check = verify_tree(str(out))
    return [*faults, *check.faults, *(f"{name} is left" for name in check.unfinished)]


def main() -> None:
    """Plays the scenarios and prints a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", default="default", help="default, or tiny: of random weights")
    parser.add_argument("--scenario", action="append", choices=scenarios("default"))
    arguments = parser.parse_args()
    n_faults = 0
    with tempfile.TemporaryDirectory() as directory:
        model = arguments.model
        if model == "tiny":
            model = str(TINY_ARTIFACT)
        known = scenarios(model)
        for name in arguments.scenario or known:
            draw = random.Random(f"{arguments.seed} {name}")
            outcome = play(known[name], arguments.times, draw, Path(directory) / name)
            print(f"{name:14} {outcome}", flush=True)
            for fault in outcome.faults:
                print(f"  {fault}")
            n_faults += len(outcome.faults)
    sys.exit(1 if n_faults else 0)


if __name__ == "__main__":
    main()
