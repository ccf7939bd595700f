"""The command `mm-emor`: turns flags into a job, and what comes of it into lines and an exit code.

TensorFlow and Beam are imported by the command that needs them, so that `--help` answers at once.
"""

import io
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated

import typer

from beam_jobs.commands.exit_code import EXIT_JOB_FAILED, cause_to_show, explain, run_command
from beam_jobs.commands.flags import (
    AsJson,
    BeamFlags,
    LogFormatFlag,
    Out,
    Verbose,
    parse_column,
    parse_dates,
    remember_format,
)
from beam_jobs.commands.log_lines import LogFormat, complain, is_json, print_note, set_up_logs
from beam_jobs.commands.report_command import report
from beam_jobs.items.job_defaults import BATCH_SIZE, MAX_BAD_FRACTION, MAX_BATCH_SIZE
from beam_jobs.reading.source_name import SourceName
from beam_jobs.runs.if_done import IfDone
from beam_jobs.scoring.backfill import NoFileOfDateError
from model.cli import app as model_app
from model.completion import complete_model
from model.errors import UserError
from model.flags import parse_emotions
from model.scoring.engine import EngineName, Precision
from model.storage import look_for_credentials

if TYPE_CHECKING:
    from beam_jobs.runs.job_outcome import JobOutcome
    from beam_jobs.scoring.request import ScoringRequest


app = typer.Typer(
    name="mm-emor",
    help="Emotion labels and reports for social-media posts and audio clips.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # its table breaks words that are wider than a column
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("mm-emor"))
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, help="Show the version.")
    ] = False,
) -> None:
    """Emotion labels and reports for social-media posts and audio clips."""


