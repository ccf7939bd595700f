"""The scoring job as a process of its own, and what a run has left on disk."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import beam_jobs
from beam_jobs.runs.manifest import MANIFEST_NAME

CORPUS = Path(beam_jobs.__file__).parent / "sample_corpus"
ROOT = Path(__file__).parents[2]
DAY = "2026-11-14"
MAIN = "from beam_jobs.commands.cli import main; main()"


@dataclass(frozen=True)
class Job:
    """A run of `mm-emor score` on the sample corpus.

    Attributes:
        model: an artifact's directory, or `default`.
        items: which of the corpus's files of items.
        flags: more of the command line.
    """

    model: str = "default"
    items: str = "tweets*"
    flags: tuple[str, ...] = ()

    def command(self, out: Path, code: str = MAIN) -> list[str]:
        """Returns the command line; `code` is what Python is to run."""
        flags = ["--items", f"{CORPUS}/{self.items}", "--clips", f"{CORPUS}/clips/*"]
        flags += ["--audio-root", str(CORPUS), "--model", self.model, "--date", DAY]
        return [sys.executable, "-c", code, "score", "--out", str(out), *flags, *self.flags]

    def start(self, out: Path, code: str = MAIN) -> "subprocess.Popen[str]":
        """Starts a run in a process group of its own."""
        return subprocess.Popen(
            self.command(out, code),
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, out: Path) -> None:
        """Runs it to its end.

        Raises:
            RuntimeError: the exit code is not 0.
        """
        process = self.start(out)
        told, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"an unbroken run ended with {process.returncode}: {told[-2000:]}")


def tree(out: Path) -> dict[str, object]:
    """Returns all that lies under a directory: files' bytes, and the manifest but for its times."""
    found: dict[str, object] = {
        str(path.relative_to(out)): path.read_bytes() if path.is_file() else None
        for path in sorted(out.rglob("*"))
    }
    if MANIFEST_NAME in found:
        manifest = json.loads((out / MANIFEST_NAME).read_bytes())
        for run in manifest["runs"].values():
            del run["started_at"], run["finished_at"]
        found[MANIFEST_NAME] = manifest
    return found
