"""What a run says of itself when it ends: a table for people, or a line of JSON for programs."""

from dataclasses import asdict
from typing import Any

import pyarrow as pa
from apache_beam.io.filesystems import FileSystems
from rich.console import Console
from rich.table import Table

from beam_jobs.launch import ScoringResult
from beam_jobs.manifest import MANIFEST_NAME, RunManifest
from beam_jobs.output_files import read_small_table
from model.engine import EngineChoice
from schemas.dead_letters import REASON_MEANINGS, Reason

BAR_WIDTH = 24


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
        "already_scored": run.already_scored,
        "already_refused": run.already_refused,
        "new_items": result.n_items,
        "seconds": round(result.seconds, 2),
        "items_per_second": round(result.n_items / result.seconds, 1) if result.seconds else None,
        "metrics": asdict(result.metrics) if result.metrics else None,
        "paths": {
            name: FileSystems.join(out, name)
            for name in ("labels", "dead_letters", "reports", MANIFEST_NAME)
        },
    }


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
    title = f"{run.date} · {counts.n_items:,} items · model {run.model_version}"
    table = Table(title=title, title_justify="left", show_header=True, header_style="bold")
    table.add_column("emotion")
    table.add_column("items", justify="right")
    table.add_column("share", justify="right")
    table.add_column("mean confidence", justify="right")
    table.add_column("")
    for row in _read_report(run, out, "by_emotion").to_pylist():
        table.add_row(
            row["emotion"],
            f"{row['n_items']:,}",
            f"{row['share']:.1%}",
            f"{row['mean_confidence']:.2f}",
            "█" * max(round(row["share"] * BAR_WIDTH), 1),
        )
    console.print(table if table.row_count else title)
    labelled = ", ".join(f"{name} {n:,}" for name, n in counts.labels_by_modality.items())
    console.print(f"labels        {counts.n_labels:,}" + (f"  ({labelled})" if labelled else ""))
    console.print(f"dead letters  {counts.n_dead:,}")
    for reason, n in sorted(counts.dead_letters_by_reason.items(), key=lambda pair: -pair[1]):
        console.print(
            f"  {n:>5,}  {reason}: {REASON_MEANINGS[Reason(reason)]}",
            highlight=False,
            soft_wrap=True,
        )
    if run.extends:
        console.print(f"new items     {result.n_items:,}")
    if run.already_scored:
        console.print(f"already scored  {run.already_scored:,}")
    if run.already_refused:
        console.print(f"already refused  {run.already_refused:,}")
    if engine := run.settings.get("engine"):
        console.print(f"engine        {EngineChoice(**engine)}", highlight=False)
    if result.seconds:
        rate = result.n_items / result.seconds
        console.print(
            f"time          {result.seconds:.1f} s without start-up, {rate:,.0f} items/s",
            highlight=False,
        )
    for name, path in summarise(result, out)["paths"].items():
        label = "manifest" if name == MANIFEST_NAME else name.replace("_", " ")
        console.print(f"→ {label:<12} {path}", highlight=False, soft_wrap=True)


def _read_report(run: RunManifest, out: str, name: str) -> pa.Table:
    [path] = [file.path for file in run.outputs if file.table == f"reports/{name}"]
    return read_small_table(FileSystems.join(out, path))
