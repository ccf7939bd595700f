"""The command `mm-emor report`."""

import json
import shlex
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beam_jobs.commands.exit_code import EXIT_JOB_FAILED
from beam_jobs.commands.flags import (
    AsJson,
    BeamFlags,
    LogFormatFlag,
    Verbose,
    parse_date,
)
from beam_jobs.commands.log_lines import LogFormat, complain, set_up_logs
from beam_jobs.reports.report_defaults import GROUPED_BY, MIN_GROUP_ITEMS, TOP_GROUPS
from model.storage import look_for_credentials

if TYPE_CHECKING:
    from beam_jobs.reports.page.report import Report


def report(
    labels: Annotated[
        list[str],
        typer.Option(help="Output directory of score; several are added up.", metavar="DIR"),
    ],
    out: Annotated[
        str, typer.Option(help="Directory of report.html and the tables.", metavar="DIR")
    ],
    first: Annotated[
        str | None, typer.Option("--from", help="First date; if left out, the first scored.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="Last date; if left out, the last scored.")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            help="Span to compare with, or none; if left out, as many dates right before.",
            metavar="FROM:TO",
        ),
    ] = None,
    by: Annotated[
        str, typer.Option(help="Columns of the labels to group by.", metavar="COLUMN,…")
    ] = ",".join(GROUPED_BY),
    min_items: Annotated[
        int, typer.Option(help="A group with fewer items is left out.")
    ] = MIN_GROUP_ITEMS,
    top: Annotated[int, typer.Option(help="The largest groups of each table.")] = TOP_GROUPS,
    examples: Annotated[int, typer.Option(help="Texts of each emotion on the page, masked.")] = 0,
    min_shift: Annotated[
        float, typer.Option(help="What moved by less, 0 to 1, raises no alert.")
    ] = 0.0,
    fail_on_drift: Annotated[
        bool, typer.Option("--fail-on-drift", help="Exit code 1 if there is an alert.")
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Print the report's first screen.")] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    log_format: LogFormatFlag = LogFormat.TEXT,
    beam_flags: BeamFlags = None,
) -> None:
    """Report on a span of scored dates: a page and tables."""
    set_up_logs(log_format, verbose=verbose)
    look_for_credentials(*labels, out)
    from beam_jobs.reports.page.facts import describe_alerts, describe_gaps, describe_no_alert
    from beam_jobs.reports.request import ReportRequest, report_corpus

    request = ReportRequest(
        labels=tuple(labels),
        out=out,
        first=parse_date("--from", first) if first else None,
        last=parse_date("--to", last) if last else None,
        against=against,
        by=tuple(name.strip() for name in by.split(",")),
        min_items=min_items,
        top=top,
        n_examples=examples,
        min_shift=min_shift,
        command=shlex.join(["mm-emor", *sys.argv[1:]]),
        beam_flags=tuple(beam_flags or ()),
    )
    started = time.monotonic()
    made = report_corpus(request)
    seconds = time.monotonic() - started
    alerts = describe_alerts(made)
    if as_json:
        typer.echo(json.dumps(_summarise(made, out, seconds)))
    else:
        if show:
            from rich.console import Console

            from beam_jobs.commands.terminal import print_report

            print_report(made, Console())
        else:
            for line in [*(alerts or [describe_no_alert(made)]), *describe_gaps(made)]:
                typer.echo(line)
        typer.echo(f"→ {out.rstrip('/')}/report.html")
    if fail_on_drift and alerts:
        failure = f"{len(alerts)} measures moved further than chance against {made.before}"
        raise typer.Exit(complain(failure, EXIT_JOB_FAILED))


def _summarise(made: "Report", out: str, seconds: float) -> dict[str, Any]:
    from beam_jobs.reports.page.facts import describe_alerts, describe_gaps, refusals

    runs = made.tables["run_summary"].to_pylist()
    n_items = sum(run["n_items"] for run in runs)
    modalities = {"text": "n_text", "audio": "n_audio", "text+audio": "n_text_audio"}
    return {
        "from": made.span.first.isoformat(),
        "to": made.span.last.isoformat(),
        "against": str(made.before) if made.before else None,
        "items": n_items,
        "labels": {
            modality: sum(run[column] for run in runs) for modality, column in modalities.items()
        },
        "dead_letters": {refusal.reason: refusal.n_items for refusal in refusals(made)},
        "reposts": sum(run["n_reposts"] for run in runs),
        "warnings": {row["code"]: row["n_items"] for row in made.tables["warnings"].to_pylist()},
        "alerts": describe_alerts(made),
        "notes": describe_gaps(made),
        "seconds": round(seconds, 2),
        "items_per_second": round(n_items / seconds, 1),
        "paths": {
            "page": f"{out.rstrip('/')}/report.html",
            "tables": f"{out.rstrip('/')}/*.parquet",
            "record": f"{out.rstrip('/')}/report.json",
        },
    }
