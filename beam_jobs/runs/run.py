"""The run: what it reads, what it scores with, and where its files go."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from operator import attrgetter
from typing import Any

from apache_beam.io.filesystems import FileSystems

from beam_jobs.items.job_defaults import MAX_BAD_FRACTION
from beam_jobs.items.paths import InputFile
from beam_jobs.runs.output_files import WrittenFile, check_out
from schemas.tables import report_table


def hash_run(
    run_date: date, inputs: Sequence[InputFile], model_version: str, settings: Mapping[str, Any]
) -> str:
    """Returns the run's id: 16 hex digits that say what went in, in whatever order it was listed.

    >>> tweets = InputFile("tweets.jsonl", 120)
    >>> hash_run(date(2026, 11, 22), [tweets], "0a1b", {"max_items": None})
    '2876ad7845e42230'
    """
    identity = {
        "date": run_date.isoformat(),
        "inputs": [
            [item.path, item.size_bytes, item.updated]
            for item in sorted(inputs, key=attrgetter("path"))
        ],
        "model_version": model_version,
        "settings": settings,
    }
    canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:16]


@dataclass(frozen=True)
class EarlierRun:
    """The published run of a date to which another run of it adds.

    Attributes:
        run_ids: of the run and of those that it added to, the oldest first.
        inputs: every file that they read.
        files: their labels and dead letters, published.
        already_scored: their items that other runs had labelled.
        already_refused: their items that one of them had refused before another did.
    """

    run_ids: tuple[str, ...]
    inputs: tuple[InputFile, ...]
    files: tuple[WrittenFile, ...]
    already_scored: int = 0
    already_refused: int = 0

    def paths(self, out: str, table: str) -> tuple[str, ...]:
        """Returns the paths of the files of a table."""
        return tuple(FileSystems.join(out, file.path) for file in self.files if file.table == table)


@dataclass(frozen=True)
class Run:
    """One run for one date, as the steps that write need to know it.

    Attributes:
        out: directory or URI prefix under which everything is written.
        emotions: what the model tells apart, in head order: the columns of a label's scores.
        n_parts: files that label rows, and dead-letter rows, are divided into. A part is sorted in
            memory, so it grows with the input's size; one part for 100,000 items is ample.
        started_at: aware; goes to the manifest alone.
        settings: what else decides the rows, as JSON: part of the run's identity.
        max_bad_fraction: dead letters among all items, above which the run has failed.
        leaves_out: ids of the published runs whose items are not scored again, of any date: they
            decide the rows, too.
        adds: whether the run may not replace another one of its date.
        extends: the one of them that is of this date; its rows stay, and the reports count them.
        kept: the fields of the input that `--keep` names: columns of the labels.
    """

    out: str
    date: date
    model_version: str
    emotions: tuple[str, ...]
    n_parts: int
    started_at: datetime
    inputs: tuple[InputFile, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    max_bad_fraction: float = MAX_BAD_FRACTION
    leaves_out: tuple[str, ...] = ()
    adds: bool = False
    extends: EarlierRun | None = None
    kept: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_out(self.out)
        if self.n_parts < 1:
            raise ValueError(f"n_parts is {self.n_parts}; at least 1 is needed")
        if self.started_at.tzinfo is None:
            raise ValueError(f"started_at is {self.started_at}; it needs a time zone")

    @cached_property
    def run_id(self) -> str:
        """Hash of all that decides the run's rows and how they are divided into files."""
        settings = {**self.settings, "n_parts": self.n_parts}
        if self.leaves_out:
            settings["leaves_out"] = sorted(self.leaves_out)
        return hash_run(self.date, self.inputs, self.model_version, settings)

    def location(self, table: str) -> "TableLocation":
        """Returns where a table's files lie; small, where the run itself lists all its inputs."""
        return TableLocation(self.out, table, self.date, self.run_id)


PAGE_TABLE = report_table("page")
"""Where the page that shows a run's reports lies, beside their tables."""


@dataclass(frozen=True)
class TableLocation:
    """Where the files of one table of a run lie.

    Attributes:
        table: `labels`, `dead_letters` or `reports/` and a report's name.
        suffix: of the files' names; `.html` for `PAGE_TABLE`, the page that shows the reports.

    >>> TableLocation("out", "labels", date(2026, 11, 22), "60706f4b").path("-00003-of-00008")
    'labels/dt=2026-11-22/part-60706f4b-00003-of-00008.parquet'
    """

    out: str
    table: str
    date: date
    run_id: str
    suffix: str = ".parquet"

    def path(self, part: str = "") -> str:
        """Returns a file's path relative to `out`; `part` is empty where the table is one file."""
        return f"{self.table}/dt={self.date.isoformat()}/part-{self.run_id}{part}{self.suffix}"

    @property
    def temporary_dir(self) -> str:
        """Where files lie until they are whole; removed when the run is published."""
        return str(FileSystems.join(staging_dir(self.out, self.date, self.run_id), self.table))

    def staged_path(self, part: str = "") -> str:
        """Returns where a whole file lies until the run is published."""
        return str(FileSystems.join(staging_dir(self.out, self.date, self.run_id), self.path(part)))


def staging_dir(out: str, run_date: date, run_id: str) -> str:
    """Returns where a run's data files, under their paths relative to `out`, await publishing.

    Readers that match files under `out/labels` or the like see nothing of it.

    >>> staging_dir("out", date(2026, 11, 22), "60706f4b")
    'out/_tmp.dt=2026-11-22/60706f4b'
    """
    return str(FileSystems.join(out, temporary_name(run_date), run_id))


def temporary_name(run_date: date) -> str:
    """Returns the directory under `out` for unfinished files of a date's runs.

    What killed runs of the date left behind goes with it. Two dates share no parent but `out`, so
    that removing the one cannot disturb a run that is making files in the other.

    >>> temporary_name(date(2026, 11, 22))
    '_tmp.dt=2026-11-22'
    """
    return f"_tmp.dt={run_date.isoformat()}"
