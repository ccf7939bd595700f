"""The interface of all that a scoring job can end with."""

from dataclasses import dataclass
from typing import Any, Protocol

from beam_jobs.items.counters import RunMetrics
from beam_jobs.runs.manifest import RunManifest


@dataclass(frozen=True)
class RunMeasures:
    """What was measured of a run that ran here, or was waited for.

    Attributes:
        seconds: how long the pipeline ran. Start-up is left out: imports, the model, and putting
            the pipeline together.
        n_items: items that it labelled or refused; those of a run that it extends are not its own.
        metrics: what its steps have counted.
    """

    seconds: float
    n_items: int
    metrics: RunMetrics


class JobOutcome(Protocol):
    """How a scoring job ended: it ran, there was nothing to do, or a runner has taken it over."""

    @property
    def published(self) -> RunManifest | None:
        """The date's run; None where there is none, or the job may still publish one."""

    @property
    def measures(self) -> RunMeasures | None:
        """Of the job's own run; None where nothing ran."""

    def to_json(self) -> dict[str, Any]:
        """Returns what `mm-emor score --json` prints."""

    def __str__(self) -> str:
        """Returns it in one line."""
