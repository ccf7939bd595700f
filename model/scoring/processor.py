"""What this machine's processor has: cores that the process may use, and instructions."""

import os
from pathlib import Path

INT8_FLAGS = frozenset({"avx_vnni", "avx512_vnni", "amx_int8"})
"""Of x86 processors that multiply in int8 faster than in float32, without cutting sums."""


def available_cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Returns how many cores this process may use: a container's quota may give it fewer.

    Args:
        quota: control group 2's file: microseconds of processor time in a period, or `max`.
    """
    n_cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        n_cores = len(os.sched_getaffinity(0))
    try:
        granted, period = quota.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return n_cores
    return n_cores if granted == "max" else max(1, min(n_cores, int(granted) // int(period)))


def cpu_flags() -> frozenset[str]:
    """Returns what the processor can do, in Linux's words; nothing on other systems."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line for line in lines if line.startswith("flags")), "").split())
