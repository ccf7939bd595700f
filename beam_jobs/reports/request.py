"""A report as it is asked for, which published runs it counts, and the job that makes it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from pydantic import NonNegativeInt, PositiveInt

from beam_jobs.items.paths import is_local, real_path
from beam_jobs.reading.item_files import is_item_file
from beam_jobs.reading.sources import AUTO
from beam_jobs.reading.text_format import TextFormat
from beam_jobs.reports.aggregate_files import ReportFile
from beam_jobs.reports.counts import RunKey
from beam_jobs.reports.directory import TEMPORARY_NAME, read_report, read_report_record
from beam_jobs.reports.examples import ItemFile
from beam_jobs.reports.groupings import choose_groupings
from beam_jobs.reports.page.report import Report, Span
from beam_jobs.reports.pipeline import ReportJob, build_report_pipeline
from beam_jobs.reports.report_defaults import GROUPED_BY, MIN_GROUP_ITEMS, TOP_GROUPS
from beam_jobs.reports.run_notes import notes_of_settings
from beam_jobs.reports.run_reports import to_report_file
from beam_jobs.reports.tables import GroupLimits, ReportPlan
from beam_jobs.runners.beam_flags import parse_beam_flags, runs_here
from beam_jobs.runners.cloud_access import prepare_cloud_storage
from beam_jobs.runners.local_runner import local_runner
from beam_jobs.runners.remote_job import (
    check_dataflow,
    check_job_server,
    is_dataflow,
    keep_machine_private,
    waits,
)
from beam_jobs.runs.manifest import MANIFEST_NAME, RunManifest, Status, read_manifest
from beam_jobs.runs.output_files import check_out, check_writable
from model.config import Share
from model.errors import UserError
from model.flag_checks import flags_dataclass
from schemas.labels import KEPT_PREFIX, kept_column
from schemas.tables import ITEM_TABLES, RUN_DIRECTORIES

NO_SPAN = "none"
"""The `--against` that compares with nothing."""


@flags_dataclass
class ReportRequest:
    """The command line of `mm-emor report`, as values.

    Attributes:
        labels: output directories of `mm-emor score`.
        out: the directory of the report.
        first: the first date; None: the first that was scored.
        last: the last date; None: the last that was scored.
        against: the span to compare with, or `none`; None: as many dates right before.
        by: columns of the labels that items are grouped by.
        min_items: a group with fewer items is left out.
        top: groups of a table, the largest.
        n_examples: texts of each emotion that the page shows.
        min_shift: what moved by less raises no alert.
        command: the command itself, as the page shows it.
        beam_flags: Beam's own flags.

    Raises:
        UserError: `out` names no directory, a number is out of its range, or the labels have no
            such column.
    """

    labels: tuple[str, ...]
    out: str
    first: date | None = None
    last: date | None = None
    against: str | None = None
    by: tuple[str, ...] = GROUPED_BY
    min_items: PositiveInt = MIN_GROUP_ITEMS
    top: PositiveInt = TOP_GROUPS
    n_examples: NonNegativeInt = 0
    min_shift: Share = 0.0
    command: str = ""
    beam_flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_out(self.out)
        choose_groupings(self.by)


def report_corpus(request: ReportRequest) -> Report:
    """Runs a reporting job to its end and returns the report, but for its examples.

    Raises:
        UserError: a flag is wrong, no run was published where it says, or `out` cannot be written;
            nothing was written.
    """
    options = parse_beam_flags(request.beam_flags)
    if not runs_here(options):
        _check_remote(request, options)
    prepare_cloud_storage([*request.labels, request.out], options)
    job = prepare_report(request)
    check_writable(request.out, TEMPORARY_NAME)
    if runs_here(options):
        with local_runner(options) as runner, beam.Pipeline(runner, options) as root:
            build_report_pipeline(root, job)
    else:
        with beam.Pipeline(options=options) as root:
            build_report_pipeline(root, job)
    return read_report(request.out)


def _check_remote(request: ReportRequest, options: PipelineOptions) -> None:
    keep_machine_private(options)
    if not waits(options):
        raise UserError("a report is waited for: leave out --no_wait_until_finish and templates")
    check_job_server(options)
    if is_dataflow(options):
        check_dataflow(options, {"--labels": request.labels, "--out": (request.out,)})


def prepare_report(request: ReportRequest) -> ReportJob:
    """Finds the published runs of both spans; writes nothing.

    Raises:
        UserError: there are none, or a manifest cannot be understood.
    """
    runs = [
        run for directory in dict.fromkeys(request.labels) for run in _published_runs(directory)
    ]
    _check_each_once(runs)
    _check_apart(request)
    _check_kept(runs, request)
    span, before = choose_spans([run.manifest.date for run in runs], request)
    counted = [run for run in runs if run.manifest.date in span]
    compared = [run for run in runs if before and run.manifest.date in before]
    read_report_record(request.out)
    return ReportJob(
        files=tuple(_list_files(counted, compared)),
        out=request.out,
        span=span,
        before=before,
        plan=ReportPlan(
            choose_groupings(request.by),
            GroupLimits(request.min_items, request.top),
            request.n_examples,
        ),
        min_shift=request.min_shift,
        command=request.command,
        notes=tuple(_notes(counted, request, is_alone=before is None and len(runs) > len(counted))),
        item_files=tuple(_item_files(counted)) if request.n_examples else (),
    )


@dataclass(frozen=True)
class _PublishedRun:
    directory: str
    manifest: RunManifest

    @property
    def hides_texts(self) -> bool:
        """Whether texts stay hidden; where authors do, since a text leads to who wrote it."""
        settings = self.manifest.settings
        return bool(settings.get("redact_text") or settings.get("author_key"))


def _published_runs(directory: str) -> Iterator[_PublishedRun]:
    manifest = read_manifest(directory)
    if manifest is None and is_local(directory) and not FileSystems.exists(directory):
        raise UserError(f"--labels {directory} is not there")
    if manifest is None or not manifest.runs:
        raise UserError(
            f"--labels {directory} holds no {MANIFEST_NAME}: it must be the --out of mm-emor score"
        )
    for run in manifest.runs.values():
        yield _PublishedRun(directory, run)


def _check_each_once(runs: Sequence[_PublishedRun]) -> None:
    directories: dict[str, str] = {}
    for run in runs:
        other = directories.setdefault(run.manifest.run_id, run.directory)
        if other != run.directory:
            raise UserError(
                f"--labels {other} and {run.directory} both hold run {run.manifest.run_id} of "
                f"{run.manifest.date}: each item would be counted twice"
            )


def _check_apart(request: ReportRequest) -> None:
    """Checks that the report lies in no table of a run: readers would take its tables for rows."""
    out = real_path(request.out)
    for directory in request.labels:
        for table in RUN_DIRECTORIES:
            inside = real_path(FileSystems.join(directory, table))
            if out == inside or out.startswith(f"{inside}/"):
                raise UserError(
                    f"--out {request.out} lies among the {table} of {directory}; a report needs a "
                    "directory of its own"
                )


def _check_kept(runs: Sequence[_PublishedRun], request: ReportRequest) -> None:
    kept = {kept_column(name) for run in runs for name in run.manifest.settings.get("keep", ())}
    for name in request.by:
        if name.startswith(KEPT_PREFIX) and name not in kept:
            known = f"they have {', '.join(sorted(kept))}" if kept else "they kept no field"
            raise UserError(f"--by names {name}, which no run of --labels has kept; {known}")


def choose_spans(dates: Sequence[date], request: ReportRequest) -> tuple[Span, Span | None]:
    """Returns the span that is reported on, and the one that it is compared with, if any.

    Args:
        dates: those that were scored, in any order.
        request: what was asked for.

    Raises:
        UserError: no date was scored in a span that was asked for.
    """
    scored = f"{min(dates)} to {max(dates)} were scored"
    first, last = request.first or min(dates), request.last or max(dates)
    if first > last:
        raise UserError(f"the span is from {first} to {last}, which is earlier; {scored}")
    if not any(first <= day <= last for day in dates):
        raise UserError(f"no date from {first} to {last} was scored; of the labels, {scored}")
    span = Span(first, last)
    if request.against == NO_SPAN:
        return span, None
    if request.against is not None:
        before = _parse_span(request.against)
        if not any(day in before for day in dates):
            raise UserError(f"--against is {before}: no date of it was scored; {scored}")
        if before.first <= span.last and span.first <= before.last:
            raise UserError(
                f"--against is {before}, which shares dates with the span, {span}: what moved by "
                "chance can be told of separate items alone"
            )
        return span, before
    length = span.last - span.first + timedelta(days=1)
    if span.first - date.min < length:
        return span, None
    before = Span(span.first - length, span.first - timedelta(days=1))
    return span, before if any(day in before for day in dates) else None


def _parse_span(text: str) -> Span:
    first, _, last = text.partition(":")
    try:
        return Span(date.fromisoformat(first), date.fromisoformat(last or first))
    except ValueError as error:
        raise UserError(
            f"--against is {text!r}; it must be FROM:TO, two days as YYYY-MM-DD, or {NO_SPAN}"
        ) from error


def _list_files(
    counted: Sequence[_PublishedRun], compared: Sequence[_PublishedRun]
) -> Iterator[ReportFile]:
    for runs, before in ((counted, False), (compared, True)):
        for run in runs:
            manifest = run.manifest
            key = RunKey(manifest.date, manifest.run_id, manifest.model_version)
            for file in manifest.outputs:
                if file.table in ITEM_TABLES:
                    yield to_report_file(
                        file, run.directory, key, before, is_quotable=not run.hides_texts
                    )


def _item_files(runs: Sequence[_PublishedRun]) -> Iterator[ItemFile]:
    for run in runs:
        text_format = TextFormat(**run.manifest.settings.get("text_format", {}))
        columns = tuple((ours, theirs) for ours, theirs in run.manifest.settings.get("columns", ()))
        for file in run.manifest.inputs:
            if is_item_file(file.path) and not run.hides_texts:
                yield ItemFile(
                    file.path, columns, text_format, run.manifest.settings.get("source", AUTO)
                )


def _notes(
    runs: Sequence[_PublishedRun], request: ReportRequest, *, is_alone: bool
) -> Iterator[str]:
    """Yields what the tables do not say of the runs, a sentence each.

    Args:
        runs: those of the span.
        request: what was asked for.
        is_alone: whether other dates were scored, and none of them is compared with.
    """
    if is_alone and request.against is None:
        yield (
            "None of as many dates right before the span was scored, so nothing is compared and "
            "nothing can raise an alert: --against names other dates."
        )
    for run in runs:
        if run.manifest.status != Status.COMPLETE:
            status = run.manifest.status.replace("_", " ")
            yield f"The run of {run.manifest.date} ended with: {status}."
    n_hiding = sum(run.hides_texts for run in runs)
    if request.n_examples and n_hiding:
        yield f"{n_hiding} of {len(runs)} runs hide texts or authors, and give no examples."
    yield from notes_of_settings([run.manifest.settings for run in runs])
