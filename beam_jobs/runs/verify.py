"""Whether an output directory is what its manifest says: nothing missing, altered or added."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems

from beam_jobs.runs.manifest import MANIFEST_NAME, RunManifest, read_manifest
from beam_jobs.runs.output_files import WrittenFile, is_as_written, list_files
from beam_jobs.runs.run import PAGE_TABLE
from model.errors import UserError
from schemas.tables import DEAD_LETTERS, LABELS, RUN_DIRECTORIES


@dataclass(frozen=True)
class DateCheck:
    """What is wrong with the run of a date, a sentence each; nothing if it is as published."""

    run: RunManifest
    faults: tuple[str, ...] = ()

    def __str__(self) -> str:
        counts = self.run.counts
        return (
            f"{self.run.date} {self.run.status.replace('_', ' ')}, labels {counts.n_labels:,}, "
            f"dead letters {counts.n_dead:,}, {len(self.run.outputs):,} files as written"
        )


@dataclass(frozen=True)
class TreeCheck:
    """What is wrong with an output directory.

    Attributes:
        dates: each run of the manifest, in the order of their dates.
        unlisted: data files that no run lists; who reads the directories takes them for results.
        unfinished: directories that a running or a killed run has left; they harm nobody.
    """

    dates: tuple[DateCheck, ...]
    unlisted: tuple[str, ...]
    unfinished: tuple[str, ...]

    @property
    def faults(self) -> tuple[str, ...]:
        """All that is wrong, a line each."""
        return (
            *(f"{check.run.date}: {fault}" for check in self.dates for fault in check.faults),
            *(f"{path} is not in the manifest" for path in self.unlisted),
        )

    def to_json(self) -> dict[str, Any]:
        """Returns what `mm-emor verify --json` prints."""
        return {
            "ok": not self.faults,
            "dates": [
                {
                    "date": check.run.date.isoformat(),
                    "status": str(check.run.status),
                    "run_id": check.run.run_id,
                    "labels": check.run.counts.n_labels,
                    "dead_letters": check.run.counts.n_dead,
                    "files": len(check.run.outputs),
                    "ok": not check.faults,
                }
                for check in self.dates
            ],
            "faults": list(self.faults),
            "unfinished": list(self.unfinished),
        }


def verify_tree(out: str) -> TreeCheck:
    """Reads every file that the manifest lists, compares it, and looks for files that it does not.

    Raises:
        UserError: there is no manifest, or it cannot be understood.
    """
    out = out.rstrip("/") or out  # Beam matches nothing behind two slashes
    manifest = read_manifest(out)
    if manifest is None:
        raise UserError(f"{out} holds no {MANIFEST_NAME}: no run was published there")
    runs = [manifest.runs[day] for day in sorted(manifest.runs)]
    listed = {FileSystems.join(out, file.path) for run in runs for file in run.outputs}
    found = [
        path for table in RUN_DIRECTORIES for path in list_files(FileSystems.join(out, table, "**"))
    ]
    return TreeCheck(
        dates=tuple(DateCheck(run, tuple(find_faults(out, run))) for run in runs),
        unlisted=tuple(
            path for path in found if path.endswith((".parquet", ".html")) and path not in listed
        ),
        unfinished=_unfinished(out),
    )


def find_faults(out: str, run: RunManifest) -> Iterator[str]:
    """Yields what is wrong with the files and the counts of one run, a sentence each."""
    n_rows: Counter[str] = Counter()
    for file in run.outputs:
        n_rows[file.table] += file.n_rows
        fault = _fault_of(out, file)
        if fault:
            yield f"{file.path} {fault}"
    for table, n_items in ((LABELS, run.counts.n_labels), (DEAD_LETTERS, run.counts.n_dead)):
        if n_rows[table] != n_items:
            yield (
                f"its files of {table} hold {n_rows[table]:,} rows; the manifest counts "
                f"{n_items:,} items"
            )


def _fault_of(out: str, file: WrittenFile) -> str | None:
    path = FileSystems.join(out, file.path)
    found = list(list_files(path).values())
    if not found:
        return "is not there"
    if found != [file.n_bytes]:
        return f"has {found[0]:,} bytes; {file.n_bytes:,} were written"
    if not is_as_written(path, file):
        return f"has not the SHA-256 that it was written with, {file.sha256}"
    if file.table == PAGE_TABLE:
        return None
    try:
        with FileSystems.open(path) as source:
            n_rows = pq.ParquetFile(source).metadata.num_rows
    except pa.ArrowInvalid as error:
        return f"is no Parquet file: {error}"
    return None if n_rows == file.n_rows else f"holds {n_rows:,} rows; not {file.n_rows:,}"


def _unfinished(out: str) -> tuple[str, ...]:
    root = FileSystems.join(out, "")
    names = {
        path.removeprefix(root).partition("/")[0]
        for path in list_files(FileSystems.join(out, "_tmp.*", "**"))
    }
    return tuple(sorted(names))