@app.command(short_help="Label every item with an emotion; write Parquet.")
def score(
    out: Out,
    items: Annotated[
        list[str] | None,
        typer.Option(
            help="Items: JSON Lines, CSV, TSV or Parquet, also .gz, .zst, .bz2, .xz.",
            metavar="PATTERN",
        ),
    ] = None,
    clips: Annotated[
        list[str] | None,
        typer.Option(help="Clips whose name without suffix is an item's id.", metavar="PATTERN"),
    ] = None,
    audio_root: Annotated[
        list[str] | None,
        typer.Option(help="Directory under which an item's audio_uri may lie.", metavar="DIR"),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            help="Model directory or gs:// prefix, or default.", autocompletion=complete_model
        ),
    ] = "default",
    day: Annotated[
        str | None,
        typer.Option("--date", help="The run's date, or yesterday; today if left out (UTC)."),
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="First date of a backfill, as {date} in a pattern.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="Last date of it; each date is a run of its own.")
    ] = None,
    if_done: Annotated[
        IfDone, typer.Option(help="What to do where the date is complete already.")
    ] = IfDone.REPLACE,
    only_new: Annotated[
        bool, typer.Option("--only-new", help="Add to the date what no run here holds yet.")
    ] = False,
    engine: Annotated[
        EngineName, typer.Option(help="auto: a GPU if there is one, else OpenVINO.")
    ] = EngineName.AUTO,
    precision: Annotated[
        Precision, typer.Option(help="auto: the fastest that this machine is good at.")
    ] = Precision.AUTO,
    require_gpu: Annotated[
        bool, typer.Option("--require-gpu", help="Do not score without a GPU.")
    ] = False,
    accelerator: Annotated[
        str | None,
        typer.Option(
            help="GPU of the workers that score, on Dataflow; with --require-gpu.",
            metavar="type:NAME;count:N;…",
        ),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(help=f"Items of one batch, 1 to {MAX_BATCH_SIZE}.")
    ] = BATCH_SIZE,
    max_bad_fraction: Annotated[
        float, typer.Option(help="More dead letters than this share, 0 to 1: exit code 1.")
    ] = MAX_BAD_FRACTION,
    min_confidence: Annotated[
        float, typer.Option(help="Below this confidence, 0 to 1, an item is labelled uncertain.")
    ] = 0.0,
    emotions: Annotated[
        str | None,
        typer.Option(
            help="Choose among these alone, as anger,joy,sadness: the items have no others.",
            metavar="LIST",
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="Where a field stands, as text=body or text=record.text.", metavar="FIELD=PATH"
        ),
    ] = None,
    source: Annotated[
        SourceName, typer.Option(help="Who wrote the items; auto: each record tells.")
    ] = SourceName.AUTO,
    keep: Annotated[
        list[str] | None,
        typer.Option(help="Field that goes into the labels as x_FIELD.", metavar="FIELD"),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(help="Of files of text that are not UTF-8 or UTF-16.", metavar="NAME"),
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(help="Of CSV and TSV: one character, or tab.", metavar="CHARACTER"),
    ] = None,
    no_header: Annotated[
        bool,
        typer.Option("--no-header", help="CSV and TSV begin with an item: columns are numbered."),
    ] = False,
    pseudonymise_authors: Annotated[
        bool,
        typer.Option(
            "--pseudonymise-authors",
            help="Author ids become tokens, with the key in MM_EMOR_AUTHOR_KEY.",
        ),
    ] = False,
    redact_text: Annotated[
        bool, typer.Option("--redact-text", help="Dead letters keep a text's length only.")
    ] = False,
    metrics_file: Annotated[
        str | None,
        typer.Option(help="Where the run's numbers go, for Prometheus.", metavar="FILE"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check all, print what would run, and stop.")
    ] = False,
    vcpu_hour_price: Annotated[
        float | None,
        typer.Option(help="Of a core's hour: --dry-run prints the cost.", metavar="PRICE"),
    ] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    log_format: LogFormatFlag = LogFormat.TEXT,
    beam_flags: BeamFlags = None,
) -> None:
    """Label every item with an emotion; write labels, dead letters and reports as Parquet."""
    set_up_logs(log_format, verbose=verbose)
    look_for_credentials(*(items or ()), *(clips or ()), *(audio_root or ()), out, model)
    from beam_jobs.reading.text_format import TextFormat
    from beam_jobs.runners.beam_flags import parse_beam_flags
    from beam_jobs.runners.remote_job import check_can_be_awaited
    from beam_jobs.scoring.request import ScoringRequest

    dates = parse_dates(day, first, last, (*(items or ()), *(clips or ())))
    request = ScoringRequest(
        items=tuple(items or ()),
        clips=tuple(clips or ()),
        audio_roots=tuple(audio_root or ()),
        out=out,
        model=model,
        run_date=dates[0],
        if_done=if_done,
        engine=engine,
        precision=precision,
        require_gpu=require_gpu,
        batch_size=batch_size,
        max_bad_fraction=max_bad_fraction,
        min_confidence=min_confidence,
        emotions=parse_emotions(emotions),
        columns=tuple(parse_column(text) for text in column or ()),
        pseudonymise_authors=pseudonymise_authors,
        redact_text=redact_text,
        beam_flags=tuple(beam_flags or ()),
        only_new=only_new,
        accelerator=accelerator,
        text_format=TextFormat(encoding, delimiter, has_header=not no_header),
        source=source,
        keep=tuple(keep or ()),
    )
    if first and metrics_file:
        raise UserError("--metrics-file holds one run; --from and --to make several")
    check_can_be_awaited(
        parse_beam_flags(request.beam_flags), is_backfill=bool(first), metrics_file=metrics_file
    )
    if vcpu_hour_price is not None:
        _check_price(vcpu_hour_price, dry_run=dry_run)
    run = partial(_score_and_report, as_json=as_json, metrics_file=metrics_file)
    if dry_run:
        run = partial(_print_plan, vcpu_hour_price=vcpu_hour_price, as_json=as_json)
    if first is None:
        run(request)
    else:
        _backfill(request, dates, run)


@app.command()
def demo(
    out: Out = "demo-out",
    as_json: AsJson = False,
    verbose: Verbose = False,
    log_format: LogFormatFlag = LogFormat.TEXT,
) -> None:
    """Score the sample corpus with the model, both of the package."""
    set_up_logs(log_format, verbose=verbose)
    look_for_credentials(out)
    from beam_jobs.scoring.request import ScoringRequest

    corpus = str(files("beam_jobs") / "sample_corpus")
    request = ScoringRequest(
        items=(f"{corpus}/tweets*",),
        clips=(f"{corpus}/clips/*",),
        audio_roots=(corpus,),
        out=out,
        model="default",
        run_date=date(2026, 11, 14),
    )
    _score_and_report(request, as_json=as_json)


@app.command()
def verify(
    out: Annotated[str, typer.Argument(help="Output directory of score.", metavar="OUT")],
    as_json: AsJson = False,
    verbose: Verbose = False,
    log_format: LogFormatFlag = LogFormat.TEXT,
) -> None:
    """Check that an output directory is what its manifest says."""
    set_up_logs(log_format, verbose=verbose)
    look_for_credentials(out)
    from beam_jobs.runners.cloud_access import prepare_cloud_storage
    from beam_jobs.runs.verify import verify_tree

    prepare_cloud_storage([out])

    tree = verify_tree(out)
    if as_json:
        typer.echo(json.dumps(tree.to_json()))
    else:
        for check in tree.dates:
            if not check.faults:
                typer.echo(str(check))
        for fault in tree.faults:
            typer.echo(fault)
        for directory in tree.unfinished:
            typer.echo(f"{directory} is of a run that is at work or was killed: no fault")
    if tree.faults:
        raise typer.Exit(EXIT_JOB_FAILED)


