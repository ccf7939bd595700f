"""A run that is published: the job's own, or one that had made it needless."""

from dataclasses import asdict, dataclass
from typing import Any

from apache_beam.io.filesystems import FileSystems

from beam_jobs.runs.job_outcome import RunMeasures
from beam_jobs.runs.manifest import MANIFEST_NAME, RunManifest
from beam_jobs.runs.run import PAGE_TABLE
from schemas.tables import RUN_DIRECTORIES


@dataclass(frozen=True)
class ScoringResult:
    """The run of a date, as it is published.

    Attributes:
        manifest: its entry in the manifest.
        out: the output directory.
        measures: of the job's own run; None where the date was complete already, and nothing ran.
    """

    manifest: RunManifest
    out: str
    measures: RunMeasures | None = None

    @property
    def published(self) -> RunManifest:
        """The run."""
        return self.manifest

    @property
    def skipped(self) -> bool:
        """Whether the date was complete already, and nothing ran."""
        return self.measures is None

    def to_json(self) -> dict[str, Any]:
        """Returns the run's counts, rate and paths."""
        run, measures = self.manifest, self.measures
        seconds, n_items = (measures.seconds, measures.n_items) if measures else (0.0, 0)
        return {
            "status": str(run.status),
            "skipped": self.skipped,
            "date": run.date.isoformat(),
            "run_id": run.run_id,
            "model_version": run.model_version,
            "engine": run.settings.get("engine"),
            "items": run.counts.n_items,
            "labels": dict(run.counts.labels_by_modality),
            "dead_letters": dict(run.counts.dead_letters_by_reason),
            "bad_items": run.counts.n_bad,
            "reposts": run.counts.n_reposts,
            "warnings": dict(run.counts.warnings_by_code),
            "already_scored": run.already_scored,
            "already_refused": run.already_refused,
            "new_items": n_items,
            "seconds": round(seconds, 2),
            "items_per_second": round(n_items / seconds, 1) if seconds else None,
            "metrics": asdict(measures.metrics) if measures else None,
            "paths": run_paths(run, self.out),
        }

    def __str__(self) -> str:
        """Returns that nothing was done, or what came of the run."""
        run, counts = self.manifest, self.manifest.counts
        status = "complete already" if self.skipped else run.status.replace("_", " ")
        return (
            f"{run.date}: {status}, {counts.n_labels:,} labels and {counts.n_dead:,} dead letters"
            + ("; nothing was done." if self.skipped else ".")
        )


def run_paths(run: RunManifest, out: str) -> dict[str, str]:
    """Returns where a run's tables, its page and the manifest lie, by name."""
    paths = {name: name for name in (*RUN_DIRECTORIES, MANIFEST_NAME)}
    for file in run.outputs:
        if file.table == PAGE_TABLE:
            paths["page"] = file.path
    return {name: FileSystems.join(out, path) for name, path in paths.items()}
