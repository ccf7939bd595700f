"""The pipeline's last step: counts what was written, and publishes the run."""

import importlib.metadata
import platform
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.pvalue import AsSingleton

from beam_jobs.runs.manifest import RunCounts, RunManifest
from beam_jobs.runs.output_files import WrittenFile, read_small_table
from beam_jobs.runs.publish import publish_run, remove_superseded
from beam_jobs.runs.run import PAGE_TABLE, EarlierRun, Run, staging_dir
from schemas.emotions import Modality
from schemas.reports import REPORT_SCHEMAS
from schemas.tables import DEAD_LETTERS, ITEM_TABLES, LABELS, report_table

VERSIONED_LIBRARIES = (
    "altair",
    "apache-beam",
    "jinja2",
    "keras",
    "librosa",
    "mm-emor",
    "numpy",
    "pyarrow",
    "scipy",
    "soxr",
    "tensorflow",
    "tokenizers",
    "transformers",
    "vl-convert-python",
)
"""What can change a label or a file's bytes."""


@dataclass
class WriteManifest(beam.PTransform):
    """Publishes the run, as the pipeline's last step, whether or not the launcher still runs.

    In come the `WrittenFile`s of labels, dead letters and reports; out comes one `RunManifest`.
    A table that is missing, or files of which another run has removed some, stop the job with the
    earlier run still published. Retried, it publishes the same again, with a later `finished_at`.

    Attributes:
        already_scored: one number: the items that published runs have labelled.
        already_refused: one number: the items that the run which is extended has refused.
    """

    run: Run
    already_scored: beam.PCollection[int] | None = None
    already_refused: beam.PCollection[int] | None = None

    def expand(self, files: beam.PCollection[WrittenFile]) -> beam.PCollection[RunManifest]:
        """Gathers the files and publishes."""
        counts = {
            "already_scored": self.already_scored,
            "already_refused": self.already_refused,
        }
        counted = {name: AsSingleton(count) for name, count in counts.items() if count is not None}
        return files | beam.combiners.ToList() | beam.Map(finish_run, run=self.run, **counted)


def finish_run(
    files: Sequence[WrittenFile], run: Run, already_scored: int = 0, already_refused: int = 0
) -> RunManifest:
    """Publishes a run whose files are all written, removes what it replaces, returns its entry.

    What it extends stays: the earlier labels, dead letters and inputs are listed with its own.

    Raises:
        RuntimeError: if a table is missing, the reports count other rows than were written, or a
            file is gone.
        UserError: if the manifest that is there is broken.
    """
    _check_tables(files, run)
    earlier = run.extends or EarlierRun((), (), ())
    counts = read_counts(run, files)
    all_files = (*earlier.files, *files)
    _check_counts(all_files, counts)
    entry = RunManifest(
        status=counts.status(run.max_bad_fraction),
        run_id=run.run_id,
        date=run.date,
        model_version=run.model_version,
        started_at=run.started_at,
        finished_at=datetime.now(UTC),
        counts=counts,
        inputs=tuple(sorted((*earlier.inputs, *run.inputs), key=attrgetter("path"))),
        outputs=tuple(sorted(all_files, key=attrgetter("path"))),
        settings=run.settings,
        versions=library_versions(),
        extends=earlier.run_ids,
        already_scored=earlier.already_scored + already_scored,
        already_refused=earlier.already_refused + already_refused,
    )
    replaced = publish_run(run.out, entry, adds=run.adds)
    remove_superseded(run.out, entry, replaced)
    return entry


def read_counts(run: Run, files: Iterable[WrittenFile]) -> RunCounts:
    """Returns the counts of a run, out of its report files."""
    reports = {file.table: file for file in files}
    [summary] = _read_rows(run, reports[report_table("run_summary")])
    reasons: Counter[str] = Counter()
    for row in _read_rows(run, reports[report_table("dead_letters_by_reason")]):
        reasons[row["reason"]] += row["n_items"]
    by_modality = {
        Modality.TEXT: summary["n_text"],
        Modality.AUDIO: summary["n_audio"],
        Modality.TEXT_AUDIO: summary["n_text_audio"],
    }
    return RunCounts(
        {str(modality): n_items for modality, n_items in by_modality.items() if n_items},
        dict(sorted(reasons.items())),
        summary["n_reposts"],
        {row["code"]: row["n_items"] for row in _read_rows(run, reports["reports/warnings"])},
    )


def _read_rows(run: Run, file: WrittenFile) -> list[dict[str, Any]]:
    path = FileSystems.join(staging_dir(run.out, run.date, run.run_id), file.path)
    if not FileSystems.exists(path):  # an earlier attempt has published it
        path = FileSystems.join(run.out, file.path)
    rows: list[dict[str, Any]] = read_small_table(path).to_pylist()
    return rows


def library_versions() -> dict[str, str]:
    """Returns the version of Python and of each library that is installed here."""
    versions = {"python": platform.python_version()}
    for name in VERSIONED_LIBRARIES:
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def _check_tables(files: Iterable[WrittenFile], run: Run) -> None:
    written = Counter(file.table for file in files)
    expected = {
        **dict.fromkeys(ITEM_TABLES, run.n_parts),
        **{report_table(name): 1 for name in REPORT_SCHEMAS},
        PAGE_TABLE: 1,
    }
    if written != expected:
        raise RuntimeError(f"the run wrote {dict(written)} files; expected {expected}")


def _check_counts(files: Iterable[WrittenFile], counts: RunCounts) -> None:
    n_rows: Counter[str] = Counter()
    for file in files:
        n_rows[file.table] += file.n_rows
    if (n_rows[LABELS], n_rows[DEAD_LETTERS]) != (counts.n_labels, counts.n_dead):
        raise RuntimeError(
            f"the files hold {n_rows[LABELS]} labels and {n_rows[DEAD_LETTERS]} dead letters; "
            f"the reports count {counts.n_labels} and {counts.n_dead}"
        )