app.command()(report)
app.registered_commands += model_app.registered_commands


def _backfill(
    request: "ScoringRequest", dates: Sequence[date], run: "Callable[[ScoringRequest], None]"
) -> None:
    """Scores or plans date after date; one that fails, or has no files, keeps no other back.

    Raises:
        UserError: what is the same for all dates is wrong; none was scored.
    """
    from beam_jobs.scoring.prepared_job import check_request

    check_request(request)
    faults = []
    for day in dates:
        try:
            run(replace(request, run_date=day))
        except NoFileOfDateError as error:
            print_note(f"{day}: {error}")
            faults.append(f"{day} (no file)")
        except typer.Exit:
            faults.append(f"{day} (failed)")
        except typer.Abort:
            raise
        except Exception as error:
            explained = explain(error)  # an interruption ends the backfill
            complain(f"{day}: {explained}", EXIT_JOB_FAILED, cause=cause_to_show(error))
            faults.append(f"{day} (failed)")
    if faults:
        failure = f"{len(faults)} of {len(dates)} dates are not as asked for: {', '.join(faults)}"
        raise typer.Exit(complain(failure, EXIT_JOB_FAILED))


def _check_price(vcpu_hour_price: float, *, dry_run: bool) -> None:
    if not dry_run:
        raise UserError("--vcpu-hour-price needs --dry-run")
    if not 0 <= vcpu_hour_price < float("inf"):
        raise UserError(f"--vcpu-hour-price is {vcpu_hour_price}; it must be 0 or more")


def _print_plan(request: "ScoringRequest", *, vcpu_hour_price: float | None, as_json: bool) -> None:
    from beam_jobs.commands.plan import describe, plan_job
    from beam_jobs.runs.only_new import NothingNew
    from beam_jobs.scoring.prepared_job import prepare_job

    prepared = prepare_job(request, print_note)
    if isinstance(prepared, NothingNew):
        typer.echo(json.dumps(prepared.to_json()) if as_json else str(prepared))
        return
    plan = plan_job(prepared, vcpu_hour_price, if_done=request.if_done)
    typer.echo(json.dumps(plan.to_json()) if as_json else "\n".join(describe(plan)))


def _score_and_report(
    request: "ScoringRequest", *, as_json: bool, metrics_file: str | None = None
) -> None:
    from beam_jobs.commands.failure import explain_failure
    from beam_jobs.commands.metrics_file import check_metrics_path
    from beam_jobs.commands.summary import print_summary
    from beam_jobs.scoring.launch import score_corpus

    if metrics_file is not None:
        check_metrics_path(metrics_file)
    if sys.stderr.isatty() and not is_json():
        from beam_jobs.commands.progress_bar import progress_bar

        with progress_bar() as on_progress:
            outcome = score_corpus(request, on_progress, print_note)
    else:
        outcome = score_corpus(request, on_note=print_note)
    if as_json:
        typer.echo(json.dumps(outcome.to_json()))
    else:
        print_summary(outcome, request.out)
    failures = [explain_failure(outcome, request.out)]
    if metrics_file is not None:
        failures.append(_write_metrics(metrics_file, outcome))
    for failure in filter(None, failures):
        complain(failure, EXIT_JOB_FAILED)
    if any(failures):
        raise typer.Exit(EXIT_JOB_FAILED)


def _write_metrics(path: str, outcome: "JobOutcome") -> str | None:
    """Returns why they could not be written, if so; the run is published all the same."""
    from beam_jobs.commands.metrics_file import write_metrics

    try:
        write_metrics(path, outcome)
    except OSError as error:
        return f"--metrics-file {path} cannot be written: {error.strerror}"
    return None


def main() -> None:
    """Runs the command line; a user's mistake ends in one line and exit code 2."""
    arguments = sys.argv[1:] or ["--help"]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # what a terminal cannot show fails no run
    if {"--log-format", "json"} <= set(arguments) or "--log-format=json" in arguments:
        remember_format(LogFormat.JSON)  # for a mistake in another flag, too
    # By this name the shell's completion asks, whatever the program was started as.
    sys.exit(run_command(lambda: app(arguments, prog_name="mm-emor", standalone_mode=False)))
