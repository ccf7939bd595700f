"""The manifest: which files of an output directory are whole runs, and what went into them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal

from apache_beam.io.filesystems import FileSystems
from pydantic import TypeAdapter

from beam_jobs.items.paths import InputFile
from beam_jobs.runs.json_records import parse_json, read_json
from beam_jobs.runs.output_files import WrittenFile
from schemas.dead_letters import NOT_BAD, Reason

MANIFEST_NAME = "_manifest.json"
BROKEN = "not a manifest of mm-emor"


class Status(StrEnum):
    """How a run ended; all its rows are written in each case."""

    COMPLETE = "complete"
    TOO_MANY_BAD_ITEMS = "too_many_bad_items"
    LOST_FILE = "lost_file"


@dataclass(frozen=True)
class RunCounts:
    """How many items a run labelled and refused.

    Attributes:
        n_reposts: labelled items that repeat another post.
        warnings_by_code: labelled items of which something was not understood; one of several codes
            counts for each.
    """

    labels_by_modality: Mapping[str, int]
    dead_letters_by_reason: Mapping[str, int]
    n_reposts: int = 0
    warnings_by_code: Mapping[str, int] = field(default_factory=dict)

    @property
    def n_labels(self) -> int:
        """Items that were labelled."""
        return sum(self.labels_by_modality.values())

    @property
    def n_dead(self) -> int:
        """Items that were refused."""
        return sum(self.dead_letters_by_reason.values())

    @property
    def n_bad(self) -> int:
        """Refused items but for those with which nothing is wrong, such as deleted posts."""
        return sum(n for reason, n in self.dead_letters_by_reason.items() if reason not in NOT_BAD)

    @property
    def n_items(self) -> int:
        """Items that were labelled or refused."""
        return self.n_labels + self.n_dead

    def status(self, max_bad_fraction: float) -> Status:
        """Returns how a run with these counts ended; a lost file counts before bad items.

        >>> RunCounts({"text": 1}, {"broken_json": 1}).status(max_bad_fraction=0.5)
        <Status.COMPLETE: 'complete'>
        >>> RunCounts({"text": 1}, {"broken_json": 2}).status(max_bad_fraction=0.5)
        <Status.TOO_MANY_BAD_ITEMS: 'too_many_bad_items'>
        >>> RunCounts({"text": 1}, {"deleted_post": 2}).status(max_bad_fraction=0.5)
        <Status.COMPLETE: 'complete'>
        """
        if self.dead_letters_by_reason.get(Reason.UNREADABLE_FILE):
            return Status.LOST_FILE
        if self.n_bad > max_bad_fraction * (self.n_labels + self.n_bad):
            return Status.TOO_MANY_BAD_ITEMS
        return Status.COMPLETE


@dataclass(frozen=True)
class RunManifest:
    """A run for one date, as published.

    Attributes:
        started_at: when the run was started; with `finished_at`, the only wall-clock times.
        inputs: every file that was read, in path order; a file that changed, once for each version.
        outputs: every data file of the date, in path order.
        settings: what else decided the rows.
        versions: of the libraries that the worker had.
        extends: ids of the runs to which this one added, the oldest first; their labels and dead
            letters are among `outputs`, and counted.
        already_scored: items of `inputs` that were not scored: a published run had labelled their
            ids.
        already_refused: items of `inputs` that stood as they are in an earlier version of their
            file, and were refused then. With labels, dead letters and the items that were scored
            already they are all items that were read.
    """

    status: Status
    run_id: str
    date: date
    model_version: str
    started_at: datetime
    finished_at: datetime
    counts: RunCounts
    inputs: tuple[InputFile, ...] = ()
    outputs: tuple[WrittenFile, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    extends: tuple[str, ...] = ()
    already_scored: int = 0
    already_refused: int = 0


@dataclass(frozen=True)
class Manifest:
    """The runs of an output directory, by date; one run a date."""

    format: Literal[1] = 1
    runs: Mapping[date, RunManifest] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """Returns the manifest as indented JSON, dates in order."""
        ordered = replace(self, runs=dict(sorted(self.runs.items())))
        return _MANIFEST.dump_json(ordered, indent=2) + b"\n"


_MANIFEST = TypeAdapter(Manifest)


def read_manifest(out: str) -> Manifest | None:
    """Returns the manifest of an output directory; None where nothing was published yet.

    Raises:
        UserError: if it is there and cannot be understood.
    """
    return read_json(FileSystems.join(out, MANIFEST_NAME), _MANIFEST, BROKEN)


def parse_manifest(text: bytes, path: str) -> Manifest:
    """Reads a manifest that lies at the path.

    Raises:
        UserError: if it cannot be understood.
    """
    return parse_json(text, path, _MANIFEST, BROKEN)
