"""What a run says of itself when it ends: a table for people, or a line of JSON for programs."""

from dataclasses import asdict
from typing import Any

from apache_beam.io.filesystems import FileSystems
from rich.console import Console

from beam_jobs.commands.terminal import print_report
from beam_jobs.reports.page.report import Report, Span
from beam_jobs.runs.manifest import MANIFEST_NAME, RunManifest
from beam_jobs.runs.output_files import read_small_table
from beam_jobs.runs.run import PAGE_TABLE
from beam_jobs.scoring.launch import ScoringResult
from model.scoring.engine import EngineChoice
from schemas.reports import CHANGE_SCHEMAS


def summarise(result: ScoringResult, out: str) -> dict[str, Any]:
    """Returns the run's counts, rate and paths, as `mm-emor score --json` prints them."""
    run = result.manifest
    return {
        "status": str(run.status),
        "skipped": result.skipped,
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
        "new_items": result.n_items,
        "seconds": round(result.seconds, 2),
        "items_per_second": round(result.n_items / result.seconds, 1) if result.seconds else None,
        "metrics": asdict(result.metrics) if result.metrics else None,
        "paths": _paths(run, out),
    }


def _paths(run: RunManifest, out: str) -> dict[str, str]:
    paths = {name: name for name in ("labels", "dead_letters", "reports", MANIFEST_NAME)}
    for file in run.outputs:
        if file.table == PAGE_TABLE:
            paths["page"] = file.path
    return {name: FileSystems.join(out, path) for name, path in paths.items()}


def print_summary(result: ScoringResult, out: str) -> None:
    """Prints what was labelled and refused, and where it lies; one line if nothing was done."""
    console = Console()
    run = result.manifest
    counts = run.counts
    if result.skipped:
        console.print(
            f"{run.date}: complete already, {counts.n_labels:,} labels and {counts.n_dead:,} dead "
            "letters; nothing was done.",
            highlight=False,
            soft_wrap=True,
        )
        return
    print_report(read_run_report(run, out), console)
    labelled = ", ".join(f"{name} {n:,}" for name, n in counts.labels_by_modality.items())
    if labelled:
        console.print(f"modalities    {labelled}", highlight=False)
    if counts.n_dead > counts.n_bad:
        console.print(
            f"no fault      {counts.n_dead - counts.n_bad:,} of the dead letters: deleted posts, "
            "and records that are no posts; they do not count as bad",
            highlight=False,
            soft_wrap=True,
        )
    if run.extends:
        console.print(f"new items     {result.n_items:,}")
    if run.already_scored:
        console.print(f"already scored  {run.already_scored:,}")
    if run.already_refused:
        console.print(f"already refused  {run.already_refused:,}")
    console.print(f"model         {run.model_version}", highlight=False)
    if engine := run.settings.get("engine"):
        console.print(f"engine        {EngineChoice(**engine)}", highlight=False)
    if result.seconds:
        rate = result.n_items / result.seconds
        console.print(
            f"time          {result.seconds:.1f} s without start-up, {rate:,.0f} items/s",
            highlight=False,
        )
    for name, path in _paths(run, out).items():
        label = "manifest" if name == MANIFEST_NAME else name.replace("_", " ")
        console.print(f"→ {label:<12} {path}", highlight=False, soft_wrap=True)


def read_run_report(run: RunManifest, out: str) -> Report:
    """Returns the published report of a run; one date alone, so that nothing has changed."""
    tables = {
        file.table.removeprefix("reports/"): read_small_table(FileSystems.join(out, file.path))
        for file in run.outputs
        if file.table.startswith("reports/") and file.table != PAGE_TABLE
    }
    tables |= {name: schema.empty_table() for name, schema in CHANGE_SCHEMAS.items()}
    return Report(tables, Span(run.date, run.date), None, command="")
