"""What a scoring job says of itself when it ends, for people."""

import typer
from apache_beam.io.filesystems import FileSystems
from rich.console import Console

from beam_jobs.commands.terminal import print_report
from beam_jobs.reports.page.report import Report, Span
from beam_jobs.runs.job_outcome import JobOutcome
from beam_jobs.runs.manifest import MANIFEST_NAME, RunManifest
from beam_jobs.runs.output_files import read_small_table
from beam_jobs.runs.run import PAGE_TABLE
from beam_jobs.scoring.scoring_result import run_paths
from model.scoring.engine import EngineChoice
from schemas.reports import CHANGE_SCHEMAS
from schemas.tables import ITEM_TABLES, report_table


def print_summary(outcome: JobOutcome, out: str) -> None:
    """Prints what a run labelled and refused, and where it lies; one line where none ran here."""
    run, measures = outcome.published, outcome.measures
    if run is None or measures is None:
        typer.echo(str(outcome))
        return
    console = Console()
    print_report(read_run_report(run, out), console)
    labelled = ", ".join(f"{name} {n:,}" for name, n in run.counts.labels_by_modality.items())
    if labelled:
        console.print(f"modalities    {labelled}", highlight=False)
    if run.counts.n_dead > run.counts.n_bad:
        console.print(
            f"no fault      {run.counts.n_dead - run.counts.n_bad:,} of the dead letters: deleted "
            "posts, and records that are no posts; they do not count as bad",
            highlight=False,
            soft_wrap=True,
        )
    if run.extends:
        console.print(f"new items     {measures.n_items:,}")
    if run.already_scored:
        console.print(f"already scored  {run.already_scored:,}")
    if run.already_refused:
        console.print(f"already refused  {run.already_refused:,}")
    if emotions := run.settings.get("emotions"):
        console.print(f"among         {', '.join(emotions)}", highlight=False)
    console.print(f"model         {run.model_version}", highlight=False)
    if engine := run.settings.get("engine"):
        console.print(f"engine        {EngineChoice(**engine)}", highlight=False)
    if measures.seconds:
        rate = measures.n_items / measures.seconds
        console.print(
            f"time          {measures.seconds:.1f} s without start-up, {rate:,.0f} items/s",
            highlight=False,
        )
    for name, path in run_paths(run, out).items():
        label = "manifest" if name == MANIFEST_NAME else name.replace("_", " ")
        console.print(f"→ {label:<12} {path}", highlight=False, soft_wrap=True)


def read_run_report(run: RunManifest, out: str) -> Report:
    """Returns the published report of a run; one date alone, so that nothing has changed."""
    tables = {
        file.table.removeprefix(report_table("")): read_small_table(
            FileSystems.join(out, file.path)
        )
        for file in run.outputs
        if file.table not in (*ITEM_TABLES, PAGE_TABLE)
    }
    tables |= {name: schema.empty_table() for name, schema in CHANGE_SCHEMAS.items()}
    return Report(tables, Span(run.date, run.date), None, command="")
