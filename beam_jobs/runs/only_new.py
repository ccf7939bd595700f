"""What published runs hold already, so that a run need score only what came since."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from apache_beam.io.filesystems import FileSystems

from beam_jobs.items.paths import InputFile
from beam_jobs.runs.manifest import Manifest, RunManifest
from beam_jobs.runs.run import EarlierRun
from model.errors import UserError
from schemas.tables import ITEM_TABLES, LABELS

KEPT_SETTINGS: dict[str, tuple[str, Any]] = {
    "min_confidence": ("--min-confidence", 0.0),
    "emotions": ("--emotions", None),
    "author_key": ("the author key", None),
    "redact_text": ("--redact-text", False),
    "keep": ("--keep", []),
    "engine": ("the engine", None),
    "content_digest": ("the digest of dead letters", None),
}
"""What must not change within a date: its name for people, and what an entry without it had."""


@dataclass(frozen=True)
class NothingNew:
    """A run that was not started: published runs have read all of its files.

    Attributes:
        published: the date's run; None where runs of other dates have read the files.
    """

    date: date
    n_files: int
    published: RunManifest | None = None

    @property
    def measures(self) -> None:
        """Nothing ran."""

    def __str__(self) -> str:
        return (
            f"{self.date}: nothing is new, published runs have read all {self.n_files:,} files; "
            "nothing was done."
        )

    def to_json(self) -> dict[str, Any]:
        """Returns what `mm-emor score --json` prints of it."""
        return {"status": "nothing_new", "skipped": True, "date": self.date.isoformat()}


def files_read(manifest: Manifest) -> frozenset[InputFile]:
    """Returns the files that published runs of any date have read, each in the version it had."""
    return frozenset(file for run in manifest.runs.values() for file in run.inputs)


def label_paths(out: str, manifest: Manifest) -> tuple[str, ...]:
    """Returns the published files of labels of all dates."""
    return tuple(
        FileSystems.join(out, file.path)
        for run in manifest.runs.values()
        for file in run.outputs
        if file.table == LABELS
    )


def run_to_extend(
    manifest: Manifest, day: date, model_version: str, settings: Mapping[str, Any]
) -> EarlierRun | None:
    """Returns the published run of a date as what another run adds to; None where there is none.

    Raises:
        UserError: its rows do not mean or show the same, so that no report could count both.
    """
    run = manifest.runs.get(day)
    if run is None:
        return None
    if run.model_version != model_version:
        raise UserError(
            f"{day} was scored with model {run.model_version}, and --model is {model_version}: "
            "score the date without --only-new"
        )
    for setting, (flag, default) in KEPT_SETTINGS.items():
        before, now = (each.get(setting, default) for each in (run.settings, settings))
        if before != now:
            raise UserError(
                f"{day} was scored with {flag} {before}, and it is {now} now: "
                "score the date without --only-new"
            )
    return EarlierRun(
        run_ids=(*run.extends, run.run_id),
        inputs=run.inputs,
        files=tuple(file for file in run.outputs if file.table in ITEM_TABLES),
        already_scored=run.already_scored,
        already_refused=run.already_refused,
    )
