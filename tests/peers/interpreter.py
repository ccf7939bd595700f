"""Starts the peers' programs: our side of them."""

import os
import subprocess

VARIABLE = "MM_EMOR_PEERS"
"""Names the Python of an environment that has what `requirements/peers.txt` lists."""


def peers_python() -> str:
    """Returns the peers' Python.

    Raises:
        SystemExit: none is named.
    """
    if not os.environ.get(VARIABLE):
        raise SystemExit(f"{VARIABLE} names no Python of the peers; make sets it")
    return os.environ[VARIABLE]


def run_peer(module: str, *arguments: str) -> None:
    """Runs a program in the peers' environment.

    Args:
        module: its full name.
        arguments: mostly the folder that tells it what to compute.

    Raises:
        RuntimeError: it failed; the message has what it said.
    """
    done = subprocess.run(
        [peers_python(), "-m", module, *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{module} ended with {done.returncode}:\n{done.stderr}")
