"""How far a local run has come: each worker thread keeps its counts in files of its own."""

import os
import threading
from dataclasses import dataclass
from pathlib import Path

from model.files import write_whole


@dataclass(frozen=True)
class Progress:
    """Counts items across the worker processes of one machine.

    Files are the one thing that every way of running workers here shares: Beam's metrics can be
    read only when the local runner has ended.

    Attributes:
        directory: where each thread writes its counts; it must exist.
    """

    directory: str

    def add_found(self, n_items: int) -> None:
        """Adds to the items that this thread has found in the input."""
        self._add("found", n_items)

    def add_done(self, n_items: int) -> None:
        """Adds to the items that this thread has scored or refused."""
        self._add("done", n_items)

    def found(self) -> int:
        """Returns the items found by all threads of all processes."""
        return self._total("found")

    def done(self) -> int:
        """Returns the items done by all threads of all processes."""
        return self._total("done")

    def _add(self, kind: str, n_items: int) -> None:
        path = Path(self.directory) / f"{kind}-{os.getpid()}-{threading.get_ident()}"
        # Whole, as whoever adds up the counts reads at any time; they are of no use after a run.
        write_whole(path, str(self._read(path) + n_items), durable=False)

    def _total(self, kind: str) -> int:
        return sum(self._read(path) for path in Path(self.directory).glob(f"{kind}-*"))

    @staticmethod
    def _read(path: Path) -> int:
        try:
            return int(path.read_text(encoding="ascii"))
        except FileNotFoundError:
            return 0
